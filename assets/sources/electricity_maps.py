"""Electricity Maps: the API v3 (one zone on the free tier), and the yearly CSV files downloaded by hand.

gCO2e/kWh, average, of what was consumed (flow-traced). Quirks: `isEstimated` tells estimates from measurements; the
latest hour may be later than the time the answer was made. The API's `createdAt` and `updatedAt` show that rows are
revised for months. The old v1 answer states neither the boundary nor whether it is estimated, so its rows are
`unconfirmed` and `estimated`, the weaker claims. CSV headers have two forms (until the 2024 release "Carbon Intensity
gCO2eq/kWh (LCA)", from 2025 "Carbon intensity ... (Life cycle)"; the 2 is U+2082). Rows from "Electricity Maps
Estimation" with "Data Estimated: false" occur and count as estimated. A file named DE-LU holds zone DE: the zone in the
file counts. Old years are re-issued every January with other values for the same hours; load each release with the day
it was fetched (`--fetched-at`), and the log keeps them all (see `observed_by`). Licence: ODbL, or the terms of the
account.
"""

from __future__ import annotations

import os
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
    refused,
    to_instant,
)
from assets.sources._clock import MINUTES, length_of
from assets.sources._rows import NUMBER_OR_NAN, frame_of, grid_carbon_rows, number_cells
from warehouse.captures import Document

HOST = "api.electricitymaps.com"
KEY = "ELECTRICITY_MAPS_API_KEY"
#: Comma-separated zones to ask for; the free tier has one.
ZONES_VARIABLE = "ELECTRICITY_MAPS_ZONES"
_GRANULARITY = {
    "5_minutes": "PT5M",
    "15_minutes": "PT15M",
    "hourly": "PT1H",
    "daily": "P1D",
    "monthly": "P1M",
    "yearly": "P1Y",
}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The last 24 hours, lifecycle and direct, of each configured zone."""
    zones = [z.strip() for z in os.environ.get(ZONES_VARIABLE, "DE").split(",") if z.strip()]
    for zone in zones:
        for boundary in ("lifecycle", "direct"):
            yield [
                Request(
                    f"https://{HOST}/v3/carbon-intensity/history",
                    params={"zone": zone, "emissionFactorType": boundary},
                    secret_headers={"auth-token": os.environ[KEY]},
                )
            ]


def _frame(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the subject; a figure that is not marked as measured is estimated."""
    is_measured = pl.col("is_estimated").eq_missing(pl.lit(value=False))
    kind = pl.when(is_measured).then(pl.lit("actual")).otherwise(pl.lit("estimated"))
    return grid_carbon_rows(rows, basis_kind=kind)


def parse_api(documents: Sequence[Document]) -> Reading:
    """Rows of a `history` or `latest` answer (v3), or of the old v1 shape."""
    (document,) = documents
    body = json_of(document)
    if not isinstance(body, dict):
        raise LayoutError(f"{document.url}: expected an object")
    if "countryCode" in body:
        records = [{**(body.get("data") or {}), "zone": body["countryCode"]}]
    else:
        records = next((body[name] for name in ("history", "data") if isinstance(body.get(name), list)), [body])
    zone = body.get("zone") if isinstance(body.get("zone"), str) else None
    if not any(isinstance(record, dict) and "carbonIntensity" in record for record in records):
        raise LayoutError(
            f"{document.url}: no carbonIntensity; {str(body.get('error') or body.get('status') or '')[:200]}"
        )
    fields = {
        "zone": pl.String,
        "carbonIntensity": NUMBER_OR_NAN,
        "datetime": pl.String,
        "emissionFactorType": pl.String,
        "isEstimated": pl.Boolean,
        "temporalGranularity": pl.String,
    }
    # A record without a value is an hour to come; what is no record is told.
    nothing = [str(record) for record in records if not isinstance(record, dict)]
    rows = (
        frame_of(records, fields)
        .filter(pl.col("carbonIntensity").is_not_null())
        .select(
            pl.coalesce("zone", pl.lit(zone)).alias("zone"),
            # Hours unless stated otherwise (checked below).
            pl.coalesce("temporalGranularity", pl.lit(body.get("temporalGranularity"), pl.String), pl.lit("hourly"))
            .replace_strict(_GRANULARITY, default=None, return_dtype=pl.String)
            .alias("resolution"),
            pl.coalesce("emissionFactorType", pl.lit("unconfirmed")).alias("basis_boundary"),
            pl.col("isEstimated").alias("is_estimated"),
            pl.col("carbonIntensity").alias("intensity_gco2e_per_kwh"),
            to_instant("datetime", "%Y-%m-%dT%H:%M:%S%.fZ").alias("valid_from"),
        )
    )
    if rows.is_empty():
        raise LayoutError(f"{document.url}: no value")
    is_other = (pl.col("zone") != zone) if zone else pl.lit(value=False)
    other, rows = rows.filter(is_other), rows.filter(~is_other.fill_null(value=False))
    for (resolution,), part in rows.group_by("resolution"):
        if resolution in MINUTES and part["valid_from"].drop_nulls().n_unique() > 1:
            length_of(document, part["valid_from"], (str(resolution),))
    return Reading(
        [Scope(str(zone or rows["zone"][0]), _frame(rows))],
        pl.concat(
            [
                refused(other, f"another zone than the answer's, {zone}"),
                refused(pl.DataFrame({"record": nothing}, schema={"record": pl.String}), "not a record"),
            ]
        ),
    )


