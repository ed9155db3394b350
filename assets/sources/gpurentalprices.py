"""gpurentalprices (Adrian Nutiu): daily snapshots of 34 providers, USD per GPU-hour. CC BY 4.0.

Quirks: `usd_hr` is per GPU even where `min_gpus` says that eight must be rented, so the offer's price is that many
times it. Providers are added (2, 18, 34 within three weeks), so an index must use matched pairs. GPU names are the
tracker's slugs; a slug comes in several memory sizes (v100 16 and 32), and early files merge two RunPod cards of one
size into one slug (rtx-pro-6000 at 1.99 and 1.89): those rows are refused, since nothing tells them apart. `kind` mixes
tier and purchase option: secure and community are clouds of one provider, serverless is billed by the second without a
commitment. A provider that could not be read keeps its last rows (`fetched_at` older than the file). Google's prices
come from its list of GPUs, to which the host must be added (an A100 at 2.93, not the 3.67 of the machine): they are
those of the accelerator alone. `latest.json` is today's snapshot; past days keep their file.

Since October 2026 an offer may have a `region`, an `instance` (the name of a machine, or a sentence: a node of a
marketplace, or "GPU rate only"), `vcpus` and `ram_gib`, a `commitment` if it is `reserved`, and a `rate_basis`
("starting-at"). A term other than one or three years, or one that is not published, is refused.

A snapshot is complete for the day it was made. If it is loaded long after that day, its rows are dated and end no
offer.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from assets.sources._base import (
    CURRENT_FOR,
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    json_of,
    refused,
    require_columns,
)
from assets.sources._rows import cloud_rates, frame_of, inside, objects, provider_name
from warehouse.captures import Document

HOST = "raw.githubusercontent.com"
_DATA = f"https://{HOST}/adriannutiu/gpu-rental-prices/main/data"
_SCHEMA = {
    "provider": pl.String,
    "gpu": pl.String,
    "vram_gb": pl.Float64,
    "usd_hr": pl.Float64,
    "kind": pl.String,
    "min_gpus": pl.Float64,
    "source_url": pl.String,
    "region": pl.String,
    "instance": pl.String,
    "vcpus": pl.Float64,
    "ram_gib": pl.Float64,
    "rate_basis": pl.String,
    "commitment": pl.String,
    "commitment_months": pl.Float64,
}
_OPTIONAL = (
    "min_gpus",
    "source_url",
    "region",
    "instance",
    "vcpus",
    "ram_gib",
    "rate_basis",
    "commitment",
    "commitment_months",
)
#: kind -> (purchase option, offer variant).
_KINDS = {
    "on-demand": ("on_demand", ""),
    "secure": ("on_demand", "secure"),
    "community": ("on_demand", "community"),
    "serverless": ("on_demand", "serverless"),
    "spot": ("spot", ""),
    "marketplace": ("on_demand", "marketplace"),
}
_TERMS = {12.0: "reserved_1y", 36.0: "reserved_3y"}
#: A machine by the name that its provider gives it: one word of several parts.
_MACHINE = r"^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)+$"
_NODE = r"^Marketplace (node [^ ;]+)"
_ALONE = r"(?i)\bgpu (?:rate|price) only\b|\b(?:v?cpus?|memory|ram)\b[^;]*\bbilled separately\b"
_COUNT = pl.col("min_gpus").fill_null(1.0)
_MEMORY = pl.when(pl.col("vram_gb") > 0).then("vram_gb")


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """Today's snapshot, or the file of every past day asked for."""
    if window.first_on is None and window.last_on is None:
        yield [Request(f"{_DATA}/latest.json")]
        return
    for day in window.days():
        yield [Request(f"{_DATA}/snapshots/{day.isoformat()}.json")]


def _commitment(offer: dict[str, Any]) -> dict[str, Any]:
    """The commitment of an offer in columns; months only of a plain term."""
    commitment = offer.get("commitment")
    months = inside(commitment, "months") if inside(commitment, "type") == "term" else None
    return {"commitment": None if commitment is None else json.dumps(commitment), "commitment_months": months}


