-- Passports by families of tables: the family of a table names the macros that its passport begins with; 'nothing' for
-- observed and reference tables. A list, no query: query() takes nothing that has to be looked up.
CREATE OR REPLACE MACRO _passport_tables() AS
    ['estimated.training_estimate', 'estimated.scenario_estimate', 'estimated.factor', 'estimated.petaday_history',
        'estimated.build_adapt_buy', 'estimated.compute_growth', 'estimated.accelerator_by_year',
        'estimated.price_index', 'estimated.price_link', 'estimated.price_offer', 'estimated.grid_day',
        'estimated.green_trial', 'estimated.green_window', 'estimated.scenario_verdict', 'estimated.siting',
        'estimated.east_west', 'estimated.esg_report', 'estimated.why_moved', 'observed.cloud_rate',
        'observed.gpu_price', 'observed.token_price', 'observed.grid_carbon', 'observed.electricity_price',
        'observed.exchange_rate', 'observed.model_compute', 'observed.accelerator_spec', 'observed.region_claim',
        'observed.usage', 'reference.accelerator', 'reference.accelerator_alias', 'reference.instance_accelerator',
        'reference.model', 'reference.model_alias', 'reference.vendor_alias', 'reference.model_assumption',
        'reference.region', 'reference.zone_extent', 'reference.zone_fuel', 'reference.region_claim',
        'reference.scenario', 'reference.embodied_carbon', 'reference.decision_default', 'reference.compute_hub',
        'reference.scenario_claim', 'reference.country', 'reference.method_default'];
COMMENT ON MACRO _passport_tables IS 'Tables of which every row has a passport.';

-- Of a table that is not written with its schema the estimated or observed one is meant.
CREATE OR REPLACE MACRO _asked_passport_table(of_table) AS
    _asked_name('of_table', of_table::VARCHAR,
        list_has_any(_passport_tables(),
            [of_table::VARCHAR, 'estimated.' || of_table::VARCHAR, 'observed.' || of_table::VARCHAR]),
        nullif(list_filter(_passport_tables(), lambda known:
            jaro_winkler_similarity(split_part(known, '.', 2), split_part(lower(of_table::VARCHAR), '.', -1))
                > 0.85)[:3], []),
        'help(), such as estimated.training_estimate');
COMMENT ON MACRO _asked_passport_table IS
    'The name of a table with passports that was given, or NULL; another is an error that names the closest.';

CREATE OR REPLACE MACRO _passport_family(of_table) AS
    CASE WHEN starts_with(_asked_passport_table(of_table), 'observed.') OR starts_with(of_table, 'reference.')
            THEN 'nothing'
        WHEN split_part(of_table, '.', -1) IN ('training_estimate', 'scenario_estimate', 'factor') THEN 'scenario'
        WHEN split_part(of_table, '.', -1) IN ('petaday_history', 'build_adapt_buy') THEN 'petaday'
        WHEN split_part(of_table, '.', -1) IN ('compute_growth', 'accelerator_by_year') THEN 'compute_trend'
        WHEN split_part(of_table, '.', -1) IN ('price_index', 'price_link', 'price_offer', 'grid_day', 'green_trial',
            'green_window') THEN 'index'
        WHEN split_part(of_table, '.', -1) = 'scenario_verdict' THEN 'verdict'
        WHEN split_part(of_table, '.', -1) IN ('siting', 'east_west', 'esg_report', 'why_moved')
            THEN split_part(of_table, '.', -1)
        ELSE 'nothing' END;
COMMENT ON MACRO _passport_family IS
    'Family of passports that a table is of: names the macros that its walk begins with.';

CREATE OR REPLACE MACRO _in_quotes(words) AS coalesce('''' || replace(words, '''', '''''') || '''', 'NULL');
COMMENT ON MACRO _in_quotes IS 'Text as an SQL literal, with quotes escaped.';

-- Planning the macros of all families took 1 s for each call (measured): only those of the family asked for are
-- planned. They get the name of the table without its schema.
CREATE OR REPLACE MACRO _passport_call(part, of_table, of_key) AS
    format('FROM _{}_of_{}({}, {})', part, _passport_family(of_table), _in_quotes(split_part(of_table, '.', -1)),
        _in_quotes(of_key));
COMMENT ON MACRO _passport_call IS
    'Query of the rows (head), reference facts (reference) or observed rows (observation) that the walks of a table '
    'begin with.';

-- Tables without a family: no rows. The columns are those that a family may leave out.
CREATE OR REPLACE MACRO _head_of_nothing(of_table, of_key) AS TABLE
    SELECT NULL::VARCHAR AS root_key, NULL::VARCHAR AS scenario_id, NULL::VARCHAR AS quantity,
        NULL::VARCHAR AS method_version, NULL::DOUBLE AS low, NULL::DOUBLE AS central, NULL::DOUBLE AS high,
        NULL::VARCHAR AS unit, NULL::VARCHAR AS reason, NULL::VARCHAR AS told, NULL::TIMESTAMPTZ AS as_of_at,
        NULL::VARCHAR AS table_name
    WHERE false;
COMMENT ON MACRO TABLE _head_of_nothing IS 'No rows, in the form that passport walks from.';
CREATE OR REPLACE MACRO _reference_of_nothing(of_table, of_key) AS TABLE
    SELECT NULL::VARCHAR AS root_key, NULL::VARCHAR AS table_name, NULL::VARCHAR AS row_key WHERE false;
COMMENT ON MACRO TABLE _reference_of_nothing IS 'No reference facts.';
CREATE OR REPLACE MACRO _observation_of_nothing(of_table, of_key) AS TABLE
    SELECT NULL::VARCHAR AS root_key, NULL::VARCHAR AS row_key WHERE false;
COMMENT ON MACRO TABLE _observation_of_nothing IS 'No observed rows.';
