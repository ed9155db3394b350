"""One question asked through every door: the same grid of a region and the same price of an offer, whoever is asked."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from pathlib import Path

import duckdb
import pytest

from assets.estimated.decisions.own_scenario import load_own_scenario
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


def test_the_rate_of_an_estimate_is_of_its_place(bundled: duckdb.DuckDBPyConnection) -> None:
    """The median of what `gpu_hour_price` lists there: where a region has offers of its own, those that hold in all regions stay out."""
    place = "concat_ws('|', provider, region, accelerator_id, purchase_option)"
    listed = dict(
        bundled.execute(
            f"SELECT {place}, median(price_usd_per_gpu_hour) FROM spoken_offer(valid_at := {AT}) GROUP BY ALL"
        ).fetchall()
    )
    scenarios = []
    for key in listed:
        provider, region, accelerator, purchase = key.split("|")
        stated = {"gpu_hours": 1, "power_w_per_gpu": 300, "accelerator": accelerator, "provider": provider, "region": region, "purchase": purchase}  # fmt: skip
        scenarios.append(dataclasses.replace(scenario_of(stated | {"as_of": "2026-11-20"}), scenario_id=key))
    factors = estimate_trainings(bundled, scenarios, NOW).factor.filter(factor="usd_per_gpu_hour", quantity="cost_usd")
    assert dict(factors.select("scenario_id", "value").iter_rows()) == pytest.approx(listed)
    both = {key for key in listed if key.startswith("digitalocean|nyc1|")}
    assert both
    assert {key.replace("nyc1", "global") for key in both} & set(listed)


@pytest.mark.parametrize(
    "place",
    [
        "region = 'nyc1'",
        "region = 'us-east-1'",
        "region = 'US-EAST-1'\nprovider = 'aws'",
        "region = 'Estonia, EE, EU'\nprovider = 'digitalocean'",
        "region = 'westus'",
        "region = 'us-west-1'\nprovider = 'lambda'",
        "region = 'DE'",
        "provider = 'lambda'",
    ],
)
def test_a_move_begins_and_ends_at_the_estimates_of_its_dates(
    bundled: duckdb.DuckDBPyConnection, tmp_path: Path, place: str
) -> None:
    """A region of one provider or of several, whose grid zone is not known, of a market; a grid zone; a provider alone."""
    file = tmp_path / "own.toml"
    file.write_text(
        f"[training]\naccelerator = 'H100'\ngpu_hours = 1e9\n{place}\n".replace("'H100'", "'nvidia-h100-sxm-80gb'")
    )
    days = [dt.datetime(2025, 3, 1, tzinfo=dt.UTC), NOW]
    found = []
    if "Estonia" in place:
        bundled.execute("BEGIN")
        bundled.execute("INSERT INTO observed.cloud_rate_log BY NAME SELECT * REPLACE ('Estonia, EE, EU' AS region, 2 * price_amount_per_hour AS price_amount_per_hour) FROM observed.cloud_rate_log WHERE provider = 'digitalocean' AND region = 'nyc1'")  # fmt: skip
    try:
        for day in reversed(days):
            load_own_scenario(bundled, file, day)
            found.append(dict(bundled.execute("SELECT quantity, central FROM temp.training_estimate").fetchall()))
        after, before = found
        rows = rows_of(
            bundled,
            f"FROM why_moved('own', TIMESTAMPTZ '{days[0]}', to_at := TIMESTAMPTZ '{days[1]}', estimates_in := 'temp', scenarios_in := 'temp') WHERE part = 'total'",
        )
    finally:
        if "Estonia" in place:
            bundled.execute("ROLLBACK")
    assert {row["quantity"] for row in rows} == {"cost_usd", "energy_kwh", "operational_kgco2e"}
    for row in rows:
        for side, values in (("value_from", before), ("value_to", after)):
            expected = values[row["quantity"]]
            assert row[side] == (None if expected is None else pytest.approx(expected)), (row["quantity"], side)
    assert before["operational_kgco2e"] is not None or place.startswith("provider")


def test_an_accelerator_of_an_id_is_that_one_alone(bundled: duckdb.DuckDBPyConnection) -> None:
    """nvidia-a100-80gb, whose form factor is not stated, where its forms are offered too; by a name that it shares with them it is none of them."""
    bundled.execute("BEGIN")
    try:
        bundled.execute("UPDATE reference.accelerator SET tdp_w = 300 WHERE accelerator_id = 'nvidia-a100-80gb'")
        for written, is_one in (("nvidia-a100-80gb", True), ("A100 80GB", False)):
            ids = bundled.execute(f"SELECT accelerator_id FROM accelerator_ids('{written}')").fetchall()
            assert (ids == [("nvidia-a100-80gb",)]) == is_one
            (row,) = rows_of(bundled, f"FROM esg_report([{{'name': 'a', 'accelerator': '{written}', 'zone': 'US', 'gpu_hours': 1, 'month': 1}}], 2024) WHERE is_year AND workload = 'a'")  # fmt: skip
            assert (row["energy_kwh"] is not None) == is_one
    finally:
        bundled.execute("ROLLBACK")


@pytest.mark.parametrize("name", ["_cell", "_sold", "_written", "_named", "written", "cell", "sold", "named", "given"])
def test_a_table_of_requests_may_be_called_as_a_part_of_the_query(
    bundled: duckdb.DuckDBPyConnection, name: str
) -> None:
    bundled.execute(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {AT} AS requested_at, 'gpt-4' AS model, 'openai' AS vendor, 'mixtral-8x7b' AS open_model, 'US' AS zone, 1000 AS input_tokens_count, 500 AS output_tokens_count"
    )
    bundled.execute(f"CREATE OR REPLACE TEMP TABLE asked_of AS FROM {name}")
    for macro in ("request_cost", "request_impact", "request_impact_band"):
        assert rows_of(bundled, f"FROM {macro}('{name}')") == rows_of(bundled, f"FROM {macro}('asked_of')"), macro
    assert rows_of(bundled, f"FROM request_cost('{name}')")[0]["cost_usd"] > 0


def test_names_of_places_are_taken_in_any_case(bundled: duckdb.DuckDBPyConnection) -> None:
    """A region that is known in any case is found in any case."""
    for sql in (
        "SELECT location_kgco2e FROM esg_report([{{'name': 'a', 'power_w_per_gpu': 1000, 'provider': '{0}', 'region': '{1}', 'gpu_hours': 10}}], 2024) WHERE is_year AND workload = 'a'",
        "SELECT total_to FROM why_rate_moved('{0}', 'p5.48xlarge', DATE '2025-06-01', to_at := DATE '2025-07-01', from_region := '{1}', gpu_hours := 1000) WHERE part = 'total' AND quantity = 'cost_usd'",
        "SELECT provider, region FROM siting(gpu_hours := 1, accelerator := 'H100', purchase := 'on_demand', against_provider := '{0}', against_region := '{1}') WHERE is_reference",
    ):
        written, shouted = (bundled.execute(sql.format(*names)).fetchall() for names in (("aws", "us-east-1"), ("AWS", "US-EAST-1")))  # fmt: skip
        assert written == shouted
        assert written[0][0] is not None
