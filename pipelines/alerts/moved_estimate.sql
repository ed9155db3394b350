-- Central values of all estimates, those last reported (or first seen), and the change split over the factors that
-- changed.
CREATE OR REPLACE TEMP TABLE estimate_now AS
SELECT scenario_id, quantity, method_version, central, unit, reason, is_bundled
FROM estimated.training_estimate
UNION ALL SELECT scenario_id, quantity, method_version, central, unit, reason, is_bundled
FROM estimated.scenario_estimate;

CREATE OR REPLACE TEMP TABLE estimate_moved AS
SELECT n.*, t.central AS old_central
FROM estimate_now n JOIN alerts.main.told_estimate t USING (scenario_id, quantity, method_version)
WHERE (n.central IS NULL) <> (t.central IS NULL)
    OR CASE WHEN t.central = 0 THEN n.central <> 0 ELSE abs(100 * (n.central / t.central - 1)) > $percent END;

-- A factor works as a ratio (logarithmic mean Divisia index, as in why_moved): more throughput means fewer hours, so it
-- counts the other way.
CREATE OR REPLACE TEMP TABLE estimate_part AS
SELECT m.scenario_id, m.quantity, m.method_version, f.factor, o.value AS old_value, f.value, f.unit,
    CASE WHEN m.quantity NOT IN ('training_flop', 'pf_days')
        AND f.factor IN ('utilization_share', 'achieved_flop_per_s_per_gpu', 'peak_flop_per_s_per_gpu') THEN -1
        ELSE 1 END * log_mean(m.central, m.old_central) * CASE WHEN f.value > 0
        AND o.value > 0 THEN ln(f.value / o.value) END AS moved_by
FROM estimate_moved m JOIN estimated.factor f USING (scenario_id, quantity, method_version)
JOIN alerts.main.told_factor o USING (scenario_id, quantity, method_version, factor) WHERE f.value <> o.value;

CREATE OR REPLACE TEMP TABLE estimate_line AS
SELECT m.scenario_id, m.quantity, m.method_version, m.old_central, m.central, m.unit, m.reason, m.is_bundled,
    list(
        {'factor': p.factor,
        'old_value': p.old_value, 'value': p.value, 'unit': p.unit, 'moved_by': p.moved_by}
        ORDER BY abs(p.moved_by) DESC NULLS LAST, p.factor) FILTER (p.factor IS NOT NULL) AS parts,
    -- The parts count only if they add up: not where a formula adds, or where a factor came or went.
    count(p.factor) = count(p.moved_by)
    AND abs(sum(p.moved_by) - (m.central - m.old_central)) <= 1e-6 * abs(m.central - m.old_central) AS adds_up
FROM estimate_moved m LEFT JOIN estimate_part p USING (scenario_id, quantity, method_version)
GROUP BY m.scenario_id, m.quantity, m.method_version, m.old_central, m.central, m.unit, m.reason, m.is_bundled
ORDER BY abs(ln(nullif(m.central, 0) / nullif(m.old_central, 0))) DESC NULLS FIRST, m.scenario_id, m.quantity;
