"""Dagster's SQLite files, held open while a job runs: nothing that was committed waits for the end to be seen, or is lost by a kill."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, text

from pipelines.dagster_files import held_open

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database in the mode that Dagster sets."""
    (tmp_path / "dagster").mkdir()
    path = tmp_path / "dagster" / "index.db"
    with sqlite3.connect(path) as con:
        con.execute("PRAGMA journal_mode = WAL")
        con.execute("CREATE TABLE event (n INTEGER)")
    con.close()
    return path


def store(path: Path, number: int) -> int:
    """One event as Dagster stores it: a connection of its own. Returns how the file is flushed."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as con, con.begin():
        con.execute(text("INSERT INTO event VALUES (:n)"), {"n": number})
        return con.execute(text("PRAGMA synchronous")).scalar_one()


def stored(path: Path) -> list[int]:
    code = f"import sqlite3; print(*[n for (n,) in sqlite3.connect({str(path)!r}).execute('SELECT n FROM event ORDER BY n')])"
    return [int(n) for n in subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()]


def test_events_are_seen_at_once_and_folded_up_at_the_end(file: Path) -> None:
    log = file.with_name("index.db-wal")
    with held_open(file.parent):
        for number in range(5):
            assert store(file, number) == 1
            assert log.exists(), "folded up after an event"
        assert stored(file) == [0, 1, 2, 3, 4]
    assert not log.exists()
    assert stored(file) == [0, 1, 2, 3, 4]


def test_nothing_is_held_before_after_or_elsewhere(file: Path, tmp_path: Path) -> None:
    log = file.with_name("index.db-wal")
    with held_open(tmp_path / "another home"):
        assert store(file, 1) == 2
        assert not log.exists()
    assert store(file, 2) == 2
    assert not log.exists()


def test_a_kill_loses_no_event(file: Path) -> None:
    code = textwrap.dedent(f"""
        import os, pathlib, signal
        from pipelines.dagster_files import held_open
        from tests.pipelines.test_dagster_files import store
        file = pathlib.Path({str(file)!r})
        with held_open(file.parent):
            for number in range(20):
                store(file, number)
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert stored(file) == list(range(20))
