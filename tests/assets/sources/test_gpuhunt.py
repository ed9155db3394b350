"""gpuhunt catalog: version, zip, zones, prices that are none; live against a replayed bucket."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources import source_named
from assets.sources._base import LayoutError, Window
from assets.sources._gcp import COMMITTED
from tests.assets.sources.reading import read_body, read_files
from tests.pipelines.test_samples import gpuhunt_catalogs
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

HEADER = "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot,disk_size,gpu_vendor,flags,cpu_arch,provider_data\n"
ROWS = (
    "a3-highgpu-8g,us-east4-a,88.0,208,1872,8,H100,80.0,False,,nvidia,,x86,{}\n"
    "a3-highgpu-8g,us-east4-b,88.0,208,1872,8,H100,80.0,False,,nvidia,,x86,{}\n"
    "a3-highgpu-8g,us-east4-a,30.0,208,1872,8,H100,80.0,True,,nvidia,,x86,{}\n"
    "a3-highgpu-8g,us-east4-b,31.0,208,1872,8,H100,80.0,True,,nvidia,,x86,{}\n"
    "e2-standard-2,us-east4-a,0.1,2,8,0,,,False,,,,x86,{}\n"
    "broken,us-east4-a,0,8,64,1,L4,24.0,False,,nvidia,,x86,{}\n"
)
BUCKET = "https://dstack-gpu-pricing.s3.eu-west-1.amazonaws.com/v3"


def archive(name: str = "gcp.csv", body: str = HEADER + ROWS) -> bytes:
    """A catalog as published."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, body)
    return data.getvalue()


def test_zones_of_one_price_count_once_and_others_are_variants(tmp_path: Path) -> None:
    scopes, rejected = read_body("gpuhunt", archive(), tmp_path, "catalog.zip")
    rows = scopes["gcp"]
    on_demand = rows.filter(pl.col("purchase_option") == "on_demand")
    assert on_demand.select("region", "instance_type", "offer_variant", "price_amount_per_hour").rows() == [
        ("us-east4", "a3-highgpu-8g", "", 88.0)
    ]
    spot = rows.filter(pl.col("purchase_option") == "spot")
    assert sorted(spot.select("offer_variant", "price_amount_per_hour").rows()) == [
        ("us-east4-a", 30.0),
        ("us-east4-b", 31.0),
    ]
    assert rejected["reason"].to_list() == ["price is missing, zero or negative"]


def test_what_is_booked_ahead_is_not_on_demand(tmp_path: Path) -> None:
    """The flag tells it, not `spot`; rows for old readers count once; a way of buying that is not told is refused."""
    rows = (
        "a4-highgpu-8g,us-south1-b,60.0,224,3968,8,B200,180.0,False,,nvidia,gcp-dws-calendar-mode gcp-a4,x86,{}\n"
        "a4-highgpu-8g,us-south1-b,32.0,224,3968,8,B200,180.0,True,,nvidia,gcp-a4,x86,{}\n"
        "g4-standard-48,us-south1-b,4.5,48,180,1,RTXPRO6000,96.0,False,,nvidia,gcp-g4,x86,{}\n"
        "g4-standard-48,us-south1-b,4.5,48,180,1,RTXPRO6000,96.0,False,,nvidia,gcp-g4-preview,x86,{}\n"
        "g2-standard-4,us-south1-b,0.7,4,16,1,L4,24.0,,,nvidia,,x86,{}\n"
    )
    scopes, rejected = read_body("gpuhunt", archive(body=HEADER + rows), tmp_path, "catalog.zip")
    assert scopes["gcp"].select("instance_type", "purchase_option", "price_amount_per_hour").rows() == [
        ("a4-highgpu-8g", "capacity_block", 60.0),
        ("a4-highgpu-8g", "spot", 32.0),
        ("g4-standard-48", "on_demand", 4.5),
    ]
    assert rejected["reason"].to_list() == ["spot is neither True nor False: cannot tell how it is bought"]


