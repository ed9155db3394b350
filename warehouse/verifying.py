"""Whether a copy of the warehouse may replace the published file.

Checked on the copy itself, before it is renamed: it has as many rows of every table as the warehouse, every view can be
bound, and the newest row of each log leads to a capture. Further conditions are declared by the catalog
(`Catalog.promises`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

from warehouse.quoting import quoted
from warehouse.schema import Catalog
from warehouse.sessions import configure, interruptible
from warehouse.store.copying import tables_of


def row_counts(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows by table of the warehouse in use, without its own bookkeeping."""
    database = con.execute("SELECT current_database()").fetchall()[0][0]
    names = tables_of(con, database)
    counted = (f"SELECT '{n}', count(*) FROM {'.'.join(quoted(part) for part in n.split('.'))}" for n in names)
    return dict(con.execute(" UNION ALL ".join(counted)).fetchall())


def problems_of_copy(path: Path, number: int, expected_counts: dict[str, int], catalog: Catalog) -> list[str]:
    """Reasons not to publish a copy, one line each; [] if there are none.

    Args:
        path: the copy.
        number: the publication number that the copy must have.
        expected_counts: rows by table of what was copied (`row_counts`).
        catalog: subjects whose logs are checked, and further conditions.
    """
    try:
        with duckdb.connect(str(path), read_only=True) as con, interruptible(con):
            configure(con)
            found = con.execute("SELECT max(publication_number) FROM meta.publication").fetchall()[0][0]
            if found != number:
                return [f"the copy says publication {found}, expected {number}"]
            problems = _other_counts(row_counts(con), expected_counts)
            return problems or [*_unreadable_views(con), *_not_walkable(con, catalog), *_broken(con, catalog)]
    except duckdb.Error as e:
        return [f"the copy cannot be read: {str(e).splitlines()[0]}"]


def _other_counts(found: dict[str, int], expected: dict[str, int]) -> list[str]:
    return [
        f"the copy has {found.get(name, 'no')} rows of {name}, the warehouse {expected.get(name, 'none')}"
        for name in sorted(found.keys() | expected.keys())
        if found.get(name) != expected.get(name)
    ]


def _unreadable_views(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Views that no longer fit the tables; they are bound, not computed."""
    names = con.execute(
        "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal AND database_name = current_database()"
    ).fetchall()
    return unreadable(con, [name for (name,) in names], "DESCRIBE {name}")


def unreadable(con: duckdb.DuckDBPyConnection, names: Iterable[str], question: str) -> list[str]:
    """One line for each table or view for which `question`, SQL with {name}, fails."""
    problems = []
    for name in names:
        try:
            con.execute(question.format(name=name)).fetchall()
        except duckdb.Error as e:
            problems.append(f"{name} cannot be read: {str(e).splitlines()[0]}")
    return problems


def misfiled_slots(con: duckdb.DuckDBPyConnection, catalog: Catalog) -> list[str]:
    """One line for each series whose table of revised slots is wrong, so that its views would miss a revision."""
    return [
        f"{subject.revised_name}: {wrong} slots are listed as revised and were not, or were and are not listed"
        for subject in catalog.subjects
        if subject.kind == "series" and (wrong := con.execute(subject.misfiled_slots()).fetchall()[0][0])
    ]


def _broken(con: duckdb.DuckDBPyConnection, catalog: Catalog) -> list[str]:
    """The faults found by the catalog's promises, each of which is a SELECT of one text per fault."""
    return [text for promise in catalog.promises for (text,) in con.execute(promise).fetchall()]


def _not_walkable(con: duckdb.DuckDBPyConnection, catalog: Catalog) -> list[str]:
    """Logs whose newest row has no recorded capture; `petaday check` also compares the stored bytes."""
    newest = " UNION ALL ".join(
        f"(SELECT '{s.log_name}' AS log_name, capture_id FROM {s.log_name} ORDER BY recorded_at DESC LIMIT 1)"
        for s in catalog.subjects
    )
    if not newest:
        return []
    rows = con.execute(
        f"SELECT log_name, capture_id FROM ({newest}) n ANTI JOIN "
        "(SELECT capture_id FROM meta.capture WHERE sha256 IS NOT NULL) c ON c.capture_id = n.capture_id"
    ).fetchall()
    return [f"the newest row of {log} names capture {key}, which is not recorded" for log, key in rows]
