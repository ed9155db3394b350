"""JSON objects as columns: what has the wrong type becomes null, and never stops a whole answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl


def frame_of(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    """The fields of `schema` from a list of objects; other fields are left behind.

    A number sent as text is a number; a word, a list or an object where a number should be is null.
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
        else:
            values = [_number(v) for v in values]
        columns.append(pl.Series(name, values, dtype=dtype, strict=False))
    return pl.DataFrame(columns)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
