"""Tables computed by days: what is added bit by bit, late, twice or out of order is what computing everything anew gives."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import random
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets import recording
from assets.catalog import catalog
from assets.estimated.indices import slices
from assets.estimated.indices.assets import INDICES, compute
from assets.estimated.indices.grid_slices import GREEN_TRIALS, GRID_DAYS, SLICED
from assets.subjects import CLOUD_RATE, GRID_CARBON
from warehouse import log
from warehouse.connection import transaction, write_session
from warehouse.home import Home

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
GREEN = INDICES[1]


class Loader:
    """Records batches of hours, whatever their order, and can read each again."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con, self.frames, self.moment = con, {}, dt.datetime(2026, 6, 1, tzinfo=dt.UTC)

    def load(
        self,
        source: str,
        scope: str,
        observed: float,
        rows: list[tuple[str, str, float, float]],
        resolution: str = "PT1H",
    ) -> None:
        """Rows are (zone, kind, hour since START, g/kWh); `observed` is the day on which the publisher said so."""
        frame = pl.DataFrame(
            {
                "zone": [r[0] for r in rows],
                "resolution": [resolution] * len(rows),
                "basis_method": ["average"] * len(rows),
                "basis_boundary": ["lifecycle"] * len(rows),
                "basis_accounting": ["location"] * len(rows),
                "basis_kind": [r[1] for r in rows],
                "intensity_gco2e_per_kwh": [r[3] for r in rows],
                "valid_from": [START + dt.timedelta(hours=r[2]) for r in rows],
                "capture_id": [f"c{len(self.frames):03}"] * len(rows),
            },
            schema_overrides={"valid_from": pl.Datetime("us", "UTC"), "intensity_gco2e_per_kwh": pl.Float64},
        )
        batch = f"b{len(self.frames):03}"
        self.frames[batch] = frame
        self.moment += dt.timedelta(minutes=7)
        said = log.Snapshot(source, scope, batch, START + dt.timedelta(days=observed), False, frame)
        with transaction(self.con):
            log.record(self.con, GRID_CARBON, said, self.moment, lambda batch_id, _: (self.frames[batch_id], None))


def hours(zone: str, first: int, last: int, seed: int, kind: str = "actual") -> list[tuple[str, str, float, float]]:
    """A daily wave with noise, to one decimal as publishers have it."""
    chance = random.Random(seed)
    return [
        (zone, kind, h, round(300 + 100 * ((h % 24) - 12) / 12 + chance.uniform(-80, 80), 1))
        for h in range(first, last)
    ]


def rows_of(con: duckdb.DuckDBPyConnection, table: str) -> list[tuple]:
    return con.execute(f"FROM {table} ORDER BY ALL").fetchall()


def everything(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple]]:
    return {t: rows_of(con, f"estimated.{t}") for t in ("grid_day", "green_trial", "green_window")}


def anew(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple]]:
    """The same, computed from nothing."""
    con.execute("DELETE FROM meta.definition WHERE name LIKE 'estimated.%'").fetchall()
    for part in SLICED:
        assert slices.update(con, part).is_rebuilt
    compute(con, GREEN)
    return everything(con)


@pytest.mark.parametrize("seed", range(12 if os.environ.get("PETADAY_NIGHTLY") else 1))
def test_adding_in_any_order_is_computing_anew(home: Home, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "CHUNK", 40)  # many chunks in a rebuild
    chance = random.Random(seed)
    batches = []
    for zone in ("AA", "BB"):
        batches += [("s1", f"scope {zone}", 100 + n, hours(zone, 240 * n, 240 * (n + 1), n)) for n in range(7)]
        # Another source; a second scope that says the same hours; forecasts, which no trial counts.
        batches.append(("s2", "all", 101, hours(zone, 0, 24 * 40, 90)))
        batches.append(("s1", "other scope", 102, hours(zone, 500, 700, 91)))
        batches.append(("s1", "forecast", 102, hours(zone, 600, 800, 92, "forecast")))
        # Corrections of single hours and of thirty days, and an older word that arrives late and changes nothing.
        batches.append(("s1", f"scope {zone}", 200, hours(zone, 333, 336, 93)))
        batches.append(("s1", f"scope {zone}", 201, hours(zone, 400, 400 + 720, 94)))
        batches.append(("s1", f"scope {zone}", 50, hours(zone, 400, 500, 95)))
    chance.shuffle(batches)
    with write_session(home, catalog()) as con:
        recording.sync_sources(con)
        loader = Loader(con)
        for number, batch in enumerate(batches):
            loader.load(*batch)
            if number % 3 != 2:  # sometimes several batches at once
                for part in SLICED:
                    assert slices.update(con, part).is_rebuilt == (number == 0)
        compute(con, GREEN)
        slices.update(con, GRID_DAYS)
        added = everything(con)
        assert all(added.values())
        assert added == anew(con)
        hour = con.execute(
            "SELECT sum(intensity_hours_gco2e_per_kw), sum(covered_hours) FROM estimated.grid_day WHERE source_id = 's2' AND zone = 'AA'"
        ).fetchall()[0]
        assert hour == (pytest.approx(sum(r[3] for r in hours("AA", 0, 24 * 40, 90)), rel=1e-12), 960.0)


