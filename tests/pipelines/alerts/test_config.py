"""Settings of the alerts: every bad one is one clear line, secrets stay in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.alerts.config import AlertConfigError, load_config
from warehouse.home import Home

MAIL = '[mail]\nserver = "mail.example.org"\nfrom = "a@example.org"\nto = ["b@example.org"]\n'


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PETADAY_ALERT_WEBHOOK_URL", "PETADAY_ALERT_SMTP_PASSWORD", "PETADAY_ALERTS_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_without_settings_there_is_no_channel(home: Home) -> None:
    assert not load_config(home).has_channel


def test_a_slack_address_in_the_environment_is_enough(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETADAY_ALERT_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/x")
    config = load_config(home)
    assert config.webhook is not None
    assert config.webhook.host == "hooks.slack.com"
    assert "services" not in repr(config)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/services",
        "http://hooks.slack.com/services",
        "https://hooks.slack.com@evil.example/x",
        "https://user:pw@hooks.slack.com/x",
        "https://hooks.slack.com\\@evil.example/",
        "https://hooks.slack.com.evil.example/",
        "file:///etc/passwd",
        "https://hooks.slack.com:abc/",
        "https://[::1",
        "http://169.254.169.254/latest/meta-data",
        "nonsense",
    ],
)
def test_a_webhook_goes_only_to_named_hosts_by_https(home: Home, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PETADAY_ALERT_WEBHOOK_URL", url)
    with pytest.raises(AlertConfigError, match="PETADAY_ALERT_WEBHOOK_URL") as e:
        load_config(home)
    assert "\n" not in str(e.value)
    assert "pw" not in str(e.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[webhook", "not valid TOML"),
        ("[slack]\nx = 1", r"\[slack\] is not a setting; allowed are webhook, mail, when"),
        ("[when]\nprice_percent = 5", r"\[when\] price_percent is not a setting"),
        ('[when]\nprice_moved_percent = "5"', "a number above 0 is allowed"),
        ("[when]\nprice_moved_percent = -1", "a number above 0"),
        ("[when]\nprice_moved_percent = nan", "a number above 0"),
        ("[when]\nprice_moved_percent = true", "a number above 0"),
        ('[when]\nkinds = ["stale"]', "allowed are source_stale"),
        ('[when]\nkinds = "source_stale"', "a list of texts"),
        ("when = 1", "must be a section"),
        ('[webhook]\nurl = "https://hooks.slack.com/x"', "is a secret"),
        ('[mail]\nserver = "m"\nfrom = "a@b"\n', r"\[mail\] to is missing"),
        (MAIL + 'password = "x"', "is a secret"),
        (MAIL + "port = 99999", "from 1 to 65535"),
        (MAIL + 'security = "ssl"', "allowed are starttls, tls, none"),
        (MAIL + 'user = "me"', "PETADAY_ALERT_SMTP_PASSWORD is not set"),
        (MAIL.replace('"a@example.org"', '"a@example.org\\nBcc: x@y.z"'), "one plain address"),
        (MAIL.replace('"b@example.org"', '"b@example.org, c@example.org"'), "one plain address"),
    ],
)
def test_a_bad_setting_is_named_with_what_is_allowed(home: Home, text: str, words: str) -> None:
    (home.root / "alerts.toml").write_text(text)
    with pytest.raises(AlertConfigError, match=words) as e:
        load_config(home)
    assert "\n" not in str(e.value).strip()


def test_a_password_never_goes_in_the_clear(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETADAY_ALERT_SMTP_PASSWORD", "pw")
    (home.root / "alerts.toml").write_text(MAIL + 'user = "me"\nsecurity = "none"')
    with pytest.raises(AlertConfigError, match="in the clear"):
        load_config(home)


def test_a_named_file_must_exist(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PETADAY_ALERTS_FILE", str(tmp_path / "none.toml"))
    with pytest.raises(AlertConfigError, match="does not exist"):
        load_config(home)
    (tmp_path / "none.toml").write_text(MAIL)
    mail = load_config(home).mail
    assert mail is not None
    assert (mail.port, mail.security) == (587, "starttls")
