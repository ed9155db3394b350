"""Oracle Cloud shapes: the recorded price list with shapes in the estimator's form, and what it must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.sources._base import LayoutError, Window
from assets.sources.oci import URL as LIST_URL
from assets.sources.oci_shapes import OCI_SHAPES, URL
from tests.assets.sources.reading import read_files
from tests.replay import ReplayServer
from warehouse.connection import write_session
from warehouse.home import Home

SOURCE = "oci_shapes"
LIST = "oci/cetools_products_gpu_2026-10-01.json"
EXCERPT = "other_provider_apis/oci_cloudestimator2_shapes_excerpt.json"


def shape(name: str, part: str, gpus: int | None, **changed: object) -> dict[str, object]:
    """A shape as the estimator lists it; the quantity beside the product is of OCPUs."""
    return {
        "name": name,
        "hidden": False,
        "status": "ACTIVE",
        "allowPreemptible": False,
        "bundleMemoryQty": 2048,
        "gpuQty": gpus,
        "gpuMemoryQty": 640,
        "products": [{"partNumber": part, "qty": 112, "type": {"value": "ocpu"}}],
    } | changed


def shapes(samples: Path, tmp_path: Path, *more: dict[str, object]) -> Path:
    """The recorded excerpt (no shape with GPUs) with more shapes behind."""
    value = json.loads((samples / EXCERPT).read_text(encoding="utf-8"))
    value["items"] += more
    file = tmp_path / "shapes.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    return file


@pytest.mark.parametrize("products", [None, [None], ["B98415"], [{}]])
def test_a_shape_whose_products_are_none_costs_itself(products: object, samples: Path, tmp_path: Path) -> None:
    odd = shape("BM.GPU.H200.8", "B98415", 8, products=products)
    file = shapes(samples, tmp_path, shape("BM.GPU.H100.8", "B98415", 8), odd)
    scopes, rejected = read_files(SOURCE, samples / LIST, file)
    assert scopes["oci_shapes"]["instance_type"].to_list() == ["BM.GPU.H100.8"]
    assert "its price is unknown" in rejected["reason"].item()


def test_a_shape_costs_its_gpus(samples: Path, tmp_path: Path) -> None:
    """8 x 10.00 for H100, whatever the number of OCPUs; half of it where preemptible; the remark is no part of the name."""
    file = shapes(
        samples,
        tmp_path,
        shape("BM.GPU.H100.8", "B98415", 8),
        shape("BM.GPU.GB200.4 (NVL72)", "B110979", 4),
        shape("VM.GPU3.1", "B89734", 1, allowPreemptible=True),
        shape("BM.GPU.A10.4", "B95909", 4, hidden=True),
        shape("BM.GPU2.2", "B88517", 2, status="RETIRED"),
    )
    for order in ((samples / LIST, file), (file, samples / LIST)):
        scopes, rejected = read_files(SOURCE, *order)
        assert rejected.is_empty()
        got = scopes[SOURCE].select("instance_type", "purchase_option", "accelerator_count", "price_amount_per_hour")
        assert got.sort("instance_type", "purchase_option").rows() == [
            ("BM.GPU.GB200.4", "on_demand", 4.0, 64.0),
            ("BM.GPU.H100.8", "on_demand", 8.0, 80.0),
            ("VM.GPU3.1", "on_demand", 1.0, 2.95),
            ("VM.GPU3.1", "spot", 1.0, 1.475),
        ]


@pytest.mark.parametrize(
    "products", [[], [{"partNumber": "B1", "qty": 1}], [{"partNumber": "B98415"}, {"partNumber": "B110979"}]]
)
def test_a_shape_without_one_price_is_refused(products: list[object], samples: Path, tmp_path: Path) -> None:
    file = shapes(samples, tmp_path, shape("a", "B98415", 8, products=products), shape("BM.GPU.H100.8", "B98415", 8))
    scopes, rejected = read_files(SOURCE, samples / LIST, file)
    assert scopes[SOURCE]["instance_type"].to_list() == ["BM.GPU.H100.8"]
    assert rejected["reason"].str.contains("price is unknown").to_list() == [True]


def test_half_of_the_pair_is_told(samples: Path, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="without the price list"):
        read_files(SOURCE, samples / EXCERPT)
    with pytest.raises(LayoutError, match="no list of shapes"):
        read_files(SOURCE, samples / LIST)
    with pytest.raises(LayoutError, match="no shape has GPUs"):
        read_files(SOURCE, samples / LIST, samples / EXCERPT)


def test_live_and_per_gpu(home: Home, replay: ReplayServer, samples: Path, tmp_path: Path) -> None:
    """Both documents make one batch, and the rate per GPU is the list price."""
    replay.add(LIST_URL, (samples / LIST).read_bytes())
    replay.add(URL, shapes(samples, tmp_path, shape("BM.GPU.H100.8", "B98415", 8)).read_bytes())
    (taken,) = intake.take_live(home, OCI_SHAPES, Window(dt.datetime.now(dt.UTC)))
    assert (taken.outcome, taken.row_count, len(taken.capture_ids)) == ("loaded", 1, 2)
    recording.refresh_reference(home)
    recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        rows = con.sql("SELECT accelerator_id, price_usd_per_gpu_hour FROM observed.cloud_rate").pl()
    assert rows.rows() == [("nvidia-h100-sxm-80gb", 10.0)]
    assert rows.schema["price_usd_per_gpu_hour"] == pl.Float64
