"""Processes killed at any moment and files damaged: nothing committed is lost, and the warehouse comes back from its captures."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from assets import intake, recording, recovery
from assets.catalog import catalog
from assets.sources import all_sources
from assets.sources._base import Window
from tests.assets.sources.test_linode import GPU
from tests.assets.sources.test_linode import answer as linode_page
from tests.replay import ReplayServer
from tests.warehouse.taking import current, log_rows, offers, take
from warehouse import staging
from warehouse.capture_store import CaptureStore
from warehouse.connection import read_published, write_session
from warehouse.errors import WarehouseDamagedError
from warehouse.home import Home


def test_killed_at_any_moment_nothing_committed_is_lost(home: Home, tmp_path: Path) -> None:
    """kill -9 during capture, load and publish: every acknowledged load is there, the next run completes."""
    script = textwrap.dedent("""
        import datetime as dt, sys
        from tests.warehouse.taking import offers, take
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
        slow = replay.add(url, linode_page(GPU), times=1, delay_s=20.0)
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
