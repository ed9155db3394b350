"""Progress at the terminal: the end of each step of a run that this process executes."""

from collections.abc import Callable

import dagster as dg
from dagster import DagsterEventType

_listener: list[Callable[[str, bool], None]] = []


def listen(callback: Callable[[str, bool], None] | None) -> None:
    """Call `callback(step, succeeded)` after each step of a run in this process; None to stop."""
    _listener.clear()
    if callback is not None:
        _listener.append(callback)


def report(entry: dg.EventLogEntry) -> None:
    """Pass the end of a step on to who listens; other events are not of interest.

    A listener of the instance, not a hook of the jobs: a hook leaves two more events of every step in the log of every
    run.
    """
    event = entry.dagster_event
    if event is None or event.step_key is None:
        return
    if event.event_type in (DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_FAILURE):
        for callback in _listener:
            callback(event.step_key, event.event_type == DagsterEventType.STEP_SUCCESS)
