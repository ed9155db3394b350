"""Verda (formerly DataCrunch): instance types; prices are strings, per instance, currency stated.

Quirks: `gpu_memory` is that of all GPUs together; CPU nodes have zero GPUs and are left out; a missing spot price means
that there is no spot market.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources._base import Reading, Request, Scope, Source, Window, refused, require_columns
from assets.sources._rows import (
    NUMBER_OR_NAN,
    cloud_rates,
    frame_of,
    inside,
    is_positive,
    json_list,
    not_objects,
    objects,
)
from warehouse.captures import Document

HOST = "api.datacrunch.io"
_SCHEMA = {
    "instance_type": pl.String,
    "gpu_name": pl.String,
    "gpus": pl.Float64,
    "gpu_memory": pl.Float64,
    "cpus": pl.Float64,
    "memory": pl.Float64,
    "price_per_hour": NUMBER_OR_NAN,
    "spot_price": NUMBER_OR_NAN,
    "currency": pl.String,
}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """One request; no past days."""
    yield [Request(f"https://{HOST}/v1/instance-types")]


def parse(documents: Sequence[Document]) -> Reading:
    """One row per instance type and purchase option."""
    (document,) = documents
    listed = json_list(document)
    types = objects(listed)
    require_columns(
        document, sorted({k for t in types for k in t}), ("instance_type", "gpu", "price_per_hour", "currency")
    )
    raw = frame_of(
        [
            t
            | {
                "gpu_name": t.get("name") or t.get("model"),
                "gpus": inside(t, "gpu", "number_of_gpus"),
                "gpu_memory": inside(t, "gpu_memory", "size_in_gigabytes"),
                "cpus": inside(t, "cpu", "number_of_cores"),
                "memory": inside(t, "memory", "size_in_gigabytes"),
            }
            for t in types
        ],
        _SCHEMA,
    )
    offers = raw.filter((pl.col("gpus") != 0).fill_null(value=True)).unpivot(
        ["price_per_hour", "spot_price"],
        index=[c for c in _SCHEMA if c not in ("price_per_hour", "spot_price")],
        variable_name="option",
        value_name="price",
    )
    is_spot = pl.col("option") == "spot_price"
    # What is no number is told, and ends no spot market.
    offers = offers.filter(~(is_spot & (pl.col("price").fill_null(0) == 0)))
    sound = is_positive("price") & is_positive("gpus")
    bad = offers.filter(~sound)
    rows = cloud_rates(
        offers.filter(sound),
        provider="verda",
        instance_type=pl.col("instance_type"),
        purchase_option=pl.when(is_spot).then(pl.lit("spot")).otherwise(pl.lit("on_demand")),
        accelerator_name=pl.col("gpu_name"),
        accelerator_count=pl.col("gpus"),
        accelerator_memory_gib=pl.col("gpu_memory") / pl.col("gpus"),
        vcpu_count=pl.col("cpus"),
        memory_gib=pl.col("memory"),
        price_amount_per_hour=pl.col("price"),
        currency_code=pl.col("currency").str.to_uppercase(),
    )
    rejected = refused(
        bad,
        "no price above zero, or no number of GPUs",
        instance_type=pl.col("instance_type"),
        purchase_option=pl.when(is_spot).then(pl.lit("spot")).otherwise(pl.lit("on_demand")),
    )
    return Reading([Scope("verda", rows, is_complete=True)], rejected).refusing(not_objects(listed))


VERDA = Source(
    source_id="verda",
    subject="cloud_rate",
    title="Verda (DataCrunch) instance types",
    homepage_url="https://verda.com/pricing",
    licence="prices are facts; terms of Verda",
    parse=parse,
    parser_version=2,
    plan=plan,
    # The company changed its name, and may send on to its new address.
    hosts=(HOST, "api.verda.com"),
    cadence="25 7 * * *",
    changes_within_days=60,
)
