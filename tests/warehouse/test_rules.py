"""A warehouse that earlier rules or parsers made says that a rebuild is due, until one was made."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from assets import recording, recovery
from assets.catalog import catalog
from assets.sources import all_sources
from pipelines.executing import report_due_rebuild
from pipelines.keep_commands import check
from tests.warehouse.taking import log_rows, offers, take
from warehouse.connection import write_session
from warehouse.home import HOME_VARIABLE, Home
from warehouse.publish import publish
from warehouse.rules import RULES_VERSION


def told(home: Home) -> list[str]:
    """What `petaday check` says of it; it is no problem of the home."""
    lines: list[str] = []
    assert recovery.verify(home, lines.append) == []
    return [line for line in lines if "rebuild is due" in line]


@pytest.fixture
def filled(home: Home) -> Home:
    """Two loads, as of today's version, and a publication."""
    for day in (1, 2):
        take(home, offers({"a": float(day)}), f"2026-01-0{day}")
        recording.record_subject(home, "cloud_rate")
    publish(home, catalog())
    return home


def altered(home: Home, sql: str) -> None:
    """The home as an earlier version left it."""
    with write_session(home, catalog()) as con:
        con.execute(sql).fetchall()
    publish(home, catalog())


def test_a_home_of_today_is_told_nothing(filled: Home, capsys: pytest.CaptureFixture[str]) -> None:
    report_due_rebuild(filled)
    assert (told(filled), capsys.readouterr().err) == ([], "")


def test_an_empty_home_is_told_nothing(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    report_due_rebuild(home)
    assert capsys.readouterr().err == ""


def test_earlier_rules_are_told_until_a_rebuild(filled: Home, capsys: pytest.CaptureFixture[str]) -> None:
    altered(filled, "DELETE FROM meta.definition WHERE name = 'recording_rules'")
    # What comes in later does not make what was there before younger.
    take(filled, offers({"a": 3.0}), "2026-01-03")
    recording.record_subject(filled, "cloud_rate")
    (line,) = told(filled)
    assert f"rules 1, now they are {RULES_VERSION}" in line and "petaday rebuild" in line
    publish(filled, catalog())
    report_due_rebuild(filled)
    assert " ".join(capsys.readouterr().err.split()) == line
    before = log_rows(filled)
    recovery.rebuild_warehouse(filled, lambda _: None)
    publish(filled, catalog())
    assert (told(filled), log_rows(filled)) == ([], before)


def test_check_does_not_call_all_good_what_is_due(filled: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(filled.root))
    assert CliRunner().invoke(check).output.endswith("all good\n")
    altered(filled, "DELETE FROM meta.definition WHERE name = 'recording_rules'")
    result = CliRunner().invoke(check)
    assert result.exit_code == 0
    assert "a rebuild is due (`petaday rebuild`)" in result.output
    assert result.output.endswith("nothing is damaged; a rebuild is due, see above\n")


def test_batches_of_an_earlier_parser_are_told_by_source(filled: Home) -> None:
    version = all_sources()["skypilot"].parser_version
    altered(filled, f"UPDATE meta.capture SET parser_version = {version - 1} WHERE load_number = 1")
    (line,) = told(filled)
    assert line.endswith("read by an earlier parser of their source: skypilot 1")
    recovery.rebuild_warehouse(filled, lambda _: None)
    publish(filled, catalog())
    assert told(filled) == []
