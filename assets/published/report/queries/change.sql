-- What moved in the last 30 days of data: rates of accelerators and prices of tokens that took another value.
WITH rate AS (
    SELECT 'cloud_rate' AS subject, accelerator_id AS item,
        concat_ws(' ', provider, region, instance_type, purchase_option) AS detail, price_usd_per_gpu_hour AS price,
        'USD/GPU-h' AS unit, lag(price_usd_per_gpu_hour) OVER w AS before, lag(to_at) OVER w AS before_to, from_at,
        source_id, capture_id, is_bundled
    FROM offer
    WINDOW w AS (PARTITION BY source_id, provider, region, instance_type, purchase_option, offer_variant
        ORDER BY from_at)
), token AS (
    SELECT 'token_price' AS subject, model AS item,
        concat_ws(' ', vendor, direction, service_tier, nullif(time_window, ''), nullif(region, '')) AS detail,
        price_usd_per_mtok AS price, 'USD/Mtoken' AS unit, lag(price_usd_per_mtok) OVER w AS before,
        NULL::TIMESTAMPTZ AS before_to, coalesce(valid_from, observed_at) AS from_at, source_id, capture_id, is_bundled
    FROM observed.token_price
    WINDOW w AS (PARTITION BY source_id, vendor, model, direction, service_tier, context_tier_from_tokens, time_window,
        region ORDER BY coalesce(valid_from, observed_at))
), moved AS (
    SELECT * FROM (FROM rate UNION ALL BY NAME FROM token) WHERE from_at <= getvariable('report_at')
), latest AS (SELECT subject, max(from_at) AS last_at FROM moved GROUP BY subject)
SELECT subject, item, detail, before, price, price / before - 1 AS change_share, unit, from_at::DATE AS from_on,
       last_at::DATE AS last_on, source_id, capture_id, is_bundled, count(*) OVER (PARTITION BY subject) AS total
FROM moved JOIN latest USING (subject)
WHERE from_at > last_at - INTERVAL 30 DAY AND before > 0 AND abs(price / before - 1) > 0.0005
QUALIFY row_number() OVER (PARTITION BY subject ORDER BY abs(ln(price / before)) DESC, item, detail) <= 40
ORDER BY subject, from_on DESC, abs(ln(nullif(price, 0) / before)) DESC NULLS FIRST, item, detail
