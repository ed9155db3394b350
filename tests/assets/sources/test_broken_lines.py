"""A CSV file in which one line has a field too many or too few: it costs itself, and is told."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError, csv_rows
from tests.assets.sources.reading import read_body, read_files
from warehouse.captures import Document

#: Source, file, encoding, separator, and the most rows that one line of it makes.
FILES = [
    ("caiso", "caiso/fuelsource_2023-01-01.csv", "utf-8", ",", 2),
    ("nyiso", "us_iso/nyiso_rtfuelmix_20250201.csv", "utf-8", ",", 2),
    ("smard", "smard/Realisierte_Erzeugung_2020-10-12_2020-11-08.csv", "utf-8-sig", ";", 2),
    ("market_hourly", "price_hourly/local_naive/DE-LU_electricity_prices_2024.csv", "utf-8", ",", 1),
    ("market_hourly", "price_hourly/local_naive/US-TEX-ERCO_electricity_prices_2024.csv", "utf-8", ",", 1),
    ("electricity_maps_csv", "electricity_maps_csv/GB_2024_hourly.csv", "utf-8", ",", 2),
    ("energinet_price", "energinet/day_ahead_price_DK1_2024-2026.csv", "utf-8", ",", 1),
    ("gb_carbon_intensity", "gb_carbon_intensity/national_halfhourly_2023.csv", "utf-8", ",", 2),
    ("eia_joined", "eia_derived/CISO_NG_avgCI_2022.csv", "utf-8", ",", 2),
    ("gridemissions", "gridemissions/CO2i_2023-06-10_2023-06-20.csv", "utf-8", ",", 62),
    ("watttime", "watttime/moer_5min_CAISO_NORTH_2023-06-08_2023-07-08.csv", "utf-8", ",", 1),
    ("japan_area", "asia/jp_tepco_eria_jukyu_2026-04.csv", "utf-8-sig", ",", 2),
    ("china_mee", "china_mee/provincial_average_2021.csv", "utf-8", ",", 1),
    ("ember", "ember/api_country_overview_yearly.csv", "utf-8", ",", 1),
    ("ember_monthly", "ember/api_country_overview_monthly.csv", "utf-8", ",", 1),
    ("ember_price", "ember/api_day_ahead_price.csv", "utf-8", ",", 30),
    ("owid", "owid/carbon-intensity-electricity__augustinlafond.csv", "utf-8", ",", 1),
    # Every line of this one ends in a comma, so that a shifted one has an empty field at its end as well.
    ("ecb", "ecb/eurofxref-hist_since2020_vintage_2022-12-31.csv", "utf-8", ",", 43),
]


def _rows(scopes: dict[str, pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([frame.drop("capture_id") for frame in scopes.values()])


@pytest.mark.parametrize(("source_id", "file", "encoding", "separator", "most"), FILES, ids=[f[1] for f in FILES])
def test_one_broken_line_costs_itself(
    source_id: str, file: str, encoding: str, separator: str, most: int, samples: Path, tmp_path: Path
) -> None:
    scopes, refused = read_files(source_id, samples / file)
    lines = (samples / file).read_text(encoding=encoding).splitlines()
    half = len(lines) // 2
    for new in (lines[half].replace(separator, f"{separator}7{separator}", 1), lines[half].split(separator)[0]):
        body = "\n".join([*lines[:half], new, *lines[half + 1 :]]).encode(encoding)
        changed, now_refused = read_body(source_id, body, tmp_path, Path(file).name)
        real, kept = _rows(scopes), _rows(changed)
        assert kept.join(real, on=real.columns, how="anti").is_empty(), "a number that the whole file does not have"
        assert 0 < real.height - kept.height <= most
        assert now_refused["reason"].str.contains("^(more|fewer) fields than the header has").sum() == 1
        assert now_refused.height <= refused.height + 1


def _document(tmp_path: Path, body: str) -> Document:
    file = tmp_path / "a.csv"
    file.write_text(body)
    return Document(file, "file:a.csv", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "csv")


def test_what_a_whole_line_is(tmp_path: Path) -> None:
    """A quoted separator is no field; empty lines are nothing; an empty last field is one."""
    body = 'a,b,c\r\n1,"x, ""y"",z",3\r\n\r\n4,5,\r\n6,7\r\n8,9,10,11\r\n12,13,14,\r\n'
    rows, broken = csv_rows(_document(tmp_path, body), ["a"])
    assert rows.rows() == [("1", 'x, "y",z', "3"), ("4", "5", None)]
    assert broken["row_json"].to_list() == ['{"line":"6,7"}', '{"line":"8,9,10,11"}', '{"line":"12,13,14,"}']
    assert [reason.split()[0] for reason in broken["reason"]] == ["fewer", "more", "more"]


def test_a_separator_at_the_end_of_every_line_is_no_field(tmp_path: Path) -> None:
    rows, broken = csv_rows(_document(tmp_path, "a,b\n1,2,\n3,4,\n5,6,\n7,8,9,\n0,0\n"), ["a"])
    assert rows.rows() == [("1", "2"), ("3", "4"), ("5", "6")]
    assert broken.height == 2


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("a,b\n1\n2\n", "a header and no row"),
        ("a;b;c\n1,5;2;3\n", "separated by semicolons"),
        ("a,b\n\n\n", "a header and no row"),
        ('a,b\n1,"x\ny"\n1,2,3\n', "more fields"),
        ("", "empty"),
    ],
)
def test_a_table_without_a_whole_line_is_refused(body: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        csv_rows(_document(tmp_path, body), [])


def test_a_file_that_is_not_utf_8_says_so(tmp_path: Path) -> None:
    body = "country_or_region,country_code,year,x\nCura\xe7ao,CUW,2020,1\n".encode("latin-1")
    with pytest.raises(LayoutError, match="save it as CSV UTF-8"):
        read_body("ember", body, tmp_path, "a.csv")
