"""Vultr: real answers, and what it must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources._base import LayoutError, Window
from assets.sources.vultr import VULTR
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.home import Home
from warehouse.staging import staged

PLAN = {
    "id": "vcg-a100-1c-6g-4vram",
    "vcpu_count": 1,
    "ram": 6144,
    "hourly_cost": 0.123,
    "locations": ["ewr", "ord"],
    "gpu_vram_gb": 4,
    "gpu_type": "NVIDIA_A100",
}


def test_a_slice_of_a_gpu_has_no_rate_per_gpu(samples: Path) -> None:
    scopes, rejected = read_files("vultr", samples / "other_provider_apis/vultr_plans.json")
    assert rejected.is_empty() and scopes["plans"].height == 3
    assert scopes["plans"]["accelerator_count"].null_count() == 3
    assert scopes["plans"]["accelerator_memory_gib"].null_count() == 3


def test_bare_metal_says_how_many(samples: Path) -> None:
    rows = read_files("vultr", samples / "other_provider_apis/vultr_plans-metal.json")[0]["plans_metal"]
    h100 = rows.filter(pl.col("accelerator_name") == "H100").sort("purchase_option")
    columns = ("purchase_option", "accelerator_count", "price_amount_per_hour", "region", "memory_gib")
    assert h100.select(columns).rows() == [("on_demand", 8.0, 23.92, "sea", 2048.0), ("spot", 8.0, 18.4, "sea", 2048.0)]


def test_a_superchip_on_bare_metal_is_kept_without_a_count(tmp_path: Path) -> None:
    """`vbm-72c-480gb-gh200-gpu` does not say how many; plans without a GPU are left out."""
    metal = {"cpu_threads": 72, "ram": 491520, "hourly_cost": 1.99, "locations": ["atl"]}
    plans = [
        metal | {"id": f"vbm-{kind}"} for kind in ("72c-480gb-gh200-gpu", "256c-2048gb-8-b200-gpu", "24c-256gb-amd")
    ]
    rows = read_body("vultr", json.dumps({"plans_metal": plans}), tmp_path)[0]["plans_metal"]
    assert rows.select("instance_type", "accelerator_name", "accelerator_count").rows() == [
        ("vbm-72c-480gb-gh200-gpu", "GH200", None),
        ("vbm-256c-2048gb-8-b200-gpu", "B200", 8.0),
    ]


def test_other_plans_and_plans_without_a_location_are_left_out(tmp_path: Path) -> None:
    plans = [PLAN, PLAN | {"id": "vc2-1c-1gb"}, PLAN | {"id": "vcg-b", "locations": []}]
    rows = read_body("vultr", json.dumps({"plans": plans}), tmp_path)[0]["plans"]
    assert rows.select("instance_type", "region").rows() == [(PLAN["id"], "ewr"), (PLAN["id"], "ord")]


def test_a_location_may_have_a_price_of_its_own(tmp_path: Path) -> None:
    """What it does not tell is not the plan's either."""
    own = {"ord": {"hourly_cost": 0.15, "hourly_cost_preemptible": 0.05}, "sao": {"monthly_cost": 99}}
    plan = PLAN | {"locations": ["ewr", "ord", "sao"], "location_cost": own, "hourly_cost_preemptible": 0.04}
    scopes, rejected = read_body("vultr", json.dumps({"plans": [plan]}), tmp_path)
    columns = ("region", "purchase_option", "price_amount_per_hour")
    assert set(scopes["plans"].select(columns).rows()) == {
        ("ewr", "on_demand", 0.123),
        ("ewr", "spot", 0.04),
        ("ord", "on_demand", 0.15),
        ("ord", "spot", 0.05),
    }
    assert rejected.height == 1
    assert '"sao"' in rejected["row_json"][0]


