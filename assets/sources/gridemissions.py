"""gridemissions (Stanford): hourly intensity of what was consumed, by US balancing authority, from EIA-930.

Columns `CO2i_<AUTHORITY>_D`, kg/MWh (= g/kWh), three digits. Quirks: the time is UTC without an offset and the END of
the hour, as EIA's; imports are traced through the country, so values differ from a mix of the authority's own; the file
does not say whether factors are direct or lifecycle: `unconfirmed`. Of Canada and Mexico no generation is known there:
their columns are assumptions and refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Scope, Source, csv_of, refused
from assets.sources.eia import ZONES
from warehouse.captures import Document


def parse(documents: Sequence[Document]) -> Reading:
    """One row per authority and hour."""
    (document,) = documents
    text = csv_of(document, ["period"])
    columns = {c: c.removeprefix("CO2i_").removesuffix("_D") for c in text.columns if c.startswith("CO2i_")}
    if not columns or len(columns) + 1 != len(text.columns):
        found = ", ".join(text.columns)[:200]
        raise LayoutError(f"{document.url}: expected period and columns CO2i_<AUTHORITY>_D; found {found}")
    end = pl.coalesce(
        pl.col("period").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", time_zone="UTC", strict=False),
        (pl.col("period") + ":00").str.to_datetime("%Y-%m-%dT%H:%M", time_unit="us", time_zone="UTC", strict=False),
    )
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
        .then(pl.lit("no authority of the United States: its intensity is assumed, not computed"))
        .when(pl.col("valid_from").is_null() | (pl.col("valid_from").dt.minute() != 0))
        .then(pl.lit("the time cannot be read"))
        .when(pl.col("value").is_null())
        .then(pl.lit("the value is not a number"))
    )
    rows = rows.with_columns(why.alias("why"))
    bad = rows.filter(pl.col("why").is_not_null()).select("period", "column", "text", "why")
    frame = rows.filter(pl.col("why").is_null()).select(
        "zone",
        pl.lit("PT1H").alias("resolution"),
        pl.lit("average").alias("basis_method"),
        pl.lit("unconfirmed").alias("basis_boundary"),
        pl.lit("location").alias("basis_accounting"),
        pl.lit("estimated").alias("basis_kind"),
        pl.col("value").alias("intensity_gco2e_per_kwh"),
        "valid_from",
    )
    return Reading([Scope("US", frame)], refused(bad, pl.col("why")))


GRIDEMISSIONS = Source(
    source_id="gridemissions",
    subject="grid_carbon",
    title="gridemissions: consumption-based intensity by US authority (by hand)",
    homepage_url="https://gridemissions.jdechalendar.su.domains/",
    licence="MIT (code and data), from EIA-930",
    attribution="J. de Chalendar, gridemissions",
    parse=parse,
    extension="csv",
    stale_after_days=400.0,
    max_rejected_share=0.3,
)
