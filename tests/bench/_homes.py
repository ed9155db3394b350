"""Warehouses of a benchmark: made, filled and thrown away."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from assets import intake, reading, recording
from assets.catalog import catalog
from assets.sources import all_sources
from tests.replay import ReplayServer
from warehouse import loading
from warehouse.captures import Document
from warehouse.connection import write_session
from warehouse.home import Home


def fresh_home(folder: Path) -> Home:
    """A warehouse without observations."""
    home = Home(Path(tempfile.mkdtemp(dir=folder))).create()
    with write_session(home, catalog()) as con:
        recording.sync_sources(con)
    return home


def spool(home: Home, file: Path, url: str, day: int) -> Document:
    """A file as if it had just been fetched on that day of September 2026, without the cost of a copy."""
    spooled = home.spool_dir / f"{day}-{file.name}"
    os.link(file, spooled)
    return Document(spooled, url, dt.datetime(2026, 9, day, tzinfo=dt.UTC), file.suffix[1:])


def take(home: Home, source_id: str, documents: list[Document], outcome: str = "loaded") -> None:
    """Capture, parse and stage; then record."""
    taken = intake.take(home, all_sources()[source_id], documents)
    if taken.outcome != outcome:
        raise RuntimeError(f"{taken.outcome}, not {outcome}: {taken.message}")
    record(home)


def record(home: Home) -> None:
    """Record what is staged, in a write session of its own, as `recording.record_subject` does."""
    with write_session(home, catalog(), may_leave_wal=True) as con:
        loading.record_staged(con, home, catalog(), reading.parse_again(home))


@contextmanager
def served() -> Generator[ReplayServer]:
    """A server on this machine that every fetch goes to, without the pauses that publishers are given."""
    server = ReplayServer()
    with (
        mock.patch.dict(os.environ, {"PETADAY_REPLAY_URL": server.origin}),
        mock.patch("assets.sources._http.PACE_S", 0.0),
    ):
        yield server
    server.close()
