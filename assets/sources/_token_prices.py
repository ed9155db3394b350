"""Errors that lists of token prices typed by hand have in common, and times of day at which prices hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

#: The highest published list price (o1-pro, output); higher ones were typed per thousand tokens.
MAX_USD_PER_MTOK = 600.0
#: The highest price per billion parameters of a model whose name states its size was 0.8 USD (Llama 3.2 1B, 2025).
MAX_USD_PER_MTOK_AND_BILLION = 5.0
#: Parameters in a model's name, in billions: `granite-3-8b-instruct`, `Mixtral-8x22B`; of several the last.
_SIZE = r"(?i)(?:^|.*[^a-z0-9.])(?:\d+x)?(\d+(?:\.\d+)?)b(?:[^a-z0-9]|$)"
#: Reason for prices where `is_swapped`.
SWAPPED = "output cheaper than input: the two were swapped, or a digit was lost; neither is used"
_PRICE = pl.col("price_usd_per_mtok")

#: Models that draw by diffusion read and write no tokens: they are paid by the step or the picture, whatever a list
#: puts into its column of tokens (0.00013 USD a step was typed as 130 USD per million tokens in one, as 0.00013 in
#: another). OpenRouter counts pictures in tokens.
_DRAWS = r"(?i)stable-?diffusion|\bsdxl\b|\bsd3|\bssd-1b\b|playground-v\d|controlnet|\bflux(?:\b|\d)|dall-e"
_COUNTS_PICTURES = "openrouter"

#: Models whose input costs more than their output: image models output little text, and guards answer with one word.
_CHEAP_OUTPUT = r"(?i)image|guard|moderation|rerank|embed"


def hours_of_day(first_minute: int, last_minute: int) -> str:
    """A daily time window in UTC, hh:mm-hh:mm, from minutes after midnight; it may extend past midnight."""
    first, last = (divmod(minute % 1440, 60) for minute in (first_minute, last_minute))
    return f"{first[0]:02d}:{first[1]:02d}-{last[0]:02d}:{last[1]:02d}"


def rest_of_day(windows: Collection[str]) -> list[str]:
    """The windows that complete the given ones to a whole day; [''] (all day) if there are none."""
    if not windows:
        return [""]
    ends = sorted((w[:5], w[6:]) for w in windows)
    gaps = [(end, following) for (_, end), (following, _) in zip(ends, [*ends[1:], ends[0]], strict=True)]
    return [f"{end}-{start}" for end, start in gaps if end != start]


def overlap(windows: Collection[str]) -> bool:
    """Whether two of the windows overlap."""
    length = sum(((_minute(w[6:]) - _minute(w[:5]) - 1) % 1440) + 1 for w in windows)
    left = sum(((_minute(w[6:]) - _minute(w[:5]) - 1) % 1440) + 1 for w in rest_of_day(windows) if w)
    return bool(windows) and length + left != 1440


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def is_swapped(key: Sequence[str], model: str) -> pl.Expr:
    """True for the input and output prices of an offer whose output is cheaper than its input, but not free.

    No language model's output costs less than its input: the two were swapped (0.15 and 0.0375), or a digit was lost (3
    and 0.15 for 15). Which of the two is wrong is unknown, so both are refused.

    Args:
        key: columns that identify an offer, without the direction, in a frame with direction and price_usd_per_mtok.
        model: the column with the model's name.
    """

    def beside(direction: str) -> pl.Expr:
        return _PRICE.filter(pl.col("direction") == direction).max().over(*key)

    is_cheaper = (beside("output") > 0) & (beside("output") < beside("input"))
    is_text = ~pl.col(model).str.contains(_CHEAP_OUTPUT)
    return (is_cheaper & is_text & pl.col("direction").is_in(["input", "output"])).fill_null(value=False)


def fault(*model: str) -> pl.Expr:
    """Why a price cannot be per million tokens; null if it can.

    If one price of a model was typed per thousand tokens, so were the others. For a model whose name states its size,
    the limit is lower: 200 USD for 8 billion parameters is a price per thousand tokens as well.

    Args:
        model: columns that identify a model in a frame with price_usd_per_mtok; the last one is its name.
    """
    size = pl.col(model[-1]).str.extract(_SIZE).cast(pl.Float64)
    name = pl.concat_str(*model, separator="/", ignore_nulls=True)
    is_drawn = name.str.contains(_DRAWS) & ~name.str.contains(_COUNTS_PICTURES, literal=True)
    return (
        pl.when(is_drawn)
        .then(pl.lit("a model that draws by diffusion: paid by the step or picture, not by the token"))
        .when(_PRICE.is_null() | _PRICE.is_nan())
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
