"""The two stores give the same answers: the main job, migration, readers, roles, upkeep, macros as they were made."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets import lake as moving
from assets.catalog import catalog
from assets.recovery import verify
from deploy import servers
from pipelines.definitions import defs
from tests.conftest import MainJob
from tests.lake.conftest import NIGHTLY
from tests.warehouse.interrupting import interrupted_query
from warehouse import macros
from warehouse.connection import read_published, transaction, write_session
from warehouse.errors import PetadayError, StoreInterruptedError
from warehouse.home import HOME_VARIABLE, Home
from warehouse.publish import publish
from warehouse.store import equality, instances, lake_admin, store_of
from warehouse.store.file import FileStore
from warehouse.store.lake import LakeStore

ROOT = Path(__file__).parents[2]


def run_main_job() -> None:
    result = defs.resolve_job_def("run").execute_in_process(
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    )
    assert result.success


def petaday(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )


def sorted_rows(con: duckdb.DuckDBPyConnection, name: str, columns: list[str]) -> pl.DataFrame:
    frame = con.sql(f"SELECT {', '.join(columns)} FROM {name}").pl()
    return frame.sort([c for c, kind in frame.schema.items() if kind != pl.Float64])


def lake() -> LakeStore:
    store = store_of(Home.from_environment())
    assert isinstance(store, LakeStore)
    return store


@pytest.fixture
def embedded(main_job: MainJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with the bundled data in its embedded warehouse."""
    home = main_job.copied_to(tmp_path / "home")
    monkeypatch.setenv(HOME_VARIABLE, str(home.root))
    return home


