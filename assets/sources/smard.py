"""SMARD (Bundesnetzagentur): German generation by quarter-hour or hour, turned into a carbon intensity (see `_fuel_mix`).

There were three headers over the years: "Datum;Uhrzeit;Biomasse[MWh]", "Datum;Anfang;Ende;Biomasse [MWh]
Originalauflösungen" (or "Berechnete Auflösungen", hourly) and "Datum von;Datum bis;…", which the English page writes
"Start date;End date;Biomass [MWh] Original resolutions", with English numbers and times (Jan 31, 2025 11:45 PM). An
unknown kind of generation counts as generation without a factor; if a known kind is missing, it is not zero and the
file is refused.

Quirks: semicolons, a byte order mark, a dot for thousands ("1.093" is a thousand and ninety-three), a comma for
decimals, a dash for nothing. The time is German wall clock time: 02:00 to 02:45 occurs twice when clocks go back.
Values are MWh per slot, not MW (only shares matter for the mix). "Sonstige" has no factor; pumped storage is storage.
The file is downloaded by hand; it is generation in Germany, without imports. CC BY 4.0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Scope, Source, csv_rows, refused, split_by_fault
from assets.sources._clock import length_of, placed
from assets.sources._fuel_mix import UNKNOWN, intensities
from assets.sources._rows import number_cells
from warehouse.captures import Document

CLOCK = "Europe/Berlin"
FUELS = {
    "Biomasse": "biomass",
    "Wasserkraft": "hydro",
    "Wind Offshore": "wind_offshore",
    "Wind Onshore": "wind",
    "Photovoltaik": "solar",
    "Sonstige Erneuerbare": "unknown",
    "Kernenergie": "nuclear",
    "Braunkohle": "lignite",
    "Steinkohle": "coal",
    "Erdgas": "gas",
    "Pumpspeicher": "storage",
    "Sonstige Konventionelle": "unknown",
}
#: Names of the English files -> of the German ones.
ENGLISH = {
    "Biomass": "Biomasse",
    "Hydropower": "Wasserkraft",
    "Wind offshore": "Wind Offshore",
    "Wind onshore": "Wind Onshore",
    "Photovoltaics": "Photovoltaik",
    "Other renewable": "Sonstige Erneuerbare",
    "Nuclear": "Kernenergie",
    "Lignite": "Braunkohle",
    "Hard coal": "Steinkohle",
    "Fossil gas": "Erdgas",
    "Hydro pumped storage": "Pumpspeicher",
    "Other conventional": "Sonstige Konventionelle",
}
#: The first column of the English files.
_START = "Start date"


_COLUMN = re.compile(
    r"(.+?)\s*\[MWh\](?:\s+(?:Originalauflösungen|Berechnete Auflösungen|Original resolutions|Calculated resolutions))?"
)


def _number(cell: pl.Expr, thousands: str, decimal: str) -> pl.Expr:
    """A number with at most two decimals as text without separators; "?", to be refused and not misread, in another notation.

    "1093.5" and "1,093" are no German numbers.
    """
    plain = cell.str.replace_all(thousands, "", literal=True).str.replace(decimal, ".", literal=True)
    pattern = rf"^-?(\d{{1,3}}({re.escape(thousands)}\d{{3}})*|\d+)({re.escape(decimal)}\d{{1,2}})?$"
    return (
        pl.when(cell.str.contains(pattern)).then(plain).when(cell.str.contains(r"\d")).then(pl.lit("?")).otherwise(cell)
    )


def _local_time(document: Document, text: pl.DataFrame) -> pl.Expr:
    """The start of each slot on the German clock, from the columns of the file's year."""
    if _START in text.columns:
        start = pl.col(_START).str.strip_chars()
        return start.str.to_datetime("%b %d, %Y %I:%M %p", time_unit="us", strict=False).alias("local")
    if "Datum von" in text.columns:
        written = pl.col("Datum von")
    elif start := next((c for c in ("Uhrzeit", "Anfang") if c in text.columns and "Datum" in text.columns), None):
        written = pl.col("Datum") + " " + pl.col(start)
    else:
        raise LayoutError(
            f"{document.url}: neither Datum and Uhrzeit (or Anfang) nor Datum von nor {_START}; found {', '.join(text.columns[:4])}"
        )
    return written.str.strip_chars().str.to_datetime("%d.%m.%Y %H:%M", time_unit="us", strict=False).alias("local")


def _resolution(document: Document, valid_from: pl.Series) -> str:
    """Length of the slots; a single one is a quarter-hour, the publisher's default."""
    if valid_from.drop_nulls().n_unique() < 2:
        return "PT15M"
    return length_of(document, valid_from, ("PT15M", "PT1H"))


def parse(documents: Sequence[Document]) -> Reading:
    """Two rows (direct, lifecycle) per slot."""
    (document,) = documents
    text, broken = csv_rows(document, [], separator=";")
    columns = {c: ENGLISH.get(found[1], found[1]) for c in text.columns if (found := _COLUMN.fullmatch(c))}
    if missing := sorted(set(FUELS) - set(columns.values())):
        raise LayoutError(f"{document.url}: no column, or in another unit than MWh: {', '.join(missing)}")
    separators = (",", ".") if _START in text.columns else (".", ",")
    number = _number(pl.col("text").str.strip_chars(), *separators)
    clock = placed(text.with_columns(_local_time(document, text)), "local", CLOCK)
    good, unplaced = split_by_fault(clock, pl.col("why"))
    unplaced = unplaced.select(*[c for c in text.columns if c not in columns], "why")
    mix = good.unpivot(list(columns), index="valid_from", variable_name="column", value_name="text").select(
        pl.lit("DE").alias("zone"),
        "valid_from",
        "column",
        pl.col("column")
        .replace_strict({c: FUELS.get(name, UNKNOWN) for c, name in columns.items()}, return_dtype=pl.String)
        .alias("fuel"),
        number_cells(number).alias("generation"),
    )
    frame, slots = intensities(mix, resolution=_resolution(document, clock["valid_from"]), kind="column")
    return Reading([Scope("DE", frame)], pl.concat([broken, refused(unplaced, pl.col("why")), slots]))


SMARD = Source(
    source_id="smard",
    subject="grid_carbon",
    title="SMARD generation in Germany (by hand; imports ignored)",
    homepage_url="https://www.smard.de/",
    licence="CC BY 4.0",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    attribution="Bundesnetzagentur | SMARD.de",
    parse=parse,
    parser_version=7,
    extension="csv",
    stale_after_days=400.0,
)
