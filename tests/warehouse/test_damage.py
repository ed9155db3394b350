"""A work file that was truncated, emptied, deleted or has flipped bits is recognised; a rebuild is whole or did not happen."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from assets import recording, recovery
from assets.catalog import catalog
from tests.warehouse.taking import current, log_rows, offers, take
from warehouse.capture_store import CaptureStore
from warehouse.connection import read_published, write_session
from warehouse.errors import CaptureDamagedError, WarehouseDamagedError
from warehouse.home import Home
from warehouse.publish import kept_publications, publish

NIGHTLY = os.environ.get("PETADAY_NIGHTLY") == "1"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def filled(home: Home) -> Home:
    """Two loads and a publication."""
    for day, price in ((1, 1.0), (2, 2.0)):
        take(home, offers({"a": price, **{f"m{n}": price + n / 1e4 for n in range(3000)}}), f"2026-01-0{day}")
        recording.record_subject(home, "cloud_rate")
    publish(home, catalog())
    return home


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def halved(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def deleted(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("harm", [emptied, halved, deleted])
def test_what_a_work_file_lost_is_recognised_and_made_again(filled: Home, harm) -> None:
    before = log_rows(filled)
    harm(filled.work_file)
    problems = recovery.verify(filled, lambda _: None)
    assert any("work file" in p for p in problems)
    with pytest.raises(WarehouseDamagedError, match="petaday rebuild"):
        recording.record_subject(filled, "cloud_rate")
    recovery.with_rebuild_if_damaged(filled, lambda: recording.record_subject(filled, "cloud_rate"), lambda _: None)
    assert log_rows(filled) == before
    assert recovery.verify(filled, lambda _: None) == []


def test_a_work_file_behind_the_journal_is_not_published(filled: Home) -> None:
    deleted(filled.work_file)
    with pytest.raises(WarehouseDamagedError, match="ends with batch 0, the journal with 2"):
        publish(filled, catalog())
    with read_published(filled) as con:
        assert con.execute("SELECT count(*) FROM observed.cloud_rate_log").fetchall()[0][0] > 3000


def test_flipped_bits_are_found_or_lie_where_nothing_is(filled: Home) -> None:
    """Whatever bit is flipped: `petaday check` finds it, or every row is as it was."""
    before, whole = log_rows(filled), filled.work_file.read_bytes()
    draw, found = random.Random(11), 0
    for _ in range(60 if NIGHTLY else 8):
        data = bytearray(whole)
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        filled.work_file.write_bytes(data)
        filled.work_file.with_name("warehouse.duckdb.wal").unlink(missing_ok=True)
        problems = recovery.verify(filled, lambda _: None)
        found += bool(problems)
        if not problems:
            assert log_rows(filled) == before
    assert found


def test_a_flipped_bit_met_in_the_middle_of_a_run_is_mended(filled: Home) -> None:
    """The header is whole, so that the file opens; a block of rows is not."""
    before = log_rows(filled)
    data = bytearray(filled.work_file.read_bytes())
    with duckdb.connect(str(filled.work_file)) as con:
        blocks = con.execute(
            "SELECT DISTINCT block_id FROM pragma_storage_info('observed.cloud_rate_log') WHERE block_id >= 0"
        ).fetchall()
    for (block,) in blocks:
        data[3 * 4096 + block * 262_144 + 1000] ^= 0x10
    filled.work_file.write_bytes(data)
    with pytest.raises(WarehouseDamagedError, match="petaday rebuild"), write_session(filled, catalog()) as con:
        con.execute("SELECT bit_xor(hash(l)) FROM observed.cloud_rate_log l").fetchall()
    take(filled, offers({"a": 3.0}), "2026-01-03", name="other_vms.csv")

    def work() -> list:
        with write_session(filled, catalog()) as con:
            con.execute("SELECT bit_xor(hash(l)) FROM observed.cloud_rate_log l").fetchall()
        return recording.record_subject(filled, "cloud_rate")

    recovery.with_rebuild_if_damaged(filled, work, lambda _: None)
    assert [row for row in log_rows(filled) if row in set(before)] == before


def test_a_rebuild_killed_at_any_moment_leaves_the_old_warehouse(filled: Home) -> None:
    before = log_rows(filled)
    code = (
        "from assets import recovery; from warehouse.home import Home\n"
        "print('go', flush=True)\n"
        "recovery.rebuild_warehouse(Home.from_environment(), lambda text: print(text, flush=True))"
    )
    for pause in (0.05, 0.2, 0.4, 0.8) if NIGHTLY else (0.1, 0.4):
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "go\n"
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
        assert log_rows(filled) == before
    recovery.rebuild_warehouse(filled, lambda _: None)
    assert log_rows(filled) == before
    assert not list((filled.root / "work").glob(".tmp-*"))


def test_a_rebuild_beside_a_run_loses_no_batch_and_no_clock(filled: Home) -> None:
    """Batches are recorded while rebuilds go on; each of them stands in the end, on the clock that the journal tells."""
    problems: list[BaseException] = []

    def load() -> None:
        try:
            for n in range(12 if NIGHTLY else 4):
                take(filled, offers({"a": 10.0 + n}), f"2026-02-{n + 1:02d}", name=f"cloud{n}_vms.csv")
                recording.record_subject(filled, "cloud_rate")
        except BaseException as e:
            problems.append(e)

    loader = threading.Thread(target=load)
    loader.start()
    rebuilds = 0
    while loader.is_alive() or not rebuilds:
        recovery.rebuild_warehouse(filled, lambda _: None)
        rebuilds += 1
    loader.join()
    assert problems == []
    journal = {line["batch_id"]: line["recorded_at_us"] for line in CaptureStore(filled).journal()}
    with write_session(filled, catalog()) as con:
        held = dict(
            con.execute("SELECT batch_id, epoch_us(any_value(recorded_at)) FROM meta.capture GROUP BY 1").fetchall()
        )
    assert held == journal
    assert recovery.verify(filled, lambda _: None) == []


def test_numbers_of_publications_go_on_after_a_rebuild(filled: Home) -> None:
    recovery.rebuild_warehouse(filled, lambda _: None)
    take(filled, offers({"a": 9.0}), "2026-01-05", name="other_vms.csv")
    recording.record_subject(filled, "cloud_rate")
    assert publish(filled, catalog()).number == 2
    with read_published(filled) as con:
        assert con.execute("SELECT publication_number FROM meta.publication ORDER BY 1").fetchall() == [(1,), (2,)]
    assert [(p.number, p.is_current, p.problem) for p in kept_publications(filled)] == [
        (1, False, None),
        (2, True, None),
    ]
    old = next(kept_publications(filled)).path
    old.chmod(0o644)
    old.write_bytes(b"no database")
    assert "cannot be opened" in (next(kept_publications(filled)).problem or "")


def test_a_person_may_rebuild_without_captures_that_are_gone(filled: Home) -> None:
    """What is gone is gone: said, and the journal begins anew, so that the next run does not take the file for damaged."""
    first = sorted(CaptureStore(filled).captures(), key=lambda c: c.fetched_at)[-1]
    (filled.captures_dir / first.sidecar).unlink()
    told: list[str] = []
    recovery.rebuild_warehouse(filled, told.append)
    assert any("captures of 1 recorded batches are missing" in line for line in told)
    recording.record_subject(filled, "cloud_rate")
    assert {row[1] for row in current(filled) if row[0] == "a"} == {1.0}
    assert len(list(filled.captures_dir.glob("journal-*.jsonl"))) == 1


@pytest.mark.parametrize("harm", [emptied, halved, deleted])
def test_a_damaged_capture_is_said_with_the_way_out_and_a_rebuild_without_it_is_whole(filled: Home, harm) -> None:
    """The rows of the other capture come back as they were; nothing is replaced before a person has chosen."""
    before = log_rows(filled)
    last = max(CaptureStore(filled).captures(), key=lambda c: c.fetched_at)
    stored = filled.captures_dir / last.path
    stored.chmod(0o644)
    whole = stored.read_bytes()
    harm(stored)
    sidecar = filled.captures_dir / last.sidecar
    (problem,) = recovery.verify(filled, lambda _: None)
    with pytest.raises(CaptureDamagedError) as caught:
        recovery.rebuild_warehouse(filled, lambda _: None)
    for line in (problem, str(caught.value)):
        assert "\n" not in line
        assert all(part in line for part in (last.capture_id, str(stored), "backup of captures/", f"delete {sidecar},"))
    assert log_rows(filled) == before
    stored.write_bytes(whole)
    recovery.rebuild_warehouse(filled, lambda _: None)
    assert log_rows(filled) == before
    harm(stored)
    sidecar.unlink()
    recovery.rebuild_warehouse(filled, lambda _: None)
    assert {row[1] for row in current(filled) if row[0] == "a"} == {1.0}
    assert recovery.verify(filled, lambda _: None) == []


def test_a_home_that_was_moved_is_the_same_home(filled: Home) -> None:
    before = log_rows(filled)
    moved = Home(filled.root.rename(filled.root.with_name("moved to here")))
    assert recovery.verify(moved, lambda _: None) == []
    assert not publish(moved, catalog()).is_new
    recovery.rebuild_warehouse(moved, lambda _: None)
    assert log_rows(moved) == before
    take(moved, offers({"a": 3.0}), "2026-01-03", name="other_vms.csv")
    recording.record_subject(moved, "cloud_rate")
    assert publish(moved, catalog()).number == 2
    assert recovery.verify(moved, lambda _: None) == []


def test_a_clock_that_was_set_back_changes_no_earlier_answer(filled: Home) -> None:
    """What is recorded meanwhile is dated just after the last record."""
    with write_session(filled, catalog()) as con:
        con.execute("UPDATE meta.capture SET recorded_at = recorded_at + INTERVAL 1 DAY").fetchall()
        con.execute("UPDATE observed.cloud_rate_log SET recorded_at = recorded_at + INTERVAL 1 DAY").fetchall()
        ((last,),) = con.execute("SELECT max(recorded_at)::VARCHAR FROM meta.capture").fetchall()
    known = f"FROM cloud_rate_as_of(TIMESTAMPTZ '2026-06-01', known_at := TIMESTAMPTZ '{last}') ORDER BY ALL"
    with write_session(filled, catalog()) as con:
        told = con.execute(known).fetchall()
    take(filled, offers({"a": 9.0}), "2026-01-03", name="other_vms.csv")
    recording.record_subject(filled, "cloud_rate")
    with write_session(filled, catalog()) as con:
        assert con.execute(known).fetchall() == told
        assert con.execute(
            f"SELECT count(*) FROM meta.capture WHERE recorded_at > TIMESTAMPTZ '{last}'"
        ).fetchall() == [(1,)]
    assert {row[1] for row in current(filled) if row[0] == "a"} == {1.0, 2.0, 9.0}


@pytest.mark.parametrize("harm", [emptied, halved, deleted])
@pytest.mark.parametrize("is_work_file_damaged", [False, True])
def test_a_damaged_published_file_is_said_and_made_again(filled: Home, harm, is_work_file_damaged: bool) -> None:
    """Also where nothing is new, and where the work file is damaged with it: what was estimated comes from the publication before."""
    take(filled, offers({"a": 9.0}), "2026-01-05")
    recording.record_subject(filled, "cloud_rate")
    publish(filled, catalog())
    before = log_rows(filled)
    filled.published_file.chmod(0o644)
    harm(filled.published_file)
    if harm is not deleted:
        with pytest.raises(WarehouseDamagedError, match="petaday publish"), read_published(filled) as con:
            con.execute("SELECT count(*) FROM observed.cloud_rate").fetchall()
        (problem,) = recovery.verify(filled, lambda _: None)
        assert "published file" in problem
    if is_work_file_damaged:
        halved(filled.work_file)
        recovery.with_rebuild_if_damaged(filled, lambda: recording.record_subject(filled, "cloud_rate"), lambda _: None)
    made = publish(filled, catalog())
    assert (made.number, made.is_new) == (3, True)
    assert log_rows(filled) == before
    with read_published(filled) as con:
        numbers = con.execute("SELECT publication_number FROM meta.publication ORDER BY 1").fetchall()
    assert numbers == [(1,), (2,), (3,)] if not is_work_file_damaged else numbers[-1] == (3,)
    assert [k.problem for k in kept_publications(filled)] == [None, None] if harm is not deleted else True


def test_another_file_that_a_query_cannot_read_is_not_the_published_one(filled: Home, tmp_path: Path) -> None:
    with pytest.raises(duckdb.IOException, match="missing"), read_published(filled) as con:
        con.execute(f"FROM read_csv('{tmp_path}/missing.csv')")