def test_one_more_hour_touches_its_day_and_its_trials(home: Home) -> None:
    with write_session(home, catalog()) as con:
        loader = Loader(con)
        loader.load("s1", "a", 100, hours("AA", 0, 24 * 50 + 5, 1) + hours("BB", 0, 24 * 50 + 5, 2))
        for part in SLICED:
            slices.update(con, part)
        before = {row[:1] + row[7:8]: row for row in rows_of(con, "estimated.grid_day")}
        loader.load("s1", "a", 101, hours("AA", 24 * 50 + 5, 24 * 50 + 6, 3))
        done = slices.update(con, GRID_DAYS)
        assert (done.is_rebuilt, done.touched_count, done.row_count) == (False, 1, 1)
        after = {row[:1] + row[7:8]: row for row in rows_of(con, "estimated.grid_day")}
        assert {k for k, row in after.items() if row != before.get(k)} == {("AA", dt.date(2026, 2, 20))}
        # The hour from 5 to 6: the last of the 60 that the trial at 18 h three days before looks at, and of no other's.
        assert slices.update(con, GREEN_TRIALS).touched_count == 1
        assert not slices.update(con, GRID_DAYS).is_changed


@pytest.mark.parametrize("first", range(6) if os.environ.get("PETADAY_NIGHTLY") else (0, 3))
def test_hours_added_one_by_one_are_tried_as_all_at_once(home: Home, first: int) -> None:
    """Whatever hour of the day comes last; with two gaps, one closed late, and hours corrected."""
    with write_session(home, catalog()) as con:
        recording.sync_sources(con)
        loader = Loader(con)
        known = [row for row in hours("AA", 0, 24 * 40, 1) if row[2] not in (24 * 30, 24 * 37 + 5)]
        loader.load("s1", "a", 100, [row for row in known if row[2] < 24 * 35 + first])
        slices.update(con, GREEN_TRIALS)
        for number, hour in enumerate(range(24 * 35 + first, 24 * 40 - 20, 7 if first % 2 else 5)):
            loader.load("s1", "a", 101 + number, [row for row in known if row[2] < hour][-7:])
            slices.update(con, GREEN_TRIALS)
        loader.load("s1", "a", 200, hours("AA", 24 * 30, 24 * 30 + 1, 5))
        slices.update(con, GREEN_TRIALS)
        loader.load("s1", "a", 201, hours("AA", 24 * 37, 24 * 37 + 6, 6))
        slices.update(con, GREEN_TRIALS)
        slices.update(con, GRID_DAYS)
        compute(con, GREEN)
        added = everything(con)
        assert added["green_trial"]
        assert added == anew(con)


def test_another_process_goes_on_where_the_last_one_was() -> None:
    """What tells that a rule is as it was is the same text in every process, or each run would compute everything anew."""
    script = (
        "from assets.catalog import catalog\n"
        "from assets.estimated.indices.grid_slices import SLICED\n"
        "print(catalog().fingerprint, *(sliced.fingerprint for sliced in SLICED))"
    )
    command = [sys.executable, "-c", script]
    other = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[4])
    assert other.stdout.split() == [catalog().fingerprint, *(sliced.fingerprint for sliced in SLICED)]


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(slices.Sliced) if f.name != "file"])
def test_another_rule_is_computed_anew(field: str) -> None:
    """Each field of a rule counts."""
    other = {
        "table": GREEN_TRIALS.table,
        "subject": CLOUD_RATE,
        "series": ("zone",),
        "days_before": 7,
        "days_after": 7,
    }.get(field, "another")
    assert dataclasses.replace(GRID_DAYS, **{field: other}).fingerprint != GRID_DAYS.fingerprint


def test_two_scopes_of_one_source_count_once(home: Home) -> None:
    with write_session(home, catalog()) as con:
        loader = Loader(con)
        loader.load("s1", "b", 100, hours("AA", 0, 24, 1))
        loader.load("s1", "a", 99, [("AA", "actual", 3, 1000.0)])
        slices.update(con, GRID_DAYS)
        assert con.execute(
            "SELECT covered_hours, slot_count, highest_gco2e_per_kwh FROM estimated.grid_day"
        ).fetchall() == [(24, 24, 1000)]


def test_a_rebuild_that_was_killed_begins_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "CHUNK", 5)
    with write_session(home, catalog()) as con:
        loader = Loader(con)
        loader.load("s1", "a", 100, hours("AA", 0, 24 * 20, 1))
        slices.update(con, GRID_DAYS)
        whole = rows_of(con, "estimated.grid_day")
        con.execute("UPDATE meta.definition SET fingerprint = 'older@0' WHERE name = 'estimated.grid_day'").fetchall()
        computed, compute_chunk = [], slices._compute

        def killed(*given: object, **more: object) -> int:
            if len(computed) == 2:
                raise KeyboardInterrupt
            computed.append(given)
            return compute_chunk(*given, **more)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(slices, "_compute", killed)
            with pytest.raises(KeyboardInterrupt):
                slices.update(con, GRID_DAYS)
        assert rows_of(con, "estimated.grid_day") == whole
        assert slices.update(con, GRID_DAYS).is_rebuilt
        assert rows_of(con, "estimated.grid_day") == whole
