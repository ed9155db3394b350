-- estimated.green_trial, method green-window-3: the advice of the macro green_window without a forecast, tried on every
-- day of the history.
-- 1. Four times a day a job of job_hours may start at once or at any full hour up to horizon_hours later.
-- 2. What is expected of an hour is the mean of the same hour of day (UTC) and kind of day (Monday to Friday, or
--    weekend) over the 28 days before the trial, of which 20 must be known: nothing later is looked at.
-- 3. The advice is the start with the lowest expected mean, the earliest of equals. It is judged by the values that
--    came.
-- Of a slot the measured value is taken once it is known, until then the estimated one. (green-window-2 took the mean
-- of the two.)
-- Each source and basis by itself; trials with an hour missing are left out. Counted in whole millionths of a gram, so
-- that sums do not depend on the order of adding and a day computed alone is the same as within the whole history.
WITH touched AS (SELECT zone, source_id, asked_on FROM _touched WHERE asked_on BETWEEN $first_on AND $last_on),
latest AS (
    SELECT l.zone, l.source_id, l.scope, l.resolution, l.basis_boundary, l.basis_kind, l.valid_from,
        l.intensity_gco2e_per_kwh, l.is_offered
    FROM observed.grid_carbon_log l SEMI JOIN touched t ON t.zone = l.zone AND t.source_id = l.source_id
    WHERE l.valid_from >= ($first_on::DATE - 28)::TIMESTAMP AT TIME ZONE 'UTC'
        AND l.valid_from < ($last_on::DATE + 4)::TIMESTAMP AT TIME ZONE 'UTC'
        AND is_hourly(l.resolution) AND l.basis_kind IN ('actual', 'estimated')
        AND l.basis_method = 'average' AND l.basis_accounting = 'location'
    QUALIFY row_number() OVER (
        PARTITION BY l.source_id, l.scope, l.zone, l.resolution, l.basis_boundary, l.basis_kind, l.valid_from
        ORDER BY l.observed_at DESC, l.capture_id DESC, l.recorded_at DESC) = 1),
slot AS (
    SELECT * FROM latest WHERE is_offered
    QUALIFY row_number() OVER (PARTITION BY source_id, zone, resolution, basis_boundary, valid_from
        ORDER BY basis_kind, scope) = 1),
-- (Not AT TIME ZONE, which asks the calendar library row by row: twenty times the cost.)
hourly AS (
    SELECT zone, source_id, basis_boundary, date_trunc('hour', make_timestamp(epoch_us(valid_from))) AS hour_from,
        round(avg(round(intensity_gco2e_per_kwh * 1e6)::BIGINT))::BIGINT AS micro
    FROM slot GROUP BY ALL),
series AS (
    SELECT *, row_number() OVER (ORDER BY zone, source_id, basis_boundary) AS series_id
    FROM (SELECT DISTINCT zone, source_id, basis_boundary FROM hourly)),
-- One number names the series and the hour (hours since 1970 stay below ten million until the year 3110): joins by one
-- column stay cheap.
value AS (
    SELECT s.series_id, s.series_id * 10_000_000 + epoch(h.hour_from)::BIGINT // 3600 AS slot_id, h.micro
    FROM hourly h JOIN series s ON s.zone = h.zone AND s.source_id = h.source_id
        AND s.basis_boundary = h.basis_boundary),
-- Every hour of every day, so that a gap is a NULL and not a row that is missing.
grid AS (
    SELECT series_id, hour_of_day, series_id * 10_000_000 + epoch(day_on)::BIGINT // 3600 + hour_of_day AS slot_id,
        isodow(day_on) >= 6 AS is_weekend, day_on
    FROM series
    CROSS JOIN (SELECT unnest(range($first_on::DATE - 28, $last_on::DATE + 1, INTERVAL 1 DAY))::DATE AS day_on)
    CROSS JOIN (SELECT unnest(range(24)) AS hour_of_day)),
