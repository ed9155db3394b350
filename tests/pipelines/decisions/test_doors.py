"""One question asked through every door: the same grid of a region and the same price of an offer, whoever is asked."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random

import duckdb
import pytest

from assets.estimated.scenario_files.training import scenario_of
from assets.estimated.training import estimate_trainings
from tests.pipelines.decisions.asked import rows_of

#: After the last bundled year, so that the latest year before it stands for it.
NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
AT = "TIMESTAMPTZ '2026-11-20 00:00:00+00'"


def test_every_door_gives_one_grid_of_a_region(bundled: duckdb.DuckDBPyConnection) -> None:
    """Regions whose own zone is not known, which have the grid of their country, and others at random."""
    known = bundled.sql("SELECT provider, region, grid_zone IS NULL FROM reference.region ORDER BY ALL").fetchall()
    without = [(p, r) for p, r, is_without in known if is_without]
    assert len(without) > 10
    places = without + random.Random(1).sample([(p, r) for p, r, is_without in known if not is_without], 40)
    bundled.execute("CREATE OR REPLACE TEMP TABLE asked_place(k VARCHAR, provider VARCHAR, region VARCHAR)")
    bundled.executemany("INSERT INTO asked_place VALUES (?, ?, ?)", [(f"{p}/{r}", p, r) for p, r in places])
    bundled.execute(
        f"CREATE OR REPLACE TEMP TABLE run AS SELECT *, 1.0 AS power_kw, {AT} AS run_from, {AT} + INTERVAL 1 HOUR AS run_to, {AT} AS requested_at, 'mixtral-8x7b' AS model, 500 AS output_tokens_count FROM asked_place"
    )
    workloads = ", ".join(
        f"{{'name': '{p}/{r}', 'provider': '{p}', 'region': '{r}', 'power_w_per_gpu': 1000, 'gpu_hours': 1000, 'month': 11}}"
        for p, r in places
    )
    doors = {
        "region_carbon": f"SELECT k, intensity_gco2e_per_kwh FROM asked_place a, region_carbon(a.provider, a.region, valid_at := {AT}, boundary := 'lifecycle')",
        "window_totals": "SELECT k, grid_gco2e_per_kwh FROM window_totals('run')",
        "request_impact": "SELECT k, grid_gco2e_per_kwh FROM request_impact('run')",
        "esg_report": f"SELECT workload, 1000 * location_kgco2e / energy_kwh FROM esg_report([{workloads}], 2026) WHERE is_year AND workload <> 'all workloads'",
    }
    found = {door: dict(bundled.execute(sql).fetchall()) for door, sql in doors.items()}
    scenarios = [
        dataclasses.replace(
            scenario_of({"gpu_hours": 1, "power_w_per_gpu": 1000, "usd_per_gpu_hour": 1, "provider": p, "region": r, "as_of": "2026-11-20"}),
            scenario_id=f"{p}/{r}",
        )
        for p, r in places
    ]  # fmt: skip
    factors = estimate_trainings(bundled, scenarios, NOW).factor.filter(factor="grid_gco2e_per_kwh")
    found["estimate"] = dict(factors.select("scenario_id", "value").iter_rows())
    told = dict(factors.select("scenario_id", "origin_ref").iter_rows())
    for p, r in places:
        values = {door: rows.get(f"{p}/{r}") for door, rows in found.items()}
        first = values["region_carbon"]
        assert values == {door: None if first is None else pytest.approx(first) for door in values}, (p, r)
        if (p, r) in without and first is not None:
            assert ", the country, as the grid zone of the region is not known" in told[f"{p}/{r}"]


def test_every_door_gives_one_price_of_a_place(bundled: duckdb.DuckDBPyConnection) -> None:
    """The cheapest offer of each provider, region, accelerator and way to buy."""
    place = "provider, region, accelerator_id, purchase_option"
    offered = {
        tuple(row[:4]): row[4]
        for row in bundled.execute(
            f"SELECT {place}, min(price_usd_per_gpu_hour) FROM spoken_offer(valid_at := {AT}) WHERE region <> 'global' GROUP BY ALL"
        ).fetchall()
    }
    assert len(offered) > 50
    bundled.execute(
        f"CREATE OR REPLACE TEMP TABLE run AS SELECT DISTINCT {place}, accelerator_id AS accelerator, {AT} AS run_from, {AT} + INTERVAL 1 HOUR AS run_to FROM spoken_offer(valid_at := {AT})"
    )
    for sql in (
        f"SELECT {place}, price_usd_per_gpu_hour FROM siting(gpu_hours := 1, valid_at := {AT})",
        f"SELECT {place.replace('accelerator_id', 'accelerator')}, price_usd_per_gpu_hour FROM window_totals('run')",
    ):
        found = {tuple(row[:4]): row[4] for row in bundled.execute(sql).fetchall()}
        assert {k: found.get(k) for k in offered} == {k: pytest.approx(v) for k, v in offered.items()}


def test_a_report_of_one_place_is_the_row_of_siting(bundled: duckdb.DuckDBPyConnection) -> None:
    """Energy, emissions and their bands of one job: by siting, and by the report of a year before which nothing is known by month."""
    sited = rows_of(
        bundled,
        f"FROM siting(gpu_hours := 1000, accelerator := 'nvidia-h100-sxm-80gb', purchase := 'on_demand', valid_at := {AT}) WHERE operational_kgco2e IS NOT NULL AND embodied_kgco2e IS NOT NULL",
    )
    assert len(sited) > 5
    for row in sited[:8]:
        if row["zone_used"] != row["grid_zone"]:
            continue
        given = f"{{'name': 'a', 'accelerator': 'nvidia-h100-sxm-80gb', 'provider': '{row['provider']}', 'region': '{row['region']}', 'gpu_hours': 1000, 'month': 11}}"
        (report,) = rows_of(bundled, f"FROM esg_report([{given}], 2026) WHERE is_year AND workload = 'a'")
        for side in ("low_", "", "high_"):
            assert report[f"{side}location_kgco2e"] == pytest.approx(row[f"{side}operational_kgco2e"]), side
            assert report[f"{side}embodied_kgco2e"] == pytest.approx(row[f"{side}embodied_kgco2e"]), side
