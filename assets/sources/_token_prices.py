"""What lists of token prices, typed by hand, get wrong alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

#: The dearest published list price (o1-pro, output); what lies above was typed per thousand tokens.
MAX_USD_PER_MTOK = 600.0
#: The dearest that a model whose name tells its size was sold at per billion of parameters was 0.8 USD (Llama 3.2 1B, 2025).
MAX_USD_PER_MTOK_AND_BILLION = 5.0
#: Parameters in a model's name, in billions: `granite-3-8b-instruct`, `Mixtral-8x22B`; of several the last.
_SIZE = r"(?i)(?:^|.*[^a-z0-9.])(?:\d+x)?(\d+(?:\.\d+)?)b(?:[^a-z0-9]|$)"
#: Said of prices that `is_turned_round`.
TURNED_ROUND = "output cheaper than input: typed in each other's place, or a digit lost; neither is believed"
_PRICE = pl.col("price_usd_per_mtok")


#: Models for which more is paid for what goes in: those that draw have text as a by-product, and guards answer in a word.
_CHEAP_OUTPUT = r"(?i)image|guard|moderation|rerank|embed"


def hours_of_day(first_minute: int, last_minute: int) -> str:
    """A part of every day in UTC, hh:mm-hh:mm, from minutes after midnight; it may go over midnight."""
    first, last = (divmod(minute % 1440, 60) for minute in (first_minute, last_minute))
    return f"{first[0]:02d}:{first[1]:02d}-{last[0]:02d}:{last[1]:02d}"


def rest_of_day(windows: Collection[str]) -> list[str]:
    """What windows leave of a day; all of it ('') if there are none."""
    if not windows:
        return [""]
    ends = sorted((w[:5], w[6:]) for w in windows)
    gaps = [(end, following) for (_, end), (following, _) in zip(ends, [*ends[1:], ends[0]], strict=True)]
    return [f"{end}-{start}" for end, start in gaps if end != start]


def overlap(windows: Collection[str]) -> bool:
    """Whether a moment of the day lies in two of the windows."""
    length = sum(((_minute(w[6:]) - _minute(w[:5]) - 1) % 1440) + 1 for w in windows)
    left = sum(((_minute(w[6:]) - _minute(w[:5]) - 1) % 1440) + 1 for w in rest_of_day(windows) if w)
    return bool(windows) and length + left != 1440


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def is_turned_round(key: Sequence[str], model: str) -> pl.Expr:
    """Whether a price of input or output stands beside its opposite and the output is the cheaper, yet not free.

    Nobody sells the text that a language model writes below what it reads: the two were typed in each other's place (0.15 and
    0.0375), or a digit was lost (3 and 0.15 for 15). Which of the two is wrong cannot be told, so neither is a price.

    Args:
        key: the columns that name an offer in a frame with direction and price_usd_per_mtok, the direction left out.
        model: the column with the model's name.
    """

    def beside(direction: str) -> pl.Expr:
        return _PRICE.filter(pl.col("direction") == direction).max().over(*key)

    turned = (beside("output") > 0) & (beside("output") < beside("input"))
    is_text = ~pl.col(model).str.contains(_CHEAP_OUTPUT)
    return (turned & is_text & pl.col("direction").is_in(["input", "output"])).fill_null(value=False)


def fault(*model: str) -> pl.Expr:
    """Why a price cannot be per million tokens; null where it can.

    Whoever typed one price of a model per thousand tokens typed the others so: 0.0005 beside 0.002 is no 500 USD. And of a
    model of 8 billion parameters 0.0002 per token is no 200 USD.

    Args:
        model: the columns that name a model in a frame with price_usd_per_mtok; the last has its name.
    """
    size = pl.col(model[-1]).str.extract(_SIZE).cast(pl.Float64)
    return (
        pl.when(_PRICE.is_null() | _PRICE.is_nan())
        .then(pl.lit("the price is not a number"))
        .when(_PRICE < 0)
        .then(pl.lit("a negative price"))
        .when(_PRICE > MAX_USD_PER_MTOK)
        .then(pl.lit(f"more than {MAX_USD_PER_MTOK:.0f} USD per million tokens: typed per thousand tokens?"))
        .when(_PRICE / size > MAX_USD_PER_MTOK_AND_BILLION)
        .then(
            pl.format(
                "{} USD per million tokens of a model of {} billion parameters: typed per thousand?", _PRICE, size
            )
        )
        .when((_PRICE > MAX_USD_PER_MTOK).fill_null(value=False).any().over(*model))
        .then(pl.lit("beside a price of this model that was typed per thousand tokens"))
    )
