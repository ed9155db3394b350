"""Recording one snapshot: into the log of its subject, and into `meta.snapshot`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import duckdb

from warehouse.log.series import SeriesLoader
from warehouse.log.snapshot import Reread, Snapshot
from warehouse.log.states import StateLoader

if TYPE_CHECKING:
    from warehouse.tables import Subject


def record(
    con: duckdb.DuckDBPyConnection, subject: Subject, snapshot: Snapshot, recorded_at: dt.datetime, reread: Reread
) -> int:
    """Record one snapshot in the log and in `meta.snapshot`, inside the caller's transaction.

    Args:
        con: connection of a write session.
        subject: subject of the rows.
        snapshot: what was stated; one row per key (and `valid_from`).
        recorded_at: from when the warehouse knows it; later than any before.
        reread: reads a later batch again if this snapshot arrives late.

    Returns:
        Rows appended for this snapshot (re-assertions of later ones not counted).
    """
    loader = (SeriesLoader if subject.kind == "series" else StateLoader)(con, subject, recorded_at)
    appended, is_dated, lowest, highest = loader.record(snapshot, reread)
    con.execute(
        "INSERT INTO meta.snapshot SELECT $batch_id, $source_id, $scope, $subject, $observed_at, $is_complete, $is_dated, "
        "$row_count, $appended, make_timestamptz($lowest::BIGINT), make_timestamptz($highest::BIGINT), $recorded_at",
        {
            "batch_id": snapshot.batch_id,
            "source_id": snapshot.source_id,
            "scope": snapshot.scope,
            "subject": subject.name,
            "observed_at": snapshot.observed_at,
            "is_complete": snapshot.is_complete,
            "is_dated": is_dated,
            "row_count": snapshot.frame.height,
            "appended": appended,
            "lowest": lowest,
            "highest": highest,
            "recorded_at": recorded_at,
        },
    ).fetchall()
    return appended
