"""RunPod: GPU types over GraphQL, and the price page; USD per GPU-hour, two clouds (secure, community).

Quirks: an answer tells what RunPod would charge, offered or not. A price of 0 or 0.5 is a placeholder where the flag
of that cloud (`secureCloud`, `communityCloud`) is false, and other figures stand there too (A40 community 0.35, off),
so the flag decides; where nobody asked for the flags, 0 and 0.5 are taken for placeholders. The row 'unknown' is no
GPU. MIG slices are fractions of a GPU: no per-GPU rate. `lowestPrice(gpuCount: n)` is for n GPUs together and is not
used; prices for 1, 3 and 6 months are no option that Petaday knows. The answer comes as `data.gpuTypes` or unwrapped
as a list.

The page had its figures in `__NEXT_DATA__` (2023), then in attributes beside a visible '0' (2025), then in JSON-LD
(2026), where low and high are not community and secure: each Offer is named. It lists fewer GPUs than the API.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, json_of, refused
from assets.sources._html import has_type, json_ld, offers_of, soup_of, text_of
from assets.sources._rows import NUMBER_OR_NAN, cloud_rates, frame_of, inside, is_positive, not_objects, objects
from warehouse.captures import Document

API_HOST, PAGE_HOST = "api.runpod.io", "www.runpod.io"
QUERY = (
    "query GpuTypes { gpuTypes { id displayName memoryInGb secureCloud communityCloud securePrice communityPrice "
    "secureSpotPrice communitySpotPrice } }"
)
#: Figures that stand where there is no price.
PLACEHOLDERS = (0.0, 0.5)
_NUMBER = ("securePrice", "communityPrice", "secureSpotPrice", "communitySpotPrice")
_RAW_SCHEMA = {
    "id": pl.String,
    "displayName": pl.String,
    "memoryInGb": pl.Float64,
    "secureCloud": pl.Boolean,
    "communityCloud": pl.Boolean,
    **dict.fromkeys(_NUMBER, NUMBER_OR_NAN),
}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """One query; there are no past days."""
    yield [Request(f"https://{API_HOST}/graphql", method="POST", json_body={"query": QUERY})]


def plan_page(window: Window) -> Iterable[Sequence[Request]]:
    """The price page."""
    yield [Request(f"https://{PAGE_HOST}/pricing", extension="html")]


def _gpu_types(document: Document) -> Any:
    answer = json_of(document)
    if isinstance(answer, dict) and answer.get("errors"):
        raise LayoutError(f"{document.url}: GraphQL refused the query: {json.dumps(answer['errors'])[:200]}")
    return inside(answer, "data", "gpuTypes") if isinstance(answer, dict) else answer


def _checked(document: Document, types: Any) -> list[dict[str, Any]]:
    if not isinstance(types, list) or not types:
        raise LayoutError(f"{document.url}: no list of GPU types (data.gpuTypes)")
    types = objects(types)
    missing = [
        name for name in ("id", "displayName", "securePrice", "communityPrice") if not any(name in t for t in types)
    ]
    if missing:
        raise LayoutError(f"{document.url}: {', '.join(missing)} is missing from every GPU type (renamed?)")
    return types


def _read_types(types: list[dict[str, Any]], *, instance_from: str) -> Reading:
    """Offers of a list of GPU types, on demand and spot, in each cloud that sells them."""
    raw = frame_of(types, _RAW_SCHEMA)
    raw = raw.filter((pl.col("id").str.to_lowercase() != "unknown").fill_null(value=True))
    parts = []
    for cloud in ("secure", "community"):
        for option, column in (("on_demand", f"{cloud}Price"), ("spot", f"{cloud}SpotPrice")):
            parts.append(
                raw.select(
                    "id",
                    "displayName",
                    "memoryInGb",
                    pl.lit(cloud).alias("cloud"),
                    pl.lit(option).alias("option"),
                    pl.col(f"{cloud}Cloud").alias("is_offered"),
                    pl.col(column).alias("price"),
                )
            )
    offers = pl.concat(parts)
    placeholder = pl.col("price").is_in(PLACEHOLDERS)
    # Asked without the flags, an answer leaves only the figure to judge by. No spot price means no spot market; one that is
    # no number is told.
    offers = offers.filter(
        pl.col("is_offered").fill_null(pl.col("price").is_not_null() & ~placeholder.fill_null(value=False))
        & ~((pl.col("option") == "spot") & (pl.col("price").fill_null(0) == 0))
    )
    sound = is_positive("price") & pl.col("id").fill_null("").ne("")
    bad = offers.filter(~sound)
    key = {
        "instance_type": pl.col(instance_from),
        "purchase_option": pl.col("option"),
        "offer_variant": pl.col("cloud"),
    }
    rows = cloud_rates(
        offers.filter(sound),
        provider="runpod",
        accelerator_name=pl.col("displayName"),
        accelerator_count=pl.when(pl.col("id").str.contains(r"\bMIG\b")).then(None).otherwise(1.0),
        accelerator_memory_gib=pl.when(pl.col("memoryInGb") > 0).then(pl.col("memoryInGb")),
        price_amount_per_hour=pl.col("price"),
        **key,
    )
    why = (
        pl.when(pl.col("id").fill_null("") == "")
        .then(pl.lit("id is missing"))
        .otherwise(pl.lit("offered in this cloud, but the price is missing, zero or negative"))
    )
    rejected = refused(bad, why, **key)
    return Reading([Scope("runpod", rows, is_complete=True)], rejected)


def parse(documents: Sequence[Document]) -> Reading:
    """One row per GPU type, cloud and purchase option, each for one GPU."""
    (document,) = documents
    types = _gpu_types(document)
    return _read_types(_checked(document, types), instance_from="id").refusing(not_objects(types))


def _attribute_offers(soup: Any) -> Iterator[dict[str, Any]]:
    """Rows of the page of 2025, whose prices stand in attributes."""
    for cell in soup.select("[data-secure-cloud-price]"):
        row = cell.find_parent(class_="gpu-pricing-row") or cell.find_parent(attrs={"role": "listitem"})
        # In an excerpt that begins inside its first row, that row is the whole page: its name stands just before.
        name = (row.select_one("[data-line-clamp]") if row else None) or cell.find_previous(
            attrs={"data-gradient": "text-secondary", "data-line-clamp": True}
        )
        tags = reversed(cell.find_all_previous(class_="gpu-pricing-row__tag", limit=3))
        text = text_of(row) if row else " ".join(text_of(tag) for tag in tags)
        yield {
            "gpu": text_of(name),
            "secure": cell.get("data-secure-cloud-price"),
            "community": cell.get("data-community-cloud-price"),
            **{key: _figure(text, unit) for key, unit in (("vram", "GB VRAM"), ("ram", "GB RAM"), ("vcpu", "vCPUs"))},
        }


def parse_page(documents: Sequence[Document]) -> Reading:
    """The price page, in the form of its year; the instance is named as the page names it."""
    (document,) = documents
    soup = soup_of(document)
    if (script := soup.find("script", id="__NEXT_DATA__")) is not None:
        return _read_types(_checked(document, _types_in_excerpt(script.get_text())), instance_from="displayName")
    found = list(_attribute_offers(soup)) or list(_json_ld_offers(soup))
    if not found:
        raise LayoutError(
            f"{document.url}: no price in any form known (__NEXT_DATA__, data-secure-cloud-price, JSON-LD)"
        )
    frame = pl.DataFrame(found, infer_schema_length=None)
    columns = {"vram": pl.Float64, "ram": pl.Float64, "vcpu": pl.Float64, "secure": pl.String, "community": pl.String}
    frame = frame.with_columns(
        (pl.col(c) if c in frame.columns else pl.lit(None)).cast(t, strict=False).alias(c) for c, t in columns.items()
    )
    offers = frame.unpivot(
        ["secure", "community"], index=["gpu", "vram", "ram", "vcpu"], variable_name="cloud", value_name="text"
    ).with_columns(pl.col("text").cast(pl.Float64, strict=False).alias("price"))
    # An attribute left empty, or with a placeholder, says that this cloud does not sell it.
    offers = offers.filter(
        pl.col("text").fill_null("").str.strip_chars().ne("")
        & ~pl.col("price").is_in(PLACEHOLDERS).fill_null(value=False)
    )
    good = (pl.col("price") > 0).fill_null(value=False) & (pl.col("gpu") != "")
    bad = offers.filter(~good)
    rows = cloud_rates(
        offers.filter(good),
        provider="runpod",
        instance_type=pl.col("gpu"),
        offer_variant=pl.col("cloud"),
        accelerator_name=pl.col("gpu"),
        accelerator_count=1.0,
        accelerator_memory_gib=pl.col("vram"),
        vcpu_count=pl.col("vcpu"),
        memory_gib=pl.col("ram"),
        price_amount_per_hour=pl.col("price"),
    )
    rejected = refused(
        bad,
        "no name beside the price, or the price is not a number above zero",
        instance_type=pl.col("gpu").replace("", None),
        offer_variant=pl.col("cloud"),
    )
    return Reading([Scope("runpod", rows, is_complete=True)], rejected)


def _figure(text: str, unit: str) -> float | None:
    match = re.search(rf"(\d+(?:\.\d+)?)\s+{unit}", text)
    return float(match.group(1)) if match else None


def _types_in_excerpt(script: str) -> Any:
    """`props.pageProps.data`; of a script that is cut short, the complete objects at its start."""
    try:
        return json.loads(script)["props"]["pageProps"]["data"]
    except (ValueError, KeyError, TypeError):
        types, decoder = [], json.JSONDecoder()
        at = script.find("[{")
        while at >= 0 and (start := script.find("{", at)) >= 0:
            try:
                value, at = decoder.raw_decode(script, start)
            except ValueError:
                break
            types.append(value)
        return [t for t in types if isinstance(t, dict) and "securePrice" in t]


def _json_ld_offers(soup: Any) -> Iterator[dict[str, Any]]:
    """Rows of the page of 2026, whose prices stand in JSON-LD."""
    for value in json_ld(soup):
        if not has_type(value, "Product"):
            continue
        gpu = re.sub(r"\s+GPU on Runpod$", "", str(value.get("name", "")), flags=re.I).strip()
        by_cloud = {
            str(offer.get("name", "")).split(" ")[0].lower(): offer
            for offer in offers_of(value)
            if offer.get("priceCurrency") == "USD" and "per-hour on-demand" in str(offer.get("description", ""))
        }
        if by_cloud:
            yield {
                "gpu": gpu,
                **{c: str(by_cloud[c].get("price", "")) if c in by_cloud else None for c in ("secure", "community")},
            }


RUNPOD = Source(
    source_id="runpod",
    subject="cloud_rate",
    title="RunPod GPU types (GraphQL)",
    homepage_url="https://www.runpod.io/pricing",
    licence="prices are facts; terms of RunPod",
    parse=parse,
    parser_version=4,
    plan=plan,
    hosts=(API_HOST,),
    cadence="5 */6 * * *",
    changes_within_days=60,
)
RUNPOD_PAGE = Source(
    source_id="runpod_page",
    subject="cloud_rate",
    title="RunPod price page",
    homepage_url="https://www.runpod.io/pricing",
    licence="prices are facts; terms of RunPod",
    parse=parse_page,
    parser_version=2,
    plan=plan_page,
    hosts=(PAGE_HOST, "runpod.io"),
    cadence="35 6 * * *",
    changes_within_days=365,
    extension="html",
    is_scraped=True,
    # A redesign of this page once left a third of its GPUs: only less than a tenth is taken for a broken page.
    min_kept_share=0.1,
)
