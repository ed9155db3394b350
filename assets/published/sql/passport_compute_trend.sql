-- Passports of compute_growth and accelerator_by_year: the published models and accelerators that a line or a median is
-- drawn through.
CREATE OR REPLACE MACRO _head_of_compute_trend(of_table, of_key) AS TABLE
    SELECT concat_ws('/', scenario_id, source_id, quantity, method_version) AS root_key, scenario_id, quantity,
        method_version, low_growth_per_year AS low, growth_per_year AS central, high_growth_per_year AS high,
        '1/year' AS unit, 'estimated.compute_growth' AS table_name, source_id, first_on, last_on
    FROM estimated.compute_growth
    WHERE of_table = 'compute_growth'
        AND starts_with(concat_ws('/', scenario_id, source_id, quantity, method_version), of_key)
    UNION ALL BY NAME
    SELECT concat_ws('/', source_id, year, method_version) AS root_key, 'median_flop_per_s_per_w' AS quantity,
        method_version, median_flop_per_s_per_w AS central, 'FLOP/s/W' AS unit,
        CASE WHEN median_flop_per_s_per_w IS NULL
                THEN 'no accelerator of the year states speed and power' END AS reason,
        'estimated.accelerator_by_year' AS table_name, source_id, make_date(year, 1, 1) AS first_on,
        make_date(year, 12, 31) AS last_on
    FROM estimated.accelerator_by_year
    WHERE of_table = 'accelerator_by_year' AND starts_with(concat_ws('/', source_id, year, method_version), of_key);
COMMENT ON MACRO TABLE _head_of_compute_trend IS
    'Rows of compute_growth and accelerator_by_year in the form that passport walks from.';

CREATE OR REPLACE MACRO _reference_of_compute_trend(of_table, of_key) AS TABLE
    SELECT h.root_key, 'reference.scenario' AS table_name, h.scenario_id AS row_key
    FROM _head_of_compute_trend(of_table, of_key) h WHERE h.scenario_id IS NOT NULL;
COMMENT ON MACRO TABLE _reference_of_compute_trend IS 'The questions that rows of compute_growth answer.';

-- The points of the line: models that state the quantity, of the domain and at the frontier that the scenario asks for.
CREATE OR REPLACE MACRO _observation_of_compute_trend(of_table, of_key) AS TABLE
    SELECT h.root_key, o.*
    FROM (
        SELECT c.*, lower(_toml_text(s.definition, 'domain_like')) AS domain_like,
            _toml_number(s.definition, 'frontier') AS frontier
        FROM _head_of_compute_trend(of_table, of_key) c LEFT JOIN reference.scenario s ON s.scenario_id = c.scenario_id)
        h
    JOIN training_compute() m ON m.source_id = h.source_id AND m.released_on BETWEEN h.first_on AND h.last_on
        AND (h.domain_like IS NULL OR contains(lower(m.domain), h.domain_like))
        AND CASE h.quantity WHEN 'parameters_count' THEN m.parameters_count
            WHEN 'training_tokens_count' THEN m.training_tokens_count
            WHEN 'training_cost_2023_usd' THEN m.training_cost_2023_usd
            WHEN 'training_flop' THEN m.training_flop END > 0
        AND (h.frontier IS NULL OR (m.training_flop IS NOT NULL AND (
            SELECT count(*)
            FROM training_compute() b
            WHERE b.source_id = m.source_id AND b.released_on <= m.released_on AND b.training_flop > m.training_flop)
        < h.frontier))
    JOIN _row_of_observed('model_compute') o ON starts_with(o.row_key, concat_ws('/', m.model, m.source_id, ''))
        AND o.capture_id = m.capture_id
    UNION ALL BY NAME SELECT h.root_key, o.*
    FROM _head_of_compute_trend(of_table, of_key) h
    JOIN observed.accelerator_spec a ON a.source_id = h.source_id AND a.released_on BETWEEN h.first_on AND h.last_on
        AND CASE h.quantity WHEN 'fp16_dense_flop_per_s_per_w' THEN a.fp16_dense_flop_per_s / a.tdp_w
            WHEN 'fp16_dense_flop_per_s_per_usd' THEN a.fp16_dense_flop_per_s / a.release_price_usd
            WHEN 'fp16_dense_flop_per_s' THEN a.fp16_dense_flop_per_s
            WHEN 'median_flop_per_s_per_w' THEN 1 END IS NOT NULL
    JOIN _row_of_observed('accelerator_spec') o ON o.row_key = concat_ws('/', a.accelerator_name, a.source_id, a.scope,
        strftime(a.valid_from, '%Y-%m-%dT%H:%MZ'));
COMMENT ON MACRO TABLE _observation_of_compute_trend IS
    'Observed models and accelerators behind rows of compute_growth and accelerator_by_year.';
