"""The base of `StateLoader` and `SeriesLoader`: staging a snapshot, finding later snapshots, appending rows."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from warehouse.frames import register_stream
from warehouse.instants import instant_of
from warehouse.log.snapshot import Reread, Snapshot
from warehouse.log.views import names
from warehouse.quoting import quoted

if TYPE_CHECKING:
    from warehouse.tables import Subject


def same(columns: Sequence[str], left: str, right: str) -> str:
    """SQL condition that two relations are equal in columns that are never null."""
    return " AND ".join(f"{left}.{quoted(c)} = {right}.{quoted(c)}" for c in columns) or "true"


def differ(columns: Sequence[str], left: str, right: str) -> str:
    """SQL condition that two relations differ in at least one column; null is a value like any other."""
    terms = [f"{left}.{quoted(c)} IS DISTINCT FROM {right}.{quoted(c)}" for c in columns]
    return "(" + (" OR ".join(terms) or "false") + ")"


class Loader(ABC):
    """Records snapshots of one subject inside the caller's transaction."""

    def __init__(self, con: duckdb.DuckDBPyConnection, subject: Subject, recorded_at: dt.datetime) -> None:
        """For one subject; `recorded_at` is that of the appended rows."""
        self.con, self.subject, self.recorded_at = con, subject, recorded_at
        # DuckDB underestimates the rows of an ASOF join and uses a nested loop: 25 s instead of 0.6 s for 50,000
        # offers.
        con.execute("SET asof_loop_join_threshold = 0").fetchall()
        self.slot_key = [*subject.keys, "valid_from"]
        self.frame = pl.DataFrame()

    def run(self, sql: str, **params: object) -> list[tuple]:
        """Execute a statement and fetch its rows."""
        return self.con.execute(sql, params or None).fetchall()

    def scalar(self, sql: str, **params: object) -> int:
        """Execute a statement and fetch its first number."""
        return self.run(sql, **params)[0][0]

    def stage(self, snapshot: Snapshot, *, copied: bool) -> None:
        """Create `_line_view`, the timeline that the snapshot states: one row per key and valid_from.

        The view reads the frame, which `read_line` registers again for each statement. With `copied`, the timeline is
        also copied to a table, `_line`, which the general way of recording narrows and extends.
        """
        subject = self.subject
        frame = snapshot.frame
        if "valid_from" not in frame.columns:
            frame = frame.with_columns(pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("valid_from"))
        if "is_offered" not in frame.columns:
            frame = frame.with_columns(pl.lit(value=True).alias("is_offered"))
        self.frame = frame
        # The view needs no more than the columns: lending millions of rows costs a copy of their texts.
        register_stream(self.con, "_frame", frame.clear())
        select = (
            f"SELECT {names([*subject.keys, *subject.values])}, is_offered, "
            f"coalesce(valid_from, TIMESTAMPTZ '{snapshot.observed_at.isoformat()}') AS valid_from, capture_id FROM _frame"
        )
        self.run("DROP VIEW IF EXISTS _line_view")
        self.run(f"CREATE TEMP VIEW _line_view AS {select}")
        if copied:
            self.copy_line()

    def copy_line(self) -> None:
        """Copy the timeline to the table `_line`."""
        self.read_line("CREATE OR REPLACE TEMP TABLE _line AS SELECT * FROM _line_view")

    def read_line(self, sql: str, **params: object) -> int:
        """Execute a statement that reads `_line_view` once; returns its first number."""
        register_stream(self.con, "_frame", self.frame)
        return self.scalar(sql, **params)

    def record(self, snapshot: Snapshot, reread: Reread) -> tuple[int, bool, object, object]:
        """Append what the snapshot changes; returns (appended rows, is_dated, earliest, latest valid_from in microseconds)."""
        self.stage(snapshot, copied=False)
        dates = self.frame["valid_from"].cast(pl.Datetime("us", "UTC")).fill_null(snapshot.observed_at)
        lowest, highest = (None, None) if dates.is_empty() else (dates.to_physical().min(), dates.to_physical().max())
        dated = bool((dates != snapshot.observed_at).any())
        later = self.later_snapshots(snapshot, lowest, highest)
        appended = self.append_changes(snapshot, later, reread, dated=dated, lowest=lowest, highest=highest)
        return appended, dated, lowest, highest

    @abstractmethod
    def append_changes(
        self, snapshot: Snapshot, later: list[tuple], reread: Reread, *, dated: bool, lowest: object, highest: object
    ) -> int:
        """Append what the staged snapshot changes, in the fastest way that gives the right answer; returns the rows appended."""

    def later_snapshots(self, snapshot: Snapshot, lowest: object, highest: object) -> list[tuple]:
        """(batch_id, observed_at in microseconds, is_complete, is_dated) of the recorded snapshots after this one, in order."""
        overlap = ""
        if self.subject.kind == "series":
            overlap = f"AND epoch_us(valid_max) >= {lowest or 0} AND epoch_us(valid_min) <= {highest or 0}"
        return self.run(
            "SELECT batch_id, epoch_us(observed_at), is_complete, is_dated FROM meta.snapshot "
            "WHERE source_id = $source_id AND scope = $scope AND subject = $subject "
            f"AND (observed_at > $at OR (observed_at = $at AND batch_id > $batch_id)) {overlap} "
            "QUALIFY row_number() OVER (PARTITION BY batch_id ORDER BY recorded_at DESC) = 1 "
            "ORDER BY observed_at, batch_id",
            source_id=snapshot.source_id,
            scope=snapshot.scope,
            subject=self.subject.name,
            at=snapshot.observed_at,
            batch_id=snapshot.batch_id,
        )

    def append_all(self, snapshot: Snapshot) -> int:
        """Append every row without comparing: the log has nothing about the scope, or about these slots of a series."""
        columns = names([*self.subject.keys, *self.subject.values, "is_offered", "valid_from"])
        # In order of time, so that a query for one month can skip the rest.
        dates = self.frame["valid_from"]
        is_ordered = not dates.has_nulls() and dates.is_sorted()
        return self.read_line(
            f"INSERT INTO {self.subject.log_name} (source_id, scope, {columns}, observed_at, recorded_at, capture_id) "
            f"SELECT $source_id, $scope, {columns}, $observed_at, $recorded_at, coalesce(capture_id, $batch_id) "
            f"FROM _line_view{'' if is_ordered else ' ORDER BY valid_from'}",
            source_id=snapshot.source_id,
            scope=snapshot.scope,
            observed_at=snapshot.observed_at,
            recorded_at=self.recorded_at,
            batch_id=snapshot.batch_id,
        )

    def insert(self, select: str, snapshot: Snapshot) -> int:
        """Append the rows of `select` (keys, values, is_offered, valid_from, capture_id), which remain in `_appended`."""
        subject = self.subject
        columns = [*subject.keys, *subject.values, "is_offered", "valid_from"]
        self.run(f"CREATE OR REPLACE TEMP TABLE _appended AS {select}")
        return self.scalar(
            f"INSERT INTO {subject.log_name} (source_id, scope, {names(columns)}, observed_at, recorded_at, capture_id) "
            f"SELECT $source_id, $scope, {names(columns)}, $observed_at, $recorded_at, coalesce(capture_id, $batch_id) "
            "FROM _appended ORDER BY valid_from",
            source_id=snapshot.source_id,
            scope=snapshot.scope,
            observed_at=snapshot.observed_at,
            recorded_at=self.recorded_at,
            batch_id=snapshot.batch_id,
        )

    def last_id(self, snapshot: Snapshot) -> str:
        """The greatest capture id of the batch, which orders assertions observed at the same instant."""
        return max([snapshot.batch_id, *snapshot.frame["capture_id"].unique().to_list()])

    def read_again(self, snapshot: Snapshot, batch_id: str, at: int, is_complete: bool, reread: Reread) -> Snapshot:
        """The snapshot of a batch that was recorded before, parsed again from its captures; `at` is in microseconds."""
        frame, refused_keys = reread(batch_id, snapshot.scope)
        return Snapshot(snapshot.source_id, snapshot.scope, batch_id, instant_of(at), is_complete, frame, refused_keys)
