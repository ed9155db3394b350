"""genai-prices: API token prices of many vendors with dated constraints, in both formats of its `data.json`.

`prices` of a model is an object, or a list whose later entries hold under a constraint: `start_date` (the price from
that day), or `start_time`/`end_time` (a window of the day; the entry without one then holds in the other hours). A
price is a number per million tokens, or a base with tiers from a prompt length on. Entries without a constraint,
followed by dated ones, say what held before the first date, since an unstated day. What a dated entry no longer names
ends on its date; a tier it no longer names costs the base from then. Amounts per thousand requests, searches or
citations are no token prices and are left out. The file says "input" for text; a zero is legitimate (free models). In
2025 one model was typed per thousand tokens, under an id that was escaped for an address (%3A).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from assets.sources import _git
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
from assets.sources._token_prices import fault
from warehouse.captures import Document

_DIRECTIONS = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cached_read",
    "cache_write_mtok": "cached_write",
    "cache_write_1h_mtok": "cached_write_1h",
    "input_audio_mtok": "input_audio",
    "output_audio_mtok": "output_audio",
    "cache_audio_read_mtok": "cached_audio_read",
    "input_image_mtok": "input_image",
    "output_image_mtok": "output_image",
    "output_reasoning_mtok": "output_reasoning",
    "input_video_mtok": "input_video",
    "cache_image_read_mtok": "cached_image_read",
}
_SCHEMA = pl.Schema(
    {
        "vendor": pl.String,
        "model": pl.String,
        "direction": pl.String,
        "context_tier_from_tokens": pl.Int64,
        "time_window": pl.String,
        "price_usd_per_mtok": pl.Float64,
        "valid_from": pl.Datetime("us", "UTC"),
        "is_offered": pl.Boolean,
    }
)
_Line = dict[tuple[str, int], float]


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The published file, or as it was on past days."""
    return _git.current_or_past("pydantic/genai-prices", "prices/data.json", window, "main")


def _prices(prices: dict[str, Any]) -> _Line:
    """(direction, tier) -> USD per million tokens."""
    line: _Line = {}
    for field, price in prices.items():
        direction = _DIRECTIONS.get(field)
        if direction is None or price is None:
            continue
        if isinstance(price, dict):
            line[direction, 0] = float(price["base"])
            line.update({(direction, int(tier["start"])): float(tier["price"]) for tier in price["tiers"]})
        else:
            line[direction, 0] = float(price)
    return line


def _rest_of_day(windows: Collection[str]) -> list[str]:
    """What the windows leave of a day; all of it ('') if there are none."""
    if not windows:
        return [""]
    ends = sorted((w[:5], w[6:]) for w in windows)
    gaps = [(end, following) for (_, end), (following, _) in zip(ends, [*ends[1:], ends[0]], strict=True)]
    return [f"{end}-{start}" for end, start in gaps if end != start]


def _rows(vendor: str, model: str, prices: Any) -> Iterator[tuple]:
    entries = prices if isinstance(prices, list) else [{"prices": prices}]
    windows: set[str] = set()
    dated: list[tuple[dt.datetime | None, _Line]] = []
    for entry in entries:
        constraint, line = entry.get("constraint") or {}, _prices(entry["prices"])
        if "start_time" in constraint:
            window = f"{constraint['start_time'][:5]}-{constraint['end_time'][:5]}"
            windows.add(window)
            for (direction, tier), price in line.items():
                yield vendor, model, direction, tier, window, price, None, True
        elif "start_date" in constraint:
            dated.append((dt.datetime.fromisoformat(constraint["start_date"]).replace(tzinfo=dt.UTC), line))
        elif constraint:
            raise LayoutError(f"genai-prices: {vendor}/{model}: unknown constraint {', '.join(constraint)}")
        else:
            dated.append((None, line))
    # A price without hours beside one with hours holds in the others only: it is none of the whole day.
    rest = _rest_of_day(windows)
    has_dates = any(start is not None for start, _ in dated)
    before: _Line = {}
    for start, line in dated:
        valid_from = start if start is not None else (UNKNOWN_START_AT if has_dates else None)
        for window in rest:
            for key, price in line.items():
                yield vendor, model, *key, window, price, valid_from, True
            for direction, tier in before.keys() - line.keys():
                base = line.get((direction, 0))
                yield vendor, model, direction, tier, window, base, valid_from, base is not None
        before = {**dict.fromkeys(before, 0.0), **line}


def parse(documents: Sequence[Document]) -> Reading:
    """The whole file is one complete scope."""
    (document,) = documents
    providers = json_of(document)
    if not isinstance(providers, list) or not all(
        isinstance(p, dict) and "models" in p and "id" in p for p in providers
    ):
        raise LayoutError(f"{document.url}: expected a list of providers, each with an id and models")
    rows = [row for p in providers for m in p["models"] for row in _rows(p["id"], m["id"], m["prices"])]
    frame = pl.DataFrame(rows, schema=_SCHEMA, orient="row").with_columns(fault("vendor", "model").alias("fault"))
    # The end of a price has none.
    is_bad = pl.col("is_offered") & pl.col("fault").is_not_null()
    bad = frame.filter(is_bad)
    good = frame.filter(~is_bad).select(
        pl.exclude("fault"), pl.lit("standard").alias("service_tier"), pl.lit("global").alias("region")
    )
    return Reading([Scope("all", good, is_complete=True)], refused(bad.drop("fault"), bad["fault"], bad.drop("fault")))


GENAI_PRICES = Source(
    source_id="genai_prices",
    subject="token_price",
    title="genai-prices",
    homepage_url="https://github.com/pydantic/genai-prices",
    licence="MIT",
    licence_url="https://github.com/pydantic/genai-prices/blob/main/LICENSE",
    attribution="genai-prices by Pydantic, MIT",
    parse=parse,
    parser_version=3,
    plan=plan,
    expand=_git.expand,
    hosts=_git.HOSTS,
    cadence="10 */12 * * *",
    has_history=True,
    stale_after_days=5,
)
