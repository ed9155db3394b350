"""A query in whose middle Ctrl-C is pressed."""

from __future__ import annotations

import os
import signal
import threading

import duckdb

#: Some minutes of work for any machine.
_ENDLESS = "SELECT count(*) FROM range(100_000_000) a, range(100_000) b WHERE a.range % 7 = b.range % 5"


def interrupted_query(con: duckdb.DuckDBPyConnection) -> None:
    """Send this process a SIGINT one second after a query began that takes far longer."""
    threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    con.execute(_ENDLESS).fetchall()
