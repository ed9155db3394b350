-- Carbon intensity of a grid by period: from daily sums, which add up over any period, so that no slot is read.
CREATE OR REPLACE MACRO zone_carbon(of_zone, from_on := DATE '1970-01-01', to_on := DATE '9999-12-31',
        period := 'month', boundary := NULL, known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH asked AS (
        SELECT _asked_zone('of_zone', of_zone) AS asked_zone, from_on::DATE AS asked_from_on,
            to_on::DATE AS asked_to_on,
            _asked_word('period', period, ['day', 'week', 'month', 'quarter', 'year']) AS asked_period,
            _asked_boundary(boundary) AS asked_boundary),
    -- There are no daily sums of an earlier known_at: the slots known then are summed by the rule of
    -- estimated.grid_day, from the log, so that only the zone is read.
    latest AS (
        SELECT l.*
        FROM observed.grid_carbon_log l JOIN asked q ON l.zone = q.asked_zone
        WHERE _instant(known_at) < TIMESTAMPTZ 'infinity' AND l.recorded_at <= _instant(known_at)
            AND is_hourly(l.resolution) AND l.basis_method = 'average'
            AND l.basis_accounting = 'location' AND l.basis_kind IN ('actual', 'estimated')
            AND (q.asked_boundary IS NULL OR l.basis_boundary = q.asked_boundary)
            AND utc_day(l.valid_from) BETWEEN q.asked_from_on AND q.asked_to_on
        QUALIFY row_number() OVER (PARTITION BY l.source_id, l.scope, l.resolution, l.basis_boundary, l.basis_kind,
            l.valid_from ORDER BY l.observed_at DESC, l.capture_id DESC, l.recorded_at DESC) = 1),
    slot AS (
        SELECT w.*, epoch(slot_length(w.resolution)) / 3600 AS hours
        FROM latest w WHERE w.is_offered
        QUALIFY row_number() OVER (PARTITION BY w.source_id, w.resolution, w.basis_boundary, w.basis_kind, w.valid_from
            ORDER BY w.scope) = 1),
    day AS (
        SELECT d.source_id, d.basis_boundary, d.basis_kind, d.resolution, d.day_on,
            d.intensity_hours_gco2e_per_kw AS summed, d.covered_hours, d.lowest_gco2e_per_kwh, d.highest_gco2e_per_kwh
        FROM estimated.grid_day d JOIN asked q ON d.zone = q.asked_zone
        WHERE _instant(known_at) = TIMESTAMPTZ 'infinity' AND d.basis_method = 'average'
            AND d.basis_accounting = 'location' AND d.basis_kind IN ('actual', 'estimated')
            AND d.day_on BETWEEN q.asked_from_on AND q.asked_to_on
            AND (q.asked_boundary IS NULL OR d.basis_boundary = q.asked_boundary)
        UNION ALL
        SELECT s.source_id, s.basis_boundary, s.basis_kind, s.resolution, utc_day(s.valid_from),
            sum(s.intensity_gco2e_per_kwh * s.hours), sum(s.hours), min(s.intensity_gco2e_per_kwh),
            max(s.intensity_gco2e_per_kwh)
        FROM slot s GROUP BY ALL),
    -- A publisher may go over from hours to quarter-hours, and state old days anew: of a day the finest slots count, and
    -- the next ones in the hours that are left, as in observed.grid_carbon_span.
    ordered AS (
        SELECT y.*, coalesce(sum(y.covered_hours) OVER (PARTITION BY y.source_id, y.basis_boundary, y.basis_kind,
            y.day_on ORDER BY resolution_rank(y.resolution) ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
            AS finer_hours
        FROM day y),
    counted AS (
        SELECT o.*, least(o.covered_hours, 24 - o.finer_hours) AS hours FROM ordered o WHERE o.finer_hours < 24),
    -- One source and basis for all periods, so that they compare: intensities that are published before those computed
    -- from a mix beside them, lifecycle before direct, measured before estimated, then the lowest source_rank, then
    -- most hours.
    chosen AS (
        SELECT y.source_id, y.basis_boundary, y.basis_kind
        FROM counted y GROUP BY y.source_id, y.basis_boundary, y.basis_kind
        ORDER BY _is_second_word(y.source_id), _boundary_rank(y.basis_boundary), y.basis_kind,
            source_rank(y.source_id), sum(y.hours) DESC, y.source_id
        LIMIT 1),
    dated AS (
        SELECT y.*, date_trunc(q.asked_period, y.day_on)::DATE AS period_on
        FROM counted y CROSS JOIN asked q
        JOIN chosen c ON c.source_id = y.source_id AND c.basis_boundary = y.basis_boundary
            AND c.basis_kind = y.basis_kind)
    SELECT p.period_on, sum(p.summed * (p.hours / p.covered_hours)) / sum(p.hours) AS mean_gco2e_per_kwh,
        min(p.lowest_gco2e_per_kwh) AS lowest_gco2e_per_kwh, max(p.highest_gco2e_per_kwh) AS highest_gco2e_per_kwh,
        sum(p.hours) AS covered_hours, count(DISTINCT p.day_on) AS day_count, any_value(p.source_id) AS source_id,
        any_value(p.basis_boundary) AS basis_boundary, any_value(p.basis_kind) AS basis_kind,
        CASE WHEN min(p.resolution) = max(p.resolution) THEN min(p.resolution) ELSE 'mixed' END AS resolution
    FROM dated p GROUP BY p.period_on ORDER BY p.period_on;
COMMENT ON MACRO TABLE zone_carbon IS
    'Carbon intensity of a zone by day, week, month, quarter or year (UTC): the mean over the hours that are covered '
    '(not weighted by load), lowest and highest slot, from one source on one basis throughout (average, '
    'location-based; lifecycle before direct); resolution is mixed where its slots are of several lengths. From the '
    'sums of estimated.grid_day; at an earlier known_at from the slots known then. No row where the zone has no slots '
    'of an hour or less. zone_carbon(''DE'', from_on := DATE ''2023-01-01'', period := ''month'').';
