"""Ticks of the schedules: made, failed, missed while no daemon ran, and caught up on later.

Dagster records the ticks that happened, not those that did not: these follow from the cron line of each running
schedule.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick, InstigatorType, TickStatus

# Dagster has no public way to ask for the times of a cron line.
from dagster._utils.schedules import cron_string_iterator

from assets.run_tags import KEPT_ANSWERS
from assets.sources import all_sources
from pipelines.instance import KEPT_RUN_DAYS
from warehouse.settings import setting

#: How far back ticks are compared; Dagster keeps them for 30 days.
LOOK_BACK = dt.timedelta(days=7)
#: How late a tick may be; the scheduler checks once a minute.
GRACE = dt.timedelta(minutes=5)
#: Days that a schedule catches up on at most after an outage; for more, a person starts a backfill.
MADE_UP_DAYS = 31


def schedule_name(source_id: str) -> str:
    """Name of the schedule of a source."""
    return f"refresh_{source_id}_schedule"


@dataclass(frozen=True, slots=True)
class Account:
    """The ticks of one schedule since `since`. `lost_run_ids`: runs that a tick requested and that no longer exist."""

    source_id: str
    since: dt.datetime
    expected_count: int
    made_count: int
    failed_count: int
    missed: tuple[dt.datetime, ...]
    #: First tick after the last missed one that requested a run; None if nothing has caught up on it yet.
    made_up_at: dt.datetime | None
    lost_run_ids: tuple[str, ...]

    @property
    def problem(self) -> str | None:
        """What is wrong now, in one line; None if nothing is."""
        if self.lost_run_ids:
            return f"{self.source_id}: {len(self.lost_run_ids)} runs that its schedule asked for are not known, first {self.lost_run_ids[0]}"
        if self.missed and self.made_up_at is None:
            return (
                f"{self.source_id}: {self.words()}; nothing was read since: is the daemon (`petaday ui`) running? "
                f"`petaday refresh {self.source_id}` reads it now"
            )
        return None

    def words(self) -> str:
        """What was missed, in words."""
        if not self.missed:
            return "none"
        first, last = self.missed[0], self.missed[-1]
        when = f"at {first:%Y-%m-%d %H:%M}" if first == last else f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"
        made_up = f", made up for at {self.made_up_at:%Y-%m-%d %H:%M}" if self.made_up_at else ""
        return f"{len(self.missed)} tick{'s' if len(self.missed) > 1 else ''} missed {when} UTC{made_up}"


def _running(instance: dg.DagsterInstance) -> Iterable[tuple[str, InstigatorState]]:
    states = {s.name: s for s in instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)}
    for source in all_sources().values():
        state = states.get(schedule_name(source.source_id))
        if source.cadence and state is not None and state.is_running:
            yield source.source_id, state


def accounts(instance: dg.DagsterInstance, now: dt.datetime | None = None) -> list[Account]:
    """The ticks of every schedule that is switched on."""
    moment = now or dt.datetime.now(dt.UTC)
    return [_account(instance, source_id, state, moment) for source_id, state in _running(instance)]


def _account(instance: dg.DagsterInstance, source_id: str, state: InstigatorState, now: dt.datetime) -> Account:
    data = state.instigator_data
    start = max(getattr(data, "start_timestamp", None) or 0.0, (now - LOOK_BACK).timestamp())
    cron = getattr(data, "cron_schedule", None) or all_sources()[source_id].cadence or ""
    until = (now - GRACE).timestamp()
    expected = []
    for at in cron_string_iterator(start, cron if isinstance(cron, str) else cron[0], "UTC"):
        if at.timestamp() > until:
            break
        expected.append(at.timestamp())
    ticks: list[InstigatorTick] = list(
        instance.get_ticks(state.instigator_origin_id, state.selector_id, after=start - 1)
    )
    made = {tick.timestamp for tick in ticks}
    missed = [at for at in expected if at not in made]
    # A tick is skipped where the source's key is not set: there is nothing to catch up on.
    answered = (TickStatus.SUCCESS, TickStatus.SKIPPED)
    later = [t.timestamp for t in ticks if t.status in answered and missed and t.timestamp > missed[-1]]
    # Runs that upkeep deleted are not lost; it deletes by day.
    kept_since = (now - dt.timedelta(days=setting("PETADAY_KEEP_RUN_DAYS", KEPT_RUN_DAYS) - 1)).timestamp()
    lost = [i for t in ticks if t.timestamp > kept_since for i in t.run_ids if not instance.has_run(i)]
    return Account(
        source_id,
        dt.datetime.fromtimestamp(start, dt.UTC),
        len(expected),
        len(ticks),
        sum(t.status == TickStatus.FAILURE for t in ticks),
        tuple(dt.datetime.fromtimestamp(at, dt.UTC) for at in missed),
        dt.datetime.fromtimestamp(min(later), dt.UTC) if later else None,
        tuple(lost),
    )


def missed_days(instance: dg.DagsterInstance, source_id: str, at: dt.datetime) -> tuple[str, str] | None:
    """First and last day (ISO), before the day of `at`, after whose end no tick of the source has read it; None if there is none.

    A tick of which every run failed has read nothing: the publisher was down, or the network, or the disk full. The day
    of the last tick that did read is one of the days: what was published after that tick was not read.
    """
    states = {s.name: s for s in instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)}
    state = states.get(schedule_name(source_id))
    if state is None:
        return None
    ticks = instance.get_ticks(
        state.instigator_origin_id,
        state.selector_id,
        before=at.timestamp(),
        after=(at - dt.timedelta(days=MADE_UP_DAYS + 1)).timestamp(),
        statuses=[TickStatus.SUCCESS],
    ) or instance.get_ticks(
        state.instigator_origin_id, state.selector_id, before=at.timestamp(), limit=1, statuses=[TickStatus.SUCCESS]
    )
    if not ticks:
        return None
    failed = _failed_wholly(instance, [run_id for tick in ticks for run_id in tick.run_ids])
    # Newest first; where none has read anything, all since the oldest is missed.
    read = next((t for t in ticks if not t.run_ids or not failed.issuperset(t.run_ids)), ticks[-1])
    last = dt.datetime.fromtimestamp(read.timestamp, dt.UTC).date()
    until = at.date() - dt.timedelta(days=1)
    # The last tick was usually yesterday's: there is something to catch up on only if a whole day had none.
    if last >= until:
        return None
    return f"{max(last, until - dt.timedelta(days=MADE_UP_DAYS - 1))}", f"{until}"


def _failed_wholly(instance: dg.DagsterInstance, run_ids: list[str]) -> set[str]:
    """Those of the runs that ended without having kept an answer; what upkeep has deleted is not known to be one."""
    if not run_ids:
        return set()
    ended = RunsFilter(run_ids=run_ids, statuses=[DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED])
    return {run.run_id for run in instance.get_runs(ended) if KEPT_ANSWERS not in run.tags}
