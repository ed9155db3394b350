"""Which runs still have a process: a file lock per run, released when its process ends, however it ends.

Dagster records that a run began and that it ended; if the process of a run is killed (kill -9, a power cut) it records
nothing. So each process that works on a run holds a shared lock on a file named after it.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from warehouse.home import Home

_held: dict[tuple[str, str], int] = {}


def _file(home: Home, run_id: str) -> Path:
    return home.running_dir / run_id


def hold(home: Home, run_id: str) -> None:
    """Mark a run as worked on by this process, until `let_go` or its end."""
    if (str(home.root), run_id) in _held:
        return
    file = _file(home, run_id)
    file.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        # Whoever tidied up may have removed the file between opening and locking it.
        if file.exists() and file.stat().st_ino == os.fstat(descriptor).st_ino:
            break
        os.close(descriptor)
    _held[str(home.root), run_id] = descriptor


def let_go(home: Home, run_id: str) -> None:
    """This process is done with the run."""
    descriptor = _held.pop((str(home.root), run_id), None)
    if descriptor is not None:
        os.close(descriptor)
    if not is_held(home, run_id):
        _file(home, run_id).unlink(missing_ok=True)


def is_held(home: Home, run_id: str) -> bool | None:
    """True if a process works on the run, False if all that did are gone, None if none was ever seen here."""
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


def marked(home: Home) -> list[str]:
    """Ids of the runs that have a mark."""
    return sorted(p.name for p in home.running_dir.glob("*"))
