"""What trainings cost and emit: scenarios in, results with bands and their factors out.

The formulas are DuckDB macros (`formulas/`), the propagation is SQL beside this module (`training_estimate.sql`); this module
only hands scenarios to DuckDB and results back. All scenarios of a call are computed at once.

A result's band comes from moving one factor at a time to its bounds and combining the steps of ln(result) (`formulas/skewed.sql`):
exact for products of independent log-normals, within 1% of Monte Carlo by the defaults, further off where several given factors
are very skewed (docs/methodology.md says how far). The
central value is the formula at the central inputs and not the median (by a skewed rate up to 14% off it).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl

from assets.estimated.formula_macros import text_of
from assets.estimated.scenario_files.training import Scenario
from assets.estimated.tables import FACTOR, TRAINING_ESTIMATE, TRAINING_QUANTITIES
from assets.estimated.training_lookup import looked_up

METHOD_VERSION = "training-2"
#: Version -> how the steps of a result's factors make its band. training-1 combined the sides one by one: p5 and p95 up to 17% too
#: low by factors whose sides differ.
STEPS = {
    METHOD_VERSION: "product_of_steps(list(two_piece(sigma_below, sigma_above) ORDER BY factor))",
    "training-1": "two_piece(sqrt(sum(sigma_below ** 2 ORDER BY factor)), sqrt(sum(sigma_above ** 2 ORDER BY factor)))",
}
#: Quantities beside the six, in the JSON output only.
DERIVED_QUANTITIES = {"duration_days": "day", "achieved_flop_per_s_per_gpu": "FLOP/s", "utilization_share": "1"}

FACTOR_UNITS: dict[str, str] = {
    "parameters_count": "1",
    "active_parameters_count": "1",
    "tokens_count": "token",
    "training_flop": "FLOP",
    "flop_per_parameter_token": "FLOP",
    "attention_flop_per_token": "FLOP/token",
    "accelerator_count": "1",
    "duration_days": "day",
    "gpu_hours": "GPU-hour",
    "achieved_flop_per_s_per_gpu": "FLOP/s",
    "peak_flop_per_s_per_gpu": "FLOP/s",
    "utilization_share": "1",
    "power_w_per_gpu": "W",
    "tdp_w": "W",
    "power_share_of_tdp": "1",
    "pue": "1",
    "energy_kwh": "kWh",
    "it_energy_kwh": "kWh",
    "grid_gco2e_per_kwh": "gCO2e/kWh",
    "usd_per_gpu_hour": "USD/GPU-hour",
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """One scenario's results and the factors behind them."""

    scenario: Scenario
    quantities: dict[str, dict[str, Any]]
    derived: dict[str, dict[str, Any]]
    factors: list[dict[str, Any]]
    as_of: dt.datetime
    computed_at: dt.datetime
    is_bundled: bool
    #: Given numbers that no result was computed from.
    unused: list[str]
    method_version: str

    def as_json(self) -> dict[str, Any]:
        """The output of `petaday estimate --json`: the six quantities, then what is behind them."""
        return self.quantities | {
            "derived": self.derived,
            "factors": self.factors,
            "unused": self.unused,
            "method_version": self.method_version,
            "scenario": self.scenario.as_json(),
            "as_of": self.as_of.isoformat(),
            "computed_at": self.computed_at.isoformat(),
            "is_bundled": self.is_bundled,
        }


@dataclass(frozen=True, slots=True)
class Estimates:
    """Results of many scenarios as frames of the declared tables, and one by one."""

    training_estimate: pl.DataFrame
    factor: pl.DataFrame
    estimates: list[Estimate]


def _estimate_sql(version: str) -> str:
    columns = ", ".join(f"max(value) FILTER (factor = '{name}') AS in_{name}" for name in FACTOR_UNITS)
    return text_of("training_estimate.sql").format(input_columns=columns, step=STEPS[version])


#: If a model is named whose FLOP does not follow from what is published, the reason says so.
_RESULT = """SELECT scenario_id, quantity, low, central, high,
    CASE WHEN model IS NOT NULL AND starts_with(reason, 'give training_flop') THEN format('what is known of {} does not tell its FLOP: ', model) ELSE '' END || reason AS reason
FROM petaday_result LEFT JOIN (SELECT scenario_id, model FROM petaday_scenario) USING (scenario_id)"""


def estimate_trainings(
    con: duckdb.DuckDBPyConnection,
    scenarios: Sequence[Scenario],
    now: dt.datetime | None = None,
    rule: str | None = None,
    *,
    version: str = METHOD_VERSION,
    may_be_early: bool = False,
) -> Estimates:
    """Estimate scenarios, all at once.

    Args:
        con: the published file (also read-only) or the work file: reference.accelerator, .model, .region,
            observed.cloud_rate, observed.grid_carbon; only temporary tables are made, and dropped again.
        scenarios: with distinct ids.
        now: instant that stands for "now"; the clock's if not given.
        rule: an older rule of `look_up_rules` by which a rate or a grid is looked up; the newest if not given.
        version: one of `STEPS`.
        may_be_early: at a date before the first observation a price or a grid is unknown, instead of the scenario refused: for
            scenarios that come with Petaday, whatever the warehouse holds.

    Raises:
        ScenarioError: one line per name that is not known, date before the first observation, or contradiction.
    """
    now = now or dt.datetime.now(dt.UTC)
    with looked_up(con, scenarios, now, rule, may_be_early=may_be_early):
        con.execute(_estimate_sql(version)).fetchall()
        results = con.execute(_RESULT).pl()
        effects = con.execute(_FACTOR_QUERY).pl()
    return _collect(scenarios, results, effects, now, version)


