"""Real servers for the lake's tests: PostgreSQL, Redis, S3 on loopback. Where they are missing the tests skip aloud."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import servers
from warehouse.home import Home

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


@pytest.fixture
def on_lake(postgres: servers.Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[servers.Postgres]:
    """`PETADAY_WAREHOUSE` names an empty catalog with local data; its schema is dropped afterwards."""
    import psycopg2

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
