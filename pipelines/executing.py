"""Executes Dagster jobs in this process on the instance under the home folder, with progress and messages: shared by several commands."""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import click

from pipelines.alerts.commands import tell
from pipelines.console import err, out
from warehouse import run_locks
from warehouse.home import Home

if TYPE_CHECKING:
    import dagster as dg


#: Whoever started a run at a terminal sees that it broke off: a daemon that happens to be up must not start it again behind
#: their back.
FROM_TERMINAL = {"dagster/max_retries": "0"}


def _quiet(verbose: bool) -> dict[str, Any]:
    level = "DEBUG" if verbose else "CRITICAL"
    return {"loggers": {"console": {"config": {"log_level": level}}}}


@contextlib.contextmanager
def progress_of(title: str, verbose: bool) -> Generator[None]:
    """A spinner with the last step that ended; plain lines where there is no terminal."""
    from pipelines import progress

    if verbose or not err.is_terminal:
        progress.listen(lambda step, good: err.print(f"  {'done' if good else 'FAILED'}  {step.replace('__', '/')}"))
        err.print(title)
        try:
            yield
        finally:
            progress.listen(None)
        return
    with err.status(title) as status:
        progress.listen(
            lambda step, good: status.update(f"{title}: {step.replace('__', '/')} {'done' if good else 'FAILED'}")
        )
        try:
            yield
        finally:
            progress.listen(None)


def execute(
    home: Home,
    job: str,
    verbose: bool,
    *,
    ops: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
    partition_key: str | None = None,
    assets: Sequence[dg.AssetKey] | None = None,
) -> list[str]:
    """Run a job in this process, or only these `assets` of it; returns the messages of the steps that failed.

    Raises:
        click.Abort: if it was ended by Ctrl-C or SIGTERM. Dagster keeps that to the run, and a command of several runs
            would go on with the next.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dagster._core.utils import make_new_run_id

        from pipelines import progress
        from pipelines.broken_runs import watching_for_broken_runs
        from pipelines.definitions import defs
        from pipelines.failures import failure_line
        from pipelines.instance import in_code_location, instance, keeping_logs, uncaptured

        config = _quiet(verbose) | ({"ops": ops} if ops else {})
        with keeping_logs(), instance(home) as dagster_instance, watching_for_broken_runs(home, dagster_instance):
            run_id = make_new_run_id()
            logged: list[dg.EventLogEntry] = []
            dagster_instance.add_event_listener(run_id, progress.report)
            dagster_instance.add_event_listener(run_id, lambda entry: _keep_errors(entry, logged))
            result = defs.resolve_job_def(job).execute_in_process(
                instance=uncaptured(in_code_location(dagster_instance, job)),
                run_config=config,
                raise_on_error=False,
                tags={**FROM_TERMINAL, **(tags or {})},
                partition_key=partition_key,
                run_id=run_id,
                asset_selection=assets,
            )
            run_locks.release(home, result.run_id)
            _report_repairs(logged)
    if result.success:
        return []
    if _was_interrupted(result):
        raise click.Abort
    messages = [failure_line(event) for event in result.all_events if event.is_step_failure]
    return messages or [f"job {job} failed; see the run in `petaday ui`"]


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Whether Ctrl-C or SIGTERM ended the run, within a step or between two."""
    import dagster as dg
    from dagster._core.events import JobFailureData, RunFailureReason

    return any(
        isinstance(event.event_specific_data, JobFailureData)
        and event.event_specific_data.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION
        for event in result.filter_events(lambda e: e.event_type == dg.DagsterEventType.RUN_FAILURE)
    )


#: Dagster's own line for each step that was not run because one before it failed: the failed one says why.
_NOT_RUN = re.compile(r"Dependencies for step \S+ .*Not executing\.", re.DOTALL)


def _keep_errors(entry: dg.EventLogEntry, logged: list[dg.EventLogEntry]) -> None:
    """Keep what a step logs as an error. Reading the whole log of the run afterwards took as long as all its steps write it (measured)."""
    if not entry.is_dagster_event and int(entry.level) >= logging.ERROR and not _NOT_RUN.match(entry.user_message):
        logged.append(entry)


def _report_repairs(logged: Sequence[dg.EventLogEntry]) -> None:
    """Print errors that a step has repaired itself (a damaged work file was rebuilt): otherwise only its log would show them."""
    for entry in logged:
        err.print(f"petaday: {entry.user_message.splitlines()[0]}")


def report_failures(messages: Sequence[str]) -> None:
    """One line to stderr for each."""
    for message in messages:
        err.print(f"petaday: {message}")


def settle(home: Home, options: dict[str, Any], failures: list[str]) -> int:
    """Record what is staged, estimate and publish; report the result, earlier `failures` included; returns the exit code."""
    told = _only_refusals(home)
    title = "recording the refusal" if told else "recording, estimating, publishing"
    with progress_of(title, options["verbose"]):
        failures = [*failures, *execute(home, "settle", options["verbose"], assets=told)]
    report_failures(failures)
    if not any(f.startswith("published/") for f in failures) and home.published_file.exists():
        out.print(f"published: {home.published_file}")
    tell(home)
    report_due_rebuild(home)
    return 1 if failures else 0


def _only_refusals(home: Home) -> list[dg.AssetKey] | None:
    """What to make where all that is staged was refused: no estimate can change, so the refusal is recorded and published; else None."""
    from assets.observed.assets import observed_key
    from assets.published.assets import WAREHOUSE_FILE
    from warehouse.staging import staged_outcomes

    outcomes = staged_outcomes(home)
    if not home.published_file.exists() or {outcome for _, outcome in outcomes} != {"rejected"}:
        return None
    return [*(observed_key(subject) for subject in sorted({subject for subject, _ in outcomes})), WAREHOUSE_FILE]


def report_due_rebuild(home: Home) -> None:
    """Print one line for each reason to rebuild the warehouse."""
    from warehouse.connection import read_published
    from warehouse.errors import NotPublishedError
    from warehouse.rules import due_for_rebuild

    try:
        with read_published(home) as con:
            lines = due_for_rebuild(con)
    except NotPublishedError:
        return
    for line in lines:
        err.print(line)
