-- A GPU-hour on demand, by accelerator: median, p5 and p95 over providers, each with the median of its offers in force.
WITH provider_rate AS (
    SELECT accelerator_id, provider, median(price_usd_per_gpu_hour) AS price, count(*) AS offers,
        min(seen_at) AS first_seen_at, max(seen_at) AS seen_at, bool_or(is_bundled) AS has_bundled,
        bool_and(is_bundled) AS is_bundled, list(capture_id) AS capture_ids
    FROM offer_now WHERE purchase_option = 'on_demand' AND is_of_speaking_source GROUP BY ALL)
SELECT o.accelerator_id, a.name, quantile_cont(price, 0.05) AS low, median(price) AS central,
    quantile_cont(price, 0.95) AS high, sum(offers)::BIGINT AS offers, count(*) AS providers,
    min(first_seen_at)::DATE AS first_seen_on, max(seen_at)::DATE AS seen_on, bool_or(has_bundled) AS has_bundled,
    bool_and(o.is_bundled) AS is_bundled, list_distinct(flatten(list(capture_ids))) AS capture_ids
FROM provider_rate o JOIN reference.accelerator a USING (accelerator_id) GROUP BY ALL
ORDER BY providers DESC, offers DESC, o.accelerator_id
