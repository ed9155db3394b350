"""The SQL macros of `formulas/`: their text, and temporary stand-ins in a file that was published before they existed."""

from __future__ import annotations

import functools
from importlib import resources

import duckdb

from assets.observed.views import lookup_statements


def text_of(*path: str) -> str:
    """Text of a file of this package."""
    return resources.files("assets.estimated").joinpath(*path).read_text(encoding="utf-8")


def formula_scripts() -> list[str]:
    """SQL of the macros and their comments, one script per file, in an order that resolves."""
    folder = resources.files("assets.estimated") / "formulas"
    return [text_of("formulas", name) for name in sorted(f.name for f in folder.iterdir() if f.name.endswith(".sql"))]


def training_texts() -> list[str]:
    """What all versions of the method of training share: its formulas and how they are put together."""
    names = ("band.sql", "skewed.sql", "training.sql")
    return [*(text_of("formulas", name) for name in names), text_of("training_estimate.sql")]


def formula_statements() -> list[str]:
    """The statements of `formula_scripts`, one each."""
    return list(_statements())


@functools.cache
def _statements() -> tuple[str, ...]:
    """Statements of all formula files, parsed once per process."""
    return tuple(s.query.strip() for script in formula_scripts() for s in duckdb.extract_statements(script))


def has_table(con: duckdb.DuckDBPyConnection, schema: str, table: str, *columns: str) -> bool:
    """Whether a file has a table with these columns: one that was published earlier may not."""
    found = con.execute(
        "SELECT count(*) > 0 AND count(*) FILTER (list_contains($columns::VARCHAR[], column_name)) = len($columns) "
        "FROM duckdb_columns() WHERE schema_name = $schema AND table_name = $table AND database_name = current_database()",
        {"schema": schema, "table": table, "columns": sorted(set(columns))},
    ).fetchone()
    return bool(found and found[0])


def ensure_formulas(con: duckdb.DuckDBPyConnection) -> None:
    """Use the macros of the file; create temporary ones for those that it lacks, as an older file may."""
    have = {
        name
        for (name,) in con.execute(
            "SELECT function_name FROM duckdb_functions() WHERE function_type = 'macro'"
        ).fetchall()
    }
    for statement in (*formula_statements(), *lookup_statements()):
        head = "CREATE OR REPLACE MACRO "
        start = statement.find(head)
        if start < 0:
            continue
        if statement[start + len(head) :].split("(", 1)[0].strip() not in have:
            con.execute(statement[start:].replace(head, "CREATE OR REPLACE TEMP MACRO ", 1)).fetchall()
