-- Every change of a price: the value before and after, in the currency it is quoted in, by the same source for the same
-- thing.
WITH told AS (
    SELECT 'cloud_rate' AS subject, provider AS seller, instance_type AS item,
        concat_ws(', ', purchase_option, nullif(price_component, 'instance'), nullif(offer_variant, '')) AS variant,
        region, accelerator_id, 'per hour' AS price_unit, currency_code, price_amount_per_hour AS price,
        price_usd_per_hour AS usd, source_id, scope, valid_from, valid_to, observed_at, capture_id, is_bundled
    FROM {cloud_rate}
    UNION ALL
    SELECT 'token_price', vendor, model,
        concat_ws(', ', direction, nullif(service_tier, 'standard'),
            CASE WHEN context_tier_from_tokens > 0 THEN 'from ' || context_tier_from_tokens || ' tokens' END,
            nullif(time_window, '')),
        region, NULL, 'per million tokens', 'USD', price_usd_per_mtok, price_usd_per_mtok, source_id, scope, valid_from,
        valid_to, observed_at, capture_id, is_bundled
    FROM {token_price}
    UNION ALL
    SELECT 'gpu_price', seller, product, concat_ws(', ', price_kind, nullif(product_code, '')), 'global',
        accelerator_id, 'per card', currency_code,
        price_amount, price_usd, source_id, scope, valid_from, valid_to, observed_at, capture_id, is_bundled
    FROM {gpu_price}),
paired AS (
    SELECT *, lag(price) OVER w AS old_price, lag(currency_code) OVER w AS old_currency_code,
        lag(usd) OVER w AS old_usd, lag(valid_to) OVER w AS old_valid_to, lag(capture_id) OVER w AS old_capture_id
    FROM told
    WINDOW w AS (PARTITION BY subject, source_id, scope, seller, item, variant, region ORDER BY valid_from NULLS FIRST))
SELECT subject, seller, item, variant, region, accelerator_id, price_unit, old_price, price AS new_price, currency_code,
    old_currency_code,
    -- In the quoted currency, so that an exchange rate is no price change; across currencies in USD.
    CASE WHEN currency_code = old_currency_code THEN 100 * (price / nullif(old_price, 0) - 1)
        ELSE 100 * (usd / nullif(old_usd, 0) - 1) END AS change_percent,
    valid_from AS changed_at, old_valid_to AS old_valid_to, old_valid_to < valid_from AS is_after_gap, observed_at,
    source_id, capture_id, old_capture_id, is_bundled
FROM paired
WHERE old_price IS NOT NULL AND (price <> old_price OR currency_code <> old_currency_code)
