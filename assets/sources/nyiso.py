"""NYISO: five-minute generation by fuel, turned into a carbon intensity (see `_fuel_mix`).

Quirks: the time is the END of five minutes (a day's file begins at 00:05 and closes with midnight); US order of dates;
the time zone stands beside each row as EST or EDT, so the hour that occurs twice can be placed. "Dual Fuel" plants
burn gas or oil and the file does not say which: counted as gas, which is mostly so (a cold snap is underrated). "Other
Fossil Fuels" and "Other Renewables" are without a factor. Imports are ignored. A file is one day of New York; the
listing keeps the last days one by one (older ones come in archives by month: unpacked and loaded by hand).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

import polars as pl

from assets.sources._base import Reading, Request, Scope, Source, Window, csv_of, refused
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

#: Always reported, be it as 0.
ALWAYS = ("Dual Fuel", "Natural Gas", "Nuclear", "Hydro", "Wind")


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """Yesterday and today in New York: there are no older days one by one."""
    today = window.now.astimezone(CLOCK).date()
    for day in (today - dt.timedelta(days=1), today):
        yield [Request(f"https://{HOST}/public/csv/rtfuelmix/{day:%Y%m%d}rtfuelmix.csv", extension="csv")]


def parse(documents: Sequence[Document]) -> Reading:
    """Two rows (direct, lifecycle) per five minutes."""
    (document,) = documents
    text = csv_of(document, ["Time Stamp", "Time Zone", "Fuel Category", "Gen MW"])
    local = pl.col("Time Stamp").str.to_datetime("%m/%d/%Y %H:%M:%S", time_unit="us", time_zone="UTC", strict=False)
    hours = pl.col("Time Zone").str.strip_chars().replace_strict(_HOURS, default=None, return_dtype=pl.Int64)
    rows = text.with_columns(
        (local + pl.duration(hours=hours, minutes=-5)).alias("valid_from"),
        pl.col("Fuel Category")
        .str.strip_chars()
        .replace_strict(FUELS, default="unknown", return_dtype=pl.String)
        .alias("fuel"),
        number_cells(pl.col("Gen MW")).alias("generation"),
    )
    # "EDT" beside a winter's day is a time of nobody's clock.
    at = pl.col("valid_from") + pl.duration(minutes=5)
    of_clock = at.dt.convert_time_zone(CLOCK.key).dt.replace_time_zone(None) == local.dt.replace_time_zone(None)
    # A second publication within the minutes (14:02:17) belongs to no slot of five minutes.
    off_grid = (pl.col("valid_from").dt.minute() % 5 != 0) | (pl.col("valid_from").dt.second() != 0)
    why = (
        pl.when(pl.col("valid_from").is_null())
        .then(pl.lit("the time or its zone (EST, EDT) cannot be read"))
        .when(~of_clock)
        .then(pl.lit("the time zone is not the one of New York at that time"))
        .when(off_grid)
        .then(pl.lit("a time between the five-minute slots"))
    )
    rows = rows.with_columns(why.alias("why"))
    bad = rows.filter(pl.col("why").is_not_null()).select(*text.columns, "why")
    mix = rows.filter(pl.col("why").is_null()).select(
        pl.lit(ZONE).alias("zone"),
        "valid_from",
        "fuel",
        "generation",
        pl.col("Fuel Category").str.strip_chars().alias("category"),
    )
    frame, slots = intensities(mix, resolution="PT5M", kind="category", always=ALWAYS)
    return Reading([Scope(ZONE, frame)], pl.concat([refused(bad, pl.col("why")), slots]))


NYISO = Source(
    source_id="nyiso",
    subject="grid_carbon",
    title="NYISO real-time fuel mix (imports ignored)",
    homepage_url="https://www.nyiso.com/energy-market-operational-data",
    licence="public ISO data",
    attribution="New York ISO",
    parse=parse,
    parser_version=3,
    plan=plan,
    hosts=(HOST,),
    cadence="15 */6 * * *",
    extension="csv",
    stale_after_days=2.0,
)
