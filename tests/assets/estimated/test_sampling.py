"""Bands of what is no product: drawn, the same every time, and those of an independent simulation."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from assets.estimated.engine import estimate_statements
from assets.estimated.sections import statement_of
from tests.assets.estimated.test_band import draw

REQUEST = {
    "active_parameters_count": 12.9e9,
    "parameters_count": 46.7e9,
    "output_tokens_count": 200,
    "pue": {"low": 1.1, "central": 1.2, "high": 1.5},
    "grid_gco2e_per_kwh": {"low": 100, "central": 300, "high": 700},
}


def test_a_sum_has_the_band_of_a_simulation(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Ownership: hardware, whose value is uncertain, and electricity, whose use and price are."""
    bands = {
        "value_at_start_usd": {"low": 5_000.0, "central": 10_000.0, "high": 30_000.0},
        "power_w_per_gpu": {"low": 300.0, "central": 600.0, "high": 900.0},
        "price_usd_per_kwh": {"low": 0.05, "central": 0.1, "high": 0.4},
    }
    stated = statement_of("ownership", {"gpu_hours": 1e6, "pue": 1.2, **bands})
    result = estimate_statements(warehouse, [stated])[0]
    rng = np.random.default_rng(7)
    drawn = {name: draw(rng, band, 400_000) for name, band in bands.items()}
    hardware = drawn["value_at_start_usd"] * 1e6 * np.log(10) * 0.14 / (365.25 * 24) / 0.81
    energy = 1e6 * drawn["power_w_per_gpu"] / 1000 * 1.2 * drawn["price_usd_per_kwh"]
    expected = np.quantile(hardware + energy, [0.05, 0.95])
    found = result.quantities["amortised_usd"]
    assert [found["low"], found["high"]] == pytest.approx(expected, rel=0.02)
    shares = [f["variance_share"].get("amortised_usd") or 0 for f in result.factors]
    assert sum(shares) == pytest.approx(1)


def test_the_same_band_every_time(warehouse: duckdb.DuckDBPyConnection) -> None:
    alone = estimate_statements(warehouse, [statement_of("request", REQUEST, scenario_id="a")])[0]
    beside = estimate_statements(
        warehouse, [statement_of("request", REQUEST | {"output_tokens_count": 9}, scenario_id="b"), alone.statement]
    )[1]
    assert alone.quantities == beside.quantities
    total = alone.quantities["total_kgco2e"]
    assert total["low"] < total["central"] < total["high"]


def test_draws_stay_within_what_is_possible(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A share whose log-normal side reaches above 1 is cut there."""
    values = {"gpu_hours_per_day": 240, "utilization_share": {"low": 0.2, "central": 0.6, "high": 0.99}}
    found = estimate_statements(warehouse, [statement_of("fleet", values)])[0].quantities["gpu_count"]
    assert found["low"] >= 10
    assert found["central"] == 17
    assert found["high"] == pytest.approx(50, rel=0.05)
