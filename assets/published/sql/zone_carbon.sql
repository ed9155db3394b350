-- How green a grid was, period by period: from sums by day, which add up over any period, so that no slot is read.
CREATE OR REPLACE MACRO zone_carbon(of_zone, from_on := DATE '1970-01-01', to_on := DATE '9999-12-31', period := 'month', boundary := NULL, known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH day AS (
        SELECT d.source_id, d.basis_boundary, d.basis_kind, d.resolution, d.day_on, d.intensity_hours_gco2e_per_kw AS summed, d.covered_hours, d.lowest_gco2e_per_kwh, d.highest_gco2e_per_kwh
        FROM estimated.grid_day d
        WHERE known_at::TIMESTAMPTZ = TIMESTAMPTZ 'infinity' AND d.zone = of_zone AND d.basis_method = 'average' AND d.basis_accounting = 'location' AND d.basis_kind IN ('actual', 'estimated')
          AND d.day_on BETWEEN from_on::DATE AND to_on::DATE AND (boundary IS NULL OR d.basis_boundary = boundary)
        UNION ALL
        -- An earlier knowledge has no sums: the slots of that time are added up.
        SELECT k.source_id, k.basis_boundary, k.basis_kind, k.resolution, (k.day_from AT TIME ZONE 'UTC')::DATE, k.plain_mean_gco2e_per_kwh * k.covered_share * 24, k.covered_share * 24,
            k.lowest_gco2e_per_kwh, k.highest_gco2e_per_kwh
        FROM grid_carbon_day_known(known_at := known_at::TIMESTAMPTZ) k
        WHERE known_at::TIMESTAMPTZ < TIMESTAMPTZ 'infinity' AND k.zone = of_zone AND k.basis_method = 'average' AND k.basis_accounting = 'location' AND k.basis_kind IN ('actual', 'estimated')
          AND k.resolution <> 'P1D' AND (k.day_from AT TIME ZONE 'UTC')::DATE BETWEEN from_on::DATE AND to_on::DATE AND (boundary IS NULL OR k.basis_boundary = boundary)),
    -- One source and basis for all periods, so that they compare: what is stated before what is computed beside it, lifecycle before direct, measured before estimated, then the seller of the series, then the fuller one.
    chosen AS (
        SELECT y.source_id, y.basis_boundary, y.basis_kind, y.resolution FROM day y GROUP BY y.source_id, y.basis_boundary, y.basis_kind, y.resolution
        ORDER BY is_second_word(y.source_id), CASE y.basis_boundary WHEN 'lifecycle' THEN 1 WHEN 'direct' THEN 2 ELSE 3 END, y.basis_kind, source_rank(y.source_id), sum(y.covered_hours) DESC, y.source_id, y.resolution LIMIT 1),
    dated AS (SELECT y.*, date_trunc(period, y.day_on)::DATE AS period_on FROM day y SEMI JOIN chosen c USING (source_id, basis_boundary, basis_kind, resolution))
    SELECT p.period_on, sum(p.summed) / sum(p.covered_hours) AS mean_gco2e_per_kwh, min(p.lowest_gco2e_per_kwh) AS lowest_gco2e_per_kwh, max(p.highest_gco2e_per_kwh) AS highest_gco2e_per_kwh,
        sum(p.covered_hours) AS covered_hours, count(*) AS day_count, any_value(p.source_id) AS source_id, any_value(p.basis_boundary) AS basis_boundary, any_value(p.basis_kind) AS basis_kind,
        any_value(p.resolution) AS resolution
    FROM dated p GROUP BY p.period_on ORDER BY p.period_on;
COMMENT ON MACRO TABLE zone_carbon IS 'Carbon intensity of a zone by day, week, month, quarter or year (UTC): the mean over the hours that are covered (not weighted by load), lowest and highest slot, from one source on one basis throughout (average, location-based; lifecycle before direct). From the sums of estimated.grid_day; at an earlier known_at from the slots known then. No row where the zone has no slots of an hour or less. zone_carbon(''DE'', from_on := DATE ''2023-01-01'', period := ''month'').';
