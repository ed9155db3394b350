"""PJM: a real day, and a page that cuts an hour."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_body, read_files


def test_a_real_day(samples: Path) -> None:
    """22 hours from midnight UTC; the first by hand."""
    scopes, rejected = read_files("pjm", samples / "us_iso/pjm_gen_by_fuel.json")
    frame = scopes["US-MIDA-PJM"].filter(pl.col("basis_boundary") == "direct").sort("valid_from")
    assert (frame.height, rejected.height) == (22, 0)
    assert frame["valid_from"][0] == dt.datetime(2025, 2, 9, tzinfo=dt.UTC)
    items = json.loads((samples / "us_iso/pjm_gen_by_fuel.json").read_text())["items"]
    mw = {i["fuel_type"]: max(0, i["mw"]) for i in items if i["datetime_beginning_utc"] == "2025-02-09T00:00:00"}
    known = sum(mw[f] for f in ("Coal", "Gas", "Hydro", "Nuclear", "Oil", "Solar", "Wind"))
    expected = (mw["Coal"] * 760 + mw["Gas"] * 370 + mw["Oil"] * 733) / known
    assert frame["intensity_gco2e_per_kwh"][0] == pytest.approx(expected, abs=0.001)


def test_a_page_cuts_its_ends(samples: Path, tmp_path: Path) -> None:
    answer = json.loads((samples / "us_iso/pjm_gen_by_fuel.json").read_text())
    answer["items"] = answer["items"][5:-5]
    scopes, rejected = read_body("pjm", json.dumps(answer), tmp_path)
    assert scopes["US-MIDA-PJM"].height == 2 * 20
    assert rejected["reason"].str.contains("paging").all()


@pytest.mark.parametrize("text", ['{"items": []}', "[]", '{"items": [{"mw": 1}]}'])
def test_other_answers(text: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError):
        read_body("pjm", text, tmp_path)
