"""Vultr: GPU plans (virtual machines and bare metal), USD per plan, on demand and preemptible.

Quirks: a virtual machine may have a slice of a GPU (vcg-a100-1c-6g-4vram: 4 of 80 GB) and the answer never says how
many GPUs, so no rate per GPU may be derived: their `accelerator_count` is unknown. A bare metal plan says it in its
id (vbm-112c-2048gb-8-h100-gpu), if it has several (vbm-72c-480gb-gh200-gpu does not: unknown). Memory is in MiB. A plan has one price in all its locations; a plan without any is
not on sale. Pages are chained by a cursor; virtual machines and bare metal are two lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    json_of,
    refused,
    require_columns,
    to_number,
)
from assets.sources._rows import cloud_rates, frame_of
from warehouse.captures import Document

HOST = "api.vultr.com"
_VIRTUAL = Request(f"https://{HOST}/v2/plans", {"type": "vcg", "per_page": "500"})
_METAL = Request(f"https://{HOST}/v2/plans-metal", {"per_page": "500"})
_SCHEMA = {
    "id": pl.String,
    "gpu_type": pl.String,
    "vcpu_count": pl.Float64,
    "cpu_threads": pl.Float64,
    "ram": pl.Float64,
    "hourly_cost": pl.String,
    "hourly_cost_preemptible": pl.String,
}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """Both lists together, each with its pages."""
    yield [_VIRTUAL, _METAL]


def follow(document: Document) -> Request | None:
    """The page that `meta.links.next` names, if it names one."""
    answer = json_of(document)
    cursor = ((answer.get("meta") or {}).get("links") or {}).get("next") if isinstance(answer, dict) else None
    if not cursor:
        return None
    first = _METAL if "plans-metal" in document.url.split("?")[0] else _VIRTUAL
    return Request(first.url, {**first.params, "cursor": str(cursor)})


def _plans(document: Document) -> tuple[str, list[dict[str, Any]]]:
    answer = json_of(document)
    for kind in ("plans", "plans_metal"):
        if isinstance(answer, dict) and isinstance(answer.get(kind), list):
            return kind, answer[kind]
    raise LayoutError(f"{document.url}: neither plans nor plans_metal in the answer")


def parse(documents: Sequence[Document]) -> Reading:
    """One row per plan, location and purchase option."""
    scopes: dict[str, list[pl.DataFrame]] = {}
    rejected = []
    for number, document in enumerate(documents):
        kind, plans = _plans(document)
        if plans:
            require_columns(document, sorted({k for p in plans for k in p}), ("id", "hourly_cost", "locations"))
        raw = frame_of(plans, _SCHEMA).with_columns(
            pl.Series(
                "region", [[str(at) for at in p.get("locations") or []] for p in plans], dtype=pl.List(pl.String)
            ),
            pl.col("id").str.extract(r"-(\d+)-[a-z0-9]+-gpu$").cast(pl.Float64).alias("gpus"),
            pl.col("id").str.extract(r"-([a-z0-9]+)-gpu$").alias("metal_gpu"),
            pl.lit(number).alias("document"),
        )
        is_gpu = pl.col("id").str.starts_with("vcg-") if kind == "plans" else pl.col("metal_gpu").is_not_null()
        # A plan without an id may be any.
        is_gpu = is_gpu | pl.col("id").is_null()
        offers = (
            raw.filter(is_gpu & (pl.col("region").list.len() > 0))
            .unpivot(
                ["hourly_cost", "hourly_cost_preemptible"],
                index=["id", "gpu_type", "vcpu_count", "cpu_threads", "ram", "region", "gpus", "metal_gpu", "document"],
                variable_name="option",
                value_name="text",
            )
            .with_columns(to_number("text").alias("price"))
        )
        is_spot = pl.col("option") == "hourly_cost_preemptible"
        offers = offers.filter(~(is_spot & (pl.col("text").is_null() | (pl.col("price") == 0).fill_null(value=False))))
        sound = (pl.col("price") > 0).fill_null(value=False) & pl.col("id").is_not_null()
        bad = offers.filter(~sound).drop("region")
        option = pl.when(is_spot).then(pl.lit("spot")).otherwise(pl.lit("on_demand"))
        rejected.append(
            refused(
                bad, "no price above zero, or no id", scope=kind, instance_type=pl.col("id"), purchase_option=option
            )
        )
        scopes.setdefault(kind, []).append(
            cloud_rates(
                offers.filter(sound).explode("region"),
                provider="vultr",
                region=pl.col("region"),
                instance_type=pl.col("id"),
                purchase_option=option,
                accelerator_name=pl.coalesce("gpu_type", pl.col("metal_gpu").str.to_uppercase()),
                accelerator_count=pl.col("gpus") if kind == "plans_metal" else pl.lit(None),
                vcpu_count=pl.coalesce("vcpu_count", "cpu_threads"),
                memory_gib=pl.col("ram") / 1024,
                price_amount_per_hour=pl.col("price"),
            )
        )
    return Reading(
        [Scope(kind, pl.concat(frames), is_complete=True) for kind, frames in scopes.items()],
        pl.concat(rejected) if rejected else None,
    )


VULTR = Source(
    source_id="vultr",
    subject="cloud_rate",
    title="Vultr GPU plans",
    homepage_url="https://www.vultr.com/pricing/",
    licence="prices are facts; terms of Vultr",
    parse=parse,
    plan=plan,
    follow=follow,
    parser_version=2,
    hosts=(HOST,),
    cadence="30 7 * * *",
)
