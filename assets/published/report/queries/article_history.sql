-- What the petadays of GPT-3 would have cost at each month's end, on demand, on the accelerators that most providers
-- offer.
WITH chosen AS (
    SELECT accelerator_id FROM estimated.petaday_history WHERE purchase_option = 'on_demand'
    GROUP BY 1 ORDER BY max_by(provider_count, index_on) DESC, count(*) DESC, 1 LIMIT 8)
SELECT accelerator_id, max(index_on) AS on_date, max_by(cost_usd, index_on) AS central,
    max_by(low_usd, index_on) AS low, max_by(high_usd, index_on) AS high, max_by(gpu_hours, index_on) AS gpu_hours,
    max_by(median_usd_per_gpu_hour, index_on) AS usd_per_gpu_hour, max_by(provider_count, index_on) AS providers,
    max_by(method_version, index_on) AS method_version, max_by(is_bundled, index_on) AS is_bundled
FROM estimated.petaday_history SEMI JOIN chosen USING (accelerator_id)
WHERE method_version = (SELECT _newest_method(method_version) FROM estimated.petaday_history)
    AND purchase_option = 'on_demand' AND index_on <= getvariable('report_at')::DATE
GROUP BY accelerator_id, date_trunc('month', index_on) ORDER BY accelerator_id, on_date
