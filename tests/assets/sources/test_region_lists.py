"""Undated lists of cloud regions: CodeCarbon, ML CO2 Impact, Cloud Carbon Footprint, Carbon Aware SDK."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.reference.tables import REFERENCE_TABLES, read_reference
from assets.sources import source_named
from assets.sources._base import LayoutError, Window
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.home import Home
from warehouse.staging import staged

NOW = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
IMPACT = "provider,providerName,region,impact,PUE\n"
CCF = "Region,Location,CO2e (metric ton/kWh),Source\n"


@pytest.mark.parametrize(
    ("source_id", "file", "claimed_by", "by_provider"),
    [
        (
            "codecarbon_region",
            "codecarbon/cloud_impact_2022-05.csv",
            "CodeCarbon 2022-05",
            {"aws": 22, "azure": 32, "gcp": 24},
        ),
        ("codecarbon_region", "codecarbon/cloud_impact_2024-07.csv", "CodeCarbon 2024-07", {"gcp": 40}),
        (
            "mlco2_region",
            "mlco2_impact/impact.csv",
            "ML CO2 Impact",
            {"aws": 22, "azure": 32, "coreweave": 3, "gcp": 30, "ovh": 2, "seeweb": 1},
        ),
        ("ccf_region", "ccf/grid-emissions-factors-aws.csv", "Cloud Carbon Footprint (t/kWh x 1,000,000)", {"aws": 25}),
        ("ccf_region", "ccf/grid-emissions-factors-gcp.csv", "Cloud Carbon Footprint (t/kWh x 1,000,000)", {"gcp": 24}),
        ("azure_region_geo", "cloud_region_geo/azure-regions.json", "carbon-aware-sdk", {"azure": 108}),
    ],
)
def test_what_was_typed_reads_as_it_was_typed(
    source_id: str, file: str, claimed_by: str, by_provider: dict[str, int], samples: Path
) -> None:
    """Every typed claim is read with its value and unit; but the coordinates of one region, which were typed shorter."""
    scopes, _ = read_files(source_id, samples / file)
    assert {name: rows.height for name, rows in scopes.items()} == by_provider
    read = pl.concat(scopes.values())
    assert set(read["period"]) == {""}
    typed = read_reference(next(t for t in REFERENCE_TABLES if t.name == "region_claim")).frame.filter(
        (pl.col("claimed_by") == claimed_by) & pl.col("provider").is_in(list(by_provider))
    )
    assert set(typed["source_id"]) == {source_id}
    columns = ["provider", "region", "attribute", "value", "unit"]
    missing = typed.select(columns).join(read.select(columns), on=columns, how="anti")
    assert set(missing["region"]) <= {"israelcentral"}


def test_faults_of_the_lists(samples: Path) -> None:
    """A zero that is none, a provider without a region, a place in the sea, a slip in a name."""
    _, rejected = read_files("mlco2_region", samples / "mlco2_impact/impact.csv")
    assert sorted(rejected["reason"]) == [
        "an intensity of 0: no grid is without emissions",
        "no provider, or not a region id",
    ]
    _, rejected = read_files("azure_region_geo", samples / "cloud_region_geo/azure-regions.json")
    assert rejected["reason"].to_list() == ["coordinates 0, 0: not known, no place"]
    scopes, _ = read_files("codecarbon_region", samples / "codecarbon/cloud_impact_2024-07.csv")
    assert {"me-central1", "me-central2"} <= set(scopes["gcp"]["region"])


def test_tons_are_grams_and_nothing_else_is(tmp_path: Path) -> None:
    """A factor a million times too high stands in no table: where the header says another unit the file is refused."""
    name = "grid-emissions-factors-gcp.csv"
    scopes, _ = read_body("ccf_region", CCF + "us-east1,x,0.000440187,y\n", tmp_path, name)
    assert scopes["gcp"].select("value", "amount").rows() == [("440.187", 440.187)]
    _, rejected = read_body("ccf_region", CCF + "us-east1,x,0.44,y\nus-east4,x,0.0003,y\n", tmp_path, name)
    assert rejected["reason"].to_list() == ["intensity in bounds: An intensity between 0 and 1,500 g/kWh"]
    with pytest.raises(LayoutError, match="metric ton/kWh"):
        read_body("ccf_region", CCF.replace("metric ton", "kg") + "us-east1,x,0.44,y\n", tmp_path, name)
    with pytest.raises(LayoutError, match="one of aws, azure, gcp"):
        read_body("ccf_region", CCF + "us-east1,x,0.0004,y\n", tmp_path, "factors.csv")


@pytest.mark.parametrize(
    ("source_id", "name", "body", "message"),
    [
        ("codecarbon_region", "impact.csv", "provider,region\ngcp,us-east1\n", "column impact is missing"),
        ("codecarbon_region", "impact.csv", IMPACT, "a header and no row"),
        ("mlco2_region", "impact.csv", "<html>", "HTML page"),
        ("azure_region_geo", "regions.json", "[]", "no object of regions"),
        ("azure_region_geo", "regions.json", '{"eastus": {"Name": "eastus"}}', "no object of regions"),
        ("azure_region_geo", "regions.json", '{"eastus": ', "not JSON"),
        ("azure_region_geo", "regions.json", "", "empty"),
    ],
)
def test_what_is_no_list_of_regions(source_id: str, name: str, body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body(source_id, body, tmp_path, name)


def test_a_word_for_a_number_is_refused_alone(tmp_path: Path) -> None:
    scopes, rejected = read_body(
        "mlco2_region", IMPACT + "gcp,x,us-east1,low,1.1\ngcp,x,us-east4,383,\n", tmp_path, "i.csv"
    )
    assert sorted(scopes["gcp"].select("region", "value").rows()) == [("us-east1", "1.1"), ("us-east4", "383")]
    assert rejected["reason"].to_list() == ["impact is 'low': neither a number nor empty"]


@pytest.mark.parametrize(
    ("source_id", "body", "scopes"),
    [
        ("codecarbon_region", IMPACT + "gcp,x,us-east1,383,\naws,x,us-east-1,380,\n", [["aws", "gcp"]]),
        ("mlco2_region", IMPACT + "gcp,x,us-east1,383,1.1\n", [["gcp"]]),
        ("ccf_region", CCF + "us-east1,x,0.0004,y\n", [["aws"], ["azure"], ["gcp"]]),
        ("azure_region_geo", json.dumps({"eastus": {"Latitude": "37.37", "Longitude": "-79.81"}}), [["azure"]]),
    ],
)
def test_live(source_id: str, body: str, scopes: list[list[str]], home: Home, replay: ReplayServer) -> None:
    source = source_named(source_id)
    assert source.plan is not None
    for batch in source.plan(Window(NOW)):
        for request in batch:
            replay.add(request.url, body)
    assert {t.outcome for t in intake.take_live(home, source, Window(NOW))} == {"loaded"}
    assert sorted([s.scope for s in batch.scopes] for _, batch in staged(home)) == scopes