def test_an_embedded_warehouse_is_moved_and_proved_equal(
    on_s3: servers.Server, embedded: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, captures (into the object store), journal; then the main job on the lake changes nothing."""
    told: list[str] = []
    assert moving.migrate(embedded, told.append) == []
    assert any("answers on both clocks" in line for line in told)
    files = lake().files("captures")
    assert files.where().startswith("s3://petaday/")
    captures = len(list(embedded.captures_dir.rglob("*.json")))
    assert len(files.names(suffix=".json")) == captures
    with pytest.raises(PetadayError, match=f"holds {captures} captures already: --replace"):
        moving.migrate(embedded, told.append)
    run_main_job()
    with lake().open_for_reading() as con, duckdb.connect(str(embedded.work_file), read_only=True) as file:
        file.execute("SET TimeZone = 'UTC'")
        for subject in catalog().subjects:
            columns = equality.columns_of(file, subject.log_name)
            assert equality.fingerprint(con, subject.log_name, columns) == equality.fingerprint(
                file, subject.log_name, columns
            )
    assert moving.check(embedded, told.append) == []
    # The published file is the lake's content in one file, with macros and comments.
    made = publish(embedded, catalog())
    told.clear()
    assert verify(embedded, told.append) == []
    assert f"publication {made.number} read in full" in told
    assert moving.prove_equal(embedded, told.append, made.path) == []
    with duckdb.connect(str(made.path), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM help() WHERE meaning IS NOT NULL").fetchall()[0][0] > 100
    # One row changed by hand is found.
    with write_session(embedded, catalog()) as con:
        con.execute(
            "UPDATE observed.token_price_log SET price_usd_per_mtok = price_usd_per_mtok * 1.0001 WHERE price_usd_per_mtok = (SELECT max(price_usd_per_mtok) FROM observed.token_price_log)"
        )
    differences = moving.prove_equal(embedded, told.append)
    assert any(d.startswith("observed.token_price_log:") for d in differences)
    assert any("token_price_as_of" in d for d in differences)
    for key in files.names(suffix=".zst")[:1]:
        files.write(key, b"other bytes")
    assert any("does not match" in p or "cannot be read" in p for p in moving.check(embedded, told.append))


def test_the_main_job_on_the_lake_equals_the_one_on_the_file(
    on_lake: servers.Postgres, home: Home, main_job: MainJob
) -> None:
    """Every table, but for the instants of recording; and nothing is downloaded or left in the home's work folder."""
    run_main_job()
    assert not home.work_file.exists()
    with lake().open_for_reading() as con, duckdb.connect(str(main_job.home.work_file), read_only=True) as file:
        file.execute("SET TimeZone = 'UTC'")
        names = equality.tables_of(file, file.execute("SELECT current_database()").fetchall()[0][0])
        assert len(names) > 20
        for name in names:
            # Instants of this run differ; those that publishers gave do not.
            columns = [
                c
                for c in equality.columns_of(file, name)
                if not c.endswith("_at") or c in ("observed_at", "fetched_at")
            ]
            if equality.fingerprint(con, name, columns) != equality.fingerprint(file, name, columns):
                # Sums of floating-point numbers depend on their order in the last digits, on the file as well.
                assert name.startswith("estimated.") or name == "meta.estimate_word", name
                ours, theirs = (sorted_rows(c, name, columns) for c in (con, file))
                assert_frame_equal(ours, theirs, rel_tol=1e-9)


def test_macros_are_as_they_were_made_a_while_later(lake_home: Home) -> None:
    """DuckLake would freeze now() and turn NULL into text: sessions make such macros anew, and the lake does not hold them."""
    lake_admin.init(lake(), catalog())
    with lake().open_for_reading() as con:
        con.execute("CREATE TEMP TABLE waited AS SELECT now() AS then_at")
        unsafe = [s for s in catalog().scripts if macros.is_macro(s) and not macros.may_be_kept(s)]
        assert len(unsafe) >= 6
        kept = {
            name
            for (name,) in con.execute(
                "SELECT function_name FROM duckdb_functions() WHERE database_name = 'warehouse'"
            ).fetchall()
        }
        assert "cloud_rate_as_of" in kept
        assert "cheapest" not in kept
        assert con.execute("FROM cheapest(NULL)").fetchall() == []
        # Comments, which no lake keeps, are there for all; and who has made a macro of his own sees it as well.
        told = dict(
            con.execute(
                "SELECT name, meaning FROM help(with_parts := true) WHERE kind IN ('macro', 'table_macro')"
            ).fetchall()
        )
        assert {"cheapest", "cloud_rate_as_of", "help"} <= told.keys()
        assert len(told) == sum(macros.is_macro_comment(s) for s in catalog().scripts)
        con.execute("CREATE TEMP MACRO mine(a) AS a + 1")
        assert con.execute("SELECT comment FROM duckdb_functions() WHERE function_name = 'mine'").fetchall() == [
            (None,)
        ]
    with lake().connect_catalog() as catalog_con, catalog_con.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM petaday_lake.ducklake_macro_parameters WHERE default_value_type <> 'unknown' "
            "AND (default_value = 'NULL' OR default_value LIKE '20__-%')"
        )
        assert cursor.fetchone() == (0,)


def test_defaults_that_a_lake_keeps_come_back_as_they_were(lake_home: Home) -> None:
    """A kept macro called without its optional parameters answers as one whose parameters are given as they were written."""
    lake_admin.init(lake(), catalog())
    kept = [s for s in catalog().scripts if macros.is_macro(s) and macros.may_be_kept(s)]
    con = lake().connect(read_only=True)
    listed = con.execute(
        "SELECT function_name, parameters FROM duckdb_functions() WHERE database_name = 'warehouse' AND NOT internal"
    ).fetchall()
    con.close()
    with lake().connect_catalog() as catalog_con, catalog_con.cursor() as cursor:
        cursor.execute(
            "SELECT m.macro_name, p.parameter_name, p.default_value, p.default_value_type FROM petaday_lake.ducklake_macro m "
            "JOIN petaday_lake.ducklake_macro_parameters p USING (macro_id) WHERE m.end_snapshot IS NULL AND p.default_value_type <> 'unknown'"
        )
        told = {(name, parameter): (value, kind) for name, parameter, value, kind in cursor.fetchall()}
    with duckdb.connect() as plain:
        plain.execute("SET TimeZone = 'UTC'")
        for script in kept:
            name, written = macros.name_of(script), macros.defaults_of(script)
            assert [name] == [n for n, _ in listed if n == name]
            for parameter, default in written.items():
                value, kind = told.pop((name, parameter))
                ours = plain.execute(f"SELECT ({default})::VARCHAR").fetchall()[0][0]
                theirs = plain.execute(f"SELECT (?::{kind.replace('int32', 'integer')})::VARCHAR", [value]).fetchall()[
                    0
                ][0]
                assert ours == theirs, (name, parameter)
    assert not told


