"""gpurentalprices: all thirteen snapshots, and what they must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources._base import LayoutError, Window
from assets.sources.gpurentalprices import GPURENTALPRICES
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.home import Home
from warehouse.staging import staged

NOW = dt.datetime(2026, 8, 22, 9, tzinfo=dt.UTC)
SOURCE = "gpurentalprices"


def snapshot(*offers: dict[str, object], made_at: str = "2026-08-22T06:21:55.020Z") -> str:
    """A snapshot as the publisher commits it."""
    base = {"provider": "p", "gpu": "h100-sxm", "vram_gb": 80, "usd_hr": 2.5, "kind": "on-demand"}
    return json.dumps({"date": made_at[:10], "generated_at": made_at, "offers": [base | o for o in offers]})


def test_every_snapshot_is_read(samples: Path) -> None:
    files = sorted((samples / "gpu_rental_snapshots").glob("gpurentalprices_*"))
    assert len(files) == 13
    counts = {}
    for file in files:
        scopes, rejected = read_files(SOURCE, file)
        rows = scopes[SOURCE]
        counts[file.name[16:26]] = (rows.height, rejected.height, rows["provider"].n_unique())
        per_gpu = rows["price_amount_per_hour"] / rows["accelerator_count"]
        assert per_gpu.is_between(0.05, 20).all()
        assert rows["valid_from"].dt.strftime("%Y-%m-%d").unique().to_list() == [file.name[16:26]]
    assert counts["2026-07-05"] == (50, 8, 2)
    assert counts["2026-08-22"] == (293, 0, 34)
    assert [c[2] for c in counts.values()] == [2, 18, 18, 18, *[34] * 9]


def test_the_least_number_of_gpus_multiplies_the_price(samples: Path) -> None:
    """12.29 is AWS's p5.48xlarge per GPU; eight of them must be rented."""
    rows = read_files(SOURCE, samples / "gpu_rental_snapshots/gpurentalprices_2026-08-22.json")[0][SOURCE]
    row = rows.filter((pl.col("provider") == "aws") & (pl.col("instance_type") == "8x h100-sxm 80 GB")).filter(
        pl.col("purchase_option") == "on_demand"
    )
    assert row.select("accelerator_count", "price_amount_per_hour").row(0) == pytest.approx((8, 98.32))


def test_google_lists_accelerators_without_their_host(samples: Path) -> None:
    """2.93 is Google's A100 alone; a2-highgpu-1g costs 3.67. In files with and without addresses of pages."""
    for name in ("gpurentalprices_2026-08-22.json", "gpurentalprices_2026-07-21.json.zip"):
        rows = read_files(SOURCE, samples / "gpu_rental_snapshots" / name)[0][SOURCE]
        assert set(rows.filter(pl.col("provider") == "gcp")["price_component"]) == {"accelerator"}
        assert set(rows.filter(pl.col("provider") != "gcp")["price_component"]) == {"instance"}


def test_a_slug_with_two_prices_is_refused(samples: Path) -> None:
    _, rejected = read_files(SOURCE, samples / "gpu_rental_snapshots/gpurentalprices_2026-07-05.json.zip")
    assert rejected["reason"].str.contains("two different rows have the same key").all()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("on-demand", ("on_demand", "")),
        ("spot", ("spot", "")),
        ("serverless", ("on_demand", "serverless")),
        ("secure", ("on_demand", "secure")),
        ("community", ("on_demand", "community")),
    ],
)
def test_kinds(kind: str, expected: tuple[str, str], tmp_path: Path) -> None:
    rows = read_body(SOURCE, snapshot({"kind": kind}), tmp_path)[0][SOURCE]
    assert rows.select("purchase_option", "offer_variant").row(0) == expected


