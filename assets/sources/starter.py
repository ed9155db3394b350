"""The starter set: facts typed by us, each with its date and source, that ship with Petaday.

Enough for every estimate and for charts with a time axis, without a key or a network. It goes the same way as any
publisher's file and is labelled bundled wherever it shows. The files lie in `assets/starter/`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from assets.sources._base import Reading, Scope, Source, csv_of, to_instant, to_number
from warehouse.captures import Document

FOLDER = Path(__file__).parents[1] / "starter"
#: Facts of models and accelerators are typed once, as reference tables, and observed from there.
REFERENCE = Path(__file__).parents[1] / "reference"
#: The day on which the set was put together; it is shown as the date of the bundled data.
COMPILED_AT = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)


def _bundled(file: Path) -> Callable[[], Sequence[Document]]:
    return lambda: [Document(file, f"bundled:{file.name}", COMPILED_AT, "csv")]


def _parse_cloud_rate(documents: Sequence[Document]) -> Reading:
    raw = csv_of(
        documents[0], ["provider", "region", "instance_type", "price_amount_per_hour", "valid_from", "source_url"]
    )
    rows = raw.select(
        "provider",
        "region",
        "instance_type",
        "purchase_option",
        "price_component",
        pl.lit("").alias("offer_variant"),
        "accelerator_name",
        *(
            to_number(c).alias(c)
            for c in (
                "accelerator_count",
                "accelerator_memory_gib",
                "vcpu_count",
                "memory_gib",
                "price_amount_per_hour",
            )
        ),
        "currency_code",
        to_instant("valid_from", "%Y-%m-%d").alias("valid_from"),
    )
    return Reading([Scope("bundled", rows, is_complete=True)])


def _parse_token_price(documents: Sequence[Document]) -> Reading:
    raw = csv_of(
        documents[0],
        ["vendor", "model", "direction", "context_tier_from_tokens", "usd_per_mtok", "valid_from", "source_url"],
    )
    rows = raw.select(
        "vendor",
        "model",
        "direction",
        pl.lit("standard").alias("service_tier"),
        pl.col("context_tier_from_tokens").cast(pl.Int64),
        pl.lit("").alias("time_window"),
        pl.lit("global").alias("region"),
        to_number("usd_per_mtok").alias("price_usd_per_mtok"),
        to_instant("valid_from", "%Y-%m-%d").alias("valid_from"),
    )
    return Reading([Scope("bundled", rows, is_complete=True)])


def _parse_grid_carbon(documents: Sequence[Document]) -> Reading:
    raw = csv_of(documents[0], ["zone", "year", "intensity_gco2e_per_kwh", "source_url", "published_on"])
    rows = raw.select(
        "zone",
        pl.lit("P1Y").alias("resolution"),
        "basis_method",
        "basis_boundary",
        "basis_accounting",
        "basis_kind",
        to_number("intensity_gco2e_per_kwh").alias("intensity_gco2e_per_kwh"),
        to_instant(pl.col("year") + "-01-01", "%Y-%m-%d").alias("valid_from"),
    )
    return Reading([Scope("bundled", rows)])


def _parse_exchange_rate(documents: Sequence[Document]) -> Reading:
    raw = csv_of(documents[0], ["currency_code", "rate_on", "usd_per_unit_rate", "source_url"])
    rows = raw.select(
        "currency_code",
        pl.lit("USD").alias("base_currency_code"),
        (1 / to_number("usd_per_unit_rate")).alias("rate_per_base"),
        to_instant("rate_on", "%Y-%m-%d").alias("valid_from"),
    )
    return Reading([Scope("bundled", rows)])


def _parse_model_compute(documents: Sequence[Document]) -> Reading:
    """What the makers state; compute that nobody states stays null here and is counted by `training_compute()`."""
    raw = csv_of(documents[0], ["model_id", "developer", "released_on", "training_flop", "source_url"])
    rows = raw.select(
        pl.col("model_id").alias("model"),
        "developer",
        pl.col("released_on").str.to_date("%Y-%m-%d", strict=False),
        *(to_number(c).alias(c) for c in ("parameters_count", "training_tokens_count", "training_flop")),
        pl.col("training_accelerator_id").alias("training_hardware"),
        *(
            pl.lit(None, dtype=pl.Float64).alias(c)
            for c in ("training_gpu_count", "training_duration_h", "training_cost_2023_usd")
        ),
        pl.lit("Language").alias("domain"),
        pl.lit(None, dtype=pl.String).alias("confidence"),
        pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("valid_from"),
    )
    return Reading([Scope("bundled", rows, is_complete=True)])


def _parse_accelerator_spec(documents: Sequence[Document]) -> Reading:
    raw = csv_of(documents[0], ["accelerator_id", "vendor", "launched_on", "fp16_dense_flop_per_s", "launch_price_usd"])
    numbers = {
        "fp32_dense_flop_per_s": "fp32_dense_flop_per_s",
        "fp16_dense_flop_per_s": "fp16_dense_flop_per_s",
        "fp8_dense_flop_per_s": "fp8_dense_flop_per_s",
        "memory_gib": "memory_gib",
        "memory_bandwidth_gb_per_s": "memory_bandwidth_gb_per_s",
        "tdp_w": "tdp_w",
        "release_price_usd": "launch_price_usd",
    }
    rows = raw.select(
        pl.col("accelerator_id").alias("accelerator_name"),
        "vendor",
        pl.col("launched_on").str.to_date("%Y-%m-%d", strict=False).alias("released_on"),
        *(to_number(column).alias(name) for name, column in numbers.items()),
        pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("valid_from"),
    )
    return Reading([Scope("bundled", rows, is_complete=True)])


def _parse_gpu_price(documents: Sequence[Document]) -> Reading:
    """List prices at launch, from the day of the launch; what has no price or no day stays out."""
    raw = csv_of(documents[0], ["accelerator_id", "vendor", "name", "launched_on", "launch_price_usd"])
    rows = raw.filter(pl.col("launch_price_usd").is_not_null() & pl.col("launched_on").is_not_null()).select(
        pl.col("vendor").str.to_lowercase().alias("seller"),
        pl.col("name").alias("product"),
        pl.col("accelerator_id").alias("product_code"),
        pl.lit("launch").alias("price_kind"),
        pl.col("accelerator_id").alias("accelerator_name"),
        to_number("memory_gib").alias("accelerator_memory_gib"),
        pl.lit(None, dtype=pl.Boolean).alias("is_in_stock"),
        to_number("launch_price_usd").alias("price_amount"),
        pl.lit("USD").alias("currency_code"),
        to_instant("launched_on", "%Y-%m-%d").alias("valid_from"),
    )
    return Reading([Scope("bundled", rows, is_complete=True)])


def _source(
    subject: str, parse: Callable[[Sequence[Document]], Reading], attribution: str, file: str | None = None
) -> Source:
    return Source(
        source_id=f"starter_{subject}",
        subject=subject,
        title=f"Starter set: {subject.replace('_', ' ')}",
        homepage_url="https://github.com/petaday/petaday/tree/main/assets/starter",
        licence="facts with a source per row; see assets/starter",
        attribution=attribution,
        parse=parse,
        extension="csv",
        is_bundled=True,
        bundled=_bundled(FOLDER / f"{subject}.csv" if file is None else REFERENCE / file),
        max_rejected_share=0.0,
        stale_after_days=10_000,
    )


STARTER_CLOUD_RATE = _source("cloud_rate", _parse_cloud_rate, "providers' published prices; source per row")
STARTER_TOKEN_PRICE = _source("token_price", _parse_token_price, "vendors' published prices; source per row")
STARTER_GPU_PRICE = _source("gpu_price", _parse_gpu_price, "makers' announcements; source per row", "accelerator.csv")
STARTER_GRID_CARBON = _source(
    "grid_carbon", _parse_grid_carbon, "Ember, CC BY 4.0; China: Ministry of Ecology and Environment"
)
STARTER_EXCHANGE_RATE = _source("exchange_rate", _parse_exchange_rate, "European Central Bank")
STARTER_MODEL_COMPUTE = _source(
    "model_compute", _parse_model_compute, "papers and model cards; source per row", "model.csv"
)
STARTER_ACCELERATOR_SPEC = _source(
    "accelerator_spec", _parse_accelerator_spec, "makers' data sheets; source per row", "accelerator.csv"
)
