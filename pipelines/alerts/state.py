"""The state of the alerts: a small DuckDB file, opened by one process at a time under a file lock.

A message is recorded before it is sent, and marked as sent per channel afterwards. So no message is lost when a channel
is down, and none is sent twice, whichever process checks first.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager

import duckdb

from warehouse.connection import configure
from warehouse.errors import PetadayError
from warehouse.home import Home
from warehouse.quoting import literal

_SCHEMA = """
CREATE TABLE IF NOT EXISTS alerts.main.open_alert (alert_key VARCHAR, kind VARCHAR, title VARCHAR, opened_at TIMESTAMPTZ);
CREATE TABLE IF NOT EXISTS alerts.main.message (message_id VARCHAR, kind VARCHAR, is_recovery BOOLEAN, line VARCHAR, noticed_at TIMESTAMPTZ);
CREATE TABLE IF NOT EXISTS alerts.main.delivery (message_id VARCHAR, channel VARCHAR, state VARCHAR, last_error VARCHAR, changed_at TIMESTAMPTZ);
CREATE TABLE IF NOT EXISTS alerts.main.told_price (subject VARCHAR, source_id VARCHAR, seller VARCHAR, item VARCHAR, variant VARCHAR, region VARCHAR,
    price DOUBLE, currency_code VARCHAR, usd DOUBLE, told_at TIMESTAMPTZ);
CREATE TABLE IF NOT EXISTS alerts.main.told_estimate (scenario_id VARCHAR, quantity VARCHAR, method_version VARCHAR, central DOUBLE);
CREATE TABLE IF NOT EXISTS alerts.main.told_factor (scenario_id VARCHAR, quantity VARCHAR, method_version VARCHAR, factor VARCHAR, value DOUBLE);
"""
#: How long sent messages are kept, for `petaday alerts status`. Unit: days.
KEPT_DAYS = 90


@contextmanager
def alert_state(home: Home, *, with_published: bool = True) -> Generator[duckdb.DuckDBPyConnection]:
    """The state as database `alerts`, and the published file (if there is one) as `petaday`; waits for its turn.

    The default database is `petaday` where it is attached, so that its macros can be called.

    Raises:
        PetadayError: if the state cannot be read.
    """
    folder = home.root / "alerts"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "state.duckdb"
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        con = duckdb.connect()
        try:
            configure(con)
            try:
                con.execute(f"ATTACH {literal(str(file))} AS alerts").fetchall()
                con.execute(_SCHEMA).fetchall()
            except duckdb.Error as e:
                raise PetadayError(
                    f"{file} cannot be read: {str(e).splitlines()[0]} - remove it to begin anew; what is wrong then is reported again"
                ) from e
            if with_published and home.published_file.exists():
                con.execute(f"ATTACH {literal(str(home.published_file))} AS petaday (READ_ONLY)").fetchall()
                con.execute("USE petaday").fetchall()
            yield con
        finally:
            con.close()
    finally:
        os.close(descriptor)


def forget_old(con: duckdb.DuckDBPyConnection) -> None:
    """Delete old messages that every channel has accepted."""
    con.execute(
        f"DELETE FROM alerts.main.message m WHERE noticed_at < now() - INTERVAL {KEPT_DAYS} DAY AND NOT EXISTS "
        "(FROM alerts.main.delivery d WHERE d.message_id = m.message_id AND d.state <> 'sent')"
    ).fetchall()
    con.execute(
        "DELETE FROM alerts.main.delivery d WHERE NOT EXISTS (FROM alerts.main.message m WHERE m.message_id = d.message_id)"
    ).fetchall()
