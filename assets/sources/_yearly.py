"""Yearly carbon intensity by country, as Ember computes it and others pass it on."""

from __future__ import annotations

import polars as pl

from assets.sources._base import Reading, Scope, refused, split_by_fault
from assets.sources._rows import grid_carbon_rows

#: Why a row is refused whose code is neither a country nor that of a group of countries.
UNKNOWN_COUNTRY = "unknown country code"


def yearly_lifecycle(rows: pl.DataFrame, scope: str) -> Reading:
    """A reading of yearly location-based lifecycle averages.

    Args:
        rows: zone (null for an unknown code), year (Int32) and intensity_gco2e_per_kwh, each null where it could not be
            read, and the columns as sent.
        scope: name of the scope of these rows.

    Returns:
        A reading in which rows without a zone, a year or a positive figure are refused: a zero is the rounded or missing figure of
        a very small grid, since no grid is without emissions over its life cycle.
    """
    is_readable = (pl.col("intensity_gco2e_per_kwh") > 0) & pl.col("year").is_not_null()
    why = (
        pl.when(pl.col("zone").is_null())
        .then(pl.lit(UNKNOWN_COUNTRY))
        .when(~is_readable.fill_null(value=False))
        .then(
            pl.lit("no year, or an intensity that is missing, zero or negative: a rounded figure of a very small grid")
        )
    )
    good, bad = split_by_fault(rows, why)
    start = pl.datetime(pl.col("year"), 1, 1, time_unit="us", time_zone="UTC")
    tidy = grid_carbon_rows(
        good.with_columns(start.alias("valid_from")),
        resolution="P1Y",
        basis_boundary="lifecycle",
        basis_kind="actual",
    )
    return Reading([Scope(scope, tidy)], refused(bad.drop("why"), bad["why"]))
