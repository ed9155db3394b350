"""Oracle Cloud price list: recorded lists of 2024 and 2026, and what it must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from assets import intake
from assets.sources._base import FetchError, LayoutError, Window
from assets.sources.oci import OCI, URL
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

NOW = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)


def product(
    name: str = "OCI - Compute - GPU - H100", part: str = "B1", metric: str = "GPU Per Hour", **changed: object
) -> dict:
    price = {"model": "PAY_AS_YOU_GO", "value": 10} | changed
    return {
        "partNumber": part,
        "displayName": name,
        "metricName": metric,
        "serviceCategory": "Compute - GPU",
        "currencyCodeLocalizations": [{"currencyCode": "USD", "prices": [price]}],
    }


def page(*products: dict) -> str:
    return json.dumps({"lastUpdated": "2026-10-01T14:18:05.193Z", "items": products})


@pytest.mark.parametrize(
    ("name", "count"), [("cetools_products_gpu_2026-10-01", 18), ("cetools_products_usd_2024-01-19", 7)]
)
def test_recorded_lists(name: str, count: int, samples: Path) -> None:
    """VMware nodes, appliances by the day and Cloud@Customer (0.60 for a committed L40S) are no rates of a GPU."""
    scopes, rejected = read_files("oci", samples / f"oci/{name}.json")
    rows = scopes["oci"]
    assert (rows.height, rejected.height) == (count, 0)
    assert 1 < rows["price_amount_per_hour"].min() < rows["price_amount_per_hour"].max() < 20
    price = dict(rows.select("instance_type", "price_amount_per_hour").iter_rows())
    assert price["Compute - GPU - H100"] == 10.0
    accelerator = dict(rows.select("instance_type", "accelerator_name").iter_rows())
    assert (accelerator["Compute - GPU - A100 - v2"], accelerator["Compute - GPU Standard - V2"]) == ("A100", None)


def test_the_tier_that_begins_at_zero_is_the_list_price(tmp_path: Path) -> None:
    tiers = product()
    tiers["currencyCodeLocalizations"][0]["prices"] = [
        {"model": "PAY_AS_YOU_GO", "value": 8, "rangeMin": 1000},
        {"model": "PAY_AS_YOU_GO", "value": 10, "rangeMin": 0},
        {"model": "MONTHLY_COMMIT", "value": 7},
    ]
    scopes, _ = read_body("oci", page(tiers), tmp_path)
    assert scopes["oci"]["price_amount_per_hour"].to_list() == [10.0]


def test_of_several_currencies_usd_counts(tmp_path: Path) -> None:
    """One offer in three currencies is no clash of three offers; a null among the prices is passed over."""
    several = product()
    of = several["currencyCodeLocalizations"]
    of[:0] = [{"currencyCode": c, "prices": [None, {"model": "PAY_AS_YOU_GO", "value": 9}]} for c in ("EUR", "GBP")]
    of.append(None)
    scopes, rejected = read_body("oci", page(several), tmp_path)
    assert scopes["oci"].select("price_amount_per_hour", "currency_code").rows() == [(10.0, "USD")]
    assert rejected.height == 0
    several["currencyCodeLocalizations"] = of[:1]
    scopes, _ = read_body("oci", page(several), tmp_path)
    assert scopes["oci"].select("price_amount_per_hour", "currency_code").rows() == [(9.0, "EUR")]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"name": "OCI - Compute - GPU - H100 - 1 Year Commit"}, "commitment or in advance"),
        ({"name": "OCI - Compute - GPU - H100 - Reserved Capacity"}, "commitment or in advance"),
        ({"model": "MONTHLY_COMMIT"}, "no price as one goes"),
        ({"rangeMin": 100}, "no price as one goes"),
    ],
)
def test_what_is_not_sold_by_the_hour_at_will_is_refused(changed: dict, reason: str, tmp_path: Path) -> None:
    scopes, rejected = read_body("oci", page(product(**changed), product(part="B2")), tmp_path)
    assert scopes["oci"]["offer_variant"].to_list() == ["B2"]
    assert rejected["reason"].str.contains(reason).to_list() == [True]


@pytest.mark.parametrize("value", [0, -1, None, "Contact sales"])
def test_a_bad_price_is_refused(value: object, tmp_path: Path) -> None:
    scopes, rejected = read_body("oci", page(product(value=value), product(part="B2")), tmp_path)
    assert scopes["oci"]["offer_variant"].to_list() == ["B2"]
    assert rejected["reason"].to_list() == ["value is not a positive number"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"products": []}', "items is missing"),
        (page(product(metric="Node Per Hour")), "no product is sold by"),
        (page(product()).replace("partNumber", "sku"), "partNumber"),
        (page(product())[:-5], "not JSON"),
    ],
)
def test_a_changed_layout_is_named(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("oci", body, tmp_path)


def test_live(replay: ReplayServer, home: Home) -> None:
    replay.add(URL, "", status=429, headers={"Retry-After": "0"}, times=1)
    replay.add(URL, page(product()))
    (taken,) = intake.take_live(home, OCI, Window(NOW))
    assert (taken.outcome, taken.row_count) == ("loaded", 1)
    ((_, batch),) = staging.staged(home)
    assert batch.scopes[0].is_complete


def test_a_redirect_to_another_host_is_refused(replay: ReplayServer, home: Home) -> None:
    replay.add(URL, "", status=302, headers={"Location": "https://evil.example/"})
    with pytest.raises(FetchError, match="refused"):
        intake.take_live(home, OCI, Window(NOW))


@pytest.mark.parametrize("strange", ["none", 7, ["x"], {"a": 1}])
@pytest.mark.parametrize("path", [("currencyCodeLocalizations",), ("currencyCodeLocalizations", 0, "prices")])
def test_prices_that_are_no_list_cost_their_product(path: tuple, strange: object, tmp_path: Path) -> None:
    broken = product()
    place = broken
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = strange
    scopes, rejected = read_body("oci", page(broken, product(part="B2")), tmp_path)
    assert scopes["oci"]["offer_variant"].to_list() == ["B2"]
    assert rejected.height == 1


def test_a_gpu_sold_by_another_unit_is_refused_by_name(tmp_path: Path) -> None:
    """A product that goes over to another unit has not ended, nor is its price one of an hour."""
    scopes, rejected = read_body("oci", page(product(metric="GPU Per Month"), product(part="B2")), tmp_path)
    assert scopes["oci"]["offer_variant"].to_list() == ["B2"]
    assert rejected["reason"].to_list() == ["sold by another unit than GPU Per Hour: GPU Per Month"]
