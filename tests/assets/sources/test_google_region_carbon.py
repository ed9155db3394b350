"""Google's yearly files on its regions: two forms of header, a version that was revised, and what they must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources import source_named
from assets.sources._base import FetchError, LayoutError, Window
from tests.assets.sources.reading import read_body, read_files, typed_claims
from tests.replay import ReplayServer
from warehouse.home import Home
from warehouse.staging import staged

NOW = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
HEADER = "Google Cloud Region,Location,Google CFE,Grid carbon intensity (gCO2eq / kWh)\n"
ROOT = "https://raw.githubusercontent.com/GoogleCloudPlatform/region-carbon-info/main/data/yearly"
LISTING = "https://api.github.com/repos/GoogleCloudPlatform/region-carbon-info/contents/data/yearly?ref=main"


@pytest.mark.parametrize(
    ("file", "shares", "intensities", "basis"),
    [
        ("2019.csv", 16, 24, "lifecycle"),
        ("2020.csv", 19, 27, "lifecycle"),
        ("2021.csv", 31, 34, "operational"),
        ("2023.csv", 40, 40, "operational"),
        ("2024.csv", 44, 44, "operational"),
        ("vintage_2022-07-18/2021.csv", 31, 34, "operational"),
    ],
)
def test_every_year(file: str, shares: int, intensities: int, basis: str, samples: Path) -> None:
    """The counts are of filled fields: a share is empty where Google does not know it."""
    scopes, rejected = read_files("google_region_carbon", samples / "google_region_carbon" / file)
    ((scope, rows),) = scopes.items()
    assert scope == file[-8:-4]
    assert set(rows["period"]) == {scope}
    by_attribute = dict(rows["attribute"].value_counts().rows())
    assert by_attribute == {"carbon_free_share": shares, "grid_gco2e_per_kwh": intensities}
    assert set(rows.filter(pl.col("attribute") == "grid_gco2e_per_kwh")["basis"]) == {basis}
    assert rejected.height == 0


def test_the_years_that_were_typed_read_as_they_were_typed(samples: Path) -> None:
    """Value by value, none more and none less; of the version of July 2022 only what was revised since was typed."""
    typed = typed_claims("google_region_carbon").select(
        "provider",
        "region",
        "attribute",
        pl.col("year").cast(pl.Int32).cast(pl.String).alias("period"),
        "value",
        "unit",
        "stated_on",
    )
    folder = samples / "google_region_carbon"
    read = pl.concat(
        rows for file in sorted(folder.glob("*.csv")) for rows in read_files("google_region_carbon", file)[0].values()
    )
    old = typed["stated_on"] == dt.date(2022, 7, 18)
    columns = [c for c in typed.columns if c != "stated_on"]
    assert typed.filter(~old).select(columns).sort(columns).equals(read.select(columns).sort(columns))
    version = read_files("google_region_carbon", folder / "vintage_2022-07-18/2021.csv")[0]["2021"]
    revised = version.select(columns).join(read.select(columns), on=columns, how="anti")
    assert revised.height == 12
    assert typed.filter(old).select(columns).sort(columns).equals(revised.sort(columns))


def test_a_region_without_a_place_and_a_share_that_is_not_known(tmp_path: Path) -> None:
    body = HEADER + "europe-west5,N/A,0.7,275.81\nme-central1,Doha,0,370\neurope-west8,Milan,,298\nus-east1,x,N/A,*\n"
    scopes, rejected = read_body("google_region_carbon", body, tmp_path, "2025.csv")
    found = scopes["2025"].select("region", "attribute", "value").rows()
    assert sorted(found) == [
        ("europe-west5", "carbon_free_share", "0.7"),
        ("europe-west5", "grid_gco2e_per_kwh", "275.81"),
        ("europe-west8", "grid_gco2e_per_kwh", "298"),
        ("me-central1", "carbon_free_share", "0"),
        ("me-central1", "grid_gco2e_per_kwh", "370"),
    ]
    assert rejected.height == 0


def test_per_cent_and_capitals(tmp_path: Path) -> None:
    body = (
        "Region,Location,Google CFE%,Grid Carbon Intensity (gCO2eq/kWh)\r\nus-east1,x,29%,560\r\nIowa,Iowa,95%,430\r\n"
    )
    scopes, rejected = read_body("google_region_carbon", b"\xef\xbb\xbf" + body.encode(), tmp_path, "google_2023.csv")
    assert scopes["2023"].sort("attribute")["amount"].to_list() == [0.29, 560.0]
    assert rejected["reason"].to_list() == ["the region is the name of a place, not a region id"]


@pytest.mark.parametrize("name", ["2021.csv", "google_2021.csv", "2021_vintage_2022-07-18.csv", "2022-07-18_2021.csv"])
def test_the_year_is_told_by_the_name(name: str, tmp_path: Path) -> None:
    scopes, _ = read_body("google_region_carbon", HEADER + "us-east1,x,0.2,500\n", tmp_path, name)
    assert list(scopes) == ["2021"]


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("regions.csv", HEADER + "us-east1,x,0.2,500\n", "call it <year>.csv"),
        ("2021_2022.csv", HEADER + "us-east1,x,0.2,500\n", "call it <year>.csv"),
        ("2023.csv", HEADER, "a header and no row"),
        ("2023.csv", "data/yearly/2019.csv", "no row|expected one column of regions"),
        (
            "2023.csv",
            HEADER.replace("gCO2eq / kWh", "kgCO2eq / kWh") + "us-east1,x,0.2,0.5\n",
            "the intensity in gCO2eq / kWh",
        ),
        ("2023.csv", HEADER.replace("Google CFE", "Share") + "us-east1,x,0.2,500\n", "the carbon-free share"),
        ("2026.csv", HEADER + "us-east1,x,0.2,500\n", "of a year that is over"),
        ("2023.csv", "<!DOCTYPE html><html>", "HTML page"),
        ("2023.csv", "", "empty"),
    ],
)
def test_what_is_not_a_year_of_regions(name: str, body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("google_region_carbon", body, tmp_path, name)


def test_a_factor_in_the_wrong_unit_is_refused(tmp_path: Path) -> None:
    _, rejected = read_body(
        "google_region_carbon", HEADER + "us-east1,x,0.2,560000\nus-east4,x,0.2,500\n", tmp_path, "2023.csv"
    )
    assert rejected["reason"].to_list() == ["intensity in bounds: An intensity between 0 and 1,500 g/kWh"]


def test_live_reads_every_year_that_is_listed(home: Home, replay: ReplayServer) -> None:
    """The list says which years there are: one that is not published yet is not asked for. One that fails costs no other."""
    names = ["2019.csv", "2024.csv", "2023.csv", "latest.csv", "README.md"]
    replay.add(LISTING, json.dumps([{"name": n, "type": "file"} for n in names]))
    replay.add(f"{ROOT}/2019.csv", HEADER.replace("Grid", "Lifecycle grid") + "us-east1,South Carolina,0.19,500\n")
    replay.add(f"{ROOT}/2024.csv", HEADER + "us-east1,South Carolina,0.31,575.77\n")
    replay.add(f"{ROOT}/2023.csv", "", status=404)
    with pytest.raises(FetchError, match=r"1 of 3 requests failed.*2023\.csv"):
        intake.take_live(home, source_named("google_region_carbon"), Window(NOW))
    assert sorted(scope.scope for _, batch in staged(home) for scope in batch.scopes) == ["2019", "2024"]


def test_a_list_without_years_is_told(home: Home, replay: ReplayServer) -> None:
    replay.add(LISTING, json.dumps({"message": "API rate limit exceeded"}))
    with pytest.raises(FetchError, match="names no file of a year.*rate limit"):
        intake.take_live(home, source_named("google_region_carbon"), Window(NOW))
