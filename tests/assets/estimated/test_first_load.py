"""The bundled scenarios on a warehouse that holds one publisher's file and nothing else, as after a first `petaday load`."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.estimated import assets as estimated
from assets.estimated.restate import restate
from assets.estimated.scenario_files.sections import bundled_statements
from assets.estimated.scenario_files.training import bundled_scenarios, parse_scenario
from assets.sources import all_sources
from tests.warehouse.taking import offers
from warehouse.connection import write_session
from warehouse.home import Home

FILES = {
    "owid": ("carbon.csv", "Entity,Code,Year,Carbon intensity of electricity - gCO2/KWh\nUnited States,USA,2025,380\n"),
    "skypilot": ("lambda_vms.csv", offers({"gpu_1x_h100_sxm5": 3.0})),
}


@pytest.mark.parametrize(("source_id", "lacking"), [("owid", "grid_gco2e_per_kwh"), ("skypilot", "usd_per_gpu_hour")])
def test_a_scenario_of_an_earlier_date_is_unknown_and_stops_nothing(home: Home, source_id: str, lacking: str) -> None:
    recording.refresh_reference(home)
    name, text = FILES[source_id]
    file = home.spool_dir / name
    file.write_text(text)
    source = all_sources()[source_id]
    (taken,) = intake.take_files(home, source, [file], dt.datetime(2026, 10, 1, tzinfo=dt.UTC))
    assert taken.outcome == "loaded"
    recording.record_subject(home, source.subject)
    with write_session(home, catalog()) as con:
        assert estimated.compute(con)
        reasons = con.execute(
            "SELECT reason FROM estimated.scenario_estimate WHERE scenario_id = 'chatgpt-fleet-2023' AND central IS NULL"
            " UNION ALL SELECT reason FROM estimated.training_estimate WHERE central IS NULL"
        ).fetchall()
        known = con.execute(
            "SELECT count(*) FROM estimated.scenario_estimate WHERE scenario_id = 'chatgpt-fleet-2023' AND central IS NOT NULL"
        ).fetchall()[0][0]
        # By another version, or another rule, the same is unknown in both; of a scenario with a date of its own too.
        rated = parse_scenario("[training]\ngpu_hours = 100\naccelerator = 'H100'\nas_of = 2020-01-01", "early")
        stated = [*bundled_scenarios(), *bundled_statements(), rated]
        restated = [restate(con, old, new, stated).rows for old, new in (("fleet-1", "fleet-2"), ("rate-1", "rate-2"))]
    assert known > 5
    fleet, rates = (
        rows.filter(pl.col("scenario_id") == name)
        for rows, name in zip(restated, ("chatgpt-fleet-2023", "early"), strict=True)
    )
    assert fleet["new_central"].count() > 5
    assert (
        "rental_usd_per_day"
        in fleet.filter(pl.col("old_central").is_null() & pl.col("new_central").is_null())["quantity"]
    )
    assert rates["new_central"].to_list() == [None]
    assert "usd_per_gpu_hour" in rates["reason"].item()
    assert any(lacking in (reason or "") for (reason,) in reasons)
