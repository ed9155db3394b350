"""Recording a state: a value that holds from a date until the next one (prices)."""

from __future__ import annotations

import polars as pl

from warehouse.frames import register_stream
from warehouse.instants import UNKNOWN_START
from warehouse.log.loader import Loader, same
from warehouse.log.snapshot import Reread, Snapshot
from warehouse.log.views import last_assertion, names
from warehouse.quoting import quoted

#: Column with the position of a row in the frame that is recorded.
_POSITION = "_position"


class StateLoader(Loader):
    """Records snapshots of a state."""

    def append_changes(
        self, snapshot: Snapshot, later: list[tuple], reread: Reread, *, dated: bool, lowest: object, highest: object
    ) -> int:
        """Compare with the last state of each key if that is enough, otherwise with the log on every date.

        Three ways, the fastest first: the newest undated snapshot (the common case), the first snapshot of a scope, and
        the general way for dated and late snapshots.
        """
        if not dated and not later and self.is_newest(snapshot):
            return self.append_newest_state(snapshot)
        if not later and self.is_first_of_scope(snapshot):
            return self.append_all(snapshot)
        self.copy_line()
        appended = self.restate_state(snapshot, only_touched=False)
        self.catch_up_state(snapshot, later, reread)
        return appended

    def is_newest(self, snapshot: Snapshot) -> bool:
        """True if all assertions about the scope are undated and older, so that the last row of a key is its state."""
        return not self.scalar(
            f"SELECT (SELECT count(*) FROM {self.subject.log_name} WHERE source_id = $source_id AND scope = $scope "
            "AND (observed_at >= $at OR valid_from <> observed_at)) + (SELECT count(*) FROM meta.snapshot "
            "WHERE source_id = $source_id AND scope = $scope AND subject = $subject AND is_dated)",
            source_id=snapshot.source_id,
            scope=snapshot.scope,
            at=snapshot.observed_at,
            subject=self.subject.name,
        )

    def is_first_of_scope(self, snapshot: Snapshot) -> bool:
        """True if the log has no assertion about the scope and each offer has one dated row, so that nothing is to compare."""
        return not self.has_scope(snapshot) and bool(
            self.read_line(
                f"SELECT count(*) = count(DISTINCT hash({names(self.subject.keys)})) AND bool_and(is_offered) "
                f"AND bool_and(valid_from <> TIMESTAMPTZ '{UNKNOWN_START}') FROM _line_view"
            )
        )

    def append_newest_state(self, snapshot: Snapshot) -> int:
        """Append the differences of the newest, undated snapshot of a scope to the last state (the common case)."""
        subject = self.subject
        keys, values = subject.keys, subject.values
        columns = [*keys, *values, "is_offered"]
        place = {"source_id": snapshot.source_id, "scope": snapshot.scope}
        stamp = {"observed_at": snapshot.observed_at, "recorded_at": self.recorded_at}
        into = (
            f"INSERT INTO {subject.log_name} "
            f"(source_id, scope, {names(columns)}, valid_from, observed_at, recorded_at, capture_id) "
        )
        stamped = "$observed_at, $observed_at, $recorded_at"
        if not self.has_scope(snapshot):
            return self.read_line(
                f"{into} SELECT $source_id, $scope, {names(columns)}, {stamped}, capture_id FROM _line_view",
                **place,
                **stamp,
            )
        self.find_differences(snapshot)
        absent_count = self.scalar(f"SELECT count(*) - count({_POSITION}) FROM _diff")
        changed = pl.DataFrame(self.con.sql(f"SELECT {_POSITION} FROM _diff WHERE {_POSITION} IS NOT NULL ORDER BY 1"))
        appended = 0
        if changed.height:
            register_stream(self.con, "_changed", self.frame[changed[_POSITION]])
            appended += self.scalar(
                f"{into} SELECT $source_id, $scope, {names(columns)}, {stamped}, capture_id FROM _changed",
                **place,
                **stamp,
            )
            self.con.unregister("_changed")
        if absent_count and snapshot.is_complete:
            self.run(
                f"CREATE OR REPLACE TEMP TABLE _absent AS SELECT {names(keys)}, is_offered FROM {subject.log_name} l "
                f"SEMI JOIN (SELECT row_number FROM _diff WHERE {_POSITION} IS NULL) g ON l.rowid = g.row_number"
            )
            self.find_unconfirmed(snapshot)
            nulls = ", ".join("NULL" for _ in values)
            appended += self.scalar(
                f"{into} SELECT $source_id, $scope, {names(keys, 'a')}, {nulls}, "
                f"CASE WHEN u.is_unconfirmed IS NULL THEN false END, {stamped}, $batch_id "
                f"FROM _absent a LEFT JOIN _unconfirmed u ON {same(keys, 'a', 'u')} "
                "WHERE u.is_unconfirmed IS NULL OR a.is_offered",
                **place,
                **stamp,
                batch_id=snapshot.batch_id,
            )
        return appended

    def has_scope(self, snapshot: Snapshot) -> bool:
        """True if the log has an assertion about the scope."""
        return bool(
            self.scalar(
                f"SELECT count(*) FROM (FROM {self.subject.log_name} WHERE source_id = $source_id AND scope = $scope LIMIT 1)",
                source_id=snapshot.source_id,
                scope=snapshot.scope,
            )
        )

    def find_differences(self, snapshot: Snapshot) -> None:
        """Create `_diff`: position in the frame, and row number in the log, of each offer whose last state differs.

        Keys and values are compared by 64-bit hashes. (The probability that two of a million keys share a hash is below
        3e-8.) Only hashes and positions are joined, then the few rows they point to are read: joining whole rows took
        twice as long.
        """
        keys, values = self.subject.keys, self.subject.values
        # The position is added only here: with it, a frame of many millions of slots was read in one piece and stored a
        # quarter larger.
        register_stream(self.con, "_positioned", self.frame.with_row_index(_POSITION))
        # The state of a key is the row appended last among those with the latest valid_from: `recency` orders by both.
        self.run(
            f"""
            CREATE OR REPLACE TEMP TABLE _diff AS
            WITH stated AS MATERIALIZED (
                SELECT hash({names(keys)}) AS key_hash, hash({names(values)}) AS value_hash, is_offered, rowid AS row_number,
                    epoch_us(valid_from)::HUGEINT * 1099511627776 + rowid AS recency
                FROM {self.subject.log_name} WHERE source_id = $source_id AND scope = $scope),
            last AS (
                FROM stated SEMI JOIN (SELECT max(recency) AS recency FROM stated GROUP BY key_hash) l USING (recency)),
            now AS (
                SELECT hash({names(keys)}) AS key_hash, hash({names(values)}) AS value_hash, {_POSITION} FROM _positioned)
            SELECT n.{_POSITION}, o.row_number FROM now n FULL JOIN last o ON n.key_hash = o.key_hash
            WHERE CASE WHEN n.{_POSITION} IS NULL THEN o.is_offered IS DISTINCT FROM false
                ELSE o.is_offered IS NOT true OR n.value_hash <> o.value_hash END
            """,
            source_id=snapshot.source_id,
            scope=snapshot.scope,
        )
        self.con.unregister("_positioned")

    def find_unconfirmed(self, snapshot: Snapshot) -> None:
        """Create `_unconfirmed`: the offers in `_absent` to which a refused row of the snapshot may belong."""
        keys = self.subject.keys
        found = []
        if snapshot.refused_keys is not None and snapshot.refused_keys.height:
            # One hash join for each set of known key columns, since a null may be any value.
            known = snapshot.refused_keys.select(keys).with_columns(
                pl.concat_str(pl.col(c).is_not_null().cast(pl.String) for c in keys).alias("_known_columns")
            )
            for number, rows in enumerate(known.partition_by("_known_columns", include_key=False)):
                columns = [c for c in keys if rows[c].null_count() == 0]
                register_stream(self.con, f"_refused_{number}", rows.select(keys).unique())
                alike = f"SEMI JOIN _refused_{number} r ON {same(columns, 'a', 'r')}" if columns else ""
                found.append(f"SELECT {names(keys)} FROM _absent a {alike}")
        select = " UNION ".join(found) or f"SELECT {names(keys)} FROM _absent LIMIT 0"
        self.run(f"CREATE OR REPLACE TEMP TABLE _unconfirmed AS SELECT *, true AS is_unconfirmed FROM ({select})")

    def restate_state(self, snapshot: Snapshot, *, only_touched: bool) -> int:
        """Append the assertions after which the log, up to this snapshot, answers as the snapshot states, for any order and dates.

        `_line` is the snapshot's timeline, which replaces what was known of a key from its first date on: at each of
        its dates, and at each later date of an earlier assertion (such as an announcement), the log's answer is
        compared with what the snapshot states, and the difference is appended. With `only_touched`, only for the keys
        in `_touched`.

        Returns:
            Rows appended; they remain in `_appended`.
        """
        subject = self.subject
        keys, values = subject.keys, subject.values
        semi = f"SEMI JOIN _touched t ON {same(keys, 't', 'l')}" if only_touched else ""
        if only_touched:
            self.run(f"CREATE OR REPLACE TEMP TABLE _line AS SELECT l.* FROM _line l {semi}")
        existing = (
            f"{subject.log_name} l {semi} WHERE source_id = $source_id AND scope = $scope "
            "AND (observed_at < $at OR (observed_at = $at AND capture_id <= $last_id))"
        )
        self.run(
            "CREATE OR REPLACE TEMP TABLE _existing AS "
            + last_assertion(existing, [*keys, "valid_from"], [*values, "is_offered"]),
            source_id=snapshot.source_id,
            scope=snapshot.scope,
            at=snapshot.observed_at,
            last_id=self.last_id(snapshot),
        )
        if snapshot.is_complete:
            self.run(
                f"CREATE OR REPLACE TEMP TABLE _absent AS SELECT DISTINCT {names(keys, 'o')} "
                f"FROM _existing o ANTI JOIN _line n ON {same(keys, 'n', 'o')}"
            )
            self.find_unconfirmed(snapshot)
            nulls = ", ".join(f"NULL AS {quoted(v)}" for v in values)
            self.run(
                f"INSERT INTO _line BY NAME SELECT {names(keys, 'a')}, {nulls}, "
                "CASE WHEN u.is_unconfirmed IS NULL THEN false END AS is_offered, $at::TIMESTAMPTZ AS valid_from, NULL AS capture_id "
                f"FROM _absent a LEFT JOIN _unconfirmed u ON {same(keys, 'a', 'u')}",
                at=snapshot.observed_at,
            )
        self.keep_only_changed_keys()
        return self.insert(self.timeline_changes(), snapshot)

    def timeline_changes(self) -> str:
        """SELECT of the assertions that turn the answers of `_existing` into those of `_line`, from its first date on."""
        keys, values = self.subject.keys, self.subject.values
        key_list = names(keys)
        start = f"TIMESTAMPTZ '{UNKNOWN_START}'"
        row = f"struct_pack(is_offered := is_offered, {', '.join(f'{quoted(v)} := {quoted(v)}' for v in values)})"
        unpacked = ", ".join(f"stated.{quoted(v)} AS {quoted(v)}" for v in values)
        return f"""
            WITH line AS (SELECT {key_list}, valid_from, capture_id, {row} AS stated FROM _line),
            dated AS (SELECT * FROM line WHERE valid_from <> {start}),
            first_date AS (SELECT {key_list}, min(valid_from) AS first_from FROM dated GROUP BY ALL),
            existing AS (SELECT {key_list}, valid_from, {row} AS stated FROM _existing),
            -- What held before the first date is a separate assertion that may be restated: nothing is carried over from it.
            dated_existing AS (SELECT * FROM existing WHERE valid_from <> {start}),
            checkpoint AS (
                SELECT {key_list}, valid_from FROM dated
                UNION
                SELECT {names(keys, "e")}, e.valid_from FROM existing e JOIN first_date f
                ON {same(keys, "e", "f")} AND e.valid_from > f.first_from),
            wanted AS (
                SELECT c.*, l.stated, l.capture_id, f.first_from FROM checkpoint c
                ASOF JOIN dated l ON {same(keys, "c", "l")} AND c.valid_from >= l.valid_from
                JOIN first_date f ON {same(keys, "c", "f")}),
            chained AS (
                SELECT *, lag(stated) OVER (PARTITION BY {key_list} ORDER BY valid_from) AS stated_before FROM wanted),
            compared AS (
                SELECT c.*, x.stated AS exact, x.valid_from IS NOT NULL AS has_exact, b.stated AS carried
                FROM chained c
                LEFT JOIN existing x ON {same(keys, "c", "x")} AND c.valid_from = x.valid_from
                ASOF LEFT JOIN dated_existing b ON {same(keys, "c", "b")} AND c.valid_from >= b.valid_from),
            change AS (
                SELECT {key_list}, valid_from, capture_id, stated,
                    CASE WHEN has_exact THEN exact WHEN valid_from = first_from THEN carried ELSE stated_before END AS answered
                FROM compared
                UNION ALL
                SELECT {names(keys, "l")}, l.valid_from, l.capture_id, l.stated, x.stated
                FROM line l LEFT JOIN existing x ON {same(keys, "l", "x")} AND l.valid_from = x.valid_from
                WHERE l.valid_from = {start})
            -- An end is kept even if nothing held: a later assertion about the time before it must not extend beyond it.
            SELECT {key_list}, {unpacked}, stated.is_offered AS is_offered, valid_from, capture_id FROM change
            WHERE stated IS DISTINCT FROM answered
            -- An offer that has ended does not become unconfirmed.
            AND NOT coalesce(stated.is_offered IS NULL AND NOT answered.is_offered, false)
            """

    def keep_only_changed_keys(self) -> None:
        """Narrow `_line` and `_existing` to the keys for which a row may have to be appended, since most are unchanged.

        A key is left out if the log has each row of its timeline with equal values and no other date after the
        timeline's first one, so that all answers are the same.
        """
        subject = self.subject
        same_key = same(subject.keys, "l", "e")
        # Term by term, because DuckDB can hash-join on these, but not on the negation of `differ`.
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
                ANTI JOIN _line n ON {same(subject.keys, "e", "n")} AND e.valid_from = n.valid_from)
            """
        )
        for table in ("_line", "_existing"):
            self.run(
                f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT l.* FROM {table} l "
                f"SEMI JOIN _open o ON {same(subject.keys, 'o', 'l')}"
            )

    def catch_up_state(self, snapshot: Snapshot, later: list[tuple], reread: Reread) -> None:
        """Record the snapshots after a late one again for the keys that it changed.

        They may have confirmed, without a row, the value that the late snapshot replaced.
        """
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
            if undated and is_complete and not self.has_later_dates(following):
                # A complete snapshot settles all keys but those of its refused rows.
                self.run(
                    "CREATE OR REPLACE TEMP TABLE _touched AS SELECT * FROM _touched t "
                    f"SEMI JOIN _unconfirmed u ON {same(keys, 't', 'u')}"
                )
                if not self.scalar("SELECT count(*) FROM _touched"):
                    return
            if undated and not is_complete:
                self.run(
                    "CREATE OR REPLACE TEMP TABLE _touched AS SELECT * FROM _touched t "
                    f"ANTI JOIN _found f ON {same(keys, 't', 'f')}"
                )
                if not self.scalar("SELECT count(*) FROM _touched"):
                    return

    def has_later_dates(self, snapshot: Snapshot) -> bool:
        """True if the log has, by the time of the snapshot, an assertion about a touched key for a later date (an announcement)."""
        return bool(
            self.scalar(
                f"SELECT count(*) FROM {self.subject.log_name} l "
                f"SEMI JOIN _touched t ON {same(self.subject.keys, 't', 'l')} "
                "WHERE source_id = $source_id AND scope = $scope AND observed_at <= $at AND valid_from > $at",
                source_id=snapshot.source_id,
                scope=snapshot.scope,
                at=snapshot.observed_at,
            )
        )
