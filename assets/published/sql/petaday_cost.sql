-- The cost of a petaday (1e15 operations a second for a day).
CREATE OR REPLACE MACRO petaday_history(petadays := 1, accelerator := NULL, purchase := 'on_demand',
        from_on := DATE '1970-01-01', to_on := DATE '9999-12-31', known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH asked AS (
        SELECT _asked_number('petadays', petadays, 0, 1e12) AS asked_petadays,
            _asked_purchase('purchase', purchase) AS asked_purchase, from_on::DATE AS asked_from_on,
            to_on::DATE AS asked_to_on, accelerator IS NULL AS is_any),
    wanted AS (SELECT i.accelerator_id FROM _asked_accelerators('accelerator', accelerator) i),
    assumed AS (
        SELECT u.low AS utilization_low, u.central AS utilization, u.high AS utilization_high, p.central AS power_share,
            q.central AS pue,
            two_piece(lognormal_sigma(u.central, u.high), lognormal_sigma(u.central, u.low)) AS hours_step,
            product_of_steps([hours_step,
                two_piece(lognormal_sigma(p.central, p.low), lognormal_sigma(p.central, p.high)),
                two_piece(lognormal_sigma(q.central, q.low), lognormal_sigma(q.central, q.high))]) AS energy_step
        FROM _method_band('utilization_share') u, _method_band('power_share_of_tdp') p, _method_band('pue') q),
    work AS (
        SELECT p.*, d.*, a.tdp_w, o.asked_petadays * 86400e15 AS flop,
            gpu_hours_of_flop(o.asked_petadays * 86400e15,
                achieved_flop_per_s(a.fp16_dense_flop_per_s, d.utilization)) AS gpu_hours,
            a.fp16_dense_flop_per_s AS peak,
            lognormal_sigma(p.median_usd_per_gpu_hour, p.low_usd_per_gpu_hour) AS price_down,
            lognormal_sigma(p.median_usd_per_gpu_hour, p.high_usd_per_gpu_hour) AS price_up,
            product_of_steps([two_piece(price_down, price_up), d.hours_step]) AS cost_step
        FROM price_index_known(known_at := _instant(known_at)) p
        JOIN reference.accelerator a ON a.accelerator_id = p.accelerator_id CROSS JOIN assumed d CROSS JOIN asked o
        WHERE p.index_on BETWEEN o.asked_from_on AND o.asked_to_on
            AND (o.asked_purchase IS NULL OR p.purchase_option = o.asked_purchase)
            AND (o.is_any OR p.accelerator_id IN (SELECT w.accelerator_id FROM wanted w))
            AND a.fp16_dense_flop_per_s > 0)
    SELECT w.index_on, w.accelerator_id, w.purchase_option,
        cost_usd(w.gpu_hours, w.median_usd_per_gpu_hour) AS cost_usd,
        low_of_step(cost_usd(w.gpu_hours, w.median_usd_per_gpu_hour), w.cost_step) AS low_usd,
        high_of_step(cost_usd(w.gpu_hours, w.median_usd_per_gpu_hour), w.cost_step) AS high_usd,
        cost_usd(gpu_hours_of_flop(w.flop, w.peak), w.median_usd_per_gpu_hour) AS cost_at_peak_usd, w.gpu_hours,
        low_of_step(w.gpu_hours, w.hours_step) AS low_gpu_hours,
        high_of_step(w.gpu_hours, w.hours_step) AS high_gpu_hours,
        energy_kwh(w.gpu_hours, power_w_per_gpu(w.tdp_w, w.power_share), w.pue) AS energy_kwh,
        low_of_step(energy_kwh(w.gpu_hours, power_w_per_gpu(w.tdp_w, w.power_share), w.pue), w.energy_step)
            AS low_energy_kwh,
        high_of_step(energy_kwh(w.gpu_hours, power_w_per_gpu(w.tdp_w, w.power_share), w.pue), w.energy_step)
            AS high_energy_kwh,
        w.median_usd_per_gpu_hour, w.price_down, w.price_up, w.utilization AS utilization_share, w.provider_count,
        w.is_bundled
    FROM work w ORDER BY w.index_on, cost_usd, w.accelerator_id, w.purchase_option;
COMMENT ON MACRO TABLE petaday_history IS
    'Cost and energy of petadays on every accelerator on every day of the observed history: at the typical utilisation '
    'of reference.method_default and the median price over providers; low_… and high_… are p5 and p95, from the p5 and '
    'p95 of the providers and the bands of utilisation, power and PUE, as of a training. known_at for what this warehouse knew then. '
    'petaday_history(petadays := 3640, accelerator := ''A100'') for GPT-3.';

CREATE OR REPLACE MACRO petaday_cost(valid_at := TIMESTAMPTZ '-infinity', petadays := 1, purchase := 'on_demand',
        known_at := TIMESTAMPTZ 'infinity') AS TABLE
    SELECT h.accelerator_id, h.purchase_option, h.index_on, h.cost_usd, h.low_usd, h.high_usd, h.cost_at_peak_usd,
        h.gpu_hours, h.low_gpu_hours, h.high_gpu_hours, h.energy_kwh, h.low_energy_kwh, h.high_energy_kwh,
        h.utilization_share, h.provider_count, h.is_bundled
    -- The index ends on the day of the latest capture: today's row comes with the first capture of the day.
    FROM petaday_history(petadays := petadays, purchase := purchase,
        from_on := (_asked_instant(valid_at) AT TIME ZONE 'UTC')::DATE - 45,
        to_on := (_asked_instant(valid_at) AT TIME ZONE 'UTC')::DATE, known_at := _instant(known_at)) h
    QUALIFY h.index_on = max(h.index_on) OVER () ORDER BY h.cost_usd, h.accelerator_id, h.purchase_option;
COMMENT ON MACRO TABLE petaday_cost IS
    'Cost and energy of petadays (1e15 operations a second for a day) on every accelerator at a date: petaday_history '
    'of that day, or of the last one known within the 45 days before; index_on says which. petaday_cost(DATE '
    '''2024-07-01''), petaday_cost(petadays := 3640) for GPT-3.';
