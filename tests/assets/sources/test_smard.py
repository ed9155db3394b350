"""SMARD: four real weeks with the end of summer time."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError
from assets.sources.smard import ENGLISH, FUELS
from tests.assets.sources.reading import read_body, read_files

HEADER = "\ufeffDatum;Uhrzeit;" + ";".join(f"{name}[MWh]" for name in FUELS) + "\n"


def _row(day: str, time: str, values: dict[str, str]) -> str:
    return f"{day};{time};" + ";".join(values.get(name, "0") for name in FUELS) + "\n"


def _in_english(day: str, time: str) -> str:
    """Jan 31, 2025 11:45 PM."""
    at = dt.datetime.strptime(f"{day} {time} +0000", "%d.%m.%Y %H:%M %z")
    return f"{at:%b} {at.day}, {at.year} {at:%I:%M %p}"


def test_real_weeks_have_no_gap_and_no_double(samples: Path) -> None:
    """2,692 rows, 100 quarters on 25 October: in UTC each follows the last by 15 minutes."""
    scopes, rejected = read_files("smard", samples / "smard/Realisierte_Erzeugung_2020-10-12_2020-11-08.csv")
    slots = scopes["DE"].filter(pl.col("basis_boundary") == "direct").sort("valid_from")["valid_from"]
    assert slots.len() == 2692
    assert slots.diff().drop_nulls().unique().to_list() == [dt.timedelta(minutes=15)]
    assert slots[0] == dt.datetime(2020, 10, 11, 22, tzinfo=dt.UTC)
    assert rejected.is_empty()


def test_the_first_quarter_by_hand(samples: Path) -> None:
    """Nuclear 1,677, lignite 3,760, coal 689, gas 959 MWh; other (348 + 48) and pumped storage (149) left out."""
    scopes, _ = read_files("smard", samples / "smard/Realisierte_Erzeugung_2020-10-12_2020-11-08.csv")
    first = scopes["DE"].sort("valid_from").filter(pl.col("basis_boundary") == "direct")["intensity_gco2e_per_kwh"][0]
    known = 1093 + 470 + 708 + 1722 + 0 + 1677 + 3760 + 689 + 959
    assert first == pytest.approx((3760 * 957 + 689 * 760 + 959 * 370) / known, abs=0.001)


def test_german_numbers(tmp_path: Path) -> None:
    """1.000,5 is a thousand and a half; a dash is nothing."""
    body = HEADER + _row("01.07.2026", "00:00", {"Erdgas": "1.000,5", "Kernenergie": "1.000,5", "Photovoltaik": "-"})
    scopes, _ = read_body("smard", body, tmp_path, "s.csv")
    assert scopes["DE"].filter(pl.col("basis_boundary") == "direct")["intensity_gco2e_per_kwh"].to_list() == [185.0]


def test_numbers_of_the_other_language_are_refused(tmp_path: Path) -> None:
    """1,000.25 is a thousand in English; 1.093 is German, and would be one there."""
    header = "Start date;End date;" + ";".join(f"{name} [MWh] Calculated resolutions" for name in ENGLISH) + "\n"
    for written, figure in (("1,000.25", [370.0]), ("1.093", []), ("1.000,25", [])):
        rows = "".join(
            f"Jan 1, 2026 12:{n:02} AM;;{';'.join(gas if name == 'Fossil gas' else '-' for name in ENGLISH)}\n"
            for n, gas in ((0, written), (15, "5"))
        )
        scopes, rejected = read_body("smard", header + rows, tmp_path, "s.csv")
        direct = scopes["DE"].filter(pl.col("basis_boundary") == "direct").sort("valid_from")
        assert direct["intensity_gco2e_per_kwh"].to_list() == [*figure, 370.0]
        assert direct["valid_from"][-1] == dt.datetime(2025, 12, 31, 23, 15, tzinfo=dt.UTC)
        assert rejected.height == 1 - len(figure)


def test_an_hour_that_does_not_exist(tmp_path: Path) -> None:
    body = HEADER + _row("29.03.2026", "02:30", {"Erdgas": "1"}) + _row("29.03.2026", "03:00", {"Erdgas": "1"})
    scopes, rejected = read_body("smard", body, tmp_path, "s.csv")
    assert scopes["DE"]["valid_from"].dt.hour().unique().to_list() == [1]
    assert "does not exist" in rejected["reason"][0]


def test_the_headers_of_later_years_give_the_same_rows(samples: Path, tmp_path: Path) -> None:
    """The real weeks as SMARD would write them later: start and end beside the day, or both in one; the kind of resolution said."""
    real = (samples / "smard/Realisierte_Erzeugung_2020-10-12_2020-11-08.csv").read_text(encoding="utf-8-sig")
    head, *rows = real.splitlines()
    fuels = [name.removesuffix("[MWh]") + " [MWh] Originalauflösungen" for name in head.split(";")[2:]]
    expected, _ = read_body("smard", real, tmp_path, "s.csv")
    fields = [r.split(";") for r in rows]
    written = {
        "start and end": [";".join(["Datum", "Anfang", "Ende", *fuels])]
        + [";".join([day, time, "24:00", *rest]) for day, time, *rest in fields],
        "in one": [";".join(["Datum von", "Datum bis", *fuels, "Kernfusion [MWh] Originalauflösungen"])]
        + [";".join([f"{day} {time}", f"{day} {time}", *rest, "-"]) for day, time, *rest in fields],
    }
    english = [name + " [MWh] Original resolutions" for name in ENGLISH]
    written["in English"] = [";".join(["Start date", "End date", *english])] + [
        ";".join([_in_english(day, time), "", *(value.replace(".", ",") for value in rest)])
        for day, time, *rest in fields
    ]
    for name, lines in written.items():
        found, rejected = read_body("smard", "\ufeff" + "\n".join(lines) + "\n", tmp_path, "s.csv")
        assert found["DE"].drop("capture_id", strict=False).equals(expected["DE"].drop("capture_id", strict=False)), (
            name
        )
        assert rejected.is_empty()


def test_hours_are_told_from_quarters_also_when_clocks_go_back(tmp_path: Path) -> None:
    """25 October 2026: 02:00 twice, so 25 hours in UTC; days are no hours."""
    hours = ["00:00", "01:00", "02:00", "02:00", "03:00"]
    header = "Datum von;Datum bis;" + ";".join(f"{name} [MWh] Berechnete Auflösungen" for name in FUELS) + "\n"
    values = ";".join("5,25" if name == "Erdgas" else "0" for name in FUELS)
    body = header + "".join(f"25.10.2026 {h};25.10.2026 {h};{values}\n" for h in hours)
    scopes, rejected = read_body("smard", body, tmp_path, "s.csv")
    direct = scopes["DE"].filter(pl.col("basis_boundary") == "direct").sort("valid_from")
    assert rejected.is_empty()
    assert direct["resolution"].unique().to_list() == ["PT1H"]
    assert direct["valid_from"].dt.strftime("%d %H").to_list() == ["24 22", "24 23", "25 00", "25 01", "25 02"]
    days = header + "".join(f"{d}.06.2026 00:00;{d}.06.2026 23:59;{values}\n" for d in ("01", "02", "03"))
    with pytest.raises(LayoutError, match="slots of 1440 minutes"):
        read_body("smard", days, tmp_path, "s.csv")


def test_power_instead_of_energy_is_drift(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="another unit"):
        read_body("smard", HEADER.replace("[MWh]", "[MW]") + _row("01.07.2026", "00:00", {}), tmp_path, "s.csv")
