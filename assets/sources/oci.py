"""Oracle Cloud price list: accelerators by the GPU-hour, one price for all regions.

Quirks: only the metric "GPU Per Hour" is a rate of a GPU; nodes of the VMware service and appliances by the day are
not. Oracle's bare-metal and VM shapes are sold by the GPU with host included, so a row is an offer of one GPU of a
shape family; how many GPUs a shape has is not in the list. Cloud@Customer stands in the customer's own building and is
left out. A product may have several price models or tiers: the one that begins at zero is the list price. Preemptible
capacity costs half by Oracle's published rule, but the list has no row for it, so none is made up. The oldest files
have `prices` without `currencyCodeLocalizations` and no `lastUpdated`, which is of the file, not of a price.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, json_of, refused
from warehouse.captures import Document

HOST = "apexapps.oracle.com"
URL = f"https://{HOST}/pls/apex/cetools/api/v1/products/"
_METRIC = "GPU Per Hour"
_SCHEMA = {
    "part": pl.String,
    "name": pl.String,
    "category": pl.String,
    "currency": pl.String,
    "model": pl.String,
    "from_units": pl.Float64,
    "value": pl.Float64,
}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The whole list in USD."""
    yield [Request(URL, params={"currencyCode": "USD"})]


def _prices(product: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    localizations: list[dict[str, Any]] = product.get("currencyCodeLocalizations") or [
        {"currencyCode": "USD", "prices": product["prices"]}
    ]
    for local in localizations:
        for price in local["prices"]:
            value = price.get("value")
            yield (
                product["partNumber"],
                product["displayName"],
                product.get("serviceCategory"),
                local["currencyCode"],
                price["model"],
                price.get("rangeMin") or 0.0,
                value if isinstance(value, int | float) else None,
            )


def parse(documents: Sequence[Document]) -> Reading:
    """One row per GPU product, pay as you go."""
    (document,) = documents
    value = json_of(document)
    if not isinstance(value, dict) or not isinstance(value.get("items"), list):
        raise LayoutError(f"{document.url}: items is missing (renamed?)")
    wanted = [p for p in value["items"] if p["metricName"] == _METRIC]
    if not wanted:
        raise LayoutError(f"{document.url}: no product is sold by {_METRIC!r} (renamed?)")
    frame = pl.DataFrame(
        [row for p in wanted for row in _prices(p)], schema=_SCHEMA, orient="row", strict=False
    ).filter(
        pl.col("category").str.starts_with("Compute - GPU").fill_null(value=True)
        & (pl.col("model") == "PAY_AS_YOU_GO")
        & (pl.col("from_units") == 0)
    )
    is_price = (pl.col("value") > 0).fill_null(value=False)
    bad, good = frame.filter(~is_price), frame.filter(is_price)
    offers = good.select(
        pl.lit("oci").alias("provider"),
        pl.lit("global").alias("region"),
        # The name in front of "Compute" was changed over the years.
        pl.col("name")
        .str.replace(r"^(?:OCI|Oracle Cloud Infrastructure)\s*-\s*", "")
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
        .alias("instance_type"),
        pl.lit("on_demand").alias("purchase_option"),
        pl.lit("instance").alias("price_component"),
        # Two products may have one name.
        pl.col("part").alias("offer_variant"),
        # X7, V2, E3 and E4 name a generation of hosts, not an accelerator.
        pl.when(~pl.col("name").str.contains(r"-\s*[XVE]\d\s*$"))
        .then(pl.col("name").str.extract(r"GPU(?: Standard)?\s*-\s*(.+?)(?:\s*-\s*v\d)?\s*$"))
        .alias("accelerator_name"),
        pl.lit(1.0).alias("accelerator_count"),
        pl.lit(None, dtype=pl.Float64).alias("accelerator_memory_gib"),
        pl.lit(None, dtype=pl.Float64).alias("vcpu_count"),
        pl.lit(None, dtype=pl.Float64).alias("memory_gib"),
        pl.col("value").cast(pl.Float64).alias("price_amount_per_hour"),
        pl.col("currency").alias("currency_code"),
    )
    return Reading(
        [Scope("oci", offers, is_complete=True)], refused(bad, "value is no positive number") if bad.height else None
    )


OCI = Source(
    source_id="oci",
    subject="cloud_rate",
    title="Oracle Cloud price list",
    homepage_url="https://www.oracle.com/cloud/price-list/",
    licence="not stated; list prices published by Oracle",
    attribution="Oracle",
    parse=parse,
    plan=plan,
    hosts=(HOST,),
    cadence="20 7 * * *",
)
