-- Formulas: every scalar macro with its meaning, unit and citation.
SELECT function_name, array_to_string(parameters, ', ') AS parameters, macro_definition, comment
FROM duckdb_functions()
WHERE function_type = 'macro' AND NOT internal AND comment IS NOT NULL AND function_name <> 'accelerator_key'
ORDER BY function_name
