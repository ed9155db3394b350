"""Conditions that are wrong now, until they end: a source that is stale or failing, a publication that failed.

They are computed each time from the published file and from Dagster's records, so it does not matter which run, sensor
or command checks first.
"""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

import dagster as dg
import duckdb
from dagster import DagsterRunStatus, RunsFilter

from assets.sources import all_sources
from pipelines.failures import failure_line, failure_reason

_PUBLISHED = "published/warehouse_file"


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong until it is over."""

    alert_key: str
    kind: str
    title: str
    line: str


@dataclass(frozen=True, slots=True)
class Looked:
    """The conditions now, and the keys that could not be judged: open conditions of those stay open."""

    conditions: tuple[Condition, ...]
    unknown_keys: frozenset[str] = frozenset()


def stale_sources(con: duckdb.DuckDBPyConnection, ignored: Iterable[str] = ()) -> list[Condition]:
    """Scheduled sources whose last good capture is older than they promise; a source that was never read is not stale."""
    limits = [
        (s.source_id, float(s.stale_after_days))
        for s in all_sources().values()
        if s.cadence and not s.is_bundled and s.source_id not in set(ignored)
    ]
    rows = con.execute(
        "SELECT s.source_id, s.title, strftime(s.last_good_at, '%Y-%m-%d %H:%M UTC'), epoch(s.age) / 86400, l.days "
        "FROM meta.source_status s JOIN (SELECT unnest(?) AS source_id, unnest(?) AS days) l USING (source_id) "
        "WHERE epoch(s.age) > l.days * 86400 ORDER BY s.source_id",
        [[source_id for source_id, _ in limits], [days for _, days in limits]],
    ).fetchall()
    return [
        Condition(
            f"source_stale/{source_id}",
            "source_stale",
            f"source {source_id} is stale",
            f"source {source_id} ({title}) is stale: last good capture {good}, {age:.1f} days ago; expected within {days:g} days",
        )
        for source_id, title, good, age, days in rows
    ]


def still_sources(con: duckdb.DuckDBPyConnection, ignored: Iterable[str] = ()) -> list[Condition]:
    """Sources that answer, but have said nothing new for longer than they are expected to (`changes_within_days`)."""
    rows = con.execute(
        "SELECT source_id, title, strftime(last_changed_at, '%Y-%m-%d'), epoch(unchanged_for) / 86400 "
        "FROM meta.source_status WHERE NOT is_bundled AND unchanged_for IS NOT NULL ORDER BY source_id"
    ).fetchall()
    left_out = set(ignored)
    return [
        Condition(
            f"source_unchanged/{source_id}",
            "source_unchanged",
            f"source {source_id} stands still",
            f"source {source_id} ({title}) stands still: it is read, but said nothing new since {changed}, for {days:.0f} days; "
            f"expected within {known.changes_within_days:g} days",
        )
        for source_id, title, changed, days in rows
        if source_id not in left_out and (known := all_sources().get(source_id)) and known.stands_still(days)
    ]


def failed_steps(instance: dg.DagsterInstance, ignored: Iterable[str] = ()) -> Looked:
    """Sources and publications whose last run failed.

    An asset has failed if the run that last meant to make it, or for a source the last that ended, ended without it.
    """
    found: list[Condition] = []
    unknown: set[str] = set()
    left_out = set(ignored)
    for record in instance.get_asset_records():
        name = record.asset_entry.asset_key.to_user_string()
        room, _, source_id = name.partition("/")
        if (room != "sources" and name != _PUBLISHED) or (room == "sources" and source_id in left_out):
            continue
        key = "publication_failed" if name == _PUBLISHED else f"source_failing/{source_id}"
        run_id = record.asset_entry.last_run_id
        made = record.asset_entry.last_materialization_record
        if run_id is None or (made is not None and made.run_id == run_id):
            continue
        run = instance.get_run_by_id(run_id)
        if run is None or not run.is_finished:
            # A source whose next run always waits would never be reported: its last ended run counts.
            ended = _last_ended(instance, source_id) if room == "sources" else None
            if ended is None:
                unknown.add(key)
                continue
            run, run_id = ended.dagster_run, ended.dagster_run.run_id
            if made is not None and made.timestamp >= (ended.end_time or 0.0):
                continue
        if run.status != DagsterRunStatus.FAILURE:
            continue  # canceled by a person, or the asset was skipped on purpose
        kind, title, still = "source_failing", f"source {source_id} is failing", ""
        if name == _PUBLISHED:
            kind, title = "publication_failed", "publication failed"
            still = (
                f"; still published is what was made {_moment(made.timestamp)}"
                if made
                else "; nothing is published yet"
            )
        line = f"{title}: {_reason(instance, run_id, name)}{still} (run {run_id[:8]})"
        found.append(Condition(key, kind, title, line))
    return Looked(tuple(found), frozenset(unknown))


def _last_ended(instance: dg.DagsterInstance, source_id: str) -> dg.RunRecord | None:
    """The last run of a source that ended; None if there is none, or if Dagster is about to run it again."""
    ended = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE]
    records = instance.get_run_records(RunsFilter(job_name=f"refresh_{source_id}", statuses=ended), limit=1)
    return records[0] if records and records[0].dagster_run.tags.get("dagster/will_retry") != "true" else None


def _moment(timestamp: float) -> str:
    return f"{dt.datetime.fromtimestamp(timestamp, dt.UTC):%Y-%m-%d %H:%M UTC}"


def _reason(instance: dg.DagsterInstance, run_id: str, asset: str) -> str:
    """Why a run failed: the error of the asset's own step, else of any step, else that the run broke off."""
    events = [
        entry.dagster_event
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        if entry.dagster_event is not None
    ]
    own = [e for e in events if (e.step_key or "").replace("__", "/") == asset]
    lines = [failure_reason(e) for e in own] or [failure_line(e) for e in events]
    return textwrap.shorten(" | ".join(lines), 400) if lines else "the run ended without an error message"
