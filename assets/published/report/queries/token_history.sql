-- Output prices of the models that changed price most often, at their lowest context tier, as steps.
WITH priced AS (
    SELECT vendor, model, source_id, price_usd_per_mtok AS price, coalesce(valid_from, observed_at) AS from_at, valid_to, capture_id, is_bundled,
           count(*) OVER (PARTITION BY vendor, model) AS rows_of_model
    FROM observed.token_price
    WHERE direction = 'output' AND service_tier = 'standard' AND price_usd_per_mtok > 0
      AND coalesce(valid_from, observed_at) <= getvariable('report_at')
      AND coalesce(time_window, '') IN ('', 'any', 'all') AND coalesce(region, '') IN ('', 'global')
    QUALIFY context_tier_from_tokens IS NOT DISTINCT FROM min(context_tier_from_tokens) OVER (PARTITION BY vendor, model)
), stepped AS (
    SELECT * FROM priced QUALIFY price IS DISTINCT FROM lag(price) OVER (PARTITION BY vendor, model ORDER BY from_at, source_id)
), chosen AS (
    SELECT vendor, model FROM stepped GROUP BY ALL HAVING count(*) >= 2
    ORDER BY count(*) DESC, max(from_at) DESC, vendor, model LIMIT 8
)
SELECT vendor, model, price, from_at::DATE AS from_on, capture_id, is_bundled FROM stepped SEMI JOIN chosen USING (vendor, model)
ORDER BY vendor, model, from_on
