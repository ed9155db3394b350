-- The hours of the day on the grids that are observed by the hour: mean, p5 and p95 of the newest 365 days, in UTC.
-- One source speaks for a zone and boundary: the best ranked of those with the newest data. Average, location-based; never mixed with another basis.
WITH hourly AS (
    SELECT * FROM observed.grid_carbon
    WHERE resolution IN ('PT5M', 'PT15M', 'PT30M', 'PT1H') AND basis_method = 'average' AND basis_accounting = 'location'
      AND basis_kind IN ('actual', 'estimated') AND valid_from <= getvariable('report_at')
), speaker AS (
    SELECT zone, basis_boundary, source_id, max(valid_from) AS newest_at FROM hourly GROUP BY zone, basis_boundary, source_id
    QUALIFY row_number() OVER (PARTITION BY zone, basis_boundary ORDER BY source_rank(source_id), newest_at DESC, source_id) = 1
)
SELECT zone, basis_boundary, hour(valid_from) AS hour_of_day, quantile_cont(intensity_gco2e_per_kwh, 0.05) AS low,
       avg(intensity_gco2e_per_kwh) AS central, quantile_cont(intensity_gco2e_per_kwh, 0.95) AS high,
       min(valid_from)::DATE AS first_on, max(valid_from)::DATE AS last_on, any_value(source_id) AS source_id,
       list(DISTINCT capture_id) AS capture_ids, bool_and(is_bundled) AS is_bundled
FROM hourly JOIN speaker USING (zone, basis_boundary, source_id)
WHERE valid_from > newest_at - INTERVAL 365 DAY
GROUP BY zone, basis_boundary, hour_of_day ORDER BY zone, basis_boundary, hour_of_day
