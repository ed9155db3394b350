"""Where the warehouse is kept: an embedded DuckDB file, or a DuckLake for a team. Nothing else knows the difference.

`PETADAY_WAREHOUSE` names a lake (`ducklake:postgres:<libpq settings>`); unset, the warehouse is the file under the home
folder. Both stores offer the same sessions (`Store`) and the same SQL.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import duckdb

from warehouse.errors import PetadayError
from warehouse.files import Files
from warehouse.home import Home
from warehouse.schema import Catalog

WAREHOUSE_VARIABLE = "PETADAY_WAREHOUSE"
LAKE_PREFIX = "ducklake:postgres:"


class Store(Protocol):
    """One warehouse, however it is kept."""

    @property
    def name(self) -> str:
        """What it is, in words for messages; without secrets."""
        ...

    def exists(self) -> bool:
        """True if there is a warehouse to read."""
        ...

    def write_lock(self) -> AbstractContextManager[None]:
        """One writer at a time, across all processes that may write; waits, and ends with the process."""
        ...

    def open_for_writing(self, catalog: Catalog) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """The warehouse with the schema applied; the caller holds the lock."""
        ...

    def write_session(
        self, catalog: Catalog, *, may_leave_wal: bool = False
    ) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Both in one: locked, and open for writing; what needs no lock is done before it is taken.

        With `may_leave_wal`, a little that was committed may lie in a write-ahead log beside the file, for the next
        session. DuckDB takes a log that was cut short for one whose last commit was not finished: only for what the
        journal tells of as well (`loading.check_against_journal`), or the next run makes again.
        """
        ...

    def open_for_reading(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """What users read, for reading only; never waits and never locks anybody out."""
        ...

    def check_before_commit(self, con: duckdb.DuckDBPyConnection) -> None:
        """Raise if this writer has lost its lock since it took it."""
        ...

    def copy_to(self, target: Path, catalog: Catalog) -> None:
        """Make `target` one DuckDB file with all that is here; the caller holds the lock and has nothing open."""
        ...

    def is_interruption(self, error: BaseException) -> bool:
        """True if the error says that a part of the store went away or was in use: trying the whole again may help."""
        ...

    def byte_count(self) -> int:
        """Bytes that the warehouse takes now, history included: the work file, or a lake's Parquet files and catalog."""
        ...

    def files(self, room: str) -> Files:
        """Files that all workers share: `captures`, `staged`, `latest`, `state`."""
        ...


def is_shared() -> bool:
    """True if several workers share the warehouse; work may then be spread over them."""
    return bool(os.environ.get(WAREHOUSE_VARIABLE, "").strip())


def store_of(home: Home) -> Store:
    """The store that the environment names.

    Raises:
        PetadayError: if `PETADAY_WAREHOUSE` is not understood.
    """
    named = os.environ.get(WAREHOUSE_VARIABLE, "").strip()
    if not named:
        from warehouse.store.file import FileStore

        return FileStore(home)
    if not named.startswith(LAKE_PREFIX):
        raise PetadayError(
            f"{WAREHOUSE_VARIABLE} must begin with {LAKE_PREFIX!r}, or be unset for the embedded file under {home.root}"
        )
    from warehouse.store.lake import LakeStore
    from warehouse.store.profile import profile_from_environment

    return LakeStore(home, profile_from_environment(named.removeprefix(LAKE_PREFIX)))
