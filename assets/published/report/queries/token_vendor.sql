-- The output price that a vendor's newest models were introduced at, by quarter: lowest and highest.
SELECT vendor, date_trunc('quarter', first_at)::DATE AS quarter_on, min(price) AS low, median(price) AS central,
    max(price) AS high, count(*) AS models, list(DISTINCT capture_id) AS capture_ids, bool_and(is_bundled) AS is_bundled
FROM (
    SELECT vendor_id AS vendor, model_listing(model) AS listing, min(coalesce(valid_from, observed_at)) AS first_at,
        arg_min(price_usd_per_mtok, coalesce(valid_from, observed_at)) AS price,
        arg_min(capture_id, coalesce(valid_from, observed_at)) AS capture_id,
        arg_min(is_bundled, coalesce(valid_from, observed_at)) AS is_bundled
    FROM observed.token_price
    WHERE direction = 'output' AND service_tier = 'standard' AND price_usd_per_mtok > 0
        AND coalesce(valid_from, observed_at) <= getvariable('report_at')
    GROUP BY ALL)
GROUP BY vendor, quarter_on ORDER BY ALL
