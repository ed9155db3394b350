"""Nord Pool data portal: day-ahead prices by delivery area, as a person with access downloads them.

Quirks: the same day comes in two shapes. One is a list of areas, each with its prices; the other a list of slots, each
with a price per area (`multiAreaEntries`; `multiIndexEntries` where hours are asked of a day of quarter-hours), beside
one currency and the state of each area. The second names no unit: the portal's prices are per MWh. A slot lies between
`deliveryStart` and `deliveryEnd` (UTC): an hour until 30 September 2025, a quarter-hour since. Days are Central
European, so they begin at 22:00 or 23:00 UTC. Prices that are not `Final` may change and are refused. Great Britain
(UK) has an auction of its own, in pounds (N2EX_DayAhead, hours). The four German grid areas have the price of the zone.
Nord Pool's data are not open: the terms of the account apply.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from assets.sources._base import LayoutError, Reading, Scope, Source, json_of, refused, split_by_fault, to_instant
from assets.sources._rows import NUMBER_OR_NAN, electricity_price_rows, frame_of, inside, objects, texts
from warehouse.captures import Document

#: Delivery area -> grid zone.
ZONES = {
    **{code: code for code in ("AT", "BE", "BG", "EE", "FI", "FR", "LT", "LV", "NL", "PL")},
    **dict.fromkeys(("GER", "50Hz", "AMP", "TBW", "TTG"), "DE-LU"),
    "TEL": "RO",
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
#: The lists of slots of an answer that is not by area.
_BY_SLOT = ("multiAreaEntries", "multiIndexEntries")


def _from_areas(areas: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Prices of areas that each have a list of them; an area without is one row without a price."""
    for area in objects(areas):
        of_area = {"area": area.get("deliveryArea")} | {name: area.get(name) for name in _OF_AREA}
        prices = area.get("prices")
        for price in objects(prices) if isinstance(prices, list) else [{}]:
            yield {name: price.get(name) for name in ("deliveryStart", "deliveryEnd", "price")} | of_area


def _from_slots(answer: dict[str, Any], slots: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Prices of slots that each have one per area; a slot without is one row without a price."""
    currency = answer.get("currency")
    unit = f"{currency}/MWh" if isinstance(currency, str) else None
    states = {
        area: state.get("state") for state in objects(answer.get("areaStates")) for area in texts(state.get("areas"))
    }
    for slot in objects(slots):
        prices = slot.get("entryPerArea")
        for area, price in prices.items() if isinstance(prices, dict) and prices else [(None, None)]:
            yield {
                "area": area,
                "unit": unit,
                "currency": currency,
                "status": states.get(area),
                "market": answer.get("market"),
                "deliveryStart": slot.get("deliveryStart") if area else None,
                "deliveryEnd": slot.get("deliveryEnd"),
                "price": price,
            }


def _prices(document: Document) -> pl.DataFrame:
    """One row per area and slot, as text (`_TEXT`) and price.

    Raises:
        LayoutError: if the answer has neither shape.
    """
    body = json_of(document)
    parts: list[dict[str, Any]] = []
    others = []
    for answer in body if isinstance(body, list) else [body]:
        by_slot = next((inside(answer, name) for name in _BY_SLOT if isinstance(inside(answer, name), list)), None)
        if by_slot is not None:
            parts += _from_slots(answer, by_slot)
        else:
            others.append(answer)
    if not parts and not any(isinstance(inside(area, "prices"), list) for area in others):
        raise LayoutError(f"{document.url}: expected areas with `prices`, or slots (`{_BY_SLOT[0]}`)")
    parts += _from_areas(others)
    if not parts:
        raise LayoutError(f"{document.url}: no price")
    return frame_of(parts, {**dict.fromkeys(_TEXT, pl.String), "price": NUMBER_OR_NAN})


def parse(documents: Sequence[Document]) -> Reading:
    """One price per area and slot."""
    (document,) = documents
    rows = _prices(document)
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
        pl.when(pl.col("area").is_null())
        .then(pl.lit("no delivery area is named"))
        .when(~is_day_ahead)
        .then(pl.lit("another market than a day-ahead auction of this area"))
        .when(pl.col("zone").is_null())
        .then(pl.lit("a delivery area that Petaday does not know"))
        .when(pl.col("status").ne_missing("Final"))
        .then(pl.lit("the price is not final"))
        .when(pl.col("unit").ne_missing(pl.col("currency") + "/MWh"))
        .then(pl.lit("the unit is not the currency per MWh"))
        .when(pl.col("resolution").is_null())
        .then(pl.lit("the slot, or the list of prices, cannot be read"))
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
    parser_version=5,
    stale_after_days=400.0,
)
