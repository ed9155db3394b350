-- The inputs of every evaluation of a method: all factors at their central values, all at their bounds, and one at a
-- time at its bounds.
CREATE OR REPLACE TEMP TABLE petaday_input AS
WITH evaluation AS (
    SELECT scenario_id, NULL AS varied,
        unnest(['central', 'given', 'all_low', 'all_high', 'assumed_low', 'assumed_high']) AS side
    FROM petaday_statement
    UNION ALL SELECT scenario_id, factor, unnest(CASE WHEN low < high THEN ['low', 'high', 'probe'] ELSE ['probe'] END)
    FROM petaday_number
), input AS (
    SELECT e.scenario_id, e.varied, e.side, f.factor,
        CASE WHEN e.side = 'given' AND f.origin_kind <> 'given'
                AND NOT (f.origin_kind = 'method_default' AND f.low = f.high) THEN NULL
            WHEN e.side = 'assumed_low' AND {is_assumed} THEN f.low
            WHEN e.side = 'assumed_high' AND {is_assumed} THEN f.high
            WHEN e.side = 'all_low' THEN f.low
            WHEN e.side = 'all_high' THEN f.high
            WHEN f.factor IS DISTINCT FROM e.varied THEN f.central
            ELSE CASE e.side WHEN 'low' THEN f.low WHEN 'high' THEN f.high
                ELSE coalesce(nullif(f.central / 2, 0), 0.01) END END AS value
    FROM evaluation e LEFT JOIN petaday_number f USING (scenario_id)
), wide AS (
    SELECT scenario_id, varied, side{columns} FROM input GROUP BY scenario_id, varied, side
)
SELECT wide.*{texts} FROM wide JOIN petaday_statement USING (scenario_id)
