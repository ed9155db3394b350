"""AEMO: trading prices of Australia's National Electricity Market, of NEMWEB (TRADINGIS) and by month (PRICE_AND_DEMAND).

AUD/MWh. Quirks: of NEMWEB one zipped file holds several tables; the first field of a line says what it is: C a comment, I the
header of a table, D a row. SETTLEMENTDATE is the END of the slot in market time, UTC+10 all year. PERIODID numbers the
slots of a day, so it implies their length: five minutes, thirty until 30 September 2021. A price whose INVALIDFLAG is
not 0 is refused. The monthly files have one region and one length of slot each, which only the distance of their slots
tells; a time that a spreadsheet rewrote (1/08/2026 0:05) is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assets.sources._base import (
    LayoutError,
    Reading,
    Scope,
    Source,
    body_of,
    csv_rows,
    refused,
    require_columns,
    split_by_fault,
)
from assets.sources._clock import MINUTES, length_of
from assets.sources._rows import electricity_price_rows
from assets.sources.openelectricity import ZONES
from warehouse.captures import Document

_NEEDED = ("SETTLEMENTDATE", "REGIONID", "PERIODID", "RRP", "INVALIDFLAG")
#: Length of a slot in minutes -> ISO 8601.
_LENGTHS = {5: "PT5M", 30: "PT30M"}
_DAY_MINUTES = 24 * 60
_MONTHLY = ("REGION", "SETTLEMENTDATE", "RRP", "PERIODTYPE")


def _prices(document: Document) -> pl.DataFrame:
    """The table TRADING,PRICE as text columns."""
    lines = body_of(document).decode("utf-8", errors="replace").splitlines()
    headers = [line for line in lines if line.startswith("I,TRADING,PRICE,")]
    rows = [line for line in lines if line.startswith("D,TRADING,PRICE,")]
    if len(headers) != 1 or not rows:
        raise LayoutError(
            f"{document.url}: expected one table TRADING,PRICE; found {len(headers)} headers and {len(rows)} rows"
        )
    if not any(line.startswith("C,") and "END OF REPORT" in line for line in lines):
        raise LayoutError(f"{document.url}: no END OF REPORT: the file is truncated")
    try:
        frame = pl.read_csv("\n".join([*headers, *rows]).encode(), infer_schema=False)
    except pl.exceptions.PolarsError as e:
        raise LayoutError(f"{document.url}: not a readable CSV table: {str(e).splitlines()[0][:200]}") from e
    require_columns(document, frame.columns, _NEEDED)
    return frame.select(_NEEDED)


def _ends(column: str) -> pl.Expr:
    """Ends of slots, in market time; the oldest files have no seconds."""
    text = pl.col(column).str.strip_chars()
    return pl.coalesce(
        text.str.to_datetime(form, time_unit="us", strict=False) for form in ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M")
    )


def _zone(column: str) -> pl.Expr:
    return pl.col(column).replace_strict(ZONES, default=None, return_dtype=pl.String)


def _starts(length: pl.Expr) -> pl.Expr:
    """Starts of slots (UTC) of which the end and the length in minutes are known."""
    return (pl.col("end") - pl.duration(hours=10) - pl.duration(minutes=length)).dt.replace_time_zone("UTC")


def parse(documents: Sequence[Document]) -> Reading:
    """One price per region and slot."""
    (document,) = documents
    header = body_of(document).lstrip(b"\xef\xbb\xbf").split(b"\n", 1)[0]
    return _monthly(document) if b"PERIODTYPE" in header else _reports(document)


def _monthly(document: Document) -> Reading:
    """Prices and demand of one region and month, as AEMO's pages offer them."""
    text, broken = csv_rows(document, _MONTHLY)
    rows = text.with_columns(
        _ends("SETTLEMENTDATE").alias("end"),
        _zone("REGION").alias("zone"),
        pl.col("RRP").cast(pl.Float64, strict=False).alias("price_amount_per_mwh"),
    )
    why = (
        pl.when(pl.col("end").is_null())
        .then(pl.lit("SETTLEMENTDATE is not written as AEMO does: 2026/08/01 00:05:00"))
        .when(pl.col("zone").is_null())
        .then(pl.lit("a region that Petaday does not know"))
        .when(pl.col("PERIODTYPE").ne_missing("TRADE"))
        .then(pl.lit("no trading price"))
        .when(pl.col("price_amount_per_mwh").is_null())
        .then(pl.lit("the price is not a number"))
    )
    good, bad = split_by_fault(rows, why)
    resolution = length_of(document, rows["end"], tuple(_LENGTHS.values()))
    frame = electricity_price_rows(
        good.with_columns(_starts(pl.lit(MINUTES[resolution])).alias("valid_from")),
        market="real_time",
        resolution=resolution,
        currency_code="AUD",
    )
    return Reading([Scope("NEM", frame)], refused(bad.select(*_MONTHLY, "why"), pl.col("why"))).refusing(broken)


def _reports(document: Document) -> Reading:
    """The prices of a NEMWEB report."""
    end = _ends("SETTLEMENTDATE")
    minutes = (pl.col("end").dt.hour().cast(pl.Int64) * 60 + pl.col("end").dt.minute()).replace(0, _DAY_MINUTES)
    rows = (
        _prices(document)
        .with_columns(end.alias("end"))
        .with_columns(
            (minutes / pl.col("PERIODID").cast(pl.Float64, strict=False)).alias("length"),
            _zone("REGIONID").alias("zone"),
            pl.col("RRP").cast(pl.Float64, strict=False).alias("price_amount_per_mwh"),
        )
    )
    is_slot = pl.col("length").is_in([float(n) for n in _LENGTHS]).fill_null(value=False)
    why = (
        pl.when(~is_slot)
        .then(pl.lit("SETTLEMENTDATE and PERIODID do not make a slot of 5 or 30 minutes"))
        .when(pl.col("zone").is_null())
        .then(pl.lit("a region that Petaday does not know"))
        .when(pl.col("price_amount_per_mwh").is_null())
        .then(pl.lit("the price is not a number"))
        .when(pl.col("INVALIDFLAG").cast(pl.Float64, strict=False).fill_null(1) != 0)
        .then(pl.lit("AEMO marks the price as invalid"))
    )
    good, bad = split_by_fault(rows, why)
    length = pl.col("length").cast(pl.Int64)
    frame = electricity_price_rows(
        good.with_columns(_starts(length).alias("valid_from")),
        market="real_time",
        resolution=length.replace_strict(_LENGTHS, return_dtype=pl.String),
        currency_code="AUD",
    )
    return Reading([Scope("NEM", frame)], refused(bad.select(*_NEEDED, "why"), pl.col("why")))


AEMO = Source(
    source_id="aemo",
    subject="electricity_price",
    title="AEMO trading prices (NEMWEB reports and monthly files, by hand)",
    homepage_url="https://nemweb.com.au/Reports/Current/TradingIS_Reports/",
    licence="AEMO copyright permission, with attribution",
    licence_url="https://www.aemo.com.au/privacy-and-legal-notices/copyright-permissions",
    attribution="Australian Energy Market Operator",
    parse=parse,
    parser_version=2,
    extension="csv",
    stale_after_days=400.0,
)
