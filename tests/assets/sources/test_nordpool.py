"""Nord Pool: a real day of southern Sweden; what is not final, not day-ahead, not per MWh."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_body, read_files

FILE = "nordpool/se_current_day_price.json"


def test_a_real_day(samples: Path) -> None:
    """24 hours from 22:00Z (midnight in summer)."""
    scopes, rejected = read_files("nordpool", samples / FILE)
    frame = scopes["nordpool"].sort("valid_from")
    assert (frame.height, rejected.height) == (24, 0)
    assert frame.row(0, named=True) | {"capture_id": ""} == {
        "zone": "SE-SE4",
        "market": "day_ahead",
        "resolution": "PT1H",
        "currency_code": "EUR",
        "price_amount_per_mwh": 79.67,
        "valid_from": dt.datetime(2024, 7, 7, 22, tzinfo=dt.UTC),
        "is_offered": True,
        "capture_id": "",
    }


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"status": "Preliminary"}, "not final"),
        ({"market": "IntraDay"}, "market"),
        ({"market": "N2EX_DayAhead"}, "market"),
        ({"deliveryArea": "UK"}, "market"),
        ({"deliveryArea": "SYS"}, "area"),
        ({"unit": "EUR/kWh"}, "unit"),
        ({"currency": "SEK"}, "unit"),
    ],
)
def test_what_does_not_fit_is_refused(samples: Path, tmp_path: Path, change: dict[str, Any], word: str) -> None:
    body = json.loads((samples / FILE).read_text())
    scopes, rejected = read_body("nordpool", json.dumps([{**body[0], **change}]), tmp_path)
    assert not scopes
    assert rejected.height == 24
    assert rejected["reason"].str.contains(word).all()


def test_the_british_auction_is_in_pounds(tmp_path: Path) -> None:
    price = {"price": 101.5, "deliveryStart": "2026-03-28T23:00:00Z", "deliveryEnd": "2026-03-29T00:00:00Z"}
    area = {"market": "N2EX_DayAhead", "deliveryArea": "UK", "status": "Final", "unit": "GBP/MWh", "currency": "GBP"}
    scopes, rejected = read_body("nordpool", json.dumps([area | {"prices": [price]}]), tmp_path)
    columns = ("zone", "resolution", "currency_code", "price_amount_per_mwh")
    assert scopes["nordpool"].select(columns).rows() == [("GB", "PT1H", "GBP", 101.5)]
    assert rejected.is_empty()


@pytest.mark.parametrize("text", ["[]", "{}", '[{"prices": []}]'])
def test_other_answers(text: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError):
        read_body("nordpool", text, tmp_path)


def by_slot(*slots: object, name: str = "multiAreaEntries", **changes: Any) -> str:
    """An answer of the portal with a price per area in each slot."""
    answer = {
        "deliveryDateCET": "2026-03-29",
        "version": 3,
        "market": "DayAhead",
        "currency": "SEK",
        "exchangeRate": 11.2345,
        "areaStates": [{"state": "Final", "areas": ["SE3", "GER", "50Hz"]}, {"state": "Preliminary", "areas": ["FI"]}],
        name: slots,
    }
    return json.dumps(answer | changes)


def slot(start: str, end: str, **prices: object) -> dict[str, Any]:
    return {"deliveryStart": start, "deliveryEnd": end, "entryPerArea": prices}


QUARTER = ("2026-03-28T23:00:00Z", "2026-03-28T23:15:00Z")
HOUR = ("2026-03-28T23:00:00Z", "2026-03-29T00:00:00Z")
SHOWN = ("zone", "resolution", "currency_code", "price_amount_per_mwh")


def test_slots_with_a_price_per_area(tmp_path: Path) -> None:
    """The state is that of each area; the grid areas of Germany have the price of the zone; hours are hours."""
    body = by_slot(slot(*QUARTER, SE3=410.25, GER=-3.5, FI=7.0, **{"50Hz": -3.5}))
    scopes, rejected = read_body("nordpool", body, tmp_path)
    assert sorted(scopes["nordpool"].select(SHOWN).rows()) == [
        ("DE-LU", "PT15M", "SEK", -3.5),
        ("SE-SE3", "PT15M", "SEK", 410.25),
    ]
    assert scopes["nordpool"]["valid_from"].unique().to_list() == [dt.datetime(2026, 3, 28, 23, tzinfo=dt.UTC)]
    assert rejected["reason"].to_list() == ["the price is not final"]
    scopes, _ = read_body("nordpool", by_slot(slot(*HOUR, SE3=523.75), name="multiIndexEntries"), tmp_path)
    assert scopes["nordpool"].select(SHOWN).rows() == [("SE-SE3", "PT1H", "SEK", 523.75)]


def test_slots_without_a_currency_or_a_state_are_refused(tmp_path: Path) -> None:
    for change, word in (
        ({"currency": None}, "currency"),
        ({"areaStates": None}, "final"),
        ({"market": None}, "market"),
    ):
        scopes, rejected = read_body("nordpool", by_slot(slot(*QUARTER, SE3=1.0), **change), tmp_path)
        assert not scopes
        assert word in rejected["reason"].item()


@pytest.mark.parametrize("strange", [None, "none", 7, [], {}, {"entryPerArea": None}])
def test_one_bad_slot_costs_itself(strange: object, tmp_path: Path) -> None:
    prices = [slot(f"2026-03-29T0{hour}:00:00Z", f"2026-03-29T0{hour + 1}:00:00Z", SE3=1.0) for hour in range(8)]
    scopes, rejected = read_body("nordpool", by_slot(*prices, strange), tmp_path)
    assert (scopes["nordpool"].height, rejected.height) == (8, 1)


@pytest.mark.parametrize("strange", [None, "none", 7, [], {}, {"deliveryArea": "SE4", "prices": None}])
def test_one_bad_area_costs_itself(strange: object, samples: Path, tmp_path: Path) -> None:
    real = json.loads((samples / FILE).read_text())
    scopes, rejected = read_body("nordpool", json.dumps([strange, *real]), tmp_path)
    assert (scopes["nordpool"].height, rejected.height) == (24, 1)
    real[0]["prices"].append(strange)
    scopes, rejected = read_body("nordpool", json.dumps(real), tmp_path)
    assert (scopes["nordpool"].height, rejected.height) == (24, 1)
