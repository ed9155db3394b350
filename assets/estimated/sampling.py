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
_SHARE_DRAWS, _CLASSES = 2_500, 20
#: Scenarios that are drawn at once; a limit on memory.
_SCENARIOS_AT_ONCE = 10

_ORDER = """
CREATE OR REPLACE TEMP TABLE petaday_drawn_order AS
SELECT f.factor, l.level, l.z, row_number() OVER (PARTITION BY f.factor ORDER BY md5(concat_ws(':', $seed, f.factor, l.level)))::BIGINT AS draw
FROM (SELECT unnest($factors) AS factor) f CROSS JOIN petaday_level l
"""

#: All numbers at their central values, but those with a band at what was drawn.
_INPUT = """
CREATE OR REPLACE TEMP TABLE petaday_drawn_input AS
WITH drawn AS (
    SELECT draw{z_of_each} FROM petaday_drawn_order GROUP BY draw
), band AS (
    SELECT scenario_id{band_of_each} FROM petaday_number WHERE low < high AND scenario_id IN (SELECT unnest($scenarios)) GROUP BY scenario_id
)
SELECT c.* EXCLUDE (varied, side) REPLACE ({drawn_of_each}), d.draw
FROM band b JOIN petaday_input c ON c.scenario_id = b.scenario_id AND c.side = 'central' CROSS JOIN drawn d
"""
_Z = ", max(z) FILTER (factor = '{0}') AS \"z_{0}\""
_BAND_OF = ", max({{'low': low, 'central': central, 'high': high}}) FILTER (factor = '{0}') AS \"band_{0}\""
_TO = 'CASE WHEN d."z_{0}" < 0 THEN b."band_{0}".low ELSE b."band_{0}".high END'
_DRAWN = (
    'CASE WHEN b."band_{0}" IS NULL THEN c."in_{0}" ELSE greatest({1}, least({2}, CASE WHEN b."band_{0}".low > 0 '
    f'THEN b."band_{{0}}".central * exp(abs(d."z_{{0}}") / band_z() * ln({_TO} / b."band_{{0}}".central)) '
    f'ELSE b."band_{{0}}".central + abs(d."z_{{0}}") / band_z() * ({_TO} - b."band_{{0}}".central) END)) END AS "in_{{0}}"'
)

#: Where a draw without a value stands for one beyond any number, the quantiles are of all draws; else of those that have one.
_BAND = """
WITH summed AS (
    FROM (SELECT scenario_id{ends_of_each} FROM petaday_drawn_output GROUP BY scenario_id) UNPIVOT (found FOR quantity IN ({quantities}))
)
SELECT scenario_id, quantity, 1 - found.n / $draws AS none_share, CASE WHEN isfinite(found.ends[1]) THEN found.ends[1] END AS drawn_low,
    CASE WHEN isfinite(found.ends[2]) THEN found.ends[2] END AS drawn_high
FROM summed WHERE found.n > 0
"""
_ENDS = ', {{\'n\': count("{0}"), \'ends\': quantile_cont("{0}", [0.05, 0.95])}} AS "{0}"'
_ALL_ENDS = (
    ', {{\'n\': count("{0}"), \'ends\': CASE WHEN count("{0}") = count(*) THEN quantile_cont("{0}", [0.05, 0.95]) '
    'ELSE quantile_disc(coalesce("{0}", \'infinity\'), [0.05, 0.95]) END}} AS "{0}"'
)

#: Of each factor the covariance of the means of two halves of the draws, which no noise of the means adds to. Sums of whole numbers do not
#: depend on the order of summing, so that a share is the same every time.
_SHARE = """
WITH value AS (
    FROM (SELECT scenario_id, draw, {quantities} FROM petaday_drawn_output WHERE draw <= $draws) UNPIVOT (value FOR quantity IN ({quantities}))
), scaled AS (
    SELECT w.scenario_id, w.quantity, v.draw, (1e9 * CASE WHEN w.is_log AND min(v.value) OVER whole > 0 THEN ln(v.value)
        ELSE v.value / nullif(max(abs(v.value)) OVER whole, 0) END)::BIGINT AS scaled_value
    FROM (SELECT DISTINCT scenario_id, quantity, is_log FROM petaday_wanted_share) w JOIN value v USING (scenario_id, quantity)
    WINDOW whole AS (PARTITION BY w.scenario_id, w.quantity)
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
    varied: list[str],
    bounds: Mapping[str, Bounds],
    *,
    output: str,
    quantities: list[str],
    boundless: list[str],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """p5 and p95 of every quantity of some scenarios, and what each factor causes of the variance of those that are wanted.

    Args:
        con: connection with the temporary tables of the estimate, `petaday_number` and `petaday_input`.
        scenarios: ids of those whose bands are wanted.
        wanted: scenario_id, quantity, factor of the shares that are wanted, and is_log where they are of the logarithm.
        varied: factors that have a band.
        bounds: smallest and largest value of each factor.
        output: statement that computes `petaday_drawn_output` from `petaday_drawn_input`.
        quantities: names of the quantities.
        boundless: those of which a draw without a value stands for one beyond any number.

    Returns:
        scenario_id, quantity, drawn_low, drawn_high (null where beyond any number), none_share (draws without a value), no row where no draw
        has a value; and scenario_id, quantity, factor, share (null where nothing varies).
    """
    limits = {
        name: (bounds[name].smallest, bounds[name].largest) if name in bounds else (-1e300, 1e300) for name in varied
    }
    statement = _INPUT.format(
        z_of_each="".join(_Z.format(name) for name in varied),
        band_of_each="".join(_BAND_OF.format(name) for name in varied),
        drawn_of_each=", ".join(_DRAWN.format(name, *map(repr, map(float, limits[name]))) for name in varied),
    )
    quoted = ", ".join(f'"{name}"' for name in quantities)
    ends = "".join((_ALL_ENDS if name in boundless else _ENDS).format(name) for name in quantities)
    bands, shares = [], []
    try:
        con.register("petaday_level", _levels().to_arrow())
        con.execute(_ORDER, {"seed": SEED, "factors": varied}).fetchall()
        for first in range(0, len(scenarios), _SCENARIOS_AT_ONCE):
            some = scenarios[first : first + _SCENARIOS_AT_ONCE]
            con.register("petaday_wanted_share", wanted.filter(pl.col("scenario_id").is_in(some)).to_arrow())
            con.execute(statement, {"scenarios": some}).fetchall()
            con.execute(output).fetchall()
            bands.append(con.execute(_BAND.format(ends_of_each=ends, quantities=quoted), {"draws": DRAWS}).pl())
            counts = {"classes": _CLASSES, "draws": _SHARE_DRAWS, "levels": DRAWS}
            shares.append(con.execute(_SHARE.format(quantities=quoted), counts).pl())
        return pl.concat(bands), pl.concat(shares)
    finally:
        for name in ("drawn_order", "drawn_input", "drawn_output"):
            con.execute(f"DROP TABLE IF EXISTS temp.petaday_{name}").fetchall()
        for name in ("level", "wanted_share"):
            con.unregister(f"petaday_{name}")
