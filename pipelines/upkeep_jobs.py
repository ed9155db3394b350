"""Daily upkeep jobs, where a daemon runs: of the home folder, and of the lake if there is one."""

import dagster as dg

from assets.dagster_support import HomeResource
from assets.lake import lake_of
from pipelines.upkeep import run_upkeep
from warehouse.store import is_shared, lake_admin


@dg.op(description="Remove old runs, evaluations and publications, and what killed runs left behind; captures stay.")
def keep_home(context: dg.OpExecutionContext, home: HomeResource) -> None:
    """Do what `petaday upkeep` does."""
    context.log.info(run_upkeep(home.get()))


@dg.op(
    description="Write inlined rows out, merge small files, expire old snapshots, remove what nothing has named for a day."
)
def keep_lake(context: dg.OpExecutionContext, home: HomeResource) -> None:
    """See `warehouse.store.lake_admin.upkeep`."""
    kept = lake_admin.upkeep(lake_of(home.get()))
    context.log.info(
        f"{kept.file_count_before} data files before, {kept.file_count} now; {kept.snapshot_expired_count} snapshots "
        f"expired, {kept.file_removed_count} files removed"
    )


@dg.job(name="upkeep", description="Keep the home folder small; readers and writers may go on.")
def home_upkeep() -> None:
    """Upkeep of the home folder."""
    keep_home()


@dg.job(name="lake_upkeep", description="Keep the lake small and quick; readers and writers may go on.")
def lake_upkeep() -> None:
    """Upkeep of the lake."""
    keep_lake()


def upkeep_jobs() -> tuple[list[dg.JobDefinition], list[dg.ScheduleDefinition]]:
    """The jobs and their schedules; a lake only where the warehouse is shared.

    At hours when few sources are read, and not both at once.
    """
    daily = [(home_upkeep, "17 4 * * *"), *([(lake_upkeep, "40 3 * * *")] if is_shared() else [])]
    schedules = [
        dg.ScheduleDefinition(
            name=f"{job.name}_schedule",
            job=job,
            cron_schedule=cron,
            execution_timezone="UTC",
            description=job.description,
            # On by default: without upkeep a home fills its disk, and a lake becomes slower with every commit.
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
        for job, cron in daily
    ]
    return [job for job, _ in daily], schedules
