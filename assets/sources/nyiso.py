"""NYISO: five-minute generation by fuel, turned into a carbon intensity (see `_fuel_mix`).

Quirks: the time is the END of five minutes (a day's file begins at 00:05 and ends with midnight), in US order of dates;
each row has its time zone, EST or EDT, so the repeated hour in autumn is unambiguous. "Dual Fuel" plants burn gas or
oil, and the file does not say which: they count as gas, which is mostly right (too low in a cold snap). "Other Fossil
Fuels" and "Other Renewables" have no factor. Imports are ignored. A file is one day of New York; only the last days are
listed as single files (older ones are in monthly archives, to be unpacked and loaded by hand). The last column was
called "Gen MWh" for some years; it was power then too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

import polars as pl

from assets.sources._base import (
    Reading,
    Request,
    Scope,
    Source,
    Window,
    csv_rows,
    refused,
    require_columns,
    split_by_fault,
    to_instant,
    without_parts_of,
)
from assets.sources._fuel_mix import intensities
from assets.sources._rows import number_cells
from warehouse.captures import Document

HOST = "mis.nyiso.com"
ZONE = "US-NY-NYIS"
CLOCK = ZoneInfo("America/New_York")
FUELS = {
    "Dual Fuel": "gas",
    "Natural Gas": "gas",
    "Nuclear": "nuclear",
    "Hydro": "hydro",
    "Wind": "wind",
    "Other Fossil Fuels": "unknown",
    "Other Renewables": "unknown",
}
#: Hours to add to the wall clock to get UTC.
_HOURS = {"EST": 5, "EDT": 4}

#: Kinds that are always stated, if only as 0.
ALWAYS = ("Dual Fuel", "Natural Gas", "Nuclear", "Hydro", "Wind")


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """Yesterday and today in New York; older days are not available as single files."""
    today = window.now.astimezone(CLOCK).date()
    for day in (today - dt.timedelta(days=1), today):
        yield [Request(f"https://{HOST}/public/csv/rtfuelmix/{day:%Y%m%d}rtfuelmix.csv", extension="csv")]


def parse(documents: Sequence[Document]) -> Reading:
    """Two rows (direct, lifecycle) per five minutes."""
    (document,) = documents
    text, broken = csv_rows(document, ["Time Stamp", "Time Zone", "Fuel Category"])
    text = without_parts_of(text, broken, "Time Stamp").rename({"Gen MWh": "Gen MW"}, strict=False)
    require_columns(document, text.columns, ["Gen MW"])
    local = to_instant("Time Stamp", "%m/%d/%Y %H:%M:%S")
    hours = pl.col("Time Zone").str.strip_chars().replace_strict(_HOURS, default=None, return_dtype=pl.Int64)
    rows = text.with_columns(
        (local + pl.duration(hours=hours, minutes=-5)).alias("valid_from"),
        pl.col("Fuel Category")
        .str.strip_chars()
        .replace_strict(FUELS, default="unknown", return_dtype=pl.String)
        .alias("fuel"),
        number_cells(pl.col("Gen MW")).alias("generation"),
    )
    # EDT on a winter's day is an error: New York's clock does not show it.
    at = pl.col("valid_from") + pl.duration(minutes=5)
    of_clock = at.dt.convert_time_zone(CLOCK.key).dt.replace_time_zone(None) == local.dt.replace_time_zone(None)
    # A publication in between (14:02:17) does not belong to a slot of five minutes.
    off_grid = (pl.col("valid_from").dt.minute() % 5 != 0) | (pl.col("valid_from").dt.second() != 0)
    why = (
        pl.when(pl.col("valid_from").is_null())
        .then(pl.lit("the time or its zone (EST, EDT) cannot be read"))
        .when(~of_clock)
        .then(pl.lit("the time zone is not the one of New York at that time"))
        .when(off_grid)
        .then(pl.lit("a time between the five-minute slots"))
    )
    good, bad = split_by_fault(rows, why)
    mix = good.select(
        pl.lit(ZONE).alias("zone"),
        "valid_from",
        "fuel",
        "generation",
        pl.col("Fuel Category").str.strip_chars().alias("category"),
    )
    frame, slots = intensities(mix, resolution="PT5M", kind="category", always=ALWAYS)
    bad = refused(bad.select(*text.columns, "why"), pl.col("why"))
    return Reading([Scope(ZONE, frame)], pl.concat([broken, bad, slots]))


NYISO = Source(
    source_id="nyiso",
    subject="grid_carbon",
    title="NYISO real-time fuel mix (imports ignored)",
    homepage_url="https://www.nyiso.com/energy-market-operational-data",
    licence="public ISO data",
    attribution="New York ISO",
    parse=parse,
    parser_version=5,
    plan=plan,
    hosts=(HOST,),
    cadence="15 */6 * * *",
    changes_within_days=3,
    extension="csv",
    stale_after_days=2.0,
)
