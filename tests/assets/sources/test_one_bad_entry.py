"""One entry of an answer that is null, text or a number: it costs itself, and no other offer is lost or made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.assets.sources.reading import read_body
from tests.assets.sources.test_gcp_skus import page, sku
from tests.assets.sources.test_variants import find, text_of

#: Source, recorded answer, and where its list of offers is.
LISTS = [
    ("azure_retail", "retail_eastus_nd_2026-07-27.json", "Items"),
    ("gcp_skus", "skus_fragment_a100_2023-03.json", "skus"),
    ("oci", "cetools_products_gpu_2026-10-01.json", "items"),
    ("runpod", "gpuTypes_list_2025-06-21T2318.json", None),
    ("vast", "bundles_2026-07-h100_a100.json", "offers"),
    ("digitalocean", "digitalocean_sizes.json", "sizes"),
    ("verda", "verda_instance_types.json", None),
    ("vultr", "vultr_plans.json", "plans"),
    ("gpurentalprices", "gpurentalprices_2026-08-22.json", "offers"),
    ("tardellirs", "tardellirs_offerings_2026-05-25.json", None),
    ("openrouter", "models_trimmed_2026-07-27.json", "data"),
]
Rows = tuple[list[tuple], pl.DataFrame]


def rows_of(source_id: str, name: str, value: Any, folder: Path) -> Rows:
    scopes, rejected = read_body(source_id, json.dumps(value), folder, name.removesuffix(".zip"))
    return [row for frame in scopes.values() for row in frame.rows()], rejected


@pytest.mark.parametrize("strange", [None, "none", 7, []])
@pytest.mark.parametrize(("source_id", "name", "key"), LISTS)
def test_an_entry_that_is_no_object(
    source_id: str, name: str, key: str | None, strange: object, samples: Path, tmp_path: Path
) -> None:
    value = json.loads(text_of(find(samples, name)))
    before, refused = rows_of(source_id, name, value, tmp_path)
    (value if key is None else value[key]).append(strange)
    after, rejected = rows_of(source_id, name, value, tmp_path)
    assert (before, bool(before)) == (after, True)
    assert rejected.height - refused.height <= 2


def changed(
    samples: Path, name: str, change: Callable[[Any], object], folder: Path, source_id: str
) -> tuple[Rows, Rows]:
    """What is read of a recorded answer before and after a change to it."""
    value = json.loads(text_of(find(samples, name)))
    before = rows_of(source_id, name, value, folder)
    change(value)
    return before, rows_of(source_id, name, value, folder)


def test_a_gpu_type_without_an_id_is_refused(samples: Path, tmp_path: Path) -> None:
    (before, _), (after, rejected) = changed(
        samples, "gpuTypes_graphql_2026-07.json", lambda v: v["data"]["gpuTypes"][3].pop("id"), tmp_path, "runpod"
    )
    assert 0 < len(before) - len(after) == rejected.height
    assert set(rejected["reason"]) == {"id is missing"}


@pytest.mark.parametrize("product", [None, "", []])
def test_a_machine_without_its_product_is_not_taken_for_linux(product: object, samples: Path, tmp_path: Path) -> None:
    """The Windows row of ND40rs v2 at 4.41 USD, spot."""

    def forget(value: Any) -> None:
        windows = [i for i in value["Items"] if "Windows" in i["productName"]]
        assert windows
        for item in windows:
            item["productName"] = product

    (before, _), (after, rejected) = changed(
        samples, "retail_eastus_nd_2026-07-27.json", forget, tmp_path, "azure_retail"
    )
    assert before == after
    assert set(rejected["reason"]) == {"productName is missing: cannot tell Linux from Windows"}


@pytest.mark.parametrize("places", ["nyc1", 5, {"nyc1": True}, [None, ""], [["nyc1"]]])
@pytest.mark.parametrize(
    ("source_id", "name", "key", "field"),
    [
        ("digitalocean", "digitalocean_sizes.json", "sizes", "regions"),
        ("vultr", "vultr_plans.json", "plans", "locations"),
    ],
)
def test_places_that_are_no_list_make_no_region(
    source_id: str, name: str, key: str, field: str, places: object, samples: Path, tmp_path: Path
) -> None:
    """A text is no list of its letters, and null is no region named None."""
    (before, _), (after, _) = changed(
        samples, name, lambda v: v[key][1].__setitem__(field, places), tmp_path, source_id
    )
    assert len(after) < len(before)
    assert set(after) < set(before)


@pytest.mark.parametrize(
    "change",
    [
        lambda sku: sku.pop("description"),
        lambda sku: sku.__setitem__("pricingInfo", []),
        lambda sku: sku.pop("pricingInfo"),
        lambda sku: sku["pricingInfo"][0]["pricingExpression"].pop("tieredRates"),
        lambda sku: sku["pricingInfo"][0]["pricingExpression"]["tieredRates"][0].pop("unitPrice"),
        lambda sku: sku["pricingInfo"][0]["pricingExpression"]["tieredRates"][0]["unitPrice"].update(nanos="x"),
    ],
)
def test_a_sku_without_a_price_costs_itself(change: Callable[[Any], object], tmp_path: Path) -> None:
    whole, bad = sku(), sku("Nvidia L4 GPU running in Oregon") | {"category": {"resourceGroup": "GPU"}}
    change(bad)
    scopes, rejected = read_body("gcp_skus", page(whole, bad), tmp_path)
    assert scopes["gcp"]["region"].to_list() == ["us-central1"]
    assert rejected.height == 1


def test_a_price_of_machines_of_unknown_size_is_bounded(samples: Path, tmp_path: Path) -> None:
    """Amazon's page names no number of GPUs: no machine costs what a year of it does."""

    def yearly(value: Any) -> None:
        offers = next(iter(next(iter(value.values()))["regions"].values()))
        first = next(iter(offers.values()))
        first["price"] = str(float(first["price"]) * 8760)

    (before, _), (after, rejected) = changed(
        samples, "ec2_ondemand_linux_gpu_2regions_2026-09.json", yearly, tmp_path, "aws_pricing_page"
    )
    assert len(after) == len(before) - 1
    assert "gpu hour in bounds" in rejected["reason"].item()


@pytest.mark.parametrize("overrides", ["none", 7, {"min_prompt_tokens": float("nan"), "prompt": "0.1"}, [None]])
def test_overrides_that_are_not_understood_are_told(overrides: object, samples: Path, tmp_path: Path) -> None:
    (before, _), (after, rejected) = changed(
        samples,
        "models_trimmed_2026-07-27.json",
        lambda v: v["data"][0]["pricing"].__setitem__("overrides", overrides),
        tmp_path,
        "openrouter",
    )
    assert set(after) < set(before)
    assert rejected["reason"].str.contains("condition that is not known").all() and rejected.height
