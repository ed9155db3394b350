"""Which runs still have a process: one file lock per run, which is released when the process ends in any way.

Dagster records the start and the end of a run, but nothing if its process is killed (kill -9, a power cut). So each
process that works on a run holds a shared lock on a file named after the run.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from warehouse.files import is_file_at
from warehouse.home import Home

#: Descriptors of the locks that this process holds, by (home folder, run id).
_held: dict[tuple[str, str], int] = {}


def _file(home: Home, run_id: str) -> Path:
    return home.running_dir / run_id


def hold(home: Home, run_id: str) -> None:
    """Mark that this process works on a run, until `release` or the end of the process."""
    if (str(home.root), run_id) in _held:
        return
    file = _file(home, run_id)
    file.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        # `release` of another process may have removed the file between opening and locking it.
        if is_file_at(file, descriptor):
            break
        os.close(descriptor)
    _held[str(home.root), run_id] = descriptor


def release(home: Home, run_id: str) -> None:
    """End this process's mark on a run; the last mark removes the file."""
    held = _held.pop((str(home.root), run_id), None)
    if held is not None:
        os.close(held)
    file = _file(home, run_id)
    try:
        descriptor = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Removed under the lock: a process that marks the run meanwhile waits, finds the file gone and creates a new
        # one.
        if is_file_at(file, descriptor):
            file.unlink()
    except BlockingIOError:
        pass  # another process works on the run
    finally:
        os.close(descriptor)


def is_held(home: Home, run_id: str) -> bool | None:
    """True if a process works on the run, False if all that did have ended, None if there never was one here."""
    try:
        descriptor = os.open(_file(home, run_id), os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def run_ids(home: Home) -> list[str]:
    """Ids of the runs that have a file, held or not."""
    return sorted(p.name for p in home.running_dir.glob("*"))
