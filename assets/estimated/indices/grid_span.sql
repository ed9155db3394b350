-- Grid carbon over the spans that stand for a place in a decision: months, and years of twelve months in a row.
-- 1. Each source and basis by itself, as the mean over the hours that its slots cover, from sums by day.
-- 2. Measured slots alone where they cover nine tenths of the span; else with the estimated ones of the same source in
--    the hours of a day that no measured slot covers, if the two together cover as much: then the span is estimated, and
--    estimated_share says how much of it. Forecasts never count.
-- 3. A year begins with any month. Each of its months is covered for 15 days (360 hours) at least, so that no season is
--    missing: a year without its December is none.
-- 4. A publisher goes over from hours to quarter-hours within a year, and may state old days anew in the new slots. So
--    beside the spans of each length of slot stand those of all lengths up to an hour together, called mixed, where
--    more than one of them counts: of a day the finest slots first, and the next ones in the hours that are left, at
--    the mean of what they state of that day. No hour counts twice.
WITH told AS MATERIALIZED (FROM {source} WHERE basis_kind IN ('actual', 'estimated')),
several AS (
    SELECT t.zone, t.source_id, t.basis_method, t.basis_boundary, t.basis_accounting
    FROM told t WHERE is_hourly(t.resolution) GROUP BY ALL HAVING min(t.resolution) <> max(t.resolution)),
