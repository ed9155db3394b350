"""Offers whose region is a market's own words for a place: the country that the words end with has a grid, and it is said that it is no more than that."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.sources import source_named
from tests.warehouse.taking import HEADER, take
from warehouse.connection import write_session
from warehouse.home import Home

PLACES = {
    "Estonia, EE, EU": "EE",
    "Georgia, US, NA": "US",
    "CA, NA": "CA",
    "US": "US",
    "London, UK, EU": "GB",
    "Brazil, BR, SA": "BR",
    "Riyadh, SA": "SA",
    # A continent, a region's own id, another code: no country.
    "AS": None,
    "SA": None,
    "EU": None,
    "us-east-1": None,
    "CANADA-1": None,
    "EUR-IS-1": None,
    "": None,
}


@pytest.fixture
def market(home: Home) -> Home:
    recording.refresh_reference(home)
    intake.take_bundled(home, source_named("starter_grid_carbon"))
    rows = "".join(
        f'1x_RTX4090,RTX4090,1,8,64,0.4,"{place}",,\n'
        for place in ("Estonia, EE, EU", "AS", "Atlantis, QQ, EU", "EU-Elsewhere")
    )
    assert take(home, HEADER + rows, "2026-01-01", "vast_vms.csv").outcome in ("loaded", "unchanged")
    file = home.root / "use.csv"
    file.write_text(
        "provider,region,instance_type,used_from,used_to,purchase_option,instance_hours\n"
        'vast,"Estonia, EE, EU",1x_RTX4090,2026-01-02T00:00:00Z,2026-01-02T10:00:00Z,on_demand,10\n'
        "vast,AS,1x_RTX4090,2026-01-02T00:00:00Z,2026-01-02T10:00:00Z,on_demand,10\n"
    )
    intake.take_files(home, source_named("usage"), [Path(file)], dt.datetime(2026, 1, 5, tzinfo=dt.UTC))
    for subject in ("grid_carbon", "cloud_rate", "usage"):
        recording.record_subject(home, subject)
    return home


def test_the_country_is_what_the_name_ends_with(market: Home) -> None:
    with write_session(market, catalog()) as con:
        told = {p: con.execute("SELECT _country_in_name(?)", [p]).fetchall()[0][0] for p in PLACES}
    assert told == PLACES


def test_every_answer_has_the_country_and_says_so(market: Home) -> None:
    """siting, region_carbon and usage_cost agree on the latest year of Estonia; unknown stays unknown."""
    with write_session(market, catalog()) as con:
        year = con.sql(
            "SELECT arg_max(intensity_gco2e_per_kwh, valid_from) FROM observed.grid_carbon WHERE zone = 'EE' AND basis_boundary = 'lifecycle' AND resolution = 'P1Y'"
        ).fetchall()[0][0]
        sited = con.sql(
            "SELECT region, zone_used, grid_gco2e_per_kwh, unknown FROM siting(gpu_hours := 10, valid_at := TIMESTAMPTZ '2026-01-02 00:00:00+00') ORDER BY region"
        ).fetchall()
        carbon = con.sql(
            "SELECT zone_used, intensity_gco2e_per_kwh FROM region_carbon('vast', 'Estonia, EE, EU', valid_at := TIMESTAMPTZ '2026-01-02 00:00:00+00')"
        ).fetchall()
        used = con.sql(
            "SELECT region, zone_used, grid_gco2e_per_kwh, unknown FROM usage_cost() ORDER BY region"
        ).fetchall()
    assert year > 0
    assert [row[:3] for row in sited] == [
        ("AS", None, None),
        ("Atlantis, QQ, EU", None, None),
        ("EU-Elsewhere", None, None),
        ("Estonia, EE, EU", "EE", year),
    ]
    assert all(("grid of the region not known" in row[3]) == (row[1] is None) for row in sited)
    assert "carbon of the country, grid zone of the region not known" in sited[3][3]
    assert carbon == [("EE", year)]
    assert [row[:3] for row in used] == [("AS", None, None), ("Estonia, EE, EU", "EE", year)]
    assert "grid of the region not known" in used[0][3]
    assert "carbon of the country" in used[1][3]
