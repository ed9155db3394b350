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


def split(con: duckdb.DuckDBPyConnection, pairs: list[tuple[float, float]]) -> dict[str, dict]:
    """Part -> row of the split of a product of these factors (before, after)."""
    values = ", ".join(f"('p{i}', {a!r}::DOUBLE, {b!r}::DOUBLE)" for i, (a, b) in enumerate(pairs))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE moved AS SELECT 'q' AS quantity, *, 'm-1' AS from_version, 'm-1' AS to_version, NULL::VARCHAR AS reason "
        f"FROM (VALUES {values}) t(part, value_from, value_to)"
    )
    return {r["part"]: r for r in con.sql("FROM _split_of_move('moved')").pl().to_dicts()}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.floats(0.01, 1e6), st.floats(0.01, 1e6)), min_size=1, max_size=6),
    st.sampled_from(["none", "becomes", "was", "stays"]),
    st.randoms(),
)
def test_a_factor_that_becomes_0_has_moved_it_all(
    bundled: duckdb.DuckDBPyConnection, pairs: list[tuple[float, float]], kind: str, order: random.Random
) -> None:
    """A grid without emissions, a card that is given away: parts add up exactly, and are the limit of small values."""
    if kind != "none":
        pairs = [*pairs, {"becomes": (3.0, 0.0), "was": (0.0, 3.0), "stays": (0.0, 0.0)}[kind]]
        order.shuffle(pairs)
    found = split(bundled, pairs)
    change = math.prod(b for _, b in pairs) - math.prod(a for a, _ in pairs)
    scale = max(math.prod(a for a, _ in pairs), math.prod(b for _, b in pairs))
    parts = [found[f"p{i}"]["moved_by"] for i in range(len(pairs))]
    assert found["total"]["moved_by"] == pytest.approx(change, abs=1e-9 * scale)
    assert math.fsum(parts) == pytest.approx(change, rel=1e-9, abs=1e-8 * scale)
    assert all(row["reason"] is None for row in found.values())
    for (a, b), part in zip(pairs, parts, strict=True):
        if kind != "none":
            assert part == (found["total"]["moved_by"] if (a == 0) != (b == 0) else 0)


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [([(2, 0), (3, 0), (1, 2)], "several factors are 0"), ([(2, 0), (0, 3)], "several factors are 0"), ([(-1, 2), (3, 4)], "a factor is below 0")],
)  # fmt: skip
def test_what_has_no_split_says_why(
    bundled: duckdb.DuckDBPyConnection, pairs: list[tuple[float, float]], reason: str
) -> None:
    found = split(bundled, pairs)
    total = found.pop("total")
    assert total["moved_by"] == pytest.approx(math.prod(b for _, b in pairs) - math.prod(a for a, _ in pairs))
    if total["total_from"] == total["total_to"] == 0:
        # From 0 to 0 nothing moved, whatever was 0.
        assert {row["moved_by"] for row in found.values()} == {0}
    else:
        assert all(row["moved_by"] is None and reason in row["reason"] for row in found.values())


@pytest.mark.parametrize("seed", range(12))
def test_probability_below_is_that_of_draws_from_two_pieces(bundled: duckdb.DuckDBPyConnection, seed: int) -> None:
    """Random central values and sides: also of bands that lean to other sides, and where one has no width on a side."""
    draw = random.Random(seed)
    a, b = 10 ** draw.uniform(0, 0.3), 10 ** draw.uniform(0, 0.3)
    sides = [draw.choice([0.0, draw.uniform(0.02, 0.5), draw.uniform(0.02, 0.5)]) for _ in range(4)]
    found = bundled.execute(
        "SELECT probability_below($1, $2, $3, $4, $5, $6)", [a, b, *(side**2 for side in sides)]
    ).fetchall()[0][0]

    def drawn(central: float, down: float, up: float) -> float:
        z = draw.gauss(0, 1)
        return central * math.exp((down if z < 0 else up) * z)

    wins = sum(drawn(a, *sides[:2]) < drawn(b, *sides[2:]) for _ in range(60_000)) / 60_000
    # Draws are within 0.006; as of normal distributions it was up to 0.1 off.
    assert found == pytest.approx(wins, abs=0.012)
