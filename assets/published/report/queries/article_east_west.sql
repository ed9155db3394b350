-- A training and a serving fleet moved from the Greater Bay Area to each cluster of the eight hubs: money, carbon,
-- latency.
SELECT scenario_id, name, hub, side, electricity_cny, low_electricity_cny, high_electricity_cny, transfer_cny,
    net_saving_cny, low_net_saving_cny, high_net_saving_cny, break_even_transfer_cny_per_gb, kgco2, low_kgco2,
    high_kgco2, carbon_change_share, low_carbon_change_share, high_carbon_change_share, is_home, is_pareto, verdict,
    grid_year, source_id, method_version, is_bundled
FROM estimated.east_west WHERE method_version = (SELECT _newest_method(method_version) FROM estimated.east_west)
ORDER BY scenario_id DESC, is_home DESC NULLS LAST, net_saving_cny DESC NULLS LAST, name
