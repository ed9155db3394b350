"""The decision macros on the data that ships with Petaday: exact sums, honest gaps, probabilities that follow from the bands."""

from __future__ import annotations

import math
import random
from statistics import NormalDist

import duckdb
import pytest

ON = "DATE '2026-08-01'"


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> list[dict]:
    """Rows as dictionaries."""
    return con.sql(sql).pl().to_dicts()


def test_the_normal_distribution_is_right(bundled: duckdb.DuckDBPyConnection) -> None:
    points = [x / 10 for x in range(-60, 61)]
    found = bundled.execute("SELECT list_transform(?::DOUBLE[], lambda x: normal_cdf(x))", [points]).fetchall()[0][0]
    assert found == pytest.approx([NormalDist().cdf(x) for x in points], abs=1e-7)


def test_probability_below_agrees_with_draws(bundled: duckdb.DuckDBPyConnection) -> None:
    """A: 10 with sigma 0.3; B: 12 with sigma 0.2, drawn."""
    found = bundled.sql(
        "SELECT probability_below(10, 12, 0.09, 0.09, 0.04, 0.04), probability_below(12, 10, 0.04, 0.04, 0.09, 0.09)"
    ).fetchall()[0]
    draw = random.Random(7)
    wins = sum(10 * math.exp(draw.gauss(0, 0.3)) < 12 * math.exp(draw.gauss(0, 0.2)) for _ in range(40_000))
    assert found[0] == pytest.approx(wins / 40_000, abs=0.01)
    assert sum(found) == pytest.approx(1)
    certain = bundled.sql(
        "SELECT probability_below(1, 2, 0, 0, 0, 0), probability_below(2, 1, 0, 0, 0, 0), probability_below(1, 1, 0, 0, 0, 0), probability_below(NULL, 1, 0, 0, 0, 0)"
    )
    assert certain.fetchall() == [(1.0, 0.0, 0.5, None)]


