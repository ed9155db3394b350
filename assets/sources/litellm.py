"""LiteLLM model map: USD per token by provider and model, typed by its community.

Quirks: `sample_spec` is documentation and `last_updated` a mirror's stamp, neither is a model. A tenth of the entries
is priced per second, picture, character, query or page: where such an entry also says 0 per token, the zero means "not
charged so" and is left out, as is a zero output beside an input that costs (embeddings, whatever their mode says); elsewhere
zero is a free model. Some pairs are typed turned round (command-r7b at 0.15 and 0.0375): refused. Field names carry what
they mean: `_above_200k_tokens` (prompt length), `_above_1hr` (life of a cache), `_priority`, `_flex`, `_batches`;
a price of tokens under another name is refused by it. `tiered_pricing` holds prices by prompt length in a list. `*_dbu_cost_*`
is in Databricks units. Some entries were typed per thousand tokens (wandb, jais): above `_token_prices.MAX_USD_PER_MTOK` they
are refused. The map is in USD whatever the provider bills in. Bedrock keys carry a region (`bedrock/us-east-1/...`), or a term
of commitment, whose price is per hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from assets.sources import _git
from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, json_of, refused
from assets.sources._rows import number_of
from assets.sources._token_prices import TURNED_ROUND, fault, is_turned_round
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
_TIERS = {"_priority": "priority", "_flex": "flex", "_batches": "batch", "_batch_requests": "batch"}
_TIER = "|".join(_TIERS)
#: Tier of service and prompt length stand in either order behind what is paid for.
_NAME = rf"^(?<base>.+?)(?<tier>{_TIER})?(?:_above_(?<length>\d+)(?<scale>[km])_tokens)?(?<tier_behind>{_TIER})?$"
_SCALES = {"k": 1_000, "m": 1_000_000}
#: What is paid for are tokens, but in Databricks units (once misspelt).
_IN_OTHER_MONEY = r"_dbu?_cost_"
#: What an entry is charged by, if not by the token.
_OTHER_UNITS = r"_per_(?:second|image|pixel|character|query|request|page|session)$|^ocr_cost"
_REGION = r"^[a-z]{2,}(?:-[a-z]+)+-\d+$"


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The map as it stands, or as it stood on past days."""
    return _git.current_or_past("BerriAI/litellm", "model_prices_and_context_window.json", window, "main")


def _start_of(tier: dict) -> float | None:
    start = tier.get("range")
    return number_of(start[0]) if isinstance(start, list) and start else None


def _cells(models: dict[str, dict]) -> pl.DataFrame:
    """One row per model and price field: key, provider, mode, field, from_tokens, value."""
    flat = [
        (key, entry.get("litellm_provider"), entry.get("mode"), field, 0.0, value)
        for key, entry in models.items()
        for field, value in entry.items()
        if "cost" in field
    ]
    tiered = [
        (key, entry.get("litellm_provider"), entry.get("mode"), field, _start_of(tier), value)
        for key, entry in models.items()
        for tier in entry.get("tiered_pricing") or ()
        for field, value in tier.items()
        if "cost" in field
    ]
    # A missing cost is no cost; one that is text is kept, to be refused by name.
    rows = [
        (*cell, str(value))
        for *cell, value in (*flat, *tiered)
        if value is not None and not isinstance(value, dict | list | bool)
    ]
    return pl.DataFrame(
        rows,
        orient="row",
        schema={
            "key": pl.String,
            "provider": pl.String,
            "mode": pl.String,
            "field": pl.String,
            "from_tokens": pl.Float64,
            "cost_as_typed": pl.String,
        },
    ).with_columns(pl.col("cost_as_typed").str.strip_chars().cast(pl.Float64, strict=False).alias("cost"))


def _is_output_left_open() -> pl.Expr:
    """A zero output beside an input that costs: nobody gives away what a model writes, an embedding or a router writes nothing."""
    paid = (
        pl.col("cost")
        .filter(pl.col("direction") == "input")
        .max()
        .over("key", "service_tier", "context_tier_from_tokens")
    )
    return (pl.col("direction") == "output") & (pl.col("cost") == 0) & (paid > 0)