def test_a_gpu_without_a_name_is_kept_as_unknown(tmp_path: Path) -> None:
    rows = (
        "new-8g,us-east-1,40.0,192,2048,8,,,False,,nvidia,,x86,{}\n" + "cpu-1,us-east-1,0.1,1,1,0,,,False,,,,x86,{}\n"
    )
    scopes, rejected = read_body("gpuhunt", archive("aws.csv", HEADER + rows), tmp_path, "catalog.zip")
    found = (
        scopes["aws"].select("instance_type", "accelerator_name", "accelerator_count", "price_amount_per_hour").rows()
    )
    assert (found, rejected.height) == ([("new-8g", None, 8.0, 40.0)], 0)


def test_live_version_then_catalog(home: Home, replay: ReplayServer) -> None:
    source = source_named("gpuhunt")
    for provider in ("aws", "azure", "gcp", "lambdalabs", "nebius", "oci", "runpod", "verda", "cloudrift"):
        replay.add(f"{BUCKET}/{provider}/version", "20260915-7\n")
        replay.add(
            f"{BUCKET}/{provider}/20260915-7/catalog.zip",
            archive(
                f"{provider}.csv",
                HEADER
                + ROWS.replace("g,us-east4-a,0,", "g,us-east4-a,1,").replace(
                    "broken,us-east4-a,0,", "l4,us-east4-a,1,"
                ),
            ),
        )
    taken = intake.take_live(home, source, Window(dt.datetime.now(dt.UTC)))
    assert {t.outcome for t in taken} == {"loaded"}
    scopes = {s.scope for _, batch in staging.staged(home) for s in batch.scopes}
    assert {"lambda", "gcp", "verda"} <= scopes


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (archive(body=""), "empty"),
        pytest.param(archive()[:60], "cannot be read", id="cut off"),  # the bytes hold the time of day
        (archive(name="readme.txt"), "no CSV"),
        (archive(body="a,b\n1,2\n"), "missing"),
        (archive(body="x" * 30_000_000), "unpacks to more"),
    ],
)
def test_a_bad_archive_is_refused_by_name(body: bytes, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("gpuhunt", body, tmp_path, "catalog.zip")


def test_gcp_prices_under_a_commitment_are_no_list_prices(samples: Path, tmp_path: Path) -> None:
    """a3-highgpu-8g: 43.79 in us-east4 is no price on demand; its cheapest region has 88.49 (11.06 a GPU)."""
    files = [f for f, _ in gpuhunt_catalogs(samples, tmp_path) if f.stem == "gcp"]
    assert len(files) > 10
    for file in files:
        scopes, rejected = read_files("gpuhunt", file)
        rate = scopes["gcp"]["price_amount_per_hour"] / scopes["gcp"]["accelerator_count"]
        assert rate.min() > 10
        assert set(rejected["reason"]) == {COMMITTED}
        assert rejected.height < 0.5 * (rejected.height + scopes["gcp"].height)


def test_other_clouds_may_sell_at_any_price(tmp_path: Path) -> None:
    """The rule is of Google's SKUs: a cheap region of another cloud is a cheap region."""
    body = HEADER + "a,r1,10,1,1,1,H100,80,False,,nvidia,,x86,{}\na,r2,3,1,1,1,H100,80,False,,nvidia,,x86,{}\n"
    scopes, rejected = read_body("gpuhunt", body, tmp_path, "verda.csv")
    assert (scopes["verda"].height, rejected.height) == (2, 0)


def test_a_slice_of_tpus_is_no_single_accelerator(tmp_path: Path) -> None:
    """Whether or not the name says that it is one; what a provider adds as JSON holds commas of its own."""
    rows = (
        "v5p-8,us-east5-a,33.6,208,448,1,tpu-v5p-8,,False,,,,,\n"
        "v6e-8,us-east5-b,21.6,180,720,1,v6e-8,,False,,google,,x86,{}\n"
        'a2-highgpu-1g,us-east5-a,3.67,12,85,1,A100,40.0,False,,nvidia,,x86,"{""a"": 1, ""b"": [2, 3]}"\n'
    )
    scopes, rejected = read_body("gpuhunt", archive(body=HEADER + rows), tmp_path, "catalog.zip")
    assert sorted(scopes["gcp"].select("instance_type", "accelerator_count", "price_amount_per_hour").rows()) == [
        ("a2-highgpu-1g", 1.0, 3.67),
        ("v5p-8", None, 33.6),
        ("v6e-8", None, 21.6),
    ]
    assert rejected.is_empty()
