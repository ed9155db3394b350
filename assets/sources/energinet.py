"""Energi Data Service (Energinet, Denmark): five-minute CO2 forecast and day-ahead prices.

Quirks: times without an offset in a field called ...UTC are UTC (the ...DK field beside it is not read). CO2EmisProg is
a forecast, also for past slots. Elspotprices (hourly) ended on 2025-09-30; DayAheadPrices (15 minutes) replaced it and
repeats the hourly price in its first days. Without a `limit` only 100 rows are returned, silently; 0 means all. An
empty `records` comes with status 200. Price area DE is the bidding zone DE-LU. Only the file name tells the area of
joined files (`timestamp_utc,...`) and of daily ones (`[{timestamp, co2|euro}]`, in either order). Energinet counts
combustion, but the dataset does not say what else, so the boundary is `unconfirmed`.
"""

from __future__ import annotations

import datetime as dt
import re
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
    json_of,
    plain_extension,
    refused,
    to_instant,
)
from assets.sources._clock import lengths_of
from assets.sources._rows import (
    IMPLAUSIBLY_CLEAN,
    NUMBER_OR_NAN,
    electricity_price_rows,
    frame_of,
    grid_carbon_rows,
    is_implausibly_clean,
    number_cells,
)
from warehouse.captures import Document

HOST = "api.energidataservice.dk"
ZONES = {"DK1": "DK-DK1", "DK2": "DK-DK2", "DE": "DE-LU", "SE3": "SE-SE3", "SE4": "SE-SE4", "NO2": "NO-NO2"}
#: First day of the 15-minute dataset.
DAY_AHEAD_FROM = dt.date(2025, 10, 1)
#: Days that one request spans at most.
MAX_DAYS = 31
#: Field with the time -> length of its slot.
_FIELD_SLOTS = {"Minutes5UTC": "PT5M", "HourUTC": "PT1H", "TimeUTC": "PT15M"}


def _params(first: dt.date, last: dt.date, areas: Sequence[str]) -> dict[str, str]:
    listed = ",".join(f'"{a}"' for a in areas)
    return {
        "start": f"{first.isoformat()}T00:00",
        "end": f"{(last + dt.timedelta(days=1)).isoformat()}T00:00",
        "timezone": "UTC",
        "filter": f'{{"PriceArea":[{listed}]}}',
        "limit": "0",
    }


def plan_carbon(window: Window) -> Iterable[Sequence[Request]]:
    """Yesterday to tomorrow, or the window in parts of at most 31 days."""
    for first, last in window.spans(MAX_DAYS, default_days=3, ahead=1):
        yield [Request(f"https://{HOST}/dataset/CO2EmisProg", params=_params(first, last, ("DK1", "DK2")))]


def plan_price(window: Window) -> Iterable[Sequence[Request]]:
    """Yesterday to tomorrow, or the window in parts of at most 31 days; a part may need both datasets."""
    for first, last in window.spans(MAX_DAYS, default_days=3, ahead=1):
        if first < DAY_AHEAD_FROM:
            until = min(last, DAY_AHEAD_FROM - dt.timedelta(days=1))
            yield [Request(f"https://{HOST}/dataset/Elspotprices", params=_params(first, until, tuple(ZONES)))]
        if last >= DAY_AHEAD_FROM:
            since = max(first, DAY_AHEAD_FROM)
            yield [Request(f"https://{HOST}/dataset/DayAheadPrices", params=_params(since, last, tuple(ZONES)))]


def _area_of(document: Document) -> str:
    found = re.search(r"(?:^|[_/:])(DK1|DK2|DE|SE3|SE4|NO2)(?=[_./])", document.url)
    if not found:
        raise LayoutError(f"{document.url}: which price area? name it in the file name: {', '.join(ZONES)}")
    return found[1]


