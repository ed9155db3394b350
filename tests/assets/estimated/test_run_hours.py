"""Carbon of a run hour by hour: against a plain count in Python, over gaps, part hours and bases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from assets.estimated.scenario_files.fields import ScenarioError
from assets.estimated.scenario_files.training import scenario_of
from assets.estimated.training import estimate_training
from tests.assets.estimated.conftest import build

NOW = dt.datetime(2026, 1, 15, tzinfo=dt.UTC)
DAY = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
RUN = {"accelerator_count": 100, "power_w_per_gpu": 500, "pue": 1.0, "usd_per_gpu_hour": 1.0, "region": "GB"}


def half_hour(number: int) -> float:
    """Intensity of a half-hour since DAY: another for each, so that a slot left out shows."""
    return 100 + (number * 37) % 101


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Half-hours of two days with one hour missing, their forecast, another boundary, and the year."""
    warehouse = duckdb.connect()
    build(warehouse)
    warehouse.execute("DELETE FROM observed.grid_carbon")
    for number in range(96):
        if number in (20, 21):
            continue
        at = DAY + dt.timedelta(minutes=30 * number)
        for kind, value in (("actual", half_hour(number)), ("forecast", 999.0)):
            warehouse.execute(
                "INSERT INTO observed.grid_carbon VALUES ('GB', 'PT30M', 'average', 'direct', 'location', ?, ?, ?, NULL, 'half')",
                [kind, value, at],
            )
    for boundary, value in (("direct", 240), ("lifecycle", 300)):
        warehouse.execute(
            "INSERT INTO observed.grid_carbon VALUES ('GB', 'P1Y', 'average', ?, 'location', 'actual', ?, '2025-01-01', NULL, 'year')",
            [boundary, value],
        )
    yield warehouse
    warehouse.close()


def grid(con: duckdb.DuckDBPyConnection, **values: object) -> dict[str, Any]:
    """The grid factor of a run."""
    output = estimate_training(con, scenario_of(RUN | values), NOW).as_json()
    return next(f for f in output["factors"] if f["factor"] == "grid_gco2e_per_kwh") | {
        "kg": output["operational_kgco2e"]["central"],
        "kwh": output["energy_kwh"]["central"],
    }


def mean_of(first_minute: int, minutes: int, missing: float = 240) -> float:
    """Mean over the minutes of a run, each at the mean of its hour; hours without half-hours at `missing`."""
    values = []
    for minute in range(first_minute, first_minute + minutes):
        hour = minute // 60
        halves = [half_hour(n) for n in (2 * hour, 2 * hour + 1) if n < 96 and n not in (20, 21)]
        values.append(sum(halves) / len(halves) if halves else missing)
    return sum(values) / len(values)


@pytest.mark.parametrize(("first_minute", "minutes"), [(0, 60), (0, 24 * 60), (90, 300), (30, 90), (23 * 60 + 15, 200)])
def test_mean_over_the_hours_of_the_run(con: duckdb.DuckDBPyConnection, first_minute: int, minutes: int) -> None:
    found = grid(con, start_at=(DAY + dt.timedelta(minutes=first_minute)).isoformat(), duration_days=minutes / 1440)
    assert found["value"] == pytest.approx(mean_of(first_minute, minutes), rel=1e-9)
    assert found["kg"] == pytest.approx(found["kwh"] * found["value"] / 1000)
    assert "direct" in found["origin_ref"]
    assert "forecast" not in found["origin_ref"]


def test_hours_without_slots_are_told(con: duckdb.DuckDBPyConnection) -> None:
    """One hour of 24 has no half-hours: the year speaks for it, on the same boundary."""
    found = grid(con, start_at=DAY.isoformat(), duration_days=1)
    assert "95.8% of 24 hours by slots of an hour or less, 4.2% by longer slots" in found["origin_ref"]
    con.execute("DELETE FROM observed.grid_carbon WHERE resolution = 'P1Y'")
    found = grid(con, start_at=DAY.isoformat(), duration_days=1)
    assert "4.2% not covered and left out" in found["origin_ref"]
    assert found["value"] == pytest.approx(sum(half_hour(n) for n in range(48) if n not in (20, 21)) / 46)


def test_length_follows_from_hours_and_count(con: duckdb.DuckDBPyConnection) -> None:
    stated = grid(con, start_at=DAY.isoformat(), gpu_hours=100 * 12)
    assert stated["value"] == grid(con, start_at=DAY.isoformat(), duration_days=0.5)["value"]


def test_length_follows_from_the_work(con: duckdb.DuckDBPyConnection) -> None:
    flop = 12 * 3600 * 100 * 1e14
    stated = grid(con, start_at=DAY.isoformat(), training_flop=flop, achieved_flop_per_s_per_gpu=1e14)
    assert stated["value"] == pytest.approx(grid(con, start_at=DAY.isoformat(), duration_days=0.5)["value"])


