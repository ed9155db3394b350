"""Ember monthly intensity and prices: real files in two vintages."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets.intake import take_live
from assets.sources import needs_key
from assets.sources._base import LayoutError, Window
from assets.sources.ember_monthly import EMBER_MONTHLY
from tests.assets.sources.reading import OBSERVED_AT, read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

HEADER = "country_or_region,country_code,date,emissions_intensity_gco2_per_kwh\n"


def _value(frame: pl.DataFrame, zone: str, month: str) -> list[float]:
    return frame.filter((pl.col("zone") == zone) & (pl.col("valid_from").dt.strftime("%Y-%m") == month))[
        "intensity_gco2e_per_kwh"
    ].to_list()


def test_countries_world_and_eu_but_no_other_group(samples: Path) -> None:
    scopes, rejected = read_files("ember_monthly", samples / "ember/api_country_overview_monthly.csv")
    frame = scopes["monthly"]
    assert _value(frame, "AR", "2018-01") == [404.389]
    assert _value(frame, "WORLD", "2025-05") == [456.811]
    assert "EU" in set(frame["zone"])
    assert frame["zone"].str.len_chars().unique().sort().to_list() == [2, 5]
    # Eighteen months of small grids that the publisher rounds to 0: gaps, not power without emissions.
    assert rejected.height == 18
    assert rejected["reason"].str.contains("lifecycle").all()


def test_only_the_last_month_is_provisional(samples: Path) -> None:
    scopes, _ = read_files("ember_monthly", samples / "ember/api_country_overview_monthly.csv")
    provisional = scopes["monthly"].filter(pl.col("basis_kind") == "estimated")
    assert set(provisional["valid_from"]) == {dt.datetime(2025, 5, 1, tzinfo=dt.UTC)}


def test_vintages_differ(samples: Path) -> None:
    """The older release says other numbers for the same months: both parse, the log keeps both."""
    new, _ = read_files("ember_monthly", samples / "ember/api_country_overview_monthly.csv")
    old, _ = read_files("ember_monthly", samples / "ember/vintage_2024-12-17/api_country_overview_monthly.csv")
    both = old["monthly"].join(new["monthly"], on=["zone", "valid_from"])
    changed = both.filter(pl.col("intensity_gco2e_per_kwh") != pl.col("intensity_gco2e_per_kwh_right"))
    assert changed.height > 100


def test_tidy_and_wide_prices(samples: Path) -> None:
    """The wide file holds the last quarter twice and monthly means on the same dates: grains are kept apart."""
    tidy, _ = read_files("ember_price", samples / "ember/api_price_monthly.csv")
    wide, rejected = read_files("ember_price", samples / "ember/api_day_ahead_price.csv")
    assert (
        tidy["EUR"].filter((pl.col("zone") == "AT") & (pl.col("valid_from").dt.year() == 2015))["price_amount_per_mwh"][
            0
        ]
        == 31.68
    )
    frame = wide["EUR"]
    assert set(frame["resolution"]) == {"P1M", "P1D"}
    last = frame.filter((pl.col("zone") == "AT") & (pl.col("valid_from") == dt.datetime(2024, 10, 31, tzinfo=dt.UTC)))
    assert last.select("resolution", "price_amount_per_mwh").rows() == [("P1D", 112.25)]
    assert rejected.is_empty()


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("Nowhere,QQQ,2025-01-01,100", "unknown country"),
        ("France,FRA,soon,100", "cannot be read"),
        ("France,FRA,2025-01-01,much", "cannot be read"),
        ("France,FRA,2025-01-01,0.35e6", "above 1500"),
    ],
)
def test_bad_rows_are_refused(row: str, word: str, tmp_path: Path) -> None:
    scopes, rejected = read_body("ember_monthly", HEADER + row + "\nSpain,ESP,2025-01-01,150\n", tmp_path, "e.csv")
    assert scopes["monthly"]["zone"].to_list() == ["ES"]
    assert word in rejected["reason"][0]


def test_kosovo_and_empty_values(tmp_path: Path) -> None:
    body = HEADER + "Kosovo,XKX,2025-01-01,900\nG7,,2025-01-01,300\nFrance,FRA,2025-01-01,\n"
    scopes, rejected = read_body("ember_monthly", body, tmp_path, "e.csv")
    assert scopes["monthly"]["zone"].to_list() == ["XK"]
    assert rejected.is_empty()


@pytest.mark.parametrize(("source", "word"), [("ember_monthly", "date is missing"), ("ember_price", "neither")])
def test_drift_is_named(source: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body(source, HEADER.replace("date", "month") + "a,b,c,1\n", tmp_path, "e.csv")


def test_live_with_a_key_that_stays_secret(home: Home, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert needs_key(EMBER_MONTHLY, {}) == "EMBER_API_KEY"
    monkeypatch.setenv("EMBER_API_KEY", "k-secret-1")
    row = {"entity": "France", "entity_code": "FRA", "date": "2026-07", "emissions_intensity_gco2_per_kwh": 40.5}
    replay.add("https://api.ember-energy.org/v1/carbon-intensity/monthly", json.dumps({"data": [row]}))
    (taken,) = take_live(home, EMBER_MONTHLY, Window(OBSERVED_AT))
    ((_, batch),) = list(staging.staged(home))
    assert taken.outcome == "loaded"
    assert batch.scopes[0].frame["intensity_gco2e_per_kwh"].to_list() == [40.5]
    assert "k-secret-1" in replay.urls()[0]
    assert "k-secret-1" not in batch.captures[0].url
