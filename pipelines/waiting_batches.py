"""Batches that were read but that no run records: recorded by the daemon.

A source whose run failed in part (one country of many did not answer, one file has another layout) has staged the rest. But only a
source that succeeded makes the automation record its subject: without this, good rows would wait for another source of the subject,
perhaps for ever. The same holds for what a killed run had staged.
"""

import hashlib
import json
import time

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from assets.observed.assets import observed_key
from assets.recording import subjects_with_sources
from warehouse import staging
from warehouse.home import Home

LOOK_EVERY_S = 60
#: How long a batch waits for the automation, which records it together with others, before it is recorded by itself. Unit: seconds.
PATIENCE_S = 420.0
#: What could not be recorded (a full disk) is tried again after this long. Unit: seconds.
AGAIN_AFTER_S = 3600.0
_GOING_ON = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
]
_SUBJECTS = {subject: observed_key(subject) for subject in subjects_with_sources()}
#: Jobs that record every subject.
_OF_ALL = ("run", "settle")


def _seen_since(home: Home, cursor: str | None, now: float) -> dict[str, float]:
    """When each batch that waits was first seen waiting, by its key; `cursor` is what the last look knew."""
    before = json.loads(cursor) if cursor else {}
    return {key: before.get(key, now) for key in staging.keys(home)}


def _is_recording(instance: dg.DagsterInstance, subject: str) -> bool:
    """Whether a run that waits or goes on will record the subject."""
    return any(
        run.job_name in _OF_ALL or _SUBJECTS[subject] in (run.asset_selection or ())
        for run in instance.get_runs(RunsFilter(statuses=_GOING_ON))
    )


@dg.sensor(
    name="record_waiting_batches",
    target=dg.AssetSelection.assets(*_SUBJECTS.values()),
    minimum_interval_seconds=LOOK_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Records what a run had read before it failed: the good rows of a source of which one part did not answer.",
)
def record_waiting_batches(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """One run for each subject that has batches which nothing else records."""
    now = time.time()
    seen = _seen_since(Home.from_environment(), context.cursor, now)
    requests = []
    for subject, asset_key in _SUBJECTS.items():
        keys = sorted(key for key in seen if staging.subject_of(key) == subject)
        due = [key for key in keys if now - seen[key] >= PATIENCE_S]
        if due and not _is_recording(context.instance, subject):
            # Once for the same batches in an hour: a run that fails is not repeated every minute.
            name = hashlib.sha256("".join(keys).encode()).hexdigest()[:16]
            turn = int((now - min(seen[key] for key in due)) // AGAIN_AFTER_S)
            requests.append(dg.RunRequest(run_key=f"{subject} {name} {turn}", asset_selection=[asset_key]))
    waiting = f"{len(seen)} batches wait" if seen else "nothing waits"
    return dg.SensorResult(
        run_requests=requests, skip_reason=None if requests else waiting, cursor=json.dumps(seen, sort_keys=True)
    )
