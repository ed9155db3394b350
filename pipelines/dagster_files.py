"""Dagster's SQLite files while a command of ours runs a job: held open, so that they are not folded up after every event.

Dagster opens and closes a connection for each of the hundreds of events of a run. SQLite's last connection to a file writes
its log back, flushes it twice and deletes it: that took longer than the work. Beside one idle connection for each file nobody
is the last one until the job is done. What was committed is read by others at once and survives a kill, as before; against a
loss of power it is flushed when the job ends, not after each event.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event


@contextlib.contextmanager
def held_open(folder: Path) -> Generator[None]:
    """Hold every SQLite file below `folder` that this process opens through SQLAlchemy, from its first connection to the end.

    Args:
        folder: `DAGSTER_HOME`.
    """
    held: dict[str, sqlite3.Connection] = {}

    def opened(connection: Any, _: object) -> None:
        if not isinstance(connection, sqlite3.Connection):
            return
        file = next((row[2] for row in connection.execute("PRAGMA database_list") if row[1] == "main"), "")
        if not file or not Path(file).is_relative_to(folder):
            return
        connection.execute("PRAGMA synchronous = NORMAL")
        if file not in held:
            held[file] = sqlite3.connect(file, check_same_thread=False)
            # It counts once it has read something.
            held[file].execute("SELECT count(*) FROM sqlite_master").fetchall()

    event.listen(Engine, "connect", opened)
    try:
        yield
    finally:
        event.remove(Engine, "connect", opened)
        for connection in held.values():
            connection.close()
