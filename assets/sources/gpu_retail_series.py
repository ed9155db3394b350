"""Recorded series of card prices, kept by people in public repositories; one source per series.

Only PCPartPicker is still asked for over the net; the others ended, or went silent while their commits went on (United
Compute emptied its files in August 2025), and are loaded as files. Quirks, by series:

- PCPartPicker: USD unsaid; four of five rows have no price (not offered); names repeat: the model is told apart by its
  memory, colour, length and clocks, and of what is still alike the lowest price counts. No date inside: the one in the
  file's name, if there is one, else the time of fetching.
- United Compute: one file per card, times without a zone (read as UTC); an emptied file is a failed capture.
- idealo: EUR, lowest price of the day; one entry is the 1080 Ti once more, filed as a GTX 1080: refused.
- eBay (Tom's Hardware): average of the month's sales, '$2,300', month names; a dash is a month without a sale.
- CSim-07: monthly, m/d/yyyy, retail and used.
- Australian shops: one card, AUD; more than half the days are null.
- Russian shops: RUB; Cyrillic notes say used and restored; one name stands for several cards of a vendor: the lowest
  price counts. Video wall adapters (Matrox) are no accelerators.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    csv_rows,
    json_of,
    made_at,
    refused,
    require_columns,
    to_dollars,
    to_instant,
    to_number,
)
from assets.sources._rows import frame_of, inside, objects
from assets.sources.gpu_retail import gpu_in
from warehouse.captures import Document

HOST = "raw.githubusercontent.com"
_AU_CARD = "MSI GeForce RTX 5070 Ti INSPIRE 3X OC"
_COLUMNS: dict[str, Any] = {
    "seller": pl.String,
    "product": pl.String,
    "product_code": pl.String,
    "price_kind": pl.String,
    "accelerator_name": pl.String,
    "accelerator_memory_gib": pl.Float64,
    "is_in_stock": pl.Boolean,
    "price_amount": pl.Float64,
    "currency_code": pl.String,
    "valid_from": pl.Datetime("us", "UTC"),
}
_KEY = ("seller", "product", "product_code", "price_kind", "valid_from")


def _reading(
    document: Document,
    scope: str,
    frame: pl.DataFrame,
    bad: pl.DataFrame,
    reason: str | pl.Expr,
    *,
    is_complete: bool = False,
    product: pl.Expr | None = None,
    overlong: pl.DataFrame | None = None,
) -> Reading:
    """Rows of one series; columns it does not have are null, and of rows alike in the key the lowest price counts.

    `product` names the product of a refused row, where the series is a complete list; `overlong` are rows that are
    refused already.
    """
    if frame.is_empty():
        raise LayoutError(f"{document.url}: no price in the series (emptied?)")
    rows = frame.select(
        (pl.col(c) if c in frame.columns else pl.lit("" if c == "product_code" else None)).cast(t).alias(c)
        for c, t in _COLUMNS.items()
    )
    rows = rows.sort("price_amount").unique(subset=list(_KEY), keep="first", maintain_order=True).sort(*_KEY)
    key = {} if product is None else {"product": product}
    parts = [refused(bad, reason, **key), *([] if overlong is None else [overlong])]
    return Reading([Scope(scope, rows, is_complete)], pl.concat(parts, how="diagonal"))


def _entries(document: Document, values: object, required: Sequence[str]) -> list[dict[str, Any]]:
    """The entries of a JSON list; what is no object is an entry without fields.

    Raises:
        LayoutError: if it is no list, is empty, or no entry has a required field.
    """
    if not isinstance(values, list) or not values:
        raise LayoutError(f"{document.url}: no list of prices, or an empty one")
    entries = objects(values)
    require_columns(document, sorted({name for e in entries for name in e}), required)
    return entries


def _priced(entries: Sequence[dict[str, Any]], texts: Sequence[str], price: str, thing: str) -> pl.DataFrame:
    """Columns `texts` of entries, and their price as a number (null where it is none).

    An entry without a price says that there was none; one that does not say of what (no `thing`) is kept, to be refused.
    """
    frame = frame_of(entries, dict.fromkeys((*texts, price), pl.String))
    frame = frame.filter(pl.col(price).is_not_null() | pl.col(thing).is_null())
    return frame.with_columns(to_dollars(price))


def _why(price: str, form: str) -> pl.Expr:
    """Why a row without a sound `price` and `valid_from` is refused."""
    return (
        pl.when(pl.col("valid_from").is_null())
        .then(pl.lit(f"the date is missing, or not in the form of {form}"))
        .when(pl.col(price).is_null() | pl.col(price).is_nan())
        .then(pl.lit("the price is missing, or not a number"))
        .otherwise(pl.lit("the price is zero or negative: not a price"))
    )


def _positive(column: str) -> pl.Expr:
    return (pl.col(column) > 0).fill_null(value=False)


def _memory_in(column: str) -> pl.Expr:
    """Memory that a name states ('... 12GB'); null if it states none."""
    return pl.col(column).str.extract(r"(?i)\b(\d{1,3})\s*GB?\b").cast(pl.Float64)


# PCPartPicker -----------------------------------------------------------------------------------------------------------


def plan_pcpartpicker(window: Window) -> Iterable[Sequence[Request]]:
    """The table of video cards; no past days."""
    yield [Request(f"https://{HOST}/docyx/pc-part-dataset/main/data/csv/video-card.csv", extension="csv")]


def parse_pcpartpicker(documents: Sequence[Document]) -> Reading:
    """One row per card with a price."""
    (document,) = documents
    fields = ("name", "price", "chipset", "memory", "core_clock", "boost_clock", "color", "length")
    overlong = None
    if "json" in document.url.rsplit("/", 1)[-1]:
        raw = frame_of(_entries(document, json_of(document), fields[:4]), dict.fromkeys(fields, pl.String))
    else:
        raw, overlong = csv_rows(document, fields, may_be_short=True)
    raw = raw.filter(pl.col("price").is_not_null() | pl.col("name").is_null())
    raw = raw.with_columns(to_dollars("price").alias("amount"))
    sound = _positive("amount") & pl.col("name").is_not_null() & pl.col("chipset").is_not_null()
    told_apart = ("memory", "color", "length", "core_clock", "boost_clock")
    made, is_fresh = made_at(document)
    product = pl.concat_str("name", "chipset", separator=" | ")
    rows = raw.filter(sound).select(
        pl.lit("pcpartpicker").alias("seller"),
        product.alias("product"),
        # The JSON file writes 12, later files 12 or 12.0 for one and the same card.
        pl.concat_str([pl.col(c).fill_null("").str.strip_suffix(".0") for c in told_apart], separator="|").alias(
            "product_code"
        ),
        pl.lit("retail").alias("price_kind"),
        pl.col("chipset").alias("accelerator_name"),
        to_number("memory").alias("accelerator_memory_gib"),
        pl.col("amount").alias("price_amount"),
        pl.lit("USD").alias("currency_code"),
        pl.lit(None if is_fresh else made, dtype=pl.Datetime("us", "UTC")).alias("valid_from"),
    )
    return _reading(
        document,
        "pcpartpicker",
        rows,
        raw.filter(~sound),
        "no name, no chip, or a price that is not above zero",
        is_complete=is_fresh,
        product=product,
        overlong=overlong,
    )


# United Compute ---------------------------------------------------------------------------------------------------------


def parse_united_compute(documents: Sequence[Document]) -> Reading:
    """One row per time at which the card's price was noted."""
    (document,) = documents
    card = json_of(document)
    if not isinstance(card, dict) or not card.get("gpu_name") or not isinstance(card.get("prices"), dict):
        raise LayoutError(f"{document.url}: no gpu_name with prices")
    if not card["prices"]:
        raise LayoutError(f"{document.url}: prices of {card['gpu_name']} are empty: the series was emptied upstream")
    raw = _priced([{"at": k, "price": v} for k, v in card["prices"].items()], ("at",), "price", "at")
    raw = raw.with_columns(to_instant("at", "%Y-%m-%dT%H:%M:%S").alias("valid_from"))
    sound = _positive("price") & pl.col("valid_from").is_not_null()
    name = str(card["gpu_name"])
    rows = raw.filter(sound).select(
        pl.lit("united_compute").alias("seller"),
        pl.lit(name).alias("product"),
        pl.lit("market_low").alias("price_kind"),
        pl.lit(name).alias("accelerator_name"),
        pl.lit(gpu_in(name)[1]).alias("accelerator_memory_gib"),
        pl.col("price").alias("price_amount"),
        pl.lit("USD").alias("currency_code"),
        "valid_from",
    )
    return _reading(document, name, rows, raw.filter(~sound), "no time, or a price that is not above zero")


