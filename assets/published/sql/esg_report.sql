-- A year of given workloads, month by month: energy, carbon by location and by market, manufacture, water, and the SCI.
CREATE OR REPLACE MACRO esg_report(workloads, of_year, boundary := 'lifecycle',
        known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH asked AS (SELECT of_year::BIGINT AS asked_year, _asked_boundary(boundary) AS asked_boundary),
    given AS (
        SELECT unnest(workloads::STRUCT(name VARCHAR, month INTEGER, accelerator VARCHAR, provider VARCHAR,
                region VARCHAR, zone VARCHAR, gpu_hours DOUBLE, power_w_per_gpu DOUBLE, pue DOUBLE,
                market_gco2e_per_kwh DOUBLE, device_kgco2e DOUBLE, site_water_l_per_kwh DOUBLE,
                grid_water_l_per_kwh DOUBLE, functional_unit_count DOUBLE)[]) AS w),
    -- A workload without a month applies to every month of the year.
    monthly AS (
        SELECT unnest(g.w), make_date(q.asked_year, m.number, 1) AS month_on
        FROM asked q CROSS JOIN given g
        JOIN (SELECT unnest(range(1, 13)) AS number) m
            ON coalesce(_asked_number('month', g.w.month, 1, 12) = m.number, true)),
    -- A name with several meanings identifies no accelerator.
    card AS (
        SELECT n.accelerator, CASE WHEN count(*) = 1 THEN min(n.accelerator_id) END AS accelerator_id
        FROM (
            SELECT DISTINCT m.accelerator, w.accelerator_id
            FROM monthly m JOIN _accelerator_written() w ON w.written_key = accelerator_key(m.accelerator)) n
        GROUP BY n.accelerator),
    manufactured AS (
        SELECT a.accelerator_id, a.tdp_w, e.low_kgco2e, e.central_kgco2e, e.high_kgco2e
        FROM reference.accelerator a
        LEFT JOIN reference.embodied_carbon e ON starts_with(a.accelerator_id, e.accelerator_prefix)
        QUALIFY row_number() OVER (PARTITION BY a.accelerator_id
            ORDER BY length(e.accelerator_prefix) DESC NULLS LAST) = 1),
    placed AS (
        SELECT m.* REPLACE (_asked_number('gpu_hours', m.gpu_hours, 0, 1e12) AS gpu_hours,
                _asked_number('power_w_per_gpu', m.power_w_per_gpu, 0, 1e6) AS power_w_per_gpu,
                _asked_number('market_gco2e_per_kwh', m.market_gco2e_per_kwh, 0, 2500) AS market_gco2e_per_kwh,
                _asked_number('device_kgco2e', m.device_kgco2e, 0, 1e9) AS device_kgco2e,
                _asked_number('site_water_l_per_kwh', m.site_water_l_per_kwh, 0, 1000) AS site_water_l_per_kwh,
                _asked_number('grid_water_l_per_kwh', m.grid_water_l_per_kwh, 0, 1000) AS grid_water_l_per_kwh,
                _asked_number('functional_unit_count', m.functional_unit_count, 0, 1e18) AS functional_unit_count),
            c.accelerator_id, f.tdp_w, f.low_kgco2e, f.central_kgco2e, f.high_kgco2e,
            coalesce(m.zone, r.grid_zone) AS own_zone,
            CASE WHEN m.zone IS NULL THEN coalesce(n.grid_zone, r.country_code) END AS country_zone,
            coalesce(_asked_number('pue', m.pue, 1, 5), r.pue) AS known_pue
        FROM monthly m LEFT JOIN card c ON c.accelerator = m.accelerator
        LEFT JOIN manufactured f ON f.accelerator_id = c.accelerator_id
        LEFT JOIN reference.region r ON r.provider = lower(m.provider) AND r.region = m.region
        LEFT JOIN reference.country n ON n.country_code = r.country_code),
    -- The month where slots cover it; else the latest whole year at or before it. The zone before its country. One
    -- boundary throughout.
    slot AS (
        SELECT s.zone, (s.month_from AT TIME ZONE 'UTC')::DATE AS from_on, 'monthly' AS grain,
            s.plain_mean_gco2e_per_kwh AS intensity, s.basis_accounting, s.source_id, s.resolution, s.is_bundled
        FROM grid_carbon_month_known(known_at := _instant(known_at)) s
        JOIN asked q ON s.basis_boundary = q.asked_boundary
        WHERE s.basis_method = 'average' AND s.basis_kind = 'actual' AND s.covered_share >= 0.9
            AND extract(year FROM s.month_from AT TIME ZONE 'UTC') = q.asked_year
        UNION ALL
        SELECT s.zone, (s.year_from AT TIME ZONE 'UTC')::DATE, 'yearly', s.plain_mean_gco2e_per_kwh, s.basis_accounting,
            s.source_id, s.resolution, s.is_bundled
        FROM grid_carbon_year_known(known_at := _instant(known_at)) s
        JOIN asked q ON s.basis_boundary = q.asked_boundary
        WHERE s.basis_method = 'average' AND s.basis_kind = 'actual' AND s.covered_share >= 0.9
            AND extract(year FROM s.year_from AT TIME ZONE 'UTC') <= q.asked_year),
    grid AS (
        SELECT p.month_on, p.own_zone, p.country_zone, s.* EXCLUDE (zone), s.zone AS zone_used
        FROM (SELECT DISTINCT month_on, own_zone, country_zone FROM placed) p
        JOIN slot s ON s.zone IN (p.own_zone, p.country_zone) AND (s.grain = 'yearly' OR s.from_on = p.month_on)
        QUALIFY row_number() OVER (PARTITION BY p.month_on, p.own_zone, p.country_zone, s.basis_accounting
            ORDER BY s.zone <> coalesce(p.own_zone, ''), s.grain, s.from_on DESC, source_rank(s.source_id),
            epoch(slot_length(s.resolution)), s.source_id) = 1),
    assumed AS (
        SELECT p.low AS power_low, p.central AS power_share, p.high AS power_high, q.low AS pue_low,
            q.central AS usual_pue, q.high AS pue_high, g.low AS grid_low, g.central AS grid_ratio, g.high AS grid_high,
            l.low AS life_low, l.central AS life_years, l.high AS life_high, u.low AS use_low, u.central AS use_share,
            u.high AS use_high
        FROM method_band('power_share_of_tdp') p, method_band('pue') q, method_band('grid_ratio') g,
            decision_default('life_years') l, decision_default('hardware_use_share') u),
    computed AS (
        SELECT p.*, d.*, l.intensity AS location_gco2e_per_kwh,
            coalesce(p.market_gco2e_per_kwh, k.intensity) AS used_market, l.grain, l.from_on AS grid_from_on,
            l.zone_used, l.source_id, l.is_bundled,
            it_energy_kwh(p.gpu_hours, coalesce(p.power_w_per_gpu, power_w_per_gpu(p.tdp_w, d.power_share))) AS it_kwh,
            coalesce(p.known_pue, d.usual_pue) AS used_pue, coalesce(p.device_kgco2e, p.central_kgco2e) AS card_kgco2e,
            CASE WHEN p.power_w_per_gpu IS NULL THEN lognormal_sigma(d.power_share, d.power_low) ** 2 ELSE 0 END
                + CASE WHEN p.known_pue IS NULL THEN lognormal_sigma(d.usual_pue, d.pue_low) ** 2
                ELSE 0 END AS energy_down,
            CASE WHEN p.power_w_per_gpu IS NULL THEN lognormal_sigma(d.power_share, d.power_high) ** 2 ELSE 0 END
                + CASE WHEN p.known_pue IS NULL THEN lognormal_sigma(d.usual_pue, d.pue_high) ** 2
                ELSE 0 END AS energy_up,
            -- The mix of the month itself is taken as exact; a yearly mean in its place has the band of grid_ratio.
            CASE WHEN l.grain = 'monthly' THEN 0 ELSE lognormal_sigma(d.grid_ratio, d.grid_low) ** 2 END AS grid_down,
            CASE WHEN l.grain = 'monthly' THEN 0 ELSE lognormal_sigma(d.grid_ratio, d.grid_high) ** 2 END AS grid_up,
            CASE WHEN p.device_kgco2e IS NULL THEN lognormal_sigma(p.central_kgco2e, p.low_kgco2e) ** 2 ELSE 0 END
                + lognormal_sigma(d.life_years, d.life_high) ** 2
                + lognormal_sigma(d.use_share, d.use_high) ** 2 AS card_down,
            CASE WHEN p.device_kgco2e IS NULL THEN lognormal_sigma(p.central_kgco2e, p.high_kgco2e) ** 2 ELSE 0 END
                + lognormal_sigma(d.life_years, d.life_low) ** 2
                + lognormal_sigma(d.use_share, d.use_low) ** 2 AS card_up
        FROM placed p CROSS JOIN assumed d
        LEFT JOIN grid l ON l.month_on = p.month_on AND l.own_zone IS NOT DISTINCT FROM p.own_zone
            AND l.country_zone IS NOT DISTINCT FROM p.country_zone AND l.basis_accounting = 'location'
        LEFT JOIN grid k ON k.month_on = p.month_on AND k.own_zone IS NOT DISTINCT FROM p.own_zone
            AND k.country_zone IS NOT DISTINCT FROM p.country_zone AND k.basis_accounting = 'market'),
    valued AS (
        SELECT c.*, facility_energy_kwh(c.it_kwh, c.used_pue) AS kwh,
            operational_kgco2e(facility_energy_kwh(c.it_kwh, c.used_pue), c.location_gco2e_per_kwh) AS location_kg,
            operational_kgco2e(facility_energy_kwh(c.it_kwh, c.used_pue), c.used_market) AS market_kg,
            embodied_kgco2e(c.card_kgco2e, c.gpu_hours, c.life_years, c.use_share) AS embodied_kg,
            water_l(c.it_kwh, c.site_water_l_per_kwh, c.used_pue, c.grid_water_l_per_kwh) AS water
        FROM computed c)
    SELECT coalesce(v.name, 'all workloads') AS workload, v.month_on, v.month_on IS NULL AS is_year,
        sum(v.gpu_hours) AS gpu_hours,
        -- A sum with an unknown part is unknown. Bounds are added as if all errors were shared (perfectly correlated),
        -- which is the case for the months of one workload and an upper limit of the width across workloads.
        CASE WHEN count(v.kwh) = count(*) THEN sum(v.kwh) END AS energy_kwh,
        CASE WHEN count(v.kwh) = count(*) THEN sum(band_low(v.kwh, v.energy_down)) END AS low_energy_kwh,
        CASE WHEN count(v.kwh) = count(*) THEN sum(band_high(v.kwh, v.energy_up)) END AS high_energy_kwh,
        CASE WHEN count(v.location_kg) = count(*) THEN sum(v.location_kg) END AS location_kgco2e,
        CASE WHEN count(v.location_kg) = count(*)
                THEN sum(band_low(v.location_kg, v.energy_down + v.grid_down)) END AS low_location_kgco2e,
        CASE WHEN count(v.location_kg) = count(*)
                THEN sum(band_high(v.location_kg, v.energy_up + v.grid_up)) END AS high_location_kgco2e,
        CASE WHEN count(v.market_kg) = count(*) THEN sum(v.market_kg) END AS market_kgco2e,
        CASE WHEN count(v.embodied_kg) = count(*) THEN sum(v.embodied_kg) END AS embodied_kgco2e,
        CASE WHEN count(v.embodied_kg) = count(*)
                THEN sum(band_low(v.embodied_kg, v.card_down)) END AS low_embodied_kgco2e,
        CASE WHEN count(v.embodied_kg) = count(*)
                THEN sum(band_high(v.embodied_kg, v.card_up)) END AS high_embodied_kgco2e,
        CASE WHEN count(v.water) = count(*) THEN sum(v.water) END AS water_l,
        CASE WHEN v.name IS NOT NULL AND count(v.functional_unit_count) = count(*)
                THEN sum(v.functional_unit_count) END AS functional_unit_count,
        -- ISO/IEC 21031: (E x I + M) per R, location-based; units of different workloads do not add up.
        CASE WHEN v.name IS NOT NULL AND count(v.functional_unit_count) = count(*) AND count(v.location_kg) = count(*)
                AND count(v.embodied_kg) = count(*) THEN 1000 * sum(v.location_kg + v.embodied_kg)
                / nullif(sum(v.functional_unit_count), 0) END AS sci_gco2e_per_unit,
        string_agg(DISTINCT v.zone_used, ', ' ORDER BY v.zone_used) AS zones_used,
        string_agg(DISTINCT v.grain || ' from ' || v.grid_from_on, ', '
            ORDER BY v.grain || ' from ' || v.grid_from_on) AS grid_used,
        nullif(concat_ws('; ', CASE WHEN count(v.kwh) < count(*)
                    THEN 'energy: give accelerator (a name of one only) or power_w_per_gpu, and gpu_hours' END,
                CASE WHEN count(v.location_gco2e_per_kwh) < count(*)
                    THEN 'location-based carbon: no value of the zone on this basis' END,
                CASE WHEN count(v.used_market) < count(*)
                    THEN 'market-based carbon: give market_gco2e_per_kwh, the factor of the contract' END,
                CASE WHEN count(v.card_kgco2e) < count(*) THEN 'embodied carbon: give device_kgco2e' END,
                CASE WHEN count(v.water) < count(*)
                    THEN 'water: give site_water_l_per_kwh and grid_water_l_per_kwh' END), '') AS unknown,
        coalesce(bool_or(v.is_bundled), false) AS is_bundled
    FROM valued v GROUP BY GROUPING SETS ((v.name, v.month_on), (v.name), (v.month_on), ())
    ORDER BY grouping(v.name), workload, is_year, v.month_on;
COMMENT ON MACRO TABLE esg_report IS
    'A year of workloads by month, by workload and in all: energy, carbon by location (monthly mix where observed, '
    'else the latest whole year; one boundary) and by market (the factor of the contract, else an observed '
    'market-based one, else unknown), embodied carbon of the cards, water, and the SCI (ISO/IEC 21031) per functional '
    'unit; bands p5 and p95, summed as if errors were shared. workloads is a list of structs with name, accelerator, '
    'gpu_hours (a month), region or zone, and what else is known; month 1 to 12 for one month only. known_at holds for '
    'the grid. esg_report([{''name'': ''chat'', ''accelerator'': ''nvidia-h100-sxm-80gb'', ''zone'': ''US'', '
    '''gpu_hours'': 7300, ''functional_unit_count'': 1e6}], 2024).';