def test_attention_makes_a_run_longer(con: duckdb.DuckDBPyConnection) -> None:
    """The hours of the grid are those of the run: 6 hours of 6ND and another 6 of attention."""
    work = {"parameters_count": 1e9, "tokens_count": 6 * 3600 * 100 * 1e14 / 6e9, "achieved_flop_per_s_per_gpu": 1e14}
    without = grid(con, start_at=DAY.isoformat(), **work)
    assert "% of 6 hours by slots" in without["origin_ref"]
    found = grid(con, start_at=DAY.isoformat(), attention_flop_per_token=6e9, **work)
    assert found["kwh"] == pytest.approx(2 * without["kwh"])
    assert "% of 12 hours by slots" in found["origin_ref"]
    assert found["value"] == pytest.approx(grid(con, start_at=DAY.isoformat(), duration_days=0.5)["value"])


def test_a_year_alone_still_answers(con: duckdb.DuckDBPyConnection) -> None:
    """Where no hour is known, life cycle goes before direct, as without a start."""
    found = grid(con, start_at="2025-09-01", duration_days=3)
    assert found["value"] == 300
    assert "0.0% of 72 hours by slots of an hour or less, 100.0% by longer slots" in found["origin_ref"]


def test_a_run_beyond_what_is_known_takes_the_latest(con: duckdb.DuckDBPyConnection) -> None:
    found = grid(con, start_at="2026-01-10", duration_days=3)
    assert "the latest before 2026-01-10" in found["origin_ref"]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"start_at": "June"}, "start_at: 'June' is not a date"),
        ({"start_at": 5}, "start_at: 5 given; allowed is a date"),
        ({"start_at": "2025-06-01", "accelerator_count": 10}, "start_at: how long the run takes is not known"),
    ],
)
def test_what_is_refused(con: duckdb.DuckDBPyConnection, values: dict[str, object], line: str) -> None:
    with pytest.raises(ScenarioError, match=line):
        estimate_training(con, scenario_of({"region": "GB", "pue": 1.0} | values), NOW)


def test_a_start_needs_a_place(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(ScenarioError, match="start_at: where the run takes place is not known"):
        estimate_training(con, scenario_of({"start_at": "2025-06-01", "duration_days": 1, "accelerator_count": 8}), NOW)


def slots(con: duckdb.DuckDBPyConnection, boundary: str, kind: str, values: dict[int, float]) -> None:
    """Slots of an hour, by their number since DAY."""
    con.executemany(
        "INSERT INTO observed.grid_carbon VALUES ('GB', 'PT1H', 'average', ?, 'location', ?, ?, ?, NULL, 'hour')",
        [[boundary, kind, value, DAY + dt.timedelta(hours=number)] for number, value in values.items()],
    )


def test_an_estimated_hour_does_not_turn_life_cycle_into_direct(con: duckdb.DuckDBPyConnection) -> None:
    """Both boundaries have the same hours, one of them estimated, and only life cycle has a measured year to put in its place."""
    con.execute("DELETE FROM observed.grid_carbon WHERE resolution = 'PT30M' OR basis_boundary = 'direct'")
    for boundary, level in (("direct", 200.0), ("lifecycle", 260.0)):
        slots(con, boundary, "actual", dict.fromkeys(range(23), level))
        slots(con, boundary, "estimated", {23: level + 1})
    found = grid(con, start_at=DAY.isoformat(), duration_days=1)
    assert "lifecycle" in found["origin_ref"]
    assert "95.8% of 24 hours by slots of an hour or less, 4.2% by longer slots" in found["origin_ref"]
    assert found["value"] == pytest.approx((23 * 260 + 300) / 24)


def test_measured_hours_of_one_boundary_go_before_estimated_ones_of_another(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("DELETE FROM observed.grid_carbon WHERE resolution = 'PT30M'")
    slots(con, "direct", "actual", dict.fromkeys(range(24), 200.0))
    slots(con, "lifecycle", "estimated", dict.fromkeys(range(24), 260.0))
    found = grid(con, start_at=DAY.isoformat(), duration_days=1)
    assert ("direct" in found["origin_ref"], found["value"]) == (True, pytest.approx(200))


def test_a_boundary_that_covers_the_run_goes_before_hours_of_a_part_of_it(con: duckdb.DuckDBPyConnection) -> None:
    """A tenth of a long run by the hour says little about the rest of its year."""
    con.execute("DELETE FROM observed.grid_carbon WHERE resolution = 'P1Y' AND basis_boundary = 'direct'")
    found = grid(con, start_at=DAY.isoformat(), duration_days=20)
    assert "lifecycle" in found["origin_ref"]
    assert found["value"] == 300
    con.execute("DELETE FROM observed.grid_carbon WHERE basis_boundary = 'lifecycle'")
    found = grid(con, start_at=DAY.isoformat(), duration_days=20)
    assert "direct" in found["origin_ref"]
    assert "% not covered and left out" in found["origin_ref"]
