"""Cyclenerd's pricing.yml: ten recorded files of 2022 to 2026, and what it must survive."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import polars as pl
import pytest
import yaml

from assets import intake
from assets.sources._base import FetchError, LayoutError, Window
from assets.sources.gcp_pricing_yml import GCP_PRICING_YML
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

URL = "https://raw.githubusercontent.com/Cyclenerd/google-cloud-pricing-cost-calculator/master/pricing.yml"

NOW = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)


def file_of(*types: str, above: str = "---\nabout:\n  timestamp: 1785391997\n") -> str:
    below = "  license:\n    a2-highgpu-1g:\n      cost: 1\nregion:\n  x: 1\n"
    return f"{above}compute:\n  instance:\n" + "".join(types) + below


def machine(name: str = "a2-highgpu-1g", accelerator: str = "a100: 1", **prices: float | str) -> str:
    """A machine type in three regions of one price, but for what is given of the last."""
    listed = {"hour": 4.0, "month": 2920.0}
    lines = "".join(
        f"        {region}:\n" + "".join(f"          {k}: {v}\n" for k, v in cost.items())
        for region, cost in (("a-east1", listed), ("b-west1", listed), ("c-west1", listed | prices))
    )
    return f"    {name}:\n      {accelerator}\n      cost:\n{lines}      cpu: 12\n      ram: 85\n"


@pytest.mark.parametrize(
    ("date", "count", "refused"),
    [
        ("2022-02-17", 410, 10),
        ("2022-09-29", 936, 9),
        ("2023-03-30", 688, 15),
        ("2023-09-28", 2320, 20),
        ("2024-03-28", 2380, 20),
        ("2024-09-26", 3056, 0),
        ("2025-03-27", 3056, 0),
        ("2025-09-25", 3056, 0),
        ("2026-03-26", 3056, 0),
        ("2026-07-30", 3609, 0),
    ],
)
def test_every_dated_layout(date: str, count: int, refused: int, samples: Path) -> None:
    scopes, rejected = read_files("gcp_pricing_yml", samples / f"gcp_pricing_yml/pricing_{date}.yml.zip")
    rows = scopes["gcp"]
    assert (rows.height, rejected.height) == (count, refused)
    assert rows["accelerator_count"].null_count() == 0
    per_gpu = (
        rows.filter(pl.col("purchase_option") == "on_demand")
        .select(pl.col("price_amount_per_hour") / pl.col("accelerator_count"))
        .to_series()
    )
    assert 0.6 < per_gpu.min() < per_gpu.max() < 19


def test_known_prices_of_one_region(samples: Path) -> None:
    """a3-highgpu-8g in us-central1 stood at 88.49 throughout; spot moved."""
    scopes, _ = read_files("gcp_pricing_yml", samples / "gcp_pricing_yml/pricing_2026-07-30.yml.zip")
    rows = scopes["gcp"].filter((pl.col("instance_type") == "a3-highgpu-8g") & (pl.col("region") == "us-central1"))
    price = dict(rows.select("purchase_option", "price_amount_per_hour").iter_rows())
    assert price["on_demand"] == pytest.approx(88.49, abs=0.01)
    assert price["reserved_3y"] < price["reserved_1y"] < price["on_demand"]
    assert set(rows["accelerator_memory_gib"]) == {80.0}
    assert set(rows["vcpu_count"]) == {208.0}


def test_slices_of_a_gpu(samples: Path) -> None:
    scopes, _ = read_files("gcp_pricing_yml", samples / "gcp_pricing_yml/pricing_2026-07-30.yml.zip")
    rows = scopes["gcp"].filter(pl.col("instance_type") == "g4-standard-6")
    assert set(rows["accelerator_count"]) == {0.125}


def test_a_host_without_its_gpu_is_refused(samples: Path) -> None:
    """A2 in Toronto at 0.81 USD per A100, on demand and spot."""
    scopes, rejected = read_files("gcp_pricing_yml", samples / "gcp_pricing_yml/pricing_2023-09-28.yml.zip")
    assert "price of the accelerator is missing" in rejected["reason"][0]
    assert all("northamerica-northeast2" in row for row in rejected["row_json"])
    toronto = scopes["gcp"].filter(
        (pl.col("region") == "northamerica-northeast2") & (pl.col("instance_type") == "a2-highgpu-1g")
    )
    assert "on_demand" not in toronto["purchase_option"]
    assert "spot" not in toronto["purchase_option"]


def test_of_the_largest_file_only_what_counts_is_read_as_yaml(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it takes 2.8 s."""
    file, read = samples / "gcp_pricing_yml/pricing_2026-07-30.yml.zip", []
    load = yaml.load
    monkeypatch.setattr(yaml, "load", lambda text, **options: read.append(len(text)) or load(text, **options))
    read_files("gcp_pricing_yml", file)
    with zipfile.ZipFile(file) as packed:
        whole = sum(member.file_size for member in packed.infolist())
    assert 0 < sum(read) < whole / 4