# idealo -----------------------------------------------------------------------------------------------------------------


def parse_idealo(documents: Sequence[Document]) -> Reading:
    """One row per card and day."""
    (document,) = documents
    cards = _entries(document, json_of(document), ("id", "name", "type", "prices"))
    points = [
        {field: card.get(field) for field in ("id", "name", "type")} | {"day": inside(p, "x"), "price": inside(p, "y")}
        for card in cards
        for p in (card["prices"] if isinstance(card.get("prices"), list) else [None])
    ]
    raw = _priced(points, ("id", "name", "type", "day"), "price", "day")
    raw = raw.with_columns(to_instant("day", "%Y-%m-%d").alias("valid_from"))
    # 'GigaByte GeForce GTX 1080 Ti' filed under 'GeForce GTX 1080': which of the two it prices, the file does not say.
    is_named = pl.col("name").str.to_lowercase().str.ends_with(pl.col("type").str.to_lowercase())
    is_named = (is_named & pl.col("id").is_not_null()).fill_null(value=False)
    sound = _positive("price") & pl.col("valid_from").is_not_null() & is_named
    rows = raw.filter(sound).select(
        pl.lit("idealo").alias("seller"),
        pl.col("name").alias("product"),
        pl.col("id").alias("product_code"),
        pl.lit("market_low").alias("price_kind"),
        pl.col("type").alias("accelerator_name"),
        pl.col("price").alias("price_amount"),
        pl.lit("EUR").alias("currency_code"),
        "valid_from",
    )
    why = (
        pl.when(~is_named)
        .then(pl.lit("name and type of the card differ, or are missing"))
        .otherwise(_why("price", "a day"))
    )
    return _reading(document, "idealo", rows, raw.filter(~sound), why)


