"""Every door that a role could try: the catalog's tables, PostgreSQL's functions, other databases, a lake attached for writing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy import servers
from tests.lake.test_faults import lake
from tests.lake.test_roles import ROWS, fill, said_by_a_reader
from warehouse.connection import read_published
from warehouse.home import Home
from warehouse.store import lake_admin

#: What no role of Petaday may do in any database that it may connect to.
NOBODY = (
    "CREATE DATABASE x",
    "CREATE ROLE x",
    "CREATE EXTENSION file_fdw SCHEMA pg_catalog",
    "DROP DATABASE petaday_lake",
    "DROP DATABASE petaday_dagster",
    "ALTER DATABASE petaday_lake RENAME TO x",
    "ALTER ROLE petaday_writer PASSWORD 'x'",
    "ALTER ROLE {role} SUPERUSER",
    "ALTER ROLE {role} CREATEDB",
    "ALTER ROLE {role} CONNECTION LIMIT -1",
    "GRANT pg_read_all_data TO {role}",
    "GRANT pg_write_server_files TO {role}",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "ALTER SYSTEM SET max_connections = 1",
    "COPY (SELECT 1) TO '/tmp/x'",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_create(0)",
    "SELECT lo_creat(-1)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_reload_conf()",
    "SELECT pg_switch_wal()",
    "SELECT passwd FROM pg_shadow",
    "SELECT rolpassword FROM pg_authid",
)
#: What the reader may not do besides, in the catalog.
READER = (
    "CREATE SCHEMA x",
    "CREATE TABLE public.x (a int)",
    "CREATE TABLE petaday_lake.x (a int)",
    "CREATE TEMP TABLE x (a int)",
    "CREATE VIEW petaday_lake.x AS SELECT 1",
    "CREATE FUNCTION petaday_lake.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION public.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "DROP SCHEMA petaday_lake CASCADE",
    "ALTER SCHEMA petaday_lake RENAME TO x",
    "SET ROLE petaday_writer",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_try_advisory_lock(1)",
    "SELECT pg_advisory_xact_lock_shared(1)",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'petaday_writer'",
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'petaday_writer'",
)
#: And in each of the catalog's tables.
READER_BY_TABLE = (
    "DELETE FROM {table}",
    "INSERT INTO {table} SELECT * FROM {table}",
    "UPDATE {table} SET ({column}) = ROW(NULL)",
    "TRUNCATE {table}",
    "DROP TABLE {table}",
    "ALTER TABLE {table} ADD COLUMN x int",
    "ALTER TABLE {table} OWNER TO petaday_reader",
    "CREATE INDEX ON {table} ({column})",
    "CREATE TRIGGER x BEFORE INSERT ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE RULE x AS ON SELECT TO {table} DO INSTEAD NOTHING",
    "DO $$ BEGIN LOCK TABLE {table} IN ROW EXCLUSIVE MODE; END $$",
    "SELECT * FROM {table} FOR UPDATE",
)


@contextmanager
def connected(server: servers.Postgres, role: str, database: str) -> Iterator[object]:
    import psycopg2

    con = psycopg2.connect(server.settings(role, database), password=server.passwords[role])
    con.autocommit = True
    try:
        yield con.cursor()
    finally:
        con.close()


def allowed(cursor, statements: list[str]) -> list[str]:
    """Those that were not refused for want of a right."""
    import psycopg2

    done = []
    for sql in statements:
        try:
            cursor.execute(sql)
            done.append(sql)
        except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.InvalidAuthorizationSpecification):
            pass
        except psycopg2.Error as e:
            done.append(f"{sql}: {e}")
    return done


def test_no_role_can_do_more_in_postgresql_than_it_needs(on_lake: servers.Postgres, home: Home) -> None:
    import psycopg2

    fill(home)
    with connected(on_lake, "writer", "petaday_lake") as cursor:
        # A backend of the writer is there while the reader tries to end it.
        with connected(on_lake, "reader", "petaday_lake") as reader:
            assert allowed(reader, [s.format(role="petaday_reader") for s in (*NOBODY, *READER)]) == []
            reader.execute(
                "SELECT table_name, min(column_name) FROM information_schema.columns WHERE table_schema = 'petaday_lake' GROUP BY 1"
            )
            tables = reader.fetchall()
            assert len(tables) > 15
            for table, column in tables:
                named = {"table": f'petaday_lake."{table}"', "column": f'"{column}"'}
                assert allowed(reader, [s.format(**named) for s in READER_BY_TABLE]) == []
                # PostgreSQL only warns that nothing was granted.
                reader.execute("GRANT ALL ON {table} TO petaday_dagster".format(**named))
                cursor.execute("SELECT has_table_privilege('petaday_dagster', %s, 'SELECT')", [named["table"]])
                assert cursor.fetchone() == (False,)
        cursor.execute("SELECT 1")
        assert allowed(cursor, [s.format(role="petaday_writer") for s in (*NOBODY, "SET ROLE petaday_dagster")]) == [
            # One's own password is PostgreSQL's to allow.
            "ALTER ROLE petaday_writer PASSWORD 'x'"
        ]
        cursor.execute("ALTER ROLE petaday_writer PASSWORD %s", [on_lake.passwords["writer"]])
    with connected(on_lake, "dagster", "petaday_dagster") as cursor:
        assert allowed(cursor, [s.format(role="petaday_dagster") for s in (*NOBODY, "CREATE SCHEMA x")]) == []
    for role, database in (("dagster", "petaday_lake"), ("reader", "petaday_dagster"), ("writer", "petaday_dagster")):
        with pytest.raises(psycopg2.OperationalError, match="permission denied"), connected(on_lake, role, database):
            pass
    with read_published(home) as con:
        assert con.execute("SELECT count(*) FROM meta.rejected_row").fetchall() == [(ROWS,)]


#: Attached without READ_ONLY, as another user of the machine and with the reader's password: what DuckLake itself can be asked.
_ATTACHED_FOR_WRITING = """
import json, os, sys
from pathlib import Path
import duckdb
from warehouse.home import Home
from warehouse.store.lake import LakeStore
from warehouse.store.profile import LakeProfile
store = LakeStore(Home(Path("/nonexistent")), LakeProfile(sys.argv[1], None))
con = store.loaded()
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
con.execute(store.attach_sql(read_only=True).replace("READ_ONLY, ", "").replace(", READ_ONLY", ""))
con.execute("USE warehouse")
told = {"is_readonly": con.execute("SELECT readonly FROM duckdb_databases() WHERE database_name = 'warehouse'").fetchall()[0][0]}
for sql in json.loads(sys.argv[2]):
    try:
        told[sql] = repr(con.execute(sql).fetchall())
    except duckdb.Error as e:
        told[sql] = None
