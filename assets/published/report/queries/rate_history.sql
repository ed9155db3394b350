-- A GPU-hour on demand at each month's end: median, p5 and p95 over providers, each with the median of its offers, for
-- the accelerators most offered.
WITH month AS (
    SELECT unnest(generate_series((
        SELECT date_trunc('month', greatest(min(from_at), getvariable('report_at') - INTERVAL 5 YEAR)) FROM offer),
        date_trunc('month', getvariable('report_at')), INTERVAL 1 MONTH)) AS month_from
), moment AS (
    SELECT least(month_from + INTERVAL 1 MONTH - INTERVAL 1 SECOND, getvariable('report_at')) AS at_instant FROM month),
chosen AS (
    SELECT accelerator_id FROM offer JOIN reference.accelerator USING (accelerator_id)
    WHERE purchase_option = 'on_demand' AND fp16_dense_flop_per_s IS NOT NULL AND is_datacenter
    GROUP BY 1 HAVING count(DISTINCT provider) >= 2 ORDER BY count(DISTINCT provider) DESC, count(*) DESC, 1 LIMIT 6
), spell AS (
    FROM (
        SELECT m.at_instant, o.*, offers_said((m.at_instant, o.accelerator_id), o.provider, o.source_id) AS said_count
        FROM moment m JOIN offer o ON o.from_at <= m.at_instant AND o.to_at > m.at_instant
        WHERE o.purchase_option = 'on_demand' AND o.accelerator_id IN (FROM chosen))
    QUALIFY is_spoken((at_instant, accelerator_id), provider, source_rank, said_count, source_id)
), provider_rate AS (
    SELECT accelerator_id, at_instant, provider, median(price_usd_per_gpu_hour) AS price, count(*) AS offers,
        bool_and(is_bundled) AS is_bundled, list(capture_id) AS capture_ids
    FROM spell GROUP BY ALL
)
SELECT accelerator_id, at_instant::DATE AS month_on, quantile_cont(price, 0.05) AS price_low,
    median(price) AS price_central, quantile_cont(price, 0.95) AS price_high, sum(offers)::BIGINT AS offers,
    count(*) AS providers, bool_and(is_bundled) AS is_bundled, list_distinct(flatten(list(capture_ids))) AS capture_ids
FROM provider_rate GROUP BY ALL HAVING sum(offers) >= 2 ORDER BY accelerator_id, month_on
