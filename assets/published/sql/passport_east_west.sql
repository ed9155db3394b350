-- Passports of east_west: the row, the hub that it took, the official factor of its grid.
CREATE OR REPLACE MACRO _head_of_east_west(of_table, of_key) AS TABLE
    SELECT concat_ws('/', scenario_id, cluster_id, method_version) AS root_key, scenario_id, 'total_cny' AS quantity,
        method_version, low_total_cny AS low, total_cny AS central, high_total_cny AS high, 'CNY' AS unit,
        CASE WHEN total_cny IS NULL THEN verdict END AS reason, 'estimated.east_west' AS table_name
    FROM estimated.east_west
    WHERE of_table = 'east_west' AND starts_with(concat_ws('/', scenario_id, cluster_id, method_version), of_key);
COMMENT ON MACRO TABLE _head_of_east_west IS 'Rows of east_west in the form that passport walks from.';

CREATE OR REPLACE MACRO _hubbed(of_table, of_key) AS TABLE
    SELECT e.root_key, w.*, h.grid_zone
    FROM _head_of_east_west(of_table, of_key) e
    JOIN estimated.east_west w ON e.root_key = concat_ws('/', w.scenario_id, w.cluster_id, w.method_version)
    JOIN reference.compute_hub h ON h.cluster_id = w.cluster_id;
COMMENT ON MACRO TABLE _hubbed IS 'Rows of east_west beside the key of their passport and the zone of their hub.';

CREATE OR REPLACE MACRO _reference_of_east_west(of_table, of_key) AS TABLE
    SELECT root_key, 'reference.compute_hub' AS table_name, cluster_id AS row_key FROM _hubbed(of_table, of_key);
COMMENT ON MACRO TABLE _reference_of_east_west IS 'Reference facts that rows of east_west took.';

CREATE OR REPLACE MACRO _observation_of_east_west(of_table, of_key) AS TABLE
    WITH grid_span AS (
        SELECT w.root_key, g.*
        FROM _hubbed(of_table, of_key) w
        JOIN observed.grid_carbon_span g ON g.grain = 'yearly' AND g.zone = w.grid_zone AND g.source_id = w.source_id
            AND g.basis_method = 'average' AND g.basis_accounting = 'location' AND g.basis_kind = 'actual'
            AND g.span_from = make_timestamptz(w.grid_year, 1, 1, 0, 0, 0, 'UTC')
            AND g.mean_gco2e_per_kwh = w.grid_gco2_per_kwh)
    FROM _slots_of_spans('grid_span');
COMMENT ON MACRO TABLE _observation_of_east_west IS 'Observed rows behind the grid of rows of east_west.';
