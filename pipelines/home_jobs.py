"""What keeps the home folder from growing without end: one job a day, where a daemon runs."""

import dagster as dg

from assets.dagster_support import HomeResource
from pipelines.progress import HOOKS
from pipelines.upkeep import forget_old_evaluations, forget_old_runs
from warehouse.upkeep import sweep

#: At an hour when few sources are read, and not that of the lake's upkeep.
CRON = "17 4 * * *"


@dg.op(description="Remove old runs, evaluations and publications, and what killed runs left behind; captures stay.")
def keep_home(context: dg.OpExecutionContext, home: HomeResource) -> None:
    """As `petaday upkeep`."""
    swept = sweep(home.get())
    runs = forget_old_runs(home.get())
    forget_old_evaluations(home.get())
    context.log.info(f"removed {runs} old runs, {swept.file_count} leftovers ({swept.byte_count / 1e6:,.1f} MB)")


@dg.job(name="upkeep", hooks=HOOKS, description="Keep the home folder small; readers and writers may go on.")
def home_upkeep() -> None:
    """One step."""
    keep_home()


#: Runs without being switched on: a home that nobody keeps fills its disk.
home_upkeep_schedule = dg.ScheduleDefinition(
    name="upkeep_schedule",
    job=home_upkeep,
    cron_schedule=CRON,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
