-- The hours of the day on the grids that are observed by the hour: mean, p5 and p95 of the newest 365 days, in UTC.
SELECT zone, basis_boundary, hour(valid_from) AS hour_of_day, quantile_cont(intensity_gco2e_per_kwh, 0.05) AS low,
       avg(intensity_gco2e_per_kwh) AS central, quantile_cont(intensity_gco2e_per_kwh, 0.95) AS high,
       min(valid_from)::DATE AS first_on, max(valid_from)::DATE AS last_on, bool_and(is_bundled) AS is_bundled
FROM (
    SELECT *, max(valid_from) OVER (PARTITION BY zone, basis_boundary) AS newest_at FROM observed.grid_carbon
    WHERE resolution IN ('PT5M', 'PT15M', 'PT30M', 'PT1H') AND basis_method = 'average' AND basis_kind IN ('actual', 'estimated')
      AND valid_from <= getvariable('report_at'))
WHERE valid_from > newest_at - INTERVAL 365 DAY
GROUP BY ALL ORDER BY ALL
