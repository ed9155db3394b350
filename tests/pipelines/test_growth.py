"""What a home grows by in a month: measured bytes times the runs that the schedules ask for."""

from __future__ import annotations

import datetime as dt
import os

import pytest

from assets.sources import all_sources
from pipelines.growth import measure, runs_per_month
from warehouse.capture_store import CaptureStore
from warehouse.captures import Document
from warehouse.home import Home

MONTH_FROM = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)


def capture(home: Home, source_id: str, body: bytes, at: dt.datetime, name: str = "a") -> None:
    file = home.spool_dir / "body"
    file.write_bytes(body)
    CaptureStore(home).store(source_id, [Document(file, f"https://x/{name}", at, "json")])


@pytest.mark.parametrize(
    ("cadence", "count"), [("0 6 * * *", 30), ("*/30 * * * *", 1440), ("15 5 * * 1", 4), ("0 16 * * 1-5", 22)]
)
def test_runs_of_a_month(cadence: str, count: int) -> None:
    assert runs_per_month(cadence, MONTH_FROM) == count


def test_unchanged_answers_are_counted_once_as_seen_and_each_time_if_they_differed(home: Home) -> None:
    body = os.urandom(100_000)
    for day in range(4):
        capture(home, "linode", body, MONTH_FROM + dt.timedelta(days=day))
    # Two answers of one run.
    for n in range(2):
        capture(home, "verda", os.urandom(50_000), MONTH_FROM + dt.timedelta(seconds=n), name=str(n))
    seen = measure(home, 0, MONTH_FROM)
    rows = {r["source_id"]: r for r in seen.sources.iter_rows(named=True)}
    linode, verda = rows["linode"], rows["verda"]
    assert (linode["run_count"], linode["capture_count"]) == (4, 4)
    assert 100_000 < linode["bytes_per_changed_run"] < 115_000
    assert 25_000 < linode["bytes_per_run"] < 40_000
    assert linode["bytes_per_month_if_changed"] == linode["bytes_per_changed_run"] * linode["runs_per_month_count"]
    assert (verda["run_count"], verda["capture_count"]) == (1, 2)
    assert 100_000 < verda["bytes_per_run"] < 130_000
    # What was never read is unknown, not nothing.
    assert rows["vultr"]["bytes_per_run"] is None
    assert rows["vultr"]["bytes_per_month"] is None
    scheduled = {s.source_id for s in all_sources().values() if s.cadence and s.plan and not s.is_bundled}
    assert set(rows) == scheduled
    assert seen.dagster_bytes_per_run is None
