"""Copying every table of one attached warehouse into another that has the schema already."""

from __future__ import annotations

import duckdb

from warehouse.quoting import quoted
from warehouse.sessions import all_or_nothing

#: Tables that describe the warehouse itself, not its data: each warehouse keeps its own.
OWN_TABLES = frozenset({"meta.schema_version", "meta.definition", "meta.macro"})
#: The marks in `meta.definition` of what estimates were computed from are copied, so that they are not computed again.
_COMPUTED = "name <> 'catalog'"


def tables_of(con: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    """Full names of the base tables of an attached warehouse, its own bookkeeping left out."""
    rows = con.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = ? AND NOT internal "
        "AND NOT temporary ORDER BY ALL",
        [database],
    ).fetchall()
    return [name for (name,) in rows if name not in OWN_TABLES]


def copy_tables(con: duckdb.DuckDBPyConnection, source: str, target: str) -> dict[str, int]:
    """Replace the rows of every table of `target` by those of `source`, in one transaction; returns rows by table."""
    counts = {}
    with all_or_nothing(con):
        there = set(tables_of(con, target))
        for name in tables_of(con, source):
            schema_name, table = name.split(".")
            place = f"{target}.{quoted(schema_name)}.{quoted(table)}"
            origin = f"{source}.{quoted(schema_name)}.{quoted(table)}"
            if name in there:
                con.execute(f"DELETE FROM {place}").fetchall()
                counts[name] = con.execute(f"INSERT INTO {place} BY NAME SELECT * FROM {origin}").fetchall()[0][0]
            else:
                con.execute(f"CREATE TABLE {place} AS SELECT * FROM {origin}").fetchall()
                counts[name] = con.execute(f"SELECT count(*) FROM {place}").fetchall()[0][0]
        con.execute(f"DELETE FROM {target}.meta.definition WHERE {_COMPUTED}").fetchall()
        con.execute(f"INSERT INTO {target}.meta.definition FROM {source}.meta.definition WHERE {_COMPUTED}").fetchall()
    return counts
