"""Channels that messages are sent over: a webhook with Slack's JSON, and e-mail over SMTP."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from typing import Protocol

import requests

from pipelines.alerts.config import AlertConfig, MailConfig, WebhookConfig
from warehouse.errors import PetadayError

TIMEOUT_S = 10.0
#: Slack cuts a message that is longer. Unit: characters.
MAX_WEBHOOK_TEXT = 3_900


class DeliveryError(PetadayError):
    """A channel did not accept a message; names the channel and the reason, without the secret address."""


class Channel(Protocol):
    """A way to send messages."""

    @property
    def name(self) -> str:
        """Short name, under which deliveries are recorded."""
        ...

    @property
    def target(self) -> str:
        """Where messages go, in words; without secrets."""
        ...

    def send(self, title: str, lines: list[str], message_id: str) -> None:
        """Deliver, or raise `DeliveryError`."""
        ...


class Webhook:
    """Posts `{"text": ...}`, which Slack and what is compatible with it show as a message."""

    name = "webhook"

    def __init__(self, config: WebhookConfig) -> None:
        """Posts go to the address in `config`."""
        self._config = config
        self.target = config.host

    def send(self, title: str, lines: list[str], message_id: str) -> None:
        """Post one message; redirects are not followed.

        Raises:
            DeliveryError: if the host cannot be reached or answers anything but 2xx.
        """
        text = "\n".join([f"*{_slack(title)}*", *(f"• {_slack(line)}" for line in lines)])
        if len(text) > MAX_WEBHOOK_TEXT:
            text = text[: MAX_WEBHOOK_TEXT - 2].rsplit("\n", 1)[0] + "\n…"
        try:
            # A session of its own that ignores proxies' and netrc's credentials of the environment.
            with requests.Session() as session:
                session.trust_env = False
                answer = session.post(
                    self._config.url, json={"text": text}, timeout=TIMEOUT_S, allow_redirects=False, stream=True
                )
                status = answer.status_code
                answer.close()
        except (requests.RequestException, ValueError) as e:
            # The text of the error holds the address.
            raise DeliveryError(f"webhook at {self.target}: {type(e).__name__}") from None
        if not 200 <= status < 300:
            raise DeliveryError(f"webhook at {self.target}: answered {status}")


def _slack(text: str) -> str:
    """Text in which nothing is a link, a mention or a channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Mail:
    """Sends one plain-text mail to all recipients."""

    name = "mail"

    def __init__(self, config: MailConfig) -> None:
        """Mails go over the server in `config`."""
        self._config = config
        self.target = ", ".join(config.recipients)

    def _written(self, title: str, lines: list[str], message_id: str) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = " ".join(title.split())[:200]
        mail["From"] = self._config.sender
        mail["To"] = ", ".join(self._config.recipients)
        mail["Date"] = formatdate(localtime=False)
        # The same for a repeat, so that a mail program shows it once.
        mail["Message-ID"] = f"<{message_id}@{self._config.sender.rsplit('@', 1)[1]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content("\n".join([title, "", *(f"- {line}" for line in lines), ""]))
        return mail

    def send(self, title: str, lines: list[str], message_id: str) -> None:
        """Send one mail.

        Raises:
            DeliveryError: if the server cannot be reached, offers no TLS where it is asked for, or refuses anybody.
        """
        config = self._config
        where = f"mail server {config.server}:{config.port}"
        try:
            context = ssl.create_default_context()
            if config.security == "tls":
                server: smtplib.SMTP = smtplib.SMTP_SSL(config.server, config.port, timeout=TIMEOUT_S, context=context)
            else:
                server = smtplib.SMTP(config.server, config.port, timeout=TIMEOUT_S)
            with server:
                if config.security == "starttls":
                    server.starttls(context=context)
                if config.user:
                    server.login(config.user, config.password)
                refused = server.send_message(self._written(title, lines, message_id))
        except (smtplib.SMTPException, OSError, ValueError) as e:
            detail = f"{e.smtp_code}" if isinstance(e, smtplib.SMTPResponseException) else str(e).split("\n")[0]
            raise DeliveryError(f"{where}: {type(e).__name__}: {detail}") from None
        if refused:
            # The others have it: sending it again would reach them twice.
            raise PartlyRefusedError(f"{where}: refused {', '.join(refused)}")


class PartlyRefusedError(DeliveryError):
    """Some recipients have the mail, some were refused; it is not sent again."""


def channels_of(config: AlertConfig) -> list[Channel]:
    """Every channel that is configured."""
    found: list[Channel] = []
    if config.webhook:
        found.append(Webhook(config.webhook))
    if config.mail:
        found.append(Mail(config.mail))
    return found
