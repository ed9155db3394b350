"""Checks the conditions, records what is new or has ended, and sends the messages that wait. Never fails a run."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import dagster as dg
import duckdb

from pipelines.alerts import conditions
from pipelines.alerts.channels import Channel, DeliveryError, PartlyRefusedError, channels_of
from pipelines.alerts.config import AlertConfig, load_config
from pipelines.alerts.moves import moved_estimates, moved_prices
from pipelines.alerts.state import alert_state, forget_old
from pipelines.instance import instance as instance_of
from warehouse.connection import transaction
from warehouse.errors import PetadayError
from warehouse.home import Home

#: Lines of one message; further lines are counted.
MAX_LINES = 20


@dataclass(slots=True)
class Told:
    """Result of a check: messages recorded and sent, and problems with sending."""

    noticed_count: int = 0
    sent_count: int = 0
    problems: list[str] = field(default_factory=list)
    is_configured: bool = True


def notify(home: Home, instance: dg.DagsterInstance | None = None) -> Told:
    """Check and send; never raises, so that an alert cannot fail the run that it watches."""
    try:
        config = load_config(home)
        if not config.has_channel:
            return Told(is_configured=False)
        return _notify(home, config, instance)
    except Exception as e:  # noqa: BLE001 - an alert must not fail the run that it watches
        first = (str(e).strip().splitlines() or [type(e).__name__])[0]
        return Told(problems=[first if isinstance(e, PetadayError) else f"unexpected {type(e).__name__}: {first}"])


def _notify(home: Home, config: AlertConfig, instance: dg.DagsterInstance | None) -> Told:
    told = Told()
    if instance is None:
        with instance_of(home) as opened:
            failed = conditions.failed_steps(opened, config.ignored_sources)
    else:
        failed = conditions.failed_steps(instance, config.ignored_sources)
    with alert_state(home) as con:
        channels = channels_of(config)
        add = _Outbox(con, [c.name for c in channels], told)
        looks: list[Callable[[], None]] = [lambda: _look_for_wrong(con, config, failed, add)]
        if home.published_file.exists():
            looks += [lambda: _look_for_stale(con, config, add), lambda: _look_for_moves(con, config, add)]
        for look in looks:
            _try(con, look, told)
        for channel in channels:
            _send_waiting(con, channel, told)
        forget_old(con)
    return told


def _try(con: duckdb.DuckDBPyConnection, look: Callable[[], None], told: Told) -> None:
    """One check in its own transaction: its records and messages are committed together, and its failure stops no other check."""
    noticed = told.noticed_count
    try:
        with transaction(con):
            look()
    except (duckdb.Error, PetadayError) as e:
        told.noticed_count = noticed
        told.problems.append(str(e).strip().splitlines()[0])


def _look_for_wrong(
    con: duckdb.DuckDBPyConnection, config: AlertConfig, failed: conditions.Looked, add: _Outbox
) -> None:
    for kind in ("source_failing", "publication_failed"):
        wrong = [c for c in failed.conditions if c.kind == kind]
        _open_and_close(con, config, kind, wrong, failed.unknown_keys, add)


def _look_for_stale(con: duckdb.DuckDBPyConnection, config: AlertConfig, add: _Outbox) -> None:
    for kind, look in (("source_stale", conditions.stale_sources), ("source_unchanged", conditions.still_sources)):
        _open_and_close(con, config, kind, look(con, config.ignored_sources), frozenset(), add)


def _look_for_moves(con: duckdb.DuckDBPyConnection, config: AlertConfig, add: _Outbox) -> None:
    for kind, moved in (("price_moved", moved_prices), ("estimate_moved", moved_estimates)):
        if kind in config.kinds:
            for line in moved(con, config):
                add(kind, line)


def _open_and_close(
    con: duckdb.DuckDBPyConnection,
    config: AlertConfig,
    kind: str,
    wrong: Sequence[conditions.Condition],
    unknown_keys: frozenset[str],
    add: _Outbox,
) -> None:
    """Record new conditions of a kind and those that have ended; what cannot be judged stays as it is."""
    is_wanted = kind in config.kinds
    open_now = {
        key: (title, since)
        for key, title, since in con.execute(
            "SELECT alert_key, title, strftime(opened_at, '%Y-%m-%d %H:%M UTC') FROM alerts.main.open_alert WHERE kind = ?",
            [kind],
        ).fetchall()
    }
    for condition in wrong if is_wanted else ():
        if condition.alert_key not in open_now:
            con.execute(
                "INSERT INTO alerts.main.open_alert VALUES (?, ?, ?, now())",
                [condition.alert_key, kind, condition.title],
            ).fetchall()
            add(kind, condition.line)
    still = {c.alert_key for c in wrong} | unknown_keys
    for key, (title, since) in open_now.items():
        # A kind that was switched off is dropped without a message: it has not ended.
        if is_wanted and key in still:
            continue
        con.execute("DELETE FROM alerts.main.open_alert WHERE alert_key = ?", [key]).fetchall()
        if is_wanted:
            add(kind, f"recovered: {title} no longer (since {since})", is_recovery=True)


class _Outbox:
    """Records messages, each to be sent by every channel."""

    def __init__(self, con: duckdb.DuckDBPyConnection, channels: list[str], told: Told) -> None:
        self._con, self._channels, self._told = con, channels, told

    def __call__(self, kind: str, line: str, *, is_recovery: bool = False) -> None:
        message_id = uuid.uuid4().hex
        self._con.execute(
            "INSERT INTO alerts.main.message VALUES (?, ?, ?, ?, now())", [message_id, kind, is_recovery, line]
        ).fetchall()
        self._con.execute(
            "INSERT INTO alerts.main.delivery SELECT ?, unnest(?), 'waiting', NULL, now()", [message_id, self._channels]
        ).fetchall()
        self._told.noticed_count += 1


def _send_waiting(con: duckdb.DuckDBPyConnection, channel: Channel, told: Told) -> None:
    """Send everything that waits for a channel as one message."""
    rows = con.execute(
        "SELECT d.message_id, d.state, m.kind, m.is_recovery, m.line FROM alerts.main.delivery d JOIN alerts.main.message m USING (message_id) "
        "WHERE d.channel = ? AND d.state <> 'sent' ORDER BY m.noticed_at, m.is_recovery, m.kind, m.line",
        [channel.name],
    ).fetchall()
    if not rows:
        return
    ids = [row[0] for row in rows]
    # State 'sending': the process that sent it was killed, and whether it arrived is not known.
    lines = [f"(perhaps a repeat) {line}" if state == "sending" else line for _, state, _, _, line in rows]
    _mark(con, channel.name, ids, "sending")
    try:
        channel.send(_title(rows), _shortened(lines), ids[0])
    except PartlyRefusedError as e:
        told.problems.append(str(e))
        _mark(con, channel.name, ids, "sent", str(e))
    except DeliveryError as e:
        told.problems.append(f"{e}; {len(rows)} waiting, tried again at the next look")
        _mark(con, channel.name, ids, "waiting", str(e))
    else:
        told.sent_count += len(rows)
        _mark(con, channel.name, ids, "sent")


def _mark(
    con: duckdb.DuckDBPyConnection, channel: str, message_ids: list[str], state: str, error: str | None = None
) -> None:
    con.execute(
        "UPDATE alerts.main.delivery SET state = ?, last_error = ?, changed_at = now() WHERE channel = ? AND message_id IN (SELECT unnest(?))",
        [state, error, channel, message_ids],
    ).fetchall()


def _title(rows: list[tuple[str, str, str, bool, str]]) -> str:
    """The title: the only message, or the number of each kind."""
    names = {
        "source_stale": "stale",
        "source_unchanged": "standing still",
        "source_failing": "failing",
        "price_moved": "prices moved",
        "estimate_moved": "estimates moved",
        "publication_failed": "publication failed",
    }
    if len(rows) == 1:
        return f"Petaday: {rows[0][4].split(':')[0]}" if not rows[0][3] else f"Petaday: {rows[0][4]}"
    counts: dict[str, int] = {}
    for _, _, kind, is_recovery, _ in rows:
        word = "recovered" if is_recovery else names[kind]
        counts[word] = counts.get(word, 0) + 1
    return "Petaday: " + ", ".join(f"{count} {word}" for word, count in counts.items())


def _shortened(lines: list[str]) -> list[str]:
    """At most MAX_LINES lines; the rest is counted."""
    if len(lines) <= MAX_LINES:
        return lines
    return [*lines[:MAX_LINES], f"and {len(lines) - MAX_LINES} more: petaday alerts status"]


def send_test(home: Home, say: Callable[[str], None]) -> list[str]:
    """Send a test message through every channel; returns what went wrong.

    Raises:
        AlertConfigError: if the settings cannot be used.
    """
    problems = []
    for channel in channels_of(load_config(home)):
        try:
            channel.send("Petaday: a test", ["alerts of this Petaday arrive here"], uuid.uuid4().hex)
            say(f"{channel.name}: sent to {channel.target}")
        except DeliveryError as e:
            problems.append(str(e))
    return problems
