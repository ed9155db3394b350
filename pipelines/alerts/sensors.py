"""Alerts from the daemon: after every run that failed or succeeded, and by the clock, since a source also goes stale when nothing runs."""

from __future__ import annotations

import dagster as dg

from pipelines.alerts.notify import Told, notify
from warehouse.home import Home

#: How often the clock looks. Unit: seconds.
LOOK_EVERY_S = 900


def _outcome(told: Told) -> str:
    """What a look brought, in one line."""
    if not told.is_configured:
        return "no channel is configured: see docs/alerts.md"
    return f"{told.noticed_count} noticed, {told.sent_count} sent" + "".join(f"; {p}" for p in told.problems)


@dg.run_failure_sensor(
    name="alert_on_failure",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells by webhook and e-mail what failed, once, when a run has failed.",
)
def alert_on_failure(context: dg.RunFailureSensorContext) -> dg.SkipReason:
    """Look when a run has failed."""
    return dg.SkipReason(_outcome(notify(Home.from_environment(), context.instance)))


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    name="alert_on_success",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells by webhook and e-mail what moved and what is over, once, when a run has succeeded.",
)
def alert_on_success(context: dg.RunStatusSensorContext) -> dg.SkipReason:
    """Look when a run has succeeded."""
    return dg.SkipReason(_outcome(notify(Home.from_environment(), context.instance)))


@dg.sensor(
    name="alert_by_the_clock",
    minimum_interval_seconds=LOOK_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells what went stale while nothing ran, and sends again what a channel did not take.",
)
def alert_by_the_clock(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Look now and then."""
    return dg.SkipReason(_outcome(notify(Home.from_environment(), context.instance)))


SENSORS = [alert_on_failure, alert_on_success, alert_by_the_clock]