# Monthly tables ---------------------------------------------------------------------------------------------------------


def parse_ebay(documents: Sequence[Document]) -> Reading:
    """One row per card and month with a sale."""
    (document,) = documents
    raw, overlong = csv_rows(document, ("GPU", "eBay Price", "QTY Sold", "Month"), may_be_short=True)
    raw = (
        raw.filter(~pl.col("eBay Price").str.contains("^[\\s\u2013\u2014-]*$").fill_null(value=True))
        .with_columns(
            to_dollars("eBay Price").alias("price"),
            pl.concat_str(pl.lit("1 "), pl.col("Month").str.strip_chars()).alias("day"),
        )
        .with_columns(to_instant("day", "%d %B %Y").alias("valid_from"))
    )
    sound = _positive("price") & pl.col("valid_from").is_not_null()
    rows = raw.filter(sound).select(
        pl.lit("ebay").alias("seller"),
        pl.col("GPU").alias("product"),
        pl.lit("market_average").alias("price_kind"),
        pl.col("GPU").alias("accelerator_name"),
        _memory_in("GPU").alias("accelerator_memory_gib"),
        pl.col("price").alias("price_amount"),
        pl.lit("USD").alias("currency_code"),
        "valid_from",
    )
    return _reading(document, "ebay", rows, raw.filter(~sound), _why("price", "a month and a year"), overlong=overlong)


def parse_csim07(documents: Sequence[Document]) -> Reading:
    """One row per card, month and kind (retail, used)."""
    (document,) = documents
    raw, overlong = csv_rows(document, ("Date", "Name", "Retail Price", "Used Price"), may_be_short=True)
    raw = raw.with_columns(to_instant("Date", "%m/%d/%Y").alias("valid_from"))
    long = (
        raw.unpivot(
            ["Retail Price", "Used Price"],
            index=["Date", "Name", "valid_from"],
            variable_name="kind",
            value_name="text",
        )
        .filter(pl.col("text").is_not_null())
        .with_columns(to_dollars("text").alias("price"))
    )
    sound = _positive("price") & pl.col("valid_from").is_not_null() & pl.col("Name").is_not_null()
    rows = long.filter(sound).select(
        pl.lit("csim07").alias("seller"),
        pl.col("Name").alias("product"),
        pl.col("kind").replace_strict({"Retail Price": "retail", "Used Price": "used"}).alias("price_kind"),
        pl.col("Name").alias("accelerator_name"),
        _memory_in("Name").alias("accelerator_memory_gib"),
        pl.col("price").alias("price_amount"),
        pl.lit("USD").alias("currency_code"),
        "valid_from",
    )
    why = pl.when(pl.col("Name").is_null()).then(pl.lit("the name is missing")).otherwise(_why("price", "m/d/yyyy"))
    return _reading(document, "csim07", rows, long.filter(~sound), why, overlong=overlong)


