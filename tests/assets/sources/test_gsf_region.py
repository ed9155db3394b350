"""The Green Software Foundation's table of cloud regions: three versions of it, and what it must survive."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources import source_named
from assets.sources._base import FetchError, LayoutError, Window
from tests.assets.sources.reading import read_body, read_files, typed_claims
from tests.replay import ReplayServer
from warehouse.home import Home
from warehouse.last_answers import remember_answers
from warehouse.staging import staged

URL = "https://raw.githubusercontent.com/Green-Software-Foundation/real-time-cloud/main/Cloud_Region_Metadata.csv"

NOW = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
HEADER = "year,cloud-provider,cloud-region,em-zone-id,location,geolocation,provider-cfe-hourly,power-usage-effectiveness,provider-carbon-intensity-market-annual"


def table(*rows: str, header: str = HEADER) -> str:
    return "\n".join((header, *rows)) + "\n"


def read(text: str | bytes, folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All claims of a table, and what was refused of it."""
    scopes, rejected = read_body("gsf_region", text, folder, "table.csv")
    return pl.concat(scopes.values()), rejected


def said(rows: pl.DataFrame, attribute: str) -> list[tuple]:
    return rows.filter(pl.col("attribute") == attribute).select("region", "value", "amount").sort("region").rows()


@pytest.mark.parametrize(
    ("version", "years", "claims"),
    [("2025-02-17", 5, 1504), ("2025-07-21", 5, 2187), ("2026-02-24", 6, 2760)],
)
def test_every_version(version: str, years: int, claims: int, samples: Path) -> None:
    """The counts: filled fields of the columns that are read, coordinates counted twice, less those of asiapacific and 19 gaps."""
    scopes, rejected = read_files("gsf_region", samples / f"cloud_region_metadata/Cloud_Region_Metadata_{version}.csv")
    rows = pl.concat(scopes.values())
    assert (len(scopes), rows.height) == (years, claims)
    assert rejected["reason"].value_counts(sort=True).rows() == [
        ("a carbon-free share of 0 where Google's own table of that year is empty: a gap, not a share", 19),
        ("cloud-region names a geography of several regions", 2),
    ]
    assert set(rows["provider"]) == {"aws", "azure", "gcp"}
    northeurope = rows.filter((pl.col("region") == "northeurope") & (pl.col("attribute") == "grid_zone"))
    assert set(northeurope.select("place", "period", "value").rows()) == {
        (place, year, zone) for place, zone in (("Ireland", "IE"), ("Finland", "FI")) for year in ("2022", "2023")
    }
    # A market-based zero is what the provider claims.
    assert (rows.filter(pl.col("attribute") == "market_based_gco2e_per_kwh")["amount"] == 0).any()


def test_the_version_that_was_typed_reads_as_it_was_typed(samples: Path) -> None:
    """Every typed claim is read with its value and unit; read beside them: attributes that were not typed, and AWS's WUE of 2023."""
    typed = typed_claims("gsf_region").select(
        "provider",
        "region",
        "attribute",
        pl.col("claimed_by").str.extract(r", (.*)$").fill_null("").alias("basis"),
        pl.col("claimed_by").str.extract(r"\(row (\w+)\)").fill_null("").alias("place"),
        pl.col("year").cast(pl.Int32).cast(pl.String).alias("period"),
        "value",
        "unit",
    )
    scopes, _ = read_files("gsf_region", samples / "cloud_region_metadata/Cloud_Region_Metadata_2026-02-24.csv")
    rows = pl.concat(scopes.values()).select(typed.columns)
    assert typed.height == 1794
    assert typed.join(rows, on=typed.columns, how="anti").rows() == []
    beside = rows.join(typed, on=typed.columns, how="anti")
    untyped = beside.filter(pl.col("attribute") != "wue_l_per_kwh")
    assert set(untyped["attribute"]) == {
        "latitude",
        "longitude",
        "marginal_gco2e_per_kwh",
        "use_weighted_gco2e_per_kwh",
    }
    water = beside.filter(pl.col("attribute") == "wue_l_per_kwh")
    assert (water.height, set(water["provider"])) == (38, {"aws"})


