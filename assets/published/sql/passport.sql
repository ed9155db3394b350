-- The walk of a published number back to the bytes it came from, in SQL.

CREATE OR REPLACE MACRO row_of_observed(of_subject) AS TABLE
    SELECT 'observed.cloud_rate' AS table_name,
        concat_ws('/', provider, region, instance_type, purchase_option, price_component, offer_variant, source_id, scope, strftime(valid_from, '%Y-%m-%dT%H:%MZ')) AS row_key,
        price_amount_per_hour AS value, currency_code || '/h' AS unit, source_id, valid_from, valid_to, observed_at, capture_id,
        currency_code, provider, region, instance_type, purchase_option, accelerator_name, accelerator_memory_gib, accelerator_id, price_usd_per_gpu_hour AS usd_value,
        -- What the training estimate takes for a rate (assets/estimated/training_lookup.sql).
        price_component = 'instance' AND offer_variant NOT IN ('market_min', 'market_p10', 'market_p90', 'serverless') AS is_rate
    FROM observed.cloud_rate WHERE of_subject = 'cloud_rate'
    UNION ALL BY NAME
    SELECT 'observed.gpu_price' AS table_name,
        concat_ws('/', seller, product, product_code, price_kind, source_id, scope, strftime(valid_from, '%Y-%m-%dT%H:%MZ')) AS row_key,
        price_amount AS value, currency_code AS unit, source_id, valid_from, valid_to, observed_at, capture_id, currency_code, price_usd AS usd_value
    FROM observed.gpu_price WHERE of_subject = 'gpu_price'
    UNION ALL BY NAME
    SELECT 'observed.token_price' AS table_name,
        concat_ws('/', vendor, model, direction, service_tier, context_tier_from_tokens, time_window, region, source_id, scope, strftime(valid_from, '%Y-%m-%dT%H:%MZ')) AS row_key,
        price_usd_per_mtok AS value, 'USD/Mtoken' AS unit, source_id, valid_from, valid_to, observed_at, capture_id
    FROM observed.token_price WHERE of_subject = 'token_price'
    UNION ALL BY NAME
    SELECT 'observed.grid_carbon' AS table_name,
        concat_ws('/', "zone", resolution, basis_method, basis_boundary, basis_accounting, basis_kind, strftime(valid_from, '%Y-%m-%dT%H:%MZ'), source_id, scope) AS row_key,
        intensity_gco2e_per_kwh AS value, 'gCO2e/kWh' AS unit, source_id, valid_from, valid_to, observed_at, capture_id
    FROM observed.grid_carbon WHERE of_subject = 'grid_carbon'
    UNION ALL BY NAME
    SELECT 'observed.electricity_price' AS table_name,
        concat_ws('/', "zone", market, resolution, currency_code, strftime(valid_from, '%Y-%m-%dT%H:%MZ'), source_id, scope) AS row_key,
        price_amount_per_mwh AS value, currency_code || '/MWh' AS unit, source_id, valid_from, valid_to, observed_at, capture_id,
        currency_code, price_usd_per_mwh AS usd_value
    FROM observed.electricity_price WHERE of_subject = 'electricity_price'
    UNION ALL BY NAME
    SELECT 'observed.exchange_rate' AS table_name,
        concat_ws('/', currency_code, base_currency_code, strftime(valid_from, '%Y-%m-%d'), source_id, scope) AS row_key,
        rate_per_base AS value, currency_code || '/' || base_currency_code AS unit, source_id, valid_from, valid_to, observed_at, capture_id
    FROM observed.exchange_rate WHERE of_subject = 'exchange_rate'
    UNION ALL BY NAME
    SELECT 'observed.model_compute' AS table_name, concat_ws('/', model, source_id, scope, strftime(valid_from, '%Y-%m-%dT%H:%MZ')) AS row_key,
        training_flop AS value, 'FLOP' AS unit, source_id, valid_from, valid_to, observed_at, capture_id
    FROM observed.model_compute WHERE of_subject = 'model_compute'
    UNION ALL BY NAME
    SELECT 'observed.accelerator_spec' AS table_name, concat_ws('/', accelerator_name, source_id, scope, strftime(valid_from, '%Y-%m-%dT%H:%MZ')) AS row_key,
        fp16_dense_flop_per_s AS value, 'FLOP/s' AS unit, source_id, valid_from, valid_to, observed_at, capture_id
    FROM observed.accelerator_spec WHERE of_subject = 'accelerator_spec'
    UNION ALL BY NAME
    SELECT 'observed.usage' AS table_name, concat_ws('/', account, resource, line_id, workload, provider, region, instance_type, purchase_option, source_id, scope,
            strftime(valid_from, '%Y-%m-%dT%H:%MZ')) AS row_key,
        instance_hours AS value, 'h' AS unit, source_id, valid_from, valid_to, observed_at, capture_id
    FROM observed.usage WHERE of_subject = 'usage';
