-- What runs cost and emit over windows of time: scenario x offer x region over any number of windows, without a row for
-- every hour.
-- 1. Time is cut, for each offer and each zone, at every change of price, slot of the grid and end of a window. In each
--    piece the preferred price or slot counts.
-- 2. Price times time and intensity times time are summed up along the pieces, in whole 1e-12 USD and g and
--    microseconds, so that nothing depends on the order of adding. The total of a window is the difference of two
--    running sums: as many look-ups as windows have ends, however long they are.
-- 3. Scenarios (how many accelerators, how much power) come last: each multiplies the totals of its window, which it
--    may share with others.
-- Where there is no price, the sums do not grow and the hours are counted as unknown. Where there is no slot of the
-- grid, the latest year before it stands for it, as in usage_cost, and its hours are counted; without one they are
-- unknown. What is estimated (computed from a mix of fuels, mostly) counts where nothing measured covers the time, as
-- in estimates of trainings, and its hours are counted too.
-- An instant may be text (read_csv leaves what it cannot read, such as one without seconds): the error names it then.
CREATE OR REPLACE MACRO _window_given(windows) AS TABLE
    SELECT * REPLACE (run_from::TIMESTAMPTZ AS run_from, run_to::TIMESTAMPTZ AS run_to)
    FROM (
        FROM query_table(windows)
        UNION ALL BY NAME
        SELECT NULL::TIMESTAMPTZ AS run_from, NULL::TIMESTAMPTZ AS run_to, NULL::VARCHAR AS provider,
            NULL::VARCHAR AS region, NULL::VARCHAR AS zone, NULL::VARCHAR AS instance_type,
            NULL::VARCHAR AS accelerator, NULL::VARCHAR AS purchase_option, NULL::DOUBLE AS accelerator_count,
            NULL::DOUBLE AS power_kw, NULL::DOUBLE AS pue
        WHERE false);
COMMENT ON MACRO TABLE _window_given IS
    'A table of runs with every column that window_totals and window_hours read, NULL where it has none. '
    '_window_given(''run_plan'').';

