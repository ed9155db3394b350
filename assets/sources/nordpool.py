"""Nord Pool data portal: day-ahead prices by delivery area, as a person with access downloads them.

Quirks: a list of areas, each with prices between `deliveryStart` and `deliveryEnd` (UTC): hours until 30 September
2025, quarter-hours since. Days are Central European, so they begin at 22:00 or 23:00 UTC. Prices that are not `Final`
may change and are refused. Great Britain (UK) has an auction of its own, in pounds (N2EX_DayAhead, hours). Nord Pool's
data are not open: the terms of the account apply.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Scope, Source, json_of, refused, split_by_fault, to_instant
from assets.sources._rows import NUMBER_OR_NAN, electricity_price_rows, frame_of, inside
from warehouse.captures import Document

#: Delivery area -> grid zone.
ZONES = {
    **{code: code for code in ("AT", "BE", "EE", "FI", "FR", "LT", "LV", "NL", "PL")},
    "GER": "DE-LU",
    "UK": "GB",
    "DK1": "DK-DK1",
    "DK2": "DK-DK2",
    **{f"NO{n}": f"NO-NO{n}" for n in range(1, 6)},
    **{f"SE{n}": f"SE-SE{n}" for n in range(1, 5)},
}
#: Day-ahead auctions, and the areas that they are for where these are not all.
_MARKETS = {"DayAhead": (), "N2EX_DayAhead": ("UK",)}
_LENGTHS = {15: "PT15M", 30: "PT30M", 60: "PT1H"}
_OF_AREA = ("unit", "currency", "status", "market")
_TEXT = ("area", *_OF_AREA, "deliveryStart", "deliveryEnd")


def parse(documents: Sequence[Document]) -> Reading:
    """One price per area and slot."""
    (document,) = documents
    body = json_of(document)
    areas = body if isinstance(body, list) else [body]
    if not areas or not all(isinstance(a, dict) and isinstance(a.get("prices"), list) for a in areas):
        raise LayoutError(f"{document.url}: expected areas with `prices`")
    rows = frame_of(
        [
            {name: inside(price, name) for name in ("deliveryStart", "deliveryEnd", "price")}
            | {"area": area.get("deliveryArea")}
            | {name: area.get(name) for name in _OF_AREA}
            for area in areas
            for price in area["prices"]
        ],
        {**dict.fromkeys(_TEXT, pl.String), "price": NUMBER_OR_NAN},
    )
    if rows.is_empty():
        raise LayoutError(f"{document.url}: no price")
    start, end = (to_instant(c, "%Y-%m-%dT%H:%M:%SZ") for c in ("deliveryStart", "deliveryEnd"))
    minutes = (end - start).dt.total_minutes()
    # A slot without a price is not priced yet; what has no slot either is told.
    rows = rows.filter(pl.col("price").is_not_null() | pl.col("deliveryStart").is_null()).with_columns(
        start.alias("valid_from"),
        minutes.replace_strict(_LENGTHS, default=None, return_dtype=pl.String).alias("resolution"),
        pl.col("area").replace_strict(ZONES, default=None, return_dtype=pl.String).alias("zone"),
    )
    is_day_ahead = pl.any_horizontal(
        (pl.col("market") == market) & (pl.col("area").is_in(areas) if areas else pl.col("area") != "UK")
        for market, areas in _MARKETS.items()
    ).fill_null(value=False)
    why = (
        pl.when(~is_day_ahead)
        .then(pl.lit("another market than a day-ahead auction of this area"))
        .when(pl.col("zone").is_null())
        .then(pl.lit("a delivery area that Petaday does not know"))
        .when(pl.col("status").ne_missing("Final"))
        .then(pl.lit("the price is not final"))
        .when(pl.col("unit").ne_missing(pl.col("currency") + "/MWh"))
        .then(pl.lit("the unit is not the currency per MWh"))
        .when(pl.col("resolution").is_null())
        .then(pl.lit("the slot cannot be read"))
    )
    good, bad = split_by_fault(rows, why)
    frame = electricity_price_rows(
        good, market="day_ahead", currency_code=pl.col("currency"), price_amount_per_mwh=pl.col("price")
    )
    return Reading([Scope("nordpool", frame)], refused(bad.select(*_TEXT, "price", "why"), pl.col("why")))


NORDPOOL = Source(
    source_id="nordpool",
    subject="electricity_price",
    title="Nord Pool day-ahead prices (by hand)",
    homepage_url="https://data.nordpoolgroup.com/",
    licence="Nord Pool terms, not open",
    attribution="Nord Pool",
    parse=parse,
    parser_version=4,
    stale_after_days=400.0,
)
