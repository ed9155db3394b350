"""SQL of the views and macros that read the append-only log on both clocks; `warehouse.log` defines which assertion holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from warehouse.instants import FOREVER, UNKNOWN_START
from warehouse.quoting import quoted

if TYPE_CHECKING:
    from warehouse.tables import Subject

#: Condition for assertions that state something; null marks a refused row.
_USABLE = "is_offered IS NOT NULL"

#: Of several assertions about one key and date, the first in this order holds.
ASSERTION_ORDER = "observed_at DESC, capture_id DESC, recorded_at DESC"


def instant(given: str) -> str:
    """SQL of a macro's parameter as an instant; a DATE is its midnight in UTC, in whatever time zone the session is.

    (A cast takes midnight in the time zone of the session: in Shanghai that is eight hours before the day begins in
    UTC.)
    """
    return (
        f"CASE WHEN typeof({given}) = 'DATE' THEN {given}::TIMESTAMP AT TIME ZONE 'UTC' ELSE {given}::TIMESTAMPTZ END"
    )


def names(columns: Sequence[str], alias: str | None = None) -> str:
    """A list of quoted columns, qualified by `alias` if it is given."""
    prefix = f"{alias}." if alias else ""
    return ", ".join(f"{prefix}{quoted(c)}" for c in columns)


def _value_hash(subject: Subject) -> str:
    """SQL of the 64-bit hash of what an assertion states: its values and whether the offer is offered."""
    return f"hash(is_offered, {names(subject.values)})"


def last_change(subject: Subject, assertions: str) -> str:
    """SELECT of the assertion, in the relation `assertions`, by which each slot (or date of a state) got its present value."""
    slot = f"PARTITION BY {names(subject.slot_key)} ORDER BY observed_at, capture_id, recorded_at"
    # Late captures leave assertions that only repeat the one before; they must not hide when the value was first
    # stated. That is the first assertion since the last change: it differs from the one before it and from none after
    # it. (Two windows in succession would take twice as long, measured on a month of one zone.)
    return (
        "SELECT * EXCLUDE (_hash, _hash_before, _lowest, _highest) FROM (SELECT *, lag(_hash) OVER in_order AS _hash_before, "
        "min(_hash) OVER onwards AS _lowest, max(_hash) OVER onwards AS _highest FROM "
        f"(SELECT *, {_value_hash(subject)} AS _hash FROM {assertions}) "
        f"WINDOW in_order AS ({slot}), onwards AS ({slot} ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)) "
        "WHERE _hash_before IS DISTINCT FROM _hash AND _lowest = _highest"
    )


def _slots(subject: Subject, condition: str) -> str:
    """SELECT of the slots of a series according to the assertions that satisfy `condition`.

    Most slots have one assertion, which is the answer; a window finds the last change of revised slots only. (For a
    slot that was revised after `known_at`, the window finds the one assertion that satisfies the condition.)

    The query is written for DuckDB's planner (1.5.5, measured), which pushes a user's filters into both sides of a LEFT
    JOIN on bare columns, but not of an ANTI JOIN; with a filter on the log alone it would choose the log as the build
    side, or merge both scans into one that it keeps in memory.
    """
    slot_key = names(subject.slot_key)
    columns = names(["source_id", "scope", *subject.keys, *subject.values, "valid_from", "observed_at", "capture_id"])
    assertions = f"(SELECT * FROM {subject.log_name} WHERE {condition})"
    revised = f"(SELECT *, true AS _is_revised FROM {subject.revised_name})"
    return (
        f"SELECT {columns} FROM {assertions} LEFT JOIN {revised} USING ({slot_key}) WHERE coalesce(NOT _is_revised, is_offered) "
        f"UNION ALL SELECT {columns} FROM ({last_change(subject, f'{assertions} JOIN {revised} USING ({slot_key})')}) WHERE is_offered"
    )


def are_changes(subject: Subject, assertions: str) -> str:
    """SELECT of one boolean, `are_changes`: whether each assertion of a state is a change.

    That is, no key has two assertions for one date, or an assertion that only repeats the one before it.

    Args:
        subject: the log.
        assertions: relation with rows of the log.
    """
    keys = names(["source_id", "scope", *subject.keys])
    # The key as one number: a window over few narrow columns takes a third of the time of one over all columns.
    return (
        "SELECT bool_and(_hash IS DISTINCT FROM _hash_before AND valid_from IS DISTINCT FROM _from_before) AS are_changes FROM ("
        "SELECT _hash, valid_from, lag(_hash) OVER of_key AS _hash_before, lag(valid_from) OVER of_key AS _from_before FROM ("
        f"SELECT hash({keys}) AS _key, {_value_hash(subject)} AS _hash, valid_from FROM {assertions} WHERE {_USABLE}) "
        "WINDOW of_key AS (PARTITION BY _key ORDER BY valid_from))"
    )


def intervals(subject: Subject, condition: str, log: str | None = None, *, changes_only: bool = False) -> str:
    """SELECT of the intervals (states) or slots (series) according to the assertions that satisfy `condition`.

    Args:
        subject: the subject of the log.
        condition: SQL condition on an assertion.
        log: relation to read the assertions of a state from, instead of the log.
        changes_only: every assertion of a state is known to be a change (`are_changes`), so that none has to be
            skipped.
    """
    if subject.kind == "series":
        return _slots(subject, condition)
    keys = names(["source_id", "scope", *subject.keys])
    columns = names(["source_id", "scope", *subject.keys, *subject.values])
    assertions = f"{log or subject.log_name} WHERE ({condition}) AND {_USABLE}"
    changes = (
        f"SELECT * FROM {assertions}"
        if changes_only
        else f"SELECT * FROM (SELECT *, {_value_hash(subject)} AS _hash FROM ({last_change(subject, assertions)})) "
        f"QUALIFY lag(_hash) OVER (PARTITION BY {keys} ORDER BY valid_from) IS DISTINCT FROM _hash"
    )
    return (
        f"SELECT {columns}, nullif(valid_from, TIMESTAMPTZ '{UNKNOWN_START}') AS valid_from, valid_to, observed_at, "
        "capture_id FROM ("
        f"SELECT *, lead(valid_from) OVER (PARTITION BY {keys} ORDER BY valid_from) AS valid_to FROM ({changes})) WHERE is_offered"
    )


def unconfirmed(subject: Subject, condition: str, log: str | None = None) -> str:
    """SELECT of the offers whose row was refused when their source was last read, by assertions that satisfy `condition`.

    Columns: source_id, scope, the keys, and `refused_from`: since when the known value is unconfirmed.

    Args:
        subject: the subject of the log, a state.
        condition: SQL condition on an assertion.
        log: relation to read assertions from, instead of the log.
    """
    keys = names(["source_id", "scope", *subject.keys])
    assertions = (
        f"(SELECT {keys}, valid_from, observed_at, is_offered FROM {log or subject.log_name} WHERE {condition})"
    )
    of_offer = f"FILTER (is_offered IS NOT NULL) OVER (PARTITION BY {keys})"
    # A late capture may have ended an offer before its row was refused: then there is no value that could be
    # unconfirmed.
    return (
        f"SELECT {keys}, min(observed_at) AS refused_from FROM (SELECT {keys}, observed_at, is_offered, "
        f"max(observed_at) {of_offer} AS last_at, max_by(is_offered, (observed_at, valid_from)) {of_offer} AS was_offered "
        f"FROM {assertions} SEMI JOIN (SELECT {keys} FROM {assertions} WHERE is_offered IS NULL) USING ({keys})) "
        "WHERE is_offered IS NULL AND observed_at > last_at AND was_offered GROUP BY ALL"
    )


def refused_spans(subject: Subject, condition: str) -> str:
    """SELECT of the times in which the row of an offer was refused, by assertions that satisfy `condition`.

    Columns: source_id, scope, the keys, `refused_from`, and `until`: when its source told of it again (NULL: not yet).
    """
    keys = names(["source_id", "scope", *subject.keys])
    assertions = f"(SELECT {keys}, observed_at, is_offered FROM {subject.log_name} WHERE {condition})"
    return (
        f"SELECT {keys}, min(observed_at) AS refused_from, until FROM (SELECT {keys}, observed_at, is_offered, "
        f"min(observed_at) FILTER (is_offered IS NOT NULL) OVER (PARTITION BY {keys} ORDER BY observed_at "
        f"RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS until "
        f"FROM {assertions} SEMI JOIN (SELECT {keys} FROM {assertions} WHERE is_offered IS NULL) USING ({keys})) "
        "WHERE is_offered IS NULL GROUP BY ALL"
    )


def last_assertion(relation: str, group: Sequence[str], columns: Sequence[str]) -> str:
    """SELECT of the columns `group` and of the `columns` of the last assertion in each group.

    The last assertion is the one with the latest valid_from; among several, by `ASSERTION_ORDER`. An aggregate instead
    of a window, for which DuckDB (1.5) sorts by all group columns and needs 1.2 to 2 times as long if many of them are
    text.

    Args:
        relation: SQL after FROM, with rows of the log.
        group: columns that define the groups.
        columns: the other columns to return.
    """
    row = ", ".join(f"{quoted(c)} := {quoted(c)}" for c in columns)
    unpacked = ", ".join(f"_last.{quoted(c)} AS {quoted(c)}" for c in columns)
    return (
        f"SELECT {names(group)}, {unpacked} FROM (SELECT {names(group)}, "
        f"arg_max(struct_pack({row}), (valid_from, observed_at, capture_id, recorded_at)) AS _last FROM {relation} GROUP BY ALL)"
    )


def _as_of(subject: Subject, condition: str) -> str:
    """SELECT of the last assertion that satisfies `condition` for each key (of a series for each slot), where it is offered."""
    key = ["source_id", "scope", *subject.keys]
    stated = ["is_offered", *subject.values, "observed_at", "recorded_at", "capture_id"]
    log = f"{subject.log_name} WHERE {condition}"
    if subject.kind == "state":
        last = last_assertion(log, key, [*stated, "valid_from"])
        start = f"nullif(valid_from, TIMESTAMPTZ '{UNKNOWN_START}') AS valid_from"
    else:
        last, start = last_assertion(log, subject.slot_key, stated), "valid_from"
    return f"SELECT {names([*key, *subject.values])}, {start}, observed_at, recorded_at, capture_id FROM ({last}) WHERE is_offered"


def view_scripts(
    subject: Subject,
    enrich: str = "SELECT b.* FROM ({base}) b",
    slot_condition: str = "true",
    slot_end: str | None = None,
) -> list[str]:
    """SQL of `observed.<subject>`, `<subject>_known(…)` and `<subject>_as_of(…)`.

    Args:
        subject: the log they read.
        enrich: SELECT around `{base}` that adds derived columns; `{instant}` is the instant to convert currencies at.
        slot_condition: for a series, the SQL condition on log rows that the slot contains `valid_at`.
        slot_end: for a series, the SQL expression of a slot's end.
    """
    known = f"recorded_at <= {instant('known_at')} AND observed_at <= {instant('observed_by')}"
    clocks = f"known_at := {FOREVER}, observed_by := {FOREVER}"
    at = f"valid_from <= {instant('valid_at')} AND {_USABLE}" if subject.kind == "state" else slot_condition
    start = "coalesce(valid_from, observed_at)"

    def wrapped(select: str, at_instant: str) -> str:
        if slot_end:
            select = f"SELECT *, {slot_end} AS valid_to FROM ({select})"
        return enrich.format(base=select, instant=at_instant)

    name = subject.name
    of_refused = []
    if subject.kind == "state":
        of_refused = [
            f"CREATE OR REPLACE VIEW observed.{name}_unconfirmed AS {unconfirmed(subject, 'true')}",
            f"COMMENT ON VIEW observed.{name}_unconfirmed IS 'What stands in observed.{name} though its row was refused when its source was "
            "last read (see meta.rejected_row): the source did not say that it ended, and nothing that could be used.'",
        ]
    return [
        *of_refused,
        f"CREATE OR REPLACE VIEW observed.{name} AS {wrapped(intervals(subject, 'true'), start)}",
        f"COMMENT ON VIEW observed.{name} IS 'Today''s knowledge of {subject.description.replace(chr(39), chr(39) * 2)}'",
        f"CREATE OR REPLACE MACRO {name}_known({clocks}) AS TABLE {wrapped(intervals(subject, known), start)}",
        f"COMMENT ON MACRO TABLE {name}_known IS 'observed.{name} as this warehouse knew it at known_at, "
        "by what publishers had said by observed_by.'",
        f"CREATE OR REPLACE MACRO {name}_as_of(valid_at, {clocks}) AS TABLE "
        f"{wrapped(_as_of(subject, f'{at} AND {known}'), instant('valid_at'))}",
        f"COMMENT ON MACRO TABLE {name}_as_of IS '{name}: what held at valid_at, as this warehouse knew it at known_at, "
        "by what publishers had said by observed_by.'",
    ]
