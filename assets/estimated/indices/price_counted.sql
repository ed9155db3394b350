-- Until when each row of estimated.price_offer counts (rule 1 of estimated.price_index): its end, else as long as its
-- source's last complete answer lets it (ends_on; as counts_until, by days); and that, cut at the last day of the index
-- (counts_to_on).
SELECT *, least(ends_on, {end_on}) AS counts_to_on
FROM (
    SELECT o.*,
        coalesce(utc_day(o.valid_to), CASE WHEN o.is_bundled THEN utc_day(o.seen_at)
                ELSE greatest(utc_day(o.seen_at), {confirmed_on}) END + _counted_days(o.is_bundled)) AS ends_on
    FROM {offer} o
    LEFT JOIN {seen} c ON c.source_id = o.source_id AND c.scope = o.scope
        AND c.refused_from IS NOT DISTINCT FROM o.refused_from)
WHERE began_on < least(ends_on, {end_on})