CREATE OR REPLACE MACRO _window_costed(windows, by_hour, boundary := 'lifecycle',
        known_at := TIMESTAMPTZ 'infinity') AS TABLE
    -- First, and read from here only: behind the other names the user's table would be looked for among them, and one
    -- that is called run or price would be mistaken for a part of this query.
    WITH _given AS NOT MATERIALIZED (FROM _window_given(windows)),
    assumed AS (
        SELECT p.central AS power_share, q.central AS usual_pue
        FROM _method_band('power_share_of_tdp') p, _method_band('pue') q),
    span AS MATERIALIZED (
        SELECT DISTINCT g.provider, g.region, g.zone, g.instance_type, g.accelerator, g.purchase_option, g.run_from,
            g.run_to
        FROM _given g WHERE g.run_to > g.run_from AND isfinite(g.run_from) AND isfinite(g.run_to)),
    reach AS MATERIALIZED (
        SELECT min(s.run_from) AS first_at, max(s.run_to) AS last_at, min(s.run_from) - INTERVAL 367 DAY AS slots_from
        FROM span s),
    named AS MATERIALIZED (
        SELECT d.accelerator, w.accelerator_id, count(*) OVER (PARTITION BY d.accelerator) AS meaning_count
        FROM (SELECT DISTINCT s.accelerator FROM span s WHERE s.accelerator IS NOT NULL) d
        JOIN _accelerator_written() w ON w.written_key = accelerator_key(d.accelerator)
            AND _is_meant_by(w.accelerator_id, d.accelerator)),
    located AS (
        SELECT p.*, r.pue AS region_pue, coalesce(p.zone, r.grid_zone) AS own_zone,
            CASE WHEN p.zone IS NULL THEN coalesce(n.grid_zone, n.country_code) END AS country_zone
        FROM (
            SELECT DISTINCT s.provider, s.region, s.zone, s.instance_type, s.accelerator, s.purchase_option FROM span s)
            p
        LEFT JOIN reference.region r ON lower(r.provider) = lower(p.provider) AND lower(r.region) = lower(p.region)
        LEFT JOIN reference.country n ON n.country_code = _country_told(r.region, r.country_code, p.region)),
    -- Keys of offers are positive, keys of zones negative: one timeline holds both.
    place AS MATERIALIZED (
        SELECT l.*, row_number() OVER () AS price_key,
            -dense_rank() OVER (ORDER BY l.own_zone, l.country_zone) AS grid_key
        FROM located l),
    run AS MATERIALIZED (
        SELECT s.*, p.price_key, p.grid_key, row_number() OVER () AS window_id
        FROM span s
        JOIN place p ON p.provider IS NOT DISTINCT FROM s.provider AND p.region IS NOT DISTINCT FROM s.region
            AND p.zone IS NOT DISTINCT FROM s.zone AND p.instance_type IS NOT DISTINCT FROM s.instance_type
            AND p.accelerator IS NOT DISTINCT FROM s.accelerator
            AND p.purchase_option IS NOT DISTINCT FROM s.purchase_option),
    -- The offers of a place that hold within reach of the windows.
    offer AS MATERIALIZED (
        SELECT p.price_key, o.accelerator_id, greatest(o.counts_from, c.first_at) AS from_at,
            least(o.counts_to, c.last_at) AS to_at, o.price_usd_per_gpu_hour AS price, o.source_rank,
            lower(o.region) <> lower(p.region) AS is_of_elsewhere, o.source_id, o.scope, p.instance_type IS NOT NULL
            AND o.offer_variant <> '' AS is_variant, o.instance_type, o.offer_variant, o.capture_id, o.is_bundled
        FROM place p
        JOIN cloud_offer_known(known_at := _instant(known_at)) o ON o.provider = lower(p.provider)
            AND o.purchase_option = p.purchase_option AND (lower(o.region) = lower(p.region) OR o.region = 'global')
            AND (p.instance_type IS NULL OR lower(o.instance_type) = lower(p.instance_type))
        CROSS JOIN reach c LEFT JOIN named a ON a.accelerator = p.accelerator AND a.accelerator_id = o.accelerator_id
        WHERE o.price_usd_per_gpu_hour > 0 AND o.counts_from < c.last_at AND o.counts_to > c.first_at
            AND CASE WHEN p.accelerator IS NULL THEN p.instance_type IS NOT NULL ELSE a.accelerator_id IS NOT NULL END),
    card AS (
        SELECT o.price_key, any_value(o.accelerator_id) AS accelerator_id,
            count(DISTINCT o.accelerator_id) AS accelerator_id_count
        FROM offer o GROUP BY o.price_key),
    zone_asked AS (
        SELECT DISTINCT p.grid_key, p.own_zone AS zone, false AS is_country
        FROM place p WHERE p.own_zone IS NOT NULL
        UNION ALL SELECT DISTINCT p.grid_key, p.country_zone, true
        FROM place p WHERE p.country_zone <> coalesce(p.own_zone, '')),
    -- One number for a series: four names to compare take five times as long.
    latest AS MATERIALIZED (
        SELECT hash(l.source_id, l.scope, l.zone, l.resolution, l.basis_kind) AS series_key,
            l.basis_kind = 'estimated' AS is_estimated, l.source_id, l.scope, l.zone, l.resolution, l.valid_from,
            l.valid_to, l.intensity_gco2e_per_kwh, l.capture_id, l.is_bundled
        FROM grid_carbon_known(known_at := _instant(known_at)) l CROSS JOIN reach c
        WHERE l.zone IN (SELECT z.zone FROM zone_asked z) AND l.basis_method = 'average'
            AND l.basis_accounting = 'location' AND l.basis_kind IN ('actual', 'estimated')
            AND l.basis_boundary = boundary
            AND l.valid_from < c.last_at AND (l.valid_from > c.slots_from OR l.resolution = 'P1Y')),
    series AS (
        SELECT s.*,
            row_number() OVER (PARTITION BY s.grid_key ORDER BY s.is_country, s.is_estimated, s.grain,
                source_rank(s.source_id),
                s.source_id, epoch(slot_length(s.resolution)), s.scope) AS preference
        FROM (
            SELECT z.grid_key, z.is_country, w.series_key, w.is_estimated, w.source_id, w.scope, w.resolution,
                CASE w.resolution WHEN 'P1D' THEN 2 WHEN 'P1M' THEN 3 WHEN 'P1Y' THEN 4 ELSE 1 END AS grain
            FROM zone_asked z
            JOIN (
                SELECT l.series_key, any_value(l.is_estimated) AS is_estimated, any_value(l.zone) AS zone,
                    any_value(l.source_id) AS source_id,
                    any_value(l.scope) AS scope, any_value(l.resolution) AS resolution
                FROM latest l GROUP BY l.series_key) w ON w.zone = z.zone) s),
    -- A year stands for the time after it, until the next one ends, where no slot covers that.
    earlier AS (
        SELECT z.grid_key, z.is_country, y.valid_to AS from_at,
            coalesce(lead(y.valid_to) OVER (PARTITION BY z.grid_key, z.zone ORDER BY y.valid_to),
                TIMESTAMPTZ 'infinity') AS to_at,
            y.intensity_gco2e_per_kwh, y.capture_id, y.is_bundled
        FROM zone_asked z
        JOIN (
            SELECT l.*
            FROM latest l WHERE l.resolution = 'P1Y' AND NOT l.is_estimated
            QUALIFY row_number() OVER (PARTITION BY l.zone, l.valid_from
                ORDER BY source_rank(l.source_id), l.source_id, l.scope) = 1) y ON y.zone = z.zone),
    preferred AS (
        SELECT o.price_key AS key_id, o.from_at, o.to_at, round(o.price * 1e12)::HUGEINT AS value, false AS is_coarse,
            false AS is_country, false AS is_estimated, false AS is_earlier, o.capture_id, o.is_bundled,
            row_number() OVER (PARTITION BY o.price_key ORDER BY o.source_rank, o.is_of_elsewhere, o.source_id,
                o.is_variant, o.price, o.instance_type, o.offer_variant, o.scope, o.from_at) AS preference
        FROM offer o JOIN card k ON k.price_key = o.price_key WHERE k.accelerator_id_count <= 1
        UNION ALL
        SELECT s.grid_key, greatest(w.valid_from, c.first_at), least(w.valid_to, c.last_at),
            round(w.intensity_gco2e_per_kwh * 1e12)::HUGEINT, s.grain > 1, s.is_country, s.is_estimated, false,
            w.capture_id, w.is_bundled, s.preference
        FROM latest w JOIN series s ON s.series_key = w.series_key
        CROSS JOIN reach c WHERE w.valid_to > c.first_at
        UNION ALL
        SELECT e.grid_key, greatest(e.from_at, c.first_at), least(e.to_at, c.last_at),
            round(e.intensity_gco2e_per_kwh * 1e12)::HUGEINT, true, e.is_country, false, true, e.capture_id,
            e.is_bundled, 100_000 + e.is_country::INTEGER
        FROM earlier e CROSS JOIN reach c
        WHERE e.from_at < c.last_at AND e.to_at > c.first_at),
    -- The preference is in the upper digits of the number: the smallest of several is the one that counts.
    value AS MATERIALIZED (
        SELECT s.*, s.preference * 1_000_000_000_000 + row_number() OVER () AS value_id FROM preferred s),
    part AS MATERIALIZED (
        SELECT r.window_id, r.price_key, r.grid_key,
            unnest(CASE WHEN by_hour THEN list_concat([r.run_from],
                        range(date_trunc('hour', r.run_from AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + INTERVAL 1 HOUR,
                        r.run_to, INTERVAL 1 HOUR)) ELSE [r.run_from] END) AS part_from,
            unnest(CASE WHEN by_hour THEN list_concat(range(date_trunc('hour',
                        r.run_from AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + INTERVAL 1 HOUR, r.run_to, INTERVAL 1 HOUR),
                        [r.run_to]) ELSE [r.run_to] END) AS part_to
        FROM run r),
    -- With the best of what begins at an edge. (Over ROWS, not the values that are equal: there are none, and looking
    -- for them takes half of the time; measured.)
    edge AS MATERIALIZED (
        SELECT e.key_id, e.edge_at, e.first_id, row_number() OVER w AS edge_number, lead(e.edge_at) OVER w AS next_at,
            last_value(CASE WHEN e.is_end THEN e.edge_at END IGNORE NULLS) OVER w AS end_at
        FROM (
            SELECT u.key_id, u.edge_at, min(u.first_id) AS first_id, bool_or(u.is_end) AS is_end
            FROM (
                SELECT s.key_id, unnest([s.from_at, s.to_at]) AS edge_at, unnest([s.value_id, NULL]) AS first_id,
                    false AS is_end
                FROM value s
                UNION ALL SELECT p.price_key, unnest([p.part_from, p.part_to]), NULL, true
                FROM part p
                UNION ALL SELECT p.grid_key, unnest([p.part_from, p.part_to]), NULL, true
                FROM part p) u
            GROUP BY u.key_id, u.edge_at) e
        WINDOW w AS (PARTITION BY e.key_id ORDER BY e.edge_at ROWS UNBOUNDED PRECEDING)),
    -- Most slots are one piece. What is longer covers the pieces after its first one too: both of its ends are edges,
    -- so they are a range of edge numbers, not a search. (LEFT JOIN, here and below, although every row has a match:
    -- the optimizer reorders inner joins by wrong estimates and then joins a timeline with itself, in 100 times the
    -- time; measured.)
    continued AS (
        SELECT c.key_id, c.edge_number, min(c.value_id) AS value_id
        FROM (
            SELECT l.key_id, l.value_id, unnest(range(l.edge_number + 1, b.edge_number)) AS edge_number
            FROM (
                SELECT s.key_id, s.value_id, s.to_at, a.edge_number
                FROM value s LEFT JOIN edge a ON a.key_id = s.key_id AND a.edge_at = s.from_at
                WHERE s.to_at > a.next_at) l
            LEFT JOIN edge b ON b.key_id = l.key_id AND b.edge_at = l.to_at) c
        GROUP BY c.key_id, c.edge_number),
    piece AS (
        SELECT e.key_id, e.edge_at, e.end_at, epoch_us(e.next_at) - epoch_us(e.edge_at) AS length_us, s.value,
            s.is_coarse, s.is_country, s.is_estimated, s.is_earlier, s.capture_id, s.is_bundled
        FROM edge e LEFT JOIN continued c ON c.key_id = e.key_id AND c.edge_number = e.edge_number
        LEFT JOIN value s ON s.value_id = least(e.first_id, c.value_id)),
    -- Between one end of a window and the next.
    lap AS (
        SELECT p.key_id, p.end_at, coalesce(sum(p.value * p.length_us), 0) AS total,
            coalesce(sum(CASE WHEN p.value IS NOT NULL THEN p.length_us END), 0)::BIGINT AS known_us,
            coalesce(sum(CASE WHEN p.is_coarse THEN p.length_us END), 0)::BIGINT AS coarse_us,
            coalesce(sum(CASE WHEN p.is_country THEN p.length_us END), 0)::BIGINT AS country_us,
            coalesce(sum(CASE WHEN p.is_estimated THEN p.length_us END), 0)::BIGINT AS estimated_us,
            coalesce(sum(CASE WHEN p.is_earlier THEN p.length_us END), 0)::BIGINT AS earlier_us,
            coalesce(sum(CASE WHEN p.is_bundled THEN p.length_us END), 0)::BIGINT AS bundled_us,
            any_value(CASE WHEN p.edge_at = p.end_at THEN p.capture_id END) AS capture_id
        FROM piece p WHERE p.end_at IS NOT NULL GROUP BY p.key_id, p.end_at),
    summed AS MATERIALIZED (
        SELECT l.key_id, l.end_at, l.capture_id, sum(l.total) OVER w - l.total AS total,
            (sum(l.known_us) OVER w - l.known_us)::BIGINT AS known_us,
            (sum(l.coarse_us) OVER w - l.coarse_us)::BIGINT AS coarse_us,
            (sum(l.country_us) OVER w - l.country_us)::BIGINT AS country_us,
            (sum(l.estimated_us) OVER w - l.estimated_us)::BIGINT AS estimated_us,
            (sum(l.earlier_us) OVER w - l.earlier_us)::BIGINT AS earlier_us,
            (sum(l.bundled_us) OVER w - l.bundled_us)::BIGINT AS bundled_us
        FROM lap l WINDOW w AS (PARTITION BY l.key_id ORDER BY l.end_at)),
    -- The accelerator of a window: that of its offers, else the only meaning of its name or of its instance type.
    identified AS (
        SELECT p.*, coalesce(k.accelerator_id_count, 0) > 1 AS is_ambiguous,
            CASE WHEN k.accelerator_id_count = 1 THEN k.accelerator_id
                WHEN coalesce(k.accelerator_id_count, 0) = 0
                    THEN coalesce(n.accelerator_id, i.accelerator_id) END AS accelerator_id
        FROM place p LEFT JOIN card k ON k.price_key = p.price_key
        LEFT JOIN named n ON n.accelerator = p.accelerator AND n.meaning_count = 1
        LEFT JOIN reference.instance_accelerator i ON p.accelerator IS NULL AND lower(i.provider) = lower(p.provider)
            AND lower(i.instance_type) = lower(p.instance_type)),
    cell AS (
        SELECT p.window_id, p.part_from, p.part_to, (epoch_us(p.part_to) - epoch_us(p.part_from)) / 3.6e9 AS hours,
            (pt.total - pf.total)::DOUBLE / 3.6e21 AS price_hours, (pt.known_us - pf.known_us) / 3.6e9 AS priced_hours,
            pt.known_us - pf.known_us = epoch_us(p.part_to) - epoch_us(p.part_from) AS is_all_priced,
            (gt.total - gf.total)::DOUBLE / 3.6e21 AS intensity_hours,
            (gt.known_us - gf.known_us) / 3.6e9 AS grid_hours,
            gt.known_us - gf.known_us = epoch_us(p.part_to) - epoch_us(p.part_from) AS is_all_grid,
            (gt.coarse_us - gf.coarse_us) / 3.6e9 AS coarse_grid_hours,
            (gt.country_us - gf.country_us) / 3.6e9 AS country_grid_hours,
            (gt.estimated_us - gf.estimated_us) / 3.6e9 AS estimated_grid_hours,
            (gt.earlier_us - gf.earlier_us) / 3.6e9 AS earlier_grid_hours,
            pt.bundled_us > pf.bundled_us AS is_price_bundled, gt.bundled_us > gf.bundled_us AS is_grid_bundled,
            pf.capture_id AS price_capture_id, gf.capture_id AS grid_capture_id, t.accelerator_id, t.is_ambiguous,
            a.tdp_w, t.region_pue, t.own_zone
        FROM part p LEFT JOIN identified t ON t.price_key = p.price_key
        LEFT JOIN summed pf ON pf.key_id = p.price_key AND pf.end_at = p.part_from
        LEFT JOIN summed pt ON pt.key_id = p.price_key AND pt.end_at = p.part_to
        LEFT JOIN summed gf ON gf.key_id = p.grid_key AND gf.end_at = p.part_from
        LEFT JOIN summed gt ON gt.key_id = p.grid_key AND gt.end_at = p.part_to
        LEFT JOIN reference.accelerator a ON a.accelerator_id = t.accelerator_id),
    met AS (
        SELECT g.* EXCLUDE (pue, run_from, run_to), g.run_from, g.run_to, c.part_from, c.part_to, c.hours,
            c.accelerator_id, c.is_ambiguous, c.price_hours, c.priced_hours, c.is_all_priced, c.intensity_hours,
            c.grid_hours, c.is_all_grid, c.coarse_grid_hours, c.country_grid_hours, c.estimated_grid_hours,
            c.earlier_grid_hours,
            c.is_price_bundled, c.is_grid_bundled, c.price_capture_id, c.grid_capture_id, c.own_zone,
            (g.accelerator_count > 0) IS NOT FALSE AND (g.power_kw >= 0) IS NOT FALSE
            AND (g.pue >= 1) IS NOT FALSE AS is_sane,
            coalesce(g.pue, c.region_pue, d.usual_pue) AS pue, g.pue IS NULL
            AND c.region_pue IS NOT NULL AS is_pue_published,
            coalesce(g.power_kw, g.accelerator_count * power_w_per_gpu(c.tdp_w, d.power_share) / 1000) AS it_power_kw
        FROM _given g LEFT JOIN assumed d ON true
        LEFT JOIN run r ON r.provider IS NOT DISTINCT FROM g.provider AND r.region IS NOT DISTINCT FROM g.region
            AND r.zone IS NOT DISTINCT FROM g.zone AND r.instance_type IS NOT DISTINCT FROM g.instance_type
            AND r.accelerator IS NOT DISTINCT FROM g.accelerator
            AND r.purchase_option IS NOT DISTINCT FROM g.purchase_option AND r.run_from = g.run_from
            AND r.run_to = g.run_to
        LEFT JOIN cell c ON c.window_id = r.window_id),
    multiplied AS (
        SELECT m.*, CASE WHEN m.is_sane THEN m.accelerator_count * m.hours END AS gpu_hours,
            CASE WHEN m.is_sane THEN cost_usd(m.accelerator_count, m.price_hours) END AS sum_usd,
            CASE WHEN m.is_sane THEN facility_energy_kwh(m.it_power_kw * m.hours, m.pue) END AS energy_kwh,
            CASE WHEN m.is_sane
                    THEN operational_kgco2e(facility_energy_kwh(m.it_power_kw, m.pue),
                        m.intensity_hours) END AS sum_kgco2e
        FROM met m)
    SELECT m.* EXCLUDE (is_ambiguous, price_hours, priced_hours, is_all_priced, intensity_hours, grid_hours,
        is_all_grid, coarse_grid_hours, country_grid_hours, estimated_grid_hours, earlier_grid_hours,
        is_price_bundled, is_grid_bundled,
        price_capture_id, grid_capture_id, own_zone, is_sane, sum_usd, sum_kgco2e),
        m.price_hours / nullif(m.priced_hours, 0) AS price_usd_per_gpu_hour, m.priced_hours,
        CASE WHEN m.is_all_priced THEN 0 ELSE m.hours - m.priced_hours END AS unpriced_hours,
        CASE WHEN m.is_all_priced THEN m.sum_usd END AS cost_usd,
        CASE WHEN m.priced_hours > 0 THEN m.sum_usd END AS priced_cost_usd,
        m.intensity_hours / nullif(m.grid_hours, 0) AS grid_gco2e_per_kwh, m.grid_hours,
        CASE WHEN m.is_all_grid THEN 0 ELSE m.hours - m.grid_hours END AS no_grid_hours, m.coarse_grid_hours,
        m.country_grid_hours, m.estimated_grid_hours, m.earlier_grid_hours,
        CASE WHEN m.is_all_grid THEN m.sum_kgco2e END AS operational_kgco2e,
        CASE WHEN m.grid_hours > 0 THEN m.sum_kgco2e END AS grid_hours_kgco2e, m.is_price_bundled, m.is_grid_bundled,
        m.price_capture_id, m.grid_capture_id,
        CASE WHEN m.hours IS NULL
                THEN CASE WHEN m.run_from IS NULL OR m.run_to IS NULL THEN 'run_from or run_to not given'
                    ELSE 'run_to not after run_from' END
            WHEN NOT m.is_sane THEN 'accelerator_count not above 0, power_kw below 0 or pue below 1'
            WHEN NOT m.is_all_priced OR m.accelerator_count IS NULL OR m.it_power_kw IS NULL OR NOT m.is_all_grid
                OR m.earlier_grid_hours > 0
                THEN nullif(concat_ws('; ', CASE WHEN m.accelerator_count IS NULL
                            THEN 'accelerator_count not given' END,
                        CASE WHEN m.is_all_priced THEN NULL WHEN m.provider IS NULL OR m.region IS NULL
                            OR coalesce(m.accelerator, m.instance_type) IS NULL
                            OR m.purchase_option IS NULL
                            THEN 'not priced: it takes provider, region, purchase_option and accelerator or '
                                 'instance_type'
                            WHEN m.is_ambiguous THEN 'several accelerators of this name are offered there: name one'
                            WHEN m.priced_hours = 0 THEN 'no price of this offer at its time'
                            ELSE format('no price for {:.1f} of {:.1f} h', m.hours - m.priced_hours, m.hours) END,
                        CASE WHEN m.it_power_kw IS NULL THEN 'power not known: give power_kw' END,
                        CASE WHEN m.is_all_grid THEN NULL WHEN m.own_zone IS NULL
                            AND m.grid_hours = 0 THEN 'grid of the region not known'
                            WHEN m.grid_hours = 0 THEN 'no carbon value for its time on this basis'
                            ELSE format('no carbon value for {:.1f} of {:.1f} h', m.hours - m.grid_hours, m.hours) END,
                        CASE WHEN m.earlier_grid_hours = m.hours THEN 'carbon of the latest year before it'
                            WHEN m.earlier_grid_hours > 0
                            THEN format('carbon of the latest year before it for {:.1f} of {:.1f} h',
                                m.earlier_grid_hours, m.hours) END),
                    '') END AS unknown
    FROM multiplied m;
COMMENT ON MACRO TABLE _window_costed IS
    'What window_totals (by_hour false) and window_hours (true) have in common: prices and intensities summed over '
    'every different window (or hour of it), and the scenarios on the windows that they share. '
    '_window_costed(''run_plan'', false).';

CREATE OR REPLACE MACRO window_totals(windows, boundary := 'lifecycle', known_at := TIMESTAMPTZ 'infinity') AS TABLE
    SELECT c.* EXCLUDE (part_from, part_to, price_capture_id, grid_capture_id)
    FROM _window_costed(windows, false, boundary := boundary, known_at := known_at) c
    -- Always true; an unknown boundary is an error.
    WHERE coalesce(_asked_boundary(boundary), '') IS NOT NULL;
COMMENT ON MACRO TABLE window_totals IS
    'Cost, energy and operational carbon (location-based, one boundary) of every row of a table of runs: run_from to '
    'run_to (instants), provider, region, purchase_option and accelerator or instance_type; accelerator_count; '
    'optional zone, power_kw (of the servers), pue. Prices and the grid are those of every moment of the run, also '
    'where they change within an hour: the best ranked source''s offer (of the region before global ones, the cheapest '
    'of an accelerator), the finest slot of the zone before its country, measured before estimated (for '
    'estimated_grid_hours), else the latest year before it (for earlier_grid_hours, and said in unknown). cost_usd '
    'and operational_kgco2e are NULL unless every hour is known; '
    'priced_cost_usd and grid_hours_kgco2e are those of the known hours, unpriced_hours and no_grid_hours say how many '
    'are not. known_at holds for both. All columns of the table come back. window_totals(''run_plan'').';

CREATE OR REPLACE MACRO window_hours(windows, boundary := 'lifecycle', known_at := TIMESTAMPTZ 'infinity') AS TABLE
    SELECT c.* RENAME (part_from AS hour_from, part_to AS hour_to)
    FROM _window_costed(windows, true, boundary := boundary, known_at := known_at) c
    -- Always true; an unknown boundary is an error.
    WHERE coalesce(_asked_boundary(boundary), '') IS NOT NULL;
COMMENT ON MACRO TABLE window_hours IS
    'window_totals hour by hour, for what is not linear in the hours (a price cap, a battery, a limit on carbon): one '
    'row for every run and full hour (UTC) that it touches, the first and last cut to the run; with the captures of '
    'the price and grid at hour_from. Sums over a run are those of window_totals. window_hours(''run_plan'').';
