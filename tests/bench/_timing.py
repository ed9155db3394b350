"""Timing two ways of doing the same, in turn, in one run."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    gc.collect()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(title: str, ours: Callable[[], object], peer: Callable[[], object], bound: str, rounds: int = 5) -> float:
    """Median of the ratios ours/peer over rounds run in turn; prints it beside the bound that is aimed at."""
    pairs = [(seconds(ours), seconds(peer)) for _ in range(rounds)]
    ratio = statistics.median(a / b for a, b in pairs)
    print(
        f"{title}: {statistics.median(a for a, _ in pairs) * 1e3:.0f} ms against {statistics.median(b for _, b in pairs) * 1e3:.0f} ms, "
        f"ratio {ratio:.2f} (aim: {bound})"
    )
    return ratio