# Australian shops -------------------------------------------------------------------------------------------------------


def parse_au_shops(documents: Sequence[Document]) -> Reading:
    """The history (lowest of all shops per day) or the latest file (one row per shop with a price)."""
    (document,) = documents
    answer = json_of(document)
    if isinstance(answer, list):
        entries = _entries(document, answer, ("date", "lowest_price_aud"))
        raw = _priced(entries, ("date",), "lowest_price_aud", "date").select(
            pl.lit("au_shops").alias("seller"),
            pl.lit(_AU_CARD).alias("product"),
            pl.lit("market_low").alias("price_kind"),
            pl.col("lowest_price_aud").alias("price_amount"),
            to_instant("date", "%Y-%m-%d").alias("valid_from"),
            pl.lit(None, dtype=pl.Boolean).alias("is_in_stock"),
            pl.lit("").alias("product_code"),
        )
    elif isinstance(answer, dict) and isinstance(answer.get("stores"), list) and answer.get("ts"):
        at = _instant_of(document, answer["ts"])
        entries = _entries(document, answer["stores"], ("store", "price_aud"))
        raw = _priced(entries, ("store", "in_stock", "url"), "price_aud", "store").select(
            pl.col("store").alias("seller"),
            pl.lit(str(answer.get("sku") or _AU_CARD)).alias("product"),
            pl.lit("retail").alias("price_kind"),
            pl.col("price_aud").alias("price_amount"),
            pl.lit(at, dtype=pl.Datetime("us", "UTC")).alias("valid_from"),
            pl.col("in_stock")
            .str.to_lowercase()
            .replace_strict({"true": True, "false": False}, default=None)
            .alias("is_in_stock"),
            pl.col("url").str.split("?").list.first().fill_null("").alias("product_code"),
        )
    else:
        raise LayoutError(f"{document.url}: neither the history nor the latest prices of the shops")
    sound = _positive("price_amount") & pl.col("valid_from").is_not_null() & pl.col("seller").is_not_null()
    rows = raw.filter(sound).with_columns(
        pl.lit("GeForce RTX 5070 Ti").alias("accelerator_name"),
        pl.lit(16.0).alias("accelerator_memory_gib"),
        pl.lit("AUD").alias("currency_code"),
    )
    is_unnamed = pl.col("seller").is_null()
    why = pl.when(is_unnamed).then(pl.lit("the shop is missing")).otherwise(_why("price_amount", "a day"))
    return _reading(document, "au_rtx5070ti", rows, raw.filter(~sound), why)


def _instant_of(document: Document, text: object) -> dt.datetime:
    """The time that a file states of itself, in UTC.

    Raises:
        LayoutError: if it is no time, or has no offset.
    """
    try:
        stated = dt.datetime.fromisoformat(str(text))
    except ValueError as e:
        raise LayoutError(f"{document.url}: ts is {text!r}, no time") from e
    if stated.tzinfo is None:
        raise LayoutError(f"{document.url}: ts is {text!r}, a time without an offset")
    return stated.astimezone(dt.UTC)


# Russian shops ----------------------------------------------------------------------------------------------------------


