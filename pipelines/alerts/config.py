"""Where alerts go and when: `alerts.toml` in the home folder, secrets from the environment only."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from warehouse.errors import PetadayError
from warehouse.home import Home

#: Another place for the settings than `alerts.toml` in the home folder.
FILE_VARIABLE = "PETADAY_ALERTS_FILE"
#: The whole address of the webhook. It is a secret: anyone who knows it can post.
WEBHOOK_VARIABLE = "PETADAY_ALERT_WEBHOOK_URL"
PASSWORD_VARIABLE = "PETADAY_ALERT_SMTP_PASSWORD"

KINDS = (
    "source_stale",
    "source_unchanged",
    "source_failing",
    "price_moved",
    "estimate_moved",
    "publication_failed",
)
#: Webhooks may go here; other hosts are named under `[webhook] hosts`.
WEBHOOK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
SECURITY = ("starttls", "tls", "none")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class AlertConfigError(PetadayError):
    """The settings of the alerts cannot be used; says which, what was given and what is allowed."""


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    """A webhook that takes Slack's JSON. The address does not show in `repr`."""

    url: str = field(repr=False)
    host: str = ""


@dataclass(frozen=True, slots=True)
class MailConfig:
    """A mail server and who writes to whom."""

    server: str
    port: int
    security: str
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AlertConfig:
    """All settings of the alerts."""

    webhook: WebhookConfig | None = None
    mail: MailConfig | None = None
    kinds: tuple[str, ...] = KINDS
    #: Moves of more than this are reported. Unit: percent.
    price_percent: float = 10.0
    estimate_percent: float = 10.0
    #: Only these accelerators (ids of reference.accelerator) and purchase options; empty: all.
    accelerators: tuple[str, ...] = ()
    purchase_options: tuple[str, ...] = ()
    ignored_sources: tuple[str, ...] = ()

    @property
    def has_channel(self) -> bool:
        """True if at least one channel is configured."""
        return self.webhook is not None or self.mail is not None


def config_file(home: Home) -> Path:
    """The settings file of a home; it need not exist."""
    named = os.environ.get(FILE_VARIABLE)
    return Path(named).expanduser() if named else home.root / "alerts.toml"


