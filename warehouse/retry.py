"""Retry with backoff of a whole unit of work after the store was interrupted (`StoreInterruptedError`)."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from warehouse.errors import StoreInterruptedError

P = ParamSpec("P")
R = TypeVar("R")

#: Number of attempts, and the longest pause between two of them: about two minutes in total.
TRIES = 9
LONGEST_PAUSE_S = 30.0


def retried_if_interrupted(work: Callable[P, R]) -> Callable[P, R]:
    """Decorator: call an idempotent function again, `TRIES` times in all, while it raises `StoreInterruptedError`.

    Only a lake is ever interrupted; on the embedded file the function is called once.
    """

    @functools.wraps(work)
    def tried(*args: P.args, **kwargs: P.kwargs) -> R:
        for number in range(TRIES - 1):
            try:
                return work(*args, **kwargs)
            except StoreInterruptedError:
                time.sleep(min(LONGEST_PAUSE_S, 0.5 * 2**number) * random.uniform(0.5, 1.0))
        return work(*args, **kwargs)

    return tried
