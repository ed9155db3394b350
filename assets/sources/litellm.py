"""LiteLLM model map: USD per token by provider and model, typed by its community.

Quirks: `sample_spec` is documentation and `last_updated` the time stamp of a mirror; neither is a model. A tenth of the
entries is priced per second, image, character, query or page: if such an entry also has 0 per token, the zero means
"not charged this way" and is left out, as is a zero output price beside a positive input price (embeddings, whatever
their mode); elsewhere a zero means a free model. Some pairs of input and output are swapped (command-r7b at 0.15 and
0.0375) and are refused. Field names state conditions: `_above_200k_tokens` (prompt length), `_above_1hr` (cache
lifetime), `_priority`, `_flex`, `_batches` and, since 2026, `_balanced`, `_fast` and `_ultrafast` (tier of service); a
token price with any other name is refused. `tiered_pricing` is a list of prices by prompt length. `*_dbu_cost_*` is in
Databricks units. Some entries were typed per thousand tokens (wandb, jais, in 2025 all that watsonx added): prices
above those of any model, or of any model of that size, are refused (see `_token_prices.fault`), and so is a high price
beside several such prices of one vendor, and the price of a diffusion model (a step typed as a token).
`off_peak_pricing` (since 2026) has other prices for some hours of the day in UTC; where they apply on some weekdays
only they are refused, and the price of the other days is kept for those hours. The map is in USD whatever the provider
bills in. Bedrock keys contain a region (`bedrock/us-east-1/...`), or the term of a commitment, whose price is per hour.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

import polars as pl

from assets.sources import _git
from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, json_of, refused, to_number
from assets.sources._rows import inside, number_of, objects
from assets.sources._token_prices import (
    SWAPPED,
    fault,
    hours_of_day,
    is_swapped,
    rest_of_day,
)
from warehouse.captures import Document

_DIRECTIONS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_read",
    "input_cost_per_token_cache_hit": "cached_read",
    "cache_creation_input_token_cost": "cached_write",
    "cache_creation_input_token_cost_above_1hr": "cached_write_1h",
    "input_cost_per_audio_token": "input_audio",
    "output_cost_per_audio_token": "output_audio",
    "cache_read_input_audio_token_cost": "cached_audio_read",
    "cache_read_input_token_cost_per_audio_token": "cached_audio_read",
    "cache_creation_input_audio_token_cost": "cached_audio_write",
    "input_cost_per_image_token": "input_image",
    "output_cost_per_image_token": "output_image",
    "cache_read_input_image_token_cost": "cached_image_read",
    "output_cost_per_reasoning_token": "output_reasoning",
    "output_cost_per_video_token": "output_video",
    "citation_cost_per_token": "output_citation",
}
_TIERS = {
    "_priority": "priority",
    "_flex": "flex",
    "_batches": "batch",
    "_batch_requests": "batch",
    "_balanced": "balanced",
    "_fast": "fast",
    "_ultrafast": "ultrafast",
}
_TIER = "|".join(_TIERS)
#: Tier of service and prompt length stand in either order behind what is paid for.
_NAME = rf"^(?<base>.+?)(?<tier>{_TIER})?(?:_above_(?<length>\d+)(?<scale>[km]?)_tokens)?(?<tier_behind>{_TIER})?$"
_SCALES = {"": 1, "k": 1_000, "m": 1_000_000}
#: What is paid for are tokens, but in Databricks units (once misspelt).
_IN_OTHER_MONEY = r"_dbu?_cost_"
#: What an entry is charged by, if not by the token.
_OTHER_UNITS = r"_per_(?:second|image|pixel|character|query|request|page|session)$|^ocr_cost"
#: Models of one vendor typed per thousand tokens, from which its other prices above this many USD per million are taken
#: for such.
_MODELS_THAT_TELL, _SUSPECT_USD_PER_MTOK = 5, 50.0
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_REGION = r"^[a-z]{2,}(?:-[a-z]+)+-\d+$"
#: Provider, and maybe region, in front of a model's name.
_PREFIX = r"^[^/]+/(?:[a-z]{2,}(?:-[a-z]+)+-\d+/)?"
#: Documentation of the fields, and the time stamp of a mirror.
_NO_MODELS = {"sample_spec", "last_updated"}


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The map as it stands, or as it stood on past days."""
    return _git.current_or_past("BerriAI/litellm", "model_prices_and_context_window.json", window, "main")


