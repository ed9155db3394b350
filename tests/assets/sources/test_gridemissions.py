"""gridemissions: real hours, ends of hours, what lies outside the United States."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_body, read_files

FILE = "gridemissions/CO2i_2023-06-10_2023-06-20.csv"


def test_real_hours(samples: Path) -> None:
    """552 g/kWh of AECI in the hour that ends at midnight; Canada and Mexico (8 columns of 70) are assumptions."""
    scopes, rejected = read_files("gridemissions", samples / FILE)
    frame = scopes["US"]
    first = frame.filter(pl.col("zone") == "US-MIDW-AECI").sort("valid_from").row(0, named=True)
    assert (first["valid_from"], first["intensity_gco2e_per_kwh"]) == (dt.datetime(2023, 6, 9, 23, tzinfo=dt.UTC), 552)
    assert frame.select("basis_boundary", "basis_kind").unique().rows() == [("lifecycle", "estimated")]
    assert (frame.height, rejected.height) == (62 * 20, 8 * 20)
    assert rejected["reason"].str.contains("United States").all()


def test_energies_are_no_intensities(samples: Path) -> None:
    with pytest.raises(LayoutError, match="CO2i"):
        read_files("gridemissions", samples / "gridemissions/E_raw_2023-06-10_2023-06-20.csv")


def test_the_other_form_of_time_and_a_unit_slip(tmp_path: Path) -> None:
    """Hours as in the raw files; tonnes written as grams of another power are beyond the bound."""
    text = "period,CO2i_PJM_D,CO2i_ERCO_D,CO2i_MISO_D,CO2i_CISO_D\n2023-06-10T01,370.5,401,512,362000\n"
    scopes, rejected = read_body("gridemissions", text, tmp_path, "g.csv")
    assert scopes["US"]["zone"].sort().to_list() == ["US-MIDA-PJM", "US-MIDW-MISO", "US-TEX-ERCO"]
    assert scopes["US"]["valid_from"].unique().to_list() == [dt.datetime(2023, 6, 10, tzinfo=dt.UTC)]
    assert rejected.height == 1
