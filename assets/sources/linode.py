"""Linode (Akamai): plan types with GPUs, USD per plan.

Quirks: the GPU's name stands only in the label ('RTX4000 Ada x1 Small', 'Dedicated 32GB + RTX6000 GPU x1', 'RTX PRO
6000 Blackwell x1'); plans of class 'accelerated' hold video transcoders (NETINT) and no GPU; `region_prices` overrides
the price in single regions, so 'global' is the price of all others: one of zero beside regions with a price says that
there are no others. Since 2026-07 GPUs have no monthly cap, and no `monthly` price or one of zero; it is not read.
Plans that are let to some accounts only (Blackwell) stand in no answer without a token. No recorded answer was at hand:
the form is that of the published API, and of what its public readers quote of answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, json_of, refused, require_columns
from assets.sources._rows import (
    NUMBER_OR_NAN,
    cloud_rates,
    frame_of,
    inside,
    is_positive,
    not_objects,
    number_or_nan,
    objects,
)
from warehouse.captures import Document

HOST = "api.linode.com"
_SCHEMA = {
    "id": pl.String,
    "label": pl.String,
    "class": pl.String,
    "gpus": NUMBER_OR_NAN,
    "vcpus": pl.Float64,
    "memory": pl.Float64,
    "region": pl.String,
    "price": NUMBER_OR_NAN,
}


def _page(page: int) -> Request:
    return Request(f"https://{HOST}/v4/linode/types", {"page": str(page), "page_size": "500"})


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The list of types; no past days."""
    yield [_page(1)]


def follow(document: Document) -> Request | None:
    """The next page, as long as there is one."""
    answer = json_of(document)
    page, pages = answer.get("page"), answer.get("pages")
    return _page(page + 1) if isinstance(page, int) and isinstance(pages, int) and page < pages else None


def _offers(types: Sequence[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for one in types:
        base, own = number_or_nan(inside(one, "price", "hourly")), one.get("region_prices")
        overrides = (
            [(inside(o, "id"), number_or_nan(inside(o, "hourly"))) for o in own] if isinstance(own, list) else []
        )
        # A base price that is missing, or no number, says nothing of the other regions.
        if base != 0 or not any(price for _, price in overrides):
            yield one | {"region": "global", "price": base}
        for region, price in overrides:
            yield one | {"region": region, "price": price}
        if own and not isinstance(own, list):
            yield one | {"region": None, "price": None}


def parse(documents: Sequence[Document]) -> Reading:
    """One row per plan, and one per region with a price of its own."""
    offers: list[dict[str, Any]] = []
    strange = []
    for document in documents:
        answer = json_of(document)
        types = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(types, list):
            raise LayoutError(f"{document.url}: no list of types (data)")
        strange.append(not_objects(types))
        types = objects(types)
        if types:
            require_columns(document, sorted({k for t in types for k in t}), ("id", "label", "gpus", "price"))
        offers += _offers(types)
    # A plan of the class of GPUs whose number is missing, or none, has some all the same.
    raw = frame_of(offers, _SCHEMA).filter(
        ((pl.col("gpus") > 0) | (pl.col("class") == "gpu") | pl.col("id").str.contains("-gpu-")).fill_null(value=False)
    )
    sound = is_positive("price") & is_positive("gpus") & (pl.col("region") != "").fill_null(value=False)
    bad = raw.filter(~sound)
    rows = cloud_rates(
        raw.filter(sound),
        provider="linode",
        region=pl.col("region"),
        instance_type=pl.col("id"),
        accelerator_name=pl.col("label").str.extract(r"\b((?:RTX|Quadro|Tesla|[AHLBV]\d)[\w ]*?)(?: GPU)? x\d"),
        accelerator_count=pl.col("gpus"),
        vcpu_count=pl.col("vcpus"),
        memory_gib=pl.col("memory") / 1024,
        price_amount_per_hour=pl.col("price"),
    )
    rejected = refused(
        bad.drop("class"),
        "no price above zero, no number of GPUs, or no region",
        instance_type=pl.col("id"),
        region=pl.col("region"),
    )
    return Reading([Scope("linode", rows, is_complete=True)], rejected).refusing(pl.concat(strange))


LINODE = Source(
    source_id="linode",
    subject="cloud_rate",
    title="Linode types",
    homepage_url="https://www.linode.com/pricing/",
    licence="prices are facts; terms of Akamai",
    parse=parse,
    plan=plan,
    follow=follow,
    parser_version=4,
    hosts=(HOST,),
    cadence="35 7 * * *",
    changes_within_days=365,
)
