-- Rows of observed and reference tables in one form, for the walks of passport_walk.sql.

CREATE OR REPLACE MACRO _offer_row_key(provider, region, instance_type, purchase_option, price_component, offer_variant,
        source_id, scope, valid_from) AS
    concat_ws('/', provider, region, instance_type, purchase_option, price_component, offer_variant, source_id, scope,
        strftime(valid_from, '%Y-%m-%dT%H:%MZ'));
COMMENT ON MACRO _offer_row_key IS 'Key by which a row of observed.cloud_rate is named in passports.';

CREATE OR REPLACE MACRO _row_of_observed(of_subject) AS TABLE
    SELECT 'observed.cloud_rate' AS table_name,
        _offer_row_key(provider, region, instance_type, purchase_option, price_component, offer_variant, source_id,
            scope, valid_from) AS row_key,
        price_amount_per_hour AS value, currency_code || '/h' AS unit, source_id, valid_from, valid_to, observed_at,
        capture_id, currency_code, provider, region, instance_type, purchase_option, accelerator_name,
        accelerator_memory_gib, accelerator_id, price_usd_per_gpu_hour AS usd_value, price_component = 'instance'
        AND offer_variant NOT IN ('market_min', 'market_p10', 'market_p90', 'serverless') AS is_rate
    FROM observed.cloud_rate WHERE of_subject = 'cloud_rate'
    UNION ALL BY NAME
    SELECT 'observed.gpu_price' AS table_name,
        concat_ws('/', seller, product, product_code, price_kind, source_id, scope,
            strftime(valid_from, '%Y-%m-%dT%H:%MZ')) AS row_key,
        price_amount AS value, currency_code AS unit, source_id, valid_from, valid_to, observed_at, capture_id,
        currency_code, price_usd AS usd_value
    FROM observed.gpu_price WHERE of_subject = 'gpu_price'
    UNION ALL BY NAME
    SELECT 'observed.token_price' AS table_name,
        concat_ws('/', vendor, model, direction, service_tier, context_tier_from_tokens, time_window, region, source_id,
            scope, strftime(valid_from, '%Y-%m-%dT%H:%MZ')) AS row_key,
        price_usd_per_mtok AS value, 'USD/Mtoken' AS unit, source_id, valid_from, valid_to, observed_at, capture_id
    FROM observed.token_price WHERE of_subject = 'token_price'
    UNION ALL BY NAME
    SELECT 'observed.grid_carbon' AS table_name,
        concat_ws('/', "zone", resolution, basis_method, basis_boundary, basis_accounting, basis_kind,
            strftime(valid_from, '%Y-%m-%dT%H:%MZ'), source_id, scope) AS row_key,
        intensity_gco2e_per_kwh AS value, 'gCO2e/kWh' AS unit, source_id, valid_from, valid_to, observed_at, capture_id
    FROM observed.grid_carbon WHERE of_subject = 'grid_carbon'
    UNION ALL BY NAME
    SELECT 'observed.electricity_price' AS table_name,
        concat_ws('/', "zone", market, resolution, currency_code, strftime(valid_from, '%Y-%m-%dT%H:%MZ'), source_id,
            scope) AS row_key,
        price_amount_per_mwh AS value, currency_code || '/MWh' AS unit, source_id, valid_from, valid_to, observed_at,
        capture_id, currency_code, price_usd_per_mwh AS usd_value
    FROM observed.electricity_price WHERE of_subject = 'electricity_price'
    UNION ALL BY NAME
    SELECT 'observed.exchange_rate' AS table_name,
        concat_ws('/', currency_code, base_currency_code, strftime(valid_from, '%Y-%m-%d'), source_id,
            scope) AS row_key,
        rate_per_base AS value, currency_code || '/' || base_currency_code AS unit, source_id, valid_from, valid_to,
        observed_at, capture_id
    FROM observed.exchange_rate WHERE of_subject = 'exchange_rate'
    UNION ALL BY NAME
    SELECT 'observed.model_compute' AS table_name,
        concat_ws('/', model, source_id, scope, strftime(valid_from, '%Y-%m-%dT%H:%MZ')) AS row_key,
        training_flop AS value, 'FLOP' AS unit, source_id, valid_from, valid_to, observed_at, capture_id
    FROM observed.model_compute WHERE of_subject = 'model_compute'
    UNION ALL BY NAME
    SELECT 'observed.accelerator_spec' AS table_name,
        concat_ws('/', accelerator_name, source_id, scope, strftime(valid_from, '%Y-%m-%dT%H:%MZ')) AS row_key,
        fp16_dense_flop_per_s AS value, 'FLOP/s' AS unit, source_id, valid_from, valid_to, observed_at, capture_id
    FROM observed.accelerator_spec WHERE of_subject = 'accelerator_spec'
    UNION ALL BY NAME
    SELECT 'observed.region_claim' AS table_name,
        concat_ws('/', provider, region, attribute, basis, place, period, claimed_by, source_id, scope,
            strftime(valid_from, '%Y-%m-%dT%H:%MZ')) AS row_key,
        amount AS value, unit, source_id, valid_from, valid_to, observed_at, capture_id, provider, region
    FROM observed.region_claim WHERE of_subject = 'region_claim'
    UNION ALL BY NAME
    SELECT 'observed.usage' AS table_name,
        concat_ws('/', account, resource, line_id, workload, provider, region, instance_type, purchase_option,
            source_id, scope, strftime(valid_from, '%Y-%m-%dT%H:%MZ')) AS row_key,
        instance_hours AS value, 'h' AS unit, source_id, valid_from, valid_to, observed_at, capture_id
    FROM observed.usage WHERE of_subject = 'usage';
