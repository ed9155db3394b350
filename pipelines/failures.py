"""The one line of a failed step that says what failed and why."""

from __future__ import annotations

import re

import dagster as dg

#: How Dagster names a step that was ended by SIGTERM or Ctrl-C.
_INTERRUPTED = "dagster._core.errors.DagsterExecutionInterruptedError"
_OWN_CLASS = re.compile(r"^(?:assets|warehouse|pipelines)\.[\w.]+: ")


def failure_reason(event: dg.DagsterEvent) -> str:
    """First line of why a step failed, from its STEP_FAILURE event."""
    data = event.step_failure_data
    error, user = data.error, data.user_failure_data
    cause = error.cause if error and error.cause else error
    text = (user.description if user and user.description else None) or (cause.message if cause else "")
    if text.startswith(_INTERRUPTED):
        return "stopped by a signal; what was committed stays, the next run goes on from there"
    # The project's own errors are written for users: the class name is left out.
    text = _OWN_CLASS.sub("", text.strip())
    return (text.splitlines() or ["failed without a message"])[0]


def failure_line(event: dg.DagsterEvent) -> str:
    """`asset: why`, for a person at a terminal."""
    return f"{(event.step_key or 'run').replace('__', '/')}: {failure_reason(event)}"
