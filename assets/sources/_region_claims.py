"""Tables about cloud regions, with a row per region and a column per attribute, as rows of `region_claim`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from assets.sources._base import Reading, Scope, refused

#: How tables write "unknown", besides an empty field; a zero is a value.
NOT_AVAILABLE = (
    "n/a",
    "na",
    "#n/a",
    "not available",
    "unavailable",
    "unknown",
    "none",
    "null",
    "nan",
    "tbd",
    "*",
    "-",
    "–",
    "?",
)
#: A region id: lower-case letters, digits and hyphens; capitals or blanks mean that it is the name of a place.
REGION_ID = r"^[a-z][a-z0-9-]*[a-z0-9]$"

_KEYS = ("provider", "region", "attribute", "basis", "place", "period", "claimed_by")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A column of a table: the attribute that it states, the basis of counting (see `RegionClaim`) and the unit.

    `is_text` marks names instead of numbers; `factor` converts the table's unit into `unit`.
    """

    column: str
    attribute: str
    unit: str
    basis: str = ""
    is_text: bool = False
    factor: float = 1.0

    @property
    def is_share(self) -> bool:
        """True for shares, which tables may also give in per cent."""
        return self.unit == "share"


def known_text(column: str) -> pl.Expr:
    """A text column, stripped; null where it says "unknown" in some form."""
    text = pl.col(column).str.strip_chars()
    return pl.when(text.str.to_lowercase().is_in([*NOT_AVAILABLE, ""])).then(None).otherwise(text)


def is_place(region: str) -> pl.Expr:
    """True for text that is the name of a place, not a region id; false for null."""
    return ~pl.col(region).str.contains(REGION_ID).fill_null(value=True)


def not_over(period: str, seen_in: int) -> pl.Expr:
    """True for a year that was not over when the claim was seen, so that it can only be an estimate."""
    return pl.col(period).cast(pl.Int32, strict=False) >= seen_in


def claims(rows: pl.DataFrame, columns: Sequence[Claimed], claimed_by: str) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Every known field of the given columns as a claim.

    Args:
        rows: provider, region, the columns of the table as text and, if the table has them, place and period ('2023').
        columns: the columns to read; the table may lack some.
        claimed_by: who publishes the table.

    Returns:
        (rows of `region_claim`, refused fields). Shares in per cent are converted: a field with the sign, or the whole
        column if most of its numbers are above 1.
    """
    rows = rows.with_columns(pl.lit("").alias(c) for c in ("place", "period") if c not in rows.columns)
    said = [_said(rows, c, claimed_by) for c in columns if c.column in rows.columns]
    if not said:
        return pl.DataFrame(), []
    every = pl.concat(said)
    wrong = pl.col("amount").is_null() & ~pl.col("_is_text")
    bad, good = every.filter(wrong), every.filter(~wrong)
    parts = [
        pl.col("_column"),
        pl.lit(" is '"),
        pl.col("value").str.slice(0, 40),
        pl.lit("': neither a number nor empty"),
    ]
    why = bad.select(pl.concat_str(parts).alias("reason"))["reason"]
    helpers = ("_is_text", "_column")
    return good.drop(helpers), [refused(bad.drop(*helpers, "amount"), why, bad.select(_KEYS))] if bad.height else []


def _said(rows: pl.DataFrame, c: Claimed, claimed_by: str) -> pl.DataFrame:
    said = rows.with_columns(known_text(c.column).alias("value")).filter(pl.col("value").is_not_null())
    if c.is_text:
        amount: pl.Expr = pl.lit(None, dtype=pl.Float64)
    elif c.is_share:
        plain = said["value"].cast(pl.Float64, strict=False)
        median = plain.median()
        in_per_cent = isinstance(median, float) and median > 1
        number = pl.col("value").str.strip_suffix("%").str.strip_chars().cast(pl.Float64, strict=False)
        is_signed = pl.col("value").str.ends_with("%")
        amount = pl.when(is_signed | pl.lit(in_per_cent)).then(number / 100).otherwise(number)
    else:
        amount = pl.col("value").cast(pl.Float64, strict=False)
        # 0.000440187 t is 440.187 g, not 440.18699999999995.
        amount = amount if c.factor == 1 else (amount * c.factor).round(9)
    plain_text = amount.cast(pl.String).str.strip_suffix(".0")
    return said.select(
        "provider",
        "region",
        pl.lit(c.attribute).alias("attribute"),
        pl.lit(c.basis).alias("basis"),
        "place",
        "period",
        pl.lit(claimed_by).alias("claimed_by"),
        pl.coalesce(plain_text, "value").alias("value"),
        amount.alias("amount"),
        pl.lit(c.unit).alias("unit"),
        pl.lit(c.is_text).alias("_is_text"),
        pl.lit(c.column).alias("_column"),
    )


def by_scope(found: pl.DataFrame, rejected: Sequence[pl.DataFrame]) -> Reading:
    """A reading with one complete scope per year or, for undated claims, per provider.

    A table that lacks a year (or provider) leaves its earlier claims alone; one that lacks a region withdraws its
    claims.
    """
    kept = [r for r in rejected if r.height]
    if found.is_empty():
        return Reading([], pl.concat(kept, how="diagonal_relaxed") if kept else None)
    scope = pl.when(pl.col("period") == "").then(pl.col("provider")).otherwise(pl.col("period"))
    parts = found.with_columns(scope.alias("_scope")).partition_by("_scope", as_dict=True, include_key=False)
    scopes = [Scope(str(name), part.sort(_KEYS), is_complete=True) for (name,), part in sorted(parts.items())]
    return Reading(scopes, pl.concat(kept, how="diagonal_relaxed") if kept else None)
