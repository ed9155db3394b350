"""Alerts from the daemon: after every run that failed or succeeded, and by the clock, since a source also goes stale when nothing runs."""

from __future__ import annotations

import dagster as dg

from pipelines.alerts.notify import Told, notify
from warehouse.home import Home

#: Interval of the periodic check. Unit: seconds.
LOOK_EVERY_S = 900


def _outcome(told: Told) -> str:
    """The result of a check, in one line."""
    if not told.is_configured:
        return "no channel is configured: see docs/alerts.md"
    return f"{told.noticed_count} noticed, {told.sent_count} sent" + "".join(f"; {p}" for p in told.problems)


@dg.run_failure_sensor(
    name="alert_on_failure",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports by webhook and e-mail, once, what failed when a run has failed.",
)
def alert_on_failure(context: dg.RunFailureSensorContext) -> dg.SkipReason:
    """Check after a failed run."""
    return dg.SkipReason(_outcome(notify(Home.from_environment(), context.instance)))


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    name="alert_on_success",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports by webhook and e-mail, once, what moved and what has ended when a run has succeeded.",
)
def alert_on_success(context: dg.RunStatusSensorContext) -> dg.SkipReason:
    """Check after a successful run."""
    return dg.SkipReason(_outcome(notify(Home.from_environment(), context.instance)))


@dg.sensor(
    name="alert_by_the_clock",
    minimum_interval_seconds=LOOK_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports what became stale while nothing ran, and sends again what a channel did not accept.",
)
def alert_by_the_clock(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Check periodically."""
    return dg.SkipReason(_outcome(notify(Home.from_environment(), context.instance)))


SENSORS = [alert_on_failure, alert_on_success, alert_by_the_clock]
