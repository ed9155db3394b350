-- When to start a job so that it runs in the hours of lowest carbon intensity.
-- Hours and days are those of UTC, whatever the session's time zone: time_bucket, where date_trunc would begin hours at
-- the half hour in Kolkata, and 28 times 24 hours, where 28 days would be an hour more or less where the clocks change.
CREATE OR REPLACE MACRO green_window(zone, hours, from_at := TIMESTAMPTZ '-infinity', horizon_hours := 24,
        boundary := NULL, known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH asked AS (
        SELECT _asked_zone('zone', zone) AS asked_zone, _asked_instant(from_at) AS told_by,
            time_bucket(INTERVAL 1 HOUR, _asked_instant(from_at)) AS asked_at,
            -- A job that runs into an hour is in it; a wait is at most as long as was said.
            ceil(_asked_number('hours', hours, 1, 8760))::BIGINT AS job_hours,
            floor(_asked_number('horizon_hours', horizon_hours, 0, 8760))::BIGINT AS wait_most,
            _asked_boundary(boundary) AS asked_boundary,
            _instant(known_at) AS asked_known_at),
    recorded AS (
        SELECT g.*
        FROM observed.grid_carbon_log g JOIN asked a ON g.zone = a.asked_zone
        WHERE is_hourly(g.resolution) AND g.basis_method = 'average'
            AND g.basis_accounting = 'location' AND (a.asked_boundary IS NULL OR g.basis_boundary = a.asked_boundary)
            AND g.recorded_at <= a.asked_known_at AND g.valid_from >= a.asked_at - to_hours(28 * 24)
            AND g.valid_from < a.asked_at + to_hours(a.wait_most + a.job_hours)),
    slot AS (
        SELECT l.*
        FROM (
            SELECT w.*
            FROM recorded w, asked a WHERE w.basis_kind IN ('actual', 'estimated') AND w.valid_from < a.asked_at
            QUALIFY row_number() OVER (PARTITION BY w.source_id, w.scope, w.resolution, w.basis_boundary, w.basis_kind,
                w.valid_from ORDER BY w.observed_at DESC, w.capture_id DESC, w.recorded_at DESC) = 1
                AND w.is_offered) l
        -- Of a slot what was measured, once it is known; until then what was estimated. They are never averaged.
        QUALIFY row_number() OVER (PARTITION BY l.source_id, l.resolution, l.basis_boundary, l.valid_from
            ORDER BY l.basis_kind, l.scope) = 1),
    recent AS (
        SELECT h.source_id, h.basis_boundary, time_bucket(INTERVAL 1 HOUR, h.valid_from) AS hour_from,
            avg(h.intensity_gco2e_per_kwh) AS intensity
        FROM slot h GROUP BY ALL),
    -- One source and basis: published intensities before those computed from a mix beside them, lifecycle before
    -- direct, then the lowest source_rank, then most hours.
    chosen AS (
        SELECT r.source_id, r.basis_boundary
        FROM recent r GROUP BY r.source_id, r.basis_boundary
        ORDER BY _is_second_word(r.source_id), _boundary_rank(r.basis_boundary), source_rank(r.source_id),
            count(*) DESC, r.source_id
        LIMIT 1),
    profile AS (
        SELECT hour(r.hour_from AT TIME ZONE 'UTC') AS hour_of_day,
            isodow(r.hour_from AT TIME ZONE 'UTC') >= 6 AS is_weekend, avg(r.intensity) AS typical
        FROM recent r JOIN chosen c ON c.source_id = r.source_id AND c.basis_boundary = r.basis_boundary GROUP BY ALL),
    -- The forecasts as published by then, not as corrected later.
    forecast_slot AS (
        SELECT f.source_id, f.basis_boundary, f.valid_from, f.intensity_gco2e_per_kwh AS intensity
        FROM recorded f, asked a
        WHERE f.basis_kind = 'forecast' AND f.observed_at <= a.told_by AND f.valid_from >= a.asked_at
        QUALIFY row_number() OVER (PARTITION BY f.source_id, f.basis_boundary, f.resolution, f.valid_from
            ORDER BY f.observed_at DESC, f.capture_id DESC, f.recorded_at DESC) = 1
            AND f.is_offered),
    forecast_hour AS (
        SELECT t.source_id, t.basis_boundary, time_bucket(INTERVAL 1 HOUR, t.valid_from) AS hour_from,
            avg(t.intensity) AS intensity
        FROM forecast_slot t GROUP BY ALL),
    -- A forecast counts where it reaches over the whole horizon: its hours are not compared with typical ones.
    forecast AS (
        SELECT h.source_id, h.basis_boundary
        FROM forecast_hour h CROSS JOIN asked a GROUP BY h.source_id, h.basis_boundary, a.wait_most, a.job_hours
        HAVING count(*) = a.wait_most + a.job_hours
        ORDER BY _is_second_word(h.source_id), _boundary_rank(h.basis_boundary), source_rank(h.source_id), h.source_id
        LIMIT 1),
    span AS (
        SELECT k.asked_at + to_hours(k.wait_hours) AS hour_from, k.told_by, k.wait_hours, k.asked_zone, k.job_hours,
            k.wait_most
        FROM (SELECT b.*, unnest(range(0, b.wait_most + b.job_hours)) AS wait_hours FROM asked b) k),
    expected AS (
        SELECT s.*, CASE WHEN f.source_id IS NOT NULL THEN h.intensity ELSE p.typical END AS intensity,
            CASE WHEN f.source_id IS NOT NULL THEN 'forecast'
                ELSE 'typical profile of the last 28 days' END AS advice_by,
            coalesce(f.basis_boundary, c.basis_boundary) AS basis_boundary,
            coalesce(f.source_id, c.source_id) AS source_id
        FROM span s LEFT JOIN forecast f ON true LEFT JOIN chosen c ON true
        LEFT JOIN forecast_hour h ON h.source_id = f.source_id AND h.basis_boundary = f.basis_boundary
            AND h.hour_from = s.hour_from
        LEFT JOIN profile p ON p.hour_of_day = hour(s.hour_from AT TIME ZONE 'UTC')
            AND p.is_weekend = (isodow(s.hour_from AT TIME ZONE 'UTC') >= 6)),
    start AS (
        SELECT e.*, avg(e.intensity) OVER w AS job_mean, count(e.intensity) OVER w AS hours_known
        FROM expected e WINDOW w AS (ORDER BY e.wait_hours ROWS BETWEEN CURRENT ROW AND (e.job_hours - 1) FOLLOWING)),
    valued AS (
        SELECT s.*, max(s.job_mean) FILTER (WHERE s.wait_hours = 0) OVER () AS now_mean
        FROM start s WHERE s.wait_hours <= s.wait_most AND s.hours_known = s.job_hours)
    -- Within the hour that is asked in, now is the earliest start.
    SELECT v.asked_zone AS zone, greatest(v.hour_from, v.told_by) AS best_start_at, v.wait_hours,
        v.job_mean AS expected_gco2e_per_kwh, v.now_mean AS starting_now_gco2e_per_kwh,
        100 * (1 - v.job_mean / nullif(v.now_mean, 0)) AS saving_percent, v.advice_by, v.basis_boundary, v.source_id
    FROM valued v ORDER BY v.job_mean, v.wait_hours LIMIT 1;
COMMENT ON MACRO TABLE green_window IS
    'Best start of a job of so many hours in a zone within a horizon, by the forecast known at from_at where one '
    'reaches over all of it, else by the typical profile of the last 28 days (hour of day, working day or weekend), '
    'with the saving expected against starting now; by full hours (UTC): a job of 4.5 hours takes 5, wait_hours count '
    'from the beginning of the hour of from_at. No row where the zone has no hourly values. known_at holds for what '
    'this warehouse had read. How far such advice held: estimated.green_window. green_window(''GB'', 4, from_at := '
    'TIMESTAMPTZ ''2023-03-14 12:00:00+00'').';
