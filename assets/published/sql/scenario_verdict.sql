-- The figures that are quoted for the bundled scenarios, held against their estimates.
CREATE OR REPLACE MACRO scenario_verdict() AS TABLE
    WITH estimate AS (
        SELECT e.scenario_id, e.quantity, e.method_version, e.low, e.central, e.high, e.unit, e.reason, e.is_bundled FROM estimated.training_estimate e
        UNION ALL SELECT e.scenario_id, e.quantity, e.method_version, e.low, e.central, e.high, e.unit, e.reason, e.is_bundled FROM estimated.scenario_estimate e
        -- Of a decision the row and the column: horinger.net_saving_cny.
        UNION ALL SELECT g.scenario_id, g.source_id || '.' || g.quantity, g.method_version, g.low_growth_per_year, g.growth_per_year, g.high_growth_per_year, '1/year', NULL, g.is_bundled
        FROM estimated.compute_growth g
        UNION ALL SELECT w.scenario_id, w.cluster_id || '.net_saving_cny', w.method_version, w.net_saving_cny, w.net_saving_cny, w.net_saving_cny, 'CNY', NULL, w.is_bundled FROM estimated.east_west w
        UNION ALL SELECT w.scenario_id, w.cluster_id || '.carbon_change_share', w.method_version, w.carbon_change_share, w.carbon_change_share, w.carbon_change_share, 'share', NULL, w.is_bundled
        FROM estimated.east_west w
        UNION ALL SELECT w.scenario_id, w.cluster_id || '.network_latency_ms', w.method_version, w.network_latency_ms, w.network_latency_ms, w.network_latency_ms, 'ms', NULL, w.is_bundled
        FROM estimated.east_west w
        UNION ALL SELECT r.scenario_id, r.workload || '.location_kgco2e', r.method_version, r.low_location_kgco2e, r.location_kgco2e, r.high_location_kgco2e, 'kgCO2e', r.unknown, r.is_bundled
        FROM estimated.esg_report r WHERE r.is_year
        UNION ALL SELECT r.scenario_id, r.workload || '.market_kgco2e', r.method_version, r.market_kgco2e, r.market_kgco2e, r.market_kgco2e, 'kgCO2e', r.unknown, r.is_bundled
        FROM estimated.esg_report r WHERE r.is_year
        UNION ALL (SELECT b.scenario_id, b.way || '.pays_back_probability', b.method_version, b.pays_back_probability, b.pays_back_probability, b.pays_back_probability, 'share', b.verdict, b.is_bundled
        FROM estimated.build_adapt_buy b WHERE b.pays_back_probability IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY b.scenario_id, b.way, b.method_version ORDER BY b.month_on DESC) = 1)),
    newest AS (
        SELECT e.* FROM estimate e QUALIFY row_number() OVER (PARTITION BY e.scenario_id, e.quantity ORDER BY length(e.method_version) DESC, e.method_version DESC) = 1)
    SELECT c.article_point::INTEGER AS article_point, c.claim_id, c.claim, c.scenario_id, c.quantity, c.claimed_low, c.claimed_high, e.low, e.central, e.high, c.unit,
        -- Held against the whole band: p5 and p95 within it, the central value only, a bound only, or nothing.
        CASE WHEN e.central IS NULL THEN 'unknown' WHEN e.unit <> c.unit THEN 'unknown: the estimate is in ' || e.unit
             WHEN e.low >= coalesce(c.claimed_low, '-infinity'::DOUBLE) AND e.high <= coalesce(c.claimed_high, 'infinity'::DOUBLE) THEN 'holds'
             WHEN e.central BETWEEN coalesce(c.claimed_low, '-infinity'::DOUBLE) AND coalesce(c.claimed_high, 'infinity'::DOUBLE) THEN 'holds at the central value, not over the whole band'
             WHEN e.high >= coalesce(c.claimed_low, '-infinity'::DOUBLE) AND e.low <= coalesce(c.claimed_high, 'infinity'::DOUBLE) THEN 'holds at the edge of the band only' ELSE 'does not hold' END AS verdict,
        c.holds_where, c.fails_where, e.method_version, c.source_url, e.is_bundled
    FROM reference.scenario_claim c LEFT JOIN newest e ON e.scenario_id = c.scenario_id AND e.quantity = c.quantity
    ORDER BY c.article_point, c.claim_id;
COMMENT ON MACRO TABLE scenario_verdict IS 'Every figure quoted for a bundled scenario against its estimate: holds, holds at the central value or at the edge of the band only, does not hold, unknown; with where it holds and where it does not. article_point numbers the scenarios of the founding article.';
