"""SMARD: four real weeks with the end of summer time."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError
from assets.sources.smard import FUELS
from tests.assets.sources.reading import read_body, read_files

HEADER = "\ufeffDatum;Uhrzeit;" + ";".join(f"{name}[MWh]" for name in FUELS) + "\n"


def _row(day: str, time: str, values: dict[str, str]) -> str:
    return f"{day};{time};" + ";".join(values.get(name, "0") for name in FUELS) + "\n"


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


def test_an_hour_that_does_not_exist(tmp_path: Path) -> None:
    body = HEADER + _row("29.03.2026", "02:30", {"Erdgas": "1"}) + _row("29.03.2026", "03:00", {"Erdgas": "1"})
    scopes, rejected = read_body("smard", body, tmp_path, "s.csv")
    assert scopes["DE"]["valid_from"].dt.hour().unique().to_list() == [1]
    assert "does not exist" in rejected["reason"][0]


def test_power_instead_of_energy_is_drift(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="another unit"):
        read_body("smard", HEADER.replace("[MWh]", "[MW]") + _row("01.07.2026", "00:00", {}), tmp_path, "s.csv")
