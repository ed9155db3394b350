"""Google Cloud Billing catalog: recorded SKUs of 2023 and 2025, paging with a key, and what it must survive."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources._base import LayoutError, Window
from assets.sources.gcp_skus import GCP_SKUS, URL
from tests.assets.sources.reading import read_body, read_files
from tests.replay import Asked, ReplayServer
from warehouse import staging
from warehouse.home import Home

NOW = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
SECRET = "not-a-real-key"


def sku(
    description: str = "Nvidia Tesla A100 GPU running in Iowa", unit: str = "h", currency: str = "USD", **price: object
) -> dict:
    amount = {"currencyCode": currency} | (price or {"units": "2", "nanos": 933908000})
    return {
        "skuId": description,
        "description": description,
        "pricingInfo": [
            {"pricingExpression": {"usageUnit": unit, "tieredRates": [{"startUsageAmount": 0, "unitPrice": amount}]}}
        ],
    }


def page(*skus: dict, token: str = "") -> str:
    return json.dumps({"skus": skus, "nextPageToken": token})


def test_recorded_skus(samples: Path) -> None:
    """1,632 SKUs, of them 205 at zero: licences, and what is not on sale."""
    scopes, rejected = read_files("gcp_skus", samples / "gcp_skus/gpu_skus_2025-06.json.zip")
    rows = scopes["gcp"]
    assert rows.height == 1_381
    assert rejected.height < 10
    assert set(rows["purchase_option"]) == {"on_demand", "spot", "reserved_1y", "reserved_3y", "capacity_block"}
    assert set(rows["offer_variant"]) == {"", "calendar_mode", "dws_defined_duration"}
    assert set(rows["price_component"]) == {"accelerator"}
    # Some say "for 3 Year".
    terms = {
        o: rows.filter(pl.col("purchase_option") == o).select("instance_type", "region")
        for o in ("reserved_1y", "reserved_3y")
    }
    assert (
        terms["reserved_1y"]
        .sort("instance_type", "region")
        .equals(terms["reserved_3y"].sort("instance_type", "region"))
    )
    assert not rows["instance_type"].str.contains("Licens|Commitment|Reserved").any()
    assert rows.filter(pl.col("purchase_option") == "on_demand")["price_amount_per_hour"].max() < 20


def test_every_region_of_a_sku_has_its_row(samples: Path) -> None:
    scopes, _ = read_files("gcp_skus", samples / "gcp_skus/skus_fragment_a100_2023-03.json")
    assert scopes["gcp"].select("region", "price_amount_per_hour").rows() == [
        (region, pytest.approx(2.933908)) for region in ("us-central1", "us-east1", "us-west1")
    ]


@pytest.mark.parametrize(
    ("description", "option", "variant"),
    [
        ("Nvidia H100 80GB GPU running in Iowa", "on_demand", ""),
        ("Nvidia H100 80GB GPU attached to Spot Preemptible VMs running in Iowa", "spot", ""),
        ("Commitment v1: Nvidia H100 80GB GPU running in Iowa for 1 Year", "reserved_1y", ""),
        ("Commitment v1: Nvidia H100 80GB GPU running in Iowa for 3 Years", "reserved_3y", ""),
        ("Reserved Nvidia H100 80GB GPU in Iowa in Calendar Mode", "capacity_block", "calendar_mode"),
        (
            "Nvidia H100 80GB GPU attached to DWS Defined Duration VMs running in Iowa",
            "capacity_block",
            "dws_defined_duration",
        ),
    ],
)
def test_variants_are_told_apart(description: str, option: str, variant: str, tmp_path: Path) -> None:
    scopes, _ = read_body("gcp_skus", page(sku(description)), tmp_path)
    (row,) = scopes["gcp"].to_dicts()
    assert (row["purchase_option"], row["offer_variant"], row["region"]) == (option, variant, "us-central1")
    assert (row["instance_type"], row["accelerator_memory_gib"]) == ("Nvidia H100 80GB", 80.0)


@pytest.mark.parametrize(
    ("description", "option", "variant", "component", "name"),
    [
        ("A4 Nvidia B200 (1 gpu slice) running in Iowa", "on_demand", "", "instance", "Nvidia B200"),
        ("Spot Preemptible A4 Nvidia B200 (1 gpu slice) running in Iowa", "spot", "", "instance", "Nvidia B200"),
        (
            "DWS Calendar Mode A4 Nvidia B200 (1 gpu slice) running in Iowa",
            "capacity_block",
            "calendar_mode",
            "instance",
            "Nvidia B200",
        ),
        (
            "Commitment v1: A4 Nvidia B200 (1 gpu slice) in Iowa for 1 Year",
            "reserved_1y",
            "",
            "instance",
            "Nvidia B200",
        ),
        ("A4X Nvidia GB200 (1 gpu slice) running in Iowa", "on_demand", "", "instance", "Nvidia GB200"),
        ("RTX 6000 96GB running in Iowa", "on_demand", "", "accelerator", "RTX 6000 96GB"),
        ("RTX 6000 96GB attached to Spot Preemptible VMs running in Iowa", "spot", "", "accelerator", "RTX 6000 96GB"),
    ],
)
@pytest.mark.parametrize("category", [None, {"resourceFamily": "Compute", "resourceGroup": "GPU"}])
def test_gpus_that_are_not_called_so(
    description: str, option: str, variant: str, component: str, name: str, category: dict | None, tmp_path: Path
) -> None:
    """A slice of A4 comes with its share of the host; G4's GPU is named without the word."""
    scopes, rejected = read_body("gcp_skus", page(sku(description) | {"category": category}), tmp_path)
    (row,) = scopes["gcp"].to_dicts()
    found = (row["purchase_option"], row["offer_variant"], row["price_component"], row["accelerator_name"])
    assert found == (option, variant, component, name)
    assert (row["region"], row["accelerator_count"], rejected.height) == ("us-central1", 1.0, 0)