profile AS (
    SELECT slot_id,
        CASE WHEN count(micro) OVER w >= 20
            THEN round(avg(micro) FILTER (WHERE is_weekend) OVER w)::BIGINT END AS weekend,
        CASE WHEN count(micro) OVER w >= 20
            THEN round(avg(micro) FILTER (WHERE NOT is_weekend) OVER w)::BIGINT END AS working_day
    FROM grid LEFT JOIN (SELECT slot_id, micro FROM value) USING (slot_id)
    WINDOW w AS (PARTITION BY series_id, hour_of_day ORDER BY day_on ROWS BETWEEN 27 PRECEDING AND CURRENT ROW)),
plan AS (SELECT unnest([1, 2]) AS plan_id, unnest([4, 12]) AS job_hours, unnest([24, 48]) AS horizon_hours),
last_hour AS (SELECT series_id, max(slot_id) AS last_id FROM value GROUP BY ALL),
-- Trials whose last hour may be known: at the end of the history most are still open.
asked AS (
    SELECT g.*, p.*, l.last_id
    FROM grid g JOIN series s ON s.series_id = g.series_id JOIN last_hour l ON l.series_id = g.series_id
    CROSS JOIN plan p
    SEMI JOIN touched t ON t.zone = s.zone AND t.source_id = s.source_id AND t.asked_on = g.day_on
    WHERE g.hour_of_day IN (0, 6, 12, 18) AND g.slot_id + p.horizon_hours + p.job_hours - 1 <= l.last_id),
-- Every hour that a trial looks at, with the last time before the trial at which that hour of day had passed.
target AS (
    SELECT series_id, slot_id * 10 + plan_id AS trial_id, day_on AS asked_on, job_hours, horizon_hours, wait_hours,
        slot_id + wait_hours AS target_id, slot_id + wait_hours - 24 * (wait_hours // 24 + 1) AS seen_id,
        isodow(day_on + ((hour_of_day + wait_hours) // 24)::INT) >= 6 AS is_weekend
    FROM asked CROSS JOIN (SELECT unnest(range(60)) AS wait_hours)
    WHERE wait_hours < horizon_hours + job_hours),
hour AS (
    SELECT t.*, v.micro, CASE WHEN t.is_weekend THEN e.weekend ELSE e.working_day END AS expected
    FROM target t JOIN value v ON v.slot_id = t.target_id JOIN profile e ON e.slot_id = t.seen_id),
start AS (
    SELECT *, avg(expected) OVER w AS expected_mean, avg(micro) OVER w AS came, count(*) OVER a AS hours_seen,
        count(expected) OVER a AS expected_seen
    FROM hour
    WINDOW w AS (PARTITION BY trial_id ORDER BY wait_hours ROWS BETWEEN CURRENT ROW AND job_hours - 1 FOLLOWING),
        a AS (PARTITION BY trial_id)),
trial AS (
    SELECT trial_id, any_value(series_id) AS series_id, any_value(job_hours) AS job_hours,
        any_value(horizon_hours) AS horizon_hours, any_value(asked_on) AS asked_on,
        round(min(came))::BIGINT AS perfect,
        round(arg_min(came, (expected_mean, wait_hours)))::BIGINT AS advised,
        round(arg_min(came, wait_hours))::BIGINT AS at_once
    FROM start
    WHERE wait_hours <= horizon_hours AND hours_seen = horizon_hours + job_hours AND expected_seen = hours_seen
    GROUP BY trial_id)
SELECT s.zone, s.source_id, s.basis_boundary, t.job_hours::BIGINT AS job_hours,
    t.horizon_hours::BIGINT AS horizon_hours, t.asked_on, $method_version AS method_version,
    count(*) AS trial_count, avg(t.at_once) / 1e6 AS now_gco2e_per_kwh, avg(t.advised) / 1e6 AS advised_gco2e_per_kwh,
    avg(t.perfect) / 1e6 AS perfect_gco2e_per_kwh, count(*) FILTER (WHERE t.advised <= t.at_once) AS not_worse_count
FROM trial t JOIN series s ON s.series_id = t.series_id
GROUP BY s.zone, s.source_id, s.basis_boundary, t.job_hours, t.horizon_hours, t.asked_on
ORDER BY t.asked_on, s.zone, s.source_id, s.basis_boundary, t.job_hours
