"""Recording staged batches: one write session, one short transaction per batch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import duckdb
import polars as pl

from warehouse import log, staging
from warehouse.capture_store import CaptureStore
from warehouse.captures import Capture
from warehouse.connection import transaction
from warehouse.errors import WarehouseDamagedError
from warehouse.frames import register_stream
from warehouse.home import Home
from warehouse.instants import instant_of
from warehouse.last_answers import remember_answers
from warehouse.rules import note_rules
from warehouse.schema import Catalog
from warehouse.store import store_of
from warehouse.store.file import FileStore

#: Parses captures again: source id and captures of one batch -> its scopes.
ParseAgain = Callable[[str, list[Capture]], list[staging.StagedScope]]


#: Beginning of the message of an answer whose rows were all withheld; a rebuild consults the memory again.
NOTHING_LEFT = "nothing is left of the answer: "


class Memory(Protocol):
    """What earlier answers of a source contained, for subjects whose answers may lack a part unnoticed."""

    def sift(
        self, con: duckdb.DuckDBPyConnection, source_id: str, scopes: Sequence[staging.StagedScope]
    ) -> tuple[list[staging.StagedScope], pl.DataFrame]:
        """(scopes without the rows that lack something earlier answers had, those rows in the form of `Batch.rejected`)."""
        ...

    def learn(self, con: duckdb.DuckDBPyConnection, batch: staging.Batch, recorded_at: dt.datetime) -> None:
        """Remember the content of a sifted batch, inside the caller's transaction."""
        ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of recording one batch."""

    source_id: str
    subject: str
    batch_id: str
    capture_ids: tuple[str, ...]
    outcome: str
    message: str | None
    row_count: int
    appended_count: int
    rejected_count: int
    #: Rows that were refused because of earlier answers; see `Memory`.
    withheld_count: int = 0


class Recorder:
    """Records batches in an open write session."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        home: Home,
        catalog: Catalog,
        parse_again: ParseAgain,
        memory: Memory | None = None,
        *,
        keep_journal: bool = True,
    ) -> None:
        """Bind to a session.

        Args:
            con: connection of the session.
            home: the home whose captures are recorded.
            catalog: the subjects.
            parse_again: called only for captures that arrive out of order, or repeat an answer that is no longer the
                last.
            memory: memory of earlier answers; without one, batches are recorded as they were parsed.
            keep_journal: False while the journal is being replayed.
        """
        self.con, self.home, self.catalog, self.parse_again, self.memory = con, home, catalog, parse_again, memory
        self.store = CaptureStore(home)
        self._reparsed: tuple[str, list[staging.StagedScope]] = ("", [])
        note_rules(con)
        if keep_journal:
            self.write_missing_journal_lines()

    def next_recorded_at(self) -> dt.datetime:
        """Now, or just after the latest `recorded_at` if the system clock was set back: `recorded_at` never decreases."""
        last = self.con.execute("SELECT epoch_us(max(recorded_at)) FROM meta.capture").fetchall()[0][0] or 0
        return max(dt.datetime.now(dt.UTC), instant_of(last + 1))

    def write_missing_journal_lines(self) -> None:
        """Add missing entries to the journal, which may be behind the warehouse after a crash between commit and entry."""
        last = self.store.last_load_number()
        if check_against_journal(self.con, self.home, last) == last:
            return
        rows = self.con.execute(
            "SELECT load_number, any_value(source_id), batch_id, any_value(parser_version), any_value(outcome), "
            "any_value(message), epoch_us(any_value(recorded_at)) FROM meta.capture WHERE load_number > ? GROUP BY ALL ORDER BY 1",
            [last],
        ).fetchall()
        names = ("load_number", "source_id", "batch_id", "parser_version", "outcome", "message", "recorded_at_us")
        self.store.append_journal(dict(zip(names, row, strict=True)) for row in rows)

    def is_recorded(self, batch: staging.Batch) -> bool:
        """True if this parser version has recorded the batch with an outcome other than rejected."""
        return bool(
            self.con.execute(
                "SELECT count(*) FROM meta.capture WHERE batch_id = ? AND source_id = ? AND (parser_version >= ? "
                "AND (outcome IN ('loaded', 'unchanged') OR outcome = ?))",
                [batch.batch_id, batch.source_id, batch.parser_version, batch.outcome],
            ).fetchall()[0][0]
        )

    def _reread(self, source_id: str) -> log.Reread:
        def reread(batch_id: str, scope: str) -> tuple[pl.DataFrame, pl.DataFrame | None]:
            if self._reparsed[0] != batch_id:
                parsed = self.parse_again(source_id, self.store.find_batch(batch_id, source_id))
                self._reparsed = (batch_id, self._sift(source_id, parsed)[0])
            scopes = self._reparsed[1]
            found = next((s for s in scopes if s.scope == scope), None)
            return (scopes[0].frame.clear(), None) if found is None else (found.frame, found.refused_keys)

        return reread

    def _sift(
        self, source_id: str, scopes: list[staging.StagedScope]
    ) -> tuple[list[staging.StagedScope], pl.DataFrame]:
        """(scopes without the rows that the memory refuses, those rows)."""
        if self.memory is None or all(scope.made_of is None for scope in scopes):
            return scopes, pl.DataFrame(schema=staging.REJECTED_SCHEMA)
        return self.memory.sift(self.con, source_id, scopes)

    def _as_remembered(self, batch: staging.Batch) -> staging.Batch:
        """A batch without the rows that lack something earlier answers had; it is rejected if no row is left."""
        scopes, withheld = self._sift(batch.source_id, list(batch.scopes))
        if withheld.is_empty():
            return batch
        rejected = pl.concat([batch.rejected.select(staging.REJECTED_SCHEMA.names()), withheld])
        left = [scope for scope in scopes if scope.frame.height or scope.is_complete]
        if any(scope.frame.height for scope in left):
            return replace(batch, scopes=left, rejected=rejected)
        most_often = withheld["reason"].mode(maintain_order=True)[0]
        why = f"{NOTHING_LEFT}{withheld.height} rows withheld, most often: {most_often}"
        return replace(batch, outcome="rejected", message=why, scopes=(), rejected=rejected)

    def resolve_unchanged(self, batch: staging.Batch) -> staging.Batch:
        """An unchanged batch, parsed again if its publisher stated something else in between; any other batch as it is.

        Whether bytes are unchanged is decided when they arrive, by comparison with what was recorded by then. If
        another batch with other content was staged or loaded by hand meanwhile, the repeated answer is a change after
        all: confirming the earlier batch would leave the other content in force.
        """
        if batch.outcome != "unchanged":
            return batch
        overlap = "AND valid_max >= from_ AND valid_min <= to_" if self._is_series(batch) else ""
        otherwise = self.con.execute(
            f"""
            WITH same AS (
                SELECT $same AS batch_id UNION
                SELECT batch_id FROM meta.capture WHERE source_id = $source_id AND outcome = 'unchanged' AND message = $same),
            stated AS (
                SELECT scope, max(observed_at) AS stated_at, min(valid_min) AS from_, max(valid_max) AS to_ FROM meta.snapshot
                WHERE source_id = $source_id AND subject = $subject AND batch_id IN (FROM same) AND observed_at <= $at
                GROUP BY scope)
            SELECT count(*) FROM meta.snapshot JOIN stated USING (scope)
            WHERE source_id = $source_id AND subject = $subject AND observed_at BETWEEN stated_at AND $at
            AND batch_id <> $batch_id AND batch_id NOT IN (FROM same) {overlap}
            """,
            {
                "same": batch.message,
                "source_id": batch.source_id,
                "subject": batch.subject,
                "at": batch.captures[0].fetched,
                "batch_id": batch.batch_id,
            },
        ).fetchall()[0][0]
        if not otherwise:
            return batch
        is_complete = dict(
            self.con.execute(
                "SELECT scope, bool_or(is_complete) FROM meta.snapshot WHERE source_id = ? AND subject = ? AND batch_id = ? "
                "GROUP BY scope",
                [batch.source_id, batch.subject, batch.message],
            ).fetchall()
        )
        scopes = [
            replace(scope, is_complete=is_complete.get(scope.scope, False))
            for scope in self.parse_again(batch.source_id, list(batch.captures))
        ]
        return replace(batch, outcome="loaded", message=None, scopes=scopes)

    def _is_series(self, batch: staging.Batch) -> bool:
        return self.catalog.subject(batch.subject).kind == "series"

    def record(
        self, batch: staging.Batch, recorded_at: dt.datetime | None = None, load_number: int | None = None
    ) -> Loaded:
        """Record one batch in one transaction; a batch that is recorded already changes nothing.

        Args:
            batch: the batch.
            recorded_at: from when the warehouse knows it; default now.
            load_number: its number in the journal that is being replayed; default the next number.
        """
        return self.record_resolved(self.resolve_unchanged(batch), recorded_at, load_number)

    def record_resolved(
        self, batch: staging.Batch, recorded_at: dt.datetime | None = None, load_number: int | None = None
    ) -> Loaded:
        """As `record`, for a batch that `resolve_unchanged` returned."""
        refused_before = batch.rejected.height
        batch = self._as_remembered(batch)
        ids = tuple(c.capture_id for c in batch.captures)
        rows = sum(s.frame.height for s in batch.scopes)
        if self.is_recorded(batch):
            return Loaded(batch.source_id, batch.subject, batch.batch_id, ids, "known", None, rows, 0, 0)
        moment = recorded_at or self.next_recorded_at()
        subject = self.catalog.subject(batch.subject)
        appended = 0
        with transaction(self.con):
            if batch.outcome == "unchanged":
                rows = self._confirm(batch, moment)
            elif batch.outcome == "loaded":
                for scope in batch.scopes:
                    snapshot = log.Snapshot(
                        batch.source_id,
                        scope.scope,
                        batch.batch_id,
                        batch.captures[0].fetched,
                        scope.is_complete,
                        scope.frame,
                        scope.refused_keys,
                    )
                    appended += log.record(self.con, subject, snapshot, moment, self._reread(batch.source_id))
                if self.memory is not None:
                    self.memory.learn(self.con, batch, moment)
            self._record_captures(batch, moment, rows, appended, load_number)
        return Loaded(
            batch.source_id,
            batch.subject,
            batch.batch_id,
            ids,
            batch.outcome,
            batch.message,
            rows,
            appended,
            batch.rejected.height,
            batch.rejected.height - refused_before,
        )

    def _confirm(self, batch: staging.Batch, moment: dt.datetime) -> int:
        """Confirm the batch that an unchanged one repeats (`message` is its id) by copying its snapshots; the log is not changed.

        Returns:
            Rows confirmed.
        """
        self.con.execute(
            "INSERT INTO meta.snapshot SELECT $batch_id, source_id, scope, subject, $at, is_complete, is_dated, row_count, 0, "
            "CASE WHEN is_dated THEN valid_min ELSE $at END, CASE WHEN is_dated THEN valid_max ELSE $at END, $moment "
            "FROM meta.snapshot WHERE batch_id = $same AND source_id = $source_id "
            "QUALIFY row_number() OVER (PARTITION BY scope ORDER BY recorded_at DESC) = 1",
            {
                "batch_id": batch.batch_id,
                "at": batch.captures[0].fetched,
                "moment": moment,
                "same": batch.message,
                "source_id": batch.source_id,
            },
        ).fetchall()
        return self.con.execute(
            "SELECT coalesce(sum(row_count), 0)::BIGINT FROM meta.snapshot WHERE batch_id = ? AND source_id = ?",
            [batch.batch_id, batch.source_id],
        ).fetchall()[0][0]

    def _record_captures(
        self, batch: staging.Batch, moment: dt.datetime, rows: int, appended: int, load_number: int | None
    ) -> None:
        number = (
            load_number
            or self.con.execute("SELECT coalesce(max(load_number), 0) + 1 FROM meta.capture").fetchall()[0][0]
        )
        rows_of_captures = [
            {
                "load_number": number,
                "capture_id": c.capture_id,
                "batch_id": c.batch_id,
                "source_id": c.source_id,
                "url": c.url,
                "fetched_at": c.fetched,
                "http_status": c.http_status,
                "etag": c.etag,
                "last_modified": c.last_modified,
                "sha256": c.sha256,
                "byte_count": c.byte_count,
                "path": str(c.path),
                "parser_version": batch.parser_version,
                "row_count": rows,
                "changed_count": appended,
                "rejected_count": batch.rejected.height,
                "outcome": batch.outcome,
                "message": batch.message,
                "recorded_at": moment,
            }
            for c in batch.captures
        ]
        # In one statement, since an answer may have a thousand pages.
        register_stream(self.con, "_captures", pl.DataFrame(rows_of_captures, infer_schema_length=None))
        self.con.execute("INSERT INTO meta.capture BY NAME SELECT * FROM _captures").fetchall()
        self.con.unregister("_captures")
        if batch.rejected.height:
            register_stream(self.con, "_rejected", batch.rejected)
            self.con.execute(
                "INSERT INTO meta.rejected_row SELECT ?, capture_id, ?, ?, reason, row_json, ? FROM _rejected",
                [batch.batch_id, batch.source_id, batch.subject, moment],
            ).fetchall()
            self.con.unregister("_rejected")


