"""Large answers are read while they are being kept: whatever the parser does, and whenever it all ends, their bytes are a capture."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from assets import intake, reading, recording, recovery
from assets.catalog import catalog
from assets.sources import all_sources
from assets.sources._base import Reading
from tests.warehouse.taking import current, log_rows, offers
from tests.warehouse.test_upkeep import aged
from warehouse import captures as captures_module
from warehouse import pending_captures, staging
from warehouse.capture_store import CaptureStore
from warehouse.captures import Document
from warehouse.home import Home
from warehouse.publish import publish
from warehouse.upkeep import sweep

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any answer of more than a byte counts as large."""
    monkeypatch.setattr(captures_module, "_SMALL", 1)


def spooled(home: Home, body: str, day: int = 1) -> Document:
    file = home.spool_dir / f"s{day}.csv"
    file.write_text(body)
    return Document(file, "file:lambda_vms.csv", dt.datetime(2026, 1, day, tzinfo=dt.UTC), "csv")


def parsing(monkeypatch: pytest.MonkeyPatch, parse) -> list[int]:
    """SkyPilot's source with another parser; counts its calls."""
    calls: list[int] = []
    real = all_sources()["skypilot"]

    def counted(documents: Sequence[Document]) -> Reading:
        calls.append(len(list(documents)))
        return parse(real.parse, documents)

    source = dataclasses.replace(real, parse=counted)
    monkeypatch.setattr(reading, "all_sources", lambda: all_sources() | {"skypilot": source})
    monkeypatch.setattr("tests.warehouse.test_pending_captures.SOURCE", source)
    return calls


SOURCE = all_sources()["skypilot"]


def test_read_once_while_it_is_kept_with_the_same_result(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[list[str]] = []
    calls = parsing(
        monkeypatch, lambda real, docs: notes.append([p.name for p in home.spool_dir.glob("*")]) or real(docs)
    )
    assert intake.take(home, SOURCE, [spooled(home, offers({"a": 2.0}))]).outcome == "loaded"
    assert calls == [1]
    assert notes == [["s1.csv", "s1.csv.pending"]] or notes == [["s1.csv.pending", "s1.csv"]]
    assert not list(home.spool_dir.iterdir())
    recording.record_subject(home, "cloud_rate")
    (row,) = current(home)
    assert row[:2] == ("a", 2.0)
    assert row[4] == next(CaptureStore(home).captures()).capture_id
    # The same size may be the same bytes: they are compared first, and not parsed for nothing.
    assert intake.take(home, SOURCE, [spooled(home, offers({"a": 2.0}), 2)]).outcome == "unchanged"
    assert calls == [1]
    assert intake.take(home, SOURCE, [spooled(home, offers({"a": 3.0}), 3)]).outcome == "loaded"
    assert calls == [1, 1]


class _Stop(BaseException):
    """As an interrupt by hand, or an exit."""


@pytest.mark.parametrize("error", [ValueError("bad"), MemoryError(), _Stop()])
def test_a_parser_that_fails_costs_no_capture(home: Home, monkeypatch: pytest.MonkeyPatch, error) -> None:
    def fail(_real, _documents) -> Reading:
        raise error

    parsing(monkeypatch, fail)
    document = spooled(home, offers({"a": 2.0}))
    if isinstance(error, Exception):
        assert intake.take(home, SOURCE, [document]).outcome == "rejected"
    else:
        with pytest.raises(_Stop):
            intake.take(home, SOURCE, [document])
    (capture,) = CaptureStore(home).captures()
    assert CaptureStore(home).open_document(capture).read_bytes().decode() == offers({"a": 2.0})
    assert not list(home.captures_dir.rglob(".tmp-*"))


_KILLED = textwrap.dedent("""
    import datetime as dt, sys, time
    from dataclasses import replace
    from pathlib import Path
    from assets import intake
    from assets.sources import all_sources
    from warehouse import capture_store, captures
    from warehouse.home import Home
    captures._SMALL = 1
    def parse(documents):
        time.sleep(float(sys.argv[2]) if sys.argv[3] == "parse" else 0)
        return all_sources()["skypilot"].parse(documents)
    real = capture_store._compress
    def compress(*arguments):
        print("go", flush=True)
        time.sleep(float(sys.argv[2]) if sys.argv[3] == "keep" else 0)
        return real(*arguments)
    capture_store._compress = compress
    document = captures.Document(Path(sys.argv[1]), "file:lambda_vms.csv", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "csv", 200, '"e"')
    intake.take(Home.from_environment(), replace(all_sources()["skypilot"], parse=parse), [document])
    print("done", flush=True)
    time.sleep(60)
""")


def killed(home: Home, slow: str, after_s: float) -> None:
    """A process that takes an answer, slow at keeping or at parsing it, and dies some time after it began."""
    document = spooled(home, offers({"a": 2.0}))
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(document.path), "30" if after_s < 5 else "0.01", slow],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        if after_s >= 5:
            assert process.stdout.readline() == "done\n"
        else:
            # While its owner lives, nobody else takes it.
            time.sleep(after_s)
            assert pending_captures.rescue(home) == []
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize(
    ("slow", "after_s", "rescued"), [("parse", 0.2, 1), ("keep", 0.0, 1), ("keep", 0.2, 1), ("parse", 5, 0)]
)
def test_killed_in_between_the_bytes_become_a_capture(home: Home, slow: str, after_s: float, rescued: int) -> None:
    killed(home, slow, after_s)
    assert len(pending_captures.rescue(home)) == rescued
    assert pending_captures.rescue(home) == []
    (capture,) = CaptureStore(home).captures()
    assert (capture.url, capture.http_status, capture.etag) == ("file:lambda_vms.csv", 200, '"e"')
    opened = CaptureStore(home).open_document(capture)
    assert opened.read_bytes().decode() == offers({"a": 2.0})
    opened.path.unlink()
    assert not list(home.spool_dir.glob("*"))
    # It waits; a rebuild finds it, and taking the same answer again is the same capture.
    if rescued:
        assert list(staging.staged(home)) == []
        recovery.rebuild_warehouse(home, lambda _: None)
        before = log_rows(home)
        assert [row[:2] for row in before] == [("a", 2.0)]
        document = dataclasses.replace(spooled(home, offers({"a": 2.0})), http_status=200, etag='"e"')
        intake.take(home, SOURCE, [document])
        assert [r.outcome for r in recording.record_subject(home, "cloud_rate")] == ["known"]
        assert log_rows(home) == before
    else:
        recording.record_subject(home, "cloud_rate")
    publish(home, catalog())
    assert recovery.verify(home, lambda _: None) == []


