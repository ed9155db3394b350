"""NYISO fuel mix: two real days, the hour that occurs twice."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets.intake import take_live
from assets.sources._base import FetchError, LayoutError, Window
from assets.sources.nyiso import NYISO
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

HEADER = "Time Stamp,Time Zone,Fuel Category,Gen MW\n"
FUELS = ("Dual Fuel", "Natural Gas", "Nuclear", "Hydro", "Wind")


def rows(time: str, zone: str, *left_out: str) -> str:
    return "".join(f"{time},{zone},{fuel},10\n" for fuel in FUELS if fuel not in left_out)


def test_a_day_of_new_york(samples: Path) -> None:
    """288 slots from 05:00Z; the first of 2 February by hand (other 1 + 241 MW left out)."""
    scopes, rejected = read_files("nyiso", samples / "us_iso/nyiso_rtfuelmix_20250202.csv")
    frame = scopes["US-NY-NYIS"].filter(pl.col("basis_boundary") == "direct").sort("valid_from")
    assert frame.height == 288
    assert frame["valid_from"][0] == dt.datetime(2025, 2, 2, 5, tzinfo=dt.UTC)
    known = 5253 + 4445 + 3271 + 143 + 2074
    assert frame["intensity_gco2e_per_kwh"][0] == pytest.approx((5253 + 4445) * 370 / known, abs=0.001)
    assert rejected["reason"].unique().to_list() == ["a time between the five-minute slots"]
    assert rejected.height == 14


def test_the_other_day_has_nothing_to_refuse(samples: Path) -> None:
    scopes, rejected = read_files("nyiso", samples / "us_iso/nyiso_rtfuelmix_20250201.csv")
    assert scopes["US-NY-NYIS"].height == 2 * 288
    assert rejected.is_empty()


def test_clocks_go_back(tmp_path: Path) -> None:
    """01:05 EDT is 05:00Z to 05:05Z, 01:05 EST an hour later."""
    body = HEADER + rows("11/03/2024 01:05:00", "EDT") + rows("11/03/2024 01:05:00", "EST")
    scopes, _ = read_body("nyiso", body, tmp_path, "n.csv")
    assert scopes["US-NY-NYIS"]["valid_from"].dt.hour().unique().sort().to_list() == [5, 6]


def test_an_unknown_clock_is_refused(tmp_path: Path) -> None:
    body = HEADER + "11/03/2024 01:05:00,PST,Hydro,10\n" + rows("11/03/2024 01:10:00", "EST")
    scopes, rejected = read_body("nyiso", body, tmp_path, "n.csv")
    assert scopes["US-NY-NYIS"].height == 2
    assert "EST, EDT" in rejected["reason"][0]


def test_a_zone_that_is_not_that_of_the_day_is_refused(tmp_path: Path) -> None:
    """Summer time in February is an hour off."""
    body = HEADER + rows("02/01/2025 00:05:00", "EDT") + rows("02/01/2025 00:10:00", "EST")
    scopes, rejected = read_body("nyiso", body, tmp_path, "n.csv")
    assert scopes["US-NY-NYIS"]["valid_from"].unique().to_list() == [dt.datetime(2025, 2, 1, 5, 5, tzinfo=dt.UTC)]
    assert rejected["reason"].unique().to_list() == ["the time zone is not the one of New York at that time"]


@pytest.mark.parametrize("fuel", FUELS)
def test_a_fuel_that_is_gone_from_the_whole_file_is_no_zero(fuel: str, tmp_path: Path) -> None:
    """A file without Dual Fuel gave two thirds of the emissions."""
    scopes, rejected = read_body("nyiso", HEADER + rows("02/01/2025 00:05:00", "EST", fuel), tmp_path, "n.csv")
    assert not scopes
    assert rejected["reason"].to_list() == [f"generation of {fuel} is missing, it is not zero"]


def test_an_old_and_a_revised_row_are_not_added_up(tmp_path: Path) -> None:
    once, again = rows("02/01/2025 00:05:00", "EST"), "02/01/2025 00:05:00,EST,Hydro,11\n"
    scopes, rejected = read_body("nyiso", HEADER + once + again, tmp_path, "n.csv")
    assert not scopes
    assert rejected["reason"].to_list() == ["generation of Hydro is stated twice, differently"]
    scopes, rejected = read_body("nyiso", HEADER + once + once, tmp_path, "n.csv")
    assert (scopes["US-NY-NYIS"].height, rejected.height) == (2, 0)


def test_an_empty_file(samples: Path) -> None:
    with pytest.raises(LayoutError, match="empty"):
        read_files("nyiso", samples / "us_iso/spp_rtbm_lmp_2025-03-31_0845_empty.csv")


def test_live_asks_for_two_days_of_new_york(home: Home, replay: ReplayServer) -> None:
    """At 03:00Z it is still the day before in New York; a day that is not there (404) does not cost the other."""
    base = "https://mis.nyiso.com/public/csv/rtfuelmix"
    replay.add(f"{base}/20250831rtfuelmix.csv", HEADER + rows("08/31/2025 00:05:00", "EDT"))
    now = dt.datetime(2025, 9, 1, 3, tzinfo=dt.UTC)
    with pytest.raises(FetchError, match="20250830"):
        take_live(home, NYISO, Window(now))
    frames = [s.frame for _, b in staging.staged(home) for s in b.scopes]
    assert [f["valid_from"].min() for f in frames] == [dt.datetime(2025, 8, 31, 4, tzinfo=dt.UTC)]


def test_the_older_name_of_the_last_column(tmp_path: Path) -> None:
    """Megawatts under the name of megawatt-hours."""
    text = HEADER.replace("Gen MW", "Gen MWh") + rows("11/22/2017 00:05:00", "EST")
    scopes, rejected = read_body("nyiso", text, tmp_path, "20171122rtfuelmix.csv")
    assert scopes["US-NY-NYIS"].height == 2
    assert rejected.is_empty()
    with pytest.raises(LayoutError, match="Gen MW"):
        read_body("nyiso", text.replace("Gen MWh", "Load"), tmp_path, "20171122rtfuelmix.csv")
