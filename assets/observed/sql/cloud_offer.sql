SELECT o.* EXCLUDE (replaced_from, live_from), source_rank(o.source_id) AS source_rank,
    counts_until(o.valid_to, o.confirmed_at, o.is_bundled) AS counts_to,
    greatest(o.counts_from, coalesce(o.valid_to,
        -- What ships with Petaday gives way to whoever was read since.
        CASE WHEN o.is_bundled THEN least(o.confirmed_at + INTERVAL 548 DAY, o.live_from)
             -- The last word stands, with its age, until another is newer by 45 days; the first 45 days it stands
             -- beside any other.
             ELSE greatest(o.confirmed_at + INTERVAL 45 DAY,
                 least(o.confirmed_at + INTERVAL 548 DAY, o.replaced_from)) END)) AS stands_to
FROM (
    SELECT c.*,
        min(c.counts_from) OVER (of_same ORDER BY c.confirmed_at RANGE
            BETWEEN INTERVAL 45 DAY FOLLOWING AND UNBOUNDED FOLLOWING) AS replaced_from,
        min(c.counts_from) FILTER (NOT c.is_bundled)
            OVER (of_same ORDER BY c.confirmed_at RANGE
                BETWEEN INTERVAL 1 MICROSECOND FOLLOWING AND UNBOUNDED FOLLOWING) AS live_from
    FROM (
        SELECT r.*, CASE WHEN r.valid_to IS NULL THEN u.refused_from END AS refused_from,
            CASE WHEN r.is_bundled THEN r.counts_from
                 -- The answer that ended a price does not confirm it; a list that dates its prices knew them to the end.
                 ELSE least(r.valid_to, greatest(r.observed_at,
                     CASE WHEN u.refused_from IS NULL THEN c.confirmed_at ELSE u.confirmed_at END)) END AS confirmed_at
        FROM ({whole}) r
        ASOF LEFT JOIN (
            SELECT s.source_id, s.scope, s.observed_at AS confirmed_at FROM meta.snapshot s
            WHERE s.subject = 'cloud_rate' AND s.is_complete AND s.recorded_at <= {known_at}) c
        ON c.source_id = r.source_id AND c.scope = r.scope
            AND c.confirmed_at < coalesce(r.valid_to, TIMESTAMPTZ 'infinity')
        LEFT JOIN (
            -- An answer with a row that was refused confirms all but that one. What counts is whether the row was still
            -- refused when the price ended.
            SELECT n.*, max(s.observed_at) AS confirmed_at FROM ({refused}) n
            LEFT JOIN meta.snapshot s ON s.source_id = n.source_id AND s.scope = n.scope
                AND s.observed_at < n.refused_from
                AND s.subject = 'cloud_rate' AND s.is_complete AND s.recorded_at <= {known_at} GROUP BY ALL) u
        ON {same_key} AND u.refused_from < coalesce(r.valid_to, TIMESTAMPTZ 'infinity')
            AND coalesce(u.until, TIMESTAMPTZ 'infinity') >= coalesce(r.valid_to, TIMESTAMPTZ 'infinity')) c
    WINDOW of_same AS (PARTITION BY c.provider, c.accelerator_id, c.purchase_option)) o
