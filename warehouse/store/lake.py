"""The lake: DuckLake with its catalog in PostgreSQL and its Parquet files in a shared folder or in S3.

Readers never wait. Writers take one PostgreSQL advisory lock for a session, as they take the `flock` on the embedded
file: so every read-then-write (the next load number, the difference to the last state, a slice that is replaced) is
safe, and no transaction is lost to a conflict. The lock ends with the process or its connection; a writer asks before
each commit whether it still has it.
"""

from __future__ import annotations

import datetime as dt
import importlib
import importlib.util
import os
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from warehouse import schema
from warehouse.errors import NotPublishedError, PetadayError, StoreInterruptedError, is_disk_full
from warehouse.files import Files, LocalFiles, ObjectFiles, flush
from warehouse.home import Home
from warehouse.quoting import literal
from warehouse.sessions import configure, interruptible
from warehouse.store import instances
from warehouse.store.profile import CATALOG_SCHEMA, LakeProfile, s3_endpoint, s3_region, s3_secret_sql

_EXTENSIONS = ("ducklake", "postgres_scanner")
#: Key of the advisory lock; any number will do, as long as all use the same.
_LOCK_KEY = 7_365_461_279
#: Changes up to this many rows go into the catalog instead of a Parquet file of their own, until upkeep flushes them.
INLINED_ROWS = 100
#: Connections that die in silence are noticed after half a minute.
_LIBPQ = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
    "application_name": "petaday",
}
#: The same at the server's end, so that the lock of a worker whose machine or network is gone is free after half a
#: minute, not after the two hours of TCP's own default.
_SERVER = {
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
_INTERRUPTED = (
    "conflict",
    "connection",
    "connect to",
    "terminating",
    "server closed",
    "starting up",
    "shutting down",
    "recovery mode",
    "http error",
    "http 5",
    "503",
    "timeout",
    "timed out",
    "slow down",
    "unable to connect",
    "could not send",
    # What DuckLake says when the connection of a transaction was lost under it, or its commit was.
    "current transaction is aborted",
    "unsuccessful query result",
    "failed to commit",
    # The same where DuckLake's own query returned nothing: an internal error of DuckDB, after which the instance is
    # unusable.
    "attempted to access index 0 within vector of size 0",
)
#: Errors of a healthy connection: a retry would only report them later.
_NOT_INTERRUPTED = ("permission denied", "authentication failed")

#: The connection that holds the advisory lock, by process (a fork does not inherit the lock).
_locks: dict[int, Any] = {}


def extension_file(name: str) -> Path:
    """The signed extension that a package installed: nothing is downloaded at run time.

    Raises:
        PetadayError: if the package is missing or made for another DuckDB.
    """
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    folders = list(found.submodule_search_locations or []) if found else []
    for folder in folders:
        file = Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if file.exists():
            return file
    raise PetadayError(
        f"the lake needs the DuckDB extension {name} for {duckdb.__version__}: install the extra with `pip install 'petaday[lake]'`"
    )


def _psycopg2() -> Any:
    try:
        return importlib.import_module("psycopg2")  # by name: without the extra, a type checker does not find it
    except ImportError:
        raise PetadayError("the lake needs its extra: install it with `pip install 'petaday[lake]'`") from None


@dataclass(frozen=True, slots=True)
class LakeStore:
    """The warehouse as a DuckLake."""

    home: Home
    profile: LakeProfile

    @property
    def name(self) -> str:
        """See `Store`."""
        return f"the lake ({self.profile.catalog})"

    # PostgreSQL -------------------------------------------------------------------------------------------------------

    def connect_catalog(self) -> Any:
        """A psycopg2 connection to the catalog database, in autocommit.

        Raises:
            StoreInterruptedError: if it cannot be reached.
        """
        psycopg2 = _psycopg2()
        try:
            con = psycopg2.connect(self.profile.catalog, **_LIBPQ)
        except psycopg2.ProgrammingError as e:
            raise PetadayError(f"PETADAY_WAREHOUSE is not understood by libpq: {str(e).strip()}") from None
        except psycopg2.OperationalError as e:
            said = " ".join(str(e).split())
            if any(words in said for words in ("authentication failed", "does not exist", "no password supplied")):
                raise PetadayError(f"{self.name}: {said}") from None
            raise StoreInterruptedError(f"{self.name} cannot be reached: {said}") from None
        con.autocommit = True
        return con

    def exists(self) -> bool:
        """See `Store`."""
        return self._which_catalog()[0] is not None

    def _which_catalog(self) -> tuple[int | None, dt.datetime]:
        """Number of the catalog's first table (None: not made yet) and start of its server: another of either is another lake."""
        with self._catalog_cursor() as cursor:
            cursor.execute(
                "SELECT to_regclass(%s)::oid, pg_postmaster_start_time()", [f"{CATALOG_SCHEMA}.ducklake_metadata"]
            )
            return cursor.fetchone()

    @contextmanager
    def _catalog_cursor(self) -> Generator[Any]:
        con = self.connect_catalog()
        try:
            with con.cursor() as cursor:
                yield cursor
        finally:
            con.close()

    @contextmanager
    def write_lock(self) -> Generator[None]:
        """See `Store`: an advisory lock on a connection of its own."""
        psycopg2 = _psycopg2()
        con = self.connect_catalog()
        try:
            with con.cursor() as cursor:
                try:
                    for name, value in _SERVER.items():
                        cursor.execute(f"SET {name} = {value}")
                    cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK_KEY])
                except psycopg2.Error as e:
                    raise StoreInterruptedError(
                        f"{self.name} went away while waiting for its write lock: {str(e).strip()}"
                    ) from None
            _locks[os.getpid()] = con
            yield
        finally:
            _locks.pop(os.getpid(), None)
            con.close()

    def check_before_commit(self, con: duckdb.DuckDBPyConnection) -> None:
        """See `Store`.

        Raises:
            StoreInterruptedError: if the connection that holds the lock is gone: another writer may be at work.
        """
        psycopg2 = _psycopg2()
        lock = _locks.get(os.getpid())
        try:
            if lock is None:
                raise psycopg2.OperationalError("no lock is held")
            with lock.cursor() as cursor:
                cursor.execute("SELECT 1")
        except psycopg2.Error as e:
            raise StoreInterruptedError(
                f"the write lock of {self.name} was lost before the commit ({str(e).strip()}); nothing was committed"
            ) from None

    # DuckDB -----------------------------------------------------------------------------------------------------------

    def attach_sql(self, *, read_only: bool, alias: str = "warehouse") -> str:
        """The ATTACH statement; it holds no secret."""
        options = [f"METADATA_SCHEMA {literal(CATALOG_SCHEMA)}"]
        if read_only:
            options.append("READ_ONLY")
        else:
            options += [
                f"DATA_PATH {literal(self.profile.data_path('tables') + '/')}",
                f"DATA_INLINING_ROW_LIMIT {INLINED_ROWS}",
            ]
        return f"ATTACH {literal('ducklake:postgres:' + self._patient_catalog())} AS {alias} ({', '.join(options)})"

    def _patient_catalog(self) -> str:
        """The settings of the catalog for DuckDB's own connections: these notice a dead network as the lock's does."""
        written = self.profile.catalog
        if "://" in written:
            stated = "&".join(f"{name}={value}" for name, value in _LIBPQ.items() if name not in written)
            return f"{written}{'&' if '?' in written else '?'}{stated}"
        return " ".join([written, *(f"{name}={value}" for name, value in _LIBPQ.items() if name not in written)])

    def loaded(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with the extensions and the object store's keys, in memory; nothing is attached yet."""
        con = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
        try:
            configure(con)
            for extension in _EXTENSIONS:
                con.execute(f"LOAD {literal(str(extension_file(extension)))}").fetchall()
            con.execute("SET GLOBAL pg_connection_limit = 8").fetchall()
            # Only where it may be needed: checking the signature of an extension takes a tenth of a second.
            if not (self.profile.data or "").startswith("/"):
                con.execute(f"LOAD {literal(str(extension_file('httpfs')))}").fetchall()
                con.execute("SET GLOBAL http_retries = 8").fetchall()
                con.execute("SET GLOBAL http_retry_backoff = 2.5").fetchall()
                if self._is_on_s3():
                    con.execute(s3_secret_sql("s3://")).fetchall()
        except BaseException:
            con.close()
            raise
        return con

    def connect(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with the lake attached as `warehouse` and in use."""
        con = self.loaded()
        try:
            con.execute(self.attach_sql(read_only=read_only)).fetchall()
            con.execute("USE warehouse").fetchall()
        except BaseException:
            con.close()
            raise
        return con

    @contextmanager
    def _session(
        self, *, read_only: bool, which: tuple[int | None, dt.datetime] | None = None
    ) -> Generator[duckdb.DuckDBPyConnection]:
        """The lake in use, on an instance that an earlier session of this process may have left."""
        which = which or self._which_catalog()
        with (
            instances.lent(
                self.attach_sql(read_only=read_only), which, lambda: self.connect(read_only=read_only)
            ) as con,
            interruptible(con),
        ):
            configure(con)
            con.execute("USE warehouse").fetchall()
            yield con

    def _is_on_s3(self) -> bool:
        return self.profile.is_object_store or bool(os.environ.get("AWS_ACCESS_KEY_ID"))

    @contextmanager
    def open_for_writing(self, catalog: schema.Catalog) -> Generator[duckdb.DuckDBPyConnection]:
        """See `Store`.

        Raises:
            SchemaTooNewError: if a newer Petaday wrote it.
        """
        with self._session(read_only=False) as con:
            schema.apply(con, catalog, is_lake=True)
            yield con

    @contextmanager
    def write_session(
        self, catalog: schema.Catalog, *, may_leave_wal: bool = False
    ) -> Generator[duckdb.DuckDBPyConnection]:
        """See `Store`: other writers do not wait while this one loads extensions and makes its macros; there is no log beside a lake."""
        with self._session(read_only=False) as con:
            has_macros = schema.make_session_macros(con)
            with self.write_lock():
                schema.apply(con, catalog, is_lake=True, has_macros=has_macros)
                yield con

    @contextmanager
    def open_for_reading(self) -> Generator[duckdb.DuckDBPyConnection]:
        """See `Store`: the lake itself, at each statement's latest state.

        Raises:
            NotPublishedError: if the lake was not made yet.
        """
        which = self._which_catalog()
        if which[0] is None:
            raise NotPublishedError(f"{self.name} was not made yet: run `petaday lake init`")
        with self._session(read_only=True, which=which) as con:
            schema.make_session_macros(con)
            yield con

    def copy_to(self, target: Path, catalog: schema.Catalog) -> None:
        """See `Store`: every table, row by row, into a file with the same schema, views and macros."""
        from warehouse.store.copying import copy_tables
        from warehouse.store.file import STORAGE_VERSION

        target.unlink(missing_ok=True)
        con = self.connect(read_only=True)
        with closing(con), interruptible(con):
            con.execute(f"ATTACH {literal(str(target))} AS copy (STORAGE_VERSION '{STORAGE_VERSION}')").fetchall()
            con.execute("USE copy").fetchall()
            schema.apply(con, catalog)
            copy_tables(con, "warehouse", "copy")
            con.execute("CHECKPOINT copy").fetchall()
        flush(target)

    def is_interruption(self, error: BaseException) -> bool:
        """See `Store`."""
        if is_disk_full(error):
            return False
        if isinstance(error, StoreInterruptedError):
            return True
        if type(error).__module__.startswith("psycopg2"):
            return True
        text = str(error).lower()
        return (
            isinstance(error, duckdb.Error)
            and any(words in text for words in _INTERRUPTED)
            and not any(words in text for words in _NOT_INTERRUPTED)
        )

    def byte_count(self) -> int:
        """See `Store`."""
        return sum(self.files("tables").sizes().values()) + self.catalog_byte_count()

    def catalog_byte_count(self) -> int:
        """Bytes of the catalog's tables and indexes in PostgreSQL."""
        with self._catalog_cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c "
                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind = 'r'",
                [CATALOG_SCHEMA],
            )
            return int(cursor.fetchone()[0])

    def files(self, room: str) -> Files:
        """See `Store`."""
        path = self.profile.data_path(room)
        if path.startswith("s3://"):
            return ObjectFiles(path.removeprefix("s3://"), self.home.spool_dir, s3_endpoint(), s3_region())
        return LocalFiles(Path(path))


def replace_rows(lake: LakeStore, file: Path, catalog: schema.Catalog) -> dict[str, int]:
    """Replace the rows of the lake by those of a work file, in one transaction; the caller holds the lake's lock.

    Returns:
        Rows by table.
    """
    from warehouse.store.copying import copy_tables

    with lake.open_for_writing(catalog) as con:
        con.execute(f"ATTACH {literal(str(file))} AS work (READ_ONLY)").fetchall()
        counts = copy_tables(con, "work", "warehouse")
        con.execute("DETACH work").fetchall()
    return counts
