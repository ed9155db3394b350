"""Growth of compute through observed points, and claims judged by estimates."""

from __future__ import annotations

import math

import duckdb
import pytest

from tests.pipelines.decisions.asked import rows_of


def test_growth_is_the_line_through_the_points(bundled: duckdb.DuckDBPyConnection) -> None:
    """Against the textbook formulas on the same points."""
    points = bundled.sql(
        "SELECT epoch(released_on::TIMESTAMP) / 31557600, log10(training_flop) FROM training_compute() WHERE source_id = 'starter_model_compute' "
        "AND released_on >= DATE '2018-01-01' AND training_flop > 0"
    ).fetchall()
    n, mean_x, mean_y = (
        len(points),
        math.fsum(x for x, _ in points) / len(points),
        math.fsum(y for _, y in points) / len(points),
    )
    sxx = math.fsum((x - mean_x) ** 2 for x, _ in points)
    slope = math.fsum((x - mean_x) * (y - mean_y) for x, y in points) / sxx
    left = math.fsum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    error = math.sqrt(left / (n - 2) / sxx)
    row = next(
        r
        for r in rows_of(bundled, "FROM compute_growth(from_on := DATE '2018-01-01')")
        if r["quantity"] == "training_flop"
    )
    assert row["point_count"] == n
    assert row["slope_oom_per_year"] == pytest.approx(slope)
    assert row["slope_error_oom_per_year"] == pytest.approx(error)
    assert row["high_growth_per_year"] == pytest.approx(
        10 ** (slope + 1.6596 * error), rel=1e-3
    )  # t at 0.95, 103 degrees
    assert row["doubling_months"] == pytest.approx(12 * math.log10(2) / slope)


def test_every_claim_is_judged_by_an_estimate(bundled: duckdb.DuckDBPyConnection) -> None:
    found = {r["claim_id"]: r["verdict"] for r in rows_of(bundled, "FROM estimated.scenario_verdict")}
    assert not [claim for claim, verdict in found.items() if verdict.startswith("unknown")]
    assert (
        found["chatgpt-gpus"]
        == found["chatgpt-racks"]
        == found["chatgpt-energy"]
        == found["chatgpt-electricity-chain"]
        == "holds"
    )
    assert (
        found["chatgpt-gpus-of-visitors"]
        == found["west-greener-inner-mongolia"]
        == found["west-greener-guizhou"]
        == "does not hold"
    )
    assert found["gpt-3-1-4-million"] == found["gpt-3-4-6-million"] == found["gpt-3-12-million"] == "holds"
    assert bundled.sql(
        "SELECT count(*) FROM reference.scenario_claim c ANTI JOIN reference.scenario s USING (scenario_id)"
    ).fetchall() == [(0,)]
