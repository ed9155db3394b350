"""Regions lie in the box of the zone that is said to feed them: right names in wrong states are found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from assets import recording
from assets.catalog import catalog
from assets.observed.views import SQL
from warehouse.connection import write_session
from warehouse.home import Home

CHECK = (SQL / "region_check.sql").read_text(encoding="utf-8")


@pytest.fixture
def con(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """The reference tables, in a work file that is not kept."""
    recording.refresh_reference(home)
    with write_session(home, catalog()) as warehouse:
        yield warehouse


def doubts(con: duckdb.DuckDBPyConnection) -> list[tuple]:
    """Regions outside the box of their zone."""
    return [row for row in con.execute(CHECK).fetchall() if "outside the zone" in row[2]]


def test_every_zone_of_a_region_has_a_box(con: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT grid_zone FROM reference.region WHERE grid_zone IS NOT NULL AND grid_zone NOT IN (SELECT zone FROM reference.zone_extent)"
    assert con.execute(query).fetchall() == []
    flat = "SELECT zone FROM reference.zone_extent WHERE west_longitude >= east_longitude OR south_latitude >= north_latitude"
    assert con.execute(flat).fetchall() == []


def test_no_region_lies_outside_its_zone(con: duckdb.DuckDBPyConnection) -> None:
    assert doubts(con) == []


@pytest.mark.parametrize(
    ("region", "zone"),
    [("us-east-2", "US-TEX-ERCO"), ("us-west-2", "US-NY-NYIS"), ("eu-west-2", "IE"), ("us-east-1", "US-CAL-CISO")],
)
def test_a_valid_zone_of_another_place_is_found(con: duckdb.DuckDBPyConnection, region: str, zone: str) -> None:
    con.execute("UPDATE reference.region SET grid_zone = ? WHERE provider = 'aws' AND region = ?", [zone, region])
    assert [row[1] for row in doubts(con)] == [region]
    assert zone in doubts(con)[0][2]


def test_swapped_coordinates_are_found(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "UPDATE reference.region SET latitude = longitude, longitude = latitude WHERE provider = 'gcp' AND region = 'asia-northeast1'"
    )
    assert [row[1] for row in doubts(con)] == ["asia-northeast1"]


def test_no_region_is_fed_by_a_retired_zone(con: duckdb.DuckDBPyConnection, samples: Path) -> None:
    """Zones are cut anew and renamed: of one that is retired no value will come any more."""
    names = (samples / "electricitymaps_zone_config" / "retired_zones" / "LIST.txt").read_text(encoding="utf-8").split()
    retired = [name.removesuffix(".yaml") for name in names]
    assert "US-HI-OA" in retired
    for table, column in (("region", "grid_zone"), ("zone_extent", "zone")):
        query = f"SELECT DISTINCT {column} FROM reference.{table} WHERE list_contains(?, {column})"
        assert con.execute(query, [retired]).fetchall() == []
