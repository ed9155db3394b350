"""GB Carbon Intensity: recorded answers and their faults, both daylight-saving days, live with faults injected."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources import source_named
from assets.sources._base import LayoutError, Window
from assets.sources.gb_carbon_intensity import plan
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.home import Home


def answer(first: str, slots: int, **intensity: object) -> str:
    """A national answer of half-hour slots."""
    start = dt.datetime.fromisoformat(first)
    times = [start + dt.timedelta(minutes=30 * n) for n in range(slots + 1)]
    rows = [
        {
            "from": f"{a:%Y-%m-%dT%H:%MZ}",
            "to": f"{b:%Y-%m-%dT%H:%MZ}",
            "intensity": {"forecast": 100, "actual": 90, "index": "low"} | intensity,
        }
        for a, b in itertools.pairwise(times)
    ]
    return json.dumps({"data": rows})


def test_a_range_begins_with_the_slot_that_ends_at_from(samples: Path) -> None:
    scopes, _ = read_files("gb_carbon_intensity", samples / "gb_carbon_intensity/intensity_range.json")
    rows = scopes["national"]
    assert rows["valid_from"].min() == dt.datetime(2019, 12, 31, 23, 30, tzinfo=dt.UTC)
    assert rows.filter(pl.col("basis_kind") == "actual").height == 96


def test_a_year_with_its_gap_and_its_holes(samples: Path) -> None:
    """17,430 slots of 2023: five actuals are null, five are exactly 0 (refused); what is missing stays missing."""
    scopes, rejected = read_files("gb_carbon_intensity", samples / "gb_carbon_intensity/national_halfhourly_2023.csv")
    kinds = scopes["national"].group_by("basis_kind").len().sort("basis_kind")
    assert kinds.rows() == [("actual", 17_420), ("forecast", 17_430)]
    assert rejected["reason"].str.contains("below 1 g/kWh").all()
    assert rejected.height == 5


def test_regions_are_told_apart_by_id_and_zeros_that_burn_fuel_are_refused(samples: Path) -> None:
    scopes, rejected = read_files(
        "gb_carbon_intensity", samples / "gb_carbon_intensity/regional_range_2020-01-01_2020-01-02.json"
    )
    # Region 18 is Great Britain too, by another model: it must not overwrite the national forecast of the same slots.
    assert set(scopes) == {"regional"}
    assert scopes["regional"]["zone"].n_unique() == 18
    national = read_files("gb_carbon_intensity", samples / "gb_carbon_intensity/intensity_range.json")[0]["national"]
    of_both = national.filter(pl.col("basis_kind") == "forecast").join(
        scopes["regional"].filter(pl.col("zone") == "GB-NESO-18"), on="valid_from"
    )
    assert of_both.height == 96
    assert of_both.filter(pl.col("intensity_gco2e_per_kwh") != pl.col("intensity_gco2e_per_kwh_right")).height == 90
    assert rejected["reason"].str.contains("artefact").all()
    assert rejected.height == 12
    zeros = scopes["regional"].filter(pl.col("intensity_gco2e_per_kwh") == 0)
    assert zeros.height == 27


def test_a_slot_told_twice_counts_once_and_told_two_ways_not_at_all(samples: Path, tmp_path: Path) -> None:
    """The real range with one of its slots again: the same again is one row, another actual leaves that slot unknown."""
    real = json.loads((samples / "gb_carbon_intensity/intensity_range.json").read_text(encoding="utf-8"))
    whole = read_body("gb_carbon_intensity", json.dumps(real), tmp_path)[0]["national"]
    twice = json.loads(json.dumps(real["data"][5]))
    scopes, rejected = read_body("gb_carbon_intensity", json.dumps({"data": [*real["data"], twice]}), tmp_path)
    assert rejected.is_empty()
    assert scopes["national"].height == whole.height
    twice["intensity"]["actual"] += 1
    scopes, rejected = read_body("gb_carbon_intensity", json.dumps({"data": [*real["data"], twice]}), tmp_path)
    assert scopes["national"].height == whole.height - 1
    assert rejected["reason"].str.contains("two different rows have the same key").all()


def test_index_words_and_stats_are_no_slots(samples: Path) -> None:
    for name in ("intensity_factors.json", "intensity_stats_2019-04.json"):
        with pytest.raises(LayoutError):
            scopes, _ = read_files("gb_carbon_intensity", samples / "gb_carbon_intensity" / name)
            if not scopes:
                raise LayoutError("no usable row")


@pytest.mark.parametrize("day", ["2023-03-26", "2023-10-29"])
def test_daylight_saving_days_have_48_slots(day: str, tmp_path: Path) -> None:
    """UTC throughout: no slot is lost in spring, none doubled in autumn."""
    scopes, rejected = read_body("gb_carbon_intensity", answer(f"{day}T00:00:00+00:00", 48), tmp_path)
    assert scopes["national"].filter(pl.col("basis_kind") == "actual")["valid_from"].n_unique() == 48
    assert rejected.is_empty()


def test_null_actual_is_missing_not_zero(tmp_path: Path) -> None:
    scopes, _ = read_body("gb_carbon_intensity", answer("2026-08-01T00:00:00+00:00", 2, actual=None), tmp_path)
    assert scopes["national"]["basis_kind"].to_list() == ["forecast", "forecast"]


def test_a_factor_a_million_too_high_is_refused(tmp_path: Path) -> None:
    scopes, rejected = read_body(
        "gb_carbon_intensity", answer("2026-08-01T00:00:00+00:00", 1, actual=77_000_000), tmp_path
    )
    assert scopes["national"]["basis_kind"].to_list() == ["forecast"]
    assert "above 1500" in rejected["reason"][0]


def test_a_date_in_2099_is_refused(tmp_path: Path) -> None:
    scopes, rejected = read_body("gb_carbon_intensity", answer("2099-08-01T00:00:00+00:00", 1), tmp_path)
    assert scopes == {}
    assert rejected["reason"].str.contains("valid_from").all()


@pytest.mark.parametrize(
    "body", ['{"data": null}', '{"data": []}', '{"error": {"message": "Requested resource not found."}}', "[]", "{"]
)
def test_answers_without_data_are_refused_by_name(body: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError):
        read_body("gb_carbon_intensity", body, tmp_path)


def test_ranges_are_short_and_never_cross_new_year() -> None:
    window = Window(dt.datetime(2026, 1, 10, tzinfo=dt.UTC), dt.date(2025, 12, 20), dt.date(2026, 1, 9))
    national = [b[0].url for b in plan(window) if "regional" not in b[0].url]
    ranges = [url.split("/intensity/")[1].split("/") for url in national]
    assert [r[1] for r in ranges][-2:] == ["2026-01-01T00:00Z", "2026-01-10T00:00Z"]
    for first, last in ranges:
        assert dt.datetime.fromisoformat(last) - dt.datetime.fromisoformat(first) <= dt.timedelta(days=13)


def test_live_through_429_and_500(home: Home, replay: ReplayServer) -> None:
    """National: told to wait, then served. Regional: down for good. The one is staged, the other named."""
    source = source_named("gb_carbon_intensity")
    now = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
    national, regional = (batch[0].url for batch in plan(Window(now)))
    replay.add(national, "slow down", 429, headers={"Retry-After": "0"}, times=2)
    replay.add(national, answer("2026-08-31T12:00:00+00:00", 48))
    replay.add(regional, '{"error":{"code":"500","message":"Requested resource not found."}}', 500)
    with pytest.raises(Exception, match="1 of 2 requests failed.*regional.*500"):
        intake.take_live(home, source, Window(now))
    assert len(list(home.staged_dir.iterdir())) == 1
    assert replay.urls().count(national) == 3
