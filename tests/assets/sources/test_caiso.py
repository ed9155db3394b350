"""CAISO fuel mix: a real day, both clock changes, and what it must survive."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets.intake import take_live
from assets.sources._base import LayoutError, Window
from assets.sources.caiso import CAISO
from tests.assets.sources.reading import OBSERVED_AT, read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

HEADER = "Time,Solar,Wind,Natural gas,Batteries,Imports,Other,Nuclear,Small hydro,Large hydro\n"
MIX = "-1,50,50,-300,4000,0,0,0,0"


def _day(times: list[str], mix: str = MIX) -> str:
    return HEADER + "".join(f"{t},{mix}\n" for t in times)


def _utc(frame: pl.DataFrame) -> list[str]:
    return frame.filter(pl.col("basis_boundary") == "direct")["valid_from"].dt.strftime("%d %H:%M").sort().to_list()


def _read(body: str, day: str, tmp_path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    scopes, rejected = read_body("caiso", body, tmp_path, f"fuelsource_{day}.csv")
    return next(iter(scopes.values()), pl.DataFrame()), rejected


def test_a_real_day(samples: Path) -> None:
    """288 slots from 08:00Z; the first by hand: gas 8225, coal 4 of 16,739 MW (no imports, batteries, solar -37)."""
    scopes, rejected = read_files("caiso", samples / "caiso/fuelsource_2023-01-01.csv")
    frame = scopes["US-CAL-CISO 2023-01-01"]
    assert frame.height == 2 * 288
    first = frame.filter(pl.col("valid_from") == dt.datetime(2023, 1, 1, 8, tzinfo=dt.UTC))
    direct = first.filter(pl.col("basis_boundary") == "direct")["intensity_gco2e_per_kwh"].item()
    assert direct == pytest.approx((8225 * 370 + 4 * 760) / 16739, abs=0.001)
    assert rejected.is_empty()


def test_the_real_spring_file_is_empty_where_the_clock_jumps(samples: Path) -> None:
    """The sample of that day is of demand, no mix: refused by its columns. Its empty rows model the next test."""
    text = (samples / "caiso/netdemand_2019-03-10_spring_dst.csv").read_text()
    assert "02:00,,," in text
    with pytest.raises(LayoutError, match="natural gas"):
        read_files("caiso", samples / "caiso/netdemand_2019-03-10_spring_dst.csv")


def test_clocks_go_forward(tmp_path: Path) -> None:
    """01:55 is 09:55Z, the empty hour is nothing, 03:00 is 10:00Z; the closing 00:00 belongs to the next day."""
    body = (
        _day(["00:00", "01:55"])
        + "02:00,,,,,,,,,\n02:55,,,,,,,,,\n"
        + _day(["03:00", "23:55", "00:00"]).removeprefix(HEADER)
    )
    frame, rejected = _read(body, "2019-03-10", tmp_path)
    assert _utc(frame) == ["10 08:00", "10 09:55", "10 10:00", "11 06:55", "11 07:00"]
    assert rejected.is_empty()


def test_a_value_in_the_hour_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    frame, rejected = _read(_day(["01:55", "02:30", "03:00"]), "2019-03-10", tmp_path)
    assert _utc(frame) == ["10 09:55", "10 10:00"]
    assert "does not exist" in rejected["reason"][0]


def test_clocks_go_back(tmp_path: Path) -> None:
    """The first 01:00 is 08:00Z, the second 09:00Z."""
    frame, rejected = _read(_day(["00:55", "01:00", "01:55", "01:00", "01:55", "02:00"]), "2019-11-03", tmp_path)
    assert _utc(frame) == ["03 07:55", "03 08:00", "03 08:55", "03 09:00", "03 09:55", "03 10:00"]
    assert rejected.is_empty()


def test_an_hour_printed_once_on_that_day_cannot_be_placed(tmp_path: Path) -> None:
    frame, rejected = _read(_day(["00:55", "01:00", "02:00"]), "2019-11-03", tmp_path)
    assert _utc(frame) == ["03 07:55", "03 10:00"]
    assert "occurs twice" in rejected["reason"][0]


@pytest.mark.parametrize(
    ("name", "body", "word"),
    [
        ("fuelsource_2023-01-01.csv", "<html><body>not found</body></html>", "HTML"),
        ("fuelsource_2023-01-01.csv", "", "empty"),
        ("fuelsource.csv", _day(["00:00"]), "no date"),
        (
            "fuelsource_2023-01-01.csv",
            HEADER.replace("Natural gas", "Gas") + "00:00,1,1,1,1,1,1,1,1,1\n",
            "natural gas is missing",
        ),
    ],
)
def test_what_is_no_fuel_mix(name: str, body: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("caiso", body, tmp_path, name)


def test_a_fuel_that_is_not_known_has_no_factor(tmp_path: Path) -> None:
    """A little of it is left out above and below the line; much of it, and nobody can say what the slot emits."""
    plain, _ = read_body("caiso", HEADER + "00:00,10,0,90,0,0,0,0,0,0\n", tmp_path, "fuelsource_2023-01-01.csv")
    header = HEADER.replace("Other", "Fusion")
    little, rejected = read_body("caiso", header + "00:00,10,0,90,0,0,5,0,0,0\n", tmp_path, "fuelsource_2023-01-01.csv")
    assert [f["intensity_gco2e_per_kwh"].to_list() for f in little.values()] == [
        f["intensity_gco2e_per_kwh"].to_list() for f in plain.values()
    ]
    assert rejected.is_empty()
    much, rejected = read_body("caiso", header + "00:00,10,0,90,0,0,50,0,0,0\n", tmp_path, "fuelsource_2023-01-01.csv")
    assert all(f.is_empty() for f in much.values())
    assert "33.3% of the generation has no emission factor" in rejected["reason"][0]


def test_live(home: Home, replay: ReplayServer) -> None:
    """Three finished days; a day that answers with a page is rejected and does not stop the others."""
    base = "https://www.caiso.com/outlook/history"
    replay.add(f"{base}/20260829/fuelsource.csv", _day(["00:00"]))
    replay.add(f"{base}/20260830/fuelsource.csv", "<html>no such day</html>")
    replay.add(f"{base}/20260828/fuelsource.csv", _day(["00:00"]))
    taken = take_live(home, CAISO, Window(OBSERVED_AT))
    assert [t.outcome for t in taken] == ["loaded", "loaded", "rejected"]
    days = [s.frame["valid_from"].min().date().isoformat() for _, b in staging.staged(home) for s in b.scopes]
    assert days == ["2026-08-28", "2026-08-29"]


def test_cells_that_are_no_numbers_are_never_left_out_in_silence(tmp_path: Path) -> None:
    """Thousands with a comma, or a column that is empty all day: the slots are refused, not computed from the rest."""
    head = "time,Solar,Wind,Natural gas,Nuclear,Imports,Small hydro,Large hydro\n"
    for gas, why in (('"8,000"', "natural gas is not a number"), ("", "natural gas is missing")):
        rows = "".join(f"{h:02}:00,100,2000,{gas},2245,6000,0,0\n" for h in range(3))
        scopes, rejected = read_body("caiso", head + rows, tmp_path, "fuelsource_2024-02-29.csv")
        assert not scopes
        assert rejected["reason"].str.contains(why).sum() == 3


def test_one_of_two_columns_of_a_fuel_is_missed_too(tmp_path: Path) -> None:
    """Large hydro empty for a slot or all day, small hydro there: hydro is not whole."""
    head = "Time,Solar,Natural gas,Small hydro,Large hydro,Imports,Wind,Nuclear\n"
    rows = "".join(f"{h:02}:00,100,2000,50,{'' if h == 1 else 900},6000,0,0\n" for h in range(3))
    scopes, rejected = read_body("caiso", head + rows, tmp_path, "fuelsource_2024-02-29.csv")
    assert next(iter(scopes.values()))["valid_from"].n_unique() == 2
    assert rejected["reason"].to_list() == ["generation of large hydro is missing, it is not zero"]
    _, rejected = read_body("caiso", head + rows.replace("900", ""), tmp_path, "fuelsource_2024-02-29.csv")
    assert rejected["reason"].to_list() == ["generation of large hydro is missing, it is not zero"] * 3


def test_a_new_column_of_words_is_no_fuel_and_one_of_numbers_is_one_without_a_factor(tmp_path: Path) -> None:
    head = "Time,Solar,Natural gas,Nuclear,Imports,New,Wind,Small hydro,Large hydro\n"
    for new, refused in (("remark", 0), ("500", 3)):
        rows = "".join(f"{h:02}:00,100,2000,2245,6000,{new},0,0,0\n" for h in range(3))
        _, rejected = read_body("caiso", head + rows, tmp_path, "fuelsource_2024-02-29.csv")
        assert rejected["reason"].str.contains("no emission factor").sum() == rejected.height == refused


@pytest.mark.parametrize("column", ["Solar", "Wind", "Natural gas", "Nuclear", "Small hydro", "Large hydro"])
def test_a_column_that_is_gone_is_no_zero(column: str, tmp_path: Path) -> None:
    """Without the column of wind all else alone looked a quarter dirtier."""
    frame = pl.read_csv(_day(["00:00", "00:05"]).encode()).drop(column)
    with pytest.raises(LayoutError, match=f"{column.lower()} is missing"):
        read_body("caiso", frame.write_csv(), tmp_path, "fuelsource_2024-02-29.csv")


def test_hours_are_not_five_minutes(tmp_path: Path) -> None:
    frame, rejected = _read(_day([f"{h:02}:00" for h in range(24)]), "2024-02-29", tmp_path)
    assert frame.is_empty()
    assert rejected["reason"].unique().to_list() == [
        "its neighbour begins 60.0 minutes away: the slots are not of 5 minutes"
    ]