def test_what_the_next_version_changed(samples: Path) -> None:
    """Between July 2025 and February 2026 no claim of an old year was taken back; those of 2024 came."""
    old, new = (
        pl.concat(
            read_files("gsf_region", samples / f"cloud_region_metadata/Cloud_Region_Metadata_{v}.csv")[0].values()
        )
        for v in ("2025-07-21", "2026-02-24")
    )
    key = ["provider", "region", "attribute", "basis", "place", "period"]
    assert old.join(new, on=key, how="anti").height == 0
    both = old.join(new, on=key, suffix="_new")
    assert both.filter(pl.col("amount") != pl.col("amount_new")).height == 3
    assert set(new.join(old, on=key, how="anti")["period"]) == {"2024"}


def test_what_is_not_available_claims_nothing(tmp_path: Path) -> None:
    words = ["", "Not available", "N/A", "NA", "*", "-", " n/a "]
    rows, rejected = read(
        table(*(f"2023,Amazon Web Services,eu-west-{n},IE,,,,{word},0" for n, word in enumerate(words))), tmp_path
    )
    assert said(rows, "pue") == []
    assert len(said(rows, "market_based_gco2e_per_kwh")) == len(words)
    assert rejected.height == 0


def test_shares_in_per_cent_and_as_parts_of_one(tmp_path: Path) -> None:
    signed, _ = read(
        table("2023,Google Cloud,us-east1,US-CAR-SC,,,29%,,", "2023,Google Cloud,us-west1,US,,,0.84,,"), tmp_path
    )
    assert said(signed, "carbon_free_share") == [("us-east1", "0.29", 0.29), ("us-west1", "0.84", 0.84)]
    numbers, _ = read(
        table("2023,Google Cloud,a1,,,,29,,", "2023,Google Cloud,b1,,,,84,,", "2023,Google Cloud,c1,,,,1,,"), tmp_path
    )
    assert [amount for *_, amount in said(numbers, "carbon_free_share")] == [0.29, 0.84, 0.01]


def test_a_wrong_field_is_refused_and_its_row_is_kept(tmp_path: Path) -> None:
    rows, rejected = read(
        table(
            '2023,Google Cloud,us-east1,US-CAR-SC,,"33.2,-80.0 ",0.29,1.1,0',
            '2023,Google Cloud,us-east2,US-SE-SOCO,,"33.2 -80",1.3,0.4,2400',
            "2023,Google Cloud,us-east3,US-SE-SOCO,,,0.3,low,0",
        ),
        tmp_path,
    )
    assert said(rows, "pue") == [("us-east1", "1.1", 1.1)]
    assert said(rows, "longitude") == [("us-east1", "-80", -80.0)]
    assert len(said(rows, "grid_zone")) == 3
    assert sorted(rejected["reason"]) == [
        "intensity in bounds: An intensity between 0 and 1,500 g/kWh",
        "latitude is '33.2 -80': neither a number nor empty",
        "longitude is '33.2 -80': neither a number nor empty",
        "power-usage-effectiveness is 'low': neither a number nor empty",
        "pue in bounds: A PUE between 1 (no building uses less than its computers) and 3",
        "share in bounds: A share between 0 and 1",
    ]


