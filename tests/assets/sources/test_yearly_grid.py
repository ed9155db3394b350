"""Our World in Data and Ember: yearly intensity of every country, in each form it is published in."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources import source_named
from assets.sources._base import LayoutError, Window
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

OWID_CSV = "country,year,iso_code,population,carbon_intensity_elec\nFrance,2023,FRA,1,56.0\nWorld,2023,,1,480.0\nAfrica,2023,,1,500\nFrance,2024,FRA,1,\n"


def value(rows: pl.DataFrame, zone: str, year: int) -> float:
    """The one figure of a zone and year."""
    return rows.filter((pl.col("zone") == zone) & (pl.col("valid_from").dt.year() == year))[
        "intensity_gco2e_per_kwh"
    ].item()


@pytest.mark.parametrize("name", ["BalthazazarDuc", "augustinlafond", "sayanarman"])
def test_owid_charts_whatever_the_column_is_called(samples: Path, name: str) -> None:
    scopes, _ = read_files("owid", samples / f"owid/carbon-intensity-electricity__{name}.csv")
    rows = scopes["world"]
    assert 30 < value(rows, "FR", 2015) < 80
    assert value(rows, "WORLD", 2015) > 400
    assert rows["zone"].str.len_chars().is_in([2, 5]).all()


def test_owid_data_set_keeps_countries_and_the_world(tmp_path: Path) -> None:
    scopes, rejected = read_body("owid", OWID_CSV, tmp_path, "owid.csv")
    assert sorted(scopes["world"]["zone"]) == ["FR", "WORLD"]
    assert rejected.is_empty()


def test_owid_chart_with_short_names_and_the_year_of_origin(tmp_path: Path) -> None:
    """A value carried over to a later year is of its own year; the column with that year is no intensity."""
    body = (
        "entity,code,year,co2_intensity__gco2_kwh,co2_intensity__gco2_kwh__original_year\n"
        "France,FRA,2024,21.3,2024\nFrance,FRA,2025,21.3,2024\nChad,TCD,2025,620.5,2023\nAsia,,2025,530,2025\n"
    )
    scopes, rejected = read_body("owid", body, tmp_path, "owid.csv")
    rows = scopes["world"].with_columns(pl.col("valid_from").dt.year().alias("year"))
    assert rows.select("zone", "year", "intensity_gco2e_per_kwh").rows() == [("FR", 2024, 21.3), ("TD", 2023, 620.5)]
    assert rejected.is_empty()
    plain = "Entity,Code,Year,co2_intensity\nFrance,FRA,2024,21.3\n"
    assert value(read_body("owid", plain, tmp_path, "owid.csv")[0]["world"], "FR", 2024) == 21.3


def test_owid_renamed_subset_is_refused_by_name(samples: Path) -> None:
    with pytest.raises(LayoutError, match="carbon_intensity_elec"):
        read_files("owid", samples / "owid/owid-energy-data_renamed-subset_2022-10.csv")


def test_ember_yearly(samples: Path) -> None:
    scopes, rejected = read_files("ember", samples / "ember/api_country_overview_yearly.csv")
    rows = scopes["yearly"]
    assert rows["zone"].n_unique() > 200
    assert value(rows, "AF", 2000) == 250.0
    assert rejected["reason"].str.contains("zero").all()


def test_owid_live_and_not_modified(home: Home, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time the publisher answers 304: nothing is parsed, the capture says "unchanged"."""
    from assets import recording

    source = source_named("owid")
    url = "https://raw.githubusercontent.com/owid/energy-data/master/owid-energy-data.csv"
    replay.add(url, OWID_CSV, headers={"ETag": '"v1"'})
    assert [t.outcome for t in intake.take_live(home, source, Window(dt.datetime.now(dt.UTC)))] == ["loaded"]
    recording.record_subject(home, "grid_carbon")
    # On its word alone: the kept bytes are not even unpacked.
    monkeypatch.setattr("assets.intake._recalled", lambda *_: pytest.fail("the capture was read"))
    assert [t.outcome for t in intake.take_live(home, source, Window(dt.datetime.now(dt.UTC)))] == ["unchanged"]
    assert [r.appended_count for r in recording.record_subject(home, "grid_carbon")] == [0]
    assert replay.asked[-1].headers["If-None-Match"] == '"v1"'


def test_ember_live_keeps_its_key_to_itself(home: Home, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBER_API_KEY", "s3cr3t-key")
    body = '{"data":[{"entity":"France","entity_code":"FRA","date":"2023","emissions_intensity_gco2_per_kwh":56.0}]}'
    replay.add("https://api.ember-energy.org/v1/carbon-intensity/yearly", body)
    intake.take_live(home, source_named("ember"), Window(dt.datetime.now(dt.UTC)))
    assert "api_key=s3cr3t-key" in replay.asked[0].url
    ((_, batch),) = list(staging.staged(home))
    assert batch.scopes[0].frame["zone"].to_list() == ["FR"]
    assert not [f for f in home.root.rglob("*") if f.is_file() and b"s3cr3t" in f.read_bytes()]
