"""A home on a file system that is mounted read-only (a backup, a snapshot): what only asks answers, the rest says in one line why not."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from assets import recording, recovery
from assets.catalog import catalog
from pipelines.cli import _no_place_to_write, _no_space_left
from pipelines.instance import instance
from tests.pipelines.test_cli import petaday
from tests.warehouse.taking import offers, take
from warehouse.capture_store import CaptureStore
from warehouse.errors import DiskFullError
from warehouse.home import HOME_VARIABLE, Home
from warehouse.publish import publish


@pytest.fixture
def turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Home, Callable[[str], None]]]:
    """A published home on a small tmpfs, and what mounts it "ro" or "rw"."""
    place = tmp_path / "small"
    place.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a read-only file system needs root, to mount a small tmpfs")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)], check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        monkeypatch.setenv(HOME_VARIABLE, str(place / "home"))
        home = Home.from_environment().create()
        take(home, offers({"a": 2.0}), "2026-01-01")
        recording.record_subject(home, "cloud_rate")
        publish(home, catalog())
        with instance(home):
            pass
        yield home, lambda how: subprocess.run(["mount", "-o", f"remount,{how}", str(place)], check=True)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def test_what_only_asks_answers_and_the_rest_says_why_not(turn: tuple[Home, Callable[[str], None]]) -> None:
    home, remount = turn
    remount("ro")
    status = petaday("status", home=home)
    assert (status.returncode, "cloud_rate" in status.stdout) == (0, True), status.stderr
    check = petaday("check", home=home)
    assert (check.returncode, "all good" in check.stdout) == (0, True), check.stderr
    assert "hashes compared" in check.stdout
    assert "warehouse.duckdb is not read" in check.stdout
    run = petaday("run", home=home)
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert f"{home.root} cannot be written" in last
    assert HOME_VARIABLE in last


def test_a_changed_byte_is_found_there_too(turn: tuple[Home, Callable[[str], None]]) -> None:
    home, remount = turn
    (capture, *_) = CaptureStore(home).captures()
    file = home.captures_dir / capture.path
    file.chmod(0o600)
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 1
    file.write_bytes(bytes(body))
    remount("ro")
    (problem,) = recovery.verify(home, lambda _: None)
    assert capture.capture_id in problem
    assert "does not match its SHA-256" in problem


def test_only_the_home_is_spoken_of(home: Home) -> None:
    ours = OSError(errno.EACCES, "Permission denied", str(home.root / "work" / "x"))
    assert str(home.root) in (_no_place_to_write(ours) or [""])[0]
    assert _no_place_to_write(OSError(errno.EACCES, "Permission denied", "/elsewhere/file.toml")) is None
    assert _no_place_to_write(OSError(errno.ENOENT, "No such file", str(home.root / "x"))) is None


def test_a_reader_who_leaves_stops_nothing() -> None:
    """`petaday run | head -1` once ended in the middle of the run."""
    code = "import sys; from pipelines.console import out; [out.print('line ' * 50) for _ in range(5000)]; print('went on', file=sys.stderr)"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read().decode()
    assert (process.wait(timeout=60), said.strip()) == (0, "went on")


def test_a_full_disk_is_called_so_whoever_says_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster keeps its records in SQLite, which calls it a disk I/O error as often as not."""
    for words in ("database or disk is full", "No space left on device"):
        assert str(home.root) in (_no_space_left(RuntimeError(f"(sqlite3.OperationalError) {words}")) or [""])[0]
    home.root.mkdir(parents=True, exist_ok=True)
    broken = RuntimeError("(sqlite3.OperationalError) disk I/O error")
    assert _no_space_left(broken) is None
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    assert _no_space_left(broken) == [
        f"no space left on the disk of {home.root}: what was committed is safe; free some and run again"
    ]
    assert _no_space_left(DiskFullError("said already")) is None
