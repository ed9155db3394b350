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