def is_loopback(host: str) -> bool:
    """True if the host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load_config(home: Home) -> AlertConfig:
    """Read and check the settings.

    Raises:
        AlertConfigError: if a setting is unknown, of the wrong kind or unsafe.
    """
    file = config_file(home)
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if os.environ.get(FILE_VARIABLE):
            raise AlertConfigError(f"{FILE_VARIABLE} names {file}, which does not exist") from None
        given = {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise AlertConfigError(f"{file}: not valid TOML: {e}") from None
    except OSError as e:
        raise AlertConfigError(f"{file}: cannot be read: {e.strerror}") from None
    read = _Reader(file, given)
    read.only("", given, ("webhook", "mail", "when"))
    when = read.table("when")
    read.only(
        "when",
        when,
        (
            "kinds",
            "price_moved_percent",
            "estimate_moved_percent",
            "accelerators",
            "purchase_options",
            "ignore_sources",
        ),
    )
    return AlertConfig(
        webhook=_webhook(read),
        mail=_mail(read),
        kinds=read.words("when", when, "kinds", KINDS, allowed=KINDS),
        price_percent=read.percent(when, "price_moved_percent"),
        estimate_percent=read.percent(when, "estimate_moved_percent"),
        accelerators=read.words("when", when, "accelerators"),
        purchase_options=read.words("when", when, "purchase_options"),
        ignored_sources=read.words("when", when, "ignore_sources"),
    )


def _webhook(read: _Reader) -> WebhookConfig | None:
    table = read.table("webhook")
    if "url" in table:
        raise AlertConfigError(f"{read.file}: [webhook] url is a secret: put it into {WEBHOOK_VARIABLE} instead")
    read.only("webhook", table, ("hosts",))
    hosts = (*WEBHOOK_HOSTS, *read.words("webhook", table, "hosts"))
    url = os.environ.get(WEBHOOK_VARIABLE, "").strip()
    if not url:
        return None
    # Never show the address: it is the secret.
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise AlertConfigError(f"{WEBHOOK_VARIABLE}: not a plain address")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise AlertConfigError(f"{WEBHOOK_VARIABLE}: not a plain address") from None
    if "@" in parts.netloc:
        raise AlertConfigError(f"{WEBHOOK_VARIABLE}: an address with a user name is not allowed")
    if host not in hosts:
        raise AlertConfigError(
            f"{WEBHOOK_VARIABLE}: host {host or '(none)'} is not allowed; allowed are {', '.join(hosts)}; "
            f'add it to {read.file}: [webhook] hosts = ["{host}"]'
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise AlertConfigError(f"{WEBHOOK_VARIABLE}: must be https, got {parts.scheme or 'no scheme'}")
    return WebhookConfig(url, host)


def _mail(read: _Reader) -> MailConfig | None:
    table = read.table("mail")
    if not table:
        return None
    if "password" in table:
        raise AlertConfigError(f"{read.file}: [mail] password is a secret: put it into {PASSWORD_VARIABLE} instead")
    read.only("mail", table, ("server", "port", "security", "from", "to", "user"))
    security = read.text("mail", table, "security", "starttls")
    if security not in SECURITY:
        raise AlertConfigError(f"{read.file}: [mail] security is {security!r}: allowed are {', '.join(SECURITY)}")
    server, user = read.text("mail", table, "server"), read.text("mail", table, "user", "")
    password = os.environ.get(PASSWORD_VARIABLE, "")
    if user and not password:
        raise AlertConfigError(f"{read.file}: [mail] user is {user!r}, but {PASSWORD_VARIABLE} is not set")
    if user and security == "none" and not is_loopback(server):
        raise AlertConfigError(f'{read.file}: [mail] security = "none" would send the password in the clear')
    port = table.get("port", _PORTS[security])
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65535:
        raise AlertConfigError(f"{read.file}: [mail] port is {port!r}: a whole number from 1 to 65535 is allowed")
    recipients = read.words("mail", table, "to")
    if not recipients:
        raise AlertConfigError(f"{read.file}: [mail] to is missing: name at least one address")
    sender = read.text("mail", table, "from")
    for name, address in (("from", sender), *(("to", r) for r in recipients)):
        if "@" not in address or not address.isprintable() or any(c in address for c in " ,;<>"):
            raise AlertConfigError(f"{read.file}: [mail] {name} is {address!r}: one plain address is allowed")
    return MailConfig(server, port, security, sender, recipients, user, password)


class _Reader:
    """Reads and checks settings of a parsed file; each error is one line."""

    def __init__(self, file: Path, given: Mapping[str, Any]) -> None:
        self.file, self._given = file, given

    def _refuse(self, section: str, name: str, value: object, allowed: str) -> AlertConfigError:
        return AlertConfigError(f"{self.file}: [{section}] {name} is {value!r}: {allowed}")

    def only(self, section: str, table: Mapping[str, Any], names: tuple[str, ...]) -> None:
        """Refuse unknown settings: a misspelt one would have no effect."""
        for name in table:
            if name not in names:
                where = f"[{section}] {name}" if section else f"[{name}]"
                raise AlertConfigError(f"{self.file}: {where} is not a setting; allowed are {', '.join(names)}")

    def table(self, section: str) -> Mapping[str, Any]:
        """A section, or nothing."""
        table = self._given.get(section, {})
        if not isinstance(table, dict):
            raise AlertConfigError(f"{self.file}: {section} must be a section: [{section}]")
        return table

    def text(self, section: str, table: Mapping[str, Any], name: str, default: str | None = None) -> str:
        """A text; needed unless it has a default."""
        value = table.get(name, default)
        if value is None:
            raise AlertConfigError(f"{self.file}: [{section}] {name} is missing")
        if not isinstance(value, str) or (not value and default is None):
            raise self._refuse(section, name, value, "a text is allowed")
        return value

    def words(
        self,
        section: str,
        table: Mapping[str, Any],
        name: str,
        default: tuple[str, ...] = (),
        allowed: tuple[str, ...] | None = None,
    ) -> tuple[str, ...]:
        """A list of texts."""
        value = table.get(name, list(default))
        if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
            raise self._refuse(section, name, value, "a list of texts is allowed")
        for word in value:
            if allowed and word not in allowed:
                raise self._refuse(section, name, word, f"allowed are {', '.join(allowed)}")
        return tuple(value)

    def percent(self, table: Mapping[str, Any], name: str) -> float:
        """A number above 0."""
        value = table.get(name, 10.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise self._refuse("when", name, value, "a number above 0 is allowed")
        return float(value)