def check_against_journal(con: duckdb.DuckDBPyConnection, home: Home, last_journalled: int) -> int:
    """Compare the warehouse with the journal, which is written after each commit: a work file with fewer batches lost some.

    Otherwise a work file that was emptied, deleted or restored from a backup would open without an error. (A lake has
    its own catalog.)

    Returns:
        Number of the last batch that the warehouse holds.

    Raises:
        WarehouseDamagedError: if the work file is behind the journal.
    """
    held = con.execute("SELECT coalesce(max(load_number), 0) FROM meta.capture").fetchall()[0][0]
    if held < last_journalled and isinstance(store_of(home), FileStore):
        raise WarehouseDamagedError(
            f"the work file {home.work_file} cannot be read whole: it ends with batch {held}, the journal with {last_journalled} - "
            "`petaday rebuild` makes it again from the captures"
        )
    return held


def record_staged(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    catalog: Catalog,
    parse_again: ParseAgain,
    source_ids: set[str] | None = None,
    memory: Memory | None = None,
) -> list[Loaded]:
    """Record all waiting batches (of the given sources); they leave the staging folder once committed."""
    recorder = Recorder(con, home, catalog, parse_again, memory)
    results: list[Loaded] = []
    keys: list[str] = []
    for key, waiting in staging.staged(home, source_ids):
        batch = recorder.resolve_unchanged(waiting)
        results.append(recorder.record_resolved(batch))
        keys.append(key)
        # Also for a batch that is recorded already: a process may have been killed between its commit and this line. A
        # batch with withheld rows is not remembered, so that the same bytes are read again: the missing fuel may be
        # listed as closed then.
        done = results[-1]
        if batch.outcome in ("loaded", "unchanged") and done.outcome != "rejected" and not done.withheld_count:
            remember_answers(home, batch)
    recorder.write_missing_journal_lines()
    for key in keys:
        staging.discard(home, key)
    return results


def summarise(results: Iterable[Loaded]) -> dict[str, int]:
    """Totals of batches, rows, appended rows and rejected rows."""
    totals = {"batch_count": 0, "row_count": 0, "appended_count": 0, "rejected_count": 0}
    for r in results:
        totals["batch_count"] += 1
        totals["row_count"] += r.row_count
        totals["appended_count"] += r.appended_count
        totals["rejected_count"] += r.rejected_count
    return totals
