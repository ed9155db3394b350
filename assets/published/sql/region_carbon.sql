-- The carbon intensity of a cloud region: the finest value there is for an instant, and which one it is. Can be joined
-- laterally to a table of regions. The region's own zone comes first (the hour, day, month or year that contains the
-- instant; else its latest value), its country last: a country's month is finer in time, but of another place. A zone's
-- own value is preferred to its country's for three years after its end, since official yearly factors appear up to two
-- years late; a value of an hour or less for six hours, since it says little about another day.
CREATE OR REPLACE MACRO region_carbon(provider, region, valid_at := TIMESTAMPTZ '-infinity',
        known_at := TIMESTAMPTZ 'infinity', boundary := NULL) AS TABLE
    -- The arguments are renamed in a CTE without tables, so that a column passed as an argument is never resolved to
    -- one of the macro's own.
    WITH asked AS (
        SELECT provider::VARCHAR AS asked_provider, region::VARCHAR AS asked_region,
            _asked_instant(valid_at) AS asked_at, _instant(known_at) AS asked_known_at,
            _asked_boundary(boundary) AS asked_boundary),
    place AS (
        SELECT o.*, r.provider, r.region, r.grid_zone,
            coalesce(c.grid_zone, c.country_code, r.country_code) AS country_zone, r.pue, r.zone_claimed_by
        FROM asked o
        LEFT JOIN reference.region r ON lower(r.provider) = lower(o.asked_provider)
            AND lower(r.region) = lower(o.asked_region)
        LEFT JOIN reference.country c ON c.country_code = _country_told(r.region, r.country_code, o.asked_region)),
    zone AS (
        SELECT p.grid_zone AS zone, false AS is_country FROM place p WHERE p.grid_zone IS NOT NULL
        UNION ALL SELECT p.country_zone, true FROM place p WHERE p.country_zone <> coalesce(p.grid_zone, '')),
    latest AS (
        SELECT l.*, z.is_country, o.asked_at, slot_end(l.valid_from, l.resolution) AS valid_to
        FROM zone z JOIN observed.grid_carbon_log l ON l.zone = z.zone, asked o
        WHERE l.basis_method = 'average' AND l.basis_accounting = 'location'
            AND (o.asked_boundary IS NULL OR l.basis_boundary = o.asked_boundary) AND l.valid_from <= o.asked_at
            AND l.recorded_at <= o.asked_known_at
        QUALIFY row_number() OVER (PARTITION BY l.source_id, l.scope, l.zone, l.resolution, l.basis_boundary,
            l.basis_kind, l.valid_from ORDER BY l.observed_at DESC, l.capture_id DESC, l.recorded_at DESC) = 1),
    aged AS (
        SELECT w.*, w.valid_to > w.asked_at AS is_covering,
            -- 0: counts; 1: an old mean; 2: an old hour, which says least.
            -- In seconds: a difference of instants as an interval takes fifty times as long (70,000 slots of a zone: 3
            -- s, measured).
            CASE WHEN w.resolution LIKE 'PT%' AND epoch(w.asked_at) - epoch(w.valid_to) > 6 * 3600 THEN 2
                WHEN epoch(w.asked_at) - epoch(w.valid_to) > 1096 * 86400 THEN 1
                ELSE 0 END AS staleness
        FROM latest w WHERE w.is_offered),
    best AS (
        SELECT a.*
        FROM aged a
        ORDER BY a.staleness, a.is_country, a.is_covering DESC,
            CASE WHEN a.is_covering THEN epoch(slot_length(a.resolution)) END,
            CASE WHEN NOT a.is_covering THEN a.valid_to END DESC, _is_second_word(a.source_id),
            CASE a.basis_kind WHEN 'actual' THEN 1 WHEN 'estimated' THEN 2 ELSE 3 END,
            _boundary_rank(a.basis_boundary), source_rank(a.source_id), a.source_id, a.scope
        LIMIT 1)
    SELECT coalesce(p.provider, p.asked_provider) AS provider, coalesce(p.region, p.asked_region) AS region,
        b.intensity_gco2e_per_kwh,
        CASE WHEN b.is_country THEN 'national'
            WHEN b.resolution LIKE 'PT%' THEN 'hourly'
            WHEN b.resolution = 'P1D' THEN 'daily'
            WHEN b.resolution = 'P1M' THEN 'monthly'
            WHEN b.resolution = 'P1Y' THEN 'yearly' END AS grain,
        b.resolution, p.grid_zone, b.zone AS zone_used, coalesce(b.is_country, false) AS is_country_fallback,
        b.is_covering, b.valid_from, b.valid_to,
        CASE WHEN b.zone IS NOT NULL THEN greatest(0, epoch(p.asked_at) - epoch(b.valid_to)) / 3600 END AS age_hours,
        b.basis_method, b.basis_boundary, b.basis_accounting, b.basis_kind, p.zone_claimed_by, b.source_id,
        b.capture_id,
        CASE WHEN p.region IS NULL AND p.country_zone IS NULL THEN 'region not in reference.region'
            WHEN p.grid_zone IS NULL AND p.country_zone IS NULL THEN 'grid zone not known'
            WHEN b.zone IS NULL
                THEN 'no ' || coalesce(p.asked_boundary || ' ', '') || 'value for the zone or its country by then'
            ELSE nullif(concat_ws('; ', CASE WHEN p.region IS NULL
                        THEN 'region not in reference.region: the country that its name ends with' END,
                    CASE WHEN b.is_country THEN 'country value: '
                        || coalesce('no recent value of its own for the zone ' || p.grid_zone,
                        'its own grid zone is not known') END,
                    CASE WHEN NOT b.is_covering THEN 'latest before the instant' END), '') END AS note
    FROM place p LEFT JOIN best b ON true;
COMMENT ON MACRO TABLE region_carbon IS
    'Carbon intensity of a cloud region at an instant: of its own zone the finest slot that holds it (hourly, daily, '
    'monthly, yearly), else the latest before it; the country (national) last; says which, how old and on which basis. '
    'NULL and a note where nothing is known. Also beside a table: FROM reference.region r, region_carbon(r.provider, '
    'r.region). region_carbon(''aws'', ''eu-west-2'', valid_at := TIMESTAMPTZ ''2023-07-01 12:00:00+00'').';