def parse(documents: Sequence[Document]) -> Reading:
    """One row per provider, model, direction, service tier and prompt length."""
    (document,) = documents
    body = json_of(document)
    if not isinstance(body, dict):
        raise LayoutError(f"{document.url}: expected a map of models, found a {type(body).__name__}")
    models = {k: v for k, v in body.items() if k != "sample_spec" and isinstance(v, dict)}
    cells = _cells(models)
    if cells.is_empty():
        raise LayoutError(f"{document.url}: no entry has a cost")
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
    # A price of tokens of a kind, or under a condition ("off_peak"), that is not known is refused; those beside it hold.
    is_strange = (
        pl.col("direction").is_null()
        & pl.col("base").str.contains("token", literal=True)
        & ~pl.col("base").str.contains(_IN_OTHER_MONEY)
        & (pl.col("cost") > 0)
    )
    cells = cells.filter(pl.col("direction").is_not_null() | is_strange)
    not_so = (pl.col("cost") == 0) & (
        pl.col("is_charged_otherwise")
        | (pl.col("mode").is_in(["embedding", "rerank"]) & pl.col("direction").str.starts_with("output"))
        | ~pl.col("direction").is_in(["input", "output"])
    )
    cells = cells.filter(~(not_so | _is_output_left_open()).fill_null(value=False))

    prefix = pl.col("key").str.extract(r"^([^/]+)/")
    vendor = pl.coalesce("provider", prefix, pl.lit("unknown"))
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
    rows = cells.with_columns(vendor.alias("vendor")).with_columns(
        model.alias("model"), pl.when(is_region).then(region).otherwise(pl.lit("global")).alias("region")
    )
    unknown = pl.when(pl.col("direction").is_null()).then(
        pl.format("a price of a kind of tokens, or under a condition, that is not known: {}", "field")
    )
    rows = rows.with_columns(pl.coalesce(unknown, fault("key")).alias("fault"))
    key = ["vendor", "model", "direction", "service_tier", "context_tier_from_tokens", "region"]
    offer = ["key", "service_tier", "context_tier_from_tokens"]
    turned = pl.when(is_turned_round(offer, "model")).then(pl.lit(TURNED_ROUND))
    rows = rows.with_columns(pl.coalesce("fault", turned).alias("fault"))
    bad = rows.filter(pl.col("fault").is_not_null()).with_columns(
        pl.when(pl.col("direction").is_not_null()).then(c).alias(c)
        for c in ("service_tier", "context_tier_from_tokens")
    )
    # One price may stand under several keys (with and without prefix) or both fields of a cache hit.
    rows = (
        rows.filter(pl.col("fault").is_null())
        .sort(pl.col("key").str.len_chars(), maintain_order=True)
        .unique(subset=[*key, "price_usd_per_mtok"], keep="first", maintain_order=True)
    )
    is_first = pl.struct(key).is_first_distinct()
    frame = rows.filter(is_first).select(*key, pl.lit("").alias("time_window"), "price_usd_per_mtok")
    rejected = [
        refused(
            bad.select("key", "field", "cost_as_typed", "vendor", "price_usd_per_mtok"), bad["fault"], bad.select(key)
        ),
        refused(
            rows.filter(~is_first).select("key", "field", "cost", "vendor"),
            "the map gives this model another price under its plain key, which is kept",
            rows.filter(~is_first).select(key),
        ),
    ]
    return Reading([Scope("models", frame, is_complete=True)], pl.concat(rejected))


LITELLM = Source(
    source_id="litellm",
    subject="token_price",
    title="LiteLLM model price map",
    homepage_url="https://github.com/BerriAI/litellm",
    licence="MIT",
    licence_url="https://github.com/BerriAI/litellm/blob/main/LICENSE",
    attribution="BerriAI/litellm",
    parse=parse,
    parser_version=6,
    plan=plan,
    expand=_git.expand,
    hosts=_git.HOSTS,
    cadence="10 5 * * *",
    has_history=True,
)
