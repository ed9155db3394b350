"""What every connection of Petaday has in common."""

from __future__ import annotations

import duckdb


def configure(con: duckdb.DuckDBPyConnection) -> None:
    """Settings every connection shares: UTC, and no progress bar in logs."""
    con.execute("SET TimeZone = 'UTC'").fetchall()
    con.execute("SET enable_progress_bar = false").fetchall()
