"""Retrying a whole unit of work when the lake was interrupted, or another writer was in the way."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from warehouse.errors import StoreInterruptedError

P = ParamSpec("P")
R = TypeVar("R")

#: How often a piece of work is tried, and the longest pause before a try: about two minutes in all.
TRIES = 9
LONGEST_PAUSE_S = 30.0


def whole_again(work: Callable[P, R]) -> Callable[P, R]:
    """Try a piece of work again from its beginning when the store was interrupted.

    Only for work that changes nothing when it is done twice. The embedded file is never interrupted: nothing is tried again.
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