def parse_ru_shops(documents: Sequence[Document]) -> Reading:
    """One row per shop, vendor, name and condition."""
    (document,) = documents
    shops = json_of(document)
    if not isinstance(shops, dict) or not all(isinstance(v, list) for v in shops.values()):
        raise LayoutError(f"{document.url}: not a list of offers per shop")
    fields = ("cardName", "cardArchitecture", "cardSeries", "shopName", "vendorName", "date")
    offers = _entries(document, [o for v in shops.values() for o in v], (*fields, "cardPrice"))
    raw = frame_of(offers, dict.fromkeys((*fields, "cardPrice"), pl.String)).with_columns(to_dollars("cardPrice"))
    raw = raw.filter(pl.col("cardArchitecture").ne_missing("MATROX")).with_columns(
        to_instant("date", "%Y-%m-%d").alias("valid_from")
    )
    is_named = pl.col("cardName").is_not_null() & pl.col("vendorName").is_not_null() & pl.col("shopName").is_not_null()
    sound = _positive("cardPrice") & pl.col("valid_from").is_not_null() & is_named
    # 'B/U' (used) and 'VOSST...' (restored), cut short by the shop at will.
    is_used = pl.col("cardName").str.contains("\u0411/\u0423|\u0412\u041e\u0421\u0421\u0422|\\(\u0412\u041e\u0421")
    series = pl.col("cardSeries").replace(["", "UNKNOWN"], [None, None])
    rows = raw.filter(sound).select(
        pl.col("shopName").str.to_lowercase().alias("seller"),
        pl.concat_str("vendorName", "cardName", separator=" ").alias("product"),
        pl.when(is_used).then(pl.lit("used")).otherwise(pl.lit("retail")).alias("price_kind"),
        series.alias("accelerator_name"),
        pl.col("cardPrice").alias("price_amount"),
        pl.lit("RUB").alias("currency_code"),
        "valid_from",
    )
    why = (
        pl.when(~is_named)
        .then(pl.lit("the name of card, vendor or shop is missing"))
        .otherwise(_why("cardPrice", "a day"))
    )
    return _reading(document, "ru_shops", rows, raw.filter(~sound), why)


# Sources ----------------------------------------------------------------------------------------------------------------

_TERMS: dict[str, Any] = {
    "subject": "gpu_price",
    "parser_version": 2,
    "licence": "prices are facts; terms of the repository named",
}
#: A series that has ended does not go stale.
_ENDED: dict[str, Any] = {**_TERMS, "stale_after_days": 36_500.0}
PCPARTPICKER = Source(
    source_id="pcpartpicker",
    title="PCPartPicker video cards (pc-part-dataset)",
    homepage_url="https://github.com/docyx/pc-part-dataset",
    parse=parse_pcpartpicker,
    plan=plan_pcpartpicker,
    hosts=(HOST,),
    cadence="0 11 * * 1",
    changes_within_days=365,
    extension="csv",
    stale_after_days=400.0,
    **_TERMS,
)
UNITED_COMPUTE = Source(
    source_id="united_compute",
    title="United Compute card prices (to 2025-08)",
    homepage_url="https://github.com/United-Compute/gpu-price-tracker",
    parse=parse_united_compute,
    **_ENDED,
)
IDEALO = Source(
    source_id="idealo",
    title="idealo daily minimum of GTX 10 and RX 500 cards (2017-08 to 2018-02)",
    homepage_url="https://github.com/stekhn/gpu-price-surge-analysis",
    parse=parse_idealo,
    **_ENDED,
)
EBAY_MONTHLY = Source(
    source_id="ebay_monthly",
    title="eBay averages by Tom's Hardware (2021 to 2023)",
    homepage_url="https://github.com/buttke/ebay-2021-2023-gpu-prices",
    parse=parse_ebay,
    extension="csv",
    **_ENDED,
)
CSIM07 = Source(
    source_id="csim07",
    title="GPU Price Database (2022 to 2024)",
    homepage_url="https://github.com/CSim-07/GPU-Price-Database",
    parse=parse_csim07,
    extension="csv",
    **_ENDED,
)
AU_RTX5070TI = Source(
    source_id="au_rtx5070ti",
    title="Australian shops, one RTX 5070 Ti",
    homepage_url="https://github.com/Townie-au/gpu-price-tracker-au",
    parse=parse_au_shops,
    **_ENDED,
)
RU_SHOPS = Source(
    source_id="ru_shops",
    title="Russian shops (2022-11 to 2023-03)",
    homepage_url="https://github.com/TheTedLab/gpu-prices-bot",
    parse=parse_ru_shops,
    **_ENDED,
)
