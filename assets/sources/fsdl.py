"""Full Stack Deep Learning: hand-kept tables of cloud and serverless GPUs, USD, 2022 to 2025.

Quirks: `On-demand` (in the serverless table `Per-Hour`) is for the whole instance, with and without a dollar sign,
and empty where an offer is only reserved; `Per-GPU` is the keeper's own division, which leaves out the host for Cudo
Compute, and is not read. Cudo's rows stand twice with two prices (regions that the table does not name) and are
refused. The name of an instance is empty for half of them. '80-100' is no amount of memory, and 0 is unknown. No row
has a date: the day in the file's name counts, if there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources import _git
from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    csv_rows,
    made_at,
    refused,
    to_dollars,
)
from assets.sources._rows import cloud_rates, provider_name
from warehouse.captures import Document

_REPOSITORY, _FOLDER = "the-full-stack/website", "docs/cloud-gpus"
_COMMON = ("GPU Type", "GPUs", "GPU RAM", "vCPUs", "RAM")


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
    raw, overlong = csv_rows(document, _COMMON, may_be_short=True)
    table = "cloud" if {"Cloud", "On-demand", "Spot", "Name"} <= set(raw.columns) else "serverless"
    who, price = ("Cloud", "On-demand") if table == "cloud" else ("Vendor", "Per-Hour")
    if not {who, price} <= set(raw.columns):
        raise LayoutError(f"{document.url}: neither the cloud nor the serverless table; found {', '.join(raw.columns)}")
    offers = _by_option(_with_names(raw, table), table)
    sound = ((pl.col("amount") > 0) & (pl.col("count") > 0)).fill_null(value=False) & pl.col(who).is_not_null()
    # One machine at one price is listed with one GPU and with eight: the row of fewer was typed over the other.
    machine = [who, "vCPUs", "RAM", "option", "amount"]
    fewer = (pl.col("count") < pl.col("count").max().over(machine)) & pl.all_horizontal(
        pl.col(m).is_not_null() for m in machine
    )
    bad, copied, good = offers.filter(~sound), offers.filter(sound & fewer), offers.filter(sound & ~fewer)
    made, is_fresh = made_at(document)
    valid_from = pl.lit(None if is_fresh else made, dtype=pl.Datetime("us", "UTC"))
    key = {
        "provider": provider_name(pl.col(who)),
        "instance_type": pl.col("instance_type"),
        "purchase_option": pl.col("option"),
    }
    frame = cloud_rates(
        good.with_columns(valid_from.alias("valid_from")),
        region="unknown",
        offer_variant="" if table == "cloud" else "serverless",
        accelerator_name=pl.col("gpu"),
        accelerator_count=pl.col("count"),
        accelerator_memory_gib=pl.col("memory"),
        vcpu_count=_known("vCPUs"),
        memory_gib=_known("RAM"),
        price_amount_per_hour=pl.col("amount"),
        **key,
    )
    rejected = [
        refused(bad, "no vendor, no number of GPUs, or a price that is not above zero", **key),
        refused(copied, "price, processors and memory of a row with more GPUs: typed over it", **key),
        overlong,
    ]
    return Reading([Scope(table, frame, is_complete=is_fresh)], pl.concat(rejected, how="diagonal"))


def _with_names(raw: pl.DataFrame, table: str) -> pl.DataFrame:
    """Rows with the columns count, gpu, memory (GiB of one GPU) and instance_type: its name, or one made of what is in it."""
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
    return raw.with_columns(
        pl.coalesce(name, composed).alias("instance_type"),
        count.alias("count"),
        gpu.alias("gpu"),
        memory.alias("memory"),
    )


def _by_option(rows: pl.DataFrame, table: str) -> pl.DataFrame:
    """One row per offer and purchase option, with `option` and `amount` (null for a price that is none).

    Left empty, a price says that it is not sold so; a word in its place is a fault.
    """
    no_spot = pl.lit(None, dtype=pl.String)
    texts = (
        {"on_demand": pl.col("On-demand"), "spot": pl.col("Spot")}
        if table == "cloud"
        else {"on_demand": pl.col("Per-Hour"), "spot": no_spot}
    )
    by_option = rows.with_columns(text.alias(option) for option, text in texts.items()).unpivot(
        list(texts), index=rows.columns, variable_name="option", value_name="amount"
    )
    is_empty = pl.col("amount").fill_null("").str.strip_chars() == ""
    return by_option.filter(~is_empty).with_columns(to_dollars("amount"))


FSDL = Source(
    source_id="fsdl",
    subject="cloud_rate",
    title="Cloud GPU tables of Full Stack Deep Learning",
    homepage_url="https://fullstackdeeplearning.com/cloud-gpus/",
    licence="not stated by the repository",
    parser_version=4,
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