COMMENT ON MACRO TABLE row_of_observed IS 'The rows of one observed subject in one form: key as text, value, unit, interval and capture; the keys that passport takes.';

CREATE OR REPLACE MACRO row_of_reference(of_name) AS TABLE
    SELECT 'reference.accelerator' AS table_name, accelerator_id AS row_key, source_url, checked_on, note FROM reference.accelerator WHERE of_name = 'accelerator'
    UNION ALL BY NAME
    SELECT 'reference.accelerator_alias' AS table_name, concat_ws('/', alias, provider, memory_gib, instance_pattern) AS row_key, note
    FROM reference.accelerator_alias WHERE of_name = 'accelerator_alias'
    UNION ALL BY NAME
    SELECT 'reference.instance_accelerator' AS table_name, concat_ws('/', provider, instance_type) AS row_key, source_url, checked_on
    FROM reference.instance_accelerator WHERE of_name = 'instance_accelerator'
    UNION ALL BY NAME
    SELECT 'reference.model' AS table_name, model_id AS row_key, source_url, checked_on, note FROM reference.model WHERE of_name = 'model'
    UNION ALL BY NAME
    SELECT 'reference.model_alias' AS table_name, alias AS row_key, note FROM reference.model_alias WHERE of_name = 'model_alias'
    UNION ALL BY NAME
    SELECT 'reference.region' AS table_name, concat_ws('/', provider, region) AS row_key, source_url, checked_on,
        'zone claimed by ' || zone_claimed_by AS note FROM reference.region WHERE of_name = 'region'
    UNION ALL BY NAME
    SELECT 'reference.zone_extent' AS table_name, "zone" AS row_key, source_url, checked_on, note FROM reference.zone_extent WHERE of_name = 'zone_extent'
    UNION ALL BY NAME
    SELECT 'reference.region_claim' AS table_name, concat_ws('/', provider, region, attribute, year, claimed_by) AS row_key, source_url, checked_on
    FROM reference.region_claim WHERE of_name = 'region_claim'
    UNION ALL BY NAME
    SELECT 'reference.scenario' AS table_name, scenario_id AS row_key, source_url, note FROM reference.scenario WHERE of_name = 'scenario'
    UNION ALL BY NAME
    SELECT 'reference.embodied_carbon' AS table_name, accelerator_prefix AS row_key, source_url, checked_on, note
    FROM reference.embodied_carbon WHERE of_name = 'embodied_carbon'
    UNION ALL BY NAME
    SELECT 'reference.decision_default' AS table_name, concat_ws('/', factor, applies_to, method_version) AS row_key, source_url, note
    FROM reference.decision_default WHERE of_name = 'decision_default'
    UNION ALL BY NAME
    SELECT 'reference.compute_hub' AS table_name, cluster_id AS row_key, concat_ws(' ; ', source_url, price_source_url) AS source_url, checked_on, note
    FROM reference.compute_hub WHERE of_name = 'compute_hub'
    UNION ALL BY NAME
    SELECT 'reference.scenario_claim' AS table_name, claim_id AS row_key, source_url, claim AS note FROM reference.scenario_claim WHERE of_name = 'scenario_claim'
    UNION ALL BY NAME
    SELECT 'reference.country' AS table_name, country_code AS row_key, 'https://www.iso.org/iso-3166-country-codes.html' AS source_url
    FROM reference.country WHERE of_name = 'country'
    UNION ALL BY NAME
    SELECT 'reference.method_default' AS table_name, factor AS row_key, source_url, note FROM reference.method_default WHERE of_name = 'method_default';
