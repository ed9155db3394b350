"""A run that somebody cancels while a publisher is being read ends then, with its command, and reads nothing a second time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from pipelines.instance import records_of
from tests.replay import ReplayServer
from warehouse.home import HOME_VARIABLE, Home

URL = "https://openrouter.ai/api/v1/models"
MODELS = json.dumps({"data": [{"id": "a/b", "pricing": {"prompt": "0.000001", "completion": "0.000002"}}]})


def _as_from_a_shell() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_ended_while_it_reads_is_not_tried_again(home: Home, replay: ReplayServer, number: int) -> None:
    """By Ctrl-C, or by SIGTERM: Dagster's launcher ends a run that is cancelled in the UI in the same way."""
    replay.add(URL, MODELS, delay_s=300)
    with subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "refresh", "openrouter", "vast"],
        cwd=Path(__file__).parents[2],
        env=os.environ | {HOME_VARIABLE: str(home.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_as_from_a_shell,
    ) as process:
        end = time.monotonic() + 120
        while URL not in replay.urls() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        process.send_signal(number)
        # Well before the answer comes.
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert replay.urls() == [URL], "read again, or went on with the next"
    assert "stopped; what was committed stays" in said
    assert "recording" not in said
    assert "Traceback" not in said
    with records_of(home) as of:
        assert of is not None
        statuses = {run.status for run in of.get_runs(dg.RunsFilter(job_name="refresh_openrouter"))}
    assert statuses <= {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}, statuses
