"""Restatement: both versions on the same scenarios and data, side by side, never mixed."""

from __future__ import annotations

import datetime as dt
import math

import duckdb
import numpy as np
import polars as pl
import pytest

from assets.estimated.engine import estimate_statements
from assets.estimated.restate import restate
from assets.estimated.scenario_files.fields import ScenarioError
from assets.estimated.scenario_files.sections import statement_of
from assets.estimated.scenario_files.training import parse_scenario
from assets.published.report.restatement import change_words, restatement_page
from tests.assets.estimated.test_band import draw

NOW = dt.datetime(2025, 11, 25, tzinfo=dt.UTC)
REQUEST = {
    "active_parameters_count": 12.9e9,
    "parameters_count": 46.7e9,
    "output_tokens_count": 200,
    "pue": 1.2,
    "grid_gco2e_per_kwh": {"low": 300, "central": 400, "high": 500},
}


def stated(scenario_id: str, **values: object) -> object:
    return statement_of("request", REQUEST | values, scenario_id=scenario_id)


def test_both_versions_of_a_request(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Each side is what its version says by itself; the same request stated for each version counts once."""
    both = [stated("a", method="ecologits-0.5.0"), stated("b", method="ecologits-0.9.1")]
    found = restate(warehouse, "ecologits-0.5.0", "ecologits-0.9.1", both, NOW)
    assert found.rows["scenario_id"].unique().to_list() == ["a"]
    row = found.rows.row(by_predicate=pl.col("quantity") == "energy_kwh", named=True)
    for side, version in (("old", "ecologits-0.5.0"), ("new", "ecologits-0.9.1")):
        alone = estimate_statements(warehouse, [stated("x", method=version)], NOW)[0].quantities["energy_kwh"]
        assert [row[f"{side}_{k}"] for k in ("low", "central", "high")] == [
            alone[k] for k in ("low", "central", "high")
        ]
        assert row[f"{side}_method_version"] == version
    assert row["change_share"] == pytest.approx(row["new_central"] / row["old_central"] - 1)
    assert row["is_outside_old_band"]


def test_what_a_version_does_not_know_is_said(warehouse: duckdb.DuckDBPyConnection) -> None:
    request = stated("a", site_water_l_per_kwh=0.4, grid_water_l_per_kwh=5)
    found = restate(warehouse, "ecologits-0.9.1", "ecologits-0.5.0", [request], NOW)
    assert found.notes == (
        "a: site_water_l_per_kwh, grid_water_l_per_kwh left out in ecologits-0.5.0, which does not know it",
    )
    water = found.rows.row(by_predicate=pl.col("quantity") == "water_l", named=True)
    assert water["old_central"] > 0
    assert water["new_central"] is None
    assert water["unit"] == "l"


def test_history_by_quarter_where_something_is_looked_up(warehouse: duckdb.DuckDBPyConnection) -> None:
    """From the first quarter of which price and grid are known; the page draws it."""
    served = statement_of(
        "serving",
        {"model": "llama-3.1-70b", "gpu": "H100 SXM", "tp": 4, "batch": 8, "input_tokens": 500, "output_tokens": 300}
        | {"region": "US"},
        scenario_id="<served>",
    )
    found = restate(warehouse, "serving-1", "serving-2", [served], NOW)
    dates = found.rows["as_of_on"].unique().sort().to_list()
    assert dates[0] == dt.date(2022, 7, 1)
    assert dates[-1] == NOW.date()
    assert dt.date(2025, 10, 1) in dates
    batch = found.rows.filter(pl.col("quantity") == "largest_batch_count")
    assert (batch["new_central"] > batch["old_central"]).all()
    page = restatement_page(found)
    assert "&lt;served&gt;" in page
    assert "<served>" not in page
    assert page.count("<svg") >= 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "decision-1",
            "decision-2",
            r"decision-1, decision-2: versions of decisions cannot be restated, .*\[siting\] decision-6, ",
        ),
        ("serving-9", "serving-1", "serving-9: no such method version; known are training-2, training-1,"),
        ("serving-1", "serving-1", "serving-1: given as old and as new; nothing would differ"),
        ("serving-1", "ecologits-0.5.0", r"serving-1 is of \[serving\], ecologits-0.5.0 of \[request\]"),
        ("training-1", "serving-1", r"training-1 is of \[training\], serving-1 of \[serving\]"),
        ("training-1", "training-2", r"training-1, training-2: no scenario with a section \[training\] is given"),
        ("serving-1", "serving-2", r"serving-1, serving-2: no scenario with a section \[serving\] is given"),
    ],
)
def test_refused(warehouse: duckdb.DuckDBPyConnection, old: str, new: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        restate(warehouse, old, new, [stated("a")], NOW)


@pytest.mark.parametrize(("change", "words"), [(None, ""), (0.1, "+10.0%"), (-0.95, "x 0.05"), (22, "x 23")])
def test_change_in_words(change: float | None, words: str) -> None:
    assert change_words(change) == words


def test_a_rule_of_looking_rates_up_is_restated_as_a_method_is(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A list that says one price in many regions decides by rate-1; by rate-2 each provider counts once. What has its own rate is left out."""
    scenarios = [
        parse_scenario("[training]\ngpu_hours = 100\naccelerator = 'H100'", "training"),
        parse_scenario("[training]\ngpu_hours = 100\naccelerator = 'H100'\nusd_per_gpu_hour = 2", "given"),
        statement_of(
            "fine_tuning",
            {"parameters_count": 7e9, "tokens_count": 1e9, "accelerator": "H100", "adaptation": "full"},
            scenario_id="tuned",
        ),
    ]
    warehouse.execute("BEGIN")
    try:
        for number in range(2, 12):
            warehouse.execute(
                f"INSERT INTO observed.cloud_rate BY NAME SELECT * REPLACE ('us-east-{number}' AS region, 20.0 AS price_usd_per_gpu_hour) FROM observed.cloud_rate "
                "WHERE accelerator_id = 'nvidia-h100-sxm-80gb' AND region = 'us-east-1' AND purchase_option = 'on_demand' AND valid_to IS NULL"
            )
        found = restate(warehouse, "rate-1", "rate-2", scenarios, NOW)
    finally:
        warehouse.execute("ROLLBACK")
    assert set(found.rows["scenario_id"]) == {"training", "tuned"}
    assert set(found.rows["quantity"]) == {"cost_usd"}
    assert found.rows["as_of_on"].n_unique() > 4
    now = found.rows.filter(pl.col("as_of_on") == NOW.date())
    assert now["unit"].to_list() == ["USD", "USD"]
    for row in now.iter_rows(named=True):
        assert (row["old_method_version"], row["new_method_version"]) == ("rate-1", "rate-2")
        # 20 USD in ten of thirteen offers; of aws (20), lambda (2.99) and runpod (2.39) the median is 2.99.
        assert row["new_central"] / row["old_central"] == pytest.approx(2.99 / 20)
        assert row["change_share"] == pytest.approx(2.99 / 20 - 1)
    (training,) = now.filter(pl.col("scenario_id") == "training").iter_rows(named=True)
    assert training["new_central"] == pytest.approx(299)
    assert "rate-1" in restatement_page(found)
    with pytest.raises(ScenarioError, match="allowed are two rules of looking rates up"):
        restate(warehouse, "rate-1", "serving-1", scenarios, NOW)
    with pytest.raises(ScenarioError, match="no scenario is given for which a rate is looked up"):
        restate(warehouse, "rate-2", "rate-1", scenarios[1:2], NOW)


def test_a_rule_of_looking_up_grids_is_restated_too(warehouse: duckdb.DuckDBPyConnection) -> None:
    """By grid-1 half an hour of 200 g/kWh stood for a training, by grid-2 the year of 240 does. A run of known hours has its own grid."""
    begun = "[training]\nas_of = 2025-03-01T12:15:00Z\nregion = 'GB'\nit_energy_kwh = 1000\npue = 1.5\n"
    scenarios = [
        parse_scenario(begun, "training"),
        parse_scenario(begun + "grid_gco2e_per_kwh = 100", "given"),
        parse_scenario(begun + "start_at = 2025-03-01T12:00:00Z\nduration_days = 1", "hours"),
    ]
    found = restate(warehouse, "grid-1", "grid-2", scenarios, NOW)
    (row,) = found.rows.filter(pl.col("quantity") == "operational_kgco2e").iter_rows(named=True)
    assert (row["scenario_id"], row["old_method_version"], row["new_method_version"]) == (
        "training",
        "grid-1",
        "grid-2",
    )
    assert (row["old_central"], row["new_central"]) == pytest.approx((300, 360))
    assert all("co2" in quantity for quantity in found.rows["quantity"])
    with pytest.raises(ScenarioError, match="no scenario is given for which the grid of a year is looked up"):
        restate(warehouse, "grid-2", "grid-1", scenarios[1:], NOW)
    with pytest.raises(ScenarioError, match="allowed are two rules"):
        restate(warehouse, "grid-1", "rate-2", scenarios, NOW)


def test_trainings_are_restated_over_the_history_of_what_they_look_up(warehouse: duckdb.DuckDBPyConnection) -> None:
    """training-2 differs in bands alone, and only where the sides of factors differ."""
    skewed = "{low = 1, central = 2, high = 8}"
    scenarios = [
        parse_scenario(f"[training]\ngpu_hours = {skewed}\nusd_per_gpu_hour = {skewed}", "skewed"),
        parse_scenario("[training]\ntraining_flop = 1e23\naccelerator = 'H100'", "looked-up"),
    ]
    rows = restate(warehouse, "training-1", "training-2", scenarios, NOW).rows
    assert (rows["old_central"] == rows["new_central"]).all()
    dates = rows.filter(scenario_id="looked-up")["as_of_on"].unique()
    assert len(dates) > 4
    assert rows.filter(scenario_id="skewed")["as_of_on"].unique().to_list() == [NOW.date()]
    ((old_low, old_high, new_low, new_high),) = (
        rows.filter(scenario_id="skewed", quantity="cost_usd")
        .select("old_low", "old_high", "new_low", "new_high")
        .rows()
    )
    assert old_low == pytest.approx(4 * math.exp(-math.sqrt(2) * math.log(2)))
    assert old_high == pytest.approx(4 * math.exp(math.sqrt(2) * math.log(4)))
    random = np.random.default_rng(1)
    one, other = (draw(random, {"low": 1, "central": 2, "high": 8}, 200_000) for _ in range(2))
    low, high = np.quantile(one * other, [0.05, 0.95])
    assert [new_low, new_high] == pytest.approx([low, high], rel=0.035)
    assert (new_low, new_high) != (old_low, old_high)
    assert set(rows["old_method_version"]) == {"training-1"}
    assert set(rows["new_method_version"]) == {"training-2"}