def test_the_next_run_rescues_and_so_does_upkeep(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "lambda_vms.csv"
    file.write_text(offers({"b": 3.0}))
    for day, rescue in (
        (1, lambda: intake.take_files(home, SOURCE, [file], dt.datetime(2026, 2, 1, tzinfo=dt.UTC))),
        (2, lambda: sweep(home)),
        (3, lambda: recovery.rebuild_warehouse(home, lambda _: None)),
    ):
        document = spooled(home, offers({"a": float(day)}), day)
        with pending_captures.pending("skypilot", document):
            note = next(home.spool_dir.glob("*.pending"))
            text = note.read_text()
        # As if the process had died: the note is there, and nobody holds it.
        note.write_text(text)
        os.utime(document.path, (0, 0))
        rescue()
        assert {f"2026-01-0{day}T00:00:00+00:00"} <= {c.fetched_at for c in CaptureStore(home).captures()}
        assert not list(home.spool_dir.glob("*"))


def test_bytes_that_a_power_cut_shortened_are_no_capture(home: Home) -> None:
    document = spooled(home, offers({"a": 2.0}))
    with pending_captures.pending("skypilot", document):
        note = next(home.spool_dir.glob("*.pending"))
        text = note.read_text()
    note.write_text(text)
    document.path.write_text(offers({"a": 2.0})[:-3])
    assert pending_captures.rescue(home) == []
    for torn in ("", text[:20]):
        document = spooled(home, offers({"a": 2.0}))
        note.write_text(torn)
        assert pending_captures.rescue(home) == []
    assert list(CaptureStore(home).captures()) == []
    assert not list(home.spool_dir.glob("*"))
    aged(home.spool_dir / "other.pending", 0)
    assert pending_captures.rescue(home) == []
