-- All scenarios at once: every result at the central values, then with one factor at a time at its bounds (its step in
-- the band) and 1% up (whether it works on the result at all). The formulas are the macros; nothing is computed twice.
CREATE OR REPLACE TEMP TABLE petaday_value AS
WITH evaluation AS (
    SELECT scenario_id, NULL AS varied, 'central' AS side FROM petaday_scenario
    UNION ALL
    SELECT scenario_id, factor, unnest(CASE WHEN low < high THEN ['low', 'high', 'probe'] ELSE ['probe'] END) FROM petaday_factor
), input AS (
    SELECT e.scenario_id, e.varied, e.side, f.factor,
        CASE WHEN f.factor IS DISTINCT FROM e.varied THEN f.central
             ELSE CASE e.side WHEN 'low' THEN f.low WHEN 'high' THEN f.high ELSE f.central * 1.01 END END AS value
    FROM evaluation e LEFT JOIN petaday_factor f USING (scenario_id)
), wide AS (
    SELECT scenario_id, varied, side, {input_columns} FROM input GROUP BY scenario_id, varied, side
), compute AS (
    SELECT *,
        coalesce(in_training_flop, training_flop_with_attention(coalesce(in_active_parameters_count, in_parameters_count), in_tokens_count,
            in_flop_per_parameter_token, coalesce(in_attention_flop_per_token, 0))) AS stated_flop,
        coalesce(in_gpu_hours, gpu_hours_of_run(in_accelerator_count, in_duration_days)) AS run_hours,
        coalesce(in_achieved_flop_per_s_per_gpu, achieved_flop_per_s(in_peak_flop_per_s_per_gpu, in_utilization_share)) AS throughput,
        coalesce(in_power_w_per_gpu, power_w_per_gpu(in_tdp_w, in_power_share_of_tdp)) AS power_w
    FROM wide
), run AS (
    SELECT *, coalesce(stated_flop, flop_of_gpu_hours(run_hours, throughput)) AS out_training_flop,
        coalesce(run_hours, gpu_hours_of_flop(stated_flop, throughput)) AS out_gpu_hours
    FROM compute
), energy AS (
    SELECT *, coalesce(in_energy_kwh, facility_energy_kwh(in_it_energy_kwh, in_pue), energy_kwh(out_gpu_hours, power_w, in_pue)) AS out_energy_kwh
    FROM run
)
SELECT scenario_id, varied, side,
    out_training_flop AS training_flop, pf_days(out_training_flop) AS pf_days, out_gpu_hours AS gpu_hours, out_energy_kwh AS energy_kwh,
    cost_usd(out_gpu_hours, in_usd_per_gpu_hour) AS cost_usd, operational_kgco2e(out_energy_kwh, in_grid_gco2e_per_kwh) AS operational_kgco2e,
    duration_days(out_gpu_hours, in_accelerator_count) AS duration_days,
    achieved_flop_per_s_of_run(out_training_flop, out_gpu_hours) AS achieved_flop_per_s_per_gpu,
    utilization_share(achieved_flop_per_s_of_run(out_training_flop, out_gpu_hours), r.peak) AS utilization_share
FROM energy JOIN (SELECT scenario_id, peak FROM petaday_resolved) r USING (scenario_id);

CREATE OR REPLACE TEMP TABLE petaday_effect AS
WITH long AS (
    UNPIVOT petaday_value ON training_flop, pf_days, gpu_hours, energy_kwh, cost_usd, operational_kgco2e, duration_days,
        achieved_flop_per_s_per_gpu, utilization_share INTO NAME quantity VALUE value
), side AS (
    SELECT v.scenario_id, v.quantity, v.varied AS factor, c.value AS central,
        coalesce(max(v.value) FILTER (v.side = 'low'), c.value) AS at_low, coalesce(max(v.value) FILTER (v.side = 'high'), c.value) AS at_high,
        max(v.value) FILTER (v.side = 'probe') <> c.value AS is_used
    FROM long v JOIN long c ON c.scenario_id = v.scenario_id AND c.quantity = v.quantity AND c.side = 'central'
    WHERE v.varied IS NOT NULL GROUP BY v.scenario_id, v.quantity, v.varied, c.value
)
SELECT *, sigma_down(central, at_low, at_high) AS sigma_below, sigma_up(central, at_low, at_high) AS sigma_above FROM side;

