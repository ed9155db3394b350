"""SkyPilot catalog: real files of four clouds, and what it must survive."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_body, read_files

HEADER = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice\n"


def test_lambda_rates_are_per_instance(samples: Path) -> None:
    """gpu_8x_h100_sxm5 at 27.92 or so is eight GPUs, not one."""
    scopes, rejected = read_files("skypilot", samples / "skypilot_catalog/lambda_vms_2026-04-02.csv")
    rows = scopes["lambda"].filter(pl.col("instance_type").str.contains("8x_h100"))
    assert rows.height and set(rows["accelerator_count"]) == {8.0}
    assert rows["price_amount_per_hour"].min() > 15
    assert rejected.is_empty()


def test_gcp_host_and_accelerator_are_added(samples: Path) -> None:
    """An A2 host row alone is no price of a machine with a GPU, nor is the accelerator row."""
    scopes, _ = read_files("skypilot", samples / "skypilot_catalog/gcp_vms_2026-04-02.csv.zip")
    rows = scopes["gcp"].filter(
        (pl.col("instance_type") == "a2-highgpu-1g")
        & (pl.col("region") == "us-central1")
        & (pl.col("purchase_option") == "on_demand")
    )
    assert rows["price_amount_per_hour"].to_list() == pytest.approx([3.673385], abs=0.01)
    alone = scopes["gcp"].filter(pl.col("price_component") == "accelerator")
    assert not set(alone["instance_type"]) & set(rows["instance_type"])


def test_vast_spot_of_zero_is_no_offer(samples: Path) -> None:
    scopes, _ = read_files("skypilot", samples / "skypilot_catalog/vast_vms_2026-04-29.csv")
    assert set(scopes["vast"]["purchase_option"]) == {"on_demand"}
    assert scopes["vast"].filter(pl.col("accelerator_name") == "RTX5090")["accelerator_memory_gib"].unique().round(
        1
    ).to_list() == [31.8]


def test_azure_rows_that_overhang_are_kept(samples: Path) -> None:
    scopes, _ = read_files("skypilot", samples / "skypilot_catalog/azure_vms_2026-04-02.csv.zip")
    assert scopes["azure"].height > 1500


@pytest.mark.parametrize(
    ("price", "word"), [("-1", "zero or negative"), ("0", "zero or negative"), ("1e9", "in bounds")]
)
def test_absurd_prices_are_refused(price: str, word: str, tmp_path: Path) -> None:
    body = HEADER + f"a,H100,1,1,1,{price},r,,\nb,H100,1,1,1,2.5,r,,\n"
    scopes, rejected = read_body("skypilot", body, tmp_path, "lambda_vms.csv")
    assert scopes["lambda"]["instance_type"].to_list() == ["b"]
    assert word in rejected["reason"][0]


def test_a_renamed_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="Price is missing"):
        read_body("skypilot", HEADER.replace(",Price", ",Cost") + "a,H100,1,1,1,2,r,,\n", tmp_path, "lambda_vms.csv")
