"""Real servers for the lake's tests: PostgreSQL, Redis, S3 on loopback. Where they are missing the tests skip aloud."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from assets.catalog import catalog
from deploy import servers
from warehouse.home import Home
from warehouse.quoting import literal
from warehouse.schema import Catalog
from warehouse.store.lake import LakeStore

NIGHTLY = os.environ.get("PETADAY_NIGHTLY") == "1"


def needed() -> str | None:
    """Why the lake cannot be tested here, or None."""
    for package in ("duckdb_extension_ducklake", "psycopg2"):
        if importlib.util.find_spec(package) is None:
            return f"the lake is not tested: {package} is not installed (make lake-setup)"
    try:
        servers.postgres_programs()
        if os.geteuid() == 0:
            pwd.getpwnam("postgres")
    except (servers.NotInstalledError, KeyError) as e:
        return f"the lake is not tested: {e}"
    return None


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Postgres]:
    """A PostgreSQL of its own with Petaday's roles."""
    if why := needed():
        pytest.skip(why)
    # Not below pytest's own folder: PostgreSQL runs as its own user, who may not pass through that.
    folder = Path(tempfile.mkdtemp(prefix="petaday-pg-"))
    folder.chmod(0o711)
    server = servers.Postgres(folder / "cluster").create()
    yield server
    server.stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """An S3 server with the bucket `petaday`."""
    try:
        server = servers.s3_server(tmp_path_factory.mktemp("s3"), "petaday")
    except servers.NotInstalledError as e:
        pytest.skip(f"the object store is not tested: {e}")
    yield server
    server.stop()


@dataclass(frozen=True, slots=True)
class MadeLake:
    """A lake in which the schema was applied once: what its catalog holds, and its few files."""

    server: servers.Postgres
    folder: Path

    def _psql(self, program: str, *words: str) -> None:
        """One of PostgreSQL's own programs, as the writer."""
        command = [str(servers.postgres_programs() / program), "-d", self.server.settings(), *words]
        subprocess.run(command, check=True, env=os.environ | {"PGPASSWORD": self.server.passwords["writer"]})

    @property
    def _dump(self) -> Path:
        return self.folder / "catalog.sql"

    def keep(self, lake: LakeStore) -> None:
        """Remember a lake that has the schema and nothing else."""
        shutil.copytree(lake.profile.data_path("tables"), self.folder / "tables")
        self._psql("pg_dump", "-n", "petaday_lake", "--no-owner", "--no-privileges", "-f", str(self._dump))

    def again(self, lake: LakeStore) -> bool:
        """The same with the data folder of another lake; False if none is remembered yet."""
        if not self._dump.exists():
            return False
        path = lake.profile.data_path("tables")
        shutil.copytree(self.folder / "tables", path)
        moved = f"UPDATE petaday_lake.ducklake_metadata SET value = {literal(path + '/')} WHERE key = 'data_path'"
        dropped = "SET client_min_messages = error; DROP SCHEMA IF EXISTS petaday_lake CASCADE"
        self._psql(
            "psql", "-q", "-o", os.devnull, "-v", "ON_ERROR_STOP=1", "-c", dropped, "-f", str(self._dump), "-c", moved
        )
        return True


@pytest.fixture(scope="session")
def made_lake(postgres: servers.Postgres, tmp_path_factory: pytest.TempPathFactory) -> MadeLake:
    """Empty until the first test has made a lake."""
    return MadeLake(postgres, tmp_path_factory.mktemp("made-lake"))


@pytest.fixture
def on_lake(
    postgres: servers.Postgres, made_lake: MadeLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[servers.Postgres]:
    """`PETADAY_WAREHOUSE` names an empty catalog with local data; its schema is dropped afterwards.

    Where this process makes a lake on it, a second one is a copy of the first: to apply the schema takes 3 s. Processes that a test starts,
    lakes with their data in an object store and catalogs of a test's own are made in full.
    """
    import psycopg2

    real = LakeStore.open_for_writing

    def begun(self: LakeStore, given: Catalog) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        is_ours = self.profile.catalog == postgres.settings() and (self.profile.data or "").startswith("/")
        if given is catalog() and is_ours and not self.exists() and not made_lake.again(self):
            with real(self, given):
                pass
            made_lake.keep(self)
        return real(self, given)

    monkeypatch.setattr(LakeStore, "open_for_writing", begun)
    monkeypatch.setenv("PETADAY_WAREHOUSE", f"ducklake:postgres:{postgres.settings()}")
    monkeypatch.setenv("PETADAY_WAREHOUSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PGPASSWORD", postgres.passwords["writer"])
    yield postgres
    con = psycopg2.connect(postgres.settings(), password=postgres.passwords["writer"])
    con.autocommit = True
    con.cursor().execute("DROP SCHEMA IF EXISTS petaday_lake CASCADE")
    con.close()


@pytest.fixture
def shared_data(on_lake: servers.Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The lake's data in a folder that every user of the machine may pass through; pytest's own is closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="petaday-shared-"))
    folder.chmod(0o755)
    monkeypatch.setenv("PETADAY_WAREHOUSE_DATA", str(folder / "data"))
    yield folder / "data"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def on_s3(
    on_lake: servers.Postgres, s3: servers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> servers.Server:
    """The same with data and captures in the object store."""
    monkeypatch.setenv("PETADAY_WAREHOUSE_DATA", f"s3://petaday/{tmp_path.name}")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3.port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-s3cr3t-key")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return s3


@pytest.fixture
def lake_home(on_lake: servers.Postgres, home: Home) -> Home:
    """An empty home whose warehouse is the lake."""
    return home
