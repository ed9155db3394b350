"""Hourly wholesale prices of many markets, collected by HewlettPackard/sustain-cluster: the files that can be trusted.

Files are named <ZONE>_electricity_prices_<YEAR>.csv and have a time and a price. Refused as a whole: a header with
another currency than the market's (AU-NSW is labelled USD but holds AUD; DE-LU in USD was converted at one fixed rate),
a time without offset whose clock is unknown (SG, US-CAL-CISO: in fact UTC, but nothing says so), a file with one row (a
failed download). Accepted: a time with offset or in a column called UTC; DE-LU in EUR on the German clock (compared
with Energinet's UTC prices, 8,733 of 8,757 hours of 2024 agree to the cent; the others are those of 2024-06-26;
2024-01-31 is missing and stays missing). DE-LU is day-ahead; other files do not state their market and are
`published_hub`. The zone is that of the file's name, in any country whose trading currency is listed below.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Scope, Source, csv_rows, refused, to_instant
from assets.sources._clock import lengths_of, placed
from assets.sources._rows import electricity_price_rows
from warehouse.captures import Document

#: Countries of Europe's coupled exchanges, the Nordic ones included.
_EURO = "AT BE CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV NL NO PT SE SI SK"
#: Country of a zone -> currency its power is traded in.
_CURRENCIES: dict[str, str] = {
    **dict.fromkeys(_EURO.split(), "EUR"),
    "AU": "AUD",
    "BR": "BRL",
    "CA": "CAD",
    "CH": "EUR",
    "CL": "USD",
    "GB": "GBP",
    "IN": "INR",
    "JP": "JPY",
    "KR": "KRW",
    "MX": "MXN",
    "NZ": "NZD",
    "PL": "PLN",
    "SG": "SGD",
    "US": "USD",
    "ZA": "ZAR",
}
#: Zone -> which price its file holds and the clock of its naive times, where that was checked against another
#: publisher.
_CHECKED: dict[str, tuple[str, str]] = {"DE-LU": ("day_ahead", "Europe/Berlin")}


def parse(documents: Sequence[Document]) -> Reading:
    """One row per hour of one market."""
    (document,) = documents
    named = re.search(r"\b(([A-Z]{2})(?:-[A-Z0-9]+)*)_electricity_prices_20\d\d", document.url)
    if not named or named[2] not in _CURRENCIES:
        raise LayoutError(f"{document.url}: which market? name the file <ZONE>_electricity_prices_<YEAR>.csv")
    zone, currency = named[1], _CURRENCIES[named[2]]
    market, clock = _CHECKED.get(zone, ("published_hub", None))
    text, broken = csv_rows(document, [])
    if text.height < 24:
        raise LayoutError(f"{document.url}: {text.height} row(s): a failed download, not a year")
    price = next((c for c in text.columns if c.startswith("Price (")), "")
    said = re.fullmatch(r"Price \(([A-Z]{3})/MWh\)", price)
    if not said or said[1] != currency:
        raise LayoutError(
            f"{document.url}: the header says {price or 'no price'!r}, the market of {zone} is in {currency}: "
            "mislabelled or converted"
        )
    time = next((c for c in ("Datetime (UTC)", "Datetime") if c in text.columns), None)
    if time is None:
        raise LayoutError(f"{document.url}: no column Datetime; found {', '.join(text.columns)}")
    # One row without its offset is a broken row, and refused below.
    has_offset = 2 * text[time].str.contains(r"[+-]\d\d:\d\d$").sum() > text.height
    if has_offset:
        frame = text.with_columns(to_instant(time, "%Y-%m-%d %H:%M:%S%:z").alias("valid_from")).with_columns(
            pl.when(pl.col("valid_from").is_null()).then(pl.lit("the time cannot be read")).alias("why")
        )
    elif clock is not None:
        frame = placed(
            text.with_columns(
                pl.col(time).str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False).alias("local")
            ),
            "local",
            clock,
        )
    else:
        raise LayoutError(f"{document.url}: times without an offset, on an unknown clock")
    # The market has quarter-hours since October 2025.
    lengths = lengths_of(document, frame["valid_from"], ("PT15M", "PT30M", "PT1H"))
    frame = frame.join(lengths, on="valid_from", how="left", maintain_order="left")
    value = pl.col(price).cast(pl.Float64, strict=False)
    bad = frame.filter(pl.col("why").is_not_null()).select(*text.columns, "why")
    unpriced = frame.filter(pl.col("why").is_null() & pl.col(price).is_not_null() & value.is_null()).select(
        text.columns
    )
    rows = electricity_price_rows(
        frame.filter(pl.col("why").is_null() & value.is_not_null()),
        zone=zone,
        market=market,
        currency_code=currency,
        price_amount_per_mwh=value,
    )
    return Reading(
        [Scope(zone, rows)],
        pl.concat([broken, refused(bad, pl.col("why")), refused(unpriced, "the price is not a number")]),
    )


MARKET_HOURLY = Source(
    source_id="market_hourly",
    subject="electricity_price",
    title="Hourly market prices (sustain-cluster files, by hand)",
    homepage_url="https://github.com/HewlettPackard/sustain-cluster",
    licence="MIT (collection); origin ENTSO-E, CAISO, ERCOT",
    attribution="HewlettPackard/sustain-cluster",
    parse=parse,
    parser_version=5,
    extension="csv",
    stale_after_days=400.0,
)