def _start_of(tier: dict) -> float | None:
    found = tier.get("range")
    start = number_of(found[0]) if isinstance(found, list) and found else None
    return start if start is not None and isfinite(start) else None


def _minutes(clock: str) -> int | None:
    found = re.fullmatch(r"(\d{1,2}):(\d\d)", clock.strip())
    minutes = int(found[1]) * 60 + int(found[2]) if found else None
    return minutes if minutes is not None and minutes <= 1440 and int(clock.strip()[-2:]) < 60 else None


def _weekdays(days: Any) -> set[int] | None:
    """Days of a week, Monday 1, on which a rule holds; None if they are not such. An English name may be cut short."""
    if days is None:
        return set(range(1, 8))
    found = set()
    for day in days if isinstance(days, list) else [days]:
        name = str(day).strip().lower()
        named = [n for n, full in enumerate(_DAYS, 1) if name == str(n) or (len(name) > 2 and full.startswith(name))]
        if len(named) != 1:
            return None
        found.update(named)
    return found


def _off_peak_hours(block: Any) -> tuple[list[str], bool] | None:
    """Hours in which a block of `off_peak_pricing` holds every day, and whether others are its own on some weekdays.

    Of which time zone the weekdays are is without effect on the first. None if the block is not in its form, or holds
    always.
    """
    if not isinstance(block, dict):
        return None
    listed = block.get("windows")
    plain = [] if block.get("hours_utc") is None else [block]
    days_of: list[set[int]] = [set() for _ in range(1440)]
    for rule in [*plain, *(listed if isinstance(listed, list) else () if listed is None else (None,))]:
        days = _weekdays(inside(rule, "weekdays"))
        if days is None:
            return None
        hours = inside(rule, "hours_utc")
        for text in hours if isinstance(hours, list) else [hours]:
            ends = [_minutes(end) for end in text.split("-")] if isinstance(text, str) else []
            if len(ends) != 2 or ends[0] is None or ends[1] is None:
                return None
            for minute in range(ends[0], ends[0] + (ends[1] - ends[0] - 1) % 1440 + 1):
                days_of[minute % 1440] |= days
    always = [len(days) == 7 for days in days_of]
    if all(always) or not any(days_of):
        return None
    starts = [minute for minute in range(1440) if always[minute] and not always[minute - 1]]
    ends = [minute for minute in range(1440) if not always[minute] and always[minute - 1]]
    # The end of the last one may be of the day after.
    ends = ends[1:] + ends[:1] if starts and ends[0] < starts[0] else ends
    windows = [hours_of_day(first, last) for first, last in zip(starts, ends, strict=True)]
    return windows, any(0 < len(days) < 7 for days in days_of)


_Cell = tuple[str, str | None, str | None, str, float | None, Sequence[str | None], str | None, Any]


def _cells_of(key: str, entry: dict[str, Any]) -> list[_Cell]:
    """The prices of an entry with the hours in which each holds and, where these cannot be told, the reason."""
    block = entry.get("off_peak_pricing")
    told = _off_peak_hours(block)
    hours, is_of_weekdays = told or ([], False)
    listed = entry.get("tiered_pricing")
    tiers = objects(listed)
    why = None
    if block is not None and told is None:
        why = "off-peak prices whose hours are in no known form"
    elif block is not None and (tiers or any(re.search(r"_above_\d+[km]?_tokens", field) for field in entry)):
        why = "off-peak prices beside prices by prompt length, which they replace"
    off_peak = {f: v for f, v in block.items() if "cost" in f and v is not None} if isinstance(block, dict) else {}
    named = set() if why else {_DIRECTIONS.get(f) for f in off_peak} - {None}
    rest = rest_of_day(hours)
    provider, mode = entry.get("litellm_provider"), entry.get("mode")
    head = (key, provider if isinstance(provider, str) else None, mode if isinstance(mode, str) else None)
    cells: list[_Cell] = [
        (*head, field, 0.0, rest if _DIRECTIONS.get(field) in named else [""], None, value)
        for field, value in entry.items()
        if "cost" in field
    ]
    cells += [
        (*head, field, _start_of(tier), [""], None, value)
        for tier in tiers
        for field, value in tier.items()
        if "cost" in field
    ]
    if not why:
        cells += [(*head, field, 0.0, hours, None, value) for field, value in off_peak.items() if hours]
        why = (
            "off-peak prices of some weekdays: the price of the other days is kept for those hours"
            if is_of_weekdays
            else None
        )
    if why:
        cells += [(*head, field, 0.0, [None], why, value) for field, value in off_peak.items()]
    if why and not off_peak:
        cells.append((*head, "off_peak_pricing", 0.0, [None], why, ""))
    if entry.get("pricing_periods"):
        cells.append((*head, "pricing_periods", 0.0, [None], "prices by period, which are not read", ""))
    # A missing cost is no cost; one of tokens that is no number is kept, to be refused by name.
    return [c for c in cells if c[-1] is not None and ("token" in c[3] or not isinstance(c[-1], dict | list | bool))]


