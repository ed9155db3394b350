"""aws-gpu-price-tracker (amorton45): on-demand prices of AWS GPU machines in us-east-1, USD per hour, daily since 2025.

It dates a change that AWS's own file does not: p5.48xlarge from 98.32 to 55.04 on 2025-06-05. Quirks: the first rows
are placeholders without a price, in the wrong order; times have no zone (UTC, the clock of the tracker's machine); only
the tracker's code tells the region.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources import _git
from assets.sources._base import (
    Reading,
    Request,
    Scope,
    Source,
    Window,
    csv_rows,
    is_current,
    refused,
    split_by_fault,
    to_instant,
    to_number,
)
from assets.sources._rows import cloud_rates
from warehouse.captures import Document

_REPOSITORY, _PATH = "amorton45/aws-gpu-price-tracker", "gpu_prices.csv"


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The whole series; it holds its own past."""
    yield [Request(f"https://{_git.RAW_HOST}/{_REPOSITORY}/main/{_PATH}", extension="csv")]


def parse(documents: Sequence[Document]) -> Reading:
    """One dated row per machine and day."""
    (document,) = documents
    raw, overlong = csv_rows(document, ("timestamp", "instance", "price_usd"), may_be_short=True)
    raw = raw.with_columns(
        to_instant(
            pl.col("timestamp").str.slice(0, 19).str.replace(r"^(\d{4}-\d\d-\d\d)$", "${1}T00:00:00"),
            "%Y-%m-%dT%H:%M:%S",
        ).alias("valid_from"),
        to_number("price_usd").alias("amount"),
    )
    named = pl.col("instance").str.contains(r"^[a-z0-9-]+\.[a-z0-9-]+$").fill_null(value=False)
    why = (
        pl.when(~named)
        .then(pl.lit("not the name of an instance type"))
        .when(pl.col("valid_from").is_null())
        .then(pl.lit("the time is missing or cannot be read"))
        .when(~(pl.col("amount") > 0).fill_null(value=False))
        .then(pl.lit("no price above zero: a placeholder"))
    )
    good, bad = split_by_fault(raw, why)
    no_price = refused(
        bad.drop("why", "amount", "valid_from"), bad["why"], instance_type=pl.when(named).then("instance")
    )
    rows = cloud_rates(
        good.sort("valid_from"),
        provider="aws",
        region="us-east-1",
        instance_type=pl.col("instance"),
        price_amount_per_hour=pl.col("amount"),
    )
    return Reading(
        [Scope("us-east-1", rows, is_complete=is_current(document, good["valid_from"]))],
        pl.concat([no_price, overlong], how="diagonal"),
    )


AWS_P5_SERIES = Source(
    source_id="aws_p5_series",
    subject="cloud_rate",
    title="AWS GPU price series by amorton45",
    homepage_url="https://github.com/amorton45/aws-gpu-price-tracker",
    licence="not stated by the repository; prices are facts of AWS",
    attribution="amorton45/aws-gpu-price-tracker",
    parse=parse,
    parser_version=2,
    plan=plan,
    hosts=(_git.RAW_HOST,),
    cadence="50 9 * * *",
    extension="csv",
)