@pytest.mark.parametrize(
    ("on_demand", "preemptible", "sold"),
    [(True, False, {"on_demand"}), (False, True, {"spot"}), (None, None, {"on_demand", "spot"}), (False, False, set())],
)
def test_what_cannot_be_deployed_is_not_on_sale(
    on_demand: bool | None, preemptible: bool | None, sold: set[str], tmp_path: Path
) -> None:
    """Though its price stands there."""
    plan = PLAN | {
        "hourly_cost_preemptible": 0.1,
        "deploy_ondemand": on_demand,
        "deploy_preemptible": preemptible,
    }
    scopes, rejected = read_body("vultr", json.dumps({"plans": [plan]}), tmp_path)
    assert set(scopes["plans"]["purchase_option"]) == sold
    assert rejected.is_empty()


@pytest.mark.parametrize(
    ("told", "count"), [("1/8", 0.125), (2, 2.0), ("4", 4.0), ("1/0", None), ("half", None), (0, None)]
)
def test_the_answer_may_tell_how_much_of_a_gpu(told: object, count: float | None, tmp_path: Path) -> None:
    scopes, _ = read_body("vultr", json.dumps({"plans": [PLAN | {"gpu_count": told, "hourly_cost": 2.5}]}), tmp_path)
    assert scopes["plans"]["accelerator_count"].unique().to_list() == [count]


def test_a_plan_of_another_type_names_its_gpu_in_its_id(tmp_path: Path) -> None:
    """`vdm` plans have no field on GPUs but their maker; how many there are is not told. An empty location is none."""
    plan = {"id": "vcg-a40-24c-120g-48vram", "type": "vdm", "ram": 122880, "hourly_cost": 1.7, "gpu_brand": "NVIDIA"}
    whole = PLAN | {"id": "vcg-a100-24c-240g-160vram", "gpu_count": 2, "gpu_vram_gb": 160, "locations": ["ewr"]}
    body = json.dumps({"plans": [plan | {"locations": ["blr", ""]}, whole, plan | {"id": "vc2-1c-1gb"}]})
    rows = read_body("vultr", body, tmp_path)[0]["plans"]
    columns = ("region", "accelerator_name", "accelerator_count", "accelerator_memory_gib")
    assert rows.select(columns).rows() == [("blr", "A40", None, None), ("ewr", "NVIDIA_A100", 2.0, 80.0)]


@pytest.mark.parametrize("price", [0, None, -1, "free"])
def test_bad_prices_are_refused(price: object, tmp_path: Path) -> None:
    body = json.dumps({"plans": [PLAN, PLAN | {"id": "vcg-b", "hourly_cost": price}]})
    scopes, rejected = read_body("vultr", body, tmp_path)
    assert (scopes["plans"].height, rejected.height) == (2, 2)


@pytest.mark.parametrize(
    ("body", "message"),
    [('{"error": "x"}', "neither plans"), ('{"plans": [{"id": "vcg-a"}]}', "hourly_cost"), ("", "empty")],
)
def test_other_layouts_are_refused(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("vultr", body, tmp_path)


def test_live_follows_the_cursor_of_each_list(home: Home, replay: ReplayServer) -> None:
    root = "https://api.vultr.com/v2"
    replay.add(f"{root}/plans?type=all&per_page=500", json.dumps({"plans": [PLAN], "meta": {"links": {"next": "c2"}}}))
    replay.add(
        f"{root}/plans?type=all&per_page=500&cursor=c2", json.dumps({"plans": [PLAN | {"id": "vcg-b"}], "meta": {}})
    )
    replay.add(f"{root}/plans-metal?per_page=500", '{"plans_metal": [], "meta": {"links": {"next": ""}}}')
    taken = intake.take_live(home, VULTR, Window(dt.datetime(2026, 9, 1, tzinfo=dt.UTC)))
    assert [(t.outcome, t.row_count) for t in taken] == [("loaded", 4)]
    assert len(replay.urls()) == 3
    ((_, batch),) = staged(home)
    assert batch.scopes[0].frame["capture_id"].n_unique() == 2
