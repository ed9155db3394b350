-- Passports of the estimates of scenarios, for passport_walk.sql. Their factors are in estimated.factor.
CREATE OR REPLACE MACRO _head_of_scenario(of_table, of_key) AS TABLE
    SELECT concat_ws('/', scenario_id, quantity, method_version) AS root_key, scenario_id, quantity, method_version,
        low, central, high, unit, reason, as_of_at, 'estimated.training_estimate' AS table_name
    FROM estimated.training_estimate
    WHERE of_table IN ('training_estimate', 'factor')
        AND starts_with(concat_ws('/', scenario_id, quantity, method_version), of_key)
    UNION ALL BY NAME
    SELECT concat_ws('/', scenario_id, quantity, method_version) AS root_key, scenario_id, quantity, method_version,
        low, central, high, unit, reason, as_of_at, 'estimated.scenario_estimate' AS table_name
    FROM estimated.scenario_estimate
    WHERE of_table IN ('scenario_estimate', 'factor')
        AND starts_with(concat_ws('/', scenario_id, quantity, method_version), of_key);
COMMENT ON MACRO TABLE _head_of_scenario IS
    'Rows of training_estimate and scenario_estimate in the form that passport walks from.';

CREATE OR REPLACE MACRO _reference_of_scenario(of_table, of_key) AS TABLE FROM _reference_of_nothing(of_table, of_key);
COMMENT ON MACRO TABLE _reference_of_scenario IS
    'No rows: the factors of a scenario name their own references and observations.';
CREATE OR REPLACE MACRO _observation_of_scenario(of_table, of_key) AS TABLE
    FROM _observation_of_nothing(of_table, of_key);
COMMENT ON MACRO TABLE _observation_of_scenario IS
    'No rows: the factors of a scenario name their own references and observations.';
