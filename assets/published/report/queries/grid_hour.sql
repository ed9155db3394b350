-- The hours of the day on the grids that are observed by the hour: mean, p5 and p95 of the newest 365 days, in UTC. One
-- series for each zone and boundary: of the best ranked source, its newest, finest slots. Average, location-based;
-- never mixed with another basis. Only of a zone with a week of days and every hour of the day in them: the hours of
-- one day say nothing of the hours of another.
WITH hourly AS (
    SELECT *
    FROM observed.grid_carbon
    WHERE is_hourly(resolution) AND basis_method = 'average'
        AND basis_accounting = 'location' AND basis_kind IN ('actual', 'estimated')
        AND valid_from <= getvariable('report_at')
), series AS (
    SELECT zone, basis_boundary, source_id, resolution, max(valid_from) AS newest_at
    FROM hourly GROUP BY zone, basis_boundary, source_id, resolution
    QUALIFY row_number() OVER (PARTITION BY zone, basis_boundary
        ORDER BY source_rank(source_id), newest_at DESC, source_id, epoch(slot_length(resolution))) = 1
), slot AS (
    -- Of a slot what was measured, once it is known; until then what was estimated. They are never averaged.
    SELECT h.*
    FROM hourly h JOIN series s USING (zone, basis_boundary, source_id, resolution)
    WHERE h.valid_from > s.newest_at - INTERVAL 365 DAY
    QUALIFY row_number() OVER (PARTITION BY h.zone, h.basis_boundary, h.valid_from ORDER BY h.basis_kind, h.scope) = 1
)
SELECT zone, basis_boundary, hour(valid_from) AS hour_of_day, quantile_cont(intensity_gco2e_per_kwh, 0.05) AS low,
       avg(intensity_gco2e_per_kwh) AS central, quantile_cont(intensity_gco2e_per_kwh, 0.95) AS high,
       min(valid_from)::DATE AS first_on, max(valid_from)::DATE AS last_on, any_value(source_id) AS source_id,
       list(DISTINCT capture_id) AS capture_ids, bool_and(is_bundled) AS is_bundled
FROM slot
SEMI JOIN (
    SELECT zone, basis_boundary FROM slot GROUP BY ALL
    HAVING count(DISTINCT valid_from::DATE) >= 7 AND count(DISTINCT hour(valid_from)) = 24) USING (zone, basis_boundary)
GROUP BY zone, basis_boundary, hour_of_day ORDER BY zone, basis_boundary, hour_of_day
