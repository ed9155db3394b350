"""Runs whose process was killed: marked as failed, and their slot in a concurrency pool released.

Otherwise a run that was killed while it held the writers' pool would hold it for ever, and every later run would wait.
Dagster's own run monitoring does not see the processes of its default launcher, nor runs that the command line
executes.
"""

import datetime as dt
import threading
from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from warehouse import run_locks
from warehouse.home import Home
from warehouse.store import is_shared

#: How often a command checks while it runs, and how often the daemon does. Unit: seconds.
LOOK_EVERY_S, SENSOR_EVERY_S = 5.0, 30
#: A run that has started, but that no process on this machine was seen to work on, is taken for broken after this long.
#: Unit: seconds.
UNSEEN_S = 900.0
_GOING_ON = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def broken_runs(home: Home, instance: dg.DagsterInstance, now: dt.datetime | None = None) -> list[dg.DagsterRun]:
    """Runs that are recorded as running though their process is gone.

    Only runs that a process of this machine was seen to work on are judged; if the warehouse is not shared, also runs
    that no process was seen to work on for `UNSEEN_S` (killed before their first step).
    """
    moment = now or dt.datetime.now(dt.UTC)
    found = []
    for record in instance.get_run_records(RunsFilter(statuses=_GOING_ON)):
        held = run_locks.is_held(home, record.dagster_run.run_id)
        began = record.start_time or record.create_timestamp.timestamp()
        is_unseen = held is None and not is_shared() and moment.timestamp() - began > UNSEEN_S
        if held is False or is_unseen:
            found.append(record.dagster_run)
    return found


def fail_broken_runs(home: Home, instance: dg.DagsterInstance, now: dt.datetime | None = None) -> list[str]:
    """Mark broken runs as failed and release the pool slots of all ended runs; returns the ids of the broken runs."""
    failed = []
    for run in broken_runs(home, instance, now):
        # It may have ended in the meantime.
        current = instance.get_run_by_id(run.run_id)
        if current is not None and not current.is_finished:
            instance.report_run_failed(
                current, "The process of this run is gone: killed, or the machine was switched off."
            )
            failed.append(run.run_id)
    storage = instance.event_log_storage
    if storage.supports_global_concurrency_limits:
        for run_id in storage.get_concurrency_run_ids():
            run = instance.get_run_by_id(run_id)
            if (run is None or run.is_finished) and not run_locks.is_held(home, run_id):
                storage.free_concurrency_slots_for_run(run_id)
    for run_id in run_locks.run_ids(home):
        run = instance.get_run_by_id(run_id)
        if (run is None or run.is_finished) and not run_locks.is_held(home, run_id):
            run_locks.release(home, run_id)
    return failed


@contextmanager
def watching_for_broken_runs(home: Home, instance: dg.DagsterInstance) -> Generator[None]:
    """Check before a run and while it goes on: another run that it waits for may be killed meanwhile."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_EVERY_S):
            try:
                fail_broken_runs(home, instance)
            except Exception:  # noqa: BLE001 - for example a busy database: the next check is soon
                continue

    fail_broken_runs(home, instance)
    thread = threading.Thread(target=look, name="broken runs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@dg.sensor(
    name="notice_broken_runs",
    minimum_interval_seconds=SENSOR_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks runs as failed whose process was killed, and releases their slot in the writers' pool.",
)
def notice_broken_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Check periodically."""
    failed = fail_broken_runs(Home.from_environment(), context.instance)
    return dg.SkipReason(f"{len(failed)} broken" + (f": {', '.join(i[:8] for i in failed)}" if failed else ""))
