"""genai-prices: API token prices of many vendors with dated constraints, in all formats of its `data.json`.

`prices` of a model is an object, or a list whose later entries have a constraint: `start_date` (the price from that
day), or `start_time`/`end_time` (a window of the day in any time zone; the entry without one then holds in the other
hours). If several entries apply, the last one of the list counts: a dated entry after a window ends it. A price is a
number per million tokens, or a base with tiers by prompt length. An entry without a constraint before dated ones is the
price before the first date, since an unknown day. What a dated entry no longer lists ends on its date; a tier that it
no longer lists costs the base price from then on. Amounts per thousand requests and searches are not token prices and
are left out; a price of an unknown kind of tokens is refused by name. The file says "input" for text; a zero is valid
(free models). In 2025 one model was typed per thousand tokens, under an id with URL escapes (%3A), and diffusion models
were priced by the step.

Of the formats only the second is kept up: since it came (2026-07-27 to 30) the first file stands still at its old address,
with announced rises that were called off since. A third, prepared in 2026, has the same list under `providers`, beside
`units` that say of how many tokens each price is.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
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
from assets.sources._rows import inside, number_of, objects
from assets.sources._token_prices import fault, hours_of_day, overlap, rest_of_day
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
    "cache_audio_write_mtok": "cached_audio_write",
    "input_image_mtok": "input_image",
    "output_image_mtok": "output_image",
    "output_reasoning_mtok": "output_reasoning",
    "output_citation_mtok": "output_citation",
    "input_video_mtok": "input_video",
    "output_video_mtok": "output_video",
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
#: None: what stands there is not a number.
_Line = dict[tuple[str, int | None], float | None]
#: The same by direction, tier and window of the day.
_Cells = dict[tuple[str, int | None, str], float | None]


_REPOSITORY, _PATH, _FIRST_PATH = "pydantic/genai-prices", "prices/new_data/v2/data.json", "prices/data.json"
#: Days between which the file in the first format was given up for that in the second.
_MOVED_ON = (dt.date(2026, 7, 27), dt.date(2026, 7, 30))


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The file that is kept up, or that of its day on past days."""
    days = window.days()
    if not window.is_latest and days[0] <= _MOVED_ON[1]:
        yield from _git.versions(_REPOSITORY, _FIRST_PATH, window)
    if window.is_latest or days[-1] >= _MOVED_ON[0]:
        yield from _git.current_or_past(_REPOSITORY, _PATH, window, "main")


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


def _day(value: Any) -> dt.datetime | None:
    try:
        return dt.datetime.combine(dt.date.fromisoformat(value), dt.time(), dt.UTC)
    except (TypeError, ValueError):
        return None


def _minute(value: Any) -> int | None:
    """Minutes after midnight in UTC of a time of day; None if it has no time zone or is none."""
    try:
        time = dt.time.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    offset = time.utcoffset()
    seconds = time.hour * 3600 + time.minute * 60 + time.second
    return None if offset is None else round((seconds - offset.total_seconds()) / 60) % 1440


def _held(constraint: Any) -> tuple[dt.datetime | None, str] | None:
    """(day from which, window of the day) that a constraint says; None if it is not known here, or not in its form."""
    if constraint is None or constraint == {}:
        return None, ""
    names = set(constraint) if isinstance(constraint, dict) else set()
    if names == {"start_date"} and (day := _day(constraint["start_date"])):
        return day, ""
    if names == {"start_time", "end_time"}:
        first, last = _minute(constraint["start_time"]), _minute(constraint["end_time"])
        return (None, hours_of_day(first, last)) if first is not None and last is not None else None
    return None


