-- Until when each row of estimated.price_offer counts (rule 1 of estimated.price_index): its end, else as long as its source's last complete answer lets it
-- (ends_on); and of that what has been seen (counts_to_on).
SELECT o.*, c.confirmed_at, h.end_on, (counts_until(valid_to, CASE WHEN is_bundled THEN seen_at ELSE greatest(seen_at, confirmed_at) END, is_bundled) AT TIME ZONE 'UTC')::DATE AS ends_on,
    least(ends_on, end_on) AS counts_to_on
FROM {offer} o
LEFT JOIN (
    -- An answer with a row that was refused confirms all but that one.
    SELECT s.source_id, s.scope, f.refused_from, max(s.observed_at) AS confirmed_at
    FROM meta.snapshot s JOIN (SELECT DISTINCT source_id, scope, refused_from FROM {offer}) f USING (source_id, scope)
    WHERE s.subject = 'cloud_rate' AND s.is_complete AND s.recorded_at <= {known_at} AND (f.refused_from IS NULL OR s.observed_at < f.refused_from)
    GROUP BY ALL) c ON c.source_id = o.source_id AND c.scope = o.scope AND c.refused_from IS NOT DISTINCT FROM o.refused_from
CROSS JOIN (
    SELECT (max(s.observed_at) AT TIME ZONE 'UTC')::DATE + 1 AS end_on FROM meta.snapshot s WHERE s.subject = 'cloud_rate' AND s.recorded_at <= {known_at}) h
WHERE began_on < counts_to_on
