"""OpenRouter model list: the price it routes to, in USD per token as text.

Quirks: the price is OpenRouter's best route, not the vendor's list price, so the vendor is 'openrouter' and the model
its id. Routers (`openrouter/auto`) say -1, "it depends": refused, not a price. Zero is a price only for `prompt` and
`completion` (free models); in 2025 a zero in any other field meant "not charged apart". `request`, `image` and
`web_search` are per request, per picture (per token of a picture since 2026, without saying so) and per search: none is
a price of a token of text. `overrides` is a list of prices that hold from a prompt length on; fields it leaves out keep
their base price.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, json_of, refused
from assets.sources._rows import inside, number_of
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
    "image_output": "output_image",
    "internal_reasoning": "output_reasoning",
}
#: What a model has a price of; one without does not say that it is free.
_ALWAYS = ("prompt", "completion")
_CELL = {"model": pl.String, "min_prompt_tokens": pl.Int64, "field": pl.String, "text": pl.String}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The list has no past."""
    yield [Request(f"https://{HOST}/api/v1/models")]


def _cells(models: Sequence[Any]) -> Iterator[tuple[str | None, int | None, str, str | None]]:
    """(model, prompt length, field, price as text) of each price, by length where a model has several."""
    for model in models:
        name, pricing, overrides = (inside(model, *path) for path in (("id",), ("pricing",), ("pricing", "overrides")))
        # A field that is empty, or a model without any price, tells none; a field that is not there is not sold.
        told = [field for field in _ALWAYS if isinstance(pricing, dict) and field in pricing] or _ALWAYS
        # An override without a length (by hour, by region?) is not understood, so it is not taken for a base price.
        above = (
            [(number_of(inside(o, "min_prompt_tokens")), o) for o in overrides] if isinstance(overrides, list) else []
        )
        for tokens, prices in [(0.0, pricing), *above]:
            for field in _DIRECTIONS:
                value = inside(prices, field)
                if value is not None or (prices is pricing and field in told):
                    length = None if tokens is None else int(tokens)
                    yield name if isinstance(name, str) else None, length, field, None if value is None else str(value)


def parse(documents: Sequence[Document]) -> Reading:
    """One row per model, direction and prompt length."""
    (document,) = documents
    body = json_of(document)
    models = body.get("data") if isinstance(body, dict) else None
    if not isinstance(models, list) or not models:
        raise LayoutError(f"{document.url}: no list `data` of models")
    cells = pl.DataFrame(list(_cells(models)), schema=_CELL, orient="row")
    price = pl.col("text").str.strip_chars().cast(pl.Float64, strict=False)
    cells = cells.with_columns((price * 1e6).round(9).alias("price_usd_per_mtok"))
    routed, unread = price < 0, price.is_null()
    unplaced = pl.col("min_prompt_tokens").is_null()
    why = (
        pl.when(pl.col("text").is_null())
        .then(pl.lit("the price is missing"))
        .when(unread)
        .then(pl.lit("the price is not a number"))
        .when(routed)
        .then(pl.lit("a negative price: a router whose price depends on the route"))
        .otherwise(pl.lit("an override without min_prompt_tokens"))
    )
    bad = cells.filter(unread | routed | unplaced)
    extra = ~pl.col("field").is_in(["prompt", "completion"])
    good = cells.filter(~(unread | routed | unplaced) & ~(extra & (price == 0)))
    frame = good.select(
        pl.lit("openrouter").alias("vendor"),
        "model",
        pl.col("field").replace_strict(_DIRECTIONS, return_dtype=pl.String).alias("direction"),
        pl.lit("standard").alias("service_tier"),
        pl.col("min_prompt_tokens").alias("context_tier_from_tokens"),
        pl.lit("").alias("time_window"),
        pl.lit("global").alias("region"),
        "price_usd_per_mtok",
    )
    rejected = refused(
        bad,
        why,
        model=pl.col("model"),
        direction=pl.col("field").replace_strict(_DIRECTIONS, return_dtype=pl.String),
        context_tier_from_tokens=pl.col("min_prompt_tokens"),
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
    plan=plan,
    hosts=(HOST,),
    cadence="40 */6 * * *",
)
