-- The output price that a vendor's newest models were introduced at, by quarter: lowest and highest.
SELECT vendor, date_trunc('quarter', first_at)::DATE AS quarter_on, min(price) AS low, median(price) AS central, max(price) AS high, count(*) AS models
FROM (
    SELECT vendor, model, min(coalesce(valid_from, observed_at)) AS first_at, arg_min(price_usd_per_mtok, coalesce(valid_from, observed_at)) AS price
    FROM observed.token_price
    WHERE direction = 'output' AND service_tier = 'standard' AND price_usd_per_mtok > 0 AND coalesce(valid_from, observed_at) <= getvariable('report_at')
    GROUP BY ALL)
GROUP BY ALL ORDER BY ALL
