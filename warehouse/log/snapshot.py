"""A snapshot: what a source states about one scope at one time, in the form that the log records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one batch of captures states about one scope of a source.

    `frame` has the subject's columns, `capture_id` and `valid_from` (UTC), which is required for a series; for a state,
    null means "holds when observed", and an early sentinel (`UNKNOWN_START`) "held before the first date given". A row
    with `is_offered` false (and null values) says that the offer ends at its date. If `is_complete`, an absent offer is
    no longer offered, unless a refused row may belong to it: `refused_keys` has the key columns of the refused rows,
    null where unknown (any value), and is None without refused rows.
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
