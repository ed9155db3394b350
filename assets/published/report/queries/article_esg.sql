-- The ESG report of a year of workloads, by month and for the year.
SELECT workload, period, month_on, is_year, gpu_hours, energy_kwh, low_energy_kwh, high_energy_kwh, location_kgco2e,
    low_location_kgco2e, high_location_kgco2e, market_kgco2e, low_market_kgco2e, high_market_kgco2e, embodied_kgco2e,
    low_embodied_kgco2e, high_embodied_kgco2e, water_l, low_water_l, high_water_l, sci_gco2e_per_unit,
    low_sci_gco2e_per_unit, high_sci_gco2e_per_unit, grid_used, unknown, method_version, is_bundled
FROM estimated.esg_report
WHERE method_version = (SELECT _newest_method(method_version) FROM estimated.esg_report)
ORDER BY workload = 'all workloads' DESC, workload, is_year DESC, period
