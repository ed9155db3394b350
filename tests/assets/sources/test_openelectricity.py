"""OpenElectricity: Australia in both shapes of the API; ends of slots, late rooftop sun, what is not the eastern market."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.sources._base import LayoutError, Window
from assets.sources.openelectricity import plan_mix, plan_price
from tests.assets.sources.reading import read_body, read_files

SAMPLES = "aemo_openelectricity"


def body(pairs: list[list[Any]], **changes: Any) -> str:
    """A v4 answer with black coal as given and wind at 100 MW."""
    results = [
        {"columns": {"region": "NSW1", "fueltech": "COAL_BLACK"}, "data": pairs},
        {"columns": {"region": "NSW1", "fueltech": "WIND"}, "data": [[time, 100.0] for time, _ in pairs]},
    ]
    part = {"network_code": "NEM", "metric": "power", "unit": "MW", "interval": "5m", "results": results}
    return json.dumps({"data": [{**part, **changes}]})


def test_a_slot_by_hand(samples: Path) -> None:
    """21:30 on market time ends the slot that begins at 11:25Z; batteries, pumps and trade do not count, a negative is none."""
    scopes, rejected = read_files("openelectricity", samples / SAMPLES / "OPENNEM_AU-NSW.v4.json")
    answer = json.loads((samples / SAMPLES / "OPENNEM_AU-NSW.v4.json").read_text())
    at = {
        r["columns"]["fueltech"]: max(0, dict(map(tuple, r["data"]))["2025-07-10T21:30:00+10:00"])
        for r in answer["data"][0]["results"]
    }
    gas = at["GAS_CCGT"] + at["GAS_OCGT"]
    clean = at["BIOENERGY_BIOMASS"] + at["HYDRO"] + at["SOLAR_ROOFTOP"] + at["SOLAR_UTILITY"] + at["WIND"]
    expected = (at["COAL_BLACK"] * 760 + gas * 370) / (at["COAL_BLACK"] + gas + clean)
    direct = scopes["NEM"].filter(pl.col("basis_boundary") == "direct").sort("valid_from")
    first = direct.row(0, named=True)
    assert (first["zone"], first["valid_from"]) == ("AU-NSW", dt.datetime(2025, 7, 10, 11, 25, tzinfo=dt.UTC))
    assert first["intensity_gco2e_per_kwh"] == pytest.approx(expected, abs=0.001)
    assert direct.height == 285
    assert rejected["reason"].to_list() == ["generation of solar_rooftop is missing, it is not zero"] * 3


def test_both_shapes_say_the_same(samples: Path) -> None:
    v3, _ = read_files("openelectricity", samples / SAMPLES / "OPENNEM_AU-NSW.json")
    v4, _ = read_files("openelectricity", samples / SAMPLES / "OPENNEM_AU-NSW.v4.json")
    key = ["valid_from", "basis_boundary"]
    assert v3["NEM"].drop("capture_id").sort(key).equals(v4["NEM"].drop("capture_id").sort(key))


def test_prices(samples: Path) -> None:
    """Prices in AUD, below zero too; v3 has them beside the mix."""
    scopes, rejected = read_files("openelectricity_price", samples / SAMPLES / "OPENNEM_price_AU-SA.json")
    frame = scopes["NEM"].sort("valid_from")
    assert frame.select("zone", "currency_code", "market").unique().rows() == [("AU-SA", "AUD", "real_time")]
    assert frame["valid_from"][0] == dt.datetime(2019, 12, 25, 0, 55, tzinfo=dt.UTC)
    assert (frame.height, frame["price_amount_per_mwh"][0], rejected.height) == (2016, 40.01, 0)
    assert frame["price_amount_per_mwh"].min() < 0
    beside, _ = read_files("openelectricity_price", samples / SAMPLES / "OPENNEM_AU-NSW.json")
    assert beside["NEM"].sort("valid_from")["price_amount_per_mwh"].head(2).to_list() == [84.85, 78.52]


def test_what_is_not_the_mix_of_the_eastern_market(samples: Path) -> None:
    with pytest.raises(LayoutError, match="WEM"):
        read_files("openelectricity_price", samples / SAMPLES / "opennem_price_WEM_2023-01.json")
    with pytest.raises(LayoutError, match="no series of power"):
        read_files("openelectricity", samples / SAMPLES / "OPENNEM_demand_AU-NSW.json")


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"interval": "1h"}, "slots of 1h"), ({"unit": "GW"}, "power in GW"), ({"results": []}, "no series")],
)
def test_drift_is_named(changes: dict[str, Any], word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("openelectricity", body([["2025-07-10T21:30:00+10:00", 1.0]], **changes), tmp_path)


def test_summer_time_is_not_market_time(tmp_path: Path) -> None:
    pairs = [
        ["2025-12-10T21:30:00+10:00", 100.0],
        ["2025-12-10T22:35:00+11:00", 100.0],
        ["2025-12-10T21:37:00+10:00", 1.0],
    ]
    scopes, rejected = read_body("openelectricity", body(pairs), tmp_path)
    assert scopes["NEM"].height == 2
    assert rejected["reason"].str.contains("market time").all()
    assert rejected.height == 4


def test_requests_name_the_ends_of_slots_and_hide_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENELECTRICITY_API_KEY", "secret")
    window = Window(dt.datetime(2026, 1, 5, tzinfo=dt.UTC), dt.date(2025, 12, 31), dt.date(2025, 12, 31))
    (first, *_), price = next(iter(plan_mix(window))), list(plan_price(window))
    assert (first.params["date_start"], first.params["date_end"]) == ("2025-12-31T00:05:00", "2026-01-01T00:00:00")
    assert first.secret_headers == {"Authorization": "Bearer secret"}
    assert [r.params["network_region"] for (r,) in price] == ["NSW1", "QLD1", "SA1", "TAS1", "VIC1"]
