"""Captures, staging, publishing and recovery: nothing lost, nothing half-visible, on real files of a home folder."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets import intake, recording, recovery
from assets.catalog import catalog
from assets.sources import all_sources
from assets.sources._base import Window
from tests.assets.sources.test_linode import GPU
from tests.assets.sources.test_linode import answer as linode_page
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.capture_store import CaptureStore
from warehouse.captures import Document
from warehouse.connection import read_published, write_session
from warehouse.errors import CaptureDamagedError, NotPublishedError, WarehouseDamagedError
from warehouse.home import Home
from warehouse.publish import PublishError, publish

HEADER = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice\n"


def offers(prices: dict[str, float]) -> str:
    """A catalog of one cloud."""
    return HEADER + "".join(f"{name},H100,1,8,64,{price},r1,,\n" for name, price in prices.items())


def take(home: Home, body: str | bytes, at: str, name: str = "lambda_vms.csv") -> intake.Taken:
    """Take a body as a SkyPilot catalog of Lambda fetched at that time."""
    file = home.spool_dir / f"t-{time.monotonic_ns()}.csv"
    file.write_bytes(body.encode() if isinstance(body, str) else body)
    moment = dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC)
    return intake.take(home, all_sources()["skypilot"], [Document(file, f"file:{name}", moment, "csv")])


def current(home: Home) -> list[tuple]:
    """The current view without the clock of the machine."""
    with write_session(home, catalog()) as con:
        return con.execute(
            "SELECT instance_type, price_amount_per_hour, strftime(valid_from, '%Y-%m-%d'), strftime(valid_to, '%Y-%m-%d'), capture_id "
            "FROM observed.cloud_rate ORDER BY ALL"
        ).fetchall()


def log_rows(home: Home) -> list[tuple]:
    """Every row of the log with both clocks."""
    with write_session(home, catalog()) as con:
        return con.execute(
            "SELECT instance_type, price_amount_per_hour, is_offered, epoch_us(valid_from), epoch_us(observed_at), epoch_us(recorded_at), "
            "capture_id FROM observed.cloud_rate_log ORDER BY ALL"
        ).fetchall()


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


def test_loading_again_changes_nothing_and_unchanged_bytes_confirm(home: Home) -> None:
    take(home, offers({"a": 2.0, "b": 3.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    before = log_rows(home)
    assert take(home, offers({"a": 2.0, "b": 3.0}), "2026-01-01").outcome == "loaded"
    assert [r.outcome for r in recording.record_subject(home, "cloud_rate")] == ["known"]
    assert take(home, offers({"a": 2.0, "b": 3.0}), "2026-01-02").outcome == "unchanged"
    assert [r.appended_count for r in recording.record_subject(home, "cloud_rate")] == [0]
    assert log_rows(home) == before


def test_late_capture_lets_a_later_unchanged_one_speak(home: Home) -> None:
    """a, then the same bytes again, then a different capture from between: the view goes a, b, a."""
    for day in ("2026-01-01", "2026-01-03"):
        take(home, offers({"a": 2.0}), day)
        recording.record_subject(home, "cloud_rate")
    take(home, offers({"a": 9.0}), "2026-01-02")
    recording.record_subject(home, "cloud_rate")
    assert [row[:4] for row in current(home)] == [
        ("a", 2.0, "2026-01-01", "2026-01-02"),
        ("a", 2.0, "2026-01-03", None),
        ("a", 9.0, "2026-01-02", "2026-01-03"),
    ]


def test_an_old_answer_that_comes_again_after_another_is_news(home: Home) -> None:
    """a, then b that waits, then a again: found unchanged against the recorded a, yet b was said in between."""
    take(home, offers({"a": 2.0, "gone": 1.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    take(home, offers({"a": 3.0}), "2026-01-02")
    assert take(home, offers({"a": 2.0, "gone": 1.0}), "2026-01-03").outcome == "unchanged"
    assert [r.outcome for r in recording.record_subject(home, "cloud_rate")] == ["loaded", "loaded"]
    seen = [row[:4] for row in current(home)]
    assert [(row[0], row[1]) for row in seen if row[3] is None] == [("a", 2.0), ("gone", 1.0)]
    assert ("a", 3.0, "2026-01-02", "2026-01-03") in seen
    # From here on it is the last word again, and confirming it appends nothing.
    assert take(home, offers({"a": 2.0, "gone": 1.0}), "2026-01-04").outcome == "unchanged"
    assert [(r.outcome, r.appended_count) for r in recording.record_subject(home, "cloud_rate")] == [("unchanged", 0)]
    before = log_rows(home)
    recovery.rebuild_warehouse(home, lambda _: None)
    assert log_rows(home) == before


def test_a_kill_between_commit_and_note_does_not_hide_a_change(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit stands, what was last loaded was not noted: the answer before it, come again, is news all the same."""
    take(home, offers({"a": 2.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    take(home, offers({"a": 3.0}), "2026-01-02")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("warehouse.loading.remember_answers", killed)
        with pytest.raises(KeyboardInterrupt):
            recording.record_subject(home, "cloud_rate")
    taken = take(home, offers({"a": 2.0}), "2026-01-03")
    recording.record_subject(home, "cloud_rate")
    assert taken.outcome == "unchanged"
    assert [row[1] for row in current(home) if row[3] is None] == [2.0]
    # What was found committed is noted now.
    assert take(home, offers({"a": 3.0}), "2026-01-04").outcome == "loaded"


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("", "empty"),
        ("<html><body>Access denied</body></html>", "HTML"),
        (HEADER, "no row"),
        (offers({"a": 1.0}).replace("Price", "Cost", 1), "missing"),
        (b"PK\x03\x04truncated", "archive"),
        (offers({f"m{n}": -1.0 for n in range(10)} | {"ok": 2.0}), "refused"),
    ],
)
def test_a_bad_answer_is_kept_refused_and_costs_nothing(home: Home, body: str | bytes, word: str) -> None:
    """The capture stays, the outcome is rejected with a reason, the last good rows stay."""
    take(home, offers({"a": 2.0, "b": 3.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    before = current(home)
    taken = take(home, body, "2026-01-02")
    assert taken.outcome == "rejected"
    assert word.lower() in (taken.message or "").lower()
    recording.record_subject(home, "cloud_rate")
    assert current(home) == before
    with write_session(home, catalog()) as con:
        outcome, message = con.execute(
            "SELECT outcome, message FROM meta.capture ORDER BY load_number DESC LIMIT 1"
        ).fetchall()[0]
    assert outcome == "rejected"
    assert message


def test_far_fewer_rows_are_a_failed_capture_not_an_empty_market(home: Home) -> None:
    take(home, offers({f"m{n}": 2.0 for n in range(100)}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    taken = take(home, offers({f"m{n}": 2.0 for n in range(10)}), "2026-01-02")
    assert taken.outcome == "rejected"
    assert "10 rows, the last answer had 100" in (taken.message or "")


@pytest.mark.parametrize(
    ("price", "reason"), [("NaN", "is not a number"), ("0", "zero"), ("-2", "zero or negative"), ("1e7", "bounds")]
)
def test_bad_rows_are_kept_with_a_reason(home: Home, price: str, reason: str) -> None:
    body = offers({f"m{n}": 2.0 for n in range(20)}) + f"bad,H100,1,8,64,{price},r1,,\n"
    assert take(home, body, "2026-01-01").outcome == "loaded"
    recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        rows = con.execute("SELECT reason, row_json FROM meta.rejected_row").fetchall()
    assert len(rows) == 1
    assert reason in rows[0][0]
    assert "bad" in rows[0][1]


def test_two_rows_of_one_key_that_differ_are_both_refused(home: Home) -> None:
    body = offers({f"m{n}": 2.0 for n in range(20)}) + "m0,H100,1,8,64,5,r1,,\n"
    take(home, body, "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        assert con.execute("SELECT count(*) FROM meta.rejected_row WHERE reason LIKE '%same key%'").fetchall() == [(2,)]
    assert "m0" not in {row[0] for row in current(home)}


def test_published_file_is_whole_numbered_and_readable_while_held(home: Home) -> None:
    with pytest.raises(NotPublishedError, match="petaday run"), read_published(home):
        pass
    take(home, offers({"a": 2.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    assert publish(home, catalog()).number == 1
    assert publish(home, catalog()).is_new is False
    script = "import duckdb,sys,time; c=duckdb.connect(sys.argv[1]); c.sql('select 1').fetchall(); print('held', flush=True); time.sleep(30)"
    # A user who opens the published file for writing by mistake (as root the mode 0444 does not stop him).
    with subprocess.Popen(
        [sys.executable, "-c", script, str(home.published_file)], stdout=subprocess.PIPE, text=True
    ) as holder:
        if os.geteuid() == 0:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
        take(home, offers({"a": 3.0}), "2026-01-02")
        recording.record_subject(home, "cloud_rate")
        assert publish(home, catalog()).number == 2
        holder.kill()
    with read_published(home) as con:
        assert con.execute("SELECT publication_number FROM meta.publication ORDER BY 1").fetchall() == [(1,), (2,)]
    kept = sorted(home.publications_dir.glob("*.duckdb"))
    assert len(kept) == 1
    with duckdb.connect(str(kept[0]), read_only=True) as con:
        assert con.execute("SELECT max(price_amount_per_hour) FROM observed.cloud_rate").fetchall() == [(2.0,)]


def test_a_damaged_published_file_is_made_again_in_whatever_folder(tmp_path: Path) -> None:
    """Nothing new to publish: only a file that another process holds open for writing is left as it is, not one below a folder "blocks"."""
    home = Home(tmp_path / "blocks").create()
    take(home, offers({"a": 2.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    assert publish(home, catalog()).is_new
    home.published_file.unlink()
    home.published_file.write_bytes(b"no database")
    assert publish(home, catalog()).is_new
    with duckdb.connect(str(home.published_file), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM observed.cloud_rate").fetchall() == [(1,)]


def test_a_stray_log_beside_the_published_file_does_not_meet_the_next_one(home: Home) -> None:
    take(home, offers({"a": 2.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    publish(home, catalog())
    stray = home.published_file.with_name("petaday.duckdb.wal")
    stray.write_bytes(b"left by somebody")
    take(home, offers({"a": 3.0}), "2026-01-02")
    recording.record_subject(home, "cloud_rate")
    publish(home, catalog())
    assert not stray.exists()


def test_killed_at_any_moment_nothing_committed_is_lost(home: Home, tmp_path: Path) -> None:
    """kill -9 during capture, load and publish: every acknowledged load is there, the next run completes."""
    script = textwrap.dedent("""
        import datetime as dt, sys
        from tests.warehouse.test_keeping import offers, take
        from assets import recording, recovery
        from assets.catalog import catalog
        from warehouse.home import Home
        from warehouse.publish import publish
        home = Home.from_environment().create()
        for n in range(int(sys.argv[1]), 10_000):
            moment = dt.datetime(2020, 1, 1) + dt.timedelta(hours=n)
            take(home, offers({"a": float(n % 150 + 1)}), moment.isoformat())
            recovery.with_rebuild_if_damaged(home, lambda: recording.record_subject(home, "cloud_rate"), lambda text: print(text, file=sys.stderr))
            publish(home, catalog())
            print(n, flush=True)
    """)
    root = Path(__file__).parents[2]
    kills = 50 if os.environ.get("PETADAY_NIGHTLY") == "1" else 10
    acknowledged = 0
    for attempt in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(acknowledged + 1)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root)},
        )
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, "the run after a kill did not come through"
        time.sleep(0.01 + 0.037 * (attempt % 10))
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0].split()
        acknowledged = int(rest[-1]) if rest else int(first)
        # What the next run begins with.
        recovery.with_rebuild_if_damaged(home, lambda: recording.record_subject(home, "cloud_rate"), print)
        with write_session(home, catalog()) as con:
            loads = con.execute("SELECT count(*) FROM meta.capture WHERE outcome = 'loaded'").fetchall()[0][0]
            doubled = con.execute(
                "SELECT count(*) FROM (SELECT capture_id FROM meta.capture GROUP BY ALL HAVING count(*) > 1)"
            ).fetchall()
        assert loads >= acknowledged
        assert doubled == [(0,)]
        with read_published(home) as con:
            published = con.execute("SELECT max(load_number) FROM meta.capture").fetchall()[0][0]
        assert published >= acknowledged
    recording.record_subject(home, "cloud_rate")
    assert recovery.verify(home, lambda _: None) == []


def test_killed_in_the_middle_of_a_fetch(home: Home, replay: ReplayServer) -> None:
    """kill -9 while the answer comes: nothing of it is a capture, nothing waits, and the next fetch is whole."""
    url = "https://api.linode.com/v4/linode/types"
    script = textwrap.dedent("""
        import datetime as dt
        from assets import intake
        from assets.sources import source_named
        from assets.sources._base import Window
        from warehouse.home import Home
        intake.take_live(Home.from_environment(), source_named("linode"), Window(dt.datetime.now(dt.UTC)))
    """)
    root = Path(__file__).parents[2]
    for attempt in range(10 if os.environ.get("PETADAY_NIGHTLY") == "1" else 2):
        slow = replay.add(url, linode_page(GPU), times=1, delay_s=2.0)
        process = subprocess.Popen([sys.executable, "-c", script], cwd=root, env=os.environ | {"PYTHONPATH": str(root)})
        while not slow.given:
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(0.1 * (attempt % 10))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert list(CaptureStore(home).captures()) == []
        assert list(staging.staged(home)) == []
    replay.add(url, linode_page(GPU))
    (taken,) = intake.take_live(home, all_sources()["linode"], Window(dt.datetime.now(dt.UTC)))
    assert taken.outcome == "loaded"
    recording.record_subject(home, "cloud_rate")
    assert recovery.verify(home, lambda _: None) == [
        "nothing is published in " + str(home.root) + " yet: run `petaday run` first"
    ]


def damage(home: Home) -> None:
    """Blocks of which the half is of another time, as a killed process may leave one."""
    data = bytearray(home.work_file.read_bytes())
    for block in range(3 * 4096, len(data), 256 * 1024):
        data[block + 64 : block + 4096] = b"\x55" * 4032
    home.work_file.write_bytes(data)


def test_a_run_mends_a_work_file_that_a_kill_left_damaged(home: Home) -> None:
    """Blocks are torn: the next run makes the file again, with the same rows on the same clocks, and goes on."""
    for at, prices in (("2026-01-01", {"a": 1.0, "b": 2.0}), ("2026-01-02", {"a": 5.0})):
        take(home, offers(prices), at)
        recording.record_subject(home, "cloud_rate")
    before = log_rows(home)
    damage(home)
    with pytest.raises(WarehouseDamagedError, match="petaday rebuild"), write_session(home, catalog()):
        pass
    told: list[str] = []
    take(home, offers({"a": 6.0}), "2026-01-03")
    recovery.with_rebuild_if_damaged(home, lambda: recording.record_subject(home, "cloud_rate"), told.append)
    assert "cannot be read" in told[0]
    assert "doing so now" in told[0]
    assert [row for row in log_rows(home) if row in before] == before
    assert [row[1] for row in current(home) if row[3] is None] == [6.0]
    assert len(list(home.work_file.parent.glob("warehouse-*.duckdb"))) == 1


def test_a_damaged_work_file_is_left_alone_where_captures_are_gone(home: Home) -> None:
    """A rebuilt warehouse would be a smaller one: a person decides."""
    for day in (1, 2):
        take(home, offers({"a": float(day)}), f"2026-01-0{day}")
        recording.record_subject(home, "cloud_rate")
    damage(home)
    first = sorted(home.captures_dir.rglob("*.json"))[0]
    first.unlink()
    damaged = home.work_file.read_bytes()
    with pytest.raises(WarehouseDamagedError, match="captures of 1 recorded batches are missing"):
        recovery.with_rebuild_if_damaged(home, lambda: recording.record_subject(home, "cloud_rate"), print)
    assert home.work_file.read_bytes() == damaged


def test_rebuild_gives_the_same_rows_on_the_same_clocks(home: Home) -> None:
    recording.refresh_reference(home)
    for at, prices in (
        ("2026-01-01", {"a": 1.0, "b": 2.0}),
        ("2026-01-03", {"a": 1.0}),
        ("2026-01-02", {"a": 5.0, "c": 1.0}),
    ):
        take(home, offers(prices), at)
        recording.record_subject(home, "cloud_rate")
    take(home, "", "2026-01-04")
    recording.record_subject(home, "cloud_rate")
    before, seen = log_rows(home), current(home)
    data = bytearray(home.work_file.read_bytes())
    data[0:64] = b"\x00" * 64
    home.work_file.write_bytes(data)
    with pytest.raises(WarehouseDamagedError, match="petaday rebuild"), write_session(home, catalog()):
        pass
    recovery.rebuild_warehouse(home, lambda _: None)
    assert log_rows(home) == before
    assert current(home) == seen


def test_a_journal_behind_the_warehouse_catches_up(home: Home) -> None:
    for day, price in (("2026-01-01", 1.0), ("2026-01-02", 2.0)):
        take(home, offers({"a": price}), day)
        recording.record_subject(home, "cloud_rate")
    store, journal = CaptureStore(home), home.captures_dir / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0] + lines[1][:20])
    recording.record_subject(home, "cloud_rate")
    assert [line["load_number"] for line in store.journal()] == [1, 2]


def test_disk_full_leaves_the_last_publication(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    take(home, offers({"a": 2.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    publish(home, catalog())
    take(home, offers({"a": 3.0}), "2026-01-02")
    recording.record_subject(home, "cloud_rate")

    def full(_: object, target: Path, *__: object) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("warehouse.store.file.FileStore.copy_to", full)
        with pytest.raises(PublishError, match="No space left.*still publication 1"):
            publish(home, catalog())
    with read_published(home) as con:
        assert con.execute("SELECT max(price_amount_per_hour) FROM observed.cloud_rate").fetchall() == [(2.0,)]
    assert not list(home.root.glob(".petaday*"))
    assert publish(home, catalog()).number == 2


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


def test_an_older_file_is_migrated_and_keeps_its_rows(home: Home) -> None:
    """A work file that lacks a declared column and the current views gets them; its rows stay."""
    take(home, offers({"a": 2.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        con.execute("DROP VIEW observed.cloud_offer")
        con.execute("DROP VIEW observed.cloud_rate")
        con.execute("ALTER TABLE observed.cloud_rate_log DROP COLUMN vcpu_count")
        con.execute("UPDATE meta.definition SET fingerprint = 'of an older Petaday' WHERE name = 'catalog'")
    assert [row[:2] for row in current(home)] == [("a", 2.0)]
    with write_session(home, catalog()) as con:
        assert con.execute("SELECT vcpu_count FROM observed.cloud_rate").fetchall() == [(None,)]


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
