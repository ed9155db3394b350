-- All tables of estimates in one form, as they are and as they were at an earlier time.
CREATE OR REPLACE MACRO _scenario_quantity() AS TABLE
    SELECT e.scenario_id, e.quantity, e.method_version, e.low, e.central, e.high, e.unit, e.reason, e.is_bundled
    FROM estimated.training_estimate e
    UNION ALL
    SELECT e.scenario_id, e.quantity, e.method_version, e.low, e.central, e.high, e.unit, e.reason, e.is_bundled
    FROM estimated.scenario_estimate e
    -- Of a decision the row and the column: horinger.net_saving_cny.
    UNION ALL
    SELECT g.scenario_id, g.source_id || '.' || g.quantity, g.method_version, g.low_growth_per_year, g.growth_per_year,
        g.high_growth_per_year, '1/year', NULL, g.is_bundled
    FROM estimated.compute_growth g
    UNION ALL
    SELECT w.scenario_id, w.cluster_id || '.net_saving_cny', w.method_version, w.low_net_saving_cny,
        w.net_saving_cny, w.high_net_saving_cny, 'CNY', NULL, w.is_bundled
    FROM estimated.east_west w
    UNION ALL
    SELECT w.scenario_id, w.cluster_id || '.carbon_change_share', w.method_version, w.low_carbon_change_share,
        w.carbon_change_share, w.high_carbon_change_share, 'share', NULL, w.is_bundled
    FROM estimated.east_west w
    UNION ALL
    SELECT w.scenario_id, w.cluster_id || '.network_latency_ms', w.method_version, w.network_latency_ms,
        w.network_latency_ms, w.network_latency_ms, 'ms', NULL, w.is_bundled
    FROM estimated.east_west w
    UNION ALL
    SELECT r.scenario_id, r.workload || '.location_kgco2e', r.method_version, r.low_location_kgco2e, r.location_kgco2e,
        r.high_location_kgco2e, 'kgCO2e', r.unknown, r.is_bundled
    FROM estimated.esg_report r WHERE r.is_year
    UNION ALL
    SELECT r.scenario_id, r.workload || '.market_kgco2e', r.method_version, r.low_market_kgco2e, r.market_kgco2e,
        r.high_market_kgco2e, 'kgCO2e', r.unknown, r.is_bundled
    FROM estimated.esg_report r WHERE r.is_year
    UNION ALL (
        SELECT b.scenario_id, b.way || '.pays_back_probability', b.method_version, b.pays_back_probability,
            b.pays_back_probability, b.pays_back_probability, 'share', b.verdict, b.is_bundled
        FROM estimated.build_adapt_buy b WHERE b.pays_back_probability IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY b.scenario_id, b.way, b.method_version ORDER BY b.month_on DESC) = 1);
COMMENT ON MACRO TABLE _scenario_quantity IS
    'Every quantity of the bundled scenarios as the tables of estimates hold it; of decisions the row and the column '
    'in one name, such as horinger.net_saving_cny.';

-- Estimates are computed outside the macros, so an earlier one cannot be computed again in SQL: each is recorded in
-- meta.estimate_word when it changes.
CREATE OR REPLACE MACRO _scenario_quantity_known(known_at := TIMESTAMPTZ 'infinity') AS TABLE
    SELECT q.* FROM _scenario_quantity() q WHERE _instant(known_at) = TIMESTAMPTZ 'infinity'
    UNION ALL BY NAME
    SELECT w.* EXCLUDE (recorded_at, is_estimated) FROM (
        SELECT * FROM meta.estimate_word WHERE recorded_at <= _instant(known_at)
        QUALIFY row_number() OVER (PARTITION BY scenario_id, quantity, method_version ORDER BY recorded_at DESC) = 1) w
    WHERE w.is_estimated AND _instant(known_at) < TIMESTAMPTZ 'infinity';
COMMENT ON MACRO TABLE _scenario_quantity_known IS
    '_scenario_quantity as this warehouse had it at known_at: what it had estimated by then, with the methods of then.';
