"""A common error of catalogs made from Google's SKUs: the price of a commitment listed as the on-demand price.

Google sells one accelerator under SKUs on demand, under commitments and by calendar, whose names differ by a word.
Catalogs that choose one by its name pick that of a commitment in some regions (an H100 in us-east4 at 4.20 instead of
9.80).
"""

from __future__ import annotations

import polars as pl

#: A list price is at least this share of that in the most expensive region: the lowest real one is 0.62, and
#: commitments are at 0.5 or less.
LEAST_SHARE = 0.55
COMMITTED = "not on demand but under a commitment: far below the price of the same offer in other regions"


def is_committed(rate: pl.Expr, *same: str) -> pl.Expr:
    """True where an on-demand rate (null for others) is far below the highest one among rows equal in the columns `same`."""
    return (rate < LEAST_SHARE * rate.max().over(*same)).fill_null(value=False)
