"""`petaday alerts`: test the channels, check now, list open conditions and messages."""

from __future__ import annotations

import click
from rich.table import Table

from pipelines.alerts.config import PASSWORD_VARIABLE, WEBHOOK_VARIABLE, AlertConfig, config_file, load_config
from pipelines.console import err, out
from warehouse.errors import PetadayError
from warehouse.home import Home


@click.group()
def alerts() -> None:
    """Alerts by webhook and e-mail; settings in alerts.toml of the home folder, see docs/alerts.md."""


def _configured(home: Home) -> AlertConfig:
    config = load_config(home)
    if not config.has_channel:
        raise PetadayError(
            f"no channel is configured: set {WEBHOOK_VARIABLE}, or write a [mail] section into {config_file(home)} "
            f"(password in {PASSWORD_VARIABLE}); docs/alerts.md shows both"
        )
    return config


@alerts.command()
def test() -> int:
    """Send a test message through every channel."""
    from pipelines.alerts.notify import send_test

    home = Home.from_environment()
    _configured(home)
    problems = send_test(home, out.print)
    for problem in problems:
        err.print(f"petaday: {problem}")
    return 1 if problems else 0


@alerts.command()
def check() -> int:
    """Check now, and report what is new or has ended; for cron, where no daemon runs."""
    from pipelines.alerts.notify import notify

    home = Home.from_environment()
    _configured(home)
    told = notify(home)
    for problem in told.problems:
        err.print(f"petaday: alerts: {problem}")
    out.print(f"{told.noticed_count} noticed, {told.sent_count} sent")
    return 1 if told.problems else 0


@alerts.command()
def status() -> int:
    """Open conditions, and the messages of the last days with their delivery."""
    from pipelines.alerts.state import alert_state

    home = Home.from_environment()
    if not (home.root / "alerts" / "state.duckdb").exists():
        out.print("nothing was checked yet: `petaday alerts check` checks now")
        return 0
    with alert_state(home, with_published=False) as con:
        still = con.execute(
            "SELECT strftime(opened_at, '%Y-%m-%d %H:%M'), kind, title FROM alerts.main.open_alert ORDER BY opened_at, title"
        ).fetchall()
        sent = con.execute(
            "SELECT strftime(m.noticed_at, '%Y-%m-%d %H:%M'), string_agg(d.channel || ': ' || d.state || coalesce(' (' || d.last_error || ')', ''), '; ' "
            "ORDER BY d.channel), m.line FROM alerts.main.message m JOIN alerts.main.delivery d USING (message_id) GROUP BY m.message_id, m.noticed_at, m.line "
            "ORDER BY m.noticed_at DESC, m.line LIMIT 100"
        ).fetchall()
    for title, columns, rows in (
        ("Open", ("since (UTC)", "kind", "what"), still),
        ("Messages", ("noticed (UTC)", "delivery", "line"), sent),
    ):
        table = Table(*columns, title=title, title_justify="left")
        for row in rows:
            table.add_row(*row)
        out.print(table)
    return 0


def tell(home: Home) -> None:
    """After a command: check and send; problems are printed and change no exit code."""
    from pipelines.alerts.notify import notify

    for problem in notify(home).problems:
        err.print(f"petaday: alerts: {problem}")
