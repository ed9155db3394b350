"""Oracle Cloud shapes: what a whole GPU machine costs, from the shapes of the cost estimator and the price list together.

The estimator's `shapes.json` says which product a shape is billed by and how many GPUs it has; the price list says what
that product costs per GPU-hour. A shape's price is the one times the other, host included, in every region. Where
`allowPreemptible` is true the shape is also sold as spot: Oracle's documentation sets preemptible capacity at half of
the price on demand, always.

Quirks: the quantity beside the product is of OCPUs, not of GPUs; `gpuMemoryQty` is of all GPUs for most shapes and of
one for others, so it is not read; names carry remarks ("BM.GPU.GB200.4 (NVL72)"); shapes may be hidden or retired.
A shape that no "GPU Per Hour" product bills, or several do, has no known price and is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, json_of, refused, require_columns
from assets.sources._rows import cloud_rates, frame_of, inside, json_list, objects
from assets.sources.oci import HOST as LIST_HOST
from assets.sources.oci import URL as LIST_URL
from assets.sources.oci import accelerator_name, gpu_prices
from warehouse.captures import Document

HOST = "www.oracle.com"
URL = f"https://{HOST}/a/ocom/docs/cloudestimator2/data/shapes.json"
PREEMPTIBLE_SHARE = 0.5
_SCHEMA = {
    "name": pl.String,
    "status": pl.String,
    "hidden": pl.Boolean,
    "allowPreemptible": pl.Boolean,
    "gpuQty": pl.Float64,
    "bundleMemoryQty": pl.Float64,
}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The price list and the shapes, read together."""
    yield [Request(LIST_URL, params={"currencyCode": "USD"}), Request(URL)]


def _shapes(document: Document) -> pl.DataFrame:
    items = objects(json_list(document, "items"))
    require_columns(document, sorted({k for i in items for k in i}), ("name", "gpuQty", "products"))
    parts = [[str(inside(p, "partNumber")) for p in i.get("products") or []] for i in items]
    return frame_of(items, _SCHEMA).with_columns(pl.Series("part", parts, dtype=pl.List(pl.String)))


def _is_shapes(document: Document) -> bool:
    items = inside(json_of(document), "items")
    return bool(items) and isinstance(items, list) and isinstance(items[0], dict) and "gpuQty" in items[0]


def _shape(column: str) -> pl.Expr:
    """A shape's name without what stands behind it in brackets."""
    return pl.col(column).str.replace(r"\s*\(.*\)\s*$", "")


def parse(documents: Sequence[Document]) -> Reading:
    """One row per shape with GPUs, and one more where it is sold as preemptible."""
    found = {_is_shapes(document): n for n, document in enumerate(documents)}
    if True not in found:
        raise LayoutError(f"{documents[-1].url}: no list of shapes: gpuQty is in none of the items (renamed?)")
    if False not in found:
        raise LayoutError(f"{documents[0].url}: shapes without the price list beside them: they state no price")
    prices = gpu_prices(documents[found[False]]).filter(pl.col("why").is_null()).drop("why")
    shapes = (
        _shapes(documents[found[True]])
        .filter(
            (pl.col("gpuQty") > 0).fill_null(value=False)
            & (pl.col("status").fill_null("ACTIVE") == "ACTIVE")
            & ~pl.col("hidden").fill_null(value=False)
        )
        .with_row_index("shape")
    )
    if shapes.is_empty():
        raise LayoutError(f"{documents[found[True]].url}: no shape has GPUs (renamed?)")
    billed = shapes.explode("part").join(prices.rename({"name": "product"}), on="part", how="inner")
    billed = billed.filter(pl.len().over("shape") == 1).rename({"name": "type", "product": "name"})
    unpriced = shapes.join(billed, on="shape", how="anti").drop("shape")
    sold = pl.concat(
        [
            billed.with_columns(pl.lit("on_demand").alias("option"), pl.lit(1.0).alias("share")),
            billed.filter("allowPreemptible").with_columns(
                pl.lit("spot").alias("option"), pl.lit(PREEMPTIBLE_SHARE).alias("share")
            ),
        ]
    ).with_columns(pl.lit(found[True]).alias("document"))
    offers = cloud_rates(
        sold,
        provider="oci",
        instance_type=_shape("type"),
        purchase_option=pl.col("option"),
        accelerator_name=accelerator_name(),
        accelerator_count=pl.col("gpuQty"),
        memory_gib=pl.col("bundleMemoryQty"),
        price_amount_per_hour=pl.col("value") * pl.col("gpuQty") * pl.col("share"),
        currency_code=pl.col("currency"),
    )
    why = "no product sold by the GPU-hour bills this shape, or several do: its price is unknown"
    rejected = refused(
        unpriced.with_columns(pl.lit(found[True]).alias("document")),
        why,
        unpriced.select(_shape("name").alias("instance_type")),
    )
    return Reading([Scope("oci_shapes", offers, is_complete=True)], rejected)


OCI_SHAPES = Source(
    source_id="oci_shapes",
    subject="cloud_rate",
    title="Oracle Cloud GPU shapes",
    homepage_url="https://www.oracle.com/cloud/costestimator.html",
    licence="not stated; list prices published by Oracle",
    attribution="Oracle",
    parse=parse,
    plan=plan,
    hosts=(HOST, LIST_HOST),
    cadence="25 7 * * *",
    changes_within_days=365,
)
