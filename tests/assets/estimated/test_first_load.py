"""The bundled scenarios on a warehouse that holds one publisher's file and nothing else, as after a first `petaday load`."""

from __future__ import annotations

import datetime as dt

import pytest

from assets import intake, settle
from assets.catalog import catalog
from assets.estimated import assets as estimated
from assets.sources import all_sources
from tests.warehouse.test_keeping import offers
from warehouse.connection import write_session
from warehouse.home import Home

FILES = {
    "owid": ("carbon.csv", "Entity,Code,Year,Carbon intensity of electricity - gCO2/KWh\nUnited States,USA,2025,380\n"),
    "skypilot": ("lambda_vms.csv", offers({"gpu_1x_h100_sxm5": 3.0})),
}


@pytest.mark.parametrize(("source_id", "lacking"), [("owid", "grid_gco2e_per_kwh"), ("skypilot", "usd_per_gpu_hour")])
def test_a_scenario_of_an_earlier_date_is_unknown_and_stops_nothing(home: Home, source_id: str, lacking: str) -> None:
    settle.refresh_reference(home)
    name, text = FILES[source_id]
    file = home.spool_dir / name
    file.write_text(text)
    source = all_sources()[source_id]
    (taken,) = intake.take_files(home, source, [file], dt.datetime(2026, 10, 1, tzinfo=dt.UTC))
    assert taken.outcome == "loaded"
    settle.record_subject(home, source.subject)
    with write_session(home, catalog()) as con:
        assert estimated.compute(con)
        reasons = con.execute(
            "SELECT reason FROM estimated.scenario_estimate WHERE scenario_id = 'chatgpt-fleet-2023' AND central IS NULL"
            " UNION ALL SELECT reason FROM estimated.training_estimate WHERE central IS NULL"
        ).fetchall()
        known = con.execute(
            "SELECT count(*) FROM estimated.scenario_estimate WHERE scenario_id = 'chatgpt-fleet-2023' AND central IS NOT NULL"
        ).fetchall()[0][0]
    assert known > 5
    assert any(lacking in (reason or "") for (reason,) in reasons)