ordered AS (
    SELECT t.*, resolution_rank(t.resolution) AS fineness,
        coalesce(sum(t.covered_hours) OVER (PARTITION BY t.zone, t.source_id, t.basis_method, t.basis_boundary,
            t.basis_accounting, t.basis_kind, t.day_on ORDER BY fineness
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS finer_hours
    FROM told t SEMI JOIN several s ON s.zone = t.zone AND s.source_id = t.source_id
        AND s.basis_method = t.basis_method AND s.basis_boundary = t.basis_boundary
        AND s.basis_accounting = t.basis_accounting
    WHERE is_hourly(t.resolution)),
-- A day of all its slots in the form of a single one; lengths has a bit for each length that counts.
mixed AS MATERIALIZED (
    SELECT o.zone, o.source_id, 'mixed' AS resolution, o.basis_method, o.basis_boundary, o.basis_accounting,
        o.basis_kind, o.day_on, sum(o.left_hours) AS covered_hours,
        sum(o.intensity_sum_gco2e_per_kwh / o.slot_count * o.left_hours) / sum(o.left_hours)
            AS intensity_sum_gco2e_per_kwh, 1 AS slot_count, bool_or(o.is_bundled) AS is_bundled,
        bit_or(1 << o.fineness) AS lengths
    FROM (SELECT *, least(covered_hours, greatest(24 - finer_hours, 0)) AS left_hours FROM ordered) o
    WHERE o.left_hours > 0 GROUP BY ALL),
given AS NOT MATERIALIZED (FROM told UNION ALL BY NAME FROM mixed),
month AS MATERIALIZED (
    SELECT d.zone, d.source_id, d.resolution, d.basis_method, d.basis_boundary, d.basis_accounting, d.basis_kind,
        date_trunc('month', d.day_on)::DATE AS month_on, sum(d.covered_hours) AS hours,
        sum(d.intensity_sum_gco2e_per_kwh * d.covered_hours / d.slot_count) AS summed,
        sum(d.intensity_sum_gco2e_per_kwh) / sum(d.slot_count) AS plain_mean, bool_or(d.is_bundled) AS is_bundled,
        bit_or(d.lengths) AS lengths
    FROM given d GROUP BY ALL),
-- What is estimated first and measured later stands in both: of such a month, by day, the estimated slots fill no more
-- than the rest of the day (of a slot longer than a day: of the slot).
both_kinds AS (
    SELECT m.zone, m.source_id, m.resolution, m.basis_method, m.basis_boundary, m.basis_accounting, m.month_on
    FROM month m GROUP BY ALL HAVING count(*) > 1),
day AS (
    SELECT d.zone, d.source_id, d.resolution, d.basis_method, d.basis_boundary, d.basis_accounting, d.day_on,
        coalesce(sum(d.covered_hours) FILTER (d.basis_kind = 'actual'), 0) AS measured_hours,
        sum(d.covered_hours) FILTER (d.basis_kind = 'estimated') AS estimated_hours,
        sum(d.intensity_sum_gco2e_per_kwh) FILTER (d.basis_kind = 'estimated')
            / sum(d.slot_count) FILTER (d.basis_kind = 'estimated') AS estimated_mean
    FROM given d
    SEMI JOIN both_kinds b ON b.zone = d.zone AND b.source_id = d.source_id AND b.resolution = d.resolution
        AND b.basis_method = d.basis_method AND b.basis_boundary = d.basis_boundary
        AND b.basis_accounting = d.basis_accounting AND b.month_on = date_trunc('month', d.day_on)::DATE
    GROUP BY ALL HAVING estimated_hours > 0),
rest AS (
    SELECT d.zone, d.source_id, d.resolution, d.basis_method, d.basis_boundary, d.basis_accounting,
        date_trunc('month', d.day_on)::DATE AS month_on, sum(least(d.estimated_hours,
            greatest(24, d.estimated_hours, d.measured_hours) - d.measured_hours)) AS filling_hours,
        sum(d.estimated_mean * least(d.estimated_hours,
            greatest(24, d.estimated_hours, d.measured_hours) - d.measured_hours)) AS filling
    FROM day d GROUP BY ALL),
paired AS (
    SELECT m.zone, m.source_id, m.resolution, m.basis_method, m.basis_boundary, m.basis_accounting, m.month_on,
        coalesce(sum(m.hours) FILTER (m.basis_kind = 'actual'), 0) AS measured_hours,
        coalesce(sum(m.summed) FILTER (m.basis_kind = 'actual'), 0) AS measured,
        coalesce(sum(coalesce(r.filling_hours, m.hours)) FILTER (m.basis_kind = 'estimated'), 0) AS filling_hours,
        coalesce(sum(coalesce(r.filling, m.summed)) FILTER (m.basis_kind = 'estimated'), 0) AS filling,
        coalesce(bit_or(m.lengths) FILTER (m.basis_kind = 'actual'), 0) AS measured_lengths,
        coalesce(bit_or(m.lengths) FILTER (m.basis_kind = 'estimated' AND coalesce(r.filling_hours, m.hours) > 0), 0)
            AS filling_lengths,
        bool_or(m.is_bundled) AS is_bundled
    FROM month m LEFT JOIN rest r ON r.zone = m.zone AND r.source_id = m.source_id AND r.resolution = m.resolution
        AND r.basis_method = m.basis_method AND r.basis_boundary = m.basis_boundary
        AND r.basis_accounting = m.basis_accounting AND r.month_on = m.month_on
    WHERE m.resolution <> 'P1Y' GROUP BY ALL),
span AS (
    SELECT p.*, 'monthly' AS grain, p.month_on AS from_on, (p.month_on + INTERVAL 1 MONTH)::DATE AS to_on,
        true AS is_whole, true AS is_measured_throughout
    FROM paired p
    UNION ALL BY NAME
    SELECT * EXCLUDE (first_on, least_hours, least_measured_hours),
        -- Twelve rows back is eleven months before, unless a month is missing. (Over ROWS: a RANGE of months takes ten
        -- times as long, measured.)
        first_on = from_on AND least_hours >= 360 AS is_whole, least_measured_hours >= 360 AS is_measured_throughout
    FROM (
        SELECT p.zone, p.source_id, p.resolution, p.basis_method, p.basis_boundary, p.basis_accounting, p.month_on,
            sum(p.measured_hours) OVER w AS measured_hours, sum(p.measured) OVER w AS measured,
            sum(p.filling_hours) OVER w AS filling_hours, sum(p.filling) OVER w AS filling,
            bit_or(p.measured_lengths) OVER w AS measured_lengths, bit_or(p.filling_lengths) OVER w AS filling_lengths,
            p.is_bundled,
            'yearly' AS grain, (p.month_on - INTERVAL 11 MONTH)::DATE AS from_on,
            (p.month_on + INTERVAL 1 MONTH)::DATE AS to_on, min(p.month_on) OVER w AS first_on,
            min(p.measured_hours + p.filling_hours) OVER w AS least_hours,
            min(p.measured_hours) OVER w AS least_measured_hours
        FROM paired p
        WINDOW w AS (PARTITION BY p.zone, p.source_id, p.resolution, p.basis_method, p.basis_boundary,
            p.basis_accounting ORDER BY p.month_on ROWS BETWEEN 11 PRECEDING AND CURRENT ROW))),
judged AS (
    SELECT s.*, 24 * (s.to_on - s.from_on) AS hours,
        s.measured_hours >= 0.9 * 24 * (s.to_on - s.from_on) AND s.is_measured_throughout AS is_measured
    FROM span s WHERE s.is_whole),
counted AS (
    SELECT j.zone, j.source_id, j.resolution, j.basis_method, j.basis_boundary, j.basis_accounting,
        CASE WHEN j.is_measured THEN 'actual' ELSE 'estimated' END AS basis_kind, j.grain,
        j.from_on::TIMESTAMP AT TIME ZONE 'UTC' AS span_from, j.to_on::TIMESTAMP AT TIME ZONE 'UTC' AS span_to,
        CASE WHEN j.is_measured THEN j.measured / j.measured_hours
            ELSE (j.measured + j.filling) / (j.measured_hours + j.filling_hours) END AS mean_gco2e_per_kwh,
        least(1, CASE WHEN j.is_measured THEN j.measured_hours ELSE j.measured_hours + j.filling_hours END
            / j.hours) AS covered_share,
        CASE WHEN j.is_measured THEN 0
            ELSE j.filling_hours / (j.measured_hours + j.filling_hours) END AS estimated_share,
        j.is_bundled
    FROM judged j
    WHERE (j.is_measured OR j.measured_hours + j.filling_hours >= 0.9 * j.hours)
        AND (j.resolution <> 'mixed' OR bit_count(CASE WHEN j.is_measured THEN j.measured_lengths
            ELSE j.measured_lengths | j.filling_lengths END) > 1)
    UNION ALL
    -- A slot of a year is its own span, to the last digit.
    SELECT m.zone, m.source_id, m.resolution, m.basis_method, m.basis_boundary, m.basis_accounting, m.basis_kind,
        'yearly', m.month_on::TIMESTAMP AT TIME ZONE 'UTC', (m.month_on + INTERVAL 1 YEAR) AT TIME ZONE 'UTC',
        m.plain_mean, 1, (m.basis_kind = 'estimated')::INTEGER, m.is_bundled
    FROM month m WHERE m.resolution = 'P1Y')
SELECT c.zone, c.source_id, c.resolution, c.basis_method, c.basis_boundary, c.basis_accounting, c.basis_kind, c.grain,
    c.span_from, c.span_to, c.mean_gco2e_per_kwh, c.covered_share, c.estimated_share, c.is_bundled,
    source_rank(c.source_id) AS source_rank
FROM counted c
