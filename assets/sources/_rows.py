"""Rows and columns that any parser may need.

JSON objects as columns, where what has the wrong type becomes null and never stops a whole answer; rows that came twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

#: Type of a column in `frame_of` in which what is written and is no number is not the same as nothing.
NUMBER_OR_NAN = "number or NaN"


def frame_of(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    """The fields of `schema` from a list of objects; other fields are left behind.

    A number sent as text is a number; a word, a list or an object where a number should be is null, or NaN in a column of
    the type `NUMBER_OR_NAN`.
    """
    columns = []
    for name, dtype in schema.items():
        values = [row.get(name) for row in rows]
        if dtype == pl.String:
            values = [
                v if isinstance(v, str) else None if v is None or isinstance(v, dict | list) else str(v) for v in values
            ]
        elif dtype == pl.Boolean:
            values = [v if isinstance(v, bool) else None for v in values]
        elif dtype == NUMBER_OR_NAN:
            dtype, values = pl.Float64, [number_or_nan(v) for v in values]
        else:
            values = [number_of(v) for v in values]
        columns.append(pl.Series(name, values, dtype=dtype, strict=False))
    return pl.DataFrame(columns)


def inside(value: object, *path: str) -> Any:
    """The value at a path of nested keys; None where a key is missing or its parent is no object."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def number_of(value: object) -> float | None:
    """A JSON number, also one sent as text; None for what is none (true is no 1)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


#: How publishers write that there is no figure; ND is non disponible.
_NOTHING = ("", "-", "–", "ND")


def number_or_nan(value: object) -> float | None:
    """As `number_of`, but NaN for what is written and is no number ("8,000", "n/a"): it is neither absent nor zero.

    A NaN is refused by the schema of every subject.
    """
    if value is None or (isinstance(value, str) and value.strip() in _NOTHING):
        return None
    number = number_of(value)
    return float("nan") if number is None else number


def number_cells(text: pl.Expr) -> pl.Expr:
    """`number_or_nan` for cells of text."""
    written = text.str.strip_chars()
    return (
        pl.when(written.is_null() | written.is_in(list(_NOTHING)))
        .then(None)
        .otherwise(written.cast(pl.Float64, strict=False).fill_null(float("nan")))
    )


#: Why a stated intensity of a grid with fuel-burning plants is refused.
NO_GRID = "below 1 g/kWh: no such grid runs so clean; a hole, or another unit than gCO2e/kWh"


def is_no_grid(column: str) -> pl.Expr:
    """True for a stated average intensity (gCO2e/kWh) that no grid with plants that burn fuel has had: a 0 is a hole, less than 1 in kg/kWh."""
    return (pl.col(column) < 1).fill_null(value=False)


#: Other names of a provider -> the one it has here: firms take new names, and lists shorten them. A provider under two names
#: would count as two.
PROVIDER_NAMES = {
    "alibaba_cloud": "alibaba",
    "amazon_web_services": "aws",
    "datacrunch": "verda",
    "do": "digitalocean",
    "google_cloud": "gcp",
    "google_cloud_platform": "gcp",
    "lambdalabs": "lambda",
    "lambda_labs": "lambda",
    "latitude.sh": "latitude",
    "microsoft_azure": "azure",
    "oracle": "oci",
    "oracle_cloud": "oci",
    "oracle_cloud_infrastructure": "oci",
    "ovhcloud": "ovh",
    "vast.ai": "vast",
    "vastai": "vast",
}


def provider_name(written: pl.Expr) -> pl.Expr:
    """A provider by its one name, from what a list of several providers calls it."""
    plain = written.str.strip_chars().str.to_lowercase().str.replace_all(" ", "_", literal=True)
    return plain.replace(PROVIDER_NAMES)


#: Columns of `cloud_rate` and what they are where a source does not say: the commonest kind of offer, or unknown.
_CLOUD_RATE: dict[str, tuple[Any, Any]] = {
    "provider": (pl.String, None),
    "region": (pl.String, "global"),
    "instance_type": (pl.String, None),
    "purchase_option": (pl.String, "on_demand"),
    "price_component": (pl.String, "instance"),
    "offer_variant": (pl.String, ""),
    "accelerator_name": (pl.String, None),
    "accelerator_count": (pl.Float64, None),
    "accelerator_memory_gib": (pl.Float64, None),
    "vcpu_count": (pl.Float64, None),
    "memory_gib": (pl.Float64, None),
    "price_amount_per_hour": (pl.Float64, None),
    "currency_code": (pl.String, "USD"),
}


def cloud_rates(frame: pl.DataFrame, **columns: pl.Expr | str | float) -> pl.DataFrame:
    """Rows of `cloud_rate` from a frame of offers.

    Args:
        frame: one row per offer; its `document` and `valid_from` are kept.
        columns: columns of the subject as expressions, or as one value for all rows; what is not given is as
            `_CLOUD_RATE` says: a whole instance on demand in USD, with every figure unknown.
    """
    if unknown := set(columns) - set(_CLOUD_RATE):
        raise TypeError(f"no column of cloud_rate: {', '.join(sorted(unknown))}")
    given = {name: columns.get(name, default) for name, (_, default) in _CLOUD_RATE.items()}
    return frame.select(
        *(
            (value if isinstance(value, pl.Expr) else pl.lit(value)).cast(_CLOUD_RATE[name][0]).alias(name)
            for name, value in given.items()
        ),
        *(c for c in ("document", "valid_from") if c in frame.columns),
    )


def each_once(rows: pl.DataFrame, key: Sequence[str], columns: Sequence[str]) -> pl.DataFrame:
    """Of rows that are alike in `columns` the first, in order.

    Args:
        rows: any rows.
        key: some of `columns`, that seldom come twice: where none does, there is no need to compare the rest, which takes several
            times the memory of the rows.
        columns: what is compared.
    """
    if rows.select(key).hash_rows().n_unique() == rows.height:
        return rows
    return rows.unique(subset=columns, keep="first", maintain_order=True)