def _from_csv(document: Document, column: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Columns as of `_from_json`, from a joined CSV; and the lines that are broken."""
    text, broken = csv_rows(document, ["timestamp_utc", column])
    rows = text.select(
        pl.lit(_area_of(document)).alias("area"),
        to_instant("timestamp_utc", "%Y-%m-%dT%H:%M:%SZ").alias("valid_from"),
        number_cells(pl.col(column)).alias("value"),
        pl.lit(None, pl.String).alias("resolution"),
    )
    return rows, broken


def _from_json(document: Document, fields: Sequence[str], short_field: str) -> pl.DataFrame:
    """Columns area, valid_from, value, resolution (null if not stated); from the API's records or a daily file."""
    body = json_of(document)
    if isinstance(body, list):
        daily = frame_of(body, {"timestamp": pl.Float64, short_field: NUMBER_OR_NAN})
        if daily[short_field].null_count() == daily.height:
            raise LayoutError(f"{document.url}: no field {short_field}")
        return daily.select(
            pl.lit(_area_of(document)).alias("area"),
            pl.from_epoch(pl.col("timestamp").cast(pl.Int64, strict=False))
            .dt.cast_time_unit("us")
            .dt.replace_time_zone("UTC")
            .alias("valid_from"),
            pl.col(short_field).alias("value"),
            pl.lit(None, pl.String).alias("resolution"),
        )
    records = body.get("records") if isinstance(body, dict) else None
    if not records:
        raise LayoutError(f"{document.url}: no record (nothing published for these days, or the dataset has ended)")
    first = next((r for r in records if isinstance(r, dict)), {})
    time, value = (next((f for f in names if f in first), None) for names in (tuple(_FIELD_SLOTS), fields))
    if time is None or value is None:
        raise LayoutError(f"{document.url}: no UTC time or none of {', '.join(fields)}; found {', '.join(first)}")
    frame = frame_of(records, {time: pl.String, "PriceArea": pl.String, value: NUMBER_OR_NAN})
    return frame.select(
        pl.col("PriceArea").alias("area"),
        to_instant(time, "%Y-%m-%dT%H:%M:%S").alias("valid_from"),
        pl.col(value).alias("value"),
        pl.lit(_FIELD_SLOTS[time]).alias("resolution"),
    )


def _slots(
    document: Document, fields: Sequence[str], short_field: str, csv_column: str
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Rows of any form of an answer, and the broken lines of a CSV."""
    if plain_extension(document) == "csv":
        return _from_csv(document, csv_column)
    return _from_json(document, fields, short_field), None


def _with_slots(document: Document, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows with zone and length of the slot, without missing values and the mean of all areas; and refused rows."""
    if rows["resolution"].null_count():
        # A row whose time cannot be read needs some length here; it is refused for its time later.
        lengths = lengths_of(document, rows["valid_from"])
        rows = rows.drop("resolution").join(lengths, on="valid_from", how="left", maintain_order="left")
        rows = rows.with_columns(pl.col("resolution").fill_null(lengths["resolution"][-1]))
    zone = pl.col("area").replace_strict(ZONES, default=None, return_dtype=pl.String)
    rows = rows.filter(pl.col("area").ne_missing("SYSTEM")).with_columns(zone.alias("zone"))
    is_placed = pl.col("zone").is_not_null() & pl.col("valid_from").is_not_null()
    strange = refused(rows.filter(~is_placed).drop("zone"), "the price area or the time cannot be read")
    return rows.filter(is_placed & pl.col("value").is_not_null()), strange


def parse_carbon(documents: Sequence[Document]) -> Reading:
    """Forecast intensity, five minutes, by price area."""
    (document,) = documents
    slots, broken = _slots(document, ("CO2Emission",), "co2", "gco2_per_kwh")
    rows, strange = _with_slots(document, slots)
    frame = grid_carbon_rows(
        rows.filter(~is_implausibly_clean("value")),
        basis_boundary="unconfirmed",
        basis_kind="forecast",
        intensity_gco2e_per_kwh=pl.col("value"),
    )
    bad = refused(rows.filter(is_implausibly_clean("value")), IMPLAUSIBLY_CLEAN)
    return Reading([Scope("DK", frame)], bad).refusing(strange).refusing(broken)


def parse_price(documents: Sequence[Document]) -> Reading:
    """Day-ahead prices in EUR by bidding zone."""
    (document,) = documents
    slots, broken = _slots(document, ("DayAheadPriceEUR", "SpotPriceEUR"), "euro", "eur_per_mwh")
    rows, strange = _with_slots(document, slots)
    frame = electricity_price_rows(rows, market="day_ahead", currency_code="EUR", price_amount_per_mwh=pl.col("value"))
    unclear = frame.filter(pl.struct("zone", "valid_from").is_duplicated() & ~frame.is_duplicated())
    return (
        Reading(
            [Scope("EUR", frame.join(unclear, on=["zone", "valid_from"], how="anti"))],
            refused(unclear, "two prices for one slot"),
        )
        .refusing(strange)
        .refusing(broken)
    )


ENERGINET_CARBON = Source(
    source_id="energinet_carbon",
    subject="grid_carbon",
    title="Energi Data Service CO2 forecast (CO2EmisProg)",
    homepage_url="https://www.energidataservice.dk/tso-electricity/CO2EmisProg",
    licence="Energinet open data",
    attribution="Energinet, Energi Data Service",
    parse=parse_carbon,
    parser_version=6,
    plan=plan_carbon,
    hosts=(HOST,),
    cadence="15 */3 * * *",
    changes_within_days=3,
    has_history=True,
    stale_after_days=1.0,
)
ENERGINET_PRICE = Source(
    source_id="energinet_price",
    subject="electricity_price",
    title="Energi Data Service day-ahead prices",
    homepage_url="https://www.energidataservice.dk/tso-electricity/DayAheadPrices",
    licence="Energinet open data",
    attribution="Energinet, Energi Data Service",
    parse=parse_price,
    parser_version=6,
    plan=plan_price,
    hosts=(HOST,),
    cadence="50 13 * * *",
    changes_within_days=4,
    has_history=True,
    stale_after_days=2.0,
)
