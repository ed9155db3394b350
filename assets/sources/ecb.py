"""European Central Bank: euro foreign exchange reference rates, units of a currency for one euro.

Quirks: rates exist for working days only (the gap over a weekend is for the reader to carry forward, not for the log);
`N/A` and an empty last column (a trailing comma) are no rate; a currency that has ended (HRK, BGN, RUB, LTL ...) simply
has no later row. The history comes newest first. The daily CSV has blanks after its commas, a date in words
("13 April 2026") and fewer columns. The XML is three nested `Cube` elements in a namespace; the 90 days of XML leave
off trailing zeros that the daily one prints. ROL and TRL are the currencies before redenomination, not RON and TRY.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    csv_rows,
    plain_extension,
    refused,
)
from assets.sources._xml import root_of
from warehouse.captures import Document

HOST = "www.ecb.europa.eu"
_FOLDER = f"https://{HOST}/stats/eurofxref"
#: The file of 90 calendar days is used for windows that surely lie within it.
RECENT_DAYS = 80


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The last 90 days, so that a missed day heals itself; the whole history where older days are asked for."""
    first = window.first_on or window.now.date()
    if (window.now.date() - first).days > RECENT_DAYS:
        yield [Request(f"{_FOLDER}/eurofxref-hist.zip", extension="zip")]
    else:
        yield [Request(f"{_FOLDER}/eurofxref-hist-90d.xml", extension="xml")]


def _from_xml(document: Document) -> pl.DataFrame:
    """Columns day, currency_code, rate: all text."""
    root = root_of(document)
    # Iterated in document order: the day stands above its currencies.
    cells = root.xpath("//*[local-name()='Cube'][@currency]")
    if not cells:
        raise LayoutError(f"{document.url}: no Cube element with a currency")
    return pl.DataFrame(
        {
            "day": [c.getparent().get("time") for c in cells],
            "currency_code": [c.get("currency") for c in cells],
            "rate": [c.get("rate") for c in cells],
        },
        schema={"day": pl.String, "currency_code": pl.String, "rate": pl.String},
    )


def _from_csv(document: Document) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Columns day, currency_code, rate: all text; and the lines that are broken."""
    wide, broken = csv_rows(document, ["Date"])
    names = {c: c.strip() for c in wide.columns}
    currencies = [c for c, name in names.items() if len(name) == 3 and name.isalpha() and name.isupper()]
    if twice := [c for c in wide.columns if "_duplicated_" in c]:
        raise LayoutError(f"{document.url}: a column is there twice: {', '.join(c.partition('_')[0] for c in twice)}")
    if "USD" not in [names[c] for c in currencies]:
        raise LayoutError(f"{document.url}: no column USD; found {', '.join(names.values())[:300]}")
    rates = wide.unpivot(currencies, index="Date", variable_name="currency_code", value_name="rate").select(
        pl.col("Date").alias("day"), pl.col("currency_code").str.strip_chars(), "rate"
    )
    return rates, broken


def parse(documents: Sequence[Document]) -> Reading:
    """One row per currency and working day, from any of the four files."""
    (document,) = documents
    is_xml = plain_extension(document) == "xml"
    text, broken = (_from_xml(document), None) if is_xml else _from_csv(document)
    day = pl.col("day").str.strip_chars()
    rate = pl.col("rate").str.strip_chars()
    rows = text.filter(rate.is_not_null() & ~rate.is_in(["", "N/A", "-"])).with_columns(
        pl.coalesce(day.str.to_date("%Y-%m-%d", strict=False), day.str.to_date("%d %B %Y", strict=False)).alias("on"),
        rate.cast(pl.Float64, strict=False).alias("rate_per_base"),
    )
    is_code = pl.col("currency_code").str.contains(r"^[A-Z]{3}$").fill_null(value=False)
    bad = pl.col("on").is_null() | pl.col("rate_per_base").is_null() | ~is_code
    unreadable = rows.filter(bad).drop("on", "rate_per_base")
    frame = rows.filter(~bad).select(
        "currency_code",
        pl.lit("EUR").alias("base_currency_code"),
        "rate_per_base",
        pl.col("on").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("valid_from"),
    )
    bad = refused(unreadable, "the day, the currency or the rate cannot be read")
    return Reading([Scope("EUR", frame)], bad).refusing(broken)


ECB = Source(
    source_id="ecb",
    subject="exchange_rate",
    title="ECB euro foreign exchange reference rates",
    homepage_url=f"{_FOLDER}/",
    licence="free reuse with attribution",
    licence_url=f"https://{HOST}/services/using-our-site/disclaimer/html/index.en.html",
    attribution="European Central Bank",
    parse=parse,
    parser_version=5,
    plan=plan,
    hosts=(HOST,),
    cadence="30 15 * * 1-5",
    changes_within_days=7,
    extension="csv",
    has_history=True,
    stale_after_days=5.0,
)
