"""Recording a state: what an offer is, from a date on, until its publisher says otherwise."""

from __future__ import annotations

import polars as pl

from warehouse.frames import register_stream
from warehouse.log.loader import Loader, same
from warehouse.log.snapshot import Reread, Snapshot
from warehouse.log.views import WORD_ORDER, names
from warehouse.quoting import quoted
from warehouse.tables import UNKNOWN_START

#: Where a row stands in the frame that is recorded.
_POSITION = "_position"


class StateLoader(Loader):
    """Records snapshots of a state."""

    def append_changes(
        self, snapshot: Snapshot, later: list[tuple], reread: Reread, *, dated: bool, lowest: object, highest: object
    ) -> int:
        """Compare with the last state where that is enough; else with all that was said, on every date."""
        if not dated and not later and self.is_newest(snapshot):
            return self.append_newest_state(snapshot)
        if not later and self.is_first_word(snapshot):
            return self.append_as_it_stands(snapshot)
        self.copy_line()
        appended = self.restate_state(snapshot, only_touched=False)
        self.catch_up_state(snapshot, later, reread)
        return appended

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
        register_stream(self.con, "_placed", self.frame.with_row_index(_POSITION))
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
            register_stream(self.con, "_changed", self.frame[changed[_POSITION]])
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
                f"FROM _absent a LEFT JOIN _held h ON {same(keys, 'a', 'h')} WHERE h.is_held IS NULL OR a.is_offered",
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
                register_stream(self.con, f"_refused_{number}", rows.select(keys).unique())
                alike = f"SEMI JOIN _refused_{number} r ON {same(columns, 'a', 'r')}" if columns else ""
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
        semi = f"SEMI JOIN _touched t ON {same(keys, 't', 'l')}" if only_touched else ""
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
                f"FROM _existing o ANTI JOIN _line n ON {same(keys, 'n', 'o')}"
            )
            self.find_held(snapshot)
            nulls = ", ".join(f"NULL AS {quoted(v)}" for v in values)
            self.run(
                f"INSERT INTO _line BY NAME SELECT {names(keys, 'a')}, {nulls}, "
                "CASE WHEN h.is_held IS NULL THEN false END AS is_offered, $at::TIMESTAMPTZ AS valid_from, NULL AS capture_id "
                f"FROM _absent a LEFT JOIN _held h ON {same(keys, 'a', 'h')}",
                at=snapshot.observed_at,
            )
        self.keep_only_changed_keys()
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
                ON {same(keys, "e", "f")} AND e.valid_from > f.first_from),
            wanted AS (
                SELECT c.*, l.said, l.capture_id, f.first_from FROM checkpoint c
                ASOF JOIN dated l ON {same(keys, "c", "l")} AND c.valid_from >= l.valid_from
                JOIN first_date f ON {same(keys, "c", "f")}),
            chained AS (
                SELECT *, lag(said) OVER (PARTITION BY {key_list} ORDER BY valid_from) AS said_before FROM wanted),
            compared AS (
                SELECT c.*, x.said AS exact, x.valid_from IS NOT NULL AS has_exact, b.said AS carried
                FROM chained c
                LEFT JOIN existing x ON {same(keys, "c", "x")} AND c.valid_from = x.valid_from
                ASOF LEFT JOIN dated_existing b ON {same(keys, "c", "b")} AND c.valid_from >= b.valid_from),
            change AS (
                SELECT {key_list}, valid_from, capture_id, said,
                    CASE WHEN has_exact THEN exact WHEN valid_from = first_from THEN carried ELSE said_before END AS told
                FROM compared
                UNION ALL
                SELECT {names(keys, "l")}, l.valid_from, l.capture_id, l.said, x.said
                FROM line l LEFT JOIN existing x ON {same(keys, "l", "x")} AND l.valid_from = x.valid_from
                WHERE l.valid_from = {start})
            -- An end is kept also where nothing held: a later word on the time before the first date must not reach over it.
            SELECT {key_list}, {unpacked}, said.is_offered AS is_offered, valid_from, capture_id FROM change
            WHERE said IS DISTINCT FROM told
            -- Of what is not offered nothing is left unconfirmed.
            AND NOT coalesce(said.is_offered IS NULL AND NOT told.is_offered, false)
            """,
            snapshot,
        )

    def keep_only_changed_keys(self) -> None:
        """Narrow `_line` and `_existing` to the keys for which a row may have to be appended: most are unchanged.

        A key is left out if each row of its line stands in the log word for word and the log has no other date after the
        line's first: each answer that would be compared is then the same.
        """
        subject = self.subject
        same_key = same(subject.keys, "l", "e")
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
                ANTI JOIN _line n ON {same(subject.keys, "e", "n")} AND e.valid_from = n.valid_from)
            """
        )
        for table in ("_line", "_existing"):
            self.run(
                f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT l.* FROM {table} l "
                f"SEMI JOIN _open o ON {same(subject.keys, 'o', 'l')}"
            )

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
                    f"SEMI JOIN _held h ON {same(keys, 't', 'h')}"
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

    def speaks_beyond(self, snapshot: Snapshot) -> bool:
        """True if the log holds words about a touched key for a time after the snapshot, said by then."""
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
