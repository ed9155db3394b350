-- How fast compute grows: exponential fits over dated models and accelerators, with the error of the rate.
SELECT scenario_id, source_id, quantity, growth_per_year, low_growth_per_year, high_growth_per_year, doubling_months,
    r2, point_count, first_on, last_on, method_version, is_bundled
FROM estimated.compute_growth
WHERE method_version = (SELECT _newest_method(method_version) FROM estimated.compute_growth)
ORDER BY source_id, quantity, scenario_id
