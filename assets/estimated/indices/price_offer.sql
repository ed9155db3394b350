-- estimated.price_offer, method price-index-1: the offers that estimated.price_index counts (its rules 1 and 4), one
-- row per offer and price, with the price of the same offer of the same source that ended as this one began.
SELECT accelerator_id, purchase_option, provider, source_id, scope, source_rank, is_bundled, offer_key,
    price_usd_per_gpu_hour,
    CASE WHEN lag(ended_on) OVER w = began_on
            THEN lag(price_usd_per_gpu_hour) OVER w END AS price_before_usd_per_gpu_hour,
    began_on, valid_to, seen_at, refused_from
FROM (
    SELECT accelerator_id, purchase_option, provider, source_id, scope, source_rank(source_id) AS source_rank,
        is_bundled, {offer_key} AS offer_key, price_usd_per_gpu_hour, utc_day(counts_from) AS began_on,
        utc_day(valid_to) AS ended_on, valid_to, CASE WHEN is_bundled THEN counts_from ELSE observed_at END AS seen_at,
        refused_from
    FROM {offers} o WHERE accelerator_id IS NOT NULL AND price_usd_per_gpu_hour > 0)
WHERE ended_on IS NULL OR began_on < ended_on
WINDOW w AS (PARTITION BY accelerator_id, purchase_option, offer_key ORDER BY began_on)
