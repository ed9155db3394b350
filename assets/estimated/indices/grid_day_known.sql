-- Grid carbon summed by day, as it was known at known_at: where nothing was learnt of a series and day after that, nor
-- after estimated.grid_day was computed, its row of estimated.grid_day; else by the same rule anew, on the words known
-- then. So the answer does not depend on when that table was computed last, and its cost follows what was learnt since.
-- Slots of a day and more are few: they come from the log.
WITH late AS (
    SELECT source_id, scope, recorded_at FROM meta.snapshot
    WHERE subject = 'grid_carbon' AND recorded_at > least({known_at},
        (SELECT coalesce(max(make_timestamptz(split_part(fingerprint, '@', 2)::BIGINT)), TIMESTAMPTZ '-infinity')
        FROM meta.definition WHERE name = '{table}' AND split_part(fingerprint, '@', 1) = '{fingerprint}'))),
-- Joined by the instant, which the log is in order of: of what was recorded earlier nothing is read.
touched AS MATERIALIZED (
    SELECT DISTINCT l.zone, l.source_id, utc_day(l.valid_from) AS day_on
    FROM observed.grid_carbon_log l JOIN late t ON t.recorded_at = l.recorded_at AND t.source_id = l.source_id
        AND t.scope = l.scope),
day AS (
    SELECT d.* FROM {table} d ANTI JOIN touched t ON t.zone = d.zone AND t.source_id = d.source_id
        AND t.day_on = d.day_on
    WHERE d.method_version = {method_version}
    UNION ALL BY NAME
    SELECT * FROM ({anew}))
SELECT d.zone, d.source_id, d.resolution, d.basis_method, d.basis_boundary, d.basis_accounting, d.basis_kind, d.day_on,
    -- Slots of one resolution are of one length.
    d.intensity_hours_gco2e_per_kw * d.slot_count / d.covered_hours AS intensity_sum_gco2e_per_kwh, d.covered_hours,
    d.lowest_gco2e_per_kwh, d.highest_gco2e_per_kwh, d.slot_count, s.is_bundled
FROM day d LEFT JOIN meta.source s ON s.source_id = d.source_id
UNION ALL
SELECT g.zone, g.source_id, g.resolution, g.basis_method, g.basis_boundary, g.basis_accounting, g.basis_kind,
    utc_day(g.valid_from), g.intensity_gco2e_per_kwh,
    (epoch_us(g.valid_to) - epoch_us(g.valid_from)) / 3600e6, g.intensity_gco2e_per_kwh, g.intensity_gco2e_per_kwh, 1,
    g.is_bundled
FROM {slots} g WHERE _is_longer_than_hourly(g.resolution)