def test_rows_that_are_no_region_of_a_year(tmp_path: Path) -> None:
    rows, rejected = read(
        table(
            "2023,Microsoft Azure,Finland,FI,Finland,,,1.12,",
            "2023,Microsoft Azure,West Europe,NL,Netherlands,,,1.12,",
            "2026,Google Cloud,us-east1,US-CAR-SC,,,0.29,,",
            "last,Google Cloud,us-east1,US-CAR-SC,,,0.29,,",
            "2023,,us-east1,US-CAR-SC,,,0.29,,",
            "2023.0,Oracle Cloud Infrastructure,us-ashburn-1,US-MIDA-PJM,,,,1.34,",
        ),
        tmp_path,
    )
    assert rows.select("provider", "region", "period").unique().rows() == [("oci", "us-ashburn-1", "2023")]
    assert sorted(rejected["reason"]) == [
        "cloud-region is the name of a place, not a region id",
        "cloud-region is the name of a place, not a region id",
        "no cloud-provider or no cloud-region",
        "the year was not over when this was seen: an estimate, not what was measured",
        "year is no year",
    ]


def test_two_rows_of_one_region_without_places_are_both_refused(tmp_path: Path) -> None:
    rows, rejected = read(
        table("2023,Microsoft Azure,aa,IE,,,,,", "2023,Microsoft Azure,aa,FI,,,,,", "2023,Microsoft Azure,bb,FI,,,,,"),
        tmp_path,
    )
    assert rows["region"].to_list() == ["bb"]
    assert rejected.height == 2
    assert rejected["reason"].str.starts_with("two different rows have the same key").all()


def test_names_of_columns(tmp_path: Path) -> None:
    """Capitals, blanks, a byte order mark and columns without a name; a lost key column and a table of other things are told."""
    bom = (
        b"\xef\xbb\xbf"
        + table(
            "2023,Google Cloud,us-east1,1.1,,", header="Year,Cloud Provider,cloud_region ,Power-Usage-Effectiveness,,"
        ).encode()
    )
    assert said(read(bom, tmp_path)[0], "pue") == [("us-east1", "1.1", 1.1)]
    with pytest.raises(LayoutError, match="column cloud-region is missing"):
        read(
            table("2023,Google Cloud,us-east1,1.1", header="year,cloud-provider,region,power-usage-effectiveness"),
            tmp_path,
        )
    with pytest.raises(LayoutError, match="no column that claims anything"):
        read(table("2023,Google Cloud,us-east1", header="year,cloud-provider,cloud-region"), tmp_path)
    with pytest.raises(LayoutError, match="HTML page"):
        read("<html>blocked</html>", tmp_path)
    with pytest.raises(LayoutError, match="empty"):
        read("", tmp_path)


def test_estimates_are_told_by_their_name(tmp_path: Path) -> None:
    """The file beside it has the same columns; in a later year nothing else would tell it apart."""
    with pytest.raises(LayoutError, match="estimates of a running year"):
        read_body(
            "gsf_region",
            table("2024,Google Cloud,us-east1,US,,,0.3,1.1,0"),
            tmp_path,
            "Cloud_Region_Metadata_estimate.csv",
        )


def test_live(home: Home, replay: ReplayServer) -> None:
    replay.add(URL, table("2023,Google Cloud,us-east1,US-CAR-SC,,,0.29,1.1,0"), times=1)
    replay.add(URL, "not found", status=404)
    source = source_named("gsf_region")
    (taken,) = intake.take_live(home, source, Window(NOW))
    assert (taken.outcome, taken.row_count) == ("loaded", 4)
    assert [[scope.scope for scope in batch.scopes] for _, batch in staged(home)] == [["2023"]]
    with pytest.raises(FetchError, match="404"):
        intake.take_live(home, source, Window(NOW))


def test_a_version_that_lost_most_regions_is_refused(home: Home, tmp_path: Path) -> None:
    source = source_named("gsf_region")
    regions = [f"2023,Google Cloud,us-east{n},US-CAR-SC,,,0.29,1.1,0" for n in range(9)]
    for rows, day, outcome in ((regions, 1, "loaded"), (regions[:2], 2, "rejected")):
        file = tmp_path / f"{day}.csv"
        file.write_text(table(*rows))
        (taken,) = intake.take_files(home, source, [file], dt.datetime(2026, 8, day, tzinfo=dt.UTC))
        assert taken.outcome == outcome
        for _, batch in staged(home):
            remember_answers(home, batch)
