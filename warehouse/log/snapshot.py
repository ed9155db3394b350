"""A snapshot: what one publisher says of one scope at one time, as it is handed to the log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one batch of captures says about one scope of a source.

    `frame` has the subject's columns, `capture_id`, and `valid_from` (UTC): required for a series; for a state null
    means "holds when observed", and an early sentinel (`UNKNOWN_START`) "held before the first date given". A row with
    `is_offered` false (and null values) says that the offer ends at its date.
    `is_complete` says that what is absent is no longer offered: all but what a row may have been of that was refused.
    `refused_keys` has the key columns of such rows, null where a row does not tell (any will do); none if there are none.
    """

    source_id: str
    scope: str
    batch_id: str
    observed_at: dt.datetime
    is_complete: bool
    frame: pl.DataFrame
    refused_keys: pl.DataFrame | None = None


#: Reads a batch again: (batch_id, scope) -> `frame` and `refused_keys` of the snapshot.
Reread = Callable[[str, str], tuple[pl.DataFrame, pl.DataFrame | None]]