def _cells(models: dict[str, dict]) -> pl.DataFrame:
    """One row per model, price field and part of the day: key, provider, mode, field, from_tokens, time_window, why, cost."""
    rows = [(*cell[:-1], str(cell[-1])) for key, entry in models.items() for cell in _cells_of(key, entry)]
    return (
        pl.DataFrame(
            rows,
            orient="row",
            schema={
                "key": pl.String,
                "provider": pl.String,
                "mode": pl.String,
                "field": pl.String,
                "from_tokens": pl.Float64,
                "time_window": pl.List(pl.String),
                "why": pl.String,
                "cost_as_typed": pl.String,
            },
        )
        .explode("time_window")
        .with_columns(to_number("cost_as_typed").alias("cost"))
    )


def _is_output_left_open() -> pl.Expr:
    """A zero output beside an input that costs: nobody gives away what a model writes, an embedding or a router writes nothing."""
    paid = (
        pl.col("cost")
        .filter(pl.col("direction") == "input")
        .max()
        .over("key", "service_tier", "context_tier_from_tokens", "time_window")
    )
    return (pl.col("direction") == "output") & (pl.col("cost") == 0) & (paid > 0)


def _prices(cells: pl.DataFrame) -> pl.DataFrame:
    """Cells that price tokens, with what their fields' names carry: direction (null: not known), service_tier, context_tier_from_tokens."""
    other = cells.filter(pl.col("field").str.contains(_OTHER_UNITS) & (pl.col("cost") > 0)).select("key").unique()
    cells = (
        cells.with_columns(pl.col("field").str.extract_groups(_NAME).alias("name"))
        .unnest("name")
        .with_columns(
            pl.col("base").replace_strict(_DIRECTIONS, default=None, return_dtype=pl.String).alias("direction"),
            pl.coalesce("tier", "tier_behind")
            .replace_strict(_TIERS, default="standard", return_dtype=pl.String)
            .alias("service_tier"),
            pl.coalesce(
                pl.col("length").cast(pl.Int64)
                * pl.col("scale").replace_strict(_SCALES, default=None, return_dtype=pl.Int64),
                pl.col("from_tokens").cast(pl.Int64),
            ).alias("context_tier_from_tokens"),
            pl.col("key").is_in(other["key"].implode()).alias("is_charged_otherwise"),
            (pl.col("cost") * 1e6).round(9).alias("price_usd_per_mtok"),
        )
    )
    # A price of tokens of a kind, or under a condition ("off_peak"), that is not known is refused; those beside it
    # hold.
    is_strange = (
        pl.col("direction").is_null()
        & pl.col("base").str.contains("token", literal=True)
        & ~pl.col("base").str.contains(_IN_OTHER_MONEY)
        & (pl.col("cost") > 0)
    )
    cells = cells.filter(pl.col("direction").is_not_null() | is_strange | pl.col("why").is_not_null())
    not_so = (pl.col("cost") == 0) & (
        pl.col("is_charged_otherwise")
        | (pl.col("mode").is_in(["embedding", "rerank"]) & pl.col("direction").str.starts_with("output"))
        | ~pl.col("direction").is_in(["input", "output"])
    )
    return cells.filter(~(not_so | _is_output_left_open()).fill_null(value=False))


def _named(prices: pl.DataFrame) -> pl.DataFrame:
    """Prices with what their keys carry: vendor, model and region."""
    prefix = pl.col("key").str.extract(r"^([^/]+)/")
    vendor = pl.coalesce("provider", prefix)
    region = pl.col("key").str.extract(r"^[^/]+/([^/]+)/")
    is_region = region.str.contains(_REGION).fill_null(value=False)
    # The prefix repeats the provider and the region has its column; whatever else stands in a key belongs to the model.
    model = (
        pl.when(is_region)
        .then(pl.col("key").str.replace(r"^[^/]+/[^/]+/", ""))
        .when(prefix == pl.col("vendor"))
        .then(pl.col("key").str.replace(r"^[^/]+/", ""))
        .otherwise(pl.col("key"))
    )
    return prices.with_columns(vendor.alias("vendor")).with_columns(
        model.alias("model"), pl.when(is_region).then(region).otherwise(pl.lit("global")).alias("region")
    )


