-- What a user can ask, in one schema: every macro with its parameters and meaning.
CREATE OR REPLACE MACRO help() AS TABLE
    SELECT function_name AS name, function_type AS kind, array_to_string(parameters, ', ') AS parameters, comment AS meaning
    FROM duckdb_functions()
    WHERE function_type IN ('macro', 'table_macro') AND comment IS NOT NULL AND NOT internal
    UNION ALL
    SELECT schema_name || '.' || view_name, 'view', '', comment FROM duckdb_views() WHERE NOT internal AND comment IS NOT NULL
    UNION ALL
    SELECT schema_name || '.' || table_name, 'table', '', comment FROM duckdb_tables() WHERE NOT internal AND comment IS NOT NULL
    ORDER BY kind, name;
COMMENT ON MACRO TABLE help IS 'This list: every macro, view and table with its meaning.';
