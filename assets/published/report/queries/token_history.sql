-- Output prices of the models that changed price most often, at their lowest context tier, as steps of one source each:
-- two lists that disagree are not a change of price. The seller's own list is taken, else the one with the longest
-- history.
WITH priced AS (
    SELECT vendor_id AS vendor, model_listing(model) AS listing, model, source_id,
        source_id <> vendor AS is_told_by_others, price_usd_per_mtok AS price,
        coalesce(valid_from, observed_at) AS from_at,
        least(coalesce(valid_to, 'infinity'), getvariable('report_at')) AS to_at, capture_id, is_bundled
    FROM observed.token_price
    WHERE direction = 'output' AND service_tier = 'standard' AND price_usd_per_mtok > 0
        AND coalesce(valid_from, observed_at) <= getvariable('report_at')
        AND coalesce(time_window, '') IN ('', 'any', 'all') AND coalesce(region, '') IN ('', 'global')
    QUALIFY context_tier_from_tokens IS NOT DISTINCT FROM min(context_tier_from_tokens) OVER (PARTITION BY vendor_id,
        model_listing(model))
), preferred AS (
    SELECT vendor, listing, source_id
    FROM priced GROUP BY vendor, listing, source_id
    -- A listing with several names, each with its own price, has no single line to draw.
    HAVING count(*) = count(DISTINCT from_at)
    QUALIFY row_number() OVER (PARTITION BY vendor, listing
        ORDER BY bool_and(is_told_by_others), min(from_at) - max(to_at), source_rank(source_id), source_id) = 1
), stepped AS (
    SELECT * FROM priced SEMI JOIN preferred USING (vendor, listing, source_id)
    -- Differences up to 0.5% are taken for rounding.
    QUALIFY coalesce(abs(price / lag(price) OVER (PARTITION BY vendor, listing ORDER BY from_at) - 1) > 0.005, true)
), chosen AS (
    SELECT vendor, listing FROM stepped GROUP BY ALL HAVING count(*) >= 2
    ORDER BY count(*) DESC, max(from_at) DESC, vendor, listing LIMIT 8
)
SELECT vendor, last(model) OVER line AS model, source_id, price, from_at::DATE AS from_on,
    max(to_at) OVER line::DATE AS to_on, capture_id, is_bundled
FROM stepped SEMI JOIN chosen USING (vendor, listing)
WINDOW line AS (PARTITION BY vendor, listing ORDER BY from_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
ORDER BY vendor, model, from_on
