"""Shared fixtures. No test reaches the outside: every socket but loopback is refused."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from assets import recording
from assets.catalog import catalog
from tests.replay import ReplayServer
from warehouse.home import HOME_VARIABLE, Home
from warehouse.schema import Catalog
from warehouse.store import store_of
from warehouse.store.file import FileStore

os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")

ROOT = Path(__file__).parents[1]
#: Recorded payloads of real publishers; they are not part of this repository.
SAMPLES = ROOT.parent / "shared" / "samples"
GOLDEN = ROOT.parent / "shared" / "golden"


#: Many small files: given out last, so that no core is left at the end with a long file that nobody can share.
SMALL = "tests/assets/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts processes and waits for them comes first, each folder in its own order."""
    items.sort(key=lambda item: item.nodeid.startswith(SMALL))


#: What makes a folder of a name once: the name, and what fills it.
MadeOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def made_once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Folders that are filled once for all processes of a run of the tests (pytest-xdist: `make test`). Nobody changes them."""
    base = tmp_path_factory.getbasetemp()
    common = base.parent if hasattr(request.config, "workerinput") else base

    def made(name: str, make: Callable[[Path], None]) -> Path:
        place = common / f"once-{name}"
        place.mkdir(exist_ok=True)
        folder, done = place / "made", place / "done"
        with (place / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(autouse=True)
def environment_stays() -> Iterator[None]:
    """What a test, or what it calls, sets in the environment goes with it: making an instance names its folder in DAGSTER_HOME."""
    before = dict(os.environ)
    yield
    # Only what differs: other threads may be reading it.
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    for name, value in before.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


@pytest.fixture(autouse=True)
def no_outside_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections that leave this machine."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else None
        if host is not None and host not in ("127.0.0.1", "::1", "localhost"):
            raise RuntimeError(f"a test tried to reach {host}")
        real(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(scope="session", autouse=True)
def new_homes_are_copies(made_once: MadeOnce) -> Iterator[None]:
    """A new work file begins as a copy of one in which the schema was applied once, or the facts were loaded once.

    That takes 2 s and half a second, and hundreds of tests make a home. Processes that a test starts do all of it themselves, as do
    catalogs of a test's own, homes with files of their own laid over the facts, and lakes.
    """
    real, real_facts = FileStore.open_for_writing, recording.refresh_reference

    def is_new(home: Home) -> bool:
        return not home.work_file.exists() and home.work_file.parent.is_dir()

    def make_schema(folder: Path) -> None:
        made = FileStore(Home(folder))
        with made.write_lock(), real(made, catalog()):
            pass

    def make_facts(folder: Path) -> None:
        (folder / "changed.json").write_text(json.dumps(real_facts(Home(folder).create())), encoding="utf-8")

    def begun(
        self: FileStore, given: Catalog, *, may_leave_wal: bool = False
    ) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        if given is catalog() and is_new(self.home):
            shutil.copyfile(Home(made_once("schema", make_schema)).work_file, self.home.work_file)
        return real(self, given, may_leave_wal=may_leave_wal)

    def begun_with_facts(home: Home) -> dict[str, int]:
        is_file = isinstance(store_of(home), FileStore)
        if not is_file or not is_new(home) or any((home.root / name).exists() for name in recording.OWN_FILES):
            return real_facts(home)
        made = made_once("facts", make_facts)
        shutil.copyfile(Home(made).work_file, home.work_file)
        return json.loads((made / "changed.json").read_text(encoding="utf-8"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileStore, "open_for_writing", begun)
        patch.setattr(recording, "refresh_reference", begun_with_facts)
        yield


@pytest.fixture(scope="session", autouse=True)
def migrations_are_read_once() -> Iterator[None]:
    """A new Dagster instance notes the version of each of its databases: Alembic read all of Dagster's migrations each time, 0.1 s."""
    real, read = ScriptDirectory.from_config, {}

    def from_config(config: Config) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        if place not in read:
            read[place] = real(config)
        return read[place]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", from_config)
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home folder, set as PETADAY_HOME."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return Home.from_environment().create()


@dataclass(frozen=True, slots=True)
class MainJob:
    """What `petaday run` made on an empty home, and what it printed."""

    home: Home
    printed: str

    def copied_to(self, folder: Path) -> Home:
        """The same home again, for tests that change it."""
        shutil.copytree(self.home.root, folder)
        return Home(folder)


@pytest.fixture(scope="session")
def main_job(made_once: MadeOnce) -> MainJob:
    """The main job in a process of its own, once for all tests: half a minute. Whoever changes the home takes a copy."""

    def make(folder: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", "run"],
            cwd=ROOT,
            env=os.environ | {HOME_VARIABLE: str(folder / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (folder / "printed").write_text(done.stdout, encoding="utf-8")

    made = made_once("main_job", make)
    return MainJob(Home(made / "home"), (made / "printed").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium; skips aloud where there is none."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pages are not tested in a browser"
    )
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next((path for name in names if (path := shutil.which(name))), None)
    if chromium is None:
        pytest.skip("no chromium on PATH: pages are not tested in a browser")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def samples() -> Path:
    """The folder of recorded payloads; skips aloud where it is not there."""
    if not SAMPLES.is_dir():
        pytest.skip("recorded samples (../shared/samples) are not on this machine")
    return SAMPLES


@pytest.fixture
def golden() -> Path:
    """The folder of published figures; skips aloud where it is not there."""
    if not GOLDEN.is_dir():
        pytest.skip("golden tables (../shared/golden) are not on this machine")
    return GOLDEN


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReplayServer]:
    """A server that plays the publishers; every fetch of this test goes there, without pauses between requests."""
    server = ReplayServer()
    monkeypatch.setenv("PETADAY_REPLAY_URL", server.origin)
    monkeypatch.setattr("assets.sources._http.PACE_S", 0.0)
    monkeypatch.setattr("assets.sources._http.BACKOFF_FACTOR", 0.0)
    yield server
    server.close()
