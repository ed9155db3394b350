"""What most parsers need: JSON objects as columns, numbers in text, and the columns of the larger subjects.

A value of the wrong type becomes null (or NaN, to be refused), so that one bad value never costs a whole answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from assets.sources._base import LayoutError, json_of, refused
from warehouse.captures import Document

#: Type of a column in `frame_of` where a value that is not a number becomes NaN, and only an absent one null.
NUMBER_OR_NAN = "number or NaN"


def frame_of(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    """The fields named in `schema` from a list of objects; other fields are dropped.

    What is no object has no fields. A number sent as text is a number; a word, a list or an object where a number
    should be is null, or NaN in a column of type `NUMBER_OR_NAN`.
    """
    columns = []
    for name, dtype in schema.items():
        values = [inside(row, name) for row in rows]
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


def objects(values: object) -> list[dict[str, Any]]:
    """The objects of a JSON list; anything else in it is an object without fields, which is no offer of any kind.

    One entry that is null, or text, costs no more than itself. What is no list has no entries.
    """
    return [value if isinstance(value, dict) else {} for value in values] if isinstance(values, list) else []


def not_objects(values: object, **columns: object) -> pl.DataFrame:
    """The entries of a JSON list that are no objects, in the form of `Reading.rejected`.

    Each may have been any offer of a complete list, so none is recorded as ended by that list.

    Args:
        values: the list.
        columns: further columns with one value for all rows (`document`).
    """
    entries = [value for value in values if not isinstance(value, dict)] if isinstance(values, list) else []
    told = pl.DataFrame({"entry": [json.dumps(e)[:200] for e in entries]}, schema={"entry": pl.String})
    return refused(told.with_columns(pl.lit(v).alias(k) for k, v in columns.items()), "an entry that is no object")


def texts(value: object) -> list[str]:
    """The texts of a JSON list that are not empty; none of anything else: the letters of a text are no list of names."""
    return [text for text in value if isinstance(text, str) and text] if isinstance(value, list) else []


def text_or_none(value: object) -> str | None:
    """A text that is not empty; None for anything else."""
    return value if isinstance(value, str) and value else None


def is_list_of_texts(value: object) -> bool:
    """True for a JSON list of texts (empty ones are none, see `texts`), the empty list included."""
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def inside(value: object, *path: str) -> Any:
    """The value at a path of nested keys; None if a key is missing or its parent is not an object."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def json_list(document: Document, *path: str) -> list[Any]:
    """The list at a path of nested keys of a JSON document; without a path, the document itself.

    Raises:
        LayoutError: if there is no list there, or an empty one.
    """
    found = inside(json_of(document), *path)
    if not isinstance(found, list) or not found:
        where = f" at `{'.'.join(path)}`" if path else ""
        raise LayoutError(f"{document.url}: no list{where}, or an empty one (renamed?)")
    return found


