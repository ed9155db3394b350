"""A run whose process is killed with -9 fails by name and gives its place in the pool back; a live one is left alone."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from assets.dagster_support import POOL, HomeResource
from pipelines.broken_runs import UNSEEN_S, fail_broken_runs, watching_for_broken_runs
from pipelines.instance import instance
from warehouse import run_locks
from warehouse.home import Home

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@dg.asset(pool=POOL)
def slow(home: HomeResource) -> None:
    """Takes the pool and stays."""
    os.write(1, b"in the pool\n")
    time.sleep(float(os.environ.get("TEST_SLEEP_S", "0")))


def start_slow() -> subprocess.Popen[str]:
    """A process of its own that is in the middle of the step."""
    code = (
        "from tests.pipelines.test_broken_runs import *\n"
        "with instance(Home.from_environment()) as of:\n"
        "    dg.materialize([slow], instance=of, resources={'home': HomeResource()})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env=os.environ | {"TEST_SLEEP_S": "300"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "in the pool\n"
    return process


def test_a_run_killed_in_the_pool_blocks_nobody(home: Home) -> None:
    with instance(home) as of:
        process = start_slow()
        (going_on,) = of.get_runs()
        assert fail_broken_runs(home, of) == []
        assert of.event_log_storage.get_concurrency_run_ids() == {going_on.run_id}
        process.send_signal(signal.SIGKILL)
        process.wait()
        # The next run waits for the pool; whoever waits looks after the dead.
        with watching_for_broken_runs(home, of):
            assert dg.materialize([slow], instance=of, resources={"home": HomeResource()}).success
        broken = of.get_run_by_id(going_on.run_id)
        assert broken is not None
        assert broken.status == DagsterRunStatus.FAILURE
        told = [e.dagster_event.message for e in of.all_logs(going_on.run_id) if e.dagster_event]
        assert any("process of this run is gone" in (text or "") for text in told)
        assert not of.event_log_storage.get_concurrency_run_ids()
        for run in of.get_runs():
            run_locks.release(home, run.run_id)
    assert run_locks.run_ids(home) == []


def test_a_run_that_nobody_was_seen_to_work_on_is_given_time(home: Home) -> None:
    with instance(home) as of:
        job = dg.define_asset_job("slow_job", selection=[slow])
        defs = dg.Definitions(assets=[slow], jobs=[job], resources={"home": HomeResource()})
        run = of.create_run_for_job(defs.resolve_job_def("slow_job"), status=DagsterRunStatus.STARTED)
        assert fail_broken_runs(home, of) == []
        assert fail_broken_runs(home, of, dt.datetime.now(dt.UTC) + dt.timedelta(seconds=UNSEEN_S + 1)) == [run.run_id]


def test_marks_of_two_processes_on_one_run(home: Home) -> None:
    run_locks.hold(home, "a-run")
    code = (
        "import sys; from warehouse import run_locks; from warehouse.home import Home\n"
        "h = Home.from_environment(); run_locks.hold(h, 'a-run'); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        run_locks.release(home, "a-run")
        assert run_locks.is_held(home, "a-run") is True
        other.kill()
        other.wait()
    assert run_locks.is_held(home, "a-run") is False
    assert run_locks.is_held(home, "another") is None
