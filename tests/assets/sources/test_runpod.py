"""RunPod: real answers and pages of four years, the answer key of a tracker, and what it must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources._base import LayoutError, Window
from assets.sources.runpod import QUERY, RUNPOD
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.home import Home
from warehouse.staging import staged

WINDOW = Window(dt.datetime(2026, 9, 1, tzinfo=dt.UTC))


def gpu_type(**values: object) -> dict[str, object]:
    """One GPU type as the publisher sends it."""
    return {
        "id": "NVIDIA L4",
        "displayName": "L4",
        "memoryInGb": 24,
        "secureCloud": True,
        "communityCloud": True,
        "securePrice": 0.39,
        "communityPrice": 0.44,
    } | values


def prices(frame: pl.DataFrame, instance: str, option: str = "on_demand") -> dict[str, float]:
    """Price by cloud of one instance type."""
    rows = frame.filter((pl.col("instance_type") == instance) & (pl.col("purchase_option") == option))
    return dict(rows.select("offer_variant", "price_amount_per_hour").rows())


@pytest.mark.parametrize(
    ("file", "count"),
    [
        ("graphql_2026-07", 66),
        ("graphql_2026-10", 76),
        ("list_2025-06-15T1027", 103),
        ("list_2025-06-19T2320", 103),
        ("list_2025-06-21T2318", 103),
    ],
)
def test_every_sample_is_read(file: str, count: int, samples: Path) -> None:
    scopes, rejected = read_files("runpod", samples / f"runpod/gpuTypes_{file}.json")
    rows = scopes["runpod"]
    assert (rows.height, rejected.height) == (count, 0)
    assert "unknown" not in set(rows["instance_type"])
    assert rows.filter(pl.col("purchase_option") == "on_demand")["price_amount_per_hour"].is_between(0.05, 200).all()


def test_the_flag_decides_not_the_figure(samples: Path) -> None:
    """A40 community 0.35 and L4 community 0.44 stand there though that cloud does not sell them."""
    rows = read_files("runpod", samples / "runpod/gpuTypes_graphql_2026-07.json")[0]["runpod"]
    assert prices(rows, "NVIDIA A40") == {"secure": 0.44}
    assert prices(rows, "NVIDIA L4") == {"secure": 0.39}
    assert prices(rows, "AMD Instinct MI300X OAM") == {"secure": 2.19}
    assert prices(rows, "NVIDIA GeForce GTX 1050") == {}


def test_without_flags_placeholders_are_no_prices(samples: Path) -> None:
    rows = read_files("runpod", samples / "runpod/gpuTypes_graphql_2026-10.json")[0]["runpod"]
    assert prices(rows, "AMD Instinct MI300X OAM") == {"secure": 2.39}
    assert prices(rows, "NVIDIA A100-SXM4-40GB") == {"community": 1.0}
    assert not rows["price_amount_per_hour"].is_in([0.0, 0.5]).any()


def test_spot_is_apart_and_null_spot_is_no_offer(samples: Path) -> None:
    rows = read_files("runpod", samples / "runpod/gpuTypes_list_2025-06-21T2318.json")[0]["runpod"]
    assert prices(rows, "NVIDIA H100 80GB HBM3") == {"secure": 2.99, "community": 2.69}
    assert prices(rows, "NVIDIA H100 80GB HBM3", "spot") == {"secure": 1.75, "community": 1.5}
    assert prices(rows, "NVIDIA H200", "spot") == {}


def test_answer_key_of_eucri(samples: Path, tmp_path: Path) -> None:
    """The tracker took the secure price of the same payloads: ours is the same, row by row."""
    key = pl.read_csv(
        samples / "gpu_rental_snapshots/eucri_observations_2026-07-18_2026-08-22.csv", infer_schema=False
    ).filter(pl.col("source") == "runpod")
    assert key.height == 51
    for raw, expected in key.select("raw_json", pl.col("price_usd_per_gpu_hr").cast(pl.Float64)).rows():
        found = read_body("runpod", f"[{raw}]", tmp_path)[0]["runpod"]
        assert prices(found, json.loads(raw)["id"])["secure"] == pytest.approx(expected)


def test_a_slice_has_no_rate_per_gpu(tmp_path: Path) -> None:
    body = json.dumps(
        [gpu_type(id="NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 1g.24gb", displayName="PRO 6000 MIG 24GB")]
    )
    assert read_body("runpod", body, tmp_path)[0]["runpod"]["accelerator_count"].to_list() == [None, None]


@pytest.mark.parametrize("price", [0, None, -1])
def test_an_offer_without_a_price_is_refused(price: float | None, tmp_path: Path) -> None:
    scopes, rejected = read_body("runpod", json.dumps([gpu_type(securePrice=price), gpu_type(id="b")]), tmp_path)
    assert scopes["runpod"].height == 3
    assert "missing, zero or negative" in rejected["reason"].item()


def test_an_absurd_price_is_refused(tmp_path: Path) -> None:
    _, rejected = read_body("runpod", json.dumps([gpu_type(securePrice=9e9)]), tmp_path)
    assert "in bounds" in rejected["reason"].item()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"errors": [{"message": "Cannot query field"}], "data": null}', "Cannot query field"),
        ('{"data": {"gpuTypes": []}}', "no list of GPU types"),
        ('{"data": null}', "no list of GPU types"),
        ('[{"id": "x", "displayName": "x", "communityPrice": 1}]', "securePrice is missing"),
        ("<html>Just a moment...</html>", "HTML page"),
        ("", "empty"),
        ('{"data": {"gpuTy', "not JSON"),
    ],
)
def test_other_layouts_are_refused(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("runpod", body, tmp_path)


def test_live(home: Home, replay: ReplayServer) -> None:
    """One POST with the query; the same answer again is recognised."""
    replay.add("https://api.runpod.io/graphql", json.dumps({"data": {"gpuTypes": [gpu_type()]}}))
    taken = intake.take_live(home, RUNPOD, WINDOW)
    assert [(t.outcome, t.row_count) for t in taken] == [("loaded", 2)]
    assert json.loads(replay.asked[0].body) == {"query": QUERY}
    assert replay.asked[0].method == "POST"
    assert [b.source_id for _, b in staged(home)] == ["runpod"]


# The page -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "count", "instance", "expected"),
    [
        ("20230929070808_next_data", 59, "L40", {"secure": 1.14}),
        ("20230929070808_next_data", 59, "H100 80GB PCIe", {"secure": 4.29, "community": 3.99}),
        ("20250909131230", 10, "H200", {"secure": 3.79, "community": 3.59}),
        ("20260810082317_jsonld", 38, "L4", {"secure": 0.39, "community": 0.44}),
        ("20260810082317_jsonld", 38, "B300", {"secure": 7.39, "community": 6.94}),
    ],
)
def test_page_in_the_form_of_its_year(
    file: str, count: int, instance: str, expected: dict[str, float], samples: Path
) -> None:
    scopes, rejected = read_files("runpod_page", samples / f"gpu_cloud_html/runpod_{file}.html")
    assert (scopes["runpod"].height, rejected.height) == (count, 0)
    assert prices(scopes["runpod"], instance) == expected


def test_page_row_carries_memory_and_host(samples: Path) -> None:
    rows = read_files("runpod_page", samples / "gpu_cloud_html/runpod_20250909131230.html")[0]["runpod"]
    found = (
        rows.filter(pl.col("instance_type") == "H100 NVL")
        .select("accelerator_memory_gib", "memory_gib", "vcpu_count")
        .row(0)
    )
    assert found == (94, 94, 16)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<html><body><h1>Pricing</h1><p>Contact sales</p></body></html>", "no price in any form"),
        ("<html><title>Just a moment...</title></html>", "captcha or block page"),
    ],
)
def test_page_without_a_price_is_refused(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("runpod_page", body, tmp_path, "page.html")


def test_page_attributes_that_are_empty_or_words(tmp_path: Path) -> None:
    row = (
        '<div class="gpu-pricing-row"><div data-line-clamp="">X1</div>'
        '<div data-secure-cloud-price="{}" data-community-cloud-price="">0</div></div>'
    )
    scopes, rejected = read_body("runpod_page", row.format("soon") + row.format("1.5"), tmp_path, "page.html")
    assert prices(scopes["runpod"], "X1") == {"secure": 1.5}
    assert rejected.height == 1
