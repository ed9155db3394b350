"""The daily series of one AWS machine: what it dates, and what it must survive."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.sources import source_named
from assets.sources._base import LayoutError, Window
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.connection import write_session
from warehouse.home import Home

RECORDED = "aws_price_list/gpu_prices_p5.48xlarge_daily_amorton45.csv"
HEADER = "timestamp,instance,price_usd\n"


def test_the_recorded_series(samples: Path) -> None:
    scopes, rejected = read_files("aws_p5_series", samples / RECORDED)
    rows = scopes["us-east-1"]
    assert (rows.height, rejected.height) == (487, 13)
    assert rejected["reason"].unique().to_list() == ["no price above zero: a placeholder"]
    firsts = dict(rows.group_by("price_amount_per_hour").agg(pl.col("valid_from").min()).rows())
    assert {p: f"{at:%Y-%m-%d}" for p, at in firsts.items()} == {98.32: "2025-04-23", 55.04: "2025-06-05"}


def test_two_states_in_the_log_and_eight_gpus(home: Home, samples: Path) -> None:
    """A price that is told again every day is one interval; the reference knows the eight H100 of the machine."""
    recording.refresh_reference(home)
    at = dt.datetime(2026, 8, 22, 12, tzinfo=dt.UTC)
    (taken,) = intake.take_files(home, source_named("aws_p5_series"), [samples / RECORDED], at)
    assert taken.outcome == "loaded"
    recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        found = con.execute(
            "SELECT round(price_usd_per_gpu_hour, 2), accelerator_id, strftime(valid_from, '%Y-%m-%d'), strftime(valid_to, '%Y-%m-%d') "
            "FROM observed.cloud_rate ORDER BY valid_from"
        ).fetchall()
    assert found == [
        (12.29, "nvidia-h100-sxm-80gb", "2025-04-23", "2025-06-05"),
        (6.88, "nvidia-h100-sxm-80gb", "2025-06-05", None),
    ]


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("2026-01-01,p5.48xlarge,", "placeholder"),
        ("2026-01-01,p5.48xlarge,0", "placeholder"),
        ("2026-01-01,p5.48xlarge,N/A", "placeholder"),
        ("soon,p5.48xlarge,55.04", "time"),
        ("2026-01-01,,55.04", "instance type"),
    ],
)
def test_what_is_no_price_is_refused(row: str, word: str, tmp_path: Path) -> None:
    scopes, rejected = read_body("aws_p5_series", f"{HEADER}2026-01-02T07:00:00,p5.48xlarge,55.04\n{row}\n", tmp_path)
    assert scopes["us-east-1"].height == 1
    assert word in rejected["reason"][0]


def test_another_layout_is_named(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="price_usd"):
        read_body("aws_p5_series", "timestamp,instance,price\n2026-01-02,p5.48xlarge,55.04\n", tmp_path)


def test_live(home: Home, replay: ReplayServer) -> None:
    now = dt.datetime.now(dt.UTC)
    replay.add(
        "https://raw.githubusercontent.com/amorton45/aws-gpu-price-tracker/main/gpu_prices.csv",
        f"{HEADER}{now:%Y-%m-%dT%H:%M:%S},p5.48xlarge,55.04\n",
    )
    (taken,) = intake.take_live(home, source_named("aws_p5_series"), Window(now + dt.timedelta(seconds=1)))
    assert (taken.outcome, taken.row_count) == ("loaded", 1)
