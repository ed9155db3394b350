-- Passports of why_moved: the estimate that is split, with its factors, and the offers and the grid of both dates.
CREATE OR REPLACE MACRO _head_of_why_moved(of_table, of_key) AS TABLE
    SELECT concat_ws('/', w.scenario_id, w.quantity, w.part, w.method_version) AS root_key,
        _toml_text(s.definition, 'estimate') AS scenario_id, w.quantity, w.from_version AS method_version,
        w.moved_by AS central,
        CASE WHEN contains(w.quantity, 'usd') THEN 'USD' WHEN contains(w.quantity, 'kwh') THEN 'kWh'
            WHEN contains(w.quantity, 'gco2e_per') THEN 'gCO2e' ELSE 'kgCO2e' END
            || CASE WHEN contains(w.quantity, '_per_mtok') THEN ' per million tokens'
            WHEN ends_with(w.quantity, '_per_day') THEN '/day' ELSE '' END AS unit,
        CASE WHEN w.moved_by IS NULL THEN coalesce(w.reason, 'a factor of one of the dates is not known') END AS reason,
        nullif(regexp_extract(s.definition, '(?:^|\n)from_at\s*=\s*"?(\d{4}-\d\d-\d\d)', 1),
            '')::TIMESTAMP AT TIME ZONE 'UTC' AS as_of_at,
        'estimated.why_moved' AS table_name,
        -- Where no later date is stated: when the warehouse last learnt something.
        coalesce(nullif(regexp_extract(s.definition, '(?:^|\n)to_at\s*=\s*"?(\d{4}-\d\d-\d\d)', 1),
                '')::TIMESTAMP AT TIME ZONE 'UTC', (SELECT max(c.recorded_at) FROM meta.capture c)) AS later_at,
        w.scenario_id AS asked_by, _toml_text(s.definition, 'to_accelerator') AS to_accelerator,
        lower(_toml_text(s.definition, 'to_provider')) AS to_provider,
        _toml_text(s.definition, 'to_region') AS to_region,
        max(w.value_from) FILTER (w.part = 'grid') OVER of_quantity AS grid_from,
        max(w.value_to) FILTER (w.part = 'grid') OVER of_quantity AS grid_to,
        max(w.value_from) FILTER (w.part = 'price') OVER of_quantity
            * max(w.value_from) FILTER (w.part = 'exchange_rate') OVER of_quantity AS usd_from,
        max(w.value_to) FILTER (w.part = 'price') OVER of_quantity
            * max(w.value_to) FILTER (w.part = 'exchange_rate') OVER of_quantity AS usd_to
    FROM estimated.why_moved w JOIN reference.scenario s ON s.scenario_id = w.scenario_id
    WHERE of_table = 'why_moved'
    WINDOW of_quantity AS (PARTITION BY w.scenario_id, w.quantity, w.method_version)
    QUALIFY starts_with(concat_ws('/', w.scenario_id, w.quantity, w.part, w.method_version), of_key);
COMMENT ON MACRO TABLE _head_of_why_moved IS
    'Rows of why_moved in the form that passport walks from; scenario_id is the estimate that is split.';

-- A row of siting (scenario/provider/region/accelerator/purchase) or of petaday_history (scenario/accelerator/purchase)
-- that is split.
CREATE OR REPLACE MACRO _split_row(of_table, of_key) AS TABLE
    SELECT h.*, string_split(h.scenario_id, '/') AS path, h.as_of_at AS earlier_at
    FROM _head_of_why_moved(of_table, of_key) h WHERE contains(h.scenario_id, '/');
COMMENT ON MACRO TABLE _split_row IS 'Rows of why_moved that split a row of siting or of petaday_history.';

CREATE OR REPLACE MACRO _reference_of_why_moved(of_table, of_key) AS TABLE
    SELECT h.root_key, 'reference.scenario' AS table_name, h.asked_by AS row_key
    FROM _head_of_why_moved(of_table, of_key) h
    UNION ALL SELECT r.root_key, 'reference.accelerator', r.path[len(r.path) - 1]
    FROM _split_row(of_table, of_key) r
    UNION ALL SELECT h.root_key, 'reference.accelerator', h.to_accelerator
    FROM _head_of_why_moved(of_table, of_key) h WHERE h.to_accelerator IS NOT NULL
    UNION ALL SELECT r.root_key, 'reference.region', concat_ws('/', r.path[2], r.path[3])
    FROM _split_row(of_table, of_key) r WHERE len(r.path) = 5
    UNION ALL SELECT r.root_key, 'reference.method_default', d.factor
    FROM _split_row(of_table, of_key) r, reference.method_default d
    WHERE d.factor IN ('utilization_share', 'power_share_of_tdp', 'pue');
COMMENT ON MACRO TABLE _reference_of_why_moved IS 'Reference facts that rows of why_moved took.';

