"""Which days an update of a table changed, so that what follows from it is computed again from the first of them on and not as a whole."""

from __future__ import annotations

import datetime as dt

import duckdb

from warehouse.tables import Table

#: Before any day of a table.
EVER = dt.date(1, 1, 1)


def note(con: duckdb.DuckDBPyConnection, table: Table, known: int, first_on: dt.date) -> None:
    """Note that an update changed rows of `first_on` and later, in the transaction that changed them.

    Args:
        con: connection of a write session.
        table: what was changed.
        known: until when (`recorded_at`, microseconds) the update had read the logs.
        first_on: first day that it changed; `EVER`: it was computed anew, and what was noted before is forgotten.
    """
    if first_on == EVER:
        con.execute("DELETE FROM meta.table_change WHERE table_name = ?", [table.full_name]).fetchall()
    con.execute(
        "INSERT INTO meta.table_change VALUES (?, make_timestamptz(?::BIGINT), ?)", [table.full_name, known, first_on]
    ).fetchall()


def changed_from(con: duckdb.DuckDBPyConnection, table: Table, since: int) -> dt.date | None:
    """First day of which updates changed a row that had read the logs further than `since` (microseconds); None where none did."""
    return con.execute(
        "SELECT min(first_on) FROM meta.table_change WHERE table_name = ? AND known_at > make_timestamptz(?::BIGINT)",
        [table.full_name, since],
    ).fetchall()[0][0]
