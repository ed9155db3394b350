"""What the decision macros are made of: probabilities that agree with draws, and splits that are exact for any factors."""

from __future__ import annotations

import math
import random
from statistics import NormalDist

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


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


def test_students_t(bundled: duckdb.DuckDBPyConnection) -> None:
    """0.95 quantiles as printed in the tables of statistics."""
    found = bundled.sql(
        "SELECT student_t_95(3), student_t_95(5), student_t_95(10), student_t_95(30), student_t_95(120)"
    ).fetchall()[0]
    assert found == pytest.approx((2.3534, 2.0150, 1.8125, 1.6973, 1.6577), rel=3e-3)


POSITIVE = st.floats(1e-9, 1e9)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(POSITIVE, st.floats(0.001, 1000)), min_size=2, max_size=8), st.booleans())
def test_the_split_is_exact_for_any_factors(
    bundled: duckdb.DuckDBPyConnection, factors: list[tuple[float, float]], is_undone: bool
) -> None:
    """Whatever the factors are and however they move, also where the moves cancel: the parts add up to the change."""
    pairs = [(value, value * ratio) for value, ratio in factors]
    if is_undone:
        pairs += [(after, before) for before, after in pairs]
    start, end = (math.prod(p[side] for p in pairs) for side in (0, 1))
    parts = bundled.execute(
        "SELECT list_transform(?::DOUBLE[], lambda r: log_mean(?::DOUBLE, ?::DOUBLE) * ln(r))",
        [[b / a for a, b in pairs], end, start],
    ).fetchall()[0][0]
    assert math.fsum(parts) == pytest.approx(end - start, rel=1e-9, abs=1e-12 * max(start, end))
    assert bundled.execute("SELECT log_mean(?::DOUBLE, ?::DOUBLE)", [start, end]).fetchall()[0][0] == pytest.approx(
        bundled.execute("SELECT log_mean(?::DOUBLE, ?::DOUBLE)", [end, start]).fetchall()[0][0], rel=1e-9
    )
