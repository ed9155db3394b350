-- estimated.price_index, method price-index-1. The rule, so that anyone can rebuild it from observed.cloud_offer:
-- 1. An offer counts on the days (UTC) from its start to its end in observed.cloud_offer (whole instances, no slices,
--    no market quantiles beside the median; dropped when unconfirmed for too long), with the USD price per GPU-hour of
--    its own start day.
-- 2. Where several sources state a provider's offers of an accelerator, one source is taken on each day: the lowest
--    source_rank, then the most offers, then by name. So no offer counts twice.
-- 3. A provider's price is the median of its offers; median, quartiles, p5 and p95 are taken over providers, each of
--    which counts once.
-- 4. The index moves only by matched pairs: the same offer of the same source on two successive days of change. A
--    provider's link is the geometric mean of its offers' price ratios, the index's link the geometric mean of its
--    providers' links. A provider that joins or leaves has no pair on that day and moves nothing. Where no offer ties a
--    day to the one before, a new chain begins.
-- 5. index_points is 100 on the first day of a chain; index_usd_per_gpu_hour is the same scaled to the median on its
--    last day.
-- What depends on a day and the day of change before it is in estimated.price_link; here it is chained and scaled.
-- Chaining may start from where each accelerator and purchase option was before a first day (its chain, and how far
-- that had moved), at the last day of change before it: then the days from the first one on are selected.
WITH chained AS (
    SELECT l.*, b.first_on,
        coalesce(l.log_move, 0) + CASE WHEN l.index_on < b.first_on THEN coalesce(b.moved_by, 0) ELSE 0 END AS move,
        coalesce(b.chain_number, 0) + l.begun_count AS chain_number
    FROM (
        SELECT k.*, lead(k.index_on, 1, {end_on}) OVER w AS next_on,
            sum((k.log_move IS NULL AND k.offer_count > 0)::INT) OVER w AS begun_count
        FROM {link} k WINDOW w AS (PARTITION BY k.accelerator_id, k.purchase_option ORDER BY k.index_on)) l
    LEFT JOIN {before} b ON b.accelerator_id = l.accelerator_id AND b.purchase_option = l.purchase_option
    WHERE l.offer_count > 0),
scaled AS (
    SELECT *, sum(move) OVER w AS moved_by, sum(move) OVER c AS moved_in_all,
        last_value(median_usd_per_gpu_hour) OVER c AS last_median
    FROM chained
    WINDOW w AS (PARTITION BY accelerator_id, purchase_option, chain_number ORDER BY index_on),
        c AS (PARTITION BY accelerator_id, purchase_option, chain_number
            ORDER BY index_on ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING))
SELECT s.accelerator_id, s.purchase_option,
    unnest(range(greatest(s.index_on, s.first_on), s.next_on, INTERVAL 1 DAY))::DATE AS index_on, s.method_version,
    s.chain_number::BIGINT AS chain_number, 100 * exp(s.moved_by) AS index_points,
    s.last_median * exp(s.moved_by - s.moved_in_all) AS index_usd_per_gpu_hour, s.median_usd_per_gpu_hour,
    s.lower_quartile_usd_per_gpu_hour, s.upper_quartile_usd_per_gpu_hour, s.low_usd_per_gpu_hour,
    s.high_usd_per_gpu_hour, s.cheapest_usd_per_gpu_hour, s.offer_count, s.provider_count, s.matched_provider_count,
    s.median_usd_per_gpu_hour * 24 / (a.fp16_dense_flop_per_s / 1e15) AS median_usd_per_pflop_day,
    s.median_usd_per_gpu_hour / a.memory_gib AS median_usd_per_gib_hour, s.source_ids, s.is_bundled
FROM scaled s LEFT JOIN reference.accelerator a ON a.accelerator_id = s.accelerator_id
ORDER BY s.accelerator_id, s.purchase_option, 3
