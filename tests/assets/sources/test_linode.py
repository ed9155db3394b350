"""Linode: answers in the published form, and what it must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources._base import LayoutError, Window
from assets.sources.linode import LINODE
from tests.assets.sources.reading import read_body
from tests.replay import ReplayServer
from warehouse.home import Home
from warehouse.staging import staged

GPU = {
    "id": "g1-gpu-rtx6000-2",
    "label": "Dedicated 64GB + RTX6000 GPU x2",
    "class": "gpu",
    "gpus": 2,
    "vcpus": 16,
    "memory": 65536,
    "price": {"hourly": 3.0, "monthly": 2000.0},
    "region_prices": [{"id": "id-cgk", "hourly": 3.6}],
}
NETINT = GPU | {"id": "g1-accelerated-netint-1", "label": "NETINT Quadra T1U x1", "class": "accelerated", "gpus": 0}
ADA = GPU | {
    "id": "g2-gpu-rtx4000a1-s",
    "label": "RTX4000 Ada x1 Small",
    "gpus": 1,
    "price": {"hourly": 0.52},
    "region_prices": [],
}


def answer(*types: dict[str, object], page: int = 1, pages: int = 1) -> str:
    """One page of types."""
    return json.dumps({"data": types, "page": page, "pages": pages, "results": len(types)})


def test_gpus_only_with_the_price_of_a_region_apart(tmp_path: Path) -> None:
    scopes, rejected = read_body("linode", answer(GPU, NETINT, ADA), tmp_path)
    found = scopes["linode"].select(
        "instance_type", "region", "accelerator_name", "accelerator_count", "price_amount_per_hour"
    )
    assert found.rows() == [
        ("g1-gpu-rtx6000-2", "global", "RTX6000", 2.0, 3.0),
        ("g1-gpu-rtx6000-2", "id-cgk", "RTX6000", 2.0, 3.6),
        ("g2-gpu-rtx4000a1-s", "global", "RTX4000 Ada", 1.0, 0.52),
    ]
    assert rejected.is_empty()


def test_plans_of_three_generations_by_their_labels(tmp_path: Path) -> None:
    """As answers have them since 2026-07: no monthly price, the newest plan priced in its regions alone."""
    blackwell = GPU | {
        "id": "g3-gpu-rtxpro6000-blackwell-2",
        "label": "RTX PRO 6000 Blackwell x2",
        "price": {"hourly": 0, "monthly": 0},
        "region_prices": [
            {"id": "us-sea", "hourly": 6.0, "monthly": 0},
            {"id": "id-cgk", "hourly": 7.2, "monthly": None},
        ],
    }
    scopes, rejected = read_body("linode", answer(GPU, ADA, blackwell), tmp_path)
    found = scopes["linode"].filter(pl.col("instance_type") == blackwell["id"])
    columns = ("region", "accelerator_name", "accelerator_count", "price_amount_per_hour")
    assert found.select(columns).rows() == [
        ("us-sea", "RTX PRO 6000 Blackwell", 2.0, 6.0),
        ("id-cgk", "RTX PRO 6000 Blackwell", 2.0, 7.2),
    ]
    assert rejected.is_empty()


@pytest.mark.parametrize("price", [{"hourly": 0}, {"hourly": None}, None, {"hourly": 5000}])
def test_bad_prices_are_refused(price: object, tmp_path: Path) -> None:
    scopes, rejected = read_body("linode", answer(GPU, ADA | {"price": price}), tmp_path)
    assert (scopes["linode"].height, rejected.height) == (2, 1)


@pytest.mark.parametrize(
    ("body", "message"),
    [('{"errors": []}', "no list of types"), (answer({"id": "x"}), "label, gpus, price"), ("", "empty")],
)
def test_other_layouts_are_refused(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("linode", body, tmp_path)


def test_live_reads_every_page(home: Home, replay: ReplayServer) -> None:
    url = "https://api.linode.com/v4/linode/types?page={}&page_size=500"
    replay.add(url.format(1), answer(GPU, page=1, pages=2))
    replay.add(url.format(2), answer(ADA, page=2, pages=2))
    taken = intake.take_live(home, LINODE, Window(dt.datetime(2026, 9, 1, tzinfo=dt.UTC)))
    assert [(t.outcome, t.row_count) for t in taken] == [("loaded", 3)]
    assert [b.source_id for _, b in staged(home)] == ["linode"]


@pytest.mark.parametrize(
    ("change", "regions"),
    [
        ({"gpus": None}, []),
        ({"gpus": "two"}, []),
        ({"gpus": 0}, []),
        ({"price": None}, ["id-cgk"]),
        ({"price": {"hourly": "Contact us"}}, ["id-cgk"]),
        ({"region_prices": 7}, ["global"]),
        ({"region_prices": [{"id": "", "hourly": 3.6}]}, ["global"]),
        ({"region_prices": [None]}, ["global"]),
    ],
)
def test_a_plan_that_cannot_be_read_whole_is_not_taken_for_withdrawn(
    change: dict[str, object], regions: list[str], tmp_path: Path
) -> None:
    scopes, rejected = read_body("linode", answer(ADA, GPU | change), tmp_path)
    assert scopes["linode"].filter(pl.col("instance_type") == GPU["id"])["region"].to_list() == regions
    assert rejected.height == (1 if regions else 2)


def test_a_base_price_of_zero_beside_prices_of_regions_is_none(tmp_path: Path) -> None:
    scopes, rejected = read_body("linode", answer(GPU | {"price": {"hourly": 0}}), tmp_path)
    assert scopes["linode"]["region"].to_list() == ["id-cgk"]
    assert rejected.is_empty()
