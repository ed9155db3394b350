"""Full Stack Deep Learning: six real tables, and what they must survive."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets import intake
from assets.sources._base import LayoutError, Window, to_dollars
from assets.sources.fsdl import FSDL
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.home import Home
from warehouse.staging import staged

FOLDER = "gpu_rental_snapshots"
HEAD = "Cloud,GPU Type,GPU Arch,GPUs,GPU RAM,vCPUs,RAM,On-demand,Per-GPU,Spot,Name\n"
ROW = "AWS,A100 (40 GB),Ampere,8,320,96,1152,32.77,4.10,9.83,p4d.24xlarge\n"


def on_demand(frame: pl.DataFrame, instance: str) -> tuple[float, float]:
    """(number of GPUs, price of the instance)."""
    row = frame.filter((pl.col("instance_type") == instance) & (pl.col("purchase_option") == "on_demand"))
    return row.select("accelerator_count", "price_amount_per_hour").row(0)


@pytest.mark.parametrize(
    ("day", "count", "refused"),
    [
        ("2022-08-26", 200, 0),
        ("2023-05-29", 255, 23),
        ("2023-10-30", 270, 23),
        ("2024-02-27", 297, 23),
        ("2025-03-07", 303, 23),
    ],
)
def test_every_table_is_read(day: str, count: int, refused: int, samples: Path) -> None:
    scopes, rejected = read_files("fsdl", samples / FOLDER / f"fsdl_cloud-gpus_{day}.csv")
    rows = scopes["cloud"]
    assert (rows.height, rejected.height) == (count, refused)
    assert rows["valid_from"].dt.strftime("%Y-%m-%d").unique().to_list() == [day]
    assert on_demand(rows, "p4d.24xlarge") == (8, 32.77)
    per_gpu = (
        rows.filter(pl.col("purchase_option") == "on_demand")
        .select(pl.col("price_amount_per_hour") / pl.col("accelerator_count"))
        .to_series()
    )
    assert per_gpu.is_between(0.2, 12).all()


def test_rows_with_two_prices_are_cudos(samples: Path) -> None:
    """The keeper left out what tells them apart: neither price is taken."""
    _, rejected = read_files("fsdl", samples / FOLDER / "fsdl_cloud-gpus_2025-03-07.csv")
    assert rejected.filter(pl.col("reason").str.contains("same key"))["row_json"].str.contains("cudo_compute").all()


def test_a_row_that_was_typed_over_another_is_refused(samples: Path) -> None:
    """One Quadro for the price, the processors and the memory of eight V100: 4.40 USD per GPU-hour, not 0.55."""
    scopes, rejected = read_files("fsdl", samples / FOLDER / "fsdl_cloud-gpus_2025-03-07.csv")
    (row,) = rejected.filter(pl.col("reason").str.contains("typed over"))["row_json"].to_list()
    assert "Quadro RTX 6000" in row
    assert scopes["cloud"].filter((pl.col("provider") == "lambda") & (pl.col("accelerator_name") == "V100")).height == 1
    # Two GPUs that cost the same in one machine are two offers.
    assert (
        scopes["cloud"].filter((pl.col("provider") == "oblivus_cloud") & (pl.col("accelerator_name") == "A40")).height
        == 4
    )


def test_a_host_that_goes_with_any_gpu_is_told_apart(samples: Path) -> None:
    rows = read_files("fsdl", samples / FOLDER / "fsdl_cloud-gpus_2022-08-26.csv")[0]["cloud"]
    hosts = rows.filter(pl.col("instance_type").str.starts_with("n1-"))
    assert hosts.height and hosts["instance_type"].str.contains(r" \+ \d+x ").all()


def test_serverless_with_and_without_a_dollar_sign(samples: Path) -> None:
    rows = read_files("fsdl", samples / FOLDER / "fsdl_serverless-gpus.csv")[0]["serverless"]
    assert rows.height == 72 and set(rows["offer_variant"]) == {"serverless"}
    mystic = rows.filter((pl.col("provider") == "mystic_ai") & (pl.col("accelerator_memory_gib") == 80))
    assert mystic.select("price_amount_per_hour", "vcpu_count", "memory_gib").rows() == [(4.0, None, None)]


@pytest.mark.parametrize("price", ["0", "-1", "Contact sales", "99999"])
def test_bad_prices_are_refused(price: str, tmp_path: Path) -> None:
    body = HEAD + ROW + f"X,A10 (24 GB),Ampere,1,24,30,200,{price},,,a10\n"
    scopes, rejected = read_body("fsdl", body, tmp_path, "cloud-gpus.csv")
    assert (scopes["cloud"].height, rejected.height) == (2, 1)


def test_an_empty_price_is_no_offer(tmp_path: Path) -> None:
    body = HEAD + ROW + "X,A10 (24 GB),Ampere,1,24,30,80-100,,,,a10\n"
    scopes, rejected = read_body("fsdl", body, tmp_path, "cloud-gpus.csv")
    assert (scopes["cloud"].height, rejected.height) == (2, 0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (HEAD.replace("GPU Type", "GPU") + ROW, "GPU Type is missing"),
        (HEAD.replace("On-demand", "Price") + ROW, "neither"),
        (HEAD, "no row"),
        ("", "empty"),
        ("<html>moved</html>", "HTML page"),
    ],
)
def test_other_layouts_are_refused(body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body("fsdl", body, tmp_path, "cloud-gpus.csv")


def test_live(home: Home, replay: ReplayServer) -> None:
    root = "https://raw.githubusercontent.com/the-full-stack/website/main/docs/cloud-gpus"
    replay.add(f"{root}/cloud-gpus.csv", HEAD + ROW)
    replay.add(
        f"{root}/serverless-gpus.csv",
        "Vendor,GPU Type,GPU Arch,GPUs,GPU RAM,vCPUs,RAM,Per-Hour,Per-GPU\nBaseten,T4 (16 GB),Turing,1,16,4,16,$0.63,0.64\n",
    )
    taken = intake.take_live(home, FSDL, Window(dt.datetime(2026, 9, 1, tzinfo=dt.UTC)))
    assert [(t.outcome, t.row_count) for t in taken] == [("loaded", 2), ("loaded", 1)]
    assert {s.scope: s.is_complete for _, b in staged(home) for s in b.scopes} == {"cloud": True, "serverless": True}


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("$2,300", 2300.0),
        (" 1\u202f299.50\u00a0", 1299.5),
        ("12.24", 12.24),
        ("$3,06", None),
        ("1.299,00", None),
        ("1,12.24", None),
        ("\u20ac3.06", None),
        ("3.06/month", None),
        ("$", None),
        ("-", None),
    ],
)
def test_an_amount_as_people_type_it(text: str, amount: float | None) -> None:
    """A comma that parts no thousands is no nothing: 306 dollars for 3,06 would look right."""
    assert pl.DataFrame({"a": [text]}).select(to_dollars("a")).item() == amount
