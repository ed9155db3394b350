-- What a user can ask, in one schema: questions first, then views and tables, then the formulas one by one, and last the parts of passports.
CREATE OR REPLACE MACRO help() AS TABLE
    SELECT name, kind, parameters, meaning
    FROM (
        SELECT function_name AS name, function_type AS kind, array_to_string(parameters, ', ') AS parameters, comment AS meaning
        FROM duckdb_functions()
        WHERE function_type IN ('macro', 'table_macro') AND comment IS NOT NULL AND NOT internal
        UNION ALL
        SELECT schema_name || '.' || view_name, 'view', '', comment FROM duckdb_views() WHERE NOT internal AND comment IS NOT NULL
        UNION ALL
        SELECT schema_name || '.' || table_name, 'table', '', comment FROM duckdb_tables() WHERE NOT internal AND comment IS NOT NULL)
    ORDER BY regexp_matches(name, '^(head|observation|reference|offer|slots|row)_of_'), list_position(['table_macro', 'view', 'table', 'macro'], kind), name;
COMMENT ON MACRO TABLE help IS 'This list: every macro, view and table with its meaning; what answers questions first, formulas and parts of passports last.';
