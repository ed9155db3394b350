"""Retention: what is old goes, what may still be needed stays."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path

import dagster as dg
import pytest

from assets import settle
from assets.catalog import catalog
from pipelines.instance import instance
from pipelines.upkeep import forget_old_runs
from tests.warehouse.test_keeping import offers, take
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
        settle.record_subject(home, "cloud_rate")
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
    monkeypatch.setenv("PETADAY_KEEP_PUBLICATIONS", "1")
    swept = sweep(home)
    assert not [p for p in old if p.exists()]
    assert young.exists()
    assert [p.exists() for p in replaced] == [False, True]
    assert [p.name for p in home.publications_dir.glob("*")] == ["petaday-00000003.duckdb"]
    assert sorted(home.captures_dir.rglob("*.zst")) == captures
    assert home.published_file.exists()
    assert swept.file_count == 6
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
