-- Usage at the list prices and the grid intensity of its own time.
CREATE OR REPLACE MACRO usage_cost(known_at := TIMESTAMPTZ 'infinity', boundary := 'lifecycle') AS TABLE
    WITH asked AS (SELECT _asked_boundary(boundary) AS asked_boundary),
    assumed AS (
        SELECT p.central AS power_share, q.central AS usual_pue
        FROM _method_band('power_share_of_tdp') p, _method_band('pue') q),
    -- The line number is the key of all joins below.
    used AS MATERIALIZED (
        SELECT row_number() OVER () AS line_number, u.*, u.valid_from AS used_from,
            epoch(u.used_to) - epoch(u.valid_from) AS length_s
        FROM usage_known(known_at := _instant(known_at)) u),
    -- Prices in force during the line, weighted by time: a price change within a line is priced on both sides. One
    -- offer of one source prices a line; variants of an offer are not averaged.
    overlap AS (
        SELECT u.line_number, u.length_s, lower(o.region) = lower(u.region) AS is_of_region, o.scope, o.offer_variant,
            o.source_id AS price_source_id, o.source_rank, o.price_usd_per_hour, o.accelerator_id, o.accelerator_count,
            o.capture_id, o.is_bundled, o.counts_from,
            epoch(least(u.used_to, o.counts_to)) - epoch(greatest(u.used_from, o.counts_from)) AS overlap_s
        FROM used u
        JOIN cloud_offer_known(known_at := _instant(known_at)) o ON o.provider = u.provider
            AND lower(o.instance_type) = lower(u.instance_type) AND o.purchase_option = u.purchase_option
            AND (lower(o.region) = lower(u.region) OR o.region = 'global')
            AND o.counts_from < u.used_to AND o.counts_to > u.used_from),
    by_offer AS (
        SELECT p.line_number, p.is_of_region, p.scope, p.offer_variant, p.price_source_id, p.source_rank,
            sum(p.overlap_s * p.price_usd_per_hour) / sum(p.overlap_s) AS price_usd_per_hour,
            sum(p.overlap_s) / any_value(p.length_s) AS covered_share,
            max_by(p.accelerator_id, p.counts_from) AS accelerator_id,
            max_by(p.accelerator_count, p.counts_from) AS accelerator_count,
            max_by(p.capture_id, p.counts_from) AS capture_id, bool_or(p.is_bundled) AS is_bundled
        FROM overlap p GROUP BY ALL),
    price AS (
        SELECT b.*
        FROM by_offer b
        QUALIFY row_number() OVER (PARTITION BY b.line_number
            ORDER BY b.covered_share > 0.999 DESC, b.source_rank, b.is_of_region DESC, b.covered_share DESC,
            b.price_source_id, b.offer_variant = '' DESC, b.price_usd_per_hour, b.scope, b.offer_variant) = 1),
    placed AS (
        SELECT u.*, p.price_usd_per_hour, coalesce(p.covered_share, 0) AS price_covered_share, p.price_source_id,
            p.capture_id AS price_capture_id, p.is_bundled AS is_price_bundled,
            coalesce(p.accelerator_id, i.accelerator_id) AS accelerator_id,
            coalesce(p.accelerator_count, i.accelerator_count) AS accelerator_count,
            coalesce(r.pue, d.usual_pue) AS pue, r.pue IS NOT NULL AS is_pue_published, r.grid_zone,
            coalesce(n.grid_zone, n.country_code) AS country_zone, d.power_share
        FROM used u CROSS JOIN assumed d LEFT JOIN price p ON p.line_number = u.line_number
        LEFT JOIN reference.instance_accelerator i ON lower(i.provider) = u.provider
            AND lower(i.instance_type) = lower(u.instance_type)
        LEFT JOIN reference.region r ON lower(r.provider) = lower(u.provider) AND lower(r.region) = lower(u.region)
        LEFT JOIN reference.country n ON n.country_code = _country_told(r.region, r.country_code, u.region)),
    -- The slots of the zones where something was used, on one basis, as known then.
    slot AS (
        SELECT g.zone, g.source_id, g.resolution, g.valid_from, g.valid_to AS slot_to, g.intensity_gco2e_per_kwh,
            g.basis_kind = 'estimated' AS is_estimated, g.capture_id
        FROM grid_carbon_known(known_at := _instant(known_at)) g JOIN asked b ON g.basis_boundary = b.asked_boundary
        WHERE g.zone IN (SELECT unnest([p.grid_zone, p.country_zone]) FROM placed p) AND g.basis_method = 'average'
            AND g.basis_accounting = 'location' AND g.basis_kind IN ('actual', 'estimated')),
    place_time AS (
        SELECT DISTINCT p.grid_zone, p.country_zone, p.used_from, p.used_to, p.length_s
        FROM placed p WHERE coalesce(p.grid_zone, p.country_zone) IS NOT NULL),
    hours AS (
        SELECT t.grid_zone, t.country_zone, t.used_from, t.used_to, s.zone, s.source_id, s.resolution,
            s.zone IS DISTINCT FROM t.grid_zone AS is_country, s.is_estimated,
            sum((epoch(least(t.used_to, s.slot_to)) - epoch(greatest(t.used_from, s.valid_from)))
                * s.intensity_gco2e_per_kwh) / sum(epoch(least(t.used_to, s.slot_to))
                - epoch(greatest(t.used_from, s.valid_from))) AS intensity,
            sum(epoch(least(t.used_to, s.slot_to)) - epoch(greatest(t.used_from, s.valid_from)))
                / any_value(t.length_s) AS covered_share,
            max(s.capture_id) AS capture_id
        FROM place_time t
        JOIN slot s ON s.zone IN (t.grid_zone, t.country_zone) AND s.valid_from < t.used_to AND s.slot_to > t.used_from
        GROUP BY ALL HAVING covered_share > 0.9),
    -- No slot covers the time: the latest year that began before it.
    latest_year AS (
        SELECT t.grid_zone, t.country_zone, t.used_from, t.used_to, s.zone, s.source_id, s.resolution,
            s.zone IS DISTINCT FROM t.grid_zone AS is_country, s.is_estimated,
            s.intensity_gco2e_per_kwh AS intensity, 0 AS covered_share, s.capture_id
        FROM place_time t JOIN slot s ON s.zone IN (t.grid_zone, t.country_zone) AND s.valid_from <= t.used_from
        WHERE s.resolution = 'P1Y' AND NOT s.is_estimated
        QUALIFY row_number() OVER (PARTITION BY t.grid_zone, t.country_zone, t.used_from, t.used_to, s.zone
            ORDER BY s.valid_from DESC, source_rank(s.source_id), s.source_id) = 1),
    grid AS (
        SELECT h.*
        FROM (SELECT * FROM hours UNION ALL SELECT * FROM latest_year) h
        QUALIFY row_number() OVER (PARTITION BY h.grid_zone, h.country_zone, h.used_from, h.used_to
            ORDER BY h.covered_share > 0 DESC, h.is_country, h.is_estimated, epoch(slot_length(h.resolution)),
            source_rank(h.source_id), h.source_id) = 1),
    costed AS (
        SELECT p.*, p.instance_hours * p.accelerator_count AS gpu_hours, g.intensity AS grid_gco2e_per_kwh,
            g.zone AS zone_used, g.resolution AS grid_resolution, g.covered_share > 0 AS is_grid_of_its_time,
            g.is_estimated AS is_grid_estimated, g.capture_id AS grid_capture_id,
            energy_kwh(p.instance_hours * p.accelerator_count, power_w_per_gpu(a.tdp_w, p.power_share),
                p.pue) AS energy_kwh,
            a.tdp_w
        FROM placed p LEFT JOIN reference.accelerator a ON a.accelerator_id = p.accelerator_id
        LEFT JOIN grid g ON g.grid_zone IS NOT DISTINCT FROM p.grid_zone
            AND g.country_zone IS NOT DISTINCT FROM p.country_zone AND g.used_from = p.used_from
            AND g.used_to = p.used_to)
    SELECT c.workload, c.account, c.resource, c.line_id, c.provider, c.region, c.instance_type, c.purchase_option,
        c.used_from, c.used_to, c.instance_hours, c.accelerator_id, c.accelerator_count, c.gpu_hours,
        CASE WHEN c.price_covered_share > 0.999 THEN c.instance_hours * c.price_usd_per_hour END AS list_cost_usd,
        c.price_usd_per_hour, c.price_covered_share, c.billed_amount, c.currency_code, c.energy_kwh, c.pue,
        c.is_pue_published, operational_kgco2e(c.energy_kwh, c.grid_gco2e_per_kwh) AS operational_kgco2e,
        c.grid_gco2e_per_kwh, c.zone_used, c.grid_resolution, c.is_grid_of_its_time, c.is_grid_estimated,
        nullif(concat_ws('; ', CASE WHEN c.purchase_option = '' THEN 'how it was bought is not stated'
                    WHEN c.price_covered_share = 0 THEN 'no list price of this offer at its time'
                    WHEN c.price_covered_share <= 0.999 THEN format('a list price for {:.0f}% of its time only',
                    100 * c.price_covered_share) END, CASE WHEN c.accelerator_id IS NULL THEN 'accelerator not known'
                    WHEN c.tdp_w IS NULL THEN 'power of the accelerator not known' END,
                CASE WHEN c.grid_zone IS NULL AND c.zone_used IS NULL THEN 'grid of the region not known'
                    WHEN c.grid_zone IS NULL THEN 'carbon of the country, grid zone of the region not known'
                    WHEN c.grid_gco2e_per_kwh IS NULL THEN 'no carbon value for the zone on this basis'
                    WHEN NOT c.is_grid_of_its_time THEN 'carbon of the latest year before it' END), '') AS unknown,
        c.source_id, c.capture_id, c.price_source_id, c.price_capture_id, c.is_price_bundled, c.grid_capture_id
    FROM costed c
    ORDER BY c.used_from, c.workload, c.provider, c.region, c.instance_type, c.account, c.resource, c.line_id;
COMMENT ON MACRO TABLE usage_cost IS
    'Every line of use (petaday load usage FILE.csv): cost at the list prices in force at its own time (a change '
    'within a line is priced on both sides), energy and operational carbon (location-based, one boundary, slots of its '
    'own time where there are any, measured before estimated), beside what was billed. A catalog of '
    'another day does not move it; known_at holds for use, prices and grid. NULL and a reason where something is not '
    'known.';
