"""Timing two ways of doing the same, in turn, in one run; and the peak memory of one way in a process of its own."""

from __future__ import annotations

import gc
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

#: Settings of who writes tables of many millions of rows. Where the order of rows is to be kept, one core alone writes what comes
#: out of a join; and memory of a table that was dropped goes back to the system, which hands out every page of it anew, unless
#: DuckDB may keep it.
LARGE_TABLES = ("SET preserve_insertion_order = false", "SET block_allocator_memory = '2GB'")


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    return measured(work)[0]


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """(wall time, CPU time of all threads) of one call, in seconds."""
    gc.collect()
    cpu, started = time.process_time(), time.perf_counter()
    work()
    return time.perf_counter() - started, time.process_time() - cpu


def _cleared(clear: Callable[[], object], work: Callable[[], object]) -> tuple[float, float]:
    clear()
    return measured(work)


def compare(title: str, ours: Callable[[], object], peer: Callable[[], object], bound: str, rounds: int = 5) -> float:
    """Median of the ratios ours/peer over rounds run in turn; prints it beside the bound that is aimed at.

    The ratio of CPU time stands beside it: on a busy machine it says more than the clock does.
    """
    pairs = [(measured(ours), measured(peer)) for _ in range(rounds)]
    ratio = statistics.median(a[0] / b[0] for a, b in pairs)
    cpu = statistics.median(a[1] / max(b[1], 1e-9) for a, b in pairs)
    print(
        f"{title}: {statistics.median(a[0] for a, _ in pairs) * 1e3:.0f} ms against "
        f"{statistics.median(b[0] for _, b in pairs) * 1e3:.0f} ms, ratio {ratio:.2f}, of CPU time {cpu:.2f} (aim: {bound})",
        flush=True,
    )
    return ratio


def against_loop(
    ours: Callable[[], object],
    rows: int,
    loop: Callable[[], object],
    looped: int,
    *,
    clear: Callable[[], object],
    rounds: int = 3,
) -> str:
    """Rows a second of `ours` (so many rows) and of a peer's function in a loop (so many calls), in turn; the median ratio in words.

    The loop keeps one core busy, ours all of them: the ratio of CPU time stands beside that of the clock. `clear` takes away
    what the round before has left, before the clock starts.
    """
    pairs = [(_cleared(clear, ours), measured(loop)) for _ in range(rounds)]
    ratio = statistics.median((b[0] / looped) / (a[0] / rows) for a, b in pairs)
    cpu = statistics.median((b[1] / looped) / (a[1] / rows) for a, b in pairs)
    speed, peer = (statistics.median(x) for x in ([rows / a[0] for a, _ in pairs], [looped / b[0] for _, b in pairs]))
    return f"{speed / 1e6:.2f}M rows/s against {peer:,.0f}/s, {ratio:,.0f} x, in CPU time of one core {cpu:,.0f} x"


def peak_mib(code: str, *arguments: str) -> tuple[float, float]:
    """(peak resident memory, of that what importing took) of Python code in a process of its own, in MiB.

    `code` imports what it needs, prints `peak_of_this_process()` once after that, and does its work; its arguments are in
    `sys.argv`. It finds no pandas: where a peer brought it, DuckDB imports it (86 MiB) once a parameter is bound, though nothing of
    Petaday's needs it.
    """
    script = f"import sys\nsys.modules['pandas'] = None\n{code}\nfrom tests.bench._timing import peak_of_this_process\nprint(peak_of_this_process())"
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    imported, peak = map(float, done.stdout.split()[-2:])
    return peak, imported


def peak_of_this_process() -> float:
    """Peak resident memory so far in MiB, mapped pages of files included."""
    status = Path(f"/proc/{os.getpid()}/status")
    if status.exists():
        # Unlike ru_maxrss it does not begin at the size of the process that started this one.
        return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
