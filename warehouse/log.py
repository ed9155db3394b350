"""The append-only log on two clocks.

A row says: as known from `recorded_at` on, from `valid_from` on the value is this, by the word of the publisher at
`observed_at`. Rows are only ever appended, and only where they change an answer. For one key and instant the winning
word is the one with the latest `valid_from` not after the instant, and among those the latest `observed_at` (then
`capture_id`, then `recorded_at`: a total order, so that the answer does not depend on the order of loading).

A row of an offer may be there and be refused: its price is no number, say. Then its publisher has not said that it ended,
and nothing that can be used: what was known goes on, unconfirmed. The log keeps that as a word whose `is_offered` is null
and which changes no answer; it tells from when on nobody has confirmed the price (see `log_views.unconfirmed`).

A snapshot is compared with the state *as its publisher had told it by then*. When an older snapshot arrives late, the
snapshots after it are read again for the keys it touched, since what they confirmed was not stored: what they said is
then appended too. So any order of loading, with any repeats, ends in the same current view, while answers for a past
`recorded_at` never change.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb
import polars as pl

from warehouse.frames import lend
from warehouse.log_views import WORD_ORDER, names
from warehouse.quoting import quoted
from warehouse.tables import UNKNOWN_START, Subject


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


#: Where a row stands in the frame that is recorded.
_POSITION = "_position"


def _same(columns: Sequence[str], left: str, right: str) -> str:
    return " AND ".join(f"{left}.{quoted(c)} = {right}.{quoted(c)}" for c in columns) or "true"


def _differ(columns: Sequence[str], left: str, right: str) -> str:
    terms = [f"{left}.{quoted(c)} IS DISTINCT FROM {right}.{quoted(c)}" for c in columns]
    return "(" + (" OR ".join(terms) or "false") + ")"


class _Loader:
    """Records snapshots of one subject inside the caller's transaction."""

    def __init__(self, con: duckdb.DuckDBPyConnection, subject: Subject, recorded_at: dt.datetime) -> None:
        self.con, self.subject, self.recorded_at = con, subject, recorded_at
        # DuckDB takes a few dozen rows for what may be many, and joins row by row: 25 s instead of 0.6 s for 50,000 offers.
        con.execute("SET asof_loop_join_threshold = 0").fetchall()
        self.slot_key = [*subject.keys, "valid_from"]
        self.frame = pl.DataFrame()

    def run(self, sql: str, **params: object) -> list[tuple]:
        return self.con.execute(sql, params or None).fetchall()

    def scalar(self, sql: str, **params: object) -> int:
        return self.run(sql, **params)[0][0]

    def stage(self, snapshot: Snapshot, *, copied: bool) -> None:
        """`_line`: the timeline that the snapshot states, one row per key and valid_from.

        A view over the frame, lent anew to each statement that reads it, is enough for one or two of them; only the general path
        needs a copy to work on.
        """
        subject = self.subject
        frame = snapshot.frame
        if "valid_from" not in frame.columns:
            frame = frame.with_columns(pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("valid_from"))
        if "is_offered" not in frame.columns:
            frame = frame.with_columns(pl.lit(value=True).alias("is_offered"))
        self.frame = frame
        lend(self.con, "_frame", frame)
        select = (
            f"SELECT {names([*subject.keys, *subject.values])}, is_offered, "
            f"coalesce(valid_from, TIMESTAMPTZ '{snapshot.observed_at.isoformat()}') AS valid_from, capture_id FROM _frame"
        )
        self.run("DROP VIEW IF EXISTS _line_view")
        self.run(f"CREATE TEMP VIEW _line_view AS {select}")
        if copied:
            self.copy_line()

    def copy_line(self) -> None:
        """Make `_line` a table that can be narrowed and added to."""
        self.read_line("CREATE OR REPLACE TEMP TABLE _line AS SELECT * FROM _line_view")

    def read_line(self, sql: str, **params: object) -> int:
        """A statement that reads `_line_view` once; returns its first number."""
        lend(self.con, "_frame", self.frame)
        return self.scalar(sql, **params)

    def record(self, snapshot: Snapshot, reread: Reread) -> tuple[int, bool, object, object]:
        """Append what the snapshot changes; returns (appended rows, is_dated, earliest, latest valid_from)."""
        self.stage(snapshot, copied=False)
        dates = self.frame["valid_from"].cast(pl.Datetime("us", "UTC")).fill_null(snapshot.observed_at)
        lowest, highest = (None, None) if dates.is_empty() else (dates.to_physical().min(), dates.to_physical().max())
        dated = bool((dates != snapshot.observed_at).any())
        later = self.later_snapshots(snapshot, lowest, highest)
        if self.subject.kind == "series" and not later and not self.has_slots(snapshot, lowest, highest):
            appended = self.append_as_it_stands(snapshot)
        elif self.subject.kind == "series":
            self.copy_line()
            appended = self.restate_series(snapshot, lowest, highest)
            self.catch_up_series(snapshot, later, reread)
        elif not dated and not later and self.is_newest(snapshot):
            appended = self.append_newest_state(snapshot)
        elif not later and self.is_first_word(snapshot):
            appended = self.append_as_it_stands(snapshot)
        else:
            self.copy_line()
            appended = self.restate_state(snapshot, only_touched=False)
            self.catch_up_state(snapshot, later, reread)
        return appended, bool(dated), lowest, highest

    def later_snapshots(self, snapshot: Snapshot, lowest: object, highest: object) -> list[tuple]:
        """(batch_id, observed_at in microseconds, is_complete, is_dated) of loaded snapshots after this one, in order."""
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

    def is_newest(self, snapshot: Snapshot) -> bool:
        """True if all words on the scope are undated and older: then the last row of a key is its state."""
        return not self.scalar(
            f"SELECT (SELECT count(*) FROM {self.subject.log_name} WHERE source_id = $source_id AND scope = $scope "
            "AND (observed_at >= $at OR valid_from <> observed_at)) + (SELECT count(*) FROM meta.snapshot "
            "WHERE source_id = $source_id AND scope = $scope AND subject = $subject AND is_dated)",
            source_id=snapshot.source_id,
            scope=snapshot.scope,
            at=snapshot.observed_at,
            subject=self.subject.name,
        )

    def is_first_word(self, snapshot: Snapshot) -> bool:
        """True if nothing was ever said of the scope and each offer has one dated row: then there is nothing to compare."""
        if self.scalar(
            f"SELECT count(*) FROM (FROM {self.subject.log_name} WHERE source_id = $source_id AND scope = $scope LIMIT 1)",
            source_id=snapshot.source_id,
            scope=snapshot.scope,
        ):
            return False
        return bool(
            self.read_line(
                f"SELECT count(*) = count(DISTINCT hash({names(self.subject.keys)})) AND bool_and(is_offered) "
                f"AND bool_and(valid_from <> TIMESTAMPTZ '{UNKNOWN_START}') FROM _line_view"
            )
        )

    def append_as_it_stands(self, snapshot: Snapshot) -> int:
        """The first word on a scope, or on a time of a series: there is nothing to compare with."""
        columns = names([*self.subject.keys, *self.subject.values, "is_offered", "valid_from"])
        # In order of time, so that a reader of one month skips the rest.
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
        """Append rows of `select` (keys, values, is_offered, valid_from, capture_id); they stay in `_appended`."""
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

    # States -----------------------------------------------------------------------------------------------------------

    def append_newest_state(self, snapshot: Snapshot) -> int:
        """The common case: the newest, undated snapshot of its scope is compared with the last state.

        Keys and values are compared by their 64-bit hashes: what is compared is every offer, what is written is little.
        """
        subject = self.subject
        keys, values = subject.keys, subject.values
        columns = [*keys, *values, "is_offered"]
        place = {"source_id": snapshot.source_id, "scope": snapshot.scope}
        stamp = {"observed_at": snapshot.observed_at, "recorded_at": self.recorded_at}
        into = f"INSERT INTO {subject.log_name} (source_id, scope, {names(columns)}, valid_from, observed_at, recorded_at, capture_id) "
        stamped = "$observed_at, $observed_at, $recorded_at"
        if not self.scalar(
            f"SELECT count(*) FROM (FROM {subject.log_name} WHERE source_id = $source_id AND scope = $scope LIMIT 1)",
            **place,
        ):
            return self.read_line(
                f"{into} SELECT $source_id, $scope, {names(columns)}, {stamped}, capture_id FROM _line_view",
                **place,
                **stamp,
            )
        # The row that was appended last among those with the latest valid_from: both in one number that orders rows. Hashes and
        # places alone are compared; then the few rows that they point at are fetched (joining whole rows took twice as long).
        # Only here: a frame of many millions of slots with a column more was read in one piece, and came to be stored larger by a quarter.
        lend(self.con, "_placed", self.frame.with_row_index(_POSITION))
        self.run(
            f"""
            CREATE OR REPLACE TEMP TABLE _diff AS
            WITH said AS MATERIALIZED (
                SELECT hash({names(keys)}) AS key_hash, hash({names(values)}) AS value_hash, is_offered, rowid AS row_number,
                    epoch_us(valid_from)::HUGEINT * 1099511627776 + rowid AS place
                FROM {subject.log_name} WHERE source_id = $source_id AND scope = $scope),
            last AS (FROM said SEMI JOIN (SELECT max(place) AS place FROM said GROUP BY key_hash) l USING (place)),
            now AS (SELECT hash({names(keys)}) AS key_hash, hash({names(values)}) AS value_hash, {_POSITION} FROM _placed)
            SELECT n.{_POSITION}, o.row_number FROM now n FULL JOIN last o ON n.key_hash = o.key_hash
            WHERE CASE WHEN n.{_POSITION} IS NULL THEN o.is_offered IS DISTINCT FROM false
                ELSE o.is_offered IS NOT true OR n.value_hash <> o.value_hash END
            """,
            **place,
        )
        self.con.unregister("_placed")
        gone = self.scalar(f"SELECT count(*) - count({_POSITION}) FROM _diff")
        changed = pl.DataFrame(self.con.sql(f"SELECT {_POSITION} FROM _diff WHERE {_POSITION} IS NOT NULL ORDER BY 1"))
        appended = 0
        if changed.height:
            lend(self.con, "_changed", self.frame[changed[_POSITION]])
            appended += self.scalar(
                f"{into} SELECT $source_id, $scope, {names(columns)}, {stamped}, capture_id FROM _changed",
                **place,
                **stamp,
            )
            self.con.unregister("_changed")
        if gone and snapshot.is_complete:
            self.run(
                f"CREATE OR REPLACE TEMP TABLE _absent AS SELECT {names(keys)}, is_offered FROM {subject.log_name} l "
                f"SEMI JOIN (SELECT row_number FROM _diff WHERE {_POSITION} IS NULL) g ON l.rowid = g.row_number"
            )
            self.find_held(snapshot)
            nulls = ", ".join("NULL" for _ in values)
            appended += self.scalar(
                f"{into} SELECT $source_id, $scope, {names(keys, 'a')}, {nulls}, "
                f"CASE WHEN h.is_held IS NULL THEN false END, {stamped}, $batch_id "
                f"FROM _absent a LEFT JOIN _held h ON {_same(keys, 'a', 'h')} WHERE h.is_held IS NULL OR a.is_offered",
                **place,
                **stamp,
                batch_id=snapshot.batch_id,
            )
        return appended

    def find_held(self, snapshot: Snapshot) -> None:
        """`_held`: of the offers in `_absent`, those that a refused row of the snapshot may have been of."""
        keys = self.subject.keys
        found = []
        if snapshot.refused_keys is not None and snapshot.refused_keys.height:
            # By which of the columns are told: each kind is a join of its own, by hashes.
            told = snapshot.refused_keys.select(keys).with_columns(
                pl.concat_str(pl.col(c).is_not_null().cast(pl.String) for c in keys).alias("_told")
            )
            for number, rows in enumerate(told.partition_by("_told", include_key=False)):
                columns = [c for c in keys if rows[c].null_count() == 0]
                lend(self.con, f"_refused_{number}", rows.select(keys).unique())
                alike = f"SEMI JOIN _refused_{number} r ON {_same(columns, 'a', 'r')}" if columns else ""
                found.append(f"SELECT {names(keys)} FROM _absent a {alike}")
        select = " UNION ".join(found) or f"SELECT {names(keys)} FROM _absent LIMIT 0"
        self.run(f"CREATE OR REPLACE TEMP TABLE _held AS SELECT *, true AS is_held FROM ({select})")

    def restate_state(self, snapshot: Snapshot, *, only_touched: bool) -> int:
        """Make the log say, by the words up to this snapshot, what the snapshot says; exact for any order and dates.

        `_line` is the snapshot's timeline. From its first date on it speaks for the key: at each of its dates, and at
        each date that earlier words gave after it (an announcement, say), what the log would answer is compared with
        what the snapshot says, and the difference is appended. With `only_touched`, for the keys in `_touched` alone.
        """
        subject = self.subject
        keys, values = subject.keys, subject.values
        key_list, value_list = names(keys), names(values)
        semi = f"SEMI JOIN _touched t ON {_same(keys, 't', 'l')}" if only_touched else ""
        if only_touched:
            self.run(f"CREATE OR REPLACE TEMP TABLE _line AS SELECT l.* FROM _line l {semi}")
        self.run(
            "CREATE OR REPLACE TEMP TABLE _existing AS "
            f"SELECT {key_list}, {value_list}, is_offered, valid_from FROM {subject.log_name} l {semi} "
            "WHERE source_id = $source_id AND scope = $scope "
            "AND (observed_at < $at OR (observed_at = $at AND capture_id <= $last_id)) "
            f"QUALIFY row_number() OVER (PARTITION BY {key_list}, valid_from ORDER BY {WORD_ORDER}) = 1",
            source_id=snapshot.source_id,
            scope=snapshot.scope,
            at=snapshot.observed_at,
            last_id=self.last_id(snapshot),
        )
        if snapshot.is_complete:
            self.run(
                f"CREATE OR REPLACE TEMP TABLE _absent AS SELECT DISTINCT {names(keys, 'o')} "
                f"FROM _existing o ANTI JOIN _line n ON {_same(keys, 'n', 'o')}"
            )
            self.find_held(snapshot)
            nulls = ", ".join(f"NULL AS {quoted(v)}" for v in values)
            self.run(
                f"INSERT INTO _line BY NAME SELECT {names(keys, 'a')}, {nulls}, "
                "CASE WHEN h.is_held IS NULL THEN false END AS is_offered, $at::TIMESTAMPTZ AS valid_from, NULL AS capture_id "
                f"FROM _absent a LEFT JOIN _held h ON {_same(keys, 'a', 'h')}",
                at=snapshot.observed_at,
            )
        self.leave_out_what_is_told()
        start = f"TIMESTAMPTZ '{UNKNOWN_START}'"
        row = f"struct_pack(is_offered := is_offered, {', '.join(f'{quoted(v)} := {quoted(v)}' for v in values)})"
        unpacked = ", ".join(f"said.{quoted(v)} AS {quoted(v)}" for v in values)
        return self.insert(
            f"""
            WITH line AS (SELECT {key_list}, valid_from, capture_id, {row} AS said FROM _line),
            dated AS (SELECT * FROM line WHERE valid_from <> {start}),
            first_date AS (SELECT {key_list}, min(valid_from) AS first_from FROM dated GROUP BY ALL),
            existing AS (SELECT {key_list}, valid_from, {row} AS said FROM _existing),
            -- What held before the first date is a word of its own and may be restated: never lean on it.
            dated_existing AS (SELECT * FROM existing WHERE valid_from <> {start}),
            checkpoint AS (
                SELECT {key_list}, valid_from FROM dated
                UNION
                SELECT {names(keys, "e")}, e.valid_from FROM existing e JOIN first_date f
                ON {_same(keys, "e", "f")} AND e.valid_from > f.first_from),
            wanted AS (
                SELECT c.*, l.said, l.capture_id, f.first_from FROM checkpoint c
                ASOF JOIN dated l ON {_same(keys, "c", "l")} AND c.valid_from >= l.valid_from
                JOIN first_date f ON {_same(keys, "c", "f")}),
            chained AS (
                SELECT *, lag(said) OVER (PARTITION BY {key_list} ORDER BY valid_from) AS said_before FROM wanted),
            compared AS (
                SELECT c.*, x.said AS exact, x.valid_from IS NOT NULL AS has_exact, b.said AS carried
                FROM chained c
                LEFT JOIN existing x ON {_same(keys, "c", "x")} AND c.valid_from = x.valid_from
                ASOF LEFT JOIN dated_existing b ON {_same(keys, "c", "b")} AND c.valid_from >= b.valid_from),
            change AS (
                SELECT {key_list}, valid_from, capture_id, said,
                    CASE WHEN has_exact THEN exact WHEN valid_from = first_from THEN carried ELSE said_before END AS told
                FROM compared
                UNION ALL
                SELECT {names(keys, "l")}, l.valid_from, l.capture_id, l.said, x.said
                FROM line l LEFT JOIN existing x ON {_same(keys, "l", "x")} AND l.valid_from = x.valid_from
                WHERE l.valid_from = {start})
            -- An end is kept also where nothing held: a later word on the time before the first date must not reach over it.
            SELECT {key_list}, {unpacked}, said.is_offered AS is_offered, valid_from, capture_id FROM change
            WHERE said IS DISTINCT FROM told
            -- Of what is not offered nothing is left unconfirmed.
            AND NOT coalesce(said.is_offered IS NULL AND NOT told.is_offered, false)
            """,
            snapshot,
        )

    def leave_out_what_is_told(self) -> None:
        """Narrow `_line` and `_existing` to the keys where the log may have to say something: most are as they were told.

        A key is left out if each row of its line stands in the log word for word and the log has no other date after the
        line's first: each answer that would be compared is then the same.
        """
        subject = self.subject
        same_key = _same(subject.keys, "l", "e")
        # Term by term: a hash join takes these, and not the negation of "one of them differs".
        alike = " AND ".join(
            f"l.{quoted(c)} IS NOT DISTINCT FROM e.{quoted(c)}" for c in ("is_offered", *subject.values)
        )
        self.run(
            f"""
            CREATE OR REPLACE TEMP TABLE _open AS
            SELECT DISTINCT {names(subject.keys)} FROM (
                SELECT {names(subject.keys, "l")} FROM _line l ANTI JOIN _existing e ON {same_key}
                AND l.valid_from = e.valid_from AND {alike}
                UNION ALL
                SELECT {names(subject.keys, "e")} FROM _existing e JOIN (
                    SELECT {names(subject.keys)}, min(valid_from) AS first_from FROM _line
                    WHERE valid_from <> TIMESTAMPTZ '{UNKNOWN_START}' GROUP BY ALL) l
                ON {same_key} AND e.valid_from > l.first_from
                ANTI JOIN _line n ON {_same(subject.keys, "e", "n")} AND e.valid_from = n.valid_from)
            """
        )
        for table in ("_line", "_existing"):
            self.run(
                f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT l.* FROM {table} l "
                f"SEMI JOIN _open o ON {_same(subject.keys, 'o', 'l')}"
            )

    def last_id(self, snapshot: Snapshot) -> str:
        """The greatest capture id of the batch: words of the same instant are ordered by it."""
        return max([snapshot.batch_id, *snapshot.frame["capture_id"].unique().to_list()])

    def catch_up_state(self, snapshot: Snapshot, later: list[tuple], reread: Reread) -> None:
        """Let the snapshots after a late one say again what they say of the keys it touched."""
        if not later or not self.scalar("SELECT count(*) FROM _appended"):
            return
        keys = self.subject.keys
        self.run(f"CREATE OR REPLACE TEMP TABLE _touched AS SELECT DISTINCT {names(keys)} FROM _appended")
        undated = not any(is_dated for *_, is_dated in later)
        for batch_id, at, is_complete, _ in later:
            following = self.read_again(snapshot, batch_id, at, is_complete, reread)
            self.stage(following, copied=True)
            if undated and not is_complete:
                self.run(f"CREATE OR REPLACE TEMP TABLE _found AS SELECT DISTINCT {names(keys)} FROM _line")
            self.restate_state(following, only_touched=True)
            if undated and is_complete and not self.speaks_beyond(following):
                # It spoke of all but what it held rows of that were refused.
                self.run(
                    "CREATE OR REPLACE TEMP TABLE _touched AS SELECT * FROM _touched t "
                    f"SEMI JOIN _held h ON {_same(keys, 't', 'h')}"
                )
                if not self.scalar("SELECT count(*) FROM _touched"):
                    return
            if undated and not is_complete:
                self.run(
                    "CREATE OR REPLACE TEMP TABLE _touched AS SELECT * FROM _touched t "
                    f"ANTI JOIN _found f ON {_same(keys, 't', 'f')}"
                )
                if not self.scalar("SELECT count(*) FROM _touched"):
                    return

    def speaks_beyond(self, snapshot: Snapshot) -> bool:
        """True if the log holds words about a touched key for a time after the snapshot, said by then."""
        return bool(
            self.scalar(
                f"SELECT count(*) FROM {self.subject.log_name} l "
                f"SEMI JOIN _touched t ON {_same(self.subject.keys, 't', 'l')} "
                "WHERE source_id = $source_id AND scope = $scope AND observed_at <= $at AND valid_from > $at",
                source_id=snapshot.source_id,
                scope=snapshot.scope,
                at=snapshot.observed_at,
            )
        )

    def read_again(self, snapshot: Snapshot, batch_id: str, at: int, is_complete: bool, reread: Reread) -> Snapshot:
        observed_at = dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=at)
        frame, refused_keys = reread(batch_id, snapshot.scope)
        return Snapshot(snapshot.source_id, snapshot.scope, batch_id, observed_at, is_complete, frame, refused_keys)

    # Series -----------------------------------------------------------------------------------------------------------

    def has_slots(self, snapshot: Snapshot, lowest: object, highest: object) -> bool:
        """True if the log holds a slot of the scope between the snapshot's first and last."""
        return bool(
            self.scalar(
                f"SELECT count(*) FROM (FROM {self.subject.log_name} WHERE source_id = $source_id AND scope = $scope "
                f"AND valid_from BETWEEN make_timestamptz({lowest or 0}) AND make_timestamptz({highest or 0}) LIMIT 1)",
                source_id=snapshot.source_id,
                scope=snapshot.scope,
            )
        )

    def restate_series(self, snapshot: Snapshot, lowest: object, highest: object) -> int:
        """Append slots that are new or revised, as known from the words up to this snapshot.

        `_appended` also says which of the slots had a word before (`was_known`): only those can have been confirmed,
        without a row of its own, by a snapshot after this one. And how many words the log holds of each, later ones
        included: with its second a slot is one that was revised.
        """
        subject = self.subject
        keys, values = subject.keys, subject.values
        columns = [*keys, *values]
        slot = f"PARTITION BY {names(self.slot_key)}"
        self.run(
            f"CREATE OR REPLACE TEMP TABLE _existing AS SELECT {names(columns)}, valid_from, "
            "observed_at < $at OR (observed_at = $at AND capture_id <= $last_id) AS is_before, "
            f"count(*) OVER ({slot}) AS word_count FROM {subject.log_name} "
            "WHERE source_id = $source_id AND scope = $scope "
            f"AND valid_from BETWEEN make_timestamptz({lowest or 0}) AND make_timestamptz({highest or 0}) "
            f"QUALIFY row_number() OVER ({slot} ORDER BY is_before DESC, {WORD_ORDER}) = 1",
            source_id=snapshot.source_id,
            scope=snapshot.scope,
            at=snapshot.observed_at,
            last_id=self.last_id(snapshot),
        )
        appended = self.insert(
            f"SELECT {names(columns, 'n')}, true AS is_offered, n.valid_from, n.capture_id, "
            "coalesce(o.is_before, false) AS was_known, coalesce(o.word_count, 0) AS word_count "
            f"FROM _line n LEFT JOIN _existing o ON {_same(self.slot_key, 'n', 'o')} "
            f"WHERE o.is_before IS NOT true OR {_differ(values, 'n', 'o')}",
            snapshot,
        )
        self.run(
            f"INSERT INTO {subject.revised_name} BY NAME SELECT $source_id AS source_id, $scope AS scope, "
            f"{names(self.slot_key)} FROM _appended WHERE word_count = 1 ORDER BY valid_from",
            source_id=snapshot.source_id,
            scope=snapshot.scope,
        )
        return appended

    def catch_up_series(self, snapshot: Snapshot, later: list[tuple], reread: Reread) -> None:
        """Let later snapshots say again what they had confirmed of the slots that a late one revised."""
        if not later:
            return
        self.run(
            f"CREATE OR REPLACE TEMP TABLE _touched AS SELECT {names(self.slot_key)} FROM _appended WHERE was_known"
        )
        for batch_id, at, is_complete, _ in later:
            if not self.scalar("SELECT count(*) FROM _touched"):
                return
            following = self.read_again(snapshot, batch_id, at, is_complete, reread)
            self.stage(following, copied=True)
            self.run(
                f"CREATE OR REPLACE TEMP TABLE _line AS SELECT l.* FROM _line l "
                f"SEMI JOIN _touched t ON {_same(self.slot_key, 't', 'l')}"
            )
            low, high = self.run("SELECT epoch_us(min(valid_from)), epoch_us(max(valid_from)) FROM _line")[0]
            self.run(
                "CREATE OR REPLACE TEMP TABLE _touched AS SELECT * FROM _touched t "
                f"ANTI JOIN _line l ON {_same(self.slot_key, 't', 'l')}"
            )
            self.restate_series(following, low, high)


def record(
    con: duckdb.DuckDBPyConnection, subject: Subject, snapshot: Snapshot, recorded_at: dt.datetime, reread: Reread
) -> int:
    """Bring one snapshot into the log and into `meta.snapshot`, inside the caller's transaction.

    Args:
        con: connection of a write session.
        subject: what the rows are about.
        snapshot: what was said; one row per key (and `valid_from`).
        recorded_at: from when the warehouse knows it; later than any before.
        reread: reads a later batch again when this snapshot arrives late.

    Returns:
        Rows appended for this snapshot (re-assertions of later ones not counted).
    """
    loader = _Loader(con, subject, recorded_at)
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
