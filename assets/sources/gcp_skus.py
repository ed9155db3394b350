"""Google Cloud Billing catalog: what a GPU alone costs; the host is another SKU.

Quirks: a SKU names no machine type and no count. What it is stands in English in its description: on demand, Spot
Preemptible, Commitment v1 "for 1 Year", "Reserved ... in Calendar Mode" and "DWS Defined Duration" (both a block of
capacity for a set time, kept apart as variants). Not each has the word GPU: "RTX 6000 96GB running in Oregon", and "A4
Nvidia B200 (1 gpu slice)", which is one whole GPU with its share of the host: A4 has no SKUs of processors and memory.
The price is whole `units` (a string, may be absent) and `nanos` (may be absent). Parts of a GPU and several of them
("(2 gpu slice)"), and commitments of a term that is not known, are refused. Zero-priced SKUs are not on sale;
"Licensing Fee ... (GPU cost)" is of software. `serviceRegions` may be dropped by mirrors: then the place in the
description is all there is, a city or "Americas". `effectiveTime` moves with every request and dates nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, json_of, refused
from assets.sources._rows import cloud_rates, inside, not_objects, number_or_nan, objects, texts
from warehouse.captures import Document

HOST = "cloudbilling.googleapis.com"
KEY_NAME = "GCP_API_KEY"
#: The service "Compute Engine".
URL = f"https://{HOST}/v1/services/6F81-5844-456A/skus"

#: Region by the place in a description; places with several regions keep their name.
REGION_OF_PLACE = {
    "Iowa": "us-central1",
    "South Carolina": "us-east1",
    "Virginia": "us-east4",
    "Columbus": "us-east5",
    "Dallas": "us-south1",
    "Oregon": "us-west1",
    "Los Angeles": "us-west2",
    "Salt Lake City": "us-west3",
    "Las Vegas": "us-west4",
    "Montreal": "northamerica-northeast1",
    "Toronto": "northamerica-northeast2",
    "Mexico": "northamerica-south1",
    "Sao Paulo": "southamerica-east1",
    "Santiago": "southamerica-west1",
    "Belgium": "europe-west1",
    "London": "europe-west2",
    "Frankfurt": "europe-west3",
    "Netherlands": "europe-west4",
    "Zurich": "europe-west6",
    "Milan": "europe-west8",
    "Paris": "europe-west9",
    "Berlin": "europe-west10",
    "Turin": "europe-west12",
    "Warsaw": "europe-central2",
    "Finland": "europe-north1",
    "Stockholm": "europe-north2",
    "Madrid": "europe-southwest1",
    "Taiwan": "asia-east1",
    "Hong Kong": "asia-east2",
    "Tokyo": "asia-northeast1",
    "Japan": "asia-northeast1",
    "Osaka": "asia-northeast2",
    "Seoul": "asia-northeast3",
    "Mumbai": "asia-south1",
    "Delhi": "asia-south2",
    "Singapore": "asia-southeast1",
    "Jakarta": "asia-southeast2",
    "Sydney": "australia-southeast1",
    "Melbourne": "australia-southeast2",
    "Tel Aviv": "me-west1",
    "TelAviv": "me-west1",
    "Northern Virginia": "us-east4",
    "Israel": "me-west1",
    "Doha": "me-central1",
    "Dammam": "me-central2",
    "Johannesburg": "africa-south1",
}
#: Descriptions of GPUs where a mirror dropped the category.
_OF_GPU = re.compile(r"\bGPU\b|\(1 gpu slice\)|\bRTX \d+ \d+GB\b")
#: How it is bought, in front of the name of what is bought; and what follows the name.
_BOUGHT = r"^(?:Commitment v\d+:|Reserved|Spot Preemptible|DWS Calendar Mode|DWS Defined Duration)\s*"
_NAME = r"^(.+?)\s+(?:GPU\b|\(1 gpu slice\)|attached to\b|(?:running )?in\b)"
_WITH_HOST = "(1 gpu slice)"
#: Stands in place of the units of a price that is not there.
_NO_PRICE = "none"
_SCHEMA = {
    "sku": pl.String,
    "description": pl.String,
    "regions": pl.List(pl.String),
    "unit": pl.String,
    "currency": pl.String,
    "units": pl.String,
    "nanos": pl.Float64,
}


def _page(token: str | None = None) -> Request:
    params = {"currencyCode": "USD", "pageSize": "5000"} | ({"pageToken": token} if token else {})
    return Request(URL, params=params, secret_params={"key": os.environ.get(KEY_NAME, "")})


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The first page of the SKUs of Compute Engine."""
    yield [_page()]


