"""A home's `regions.csv` and `zone_fuels.csv` while the daemon runs: read again when they change, once per version, and what is derived follows."""

from __future__ import annotations

import dagster as dg

from assets.catalog import catalog
from pipelines.definitions import defs
from pipelines.own_regions import KEYS, reread_own_regions
from warehouse.connection import write_session
from warehouse.home import Home

HEAD = "provider,region,grid_zone,country_code,source_url\n"


def look(instance: dg.DagsterInstance, cursor: str | None) -> tuple[int, str | None]:
    """How many runs are asked for, and the cursor after."""
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        found = reread_own_regions(context)
    if isinstance(found, dg.SkipReason):
        return 0, cursor
    assert isinstance(found, dg.SensorResult)
    assert found.run_requests
    assert [set(r.asset_selection or ()) for r in found.run_requests] == [set(KEYS)]
    return len(found.run_requests), found.cursor


def zone(home: Home) -> str:
    """Grid zone of aws us-east-1 as the warehouse has it."""
    with write_session(home, catalog()) as con:
        return con.sql(
            "SELECT grid_zone FROM reference.region WHERE provider = 'aws' AND region = 'us-east-1'"
        ).fetchall()[0][0]


def told_of_regions(result: dg.ExecuteInProcessResult) -> int:
    """How many rows the run says that `reference.region` has."""
    (told,) = [
        e.step_materialization_data.materialization.metadata["dagster/row_count"].value
        for e in result.get_asset_materialization_events()
        if e.asset_key == dg.AssetKey(["reference", "region"])
    ]
    return int(str(told))


def test_every_change_asks_for_one_run(home: Home) -> None:
    instance, file = dg.DagsterInstance.ephemeral(), home.root / "regions.csv"
    assert look(instance, None) == (0, None)
    file.write_text(HEAD + "aws,us-east-1,US-A,,https://example.org\n")
    runs, first = look(instance, None)
    assert runs == 1
    assert look(instance, first) == (0, first)
    file.write_text(HEAD + "aws,us-east-1,US-B,,https://example.org\n")
    runs, second = look(instance, first)
    assert (runs, second != first) == (1, True)
    file.write_text(HEAD + "aws,us-east-1,US-A,,https://example.org\n")
    assert look(instance, second) == (1, first)
    file.unlink()
    runs, gone = look(instance, first)
    assert runs == 1
    assert look(instance, gone) == (0, gone)


def test_fuels_of_ones_own_are_read_again_too(home: Home) -> None:
    instance, file = dg.DagsterInstance.ephemeral(), home.root / "zone_fuels.csv"
    file.write_text("zone,fuel,closed_on,source_url\nUS-CAL-CISO,nuclear,2030-11-01,https://example.org\n")
    runs, first = look(instance, None)
    assert runs == 1
    assert look(instance, first) == (0, first)
    file.unlink()
    assert look(instance, first)[0] == 1


def test_the_run_that_is_asked_for_loads_it_and_a_wrong_file_leaves_the_tables(home: Home) -> None:
    """The same assets, materialized as the daemon would: changed, refused in words, and back to what ships once the file is gone."""
    instance, file = dg.DagsterInstance.ephemeral(), home.root / "regions.csv"

    def run() -> dg.ExecuteInProcessResult:
        return defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=list(KEYS), raise_on_error=False
        )

    first = run()
    assert first.success
    shipped = zone(home)
    place = "https://example.org\n"
    file.write_text(f"{HEAD}aws,us-east-1,US-TEST,,{place}own,basement,GB,GB,{place}")
    laid_over = run()
    assert laid_over.success
    assert zone(home) == "US-TEST"
    assert told_of_regions(laid_over) == told_of_regions(first) + 1
    file.write_text(HEAD + "aws,us-east-1,US-TEST,,\n")
    failed = run()
    assert not failed.success
    said = [e.step_failure_data.error for e in failed.get_step_failure_events()]
    assert "source_url is empty" in str(said)
    assert zone(home) == "US-TEST"
    file.unlink()
    last = run()
    assert last.success
    assert zone(home) == shipped
    assert told_of_regions(last) == told_of_regions(first)


def test_the_sensor_runs_by_itself() -> None:
    sensor = next(s for s in defs.sensors or () if s.name == "reread_own_regions")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
