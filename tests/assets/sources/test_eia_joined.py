"""EIA joined by others: real years, ends of hours, a hole that was filled with zeros."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_body, read_files


def test_a_real_year(samples: Path) -> None:
    """The hour that ends at midnight UTC of New Year, by hand; others are left out of it."""
    scopes, _ = read_files("eia_joined", samples / "eia_derived/CISO_NG_avgCI_2022.csv")
    frame = scopes["US-CAL-CISO"].filter(pl.col("basis_boundary") == "lifecycle").sort("valid_from")
    assert frame["valid_from"][0] == dt.datetime(2021, 12, 31, 23, tzinfo=dt.UTC)
    mix = {11: 3130, 48: 1367, 24: 2304, 840: 44, 490: 6764, 820: 19, 12: 2265}
    expected = sum(grams * mw for grams, mw in mix.items()) / sum(mix.values())
    assert frame["intensity_gco2e_per_kwh"][0] == pytest.approx(expected, abs=0.001)


def test_a_hole_filled_with_zeros_is_no_clean_hour(samples: Path) -> None:
    """Without coal, gas and nuclear power PJM is no 43 g/kWh: five hours of October 2022, and 23 that are empty."""
    scopes, rejected = read_files("eia_joined", samples / "eia_derived/PJM_NG_avgCI_2022.csv")
    assert scopes["US-MIDA-PJM"]["intensity_gco2e_per_kwh"].min() > 180
    assert rejected["reason"].str.contains("a gap filled with zeros").sum() == 5
    assert rejected["reason"].str.contains("no generation").sum() == 23
    assert scopes["US-MIDA-PJM"].height + 2 * rejected.height == 2 * 8760


def test_an_hour_of_another_day_is_refused(samples: Path) -> None:
    """In the cold snap of 24 December 2022 one hour states 225 MW of oil between 7,351 and 10,796, and less of all fuels."""
    _, rejected = read_files("eia_joined", samples / "eia_derived/PJM_NG_avgCI_2022.csv")
    holes = rejected.filter(pl.col("reason").str.contains("hardly any generation"))
    assert holes["row_json"].str.json_path_match("$.valid_from").to_list() == ["2022-12-24T04:00:00+00:00"]


@pytest.mark.parametrize("index", ["times", "numbers"])
def test_a_table_kept_with_its_index_has_the_same_figures(index: str, samples: Path, tmp_path: Path) -> None:
    """The first column has no name: it is that of the times, or of the numbers of the rows."""
    text = (samples / "eia_derived/CISO_NG_avgCI_2022.csv").read_text(encoding="utf-8")
    head, *rows = text.splitlines()
    numbered = "\n".join([f",{head}", *(f"{n},{row}" for n, row in enumerate(rows))])
    named, rejected = read_body("eia_joined", text, tmp_path, "CISO_NG_avgCI_2022.csv")
    unnamed, refused = read_body(
        "eia_joined", text.removeprefix("timestamp") if index == "times" else numbered, tmp_path, "CISO_NG_&_avgCI.csv"
    )
    assert unnamed["US-CAL-CISO"].equals(named["US-CAL-CISO"])
    assert refused.equals(rejected)


HEADER = "timestamp,WND,NG,avg_CI\n"


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("ca_2022.csv", HEADER + "2022-01-01 00:00:00+00:00,1,1,1\n", "which balancing authority"),
        ("CISO_2022.csv", "timestamp,NG,Wood\n2022-01-01 00:00:00+00:00,1,1\n", "Wood"),
        ("CISO_2022.csv", "time,NG\n2022-01-01,1\n", "timestamp"),
    ],
)
def test_what_cannot_be_told(name: str, text: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("eia_joined", text, tmp_path, name)


def test_a_time_without_offset_is_refused(tmp_path: Path) -> None:
    text = HEADER + "2022-01-01 00:00:00,1,1,1\n2022-01-01 01:00:00+00:00,1,1,1\n"
    scopes, rejected = read_body("eia_joined", text, tmp_path, "CISO_2022.csv")
    assert scopes["US-CAL-CISO"]["valid_from"].unique().to_list() == [dt.datetime(2022, 1, 1, tzinfo=dt.UTC)]
    assert "no offset" in rejected["reason"][0]
