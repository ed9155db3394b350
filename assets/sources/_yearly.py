"""Yearly carbon intensity by country, as Ember computes it and others pass it on."""

from __future__ import annotations

import polars as pl

from assets.sources._base import Reading, Scope, refused
from assets.sources._rows import grid_carbon_rows

#: Why a row is refused whose code is neither a country nor that of a group of countries.
UNKNOWN_COUNTRY = "unknown country code"


def yearly_lifecycle(rows: pl.DataFrame, scope: str) -> Reading:
    """A reading of yearly location-based lifecycle averages.

    Args:
        rows: zone, year (Int32) and intensity_gco2e_per_kwh, each null where it could not be read, and the columns as sent.
        scope: name of the scope of these rows.

    Returns:
        A reading in which rows without a year or a positive figure are refused: a zero is the rounded or missing figure of
        a very small grid, since no grid is without emissions over its life cycle.
    """
    bad = (
        pl.col("intensity_gco2e_per_kwh").is_null()
        | (pl.col("intensity_gco2e_per_kwh") <= 0)
        | pl.col("year").is_null()
    )
    start = pl.datetime(pl.col("year"), 1, 1, time_unit="us", time_zone="UTC")
    tidy = grid_carbon_rows(
        rows.filter(~bad).with_columns(start.alias("valid_from")),
        resolution="P1Y",
        basis_boundary="lifecycle",
        basis_kind="actual",
    )
    reason = "no year, or an intensity that is missing, zero or negative: a rounded figure of a very small grid"
    return Reading([Scope(scope, tidy)], refused(rows.filter(bad), reason))
