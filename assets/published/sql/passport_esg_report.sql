-- Passports of esg_report: the workloads that its scenario states, defaults, and the slots of the grid that it took.
CREATE OR REPLACE MACRO _head_of_esg_report(of_table, of_key) AS TABLE
    SELECT concat_ws('/', scenario_id, workload, period, method_version) AS root_key, scenario_id,
        'location_kgco2e' AS quantity, method_version, low_location_kgco2e AS low, location_kgco2e AS central,
        high_location_kgco2e AS high, 'kgCO2e' AS unit, CASE WHEN location_kgco2e IS NULL THEN unknown END AS reason,
        'estimated.esg_report' AS table_name, zones_used, grid_used
    FROM estimated.esg_report
    WHERE of_table = 'esg_report'
        AND starts_with(concat_ws('/', scenario_id, workload, period, method_version), of_key);
COMMENT ON MACRO TABLE _head_of_esg_report IS 'Rows of esg_report in the form that passport walks from.';

CREATE OR REPLACE MACRO _reference_of_esg_report(of_table, of_key) AS TABLE
    SELECT h.root_key, 'reference.scenario' AS table_name, h.scenario_id AS row_key
    FROM _head_of_esg_report(of_table, of_key) h
    UNION ALL SELECT h.root_key, 'reference.method_default', d.factor
    FROM _head_of_esg_report(of_table, of_key) h, reference.method_default d
    WHERE d.factor IN ('power_share_of_tdp', 'pue', 'grid_ratio')
    UNION ALL SELECT h.root_key, 'reference.decision_default', concat_ws('/', d.factor, d.applies_to, d.method_version)
    FROM _head_of_esg_report(of_table, of_key) h, reference.decision_default d
    WHERE d.factor IN ('life_years', 'hardware_use_share')
    -- Cards of the workloads, by any name that the scenario has for them.
    UNION ALL
    SELECT DISTINCT h.root_key, 'reference.accelerator', w.accelerator_id
    FROM _head_of_esg_report(of_table, of_key) h JOIN reference.scenario s ON s.scenario_id = h.scenario_id
    JOIN _accelerator_written() w ON w.written_key IN (
        SELECT accelerator_key(n.name)
        FROM (SELECT unnest(regexp_extract_all(s.definition, '(?:^|\n)accelerator\s*=\s*"([^"\n]*)"', 1)) AS name) n);
COMMENT ON MACRO TABLE _reference_of_esg_report IS 'Reference facts that rows of esg_report took.';

-- grid_used says "US monthly from 2024-01-01 by eia estimated, SE yearly from 2023-01-01 by ember": the slots of these
-- spans.
CREATE OR REPLACE MACRO _observation_of_esg_report(of_table, of_key) AS TABLE
    WITH used AS (
        SELECT h.root_key, coalesce(_toml_text(s.definition, 'boundary'), 'lifecycle') AS basis_boundary,
            string_split(unnest(string_split(h.grid_used, ', ')), ' ') AS said
        FROM _head_of_esg_report(of_table, of_key) h LEFT JOIN reference.scenario s ON s.scenario_id = h.scenario_id),
    grid_span AS (
        SELECT u.root_key, g.*
        FROM used u
        JOIN observed.grid_carbon_span g ON g.zone = u.said[1] AND g.grain = u.said[2]
            AND g.span_from = u.said[4]::TIMESTAMP AT TIME ZONE 'UTC' AND g.source_id = u.said[6]
            AND g.basis_kind = coalesce(u.said[7], 'actual') AND g.basis_boundary = u.basis_boundary
            AND g.basis_method = 'average' AND g.basis_accounting = 'location'
        QUALIFY row_number() OVER (PARTITION BY u.root_key, u.said
            ORDER BY year_rank(g.basis_kind, g.span_to, g.span_to, g.source_rank, g.resolution, g.source_id)) = 1)
    FROM _slots_of_spans('grid_span');
COMMENT ON MACRO TABLE _observation_of_esg_report IS 'Observed slots of the grid behind rows of esg_report.';
