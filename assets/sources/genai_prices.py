"""genai-prices: API token prices of many vendors with dated constraints, in both formats of its `data.json`.

`prices` of a model is an object, or a list whose later entries hold under a constraint: `start_date` (the price from
that day), or `start_time`/`end_time` (a window of the day; the entry without one then holds in the other hours). A
price is a number per million tokens, or a base with tiers from a prompt length on. Entries without a constraint,
followed by dated ones, say what held before the first date, since an unstated day. What a dated entry no longer names
ends on its date; a tier it no longer names costs the base from then. Amounts per thousand requests and searches are no
token prices and are left out; a price of tokens of a kind that is not known here is refused by name. The file says "input" for text; a zero is legitimate (free models). In
2025 one model was typed per thousand tokens, under an id that was escaped for an address (%3A).
"""

from __future__ import annotations

import datetime as dt
import re
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
from assets.sources._rows import inside, number_of
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
        "why": pl.String,
    }
)
_CONSTRAINTS = {
    "start_date": r"\d{4}-(?:0\d|1[0-2])-(?:[0-2]\d|3[01])$",
    "start_time": r"[0-2]\d:[0-5]\d",
    "end_time": r"[0-2]\d:[0-5]\d",
}
#: None: what stands there is no number.
_Line = dict[tuple[str, int | None], float | None]


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The published file, or as it was on past days."""
    return _git.current_or_past("pydantic/genai-prices", "prices/data.json", window, "main")


def _prices(prices: Any) -> _Line:
    """(direction, tier) -> USD per million tokens."""
    line: _Line = {}
    for field, price in prices.items() if isinstance(prices, dict) else ():
        direction = _DIRECTIONS.get(field)
        if direction is None or price is None:
            continue
        if isinstance(price, dict):
            line[direction, 0] = number_of(price.get("base"))
            tiers = price.get("tiers")
            for tier in tiers if isinstance(tiers, list) else ():
                start = number_of(inside(tier, "start"))
                line[direction, None if start is None else int(start)] = number_of(inside(tier, "price"))
        else:
            line[direction, 0] = number_of(price)
    return line


def _strange_tokens(prices: Any) -> list[str]:
    """Fields with a price of tokens that have no direction here."""
    fields = prices.items() if isinstance(prices, dict) else ()
    return [name for name, price in fields if name.endswith("tok") and name not in _DIRECTIONS and price]


def _id(value: Any) -> str | None:
    found = inside(value, "id")
    return found if isinstance(found, str) else None


def _rest_of_day(windows: Collection[str]) -> list[str]:
    """What the windows leave of a day; all of it ('') if there are none."""
    if not windows:
        return [""]
    ends = sorted((w[:5], w[6:]) for w in windows)
    gaps = [(end, following) for (_, end), (following, _) in zip(ends, [*ends[1:], ends[0]], strict=True)]
    return [f"{end}-{start}" for end, start in gaps if end != start]


def _not_understood(constraint: Any) -> Iterator[str]:
    """What of a constraint is not known here, or not in its form."""
    for name, value in constraint.items() if isinstance(constraint, dict) else ():
        form = _CONSTRAINTS.get(name)
        if form is None or not re.match(form, str(value)):
            yield f"{name} {value}"


def _rows(vendor: str | None, model: str | None, prices: Any) -> Iterator[tuple]:
    entries = prices if isinstance(prices, list) else [{"prices": prices}]
    if strange := sorted({name for entry in entries for name in _not_understood(inside(entry, "constraint"))}):
        # What holds beside it is not known either.
        why = f"holds under a constraint that is not known: {', '.join(strange)}"
        for key in dict.fromkeys(key for entry in entries for key in _prices(inside(entry, "prices"))):
            yield vendor, model, *key, None, None, None, True, why
        return
    for name in sorted({name for entry in entries for name in _strange_tokens(inside(entry, "prices"))}):
        yield vendor, model, None, None, None, None, None, True, f"a kind of tokens that is not known: {name}"
    windows: set[str] = set()
    dated: list[tuple[dt.datetime | None, _Line]] = []
    for entry in entries:
        constraint, line = inside(entry, "constraint") or {}, _prices(inside(entry, "prices"))
        if "start_time" in constraint:
            window = f"{constraint['start_time'][:5]}-{constraint['end_time'][:5]}"
            windows.add(window)
            for (direction, tier), price in line.items():
                yield vendor, model, direction, tier, window, price, None, True, None
        elif "start_date" in constraint:
            dated.append((dt.datetime.fromisoformat(constraint["start_date"]).replace(tzinfo=dt.UTC), line))
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
                yield vendor, model, *key, window, price, valid_from, True, None
            for direction, tier in before.keys() - line.keys():
                base = line.get((direction, 0))
                yield vendor, model, direction, tier, window, base, valid_from, base is not None, None
        before = {**dict.fromkeys(before, 0.0), **line}


def parse(documents: Sequence[Document]) -> Reading:
    """The whole file is one complete scope."""
    (document,) = documents
    providers = json_of(document)
    if not isinstance(providers, list) or not all(
        isinstance(p, dict) and "models" in p and "id" in p for p in providers
    ):
        raise LayoutError(f"{document.url}: expected a list of providers, each with an id and models")
    rows = [row for p in providers for m in p["models"] for row in _rows(_id(p), _id(m), inside(m, "prices"))]
    frame = pl.DataFrame(rows, schema=_SCHEMA, orient="row").with_columns(
        pl.coalesce("why", fault("vendor", "model")).alias("fault")
    )
    # The end of a price has none.
    is_bad = pl.col("is_offered") & pl.col("fault").is_not_null()
    bad = frame.filter(is_bad)
    good = frame.filter(~is_bad).select(
        pl.exclude("fault", "why"), pl.lit("standard").alias("service_tier"), pl.lit("global").alias("region")
    )
    return Reading(
        [Scope("all", good, is_complete=True)],
        refused(bad.drop("fault", "why"), bad["fault"], bad.drop("fault", "why")),
    )


GENAI_PRICES = Source(
    source_id="genai_prices",
    subject="token_price",
    title="genai-prices",
    homepage_url="https://github.com/pydantic/genai-prices",
    licence="MIT",
    licence_url="https://github.com/pydantic/genai-prices/blob/main/LICENSE",
    attribution="genai-prices by Pydantic, MIT",
    parse=parse,
    parser_version=4,
    plan=plan,
    expand=_git.expand,
    hosts=_git.HOSTS,
    cadence="10 */12 * * *",
    has_history=True,
    stale_after_days=5,
)
