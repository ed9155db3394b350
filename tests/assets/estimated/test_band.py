"""The algebra of bands: properties, and agreement with Monte Carlo."""

from __future__ import annotations

import math

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.estimated.scenario_files.training import scenario_of
from assets.estimated.training import estimate_training

Z = 1.6448536269514722
SIDE = st.floats(1.0, 3.0)
CALM = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def product(
    con: duckdb.DuckDBPyConnection, factors: list[tuple[float, float, float, int]]
) -> tuple[float, float, float]:
    """Band of a product of (low, central, high, exponent), by the macros."""
    steps, central = [], math.prod(c**e for _, c, _, e in factors)
    for low, middle, high, exponent in factors:
        steps.append((central, central * (low / middle) ** exponent, central * (high / middle) ** exponent))
    values = ", ".join(f"({c!r}::DOUBLE, {a!r}::DOUBLE, {b!r}::DOUBLE)" for c, a, b in steps)
    return con.execute(
        "SELECT band_low(c, sum(sigma_down(c, a, b) ** 2)), c, band_high(c, sum(sigma_up(c, a, b) ** 2)) "
        f"FROM (VALUES {values}) t(c, a, b) GROUP BY c"
    ).fetchone() or (0.0, 0.0, 0.0)


@given(center=st.floats(1e-3, 1e24), down=SIDE, up=SIDE)
@CALM
def test_one_factor_keeps_its_band(warehouse: duckdb.DuckDBPyConnection, center: float, down: float, up: float) -> None:
    """The band of a single factor is its own; of its inverse, the inverse with sides swapped."""
    factor = (center / down, center, center * up)
    assert product(warehouse, [(*factor, 1)]) == pytest.approx(factor, rel=1e-9)
    assert product(warehouse, [(*factor, -1)]) == pytest.approx(tuple(1 / x for x in reversed(factor)), rel=1e-9)


@given(sides=st.lists(st.tuples(SIDE, SIDE), min_size=1, max_size=5))
@CALM
def test_band_is_ordered_and_within_the_extremes(
    warehouse: duckdb.DuckDBPyConnection, sides: list[tuple[float, float]]
) -> None:
    """Low <= central <= high; at least as wide as the widest factor, never wider than all at their worst."""
    low, central, high = product(warehouse, [(1 / down, 1.0, up, 1) for down, up in sides])
    assert low <= central <= high
    assert high <= math.prod(up for _, up in sides) * (1 + 1e-9)
    assert high >= max(up for _, up in sides) * (1 - 1e-9)
    assert low >= math.prod(1 / down for down, _ in sides) * (1 - 1e-9)


@given(sides=st.lists(st.tuples(SIDE, SIDE), min_size=2, max_size=5), seed=st.randoms())
@CALM
def test_order_of_factors_does_not_matter(
    warehouse: duckdb.DuckDBPyConnection, sides: list[tuple[float, float]], seed: object
) -> None:
    """A shuffled product has the same band."""
    factors = [(1 / down, 1.0, up, 1) for down, up in sides]
    shuffled = list(factors)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    assert product(warehouse, factors) == pytest.approx(product(warehouse, shuffled), rel=1e-9)


def draw(rng: np.random.Generator, band: dict[str, float], size: int) -> np.ndarray:
    """Two-piece log-normal with these p5, p50, p95."""
    z = rng.standard_normal(size)
    down, up = math.log(band["central"] / band["low"]) / Z, math.log(band["high"] / band["central"]) / Z
    return band["central"] * np.exp(np.where(z < 0, down, up) * z)


@pytest.mark.parametrize(("skew", "of_bounds", "of_central"), [(1.0, 0.01, 0.01), (1.8, 0.03, 0.1)])
def test_agrees_with_monte_carlo(
    warehouse: duckdb.DuckDBPyConnection, skew: float, of_bounds: float, of_central: float
) -> None:
    """The whole chain, FLOP over throughput to energy and carbon: exact for log-normals, near for two-piece ones.

    The central value is the formula at the central inputs; the median of a product of skewed factors lies off it.
    """
    bands = {
        "utilization_share": {"low": 0.3 / 1.4**skew, "central": 0.3, "high": 0.3 * 1.4},
        "power_w_per_gpu": {"low": 400 / 1.3, "central": 400.0, "high": 400 * 1.3**skew},
        "pue": {"low": 1.2 / 1.1, "central": 1.2, "high": 1.2 * 1.1},
        "grid_gco2e_per_kwh": {"low": 300 / 1.5, "central": 300.0, "high": 300 * 1.5},
    }
    estimate = estimate_training(
        warehouse, scenario_of({"training_flop": 1e23, "peak_flop_per_s_per_gpu": 312e12, **bands})
    )
    rng = np.random.default_rng(1)
    drawn = {name: draw(rng, band, 400_000) for name, band in bands.items()}
    hours = 1e23 / (312e12 * drawn["utilization_share"]) / 3600
    energy = hours * drawn["power_w_per_gpu"] / 1000 * drawn["pue"]
    samples = {
        "gpu_hours": hours,
        "energy_kwh": energy,
        "operational_kgco2e": energy * drawn["grid_gco2e_per_kwh"] / 1000,
    }
    for quantity, sample in samples.items():
        expected = np.quantile(sample, [0.05, 0.5, 0.95])
        result = estimate.quantities[quantity]
        assert [result["low"], result["high"]] == pytest.approx(expected[[0, 2]], rel=of_bounds), quantity
        assert result["central"] == pytest.approx(expected[1], rel=of_central), quantity
    shares = {f["factor"]: f["variance_share"].get("operational_kgco2e") for f in estimate.factors}
    total = np.log(samples["operational_kgco2e"]).var()
    for name in bands:
        assert shares[name] == pytest.approx(np.log(drawn[name]).var() / total, abs=0.01), name
    assert sum(share for share in shares.values() if share) == pytest.approx(1)
