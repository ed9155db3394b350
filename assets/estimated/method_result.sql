-- Results of a method with their bands: the steps that one factor at a time causes, combined.
WITH long AS (
    FROM (SELECT scenario_id, varied, side, {quantities} FROM petaday_output)
    UNPIVOT INCLUDE NULLS (value FOR quantity IN ({quantities}))
), pair AS (
    SELECT v.scenario_id, v.quantity, v.varied AS factor, c.value AS central,
        coalesce(max(v.value) FILTER (v.side = 'low'), c.value) AS at_low,
        coalesce(max(v.value) FILTER (v.side = 'high'), c.value) AS at_high,
        -- Rounded results may not change at half of a factor, but at its bounds: any difference counts.
        bool_or(v.value IS DISTINCT FROM c.value) AS is_used,
        bool_or(v.side <> 'probe') AS is_varied, bool_or(v.side <> 'probe' AND v.value IS NULL) AS is_none_at_bound
    FROM long v JOIN long c ON c.scenario_id = v.scenario_id AND c.quantity = v.quantity AND c.side = 'central'
    WHERE v.varied IS NOT NULL AND c.value IS NOT NULL GROUP BY v.scenario_id, v.quantity, v.varied, c.value
), step AS (
    SELECT p.*, least(p.at_low, p.at_high, p.central) > 0 AS is_positive,
        -- The result goes with a power of the factor.
        CASE WHEN is_positive AND n.low > 0 THEN abs(ln(p.at_low / p.central) * ln(n.high / n.central)
            - ln(p.at_high / p.central) * ln(n.low / n.central)) < 1e-9 ELSE false END AS is_power
    FROM pair p JOIN petaday_number n ON n.scenario_id = p.scenario_id AND n.factor = p.factor
), scaled AS (
    SELECT *, bool_and(is_positive) OVER (PARTITION BY scenario_id, quantity) AS is_log,
        CASE WHEN is_positive THEN sigma_down(central, at_low, at_high) END AS log_down,
        CASE WHEN is_positive THEN sigma_up(central, at_low, at_high) END AS log_up,
        greatest(0.0, central - least(at_low, at_high)) / band_z() AS down,
        greatest(0.0, greatest(at_low, at_high) - central) / band_z() AS up
    FROM step
), effect AS (
    SELECT scenario_id, quantity, factor, is_used, is_varied, is_none_at_bound, is_log,
        CASE WHEN is_log THEN log_down ELSE down END AS below,
        CASE WHEN is_log THEN log_up ELSE up END AS above,
        (scenario_id, factor) IN (
            SELECT (f.scenario_id, f.factor) FROM petaday_number f WHERE {is_assumed}) AS is_assumed
    FROM scaled
), joint AS (
    SELECT scenario_id, quantity, max(value) FILTER (side = 'central') AS central,
        max(value) FILTER (side = 'all_low') AS at_low, max(value) FILTER (side = 'all_high') AS at_high,
        least(max(value) FILTER (side = 'assumed_low'), max(value) FILTER (side = 'assumed_high')) AS low_end,
        greatest(max(value) FILTER (side = 'assumed_low'), max(value) FILTER (side = 'assumed_high')) AS high_end
    FROM long WHERE varied IS NULL GROUP BY scenario_id, quantity
), product AS (
    -- Of a product of powers the logarithmic steps of the single factors add up to the joint step: its band is that of the
    -- product of the steps, exact for log-normals and near enough unless one side of a factor is many times the other.
    -- Of one factor alone the band is exact wherever the result rises, or falls, all the way.
    SELECT scenario_id, quantity, bool_and(s.is_power OR NOT s.is_varied)
        AND abs(sum(ln(s.at_low / s.central)) - any_value(ln(j.at_low / j.central))) < 1e-9
        AND abs(sum(ln(s.at_high / s.central)) - any_value(ln(j.at_high / j.central))) < 1e-9 AS is_product,
        bool_and(greatest(s.log_up, s.log_down) <= 5 * least(s.log_up, s.log_down)) AS is_mild,
        count(*) FILTER (s.is_used AND s.is_varied) = 1
        AND bool_and((s.at_low - s.central) * (s.at_high - s.central) <= 0) AS is_of_one
    FROM joint j JOIN scaled s USING (scenario_id, quantity)
    WHERE s.is_log AND least(j.at_low, j.at_high, j.central) > 0 GROUP BY scenario_id, quantity
), total AS (
    SELECT scenario_id, quantity, bool_and(is_log) AS is_log, sum(below ** 2 ORDER BY factor) AS below,
        sum(above ** 2 ORDER BY factor) AS above,
        product_of_steps(list(two_piece(below, above) ORDER BY factor)) AS step, sum(two_piece_variance(below, above) ORDER BY factor) AS variance,
        bool_or(is_assumed AND is_used) AS is_assumed, bool_or(is_none_at_bound) AS is_none_at_bound,
        product_of_steps(coalesce(list(two_piece(below, above) ORDER BY factor) FILTER (NOT is_assumed), []))
            AS other_step,
        coalesce(sum(below ** 2 ORDER BY factor) FILTER (NOT is_assumed), 0) AS other_below,
        coalesce(sum(above ** 2 ORDER BY factor) FILTER (NOT is_assumed), 0) AS other_above,
        list({{'factor': factor, 'variance': two_piece_variance(below, above), 'is_varied': is_varied}}
            ORDER BY factor) FILTER (is_used) AS factors
    FROM effect GROUP BY scenario_id, quantity
)
-- With assumed factors the result is computed at both ends of the assumptions; its central value is their middle, and
-- the other factors widen both ends.
SELECT l.scenario_id, l.quantity, CASE WHEN t.is_assumed THEN (j.low_end + j.high_end) / 2 ELSE l.value END AS central,
    CASE WHEN t.is_assumed
            THEN CASE WHEN t.is_log THEN low_of_step(j.low_end, t.other_step)
                ELSE j.low_end - band_z() * sqrt(t.other_below) END
        WHEN coalesce(t.is_log, true) THEN low_of_step(l.value, coalesce(t.step, two_piece(0, 0)))
        ELSE l.value - band_z() * sqrt(t.below) END AS low,
    CASE WHEN t.is_assumed
            THEN CASE WHEN t.is_log THEN high_of_step(j.high_end, t.other_step)
                ELSE j.high_end + band_z() * sqrt(t.other_above) END
        WHEN coalesce(t.is_log, true) THEN high_of_step(l.value, coalesce(t.step, two_piece(0, 0)))
        ELSE l.value + band_z() * sqrt(t.above) END AS high,
    coalesce(list_transform(t.factors,
            lambda f: {{'factor': f.factor, 'share': variance_share(f.variance, t.variance),
                'is_varied': f.is_varied}}), []) AS shares,
    coalesce(t.is_log, true) AS is_log,
    -- Of the band, and of the shares: those of a product are exact, whatever its factors.
    l.value IS NULL OR coalesce(t.is_assumed, false) OR (NOT coalesce(t.is_none_at_bound, false)
        AND (coalesce(t.variance, 0) = 0 OR coalesce(p.is_of_one OR (p.is_product AND p.is_mild), false))) AS is_exact,
    is_exact OR (NOT coalesce(t.is_none_at_bound, false) AND coalesce(p.is_product, false)) AS has_exact_shares
FROM long l LEFT JOIN total t USING (scenario_id, quantity) LEFT JOIN joint j USING (scenario_id, quantity)
LEFT JOIN product p USING (scenario_id, quantity) WHERE l.side = 'central'
