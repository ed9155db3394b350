"""What catalogs read from Google's SKUs get wrong: the price of a commitment taken for the one on demand.

Google sells one accelerator under SKUs on demand, under commitments and by calendar, and their names differ by a word.
Catalogs that pick one by its name take a commitment's in some regions (an H100 in us-east4 at 4.20 beside 9.80).
"""

from __future__ import annotations

import polars as pl

#: A list price is at least this share of the dearest region's: the widest real span is 0.62, commitments reach 0.5.
LEAST_SHARE = 0.55
COMMITTED = "not on demand but under a commitment: far below the price of the same in other regions"


def is_committed(rate: pl.Expr, *same: str) -> pl.Expr:
    """True for a rate on demand (null for others) far below the dearest of what is the same thing elsewhere."""
    return (rate < LEAST_SHARE * rate.max().over(*same)).fill_null(value=False)
