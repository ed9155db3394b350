"""Oracle Cloud price list: accelerators by the GPU-hour, one price for all regions.

Quirks: only the metric "GPU Per Hour" is a rate of a GPU; nodes of the VMware service and appliances by the day are
not. Oracle's bare-metal and VM shapes are sold by the GPU with host included, so a row is an offer of one GPU of a
shape family; how many GPUs a shape has is not in the list (see oci_shapes). Cloud@Customer stands in the customer's own
building and is left out. Where a list has several currencies, USD counts. A product may have several price models or
tiers: the one that begins at zero is the list price. Preemptible capacity costs half by Oracle's published rule, but
the list has no row for it, so none is made up. A product whose name says a commitment or a reservation, and one that is
not sold as one goes, is refused. The oldest files have `prices` without `currencyCodeLocalizations` and no
`lastUpdated`, which is of the file, not of a price.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
from assets.sources._rows import cloud_rates, inside, not_objects, number_of, objects
from warehouse.captures import Document

HOST = "apexapps.oracle.com"
URL = f"https://{HOST}/pls/apex/cetools/api/v1/products/"
_METRIC = "GPU Per Hour"
_CATEGORY = "Compute - GPU"
_LIST_MODEL = "PAY_AS_YOU_GO"
#: Of a product that is bought in another way than by the hour, at will.
_OTHERWISE = r"(?i)\bcommit|\breserv|\bpre-?empt|\bupfront\b|\bcloud@customer\b"
_SCHEMA = {
    "part": pl.String,
    "name": pl.String,
    "category": pl.String,
    "metric": pl.String,
    "currency": pl.String,
    "model": pl.String,
    "from_units": pl.Float64,
    "value": pl.Float64,
}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The whole list in USD."""
    yield [Request(URL, params={"currencyCode": "USD"})]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _prices(product: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    localizations = [p for p in objects(product.get("currencyCodeLocalizations")) if p] or [
        {"currencyCode": "USD", "prices": product.get("prices")}
    ]
    # The same list price in several currencies, where a call did not name one.
    in_usd = [p for p in localizations if p.get("currencyCode") == "USD"]
    for local in in_usd or localizations:
        for price in [p for p in objects(local.get("prices")) if p] or [{"model": _LIST_MODEL}]:
            yield (
                _text(product.get("partNumber")),
                _text(product.get("displayName")),
                _text(product.get("serviceCategory")),
                _text(product.get("metricName")),
                _text(local.get("currencyCode")),
                _text(price.get("model")),
                number_of(price.get("rangeMin")) or 0.0,
                number_of(price.get("value")),
            )


def gpu_prices(document: Document) -> pl.DataFrame:
    """Prices of GPU-hours in the columns of `_SCHEMA`, and `why` one is no list price; null for those that are.

    Raises:
        LayoutError: if it is no price list, or lists no GPU.
    """
    value = json_of(document)
    if not isinstance(value, dict) or not isinstance(value.get("items"), list):
        raise LayoutError(f"{document.url}: items is missing (renamed?)")
    products = objects(value["items"])
    if not any(p.get("metricName") == _METRIC for p in products):
        raise LayoutError(f"{document.url}: no product is sold by {_METRIC!r} (renamed?)")
    wanted = [
        p for p in products if p.get("metricName") == _METRIC or str(p.get("serviceCategory")).startswith(_CATEGORY)
    ]
    require_columns(document, sorted({k for p in wanted for k in p}), ("partNumber", "displayName"))
    frame = pl.DataFrame([row for p in wanted for row in _prices(p)], schema=_SCHEMA, orient="row", strict=False)
    is_listed = ((pl.col("model") == _LIST_MODEL) & (pl.col("from_units") == 0)).fill_null(value=False)
    why = (
        pl.when(pl.col("name").str.contains(_OTHERWISE))
        .then(pl.lit("bought under a commitment or in advance, which the list tells in the name alone"))
        .when((pl.col("metric") != _METRIC).fill_null(value=True))
        .then(pl.format("sold by another unit than {}: {}", pl.lit(_METRIC), pl.col("metric").fill_null("none")))
        .when(~is_listed)
        .then(pl.lit("no price as one goes that begins with the first hour"))
        .when(~(pl.col("value") > 0).fill_null(value=False))
        .then(pl.lit("value is not a positive number"))
    )
    # A product that has a list price may have others beside it.
    return (
        frame.filter(pl.col("category").str.starts_with(_CATEGORY).fill_null(value=True))
        .with_columns(why.alias("why"))
        .filter(is_listed | ~is_listed.any().over("part"))
    )


def accelerator_name() -> pl.Expr:
    """The accelerator in a product's name; X7, V2, E3 and E4 name a generation of hosts, not an accelerator."""
    return pl.when(~pl.col("name").str.contains(r"-\s*[XVE]\d\s*$")).then(
        pl.col("name").str.extract(r"GPU(?: Standard)?\s*-\s*(.+?)(?:\s*-\s*v\d)?\s*$")
    )


def parse(documents: Sequence[Document]) -> Reading:
    """One row per GPU product, pay as you go."""
    (document,) = documents
    frame = gpu_prices(document)
    good, bad = split_by_fault(frame, pl.col("why"))
    offers = cloud_rates(
        good,
        provider="oci",
        # The name in front of "Compute" was changed over the years.
        instance_type=pl.col("name")
        .str.replace(r"^(?:OCI|Oracle Cloud Infrastructure)\s*-\s*", "")
        .str.replace_all(r"\s+", " ")
        .str.strip_chars(),
        # Two products may have one name.
        offer_variant=pl.col("part"),
        accelerator_name=accelerator_name(),
        accelerator_count=1.0,
        price_amount_per_hour=pl.col("value"),
        currency_code=pl.col("currency"),
    )
    rejected = refused(bad.drop("why"), bad["why"], offer_variant=pl.col("part"))
    strange = not_objects(inside(json_of(document), "items"))
    return Reading([Scope("oci", offers, is_complete=True)], rejected).refusing(strange)


OCI = Source(
    source_id="oci",
    subject="cloud_rate",
    title="Oracle Cloud price list",
    homepage_url="https://www.oracle.com/cloud/price-list/",
    licence="not stated; list prices published by Oracle",
    attribution="Oracle",
    parse=parse,
    parser_version=5,
    plan=plan,
    hosts=(HOST,),
    cadence="20 7 * * *",
    changes_within_days=365,
)
