"""Progress at the terminal: hooks that report the end of each step."""

from collections.abc import Callable

import dagster as dg

_listener: list[Callable[[str, bool], None]] = []


def listen(callback: Callable[[str, bool], None] | None) -> None:
    """Call `callback(step, succeeded)` after each step of a run in this process; None to stop."""
    _listener.clear()
    if callback is not None:
        _listener.append(callback)


@dg.success_hook
def step_succeeded(context: dg.HookContext) -> None:
    """Report that a step succeeded."""
    for callback in _listener:
        callback(context.op.name, True)


@dg.failure_hook
def step_failed(context: dg.HookContext) -> None:
    """Report that a step failed."""
    for callback in _listener:
        callback(context.op.name, False)


HOOKS = frozenset({step_succeeded, step_failed})