CREATE OR REPLACE TEMP TABLE petaday_result AS
WITH long AS (
    FROM (FROM petaday_value WHERE side = 'central') UNPIVOT INCLUDE NULLS (central FOR quantity IN (training_flop, pf_days, gpu_hours,
        energy_kwh, cost_usd, operational_kgco2e, duration_days, achieved_flop_per_s_per_gpu, utilization_share))
), combined AS (
    SELECT scenario_id, quantity, {step} AS step FROM petaday_effect GROUP BY scenario_id, quantity
)
SELECT l.scenario_id, l.quantity, low_of_step(l.central, coalesce(s.step, two_piece(0, 0))) AS low, l.central,
    high_of_step(l.central, coalesce(s.step, two_piece(0, 0))) AS high,
    CASE WHEN l.central IS NOT NULL THEN NULL
        WHEN l.quantity IN ('training_flop', 'pf_days')
            THEN 'give training_flop, or parameters_count and tokens_count, or model, or GPU-hours with achieved_flop_per_s_per_gpu or an accelerator'
        WHEN l.quantity = 'duration_days' THEN 'give accelerator_count'
        WHEN l.quantity = 'achieved_flop_per_s_per_gpu' THEN 'needs FLOP and GPU-hours'
        WHEN l.quantity = 'utilization_share' THEN 'needs FLOP, GPU-hours and the peak of an accelerator'
        WHEN NOT r.has_hours AND NOT (l.quantity IN ('energy_kwh', 'operational_kgco2e') AND coalesce(r.given_energy_kwh, r.given_it_energy_kwh) IS NOT NULL)
            THEN CASE WHEN r.is_flop_known AND r.accelerator_id IS NOT NULL
                THEN 'no 16-bit peak is published for ' || r.accelerator_id || ': give achieved_flop_per_s_per_gpu or gpu_hours'
                ELSE 'no GPU-hours: give gpu_hours, or accelerator_count and duration_days, or an accelerator for a known FLOP' END
        WHEN l.quantity = 'cost_usd' AND r.accelerator_id IS NULL THEN 'no price: give usd_per_gpu_hour or an accelerator'
        WHEN l.quantity = 'cost_usd' THEN format('no {{}} offer of {{}} in observed.cloud_rate{{}}{{}} at {{}}{{}}: give usd_per_gpu_hour', r.purchase_option, r.accelerator_id,
            coalesce(' from ' || r.provider, ''), coalesce(' in ' || coalesce(r.place_region, CASE WHEN r.written_zone IS NULL THEN r.region_written END), ''), strftime(r.as_of_at, '%Y-%m-%d'),
            CASE WHEN p.first_at > r.as_of_at THEN format(' (the first is from {{}})', strftime(p.first_at, '%Y-%m-%d'))
                 WHEN p.last_at IS NOT NULL THEN format(' (the last ended {{}})', strftime(p.last_at, '%Y-%m-%d')) ELSE '' END)
        WHEN l.quantity IN ('energy_kwh', 'operational_kgco2e') AND coalesce(r.given_energy_kwh, r.given_it_energy_kwh, r.given_power_w_per_gpu, r.tdp_w) IS NULL
            THEN coalesce('no TDP is published for ' || r.accelerator_id, 'no accelerator') || ': give power_w_per_gpu'
        WHEN l.quantity = 'operational_kgco2e' AND r.zone IS NULL
            THEN CASE WHEN r.region_written IS NULL THEN 'no place: give region or grid_gco2e_per_kwh'
                      ELSE 'no grid zone is known for ' || r.region_written || ': give grid_gco2e_per_kwh' END
        WHEN l.quantity = 'operational_kgco2e' THEN format('no average location-based carbon intensity of {{}} up to {{}} in observed.grid_carbon: give grid_gco2e_per_kwh',
            r.zone, strftime(r.as_of_at, '%Y-%m-%d'))
        ELSE 'an input is missing' END AS reason
FROM long l
JOIN petaday_resolved r USING (scenario_id)
LEFT JOIN petaday_rate p USING (scenario_id)
LEFT JOIN combined s ON s.scenario_id = l.scenario_id AND s.quantity = l.quantity;
