"""Captures and waiting batches as files: kept once, whole or not seen, with when and from where beside them."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from assets import intake, recording, recovery
from assets.catalog import catalog
from assets.sources import all_sources
from tests.warehouse.taking import current, offers, take
from warehouse import staging
from warehouse.capture_store import CaptureStore
from warehouse.captures import Document
from warehouse.connection import write_session
from warehouse.errors import CaptureDamagedError
from warehouse.home import Home


def test_capture_keeps_the_bytes_once_and_tells_when(home: Home) -> None:
    store = CaptureStore(home)
    for day in (1, 2):
        file = home.spool_dir / f"{day}.csv"
        file.write_text("same bytes")
        store.store("skypilot", [Document(file, "https://x/y", dt.datetime(2026, 1, day, tzinfo=dt.UTC), "csv")])
    captures = list(store.captures())
    assert len(captures) == 2
    assert len(list(home.captures_dir.rglob("*.zst"))) == 1
    document = store.open_document(captures[0])
    assert document.path.read_text() == "same bytes"


@pytest.mark.parametrize(
    ("source_id", "extension"), [("../evil", "csv"), ("a/b", "csv"), ("fine", "../x"), ("fine", "a/b")]
)
def test_names_cannot_leave_the_folder(home: Home, source_id: str, extension: str) -> None:
    file = home.spool_dir / "f"
    file.write_text("x")
    with pytest.raises(ValueError, match="not a"):
        CaptureStore(home).store(source_id, [Document(file, "u", dt.datetime.now(dt.UTC), extension)])


def test_a_damaged_capture_is_found(home: Home) -> None:
    take(home, offers({"a": 2.0}), "2026-01-01")
    stored = next(home.captures_dir.rglob("*.zst"))
    data = bytearray(stored.read_bytes())
    data[len(data) // 2] ^= 0xFF
    stored.write_bytes(data)
    store = CaptureStore(home)
    with pytest.raises(CaptureDamagedError):
        store.open_document(next(iter(store.captures())))
    assert any("capture" in p for p in recovery.verify(home, lambda _: None))


def test_a_waiting_batch_that_was_cut_short_is_not_seen(home: Home) -> None:
    take(home, offers({"a": 2.0}), "2026-01-01")
    folder = next(home.staged_dir.iterdir())
    shutil.copytree(folder, home.staged_dir / ".tmp-half")
    (home.staged_dir / ".tmp-half" / "manifest.json").unlink()
    assert len(list(staging.staged(home))) == 1


def test_sidecars_say_when_and_from_where(home: Home) -> None:
    take(home, offers({"a": 2.0}), "2026-01-01")
    sidecar = json.loads(next(home.captures_dir.rglob("*.json")).read_text())
    assert sidecar["fetched_at"] == "2026-01-01T00:00:00+00:00"
    assert sidecar["url"] == "file:lambda_vms.csv"
    assert pl.Series([sidecar["sha256"]]).str.len_chars()[0] == 64


def test_pages_of_one_answer_share_a_sidecar_in_each_month(home: Home) -> None:
    """A thousand pages are no thousand files more; sidecars of an earlier version, one for each page, are read as well."""
    pages = []
    for number, moment in enumerate(("2026-01-31T23:59", "2026-01-31T23:59", "2026-02-01T00:00")):
        file = home.spool_dir / f"{number}.json"
        file.write_bytes(b"%d" % number)
        at = dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC)
        pages.append(Document(file, f"https://example.org/{number}", at, "json"))
    store = CaptureStore(home)
    kept = store.store("linode", pages)
    assert [p.parent.name for p in sorted(home.captures_dir.rglob("*.json"))] == ["01", "02"]
    assert store.batches() == {kept[0].batch_id: kept}
    assert store.find_batch(kept[0].batch_id, "linode") == kept
    for sidecar in home.captures_dir.rglob("*.json"):
        for fields in json.loads(sidecar.read_text()):
            (sidecar.parent / f"{fields['capture_id']}.json").write_text(json.dumps(fields))
        sidecar.unlink()
    assert store.batches() == {kept[0].batch_id: kept}


def test_all_pages_are_flushed_to_the_disk_before_a_word_is_said_of_them(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut a sidecar must not speak of bytes that were lost: their files are flushed, then moved, then described."""
    flushed: set[int] = set()
    fsync, write = os.fsync, CaptureStore(home).files.__class__.write

    def flush(descriptor: int) -> None:
        flushed.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def describe(self, key: str, data: bytes) -> None:
        assert {f.stat().st_ino for f in home.captures_dir.rglob("*.zst")} <= flushed
        assert len(flushed) == 40
        write(self, key, data)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(CaptureStore(home).files.__class__, "write", describe)
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    pages = [
        Document(home.spool_dir / f"{n}.json", f"https://example.org/{n}", at, "json", body=b"%d" % n)
        for n in range(40)
    ]
    kept = CaptureStore(home).store("linode", pages)
    assert [c.url for c in kept] == [p.url for p in pages]
    assert [CaptureStore(home).open_document(c).read_bytes() for c in kept] == [p.body for p in pages]


def test_staging_one_batch_from_several_sides_at_once(home: Home) -> None:
    """Several stage the same batch while a writer records it: none fails, and it is recorded once."""
    take(home, offers({"a": 2.0}), "2026-01-01")
    _, batch = next(staging.staged(home))
    with ThreadPoolExecutor(8) as pool:
        stagings = [pool.submit(staging.stage, home, batch) for _ in range(64)]
        recorded = recording.record_subject(home, "cloud_rate")
        for each in stagings:
            each.result()
    recorded += recording.record_subject(home, "cloud_rate")
    assert sum(r.appended_count for r in recorded) == 1
    assert not list(home.staged_dir.iterdir())
    assert [row[:2] for row in current(home)] == [("a", 2.0)]


def test_unchanged_bytes_are_not_compressed_again_unless_they_are_lost(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(home, offers({"a": 1.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    compressed = []
    real = CaptureStore._store_bytes
    monkeypatch.setattr(CaptureStore, "_store_bytes", lambda *a: compressed.append(1) or real(*a))
    assert take(home, offers({"a": 1.0}), "2026-01-02").outcome == "unchanged"
    assert not compressed
    recording.record_subject(home, "cloud_rate")
    (file,) = home.captures_dir.rglob("*.zst")
    file.write_bytes(file.read_bytes()[:-1])
    assert take(home, offers({"a": 1.0}), "2026-01-03").outcome == "unchanged"
    assert compressed
    for capture in CaptureStore(home).captures():
        CaptureStore(home).open_document(capture).path.unlink()


def test_two_files_alike_at_one_instant_are_two_captures(home: Home) -> None:
    """The name of a file says which cloud it is about: the second is not taken for the first."""
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for cloud in ("lambda", "nebius", "lambda"):
        file = home.spool_dir / f"{cloud}_vms.csv"
        file.write_text(offers({"a": 1.0}))
        intake.take_files(home, all_sources()["skypilot"], [file], moment)
        recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        found = con.execute(
            "SELECT scope, count(*) FROM observed.cloud_rate_log GROUP BY scope ORDER BY scope"
        ).fetchall()
    assert found == [("lambda", 1), ("nebius", 1)]
