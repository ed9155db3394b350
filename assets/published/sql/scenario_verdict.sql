-- The figures quoted for the bundled scenarios, compared with their estimates.
CREATE OR REPLACE MACRO scenario_verdict(known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH newest AS (
        SELECT e.*
        FROM _scenario_quantity_known(known_at := known_at) e
        QUALIFY row_number() OVER (PARTITION BY e.scenario_id, e.quantity
            ORDER BY length(e.method_version) DESC, e.method_version DESC) = 1)
    SELECT c.article_point::INTEGER AS article_point, c.claim_id, c.claim, c.scenario_id, c.quantity, c.claimed_low,
        c.claimed_high, e.low, e.central, e.high, c.unit,
        -- Compared with the whole band: p5 and p95 within the claim, the central value only, a bound only, or none.
        CASE WHEN e.central IS NULL THEN 'unknown'
            WHEN e.unit <> c.unit THEN 'unknown: the estimate is in ' || e.unit
            WHEN e.low >= coalesce(c.claimed_low, '-infinity'::DOUBLE)
                AND coalesce(e.high, 'infinity'::DOUBLE) <= coalesce(c.claimed_high, 'infinity'::DOUBLE) THEN 'holds'
            WHEN e.central BETWEEN coalesce(c.claimed_low, '-infinity'::DOUBLE) AND coalesce(c.claimed_high,
                'infinity'::DOUBLE) THEN 'holds at the central value, not over the whole band'
            WHEN coalesce(e.high, 'infinity'::DOUBLE) >= coalesce(c.claimed_low, '-infinity'::DOUBLE)
                AND e.low <= coalesce(c.claimed_high, 'infinity'::DOUBLE) THEN 'holds at the edge of the band only'
            ELSE 'does not hold' END AS verdict,
        c.holds_where, c.fails_where, e.method_version, c.source_url, e.is_bundled
    FROM reference.scenario_claim c LEFT JOIN newest e ON e.scenario_id = c.scenario_id AND e.quantity = c.quantity
    ORDER BY c.article_point, c.claim_id;
COMMENT ON MACRO TABLE scenario_verdict IS
    'Every figure quoted for a bundled scenario against its estimate: holds, holds at the central value or at the edge '
    'of the band only, does not hold, unknown; with where it holds and where it does not. article_point numbers the '
    'scenarios of the founding article. known_at: as estimated by then.';
