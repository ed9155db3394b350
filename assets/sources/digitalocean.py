"""DigitalOcean: Droplet sizes with GPUs, USD per Droplet. Needs a token (read scope) in DIGITALOCEAN_TOKEN.

Quirks: `vram` is that of all GPUs together (640 GiB for eight); sizes without `gpu_info` are CPU Droplets; a size
that is not `available`, or has no region, is not on sale. One price holds in all regions named.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, json_of, refused, require_columns
from assets.sources._rows import cloud_rates, frame_of, inside, not_objects, number_of, objects, texts
from warehouse.captures import Document

HOST = "api.digitalocean.com"
KEY_NAME = "DIGITALOCEAN_TOKEN"
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
    on_sale = [s for s in sizes if s.get("gpu_info") and s.get("available", True) and texts(s.get("regions"))]
    raw = frame_of(
        [
            s
            | {
                "model": inside(s, "gpu_info", "model"),
                "gpus": inside(s, "gpu_info", "count"),
                "vram": _vram_gib(s),
            }
            for s in on_sale
        ],
        _SCHEMA,
    ).with_columns(pl.Series("region", [texts(s["regions"]) for s in on_sale], dtype=pl.List(pl.String)))
    sound = ((pl.col("price_hourly") > 0) & (pl.col("gpus") > 0)).fill_null(value=False)
    bad = raw.filter(~sound).drop("region")
    rows = cloud_rates(
        raw.filter(sound).explode("region"),
        provider="digitalocean",
        region=pl.col("region"),
        instance_type=pl.col("slug"),
        accelerator_name=pl.col("model"),
        accelerator_count=pl.col("gpus"),
        accelerator_memory_gib=pl.col("vram") / pl.col("gpus"),
        vcpu_count=pl.col("vcpus"),
        memory_gib=pl.col("memory") / 1024,
        price_amount_per_hour=pl.col("price_hourly"),
    )
    rejected = refused(bad, "no price above zero, or no number of GPUs", instance_type=pl.col("slug"))
    return Reading([Scope("digitalocean", rows, is_complete=True)], rejected).refusing(pl.concat(strange))


DIGITALOCEAN = Source(
    source_id="digitalocean",
    subject="cloud_rate",
    title="DigitalOcean GPU Droplets",
    homepage_url="https://www.digitalocean.com/pricing/gpu-droplets",
    licence="prices are facts; terms of DigitalOcean",
    parse=parse,
    parser_version=3,
    plan=plan,
    follow=follow,
    hosts=(HOST,),
    cadence="40 7 * * *",
    changes_within_days=365,
    key_name=KEY_NAME,
)
