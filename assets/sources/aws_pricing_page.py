"""AWS pricing page: the small files behind the table of on-demand prices, one per region.

Quirks: undocumented. The price is a string. Files are keyed by the long name of the region, once or twice (older ones
have `regions` at the top, recorded mirrors a level of names above it). GPU counts are not in them. "Accelerated
Computing" also holds FPGA and video types, which are left out by their family.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

import polars as pl

from assets.sources._aws import ACCELERATED, REGION_OF_LOCATION, gib, region_of
from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, json_of, refused, to_number
from assets.sources._rows import cloud_rates, frame_of, inside, text_or_none
from warehouse.captures import Document

HOST = "b0.p.awsstatic.com"
URL = f"https://{HOST}/pricing/2.0/meteredUnitMaps/ec2/USD/current/ec2-ondemand-without-sec-sel"

#: The page's own names; the others of `REGION_OF_LOCATION` are older ones, or of China, which has its own page.
LOCATIONS = tuple(
    name
    for name, region in REGION_OF_LOCATION.items()
    if not name.startswith(("Europe", "China", "AWS GovCloud (US)")) and region and name != "Asia Pacific (Osaka-Local)"
)
_COLUMNS = (
    "price",
    "Location",
    "Instance Type",
    "vCPU",
    "Memory",
    "Operating System",
    "Pre Installed S/W",
    "License Model",
)


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """One file per region, Linux."""
    for location in LOCATIONS:
        yield [Request(f"{URL}/{quote(location)}/Linux/index.json")]


def parse(documents: Sequence[Document]) -> Reading:
    """On-demand prices of Linux instances with accelerators."""
    (document,) = documents
    value = json_of(document)
    if not isinstance(value, dict):
        raise LayoutError(f"{document.url}: not an object of regions")
    wrappers = [value] if "regions" in value else [v for v in value.values() if isinstance(v, dict) and "regions" in v]
    if not wrappers:
        raise LayoutError(f"{document.url}: regions is missing (renamed?); found {', '.join(map(str, value))[:200]}")
    if strange := [w["regions"] for w in wrappers if not isinstance(w["regions"], dict)]:
        raise LayoutError(f"{document.url}: regions is no map: {str(strange[0])[:100]}")
    rows = [
        {name: inside(offer, name) for name in _COLUMNS}
        | {"Location": text_or_none(inside(offer, "Location")) or location}
        for wrapper in wrappers
        for location, offers in wrapper["regions"].items()
        for offer in (offers.values() if isinstance(offers, dict) else ())
    ]
    if not rows:
        raise LayoutError(f"{document.url}: the map is empty")
    if missing := [name for name in ("price", "Instance Type") if not any(row[name] for row in rows)]:
        raise LayoutError(f"{document.url}: field {', '.join(missing)} is missing (renamed?)")
    frame = (
        frame_of(rows, dict.fromkeys(_COLUMNS, pl.String))
        .filter(
            pl.col("Instance Type").str.contains(ACCELERATED).fill_null(value=True)
            & pl.col("Operating System").fill_null("Linux").eq("Linux")
            & pl.col("Pre Installed S/W").fill_null("NA").is_in(["NA", ""])
        )
        .with_columns(to_number("price").alias("amount"))
    )
    is_price = (pl.col("amount") > 0).fill_null(value=False) & pl.col("Instance Type").is_not_null()
    bad, good = frame.filter(~is_price), frame.filter(is_price)
    region = pl.coalesce(region_of("Location"), "Location")
    offers = cloud_rates(
        good,
        provider="aws",
        region=region,
        instance_type=pl.col("Instance Type"),
        vcpu_count=to_number("vCPU"),
        memory_gib=gib("Memory"),
        price_amount_per_hour=pl.col("amount"),
    )
    scopes = [
        Scope(str(name), part, is_complete=True)
        for (name,), part in offers.partition_by("region", as_dict=True).items()
    ]
    rejected = refused(
        bad.drop("amount"),
        "price is not a positive number, or its type cannot be read",
        scope=region,
        region=region,
        instance_type=pl.col("Instance Type"),
    )
    return Reading(scopes, rejected)


AWS_PRICING_PAGE = Source(
    source_id="aws_pricing_page",
    subject="cloud_rate",
    title="AWS pricing page",
    homepage_url="https://aws.amazon.com/ec2/pricing/on-demand/",
    licence="not stated; for informational purposes only",
    attribution="Amazon Web Services",
    parse=parse,
    parser_version=2,
    plan=plan,
    hosts=(HOST,),
    cadence="30 4 * * *",
    changes_within_days=180,
)
