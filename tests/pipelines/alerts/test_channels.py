"""Delivery to local servers: what arrives, and one line without secrets when it does not."""

from __future__ import annotations

import base64

import pytest

from pipelines.alerts.channels import DeliveryError, Mail, PartlyRefusedError, Webhook
from pipelines.alerts.config import MailConfig, WebhookConfig
from tests.pipelines.alerts.conftest import HOOK, Desk


def mail_of(desk: Desk, **changed: object) -> Mail:
    given = {"security": "none", "sender": "p@example.org", "recipients": ("a@example.org", "b@example.org")}
    return Mail(MailConfig("127.0.0.1", desk.smtp.port, **(given | changed)))  # type: ignore[arg-type]


def hook_of(desk: Desk) -> Webhook:
    return Webhook(WebhookConfig(f"{desk.web.origin}/hooks.example.org/services/T0/B0/s3cret", "127.0.0.1"))


def test_a_post_is_slack_json_in_which_nothing_is_a_mention(desk: Desk) -> None:
    hook_of(desk).send("Petaday: a & b", ["<!channel> moved", "second"], "1")
    (asked,) = desk.web.asked
    assert asked.headers["Content-Type"] == "application/json"
    assert desk.posts == ["*Petaday: a &amp; b*\n• &lt;!channel&gt; moved\n• second"]


def test_a_long_post_is_cut_at_a_line(desk: Desk) -> None:
    hook_of(desk).send("t", [f"line {n} " + "x" * 300 for n in range(40)], "1")
    assert len(desk.posts[0]) <= 3_900
    assert desk.posts[0].endswith("x\n…")


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500])
def test_a_refused_post_is_said_without_the_address(desk: Desk, status: int) -> None:
    desk.web.answers.clear()
    desk.web.add(HOOK, b"no", status, headers={"Location": f"{desk.web.origin}/elsewhere"})
    with pytest.raises(DeliveryError, match=f"answered {status}") as e:
        hook_of(desk).send("t", ["x"], "1")
    assert "s3cret" not in str(e.value)
    assert len(desk.web.asked) == 1  # no redirect was followed


def test_an_unreachable_webhook_is_said_without_the_address(desk: Desk) -> None:
    desk.web.close()
    with pytest.raises(DeliveryError) as e:
        hook_of(desk).send("t", ["x"], "1")
    assert "s3cret" not in str(e.value)
    assert "ConnectionError" in str(e.value)


def test_a_mail_goes_to_everybody_once(desk: Desk) -> None:
    mail_of(desk).send("Petaday: price\nmoved", ["übergroße Änderung", ". dot"], "abc")
    (got,) = desk.smtp.received
    assert got.recipients == ("a@example.org", "b@example.org")
    assert got.message["Subject"] == "Petaday: price moved"
    assert got.message["Message-ID"] == "<abc@example.org>"
    assert got.message["Auto-Submitted"] == "auto-generated"
    assert "- übergroße Änderung\n- . dot" in desk.mails[0]


def test_no_mail_without_tls_where_tls_is_asked_for(desk: Desk) -> None:
    with pytest.raises(DeliveryError, match="STARTTLS"):
        mail_of(desk, security="starttls").send("t", ["x"], "1")
    with pytest.raises(DeliveryError):
        mail_of(desk, security="tls").send("t", ["x"], "1")
    assert not desk.smtp.received


def test_login_and_its_failure(desk: Desk) -> None:
    desk.smtp.auth = base64.b64encode(b"\0me\0pw").decode()
    mail_of(desk, user="me", password="pw").send("t", ["x"], "1")
    assert desk.smtp.was_authenticated
    with pytest.raises(DeliveryError, match="SMTPAuthenticationError: 535") as e:
        mail_of(desk, user="me", password="wr0ng").send("t", ["x"], "1")
    assert "wr0ng" not in str(e.value)


def test_one_refused_recipient_does_not_stop_the_other(desk: Desk) -> None:
    desk.smtp.refused = {"a@example.org"}
    with pytest.raises(PartlyRefusedError, match="refused a@example.org"):
        mail_of(desk).send("t", ["x"], "1")
    assert desk.smtp.received[0].recipients == ("b@example.org",)
    desk.smtp.refused.add("b@example.org")
    with pytest.raises(DeliveryError, match="SMTPRecipientsRefused") as e:
        mail_of(desk).send("t", ["x"], "1")
    assert not isinstance(e.value, PartlyRefusedError)


def test_a_full_server_is_said(desk: Desk) -> None:
    desk.smtp.is_full = True
    with pytest.raises(DeliveryError, match="451"):
        mail_of(desk).send("t", ["x"], "1")