@pytest.mark.parametrize(("price", "amount"), [({"units": "2"}, 2.0), ({"nanos": 500000000}, 0.5)])
def test_units_or_nanos_may_be_absent(price: dict, amount: float, tmp_path: Path) -> None:
    scopes, _ = read_body("gcp_skus", page(sku(**price)), tmp_path)
    assert scopes["gcp"]["price_amount_per_hour"].to_list() == [amount]


def test_zero_and_licences_are_left_out_and_bad_ones_refused(tmp_path: Path) -> None:
    body = page(
        sku(),
        sku("Nvidia L4 GPU running in Tokyo", units="0", nanos=0),
        sku("Licensing Fee for X (GPU cost)"),
        sku("Nvidia L4 GPU running in Seoul", units="-1"),
        sku("Nvidia L4 GPU running in Delhi", unit="mo"),
        sku("Nvidia L4 GPU running in Paris", currency="IDR"),
    )
    scopes, rejected = read_body("gcp_skus", body, tmp_path)
    assert scopes["gcp"]["region"].to_list() == ["us-central1"]
    assert rejected.height == 3


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"items": []}', "skus is missing"),
        (page(sku())[:-3], "not JSON"),
        (page(sku()).replace("pricingExpression", "expression"), "pricingExpression"),
    ],
)
def test_a_changed_layout_is_named(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("gcp_skus", body, tmp_path)


def test_pages_follow_by_token_and_the_key_stays_secret(
    replay: ReplayServer, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GCP_API_KEY", SECRET)

    def answer(asked: Asked) -> bytes:
        following = "pageToken=t2" in asked.url
        return page(
            sku(f"Nvidia L4 GPU running in {'Tokyo' if following else 'Iowa'}"), token="" if following else "t2"
        ).encode()

    replay.add(URL, "", status=429, headers={"Retry-After": "0"}, times=1)
    replay.add(URL, answer)
    (taken,) = intake.take_live(home, GCP_SKUS, Window(NOW))
    assert (taken.outcome, taken.row_count, len(taken.capture_ids)) == ("loaded", 2, 2)
    assert all(f"key={SECRET}" in url for url in replay.urls())
    ((_, batch),) = staging.staged(home)
    assert batch.scopes[0].is_complete
    assert SECRET not in "".join(c.url for c in batch.captures)
    assert not [f for f in home.root.rglob("*") if f.is_file() and SECRET.encode() in f.read_bytes()]


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        ("Commitment v1: Nvidia H100 80GB GPU running in Iowa for 5 Years", "term that is not known"),
        ("Commitment v2: Nvidia H100 80GB GPU running in Iowa", "term that is not known"),
        ("A4 Nvidia B200 (2 gpu slice) running in Iowa", "part of a GPU, or of several"),
        ("G4 Nvidia RTX 6000 96GB (1/8 gpu slice) GPU running in Iowa", "part of a GPU, or of several"),
    ],
)
def test_what_is_no_hour_of_one_gpu_is_refused(description: str, reason: str, tmp_path: Path) -> None:
    in_group = sku(description) | {"category": {"resourceGroup": "GPU"}}
    scopes, rejected = read_body("gcp_skus", page(in_group, sku()), tmp_path)
    assert scopes["gcp"].height == 1
    assert rejected["reason"].str.contains(reason).to_list() == [True]


def test_a_price_from_some_use_on_is_none_of_the_first_hour(tmp_path: Path) -> None:
    later = sku("Nvidia L4 GPU running in Iowa")
    later["pricingInfo"][0]["pricingExpression"]["tieredRates"][0]["startUsageAmount"] = 100
    scopes, rejected = read_body("gcp_skus", page(later, sku()), tmp_path)
    assert (scopes["gcp"].height, rejected.height) == (1, 1)
