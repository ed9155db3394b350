-- All macros, views and tables in one list: table macros first, then views and tables, then formulas.
-- A name with a leading underscore is a part of other macros and may change without notice.
CREATE OR REPLACE MACRO help(with_parts := false) AS TABLE
    WITH asked AS (SELECT with_parts AS has_parts)
    SELECT h.name, h.kind, h.parameters, h.meaning
    FROM asked a, (
        SELECT function_name AS name, function_type AS kind, array_to_string(parameters, ', ') AS parameters,
            comment AS meaning
        FROM duckdb_functions() WHERE function_type IN ('macro', 'table_macro') AND comment IS NOT NULL AND NOT internal
        UNION ALL SELECT schema_name || '.' || view_name, 'view', '', comment
        FROM duckdb_views() WHERE NOT internal AND comment IS NOT NULL
        UNION ALL SELECT schema_name || '.' || table_name, 'table', '', comment
        FROM duckdb_tables() WHERE NOT internal AND comment IS NOT NULL) h
    WHERE a.has_parts OR NOT starts_with(h.name, '_')
    ORDER BY starts_with(h.name, '_'), list_position(['table_macro', 'view', 'table', 'macro'], h.kind), h.name;
COMMENT ON MACRO TABLE help IS
    'This list: every macro, view and table with its meaning; table macros first, formulas last. help(with_parts := '
    'true) also names the parts that macros are made of.';
