-- A GPU-hour on demand, by accelerator: median, p5 and p95 of the offers in force.
SELECT o.accelerator_id, a.name, quantile_cont(price_usd_per_gpu_hour, 0.05) AS low, median(price_usd_per_gpu_hour) AS central,
       quantile_cont(price_usd_per_gpu_hour, 0.95) AS high, count(*) AS offers, count(DISTINCT provider) AS providers,
       min(seen_at)::DATE AS first_seen_on, max(seen_at)::DATE AS seen_on, bool_or(is_bundled) AS has_bundled, bool_and(is_bundled) AS is_bundled,
       list(DISTINCT capture_id) AS capture_ids
FROM offer_now o JOIN reference.accelerator a USING (accelerator_id)
WHERE purchase_option = 'on_demand'
GROUP BY ALL ORDER BY providers DESC, offers DESC, o.accelerator_id
