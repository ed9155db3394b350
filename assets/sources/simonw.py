"""simonw/llm-prices: USD per million tokens by vendor, with the dates from which prices hold.

Quirks: one file per vendor. `from_date` is null for the first price of a model, `to_date` for the last, and a future
`from_date` is an announced price. A first price that has an end was replaced, so it begins "before all we know", never
at the time of reading (that would bring the old price back); a lone undated price is as seen. `to_date` is the first
day without the price: where none follows, the offer ends. Entries may stand newest first. Long-prompt prices are models
of their own (`gpt-5.5-272k`, named "GPT-5.5 >272k"): they become context tiers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from assets.sources._base import (
    UNKNOWN_START_AT,
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    json_of,
    refused,
    to_instant,
    to_number,
)
from assets.sources._rows import frame_of, inside
from warehouse.captures import Document

HOST = "raw.githubusercontent.com"
VENDORS = (
    "amazon",
    "anthropic",
    "deepseek",
    "google",
    "meta-ai",
    "minimax",
    "mistral",
    "moonshot-ai",
    "openai",
    "qwen",
    "typesafe",
    "xai",
    "z.ai",
)
_DIRECTIONS = {"input": "input", "output": "output", "input_cached": "cached_read"}
_KNOWN = {*_DIRECTIONS, "from_date", "to_date"}
_ABOVE = r">\s*(\d+)\s*[kK]\b"


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """One file per vendor; each carries its own history."""
    for vendor in VENDORS:
        yield [Request(f"https://{HOST}/simonw/llm-prices/main/data/{vendor}.json")]


def _history(model: object) -> list[dict[str, Any]]:
    """Prices of a model; what is none has a date that is no day."""
    history = inside(model, "price_history")
    entries = history if isinstance(history, list) and history else [history]
    # One without any price is told: the model is not withdrawn.
    return [
        e if isinstance(e, dict) and any(e.get(f) is not None for f in _DIRECTIONS) else {"from_date": f"no price: {e}"}
        for e in entries
    ]


def _day(column: str) -> pl.Expr:
    """A date with or without a time of day, as the instant at which its day begins."""
    day = pl.col(column).str.extract(r"^(\d{4}-\d{2}-\d{2})(?:T.*)?$")
    return to_instant(day, "%Y-%m-%d")


def _entries(listed: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Entries of histories with model, context_tier_from_tokens, start and end; prices as text."""
    # A price that is missing is none; one that is not a number is refused by name.
    texts = frame_of(listed, dict.fromkeys(("id", "name", "from_date", "to_date"), pl.String)).with_columns(
        pl.Series(field, [None if (v := entry.get(field)) is None else str(v) for entry in listed], dtype=pl.String)
        for field in _DIRECTIONS
    )
    thousands = pl.col("name").str.extract(_ABOVE).cast(pl.Int64)
    return texts.with_columns(
        pl.when(thousands.is_not_null()).then(pl.col("id").str.replace(r"-\d+k$", "")).otherwise("id").alias("model"),
        (thousands * 1000).fill_null(0).alias("context_tier_from_tokens"),
        _day("from_date").alias("start"),
        _day("to_date").alias("end"),
    )


def _unknown_fields(listed: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Fields of entries that are not known and not empty: model, field, value."""
    return pl.DataFrame(
        [
            (entry["id"], field, str(value))
            for entry in listed
            for field, value in entry.items()
            if field not in {*_KNOWN, "id", "name"} and value
        ],
        schema=dict.fromkeys(("model", "field", "value"), pl.String),
        orient="row",
    )


def _with_ends(rows: pl.DataFrame) -> pl.DataFrame:
    """Prices with `valid_from`, in its order, and after each whose end no other price follows at once a row that says so."""
    replaced = pl.col("start").is_null() & pl.col("end").is_not_null()
    before_all = pl.lit(UNKNOWN_START_AT).cast(pl.Datetime("us", "UTC"))
    rows = rows.with_columns(
        pl.when(replaced).then(before_all).otherwise("start").alias("valid_from"),
        pl.lit(value=True).alias("is_offered"),
    ).sort("valid_from", nulls_last=True, maintain_order=True)
    following = pl.col("valid_from").shift(-1).over("model", "context_tier_from_tokens", "direction")
    ended = rows.filter(pl.col("end").is_not_null() & (following.is_null() | (following > pl.col("end")))).with_columns(
        pl.col("end").alias("valid_from"),
        pl.lit(None, dtype=pl.Float64).alias("price_usd_per_mtok"),
        pl.lit(value=False).alias("is_offered"),
    )
    return pl.concat([rows, ended])


def parse(documents: Sequence[Document]) -> Reading:
    """One row per model, direction, prompt length and date of change."""
    (document,) = documents
    body = json_of(document)
    models = body.get("models") if isinstance(body, dict) else None
    if not isinstance(models, list) or not isinstance(body.get("vendor"), str) or not body["vendor"]:
        raise LayoutError(f"{document.url}: expected `vendor` and a list `models`")
    listed = [{"id": inside(m, "id"), "name": inside(m, "name")} | entry for m in models for entry in _history(m)]
    prices, strange = _entries(listed), _unknown_fields(listed)
    unreadable = (pl.col("from_date").is_not_null() & pl.col("start").is_null()) | (
        pl.col("to_date").is_not_null() & pl.col("end").is_null()
    )
    bad = prices.filter(unreadable)
    rows = (
        prices.filter(~unreadable)
        .unpivot(
            list(_DIRECTIONS),
            index=["model", "context_tier_from_tokens", "start", "end"],
            variable_name="direction",
            value_name="text",
        )
        .filter(pl.col("text").is_not_null())
        .with_columns(
            to_number("text").alias("price_usd_per_mtok"),
            pl.col("direction").replace_strict(_DIRECTIONS, return_dtype=pl.String),
        )
    )
    unpriced = pl.col("price_usd_per_mtok").is_null()
    no_number = rows.filter(unpriced)
    frame = _with_ends(rows.filter(~unpriced)).select(
        pl.lit(str(body["vendor"])).alias("vendor"),
        "model",
        "direction",
        pl.lit("standard").alias("service_tier"),
        "context_tier_from_tokens",
        pl.lit("").alias("time_window"),
        pl.lit("global").alias("region"),
        "price_usd_per_mtok",
        "valid_from",
        "is_offered",
    )
    return Reading(
        [Scope(str(body["vendor"]), frame, is_complete=True)],
        pl.concat(
            [
                refused(
                    bad.select("id", "from_date", "to_date"), "from_date or to_date is not a day", bad.select("model")
                ),
                refused(
                    no_number.select("model", "direction", "text"),
                    "the price is not a number",
                    no_number.select("model", "direction", "context_tier_from_tokens"),
                ),
                refused(
                    strange,
                    pl.format("a field that is not known, and may change what the others mean: {}", "field"),
                    strange.select("model"),
                ),
            ],
            how="diagonal",
        ),
    )


SIMONW = Source(
    source_id="simonw",
    subject="token_price",
    title="llm-prices by Simon Willison",
    homepage_url="https://github.com/simonw/llm-prices",
    licence="Apache-2.0",
    attribution="simonw/llm-prices",
    parse=parse,
    parser_version=4,
    plan=plan,
    hosts=(HOST,),
    cadence="25 5 * * *",
    changes_within_days=120,
    stale_after_days=7.0,
)
