"""Retention in the home folder and in Dagster's records; the latest materialization of every asset is kept however old it is."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence

import dagster as dg
import sqlalchemy as db
from dagster import DagsterRunStatus, RunsFilter

# Dagster has no public way to delete results of checks; tests/warehouse/test_upkeep.py fails if these move.
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from pipelines.instance import KEPT_RUN_DAYS, instance
from warehouse.home import Home
from warehouse.settings import setting
from warehouse.upkeep import sweep

#: Days for which Dagster's evaluations of automation conditions are kept (a page of the UI), unless
#: PETADAY_KEEP_EVALUATION_DAYS says otherwise: 130 kB (measured) for each asset that was evaluated after a change.
KEPT_EVALUATION_DAYS = 2
#: Runs named in one statement: databases have a limit.
_AT_ONCE = 200
_ENDED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def run_upkeep(home: Home) -> str:
    """Delete leftovers, old publications, runs and evaluations; returns what was removed, in words."""
    swept = sweep(home)
    runs = forget_old_runs(home)
    forget_old_evaluations(home)
    return f"removed {runs} old runs, {swept.file_count} leftovers ({swept.byte_count / 1e6:,.1f} MB)"


def _latest_runs(of: dg.DagsterInstance) -> set[str]:
    """Runs of the latest materialization of each asset."""
    return {record.run_id for key in of.all_asset_keys() for record in of.fetch_materializations(key, limit=1).records}


def forget_old_runs(home: Home, now: dt.datetime | None = None) -> int:
    """Delete ended runs older than the setting, with their events and logs; returns how many."""
    days = setting("PETADAY_KEEP_RUN_DAYS", KEPT_RUN_DAYS)
    before = (now or dt.datetime.now(dt.UTC)) - dt.timedelta(days=days)
    with instance(home) as of:
        kept = _latest_runs(of)
        old = [
            r.dagster_run.run_id
            for r in of.get_run_records(RunsFilter(statuses=_ENDED, created_before=before))
            if r.dagster_run.run_id not in kept
        ]
        for run_id in old:
            of.delete_run(run_id)
            shutil.rmtree(home.dagster_dir / "storage" / run_id, ignore_errors=True)
            for file in (home.dagster_dir / "history" / "runs").glob(f"{run_id}.db*"):
                file.unlink(missing_ok=True)
        _forget_checks_of(of, old)
    return len(old)


def _forget_checks_of(of: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    """Delete the results of checks of deleted runs, but for the latest of each check: Dagster keeps them for ever, some 150 kB for each full run."""
    storage = of.event_log_storage
    if not isinstance(storage, SqlEventLogStorage) or not storage.supports_asset_checks:
        return
    table = AssetCheckExecutionsTable.c
    last = db.select(db.func.max(table.id)).group_by(table.asset_key, table.check_name)
    with storage.index_connection() as con:
        newest = [row[0] for row in con.execute(last).fetchall()]
        for start in range(0, len(run_ids), _AT_ONCE):
            some = run_ids[start : start + _AT_ONCE]
            con.execute(AssetCheckExecutionsTable.delete().where(table.run_id.in_(some), table.id.not_in(newest)))


def forget_old_evaluations(home: Home, now: dt.datetime | None = None) -> None:
    """Delete the automation's evaluations of assets that are older than the setting."""
    days = setting("PETADAY_KEEP_EVALUATION_DAYS", KEPT_EVALUATION_DAYS)
    before = (now or dt.datetime.now(dt.UTC)) - dt.timedelta(days=days)
    with instance(home) as of:
        if of.schedule_storage is not None and of.schedule_storage.supports_auto_materialize_asset_evaluations:
            of.schedule_storage.purge_asset_evaluations(before.timestamp())
