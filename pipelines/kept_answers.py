"""The daemon records what a partly failed run of a source did read.

If one country of many does not answer, or one file has another layout, the run of the source is red and the rest is
staged. But the automation records a subject only after a source succeeded: without this sensor, the good rows would wait
for another source of the subject, perhaps for ever. The failed run carries a tag that says it kept something, so this
process need not search the store, which it may not be able to reach.
"""

import datetime as dt

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from assets.observed.assets import observed_key
from assets.recording import subjects_with_sources
from assets.run_tags import KEPT_ANSWERS
from assets.sources import all_sources

LOOK_EVERY_S = 30
#: How far back the first look goes.
FIRST_LOOK = dt.timedelta(days=1)


def _subjects(run: dg.DagsterRun) -> set[str]:
    """Subjects of the sources that a run was to read."""
    chosen = [key.path[1] for key in run.asset_selection or () if key.path[0] == "sources"]
    source_ids = chosen or [run.job_name.removeprefix("refresh_")]
    return {all_sources()[source_id].subject for source_id in source_ids if source_id in all_sources()}


@dg.sensor(
    name="record_kept_answers",
    target=dg.AssetSelection.assets(*(observed_key(subject) for subject in subjects_with_sources())),
    minimum_interval_seconds=LOOK_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Records what a run had read before it failed: the good rows of a source of which one part did not answer.",
)
def record_kept_answers(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """One run for each subject of which a run failed in part since the last look."""
    since = dt.datetime.fromisoformat(context.cursor) if context.cursor else dt.datetime.now(dt.UTC) - FIRST_LOOK
    failed = context.instance.get_run_records(
        RunsFilter(statuses=[DagsterRunStatus.FAILURE], tags={KEPT_ANSWERS: "true"}, updated_after=since),
        order_by="update_timestamp",
        ascending=True,
    )
    last = {subject: record.dagster_run.run_id for record in failed for subject in _subjects(record.dagster_run)}
    requests = [
        dg.RunRequest(run_key=f"{subject} after {run_id}", asset_selection=[observed_key(subject)])
        for subject, run_id in last.items()
    ]
    seen = failed[-1].update_timestamp.replace(tzinfo=dt.UTC) if failed else since
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else "no run has failed in part since the last look",
        cursor=seen.isoformat(),
    )
