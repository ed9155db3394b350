-- Factors of a scenario's estimate (training, fine-tuning, serving, service, fleet) at two dates, on one card and
-- another, by two methods; split by why_moved. offers and years name what cloud_offer_known and grid_carbon_span_known
-- say, which why_moved asks once for all kinds of estimates: planning takes longer than running.
CREATE OR REPLACE MACRO _moved_scenario(estimate, offers, years, from_at, to_at := TIMESTAMPTZ '-infinity',
        from_method := NULL, to_method := NULL, to_accelerator := NULL, to_provider := NULL, to_region := NULL,
        utilization_to := NULL, boundary := NULL, estimates_in := 'estimated',
        scenarios_in := 'reference') AS TABLE
    WITH known AS (
        SELECT t.quantity, t.method_version, t.central, true AS is_training
        FROM query_table(estimates_in || '.training_estimate') t WHERE t.scenario_id = estimate
        UNION ALL SELECT e.quantity, e.method_version, e.central, false
        FROM query_table(estimates_in || '.scenario_estimate') e WHERE e.scenario_id = estimate),
    method AS (
        SELECT coalesce(from_method, e.newest) AS from_version, coalesce(to_method, e.newest) AS to_version,
            e.is_training
        FROM (SELECT _newest_method(k.method_version) AS newest, bool_or(k.is_training) AS is_training FROM known k) e),
    -- Quantities that can be split: kind of product, quantities that give its hours and its energy, unit of the hours
    -- in accelerator-hours, grams per unit of carbon.
    outcome AS (
        SELECT *
        FROM (VALUES ('cost_usd', 'rental', 'gpu_hours', 1, 'energy_kwh', 1),
            ('energy_kwh', 'energy', 'gpu_hours', 1, 'energy_kwh', 1),
            ('operational_kgco2e', 'carbon', 'gpu_hours', 1, 'energy_kwh', 1000),
            ('usd_per_mtok_input', 'rental', 'gpu_s_per_mtok_input', 3600, 'kwh_per_mtok_input', 1),
            ('kwh_per_mtok_input', 'energy', 'gpu_s_per_mtok_input', 3600, 'kwh_per_mtok_input', 1),
            ('gco2e_per_mtok_input', 'carbon', 'gpu_s_per_mtok_input', 3600, 'kwh_per_mtok_input', 1),
            ('usd_per_mtok_output', 'rental', 'gpu_s_per_mtok_output', 3600, 'kwh_per_mtok_output', 1),
            ('kwh_per_mtok_output', 'energy', 'gpu_s_per_mtok_output', 3600, 'kwh_per_mtok_output', 1),
            ('gco2e_per_mtok_output', 'carbon', 'gpu_s_per_mtok_output', 3600, 'kwh_per_mtok_output', 1),
            -- The measured power of a service is that of all its accelerators, so its energy follows from the time of
            -- the whole.
            ('kwh_per_mtok', 'energy', 's_per_mtok', 3600, 'kwh_per_mtok', 1),
            ('gco2e_per_mtok', 'carbon', 's_per_mtok', 3600, 'kwh_per_mtok', 1),
            ('rental_usd_per_day', 'rental', 'gpu_count', 1.0 / 24, 'energy_kwh_per_day', 1),
            ('electricity_usd_per_day', 'electricity', 'gpu_hours_per_day', 1, 'energy_kwh_per_day', 1),
            ('energy_kwh_per_day', 'energy', 'gpu_hours_per_day', 1, 'energy_kwh_per_day', 1),
            ('operational_kgco2e_per_day', 'carbon', 'gpu_hours_per_day', 1, 'energy_kwh_per_day', 1000)) o(quantity,
            kind, hours_of, hour_count, energy_of, g_count)),
    result AS (
        SELECT o.quantity, o.kind, o.hours_of, o.energy_of, o.g_count,
            max(k.central) FILTER (k.quantity = 'training_flop' AND k.method_version = m.from_version) AS flop,
            max(k.central) FILTER (k.quantity = o.hours_of AND k.method_version = m.from_version)
                / o.hour_count AS hours,
            max(k.central) FILTER (k.quantity = o.energy_of AND k.method_version = m.from_version) AS energy,
            max(k.central) FILTER (k.quantity = o.hours_of AND k.method_version = m.to_version)
                / o.hour_count AS hours_by_to,
            max(k.central) FILTER (k.quantity = o.energy_of AND k.method_version = m.to_version) AS energy_by_to,
            max(k.central) FILTER (k.quantity = o.quantity AND k.method_version = m.from_version) AS central
        FROM outcome o SEMI JOIN known q ON q.quantity = o.quantity CROSS JOIN known k CROSS JOIN method m
        GROUP BY o.quantity, o.kind, o.hours_of, o.hour_count, o.energy_of, o.g_count),
    used AS (
        SELECT r.pue, r.given_usd, r.given_grid, r.usd_per_kwh, r.has_rate, r.is_paid_by_request, r.is_cost_given,
            r.is_measured, r.served_utilization,
            coalesce(boundary, nullif(r.told_boundary, ''), 'lifecycle') AS basis_boundary
        FROM (
            SELECT max(f.value) FILTER (f.factor = 'pue') AS pue,
                max(f.value) FILTER (f.factor = 'usd_per_gpu_hour' AND f.origin_kind = 'given') AS given_usd,
                max(f.value) FILTER (f.factor = 'price_usd_per_kwh') AS usd_per_kwh,
                bool_or(f.factor = 'usd_per_gpu_hour') AS has_rate,
                bool_or(f.factor = 'usd_per_request') AS is_paid_by_request,
                coalesce(bool_or(f.factor = 'cost_usd' AND f.origin_kind = 'given'), false) AS is_cost_given,
                coalesce(bool_or(starts_with(f.method_version, 'service-')), false) AS is_measured,
                max(f.value) FILTER (f.factor = 'utilization_share'
                    AND starts_with(f.quantity, 'gpu_s_per_mtok')) AS served_utilization,
                max(f.value) FILTER (f.factor = 'grid_gco2e_per_kwh' AND f.origin_kind = 'given') AS given_grid,
                -- The boundary of the estimate itself, unless the caller names another.
                max(regexp_extract(f.origin_ref, 'observed\.grid_carbon\[[^\]]*average, (\w+), location',
                        1)) AS told_boundary
            FROM query_table(estimates_in || '.factor') f JOIN method m ON f.method_version = m.from_version
            WHERE f.scenario_id = estimate) r),
    stated AS (
        SELECT _toml_text(s.definition, 'accelerator') AS accelerator,
            lower(_toml_text(s.definition, 'provider')) AS provider, _toml_text(s.definition, 'region') AS region,
            coalesce(_toml_text(s.definition, 'purchase'), 'on_demand') AS purchase,
            _toml_text(s.definition, 'model') AS model
        FROM query_table(scenarios_in || '.scenario') s WHERE s.scenario_id = estimate),
    wanted AS (
        SELECT 'from' AS side, _instant(from_at) AS as_of_at, t.accelerator, t.provider, t.region, t.purchase, t.model
        FROM stated t
        UNION ALL
        SELECT 'to', _asked_instant(to_at), coalesce(to_accelerator, t.accelerator),
            coalesce(lower(to_provider), t.provider), coalesce(to_region, t.region), t.purchase, t.model
        FROM stated t),
    -- The accelerator by its key, else by a name with a single meaning; if none is stated, the one that the model was
    -- trained on.
    carded AS (
        SELECT w.*, a.accelerator_id, a.fp16_dense_flop_per_s AS peak, a.tdp_w
        FROM wanted w CROSS JOIN method m
        LEFT JOIN reference.accelerator a ON a.accelerator_id = CASE
            WHEN w.accelerator IS NOT NULL THEN coalesce(
                (SELECT b.accelerator_id FROM reference.accelerator b WHERE b.accelerator_id = lower(w.accelerator)),
                (SELECT CASE WHEN count(*) = 1 THEN min(n.accelerator_id) END
                 FROM (SELECT DISTINCT c.accelerator_id FROM reference.accelerator c
                       LEFT JOIN reference.accelerator_alias l ON l.accelerator_id = c.accelerator_id
                       WHERE accelerator_key(w.accelerator)
                           IN (accelerator_key(c.name), accelerator_key(l.alias))) n))
            WHEN m.is_training THEN (
                SELECT min(o.training_accelerator_id) FROM reference.model o WHERE o.model_id = (
                    SELECT n.model_id FROM observed.model_name n WHERE n.name_key = model_key(w.model))) END),
    -- A region of one or several providers, a place of a market (whose country its name ends with), or a grid zone.
    region AS (
        SELECT c.side, any_value(r.region) AS region, list(DISTINCT r.provider) AS providers,
            CASE WHEN count(*) = 1 THEN any_value(r.pue) END AS pue,
            CASE WHEN count(DISTINCT r.grid_zone) <= 1 THEN any_value(r.grid_zone) END AS zone,
            CASE WHEN count(DISTINCT r.country_code) = 1 THEN any_value(r.country_code) END AS country_code
        FROM carded c JOIN reference.region r ON lower(r.region) = lower(c.region)
            AND (c.provider IS NULL OR c.provider = r.provider)
        GROUP BY c.side),
    zone AS (
        SELECT DISTINCT z.zone
        FROM (
            SELECT l.zone FROM observed.grid_carbon_log l
            UNION ALL SELECT unnest([r.grid_zone, split_part(r.grid_zone, '-', 1)]) FROM reference.region r) z
        WHERE z.zone IN (SELECT upper(c.region) FROM carded c)),
    placed AS (
        SELECT c.*, coalesce(p.region, CASE WHEN z.zone IS NULL THEN c.region END) AS offer_region,
            CASE WHEN c.provider IS NULL THEN p.providers ELSE [c.provider] END AS offer_providers, p.pue AS region_pue,
            CASE WHEN p.region IS NOT NULL THEN p.zone ELSE z.zone END AS zone,
            coalesce(n.grid_zone, n.country_code, split_part(z.zone, '-', 1)) AS country_zone
        FROM carded c LEFT JOIN region p ON p.side = c.side LEFT JOIN zone z ON z.zone = upper(c.region)
        LEFT JOIN reference.country n ON n.country_code = CASE WHEN p.region IS NOT NULL THEN p.country_code
            WHEN z.zone IS NULL THEN _country_in_name(c.region) END),
    -- The same rule as petaday_rate in assets/estimated/training_lookup.sql.
    rate AS (
        SELECT *
        FROM (
            SELECT p.side, p.offer_region, r.*, offers_said(p.side, r.provider, r.source_id) AS said_count
            FROM placed p, LATERAL (
                SELECT o.*
                FROM (
                    SELECT k.*, k.price_usd_per_gpu_hour AS usd, k.price_amount_per_hour / k.accelerator_count AS amount
                    FROM query_table(offers) k WHERE k.price_usd_per_gpu_hour > 0) o
                WHERE o.accelerator_id = p.accelerator_id AND o.purchase_option = p.purchase
                    AND (p.offer_providers IS NULL OR list_contains(p.offer_providers, o.provider))
                    AND o.counts_from <= p.as_of_at AND o.stands_to > p.as_of_at) r)
        WHERE is_at_place(region, offer_region)
        QUALIFY is_spoken(side, provider, rank_at_place(source_rank, region, offer_region), said_count, source_id)),
    priced AS (
        SELECT max(r.usd) FILTER (r.side = 'from') AS from_usd, max(r.usd) FILTER (r.side = 'to') AS to_usd,
            max(r.usd_at_old_rate) FILTER (r.side = 'to') AS to_usd_at_old_rate
        FROM _rates_at_old_exchange('rate', from_at) r),
    -- The same rule as petaday_grid in assets/estimated/training_lookup.sql.
    mixed AS (
        SELECT p.*,
            min_by(g.mean_gco2e_per_kwh, year_rank(g.basis_kind, g.span_to, p.as_of_at, g.source_rank, g.resolution, g.source_id))
                FILTER (g.zone = p.zone) AS own_grid,
            min_by(g.mean_gco2e_per_kwh, year_rank(g.basis_kind, g.span_to, p.as_of_at, g.source_rank, g.resolution, g.source_id))
                FILTER (g.zone = p.country_zone) AS country_grid
        FROM placed p
        LEFT JOIN query_table(years) g ON g.zone IN (p.zone, p.country_zone) AND g.grain = 'yearly'
            AND g.basis_boundary = (SELECT u.basis_boundary FROM used u) AND g.basis_method = 'average'
            AND g.basis_accounting = 'location' AND is_year_for(g.span_from, g.span_to, p.as_of_at)
        GROUP BY ALL),
    served AS (
        SELECT v.*
        FROM (
            SELECT m.from_version, c.accelerator_id
            FROM method m CROSS JOIN carded c WHERE c.side = 'to' AND to_accelerator IS NOT NULL) w,
            LATERAL (
                FROM _served_on(estimate, w.accelerator_id, w.from_version, estimates_in := estimates_in,
                    scenarios_in := scenarios_in)) v),
    fleet AS (
        SELECT v.*
        FROM (
            SELECT m.from_version, min(c.accelerator_id) FILTER (c.side = 'from') AS card_from,
                min(c.accelerator_id) FILTER (c.side = 'to') AS card_to
            FROM method m CROSS JOIN carded c GROUP BY m.from_version) w,
            LATERAL (
                FROM _fleet_on(estimate, w.from_version, w.card_from, w.card_to, to_accelerator IS NOT NULL,
                    utilization_to, estimates_in := estimates_in, scenarios_in := scenarios_in)) v),
    -- On another card the hours of a training follow from its peak, those of a service from the roofline, the time for
    -- a word of a fleet from its memory bandwidth.
    working AS (
        SELECT s.*, x.side, x.as_of_at, x.accelerator_id, x.purchase, x.offer_providers, x.region, x.offer_region,
            coalesce(x.zone, x.country_zone) AS zone, u.basis_boundary, x.tdp_w AS side_tdp_w, f.tdp_w AS from_tdp_w,
            f.accelerator_id AS from_card, x.region_pue, u.pue AS used_pue, u.given_grid, u.usd_per_kwh,
            -- A price per request does not depend on the hardware.
            CASE WHEN u.is_cost_given AND s.quantity = 'cost_usd' THEN s.central / s.hours
                WHEN u.given_usd IS NOT NULL THEN u.given_usd
                WHEN (NOT u.has_rate OR (u.is_paid_by_request AND s.hours_of = 'gpu_count')) AND s.kind = 'rental'
                    THEN s.central / s.hours END AS given_usd,
            x.side = 'to' AND to_accelerator IS NOT NULL AS is_other_card, x.side = 'to'
            AND utilization_to IS NOT NULL AS is_other_use, s.hours_of = 'gpu_hours'
            AND NOT u.is_measured AS is_training_like, u.is_measured,
            s.hours_of IN ('gpu_count', 'gpu_hours_per_day') AS is_fleet,
            CASE WHEN s.hours_of = 'gpu_hours' AND NOT u.is_measured THEN s.flop / (f.peak * 3600 * s.hours)
                WHEN starts_with(s.hours_of, 'gpu_s_per_mtok') THEN u.served_utilization END AS own_use,
            x.peak AS side_peak,
            -- A zone at one date is not compared with its country at the other.
            CASE WHEN count(x.own_grid) OVER (PARTITION BY s.quantity, x.zone) = count(*) OVER (PARTITION BY s.quantity,
                    x.zone) OR count(x.country_grid) OVER (PARTITION BY s.quantity, x.zone) = 0 THEN x.own_grid
                ELSE x.country_grid END AS looked_up_grid
        FROM mixed x CROSS JOIN result s CROSS JOIN used u
        CROSS JOIN (SELECT c.peak, c.tdp_w, c.accelerator_id FROM carded c WHERE c.side = 'from') f),
    valued AS (
        SELECT w.*, l.stood_hours,
            -- GPU-hours at full use; where the use is not known, the hours themselves. Of a fleet those that work, and
            -- its use the hours that stand over them.
            CASE WHEN l.side IS NOT NULL AND (w.hours IS NOT NULL OR w.kind <> 'rental') THEN l.busy_hours
                WHEN w.is_fleet THEN NULL
                WHEN NOT w.is_other_card THEN w.hours * coalesce(w.own_use, 1)
                WHEN w.is_training_like THEN w.flop / w.side_peak / 3600
                -- A service that was measured has as many GPU-hours a day elsewhere; what they do there is told by its
                -- estimate there.
                WHEN w.is_measured THEN CASE WHEN w.hours_of = 'gpu_hours' THEN w.hours END
                ELSE (SELECT v.gpu_s_at_full_use / 3600 FROM served v WHERE v.hours_of = w.hours_of) END AS hardware,
            CASE WHEN w.is_fleet THEN l.stood_hours / l.busy_hours
                WHEN w.is_other_use THEN 1 / (utilization_to::DOUBLE + 0 * w.own_use)
                ELSE 1 / coalesce(w.own_use, 1) END AS utilization,
            -- Power as in the estimate; on another accelerator the same share of its board power.
            CASE WHEN w.is_fleet THEN l.it_energy_kwh / l.stood_hours
                ELSE w.energy / w.hours / coalesce(w.used_pue, 1) END
                * CASE WHEN w.is_fleet THEN 1 WHEN w.is_other_card THEN w.side_tdp_w / w.from_tdp_w
                ELSE 1 END AS power_kw,
            CASE WHEN w.side = 'to' AND to_region IS NOT NULL
                    THEN coalesce(w.region_pue, (SELECT b.central FROM _method_band('pue') b))
                ELSE coalesce(w.used_pue, 1) END AS pue,
            CASE WHEN w.kind = 'electricity' THEN w.usd_per_kwh
                WHEN w.given_usd IS NOT NULL AND (w.side = 'from'
                    OR coalesce(to_accelerator, to_provider, to_region) IS NULL) THEN w.given_usd
                WHEN w.side = 'from' THEN q.from_usd
                ELSE q.to_usd_at_old_rate END AS price,
            CASE WHEN w.kind = 'electricity' OR w.side = 'from'
                    OR (w.given_usd IS NOT NULL AND coalesce(to_accelerator, to_provider, to_region) IS NULL) THEN 1.0
                ELSE q.to_usd / q.to_usd_at_old_rate END AS exchange_rate,
            CASE WHEN w.given_grid IS NOT NULL AND (w.side = 'from' OR to_region IS NULL) THEN w.given_grid
                ELSE w.looked_up_grid END / w.g_count AS grid,
            CASE WHEN w.side = 'from' THEN 1.0
                WHEN w.kind = 'rental' THEN w.hours_by_to / w.hours
                ELSE w.energy_by_to / w.energy END AS method
        FROM working w CROSS JOIN priced q LEFT JOIN fleet l ON w.is_fleet AND l.side = w.side),
    -- Why a factor is unknown.
    explained AS (
        SELECT v.*,
            CASE WHEN v.is_fleet AND v.is_other_card AND v.from_card IS NULL
                    THEN 'the scenario does not say on which accelerator its time and power were measured: state '
                         'accelerator'
                WHEN v.is_other_card AND v.accelerator_id IS NULL
                    THEN 'the accelerator ' || to_accelerator::VARCHAR || ' is not in reference.accelerator'
                WHEN v.hours IS NULL AND (v.kind = 'rental' OR NOT v.is_fleet)
                    THEN 'the estimate itself does not know ' || v.hours_of
                WHEN v.is_fleet AND v.side = 'to' AND v.stood_hours IS NULL
                    THEN 'the scenario states neither the requests of the fleet nor its GPUs (for another utilisation '
                         'also utilization_share), so the number of GPUs needed is not known'
                WHEN v.is_fleet
                    THEN 'the memory bandwidth of ' || v.from_card || ' or ' || v.accelerator_id || ' is not known'
                WHEN v.is_training_like AND v.flop IS NULL
                    THEN 'the operations of the job are not known, so neither are its hours on another accelerator'
                WHEN v.is_training_like THEN 'no dense 16-bit peak of ' || v.accelerator_id || ' is known'
                WHEN v.is_measured
                    THEN 'the speed of a measured service on another accelerator is not known: state '
                         'measured_accelerator beside accelerator'
                ELSE v.accelerator_id || ' does not hold the batch in its memory, or does not compute in the number '
                    'format' END AS no_hardware,
            CASE WHEN v.is_fleet THEN NULL
                ELSE 'the utilisation of the estimate is not known, so the effect of another one is not known'
                END AS no_utilization,
            CASE WHEN v.energy IS NULL THEN 'the estimate itself does not know ' || v.energy_of
                WHEN v.is_other_card AND v.from_card IS NOT NULL AND v.accelerator_id IS NOT NULL
                    AND (v.side_tdp_w IS NULL OR v.from_tdp_w IS NULL) THEN 'the board power of ' || v.from_card
                    || ' or ' || v.accelerator_id || ' is not known' END AS no_power,
            CASE WHEN v.zone IS NULL THEN coalesce('no grid zone is known for ' || v.region, 'no region is stated')
                ELSE 'no whole year of the grid of ' || v.zone || ' (' || v.basis_boundary || ') is known up to '
                    || strftime(v.as_of_at AT TIME ZONE 'UTC', '%Y-%m-%d') END AS no_grid,
            CASE WHEN v.kind = 'electricity' THEN 'the price of electricity is not stated'
                WHEN v.accelerator_id IS NULL THEN 'no accelerator is stated, so that no rate can be looked up'
                ELSE 'no rate of ' || v.accelerator_id || ' (' || v.purchase
                    || coalesce(', ' || array_to_string(v.offer_providers, ' or '), '')
                    || coalesce(', ' || v.offer_region, '') || ') stands on '
                    || strftime(v.as_of_at AT TIME ZONE 'UTC', '%Y-%m-%d') END AS no_price,
            'the estimate by another version of the method is not known' AS no_method
        FROM valued v),
    factor AS (
        SELECT v.side, v.quantity, q.part, q.value, CASE WHEN q.value IS NULL THEN q.reason END AS reason
        FROM explained v, LATERAL (
            SELECT unnest(['hardware', 'utilization', 'power', 'pue', 'grid', 'price', 'exchange_rate',
                    'method']) AS part,
                unnest([v.hardware, v.utilization, v.power_kw, v.pue, v.grid, v.price, v.exchange_rate,
                        v.method]) AS value,
                unnest([v.no_hardware, coalesce(v.no_utilization, v.no_hardware), coalesce(v.no_power, v.no_hardware),
                        NULL, v.no_grid, v.no_price, v.no_price, v.no_method]) AS reason) q
        WHERE list_contains(_parts_of_move(v.kind), q.part))
    SELECT f.quantity, f.part, f.value AS value_from, t.value AS value_to, m.from_version, m.to_version,
        _both_reasons(f.reason, t.reason) AS reason
    FROM factor f JOIN factor t ON t.quantity = f.quantity AND t.part = f.part CROSS JOIN method m
    WHERE f.side = 'from' AND t.side = 'to';
COMMENT ON MACRO TABLE _moved_scenario IS 'Factors of the estimate of a scenario at two dates, for why_moved.';
