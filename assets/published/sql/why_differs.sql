-- Why two estimates of the same training differ: the cost of a training split into operations, throughput and price of
-- an hour.
CREATE OR REPLACE MACRO why_differs(from_estimate, to_estimate, known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH asked AS (
        SELECT _asked_estimate('from_estimate', from_estimate) AS asked_from,
            _asked_estimate('to_estimate', to_estimate) AS asked_to),
    newest AS (
        SELECT e.*, CASE WHEN e.scenario_id = a.asked_from THEN 'from' ELSE 'to' END AS side
        FROM _scenario_quantity_known(known_at := known_at) e
        JOIN asked a ON e.scenario_id IN (a.asked_from, a.asked_to)
        QUALIFY row_number() OVER (PARTITION BY e.scenario_id, e.quantity
            ORDER BY length(e.method_version) DESC, e.method_version DESC) = 1),
    side AS (
        SELECT n.side, max(n.central) FILTER (n.quantity = 'training_flop') AS flop,
            max(n.central) FILTER (n.quantity = 'cost_usd') AS cost,
            max(n.central) FILTER (n.quantity = 'gpu_hours') AS hours
        FROM newest n GROUP BY n.side),
    -- If a side states no hours, its price per operation cannot be split further.
    pair AS (SELECT count(s.hours) = 2 AS has_hours, count(*) = 2 AS has_both FROM side s),
    factor AS (
        SELECT s.side, q.part, q.value
        FROM side s
        CROSS JOIN pair b, LATERAL (
            SELECT unnest(['operations', 'hours_per_operation', 'price_per_hour', 'price_per_operation']) AS part,
                unnest([s.flop, CASE WHEN b.has_hours THEN s.hours / s.flop END,
                        CASE WHEN b.has_hours THEN s.cost / s.hours END,
                        CASE WHEN NOT b.has_hours THEN s.cost / s.flop END]) AS value) q
        WHERE b.has_both AND (q.part = 'operations' OR (q.part = 'price_per_operation') <> b.has_hours)),
    paired AS (
        SELECT f.part, f.value AS value_from, t.value AS value_to
        FROM factor f JOIN factor t ON t.part = f.part WHERE f.side = 'from' AND t.side = 'to'),
    total AS (
        SELECT max(s.cost) FILTER (s.side = 'from') AS total_from, max(s.cost) FILTER (s.side = 'to') AS total_to
        FROM side s)
    SELECT a.*
    FROM (
        SELECT p.part, p.value_from, p.value_to,
            moved_by(p.value_from, p.value_to, t.total_from, t.total_to) AS differs_by_usd,
            p.value_to / p.value_from AS ratio
        FROM paired p CROSS JOIN total t
        UNION ALL SELECT 'total', t.total_from, t.total_to, t.total_to - t.total_from, t.total_to / t.total_from
        FROM total t) a
    ORDER BY a.part = 'total', abs(a.differs_by_usd) DESC, a.part;
COMMENT ON MACRO TABLE why_differs IS
    'Why two estimates of a training''s cost differ: parts for operations, hours per operation (throughput) and price '
    'of an hour, or the price of an operation where one of them states no hours; they add up exactly (LMDI-I). '
    'known_at: as estimated by then. why_differs(''gpt-3-cost-1-4-million'', ''gpt-3-cost-4-6-million'').';
