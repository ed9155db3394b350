"""Marks of computed tables in `meta.definition`: the fingerprint of the rule and inputs of the last computation.

Tables that are updated from the logs also keep the `recorded_at` (microseconds) up to which they have read them.
"""

from __future__ import annotations

import duckdb


def mark_of(con: duckdb.DuckDBPyConnection, name: str) -> tuple[str, int]:
    """Fingerprint and `recorded_at` (microseconds) of the last computation of that name; ('', 0) if there is none."""
    found = con.execute("SELECT fingerprint FROM meta.definition WHERE name = ?", [name]).fetchall()
    fingerprint, _, known = found[0][0].partition("@") if found else ("", "", "")
    return fingerprint, int(known or 0)


def set_mark(con: duckdb.DuckDBPyConnection, name: str, fingerprint: str, known: int | None = None) -> None:
    """Mark a computation, in the transaction that wrote its rows.

    `known` is the `recorded_at` (microseconds) up to which it had read the logs: the next update continues from there.
    """
    forget_mark(con, name)
    text = fingerprint if known is None else f"{fingerprint}@{known}"
    con.execute("INSERT INTO meta.definition VALUES (?, ?)", [name, text]).fetchall()


def forget_mark(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Delete a mark before a computation in several transactions: if it is interrupted, the next run starts it again."""
    con.execute("DELETE FROM meta.definition WHERE name = ?", [name]).fetchall()
