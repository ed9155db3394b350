-- A year of given workloads, month by month: energy, carbon by location and by market, manufacture, water, and the SCI.
CREATE OR REPLACE MACRO esg_report(workloads, of_year, boundary := 'lifecycle',
        known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH asked AS (SELECT of_year::BIGINT AS asked_year, _asked_boundary(boundary) AS asked_boundary),
    given AS (
        SELECT unnest(workloads::STRUCT(name VARCHAR, month INTEGER, accelerator VARCHAR, provider VARCHAR,
                region VARCHAR, zone VARCHAR, gpu_hours DOUBLE, power_w_per_gpu DOUBLE, pue DOUBLE,
                market_gco2e_per_kwh DOUBLE, device_kgco2e DOUBLE, site_water_l_per_kwh DOUBLE,
                grid_water_l_per_kwh DOUBLE, functional_unit_count DOUBLE)[]) AS w),
    named AS (
        SELECT s.* REPLACE (_asked_accelerator('accelerator', s.accelerator) AS accelerator,
                _asked_provider('provider', s.provider) AS provider,
                _asked_region('region', s.region, s.provider) AS region)
        FROM (SELECT unnest(g.w) FROM given g) s),
    -- A workload without a month applies to every month of the year.
    monthly AS (
        SELECT g.*, make_date(q.asked_year, m.number, 1) AS month_on
        FROM asked q CROSS JOIN named g
        JOIN (SELECT unnest(range(1, 13)) AS number) m
            ON coalesce(_asked_number('month', g.month, 1, 12) = m.number, true)),
    -- A name with several meanings identifies no accelerator.
    card AS (
        SELECT n.accelerator, CASE WHEN count(*) = 1 THEN min(n.accelerator_id) END AS accelerator_id
        FROM (
            SELECT DISTINCT m.accelerator, w.accelerator_id
            FROM monthly m JOIN _accelerator_written() w ON w.written_key = accelerator_key(m.accelerator)
                AND _is_meant_by(w.accelerator_id, m.accelerator)) n
        GROUP BY n.accelerator),
    manufactured AS (
        SELECT a.accelerator_id, a.tdp_w, e.low_kgco2e, e.central_kgco2e, e.high_kgco2e
        FROM reference.accelerator a
        LEFT JOIN reference.embodied_carbon e ON starts_with(a.accelerator_id, e.accelerator_prefix)
        QUALIFY row_number() OVER (PARTITION BY a.accelerator_id
            ORDER BY length(e.accelerator_prefix) DESC NULLS LAST) = 1),
    placed AS (
        SELECT m.* REPLACE (CASE WHEN m.name IS NULL THEN error('name: none given; every workload needs one')
                    WHEN lower(m.name) = 'all workloads'
                        THEN error('name: ' || m.name || ' given; allowed is any but that of the sum of all')
                    ELSE m.name END AS name,
                _asked_number('gpu_hours', m.gpu_hours, 0, 1e12) AS gpu_hours,
                _asked_number('power_w_per_gpu', m.power_w_per_gpu, 0, 1e6) AS power_w_per_gpu,
                _asked_number('market_gco2e_per_kwh', m.market_gco2e_per_kwh, 0, 2500) AS market_gco2e_per_kwh,
                _asked_number('device_kgco2e', m.device_kgco2e, 0, 1e9) AS device_kgco2e,
                _asked_number('site_water_l_per_kwh', m.site_water_l_per_kwh, 0, 1000) AS site_water_l_per_kwh,
                _asked_number('grid_water_l_per_kwh', m.grid_water_l_per_kwh, 0, 1000) AS grid_water_l_per_kwh,
                _asked_number('functional_unit_count', m.functional_unit_count, 0, 1e18) AS functional_unit_count),
            c.accelerator_id, f.tdp_w, f.low_kgco2e, f.central_kgco2e, f.high_kgco2e,
            coalesce(m.zone, r.grid_zone) AS own_zone,
            CASE WHEN m.zone IS NULL THEN coalesce(n.grid_zone, n.country_code) END AS country_zone,
            coalesce(_asked_number('pue', m.pue, 1, 5), r.pue) AS known_pue
        FROM monthly m LEFT JOIN card c ON c.accelerator = m.accelerator
        LEFT JOIN manufactured f ON f.accelerator_id = c.accelerator_id
        LEFT JOIN reference.region r ON r.provider = lower(m.provider) AND lower(r.region) = lower(m.region)
        LEFT JOIN reference.country n ON n.country_code = _country_told(r.region, r.country_code, m.region)),
    -- The month as measured, else the year itself as measured, else the month as estimated; else the year that stands
    -- for the end of the year reported, of those that have ended by then. The zone before its country. One boundary
    -- throughout.
    slot AS (
        SELECT s.zone, (s.span_from AT TIME ZONE 'UTC')::DATE AS from_on, s.grain, s.mean_gco2e_per_kwh AS intensity,
            s.basis_accounting, s.basis_kind <> 'actual' AS is_estimated, s.source_id, s.is_bundled,
            CASE WHEN s.basis_kind = 'actual' AND s.grain = 'monthly' THEN 1
                WHEN s.basis_kind = 'actual' AND s.span_from = q.year_from THEN 2
                WHEN s.grain = 'monthly' THEN 3 ELSE 4 END AS way,
            year_rank(s.basis_kind, s.span_to, q.year_to, s.source_rank, s.resolution, s.source_id) AS year_rank
        FROM grid_carbon_span_known(known_at := _instant(known_at)) s
        JOIN (
            SELECT a.*, make_timestamptz(a.asked_year, 1, 1, 0, 0, 0, 'UTC') AS year_from,
                make_timestamptz(a.asked_year + 1, 1, 1, 0, 0, 0, 'UTC') AS year_to
            FROM asked a) q ON s.basis_boundary = q.asked_boundary
        WHERE s.basis_method = 'average' AND s.span_to <= q.year_to
            AND (s.grain = 'yearly' OR s.span_from >= q.year_from)),
    grid AS (
        SELECT p.month_on, p.own_zone, p.country_zone, s.* EXCLUDE (zone), s.zone AS zone_used
        FROM (SELECT DISTINCT month_on, own_zone, country_zone FROM placed) p
        JOIN slot s ON s.zone IN (p.own_zone, p.country_zone) AND (s.grain = 'yearly' OR s.from_on = p.month_on)
        QUALIFY row_number() OVER (PARTITION BY p.month_on, p.own_zone, p.country_zone, s.basis_accounting
            ORDER BY s.zone <> coalesce(p.own_zone, ''), s.way, s.year_rank) = 1),
    assumed AS (
        SELECT p.low AS power_low, p.central AS power_share, p.high AS power_high, q.low AS pue_low,
            q.central AS usual_pue, q.high AS pue_high, g.low AS grid_low, g.central AS grid_ratio, g.high AS grid_high,
            l.low AS life_low, l.central AS life_years, l.high AS life_high, u.low AS use_low, u.central AS use_share,
            u.high AS use_high
        FROM _method_band('power_share_of_tdp') p, _method_band('pue') q, _method_band('grid_ratio') g,
            _decision_default('life_years') l, _decision_default('hardware_use_share') u),
    computed AS (
        SELECT p.*, d.*, l.intensity AS location_gco2e_per_kwh,
            coalesce(p.market_gco2e_per_kwh, k.intensity) AS used_market, l.grain, l.zone_used, l.is_bundled,
            concat_ws(' ', l.zone_used, l.grain, 'from', l.from_on, 'by', l.source_id, CASE WHEN l.is_estimated
                    THEN 'estimated' END) AS grid_used, k.grain AS market_grain, k.zone_used AS market_zone_used,
            it_energy_kwh(p.gpu_hours, coalesce(p.power_w_per_gpu, power_w_per_gpu(p.tdp_w, d.power_share))) AS it_kwh,
            coalesce(p.known_pue, d.usual_pue) AS used_pue, coalesce(p.device_kgco2e, p.central_kgco2e) AS card_kgco2e
        FROM placed p CROSS JOIN assumed d
        LEFT JOIN grid l ON l.month_on = p.month_on AND l.own_zone IS NOT DISTINCT FROM p.own_zone
            AND l.country_zone IS NOT DISTINCT FROM p.country_zone AND l.basis_accounting = 'location'
        LEFT JOIN grid k ON k.month_on = p.month_on AND k.own_zone IS NOT DISTINCT FROM p.own_zone
            AND k.country_zone IS NOT DISTINCT FROM p.country_zone AND k.basis_accounting = 'market'),
    -- Materialized: both readers have to see the same numbers of lines.
    valued AS MATERIALIZED (
        SELECT c.*, row_number() OVER () AS line_number, facility_energy_kwh(c.it_kwh, c.used_pue) AS kwh,
            operational_kgco2e(facility_energy_kwh(c.it_kwh, c.used_pue), c.location_gco2e_per_kwh) AS location_kg,
            operational_kgco2e(facility_energy_kwh(c.it_kwh, c.used_pue), c.used_market) AS market_kg,
            embodied_kgco2e(c.card_kgco2e, c.gpu_hours, c.life_years, c.use_share) AS embodied_kg,
            water_l(c.it_kwh, c.site_water_l_per_kwh, c.used_pue, c.grid_water_l_per_kwh) AS water
        FROM computed c),
    -- Every quantity is a sum of products: each product, and the factors in it that may have a band.
    product AS (
        SELECT p.line_number, p.name, p.month_on, unnest(p.one)
        FROM (
            SELECT v.line_number, v.name, v.month_on,
                unnest([{'quantity': 'energy', 'value': v.kwh, 'factors': ['power', 'pue']},
                    {'quantity': 'location', 'value': v.location_kg, 'factors': ['power', 'pue', 'grid']},
                    {'quantity': 'market', 'value': v.market_kg, 'factors': ['power', 'pue', 'market']},
                    {'quantity': 'embodied', 'value': v.embodied_kg, 'factors': ['card', 'life', 'use']},
                    {'quantity': 'water', 'value': water_l(v.it_kwh, v.site_water_l_per_kwh, 0, 0),
                        'factors': ['power']},
                    {'quantity': 'water', 'value': water_l(v.it_kwh, 0, v.used_pue, v.grid_water_l_per_kwh),
                        'factors': ['power', 'pue']}]) AS one
            FROM valued v) p),
    -- Bounds of the factors that are not given, as shares of the central value, and what has its error in common: the
    -- power that a card draws, the PUE of a place, the year that stands for the months of a zone (the mix of the month
    -- itself is taken as exact), the manufacture of a card; the useful life is one convention for all.
    banded AS (
        SELECT b.line_number, unnest(b.one)
        FROM (
            SELECT v.line_number,
                unnest([CASE WHEN v.power_w_per_gpu IS NULL
                            THEN {'factor': 'power', 'shared_by': v.accelerator_id, 'low': v.power_low / v.power_share,
                                'high': v.power_high / v.power_share} END,
                    CASE WHEN v.known_pue IS NULL
                            THEN {'factor': 'pue',
                                'shared_by': coalesce(lower(v.provider) || '/' || v.region, v.own_zone),
                                'low': v.pue_low / v.usual_pue, 'high': v.pue_high / v.usual_pue} END,
                    CASE WHEN v.grain = 'yearly'
                            THEN {'factor': 'grid', 'shared_by': v.zone_used, 'low': v.grid_low / v.grid_ratio,
                                'high': v.grid_high / v.grid_ratio} END,
                    CASE WHEN v.market_gco2e_per_kwh IS NULL AND v.market_grain = 'yearly'
                            THEN {'factor': 'market', 'shared_by': v.market_zone_used, 'low': v.grid_low / v.grid_ratio,
                                'high': v.grid_high / v.grid_ratio} END,
                    CASE WHEN v.device_kgco2e IS NULL
                            THEN {'factor': 'card', 'shared_by': v.accelerator_id,
                                'low': v.low_kgco2e / v.central_kgco2e,
                                'high': v.high_kgco2e / v.central_kgco2e} END,
                    {'factor': 'life', 'shared_by': 'all', 'low': v.life_years / v.life_low,
                        'high': v.life_years / v.life_high},
                    {'factor': 'use', 'shared_by': 'all', 'low': v.use_share / v.use_low,
                        'high': v.use_share / v.use_high}]) AS one
            FROM valued v) b),
    -- By how much a sum moves if one factor is at its bounds in all workloads that share it. Sums are taken in an order,
    -- so that they are the same to the last digit on any number of threads.
    moved AS (
        SELECT p.name, p.month_on, p.quantity, b.factor, b.shared_by,
            sum(p.value * (b.low - 1) ORDER BY p.value * (b.low - 1)) AS low_by,
            sum(p.value * (b.high - 1) ORDER BY p.value * (b.high - 1)) AS high_by
        FROM product p
        JOIN banded b ON b.line_number = p.line_number AND list_contains(p.factors, b.factor)
        GROUP BY GROUPING SETS ((p.name, p.month_on, p.quantity, b.factor, b.shared_by),
            (p.name, p.quantity, b.factor, b.shared_by), (p.month_on, p.quantity, b.factor, b.shared_by),
            (p.quantity, b.factor, b.shared_by))),
    -- A sum with an unknown part is unknown.
    summed AS (
        SELECT p.name, p.month_on, p.quantity,
            CASE WHEN count(p.value) = count(*) THEN sum(p.value ORDER BY p.value) END AS total
        FROM product p
        GROUP BY GROUPING SETS ((p.name, p.month_on, p.quantity), (p.name, p.quantity), (p.month_on, p.quantity),
            (p.quantity))),
    -- Independent factors; an error that workloads share moves them together.
    stepped AS (
        SELECT s.name, s.month_on, s.quantity, s.total,
            product_of_steps(coalesce(list(two_piece(sigma_down(s.total, s.total + m.low_by, s.total + m.high_by),
                            sigma_up(s.total, s.total + m.low_by, s.total + m.high_by)) ORDER BY m.factor, m.shared_by)
                    FILTER (s.total > 0 AND m.low_by IS NOT NULL), [])) AS step
        FROM summed s
        LEFT JOIN moved m ON m.quantity = s.quantity AND m.name IS NOT DISTINCT FROM s.name
            AND m.month_on IS NOT DISTINCT FROM s.month_on
        GROUP BY s.name, s.month_on, s.quantity, s.total),
    band AS (
        SELECT s.name, s.month_on,
            map_from_entries(list({'quantity': s.quantity,
                'band': {'low': low_of_step(s.total, s.step), 'central': s.total,
                    'high': high_of_step(s.total, s.step), 'step': s.step}})) AS by_quantity
        FROM stepped s GROUP BY s.name, s.month_on),
    -- ISO/IEC 21031: (E x I + M) per R, location-based. Nothing that the two depend on is the same.
    scored AS (
        SELECT b.*, b.by_quantity['location'].central + b.by_quantity['embodied'].central AS kgco2e,
            sum_of_steps(b.by_quantity['location'].central, b.by_quantity['location'].step,
                b.by_quantity['embodied'].central, b.by_quantity['embodied'].step) AS step
        FROM band b),
    told AS (
        SELECT v.name, v.month_on, sum(v.gpu_hours ORDER BY v.gpu_hours) AS gpu_hours,
            -- Units of different workloads do not add up.
            CASE WHEN v.name IS NOT NULL AND count(v.functional_unit_count) = count(*)
                    THEN sum(v.functional_unit_count ORDER BY v.functional_unit_count) END AS functional_unit_count,
            string_agg(DISTINCT v.zone_used, ', ' ORDER BY v.zone_used) AS zones_used,
            string_agg(DISTINCT v.grid_used, ', ' ORDER BY v.grid_used) FILTER (v.zone_used IS NOT NULL) AS grid_used,
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
        FROM valued v GROUP BY GROUPING SETS ((v.name, v.month_on), (v.name), (v.month_on), ()))
    SELECT coalesce(t.name, 'all workloads') AS workload, t.month_on, t.month_on IS NULL AS is_year, t.gpu_hours,
        b.by_quantity['energy'].central AS energy_kwh, b.by_quantity['energy'].low AS low_energy_kwh,
        b.by_quantity['energy'].high AS high_energy_kwh, b.by_quantity['location'].central AS location_kgco2e,
        b.by_quantity['location'].low AS low_location_kgco2e, b.by_quantity['location'].high AS high_location_kgco2e,
        b.by_quantity['market'].central AS market_kgco2e, b.by_quantity['market'].low AS low_market_kgco2e,
        b.by_quantity['market'].high AS high_market_kgco2e, b.by_quantity['embodied'].central AS embodied_kgco2e,
        b.by_quantity['embodied'].low AS low_embodied_kgco2e, b.by_quantity['embodied'].high AS high_embodied_kgco2e,
        b.by_quantity['water'].central AS water_l, b.by_quantity['water'].low AS low_water_l,
        b.by_quantity['water'].high AS high_water_l, t.functional_unit_count,
        1000 * b.kgco2e / nullif(t.functional_unit_count, 0) AS sci_gco2e_per_unit,
        1000 * low_of_step(b.kgco2e, b.step) / nullif(t.functional_unit_count, 0) AS low_sci_gco2e_per_unit,
        1000 * high_of_step(b.kgco2e, b.step) / nullif(t.functional_unit_count, 0) AS high_sci_gco2e_per_unit,
        t.zones_used, t.grid_used, t.unknown, t.is_bundled
    FROM told t
    LEFT JOIN scored b ON b.name IS NOT DISTINCT FROM t.name AND b.month_on IS NOT DISTINCT FROM t.month_on
    ORDER BY t.name IS NULL, workload, is_year, t.month_on;
COMMENT ON MACRO TABLE esg_report IS
    'A year of workloads by month, by workload and in all: energy, carbon by location (the month as measured, else the '
    'year itself, else the month as estimated, else the last year that stands for it; grid_used says which; one '
    'boundary) and by market (the factor of the contract, else an observed '
    'market-based one, else unknown), embodied carbon of the cards, water, and the SCI (ISO/IEC 21031) per functional '
    'unit; bands p5 and p95: an error that workloads share (power and manufacture of one card, PUE of one place, year '
    'of one zone, useful life) counts as one, others are independent. workloads is a list of structs with name, '
    'accelerator, gpu_hours (a month), region or zone, and what else is known; month 1 to 12 for one month only. '
    'known_at holds for the grid. esg_report([{''name'': ''chat'', ''accelerator'': ''nvidia-h100-sxm-80gb'', '
    '''zone'': ''US'', ''gpu_hours'': 7300, ''functional_unit_count'': 1e6}], 2024).';
