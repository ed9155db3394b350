"""Progress at the terminal: which step has just ended."""

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
    """Pass the end of a step on."""
    for callback in _listener:
        callback(context.op.name, True)


@dg.failure_hook
def step_failed(context: dg.HookContext) -> None:
    """Pass the failure of a step on."""
    for callback in _listener:
        callback(context.op.name, False)


HOOKS = frozenset({step_succeeded, step_failed})
