-- Formulas: every scalar macro with its meaning, unit and citation; parts of macros (leading underscore) left out.
SELECT function_name, array_to_string(parameters, ', ') AS parameters, macro_definition, comment
FROM duckdb_functions()
WHERE function_type = 'macro' AND NOT internal AND comment IS NOT NULL AND NOT starts_with(function_name, '_')
    AND function_name <> 'accelerator_key'
ORDER BY function_name
