"""Yearly carbon intensity by country, as Ember computes it and others pass it on."""

from __future__ import annotations

import polars as pl

from assets.sources._base import Reading, Scope, refused


def yearly_lifecycle(rows: pl.DataFrame, scope: str) -> Reading:
    """A reading of yearly location-based lifecycle averages.

    Args:
        rows: zone, year (Int32) and intensity_gco2e_per_kwh, each null where it could not be read, beside the columns as sent.
        scope: what these rows are all of.

    Returns:
        Rows without a year or a positive figure are refused: a zero is a rounded or missing figure of a very small grid; a
        grid without any emissions over its life cycle does not exist.
    """
    bad = (
        pl.col("intensity_gco2e_per_kwh").is_null()
        | (pl.col("intensity_gco2e_per_kwh") <= 0)
        | pl.col("year").is_null()
    )
    tidy = rows.filter(~bad).select(
        "zone",
        pl.lit("P1Y").alias("resolution"),
        pl.lit("average").alias("basis_method"),
        pl.lit("lifecycle").alias("basis_boundary"),
        pl.lit("location").alias("basis_accounting"),
        pl.lit("actual").alias("basis_kind"),
        "intensity_gco2e_per_kwh",
        pl.datetime(pl.col("year"), 1, 1, time_unit="us", time_zone="UTC").alias("valid_from"),
    )
    reason = "no year, or an intensity that is missing, zero or negative: a rounded figure of a very small grid"
    return Reading([Scope(scope, tidy)], refused(rows.filter(bad), reason))
