-- Factors of a job at one offer and at another offer or date: a row of siting, or a named offer; why_moved and
-- why_rate_moved split them. offers and years as in _moved_scenario.
CREATE OR REPLACE MACRO _moved_offer(estimate, of_provider, of_instance_type, offers, years, from_at,
        to_at := TIMESTAMPTZ '-infinity', of_region := NULL, purchase := 'on_demand', to_provider := NULL,
        to_instance_type := NULL, to_region := NULL, gpu_hours := NULL, flop := NULL, utilization_from := NULL,
        utilization_to := NULL, to_accelerator := NULL, boundary := 'lifecycle') AS TABLE
    WITH assumed AS (
        SELECT u.central AS utilization_share, p.central AS power_share, q.central AS usual_pue
        FROM _method_band('utilization_share') u, _method_band('power_share_of_tdp') p, _method_band('pue') q),
    -- Hours of a row of siting follow from operations, unless its scenario states them: then they are the same on any
    -- card.
    job AS (
        SELECT of_provider::VARCHAR AS provider, of_instance_type::VARCHAR AS instance_type,
            of_region::VARCHAR AS region, NULL::VARCHAR AS accelerator_id,
            _asked_purchase('purchase', purchase) AS purchase_option,
            _asked_number('gpu_hours', gpu_hours, 0, 1e15) AS hours, _asked_number('flop', flop, 0, 1e35) AS flop,
            _asked_number('utilization_from', utilization_from, 1e-9, 1) AS used,
            _asked_boundary(boundary) AS basis_boundary, NULL::VARCHAR AS method_version
        WHERE estimate IS NULL
        UNION ALL
        SELECT s.provider, NULL, s.region, s.accelerator_id, s.purchase_option,
            CASE WHEN _toml_number(c.definition, 'gpu_hours') IS NOT NULL THEN s.gpu_hours END,
            CASE WHEN _toml_number(c.definition, 'gpu_hours') IS NULL
                    THEN s.gpu_hours * 3600 * a.fp16_dense_flop_per_s
                        * coalesce(_toml_number(c.definition, 'utilization'), d.utilization_share) END,
            _toml_number(c.definition, 'utilization'), coalesce(_toml_text(c.definition, 'boundary'), 'lifecycle'),
            s.method_version
        FROM estimated.siting s JOIN reference.scenario c ON c.scenario_id = s.scenario_id CROSS JOIN assumed d
        LEFT JOIN reference.accelerator a ON a.accelerator_id = s.accelerator_id
        WHERE estimate = concat_ws('/', s.scenario_id, s.provider, s.region, s.accelerator_id, s.purchase_option)
        QUALIFY row_number() OVER (ORDER BY length(s.method_version) DESC, s.method_version DESC) = 1),
    side AS (
        SELECT 'from' AS side, _instant(from_at) AS as_of_at, j.provider AS want_provider, j.instance_type AS want_type,
            j.region AS want_region, j.accelerator_id AS want_accelerator, j.*
        FROM job j
        UNION ALL
        SELECT 'to', _asked_instant(to_at), coalesce(to_provider, j.provider),
            coalesce(to_instance_type, CASE WHEN to_accelerator IS NULL THEN j.instance_type END),
            coalesce(to_region, j.region), coalesce(to_accelerator, j.accelerator_id),
            j.* REPLACE (coalesce(utilization_to, j.used)::DOUBLE AS used)
        FROM job j),
    -- Of a place, as in siting: the preferred source of the provider, or the next one for a region that it does not
    -- list, and its cheapest instance type.
    offered AS (
        SELECT s.side, s.as_of_at, s.want_type, s.want_region, s.basis_boundary, o.provider, o.region, o.instance_type,
            o.source_id, o.source_rank, o.price_usd_per_gpu_hour,
            o.price_amount_per_hour / o.accelerator_count AS amount,
            CASE WHEN o.currency_code = 'USD' THEN 1.0
                ELSE o.price_usd_per_gpu_hour / (o.price_amount_per_hour / o.accelerator_count) END AS usd,
            o.accelerator_id,
            offers_said(s.side, o.provider, o.source_id) AS said_count
        FROM side s
        JOIN query_table(offers) o ON o.provider = lower(s.want_provider)
            AND (s.want_type IS NULL OR lower(o.instance_type) = lower(s.want_type))
            AND (s.want_accelerator IS NULL OR o.accelerator_id = s.want_accelerator)
            AND o.purchase_option = s.purchase_option AND o.counts_from <= s.as_of_at AND o.stands_to > s.as_of_at
            AND o.price_usd_per_gpu_hour > 0),
    offer AS (
        -- Where no region is named: the cheapest.
        SELECT p.*
        FROM offered p WHERE p.want_region IS NULL OR lower(p.region) = lower(p.want_region)
        QUALIFY row_number() OVER (PARTITION BY p.side ORDER BY p.source_rank,
            CASE WHEN p.want_type IS NULL THEN p.said_count END DESC,
            CASE WHEN p.want_type IS NULL THEN p.source_id END, p.price_usd_per_gpu_hour, p.instance_type, p.region,
            p.source_id) = 1),
    -- The year that stands for the zone and for the country; where the place stays, both sides take the same of the two.
    placed AS (
        SELECT o.*, r.grid_zone, r.pue,
            min_by(g.mean_gco2e_per_kwh, year_rank(g.basis_kind, g.span_to, o.as_of_at, g.source_rank, g.resolution, g.source_id))
                FILTER (g.zone = r.grid_zone) AS own_grid,
            min_by(g.mean_gco2e_per_kwh, year_rank(g.basis_kind, g.span_to, o.as_of_at, g.source_rank, g.resolution, g.source_id))
                FILTER (g.zone = coalesce(n.grid_zone, n.country_code)) AS country_grid
        FROM offer o
        LEFT JOIN reference.region r ON lower(r.provider) = lower(o.provider) AND lower(r.region) = lower(o.region)
        LEFT JOIN reference.country n ON n.country_code = _country_told(r.region, r.country_code, o.region)
        LEFT JOIN query_table(years) g ON g.basis_boundary = o.basis_boundary
            AND g.zone IN (r.grid_zone, coalesce(n.grid_zone, n.country_code)) AND g.grain = 'yearly'
            AND g.basis_method = 'average' AND g.basis_accounting = 'location'
            AND is_year_for(g.span_from, g.span_to, o.as_of_at)
        GROUP BY ALL),
    valued AS (
        SELECT s.side, s.as_of_at, s.want_provider, s.want_region, s.want_type, s.purchase_option,
            coalesce(o.accelerator_id, s.want_accelerator) AS card, o.provider AS found_provider, o.grid_zone,
            s.basis_boundary, s.hours IS NULL AND s.flop IS NULL AS is_job_unknown,
            CASE WHEN s.hours IS NULL THEN s.flop / a.fp16_dense_flop_per_s / 3600 ELSE s.hours END AS hardware,
            CASE WHEN s.hours IS NULL THEN 1 / coalesce(s.used, d.utilization_share) ELSE 1 END AS utilization,
            o.amount, o.usd, power_w_per_gpu(a.tdp_w, d.power_share) / 1000 AS power,
            CASE WHEN o.provider IS NOT NULL THEN coalesce(o.pue, d.usual_pue) END AS pue,
            CASE WHEN count(o.own_grid) OVER (PARTITION BY o.grid_zone) = count(*) OVER (PARTITION BY o.grid_zone)
                    OR count(o.country_grid) OVER (PARTITION BY o.grid_zone) = 0 THEN o.own_grid
                ELSE o.country_grid END / 1000 AS grid
        FROM side s LEFT JOIN placed o ON o.side = s.side CROSS JOIN assumed d
        LEFT JOIN reference.accelerator a ON a.accelerator_id = coalesce(o.accelerator_id, s.want_accelerator)),
    explained AS (
        SELECT v.*,
            CASE WHEN v.found_provider IS NULL
                    THEN concat_ws(' ', 'no', v.purchase_option, 'offer of', coalesce(v.want_type, v.card), 'by',
                        v.want_provider, v.want_region, 'stands on',
                        strftime(v.as_of_at AT TIME ZONE 'UTC', '%Y-%m-%d')) END AS no_offer
        FROM valued v),
    factor AS (
        SELECT v.side, k.quantity, q.part, q.value,
            CASE WHEN q.value IS NULL THEN coalesce(v.no_offer, q.reason) END AS reason
        FROM explained v,
            (VALUES ('cost_usd', 'rental'), ('energy_kwh', 'energy'), ('operational_kgco2e', 'carbon')) k(quantity,
                kind),
            LATERAL (
                SELECT unnest(['hardware', 'utilization', 'power', 'pue', 'grid', 'price', 'exchange_rate']) AS part,
                    unnest([v.hardware, v.utilization, v.power, v.pue, v.grid, v.amount, v.usd]) AS value,
                    unnest([CASE WHEN v.is_job_unknown THEN 'neither hours nor operations of the job are known'
                                ELSE 'no dense 16-bit peak of ' || coalesce(v.card, 'the accelerator')
                                || ' is known' END, NULL, 'the board power of ' || coalesce(v.card, 'the accelerator')
                            || ' is not known', NULL, 'no whole year of the grid of '
                            || coalesce(v.grid_zone, v.want_region, 'the region') || ' (' || v.basis_boundary
                            || ') is known up to ' || strftime(v.as_of_at AT TIME ZONE 'UTC', '%Y-%m-%d'),
                            'the offer states no price in its own currency',
                            'the offer states no price in its own currency']) AS reason) q
        WHERE list_contains(_parts_of_move(k.kind), q.part))
    SELECT f.quantity, f.part, f.value AS value_from, t.value AS value_to, j.method_version AS from_version,
        j.method_version AS to_version, _both_reasons(f.reason, t.reason) AS reason
    FROM factor f JOIN factor t ON t.quantity = f.quantity AND t.part = f.part CROSS JOIN job j
    WHERE f.side = 'from' AND t.side = 'to';
COMMENT ON MACRO TABLE _moved_offer IS
    'Factors of a row of siting, or of a job at a named offer, at two dates, for why_moved and why_rate_moved.';
