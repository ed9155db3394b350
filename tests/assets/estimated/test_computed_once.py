"""What is computed once for several questions gives each of them the same rows as asking the log anew."""

from __future__ import annotations

import contextlib
import datetime as dt
import math
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.estimated import assets as estimated
from assets.estimated import computed_once as module
from assets.estimated.computed_once import OFFERS, YEARS, computed_once, offers_of
from assets.estimated.decisions import assets as decisions
from assets.estimated.decisions.tables import DECISION_TABLES
from assets.estimated.indices.assets import INDICES
from assets.estimated.indices.assets import compute as compute_index
from assets.estimated.tables import FACTOR, SCENARIO_ESTIMATE, TRAINING_ESTIMATE
from assets.observed.views import rates_today
from assets.sources import all_sources, source_named
from warehouse.connection import write_session
from warehouse.home import Home

TABLES = (TRAINING_ESTIMATE, SCENARIO_ESTIMATE, FACTOR, *DECISION_TABLES)
HEADER = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice\n"


@pytest.fixture
def started(home: Home) -> Home:
    """A home with what ships with Petaday."""
    recording.refresh_reference(home)
    for source in all_sources().values():
        if source.is_bundled:
            intake.take_bundled(home, source)
    for subject in recording.subjects_with_sources():
        recording.record_subject(home, subject)
    return home


def take(home: Home, file: Path, month: int, day: int) -> None:
    """Record a price list of SkyPilot as of a day of 2026."""
    (taken,) = intake.take_files(home, source_named("skypilot"), [file], dt.datetime(2026, month, day, tzinfo=dt.UTC))
    recording.record_subject(home, "cloud_rate")
    assert taken


def rows_of_tables(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple]]:
    """Rows of all estimates and decisions, computed now."""
    con.execute("DELETE FROM meta.definition WHERE name IN ('estimated.training_estimate', 'estimated.decisions')")
    assert estimated.compute(con)
    for index in INDICES:
        compute_index(con, index)
    assert decisions.compute(con)
    return {t.full_name: con.sql(f"FROM {t.full_name} ORDER BY ALL").fetchall() for t in TABLES}


def is_alike(one: object, other: object) -> bool:
    """Equal; of numbers, but for the last digits."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-12)
    return one == other


@contextlib.contextmanager
def nothing_once(con: duckdb.DuckDBPyConnection, *macros: str) -> Iterator[None]:
    """Every question reads the log itself."""
    yield


def same_rows_as_asked_anew(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple]]:
    """The rows of all estimates and decisions, which do not depend on what was computed once."""
    once = rows_of_tables(con)
    with monkeypatch.context() as patch:
        for asset in (estimated, decisions):
            patch.setattr(asset, "computed_once", nothing_once)
        anew = rows_of_tables(con)
    for name, rows in anew.items():
        assert rows, name
        assert len(once[name]) == len(rows), name
        # The order in which DuckDB multiplies is not fixed, nor are the last digits.
        differing = [(a, b) for a, b in zip(once[name], rows, strict=True) if not all(map(is_alike, a, b))]
        assert not differing, name
    for macro, rows in ((OFFERS, offers_of(con)), (YEARS, "observed.grid_carbon_span")):
        with computed_once(con, macro):
            for one, other in ((f"{macro}()", rows), (rows, f"{macro}()")):
                assert con.sql(f"SELECT count(*) FROM (FROM {one} EXCEPT ALL FROM {other})").fetchall() == [(0,)]
    return once


def test_on_recorded_price_lists(started: Home, samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = samples / "skypilot_catalog"
    for name, month, day in (
        ("gcp_vms_2026-04-02.csv.zip", 4, 2),
        ("lambda_vms_2026-04-02.csv", 4, 2),
        ("gcp_vms_2026-05-20.csv.zip", 5, 20),
        ("lambda_vms_2026-05-07.csv", 5, 7),
        ("gcp_vms_2026-04-27.csv.zip", 4, 27),
    ):
        take(started, folder / name, month, day)
    with write_session(started, catalog()) as con:
        found = same_rows_as_asked_anew(con, monkeypatch)
        sited = {row[1] for row in found["estimated.siting"]}
    assert {"gcp", "lambda"} <= sited


def test_with_late_captures_the_log_is_read_as_the_view_does(
    started: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forms = []
    for number, (day, price) in enumerate(((1, 2.0), (9, 3.0), (5, 3.0))):
        file = tmp_path / f"lambda_vms_{number}.csv"
        file.write_text(HEADER + f"gpu_1x_h100_sxm5,H100,1.0,26.0,200.0,{price},us-west-1,,\n")
        take(started, file, 6, day)
        with write_session(started, catalog()) as con:
            forms.append(rates_today(con) == "observed.cloud_rate")
            if forms[-1]:
                same_rows_as_asked_anew(con, monkeypatch)
    # The last one leaves an assertion that repeats the one before it.
    assert forms == [False, False, True]


def test_the_rows_are_those_that_were_computed_and_only_today_s(started: Home) -> None:
    with write_session(started, catalog()) as con:
        before = con.sql(f"SELECT count(*) FROM {OFFERS}()").fetchall()[0][0]
        asked = "SELECT count(*) FROM gpu_hour_price('H100')"
        assert con.sql(asked).fetchall()[0][0] > 0
        with computed_once(con, OFFERS):
            assert offers_of(con) != "observed.cloud_offer"
            con.execute(f"DELETE FROM {offers_of(con)}").fetchall()
            # The macro that calls it reads the emptied table, so it is this one that the questions read.
            assert con.sql(asked).fetchall() == [(0,)]
        assert offers_of(con) == "observed.cloud_offer"
        assert con.sql(f"SELECT count(*) FROM {OFFERS}()").fetchall() == [(before,)]
        with (
            computed_once(con, OFFERS),
            pytest.raises(duckdb.ConversionException, match="computed for today, not for an earlier known_at"),
        ):
            con.execute(f"FROM {OFFERS}(known_at := TIMESTAMPTZ '2026-01-01')").fetchall()
        assert module._OFFERS_TABLE not in {t for (t,) in con.sql("SELECT table_name FROM duckdb_tables()").fetchall()}