def _resolution(document: Document, times: pl.Series) -> str:
    """Length of the slots of a yearly file, up to a year."""
    slots = times.drop_nulls().unique().sort()
    if slots.len() < 2:
        raise LayoutError(f"{document.url}: one row: the length of a slot cannot be determined")
    hours = slots.to_frame("at").select(pl.col("at").diff().dt.total_seconds().median()).item() / 3600
    starts_day = (slots == slots.dt.truncate("1d")).all()
    if starts_day and (slots.dt.ordinal_day() == 1).all():
        return "P1Y"
    if starts_day and (slots.dt.day() == 1).all() and 28 * 24 <= hours <= 31 * 24:
        return "P1M"
    if starts_day and hours == 24:
        return "P1D"
    return length_of(document, times)


def _column(document: Document, columns: Sequence[str], pattern: str) -> str:
    found = [c for c in columns if re.fullmatch(pattern, c.strip().lower())]
    if len(found) != 1:
        raise LayoutError(f"{document.url}: no column like {pattern!r}; found {', '.join(columns)[:400]}")
    return found[0]


def parse_csv(documents: Sequence[Document]) -> Reading:
    """Two rows (direct, lifecycle) per slot of a yearly file, in either generation of headers."""
    (document,) = documents
    text, broken = csv_rows(document, [])
    named = {
        "time": r"datetime \(utc\)",
        "zone": r"zone id",
        # The 2 is a subscript, or was lost on the way.
        "direct": r"carbon intensity gco.?eq/kwh \(direct\)",
        "lifecycle": r"carbon intensity gco.?eq/kwh \((lca|life cycle)\)",
        "estimated": r"data estimated",
        "origin": r"data source",
    }
    columns = {name: _column(document, text.columns, pattern) for name, pattern in named.items()}
    rows = text.select(
        pl.col(columns["zone"]).str.strip_chars().alias("zone"),
        to_instant(columns["time"], "%Y-%m-%d %H:%M:%S").alias("valid_from"),
        (
            (pl.col(columns["estimated"]).str.strip_chars().str.to_lowercase() != "false")
            | pl.col(columns["origin"]).str.contains("(?i)estimation")
        )
        .fill_null(value=True)
        .alias("is_estimated"),
        *(pl.col(columns[b]).alias(b) for b in ("direct", "lifecycle")),
    )
    resolution = _resolution(document, rows["valid_from"])
    rows = rows.with_columns(number_cells(pl.col(b)).alias(f"{b}_number") for b in ("direct", "lifecycle"))
    # A file is of one zone.
    zone = rows["zone"].drop_nulls().mode().sort().first()
    other, rows = rows.filter(pl.col("zone").ne_missing(zone)), rows.filter(pl.col("zone").eq_missing(zone))
    # Combustion is a part of the life cycle, so direct cannot be larger.
    is_odd = (pl.col("lifecycle_number") < 1) | (pl.col("direct_number") > pl.col("lifecycle_number"))
    odd = rows.filter(is_odd)
    if 2 * odd.height > rows.height:
        raise LayoutError(
            f"{document.url}: direct is above life cycle, or life cycle below 1 g/kWh, in {odd.height} of {rows.height} rows"
        )
    cells = (
        rows.filter(~is_odd.fill_null(value=False))
        .unpivot(
            ["direct", "lifecycle"],
            index=["zone", "valid_from", "is_estimated"],
            variable_name="basis_boundary",
            value_name="text",
        )
        .filter(pl.col("text").is_not_null() & (pl.col("text").str.strip_chars() != ""))
        .with_columns(
            number_cells(pl.col("text")).alias("intensity_gco2e_per_kwh"),
            pl.lit(resolution).alias("resolution"),
        )
    )
    unreadable = pl.col("valid_from").is_null() | ~pl.col("intensity_gco2e_per_kwh").is_finite().fill_null(value=False)
    bad = cells.filter(unreadable).select("zone", "basis_boundary", "text")
    good = cells.filter(~unreadable)
    if good.is_empty():
        raise LayoutError(f"{document.url}: no value")
    rejected = [
        broken,
        refused(bad, "the time or the value cannot be read"),
        refused(other.select("zone", "valid_from", "direct", "lifecycle"), f"another zone than the file's, {zone}"),
        refused(
            odd.select("zone", "valid_from", "direct", "lifecycle"),
            "direct is above life cycle, or life cycle below 1 g/kWh",
        ),
    ]
    return Reading([Scope(str(good["zone"][0]), _frame(good))], pl.concat(rejected))


ELECTRICITY_MAPS = Source(
    source_id="electricity_maps",
    subject="grid_carbon",
    title="Electricity Maps API",
    homepage_url="https://www.electricitymaps.com/",
    licence="Electricity Maps terms (no redistribution on the free tier)",
    attribution="Electricity Maps",
    parse=parse_api,
    parser_version=4,
    plan=plan,
    hosts=(HOST,),
    cadence="10 */12 * * *",
    changes_within_days=3,
    key_name=KEY,
)
ELECTRICITY_MAPS_CSV = Source(
    source_id="electricity_maps_csv",
    subject="grid_carbon",
    title="Electricity Maps yearly files (by hand)",
    homepage_url="https://portal.electricitymaps.com/datasets",
    licence="ODbL 1.0 (releases up to 2023), else the file's terms",
    attribution="Electricity Maps",
    parse=parse_csv,
    parser_version=4,
    extension="csv",
    stale_after_days=400.0,
)
