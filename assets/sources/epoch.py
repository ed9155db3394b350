"""Epoch AI: what is published of notable models and of machine-learning hardware, two files on their site. CC BY 4.0.

Columns as in the public copies of 2025-03 to 2026-09 (their documentation names them in words). Quirks:
- The size of the data set was renamed from `(datapoints)` to `(gradients)` to `(total)`; whichever is present is read as it is,
  although rows differ in whether repeated passes over the data count. It is tokens for language models and images, games or
  frames for others, so it is read as tokens only if the domain names language.
- Parameters, compute and dates are Epoch's estimates if the maker does not publish them; `Confidence` rates them.
- `Training compute cost (2023 USD)` is in dollars of 2023, as the column here says.
- Memory was called `Memory size per board (Byte)` until the end of 2025.
- Tensor FLOP/s are dense. `Release price (USD)` is of one card; boards sold only inside systems have none.
- Two rows with the same name are refused by the intake, since they are ambiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, csv_of, refused, to_number
from warehouse.captures import Document

HOST = "epoch.ai"
_LICENCE = "CC BY 4.0"
_LICENCE_URL = "https://creativecommons.org/licenses/by/4.0/"
_MODELS = f"https://{HOST}/data/notable_ai_models.csv"
_HARDWARE = f"https://{HOST}/data/ml_hardware.csv"
_DATASET_SIZES = tuple(f"Training dataset size ({what})" for what in ("total", "gradients", "datapoints"))
_MEMORIES = ("Memory (bytes)", "Memory size per board (Byte)")
_GIB = 2**30


def _text(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars().replace("", None)


def _day(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars().str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)


def _positive(column: str) -> pl.Expr:
    """A number above zero; none of these is ever zero, so a zero is a gap."""
    number = to_number(column)
    return pl.when(number > 0).then(number)


def _optional(raw: pl.DataFrame, column: str, read: Callable[[str], pl.Expr], dtype: type[pl.DataType]) -> pl.Expr:
    """A column that early copies of the file lack."""
    return read(column) if column in raw.columns else pl.lit(None, dtype=dtype)


def _split_nameless(raw: pl.DataFrame, column: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows with a name, and the others as refused rows."""
    is_named = _text(column).is_not_null()
    nameless = raw.filter(~is_named)
    return raw.filter(is_named), refused(nameless, f"no value in {column!r}")


def plan_models(window: Window) -> Iterable[Sequence[Request]]:
    """The file of notable models."""
    yield [Request(_MODELS, extension="csv")]


def plan_hardware(window: Window) -> Iterable[Sequence[Request]]:
    """The file of hardware."""
    yield [Request(_HARDWARE, extension="csv")]


def parse_models(documents: Sequence[Document]) -> Reading:
    """One row per notable model."""
    document = documents[0]
    raw = csv_of(
        document, ["Model", "Organization", "Publication date", "Domain", "Parameters", "Training compute (FLOP)"]
    )
    size = next((c for c in _DATASET_SIZES if c in raw.columns), None)
    if size is None:
        raise LayoutError(f"{document.url}: none of the columns {', '.join(_DATASET_SIZES)} is there (renamed?)")
    named, rejected = _split_nameless(raw, "Model")
    is_language = pl.col("Domain").str.to_lowercase().str.contains(r"\blanguage\b").fill_null(value=False)
    rows = named.select(
        _text("Model").alias("model"),
        _text("Organization").alias("developer"),
        _day("Publication date").alias("released_on"),
        _positive("Parameters").alias("parameters_count"),
        pl.when(is_language).then(_positive(size)).alias("training_tokens_count"),
        _positive("Training compute (FLOP)").alias("training_flop"),
        _optional(raw, "Training hardware", _text, pl.String).alias("training_hardware"),
        _optional(raw, "Hardware quantity", _positive, pl.Float64).alias("training_gpu_count"),
        _optional(raw, "Training time (hours)", _positive, pl.Float64).alias("training_duration_h"),
        _optional(raw, "Training compute cost (2023 USD)", _positive, pl.Float64).alias("training_cost_2023_usd"),
        _text("Domain").alias("domain"),
        _optional(raw, "Confidence", _text, pl.String).alias("confidence"),
    ).with_columns(pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("valid_from"))
    return Reading([Scope("notable", rows, is_complete=True)], rejected)


def parse_hardware(documents: Sequence[Document]) -> Reading:
    """One row per accelerator."""
    raw = csv_of(
        documents[0],
        [
            "Hardware name",
            "Manufacturer",
            "Release date",
            "Release price (USD)",
            "TDP (W)",
            "Tensor-FP16/BF16 performance (FLOP/s)",
        ],
    )
    named, rejected = _split_nameless(raw, "Hardware name")

    def number(column: str) -> pl.Expr:
        return _optional(raw, column, _positive, pl.Float64)

    rows = named.select(
        _text("Hardware name").alias("accelerator_name"),
        _text("Manufacturer").alias("vendor"),
        _day("Release date").alias("released_on"),
        number("FP32 (single precision) performance (FLOP/s)").alias("fp32_dense_flop_per_s"),
        number("Tensor-FP16/BF16 performance (FLOP/s)").alias("fp16_dense_flop_per_s"),
        number("FP8 performance (FLOP/s)").alias("fp8_dense_flop_per_s"),
        (pl.coalesce(number(c) for c in _MEMORIES) / _GIB).alias("memory_gib"),
        (number("Memory bandwidth (byte/s)") / 1e9).alias("memory_bandwidth_gb_per_s"),
        number("TDP (W)").alias("tdp_w"),
        number("Release price (USD)").alias("release_price_usd"),
    ).with_columns(pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("valid_from"))
    return Reading([Scope("hardware", rows, is_complete=True)], rejected)


EPOCH_MODELS = Source(
    source_id="epoch_models",
    subject="model_compute",
    title="Epoch AI: notable AI models",
    homepage_url="https://epoch.ai/data/ai-models",
    licence=_LICENCE,
    licence_url=_LICENCE_URL,
    attribution="Epoch AI, Data on AI Models",
    parse=parse_models,
    plan=plan_models,
    hosts=(HOST,),
    cadence="40 6 * * 1",
    changes_within_days=60,
    extension="csv",
    stale_after_days=14,
)
EPOCH_HARDWARE = Source(
    source_id="epoch_hardware",
    subject="accelerator_spec",
    title="Epoch AI: machine learning hardware",
    homepage_url="https://epoch.ai/data/machine-learning-hardware",
    licence=_LICENCE,
    licence_url=_LICENCE_URL,
    attribution="Epoch AI, Data on Machine Learning Hardware",
    parse=parse_hardware,
    parser_version=2,
    plan=plan_hardware,
    hosts=(HOST,),
    cadence="45 6 * * 1",
    changes_within_days=120,
    extension="csv",
    stale_after_days=14,
)
