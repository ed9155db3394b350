"""Electricity Maps by year: real files, a year that is not over, units."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_body, read_files


@pytest.mark.parametrize("year", [2021, 2023, 2024, 2025])
def test_real_years(samples: Path, year: int) -> None:
    scopes, rejected = read_files("electricity_maps_yearly", samples / f"co2js/electricity-maps_yearly_{year}.json")
    frame = scopes[str(year)]
    assert (frame.height, frame["zone"].n_unique(), rejected.height) == (352, 352, 0)
    assert frame["valid_from"].unique().to_list() == [dt.datetime(year, 1, 1, tzinfo=dt.UTC)]


def test_it_agrees_with_the_hours_of_the_same_year(samples: Path) -> None:
    """The mean of 8,784 hours of three zones lies within 3 % of the yearly figure (another release of factors)."""
    scopes, _ = read_files("electricity_maps_yearly", samples / "co2js/electricity-maps_yearly_2024.json")
    yearly = dict(scopes["2024"].select("zone", "intensity_gco2e_per_kwh").rows())
    for zone in ("SG", "JP-TK", "US-TEX-ERCO"):
        hours, _ = read_files("electricity_maps_csv", samples / f"electricity_maps_csv/{zone}_2024_hourly.csv")
        mean = hours[zone].filter(pl.col("basis_boundary") == "lifecycle")["intensity_gco2e_per_kwh"].mean()
        assert yearly[zone] == pytest.approx(mean, rel=0.03)


def test_a_year_that_is_not_over(samples: Path) -> None:
    scopes, rejected = read_files(
        "electricity_maps_yearly",
        samples / "co2js/electricity-maps_yearly_2025.json",
        observed_at=dt.datetime(2025, 8, 1, tzinfo=dt.UTC),
    )
    assert scopes == {}
    assert rejected.height == 352
    assert "was not over on 2025-08-01" in rejected["reason"][0]


def test_units_and_holes(tmp_path: Path) -> None:
    def entry(value: object, unit: str = "gCO2eq/kWh") -> dict[str, object]:
        return {"carbonIntensity": {"value": value, "unit": unit}}

    zones = {f"Z{n}": entry(100 + n) for n in range(20)} | {
        "A": entry(None),
        "B": entry(0.4, "kgCO2eq/kWh"),
        "C": {},
        "D": entry(0),
    }
    scopes, rejected = read_body(
        "electricity_maps_yearly", json.dumps(zones), tmp_path, "electricity-maps_yearly_2023.json"
    )
    assert scopes["2023"].height == 20
    assert rejected.height == 4


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("em_2023.json", "{}", "which year"),
        ("yearly_2023.json", "[]", "one entry per zone"),
        ("yearly_2023.json", '{"A": {}}', "no zone"),
    ],
)
def test_other_files(name: str, text: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("electricity_maps_yearly", text, tmp_path, name)
