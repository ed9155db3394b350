-- What one PFLOP/s-day costs and emits on each accelerator, by the macros and the defaults of the method. Input:
-- price_point(accelerator_id, month_on, price_low, price_central, price_high, offers, providers, is_bundled,
-- capture_ids).
WITH method AS (
    SELECT _newest_method(method_version) AS method_version FROM reference.method_default
), factor AS (
    SELECT any_value(u) AS u, any_value(p) AS p, any_value(e) AS e, any_value(g) AS g
    FROM (
        SELECT CASE WHEN factor = 'utilization_share' THEN d END AS u,
            CASE WHEN factor = 'power_share_of_tdp' THEN d END AS p, CASE WHEN factor = 'pue' THEN d END AS e,
            CASE WHEN factor = 'grid_ratio' THEN d END AS g
        FROM reference.method_default d JOIN method USING (method_version))
), world AS (
    SELECT intensity_gco2e_per_kwh AS grid, year, capture_id FROM grid_now WHERE zone = 'WORLD'
), point AS (
    SELECT x.*, a.name, a.fp16_dense_flop_per_s, a.tdp_w, w.grid, w.year AS grid_year, w.capture_id AS grid_capture_id,
        f.*,
        gpu_hours_of_flop(86400e15, achieved_flop_per_s(a.fp16_dense_flop_per_s, f.u.central)) AS gpu_hours
    FROM price_point x JOIN reference.accelerator a USING (accelerator_id) CROSS JOIN factor f LEFT JOIN world w ON true
    WHERE a.fp16_dense_flop_per_s > 0
), central AS (
    SELECT *, cost_usd(gpu_hours, price_central) AS cost_central,
        energy_kwh(gpu_hours, power_w_per_gpu(tdp_w, p.central), e.central) AS energy_central,
        operational_kgco2e(energy_kwh(gpu_hours, power_w_per_gpu(tdp_w, p.central), e.central), grid) AS carbon_central,
        -- Utilisation divides: its low side is the high side of cost, energy and carbon.
        two_piece(lognormal_sigma(u.central, u.high), lognormal_sigma(u.central, u.low)) AS hours_step,
        product_of_steps([hours_step, two_piece(lognormal_sigma(price_central, price_low),
            lognormal_sigma(price_central, price_high))]) AS cost_step,
        product_of_steps([hours_step, two_piece(lognormal_sigma(p.central, p.low), lognormal_sigma(p.central, p.high)),
            two_piece(lognormal_sigma(e.central, e.low), lognormal_sigma(e.central, e.high))]) AS energy_step,
        product_of_steps([energy_step, two_piece(lognormal_sigma(g.central, g.low),
            lognormal_sigma(g.central, g.high))]) AS carbon_step
    FROM point
)
SELECT accelerator_id, name, month_on, offers, providers, capture_ids, is_bundled, gpu_hours, fp16_dense_flop_per_s,
    tdp_w, grid, grid_year, grid_capture_id,
    low_of_step(cost_central, cost_step) AS cost_low, cost_central, high_of_step(cost_central, cost_step) AS cost_high,
    low_of_step(carbon_central, carbon_step) AS carbon_low, carbon_central, high_of_step(carbon_central, carbon_step) AS carbon_high,
    low_of_step(energy_central, energy_step) AS energy_low, energy_central, high_of_step(energy_central, energy_step) AS energy_high
FROM central ORDER BY month_on, cost_central
