-- The three cheapest places per accelerator and purchase option, with the grid of the region. One offer per place, its
-- cheapest.
SELECT * FROM (
SELECT o.accelerator_id, o.purchase_option, o.provider, o.region, o.instance_type, o.price_usd_per_gpu_hour,
    coalesce(z.intensity_gco2e_per_kwh, c.intensity_gco2e_per_kwh) AS grid_gco2e_per_kwh,
    coalesce(z.zone, c.zone) AS zone, coalesce(z.year, c.year) AS grid_year,
    coalesce(o.valid_from, o.observed_at)::DATE AS from_on, o.seen_at::DATE AS seen_on, o.source_id, o.capture_id,
    o.is_bundled
FROM offer_now o LEFT JOIN reference.region r USING (provider, region) LEFT JOIN grid_now z ON z.zone = r.grid_zone
LEFT JOIN grid_now c ON c.zone = r.country_code
WHERE o.accelerator_id IN (
    SELECT accelerator_id
    FROM offer_now GROUP BY 1 ORDER BY count(DISTINCT provider) DESC, count(*) DESC, 1 LIMIT 14)
QUALIFY row_number() OVER (PARTITION BY o.accelerator_id, o.purchase_option, o.provider, o.region
    ORDER BY o.price_usd_per_gpu_hour, o.instance_type) = 1
)
QUALIFY row_number() OVER (PARTITION BY accelerator_id, purchase_option
    ORDER BY price_usd_per_gpu_hour, provider, region) <= 3
ORDER BY accelerator_id, purchase_option, price_usd_per_gpu_hour, provider, region
