-- estimated.price_index, method price-index-1. The rule, so that anyone can rebuild it from observed.cloud_offer:
-- 1. An offer counts on the days (UTC) from its start to its end in observed.cloud_offer (whole instances, no slices, no market
--    quantiles beside the median; dropped when unconfirmed for too long), with the USD price per GPU-hour of its own start day.
-- 2. Where several sources state a provider's offers of an accelerator, one speaks on each day: the lowest source_rank, then the one
--    with most offers, then by name. So no offer counts twice.
-- 3. A provider's price is the median of its offers; median and quartiles are taken over providers, each of which counts once.
-- 4. The index moves only by matched pairs: the same offer of the same source on two successive days of change. A provider's link is
--    the geometric mean of its offers' price ratios, the index's link the geometric mean of its providers' links. Who joins or leaves
--    has no pair on that day and moves nothing. Where no offer ties a day to the one before, a new chain begins.
-- 5. index_points is 100 on the first day of a chain; index_usd_per_gpu_hour is the same scaled to the median on its last day.
WITH horizon AS (
    SELECT (max(s.observed_at) AT TIME ZONE 'UTC')::DATE + 1 AS end_on FROM meta.snapshot s WHERE s.subject = 'cloud_rate'),
offer AS (
    SELECT accelerator_id, purchase_option, provider, source_id, source_rank, is_bundled,
        hash(source_id, scope, provider, region, instance_type, offer_variant) AS offer_key, price_usd_per_gpu_hour AS price,
        (counts_from AT TIME ZONE 'UTC')::DATE AS from_on,
        least((counts_to AT TIME ZONE 'UTC')::DATE, (SELECT end_on FROM horizon)) AS to_on
    FROM observed.cloud_offer WHERE accelerator_id IS NOT NULL AND price_usd_per_gpu_hour > 0),
counted AS (SELECT * FROM offer WHERE from_on < to_on),
event AS (
    SELECT accelerator_id, purchase_option, index_on,
        lag(index_on) OVER w AS before_on, coalesce(lead(index_on) OVER w, (SELECT end_on FROM horizon)) AS next_on
    FROM (SELECT accelerator_id, purchase_option, from_on AS index_on FROM counted UNION SELECT accelerator_id, purchase_option, to_on FROM counted)
    WHERE index_on < (SELECT end_on FROM horizon)
    WINDOW w AS (PARTITION BY accelerator_id, purchase_option ORDER BY index_on)),
state AS (
    SELECT e.accelerator_id, e.purchase_option, e.index_on, e.before_on, o.provider, o.source_id, o.source_rank, o.is_bundled, o.offer_key, o.price
    FROM event e JOIN counted o ON o.accelerator_id = e.accelerator_id AND o.purchase_option = e.purchase_option
        AND o.from_on <= e.index_on AND e.index_on < o.to_on),
said AS (
    SELECT s.accelerator_id, s.purchase_option, s.index_on, s.provider, s.source_id, any_value(s.source_rank) AS source_rank,
        any_value(s.is_bundled) AS is_bundled, median(s.price) AS price, min(s.price) AS cheapest, count(*) AS offer_count,
        count(b.price) AS matched_count, avg(ln(s.price / b.price)) AS link
    FROM state s LEFT JOIN state b ON b.accelerator_id = s.accelerator_id AND b.purchase_option = s.purchase_option
        AND b.index_on = s.before_on AND b.offer_key = s.offer_key
    GROUP BY ALL),
level AS (
    SELECT accelerator_id, purchase_option, index_on, median(price) AS middle, quantile_cont(price, 0.25) AS lower, quantile_cont(price, 0.75) AS upper,
        min(cheapest) AS cheapest, sum(offer_count)::BIGINT AS offer_count, count(*) AS provider_count, bool_or(is_bundled) AS is_bundled,
        string_agg(DISTINCT source_id, ', ' ORDER BY source_id) AS source_ids
    FROM (FROM said QUALIFY row_number() OVER (PARTITION BY accelerator_id, purchase_option, index_on, provider
        ORDER BY source_rank, offer_count DESC, source_id) = 1)
    GROUP BY ALL),
moved AS (
    SELECT accelerator_id, purchase_option, index_on, avg(link) AS link, count(*) AS matched_provider_count
    FROM (FROM said WHERE matched_count > 0 QUALIFY row_number() OVER (PARTITION BY accelerator_id, purchase_option, index_on, provider
        ORDER BY source_rank, matched_count DESC, source_id) = 1)
    GROUP BY ALL),
chained AS (
    SELECT l.*, e.next_on, coalesce(m.link, 0) AS link, coalesce(m.matched_provider_count, 0) AS matched_provider_count,
        sum((m.link IS NULL)::INT) OVER (PARTITION BY l.accelerator_id, l.purchase_option ORDER BY l.index_on) AS chain_number
    FROM level l
    JOIN event e ON e.accelerator_id = l.accelerator_id AND e.purchase_option = l.purchase_option AND e.index_on = l.index_on
    LEFT JOIN moved m ON m.accelerator_id = l.accelerator_id AND m.purchase_option = l.purchase_option AND m.index_on = l.index_on),
scaled AS (
    SELECT *, sum(link) OVER w AS moved_by, sum(link) OVER c AS moved_in_all, last_value(middle) OVER c AS last_middle
    FROM chained
    WINDOW w AS (PARTITION BY accelerator_id, purchase_option, chain_number ORDER BY index_on),
        c AS (PARTITION BY accelerator_id, purchase_option, chain_number ORDER BY index_on ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING))
SELECT s.accelerator_id, s.purchase_option, unnest(range(s.index_on, s.next_on, INTERVAL 1 DAY))::DATE AS index_on, $method_version AS method_version,
    s.chain_number::BIGINT AS chain_number, 100 * exp(s.moved_by) AS index_points, s.last_middle * exp(s.moved_by - s.moved_in_all) AS index_usd_per_gpu_hour,
    s.middle AS median_usd_per_gpu_hour, s.lower AS lower_quartile_usd_per_gpu_hour, s.upper AS upper_quartile_usd_per_gpu_hour,
    s.cheapest AS cheapest_usd_per_gpu_hour, s.offer_count, s.provider_count, s.matched_provider_count,
    s.middle * 24 / (a.fp16_dense_flop_per_s / 1e15) AS median_usd_per_pflop_day, s.middle / a.memory_gib AS median_usd_per_gib_hour,
    s.source_ids, s.is_bundled
FROM scaled s LEFT JOIN reference.accelerator a ON a.accelerator_id = s.accelerator_id
ORDER BY s.accelerator_id, s.purchase_option, 3
