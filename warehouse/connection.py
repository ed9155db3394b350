"""Sessions on the warehouse, in whichever store it is: one writer at a time, readers that never wait.

`warehouse.store` finds the store that the environment names; everything else uses these functions.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

import duckdb

from warehouse import schema
from warehouse.errors import StoreInterruptedError, translating_disk_full
from warehouse.home import Home
from warehouse.retry import retried_if_interrupted
from warehouse.sessions import all_or_nothing, configure
from warehouse.store import Store, store_of

__all__ = [
    "configure",
    "in_write_session",
    "open_work",
    "read_published",
    "transaction",
    "translating_interruptions",
    "write_lock",
    "write_session",
]

R = TypeVar("R")

#: The stores of open write sessions, so that a commit can check that the lock is still held.
_open: dict[int, Store] = {}


@contextmanager
def write_lock(home: Home) -> Generator[None]:
    """Hold the writers' lock, waiting as long as necessary. It is released when the process ends in any way."""
    with store_of(home).write_lock():
        yield


@contextmanager
def translating_interruptions(store: Store) -> Generator[None]:
    """Turn the errors with which libraries report an unavailable store into `StoreInterruptedError`."""
    try:
        yield
    except StoreInterruptedError:
        raise
    except Exception as e:
        if store.is_interruption(e):
            first = str(e).strip().splitlines()[0][:300] if str(e).strip() else type(e).__name__
            raise StoreInterruptedError(
                f"{store.name} went away or was in use: {first}; what was committed is safe"
            ) from e
        raise


@contextmanager
def open_work(home: Home, catalog: schema.Catalog) -> Generator[duckdb.DuckDBPyConnection]:
    """The warehouse, open for writing and with the current schema; the caller holds the lock."""
    store = store_of(home)
    with translating_interruptions(store), store.open_for_writing(catalog) as con, _guarded(con, store):
        yield con


@contextmanager
def _guarded(con: duckdb.DuckDBPyConnection, store: Store) -> Generator[None]:
    """Inside, transactions of `con` check before they commit that the lock is still held."""
    _open[id(con)] = store
    try:
        yield
    finally:
        del _open[id(con)]


@contextmanager
def write_session(
    home: Home, catalog: schema.Catalog, *, may_leave_wal: bool = False
) -> Generator[duckdb.DuckDBPyConnection]:
    """Lock, open, let the caller write in short transactions, close, unlock.

    Args:
        home: whose warehouse.
        catalog: what it holds.
        may_leave_wal: see `Store.write_session`.

    Raises:
        StoreInterruptedError: if a part of the store became unavailable; see `warehouse.retry`.
    """
    store = store_of(home)
    with (
        translating_disk_full(f"writing {store.name}"),
        translating_interruptions(store),
        store.write_session(catalog, may_leave_wal=may_leave_wal) as con,
        _guarded(con, store),
    ):
        yield con


@retried_if_interrupted
def in_write_session(home: Home, catalog: schema.Catalog, work: Callable[[duckdb.DuckDBPyConnection], R]) -> R:
    """Do a piece of work in its own write session; it is repeated from the beginning if the store was interrupted.

    Args:
        home: whose warehouse.
        catalog: what it holds.
        work: an idempotent function.
    """
    with write_session(home, catalog) as con:
        return work(con)


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Generator[None]:
    """All or nothing."""
    store = _open.get(id(con))
    with all_or_nothing(con, (lambda: store.check_before_commit(con)) if store else None):
        yield


@contextmanager
def read_published(home: Home) -> Generator[duckdb.DuckDBPyConnection]:
    """What users read (the published file, or the lake), read-only; never waits and never blocks others.

    Raises:
        NotPublishedError: if nothing was published yet.
    """
    store = store_of(home)
    with translating_interruptions(store), store.open_for_reading() as con:
        yield con
