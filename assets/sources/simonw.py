"""simonw/llm-prices: USD per million tokens by vendor, with the dates from which prices hold.

Quirks: one file per vendor. `from_date` is null for the first price of a model, `to_date` for the last, and a future
`from_date` is an announced price. A first price that has an end was replaced, so it begins "before all we know", never
at the time of reading (that would bring the old price back); a lone undated price is as seen. Entries may stand newest
first. Long-prompt prices are models of their own (`gpt-5.5-272k`, named "GPT-5.5 >272k"): they become context tiers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
)
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
    "xai",
)
_DIRECTIONS = {"input": "input", "output": "output", "input_cached": "cached_read"}
_PRICE = pl.Struct({**dict.fromkeys(_DIRECTIONS, pl.Float64), "from_date": pl.String, "to_date": pl.String})
_ABOVE = r">\s*(\d+)\s*[kK]\b"


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """One file per vendor; each carries its own history."""
    for vendor in VENDORS:
        yield [Request(f"https://{HOST}/simonw/llm-prices/main/data/{vendor}.json")]


def parse(documents: Sequence[Document]) -> Reading:
    """One row per model, direction, prompt length and date of change."""
    (document,) = documents
    body = json_of(document)
    models = body.get("models") if isinstance(body, dict) else None
    if not isinstance(models, list) or not body.get("vendor"):
        raise LayoutError(f"{document.url}: expected `vendor` and a list `models`")
    listed = pl.DataFrame(
        {
            "id": [m.get("id") for m in models],
            "name": [m.get("name") for m in models],
            "price": [m.get("price_history") or [] for m in models],
        },
        schema={"id": pl.String, "name": pl.String, "price": pl.List(_PRICE)},
        strict=False,
    )
    thousands = pl.col("name").str.extract(_ABOVE).cast(pl.Int64)
    prices = (
        listed.explode("price", empty_as_null=True, keep_nulls=False)
        .unnest("price")
        .with_columns(
            pl.when(thousands.is_not_null())
            .then(pl.col("id").str.replace(r"-\d+k$", ""))
            .otherwise("id")
            .alias("model"),
            (thousands * 1000).fill_null(0).alias("context_tier_from_tokens"),
            pl.col("from_date")
            .str.to_datetime("%Y-%m-%d", strict=False, time_unit="us", time_zone="UTC")
            .alias("start"),
        )
    )
    unreadable = pl.col("from_date").is_not_null() & pl.col("start").is_null()
    bad = prices.filter(unreadable)
    rows = (
        prices.filter(~unreadable)
        .unpivot(
            list(_DIRECTIONS),
            index=["model", "context_tier_from_tokens", "start", "to_date"],
            variable_name="direction",
            value_name="price_usd_per_mtok",
        )
        .filter(pl.col("price_usd_per_mtok").is_not_null())
    )
    replaced = pl.col("start").is_null() & pl.col("to_date").is_not_null()
    before_all = pl.lit(UNKNOWN_START_AT).cast(pl.Datetime("us", "UTC"))
    frame = rows.select(
        pl.lit(str(body["vendor"])).alias("vendor"),
        "model",
        pl.col("direction").replace_strict(_DIRECTIONS, return_dtype=pl.String),
        pl.lit("standard").alias("service_tier"),
        "context_tier_from_tokens",
        pl.lit("").alias("time_window"),
        pl.lit("global").alias("region"),
        "price_usd_per_mtok",
        pl.when(replaced).then(before_all).otherwise("start").alias("valid_from"),
    )
    return Reading(
        [Scope(str(body["vendor"]), frame, is_complete=True)],
        refused(bad.select("id", "from_date", "to_date"), "from_date is not a day", bad.select("model")),
    )


SIMONW = Source(
    source_id="simonw",
    subject="token_price",
    title="llm-prices by Simon Willison",
    homepage_url="https://github.com/simonw/llm-prices",
    licence="Apache-2.0",
    attribution="simonw/llm-prices",
    parse=parse,
    plan=plan,
    hosts=(HOST,),
    cadence="25 5 * * *",
    stale_after_days=7.0,
)