def _in_force(entries: Sequence[tuple[dt.datetime | None, str, _Line]], at: dt.datetime | None) -> _Cells:
    """What a list of prices comes to on a day: the last entry without hours, but in the hours of the windows below it.

    Args:
        entries: (day from which, window, prices) in the order of the list.
        at: the day; None before all dated ones.
    """
    line: _Line = {}
    windows: dict[str, _Line] = {}
    for start, hours, prices in entries:
        if start is not None and (at is None or start > at):
            continue
        if hours:
            windows[hours] = prices
        else:
            # It stands below the windows so far, and is meant at every hour.
            line, windows = prices, {}
    # A price without hours beside one with hours holds in the others only: it is none of the whole day.
    return {
        (direction, tier, hours): price
        for hours, prices in [*windows.items(), *((rest, line) for rest in rest_of_day(windows))]
        for (direction, tier), price in prices.items()
    }


def _rows(vendor: str | None, model: str | None, prices: Any) -> Iterator[tuple]:
    listed = prices if isinstance(prices, list) else [{"prices": prices}]
    held = [_held(inside(entry, "constraint")) for entry in listed]
    lines = [_prices(inside(entry, "prices")) for entry in listed]
    strange = [json.dumps(inside(e, "constraint")) for e, known in zip(listed, held, strict=True) if known is None]
    why = f"holds under a constraint that is not known: {', '.join(strange)}" if strange else None
    entries = [(*known, line) for known, line in zip(held, lines, strict=True) if known is not None]
    if overlap({hours for _, hours, _ in entries if hours}):
        why = "holds in hours of the day that overlap with others"
    if why:
        # What holds beside it is not known either.
        for key in dict.fromkeys(key for line in lines for key in line):
            yield vendor, model, *key, None, None, None, True, why
        return
    for name in sorted({name for entry in listed for name in _strange_tokens(inside(entry, "prices"))}):
        yield vendor, model, None, None, None, None, None, True, f"a kind of tokens that is not known: {name}"
    days = sorted({start for start, _, _ in entries if start is not None})
    before: _Cells = {}
    for day in (None, *days):
        valid_from = day if day is not None else (UNKNOWN_START_AT if days else None)
        now = _in_force(entries, day)
        for key, price in now.items():
            yield vendor, model, *key, price, valid_from, True, None
        for direction, tier, hours in (key for key in before if key not in now):
            base = now.get((direction, 0, hours))
            yield vendor, model, direction, tier, hours, base, valid_from, base is not None, None
        before = {**dict.fromkeys(before, 0.0), **now}


def _of_provider(provider: dict[str, Any]) -> Iterator[tuple]:
    """Rows of a provider; of one whose models or prices are no such, a row that says so."""
    vendor, models = _id(provider), provider.get("models")
    for model in models if isinstance(models, list) else [None]:
        prices = inside(model, "prices")
        parts = [inside(entry, "prices") for entry in prices] if isinstance(prices, list) else [prices]
        if all(isinstance(part, dict) for part in parts):
            yield from _rows(vendor, _id(model), prices)
        else:
            why = "no list of models, or a model without prices"
            yield vendor, _id(model), None, None, None, None, None, True, why


def _providers(document: Document) -> list[dict[str, Any]]:
    """The providers of a file in any format.

    Raises:
        LayoutError: if it lists none, or says that a price read here is of another number of tokens than a million.
    """
    value = json_of(document)
    units = inside(value, "units")
    for key, unit in units.items() if isinstance(units, dict) else ():
        name = inside(unit, "price_key") or key
        if name in _DIRECTIONS and inside(unit, "per") != 1_000_000:
            raise LayoutError(f"{document.url}: {name} is a price of {inside(unit, 'per')} tokens, not of a million")
    listed = objects(inside(value, "providers") if isinstance(value, dict) else value)
    if not any("models" in p and "id" in p for p in listed):
        raise LayoutError(f"{document.url}: expected a list of providers, each with an id and models")
    return listed


def parse(documents: Sequence[Document]) -> Reading:
    """The whole file is one complete scope."""
    (document,) = documents
    listed = _providers(document)
    rows = [row for p in listed for row in _of_provider(p)]
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
    parser_version=9,
    plan=plan,
    expand=_git.expand,
    hosts=_git.HOSTS,
    cadence="10 */12 * * *",
    changes_within_days=30,
    has_history=True,
    stale_after_days=5,
)