_FACTOR_QUERY = """
WITH share AS (
    SELECT *, two_piece_variance(sigma_below, sigma_above) AS variance FROM petaday_effect WHERE is_used
)
SELECT f.scenario_id, s.quantity, f.factor, f.central AS value, f.low, f.high,
    variance_share(s.variance, sum(s.variance) OVER whole) AS variance_share,
    f.origin_kind, f.origin_ref, f.capture_id, f.source_url, f.is_bundled
FROM petaday_factor f LEFT JOIN share s ON s.scenario_id = f.scenario_id AND s.factor = f.factor
WINDOW whole AS (
    PARTITION BY f.scenario_id, s.quantity ORDER BY f.factor ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
)
"""


def _collect(
    scenarios: Sequence[Scenario], results: pl.DataFrame, effects: pl.DataFrame, now: dt.datetime, version: str
) -> Estimates:
    units = TRAINING_QUANTITIES | DERIVED_QUANTITIES
    order = {name: n for n, name in enumerate(units)}
    factor_order = {name: n for n, name in enumerate(FACTOR_UNITS)}
    rank = pl.col("quantity").replace_strict(order, default=len(order), return_dtype=pl.Int64)
    factor_rank = pl.col("factor").replace_strict(factor_order, return_dtype=pl.Int64)
    results = results.with_columns(pl.col("quantity").replace_strict(units, return_dtype=pl.String).alias("unit")).sort(
        "scenario_id", rank
    )
    effects = effects.with_columns(
        pl.col("factor").replace_strict(FACTOR_UNITS, return_dtype=pl.String).alias("unit"),
        pl.col("quantity").fill_null("unused"),
        pl.lit(version).alias("method_version"),
    ).sort("scenario_id", rank, factor_rank)
    bundled = effects.group_by("scenario_id").agg(pl.col("is_bundled").any())
    as_of = pl.DataFrame(
        {"scenario_id": [s.scenario_id for s in scenarios], "as_of_at": [s.as_of or now for s in scenarios]},
        schema={"scenario_id": pl.String, "as_of_at": pl.Datetime("us", "UTC")},
    )
    table = (
        results.filter(pl.col("quantity").is_in(list(TRAINING_QUANTITIES)))
        .join(bundled, on="scenario_id", how="left", maintain_order="left")
        .join(as_of, on="scenario_id", maintain_order="left")
        .with_columns(
            pl.col("is_bundled").fill_null(value=False),
            pl.lit(version).alias("method_version"),
            pl.lit(now, dtype=pl.Datetime("us", "UTC")).alias("computed_at"),
        )
        .select(list(TRAINING_ESTIMATE.declared()))
    )
    factor = effects.filter(~pl.col("quantity").is_in(list(DERIVED_QUANTITIES))).select(list(FACTOR.declared()))
    return Estimates(table, factor, [_estimate_of(s, results, effects, now, version) for s in scenarios])


def _estimate_of(
    scenario: Scenario, results: pl.DataFrame, effects: pl.DataFrame, now: dt.datetime, version: str
) -> Estimate:
    mine = results.filter(pl.col("scenario_id") == scenario.scenario_id)
    quantities = {
        row["quantity"]: {key: row[key] for key in ("low", "central", "high", "unit")}
        | ({"reason": row["reason"]} if row["reason"] else {})
        for row in mine.iter_rows(named=True)
    }
    details = ["value", "low", "high", "unit", "origin_kind", "origin_ref", "capture_id", "source_url", "is_bundled"]
    factors = (
        effects.filter(pl.col("scenario_id") == scenario.scenario_id)
        .group_by("factor", maintain_order=True)
        .agg(pl.col(details).first(), pl.struct("quantity", "variance_share").alias("shares"))
        .sort(pl.col("factor").replace_strict({name: n for n, name in enumerate(FACTOR_UNITS)}, return_dtype=pl.Int64))
    )
    listed = [
        {"factor": row["factor"]}
        | {key: row[key] for key in details}
        | {
            "variance_share": {
                s["quantity"]: s["variance_share"] for s in row["shares"] if s["quantity"] in TRAINING_QUANTITIES
            }
        }
        for row in factors.iter_rows(named=True)
    ]
    return Estimate(
        scenario=scenario,
        quantities={name: quantities[name] for name in TRAINING_QUANTITIES},
        derived={name: quantities[name] for name in DERIVED_QUANTITIES}
        | _hfu(scenario, quantities["utilization_share"]),
        factors=listed,
        as_of=scenario.as_of or now,
        computed_at=now,
        is_bundled=any(f["is_bundled"] for f in listed),
        unused=sorted(
            row["factor"]
            for row in factors.iter_rows(named=True)
            if row["origin_kind"] == "given" and all(s["quantity"] == "unused" for s in row["shares"])
        ),
        method_version=version,
    )


def _hfu(scenario: Scenario, mfu: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """HFU beside MFU where the scenario says how much is computed again (arXiv 2204.02311 section 4.1)."""
    if not scenario.recomputation_ratio:
        return {}
    ratio = scenario.recomputation_ratio.central
    return {"hfu_share": {k: v * ratio if isinstance(v, float) else v for k, v in mfu.items()}}


def estimate_training(con: duckdb.DuckDBPyConnection, scenario: Scenario, now: dt.datetime | None = None) -> Estimate:
    """Estimate one scenario; see `estimate_trainings`.

    Raises:
        ScenarioError: if a name is not known, a date lies before the first observation, or inputs contradict.
    """
    return estimate_trainings(con, [scenario], now).estimates[0]
