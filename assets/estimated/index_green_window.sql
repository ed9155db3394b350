-- estimated.green_window, method green-window-1: the advice of the macro green_window without a forecast, tried on the history.
-- 1. Four times a day a job of job_hours may start at once or at any full hour up to horizon_hours later.
-- 2. What is expected of an hour is the mean of the same hour of day (UTC) and kind of day (Monday to Friday, or weekend) over the 28
--    days before the trial: nothing later is looked at.
-- 3. The advice is the start with the lowest expected mean, the earliest of equals. It is judged by the values that came.
-- Each source and basis by itself, the last 365 days of each; trials with an hour missing are left out.
WITH hourly AS (
    SELECT zone, source_id, basis_boundary, date_trunc('hour', valid_from AT TIME ZONE 'UTC') AS hour_from,
        avg(intensity_gco2e_per_kwh) AS intensity, bool_or(is_bundled) AS is_bundled
    FROM observed.grid_carbon
    WHERE resolution IN ('PT5M', 'PT15M', 'PT30M', 'PT1H') AND basis_kind IN ('actual', 'estimated') AND basis_method = 'average' AND basis_accounting = 'location'
    GROUP BY ALL),
series AS (
    SELECT *, row_number() OVER (ORDER BY zone, source_id, basis_boundary) AS series_id FROM (
        SELECT zone, source_id, basis_boundary, greatest(min(hour_from)::DATE, max(hour_from)::DATE - 392) AS first_on, max(hour_from)::DATE AS last_on,
            bool_or(is_bundled) AS is_bundled
        FROM hourly GROUP BY ALL HAVING max(hour_from)::DATE - min(hour_from)::DATE >= 35)),
-- One number names the series and the hour (hours since 1970 stay below ten million until the year 3110): joins by one column stay cheap.
value AS (
    SELECT s.series_id * 10_000_000 + epoch(h.hour_from)::BIGINT // 3600 AS slot_id, h.intensity
    FROM hourly h JOIN series s ON s.zone = h.zone AND s.source_id = h.source_id AND s.basis_boundary = h.basis_boundary),
-- Every hour of every day, so that a gap is a NULL and not a row that is missing.
grid AS (
    SELECT series_id, first_on, last_on, hour_of_day, series_id * 10_000_000 + epoch(day_on)::BIGINT // 3600 + hour_of_day AS slot_id, isodow(day_on) >= 6 AS is_weekend, day_on
    FROM (SELECT *, unnest(range(first_on, last_on + 1, INTERVAL 1 DAY))::DATE AS day_on FROM series) CROSS JOIN (SELECT unnest(range(24)) AS hour_of_day)),
profile AS (
    SELECT slot_id, avg(intensity) FILTER (WHERE is_weekend) OVER w AS weekend, avg(intensity) FILTER (WHERE NOT is_weekend) OVER w AS working_day
    FROM grid LEFT JOIN value USING (slot_id)
    WINDOW w AS (PARTITION BY series_id, hour_of_day ORDER BY day_on ROWS BETWEEN 27 PRECEDING AND CURRENT ROW)),
plan AS (SELECT unnest([1, 2]) AS plan_id, unnest([4, 12]) AS job_hours, unnest([24, 48]) AS horizon_hours),
-- Every hour that a trial looks at, with the last time before the trial at which that hour of day had passed.
target AS (
    SELECT series_id, slot_id * 10 + plan_id AS trial_id, day_on AS asked_on, job_hours, horizon_hours, wait_hours, slot_id + wait_hours AS target_id,
        slot_id + wait_hours - 24 * (wait_hours // 24 + 1) AS seen_id, isodow(day_on + ((hour_of_day + wait_hours) // 24)::INT) >= 6 AS is_weekend
    FROM (SELECT * FROM grid WHERE hour_of_day IN (0, 6, 12, 18) AND day_on >= first_on + 28) CROSS JOIN plan
    CROSS JOIN (SELECT unnest(range(60)) AS wait_hours)
    WHERE wait_hours < horizon_hours + job_hours),
hour AS (
    SELECT t.*, v.intensity, CASE WHEN t.is_weekend THEN e.weekend ELSE e.working_day END AS expected
    FROM target t JOIN value v ON v.slot_id = t.target_id JOIN profile e ON e.slot_id = t.seen_id),
start AS (
    SELECT *, avg(expected) OVER w AS expected_mean, avg(intensity) OVER w AS came, count(*) OVER a AS hours_seen, count(expected) OVER a AS expected_seen
    FROM hour
    WINDOW w AS (PARTITION BY trial_id ORDER BY wait_hours ROWS BETWEEN CURRENT ROW AND job_hours - 1 FOLLOWING), a AS (PARTITION BY trial_id)),
trial AS (
    SELECT trial_id, any_value(series_id) AS series_id, any_value(job_hours) AS job_hours, any_value(horizon_hours) AS horizon_hours,
        any_value(asked_on) AS asked_on, min(came) AS perfect, arg_min(came, (expected_mean, wait_hours)) AS advised, arg_min(came, wait_hours) AS at_once
    FROM start
    WHERE wait_hours <= horizon_hours AND hours_seen = horizon_hours + job_hours AND expected_seen = hours_seen
    GROUP BY trial_id)
SELECT s.zone, s.source_id, s.basis_boundary, t.job_hours::BIGINT AS job_hours, t.horizon_hours::BIGINT AS horizon_hours,
    $method_version AS method_version, min(t.asked_on) AS first_on, max(t.asked_on) AS last_on, count(*) AS trial_count,
    avg(t.at_once) AS now_gco2e_per_kwh, avg(t.advised) AS advised_gco2e_per_kwh, avg(t.perfect) AS perfect_gco2e_per_kwh,
    1 - avg(t.advised) / nullif(avg(t.at_once), 0) AS saving_share, 1 - avg(t.perfect) / nullif(avg(t.at_once), 0) AS perfect_saving_share,
    (avg(t.at_once) - avg(t.advised)) / nullif(avg(t.at_once) - avg(t.perfect), 0) AS reached_share,
    avg((t.advised <= t.at_once)::INT) AS not_worse_share, any_value(s.is_bundled) AS is_bundled
FROM trial t JOIN series s ON s.series_id = t.series_id
GROUP BY s.zone, s.source_id, s.basis_boundary, t.job_hours, t.horizon_hours
ORDER BY ALL
