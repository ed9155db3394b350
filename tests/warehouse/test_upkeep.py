"""Retention: what is old goes, what may still be needed stays."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import time
from pathlib import Path

import dagster as dg
import pytest

from assets import recording
from assets.catalog import catalog
from pipelines.definitions import build_defs
from pipelines.instance import instance
from pipelines.upkeep import forget_old_evaluations, forget_old_runs
from tests.warehouse.taking import offers, take
from warehouse.errors import PetadayError
from warehouse.home import Home
from warehouse.publish import publish
from warehouse.settings import setting
from warehouse.upkeep import sweep


def aged(path: Path, days: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 100)
    os.utime(path, (time.time() - days * 86_400,) * 2)
    return path


def test_leftovers_older_than_a_day_go_and_captures_stay(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(1, 5):
        take(home, offers({"a": float(day)}), f"2026-01-0{day}")
        recording.record_subject(home, "cloud_rate")
        publish(home, catalog())
    captures = sorted(home.captures_dir.rglob("*.zst"))
    old = [
        aged(home.spool_dir / "tmpold.json", 2),
        aged(home.captures_dir / "skypilot" / "2026" / "01" / ".tmp-old", 2),
        aged(home.staged_dir / ".tmp-old" / "0.arrow", 2),
    ]
    os.utime(home.staged_dir / ".tmp-old", (time.time() - 2 * 86_400,) * 2)
    young = aged(home.spool_dir / "tmpyoung.json", 0.5)
    replaced = [aged(home.root / "work" / f"warehouse-2026010{n}T000000.duckdb", 3) for n in (1, 2)]
    logs = [aged(path.with_name(path.name + ".wal"), 3) for path in replaced]
    monkeypatch.setenv("PETADAY_KEEP_PUBLICATIONS", "1")
    swept = sweep(home)
    assert not [p for p in old if p.exists()]
    assert young.exists()
    assert [p.exists() for p in (*replaced, *logs)] == [False, True] * 2
    assert [p.name for p in home.publications_dir.glob("*")] == ["petaday-00000003.duckdb"]
    assert sorted(home.captures_dir.rglob("*.zst")) == captures
    assert home.published_file.exists()
    assert swept.file_count == 7
    assert sweep(home).file_count == 0


def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETADAY_KEEP_RUN_DAYS", "-3")
    with pytest.raises(PetadayError, match="PETADAY_KEEP_RUN_DAYS is '-3': a whole number"):
        setting("PETADAY_KEEP_RUN_DAYS", 60)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_old_runs_go_but_the_last_word_on_an_asset_stays(home: Home) -> None:
    @dg.asset
    def thing() -> None:
        """Something."""

    with instance(home) as of:
        runs = [dg.materialize([thing], instance=of).run_id for _ in range(3)]
        assert forget_old_runs(home) == 0
    assert forget_old_runs(home, dt.datetime.now(dt.UTC) + dt.timedelta(days=15)) == 2
    with instance(home) as of:
        assert [r.run_id for r in of.get_runs()] == [runs[-1]]
        assert of.fetch_materializations(dg.AssetKey("thing"), limit=1).records
    assert not [p for p in home.dagster_dir.rglob("*") if runs[0] in p.name]


def rows_of(home: Home, database: str) -> dict[str, int]:
    """Rows by table of one of Dagster's databases."""
    with sqlite3.connect(home.dagster_dir / database) as con:
        names = [name for (name,) in con.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: con.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_year_of_runs_leaves_no_more_behind_than_a_fortnight(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each simulated fortnight makes the same runs, then upkeep: no table of Dagster has more rows after the 26th than after the 2nd.

    What checks had found was kept for ever: some 150 kB for each full run.
    """

    @dg.asset(check_specs=[dg.AssetCheckSpec("fine", asset="thing")])
    def thing() -> dg.MaterializeResult:
        """Something."""
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="fine", passed=True)])

    counts = []
    for fortnight in range(1, 5 if os.environ.get("PETADAY_NIGHTLY") != "1" else 27):
        with instance(home) as of:
            for _ in range(3):
                assert dg.materialize([thing], instance=of).success
        # All that was made is older than the setting but for what the last fortnight made.
        forget_old_runs(home, dt.datetime.now(dt.UTC) + dt.timedelta(days=15))
        found = {
            f"{d}.{t}": n for d in ("history/runs.db", "history/runs/index.db") for t, n in rows_of(home, d).items()
        }
        counts.append(found | {"files": sum(1 for p in home.dagster_dir.rglob("*") if p.is_file())})
        assert found["history/runs/index.db.asset_check_executions"] == 1, fortnight
    grown = {name: (before, counts[-1][name]) for name, before in counts[1].items() if counts[-1][name] > before}
    assert not grown
    with instance(home) as of:
        (record,) = of.fetch_materializations(dg.AssetKey("thing"), limit=10).records
        assert record.run_id == next(r.run_id for r in of.get_runs())


def evaluations(home: Home) -> list[str]:
    with sqlite3.connect(home.dagster_dir / "schedules" / "schedules.db") as con:
        return [row[0] for row in con.execute("SELECT asset_key FROM asset_daemon_asset_evaluations ORDER BY 1")]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_evaluations_of_the_automation_are_kept_for_two_days(home: Home) -> None:
    with instance(home):
        pass
    with sqlite3.connect(home.dagster_dir / "schedules" / "schedules.db") as con:
        for name, days in (("old", 3), ("young", 1)):
            at = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
            con.execute(
                "INSERT INTO asset_daemon_asset_evaluations (evaluation_id, asset_key, asset_evaluation_body, create_timestamp) "
                "VALUES (1, ?, 'x', ?)",
                [name, f"{at:%Y-%m-%d %H:%M:%S.%f}"],
            )
    forget_old_evaluations(home)
    assert evaluations(home) == ["young"]
    forget_old_evaluations(home, dt.datetime.now(dt.UTC) + dt.timedelta(days=3))
    assert evaluations(home) == []


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_where_a_daemon_runs_upkeep_runs_by_itself(home: Home) -> None:
    defs = build_defs()
    (schedule,) = [s for s in defs.schedules or [] if s.name == "upkeep_schedule"]
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    old = aged(home.spool_dir / "tmpold.json", 2)
    assert defs.resolve_job_def("upkeep").execute_in_process().success
    assert not old.exists()
