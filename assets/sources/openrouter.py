"""OpenRouter model list: the price it routes to, in USD per token as text.

Quirks: the price is that of OpenRouter's best route, not the vendor's list price, so the vendor is 'openrouter' and the
model its id. Routers (`openrouter/auto`) have -1, "it depends", which is refused. Zero is a price only for `prompt` and
`completion` (free models); in 2025 a zero in any other field meant "not charged apart", and a `completion` of zero
beside a `prompt` that costs is of a model that writes nothing (embeddings, decisions): left out, as in LiteLLM's list.
`request`, `image` and `web_search` are per request, per picture (per token of a picture since 2026, without saying so)
and per search: none is a price of a token of text. `overrides` is a list of prices that hold above a prompt length
(`min_prompt_tokens`), in hours of the day in UTC (`utc_start` and `utc_end`, written 1030 for 10:30, also over
midnight), or both; of several that hold the last one is meant, and fields it leaves out keep their price. One with a
condition that is not known is refused, and so are the prices of a model with a `discount`: nobody says whether it is in
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from assets.sources._base import Reading, Request, Scope, Source, Window, refused, to_number
from assets.sources._rows import inside, json_list, number_of
from assets.sources._token_prices import hours_of_day, overlap, rest_of_day
from warehouse.captures import Document

HOST = "openrouter.ai"
_DIRECTIONS = {
    "prompt": "input",
    "completion": "output",
    "input_cache_read": "cached_read",
    "input_cache_write": "cached_write",
    "input_cache_write_1h": "cached_write_1h",
    "audio": "input_audio",
    "audio_output": "output_audio",
    "input_audio_cache": "cached_audio_read",
    "image_token": "input_image",
    "image_output": "output_image",
    "internal_reasoning": "output_reasoning",
}
#: What a model has a price of; one without does not say that it is free.
_ALWAYS = ("prompt", "completion")
#: What is known and is no price of a token.
_OTHERS = {"image", "request", "web_search", "overrides", "discount"}
_CONDITIONS = {"min_prompt_tokens", "utc_start", "utc_end"}
#: No prompt is longer, tokens.
_LONGEST_PROMPT = 1e12
_CELL = {
    "model": pl.String,
    "min_prompt_tokens": pl.Int64,
    "time_window": pl.String,
    "field": pl.String,
    "text": pl.String,
    "why": pl.String,
}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The list has no past."""
    yield [Request(f"https://{HOST}/api/v1/models")]


