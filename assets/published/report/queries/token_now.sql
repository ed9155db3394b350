-- Token prices in force, once per offer: all prices of an offer from the source that confirmed it last.
SELECT vendor_id AS vendor, model, direction, service_tier, context_tier_from_tokens, time_window, region,
    price_usd_per_mtok, coalesce(valid_from, observed_at)::DATE AS from_on,
    greatest(observed_at, s.seen_at)::DATE AS seen_on, source_id, capture_id, is_bundled
FROM observed.token_price LEFT JOIN (FROM seen WHERE subject = 'token_price') s USING (source_id, scope)
WHERE coalesce(valid_from, observed_at) <= getvariable('report_at')
    AND coalesce(valid_to, 'infinity') > getvariable('report_at') AND price_usd_per_mtok IS NOT NULL
    AND service_tier = 'standard' AND direction IN ('input', 'output')
QUALIFY (source_id, model) = first((source_id, model)) OVER (PARTITION BY vendor_id, model_listing(model),
    context_tier_from_tokens, time_window, region ORDER BY greatest(observed_at, s.seen_at) DESC, source_id, model)
ORDER BY vendor_id, model, direction, context_tier_from_tokens, time_window, region
