"""The only code location: all assets, jobs, schedules, sensors, and the automation of derived assets."""

import os

import dagster as dg

from assets import sources_assets
from assets.dagster_support import HomeResource
from assets.estimated import assets as estimated
from assets.estimated.decisions import assets as decision_assets
from assets.estimated.indices import assets as index_assets
from assets.observed import assets as observed
from assets.observed import region_checks
from assets.published import assets as published
from assets.published.report.asset import REPORT_KEY, report
from assets.reference import assets as reference
from assets.reference.tables import REFERENCE_TABLES
from assets.sources import all_sources, needs_key
from assets.sources._base import Source
from assets.sources_assets import source_key
from pipelines.alerts.sensors import SENSORS
from pipelines.broken_runs import notice_broken_runs
from pipelines.kept_answers import record_kept_answers
from pipelines.own_regions import reread_own_regions
from pipelines.ticks import missed_days, schedule_name
from pipelines.upkeep_jobs import upkeep_jobs
from warehouse.store import is_shared

#: Set to 1 to start schedules by themselves; otherwise they are switched on in the UI.
LIVE_VARIABLE = "PETADAY_LIVE"


def _status() -> dg.DefaultScheduleStatus:
    live = os.environ.get(LIVE_VARIABLE) == "1"
    return dg.DefaultScheduleStatus.RUNNING if live else dg.DefaultScheduleStatus.STOPPED


def build_defs() -> dg.Definitions:
    """Assemble the definitions; the home is the one that the environment names."""
    sources = sources_assets.build()
    subjects = observed.build()
    estimates = [*estimated.build(), *index_assets.build(), *decision_assets.build()]
    tables = [key for asset in (*subjects, *estimates) for key in asset.keys]
    files = published.build([*tables, *(reference.reference_key(t.name) for t in REFERENCE_TABLES)])

    bundled = dg.AssetSelection.assets(*(source_key(s.source_id) for s in all_sources().values() if s.is_bundled))
    live = [s for s in all_sources().values() if not s.is_bundled]
    # The report is built after a publication, by its own job: a failed chart must not fail the main job.
    pages = dg.AssetSelection.assets(REPORT_KEY)
    derived = dg.AssetSelection.groups("reference", "observed", "estimated", "published") - pages

    jobs = [
        # The main job on the bundled data: no key, no network.
        dg.define_asset_job(
            "run", selection=bundled | derived, description="Bundled data in, estimates out, published."
        ),
        # Everything after fetching, apart from it, so that a publisher's failure stops nothing else.
        dg.define_asset_job("settle", selection=derived, description="Record what is staged, estimate, publish."),
        dg.define_asset_job("report", selection=pages, description="Draw the report from the published file."),
        *(
            dg.define_asset_job(
                f"refresh_{s.source_id}",
                selection=dg.AssetSelection.assets(source_key(s.source_id)),
                description=f"Read {s.title}.",
            )
            for s in all_sources().values()
        ),
    ]
    schedules = [_schedule(s, s.cadence) for s in live if s.cadence and s.plan]
    jobs_of_upkeep, schedules_of_upkeep = upkeep_jobs()
    return dg.Definitions(
        assets=[*sources, reference.reference_tables, *subjects, *estimates, *files, report],
        asset_checks=region_checks.build(),
        jobs=[*jobs, *jobs_of_upkeep],
        schedules=[*schedules, *schedules_of_upkeep],
        sensors=[
            dg.AutomationConditionSensorDefinition(
                "derive",
                target=derived | pages,
                default_status=dg.DefaultSensorStatus.RUNNING,
                description="Runs derived assets when an input has changed.",
            ),
            notice_broken_runs,
            reread_own_regions,
            record_kept_answers,
            *SENSORS,
        ],
        resources={"home": HomeResource()},
        executor=dg.in_process_executor,
    )


def _schedule(source: Source, cadence: str) -> dg.ScheduleDefinition:
    source_id, job = source.source_id, f"refresh_{source.source_id}"

    @dg.schedule(
        name=schedule_name(source_id),
        job_name=job,
        cron_schedule=cadence,
        execution_timezone="UTC",
        default_status=_status(),
        description=(
            f"Reads {source.title} ({source.homepage_url}) for observed.{source.subject}"
            + (f"; skipped while {source.key_name} is not set" if source.key_name else "")
            + ("; days that were missed are asked for too" if source.has_history else "")
            + "."
        ),
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        # Elsewhere than on one machine a worker may have keys that this process has not: the run decides.
        if (missing := needs_key(source)) and not is_shared():
            return dg.SkipReason(f"{missing} is not set in the environment of the daemon")
        at = context.scheduled_execution_time
        if not source.has_history:
            # Yesterday's price list can no longer be read: after an outage only the latest is.
            return [dg.RunRequest()]
        requests = [dg.RunRequest(run_key=f"{at:%Y-%m-%dT%H:%M}", partition_key=f"{at:%Y-%m-%d}")]
        if missed := missed_days(context.instance, source_id, at):
            first, last = missed
            days = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
            requests.append(dg.RunRequest(run_key=f"{at:%Y-%m-%dT%H:%M} missed {first} to {last}", tags=days))
        return requests

    return schedule


defs = build_defs()
