-- When each source last answered completely: so far (confirmed_on), and by what was known before (confirmed_before_on);
-- the day after the last one that the index has, likewise; and whether something was recorded since. An answer with a
-- refused row confirms all offers but that one: such an offer was last confirmed before refused_from.
SELECT s.source_id, s.scope, s.refused_from, utc_day(max(s.observed_at) FILTER (s.is_complete)) AS confirmed_on,
    utc_day(max(s.observed_at) FILTER (s.is_complete AND s.recorded_at <= {since})) AS confirmed_before_on,
    utc_day(max(s.observed_at)) + 1 AS end_on,
    utc_day(max(s.observed_at) FILTER (s.recorded_at <= {since})) + 1 AS end_before_on,
    bool_or(s.recorded_at > {since}) AS is_new
FROM (
    SELECT a.source_id, a.scope, a.subject, a.observed_at, a.is_complete, a.recorded_at,
        NULL::TIMESTAMPTZ AS refused_from
    FROM meta.snapshot a
    UNION ALL SELECT a.source_id, a.scope, a.subject, a.observed_at, a.is_complete, a.recorded_at, r.refused_from
    FROM meta.snapshot a JOIN {refused} r ON r.source_id = a.source_id AND r.scope = a.scope
    WHERE a.observed_at < r.refused_from) s
WHERE s.subject = 'cloud_rate' AND s.recorded_at <= {known_at} GROUP BY ALL
