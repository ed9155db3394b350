"""ERCOT: real readings, the hour that occurs twice, a second reading."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_body, read_files

FUELS = {
    **{kind: {"gen": 50.0} for kind in ("Coal and Lignite", "Hydro", "Natural Gas", "Nuclear", "Solar", "Wind")},
    "Power Storage": {"gen": -30.0},
}


def body(*times: str) -> str:
    return json.dumps({"data": {"2024-11-03": dict.fromkeys(times, FUELS)}})


def test_real_days(samples: Path) -> None:
    """288 slots of one day and 98 of the next; the first by hand (storage and 0.1 MW of other left out)."""
    scopes, rejected = read_files("ercot", samples / "us_iso/ercot_fuel_mix.json")
    frame = scopes["US-TEX-ERCO"].filter(pl.col("basis_boundary") == "direct").sort("valid_from")
    assert (frame.height, rejected.height) == (288 + 98, 0)
    assert frame["valid_from"][0] == dt.datetime(2024, 11, 23, 6, tzinfo=dt.UTC)
    assert frame["valid_from"].diff().drop_nulls().unique().to_list() == [dt.timedelta(minutes=5)]
    known = 5248 + 5.8 + 5087.3 + 0.8 + 22092.3 + 10190.1
    assert frame["intensity_gco2e_per_kwh"][0] == pytest.approx((5248 * 760 + 10190.1 * 370) / known, abs=0.001)


def test_clocks_go_back(tmp_path: Path) -> None:
    scopes, _ = read_body("ercot", body("2024-11-03 01:04:57-0500", "2024-11-03 01:04:57-0600"), tmp_path)
    assert scopes["US-TEX-ERCO"]["valid_from"].unique().sort().to_list() == [
        dt.datetime(2024, 11, 3, hour, tzinfo=dt.UTC) for hour in (6, 7)
    ]


def test_a_second_reading_and_no_time(tmp_path: Path) -> None:
    times = [f"2024-11-03 05:{m:02}:57-0600" for m in range(4, 60, 5)]
    scopes, rejected = read_body("ercot", body(*times, "2024-11-03 05:04:58-0600", "noon"), tmp_path)
    assert scopes["US-TEX-ERCO"].height == 2 * len(times)
    assert sorted(rejected["reason"]) == ["a second reading in the same five minutes", "the time cannot be read"]


@pytest.mark.parametrize("text", ['{"data": []}', '{"data": {}}', "[]", '{"data": {"2024-11-03": 5}}'])
def test_other_answers(text: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError):
        read_body("ercot", text, tmp_path)


@pytest.mark.parametrize(
    ("gas", "why"),
    [
        (None, "Natural Gas is missing"),
        ({"gen": None}, "Natural Gas is missing"),
        ({"gen": "10,190.1"}, "Natural Gas is not a number"),
        ({"gen": -10190.1}, "Natural Gas is far below zero"),
    ],
)
def test_gas_that_is_not_there_is_not_zero(gas: dict[str, object] | None, why: str, tmp_path: Path) -> None:
    """Each of these once gave a third of the emissions, all day long."""
    fuels = {kind: cell for kind, cell in {**FUELS, "Natural Gas": gas}.items() if cell is not None}
    times = [f"2024-11-03 05:{m:02}:57-0600" for m in range(4, 60, 5)]
    scopes, rejected = read_body("ercot", json.dumps({"data": {"2024-11-03": dict.fromkeys(times, fuels)}}), tmp_path)
    assert not scopes
    assert rejected["reason"].str.contains(why).sum() == rejected.height == len(times)
