"""Bands and shares by Monte Carlo, for results that are no product of log-normal factors: sums, minima, whole numbers, shares, skewed factors.

Every factor is drawn from the two-piece log-normal of its p5, p50 and p95 (two-piece normal where it may be 0), clipped to its
physical bounds. The draws are a Latin hypercube: each factor takes every one of `DRAWS` equally likely levels once, in an order
given by a hash of its name and `SEED`. So a scenario always gives the same band, a factor has the same draws in two versions
of a method, and the quantiles have a smaller error than those of independent draws. One SQL statement evaluates all draws.

The share of a factor is its first-order (main) effect, the variance of the mean of the result at each level of the factor (Saltelli et al.
2010, doi:10.1016/j.cpc.2009.09.018), over the sum of all factors: what they cause together beyond that belongs to none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from statistics import NormalDist

import duckdb
import polars as pl

from assets.estimated.scenario_files.fields import Bounds

SEED = 1
DRAWS = 10_000
#: Draws that shares are taken from, and classes of levels at which the mean of a result is taken.
_SHARE_DRAWS, _CLASSES = 5_000, 25

_ORDER = """
CREATE OR REPLACE TEMP TABLE petaday_drawn_order AS
SELECT f.factor, l.level, l.z, row_number() OVER (PARTITION BY f.factor ORDER BY md5(concat_ws(':', $seed, f.factor, l.level)))::BIGINT AS draw
FROM (SELECT DISTINCT factor FROM petaday_number WHERE low < high AND scenario_id IN (SELECT unnest($scenarios))) f CROSS JOIN petaday_level l
"""

_INPUT = """
CREATE OR REPLACE TEMP TABLE petaday_drawn_input AS
WITH drawn AS (
    SELECT n.scenario_id, o.draw, n.factor, greatest(coalesce(b.smallest, -1e300), least(coalesce(b.largest, 1e300),
        CASE WHEN n.low > 0 THEN n.central * exp(abs(o.z) / band_z() * ln(CASE WHEN o.z < 0 THEN n.low ELSE n.high END / n.central))
             ELSE n.central + abs(o.z) / band_z() * (CASE WHEN o.z < 0 THEN n.low ELSE n.high END - n.central) END)) AS value
    FROM petaday_number n JOIN petaday_drawn_order o USING (factor) LEFT JOIN petaday_bound b USING (factor)
    WHERE n.low < n.high AND n.scenario_id IN (SELECT unnest($scenarios))
), wide AS (
    SELECT scenario_id, draw{columns} FROM drawn GROUP BY scenario_id, draw
)
SELECT w.scenario_id, w.draw{drawn_or_central}{texts} FROM wide w JOIN petaday_input c ON c.scenario_id = w.scenario_id AND c.side = 'central'
"""

_VALUE = """
CREATE OR REPLACE TEMP TABLE petaday_drawn_value AS
FROM (SELECT scenario_id, draw, {quantities} FROM petaday_drawn_output) UNPIVOT INCLUDE NULLS (value FOR quantity IN ({quantities}))
"""

#: Where a draw without a value stands for one beyond any number, the quantiles are of all draws; else of those that have one.
_BAND = """
WITH summed AS (
    SELECT scenario_id, quantity, quantity IN (SELECT unnest($boundless)) AS is_boundless, 1 - count(value) / count(*) AS none_share,
        quantile_cont(value, [0.05, 0.95]) AS ends, quantile_disc(coalesce(value, 'infinity'), [0.05, 0.95]) AS all_ends
    FROM petaday_drawn_value GROUP BY scenario_id, quantity
)
SELECT scenario_id, quantity, none_share, CASE WHEN is_boundless AND none_share > 0 THEN all_ends ELSE ends END AS both_ends,
    CASE WHEN isfinite(both_ends[1]) THEN both_ends[1] END AS drawn_low, CASE WHEN isfinite(both_ends[2]) THEN both_ends[2] END AS drawn_high