def test_an_instance_is_used_again_until_something_goes_wrong_or_the_server_restarts(
    lake_home: Home, on_lake: servers.Postgres
) -> None:
    """What one session leaves (temporary tables, settings) the next does not see; a restarted server gets new instances."""
    lake_admin.init(lake(), catalog())
    instances.close_all()
    made: list[int] = []
    real = LakeStore.connect

    def counted(store: LakeStore, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        made.append(1)
        return real(store, read_only=read_only)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LakeStore, "connect", counted)
        for number in range(3):
            with write_session(lake_home, catalog()) as con, transaction(con):
                con.execute("CREATE TEMP TABLE left_behind AS SELECT 1 AS a")
                con.execute("INSERT INTO meta.rejected_row SELECT ?, 'c', 's', 'x', 'r', '{}', now()", [str(number)])
                con.execute("SET TimeZone = 'Asia/Tokyo'")
        assert len(made) == 1
        with pytest.raises(ZeroDivisionError), write_session(lake_home, catalog()):
            raise ZeroDivisionError
        with write_session(lake_home, catalog()) as con:
            assert con.execute("SELECT count(*), current_setting('TimeZone') FROM meta.rejected_row").fetchall() == [
                (3, "UTC")
            ]
        assert len(made) == 2
        on_lake.stop("immediate")
        on_lake.start()
        for _ in range(2):
            with write_session(lake_home, catalog()) as con:
                assert con.execute("SELECT count(*) FROM meta.rejected_row").fetchall() == [(3,)]
        assert len(made) == 3


def test_every_view_can_be_read_without_the_session_macros(lake_home: Home) -> None:
    lake_admin.init(lake(), catalog())
    con = lake().connect(read_only=True)
    views = con.execute(
        "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal AND database_name = 'warehouse'"
    ).fetchall()
    assert len(views) > 10
    for (view,) in views:
        con.execute(f"SELECT count(*) FROM {view}").fetchall()
    con.close()