def parse(documents: Sequence[Document]) -> Reading:
    """One row per provider, GPU, kind and least number of GPUs."""
    (document,) = documents
    snapshot = json_of(document)
    offers = snapshot.get("offers") if isinstance(snapshot, dict) else None
    if not isinstance(offers, list) or not offers:
        raise LayoutError(f"{document.url}: no list of offers in the snapshot")
    offers = objects(offers)
    require_columns(document, sorted({name for o in offers for name in o}), [c for c in _SCHEMA if c not in _OPTIONAL])
    try:
        made_at = dt.datetime.fromisoformat(str(snapshot.get("generated_at", "")).replace("Z", "+00:00"))
    except ValueError as e:
        raise LayoutError(f"{document.url}: generated_at is no time: {snapshot.get('generated_at')!r}") from e
    raw = frame_of([o | _commitment(o) for o in offers], _SCHEMA)
    why = (
        pl.when((pl.col("kind") == "reserved") | pl.col("commitment").is_not_null())
        .then(pl.lit("under a commitment whose term is neither one nor three years, or is not stated"))
        .otherwise(pl.lit("the kind of offer is unknown, or the price is not above zero"))
    )
    is_good = _option().is_not_null() & (pl.col("usd_hr") > 0).fill_null(value=False)
    bad = raw.filter(~is_good)
    key = {
        "provider": provider_name(pl.col("provider")),
        "region": pl.coalesce("region", pl.lit("global")),
        "instance_type": _instance_type(),
        "purchase_option": _option(),
    }
    is_fresh = document.fetched_at - made_at <= CURRENT_FOR
    valid_from = pl.lit(None if is_fresh else made_at, dtype=pl.Datetime("us", "UTC"))
    # Known by the page that a row is from; in files without addresses these are Google's rows.
    of_gpu_list = pl.col("source_url").str.contains("gpus-pricing", literal=True).fill_null(pl.col("provider") == "gcp")
    rows = cloud_rates(
        raw.filter(is_good).with_columns(valid_from.alias("valid_from")),
        price_component=pl.when(_is_gpu_only() | of_gpu_list).then(pl.lit("accelerator")).otherwise(pl.lit("instance")),
        offer_variant=pl.concat_str(
            pl.col("kind").replace_strict(
                {k: v[1] for k, v in _KINDS.items() if v[1]}, default=None, return_dtype=pl.String
            ),
            pl.col("instance").str.extract(_NODE),
            "rate_basis",
            separator=", ",
            ignore_nulls=True,
        ),
        accelerator_name=pl.col("gpu"),
        accelerator_count=_COUNT,
        accelerator_memory_gib=_MEMORY,
        vcpu_count=pl.when(pl.col("vcpus") > 0).then("vcpus"),
        memory_gib=pl.when(pl.col("ram_gib") > 0).then("ram_gib"),
        price_amount_per_hour=pl.col("usd_hr") * _COUNT,
        **key,
    )
    return Reading(
        [Scope("gpurentalprices", rows, is_complete=is_fresh)], refused(bad, bad.select(why).to_series(), **key)
    )


def _option() -> pl.Expr:
    """Purchase option; null for a kind or a term that is not known."""
    kind = pl.col("kind").replace_strict({k: v[0] for k, v in _KINDS.items()}, default=None, return_dtype=pl.String)
    term = pl.col("commitment_months").replace_strict(_TERMS, default=None, return_dtype=pl.String)
    return (
        pl.when((pl.col("kind") == "reserved") & pl.col("commitment").is_not_null())
        .then(term)
        .when(pl.col("commitment").is_null())
        .then(kind)
    )


def _is_gpu_only() -> pl.Expr:
    """True where `instance` says that processors and memory are billed separately."""
    return pl.col("instance").str.contains(_ALONE).fill_null(value=False)


def _instance_type() -> pl.Expr:
    """The machine by its own name, else by what is in it; the memory of some chips is not known."""
    name = pl.col("instance").str.replace(r";.*$", "").str.strip_chars()
    machine = pl.when(~_is_gpu_only() & name.str.contains(_MACHINE)).then(name)
    size = pl.format(" {} GB", _MEMORY.cast(pl.Int64, strict=False)).fill_null("")
    return pl.coalesce(machine, pl.format("{}x {}{}", _COUNT.cast(pl.Int64, strict=False), "gpu", size))


GPURENTALPRICES = Source(
    source_id="gpurentalprices",
    subject="cloud_rate",
    title="gpurentalprices snapshots",
    homepage_url="https://github.com/adriannutiu/gpu-rental-prices",
    licence="CC BY 4.0",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    attribution="gpurentalprices by Adrian Nutiu",
    parse=parse,
    plan=plan,
    hosts=(HOST,),
    parser_version=5,
    cadence="10 9 * * *",
    changes_within_days=14,
    has_history=True,
    # Five slugs of RunPod stood twice, with different prices, in the first file.
    max_rejected_share=0.25,
)
