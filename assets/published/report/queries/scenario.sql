-- Training estimates with their bands.
SELECT scenario_id, quantity, low, central, high, unit, reason, as_of_at::DATE AS as_of_on, is_bundled, method_version
FROM estimated.training_estimate
WHERE method_version = (SELECT _newest_method(method_version) FROM estimated.training_estimate)
ORDER BY scenario_id,
    list_position(['training_flop', 'pf_days', 'gpu_hours', 'energy_kwh', 'cost_usd', 'operational_kgco2e'], quantity)
