"""Opening the warehouse: one writer at a time under a file lock, readers on the published file only.

This is the only module that knows how the warehouse is stored. DuckDB lets one process write, and then no other may
even read; so writers queue on a `flock`, keep the work file open for one short session and close it, and nobody else
opens it at all.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager

import duckdb

from warehouse import schema
from warehouse.errors import NotPublishedError, WarehouseDamagedError, is_disk_full, telling_of_a_full_disk
from warehouse.home import Home
from warehouse.tables import literal

#: Storage of 1.5.0 or later refuses a stray write-ahead log instead of replaying it onto another file.
STORAGE_VERSION = "v1.5.0"


@contextmanager
def write_lock(home: Home) -> Generator[None]:
    """Hold the writers' lock; waits as long as it takes. The lock ends with the process, however it ends."""
    home.create()
    descriptor = os.open(home.lock_file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def configure(con: duckdb.DuckDBPyConnection) -> None:
    """Settings every connection of Petaday shares: UTC, and no progress bar in logs."""
    con.execute("SET TimeZone = 'UTC'").fetchall()
    con.execute("SET enable_progress_bar = false").fetchall()


@contextmanager
def open_work_file(home: Home, catalog: schema.Catalog) -> Generator[duckdb.DuckDBPyConnection]:
    """The work file, opened for writing with the schema applied; the caller holds the lock.

    A clean exit checkpoints, so that the file is whole without a write-ahead log; the file is closed in any case.

    Raises:
        WarehouseDamagedError: if DuckDB cannot read the file.
        SchemaTooNewError: if a newer Petaday wrote it.
    """
    con = duckdb.connect()
    try:
        configure(con)
        try:
            con.execute(
                f"ATTACH {literal(str(home.work_file))} AS warehouse (STORAGE_VERSION '{STORAGE_VERSION}')"
            ).fetchall()
            con.execute("USE warehouse").fetchall()
            schema.apply(con, catalog)
        except (
            duckdb.IOException,
            duckdb.SerializationException,
            duckdb.InternalException,
            duckdb.FatalException,
        ) as e:
            if is_disk_full(e):
                raise
            raise WarehouseDamagedError(
                f"the work file {home.work_file} cannot be read: {str(e).splitlines()[0]} - "
                "`petaday rebuild` makes it again from the captures"
            ) from e
        yield con
        con.execute("CHECKPOINT").fetchall()
    finally:
        con.close()


@contextmanager
def write_session(home: Home, catalog: schema.Catalog) -> Generator[duckdb.DuckDBPyConnection]:
    """Lock, open, let the caller write in short transactions, checkpoint, close, unlock."""
    with telling_of_a_full_disk(f"writing {home.work_file}"), write_lock(home), open_work_file(home, catalog) as con:
        yield con


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Generator[None]:
    """All or nothing."""
    con.begin()
    try:
        yield
        con.commit()
    except BaseException:
        try:
            con.rollback()
        except duckdb.Error:
            pass  # after "disk full" the connection is dead; the file still holds the last committed state
        raise


@contextmanager
def read_published(home: Home) -> Generator[duckdb.DuckDBPyConnection]:
    """The published file, read-only; never waits and never locks anybody out.

    Raises:
        NotPublishedError: if nothing was published yet.
    """
    if not home.published_file.exists():
        raise NotPublishedError(f"nothing is published in {home.root} yet: run `petaday run` first")
    con = duckdb.connect(str(home.published_file), read_only=True)
    try:
        configure(con)
        yield con
    finally:
        con.close()