def parse(documents: Sequence[Document]) -> Reading:
    """One row per provider, model, direction, service tier and prompt length."""
    (document,) = documents
    body = json_of(document)
    if not isinstance(body, dict):
        raise LayoutError(f"{document.url}: expected a map of models, found a {type(body).__name__}")
    models = {k: v for k, v in body.items() if k not in _NO_MODELS and isinstance(v, dict)}
    cells = _cells(models)
    if cells.is_empty():
        raise LayoutError(f"{document.url}: no entry has a cost")
    rows = _named(_prices(cells))
    unknown = pl.when(pl.col("direction").is_null()).then(
        pl.format("a price of a kind of tokens, or under a condition, that is not known: {}", "field")
    )
    rows = rows.with_columns(pl.coalesce("why", unknown, fault("key")).alias("fault"))
    slips = pl.col("key").filter(pl.col("fault").str.contains("per thousand")).n_unique().over("vendor")
    is_suspect = (slips >= _MODELS_THAT_TELL) & (pl.col("price_usd_per_mtok") > _SUSPECT_USD_PER_MTOK)
    of_vendor = pl.when(is_suspect).then(
        pl.format("dear, beside {} models of {} that were typed per thousand tokens", slips, "vendor")
    )
    rows = rows.with_columns(pl.coalesce("fault", of_vendor).alias("fault"))
    strange = [name for name, entry in body.items() if name not in _NO_MODELS and not isinstance(entry, dict)]
    no_objects = pl.DataFrame({"key": strange}, {"key": pl.String})
    key = ["vendor", "model", "direction", "service_tier", "context_tier_from_tokens", "region", "time_window"]
    offer = ["key", "service_tier", "context_tier_from_tokens", "time_window"]
    turned = pl.when(is_swapped(offer, "model")).then(pl.lit(SWAPPED))
    rows = rows.with_columns(pl.coalesce("fault", turned).alias("fault"))
    bad = rows.filter(pl.col("fault").is_not_null()).with_columns(
        pl.when(pl.col("direction").is_not_null()).then(c).alias(c)
        for c in ("service_tier", "context_tier_from_tokens", "time_window")
    )
    # One price may stand under several keys (with and without prefix) or both fields of a cache hit.
    rows = (
        rows.filter(pl.col("fault").is_null())
        .sort(pl.col("key").str.len_chars(), maintain_order=True)
        .unique(subset=[*key, "price_usd_per_mtok"], keep="first", maintain_order=True)
    )
    # The hours of one price are told by one key of the map: an all-day price under another would hold beside them.
    is_of_first = pl.col("key") == pl.col("key").first().over(key[:-1])
    is_first = is_of_first & pl.struct(key).is_first_distinct()
    frame = rows.filter(is_first).select(*key, "price_usd_per_mtok")
    rejected = [
        refused(
            bad.select("key", "field", "cost_as_typed", "vendor", "price_usd_per_mtok"), bad["fault"], bad.select(key)
        ),
        refused(
            rows.filter(~is_first).select("key", "field", "cost", "vendor"),
            "the map gives this model another price under its plain key, which is kept",
            rows.filter(~is_first).select(key),
        ),
        refused(no_objects, "an entry that is no object", model=pl.col("key").str.replace(_PREFIX, "")),
    ]
    return Reading([Scope("models", frame, is_complete=True)], pl.concat(rejected, how="diagonal"))


LITELLM = Source(
    source_id="litellm",
    subject="token_price",
    title="LiteLLM model price map",
    homepage_url="https://github.com/BerriAI/litellm",
    licence="MIT",
    licence_url="https://github.com/BerriAI/litellm/blob/main/LICENSE",
    attribution="BerriAI/litellm",
    parse=parse,
    parser_version=12,
    plan=plan,
    expand=_git.expand,
    hosts=_git.HOSTS,
    cadence="10 5 * * *",
    changes_within_days=21,
    has_history=True,
)
