-- The GPU-hour index on demand at each month's end: it moves with the prices of the same offers; providers that join or
-- leave do not move it. Only the latest chain of each accelerator: two chains do not compare.
WITH shown AS (
    SELECT i.accelerator_id FROM estimated.price_index i JOIN reference.accelerator a USING (accelerator_id)
    WHERE i.purchase_option = 'on_demand' AND a.is_datacenter
    GROUP BY 1 ORDER BY max_by(i.provider_count, i.index_on) DESC, count(*) DESC, 1 LIMIT 8),
latest AS (
    SELECT i.* FROM estimated.price_index i SEMI JOIN shown USING (accelerator_id)
    WHERE i.purchase_option = 'on_demand' AND i.index_on <= getvariable('report_at')::DATE
    QUALIFY i.chain_number = max(i.chain_number) OVER (PARTITION BY i.accelerator_id))
SELECT accelerator_id, max(index_on) AS index_on, max_by(index_usd_per_gpu_hour, index_on) AS index_usd,
    max_by(index_points, index_on) AS index_points, max_by(median_usd_per_gpu_hour, index_on) AS median_usd,
    max_by(lower_quartile_usd_per_gpu_hour, index_on) AS lower_usd,
    max_by(upper_quartile_usd_per_gpu_hour, index_on) AS upper_usd, max_by(provider_count, index_on) AS providers,
    max_by(matched_provider_count, index_on) AS matched, max_by(is_bundled, index_on) AS is_bundled
FROM latest GROUP BY accelerator_id, date_trunc('month', index_on) ORDER BY accelerator_id, 2
