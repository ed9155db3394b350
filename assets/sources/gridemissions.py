"""gridemissions (Stanford): hourly intensity of what was consumed, by US balancing authority, from EIA-930.

Columns `CO2i_<AUTHORITY>_D`, kg/MWh (= g/kWh), three digits. Quirks: the time is UTC without an offset and, as in EIA's
data, the END of the hour; imports are traced through the country, so values differ from those of the authority's own
mix; factors are lifecycle ones, as the publisher's code says and the file shows (4 g for an authority with hydropower
alone). The generation of Canada and Mexico is not in EIA's data: their columns are assumptions and are refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Scope, Source, csv_rows, refused, split_by_fault, to_instant
from assets.sources._rows import IMPLAUSIBLY_CLEAN, grid_carbon_rows, is_implausibly_clean
from assets.sources.eia import ZONES
from warehouse.captures import Document


def parse(documents: Sequence[Document]) -> Reading:
    """One row per authority and hour."""
    (document,) = documents
    text, broken = csv_rows(document, ["period"])
    columns = {c: c.removeprefix("CO2i_").removesuffix("_D") for c in text.columns if c.startswith("CO2i_")}
    if not columns or len(columns) + 1 != len(text.columns):
        found = ", ".join(text.columns)[:200]
        raise LayoutError(f"{document.url}: expected period and columns CO2i_<AUTHORITY>_D; found {found}")
    end = pl.coalesce(to_instant("period", "%Y-%m-%d %H:%M:%S"), to_instant(pl.col("period") + ":00", "%Y-%m-%dT%H:%M"))
    code = pl.col("column").replace_strict(columns)
    rows = (
        text.unpivot(list(columns), index="period", variable_name="column", value_name="text")
        .filter(pl.col("text").is_not_null())
        .with_columns(
            (end - pl.duration(hours=1)).alias("valid_from"),
            code.replace_strict(ZONES, default=None, return_dtype=pl.String).alias("zone"),
            pl.col("text").cast(pl.Float64, strict=False).alias("value"),
        )
    )
    why = (
        pl.when(pl.col("zone").is_null())
        .then(pl.lit("not an authority of the United States: its intensity is assumed, not computed"))
        .when(pl.col("valid_from").is_null() | (pl.col("valid_from").dt.minute() != 0))
        .then(pl.lit("the time cannot be read"))
        .when(pl.col("value").is_null())
        .then(pl.lit("the value is not a number"))
        .when(is_implausibly_clean("value"))
        .then(pl.lit(IMPLAUSIBLY_CLEAN))
    )
    good, bad = split_by_fault(rows, why)
    frame = grid_carbon_rows(
        good,
        resolution="PT1H",
        basis_boundary="lifecycle",
        basis_kind="estimated",
        intensity_gco2e_per_kwh=pl.col("value"),
    )
    bad = refused(bad.select("period", "column", "text", "why"), pl.col("why"))
    return Reading([Scope("US", frame)], pl.concat([broken, bad]))


GRIDEMISSIONS = Source(
    source_id="gridemissions",
    subject="grid_carbon",
    title="gridemissions: consumption-based intensity by US authority (by hand)",
    homepage_url="https://gridemissions.jdechalendar.su.domains/",
    licence="MIT (code and data), from EIA-930",
    attribution="J. de Chalendar, gridemissions",
    parse=parse,
    parser_version=3,
    extension="csv",
    stale_after_days=400.0,
    max_rejected_share=0.3,
)
