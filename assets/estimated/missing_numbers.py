"""Which single missing number would make an unknown result known.

Each missing number is set to 1 in turn; a result that then has a value needs nothing but that number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import duckdb

_INPUT = """
CREATE OR REPLACE TEMP TABLE petaday_filled_input AS
WITH missing AS (
    SELECT s.scenario_id, n.factor AS filled FROM petaday_statement s CROSS JOIN (SELECT unnest($names) AS factor) n
    WHERE NOT EXISTS (SELECT 1 FROM petaday_number f WHERE f.scenario_id = s.scenario_id AND f.factor = n.factor)
), input AS (
    SELECT m.scenario_id, m.filled, f.factor, f.central AS value FROM missing m JOIN petaday_number f ON f.scenario_id = m.scenario_id
    UNION ALL SELECT scenario_id, filled, filled, 1.0 FROM missing
), wide AS (
    SELECT scenario_id, filled{columns} FROM input GROUP BY scenario_id, filled
)
SELECT wide.*{texts} FROM wide JOIN petaday_statement USING (scenario_id)
"""
_FOUND = """
SELECT scenario_id, quantity, list(filled ORDER BY filled) FILTER (filled <> quantity) FROM (
    UNPIVOT (SELECT scenario_id, filled, {quantities} FROM petaday_filled_output) ON {quantities} INTO NAME quantity VALUE value
) GROUP BY scenario_id, quantity
"""
#: If more numbers than this would each do, none of them is named as the missing one.
_MOST = 3


def missing_numbers(
    con: duckdb.DuckDBPyConnection,
    names: Iterable[str],
    output_sql: Callable[[str], str],
    *,
    columns: str,
    texts: str,
    quantities: str,
) -> Mapping[tuple[str, str], list[str]]:
    """(scenario, quantity) -> the numbers of which any one would make it known, for the statements in `petaday_statement`.

    Args:
        con: connection with `petaday_statement` and `petaday_number` registered.
        names: numbers that the method knows.
        output_sql: SQL that makes `<prefix>_output` of `<prefix>_input`, by prefix.
        columns: SQL of one column per number, over the long table.
        texts: SQL of the text columns.
        quantities: quoted names of the quantities.
    """
    try:
        con.execute(_INPUT.format(columns=columns, texts=texts), {"names": list(names)}).fetchall()
        con.execute(output_sql("petaday_filled")).fetchall()
        rows = con.execute(_FOUND.format(quantities=quantities)).fetchall()
    finally:
        for name in ("input", "output"):
            con.execute(f"DROP TABLE IF EXISTS temp.petaday_filled_{name}").fetchall()
    return {(scenario, quantity): filled for scenario, quantity, filled in rows if filled and len(filled) <= _MOST}