COMMENT ON MACRO TABLE _row_of_observed IS
    'The rows of one observed subject in one form: key as text, value, unit, interval and capture; the keys that '
    'passport takes.';

-- A year of slots is summarised by capture: their number, first and last, and mean.
CREATE OR REPLACE MACRO _slots_of_spans(spans) AS TABLE
    SELECT w.root_key, 'observed.grid_carbon' AS table_name,
        concat_ws('/', g.zone, g.resolution, g.basis_method, g.basis_boundary, g.basis_accounting, g.basis_kind,
            CASE WHEN count(*) = 1 THEN strftime(min(g.valid_from), '%Y-%m-%dT%H:%MZ')
                ELSE count(*) || ' slots' END, g.source_id, g.scope) AS row_key,
        avg(g.intensity_gco2e_per_kwh) AS value, 'gCO2e/kWh' AS unit, g.source_id, min(g.valid_from) AS valid_from,
        max(g.valid_to) AS valid_to, max(g.observed_at) AS observed_at, g.capture_id
    FROM (SELECT DISTINCT s.root_key, s.zone, s.source_id, s.resolution, s.basis_boundary, s.basis_accounting,
            s.basis_kind, s.span_from, s.span_to FROM query_table(spans) s) w
    JOIN observed.grid_carbon g ON g.zone = w.zone AND g.source_id = w.source_id
        AND (g.resolution = w.resolution OR (w.resolution = 'mixed' AND is_hourly(g.resolution)))
        AND g.basis_method = 'average' AND g.basis_boundary = w.basis_boundary
        AND g.basis_accounting = w.basis_accounting AND g.valid_from >= w.span_from AND g.valid_from < w.span_to
        AND (g.basis_kind = 'actual' OR (g.basis_kind = 'estimated' AND w.basis_kind = 'estimated'))
    GROUP BY w.root_key, w.span_from, g.zone, g.resolution, g.basis_method, g.basis_boundary, g.basis_accounting,
        g.basis_kind, g.source_id, g.scope, g.capture_id;
COMMENT ON MACRO TABLE _slots_of_spans IS
    'Slots behind spans of observed.grid_carbon_span (a relation of them, with the root_key of a passport), summarised '
    'by capture.';