-- passport_walk.sql itself walks from the factors of a scenario to the offers of the earlier date.
CREATE OR REPLACE MACRO _observation_of_why_moved(of_table, of_key) AS TABLE
    WITH later AS (
        SELECT h.root_key, h.later_at, h.to_accelerator, h.to_provider, h.to_region,
            _rate_wanted(f.origin_ref) AS wanted
        FROM _head_of_why_moved(of_table, of_key) h
        JOIN estimated.factor f ON f.scenario_id = h.scenario_id AND f.quantity = h.quantity
            AND f.method_version = h.method_version
        WHERE f.factor = 'usd_per_gpu_hour' AND f.origin_kind = 'observed'),
    later_said AS (
        SELECT l.root_key, o.provider, o.source_id, o.source_rank,
            offers_said(l.root_key, o.provider, o.source_id) AS said_count, o.region AS offer_region, l.later_region,
            _offer_row_key(o.provider, o.region, o.instance_type, o.purchase_option, o.price_component, o.offer_variant,
                o.source_id, o.scope, o.valid_from) AS row_key
        FROM (SELECT *, coalesce(to_region, nullif(wanted.region, 'any region')) AS later_region FROM later) l
        JOIN observed.cloud_offer o ON o.accelerator_id = coalesce(l.to_accelerator, l.wanted.accelerator_id)
            AND o.purchase_option = l.wanted.purchase_option
            AND (coalesce(l.to_provider, l.wanted.provider) = 'any provider'
                OR list_contains(string_split(coalesce(l.to_provider, l.wanted.provider), ','), o.provider))
            AND o.counts_from <= l.later_at AND o.stands_to > l.later_at AND o.price_usd_per_gpu_hour > 0),
    later_spoken AS (
        SELECT DISTINCT root_key, row_key
        FROM (
            FROM later_said WHERE is_at_place(offer_region, later_region)
            QUALIFY is_spoken(root_key, provider, rank_at_place(source_rank, offer_region, later_region), said_count,
                source_id))),
    -- The years of both dates: of the zone that the factor of the scenario names or of the place, of the place that it
    -- moves to, and of their countries.
    grid_zone AS (
        SELECT h.root_key, h.grid_from, h.grid_to, h.later_at,
            regexp_extract(f.origin_ref, 'observed\.grid_carbon\[([^,\]]+)', 1) AS zone
        FROM _head_of_why_moved(of_table, of_key) h
        JOIN estimated.factor f ON f.scenario_id = h.scenario_id AND f.quantity = h.quantity
            AND f.method_version = h.method_version AND f.factor = 'grid_gco2e_per_kwh' AND f.origin_kind = 'observed'
        UNION ALL SELECT r.root_key, r.grid_from, r.grid_to, r.later_at, t.zone_used
        FROM _split_row(of_table, of_key) r
        JOIN estimated.siting t ON len(r.path) = 5
            AND r.scenario_id = concat_ws('/', t.scenario_id, t.provider, t.region, t.accelerator_id,
                t.purchase_option)
        UNION ALL SELECT h.root_key, h.grid_from, h.grid_to, h.later_at, r.grid_zone
        FROM _head_of_why_moved(of_table, of_key) h JOIN reference.region r ON lower(r.region) = lower(h.to_region)
        UNION ALL SELECT h.root_key, h.grid_from, h.grid_to, h.later_at, upper(h.to_region)
        FROM _head_of_why_moved(of_table, of_key) h),
    grid_span AS (
        SELECT z.root_key, g.*
        FROM grid_zone z
        JOIN observed.grid_carbon_span g ON g.zone IN (z.zone, split_part(z.zone, '-', 1)) AND g.grain = 'yearly'
            AND g.basis_method = 'average' AND g.basis_accounting = 'location'
            AND is_year_for(g.span_from, g.span_to, z.later_at)
        WHERE z.grid_from IS NOT NULL
            AND least(abs(g.mean_gco2e_per_kwh / z.grid_from - 1), abs(g.mean_gco2e_per_kwh / z.grid_from / 1000 - 1),
                abs(g.mean_gco2e_per_kwh / z.grid_to - 1), abs(g.mean_gco2e_per_kwh / z.grid_to / 1000 - 1)) < 1e-9)
    SELECT l.root_key, o.*
    FROM later_spoken l JOIN _row_of_observed('cloud_rate') o USING (row_key)
    UNION ALL BY NAME SELECT r.root_key, o.*
    FROM _split_row(of_table, of_key) r
    JOIN _row_of_observed('cloud_rate') o ON len(r.path) = 5 AND o.provider = coalesce(r.to_provider, r.path[2])
        AND o.region = coalesce(r.to_region, r.path[3]) AND o.accelerator_id IN (r.path[4], r.to_accelerator)
        AND o.purchase_option = r.path[5] AND o.is_rate
        AND ((abs(o.usd_value / r.usd_from - 1) < 1e-9 AND o.valid_from <= r.earlier_at
                AND coalesce(o.valid_to > r.earlier_at, true))
            OR (abs(o.usd_value / r.usd_to - 1) < 1e-9 AND o.valid_from <= r.later_at
                AND coalesce(o.valid_to > r.later_at, true)))
    UNION ALL BY NAME SELECT r.root_key, o.*
    FROM _split_row(of_table, of_key) r
    JOIN _row_of_observed('cloud_rate') o ON len(r.path) = 3 AND o.accelerator_id IN (r.path[2], r.to_accelerator)
        AND o.purchase_option = r.path[3] AND o.is_rate AND r.usd_from IS NOT NULL AND o.usd_value > 0
        AND ((o.valid_from <= r.earlier_at + INTERVAL 1 DAY AND coalesce(o.valid_to > r.earlier_at, true))
            OR (o.valid_from <= r.later_at AND coalesce(o.valid_to > r.later_at, true)))
    UNION ALL BY NAME FROM _slots_of_spans('grid_span');
COMMENT ON MACRO TABLE _observation_of_why_moved IS 'Observed rates and yearly grid means behind rows of why_moved.';