def test_what_is_not_known_is_never_green(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(bundled, f"FROM siting(gpu_hours := 1000, accelerator := 'H100', valid_at := {ON})")
    unknown = [r for r in found if r["grid_gco2e_per_kwh"] is None]
    assert unknown
    for row in unknown:
        assert row["operational_kgco2e"] is None
        assert row["is_pareto"] is None
        assert row["greener_probability"] is None
        assert row["unknown"]
    known = [r for r in found if r["operational_kgco2e"] is not None]
    for row in known:
        assert row["low_operational_kgco2e"] < row["operational_kgco2e"] < row["high_operational_kgco2e"]
        beaten = [
            o
            for o in known
            if o["total_usd"] < row["total_usd"] and o["operational_kgco2e"] < row["operational_kgco2e"]
        ]
        assert not (row["is_pareto"] and beaten)
    assert any(r["is_pareto"] for r in known)
    assert sum(bool(r["is_reference"]) for r in found) == 1


def test_a_shared_factor_decides_nothing(bundled: duckdb.DuckDBPyConnection) -> None:
    """On one card the hours are the same, so the cheaper rate is certainly cheaper; on another they are not."""
    found = rows_of(
        bundled,
        f"FROM siting(flop := 1e23, valid_at := {ON}, against_provider := 'aws', against_accelerator := 'nvidia-h100-sxm-80gb', against_purchase := 'on_demand')",
    )
    (reference,) = (r for r in found if r["is_reference"])
    same = [r for r in found if r["accelerator_id"] == reference["accelerator_id"] and not r["is_reference"]]
    other = [r for r in found if r["accelerator_id"] != reference["accelerator_id"] and r["total_usd"]]
    assert {r["cheaper_probability"] for r in same} <= {0.0, 0.5, 1.0}
    assert any(0.05 < r["cheaper_probability"] < 0.95 for r in other)
    assert all(r["low_usd"] < r["total_usd"] < r["high_usd"] for r in other)


def test_data_is_moved_at_the_price_of_where_it_lies(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        bundled,
        f"FROM siting(gpu_hours := 1000, accelerator := 'H100', valid_at := {ON}, data_gb := 10000, from_provider := 'aws', from_region := 'us-east-1', bandwidth_gbit_per_s := 10)",
    )
    for row in found:
        if (row["provider"], row["region"]) == ("aws", "us-east-1"):
            assert (row["transfer_usd"], row["transfer_h"]) == (0, 0)
        elif row["provider"] == "aws":
            assert row["transfer_usd"] is None
            assert "transfer_usd_per_gb" in row["unknown"]
        else:
            assert row["transfer_usd"] == pytest.approx(900)
            assert row["transfer_h"] == pytest.approx(10_000 * 8 / 10 / 3600)
            assert row["total_usd"] == pytest.approx(row["cost_usd"] + 900)
    stated = rows_of(
        bundled,
        f"FROM siting(gpu_hours := 1000, accelerator := 'H100', valid_at := {ON}, data_gb := 100, transfer_usd_per_gb := 0.02)",
    )
    assert {r["transfer_usd"] for r in stated} == {2.0}
    assert {r["transfer_h"] for r in stated} == {None}


MOVES = [
    f"'{scenario}', DATE '{start}', to_at := DATE '{end}'{extra}"
    for scenario, start, end, extra in (
        ("gpt-3-175b-h100", "2024-01-01", "2026-01-01", ""),
        ("gpt-3-175b-h100", "2024-03-01", "2026-06-01", ", utilization_to := 0.41"),
        ("gpt-3-175b-a100", "2024-01-01", "2026-06-01", ", to_accelerator := 'nvidia-h100-sxm-80gb'"),
        (
            "gpt-3-175b-a100",
            "2024-01-01",
            "2025-07-01",
            ", to_accelerator := 'nvidia-h100-sxm-80gb', to_region := 'us-east-1', to_provider := 'aws', utilization_to := 0.37",
        ),
        ("llama-65b", "2023-01-01", "2026-06-01", ""),
        ("llama-3.1-405b", "2024-07-01", "2026-06-01", ""),
    )
]


@pytest.mark.parametrize("move", MOVES)
def test_parts_of_an_estimates_move_add_up(bundled: duckdb.DuckDBPyConnection, move: str) -> None:
    found = rows_of(bundled, f"FROM why_moved({move})")
    for quantity in ("cost_usd", "operational_kgco2e"):
        parts = {r["part"]: r["moved_by"] for r in found if r["quantity"] == quantity}
        total = parts.pop("total")
        assert total is not None, quantity
        assert math.fsum(parts.values()) == pytest.approx(total, abs=0.001, rel=1e-12)
    assert {"hardware", "utilization", "price", "exchange_rate", "method", "power", "pue", "grid"} <= {
        r["part"] for r in found
    }


def test_the_later_side_is_the_estimate_itself(bundled: duckdb.DuckDBPyConnection) -> None:
    for scenario in ("llama-65b", "gpt-3-175b-h100", "gpt-3-175b-a100"):
        central, as_of = bundled.execute(
            "SELECT central, as_of_at FROM estimated.training_estimate WHERE scenario_id = ? AND quantity = 'cost_usd'",
            [scenario],
        ).fetchall()[0]
        total = bundled.execute(
            "SELECT total_to FROM why_moved(?, DATE '2024-01-01', to_at := ?) WHERE quantity = 'cost_usd' AND part = 'total'",
            [scenario, as_of],
        ).fetchall()[0][0]
        assert total == pytest.approx(central, rel=1e-9)


def test_what_a_scenario_states_does_not_move(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(bundled, "FROM why_moved('gpt-3-175b', DATE '2021-01-01', to_at := DATE '2026-01-01')")
    assert {r["moved_by"] for r in found} == {0.0}


def test_a_change_of_method_is_a_part_of_its_own(bundled: duckdb.DuckDBPyConnection) -> None:
    """A later version of the method that finds a tenth more hours and a fifth more energy."""
    bundled.execute("BEGIN")
    try:
        bundled.execute(
            "INSERT INTO estimated.training_estimate BY NAME SELECT * REPLACE ('training-10' AS method_version, "
            "central * CASE quantity WHEN 'gpu_hours' THEN 1.1 WHEN 'energy_kwh' THEN 1.2 ELSE 1 END AS central) "
            "FROM estimated.training_estimate WHERE scenario_id = 'llama-65b'"
        )
        found = rows_of(
            bundled,
            "FROM why_moved('llama-65b', DATE '2024-01-01', to_at := DATE '2024-01-01', from_method := 'training-1')",
        )
    finally:
        bundled.execute("ROLLBACK")
    moved = {(r["quantity"], r["part"]): r["moved_by"] for r in found}
    total = {r["quantity"]: r["total_from"] for r in found}
    assert moved["cost_usd", "method"] == pytest.approx(0.1 * total["cost_usd"])
    assert moved["operational_kgco2e", "method"] == pytest.approx(0.2 * total["operational_kgco2e"])
    assert {v for (_, part), v in moved.items() if part not in ("method", "total")} == {0.0}


def test_a_price_before_the_first_observation_is_not_known(bundled: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(
        bundled,
        "FROM why_moved('gpt-3-175b-h100', DATE '2019-01-01', to_at := DATE '2026-01-01') WHERE quantity = 'cost_usd'",
    )
    assert {r["moved_by"] for r in found} == {None}
    assert {r["total_from"] for r in found} == {None}
