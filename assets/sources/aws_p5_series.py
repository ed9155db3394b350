"""aws-gpu-price-tracker (amorton45): the price on demand of AWS GPU machines in us-east-1, USD an hour, asked of AWS once a day since 2025.

It dates what AWS's own file only states anew: p5.48xlarge from 98.32 to 55.04 on 2025-06-05. Quirks: the first rows are
placeholders without a price, dated out of order; times are without a zone (UTC, as the machine that asks); the region stands in the
tracker's code alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources import _git
from assets.sources._base import Reading, Request, Scope, Source, Window, csv_of, refused, to_number
from assets.sources._rows import cloud_rates
from warehouse.captures import Document

_REPOSITORY, _PATH = "amorton45/aws-gpu-price-tracker", "gpu_prices.csv"
#: A series that ends further back than this when it was fetched says nothing of today.
_FRESH = dt.timedelta(days=3)


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The whole series; it holds its own past."""
    yield [Request(f"https://{_git.RAW_HOST}/{_REPOSITORY}/main/{_PATH}", extension="csv")]


def parse(documents: Sequence[Document]) -> Reading:
    """One dated row per machine and day."""
    (document,) = documents
    raw = csv_of(document, ("timestamp", "instance", "price_usd")).with_columns(
        pl.col("timestamp")
        .str.slice(0, 19)
        .str.replace(r"^(\d{4}-\d\d-\d\d)$", "${1}T00:00:00")
        .str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us", time_zone="UTC")
        .alias("valid_from"),
        to_number("price_usd").alias("amount"),
    )
    named = pl.col("instance").str.contains(r"^[a-z0-9-]+\.[a-z0-9-]+$").fill_null(value=False)
    why = (
        pl.when(~named)
        .then(pl.lit("no name of a machine"))
        .when(pl.col("valid_from").is_null())
        .then(pl.lit("the time is missing, or no time"))
        .when(~(pl.col("amount") > 0).fill_null(value=False))
        .then(pl.lit("no price above zero: a placeholder"))
    )
    raw = raw.with_columns(why.alias("why"))
    bad, good = raw.filter(pl.col("why").is_not_null()), raw.filter(pl.col("why").is_null())
    newest = good["valid_from"].max()
    is_fresh = isinstance(newest, dt.datetime) and document.fetched_at - newest <= _FRESH
    rows = cloud_rates(
        good.sort("valid_from"),
        provider="aws",
        region="us-east-1",
        instance_type=pl.col("instance"),
        price_amount_per_hour=pl.col("amount"),
    )
    return Reading(
        [Scope("us-east-1", rows, is_complete=is_fresh)],
        refused(bad.drop("why", "amount", "valid_from"), bad["why"], instance_type=pl.when(named).then("instance"))
        if bad.height
        else None,
    )


AWS_P5_SERIES = Source(
    source_id="aws_p5_series",
    subject="cloud_rate",
    title="AWS GPU price series by amorton45",
    homepage_url="https://github.com/amorton45/aws-gpu-price-tracker",
    licence="not stated by the repository; prices are facts of AWS",
    attribution="amorton45/aws-gpu-price-tracker",
    parse=parse,
    plan=plan,
    hosts=(_git.RAW_HOST,),
    cadence="50 9 * * *",
    extension="csv",
)
