-- estimated.grid_day, method grid-day-1: observed.grid_carbon by day, so that totals over any window need its days and
-- not its slots.
-- 1. Slots of an hour and less, each source and basis by itself, by the day (UTC) in which they begin; of a slot the
--    latest log row, and where scopes of one source overlap, one of them: no slot counts twice.
-- 2. intensity_hours is the sum of intensity times length: a constant load of 1 kW over the covered hours emits so many
--    gCO2e. Over a window, sums of it over days add; means do not. Added in whole 1e-12 g, so that the order of adding
--    makes no difference.
WITH latest AS (
    SELECT l.* FROM observed.grid_carbon_log l
    SEMI JOIN {touched} t ON t.zone = l.zone AND t.source_id = l.source_id AND t.day_on = utc_day(l.valid_from)
    WHERE {word_counts} AND is_hourly(l.resolution)
    QUALIFY row_number() OVER (PARTITION BY l.source_id, l.scope, l.zone, l.resolution, l.basis_method,
        l.basis_boundary, l.basis_accounting, l.basis_kind, l.valid_from
        ORDER BY l.observed_at DESC, l.capture_id DESC, l.recorded_at DESC) = 1),
slot AS (
    SELECT w.*, epoch(slot_length(w.resolution))::BIGINT AS length_s FROM latest w WHERE w.is_offered
    QUALIFY row_number() OVER (PARTITION BY w.source_id, w.zone, w.resolution, w.basis_method, w.basis_boundary,
        w.basis_accounting, w.basis_kind, w.valid_from ORDER BY w.scope) = 1)
SELECT s.zone, s.source_id, s.resolution, s.basis_method, s.basis_boundary, s.basis_accounting, s.basis_kind,
    utc_day(s.valid_from) AS day_on, {method_version} AS method_version,
    sum(round(s.intensity_gco2e_per_kwh * 1e12)::BIGINT * s.length_s) / 3600e12 AS intensity_hours_gco2e_per_kw,
    sum(s.length_s) / 3600 AS covered_hours,
    min(s.intensity_gco2e_per_kwh) AS lowest_gco2e_per_kwh, max(s.intensity_gco2e_per_kwh) AS highest_gco2e_per_kwh,
    count(*) AS slot_count
FROM slot s GROUP BY ALL ORDER BY day_on, s.zone, s.source_id
