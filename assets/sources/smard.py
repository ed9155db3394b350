"""SMARD (Bundesnetzagentur): German generation by quarter-hour or hour, turned into a carbon intensity (see `_fuel_mix`).

There were three headers over the years: "Datum;Uhrzeit;Biomasse[MWh]", "Datum;Anfang;Ende;Biomasse [MWh]
Originalauflösungen" (or "Berechnete Auflösungen", hourly) and "Datum von;Datum bis;…". An unknown kind of generation
counts as generation without a factor; if a known kind is missing, it is not zero and the file is refused.

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


_COLUMN = re.compile(r"(.+?)\s*\[MWh\](?:\s+(?:Originalauflösungen|Berechnete Auflösungen))?")
#: A number in German notation with at most two decimals; "1093.5" and "1,093" are not, and would be misread.
_NUMBER = r"^-?(\d{1,3}(\.\d{3})*|\d+)(,\d{1,2})?$"


def _local_time(document: Document, text: pl.DataFrame) -> pl.Expr:
    """The start of each slot on the German clock, from the columns of the file's year."""
    if "Datum von" in text.columns:
        written = pl.col("Datum von")
    elif start := next((c for c in ("Uhrzeit", "Anfang") if c in text.columns and "Datum" in text.columns), None):
        written = pl.col("Datum") + " " + pl.col(start)
    else:
        raise LayoutError(
            f"{document.url}: neither Datum and Uhrzeit (or Anfang) nor Datum von; found {', '.join(text.columns[:4])}"
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
    columns = {c: found[1] for c in text.columns if (found := _COLUMN.fullmatch(c))}
    if missing := sorted(set(FUELS) - set(columns.values())):
        raise LayoutError(f"{document.url}: no column, or in another unit than MWh: {', '.join(missing)}")
    cell = pl.col("text").str.strip_chars()
    plain = cell.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    # A number in another notation becomes "?", so that it is refused and not misread.
    number = (
        pl.when(cell.str.contains(_NUMBER)).then(plain).when(cell.str.contains(r"\d")).then(pl.lit("?")).otherwise(cell)
    )
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
    parser_version=6,
    extension="csv",
    stale_after_days=400.0,
)
