"""The Dagster instance of a home: what is recorded is Dagster's own, however its files are reached."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy

from pipelines.instance import _MOST_ENGINES, _engines, instance
from warehouse.home import Home


@dg.asset
def told() -> None:
    """An asset of nothing."""


def _run(home: Home) -> str:
    with instance(home) as of:
        return dg.materialize([told], instance=of).run_id


def test_a_file_of_dagster_has_one_engine_however_often_it_is_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    make = sqlalchemy.create_engine
    monkeypatch.setattr(sqlalchemy, "create_engine", lambda url, **o: made.append(str(url)) or make(url, **o))
    home = Home(tmp_path / "home")
    runs = [_run(home), _run(home)]
    ours = [url for url in made if str(home.root) in url]
    assert len(ours) == len(set(ours))
    assert sum(url.endswith(tuple(f"{run}.db" for run in runs)) for url in ours) == len(runs)


def test_engines_of_past_runs_are_let_go(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    runs = [_run(home) for _ in range(_MOST_ENGINES)]
    assert len(_engines) <= _MOST_ENGINES
    with instance(home) as of:
        assert {r.run_id for r in of.get_runs()} == set(runs)
        assert all(any(e.is_dagster_event for e in of.all_logs(run)) for run in runs)


def test_what_is_recorded_is_read_by_dagster_without_petaday(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    run = _run(home)
    code = (
        "import dagster as dg, sys\n"
        "with dg.DagsterInstance.from_config(sys.argv[1]) as of:\n"
        "    latest = of.get_latest_materialization_event(dg.AssetKey('told'))\n"
        "    print(latest.run_id, of.get_run_by_id(latest.run_id).status.value)\n"
        "assert 'pipelines' not in sys.modules\n"
    )
    asked = subprocess.run([sys.executable, "-c", code, str(home.dagster_dir)], capture_output=True, text=True)
    assert asked.stdout.split() == [run, "SUCCESS"], asked.stderr