def number_of(value: object) -> float | None:
    """A JSON number, also one sent as text; None for anything else, booleans included."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


#: How publishers write that there is no figure; ND stands for "non disponible".
_NOTHING = ("", "-", "–", "ND")


def number_or_nan(value: object) -> float | None:
    """As `number_of`, but NaN for a value that is not a number ("8,000", "n/a"), which is neither absent nor zero.

    The schema of every subject refuses NaN.
    """
    if value is None or (isinstance(value, str) and value.strip() in _NOTHING):
        return None
    number = number_of(value)
    return float("nan") if number is None else number


def is_positive(column: str) -> pl.Expr:
    """True for a number above zero; false for null, and for NaN, which Polars takes for the largest number."""
    return (pl.col(column).is_not_nan() & (pl.col(column) > 0)).fill_null(value=False)


def number_cells(text: pl.Expr) -> pl.Expr:
    """`number_or_nan` for a text expression."""
    written = text.str.strip_chars()
    return (
        pl.when(written.is_null() | written.is_in(list(_NOTHING)))
        .then(None)
        .otherwise(written.cast(pl.Float64, strict=False).fill_null(float("nan")))
    )


#: Reason for rows where `is_implausibly_clean`.
IMPLAUSIBLY_CLEAN = "below 1 g/kWh: a gap in the data, or another unit than gCO2e/kWh"


def is_implausibly_clean(column: str) -> pl.Expr:
    """True for an average intensity (gCO2e/kWh) that no grid with fuel-burning plants reaches: a gap, or kg/kWh."""
    return (pl.col(column) < 1).fill_null(value=False)


#: Other names of a provider -> its name here. Companies rename themselves and lists abbreviate; a provider under two
#: names would count as two.
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
    """The name of a provider here, from the name that a list of several providers uses."""
    plain = written.str.strip_chars().str.to_lowercase().str.replace_all(" ", "_", literal=True)
    return plain.replace(PROVIDER_NAMES)


#: Columns of a subject: type, and the value where a source gives none.
_Columns = Mapping[str, tuple[Any, Any]]
#: Where a source does not say: the most common kind of offer, and unknown figures.
_CLOUD_RATE: _Columns = {
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


#: Where a source does not say: location-based averages. The other columns are those of the same name in the frame.
_GRID_CARBON: _Columns = {
    "zone": (pl.String, pl.col("zone")),
    "resolution": (pl.String, pl.col("resolution")),
    "basis_method": (pl.String, "average"),
    "basis_boundary": (pl.String, pl.col("basis_boundary")),
    "basis_accounting": (pl.String, "location"),
    "basis_kind": (pl.String, pl.col("basis_kind")),
    "intensity_gco2e_per_kwh": (pl.Float64, pl.col("intensity_gco2e_per_kwh")),
}
#: Columns that are not given are those of the same name in the frame.
_ELECTRICITY_PRICE: _Columns = {
    "zone": (pl.String, pl.col("zone")),
    "market": (pl.String, pl.col("market")),
    "resolution": (pl.String, pl.col("resolution")),
    "currency_code": (pl.String, pl.col("currency_code")),
    "price_amount_per_mwh": (pl.Float64, pl.col("price_amount_per_mwh")),
}


def cloud_rates(frame: pl.DataFrame, **columns: pl.Expr | str | float) -> pl.DataFrame:
    """Rows of `cloud_rate` from a frame with one row per offer.

    Args:
        frame: offers; its `document` and `valid_from` are kept.
        columns: columns of the subject as expressions, or as one value for all rows. Columns that are not given describe
            a whole instance, on demand, in USD, in all regions, with unknown figures.
    """
    return _rows_of("cloud_rate", _CLOUD_RATE, frame, columns)


def grid_carbon_rows(frame: pl.DataFrame, **columns: pl.Expr | str) -> pl.DataFrame:
    """Rows of `grid_carbon` from a frame with `valid_from` (start of the slot, UTC) and one row per slot and basis.

    Args:
        frame: figures; its `document` and `valid_from` are kept.
        columns: columns of the subject as expressions, or as one value for all rows. Without them, basis_method is
            average, basis_accounting is location, and the others are the frame's columns of the same name.
    """
    return _rows_of("grid_carbon", _GRID_CARBON, frame, columns)


def electricity_price_rows(frame: pl.DataFrame, **columns: pl.Expr | str) -> pl.DataFrame:
    """Rows of `electricity_price` from a frame with `valid_from` (start of the slot, UTC) and one row per slot.

    Args:
        frame: prices; its `document` and `valid_from` are kept.
        columns: columns of the subject as expressions, or as one value for all rows; the others are the frame's columns
            of the same name.
    """
    return _rows_of("electricity_price", _ELECTRICITY_PRICE, frame, columns)


def _rows_of(subject: str, known: _Columns, frame: pl.DataFrame, given: Mapping[str, Any]) -> pl.DataFrame:
    if unknown := set(given) - set(known):
        raise TypeError(f"{subject} has no column {', '.join(sorted(unknown))}")
    values = {name: given.get(name, default) for name, (_, default) in known.items()}
    return frame.select(
        *(
            (value if isinstance(value, pl.Expr) else pl.lit(value)).cast(known[name][0]).alias(name)
            for name, value in values.items()
        ),
        *(c for c in ("document", "valid_from") if c in frame.columns),
    )


def each_once(rows: pl.DataFrame, key: Sequence[str], columns: Sequence[str]) -> pl.DataFrame:
    """The rows without repetitions: of rows that are equal in `columns`, the first one, in order.

    Args:
        rows: any rows.
        key: some of `columns`. If no two rows share them, the other columns need not be compared, which would take
            several times the memory of the rows.
        columns: what is compared.
    """
    if rows.select(key).hash_rows().n_unique() == rows.height:
        return rows
    return rows.unique(subset=columns, keep="first", maintain_order=True)