FROM summed WHERE none_share < 1
"""

#: Of each factor the covariance of the means of two halves of the draws, which no noise of the means adds to. Sums of whole numbers do not
#: depend on the order of summing, so that a share is the same every time.
_SHARE = """
WITH scaled AS (
    SELECT w.scenario_id, w.quantity, v.draw, (1e9 * CASE WHEN w.is_log AND min(v.value) OVER whole > 0 THEN ln(v.value)
        ELSE v.value / nullif(max(abs(v.value)) OVER whole, 0) END)::BIGINT AS scaled_value
    FROM (SELECT DISTINCT scenario_id, quantity, is_log FROM petaday_wanted_share) w JOIN petaday_drawn_value v USING (scenario_id, quantity)
    WHERE v.value IS NOT NULL AND v.draw <= $draws WINDOW whole AS (PARTITION BY w.scenario_id, w.quantity)
), mean AS (
    SELECT w.scenario_id, w.quantity, w.factor, o.level * $classes // $levels AS class_number, count(*) AS draw_count,
        sum(s.scaled_value) FILTER (s.draw % 2 = 0) / nullif(count(*) FILTER (s.draw % 2 = 0), 0) / 1e9 AS one,
        sum(s.scaled_value) FILTER (s.draw % 2 = 1) / nullif(count(*) FILTER (s.draw % 2 = 1), 0) / 1e9 AS other
    FROM petaday_wanted_share w JOIN scaled s USING (scenario_id, quantity)
    JOIN petaday_drawn_order o ON o.factor = w.factor AND o.draw = s.draw GROUP BY ALL
), listed AS (
    SELECT scenario_id, quantity, factor, sum(draw_count) AS draw_count, list({{'n': draw_count, 'a': one, 'b': other}} ORDER BY class_number) AS classes
    FROM mean WHERE one IS NOT NULL AND other IS NOT NULL GROUP BY ALL
), centered AS (
    SELECT *, list_sum(list_transform(classes, lambda c: c.n * c.a)) / draw_count AS mean_a, list_sum(list_transform(classes, lambda c: c.n * c.b)) / draw_count AS mean_b
    FROM listed
), effect AS (
    SELECT scenario_id, quantity, factor, greatest(list_sum(list_transform(classes, lambda c: c.n * (c.a - mean_a) * (c.b - mean_b))) / draw_count, 0) AS variance
    FROM centered
)
SELECT scenario_id, quantity, factor, variance_share(variance, sum(variance ORDER BY factor) OVER (
    PARTITION BY scenario_id, quantity ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) AS share
FROM effect ORDER BY scenario_id, quantity, factor
"""


@cache
def _levels() -> pl.DataFrame:
    normal = NormalDist()
    return pl.DataFrame({"level": range(DRAWS), "z": [normal.inv_cdf((level + 0.5) / DRAWS) for level in range(DRAWS)]})


def drawn_bands(
    con: duckdb.DuckDBPyConnection,
    scenarios: list[str],
    wanted: pl.DataFrame,
    bounds: Mapping[str, Bounds],
    *,
    names: list[str],
    columns: str,
    texts: str,
    output: str,
    quantities: str,
    boundless: list[str],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """p5 and p95 of every quantity of some scenarios, and what each factor causes of the variance of those that are wanted.

    Args:
        con: connection with the temporary tables of the estimate, `petaday_number` and `petaday_input`.
        scenarios: ids of those whose bands are wanted.
        wanted: scenario_id, quantity, factor of the shares that are wanted, and is_log where they are of the logarithm.
        bounds: smallest and largest value of each factor.
        names: all factors.
        columns: SQL of the factors as columns of the input, `in_<factor>`.
        texts: SQL of the text columns of the statement.
        output: statement that computes `petaday_drawn_output` from `petaday_drawn_input`.
        quantities: names of the quantities, quoted.
        boundless: quantities of which a draw without a value stands for one beyond any number.

    Returns:
        scenario_id, quantity, drawn_low, drawn_high (null where beyond any number), none_share (draws without a value), no row where no draw
        has a value; and scenario_id, quantity, factor, share (null where nothing varies).
    """
    limits = pl.DataFrame(
        [(name, b.smallest, b.largest) for name, b in bounds.items()],
        schema={"factor": pl.String, "smallest": pl.Float64, "largest": pl.Float64},
        orient="row",
    )
    try:
        con.register("petaday_level", _levels().to_arrow())
        con.register("petaday_bound", limits.to_arrow())
        con.register("petaday_wanted_share", wanted.to_arrow())
        con.execute(_ORDER, {"seed": SEED, "scenarios": scenarios}).fetchall()
        chosen = "".join(f', coalesce(w."in_{n}", c."in_{n}") AS "in_{n}"' for n in names)
        con.execute(
            _INPUT.format(columns=columns, texts=texts, drawn_or_central=chosen), {"scenarios": scenarios}
        ).fetchall()
        con.execute(output).fetchall()
        con.execute(_VALUE.format(quantities=quantities)).fetchall()
        bands = con.execute(_BAND, {"boundless": boundless}).pl().drop("both_ends")
        return bands, con.execute(_SHARE.format(), {"classes": _CLASSES, "draws": _SHARE_DRAWS, "levels": DRAWS}).pl()
    finally:
        for name in ("drawn_order", "drawn_input", "drawn_output", "drawn_value"):
            con.execute(f"DROP TABLE IF EXISTS temp.petaday_{name}").fetchall()
        for name in ("level", "bound", "wanted_share"):
            con.unregister(f"petaday_{name}")
