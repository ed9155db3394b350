-- Passports of siting: the row, the reference facts that it took, the observations behind its price and its grid.
CREATE OR REPLACE MACRO _head_of_siting(of_table, of_key) AS TABLE
    SELECT concat_ws('/', scenario_id, provider, region, accelerator_id, purchase_option, method_version) AS root_key,
        scenario_id, 'total_usd' AS quantity, method_version, low_usd AS low, total_usd AS central, high_usd AS high,
        'USD' AS unit, CASE WHEN total_usd IS NULL THEN unknown END AS reason, 'estimated.siting' AS table_name
    FROM estimated.siting
    WHERE of_table = 'siting'
        AND starts_with(concat_ws('/', scenario_id, provider, region, accelerator_id, purchase_option, method_version),
            of_key);
COMMENT ON MACRO TABLE _head_of_siting IS 'Rows of siting in the form that passport walks from.';

CREATE OR REPLACE MACRO _sited(of_table, of_key) AS TABLE
    SELECT h.root_key, s.*
    FROM _head_of_siting(of_table, of_key) h
    JOIN estimated.siting s ON h.root_key = concat_ws('/', s.scenario_id, s.provider, s.region, s.accelerator_id,
        s.purchase_option, s.method_version);
COMMENT ON MACRO TABLE _sited IS 'Rows of siting beside the key of their passport.';

CREATE OR REPLACE MACRO _reference_of_siting(of_table, of_key) AS TABLE
    SELECT root_key, 'reference.accelerator' AS table_name, accelerator_id AS row_key
    FROM _sited(of_table, of_key)
    UNION ALL SELECT root_key, 'reference.region', concat_ws('/', provider, region)
    FROM _sited(of_table, of_key)
    UNION ALL SELECT s.root_key, 'reference.embodied_carbon', c.accelerator_prefix
    FROM _sited(of_table, of_key) s
    JOIN reference.embodied_carbon c ON starts_with(s.accelerator_id, c.accelerator_prefix)
    WHERE s.embodied_kgco2e IS NOT NULL
    UNION ALL SELECT s.root_key, 'reference.method_default', d.factor
    FROM _sited(of_table, of_key) s, reference.method_default d
    WHERE d.factor IN ('utilization_share', 'power_share_of_tdp', 'grid_ratio')
        OR (d.factor = 'pue' AND NOT s.is_pue_published)
    UNION ALL SELECT s.root_key, 'reference.decision_default', concat_ws('/', d.factor, d.applies_to, d.method_version)
    FROM _sited(of_table, of_key) s, reference.decision_default d
    WHERE d.factor IN ('life_years', 'hardware_use_share') AND s.embodied_kgco2e IS NOT NULL;
COMMENT ON MACRO TABLE _reference_of_siting IS 'Reference facts that rows of siting took.';

CREATE OR REPLACE MACRO _observation_of_siting(of_table, of_key) AS TABLE
    WITH grid_span AS (
        SELECT s.root_key, g.*
        FROM _sited(of_table, of_key) s LEFT JOIN reference.scenario c ON c.scenario_id = s.scenario_id
        -- Rows of decision-2 and before say a calendar year only.
        JOIN observed.grid_carbon_span g ON g.grain = 'yearly' AND g.zone = s.zone_used
            AND g.source_id = coalesce(s.grid_source_id, g.source_id)
            AND g.resolution = coalesce(s.grid_resolution, g.resolution) AND g.basis_method = 'average'
            AND g.basis_accounting = 'location'
            AND g.basis_boundary = coalesce(_toml_text(c.definition, 'boundary'), 'lifecycle')
            AND g.span_from = coalesce(s.grid_from_on, make_date(s.grid_year, 1, 1))::TIMESTAMP AT TIME ZONE 'UTC'
            AND (s.grid_from_on IS NOT NULL OR abs(g.mean_gco2e_per_kwh - s.grid_gco2e_per_kwh) < 1e-9))
    SELECT s.root_key, o.*
    FROM _sited(of_table, of_key) s
    JOIN _row_of_observed('cloud_rate') o ON o.capture_id = s.capture_id AND o.provider = s.provider
        AND o.region = s.region AND o.instance_type = s.instance_type AND o.purchase_option = s.purchase_option
        AND o.usd_value = s.price_usd_per_gpu_hour AND o.is_rate
    UNION ALL BY NAME FROM _slots_of_spans('grid_span');
COMMENT ON MACRO TABLE _observation_of_siting IS 'Observed rows behind the price and the grid of rows of siting.';
