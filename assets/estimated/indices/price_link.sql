-- estimated.price_link, method price-index-1: rules 2 to 4 of estimated.price_index on the days of change, each of
-- which depends on that day and the day of change before it, and on no other.
WITH state AS (
    SELECT e.accelerator_id, e.purchase_option, e.index_on, o.provider, o.source_id, o.source_rank, o.is_bundled,
        o.price_usd_per_gpu_hour AS price,
        -- The same offer on the day of change before: the same price, or the one that ended as this one began.
        CASE WHEN o.began_on < e.index_on THEN o.price_usd_per_gpu_hour
            ELSE o.price_before_usd_per_gpu_hour END AS price_before
    FROM {event} e
    JOIN {counted} o ON o.accelerator_id = e.accelerator_id AND o.purchase_option = e.purchase_option
        AND o.began_on <= e.index_on AND e.index_on < o.counts_to_on),
by_source AS (
    SELECT accelerator_id, purchase_option, index_on, provider, source_id, any_value(source_rank) AS source_rank,
        any_value(is_bundled) AS is_bundled, median(price) AS price, min(price) AS cheapest, count(*) AS offer_count,
        count(price_before) AS matched_count, avg(ln(price / price_before)) AS link
    FROM state GROUP BY ALL),
-- One source for each provider: one for its prices (by offers), one for its moves (by matched offers).
by_provider AS (
    SELECT accelerator_id, purchase_option, index_on, provider,
        arg_min(struct_pack(price, cheapest, offer_count, is_bundled, source_id),
            (source_rank, -offer_count, source_id)) AS level,
        arg_min(link, (source_rank, -matched_count, source_id)) FILTER (matched_count > 0) AS link
    FROM by_source GROUP BY ALL),
level AS (
    SELECT accelerator_id, purchase_option, index_on, avg(link) AS link, count(link) AS matched_provider_count,
        median(level.price) AS middle, quantile_cont(level.price, 0.25) AS lower,
        quantile_cont(level.price, 0.75) AS upper, quantile_cont(level.price, 0.05) AS low,
        quantile_cont(level.price, 0.95) AS high, min(level.cheapest) AS cheapest,
        sum(level.offer_count)::BIGINT AS offer_count, count(*) AS provider_count,
        bool_or(level.is_bundled) AS is_bundled,
        string_agg(DISTINCT level.source_id, ', ' ORDER BY level.source_id) AS source_ids
    FROM by_provider GROUP BY ALL)
SELECT e.accelerator_id, e.purchase_option, e.index_on, $method_version AS method_version, l.link AS log_move,
    coalesce(l.matched_provider_count, 0) AS matched_provider_count, l.middle AS median_usd_per_gpu_hour,
    l.lower AS lower_quartile_usd_per_gpu_hour, l.upper AS upper_quartile_usd_per_gpu_hour,
    l.low AS low_usd_per_gpu_hour, l.high AS high_usd_per_gpu_hour, l.cheapest AS cheapest_usd_per_gpu_hour,
    coalesce(l.offer_count, 0) AS offer_count, coalesce(l.provider_count, 0) AS provider_count, l.source_ids,
    l.is_bundled
FROM {event} e
LEFT JOIN level l ON l.accelerator_id = e.accelerator_id AND l.purchase_option = e.purchase_option
    AND l.index_on = e.index_on
