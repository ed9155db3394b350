"""Sources that answer and say nothing new: which are told, when, and which may stand still."""

from __future__ import annotations

import datetime as dt

import pytest

from assets import recording
from assets.catalog import catalog
from assets.observed.checks import run_checks
from assets.sources import all_sources
from assets.subjects import subject_named
from pipelines.ask_commands import status
from tests.warehouse.taking import offers, take
from warehouse.connection import write_session
from warehouse.home import Home
from warehouse.publish import publish

#: Read by schedule, and no limit: yearly factors, typed grids of regions, one machine's price, a list that is hardly kept up.
MAY_STAND_STILL = {
    "aws_p5_series",
    "azure_region_geo",
    "ccf_region",
    "codecarbon_region",
    "fsdl",
    "mlco2_region",
}
NOW = dt.datetime.now(dt.UTC)


def day(days_ago: float) -> str:
    return f"{NOW - dt.timedelta(days=days_ago):%Y-%m-%dT%H:%M:%S}"


def recorded(home: Home) -> None:
    recording.refresh_reference(home)
    recording.record_subject(home, "cloud_rate")


def check(home: Home) -> tuple[bool, str | None]:
    """Result of the check `sources_change` of cloud rates."""
    with write_session(home, catalog()) as con:
        (found,) = [r for r in run_checks(con, subject_named("cloud_rate")) if r.check_name == "sources_change"]
    return found.passed, found.description


def test_every_source_on_a_schedule_says_within_how_many_days_it_changes() -> None:
    scheduled = {s.source_id for s in all_sources().values() if s.cadence and not s.is_bundled}
    limited = {s.source_id for s in all_sources().values() if s.changes_within_days}
    assert limited.isdisjoint(MAY_STAND_STILL)
    assert limited | MAY_STAND_STILL == scheduled
    for source in all_sources().values():
        if source.changes_within_days:
            # Yearly figures are given time for a year and a late release.
            assert source.changes_within_days >= (400 if source.source_id in ("owid", "ember") else 2)


@pytest.mark.parametrize(("days_ago", "passes"), [((20, 13, 6.1), True), ((20, 13, 5.9), False), ((20, 1), False)])
def test_the_check_counts_the_days_that_were_read(days_ago: tuple[float, ...], passes: bool, home: Home) -> None:
    """14 days are allowed; what nobody read since is not counted, it is stale."""
    for days in days_ago:
        take(home, offers({"a": 3.0, "b": 4.0}), day(days))
    recorded(home)
    passed, told = check(home)
    assert passed is passes
    if not passes:
        assert told is not None
        assert "sources that stand still: skypilot: nothing new for" in told
        assert "expected within 14" in told


def test_an_old_catalog_loaded_late_is_nothing_new(home: Home) -> None:
    """It appends rows, of a time before the last change."""
    take(home, offers({"a": 3.0}), day(30))
    take(home, offers({"a": 3.0}), day(1))
    recorded(home)
    take(home, offers({"a": 2.0}), day(40))
    recorded(home)
    assert not check(home)[0]
    take(home, offers({"a": 3.5}), day(0.5))
    recorded(home)
    assert check(home)[0]


def test_status_says_what_stands_still_and_since_when(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PETADAY_HOME", str(home.root))
    monkeypatch.setenv("COLUMNS", "250")
    take(home, offers({"a": 3.0}), day(40))
    take(home, offers({"a": 3.0}), day(1))
    recorded(home)
    publish(home, catalog())
    status.callback()
    (line,) = [line for line in capsys.readouterr().out.splitlines() if " skypilot " in line]
    cells = [cell.strip() for cell in line.split("│")]
    assert cells[4:7] == ["1 d", "40 d", "fresh; STANDS STILL: nothing new for 39 d, expected within 14 d"]
