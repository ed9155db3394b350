"""Settings and transactions of every DuckDB connection of Petaday."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

import duckdb

from warehouse.errors import stopped_by


def configure(con: duckdb.DuckDBPyConnection) -> None:
    """Settings every connection shares: UTC, and no progress bar in logs."""
    con.execute("SET TimeZone = 'UTC'").fetchall()
    con.execute("SET enable_progress_bar = false").fetchall()


@contextmanager
def interruptible(con: duckdb.DuckDBPyConnection) -> Generator[None]:
    """An interrupt (Ctrl-C, a run that is cancelled) in the middle of a query ends the query and stays an interrupt.

    DuckDB itself (1.5) lets the query go on, waits for its end when the transaction is rolled back or the connection
    closed, and raises an error like any other: it would end one step, and the run would go on with those that do not
    depend on it.
    """
    try:
        yield
    except RuntimeError as e:
        if (interrupt := stopped_by(e)) is None:
            raise
        con.interrupt()
        raise interrupt from None


@contextmanager
def all_or_nothing(con: duckdb.DuckDBPyConnection, before_commit: Callable[[], None] | None = None) -> Generator[None]:
    """One transaction; it is rolled back if the body or `before_commit` raises."""
    con.begin()
    try:
        with interruptible(con):
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
