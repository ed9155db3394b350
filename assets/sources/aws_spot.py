"""AWS spot prices: the file behind the price page, and recorded price history.

`spot.json` (or `spot.js`, the same in `callback(...)`) has the current price per region and type, for Linux and for
other systems, with "N/A*" where there is none and old names for six regions. It is per region, not per zone.
`describe-spot-price-history`, saved from the command line, has prices per zone with the instant from which each held;
it may be UTF-16 with a byte-order mark. It is only loaded from files, since the call needs an account; zone names
differ between accounts, so they only distinguish variants. The spot advisor (`spot-advisor-data.json`) gives savings in
per cent of an unnamed list price, which is not a price, so it is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from assets.sources._aws import ACCELERATED
from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    body_of,
    json_of,
    refused,
    require_columns,
    to_instant,
    to_number,
)
from assets.sources._rows import cloud_rates, frame_of, objects, text_or_none
from warehouse.captures import Document

HOST = "website.spot.ec2.aws.a2z.com"

#: Names that the file kept from before regions had theirs.
REGION_ALIASES = {
    "us-east": "us-east-1",
    "us-west": "us-west-1",
    "eu-ireland": "eu-west-1",
    "apac-sin": "ap-southeast-1",
    "apac-syd": "ap-southeast-2",
    "apac-tokyo": "ap-northeast-1",
}
_CALLBACK = re.compile(rb"^\s*(?:/\*.*?\*/\s*)?[A-Za-z_$][\w$.]*\s*\(\s*(\{.*\})\s*\)\s*;?\s*$", re.DOTALL)


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The file of now."""
    yield [Request(f"https://{HOST}/spot.json")]


def _value_of(document: Document) -> Any:
    body = body_of(document)
    if found := _CALLBACK.match(body):
        try:
            return json.loads(found[1])
        except ValueError as e:
            raise LayoutError(f"{document.url}: not JSON in a callback (truncated?): {str(e)[:200]}") from e
    return json_of(document)


def parse(documents: Sequence[Document]) -> Reading:
    """Spot prices of Linux instances with accelerators, of now or with their dates."""
    (document,) = documents
    value = _value_of(document)
    if isinstance(value, dict) and "spot_advisor" in value:
        raise LayoutError(f"{document.url}: the spot advisor gives savings in per cent, not prices: nothing to load")
    if isinstance(value, dict) and "SpotPriceHistory" in value:
        return _history(document, value["SpotPriceHistory"])
    if not isinstance(value, dict) or not isinstance(value.get("config"), dict) or "regions" not in value["config"]:
        raise LayoutError(f"{document.url}: neither config.regions nor SpotPriceHistory is there (renamed?)")
    regions = value["config"]["regions"]
    if not isinstance(regions, list) or not regions:
        raise LayoutError(f"{document.url}: no price in config.regions: an empty answer")
    frame = pl.DataFrame(
        list(_cells(regions)),
        schema=dict.fromkeys(("region", "type", "system", "currency_code", "text"), pl.String),
        orient="row",
    )
    if frame["text"].is_null().all():
        raise LayoutError(f"{document.url}: no price in config.regions: an empty answer, or a renamed field")
    # Of what cannot be read the system is not known; it may be Linux.
    frame = frame.filter(
        pl.col("system").str.to_lowercase().str.starts_with("linux").fill_null(value=True)
        & pl.col("text").str.starts_with("N/A").not_().fill_null(value=True)
    )
    frame = frame.with_columns(pl.col("region").replace(REGION_ALIASES), pl.lit("").alias("offer_variant"))
    return _reading(frame, is_complete=True)


def _listed(node: dict[str, Any], field: str) -> list[dict[str, Any]]:
    """The objects of a list; one without fields where it is none, or empty."""
    return objects(node.get(field)) or [{}]


def _cells(regions: Sequence[object]) -> Iterator[tuple[str | None, ...]]:
    """(region, type, system, currency, price) of each price; null from where the nesting is not as it should be."""
    for region in objects(regions):
        at = text_or_none(region.get("region"))
        for kind in _listed(region, "instanceTypes"):
            for size in _listed(kind, "sizes"):
                name = text_or_none(size.get("size"))
                for column in _listed(size, "valueColumns"):
                    system, prices = text_or_none(column.get("name")), column.get("prices")
                    if not isinstance(prices, dict) or not prices:
                        yield at, name, system, None, None
                        continue
                    for currency, price in prices.items():
                        yield at, name, system, currency, str(price)


def _history(document: Document, entries: object) -> Reading:
    """Price history of an account; complete in nothing."""
    listed = objects(entries)
    if not listed:
        raise LayoutError(f"{document.url}: SpotPriceHistory is empty, or no list")
    names = ("AvailabilityZone", "InstanceType", "ProductDescription", "SpotPrice", "Timestamp")
    require_columns(document, sorted({name for e in listed for name in e}), names)
    frame = frame_of(listed, dict.fromkeys(names, pl.String))
    at = to_instant(pl.col("Timestamp").str.replace("Z$", "+00:00"), "%Y-%m-%dT%H:%M:%S%.f%z")
    # An entry that does not say its system is told.
    is_linux = pl.col("ProductDescription").is_in(["Linux/UNIX", "Linux/UNIX (Amazon VPC)"]).fill_null(value=True)
    frame = frame.filter(is_linux).select(
        pl.col("AvailabilityZone").str.extract(r"^(.*-\d+)").fill_null(pl.col("AvailabilityZone")).alias("region"),
        pl.col("InstanceType").alias("type"),
        pl.lit("USD").alias("currency_code"),
        pl.when(pl.col("ProductDescription").is_not_null()).then("SpotPrice").alias("text"),
        pl.col("AvailabilityZone").alias("offer_variant"),
        at.alias("valid_from"),
    )
    return _reading(frame, is_complete=False)


def _reading(frame: pl.DataFrame, *, is_complete: bool) -> Reading:
    is_wanted = pl.col("type").str.contains(ACCELERATED).fill_null(value=True)
    frame = frame.filter(is_wanted).with_columns(to_number("text").alias("amount"))
    is_price = (pl.col("amount") > 0).fill_null(value=False)
    is_price &= pl.col("type").is_not_null() & pl.col("region").is_not_null()
    if "valid_from" in frame.columns:
        is_price &= pl.col("valid_from").is_not_null()
    bad, good = frame.filter(~is_price), frame.filter(is_price)
    offers = cloud_rates(
        good,
        provider="aws",
        region=pl.col("region"),
        instance_type=pl.col("type"),
        purchase_option="spot",
        offer_variant=pl.col("offer_variant"),
        price_amount_per_hour=pl.col("amount"),
        currency_code=pl.col("currency_code"),
    )
    return Reading(
        [Scope("aws_spot" if is_complete else "aws_spot_zone", offers, is_complete=is_complete)],
        refused(
            bad.drop("amount"),
            "the price is not a positive number, or its type, place or date cannot be read",
            region=pl.col("region"),
            instance_type=pl.col("type"),
        ),
    )


AWS_SPOT = Source(
    source_id="aws_spot",
    subject="cloud_rate",
    title="AWS spot prices",
    homepage_url="https://aws.amazon.com/ec2/spot/pricing/",
    licence="not stated; for informational purposes only",
    attribution="Amazon Web Services",
    parse=parse,
    parser_version=2,
    plan=plan,
    hosts=(HOST,),
    cadence="15 * * * *",
    changes_within_days=2,
    stale_after_days=1.0,
)
