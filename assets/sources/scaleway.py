"""Scaleway: server types per zone; EUR, which the answer does not say.

Quirks: `hourly_price` is for the server with all its GPUs, and null for some; `gpu_memory` is that of one GPU, in
bytes; CPU servers have `gpu` null or 0. Paging shows in headers only, so a full page is followed by the next until
one is short.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import polars as pl

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, json_of, refused
from assets.sources._rows import cloud_rates, frame_of, inside
from warehouse.captures import Document

HOST = "api.scaleway.com"
ZONES = (
    "fr-par-1",
    "fr-par-2",
    "fr-par-3",
    "nl-ams-1",
    "nl-ams-2",
    "nl-ams-3",
    "pl-waw-1",
    "pl-waw-2",
    "pl-waw-3",
    "it-mil-1",
)
PAGE_SIZE = 100
_ZONE = re.compile(r"(?<![a-z])([a-z]{2}-[a-z]{3}-\d)(?!\d)")
_SCHEMA = {
    "name": pl.String,
    "gpu": pl.Float64,
    "gpu_name": pl.String,
    "gpu_memory": pl.Float64,
    "ncpus": pl.Float64,
    "ram": pl.Float64,
    "hourly_price": pl.Float64,
}


def _page(zone: str, page: int) -> Request:
    return Request(
        f"https://{HOST}/instance/v1/zones/{zone}/products/servers", {"page": str(page), "per_page": str(PAGE_SIZE)}
    )


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """All zones together: a zone without GPUs is no failure."""
    yield [_page(zone, 1) for zone in ZONES]


def follow(document: Document) -> Request | None:
    """The next page of a zone, after a full one."""
    if len(_servers(document)) < PAGE_SIZE:
        return None
    page = int(parse_qs(urlsplit(document.url).query)["page"][0])
    return _page(_zone(document), page + 1)


def _zone(document: Document) -> str:
    found = _ZONE.search(document.url)
    if found is None:
        raise LayoutError(
            f"{document.url}: cannot tell the zone: name the file servers_<zone>.json, as in servers_fr-par-2.json"
        )
    return found.group(1)


def _servers(document: Document) -> dict[str, Any]:
    answer = json_of(document)
    servers = answer.get("servers") if isinstance(answer, dict) else None
    if not isinstance(servers, dict):
        raise LayoutError(f"{document.url}: no map of servers")
    return servers


def _gpu_name(name: str, server: dict[str, Any]) -> str | None:
    """The GPU: as the answer says it, else as the server's name does (H100-SXM-2-80G, GPU-3070-S)."""
    if told := inside(server, "gpu_info", "gpu_name"):
        return str(told)
    found = re.match(r"^(?:GPU-(\w+)-S|(.+?)-\d+-\d+G)$", name)
    return (found.group(1) or found.group(2)) if found else None


def _gpu_memory_gib(name: str, server: dict[str, Any]) -> float | None:
    memory = inside(server, "gpu_info", "gpu_memory")
    if isinstance(memory, int | float) and memory > 0:
        return memory / 2**30
    found = re.search(r"-\d+-(\d+)G$", name)
    return float(found.group(1)) if found else None


def parse(documents: Sequence[Document]) -> Reading:
    """One row per zone and server type with GPUs."""
    scopes: dict[str, list[pl.DataFrame]] = {}
    bad = []
    for number, document in enumerate(documents):
        zone = _zone(document)
        servers = _servers(document)
        gpu_servers = {n: s for n, s in servers.items() if isinstance(s, dict) and (s.get("gpu") or s.get("gpu_info"))}
        if gpu_servers and not any("hourly_price" in s for s in gpu_servers.values()):
            raise LayoutError(f"{document.url}: hourly_price is missing from every server (renamed?)")
        raw = frame_of(
            [
                s | {"name": n, "gpu_name": _gpu_name(n, s), "gpu_memory": _gpu_memory_gib(n, s)}
                for n, s in gpu_servers.items()
            ],
            _SCHEMA,
        ).with_columns(pl.lit(number).alias("document"))
        strange = pl.DataFrame(
            {"name": [n for n, s in servers.items() if not isinstance(s, dict)]}, {"name": pl.String}
        )
        strange = strange.with_columns(pl.lit(number).alias("document"))
        bad.append(refused(strange, "no object", scope=zone, instance_type=pl.col("name")))
        sound = ((pl.col("hourly_price") > 0) & (pl.col("gpu") > 0)).fill_null(value=False)
        why = "no price above zero, or no number of GPUs"
        bad.append(refused(raw.filter(~sound), why, scope=zone, instance_type=pl.col("name")))
        scopes.setdefault(zone, []).append(
            cloud_rates(
                raw.filter(sound),
                provider="scaleway",
                region=zone,
                instance_type=pl.col("name"),
                accelerator_name=pl.col("gpu_name"),
                accelerator_count=pl.col("gpu"),
                accelerator_memory_gib=pl.col("gpu_memory"),
                vcpu_count=pl.col("ncpus"),
                memory_gib=pl.col("ram") / 2**30,
                price_amount_per_hour=pl.col("hourly_price"),
                currency_code="EUR",
            )
        )
    return Reading(
        [Scope(zone, pl.concat(frames), is_complete=True) for zone, frames in scopes.items()],
        pl.concat(bad) if bad else None,
    )


SCALEWAY = Source(
    source_id="scaleway",
    subject="cloud_rate",
    title="Scaleway server types",
    homepage_url="https://www.scaleway.com/en/pricing/gpu/",
    licence="prices are facts; terms of Scaleway",
    parse=parse,
    parser_version=3,
    plan=plan,
    follow=follow,
    hosts=(HOST,),
    cadence="20 7 * * *",
    changes_within_days=365,
)
