"""Marks of what was computed last (`meta.definition`): by what rule and inputs, and for what follows the logs, until when they were read."""

from __future__ import annotations

import duckdb


def mark_of(con: duckdb.DuckDBPyConnection, name: str) -> tuple[str, int]:
    """Fingerprint and known clock (`recorded_at`, microseconds) of the last computation under a name; ('', 0) where there is none."""
    found = con.execute("SELECT fingerprint FROM meta.definition WHERE name = ?", [name]).fetchall()
    fingerprint, _, known = found[0][0].partition("@") if found else ("", "", "")
    return fingerprint, int(known or 0)


def set_mark(con: duckdb.DuckDBPyConnection, name: str, fingerprint: str, known: int | None = None) -> None:
    """Note a computation, in the transaction that made its rows; `known`: until when it had read the logs, where it goes on from there."""
    forget_mark(con, name)
    text = fingerprint if known is None else f"{fingerprint}@{known}"
    con.execute("INSERT INTO meta.definition VALUES (?, ?)", [name, text]).fetchall()


def forget_mark(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """What is computed in several transactions has no mark until the last of them: whoever is killed over it begins again."""
    con.execute("DELETE FROM meta.definition WHERE name = ?", [name]).fetchall()