def test_a_commitment_at_the_list_price_is_none(tmp_path: Path) -> None:
    body = file_of(machine(month_1y=2920.0, month_3y=1460.0))
    scopes, _ = read_body("gcp_pricing_yml", body, tmp_path, "p.yml")
    reserved = scopes["gcp"].filter(pl.col("purchase_option").str.starts_with("reserved"))
    assert reserved.select("purchase_option", "price_amount_per_hour").rows() == [("reserved_3y", 2.0)]


def test_hosts_without_accelerators_and_licences_are_left_out(tmp_path: Path) -> None:
    body = file_of(machine("e2-standard-2"), machine("g1-small"), machine("a2-highgpu-1g"))
    scopes, _ = read_body("gcp_pricing_yml", body, tmp_path, "p.yml")
    assert set(scopes["gcp"]["instance_type"]) == {"a2-highgpu-1g"}
    assert scopes["gcp"].height == 3


@pytest.mark.parametrize("price", [0, -1, "null", "n/a"])
def test_a_bad_price_is_refused_and_a_spot_of_zero_is_no_offer(price: object, tmp_path: Path) -> None:
    body = file_of(machine(hour=price, hour_spot=0))  # type: ignore[arg-type]
    scopes, rejected = read_body("gcp_pricing_yml", body, tmp_path, "p.yml")
    assert scopes["gcp"].select("region", "purchase_option").rows() == [
        ("a-east1", "on_demand"),
        ("b-west1", "on_demand"),
    ]
    assert rejected["reason"].to_list() == ["the price per hour is missing, no number, zero or negative"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (file_of(machine()).replace("  instance:", "  machines:"), "compute.instance is missing"),
        (file_of(machine()).replace("      cost:", "      price:"), "has no cost"),
        (file_of(machine("e2-standard-2")), "none of its machine types"),
        ("<html>404</html>", "HTML page"),
        ("", "empty"),
    ],
)
def test_a_changed_layout_is_named(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("gcp_pricing_yml", body, tmp_path, "p.yml")


def test_live(replay: ReplayServer, home: Home) -> None:
    replay.add(URL, "", status=429, headers={"Retry-After": "0"}, times=1)
    replay.add(URL, file_of(machine()), headers={"ETag": '"1"'})
    (taken,) = intake.take_live(home, GCP_PRICING_YML, Window(NOW))
    assert (taken.outcome, taken.row_count) == ("loaded", 3)
    ((_, batch),) = staging.staged(home)
    assert batch.scopes[0].is_complete


def test_a_redirect_to_another_host_is_refused(replay: ReplayServer, home: Home) -> None:
    replay.add(URL, "", status=302, headers={"Location": "https://evil.example/pricing.yml"})
    with pytest.raises(FetchError, match="refused"):
        intake.take_live(home, GCP_PRICING_YML, Window(NOW))


def test_machines_of_tpus_are_read_by_either_name_of_a_series(tmp_path: Path) -> None:
    body = file_of(machine(), machine("ct6e-standard-4t", "tpu-v6e: 4"), machine("tpu7x-standard-4t", "tpu7x: 4"))
    scopes, _ = read_body("gcp_pricing_yml", body, tmp_path)
    assert set(scopes["gcp"]["instance_type"]) == {"a2-highgpu-1g", "ct6e-standard-4t", "tpu7x-standard-4t"}
