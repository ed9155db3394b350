"""Deletion of what killed runs left in the home folder, and of old copies beyond the number that is kept.

Captures are never deleted: everything can be rebuilt from them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from warehouse import pending_captures
from warehouse.connection import write_lock
from warehouse.home import Home
from warehouse.publish import KEPT_PUBLICATIONS
from warehouse.settings import setting

#: Younger leftovers may belong to a run in progress.
LEFTOVER_AGE_S = 86_400
#: Number of work files kept that a rebuild replaced.
KEPT_REPLACED = 1


@dataclass(frozen=True, slots=True)
class Swept:
    """What was removed."""

    file_count: int
    byte_count: int


def _leftovers(home: Home, before: float) -> Iterator[Path]:
    places = (
        *home.spool_dir.glob("*"),
        *home.staged_dir.glob(".tmp-*"),
        *home.captures_dir.rglob(".tmp-*"),
        *(home.root / "work").rglob(".tmp-*"),
        *home.root.glob(f".{home.published_file.name}.*.tmp"),
    )
    for path in places:
        try:
            if path.lstat().st_mtime < before:
                yield path
        except FileNotFoundError:
            continue


def _surplus(files: list[Path], keep: int) -> list[Path]:
    ordered = sorted(files, key=lambda p: p.name)
    return ordered[: max(len(ordered) - keep, 0)]


def sweep(home: Home) -> Swept:
    """Remove leftovers older than a day, and publications and replaced work files beyond what is kept.

    Settings: PETADAY_KEEP_PUBLICATIONS (3).
    """
    keep = setting("PETADAY_KEEP_PUBLICATIONS", KEPT_PUBLICATIONS)
    before = time.time() - LEFTOVER_AGE_S
    files = bytes_ = 0
    pending_captures.rescue(home)
    with write_lock(home):
        replaced = _surplus(list((home.root / "work").glob("warehouse-*.duckdb")), KEPT_REPLACED)
        doomed = [
            *_leftovers(home, before),
            *_surplus(list(home.publications_dir.glob("petaday-*.duckdb")), keep),
            *replaced,
            *(path.with_name(path.name + ".wal") for path in replaced),
        ]
        for path in dict.fromkeys(doomed):
            try:
                size = (
                    sum(p.lstat().st_size for p in path.rglob("*"))
                    if path.is_dir() and not path.is_symlink()
                    else path.lstat().st_size
                )
            except FileNotFoundError:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
            files, bytes_ = files + 1, bytes_ + size
    return Swept(files, bytes_)
