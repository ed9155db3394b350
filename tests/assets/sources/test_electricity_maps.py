"""Electricity Maps: API answers, yearly files of both generations, two vintages of one year."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets.intake import take_live
from assets.sources import needs_key
from assets.sources._base import LayoutError, Window
from assets.sources.electricity_maps import ELECTRICITY_MAPS
from tests.assets.sources.reading import OBSERVED_AT, read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

OLD = (
    "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),"
    "Carbon Intensity gCO₂eq/kWh (LCA),Data Source,Data Estimated"
)
NEW = (
    "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO₂eq/kWh (direct),"
    "Carbon intensity gCO₂eq/kWh (Life cycle),Data source,Data estimated"
)
ROWS = "\n2024-01-01 00:00:00,X,X,XX,10.5,20.5,tso.example,{0}\n2024-01-01 01:00:00,X,X,XX,,21,tso.example,{0}\n"


def test_history(samples: Path) -> None:
    scopes, _ = read_files("electricity_maps", samples / "electricity_maps_api/carbon_intensity_history.json")
    frame = scopes["DE"].sort("valid_from")
    assert frame.height == 24
    assert set(frame["basis_boundary"]) == {"lifecycle"}
    assert frame["intensity_gco2e_per_kwh"][0] == 599


def test_latest_says_that_it_is_estimated(samples: Path) -> None:
    scopes, _ = read_files("electricity_maps", samples / "electricity_maps_api/latest_carbon_intensity.json")
    assert scopes["US-CAR-DUK"].select("basis_kind", "intensity_gco2e_per_kwh").rows() == [("estimated", 216.0)]


def test_the_old_shape_claims_less(samples: Path) -> None:
    scopes, _ = read_files("electricity_maps", samples / "electricity_maps_api/response.json")
    assert scopes["DE"].select("basis_boundary", "basis_kind", "intensity_gco2e_per_kwh").rows() == [
        ("unconfirmed", "estimated", 474.0)
    ]


@pytest.mark.parametrize("file", ["latest_power_breakdown", "zones"])
def test_answers_of_other_routes(samples: Path, file: str) -> None:
    with pytest.raises(LayoutError, match="no carbonIntensity"):
        read_files("electricity_maps", samples / f"electricity_maps_api/{file}.json")


def test_every_yearly_file(samples: Path) -> None:
    files = sorted((samples / "electricity_maps_csv").rglob("*.csv"))
    assert len(files) >= 13
    for file in files:
        scopes, rejected = read_files("electricity_maps_csv", file)
        (frame,) = scopes.values()
        hours = 8784 if "_2024_" in file.name else 8760
        assert frame.height == 2 * hours
        assert frame["resolution"].unique().to_list() == ["PT1H"]
        assert rejected.is_empty()


def test_the_zone_inside_counts_and_estimates_are_marked(samples: Path) -> None:
    german, _ = read_files("electricity_maps_csv", samples / "electricity_maps_csv/DE-LU_2024_hourly.csv")
    assert set(german) == {"DE"}
    kinds = dict(german["DE"].filter(pl.col("basis_boundary") == "direct").group_by("basis_kind").len().rows())
    assert kinds == {"actual": 8720, "estimated": 64}
    tokyo, _ = read_files("electricity_maps_csv", samples / "electricity_maps_csv/JP-TK_2024_hourly.csv")
    assert set(tokyo["JP-TK"]["basis_kind"]) == {"estimated"}
    korea, _ = read_files("electricity_maps_csv", samples / "electricity_maps_csv/KR_2021_hourly.csv")
    assert "estimated" in korea["KR"].filter(pl.col("valid_from").dt.hour() == 0)["basis_kind"].to_list()


def test_another_vintage_changes_8318_hours(samples: Path) -> None:
    """The release of 2024-03 and the later one differ in 8,318 of 8,760 lifecycle values."""
    new, _ = read_files("electricity_maps_csv", samples / "electricity_maps_csv/US-CAL-CISO_2023_hourly.csv")
    old, _ = read_files(
        "electricity_maps_csv", samples / "electricity_maps_csv/vintage_2024-03/US-CAL-CISO_2023_hourly.csv"
    )
    lifecycle = pl.col("basis_boundary") == "lifecycle"
    both = old["US-CAL-CISO"].filter(lifecycle).join(new["US-CAL-CISO"].filter(lifecycle), on="valid_from")
    assert both.height == 8760
    assert both.filter(pl.col("intensity_gco2e_per_kwh") != pl.col("intensity_gco2e_per_kwh_right")).height == 8318


@pytest.mark.parametrize("header", [OLD, NEW, "\ufeff" + OLD])
def test_both_generations_of_headers(header: str, tmp_path: Path) -> None:
    """A missing value stays missing; a byte order mark is no part of a name."""
    scopes, _ = read_body("electricity_maps_csv", header + ROWS.format("false"), tmp_path, "XX_2024_hourly.csv")
    cells = (
        scopes["XX"].select("basis_boundary", "intensity_gco2e_per_kwh", "basis_kind").sort("intensity_gco2e_per_kwh")
    )
    assert cells.rows() == [("direct", 10.5, "actual"), ("lifecycle", 20.5, "actual"), ("lifecycle", 21.0, "actual")]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (OLD.replace("(LCA)", "(scope 2)") + ROWS, "no column like"),
        (OLD + "\n", "no row"),
        ("", "empty"),
        (OLD + "\n2024-01-01 00:00:00,X,X,XX,1,2,t,false\n", "one row"),
    ],
)
def test_drift_is_named(body: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("electricity_maps_csv", body, tmp_path, "x.csv")


def test_live(home: Home, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both boundaries of the configured zone; the token goes in a header and nowhere else."""
    assert needs_key(ELECTRICITY_MAPS, {}) == "ELECTRICITY_MAPS_API_KEY"
    monkeypatch.setenv("ELECTRICITY_MAPS_API_KEY", "not-a-real-token")
    monkeypatch.setenv("ELECTRICITY_MAPS_ZONES", "FR")
    url = "https://api.electricitymaps.com/v3/carbon-intensity/history"
    one = {"zone": "FR", "carbonIntensity": 30, "datetime": "2026-08-31T20:00:00.000Z", "isEstimated": False}
    for boundary in ("lifecycle", "direct"):
        body = json.dumps({"zone": "FR", "history": [one | {"emissionFactorType": boundary}]})
        replay.add(f"{url}?zone=FR&emissionFactorType={boundary}", body)
    taken = take_live(home, ELECTRICITY_MAPS, Window(OBSERVED_AT))
    assert [t.outcome for t in taken] == ["loaded", "loaded"]
    assert {a.headers["auth-token"] for a in replay.asked} == {"not-a-real-token"}
    assert {s.frame["basis_boundary"][0] for _, b in staging.staged(home) for s in b.scopes} == {"lifecycle", "direct"}
    assert dt.datetime(2026, 8, 31, 20, tzinfo=dt.UTC) in {
        s.frame["valid_from"][0] for _, b in staging.staged(home) for s in b.scopes
    }