COMMENT ON MACRO TABLE row_of_reference IS 'The rows of one reference table in one form: key as text, where the fact stands, when it was checked.';

CREATE OR REPLACE MACRO passport(of_table, of_key := '') AS TABLE
    WITH estimate AS (
        SELECT concat_ws('/', scenario_id, quantity, method_version) AS root_key, *, 'estimated.training_estimate' AS table_name
        FROM estimated.training_estimate
        WHERE of_table IN ('training_estimate', 'estimated.training_estimate', 'factor', 'estimated.factor')
            AND starts_with(concat_ws('/', scenario_id, quantity, method_version), of_key)
        UNION ALL BY NAME
        SELECT concat_ws('/', scenario_id, quantity, method_version) AS root_key, * EXCLUDE (section), 'estimated.scenario_estimate' AS table_name
        FROM estimated.scenario_estimate
        WHERE of_table IN ('scenario_estimate', 'estimated.scenario_estimate', 'factor', 'estimated.factor')
            AND starts_with(concat_ws('/', scenario_id, quantity, method_version), of_key)
        UNION ALL BY NAME
        SELECT concat_ws('/', scenario_id, provider, region, accelerator_id, purchase_option, method_version) AS root_key, scenario_id, 'total_usd' AS quantity, method_version, low_usd AS low,
            total_usd AS central, high_usd AS high, 'USD' AS unit, CASE WHEN total_usd IS NULL THEN unknown END AS reason, 'estimated.siting' AS table_name
        FROM estimated.siting WHERE of_table IN ('siting', 'estimated.siting')
            AND starts_with(concat_ws('/', scenario_id, provider, region, accelerator_id, purchase_option, method_version), of_key)
        UNION ALL BY NAME
        SELECT concat_ws('/', scenario_id, cluster_id, method_version) AS root_key, scenario_id, 'total_cny' AS quantity, method_version, total_cny AS low, total_cny AS central, total_cny AS high,
            'CNY' AS unit, CASE WHEN total_cny IS NULL THEN verdict END AS reason, 'estimated.east_west' AS table_name
        FROM estimated.east_west WHERE of_table IN ('east_west', 'estimated.east_west') AND starts_with(concat_ws('/', scenario_id, cluster_id, method_version), of_key)),
    -- What a decision took: the offer and the year of the grid, and the rows of the reference tables.
    sited AS (
        SELECT e.root_key, s.* FROM estimate e JOIN estimated.siting s ON e.table_name = 'estimated.siting'
            AND e.root_key = concat_ws('/', s.scenario_id, s.provider, s.region, s.accelerator_id, s.purchase_option, s.method_version)),
    hubbed AS (
        SELECT e.root_key, w.*, h.grid_zone FROM estimate e JOIN estimated.east_west w ON e.table_name = 'estimated.east_west' AND e.root_key = concat_ws('/', w.scenario_id, w.cluster_id, w.method_version)
        JOIN reference.compute_hub h ON h.cluster_id = w.cluster_id),
    decided_by AS (
        SELECT root_key, 'reference.accelerator' AS table_name, accelerator_id AS row_key FROM sited
        UNION ALL SELECT root_key, 'reference.region', concat_ws('/', provider, region) FROM sited
        UNION ALL SELECT s.root_key, 'reference.embodied_carbon', c.accelerator_prefix FROM sited s JOIN reference.embodied_carbon c ON starts_with(s.accelerator_id, c.accelerator_prefix) WHERE s.embodied_kgco2e IS NOT NULL
        UNION ALL SELECT s.root_key, 'reference.method_default', d.factor FROM sited s, reference.method_default d
            WHERE d.factor IN ('utilization_share', 'power_share_of_tdp', 'grid_ratio') OR (d.factor = 'pue' AND NOT s.is_pue_published)
        UNION ALL SELECT s.root_key, 'reference.decision_default', concat_ws('/', d.factor, d.applies_to, d.method_version) FROM sited s, reference.decision_default d
            WHERE d.factor IN ('life_years', 'hardware_use_share') AND s.embodied_kgco2e IS NOT NULL
        UNION ALL SELECT root_key, 'reference.compute_hub', cluster_id FROM hubbed),
    -- A quantity that names no factors of its own follows from all those of its scenario.
    named AS (
        SELECT e.* FROM estimate e SEMI JOIN estimated.factor f USING (scenario_id, quantity, method_version)),
    rest AS (SELECT * FROM estimate ANTI JOIN named USING (root_key)),
    used AS (
        SELECT n.root_key, n.as_of_at, f.* FROM named n JOIN estimated.factor f USING (scenario_id, quantity, method_version)
        UNION ALL BY NAME
        SELECT r.root_key, r.as_of_at, f.* FROM rest r
        JOIN (FROM estimated.factor QUALIFY row_number() OVER (PARTITION BY scenario_id, factor, method_version ORDER BY quantity) = 1) f USING (scenario_id, method_version)),
    factor AS (
        SELECT f.*,
            regexp_extract(f.origin_ref, 'reference\.(\w+)\[', 1) AS reference_table,
            replace(regexp_extract(f.origin_ref, 'reference\.\w+\[([^\]]+)\]', 1), ', ', '/') AS reference_key
        FROM used f),
    -- The observed rate of a factor is a quantile over offers; its origin says which: provider, region, option, accelerator.
    rate_wanted AS (
        SELECT root_key, factor, as_of_at, capture_id,
            regexp_extract(origin_ref, '\), (any provider|\S+) (.*?) ?(on_demand|spot|reserved_1y|reserved_3y|capacity_block), (\S+), as of',
                ['provider', 'region', 'purchase_option', 'accelerator_id']) AS wanted
        FROM factor WHERE origin_kind = 'observed' AND starts_with(origin_ref, 'observed.cloud_rate')),
    grid_wanted AS (
        SELECT root_key, factor, capture_id,
            replace(regexp_extract(origin_ref, 'observed\.grid_carbon\[([^\]]+)\]', 1), ', ', '/') || '/'
                || regexp_extract(origin_ref, ' from (\d{4}-\d\d-\d\d) (\d\d:\d\d)', 1) || 'T' || regexp_extract(origin_ref, ' from (\d{4}-\d\d-\d\d) (\d\d:\d\d)', 2) || 'Z/' AS prefix
        FROM factor WHERE origin_kind = 'observed' AND starts_with(origin_ref, 'observed.grid_carbon')),
    observation AS (
        SELECT o.row_key AS root_key, NULL AS factor, o.*
        FROM row_of_observed(split_part(of_table, '.', -1)) o WHERE starts_with(o.row_key, of_key)
        UNION ALL BY NAME
        SELECT w.root_key, w.factor, o.* FROM rate_wanted w JOIN row_of_observed('cloud_rate') o
            ON o.accelerator_id = w.wanted.accelerator_id AND o.purchase_option = w.wanted.purchase_option
            AND (w.wanted.provider = 'any provider' OR o.provider = w.wanted.provider)
            AND (w.wanted.region = 'any region' OR o.region = w.wanted.region OR o.region = 'global')
            AND coalesce(o.valid_from <= w.as_of_at, true) AND coalesce(o.valid_to > w.as_of_at, true) AND o.usd_value > 0 AND o.is_rate
        UNION ALL BY NAME
        SELECT w.root_key, w.factor, o.* FROM grid_wanted w JOIN row_of_observed('grid_carbon') o
            ON o.capture_id = w.capture_id AND starts_with(o.row_key, w.prefix)
        UNION ALL BY NAME
        SELECT s.root_key, NULL AS factor, o.* FROM sited s JOIN row_of_observed('cloud_rate') o ON o.capture_id = s.capture_id AND o.provider = s.provider AND o.region = s.region
            AND o.instance_type = s.instance_type AND o.purchase_option = s.purchase_option AND o.usd_value = s.price_usd_per_gpu_hour AND o.is_rate
        UNION ALL BY NAME
        SELECT w.root_key, NULL AS factor, o.* FROM (
            SELECT root_key, zone_used AS grid_zone, grid_year, grid_gco2e_per_kwh AS intensity FROM sited UNION ALL SELECT root_key, grid_zone, grid_year, grid_gco2_per_kwh FROM hubbed) w
        JOIN row_of_observed('grid_carbon') o ON starts_with(o.row_key, w.grid_zone || '/P1Y/average/') AND extract(year FROM o.valid_from AT TIME ZONE 'UTC') = w.grid_year AND o.value = w.intensity),
    converted AS (
        SELECT o.root_key, o.factor, o.row_key, u.currency_code, u.valid_from, u.usd_per_unit, u.capture_id, u.source_id
        FROM (SELECT *, coalesce(valid_from, observed_at) AS converted_at FROM observation WHERE currency_code <> 'USD' AND usd_value IS NOT NULL) o
        ASOF JOIN observed.usd_rate u ON u.currency_code = o.currency_code AND o.converted_at >= u.valid_from),
    mapped AS (
        SELECT o.root_key, o.factor, o.row_key, m.rule, m.accelerator_id, a.source_url, i.source_url AS instance_source_url
        FROM observation o JOIN observed.accelerator_match m ON m.provider = o.provider AND m.instance_type = o.instance_type
            AND m.accelerator_name IS NOT DISTINCT FROM o.accelerator_name
            AND m.accelerator_memory_gib IS NOT DISTINCT FROM o.accelerator_memory_gib
        LEFT JOIN reference.accelerator a ON a.accelerator_id = m.accelerator_id
        LEFT JOIN reference.instance_accelerator i ON lower(i.provider) = m.provider AND lower(i.instance_type) = lower(m.instance_type)),
    touched AS (
        SELECT root_key, capture_id, string_agg(DISTINCT part, ', ' ORDER BY part) AS parts FROM (
            SELECT root_key, capture_id, 'observation' AS part FROM observation
            UNION ALL SELECT root_key, capture_id, 'exchange rate' FROM converted
            UNION ALL SELECT root_key, capture_id, 'factor ' || factor FROM factor WHERE capture_id IS NOT NULL)
        GROUP BY ALL),
    referenced AS (
        SELECT f.root_key, f.factor, r.table_name, r.row_key, r.source_url, r.checked_on, r.note
        FROM factor f JOIN (
            FROM row_of_reference('model') UNION ALL BY NAME FROM row_of_reference('accelerator') UNION ALL BY NAME
            FROM row_of_reference('region') UNION ALL BY NAME FROM row_of_reference('method_default') UNION ALL BY NAME FROM row_of_reference('embodied_carbon')) r
        ON r.table_name = 'reference.' || f.reference_table AND r.row_key = f.reference_key
        UNION ALL
        SELECT d.root_key, NULL, r.table_name, r.row_key, r.source_url, r.checked_on, r.note
        FROM decided_by d JOIN (
            FROM row_of_reference('accelerator') UNION ALL BY NAME FROM row_of_reference('region') UNION ALL BY NAME FROM row_of_reference('embodied_carbon') UNION ALL BY NAME
            FROM row_of_reference('method_default') UNION ALL BY NAME FROM row_of_reference('decision_default') UNION ALL BY NAME FROM row_of_reference('compute_hub')) r
        ON r.table_name = d.table_name AND r.row_key = d.row_key
        UNION ALL
        SELECT r.row_key, NULL, r.table_name, r.row_key, r.source_url, r.checked_on, r.note
        FROM (FROM row_of_reference(CASE WHEN starts_with(of_table, 'reference.') THEN split_part(of_table, '.', -1) END)
            UNION ALL BY NAME SELECT NULL AS source_url, NULL AS checked_on, NULL AS note WHERE false) r WHERE starts_with(r.row_key, of_key)),
    walk AS (
        SELECT root_key, 1 AS step, 'estimate' AS part, table_name AS said_in, root_key AS said_of, central AS value, unit,
            coalesce('unknown: ' || reason, format('p5 {:.6g}, p95 {:.6g}', low, high)) || ', method ' || method_version || coalesce(', as of ' || strftime(as_of_at, '%Y-%m-%dT%H:%MZ'), '') AS meaning
        FROM estimate
        UNION ALL BY NAME
        SELECT root_key, 2 AS step, 'factor' AS part, 'estimated.factor' AS said_in, factor AS said_of, value, unit,
            origin_kind || ': ' || origin_ref AS meaning, source_url, capture_id FROM factor
        UNION ALL BY NAME
        SELECT root_key, 3 AS step, CASE r.table_name WHEN 'reference.method_default' THEN 'method default' ELSE 'reference' END AS part, r.table_name AS said_in, r.row_key AS said_of,
            concat_ws('; ', 'checked on ' || checked_on, note, 'file ' || r.table_name || '.csv, SHA-256 ' || m.sha256) AS meaning, source_url
        FROM (SELECT DISTINCT * EXCLUDE (factor) FROM referenced) r LEFT JOIN meta.reference_file m ON 'reference.' || m.table_name = r.table_name
        UNION ALL BY NAME
        SELECT root_key, 4 AS step, 'observation' AS part, o.table_name AS said_in, o.row_key AS said_of, value, unit,
            'from ' || coalesce(strftime(valid_from, '%Y-%m-%dT%H:%MZ'), 'an unknown day') || coalesce(' to ' || strftime(valid_to, '%Y-%m-%dT%H:%MZ'), '')
                || ', by ' || source_id || coalesce(', comes to ' || printf('%.6g', usd_value) || ' USD', '') AS meaning, capture_id FROM observation o
        UNION ALL BY NAME
        SELECT root_key, 5 AS step, 'mapping' AS part, 'observed.accelerator_match' AS said_in, row_key AS said_of,
            'rule ' || rule || coalesce(' -> ' || accelerator_id, ': accelerator not told') AS meaning, coalesce(instance_source_url, source_url) AS source_url FROM mapped
        UNION ALL BY NAME
        SELECT root_key, 6 AS step, 'exchange rate' AS part, 'observed.usd_rate' AS said_in, currency_code || '/' || strftime(valid_from, '%Y-%m-%d') AS said_of,
            usd_per_unit AS value, 'USD/' || currency_code AS unit, 'by ' || source_id AS meaning, capture_id
        FROM (SELECT DISTINCT * EXCLUDE (factor, row_key) FROM converted)
        UNION ALL BY NAME
        SELECT t.root_key, 7 AS step, 'capture' AS part, 'meta.capture' AS said_in, c.capture_id AS said_of, c.byte_count::DOUBLE AS value, 'byte' AS unit,
            'for ' || t.parts || '; outcome ' || c.outcome || ', parser version ' || c.parser_version || coalesce('; ' || s.attribution, '') AS meaning,
            s.licence_url AS source_url, c.capture_id, c.sha256, c.url, c.fetched_at, s.licence, c.path
        FROM touched t JOIN meta.capture c USING (capture_id) LEFT JOIN meta.source s ON s.source_id = c.source_id
        QUALIFY row_number() OVER (PARTITION BY t.root_key, c.capture_id ORDER BY c.load_number DESC) = 1)
    SELECT root_key AS row_key, step, part, said_in, said_of, value, unit, meaning, source_url, capture_id, sha256, url, fetched_at, licence, path
    FROM walk ORDER BY root_key, step, said_of;
COMMENT ON MACRO TABLE passport IS 'From a published number to the bytes: estimate, factors, reference facts, observations, mapping rules, exchange rates, captures. of_table such as estimated.training_estimate or observed.cloud_rate; of_key such as gpt-3-175b/cost_usd, or the start of it; '''' for all rows.';
