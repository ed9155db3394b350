-- What the estimates behind the claims rest on, with the part of the variance that each factor causes.
SELECT DISTINCT ON (c.article_point, f.scenario_id, f.factor) c.article_point, f.scenario_id, f.factor, f.value, f.low,
    f.high, f.unit, max(f.variance_share) OVER (PARTITION BY f.scenario_id, f.factor) AS share, f.origin_kind,
    f.origin_ref, f.source_url, f.capture_id, f.is_bundled
FROM estimated.factor f
JOIN (
    SELECT DISTINCT article_point, scenario_id, method_version FROM estimated.scenario_verdict) c
    USING (scenario_id, method_version)
WHERE f.quantity <> 'unused' ORDER BY c.article_point, f.scenario_id, f.factor, f.variance_share DESC NULLS LAST
