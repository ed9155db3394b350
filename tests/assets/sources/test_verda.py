"""Verda: a real answer, and what it must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources._base import LayoutError, Window
from assets.sources.verda import VERDA
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.home import Home
from warehouse.staging import staged


def instance(**values: object) -> dict[str, object]:
    """One instance type as the publisher sends it."""
    return {
        "instance_type": "1H100",
        "name": "H100 SXM5 80GB",
        "gpu": {"number_of_gpus": 1},
        "currency": "usd",
        "gpu_memory": {"size_in_gigabytes": 80},
        "price_per_hour": "3.95",
        "spot_price": "1.70",
    } | values


def test_a_real_answer(samples: Path) -> None:
    scopes, rejected = read_files("verda", samples / "other_provider_apis/verda_instance_types.json")
    rows = scopes["verda"]
    assert (rows.height, rejected.height) == (6, 0) and not rows["instance_type"].str.starts_with("CPU").any()
    two = rows.filter(pl.col("instance_type") == "2A6000.20V").sort("purchase_option")
    assert two.select(
        "purchase_option", "price_amount_per_hour", "accelerator_count", "accelerator_memory_gib"
    ).rows() == [
        ("on_demand", 1.98, 2.0, 48.0),
        ("spot", 0.7, 2.0, 48.0),
    ]


@pytest.mark.parametrize("price", ["0", None, "-1", "contact us"])
def test_bad_prices_are_refused(price: str | None, tmp_path: Path) -> None:
    body = json.dumps([instance(), instance(instance_type="b", price_per_hour=price)])
    scopes, rejected = read_body("verda", body, tmp_path)
    assert (scopes["verda"].height, rejected.height) == (3, 1)


def test_no_spot_price_is_no_spot_market_and_currency_is_kept(tmp_path: Path) -> None:
    rows = read_body("verda", json.dumps([instance(spot_price=None, currency="eur")]), tmp_path)[0]["verda"]
    assert rows.select("purchase_option", "currency_code").rows() == [("on_demand", "EUR")]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[]", "no list"),
        ('{"code": "denied"}', "no list"),
        ('[{"instance_type": "x"}]', "price_per_hour"),
        ("", "empty"),
    ],
)
def test_other_layouts_are_refused(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("verda", body, tmp_path)


def test_live(home: Home, replay: ReplayServer) -> None:
    replay.add("https://api.datacrunch.io/v1/instance-types", json.dumps([instance()]))
    taken = intake.take_live(home, VERDA, Window(dt.datetime(2026, 9, 1, tzinfo=dt.UTC)))
    assert [(t.outcome, t.row_count) for t in taken] == [("loaded", 2)]
    assert [b.source_id for _, b in staged(home)] == ["verda"]
