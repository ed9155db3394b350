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


UNIT = "単位[MW平均]"
NAMES = (
    "DATE,TIME,エリア需要,原子力,火力(LNG),火力(石炭),火力(石油),火力(その他),水力,地熱,バイオマス,太陽光発電実績,太陽光出力制御量,"
    "風力発電実績,風力出力制御量,揚水,蓄電池,連系線,その他,合計"
)
#: Half of it coal and half of it hydro: 380 g/kWh.
VALUES = ",900,0,0,300,0,0,300,,0,0,0,0,0,100,0,200,,900"


def _starts(text: str | bytes, tmp_path: Path, name: str) -> list[str]:
    """The starts of the slots read, in UTC; all of them at 380 g/kWh."""
    scopes, rejected = read_body("japan_area", text, tmp_path, name)
    (frame,) = scopes.values()
    direct = frame.filter(pl.col("basis_boundary") == "direct").sort("valid_from")
    assert set(direct["intensity_gco2e_per_kwh"]) == {380.0} and rejected.is_empty()
    return direct["valid_from"].dt.strftime("%dT%H:%M").to_list()


def test_a_day_that_ends_with_24_oclock_is_told_by_the_end_of_its_slots(tmp_path: Path) -> None:
    """Kyushu: quoted, without slashes, letters and brackets in full width; 24:00 of the first of April ends at 15:00Z."""
    wide = NAMES.replace("LNG", "ＬＮＧ").replace("(", "（").replace(")", "）")
    lines = [f"{UNIT},,,供給力", wide, f"20260401,0:30{VALUES}", f"20260401,1:00{VALUES}", f"20260401,24:00{VALUES}"]
    quoted = "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in lines)
    expected = ["31T15:00", "31T15:30", "01T14:30"]
    assert sorted(_starts(quoted.encode("cp932"), tmp_path, "eria_jukyu_202604_09.csv")) == sorted(expected)


def test_slots_to_come_and_what_was_held_back_are_no_generation(tmp_path: Path) -> None:
    """Tohoku and Okinawa: two more columns of what was held back; empty rows up to the end of the day."""
    names = NAMES.replace(",水力", ",火力出力制御量,水力").replace(",太陽光発電", ",バイオマス出力制御量,太陽光発電")
    cells = VALUES.split(",")
    cells = [*cells[:7], "700", *cells[7:10], "800", *cells[10:]]
    lines = [f"{UNIT},,供給力", names, f"2026/4/15,0:00{','.join(cells)}", f"2026/4/15,0:30{',' * (len(cells) - 1)}"]
    assert _starts("\n".join(lines), tmp_path, "realtime_jukyu_20260415_02.csv") == ["14T15:00"]


@pytest.mark.parametrize("times", [("10:00", "10:30"), ("0:00", "24:00")])
def test_times_that_may_begin_or_end_their_slots_are_refused(times: tuple[str, str], tmp_path: Path) -> None:
    lines = [UNIT, NAMES, *(f"2026/4/1,{time}{VALUES}" for time in times)]
    with pytest.raises(LayoutError, match="begin or end"):
        read_body("japan_area", "\n".join(lines), tmp_path, "eria_jukyu_202604_06.csv")
