"""What keeps a lake small and quick: one job a day, in one place. Only a shared warehouse has it."""

import dagster as dg

from assets.dagster_support import HomeResource
from assets.lake import lake_of
from pipelines.progress import HOOKS
from warehouse.store import keeping

#: At an hour when few sources are read; between two of them, small files of one day collect.
CRON = "40 3 * * *"


@dg.op(
    description="Write inlined rows out, merge small files, expire old snapshots, remove what nothing has named for a day."
)
def keep_lake(context: dg.OpExecutionContext, home: HomeResource) -> None:
    """See `warehouse.store.keeping.upkeep`."""
    kept = keeping.upkeep(lake_of(home.get()))
    context.log.info(
        f"{kept.file_count_before} data files before, {kept.file_count} now; {kept.snapshot_expired_count} snapshots "
        f"expired, {kept.file_removed_count} files removed"
    )


@dg.job(name="lake_upkeep", hooks=HOOKS, description="Keep the lake small and quick; readers and writers may go on.")
def lake_upkeep() -> None:
    """One step."""
    keep_lake()


#: Runs without being switched on: a lake that nobody keeps becomes slower with every commit.
lake_upkeep_schedule = dg.ScheduleDefinition(
    name="lake_upkeep_schedule",
    job=lake_upkeep,
    cron_schedule=CRON,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
