-- Cost of a million output tokens of Llama 70B: self-hosted (bundled scenarios of serving) and at the APIs that offer
-- it.
SELECT 'self-hosted' AS kind, s.scenario_id AS label, s.low, s.central, s.high, s.as_of_at::DATE AS on_date,
    NULL AS model, NULL AS source_id, NULL AS capture_id, s.is_bundled, f.low AS used_low, f.high AS used_high
FROM estimated.scenario_estimate s
LEFT JOIN estimated.factor f ON f.scenario_id = s.scenario_id AND f.method_version = s.method_version
    AND f.quantity = s.quantity AND f.factor = 'utilization_share'
WHERE s.section = 'serving' AND s.quantity = 'usd_per_mtok_output' AND s.central IS NOT NULL
    AND s.scenario_id ILIKE '%llama%70b%'
    AND s.method_version = (SELECT _newest_method(n.method_version) FROM estimated.scenario_estimate n
        WHERE n.scenario_id = s.scenario_id)
UNION ALL
SELECT 'API', concat_ws(' ', vendor_id, host), price_usd_per_mtok, price_usd_per_mtok, price_usd_per_mtok,
    greatest(observed_at, seen_at)::DATE, model, source_id, capture_id, is_bundled, NULL, NULL
FROM (
    -- Meta's own weights, without derived models; some lists append the host to the model name in parentheses.
    SELECT t.*, s.seen_at, nullif(regexp_extract(t.model, '\((.+)\)', 1), '') AS host
    FROM observed.token_price t LEFT JOIN (FROM seen WHERE subject = 'token_price') s USING (source_id, scope)
    WHERE t.direction = 'output' AND t.service_tier = 'standard' AND t.price_usd_per_mtok > 0
        AND t.context_tier_from_tokens = 0 AND regexp_matches(lower(t.model), 'llama[-_]?[23]?([._-][0-3])?[-_]?70b')
        AND NOT regexp_matches(lower(t.model), 'distill|nemotron|hermes|guard|chatqa|euryale|lumimaid|tulu|saba')
        AND coalesce(t.valid_from, t.observed_at) <= getvariable('report_at')
        AND coalesce(t.valid_to, 'infinity') > getvariable('report_at')
    QUALIFY row_number() OVER (PARTITION BY vendor_id, host
        ORDER BY greatest(t.observed_at, s.seen_at) DESC, t.valid_from DESC, t.model DESC, t.source_id) = 1)
ORDER BY kind DESC, central, label
