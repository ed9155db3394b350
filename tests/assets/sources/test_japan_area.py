"""Japan's areas: real half-hours of Tokyo, both encodings, area by the file's name."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_body, read_files

FILE = "asia/jp_tepco_eria_jukyu_2026-04.csv"


def test_real_half_hours(samples: Path) -> None:
    """0:00 of 1 April in Japan is 15:00Z the day before; pumping, batteries and lines do not count."""
    scopes, rejected = read_files("japan_area", samples / FILE)
    frame = scopes["JP-TK"].filter(pl.col("basis_boundary") == "direct").sort("valid_from")
    assert (frame.height, rejected.height) == (100, 0)
    assert frame["valid_from"][0] == dt.datetime(2026, 3, 31, 15, tzinfo=dt.UTC)
    known = 1319 + 9737 + 6769 + 115 + 1224 + 0 + 448 + 0 + 418
    assert frame["intensity_gco2e_per_kwh"][0] == pytest.approx(
        (9737 * 370 + 6769 * 760 + 115 * 733) / known, abs=0.001
    )


def test_shift_jis_and_the_number_of_the_area(samples: Path, tmp_path: Path) -> None:
    text = (samples / FILE).read_text(encoding="utf-8")
    scopes, _ = read_body("japan_area", text.encode("cp932"), tmp_path, "eria_jukyu_202604_06.csv")
    assert list(scopes) == ["JP-KN"]
    scopes, _ = read_body("japan_area", text, tmp_path, "kyuden_2026-04.csv")
    assert list(scopes) == ["JP-KY"]


@pytest.mark.parametrize(
    ("old", "new", "name", "word"),
    [
        ("MW平均", "万kWh", "tepco.csv", "first line"),
        ("火力(石炭)", "石炭", "tepco.csv", "other kinds"),
        ("", "", "eria_jukyu_202604_11.csv", "which area"),
        ("", "", "area.csv", "which area"),
    ],
)
def test_drift_is_named(samples: Path, tmp_path: Path, old: str, new: str, name: str, word: str) -> None:
    text = (samples / FILE).read_text(encoding="utf-8")
    with pytest.raises(LayoutError, match=word):
        read_body("japan_area", text.replace(old, new) if old else text, tmp_path, name)
