"""Good rows of a source that failed in part are recorded while the daemon runs, though no other source of the subject is read."""

from __future__ import annotations

import time

import dagster as dg
import pytest

from assets.catalog import catalog
from pipelines import waiting_batches
from pipelines.definitions import defs
from pipelines.waiting_batches import AGAIN_AFTER_S, PATIENCE_S, record_waiting_batches
from tests.replay import ReplayServer
from tests.warehouse.taking import offers
from warehouse import staging
from warehouse.connection import write_session
from warehouse.home import Home

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
RATES = dg.AssetKey(["observed", "cloud_rate"])
CATALOGS = "https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs/v8"


class Clock:
    """The time that the sensor sees."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = time.time()
        monkeypatch.setattr(waiting_batches.time, "time", lambda: self.now)


def look(instance: dg.DagsterInstance, cursor: str | None) -> tuple[list[dg.RunRequest], str | None]:
    """The runs that the sensor asks for, and its cursor after."""
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        found = record_waiting_batches(context)
    assert isinstance(found, dg.SensorResult)
    return list(found.run_requests or ()), found.cursor


@pytest.fixture
def half_read(home: Home, replay: ReplayServer) -> dg.DagsterInstance:
    """An instance where one cloud of SkyPilot was read and the others were not there: the run is red, one batch waits."""
    instance = dg.DagsterInstance.ephemeral()
    replay.add(f"{CATALOGS}/lambda/vms.csv", offers({"a": 2.0}))
    before = dg.evaluate_automation_conditions(defs, instance)
    result = defs.resolve_job_def("refresh_skypilot").execute_in_process(
        instance=instance, run_config=QUIET, raise_on_error=False
    )
    assert not result.success
    assert [staging.subject_of(key) for key in staging.keys(home)] == ["cloud_rate"]
    asked = dg.evaluate_automation_conditions(defs, instance, cursor=before.cursor)
    assert RATES not in {r.key for r in asked.results if r.true_subset.size}, "the automation waits for a success"
    return instance


def test_what_a_failed_run_brought_is_recorded(
    half_read: dg.DagsterInstance, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    asked, cursor = look(half_read, None)
    assert asked == [], "the automation comes first"
    clock.now += PATIENCE_S
    asked, cursor = look(half_read, cursor)
    assert [r.asset_selection for r in asked] == [[RATES]]
    defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=half_read, asset_selection=[RATES], run_config=QUIET
    )
    with write_session(home, catalog()) as con:
        rows = con.execute("SELECT instance_type FROM observed.cloud_rate WHERE source_id = 'skypilot'").fetchall()
    assert rows == [("a",)]
    clock.now += PATIENCE_S
    assert look(half_read, cursor)[0] == []
    assert staging.keys(home) == []


def test_a_run_that_will_record_it_is_waited_for(
    half_read: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    _, cursor = look(half_read, None)
    clock.now += PATIENCE_S
    run = half_read.create_run_for_job(defs.resolve_job_def("settle"), status=dg.DagsterRunStatus.STARTED)
    assert look(half_read, cursor)[0] == []
    half_read.report_run_failed(run)
    assert len(look(half_read, cursor)[0]) == 1


def test_what_cannot_be_recorded_is_tried_once_an_hour(
    half_read: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    _, cursor = look(half_read, None)
    names = set()
    for _ in range(10):
        clock.now += PATIENCE_S
        asked, cursor = look(half_read, cursor)
        names |= {r.run_key for r in asked}
    assert 10 * PATIENCE_S > AGAIN_AFTER_S
    assert len(names) == 2, "Dagster starts one run for a run key"
