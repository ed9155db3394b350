-- What a petaday (1e15 operations a second for a day) costs: the unit that this warehouse is named after.
CREATE OR REPLACE MACRO petaday_cost(valid_at := now(), petadays := 1, purchase := 'on_demand') AS TABLE
    WITH assumed AS (
        SELECT max_by(d.low, d.method_version) FILTER (WHERE d.factor = 'utilization_share') AS utilization_low,
            max_by(d.central, d.method_version) FILTER (WHERE d.factor = 'utilization_share') AS utilization,
            max_by(d.high, d.method_version) FILTER (WHERE d.factor = 'utilization_share') AS utilization_high,
            max_by(d.central, d.method_version) FILTER (WHERE d.factor = 'power_share_of_tdp') AS power_share,
            max_by(d.central, d.method_version) FILTER (WHERE d.factor = 'pue') AS pue
        FROM reference.method_default d),
    work AS (
        SELECT p.*, a.fp16_dense_flop_per_s, a.tdp_w, d.utilization, d.power_share, d.pue, petadays * 86400e15 AS flop, d.utilization_low, d.utilization_high
        FROM estimated.price_index p JOIN reference.accelerator a ON a.accelerator_id = p.accelerator_id CROSS JOIN assumed d
        WHERE p.index_on = (valid_at::TIMESTAMPTZ AT TIME ZONE 'UTC')::DATE AND (purchase IS NULL OR p.purchase_option = purchase)
          AND a.fp16_dense_flop_per_s > 0)
    SELECT w.accelerator_id, w.purchase_option, w.index_on,
        cost_usd(gpu_hours_of_flop(w.flop, achieved_flop_per_s(w.fp16_dense_flop_per_s, w.utilization)), w.median_usd_per_gpu_hour) AS cost_usd,
        cost_usd(gpu_hours_of_flop(w.flop, achieved_flop_per_s(w.fp16_dense_flop_per_s, w.utilization_high)), w.lower_quartile_usd_per_gpu_hour) AS low_usd,
        cost_usd(gpu_hours_of_flop(w.flop, achieved_flop_per_s(w.fp16_dense_flop_per_s, w.utilization_low)), w.upper_quartile_usd_per_gpu_hour) AS high_usd,
        cost_usd(gpu_hours_of_flop(w.flop, w.fp16_dense_flop_per_s), w.median_usd_per_gpu_hour) AS cost_at_peak_usd,
        gpu_hours_of_flop(w.flop, achieved_flop_per_s(w.fp16_dense_flop_per_s, w.utilization)) AS gpu_hours,
        energy_kwh(gpu_hours_of_flop(w.flop, achieved_flop_per_s(w.fp16_dense_flop_per_s, w.utilization)), power_w_per_gpu(w.tdp_w, w.power_share), w.pue) AS energy_kwh,
        w.utilization AS utilization_share, w.provider_count, w.is_bundled
    FROM work w ORDER BY cost_usd, w.accelerator_id, w.purchase_option;
COMMENT ON MACRO TABLE petaday_cost IS 'Cost and energy of petadays (1e15 operations a second for a day) on every accelerator at a date, at the typical utilisation of reference.method_default and the median price over providers; low and high: quartile of prices with the best and worst usual utilisation. petaday_cost(DATE ''2024-07-01''), petaday_cost(petadays := 3640) for GPT-3.';
