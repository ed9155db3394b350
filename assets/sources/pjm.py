"""PJM Data Miner: hourly generation by fuel, turned into a carbon intensity (see `_fuel_mix`).

Quirks: `datetime_beginning_utc` is the start of the hour, without an offset. An answer is a page of `totalRows`: the
first and last hour of a page that is not the whole are refused. "Multiple Fuels" plants burn gas or oil and the file
does not say which: without a factor, as "Other". Storage is storage; imports are ignored. The interface wants a key of
the account that downloads, so the file comes by hand: JSON from the interface, or CSV as Data Miner exports it, where
times are written as 9/30/2021 11:00:00 PM.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assets.sources._base import (
    LayoutError,
    Reading,
    Scope,
    Source,
    csv_rows,
    json_of,
    plain_extension,
    refused,
    split_by_fault,
    to_instant,
    without_parts_of,
)
from assets.sources._fuel_mix import intensities
from assets.sources._rows import NUMBER_OR_NAN, frame_of, inside, number_cells, number_of
from warehouse.captures import Document

ZONE = "US-MIDA-PJM"
FUELS = {
    "Coal": "coal",
    "Gas": "gas",
    "Hydro": "hydro",
    "Multiple Fuels": "unknown",
    "Nuclear": "nuclear",
    "Oil": "oil",
    "Other": "unknown",
    "Other Renewables": "unknown",
    "Solar": "solar",
    "Storage": "storage",
    "Wind": "wind",
}
#: Kinds that are always stated, if only as 0.
ALWAYS = ("Coal", "Gas", "Hydro", "Nuclear", "Solar", "Wind")
_SCHEMA = {"datetime_beginning_utc": pl.String, "fuel_type": pl.String, "mw": NUMBER_OR_NAN}
_TIMES = ("%Y-%m-%dT%H:%M:%S", "%m/%d/%Y %I:%M:%S %p")


def _from_csv(document: Document) -> tuple[pl.DataFrame, bool, pl.DataFrame | None]:
    text, broken = csv_rows(document, list(_SCHEMA))
    text = without_parts_of(text, broken, "datetime_beginning_utc")
    # An export does not say whether it is whole; an hour that is cut lacks its first or last kind, which are in `ALWAYS`.
    return text.select("datetime_beginning_utc", "fuel_type", number_cells(pl.col("mw")).alias("mw")), True, broken


def _from_json(document: Document) -> tuple[pl.DataFrame, bool, pl.DataFrame | None]:
    body = json_of(document)
    items = inside(body, "items")
    if not isinstance(items, list) or not items:
        raise LayoutError(f"{document.url}: no items")
    found = next((i for i in items if isinstance(i, dict)), {})
    if missing := [f for f in _SCHEMA if f not in found]:
        raise LayoutError(f"{document.url}: no field {', '.join(missing)}; found {', '.join(found)[:200]}")
    total = number_of(inside(body, "totalRows"))
    return frame_of(items, _SCHEMA), total is None or len(items) >= total, None


def parse(documents: Sequence[Document]) -> Reading:
    """Two rows (direct, lifecycle) per hour."""
    (document,) = documents
    rows, is_whole, broken = (_from_csv if plain_extension(document) == "csv" else _from_json)(document)
    rows = rows.with_columns(
        pl.coalesce(to_instant("datetime_beginning_utc", form) for form in _TIMES).alias("valid_from"),
        pl.col("fuel_type")
        .str.strip_chars()
        .replace_strict(FUELS, default="unknown", return_dtype=pl.String)
        .alias("fuel"),
    )
    at_an_end = pl.col("valid_from").is_in([rows["valid_from"].min(), rows["valid_from"].max()])
    is_hour = (pl.col("valid_from").dt.minute() == 0) & (pl.col("valid_from").dt.second() == 0)
    why = (
        pl.when(~is_hour.fill_null(value=False))
        .then(pl.lit("the time is not the start of an hour"))
        .when(pl.lit(not is_whole) & at_an_end)
        .then(pl.lit("the hour is cut by paging: other fuels are on a page that is not here"))
    )
    good, bad = split_by_fault(rows, why)
    mix = good.select(pl.lit(ZONE).alias("zone"), "valid_from", "fuel", "fuel_type", pl.col("mw").alias("generation"))
    frame, slots = intensities(mix, resolution="PT1H", kind="fuel_type", always=ALWAYS)
    rejected = pl.concat([refused(bad.select(*_SCHEMA, "why"), pl.col("why")), slots])
    return Reading([Scope(ZONE, frame)], rejected).refusing(broken)


PJM = Source(
    source_id="pjm",
    subject="grid_carbon",
    title="PJM generation by fuel (by hand; imports ignored)",
    homepage_url="https://dataminer2.pjm.com/feed/gen_by_fuel",
    licence="PJM terms of use",
    attribution="PJM Interconnection",
    parse=parse,
    parser_version=6,
    stale_after_days=400.0,
    max_rejected_share=0.5,
)
