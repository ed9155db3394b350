"""Full Stack Deep Learning: hand-kept tables of cloud and serverless GPUs, USD, 2022 to 2025.

Quirks: `On-demand` (in the serverless table `Per-Hour`) is for the whole instance, with and without a dollar sign,
and empty where an offer is only reserved; `Per-GPU` is the keeper's own division, which leaves out the host for Cudo
Compute, and is not read. Cudo's rows stand twice with two prices (regions that the table does not name) and are
refused. The name of an instance is empty for half of them. '80-100' is no amount of memory, and 0 is unknown. No row
has a date: the day in the file's name counts, if there is one.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources import _git
from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, csv_of, refused, to_dollars
from assets.sources._rows import provider_name
from warehouse.captures import Document

_REPOSITORY, _FOLDER = "the-full-stack/website", "docs/cloud-gpus"
_COMMON = ("GPU Type", "GPUs", "GPU RAM", "vCPUs", "RAM")
#: A table whose name is dated further back than this when it was fetched is history, and ends no offer.
_FRESH = dt.timedelta(days=3)


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """Both tables, as they stand or as they stood on past days."""
    for table in ("cloud-gpus.csv", "serverless-gpus.csv"):
        yield from _git.current_or_past(_REPOSITORY, f"{_FOLDER}/{table}", window, "main")


def _known(column: str) -> pl.Expr:
    """A whole positive figure, with or without GB; null for a range, a zero and words."""
    figure = pl.col(column).str.extract(r"^\s*(\d+(?:\.\d+)?)\s*(?:GB)?\s*$").cast(pl.Float64)
    return pl.when(figure > 0).then(figure)


def parse(documents: Sequence[Document]) -> Reading:
    """One row per instance and purchase option."""
    (document,) = documents
    raw = csv_of(document, _COMMON)
    table = "cloud" if {"Cloud", "On-demand", "Spot", "Name"} <= set(raw.columns) else "serverless"
    who, price = ("Cloud", "On-demand") if table == "cloud" else ("Vendor", "Per-Hour")
    if not {who, price} <= set(raw.columns):
        raise LayoutError(f"{document.url}: neither the cloud nor the serverless table; found {', '.join(raw.columns)}")
    named = re.search(r"(\d{4}-\d{2}-\d{2})", document.url.rsplit("/", 1)[-1])
    made_at = dt.datetime.fromisoformat(named.group(1)).replace(tzinfo=dt.UTC) if named else document.fetched_at
    is_fresh = abs(document.fetched_at - made_at) <= _FRESH
    count = _known("GPUs")
    gpu = pl.col("GPU Type").str.extract(r"^(.*?)\s*(?:\(|$)").str.strip_chars()
    memory = pl.coalesce(
        pl.col("GPU Type").str.extract(r"\((\d+)\s*(?:GB)?\)").cast(pl.Float64), _known("GPU RAM") / count
    )
    of_gpus = pl.format(
        "{}x {} {} GB",
        pl.col("GPUs").fill_null("?"),
        gpu.fill_null("?"),
        memory.cast(pl.Int64).cast(pl.String).fill_null("?"),
    )
    composed = pl.format("{}, {} vCPU, {} GB", of_gpus, pl.col("vCPUs").fill_null("?"), pl.col("RAM").fill_null("?"))
    # GCP's N1 hosts go with any GPU: their name alone names no offer.
    name = pl.col("Name").str.strip_chars() if table == "cloud" else pl.lit(None, dtype=pl.String)
    name = pl.when(name.str.starts_with("n1-")).then(pl.format("{} + {}", name, of_gpus)).otherwise(name)
    rows = raw.with_columns(
        pl.coalesce(name, composed).alias("instance_type"),
        (to_dollars("Spot") if table == "cloud" else pl.lit(None, dtype=pl.Float64)).alias("spot"),
        to_dollars(price).alias("on_demand"),
        count.alias("count"),
        gpu.alias("gpu"),
        memory.alias("memory"),
    )
    offers = rows.unpivot(
        ["on_demand", "spot"],
        index=[*raw.columns, "instance_type", "count", "gpu", "memory"],
        variable_name="option",
        value_name="amount",
    )
    # Left empty, a price says that it is not sold so; a word in its place is a fault.
    is_empty = (
        pl.when(pl.col("option") == "on_demand")
        .then(pl.col(price))
        .otherwise(pl.col("Spot") if table == "cloud" else pl.lit(None))
        .fill_null("")
        .str.strip_chars()
        == ""
    )
    offers = offers.filter(~is_empty)
    sound = ((pl.col("amount") > 0) & (pl.col("count") > 0)).fill_null(value=False) & pl.col(who).is_not_null()
    # One machine at one price is listed with one GPU and with eight: the row of fewer was typed over the other.
    machine = [who, "vCPUs", "RAM", "option", "amount"]
    fewer = (pl.col("count") < pl.col("count").max().over(machine)) & pl.all_horizontal(
        pl.col(m).is_not_null() for m in machine
    )
    bad = offers.filter(~sound)
    copied = offers.filter(sound & fewer)
    frame = offers.filter(sound & ~fewer).select(
        provider_name(pl.col(who)).alias("provider"),
        pl.lit("unknown").alias("region"),
        "instance_type",
        pl.col("option").alias("purchase_option"),
        pl.lit("instance").alias("price_component"),
        pl.lit("" if table == "cloud" else "serverless").alias("offer_variant"),
        pl.col("gpu").alias("accelerator_name"),
        pl.col("count").alias("accelerator_count"),
        pl.col("memory").alias("accelerator_memory_gib"),
        _known("vCPUs").alias("vcpu_count"),
        _known("RAM").alias("memory_gib"),
        pl.col("amount").alias("price_amount_per_hour"),
        pl.lit("USD").alias("currency_code"),
        pl.lit(None if is_fresh else made_at, dtype=pl.Datetime("us", "UTC")).alias("valid_from"),
    )
    rejected = [
        refused(
            part,
            why,
            provider=provider_name(pl.col(who)),
            instance_type=pl.col("instance_type"),
            purchase_option=pl.col("option"),
        )
        for part, why in (
            (bad, "no vendor, no number of GPUs, or a price that is not above zero"),
            (copied, "price, processors and memory of a row with more GPUs: typed over it"),
        )
    ]
    return Reading([Scope(table, frame, is_complete=is_fresh)], pl.concat(rejected))


FSDL = Source(
    source_id="fsdl",
    subject="cloud_rate",
    title="Cloud GPU tables of Full Stack Deep Learning",
    homepage_url="https://fullstackdeeplearning.com/cloud-gpus/",
    licence="not stated by the repository",
    parser_version=3,
    attribution="The Full Stack",
    parse=parse,
    plan=plan,
    expand=_git.expand,
    hosts=_git.HOSTS,
    has_history=True,
    cadence="30 5 * * 1",
    extension="csv",
    stale_after_days=400.0,
)
