-- Checks of every copy of the warehouse before it is published: each query returns one text per fault.
-- Only quick ones: the asset checks cover more, and `petaday check` reads every block and every captured byte.

-- Provenance of the estimates: an observed factor names a recorded capture, a looked-up one the URL of its source.
SELECT 'estimated.factor ' || concat_ws('/', f.scenario_id, f.quantity, f.factor, f.method_version) || ' names capture '
    || f.capture_id || ', which is not recorded'
FROM estimated.factor f ANTI JOIN meta.capture c ON c.capture_id = f.capture_id WHERE f.capture_id IS NOT NULL LIMIT 3;

SELECT 'estimated.factor ' || concat_ws('/', f.scenario_id, f.quantity, f.factor, f.method_version) || ' is '
    || f.origin_kind || ' and leads nowhere'
FROM estimated.factor f
WHERE f.origin_kind = 'observed' AND f.capture_id IS NULL OR f.origin_kind IN ('reference', 'method_default')
    AND f.source_url IS NULL
LIMIT 3;

SELECT e.table_name || ' ' || e.row_key || ' has a number and no factor'
FROM (
    SELECT 'estimated.training_estimate' AS table_name,
        concat_ws('/', scenario_id, quantity, method_version) AS row_key, scenario_id, method_version, central
    FROM estimated.training_estimate
    UNION ALL
    SELECT 'estimated.scenario_estimate', concat_ws('/', scenario_id, quantity, method_version), scenario_id,
        method_version, central
    FROM estimated.scenario_estimate) e
ANTI JOIN estimated.factor f ON f.scenario_id = e.scenario_id AND f.method_version = e.method_version
WHERE e.central IS NOT NULL LIMIT 3;

-- low <= central <= high.
SELECT e.table_name || ' ' || e.row_key || ' has its band out of order'
FROM (
    SELECT 'estimated.training_estimate' AS table_name,
        concat_ws('/', scenario_id, quantity, method_version) AS row_key, low, central, high
    FROM estimated.training_estimate
    UNION ALL
    SELECT 'estimated.scenario_estimate', concat_ws('/', scenario_id, quantity, method_version), low, central, high
    FROM estimated.scenario_estimate) e
WHERE NOT (e.low <= e.central + 1e-9 * abs(e.central) AND e.central <= e.high + 1e-9 * abs(e.central)) LIMIT 3;
