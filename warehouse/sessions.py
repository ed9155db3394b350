"""What every connection of Petaday has in common."""

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
    """One transaction; `before_commit` may still refuse it."""
    con.begin()
    try:
        yield
        if before_commit is not None:
            before_commit()
        con.commit()
    except BaseException:
        # After "disk full" the connection is dead, and a catalog that went away has nothing to roll back: the store still
        # holds the last committed state, and why it failed is what counts.
        with suppress(duckdb.Error):
            con.rollback()
        raise
