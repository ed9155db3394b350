"""A home with data, a webhook and a mail server on this machine, and settings that name both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from assets import recording
from assets.catalog import catalog
from assets.estimated.assets import compute
from pipelines.alerts.config import WEBHOOK_VARIABLE
from tests.replay import ReplayServer
from tests.replay.smtp import SmtpServer
from tests.warehouse.taking import offers, take
from warehouse.connection import write_session
from warehouse.home import Home
from warehouse.publish import publish

HOOK = "https://hooks.example.org/services/T0/B0/s3cret"


@dataclass
class Desk:
    """Where alerts arrive."""

    web: ReplayServer
    smtp: SmtpServer
    home: Home

    @property
    def posts(self) -> list[str]:
        """Texts that the webhook got."""
        return [json.loads(a.body)["text"] for a in self.web.asked if a.method == "POST"]

    @property
    def mails(self) -> list[str]:
        """Bodies that the mail server got."""
        return [r.message.get_content().replace("\r\n", "\n") for r in self.smtp.received]

    def configure(self, text: str = "", *, mail: bool = True) -> None:
        """Write the settings file."""
        mail_section = (
            f'[mail]\nserver = "127.0.0.1"\nport = {self.smtp.port}\nsecurity = "none"\n'
            'from = "petaday@example.org"\nto = ["ops@example.org", "me@example.org"]\n'
        )
        (self.home.root / "alerts.toml").write_text(
            f'[webhook]\nhosts = ["127.0.0.1"]\n{mail_section if mail else ""}{text}', encoding="utf-8"
        )


@pytest.fixture
def desk(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Both channels, configured."""
    web, smtp = ReplayServer(), SmtpServer()
    monkeypatch.setenv(WEBHOOK_VARIABLE, f"{web.origin}/hooks.example.org/services/T0/B0/s3cret")
    monkeypatch.delenv("PETADAY_ALERT_SMTP_PASSWORD", raising=False)
    made = Desk(web, smtp, home)
    web.add(HOOK, b"ok")
    made.configure()
    yield made
    web.close()
    smtp.close()


@pytest.fixture
def say(home: Home) -> Callable[..., None]:
    """Publish what a catalog of Lambda says at a time; estimates where they are asked for."""

    def say(prices: dict[str, float], at: str, accelerator: str = "H100", *, has_estimates: bool = False) -> None:
        take(home, offers(prices).replace(",H100,", f",{accelerator},"), at)
        recording.refresh_reference(home)
        recording.record_subject(home, "cloud_rate")
        if has_estimates:
            with write_session(home, catalog()) as con:
                compute(con)
        publish(home, catalog())

    return say
