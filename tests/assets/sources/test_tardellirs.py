"""tardellirs/gpu-pricing: the recorded list, and what its caveats say of a price."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources._base import LayoutError, Window
from assets.sources.tardellirs import TARDELLIRS
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.home import Home
from warehouse.staging import staged

RECORDED = "gpu_rental_snapshots/tardellirs_offerings_2026-05-25.json"


def listed(*offers: dict[str, object]) -> str:
    """A list as the keeper commits it."""
    base = {
        "id": "p-h100-on-demand",
        "provider_id": "p",
        "gpu_model": "NVIDIA H100 SXM",
        "gpu_brand": "NVIDIA",
        "vram_gb": 80,
        "interconnect": "SXM",
        "tier": "on-demand",
        "is_spot": False,
        "price_usd_hour": 2.5,
        "vcpu": 26,
        "ram_gb": None,
        "source_url": "https://p.example",
        "collected_at": "2026-05-24",
    }
    return json.dumps([base | {"id": f"p-{n}"} | o for n, o in enumerate(offers)])


def test_the_recorded_list(samples: Path) -> None:
    """310 offers: 13 estimated by the keeper, 10 from a page of 2024, 3 of RunPod no spot prices (an H100 at 4.76 for 3.29); Verda by its one name, and 6.94 for a RunPod B300."""
    scopes, rejected = read_files("tardellirs", samples / RECORDED)
    rows = scopes["offerings"]
    assert (rows.height, rejected.height) == (284, 26)
    assert set(rejected["reason"]) == {
        "an estimate of the list's maintainer, not a price",
        "from a page that the list's maintainer considers out of date",
        "spot, yet dearer than the same card on demand: another product",
    }
    assert {"verda", "vast", "jarvislabs", "thundercompute"} <= set(rows["provider"])
    assert rows["valid_from"].dt.strftime("%Y-%m-%d").unique().to_list() == ["2026-05-24"]
    per_gpu = rows.filter(pl.col("purchase_option") == "on_demand")["price_amount_per_hour"]
    assert per_gpu.is_between(0.05, 20).all()
    recorded = {o["id"]: o for o in json.loads((samples / RECORDED).read_text())}
    for offer_id, price, spot in rows.select("instance_type", "price_amount_per_hour", "purchase_option").rows():
        assert (price, spot == "spot") == (recorded[offer_id]["price_usd_hour"], recorded[offer_id]["is_spot"])


@pytest.mark.parametrize(
    ("offer", "option", "component", "variant"),
    [
        ({}, "on_demand", "instance", ""),
        ({"is_spot": True, "tier": "spot"}, "spot", "instance", ""),
        ({"tier": "community"}, "on_demand", "instance", "community"),
        ({"tier": "prototyping", "is_spot": True}, "spot", "instance", "prototyping"),
        ({"caveats": ["vCPU/RAM billed separately: $0.004/vCPU/h"]}, "on_demand", "accelerator", ""),
        ({"caveats": ["vCPU and RAM are FREE; only storage is billed separately."]}, "on_demand", "instance", ""),
        (
            {"caveats": ["Serverless billing per second", "CPU/RAM/storage billed separately"]},
            "on_demand",
            "accelerator",
            "serverless",
        ),
        (
            {"caveats": ["Marketplace min price from cheapest host at time of collection"]},
            "on_demand",
            "instance",
            "market_min",
        ),
        ({"tier": "marketplace", "is_spot": True}, "spot", "instance", "market_min"),
    ],
)
def test_what_a_price_covers(offer: dict, option: str, component: str, variant: str, tmp_path: Path) -> None:
    scopes, rejected = read_body("tardellirs", listed(offer), tmp_path)
    assert rejected.is_empty()
    (row,) = scopes["offerings"].iter_rows(named=True)
    assert (row["purchase_option"], row["price_component"], row["offer_variant"]) == (option, component, variant)
    assert (row["accelerator_count"], row["price_amount_per_hour"], row["vcpu_count"], row["memory_gib"]) == (
        1,
        2.5,
        26,
        None,
    )


@pytest.mark.parametrize(
    ("offer", "word"),
    [
        ({"price_usd_hour": 0}, "above zero"),
        ({"price_usd_hour": None}, "above zero"),
        ({"price_usd_hour": "Contact sales"}, "above zero"),
        ({"tier": "auction"}, "auction"),
        ({"gpu_model": None}, "missing"),
        ({"collected_at": "lately"}, "day of collection"),
        ({"caveats": ["Spot price estimated (-56%)"]}, "estimate"),
        ({"is_spot": True, "tier": "spot", "price_usd_hour": 2.6}, "dearer"),
        ({"caveats": ["Provider page references July 2024; prices may be stale"]}, "out of date"),
    ],
)
def test_what_is_no_price_is_refused(offer: dict, word: str, tmp_path: Path) -> None:
    scopes, rejected = read_body("tardellirs", listed({}, offer), tmp_path)
    assert scopes["offerings"].height == 1
    assert word in rejected["reason"][0]


@pytest.mark.parametrize(
    ("body", "word"), [("{}", "no list"), ("[]", "no list"), ("[1]", "provider_id"), ('[{"id": "a"}]', "provider_id")]
)
def test_another_layout_is_named(body: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("tardellirs", body, tmp_path)


def test_live_and_dated(home: Home, replay: ReplayServer) -> None:
    today = dt.datetime.now(dt.UTC)
    replay.add(
        "https://raw.githubusercontent.com/tardellirs/gpu-pricing/main/src/data/offerings.json",
        listed({"collected_at": f"{today:%Y-%m-%d}"}),
    )
    (taken,) = intake.take_live(home, TARDELLIRS, Window(today))
    assert taken.outcome == "loaded"
    ((_, batch),) = staged(home)
    assert batch.scopes[0].is_complete
