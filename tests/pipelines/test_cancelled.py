"""A run that somebody cancels ends then, with its command: in the middle of reading a publisher, and in the middle of a query."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import dagster as dg
import pytest

from assets import recording
from assets.catalog import catalog
from pipelines.executing import execute
from pipelines.instance import records_of
from tests.replay import ReplayServer
from tests.warehouse.interrupting import interrupted_query
from tests.warehouse.taking import offers, take
from warehouse.connection import read_published, write_session
from warehouse.home import HOME_VARIABLE, Home
from warehouse.publish import publish
from warehouse.store.file import FileStore

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


@pytest.mark.parametrize(
    "session",
    [lambda home: write_session(home, catalog()), read_published, lambda home: FileStore(home).open_for_reading()],
    ids=["writing", "reading", "reading the file itself"],
)
def test_an_interrupt_in_the_middle_of_a_query_is_one(filled: Home, session: Callable) -> None:
    """DuckDB reports it as a RuntimeError, with which Dagster would end one step and go on with others."""
    with pytest.raises(KeyboardInterrupt), session(filled) as con:
        interrupted_query(con)
    with session(filled) as con:
        assert con.execute("SELECT count(*) > 0 FROM observed.cloud_rate").fetchall() == [(True,)]


@pytest.fixture
def filled(home: Home) -> Home:
    recording.refresh_reference(home)
    take(home, offers({"a": 2.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    publish(home, catalog())
    return home


def test_a_run_ended_in_the_middle_of_a_query_does_no_further_step(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step of a subject is interrupted; those of others, which do not depend on it, are not begun."""
    begun: list[str] = []

    def endless(home: Home, subject: str) -> None:
        begun.append(subject)
        with write_session(home, catalog()) as con:
            if len(begun) == 1:
                interrupted_query(con)

    monkeypatch.setattr("assets.recording.record_subject", endless)
    with pytest.raises(click.Abort):
        execute(home, "settle", verbose=False)
    assert len(begun) == 1
    with records_of(home) as of:
        assert of is not None
        (run,) = of.get_runs()
    assert run.status == dg.DagsterRunStatus.FAILURE
