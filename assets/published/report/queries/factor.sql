-- What each estimate rests on, and the part of the variance that each factor causes.
SELECT scenario_id, quantity, factor, value, low, high, unit, variance_share, origin_kind, origin_ref, capture_id,
    source_url, is_bundled
FROM estimated.factor WHERE method_version = (SELECT _newest_method(method_version) FROM estimated.training_estimate)
ORDER BY scenario_id, quantity, variance_share DESC NULLS LAST, factor
