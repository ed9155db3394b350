"""DigitalOcean: a real answer, and what it must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources import needs_key
from assets.sources._base import LayoutError, Window
from assets.sources.digitalocean import DIGITALOCEAN
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.home import Home
from warehouse.staging import staged

SIZE = {
    "slug": "gpu-l40sx1-48gb",
    "memory": 65536,
    "vcpus": 8,
    "price_hourly": 1.57,
    "regions": ["tor1", "nyc1"],
    "available": True,
    "gpu_info": {"count": 1, "vram": {"amount": 48, "unit": "gib"}, "model": "nvidia_l40s"},
}


def answer(*sizes: dict[str, object], following: str | None = None) -> str:
    """One page of sizes."""
    return json.dumps(
        {"sizes": sizes, "links": {"pages": {"next": following}} if following else {}, "meta": {"total": 1}}
    )


def test_a_real_answer(samples: Path) -> None:
    scopes, rejected = read_files("digitalocean", samples / "other_provider_apis/digitalocean_sizes.json")
    columns = ("instance_type", "region", "accelerator_count", "accelerator_memory_gib", "price_amount_per_hour")
    assert scopes["digitalocean"].select(columns).rows() == [
        ("gpu-h100x8-640gb", "nyc1", 8.0, 80.0, 23.92),
        ("gpu-mi300x8-1536gb", "nyc1", 8.0, 192.0, 15.92),
    ]
    assert rejected.is_empty()


@pytest.mark.parametrize("values", [{"available": False}, {"regions": []}, {"gpu_info": None}])
def test_what_is_not_on_sale_is_left_out(values: dict[str, object], tmp_path: Path) -> None:
    scopes, rejected = read_body("digitalocean", answer(SIZE, SIZE | {"slug": "b"} | values), tmp_path)
    assert set(scopes["digitalocean"]["instance_type"]) == {SIZE["slug"]} and rejected.is_empty()


@pytest.mark.parametrize("price", [0, None, -1, 9999])
def test_bad_prices_are_refused(price: object, tmp_path: Path) -> None:
    body = answer(SIZE, SIZE | {"slug": "b", "price_hourly": price, "regions": ["tor1"]})
    scopes, rejected = read_body("digitalocean", body, tmp_path)
    assert (scopes["digitalocean"].height, rejected.height) == (2, 1)


@pytest.mark.parametrize(
    ("body", "message"),
    [('{"id": "unauthorized"}', "no list of sizes"), ('{"sizes": [{"slug": "x"}]}', "price_hourly"), ("", "empty")],
)
def test_other_layouts_are_refused(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("digitalocean", body, tmp_path)


def test_live_keeps_the_token_to_itself(home: Home, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", "s3cr3t-token")
    root = "https://api.digitalocean.com/v2/sizes?page={}&per_page=200"
    replay.add(root.format(1), answer(SIZE, following="https://evil.example/v2/sizes?page=2"))
    replay.add(root.format(2), answer(SIZE | {"slug": "b"}))
    taken = intake.take_live(home, DIGITALOCEAN, Window(dt.datetime(2026, 9, 1, tzinfo=dt.UTC)))
    assert [(t.outcome, t.row_count) for t in taken] == [("loaded", 4)]
    assert replay.urls() == [root.format(1), root.format(2)]
    assert {a.headers["Authorization"] for a in replay.asked} == {"Bearer s3cr3t-token"}
    assert [b.source_id for _, b in staged(home)] == ["digitalocean"]
    assert not [f for f in home.root.rglob("*") if f.is_file() and b"s3cr3t-token" in f.read_bytes()]


def test_without_a_token_it_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIGITALOCEAN_TOKEN", raising=False)
    assert needs_key(DIGITALOCEAN) == "DIGITALOCEAN_TOKEN"


def test_how_a_size_is_bought_stands_in_its_slug(tmp_path: Path) -> None:
    """As listed in October 2026: an MI350X that may be reclaimed beside an MI325X on demand."""
    sizes = [
        SIZE | {"slug": slug, "price_hourly": price, "regions": regions, "gpu_info": {"count": count, "model": model}}
        for slug, price, regions, count, model in (
            ("gpu-mi325x1-256gb", 3.8, ["nyc2", "tor1"], 1, "amd_mi325x"),
            ("gpu-mi350x1-288gb-spot", 2.46, ["ric1"], 1, "amd_mi350x"),
            ("gpu-b300x8-2304gb-lc-spot", 64.0, ["mkc1"], 8, "nvidia_b300"),
            ("gpu-mi300x8-1536gb-contracted", 15.92, ["atl1"], 8, "amd_mi300x"),
            ("gpu-mi325x8-2048gb-fabric-contracted", 30.4, ["atl1"], 8, "amd_mi325x"),
        )
    ]
    scopes, rejected = read_body("digitalocean", answer(*sizes), tmp_path)
    assert scopes["digitalocean"].select("instance_type", "region", "purchase_option").rows() == [
        ("gpu-mi325x1-256gb", "nyc2", "on_demand"),
        ("gpu-mi325x1-256gb", "tor1", "on_demand"),
        ("gpu-mi350x1-288gb-spot", "ric1", "spot"),
        ("gpu-b300x8-2304gb-lc-spot", "mkc1", "spot"),
    ]
    assert rejected["reason"].str.contains("under a contract").sum() == rejected.height == 2


@pytest.mark.parametrize(
    ("slug", "model", "count", "gib"),
    [("gpu-h100x8-640gb", "h100", 8.0, 80.0), ("gpu-mi300x1-192gb", "mi300x", 1.0, 192.0)],
)
def test_before_gpu_info_the_slug_names_the_gpus(
    slug: str, model: str, count: float, gib: float, tmp_path: Path
) -> None:
    old = {name: value for name, value in SIZE.items() if name != "gpu_info"} | {"slug": slug}
    scopes, rejected = read_body("digitalocean", answer(old, old | {"slug": "s-4vcpu-8gb"}), tmp_path)
    names = ("accelerator_name", "accelerator_count", "accelerator_memory_gib")
    assert scopes["digitalocean"].select(names).unique().rows() == [(model, count, gib)]
    assert rejected.is_empty()


@pytest.mark.parametrize("regions", [None, "nyc1", {"nyc1": True}, ["nyc1", None]])
def test_a_size_whose_regions_cannot_be_read_is_not_taken_for_withdrawn(regions: object, tmp_path: Path) -> None:
    scopes, rejected = read_body("digitalocean", answer(SIZE, SIZE | {"slug": "b", "regions": regions}), tmp_path)
    known = ["nyc1"] if isinstance(regions, list) else []
    assert scopes["digitalocean"].filter(pl.col("instance_type") == "b")["region"].to_list() == known
    assert rejected["reason"].to_list() == ["regions is no list of names"]