def follow(document: Document) -> Request | None:
    """The next page, by its token; the last one has an empty one, or none."""
    value = json_of(document)
    token = value.get("nextPageToken") if isinstance(value, dict) else None
    return _page(token) if token else None


def _skus(document: Document) -> list[Any]:
    value = json_of(document)
    skus = value.get("skus") if isinstance(value, dict) else value
    if not isinstance(skus, list):
        raise LayoutError(f"{document.url}: skus is missing (renamed?)")
    return skus


def _rows(skus: Sequence[Any]) -> Iterator[tuple[object, ...]]:
    for sku in skus:
        what = _text(inside(sku, "description")) or ""
        group = inside(sku, "category", "resourceGroup")
        if what.startswith("Licensing Fee") or group not in (None, "GPU") or not (group or _OF_GPU.search(what)):
            continue
        # The latest of its prices; a price from some use on is none of the first hour.
        told = objects(inside(sku, "pricingInfo"))
        expression = inside(told[-1], "pricingExpression") if told else None
        tiers = [t for t in objects(inside(expression, "tieredRates")) if not t.get("startUsageAmount")]
        price = inside(tiers[0], "unitPrice") if tiers else None
        units, nanos = inside(price, "units"), inside(price, "nanos")
        yield (
            _text(inside(sku, "skuId")),
            what,
            texts(inside(sku, "serviceRegions")) or None,
            _text(inside(expression, "usageUnit")),
            _text(inside(price, "currencyCode")),
            # Either may be left out where it is zero.
            _NO_PRICE if not isinstance(price, dict) else None if units is None else str(units),
            None if nanos is None else number_or_nan(nanos),
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _described(skus: pl.DataFrame) -> pl.DataFrame:
    """SKUs with what their descriptions say: option (null for none that is kept), variant, name and place; and `amount`, USD."""
    what = pl.col("description")
    amount = pl.col("units").fill_null("0").cast(pl.Float64, strict=False) + pl.col("nanos").fill_null(0) / 1e9
    return skus.with_columns(
        pl.when(pl.col("units").is_not_null() | pl.col("nanos").is_not_null())
        .then(amount)
        .otherwise(0.0)
        .alias("amount"),
        pl.when(what.str.contains("Preemptible", literal=True))
        .then(pl.lit("spot"))
        .when(what.str.contains(r"^Commitment v\d+:.* for 1 Years?$"))
        .then(pl.lit("reserved_1y"))
        .when(what.str.contains(r"^Commitment v\d+:.* for 3 Years?$"))
        .then(pl.lit("reserved_3y"))
        .when(what.str.contains("Calendar Mode|DWS Defined Duration"))
        .then(pl.lit("capacity_block"))
        .when(~what.str.contains(r"^(?:Commitment|Reserved)\b"))
        .then(pl.lit("on_demand"))
        .alias("option"),
        pl.when(what.str.contains("Calendar Mode", literal=True))
        .then(pl.lit("calendar_mode"))
        .when(what.str.contains("DWS Defined Duration", literal=True))
        .then(pl.lit("dws_defined_duration"))
        .otherwise(pl.lit(""))
        .alias("variant"),
        what.str.replace(_BOUGHT, "").str.extract(_NAME).alias("name"),
        what.str.extract(r"\b(?:running )?in (.+?)(?: for \d Years?| in Calendar Mode)?$").alias("place"),
    )


def parse(documents: Sequence[Document]) -> Reading:
    """Hourly price of one GPU by region and way of buying."""
    pages = [_skus(document) for document in documents]
    parts = [
        pl.DataFrame(list(_rows(page)), schema=_SCHEMA, orient="row").with_columns(pl.lit(n).alias("document"))
        for n, page in enumerate(pages)
    ]
    what = pl.col("description")
    skus = pl.concat(parts)
    if skus.height and skus["units"].eq_missing(_NO_PRICE).all():
        raise LayoutError(f"{documents[0].url}: no SKU has a pricingExpression with a unitPrice (renamed?)")
    frame = _described(skus)
    # Reservations that are none of the above bill unused capacity at the price of use: another view of the same thing.
    of_a_term = what.str.contains(r"^Commitment\b")
    frame = frame.filter(
        (pl.col("option").is_not_null() | of_a_term) & (pl.col("amount").is_null() | (pl.col("amount") != 0))
    )
    sliced = what.str.extract(r"\(([^()]*) gpu slices?\)").fill_null("1") != "1"
    good_unit = pl.col("unit") == "h"
    why = (
        pl.when(pl.col("option").is_null())
        .then(pl.lit("a commitment of a term that is not known"))
        .when(sliced)
        .then(pl.lit("the price of a part of a GPU, or of several"))
        .otherwise(pl.lit("no positive price per hour of a GPU that is named"))
    )
    is_named = pl.col("name").is_not_null() & pl.col("option").is_not_null() & ~sliced
    is_price = (pl.col("amount") > 0).fill_null(value=False) & good_unit & is_named
    bad, good = frame.filter(~is_price), frame.filter(is_price)
    place = pl.col("place").replace_strict(REGION_OF_PLACE, default=pl.col("place"), return_dtype=pl.String)
    offers = cloud_rates(
        good.explode("regions"),
        provider="gcp",
        region=pl.coalesce("regions", place, pl.lit("unknown")),
        instance_type=pl.col("name"),
        purchase_option=pl.col("option"),
        price_component=pl.when(pl.col("description").str.contains(_WITH_HOST, literal=True))
        .then(pl.lit("instance"))
        .otherwise(pl.lit("accelerator")),
        offer_variant=pl.col("variant"),
        # Without the series of machines that it is sold in.
        accelerator_name=pl.col("name").str.replace(r"^A\d[A-Z]? ", ""),
        accelerator_count=1.0,
        accelerator_memory_gib=pl.col("name").str.extract(r"\b(\d+)GB\b"),
        price_amount_per_hour=pl.col("amount"),
        currency_code=pl.col("currency"),
    ).unique(subset=pl.exclude("document"), keep="first", maintain_order=True)
    from_catalog = all(d.url.startswith(URL) for d in documents)
    return Reading(
        [Scope("gcp", offers, is_complete=from_catalog)],
        refused(
            bad.drop("amount", "regions"),
            bad.select(why).to_series(),
            bad.select(
                pl.col("name").alias("instance_type"),
                pl.col("option").alias("purchase_option"),
                pl.col("variant").alias("offer_variant"),
            ),
        ),
    ).refusing(pl.concat([not_objects(page, document=n) for n, page in enumerate(pages)]))


GCP_SKUS = Source(
    source_id="gcp_skus",
    subject="cloud_rate",
    title="Google Cloud Billing catalog",
    homepage_url="https://cloud.google.com/skus",
    licence="Google Cloud terms; list prices",
    attribution="Google Cloud",
    parse=parse,
    plan=plan,
    follow=follow,
    hosts=(HOST,),
    cadence="10 5 * * *",
    changes_within_days=90,
    key_name=KEY_NAME,
    parser_version=5,
)
