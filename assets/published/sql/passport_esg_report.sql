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

-- grid_used says "monthly from 2024-01-01, yearly from 2023-01-01": the slots of these months and years, of the source
-- that esg_report took.
CREATE OR REPLACE MACRO _observation_of_esg_report(of_table, of_key) AS TABLE
    WITH used AS (
        SELECT h.root_key, h.zones_used, h.grid_used,
            coalesce(_toml_text(s.definition, 'boundary'), 'lifecycle') AS basis_boundary
        FROM _head_of_esg_report(of_table, of_key) h LEFT JOIN reference.scenario s ON s.scenario_id = h.scenario_id),
    wanted AS (
        SELECT u.root_key, z.zone, u.basis_boundary, split_part(g.slot, ' from ', 1) AS grain,
            split_part(g.slot, ' from ', 2)::DATE AS from_on
        FROM used u, LATERAL (SELECT unnest(string_split(u.zones_used, ', ')) AS zone) z,
            LATERAL (SELECT unnest(string_split(u.grid_used, ', ')) AS slot) g),
    slot AS (
        SELECT 'monthly' AS grain, m.zone, (m.month_from AT TIME ZONE 'UTC')::DATE AS from_on, m.basis_boundary,
            m.basis_method, m.basis_kind, m.basis_accounting, m.covered_share, m.source_id, m.resolution
        FROM observed.grid_carbon_month m
        UNION ALL
        SELECT 'yearly', y.zone, (y.year_from AT TIME ZONE 'UTC')::DATE, y.basis_boundary, y.basis_method, y.basis_kind,
            y.basis_accounting, y.covered_share, y.source_id, y.resolution
        FROM observed.grid_carbon_year y),
    taken AS (
        SELECT w.root_key, s.*
        FROM wanted w
        JOIN slot s ON s.grain = w.grain AND s.zone = w.zone AND s.from_on = w.from_on
            AND s.basis_boundary = w.basis_boundary AND s.basis_method = 'average' AND s.basis_kind = 'actual'
            AND s.basis_accounting = 'location' AND s.covered_share >= 0.9
        QUALIFY row_number() OVER (PARTITION BY w.root_key, s.grain, s.zone, s.from_on
            ORDER BY source_rank(s.source_id), epoch(slot_length(s.resolution)), s.source_id) = 1)
    SELECT t.root_key, o.*
    FROM taken t
    JOIN _row_of_observed('grid_carbon') o ON o.source_id = t.source_id
        AND starts_with(o.row_key, concat_ws('/', t.zone, t.resolution, 'average', t.basis_boundary, 'location',
                'actual') || '/')
        AND o.valid_from >= t.from_on::TIMESTAMP AT TIME ZONE 'UTC'
        AND o.valid_from < (t.from_on + CASE t.grain WHEN 'monthly' THEN INTERVAL 1 MONTH
                ELSE INTERVAL 1 YEAR END) AT TIME ZONE 'UTC';
COMMENT ON MACRO TABLE _observation_of_esg_report IS 'Observed slots of the grid behind rows of esg_report.';
