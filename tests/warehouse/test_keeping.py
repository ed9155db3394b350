"""What a home makes of answers that it takes: changes and confirmations in any order, refusals that cost nothing."""

from __future__ import annotations

import pytest

from assets import recording, recovery
from assets.catalog import catalog
from tests.warehouse.taking import HEADER, current, log_rows, offers, take
from warehouse.connection import write_session
from warehouse.home import Home


def test_loading_again_changes_nothing_and_unchanged_bytes_confirm(home: Home) -> None:
    take(home, offers({"a": 2.0, "b": 3.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    before = log_rows(home)
    assert take(home, offers({"a": 2.0, "b": 3.0}), "2026-01-01").outcome == "loaded"
    assert [r.outcome for r in recording.record_subject(home, "cloud_rate")] == ["known"]
    assert take(home, offers({"a": 2.0, "b": 3.0}), "2026-01-02").outcome == "unchanged"
    assert [r.appended_count for r in recording.record_subject(home, "cloud_rate")] == [0]
    assert log_rows(home) == before


def test_late_capture_lets_a_later_unchanged_one_speak(home: Home) -> None:
    """a, then the same bytes again, then a different capture from between: the view goes a, b, a."""
    for day in ("2026-01-01", "2026-01-03"):
        take(home, offers({"a": 2.0}), day)
        recording.record_subject(home, "cloud_rate")
    take(home, offers({"a": 9.0}), "2026-01-02")
    recording.record_subject(home, "cloud_rate")
    assert [row[:4] for row in current(home)] == [
        ("a", 2.0, "2026-01-01", "2026-01-02"),
        ("a", 2.0, "2026-01-03", None),
        ("a", 9.0, "2026-01-02", "2026-01-03"),
    ]


def test_an_old_answer_that_comes_again_after_another_is_news(home: Home) -> None:
    """a, then b that waits, then a again: found unchanged against the recorded a, yet b was said in between."""
    take(home, offers({"a": 2.0, "gone": 1.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    take(home, offers({"a": 3.0}), "2026-01-02")
    assert take(home, offers({"a": 2.0, "gone": 1.0}), "2026-01-03").outcome == "unchanged"
    assert [r.outcome for r in recording.record_subject(home, "cloud_rate")] == ["loaded", "loaded"]
    seen = [row[:4] for row in current(home)]
    assert [(row[0], row[1]) for row in seen if row[3] is None] == [("a", 2.0), ("gone", 1.0)]
    assert ("a", 3.0, "2026-01-02", "2026-01-03") in seen
    # From here on it is the last word again, and confirming it appends nothing.
    assert take(home, offers({"a": 2.0, "gone": 1.0}), "2026-01-04").outcome == "unchanged"
    assert [(r.outcome, r.appended_count) for r in recording.record_subject(home, "cloud_rate")] == [("unchanged", 0)]
    before = log_rows(home)
    recovery.rebuild_warehouse(home, lambda _: None)
    assert log_rows(home) == before


def test_a_kill_between_commit_and_note_does_not_hide_a_change(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit stands, what was last loaded was not noted: the answer before it, come again, is news all the same."""
    take(home, offers({"a": 2.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    take(home, offers({"a": 3.0}), "2026-01-02")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("warehouse.loading.remember_answers", killed)
        with pytest.raises(KeyboardInterrupt):
            recording.record_subject(home, "cloud_rate")
    taken = take(home, offers({"a": 2.0}), "2026-01-03")
    recording.record_subject(home, "cloud_rate")
    assert taken.outcome == "unchanged"
    assert [row[1] for row in current(home) if row[3] is None] == [2.0]
    # What was found committed is noted now.
    assert take(home, offers({"a": 3.0}), "2026-01-04").outcome == "loaded"


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("", "empty"),
        ("<html><body>Access denied</body></html>", "HTML"),
        (HEADER, "no row"),
        (offers({"a": 1.0}).replace("Price", "Cost", 1), "missing"),
        (b"PK\x03\x04truncated", "archive"),
        (offers({f"m{n}": -1.0 for n in range(10)} | {"ok": 2.0}), "refused"),
    ],
)
def test_a_bad_answer_is_kept_refused_and_costs_nothing(home: Home, body: str | bytes, word: str) -> None:
    """The capture stays, the outcome is rejected with a reason, the last good rows stay."""
    take(home, offers({"a": 2.0, "b": 3.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    before = current(home)
    taken = take(home, body, "2026-01-02")
    assert taken.outcome == "rejected"
    assert word.lower() in (taken.message or "").lower()
    recording.record_subject(home, "cloud_rate")
    assert current(home) == before
    with write_session(home, catalog()) as con:
        outcome, message = con.execute(
            "SELECT outcome, message FROM meta.capture ORDER BY load_number DESC LIMIT 1"
        ).fetchall()[0]
    assert outcome == "rejected"
    assert message


def test_far_fewer_rows_are_a_failed_capture_not_an_empty_market(home: Home) -> None:
    take(home, offers({f"m{n}": 2.0 for n in range(100)}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    taken = take(home, offers({f"m{n}": 2.0 for n in range(10)}), "2026-01-02")
    assert taken.outcome == "rejected"
    assert "10 rows, the last answer had 100" in (taken.message or "")


@pytest.mark.parametrize(
    ("price", "reason"), [("NaN", "is not a number"), ("0", "zero"), ("-2", "zero or negative"), ("1e7", "bounds")]
)
def test_bad_rows_are_kept_with_a_reason(home: Home, price: str, reason: str) -> None:
    body = offers({f"m{n}": 2.0 for n in range(20)}) + f"bad,H100,1,8,64,{price},r1,,\n"
    assert take(home, body, "2026-01-01").outcome == "loaded"
    recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        rows = con.execute("SELECT reason, row_json FROM meta.rejected_row").fetchall()
    assert len(rows) == 1
    assert reason in rows[0][0]
    assert "bad" in rows[0][1]


def test_two_rows_of_one_key_that_differ_are_both_refused(home: Home) -> None:
    body = offers({f"m{n}": 2.0 for n in range(20)}) + "m0,H100,1,8,64,5,r1,,\n"
    take(home, body, "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        assert con.execute("SELECT count(*) FROM meta.rejected_row WHERE reason LIKE '%same key%'").fetchall() == [(2,)]
    assert "m0" not in {row[0] for row in current(home)}


def test_an_older_file_is_migrated_and_keeps_its_rows(home: Home) -> None:
    """A work file that lacks a declared column and the current views gets them; its rows stay."""
    take(home, offers({"a": 2.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        con.execute("DROP VIEW observed.cloud_offer")
        con.execute("DROP VIEW observed.cloud_rate")
        con.execute("ALTER TABLE observed.cloud_rate_log DROP COLUMN vcpu_count")
        con.execute("UPDATE meta.definition SET fingerprint = 'of an older Petaday' WHERE name = 'catalog'")
    assert [row[:2] for row in current(home)] == [("a", 2.0)]
    with write_session(home, catalog()) as con:
        assert con.execute("SELECT vcpu_count FROM observed.cloud_rate").fetchall() == [(None,)]
