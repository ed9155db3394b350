"""Recording a series: one figure per slot of time, which may be revised."""

from __future__ import annotations

from warehouse.log.loader import Loader, differ, same
from warehouse.log.snapshot import Reread, Snapshot
from warehouse.log.views import ASSERTION_ORDER, names


class SeriesLoader(Loader):
    """Records snapshots of a series."""

    def append_changes(
        self, snapshot: Snapshot, later: list[tuple], reread: Reread, *, dated: bool, lowest: object, highest: object
    ) -> int:
        """Append all rows or, if the log has slots of that time, those that are new or revised."""
        if not later and not self.has_slots(snapshot, lowest, highest):
            return self.append_all(snapshot)
        self.copy_line()
        appended = self.restate_series(snapshot, lowest, highest)
        self.catch_up_series(snapshot, later, reread)
        return appended

    def has_slots(self, snapshot: Snapshot, lowest: object, highest: object) -> bool:
        """True if the log has a slot of the scope between the snapshot's first and last."""
        return bool(
            self.scalar(
                f"SELECT count(*) FROM (FROM {self.subject.log_name} WHERE source_id = $source_id AND scope = $scope "
                f"AND valid_from BETWEEN make_timestamptz({lowest or 0}) AND make_timestamptz({highest or 0}) LIMIT 1)",
                source_id=snapshot.source_id,
                scope=snapshot.scope,
            )
        )

    def restate_series(self, snapshot: Snapshot, lowest: object, highest: object) -> int:
        """Append the slots that are new or revised compared with the assertions up to this snapshot.

        `_appended` has two further columns. `was_known`: the slot had an assertion before this snapshot; only then can
        a later snapshot have confirmed it without a row. `assertion_count`: assertions about the slot that the log had
        before, including later ones; with the second one it becomes a revised slot.
        """
        subject = self.subject
        keys, values = subject.keys, subject.values
        columns = [*keys, *values]
        slot = f"PARTITION BY {names(self.slot_key)}"
        self.run(
            f"CREATE OR REPLACE TEMP TABLE _existing AS SELECT {names(columns)}, valid_from, "
            "observed_at < $at OR (observed_at = $at AND capture_id <= $last_id) AS is_before, "
            f"count(*) OVER ({slot}) AS assertion_count FROM {subject.log_name} "
            "WHERE source_id = $source_id AND scope = $scope "
            f"AND valid_from BETWEEN make_timestamptz({lowest or 0}) AND make_timestamptz({highest or 0}) "
            f"QUALIFY row_number() OVER ({slot} ORDER BY is_before DESC, {ASSERTION_ORDER}) = 1",
            source_id=snapshot.source_id,
            scope=snapshot.scope,
            at=snapshot.observed_at,
            last_id=self.last_id(snapshot),
        )
        appended = self.insert(
            f"SELECT {names(columns, 'n')}, true AS is_offered, n.valid_from, n.capture_id, "
            "coalesce(o.is_before, false) AS was_known, coalesce(o.assertion_count, 0) AS assertion_count "
            f"FROM _line n LEFT JOIN _existing o ON {same(self.slot_key, 'n', 'o')} "
            f"WHERE o.is_before IS NOT true OR {differ(values, 'n', 'o')}",
            snapshot,
        )
        self.run(
            f"INSERT INTO {subject.revised_name} BY NAME SELECT $source_id AS source_id, $scope AS scope, "
            f"{names(self.slot_key)} FROM _appended WHERE assertion_count = 1 ORDER BY valid_from",
            source_id=snapshot.source_id,
            scope=snapshot.scope,
        )
        return appended

    def catch_up_series(self, snapshot: Snapshot, later: list[tuple], reread: Reread) -> None:
        """Record the snapshots after a late one again for the slots that it revised.

        They may have confirmed, without a row, the value that the late snapshot replaced.
        """
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
                f"SEMI JOIN _touched t ON {same(self.slot_key, 't', 'l')}"
            )
            low, high = self.run("SELECT epoch_us(min(valid_from)), epoch_us(max(valid_from)) FROM _line")[0]
            self.run(
                "CREATE OR REPLACE TEMP TABLE _touched AS SELECT * FROM _touched t "
                f"ANTI JOIN _line l ON {same(self.slot_key, 't', 'l')}"
            )
            self.restate_series(following, low, high)
