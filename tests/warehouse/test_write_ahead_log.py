"""A small load leaves its rows in a write-ahead log beside the work file; whatever befalls that log, no row is lost in silence."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from assets import recording, recovery
from assets.catalog import catalog
from tests.warehouse.taking import log_rows, offers, take
from warehouse.connection import read_published, transaction, write_session
from warehouse.errors import WarehouseDamagedError
from warehouse.home import Home
from warehouse.publish import publish
from warehouse.store.file import WAITING_WAL_BYTES


def wal(home: Home) -> Path:
    """Where DuckDB keeps the write-ahead log of the work file."""
    return home.work_file.with_name("warehouse.duckdb.wal")


def load(home: Home, price: float, day: int, rows: int = 1) -> None:
    """Load a snapshot."""
    take(home, offers({f"m{n}": price for n in range(rows)}), f"2026-01-{day:02d}")
    recording.record_subject(home, "cloud_rate")


@pytest.fixture
def waiting(home: Home) -> Home:
    """A load that is folded into the file by a publication, and two small ones after it that wait."""
    load(home, 1.0, 1)
    publish(home, catalog())
    assert not wal(home).exists()
    load(home, 2.0, 2)
    load(home, 3.0, 3)
    assert 0 < wal(home).stat().st_size < WAITING_WAL_BYTES
    return home


def prices(home: Home) -> list[float]:
    """Prices in the log, in order."""
    return [row[1] for row in log_rows(home)]


def test_what_waits_is_read_by_every_session_and_left_by_those_that_write_nothing(waiting: Home) -> None:
    before = wal(waiting).stat().st_size
    assert prices(waiting) == [1.0, 2.0, 3.0]
    with duckdb.connect(str(waiting.work_file), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM observed.cloud_rate_log").fetchall() == [(3,)]
    assert wal(waiting).stat().st_size == before


def test_what_waits_is_published(waiting: Home) -> None:
    publish(waiting, catalog())
    assert not wal(waiting).exists()
    with read_published(waiting) as con:
        assert con.execute("SELECT count(*) FROM observed.cloud_rate_log").fetchall() == [(3,)]


def test_a_large_load_is_folded_into_the_file(waiting: Home) -> None:
    load(waiting, 4.0, 4, rows=5000)
    assert not wal(waiting).exists()
    assert len(prices(waiting)) == 5003


def test_other_sessions_fold_what_they_write(waiting: Home) -> None:
    """Nothing but the table itself tells of an estimate: it does not wait where a cut would go unnoticed."""
    with write_session(waiting, catalog()) as con, transaction(con):
        con.execute("INSERT INTO meta.publication VALUES (9, now())").fetchall()
    assert not wal(waiting).exists()
    assert prices(waiting) == [1.0, 2.0, 3.0]


def test_changed_definitions_are_folded(waiting: Home) -> None:
    more = replace(catalog(), scripts=(*catalog().scripts, "CREATE OR REPLACE VIEW observed.added AS SELECT 1 AS n"))
    with write_session(waiting, more, may_leave_wal=True):
        pass
    assert not wal(waiting).exists()
    assert prices(waiting) == [1.0, 2.0, 3.0]


def test_a_session_that_fails_keeps_what_was_committed(waiting: Home) -> None:
    with pytest.raises(ZeroDivisionError), write_session(waiting, catalog(), may_leave_wal=True) as con:
        with transaction(con):
            con.execute("INSERT INTO meta.publication VALUES (9, now())").fetchall()
        with transaction(con):
            con.execute("INSERT INTO meta.publication VALUES (10, now())").fetchall()
            raise ZeroDivisionError
    with write_session(waiting, catalog()) as con:
        assert con.execute("SELECT max(publication_number) FROM meta.publication").fetchall() == [(9,)]


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def cut_to_its_head(file: Path) -> None:
    os.truncate(file, 200)


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def deleted(file: Path) -> None:
    file.unlink()


def flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x10
    file.write_bytes(data)


@pytest.mark.parametrize("harm", [cut, cut_to_its_head, emptied, deleted, flipped])
def test_a_harmed_log_is_recognised_and_its_rows_made_again(waiting: Home, harm) -> None:
    before = log_rows(waiting)
    harm(wal(waiting))
    assert any("work file" in problem for problem in recovery.verify(waiting, lambda _: None))
    with pytest.raises(WarehouseDamagedError, match="petaday rebuild"):
        publish(waiting, catalog())
    with pytest.raises(WarehouseDamagedError, match="petaday rebuild"):
        recording.record_subject(waiting, "cloud_rate")
    recovery.with_rebuild_if_damaged(waiting, lambda: recording.record_subject(waiting, "cloud_rate"), lambda _: None)
    assert log_rows(waiting) == before
    assert recovery.verify(waiting, lambda _: None) == []


def test_a_log_never_meets_another_file(waiting: Home) -> None:
    """Put back from a copy without its log, or with the log of another time: refused, and made again."""
    old = waiting.work_file.read_bytes()
    before = log_rows(waiting)
    publish(waiting, catalog())
    load(waiting, 4.0, 4)
    after = log_rows(waiting)
    waiting.work_file.write_bytes(old)
    with pytest.raises(WarehouseDamagedError, match="petaday rebuild"):
        recording.record_subject(waiting, "cloud_rate")
    recovery.with_rebuild_if_damaged(waiting, lambda: recording.record_subject(waiting, "cloud_rate"), lambda _: None)
    assert log_rows(waiting) == after
    assert after[: len(before)] == before
