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


def test_an_export_of_data_miner(tmp_path: Path) -> None:
    """CSV, the latest hour first, with American times; the hour at its end is cut and lacks the kinds that follow."""
    mw = {"Coal": 100, "Gas": 300, "Hydro": 0, "Multiple Fuels": 3, "Nuclear": 400, "Oil": 0, "Solar": 0, "Wind": 200}
    hours = {"10/1/2021 12:00:00 AM": mw, "9/30/2021 11:00:00 PM": mw | {"Wind": 0}, "9/30/2021 10:00:00 PM": mw}
    rows = [f"{time},{fuel},{value},0.1,False" for time, mix in hours.items() for fuel, value in mix.items()]
    text = "\n".join(["datetime_beginning_utc,fuel_type,mw,fuel_percentage_of_total,is_renewable", *rows[:-3]])
    scopes, rejected = read_body("pjm", text, tmp_path, "gen_by_fuel.csv")
    frame = scopes["US-MIDA-PJM"].filter(pl.col("basis_boundary") == "direct").sort("valid_from")
    assert frame.select("valid_from", "intensity_gco2e_per_kwh").rows() == [
        (dt.datetime(2021, 9, 30, 23, tzinfo=dt.UTC), round((100 * 760 + 300 * 370) / 800, 3)),
        (dt.datetime(2021, 10, 1, tzinfo=dt.UTC), 187.0),
    ]
    assert rejected["reason"].to_list() == ["generation of Solar, Wind is missing, it is not zero"]