def test_readers_attach_with_a_role_that_cannot_write(on_lake: servers.Postgres, embedded: Home) -> None:
    """The printed SQL works in a plain DuckDB as the reader, who can neither write, nor hold the write lock."""
    import psycopg2

    moving.migrate(embedded, lambda _: None)
    lake_admin.init(lake(), catalog(), reader="petaday_reader")
    with lake().open_for_reading() as con:
        script = lake_admin.attach_script(lake(), "petaday_reader", con)
    assert on_lake.passwords["writer"] not in script
    code = (
        "import duckdb, sys\nfrom warehouse.store.lake import extension_file\n"
        "con = duckdb.connect()\nscript = sys.stdin.read()\n"
        "for name in ('ducklake', 'postgres_scanner', 'httpfs'):\n"
        "    script = script.replace(f'LOAD {name};', f\"LOAD '{extension_file(name)}';\")\n"
        "con.execute(script)\n"
        "print(con.execute(\"SELECT count(*) FROM cheapest('H100')\").fetchall()[0][0])\n"
        "print(con.execute('SELECT count(*) FROM observed.cloud_rate').fetchall()[0][0])\n"
        "try:\n    con.execute('DELETE FROM observed.cloud_rate_log')\nexcept duckdb.Error as e:\n    print('refused', e)\n"
    )
    environment = os.environ | {"PGPASSWORD": on_lake.passwords["reader"], "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        [sys.executable, "-c", code], input=script, capture_output=True, text=True, env=environment, cwd=ROOT
    )
    assert answer.returncode == 0, answer.stderr
    cheapest, rows, refused = answer.stdout.splitlines()[:3]
    assert int(cheapest) > 0
    assert int(rows) > 500
    assert refused.startswith("refused")
    # Not by attaching for writing either, nor by PostgreSQL itself.
    con = psycopg2.connect(on_lake.settings("reader"), password=on_lake.passwords["reader"])
    con.autocommit = True
    for sql in (
        "DELETE FROM petaday_lake.ducklake_table",
        "CREATE TABLE petaday_lake.mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "SELECT pg_advisory_lock(1)",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            con.cursor().execute(sql)
    con.close()
    for role, database in (("dagster", "petaday_lake"), ("reader", "petaday_dagster"), ("writer", "petaday_dagster")):
        with pytest.raises(psycopg2.OperationalError, match="permission denied"):
            psycopg2.connect(on_lake.settings(role, database), password=on_lake.passwords[role])


def test_upkeep_merges_and_leaves_what_a_reader_may_hold(lake_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small commits become few files; a reader in the middle of a transaction reads on; young files stay."""
    lake_admin.init(lake(), catalog())
    for number in range(8):
        with write_session(lake_home, catalog()) as con, transaction(con):
            con.execute(
                f"INSERT INTO meta.rejected_row SELECT 'b{number}', 'c', 's', 'x', 'r', repeat('x', 50), now() FROM range(200)"
            )
    reader = lake().connect(read_only=True)
    reader.begin()
    assert reader.execute("SELECT count(*) FROM meta.rejected_row").fetchall() == [(1600,)]
    orphan = Path(lake().profile.data_path("tables")) / "meta" / "rejected_row" / "orphan.parquet"
    orphan.write_bytes(next(orphan.parent.glob("*.parquet")).read_bytes())
    kept = lake_admin.upkeep(lake(), keep_days=1)
    assert kept.file_count < kept.file_count_before
    assert orphan.exists()
    assert reader.execute("SELECT count(*), count(DISTINCT batch_id) FROM meta.rejected_row").fetchall() == [(1600, 8)]
    reader.close()
    long_ago = time.time() - 3 * 86_400
    os.utime(orphan, (long_ago, long_ago))
    assert lake_admin.upkeep(lake()).file_removed_count == 1
    assert not orphan.exists()
    with lake().open_for_reading() as con:
        assert con.execute("SELECT count(*) FROM meta.rejected_row").fetchall() == [(1600,)]
    with pytest.raises(PetadayError, match="at least 1 day"):
        lake_admin.upkeep(lake(), keep_days=0)


def test_a_writer_that_lost_its_lock_does_not_commit(lake_home: Home, on_lake: servers.Postgres) -> None:
    """The session that holds the lock is ended by PostgreSQL: the transaction is refused, another writer goes on."""
    lake_admin.init(lake(), catalog())
    end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
    with (
        pytest.raises(StoreInterruptedError, match="lost before the commit"),
        write_session(lake_home, catalog()) as con,
        transaction(con),
    ):
        con.execute("INSERT INTO meta.definition VALUES ('lost', 'x')")
        with lake().connect_catalog() as other, other.cursor() as cursor:
            cursor.execute(end)
            assert cursor.fetchall() == [(True,)]
    with write_session(lake_home, catalog()) as con:
        assert con.execute("SELECT count(*) FROM meta.definition WHERE name = 'lost'").fetchall() == [(0,)]


def test_an_interrupt_in_the_middle_of_a_query_is_one(
    lake_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the lake itself, and where it is copied into a file to be published."""
    with pytest.raises(KeyboardInterrupt), write_session(lake_home, catalog()) as con:
        interrupted_query(con)
    with pytest.raises(KeyboardInterrupt), store_of(lake_home).open_for_reading() as con:
        interrupted_query(con)
    monkeypatch.setattr("warehouse.store.copying.copy_tables", lambda con, *_: interrupted_query(con))
    with pytest.raises(KeyboardInterrupt):
        store_of(lake_home).copy_to(tmp_path / "copy.duckdb", catalog())


@pytest.mark.skipif(not NIGHTLY, reason="half a minute: PETADAY_NIGHTLY=1")
def test_rebuild_makes_the_lake_again_from_its_captures(lake_home: Home) -> None:
    from assets.recovery import rebuild_warehouse

    run_main_job()
    with lake().open_for_reading() as con:
        before = equality.fingerprint(
            con, "observed.cloud_rate_log", equality.columns_of(con, "observed.cloud_rate_log")
        )
    with write_session(lake_home, catalog()) as con:
        con.execute("DELETE FROM observed.cloud_rate_log WHERE region LIKE 'us%'")
    rebuild_warehouse(lake_home, lambda _: None)
    with read_published(lake_home) as con:
        after = equality.fingerprint(
            con, "observed.cloud_rate_log", equality.columns_of(con, "observed.cloud_rate_log")
        )
    assert after == before
    # Numbers go on, and who reads the lake is told all of them.
    made = publish(lake_home, catalog())
    assert (made.number, made.is_new) == (2, True)
    with read_published(lake_home) as con:
        numbers = con.execute("SELECT publication_number FROM meta.publication ORDER BY 1").fetchall()
    assert numbers == [(1,), (2,)]


@pytest.mark.parametrize(
    ("warehouse", "data", "words"),
    [
        ("sqlite:x", None, "must begin with 'ducklake:postgres:'"),
        ("ducklake:postgres:", None, "names no database"),
        ("ducklake:postgres:host=x password=s3cr3t", None, "holds a password"),
        ("ducklake:postgres:postgresql://u:s3cr3t@x/db", None, "holds a password"),
        ("ducklake:postgres:host=127.0.0.1 port=1 dbname=x", "relative/path", "an absolute folder or s3://"),
        ("ducklake:postgres:host=127.0.0.1 nonsense", "/tmp/x", "not understood by libpq"),
    ],
)
def test_wrong_settings_are_told_in_one_line(tmp_path: Path, warehouse: str, data: str | None, words: str) -> None:
    import importlib.util

    if importlib.util.find_spec("psycopg2") is None:
        pytest.skip("the lake is not tested: psycopg2 is not installed (make lake-setup)")
    environment = {"PETADAY_HOME": str(tmp_path), "PETADAY_WAREHOUSE": warehouse, "PETADAY_WAREHOUSE_DATA": data or ""}
    answer = petaday("status", **environment)
    assert answer.returncode == 1
    assert words in answer.stderr
    assert "s3cr3t" not in answer.stderr + answer.stdout
    assert len(answer.stderr.strip().splitlines()) == 1


def test_a_missing_password_and_a_missing_lake_are_told(on_lake: servers.Postgres, tmp_path: Path) -> None:
    wrong = petaday("status", PETADAY_HOME=str(tmp_path), PGPASSWORD="wr0ng")
    assert wrong.returncode == 1
    assert "password authentication failed" in wrong.stderr
    assert "wr0ng" not in wrong.stderr
    missing = petaday("status", PETADAY_HOME=str(tmp_path))
    assert "run `petaday lake init`" in missing.stderr


def test_lake_commands_need_a_lake(tmp_path: Path) -> None:
    answer = petaday("lake", "check", PETADAY_HOME=str(tmp_path), PETADAY_WAREHOUSE="")
    assert answer.returncode == 1
    assert "names no lake" in answer.stderr
    assert FileStore(Home(tmp_path)).exists() is False
