"""Electricity Maps' yearly means by zone, as CO2.js publishes them: one file per year, 350 zones.

gCO2e/kWh, average, lifecycle, of what was consumed (flow-traced), in whole numbers. Quirks: only the name of the file
tells the year (`..._yearly_2023.json`); many zones are modelled and nothing tells which, so all rows are `estimated`;
some zones no longer exist; a file of a year that is not over is refused. A file is re-issued under the same name with
newer factors: load each with the day it was fetched (`--fetched-at`). Shares of renewable energy are not read.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Scope, Source, json_of, refused
from assets.sources._rows import frame_of, grid_carbon_rows, inside
from warehouse.captures import Document

UNIT = "gCO2eq/kWh"
#: What a zone is called: DE, US-CAL-CISO.
_ZONE = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]+)*")


def parse(documents: Sequence[Document]) -> Reading:
    """One yearly row per zone."""
    (document,) = documents
    found = re.search(r"yearly_(20\d\d)(?!\d)", document.url.rsplit("/", 1)[-1])
    if not found:
        raise LayoutError(f"{document.url}: which year? name the file ..._yearly_YYYY.json")
    year = int(found[1])
    body = json_of(document)
    if not isinstance(body, dict) or not any(isinstance(v, dict) for v in body.values()):
        raise LayoutError(f"{document.url}: expected an object with one entry per zone")
    # Beside the zones may stand what says something of the file.
    zones = {name: entry for name, entry in body.items() if isinstance(entry, dict) or _ZONE.fullmatch(name)}
    rows = frame_of(
        [
            {"zone": zone} | {name: inside(entry, "carbonIntensity", name) for name in ("value", "unit")}
            for zone, entry in zones.items()
        ],
        {"zone": pl.String, "value": pl.Float64, "unit": pl.String},
    )
    if rows["value"].null_count() == rows.height:
        raise LayoutError(f"{document.url}: no zone has a carbonIntensity with a value")
    fits = ((pl.col("unit") == UNIT) & pl.col("value").is_not_null()).fill_null(value=False)
    start = pl.lit(dt.datetime(year, 1, 1, tzinfo=dt.UTC)).dt.cast_time_unit("us")
    frame = grid_carbon_rows(
        rows.filter(fits).with_columns(start.alias("valid_from")),
        resolution="P1Y",
        basis_boundary="lifecycle",
        basis_kind="estimated",
        intensity_gco2e_per_kwh=pl.col("value"),
    )
    return Reading([Scope(found[1], frame)], refused(rows.filter(~fits), f"no value in {UNIT}"))


ELECTRICITY_MAPS_YEARLY = Source(
    source_id="electricity_maps_yearly",
    subject="grid_carbon",
    title="Electricity Maps yearly means by zone (CO2.js, by hand)",
    homepage_url="https://github.com/thegreenwebfoundation/co2.js",
    licence="ODbL 1.0 (Electricity Maps)",
    licence_url="https://opendatacommons.org/licenses/odbl/1-0/",
    attribution="Electricity Maps, through CO2.js of the Green Web Foundation",
    parse=parse,
    parser_version=2,
    stale_after_days=800.0,
)
