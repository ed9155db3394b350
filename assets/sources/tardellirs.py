"""gpu-pricing (tardellirs): some 300 offers of 21 providers collected by hand, USD per GPU-hour, each with caveats.

Quirks: the price is that of one GPU, even where only whole machines of eight are sold. Only the caveats, in words, say
what a price covers, so they are read: where processors and memory are billed separately (Salad, Modal, CoreWeave's
classic list), the price is that of the accelerator alone; the cheapest live offer of a market is its lowest price, not
its usual one; a price that the maintainer estimated, or took from a page that is years old, is refused, as is a "spot"
price above every on-demand price of the same card (RunPod's serverless workers). `tier` mixes purchase option and
cloud: prototyping and production are tiers of Thunder Compute, secure and community are clouds of RunPod. `is_spot`
says whether the machine may be reclaimed. `id` identifies an offer; models are listed several times with different
hosts.

The list carries the day it was collected. If it is loaded long after that day, its rows are dated and end no offer.
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
    is_current,
    refused,
    require_columns,
    split_by_fault,
    to_instant,
)
from assets.sources._rows import cloud_rates, frame_of, json_list, objects, provider_name
from warehouse.captures import Document

_REPOSITORY, _PATH = "tardellirs/gpu-pricing", "src/data/offerings.json"

_SCHEMA = {
    "id": pl.String,
    "provider_id": pl.String,
    "gpu_model": pl.String,
    "vram_gb": pl.Float64,
    "tier": pl.String,
    "is_spot": pl.Boolean,
    "price_usd_hour": pl.Float64,
    "collected_at": pl.String,
    "vcpu": pl.Float64,
    "ram_gb": pl.Float64,
}
_OPTIONAL = ("vcpu", "ram_gb")
#: tier -> offer variant.
_TIERS = {
    "on-demand": "",
    "spot": "",
    "marketplace": "market_min",
    "community": "community",
    "secure": "secure",
    "prototyping": "prototyping",
    "production": "production",
}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The list as it stands, or as it stood on past days."""
    return _git.current_or_past(_REPOSITORY, _PATH, window, "main")


def _says(words: str) -> pl.Expr:
    return pl.col("caveats").str.contains(f"(?i){words}")


def parse(documents: Sequence[Document]) -> Reading:
    """One row per offer."""
    (document,) = documents
    offers = objects(json_list(document))
    require_columns(document, sorted({name for o in offers for name in o}), [c for c in _SCHEMA if c not in _OPTIONAL])
    caveats = [" | ".join(map(str, o["caveats"])) if isinstance(o.get("caveats"), list) else "" for o in offers]
    raw = frame_of(offers, _SCHEMA).with_columns(
        pl.Series("caveats", caveats, dtype=pl.String),
        to_instant(pl.col("collected_at").str.slice(0, 10), "%Y-%m-%d").alias("made_at"),
    )
    on_demand = pl.col("price_usd_hour").filter(~pl.col("is_spot"))
    dearest = on_demand.max().over("provider_id", "gpu_model", "vram_gb")
    why = (
        pl.when(
            pl.any_horizontal(pl.col(c).is_null() for c in ("id", "provider_id", "gpu_model", "is_spot", "made_at"))
        )
        .then(pl.lit("id, provider, model, is_spot or the day of collection is missing"))
        .when(~pl.col("tier").is_in(list(_TIERS)).fill_null(value=False))
        .then(pl.format("a tier that is not known: {}", pl.col("tier").fill_null("none")))
        .when(~(pl.col("price_usd_hour") > 0).fill_null(value=False))
        .then(pl.lit("the price is missing, or not above zero"))
        .when(_says(r"estimated"))
        .then(pl.lit("an estimate of the list's maintainer, not a price"))
        .when(_says(r"may be stale"))
        .then(pl.lit("from a page that the list's maintainer considers out of date"))
        .when(pl.col("is_spot") & (pl.col("price_usd_hour") > dearest))
        .then(pl.lit("spot, yet dearer than the same card on demand: another product"))
    )
    good, bad = split_by_fault(raw, why)
    is_fresh = is_current(document, good["made_at"])
    billed_apart = _says(r"billed separately") & ~_says(r"are free")
    rows = cloud_rates(
        good.with_columns(
            (pl.lit(None, dtype=pl.Datetime("us", "UTC")) if is_fresh else pl.col("made_at")).alias("valid_from")
        ),
        provider=provider_name(pl.col("provider_id").str.replace_all("-", "", literal=True)),
        instance_type=pl.col("id"),
        purchase_option=pl.when("is_spot").then(pl.lit("spot")).otherwise(pl.lit("on_demand")),
        price_component=pl.when(billed_apart).then(pl.lit("accelerator")).otherwise(pl.lit("instance")),
        offer_variant=pl.when(_says(r"\bmin (?:price|live)|cheapest (?:live offer|host)"))
        .then(pl.lit("market_min"))
        .when(_says("serverless"))
        .then(pl.lit("serverless"))
        .otherwise(pl.col("tier").replace_strict(_TIERS, default="", return_dtype=pl.String)),
        accelerator_name=pl.col("gpu_model"),
        accelerator_count=1.0,
        accelerator_memory_gib=pl.col("vram_gb"),
        vcpu_count=pl.col("vcpu"),
        memory_gib=pl.col("ram_gb"),
        price_amount_per_hour=pl.col("price_usd_hour"),
    )
    return Reading(
        [Scope("offerings", rows, is_complete=is_fresh)],
        refused(bad.drop("why", "made_at"), bad["why"], instance_type=pl.col("id")),
    )


TARDELLIRS = Source(
    source_id="tardellirs",
    subject="cloud_rate",
    title="gpu-pricing offers by hand",
    homepage_url="https://github.com/tardellirs/gpu-pricing",
    licence="not stated by the repository",
    attribution="tardellirs/gpu-pricing",
    parse=parse,
    plan=plan,
    expand=_git.expand,
    hosts=_git.HOSTS,
    cadence="40 9 * * *",
    changes_within_days=180,
    has_history=True,
    stale_after_days=60.0,
)
