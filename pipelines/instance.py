"""The Dagster instance under the home folder, shared by the command line and the UI."""

from __future__ import annotations

import fcntl
import glob
import os
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from sqlalchemy import event

from pipelines.console import err
from warehouse.errors import PetadayError
from warehouse.home import Home

#: Name of the code location in every workspace file: runs, schedules that are switched on, and their ticks are kept
#: under it.
CODE_LOCATION = "petaday"

#: Settings of a new instance; an existing dagster.yaml is never overwritten.
DAGSTER_YAML = """\
telemetry:
  enabled: false
nux:
  enabled: false
# Of a run the terminal of `petaday ui` shows what is said from this level on, not each event; the UI shows all events.
python_logs:
  python_log_level: INFO
concurrency:
  runs:
    max_concurrent_runs: 4
  pools:
    granularity: op
    default_limit: 1
run_monitoring:
  enabled: true
  start_timeout_seconds: 180
  max_runtime_seconds: 7200
  poll_interval_seconds: 30
  free_slots_after_run_end_seconds: 60
run_retries:
  enabled: true
  max_retries: 1
  retry_on_asset_or_op_failure: false
retention:
  schedule:
    purge_after_days: 30
  sensor:
    purge_after_days:
      skipped: 7
      success: 30
      failure: 90
      started: -1
freshness:
  enabled: true
"""


#: Days for which runs are kept unless PETADAY_KEEP_RUN_DAYS says otherwise.
KEPT_RUN_DAYS = 14
#: SQLAlchemy engines by the address of their file; only a few, since those of past runs are not needed again.
_engines: dict[str, sqlalchemy.Engine] = {}
_is_keeping = False
_MOST_ENGINES = 16


def _kept_engine(address: str, **options: Any) -> sqlalchemy.Engine:
    """One SQLAlchemy engine for each of Dagster's SQLite files, where its storages (1.13) make one for each access.

    The main job reaches for these files some 1,900 times, and to compile the same few statements each time took a
    seventh of its processor time. Connections are opened and closed at each access as before, but in `keeping_logs`.
    """
    engine = _engines.get(address)
    if engine is None:
        if len(_engines) >= _MOST_ENGINES:
            _let_go()
        engine = _engines[address] = sqlalchemy.create_engine(
            address, **options | ({"poolclass": sqlalchemy.QueuePool} if _is_keeping else {})
        )
        if _is_keeping:
            event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = NORMAL"))
            # After each access Dagster disposes of the engine, which it believes to be its own.
            vars(engine)["dispose"] = lambda: None
    return engine


def _let_go() -> None:
    """Forget all engines and close their idle connections."""
    while _engines:
        sqlalchemy.Engine.dispose(_engines.popitem()[1])


@contextmanager
def keeping_logs() -> Generator[None]:
    """While a run is executed in this process, connections to Dagster's SQLite files stay open, and so do their write-ahead logs.

    To open a connection for each access took a sixth of the processor time of a run that finds nothing new. And the
    last connection to close folds the log into the file, waits for the disk and deletes the log: after each of the
    thousand small events of a run, unless another connection is open. `NORMAL` waits for the disk only when the log is
    folded in: what was written survives the end of the process, however it ends, and the last events may be lost with
    the machine's power. (Of records of runs; the warehouse itself does not depend on them.)
    """
    global _is_keeping
    _let_go()
    _is_keeping = True
    try:
        yield
    finally:
        _is_keeping = False
        _let_go()


for _storage in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
    vars(_storage)["create_engine"] = _kept_engine


def in_code_location(of: dg.DagsterInstance, job: str) -> dg.DagsterInstance:
    """The same instance, whose new runs of `job` belong to the code location of the UI as if that had launched them.

    Dagster itself (1.13) gives a run of `execute_in_process` no origin: the UI leaves it out of its timeline and out of
    the runs of its job, and cannot execute it again.
    """
    location = RegisteredCodeLocationOrigin(CODE_LOCATION)  # ty: ignore[abstract-class-instantiation] - a named tuple has it
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME), job)
    vars(of)["create_run_for_job"] = partial(of.create_run_for_job, remote_job_origin=origin)
    return of


def uncaptured(of: dg.DagsterInstance) -> dg.DagsterInstance:
    """The same instance, whose steps in this process write to the terminal and not into files of the run.

    Dagster itself (1.13) turns stdout and stderr of each step to a file and lets `tail` copy that to the terminal until the step ends: of the progress
    lines, the last of each run was lost in a third of all cases. It also starts four processes for each run. What a step says of itself is in the
    event log, which keeps all of it.
    """
    vars(of)["_compute_log_manager"] = NoOpComputeLogManager()
    return of


def prepare(home: Home) -> Path:
    """Make the instance folder, name it in DAGSTER_HOME for this process and its children, and return it.

    Raises:
        PetadayError: if the path is a pattern to Dagster (1.13), which would find no settings there and run without any: no limit of writers, no upkeep, telemetry on.
    """
    if glob.has_magic(str(home.root)):
        raise PetadayError(
            f"{home.root}: Dagster takes *, ? and [ in a path for a pattern; name a folder without them by PETADAY_HOME"
        )
    home.create()
    settings = home.dagster_dir / "dagster.yaml"
    if not settings.exists():
        settings.write_text(DAGSTER_YAML, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(home.dagster_dir)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    return home.dagster_dir


@contextmanager
def records_of(home: Home) -> Generator[dg.DagsterInstance | None]:
    """The instance for a command that only reads, or None if nothing was ever run here: reading creates no folder. Dagster's warnings are hidden."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not (home.dagster_dir / "dagster.yaml").exists():
            yield None
            return
        if not home.is_writable():
            err.print(
                f"petaday: {home.root} cannot be written: Dagster's records in it (runs, ticks of schedules) are not looked at"
            )
            yield None
            return
        with instance(home) as of:
            yield of


def instance(home: Home) -> dg.DagsterInstance:
    """The instance of this home.

    The first process creates its databases under a file lock, since two that do so at the same time would fail.
    """
    folder = prepare(home)
    with (folder / ".creating.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = dg.DagsterInstance.from_config(str(folder))
        made.get_runs_count()
        made.fetch_materializations(dg.AssetKey(["published", "warehouse_file"]), limit=1)
        made.all_instigator_state()
    return made
