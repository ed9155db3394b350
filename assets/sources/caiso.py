"""CAISO Today's Outlook: five-minute generation by fuel, turned into a carbon intensity (see `_fuel_mix`).

Quirks: only the address tells the date; the time is Pacific wall clock time without an offset. On the day clocks go
forward, 02:00 to 02:55 are empty; on the day they go back, 01:00 to 01:55 are listed twice (summer time first), and
where they are listed once they are ambiguous and refused. A final 00:00 belongs to the next day. Solar is negative at
night (station use), batteries when charging. Imports are ignored: this is California's generation, not its consumption.
An unknown column counts as a fuel without a factor. A missing day is answered with an HTML page. The case of column
names changed over the years.
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
    refused,
    require_columns,
    split_by_fault,
)
from assets.sources._clock import placed
from assets.sources._fuel_mix import UNKNOWN, intensities
from assets.sources._rows import number_cells
from warehouse.captures import Document

HOST = "www.caiso.com"
ZONE = "US-CAL-CISO"
CLOCK = "America/Los_Angeles"
FUELS = {
    "solar": "solar",
    "wind": "wind",
    "geothermal": "geothermal",
    "biomass": "biomass",
    "biogas": "biomass",
    "small hydro": "hydro",
    "large hydro": "hydro",
    "coal": "coal",
    "nuclear": "nuclear",
    "natural gas": "gas",
    "batteries": "storage",
    "imports": "imports",
    "other": "unknown",
}

#: Columns that are always there, if only with 0.
ALWAYS = ("large hydro", "natural gas", "nuclear", "small hydro", "solar", "wind")


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """One request per finished day (Pacific); the last three where no window is given."""
    yesterday = (window.now - dt.timedelta(hours=8)).date() - dt.timedelta(days=1)
    if window.first_on is None and window.last_on is None:
        days = [yesterday - dt.timedelta(days=n) for n in (2, 1, 0)]
    else:
        days = [d for d in window.days() if d <= yesterday]
    for day in days:
        yield [Request(f"https://{HOST}/outlook/history/{day:%Y%m%d}/fuelsource.csv", extension="csv")]


def _day_of(document: Document) -> dt.date:
    found = re.search(r"(20\d\d)-?([01]\d)-?([0-3]\d)", document.url)
    if not found:
        raise LayoutError(f"{document.url}: no date in the name: name the file fuelsource_YYYY-MM-DD.csv")
    return dt.date(int(found[1]), int(found[2]), int(found[3]))


def parse(documents: Sequence[Document]) -> Reading:
    """Two rows (direct, lifecycle) per five minutes of one day."""
    (document,) = documents
    day = _day_of(document)
    raw, broken = csv_rows(document, [])
    raw = raw.rename({c: "Time" for c in raw.columns if c.strip().lower() == "time"})
    require_columns(document, raw.columns, ["Time"])
    named = {c: c.strip().lower() for c in raw.columns if c != "Time"}
    if missing := {*ALWAYS, "imports"} - set(named.values()):
        raise LayoutError(
            f"{document.url}: column {', '.join(sorted(missing))} is missing; found {', '.join(raw.columns)}"
        )
    # A new column without any number is not generation but a remark, say.
    named = {c: name for c, name in named.items() if name in FUELS or raw[c].cast(pl.Float64, strict=False).count()}
    clock = raw.select(
        pl.col("Time").str.strip_chars().str.to_time("%H:%M", strict=False).alias("time"),
        *(number_cells(pl.col(c)).alias(name) for c, name in named.items()),
    ).with_row_index("row")
    is_empty = pl.all_horizontal(pl.col(list(named.values())).is_null())
    clock = clock.filter(~is_empty)
    # The time goes down at most twice: where the clock goes back, and to the final 00:00.
    if (clock["time"].cast(pl.Int64).diff() < 0).sum() > 2:
        raise LayoutError(f"{document.url}: the rows are not in order of time, so its two 00:00 cannot be told apart")
    closing = (pl.col("row") > 0) & (pl.col("time") == dt.time(0))
    local = (
        pl.lit(day).dt.combine(pl.col("time")) + pl.when(closing).then(pl.duration(days=1)).otherwise(pl.duration())
    ).alias("local")
    clock = placed(clock.with_columns(local), "local", CLOCK)
    clock, unplaced = split_by_fault(clock, pl.col("why"))
    mix = clock.unpivot(
        list(named.values()), index="valid_from", variable_name="column", value_name="generation"
    ).select(
        pl.lit(ZONE).alias("zone"),
        "valid_from",
        pl.col("column").replace_strict(FUELS, default=UNKNOWN, return_dtype=pl.String).alias("fuel"),
        "generation",
        "column",
    )
    frame, slots = intensities(mix, resolution="PT5M", kind="column", always=ALWAYS)
    bad = refused(unplaced.select("local", "why"), pl.col("why"))
    return Reading([Scope(f"{ZONE} {day.isoformat()}", frame)], pl.concat([broken, bad, slots]))


CAISO = Source(
    source_id="caiso",
    subject="grid_carbon",
    title="CAISO Today's Outlook fuel mix (imports ignored)",
    homepage_url="https://www.caiso.com/todays-outlook/supply",
    licence="CAISO public data, terms of use",
    licence_url="https://www.caiso.com/privacy-policy",
    attribution="California ISO",
    parse=parse,
    parser_version=5,
    plan=plan,
    hosts=(HOST,),
    cadence="40 12 * * *",
    changes_within_days=4,
    extension="csv",
    has_history=True,
    stale_after_days=4.0,
)