def _hours(override: Any) -> str | None:
    """Window of the day of an override, '' for all day; None if it is none."""
    ends = [inside(override, name) for name in ("utc_start", "utc_end")]
    if ends == [None, None]:
        return ""
    clocks = [number_of(end) for end in ends]
    if any(c is None or c != int(c) or not 0 <= c <= 2400 or c % 100 > 59 for c in clocks):
        return None
    first, last = (int(c) // 100 * 60 + int(c) % 100 for c in clocks if c is not None)
    return hours_of_day(first, last)


def _condition(override: Any) -> tuple[float, str] | None:
    """(prompt length, window of the day) in which an override holds; None if that is not understood."""
    tokens, hours = number_of(inside(override, "min_prompt_tokens")), _hours(override)
    if (
        hours is None
        or not isinstance(override, dict)
        or {k for k, v in override.items() if v is not None} - _DIRECTIONS.keys() - _CONDITIONS - _OTHERS
    ):
        return None
    if tokens is None:
        return (0.0, hours) if hours and "min_prompt_tokens" not in override else None
    return (tokens, hours) if 0 <= tokens < _LONGEST_PROMPT else None


def _cells(models: Sequence[Any]) -> Iterator[tuple[str | None, int, str, str | None, str | None, str | None]]:
    """(model, prompt length, window, field, price as text, why it is refused) of each price."""
    for model in models:
        found, pricing = inside(model, "id"), inside(model, "pricing")
        name = found if isinstance(found, str) else None
        if isinstance(pricing, dict) and pricing:
            yield from ((name, *cell) for cell in _of_model(pricing))
        else:
            # Any direction of it may be sold.
            yield name, 0, "", None, None, "no object of prices"


def _of_model(pricing: dict[str, Any]) -> Iterator[tuple[int, str, str | None, str | None, str | None]]:
    """The same of one model, without its name."""
    # A field that is empty, or a model without any price, tells none; a field that is not there is not sold.
    told = [field for field in _ALWAYS if field in pricing] or _ALWAYS
    listed = inside(pricing, "overrides")
    overrides = [(_condition(o), o) for o in (listed if isinstance(listed, list) else [listed] if listed else [])]
    why = f"a discount of {off}: whether the price is with it is not said" if (off := _discount(pricing)) else None
    if strange := [o for condition, o in overrides if condition is None]:
        of_no_length = (
            "an override under a condition that is not known (none of min_prompt_tokens, utc_start and utc_end)"
        )
        for override in strange:
            if not isinstance(override, dict):
                yield 0, "", None, str(override), of_no_length
            for field in _DIRECTIONS:
                if (value := inside(override, field)) is not None:
                    yield 0, "", field, str(value), of_no_length
    known = [(condition, o) for condition, o in overrides if condition is not None]
    if overlap({hours for (_, hours), _ in known if hours}):
        why = "overrides in hours of the day that overlap"
    for field in _DIRECTIONS:
        base = inside(pricing, field)
        mine = [(condition, o[field]) for condition, o in known if o.get(field) is not None]
        if base is None and field not in told and not mine:
            continue
        windows = {hours for (_, hours), _ in mine if hours}
        for length in sorted({0.0, *(tokens for (tokens, _), _ in mine)}):
            for window in [*sorted(windows), *rest_of_day(windows)]:
                at = [v for (tokens, hours), v in mine if tokens <= length and hours in ("", window)]
                value = at[-1] if at else base
                if value is not None or (field in told and not length):
                    yield int(length), window, field, None if value is None else str(value), why
    for field in sorted(pricing.keys() - _DIRECTIONS.keys() - _OTHERS):
        if number_of(pricing[field]) != 0 and isinstance(pricing[field], str | int | float):
            yield 0, "", None, str(pricing[field]), f"a price of a kind that is not known: {field}"


def _discount(pricing: Any) -> Any:
    """What is written as a discount; None for none or zero."""
    off = inside(pricing, "discount")
    return None if off is None or number_of(off) == 0 else off


def parse(documents: Sequence[Document]) -> Reading:
    """One row per model, direction, prompt length and window of the day."""
    (document,) = documents
    cells = pl.DataFrame(list(_cells(json_list(document, "data"))), schema=_CELL, orient="row")
    price = to_number("text")
    cells = cells.with_columns(
        (price * 1e6).round(9).alias("price_usd_per_mtok"),
        pl.col("field").replace_strict(_DIRECTIONS, default=None, return_dtype=pl.String).alias("direction"),
        pl.when(pl.col("why").is_not_null())
        .then("why")
        .when(pl.col("text").is_null())
        .then(pl.lit("the price is missing"))
        .when(price.is_null())
        .then(pl.lit("the price is not a number"))
        .when(price < 0)
        .then(pl.lit("a negative price: a router whose price depends on the route"))
        .alias("why"),
    )
    is_bad = pl.col("why").is_not_null()
    bad = cells.filter(is_bad)
    paid = price.filter(pl.col("field") == "prompt").max().over("model", "min_prompt_tokens", "time_window") > 0
    is_no_price = (price == 0) & (~pl.col("field").is_in(_ALWAYS) | ((pl.col("field") == "completion") & paid))
    good = cells.filter(~is_bad & ~is_no_price.fill_null(value=False))
    frame = good.select(
        pl.lit("openrouter").alias("vendor"),
        "model",
        "direction",
        pl.lit("standard").alias("service_tier"),
        pl.col("min_prompt_tokens").alias("context_tier_from_tokens"),
        "time_window",
        pl.lit("global").alias("region"),
        "price_usd_per_mtok",
    )
    # An override that is not understood may be of any length and hour.
    rejected = refused(
        bad.select("model", "min_prompt_tokens", "time_window", "field", "text"),
        bad["why"],
        bad.select("model", "direction"),
    )
    return Reading([Scope("models", frame, is_complete=True)], rejected)


OPENROUTER = Source(
    source_id="openrouter",
    subject="token_price",
    title="OpenRouter models",
    homepage_url=f"https://{HOST}/models",
    licence="not stated",
    attribution="OpenRouter",
    parse=parse,
    parser_version=5,
    plan=plan,
    hosts=(HOST,),
    cadence="40 */6 * * *",
    changes_within_days=14,
)
