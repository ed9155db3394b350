-- Prices in force now, and the price that was last reported (or first seen) of the same offer by the same source.
CREATE OR REPLACE TEMP TABLE price_now AS
SELECT 'cloud_rate' AS subject, source_id, provider AS seller, instance_type AS item,
    concat_ws(', ', purchase_option, nullif(price_component, 'instance'), nullif(offer_variant, '')) AS variant, region,
    coalesce(accelerator_id, accelerator_name, instance_type) AS thing, purchase_option AS way, accelerator_id,
    purchase_option, price_amount_per_hour AS price, currency_code, price_usd_per_hour AS usd, 'per hour' AS per,
    is_bundled
FROM cloud_rate_as_of(now()) WHERE price_amount_per_hour > 0
UNION ALL
SELECT 'token_price', source_id, vendor, model,
    concat_ws(', ', direction, nullif(service_tier, 'standard'),
        CASE WHEN context_tier_from_tokens > 0 THEN 'from ' || context_tier_from_tokens || ' tokens' END,
        nullif(time_window, '')),
    region, model, direction, NULL, NULL, price_usd_per_mtok, 'USD', price_usd_per_mtok, 'per million tokens',
    is_bundled
FROM token_price_as_of(now()) WHERE price_usd_per_mtok > 0
UNION ALL
SELECT 'gpu_price', source_id, seller, product, concat_ws(', ', price_kind, nullif(product_code, '')), 'global',
    product, price_kind, NULL, NULL, price_amount, currency_code, price_usd, 'per card', is_bundled
FROM gpu_price_as_of(now()) WHERE price_amount > 0;

CREATE OR REPLACE TEMP TABLE price_moved AS
SELECT n.*, t.price AS old_price, t.currency_code AS old_currency_code,
    -- In the quoted currency, so that an exchange rate is no move; across currencies in USD.
    CASE WHEN n.currency_code = t.currency_code THEN 100 * (n.price / t.price - 1)
        ELSE 100 * (n.usd / t.usd - 1) END AS percent
FROM price_now n JOIN alerts.main.told_price t USING (subject, source_id, seller, item, variant, region)
WHERE n.price <> t.price OR n.currency_code <> t.currency_code;

-- One line per seller, thing and way to buy it, with its largest move. A move that another source reported of the same
-- offer within a week is left out.
CREATE OR REPLACE TEMP TABLE price_line AS
FROM (
    SELECT subject, seller, thing, way, count(*) AS offer_count, count(DISTINCT source_id) AS source_count,
        bool_and(is_bundled) AS is_bundled,
        max_by({'item': item, 'region': region, 'old_price': old_price, 'old_currency_code': old_currency_code,
            'price': price, 'currency_code': currency_code, 'per': per, 'percent': percent, 'source_id': source_id},
            abs(percent)) AS largest
    FROM price_moved m
    WHERE abs(percent) > $percent AND (len($accelerators) = 0 OR list_contains($accelerators, accelerator_id))
        AND (len($purchase_options) = 0 OR list_contains($purchase_options, purchase_option))
        AND NOT EXISTS (
            FROM alerts.main.told_price o
            WHERE o.subject = m.subject AND o.seller = m.seller AND o.item = m.item AND o.variant = m.variant
                AND o.region = m.region AND o.source_id <> m.source_id AND o.told_at > now() - INTERVAL 7 DAY
                AND o.currency_code = m.currency_code AND abs(o.price / m.price - 1) < 0.005)
    GROUP BY ALL)
ORDER BY abs(largest.percent) DESC, seller, thing, way;
