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
    # None of other tests' engines: all are let go once there are too many.
    monkeypatch.setattr("pipelines.instance._engines", {})
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


_RUN = (
    "import os, sys, dagster as dg\n"
    "from pathlib import Path\n"
    "from pipelines.instance import instance, keeping_logs\n"
    "from tests.pipelines.test_instance import told\n"
    "from warehouse.home import Home\n"
    "with keeping_logs():\n"
    "    with instance(Home(Path(sys.argv[1]))) as of:\n"
    "        run = dg.materialize([told], instance=of).run_id\n"
    "    print(run, (Path(of.root_directory) / 'history' / 'runs' / f'{run}.db-wal').exists(), flush=True)\n"
    "    if sys.argv[2:]: os._exit(9)\n"
    "assert not list(Path(of.root_directory).rglob('*-wal'))\n"
)


@pytest.mark.parametrize("is_killed", [False, True])
def test_write_ahead_logs_last_as_long_as_a_run_and_lose_nothing_with_its_process(
    tmp_path: Path, is_killed: bool
) -> None:
    home = Home(tmp_path / "home")
    command = [sys.executable, "-c", _RUN, str(home.root), *["killed"] * is_killed]
    done = subprocess.run(command, capture_output=True, text=True)
    run, is_kept = done.stdout.split()[-2:]
    assert (done.returncode, is_kept) == (9 * is_killed, "True"), done.stderr
    assert any(home.dagster_dir.rglob("*-wal")) == is_killed
    with dg.DagsterInstance.from_config(str(home.dagster_dir)) as of:
        latest = of.get_latest_materialization_event(dg.AssetKey("told"))
        assert latest is not None
        assert latest.run_id == run
        assert {e.dagster_event_type for e in of.all_logs(run) if e.is_dagster_event} >= {
            dg.DagsterEventType.RUN_SUCCESS,
            dg.DagsterEventType.ASSET_MATERIALIZATION,
        }


_WARNS = (
    "import sys, dagster as dg\n"
    "from pathlib import Path\n"
    "from pipelines.instance import instance\n"
    "from warehouse.home import Home\n"
    "@dg.asset\n"
    "def warns(context: dg.AssetExecutionContext) -> None:\n"
    "    context.log.info('three rows')\n"
    "    context.log.warning('no key')\n"
    "with instance(Home(Path(sys.argv[1]))) as of:\n"
    "    print(dg.materialize([warns], instance=of).run_id)\n"
)


def test_a_run_of_the_ui_writes_its_messages_to_the_terminal_and_its_events_to_the_log(tmp_path: Path) -> None:
    """Of a run without a logger of its own, as those that the UI and the daemon launch."""
    home = Home(tmp_path / "home")
    ran = subprocess.run([sys.executable, "-c", _WARNS, str(home.root)], capture_output=True, text=True)
    shown = [line for line in ran.stderr.splitlines() if " - dagster - " in line]
    assert ["INFO" in shown[0], "WARNING" in shown[1]] == [True, True], ran.stderr
    assert len(shown) == 2, ran.stderr
    with instance(home) as of:
        kept = of.all_logs(ran.stdout.strip())
    assert {"three rows", "no key"} <= {entry.user_message for entry in kept}
    assert {"PIPELINE_START", "STEP_START", "ASSET_MATERIALIZATION", "PIPELINE_SUCCESS"} <= {
        entry.dagster_event.event_type_value for entry in kept if entry.dagster_event
    }
