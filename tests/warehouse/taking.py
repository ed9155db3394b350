"""A price catalog of one cloud for tests, how a home takes it, and what it made of it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping

from assets import intake
from assets.catalog import catalog
from assets.sources import all_sources
from warehouse.captures import Document
from warehouse.connection import write_session
from warehouse.home import Home

HEADER = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice\n"


def offers(prices: Mapping[str, object]) -> str:
    """A catalog of one cloud."""
    return HEADER + "".join(f"{name},H100,1,8,64,{price},r1,,\n" for name, price in prices.items())


def take(home: Home, body: str | bytes, at: str, name: str = "lambda_vms.csv") -> intake.Taken:
    """Take a body as a SkyPilot catalog of Lambda fetched at that time."""
    file = home.spool_dir / f"t-{time.monotonic_ns()}.csv"
    file.write_bytes(body.encode() if isinstance(body, str) else body)
    moment = dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC)
    return intake.take(home, all_sources()["skypilot"], [Document(file, f"file:{name}", moment, "csv")])


def current(home: Home) -> list[tuple]:
    """The current view without the clock of the machine."""
    with write_session(home, catalog()) as con:
        return con.execute(
            "SELECT instance_type, price_amount_per_hour, strftime(valid_from, '%Y-%m-%d'), strftime(valid_to, '%Y-%m-%d'), capture_id "
            "FROM observed.cloud_rate ORDER BY ALL"
        ).fetchall()


def log_rows(home: Home) -> list[tuple]:
    """Every row of the log with both clocks."""
    with write_session(home, catalog()) as con:
        return con.execute(
            "SELECT instance_type, price_amount_per_hour, is_offered, epoch_us(valid_from), epoch_us(observed_at), epoch_us(recorded_at), "
            "capture_id FROM observed.cloud_rate_log ORDER BY ALL"
        ).fetchall()