@pytest.mark.parametrize(
    "values", [{"usd_hr": 0}, {"usd_hr": None}, {"usd_hr": "Contact sales"}, {"kind": "auction"}, {"usd_hr": 1e7}]
)
def test_bad_rows_are_refused(values: dict[str, object], tmp_path: Path) -> None:
    scopes, rejected = read_body(SOURCE, snapshot({}, {"gpu": "b", **values}), tmp_path)
    assert (scopes[SOURCE].height, rejected.height) == (1, 1)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"offers": []}', "no list of offers"),
        ("[]", "no list of offers"),
        ("", "empty"),
        ('{"offers": [{', "not JSON"),
        ('{"generated_at": "x", "offers": [{"provider": "p"}]}', "usd_hr"),
        (snapshot({}, made_at="soon"), "generated_at is no time"),
    ],
)
def test_other_layouts_are_refused(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body(SOURCE, body, tmp_path)


@pytest.mark.parametrize("memory", [None, 0])
def test_a_chip_without_a_stated_memory_is_an_offer_too(memory: object, tmp_path: Path) -> None:
    scopes, rejected = read_body(SOURCE, snapshot({"gpu": "tpu-v6e", "vram_gb": memory}, {}), tmp_path, observed_at=NOW)
    columns = ("instance_type", "accelerator_memory_gib", "price_amount_per_hour")
    assert scopes[SOURCE].select(columns).rows() == [("1x tpu-v6e", None, 2.5), ("1x h100-sxm 80 GB", 80.0, 2.5)]
    assert rejected.is_empty()


def test_live_takes_the_latest_and_history_the_days(home: Home, replay: ReplayServer) -> None:
    """Today's snapshot is complete and undated; a past one carries its date and ends no offer."""
    today = dt.datetime.now(dt.UTC)
    root = "https://raw.githubusercontent.com/adriannutiu/gpu-rental-prices/main/data"
    replay.add(f"{root}/latest.json", snapshot({}, made_at=today.isoformat()))
    replay.add(f"{root}/snapshots/2026-07-05.json", snapshot({"usd_hr": 3}, made_at="2026-07-05T23:04:21.818Z"))
    intake.take_live(home, GPURENTALPRICES, Window(today))
    intake.take_live(home, GPURENTALPRICES, Window(today, dt.date(2026, 7, 5), dt.date(2026, 7, 5)))
    assert replay.urls() == [f"{root}/latest.json", f"{root}/snapshots/2026-07-05.json"]
    found = {b.scopes[0].frame["valid_from"][0].date(): b.scopes[0].is_complete for _, b in staged(home)}
    assert found == {today.date(): True, dt.date(2026, 7, 5): False}


def test_what_an_offer_says_of_itself_since_october_2026(tmp_path: Path) -> None:
    """Machines, regions, marketplaces' nodes and rates without the host, as on 8 October 2026 (shortened)."""
    azure = {"provider": "azure", "region": "eastus", "min_gpus": 8, "gpu_count_reported": True}
    node = {"provider": "lium", "kind": "marketplace", "region": "Columbus, United States", "min_gpus": 8}
    body = snapshot(
        azure | {"instance": "Standard_ND96isr_H100_v5", "usd_hr": 12.29},
        azure | {"instance": "Standard_ND96is_H100_v5", "usd_hr": 11.061, "vcpus": 96, "ram_gib": 1900},
        node | {"instance": "Marketplace node 3036ac08-b62b; 8 GPUs on host", "usd_hr": 2.05},
        node | {"instance": "Marketplace node 576f65a2-95fd; 8 GPUs on host", "usd_hr": 2.15},
        {"provider": "daytona", "instance": "H100; GPU rate only, CPU/memory/disk billed separately", "usd_hr": 3.95},
        {"provider": "lambda", "instance": "1x NVIDIA H100 SXM", "usd_hr": 4.29},
        {"provider": "x", "rate_basis": "starting-at", "availability": "waitlist"},
    )
    scopes, rejected = read_body(SOURCE, body, tmp_path, observed_at=NOW)
    columns = ("provider", "region", "instance_type", "price_component", "offer_variant", "price_amount_per_hour")
    assert [(*r[:5], round(r[5], 6)) for r in scopes[SOURCE].select(columns).rows()] == [
        ("azure", "eastus", "Standard_ND96isr_H100_v5", "instance", "", 98.32),
        ("azure", "eastus", "Standard_ND96is_H100_v5", "instance", "", 88.488),
        (
            "lium",
            "Columbus, United States",
            "8x h100-sxm 80 GB",
            "instance",
            "marketplace, node 3036ac08-b62b",
            16.4,
        ),
        ("lium", "Columbus, United States", "8x h100-sxm 80 GB", "instance", "marketplace, node 576f65a2-95fd", 17.2),
        ("daytona", "global", "1x h100-sxm 80 GB", "accelerator", "", 3.95),
        ("lambda", "global", "1x h100-sxm 80 GB", "instance", "", 4.29),
        ("x", "global", "1x h100-sxm 80 GB", "instance", "starting-at", 2.5),
    ]
    assert scopes[SOURCE].row(1, named=True)["vcpu_count"] == 96
    assert rejected.is_empty()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"kind": "reserved", "commitment": {"type": "term", "months": 12}}, "reserved_1y"),
        ({"kind": "reserved", "commitment": {"type": "term", "months": 36}}, "reserved_3y"),
        ({"kind": "reserved", "commitment": {"type": "term", "months": 1, "payment": "monthly"}}, None),
        ({"kind": "reserved", "commitment": {"type": "term", "months": 60}}, None),
        ({"kind": "reserved", "commitment": {"type": "quote", "label": "36-60 months"}}, None),
        ({"kind": "reserved", "commitment": {"type": "quote", "months": 36}}, None),
        ({"kind": "reserved"}, None),
        ({"kind": "on-demand", "commitment": {"type": "term", "months": 12}}, None),
    ],
)
def test_a_commitment_is_told_by_its_term(values: dict[str, object], expected: str | None, tmp_path: Path) -> None:
    scopes, rejected = read_body(SOURCE, snapshot({}, {"gpu": "b300", "vram_gb": 288, **values}), tmp_path)
    found = scopes[SOURCE].filter(pl.col("accelerator_name") == "b300")["purchase_option"].to_list()
    assert found == ([expected] if expected else [])
    assert rejected["reason"].str.contains("commitment").to_list() == ([] if expected else [True])


def test_offers_that_are_no_objects_are_another_layout(tmp_path: Path) -> None:
    body = json.dumps({"generated_at": "2026-08-22T06:21:55Z", "offers": ["none"]})
    with pytest.raises(LayoutError, match="kind"):
        read_body(SOURCE, body, tmp_path)
