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
    SELECT zone, source_id, basis_boundary, greatest(min(hour_from)::DATE, max(hour_from)::DATE - 392) AS first_on, max(hour_from)::DATE AS last_on,
        bool_or(is_bundled) AS is_bundled
    FROM hourly GROUP BY ALL HAVING max(hour_from)::DATE - min(hour_from)::DATE >= 35),
-- Every hour of every day, so that a gap is a NULL and not a row that is missing.
day AS (SELECT *, unnest(range(first_on, last_on + 1, INTERVAL 1 DAY))::DATE AS day_on FROM series),
slot AS (
    SELECT d.zone, d.source_id, d.basis_boundary, d.first_on, d.day_on, h.hour_of_day, isodow(d.day_on) >= 6 AS is_weekend, v.intensity
    FROM day d CROSS JOIN (SELECT unnest(range(24)) AS hour_of_day) h
    LEFT JOIN hourly v ON v.zone = d.zone AND v.source_id = d.source_id AND v.basis_boundary = d.basis_boundary
        AND v.hour_from = d.day_on + to_hours(h.hour_of_day)),
profile AS (
    SELECT *, avg(intensity) FILTER (WHERE is_weekend) OVER w AS weekend, avg(intensity) FILTER (WHERE NOT is_weekend) OVER w AS working_day
    FROM slot WINDOW w AS (PARTITION BY zone, source_id, basis_boundary, hour_of_day ORDER BY day_on ROWS BETWEEN 27 PRECEDING AND CURRENT ROW)),
plan AS (SELECT unnest([4, 12]) AS job_hours, unnest([24, 48]) AS horizon_hours),
-- Every hour that a trial looks at, with the last day on which that hour had passed when the question was asked.
target AS (
    SELECT *, (asked_hour + wait_hours) % 24 AS target_hour, asked_at + to_hours(wait_hours) AS target_from,
        asked_on - ((asked_hour + wait_hours) % 24 >= asked_hour)::INT AS seen_on
    FROM (
        SELECT t.zone, t.source_id, t.basis_boundary, p.job_hours, p.horizon_hours, t.day_on + to_hours(t.hour_of_day) AS asked_at, t.day_on AS asked_on,
            t.hour_of_day AS asked_hour, k.wait_hours
        FROM slot t CROSS JOIN plan p CROSS JOIN (SELECT unnest(range(60)) AS wait_hours) k
        WHERE t.hour_of_day IN (0, 6, 12, 18) AND t.day_on >= t.first_on + 28 AND k.wait_hours < p.horizon_hours + p.job_hours)),
hour AS (
    SELECT t.*, v.intensity, CASE WHEN isodow(t.target_from) >= 6 THEN e.weekend ELSE e.working_day END AS expected
    FROM target t
    JOIN hourly v ON v.zone = t.zone AND v.source_id = t.source_id AND v.basis_boundary = t.basis_boundary AND v.hour_from = t.target_from
    JOIN profile e ON e.zone = t.zone AND e.source_id = t.source_id AND e.basis_boundary = t.basis_boundary
        AND e.hour_of_day = t.target_hour AND e.day_on = t.seen_on),
start AS (
    SELECT *, avg(expected) OVER w AS expected_mean, avg(intensity) OVER w AS came,
        count(*) OVER a AS hours_seen, count(intensity) OVER a AS values_seen, count(expected) OVER a AS expected_seen
    FROM hour
    WINDOW w AS (PARTITION BY zone, source_id, basis_boundary, job_hours, horizon_hours, asked_at ORDER BY wait_hours
            ROWS BETWEEN CURRENT ROW AND job_hours - 1 FOLLOWING),
        a AS (PARTITION BY zone, source_id, basis_boundary, job_hours, horizon_hours, asked_at)),
trial AS (
    SELECT zone, source_id, basis_boundary, job_hours, horizon_hours, asked_on, asked_at, min(came) AS perfect,
        arg_min(came, (expected_mean, wait_hours)) AS advised, arg_min(came, wait_hours) AS at_once
    FROM start
    WHERE wait_hours <= horizon_hours AND hours_seen = horizon_hours + job_hours AND values_seen = hours_seen AND expected_seen = hours_seen
    GROUP BY ALL)
SELECT t.zone, t.source_id, t.basis_boundary, t.job_hours::BIGINT AS job_hours, t.horizon_hours::BIGINT AS horizon_hours,
    $method_version AS method_version, min(t.asked_on) AS first_on, max(t.asked_on) AS last_on, count(*) AS trial_count,
    avg(t.at_once) AS now_gco2e_per_kwh, avg(t.advised) AS advised_gco2e_per_kwh, avg(t.perfect) AS perfect_gco2e_per_kwh,
    1 - avg(t.advised) / nullif(avg(t.at_once), 0) AS saving_share, 1 - avg(t.perfect) / nullif(avg(t.at_once), 0) AS perfect_saving_share,
    (avg(t.at_once) - avg(t.advised)) / nullif(avg(t.at_once) - avg(t.perfect), 0) AS reached_share,
    avg((t.advised <= t.at_once)::INT) AS not_worse_share, bool_or(s.is_bundled) AS is_bundled
FROM trial t JOIN series s ON s.zone = t.zone AND s.source_id = t.source_id AND s.basis_boundary = t.basis_boundary
GROUP BY ALL
ORDER BY ALL