CREATE OR REPLACE MACRO _row_of_reference(of_name) AS TABLE
    SELECT 'reference.accelerator' AS table_name, accelerator_id AS row_key, source_url, checked_on, note
    FROM reference.accelerator WHERE of_name = 'accelerator'
    UNION ALL BY NAME
    SELECT 'reference.accelerator_alias' AS table_name,
        concat_ws('/', alias, provider, memory_gib, instance_pattern) AS row_key, note
    FROM reference.accelerator_alias WHERE of_name = 'accelerator_alias'
    UNION ALL BY NAME
    SELECT 'reference.instance_accelerator' AS table_name, concat_ws('/', provider, instance_type) AS row_key,
        source_url, checked_on
    FROM reference.instance_accelerator WHERE of_name = 'instance_accelerator'
    UNION ALL BY NAME SELECT 'reference.model' AS table_name, model_id AS row_key, source_url, checked_on, note
    FROM reference.model WHERE of_name = 'model'
    UNION ALL BY NAME SELECT 'reference.model_alias' AS table_name, alias AS row_key, note
    FROM reference.model_alias WHERE of_name = 'model_alias'
    UNION ALL BY NAME SELECT 'reference.vendor_alias' AS table_name, vendor AS row_key, note
    FROM reference.vendor_alias WHERE of_name = 'vendor_alias'
    UNION ALL BY NAME
    SELECT 'reference.model_assumption' AS table_name, concat_ws('/', assumed_by, model) AS row_key, source_url,
        checked_on, note
    FROM reference.model_assumption WHERE of_name = 'model_assumption'
    UNION ALL BY NAME
    SELECT 'reference.region' AS table_name, concat_ws('/', provider, region) AS row_key, source_url, checked_on,
        'zone claimed by ' || zone_claimed_by AS note
    FROM reference.region WHERE of_name = 'region'
    UNION ALL BY NAME SELECT 'reference.zone_extent' AS table_name, "zone" AS row_key, source_url, checked_on, note
    FROM reference.zone_extent WHERE of_name = 'zone_extent'
    UNION ALL BY NAME
    SELECT 'reference.zone_fuel' AS table_name, concat_ws('/', "zone", fuel) AS row_key, source_url, checked_on, note
    FROM reference.zone_fuel WHERE of_name = 'zone_fuel'
    UNION ALL BY NAME
    SELECT 'reference.region_claim' AS table_name,
        concat_ws('/', provider, region, attribute, year, claimed_by) AS row_key, source_url, checked_on
    FROM reference.region_claim WHERE of_name = 'region_claim'
    UNION ALL BY NAME SELECT 'reference.scenario' AS table_name, scenario_id AS row_key, source_url, note
    FROM reference.scenario WHERE of_name = 'scenario'
    UNION ALL BY NAME
    SELECT 'reference.embodied_carbon' AS table_name, accelerator_prefix AS row_key, source_url, checked_on, note
    FROM reference.embodied_carbon WHERE of_name = 'embodied_carbon'
    UNION ALL BY NAME
    SELECT 'reference.decision_default' AS table_name, concat_ws('/', factor, applies_to, method_version) AS row_key,
        source_url, note
    FROM reference.decision_default WHERE of_name = 'decision_default'
    UNION ALL BY NAME
    SELECT 'reference.compute_hub' AS table_name, cluster_id AS row_key,
        concat_ws(' ; ', source_url, price_source_url) AS source_url, checked_on, note
    FROM reference.compute_hub WHERE of_name = 'compute_hub'
    UNION ALL BY NAME SELECT 'reference.scenario_claim' AS table_name, claim_id AS row_key, source_url, claim AS note
    FROM reference.scenario_claim WHERE of_name = 'scenario_claim'
    UNION ALL BY NAME
    SELECT 'reference.country' AS table_name, country_code AS row_key,
        'https://www.iso.org/iso-3166-country-codes.html' AS source_url
    FROM reference.country WHERE of_name = 'country'
    UNION ALL BY NAME SELECT 'reference.method_default' AS table_name, factor AS row_key, source_url, note
    FROM reference.method_default WHERE of_name = 'method_default';
COMMENT ON MACRO TABLE _row_of_reference IS
    'The rows of one reference table in one form: key as text, where the fact stands, when it was checked.';
