"""Bands by Monte Carlo, for results that are not a product of their factors: sums, minima, whole numbers, shares.

Every factor is drawn from the two-piece log-normal of its p5, p50 and p95 (two-piece normal where it may be 0), clipped to its
physical bounds. The draws are a Latin hypercube: each factor takes every one of `DRAWS` equally likely levels once, in an order
given by a hash of its name and `SEED`. So a scenario always gives the same band, a factor has the same draws in two versions
of a method, and the quantiles have a smaller error than those of independent draws. One SQL statement evaluates all draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from statistics import NormalDist

import duckdb
import polars as pl

from assets.estimated.scenario_files.fields import Bounds

SEED = 1
DRAWS = 2_000

_INPUT = """
CREATE OR REPLACE TEMP TABLE petaday_drawn_input AS
WITH ordered AS (
    SELECT n.scenario_id, n.factor, n.low, n.central, n.high, b.smallest, b.largest, l.z,
        row_number() OVER (PARTITION BY n.scenario_id, n.factor ORDER BY md5(concat_ws(':', $seed, n.factor, l.level)))::BIGINT AS draw
    FROM petaday_number n CROSS JOIN petaday_level l LEFT JOIN petaday_bound b USING (factor)
    WHERE n.low < n.high AND n.scenario_id IN (SELECT unnest($scenarios))
), drawn AS (
    SELECT scenario_id, draw, factor, greatest(coalesce(smallest, -1e300), least(coalesce(largest, 1e300),
        CASE WHEN low > 0 THEN central * exp(abs(z) / band_z() * ln(CASE WHEN z < 0 THEN low ELSE high END / central))
             ELSE central + abs(z) / band_z() * (CASE WHEN z < 0 THEN low ELSE high END - central) END)) AS value
    FROM ordered
), input AS (
    SELECT scenario_id, draw, factor, value FROM drawn
    UNION ALL
    SELECT n.scenario_id, d.draw, n.factor, n.central
    FROM petaday_number n JOIN (SELECT DISTINCT scenario_id, draw FROM drawn) d USING (scenario_id) WHERE NOT n.low < n.high
), wide AS (
    SELECT scenario_id, draw{columns} FROM input GROUP BY scenario_id, draw
)
SELECT wide.*{texts} FROM wide JOIN petaday_statement USING (scenario_id)
"""

_BAND = """
SELECT scenario_id, quantity, quantile_cont(value, 0.05) AS drawn_low, quantile_cont(value, 0.95) AS drawn_high
FROM (FROM (SELECT scenario_id, {quantities} FROM petaday_drawn_output) UNPIVOT (value FOR quantity IN ({quantities})))
GROUP BY scenario_id, quantity
"""


@cache
def _levels() -> pl.DataFrame:
    normal = NormalDist()
    return pl.DataFrame({"level": range(DRAWS), "z": [normal.inv_cdf((level + 0.5) / DRAWS) for level in range(DRAWS)]})


def drawn_bands(
    con: duckdb.DuckDBPyConnection,
    scenarios: list[str],
    bounds: Mapping[str, Bounds],
    *,
    columns: str,
    texts: str,
    output: str,
    quantities: str,
) -> pl.DataFrame:
    """p5 and p95 of every quantity of these scenarios.

    Args:
        con: connection with the temporary tables of the estimate, `petaday_number` and `petaday_statement`.
        scenarios: ids.
        bounds: smallest and largest value of each factor.
        columns: SQL of the factors as columns of the input, `in_<factor>`.
        texts: SQL of the text columns of the statement.
        output: statement that computes `petaday_drawn_output` from `petaday_drawn_input`.
        quantities: names of the quantities, quoted.

    Returns:
        scenario_id, quantity, drawn_low, drawn_high; no row where no draw has a value.
    """
    limits = pl.DataFrame(
        [(name, b.smallest, b.largest) for name, b in bounds.items()],
        schema={"factor": pl.String, "smallest": pl.Float64, "largest": pl.Float64},
        orient="row",
    )
    try:
        con.register("petaday_level", _levels().to_arrow())
        con.register("petaday_bound", limits.to_arrow())
        con.execute(_INPUT.format(columns=columns, texts=texts), {"seed": SEED, "scenarios": scenarios}).fetchall()
        con.execute(output).fetchall()
        return con.execute(_BAND.format(quantities=quantities)).pl()
    finally:
        for name in ("drawn_input", "drawn_output"):
            con.execute(f"DROP TABLE IF EXISTS temp.petaday_{name}").fetchall()
        for name in ("level", "bound"):
            con.unregister(f"petaday_{name}")
