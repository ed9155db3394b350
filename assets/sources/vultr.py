"""Vultr: GPU plans (virtual machines and bare metal), USD per plan, on demand and preemptible.

Quirks: a virtual machine may have a slice of a GPU (vcg-a100-1c-6g-4vram: 4 of 80 GB). Since 2026 `gpu_count` is a
fraction ("1/8") or a number; without it, `accelerator_count` is unknown and no rate per GPU follows. The id of a bare
metal plan states the count if there are several (vbm-112c-2048gb-8-h100-gpu); otherwise it is unknown
(vbm-72c-480gb-gh200-gpu). Memory is in MiB. `location_cost` has the prices of locations that differ from the plan's.
GPU plans of another type than `vcg` (`vdm`, since 2026) name their GPU only in their id, which has the same form. A
plan without a location is not on sale, nor is one for which `deploy_ondemand` or `deploy_preemptible` is false,
although it has a price. Pages are chained by a cursor; virtual machines and bare metal are separate lists.
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
)
from assets.sources._rows import (
    NUMBER_OR_NAN,
    cloud_rates,
    frame_of,
    inside,
    is_list_of_texts,
    is_positive,
    not_objects,
    objects,
    texts,
)
from warehouse.captures import Document

HOST = "api.vultr.com"
_VIRTUAL = Request(f"https://{HOST}/v2/plans", {"type": "all", "per_page": "500"})
_METAL = Request(f"https://{HOST}/v2/plans-metal", {"per_page": "500"})
_SCHEMA = {
    "id": pl.String,
    "region": pl.String,
    "gpu_type": pl.String,
    "gpu_count": pl.String,
    "gpu_vram_gb": pl.Float64,
    "vcpu_count": pl.Float64,
    "cpu_threads": pl.Float64,
    "ram": pl.Float64,
    "hourly_cost": NUMBER_OR_NAN,
    "hourly_cost_preemptible": NUMBER_OR_NAN,
    "deploy_ondemand": pl.Boolean,
    "deploy_preemptible": pl.Boolean,
}
_PRICES = ("hourly_cost", "hourly_cost_preemptible")


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


def _plans(document: Document) -> tuple[str, list[Any]]:
    answer = json_of(document)
    for kind in ("plans", "plans_metal"):
        if isinstance(answer, dict) and isinstance(answer.get(kind), list):
            return kind, answer[kind]
    raise LayoutError(f"{document.url}: neither plans nor plans_metal in the answer")


def _by_location(plans: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each plan once per location that it is sold in, at the price there; without a region where the locations cannot be read."""
    rows = []
    for one in plans:
        own, places = one.get("location_cost"), one.get("locations")
        own = own if isinstance(own, dict) else {}
        for at in texts(places):
            # A location with prices of its own has none of the plan's.
            prices = own.get(at, one)
            rows.append(one | {"region": at} | {name: inside(prices, name) for name in _PRICES})
        if not is_list_of_texts(places):
            rows.append(one | {"region": None})
    return rows


def _share_of_gpu() -> pl.Expr:
    """`gpu_count` as a number: "1/8" is an eighth; null for what is none."""
    parts = pl.col("gpu_count").str.extract_groups(r"^\s*(\d+(?:\.\d+)?)(?:/(\d+))?\s*$")
    of, by = (parts.struct.field(n).cast(pl.Float64) for n in ("1", "2"))
    share = of / by.fill_null(1.0)
    return pl.when(share.is_finite() & (share > 0)).then(share)


def parse(documents: Sequence[Document]) -> Reading:
    """One row per plan, location and purchase option."""
    scopes: dict[str, list[pl.DataFrame]] = {}
    rejected = []
    for number, document in enumerate(documents):
        kind, listed = _plans(document)
        plans = objects(listed)
        if plans:
            require_columns(document, sorted({k for p in plans for k in p}), ("id", "hourly_cost", "locations"))
        raw = frame_of(_by_location(plans), _SCHEMA).with_columns(
            pl.coalesce(_share_of_gpu(), pl.col("id").str.extract(r"-(\d+)-[a-z0-9]+-gpu$").cast(pl.Float64)).alias(
                "gpus"
            ),
            pl.col("id")
            .str.extract(r"^vcg-([a-z0-9]+)-" if kind == "plans" else r"-([a-z0-9]+)-gpu$")
            .alias("gpu_in_id"),
            pl.lit(number).alias("document"),
        )
        is_gpu = pl.col("id").str.starts_with("vcg-") if kind == "plans" else pl.col("gpu_in_id").is_not_null()
        # A plan without an id may be any.
        offers = raw.filter(is_gpu | (pl.col("id").fill_null("") == "")).unpivot(
            _PRICES, index=[c for c in raw.columns if c not in _PRICES], variable_name="option", value_name="price"
        )
        is_spot = pl.col("option") == "hourly_cost_preemptible"
        is_sold = pl.when(is_spot).then("deploy_preemptible").otherwise("deploy_ondemand").fill_null(value=True)
        offers = offers.filter(is_sold & ~(is_spot & (pl.col("price").fill_null(0) == 0)))
        sound = is_positive("price") & (pl.col("id") != "").fill_null(value=False) & pl.col("region").is_not_null()
        bad = offers.filter(~sound)
        option = pl.when(is_spot).then(pl.lit("spot")).otherwise(pl.lit("on_demand"))
        rejected.append(not_objects(listed).with_columns(pl.lit(kind).alias("scope")))
        rejected.append(
            refused(
                bad,
                "no price above zero, no id, or locations that are no list of names",
                scope=kind,
                instance_type=pl.col("id"),
                region=pl.col("region"),
                purchase_option=option,
            )
        )
        scopes.setdefault(kind, []).append(
            cloud_rates(
                offers.filter(sound),
                provider="vultr",
                region=pl.col("region"),
                instance_type=pl.col("id"),
                purchase_option=option,
                accelerator_name=pl.coalesce("gpu_type", pl.col("gpu_in_id").str.to_uppercase()),
                accelerator_count=pl.col("gpus"),
                # Of whole ones; that of a slice is not the card's.
                accelerator_memory_gib=pl.when(pl.col("gpus") >= 1).then(pl.col("gpu_vram_gb") / pl.col("gpus")),
                vcpu_count=pl.coalesce("vcpu_count", "cpu_threads"),
                memory_gib=pl.col("ram") / 1024,
                price_amount_per_hour=pl.col("price"),
            )
        )
    return Reading(
        [Scope(kind, pl.concat(frames), is_complete=True) for kind, frames in scopes.items()],
        pl.concat(rejected, how="diagonal") if rejected else None,
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
    parser_version=7,
    hosts=(HOST,),
    cadence="30 7 * * *",
    changes_within_days=365,
)
