"""Why a rate moved, and why two estimates differ: price, currency and throughput as parts."""

from __future__ import annotations

import math
import random

import duckdb
import pytest

from tests.pipelines.decisions.asked import rows_of


def test_a_split_of_two_offers_adds_up_whatever_the_job(bundled: duckdb.DuckDBPyConnection) -> None:
    """Random jobs and utilisations between two instance types, each to the last cent and gram."""
    draw = random.Random(11)
    for _ in range(12):
        found = rows_of(
            bundled,
            f"FROM why_rate_moved('aws', 'p4d.24xlarge', DATE '2022-06-01', DATE '2025-07-01', from_region := 'us-east-1', to_instance_type := 'p5.48xlarge', "
            f"flop := {10 ** draw.uniform(18, 25)}, utilization_from := {draw.uniform(0.05, 0.9)}, utilization_to := {draw.uniform(0.05, 0.9)})",
        )
        for quantity in ("cost_usd", "operational_kgco2e"):
            parts = {r["part"]: r["moved_by"] for r in found if r["quantity"] == quantity}
            total = parts.pop("total")
            assert math.fsum(parts.values()) == pytest.approx(total, rel=1e-9, abs=1e-3)


def test_the_three_costs_of_gpt_3_differ_by_price_per_operation(bundled: duckdb.DuckDBPyConnection) -> None:
    """1.4, 4.6 and 12 million USD for the same operations: throughput and price of an hour, which add up."""
    for other in ("gpt-3-cost-4-6-million", "gpt-3-cost-12-million", "gpt-3-175b"):
        found = {r["part"]: r for r in rows_of(bundled, f"FROM why_differs('gpt-3-cost-1-4-million', '{other}')")}
        total = found.pop("total")
        assert math.fsum(r["differs_by_usd"] for r in found.values()) == pytest.approx(
            total["differs_by_usd"], abs=0.001
        )
        assert math.prod(r["ratio"] for r in found.values()) == pytest.approx(total["ratio"])
        assert abs(found["operations"]["ratio"] - 1) < 0.004
    assert total["value_from"] == pytest.approx(1.402e6, rel=1e-3)
    twelve = {
        r["part"] for r in rows_of(bundled, "FROM why_differs('gpt-3-cost-1-4-million', 'gpt-3-cost-12-million')")
    }
    assert twelve == {"operations", "price_per_operation", "total"}


def test_a_price_in_euro_and_the_euro_itself_are_two_parts(bundled: duckdb.DuckDBPyConnection) -> None:
    """3.00 EUR from September 2024, 3.30 EUR from September 2025: a tenth by the seller, the rest by the currency."""
    bundled.execute("BEGIN")
    try:
        for start, amount in (("2024-09-01", 3.0), ("2025-09-01", 3.3)):
            bundled.execute(
                "INSERT INTO observed.cloud_rate_log BY NAME SELECT * REPLACE (? AS price_amount_per_hour, ?::TIMESTAMPTZ AS valid_from) FROM observed.cloud_rate_log "
                "WHERE provider = 'scaleway' AND region = 'fr-par-2' AND instance_type = 'H100-1-80G' AND purchase_option = 'on_demand'",
                [amount, start],
            )
        found = {
            r["part"]: r
            for r in rows_of(
                bundled,
                "FROM why_rate_moved('scaleway', 'H100-1-80G', DATE '2024-10-01', DATE '2025-10-01', from_region := 'fr-par-2', gpu_hours := 1000) WHERE quantity = 'cost_usd'",
            )
        }
        rates = [
            bundled.execute(
                "SELECT usd_per_unit FROM observed.usd_rate_day WHERE currency_code = 'EUR' AND rate_on = ?::DATE",
                [day],
            ).fetchall()[0][0]
            for day in ("2024-09-01", "2025-09-01")
        ]
    finally:
        bundled.execute("ROLLBACK")
    assert found["price"]["value_to"] / found["price"]["value_from"] == pytest.approx(1.1)
    assert found["exchange_rate"]["value_to"] / found["exchange_rate"]["value_from"] == pytest.approx(
        rates[1] / rates[0]
    )
    assert abs(found["exchange_rate"]["moved_by"]) > 1
    assert found["total"]["value_from"] == pytest.approx(1000 * 3.0 * rates[0])
    assert found["price"]["moved_by"] + found["exchange_rate"]["moved_by"] == pytest.approx(found["total"]["moved_by"])
