-- Every source with the state it is in.
SELECT s.source_id, s.subject, s.title, s.homepage_url, s.licence, s.licence_url, s.attribution, s.cadence, s.key_name,
    s.is_bundled, s.parser_version, t.last_good_at, epoch(getvariable('report_at') - t.last_good_at) AS age_s,
    t.last_outcome, t.last_message, t.last_row_count, t.last_rejected_count
FROM meta.source s LEFT JOIN meta.source_status t USING (source_id)
ORDER BY t.last_good_at IS NULL, s.subject, s.source_id
