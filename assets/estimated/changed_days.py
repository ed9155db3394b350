"""The first day that each update of a table changed: tables that follow from it are computed again from that day on, not as a whole."""

from __future__ import annotations

import datetime as dt

import duckdb

from warehouse.tables import Table

#: Before any day of a table.
EVER = dt.date(1, 1, 1)


def note(con: duckdb.DuckDBPyConnection, table: Table, known: int, first_on: dt.date) -> None:
    """Record that an update changed rows of `first_on` and later, in the transaction that changed them.

    Args:
        con: connection of a write session.
        table: what was changed.
        known: `recorded_at` (microseconds) up to which the update had read the logs.
        first_on: first day that it changed; `EVER`: the whole table was computed, and earlier records are dropped.
    """
    if first_on == EVER:
        con.execute("DELETE FROM meta.table_change WHERE table_name = ?", [table.full_name]).fetchall()
    con.execute(
        "INSERT INTO meta.table_change VALUES (?, make_timestamptz(?::BIGINT), ?)", [table.full_name, known, first_on]
    ).fetchall()


def changed_from(con: duckdb.DuckDBPyConnection, table: Table, since: int) -> dt.date | None:
    """First day that any update changed after the logs had been read up to `since` (`recorded_at`, microseconds); None if none did."""
    return con.execute(
        "SELECT min(first_on) FROM meta.table_change WHERE table_name = ? AND known_at > make_timestamptz(?::BIGINT)",
        [table.full_name, since],
    ).fetchall()[0][0]
