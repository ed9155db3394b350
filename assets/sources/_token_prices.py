"""What lists of token prices, typed by hand, get wrong alike."""

from __future__ import annotations

import polars as pl

#: The dearest published list price (o1-pro, output); what lies above was typed per thousand tokens.
MAX_USD_PER_MTOK = 600.0
_PRICE = pl.col("price_usd_per_mtok")


def fault(*model: str) -> pl.Expr:
    """Why a price cannot be per million tokens; null where it can.

    Whoever typed one price of a model per thousand tokens typed the others so: 0.0005 beside 0.002 is no 500 USD.

    Args:
        model: the columns that name a model in a frame with price_usd_per_mtok.
    """
    return (
        pl.when(_PRICE.is_null() | _PRICE.is_nan())
        .then(pl.lit("the price is not a number"))
        .when(_PRICE < 0)
        .then(pl.lit("a negative price"))
        .when(_PRICE > MAX_USD_PER_MTOK)
        .then(pl.lit(f"more than {MAX_USD_PER_MTOK:.0f} USD per million tokens: typed per thousand tokens?"))
        .when((_PRICE > MAX_USD_PER_MTOK).fill_null(value=False).any().over(*model))
        .then(pl.lit("beside a price of this model that was typed per thousand tokens"))
    )
