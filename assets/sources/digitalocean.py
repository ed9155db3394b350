"""DigitalOcean: Droplet sizes with GPUs, USD per Droplet. Needs a token (read scope) in DIGITALOCEAN_TOKEN.

Quirks: `vram` is that of all GPUs together (640 GiB for eight); a size that is not `available`, or has no region, is
not on sale. One price holds in all regions named. Only the slug says how a size is bought: since 2026 `-spot` (and
`-lc-spot`) may be reclaimed, and what ends in `-contracted` is let under a contract, whose term the list does not tell.
Before `gpu_info` came the slug alone named the GPUs, too: gpu-h100x8-640gb, gpu-mi300x8-1536gb (eight MI300X).
"""

from __future__ import annotations

import os
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
    split_by_fault,
)
from assets.sources._rows import cloud_rates, frame_of, inside, is_list_of_texts, not_objects, number_of, objects, texts
from warehouse.captures import Document

HOST = "api.digitalocean.com"
KEY_NAME = "DIGITALOCEAN_TOKEN"
#: Model, number of GPUs, and memory of all of them in a slug.
_SLUG = r"^gpu-([a-z0-9]+?)x(\d+)-(\d+)gb(?:-|$)"
_SCHEMA = {
    "slug": pl.String,
    "model": pl.String,
    "gpus": pl.Float64,
    "vram": pl.Float64,
    "vcpus": pl.Float64,
    "memory": pl.Float64,
    "price_hourly": pl.Float64,
}


def _page(page: int) -> Request:
    return Request(
        f"https://{HOST}/v2/sizes",
        {"page": str(page), "per_page": "200"},
        secret_headers={"Authorization": f"Bearer {os.environ.get(KEY_NAME, '')}"},
    )


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The list of sizes; no past days."""
    yield [_page(1)]


def follow(document: Document) -> Request | None:
    """The next page, where `links.pages.next` says that there is one."""
    answer = json_of(document)
    following = ((answer.get("links") or {}).get("pages") or {}).get("next") if isinstance(answer, dict) else None
    if not following:
        return None
    pages = [
        int(part.removeprefix("page="))
        for part in document.url.partition("?")[2].split("&")
        if part.startswith("page=")
    ]
    return _page((pages[0] if pages else 1) + 1)


def _vram_gib(size: dict[str, Any]) -> float | None:
    amount, unit = (inside(size, "gpu_info", "vram", part) for part in ("amount", "unit"))
    return number_of(amount) if str(unit).lower() == "gib" else None


def _has_gpu(size: dict[str, Any]) -> bool:
    return bool(size.get("gpu_info")) or str(size.get("slug")).startswith("gpu-")


def _of_slug() -> list[pl.Expr]:
    """`model`, `gpus` and `vram` as the slug tells them where nothing else does."""
    model, gpus, vram = (pl.col("slug").str.extract(_SLUG, group) for group in (1, 2, 3))
    # The x in front of the number is also the last letter of AMD's cards.
    name = pl.when(model.str.contains(r"^mi\d+$")).then(model + "x").otherwise(model)
    return [
        pl.coalesce("model", name),
        pl.coalesce("gpus", gpus.cast(pl.Float64)),
        pl.when(pl.col("gpus").is_null()).then(pl.coalesce("vram", vram.cast(pl.Float64))).otherwise("vram"),
    ]


def parse(documents: Sequence[Document]) -> Reading:
    """One row per size and region."""
    sizes: list[dict[str, Any]] = []
    strange = []
    for document in documents:
        answer = json_of(document)
        listed = answer.get("sizes") if isinstance(answer, dict) else None
        if not isinstance(listed, list):
            raise LayoutError(f"{document.url}: no list of sizes")
        strange.append(not_objects(listed))
        listed = objects(listed)
        if listed:
            require_columns(document, sorted({k for s in listed for k in s}), ("slug", "price_hourly", "regions"))
        sizes += listed
    listed = [s for s in sizes if _has_gpu(s) and s.get("available") is not False and s.get("regions") != []]
    raw = (
        frame_of(
            [
                s
                | {
                    "model": inside(s, "gpu_info", "model"),
                    "gpus": inside(s, "gpu_info", "count"),
                    "vram": _vram_gib(s),
                }
                for s in listed
            ],
            _SCHEMA,
        )
        .with_columns(
            pl.Series("region", [texts(s.get("regions")) for s in listed], dtype=pl.List(pl.String)),
            pl.Series("has_regions", [is_list_of_texts(s.get("regions")) for s in listed], dtype=pl.Boolean),
        )
        .with_columns(_of_slug())
    )
    purchase_option = (
        pl.when(pl.col("slug").str.contains(r"-spot(?:-|$)")).then(pl.lit("spot")).otherwise(pl.lit("on_demand"))
    )
    why = (
        pl.when(pl.col("slug").str.contains(r"-contracted(?:-|$)"))
        .then(pl.lit("let under a contract, whose term the list does not tell"))
        .when(~((pl.col("price_hourly") > 0) & (pl.col("gpus") > 0)).fill_null(value=False))
        .then(pl.lit("no price above zero, or no number of GPUs"))
    )
    sound, bad = split_by_fault(raw, why)
    # Those regions of a broken list that can be read are regions all the same.
    bad = pl.concat(
        [bad, sound.filter(~pl.col("has_regions")).with_columns(pl.lit("regions is no list of names").alias("why"))]
    )
    rows = cloud_rates(
        sound.explode("region").filter(pl.col("region").is_not_null()),
        provider="digitalocean",
        region=pl.col("region"),
        instance_type=pl.col("slug"),
        purchase_option=purchase_option,
        accelerator_name=pl.col("model"),
        accelerator_count=pl.col("gpus"),
        accelerator_memory_gib=pl.col("vram") / pl.col("gpus"),
        vcpu_count=pl.col("vcpus"),
        memory_gib=pl.col("memory") / 1024,
        price_amount_per_hour=pl.col("price_hourly"),
    )
    rejected = refused(bad.drop("why", "region", "has_regions"), bad["why"], bad.select(instance_type="slug"))
    return Reading([Scope("digitalocean", rows, is_complete=True)], rejected).refusing(pl.concat(strange))


DIGITALOCEAN = Source(
    source_id="digitalocean",
    subject="cloud_rate",
    title="DigitalOcean GPU Droplets",
    homepage_url="https://www.digitalocean.com/pricing/gpu-droplets",
    licence="prices are facts; terms of DigitalOcean",
    parse=parse,
    parser_version=4,
    plan=plan,
    follow=follow,
    hosts=(HOST,),
    cadence="40 7 * * *",
    changes_within_days=365,
    key_name=KEY_NAME,
    # An account with contracts sees their sizes beside those of everybody.
    max_rejected_share=0.6,
)
