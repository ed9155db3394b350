"""Good rows of a source that failed in part are recorded while the daemon runs, though no other source of the subject is read."""

from __future__ import annotations

import dagster as dg
import pytest

from assets.catalog import catalog
from pipelines.definitions import defs
from pipelines.instance import instance
from pipelines.kept_answers import record_kept_answers
from tests.replay import ReplayServer
from tests.warehouse.taking import offers
from warehouse.connection import write_session
from warehouse.home import Home

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
RATES = dg.AssetKey(["observed", "cloud_rate"])
CATALOGS = "https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs/v8"


def look(of: dg.DagsterInstance, cursor: str | None) -> tuple[list[dg.RunRequest], str | None]:
    """The runs that the sensor asks for, and its cursor after."""
    with dg.build_sensor_context(instance=of, cursor=cursor) as context:
        found = record_kept_answers(context)
    assert isinstance(found, dg.SensorResult)
    return list(found.run_requests or ()), found.cursor


def fail(of: dg.DagsterInstance, source_id: str) -> None:
    """Read a source of which not everything comes."""
    job = defs.resolve_job_def(f"refresh_{source_id}")
    assert not job.execute_in_process(instance=of, run_config=QUIET, raise_on_error=False).success


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_a_failed_run_kept_is_recorded_once(home: Home, replay: ReplayServer) -> None:
    """One cloud of SkyPilot is read, the others are not there: the automation asks for nothing, the sensor does."""
    replay.add(f"{CATALOGS}/lambda/vms.csv", offers({"a": 2.0}))
    with instance(home) as of:
        before = dg.evaluate_automation_conditions(defs, of)
        fail(of, "skypilot")
        told = dg.evaluate_automation_conditions(defs, of, cursor=before.cursor)
        assert RATES not in {r.key for r in told.results if r.true_subset.size}
        asked, cursor = look(of, None)
        assert [r.asset_selection for r in asked] == [[RATES]]
        defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=of, asset_selection=[RATES], run_config=QUIET
        )
        with write_session(home, catalog()) as con:
            rows = con.execute("SELECT instance_type FROM observed.cloud_rate WHERE source_id = 'skypilot'").fetchall()
        assert rows == [("a",)]
        assert look(of, cursor) == ([], cursor)
        fail(of, "skypilot")
        again, _ = look(of, cursor)
        assert len(again) == 1
        assert again[0].run_key != asked[0].run_key


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_run_that_kept_nothing_asks_for_nothing(home: Home, replay: ReplayServer) -> None:
    with instance(home) as of:
        fail(of, "linode")
        assert look(of, None)[0] == []
