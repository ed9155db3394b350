"""Administration of a lake: creating it, its upkeep (compaction, expiry of snapshots), and read-only roles."""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb

from warehouse import schema
from warehouse.connection import translating_interruptions
from warehouse.errors import PetadayError
from warehouse.quoting import literal, quoted
from warehouse.retry import retried_if_interrupted
from warehouse.settings import setting
from warehouse.store.lake import LakeStore
from warehouse.store.profile import CATALOG_SCHEMA

#: Days for which old snapshots can be read, unless PETADAY_KEEP_LAKE_DAYS says otherwise.
KEPT_SNAPSHOT_DAYS = 7
#: Files are removed only when nothing has named them for a day: no session, reading or writing, lasts that long.
GRACE = "INTERVAL 1 DAY"
_ROLE = re.compile(r"[a-z_][a-z0-9_$]{0,62}\Z")


@retried_if_interrupted
def init(lake: LakeStore, catalog: schema.Catalog, reader: str | None = None) -> bool:
    """Make the lake (or bring its schema up to date) and let the role `reader` read; True if it was made now.

    Raises:
        PetadayError: if the role does not exist or is no role name.
    """
    if reader is not None and not _ROLE.match(reader):
        raise PetadayError(f"--reader {reader!r} is not a role name: lower-case letters, digits and _ are allowed")
    with translating_interruptions(lake), lake.write_lock():
        is_new = not lake.exists()
        with lake.connect_catalog() as con, con.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(CATALOG_SCHEMA)}")
        with lake.open_for_writing(catalog):
            pass
        if reader:
            _let_read(lake, reader)
    return is_new


def _let_read(lake: LakeStore, reader: str) -> None:
    """SELECT on the catalog's tables, those to come included, and nothing else."""
    with lake.connect_catalog() as con, con.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = %s", [reader])
        found = cursor.fetchone()
        if not found:
            raise PetadayError(
                f"there is no role {reader!r} in the catalog's PostgreSQL: make it with deploy/roles.sql"
            )
        if found[0]:
            raise PetadayError(f"the role {reader!r} may do more than read (superuser or createrole): choose another")
        place, role = quoted(CATALOG_SCHEMA), quoted(reader)
        cursor.execute(f"GRANT USAGE ON SCHEMA {place} TO {role}")
        cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {place} TO {role}")
        cursor.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {place} GRANT SELECT ON TABLES TO {role}")


@dataclass(frozen=True, slots=True)
class Kept:
    """What upkeep did."""

    file_count_before: int
    file_count: int
    inlined_flushed_count: int
    snapshot_expired_count: int
    file_removed_count: int


def data_file_count(con: duckdb.DuckDBPyConnection) -> int:
    """Parquet files of the current state."""
    return con.execute("SELECT coalesce(sum(file_count), 0)::BIGINT FROM ducklake_table_info('warehouse')").fetchall()[
        0
    ][0]


@retried_if_interrupted
def upkeep(lake: LakeStore, keep_days: int | None = None) -> Kept:
    """Write inlined rows out, merge small files, expire old snapshots, and remove files that nothing has named for a day.

    Holds the write lock, so that no writer is in a transaction; readers go on. A file that was written, or given up,
    less than a day ago is never removed (removing a file of an open transaction would make its table unreadable).

    Raises:
        PetadayError: if fewer than one day of snapshots is to be kept.
    """
    days = setting("PETADAY_KEEP_LAKE_DAYS", KEPT_SNAPSHOT_DAYS) if keep_days is None else keep_days
    if days < 1:
        raise PetadayError(f"at least 1 day of snapshots is kept, {days} was asked: a reader may still be in one")
    with translating_interruptions(lake), lake.write_lock():
        con = lake.connect(read_only=False)
        try:
            before = data_file_count(con)
            flushed = _count(con, "CALL ducklake_flush_inlined_data('warehouse')")
            lake.check_before_commit(con)
            con.execute("CALL ducklake_rewrite_data_files('warehouse')").fetchall()
            con.execute("CALL ducklake_merge_adjacent_files('warehouse')").fetchall()
            lake.check_before_commit(con)
            old = f"older_than => now() - INTERVAL {days} DAY"
            expired = _count(con, f"CALL ducklake_expire_snapshots('warehouse', {old})")
            grace = f"older_than => now() - {GRACE}"
            lake.check_before_commit(con)
            removed = _count(con, f"CALL ducklake_cleanup_old_files('warehouse', {grace})")
            removed += _count(con, f"CALL ducklake_delete_orphaned_files('warehouse', {grace})")
            return Kept(before, data_file_count(con), flushed, expired, removed)
        finally:
            con.close()


def _count(con: duckdb.DuckDBPyConnection, call: str) -> int:
    return len(con.execute(call).fetchall())


def attach_script(lake: LakeStore, reader: str | None, con: duckdb.DuckDBPyConnection) -> str:
    """SQL for any DuckDB client of this version: extensions, ATTACH for reading only, and every macro; no secret."""
    settings = lake.profile.catalog
    if reader:
        settings = re.sub(r"\buser\s*=\s*\S+", "", settings).strip() + f" user={reader}"
    statements = con.execute("SELECT statement FROM meta.macro ORDER BY position").fetchall()
    lines = [
        "-- Petaday's lake for reading: the password comes from PGPASSWORD or ~/.pgpass, keys of the object store from a secret:",
        "-- CREATE SECRET (TYPE s3, KEY_ID '…', SECRET '…', REGION '…');",
        "LOAD ducklake;",
        "LOAD postgres_scanner;",
        "LOAD httpfs;",
        f"ATTACH {literal('ducklake:postgres:' + ' '.join(settings.split()))} AS warehouse (METADATA_SCHEMA {literal(CATALOG_SCHEMA)}, READ_ONLY);",
        "USE warehouse;",
        "SET TimeZone = 'UTC';",
        *(statement.rstrip().rstrip(";") + ";" for (statement,) in statements),
    ]
    return "\n".join(lines) + "\n"