print(json.dumps(told))
"""
DUCKLAKE = (
    "INSERT INTO meta.rejected_row SELECT * FROM meta.rejected_row",
    "INSERT INTO meta.rejected_row SELECT * FROM meta.rejected_row LIMIT 1",
    "DELETE FROM meta.rejected_row",
    "UPDATE meta.rejected_row SET reason = 'x'",
    "DROP TABLE meta.rejected_row",
    "ALTER TABLE meta.rejected_row ADD COLUMN x INTEGER",
    "CREATE TABLE meta.x (a INTEGER)",
    "CREATE SCHEMA x",
    "CREATE OR REPLACE VIEW observed.cloud_rate AS SELECT 1",
    "CREATE OR REPLACE MACRO help() AS TABLE SELECT 1",
    "CALL ducklake_flush_inlined_data('warehouse')",
    "CALL ducklake_merge_adjacent_files('warehouse')",
    "CALL ducklake_rewrite_data_files('warehouse', delete_threshold => 0)",
    "CALL ducklake_expire_snapshots('warehouse', older_than => now())",
    "CALL ducklake_cleanup_old_files('warehouse', cleanup_all => true)",
    "CALL ducklake_delete_orphaned_files('warehouse', cleanup_all => true)",
    "CALL ducklake_set_option('warehouse', 'parquet_compression', 'none')",
    "CALL postgres_execute('__ducklake_metadata_warehouse', 'DELETE FROM petaday_lake.ducklake_snapshot')",
)


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user of the system needs root")
def test_a_reader_who_attaches_the_lake_for_writing_changes_nothing(
    on_lake: servers.Postgres, shared_data: Path, home: Home
) -> None:
    fill(home)
    fill(home)  # a second file, that merging would join with the first
    orphan = next((shared_data / "tables").rglob("*.parquet")).with_name("orphan.parquet")
    orphan.write_bytes(b"x")
    files = {f: f.read_bytes() for f in shared_data.rglob("*") if f.is_file()}
    told = said_by_a_reader(on_lake, _ATTACHED_FOR_WRITING, json.dumps(DUCKLAKE))
    assert told.pop("is_readonly") is False
    # Nothing is said to be done, but for calls that found nothing to do.
    assert {sql: said for sql, said in told.items() if said not in (None, "[]")} == {}
    assert {f: f.read_bytes() for f in shared_data.rglob("*") if f.is_file()} == files
    with read_published(home) as con:
        assert con.execute("SELECT count(*) FROM meta.rejected_row").fetchall() == [(2 * ROWS,)]
    lake_admin.upkeep(lake())
    with read_published(home) as con:
        assert con.execute("SELECT count(*) FROM meta.rejected_row").fetchall() == [(2 * ROWS,)]
