"""Settings and transactions of every DuckDB connection of Petaday."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

import duckdb


def configure(con: duckdb.DuckDBPyConnection) -> None:
    """Settings every connection shares: UTC, and no progress bar in logs."""
    con.execute("SET TimeZone = 'UTC'").fetchall()
    con.execute("SET enable_progress_bar = false").fetchall()


@contextmanager
def all_or_nothing(con: duckdb.DuckDBPyConnection, before_commit: Callable[[], None] | None = None) -> Generator[None]:
    """One transaction; it is rolled back if the body or `before_commit` raises."""
    con.begin()
    try:
        yield
        if before_commit is not None:
            before_commit()
        con.commit()
    except BaseException:
        # After "disk full", or without the catalog, the rollback fails too; the store still has the last committed
        # state, and the first error is the one to report.
        with suppress(duckdb.Error):
            con.rollback()
        raise
