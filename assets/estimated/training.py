"""What trainings cost and emit: scenarios in, results with bands and their factors out.

The formulas are DuckDB macros (`formulas/`), the lookups and the propagation are SQL beside this module; this module
only hands scenarios to DuckDB and results back. All scenarios of a call are computed at once.

A result's band is had by moving one factor at a time to its bounds and combining the steps of ln(result): exact for
products of independent log-normals; for skewed factors the bounds are within 5% of Monte Carlo (3% by the defaults), while the
central value is the formula at the central inputs and not the median (by a skewed rate up to 14% off it).

Contradiction: ways to the same quantity that differ by more than `TOLERANCE` beyond the bands given. It is 5% because
published inputs are rounded to two or three digits: chips, days and TFLOP/s of arXiv 2104.10350 give its energy and
FLOP only within 3.3%.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import duckdb
import polars as pl

from assets.estimated.scenario_files.fields import ScenarioError
from assets.estimated.scenario_files.training import NUMBERS, Scenario
from assets.estimated.tables import FACTOR, TRAINING_ESTIMATE, TRAINING_QUANTITIES
from assets.observed.views import speaking_statements

METHOD_VERSION = "training-1"

#: Largest ratio between two ways to the same quantity that rounding of published inputs explains.
TOLERANCE = 1.05

#: Quantities beside the six, for the JSON output: what a run comes down to.
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

_TEMPORARY = (
    "accelerator_name",
    "zone",
    "resolved",
    "rate",
    "run",
    "run_grid",
    "grid",
    "factor",
    "value",
    "effect",
    "result",
)
_REGISTERED = ("scenario", "given", "default")

_SCENARIO_SCHEMA = {
    "scenario_id": pl.String,
    "model": pl.String,
    "accelerator": pl.String,
    "provider": pl.String,
    "region": pl.String,
    "purchase": pl.String,
    "include_attention": pl.Boolean,
    "as_of_at": pl.Datetime("us", "UTC"),
    "is_as_of_given": pl.Boolean,
    "start_at": pl.Datetime("us", "UTC"),
    "computed_at": pl.Datetime("us", "UTC"),
}
_GIVEN_SCHEMA = {
    "scenario_id": pl.String,
    "factor": pl.String,
    "low": pl.Float64,
    "central": pl.Float64,
    "high": pl.Float64,
}


def _text_of(*path: str) -> str:
    return resources.files("assets.estimated").joinpath(*path).read_text(encoding="utf-8")


def formula_scripts() -> list[str]:
    """SQL of the macros and their comments, one script per file, in an order that resolves."""
    folder = resources.files("assets.estimated") / "formulas"
    return [_text_of("formulas", name) for name in sorted(f.name for f in folder.iterdir() if f.name.endswith(".sql"))]


def training_texts() -> list[str]:
    """What METHOD_VERSION stands for: its formulas and how they are put together."""
    return [_text_of("formulas", "band.sql"), _text_of("formulas", "training.sql"), _text_of("training_estimate.sql")]


def formula_statements() -> list[str]:
    """The same, one statement each."""
    return list(_statements())


@functools.cache
def _statements() -> tuple[str, ...]:
    """Parsed once: every estimate asks for them."""
    return tuple(s.query.strip() for script in formula_scripts() for s in duckdb.extract_statements(script))


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
    #: What was given and no result rests on.
    unused: list[str]
    method_version: str = METHOD_VERSION

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


def scenario_frames(scenarios: Iterable[Scenario], now: dt.datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scenarios as relations: one row per scenario, and one row per scenario and number given."""
    scenarios = list(scenarios)
    rows = [
        (
            s.scenario_id,
            s.model,
            s.accelerator,
            s.provider,
            s.region,
            s.purchase,
            s.include_attention,
            s.as_of or now,
            s.as_of is not None,
            s.start_at,
            now,
        )
        for s in scenarios
    ]
    given = [(s.scenario_id, name, b.low, b.central, b.high) for s in scenarios for name, b in s.numbers.items()]
    return (
        pl.DataFrame(rows, schema=_SCENARIO_SCHEMA, orient="row"),
        pl.DataFrame(given, schema=_GIVEN_SCHEMA, orient="row"),
    )


def has_table(con: duckdb.DuckDBPyConnection, schema: str, table: str, column: str | None = None) -> bool:
    """Whether a file has a table, or a column of it: one that was published earlier may not."""
    found = con.execute(
        "SELECT count(*) FROM duckdb_columns() WHERE schema_name = $schema AND table_name = $table "
        "AND ($column IS NULL OR column_name = $column) AND database_name = current_database()",
        {"schema": schema, "table": table, "column": column},
    ).fetchone()
    return bool(found and found[0])


def ensure_formulas(con: duckdb.DuckDBPyConnection) -> None:
    """The macros of the file are used; where it has none of one (an older file), a temporary one stands in."""
    have = {
        name
        for (name,) in con.execute(
            "SELECT function_name FROM duckdb_functions() WHERE function_type = 'macro'"
        ).fetchall()
    }
    for statement in (*formula_statements(), *speaking_statements()):
        head = "CREATE OR REPLACE MACRO "
        start = statement.find(head)
        if start < 0:
            continue
        if statement[start + len(head) :].split("(", 1)[0].strip() not in have:
            con.execute(statement[start:].replace(head, "CREATE OR REPLACE TEMP MACRO ", 1)).fetchall()


def _defaults(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The stand-ins of this method version: from the warehouse, or from the file that ships where it has none."""
    columns = ["factor", "low", "central", "high", "note", "source_url"]
    if has_table(con, "reference", "method_default"):
        found = con.execute(
            f"SELECT {', '.join(columns)} FROM reference.method_default WHERE method_version = $version",
            {"version": METHOD_VERSION},
        ).pl()
        if found.height:
            return found
    path = resources.files("assets.reference") / "method_default.csv"
    numbers = {"low": pl.Float64, "central": pl.Float64, "high": pl.Float64}
    frame = pl.read_csv(path.read_bytes(), schema_overrides=numbers)
    return frame.filter(pl.col("method_version") == METHOD_VERSION).select(columns)


def _width(*factors: str) -> str:
    """How far the bands given to these factors spread, in ln."""
    return "(" + " + ".join(f"coalesce(ln(given_{f}_high / given_{f}_low), 0)" for f in factors) + ")"


#: Rules by which a rate is looked up, the newest first: the offers that count, and whether each provider counts once.
RATE_RULES = {
    "rate-2": ("(FROM said QUALIFY is_spoken(scenario_id, provider, source_rank, said_count, source_id))", "true"),
    "rate-1": ("said", "false"),
}
RATE_RULE = next(iter(RATE_RULES))


def _lookup_sql(con: duckdb.DuckDBPyConnection, rate_rule: str) -> str:
    given = [
        f"max({side}) FILTER (factor = '{name}') AS given_{name}{suffix}"
        for name in NUMBERS
        for side, suffix in (("central", ""), ("low", "_low"), ("high", "_high"))
    ]
    aliases = (
        "SELECT NULL::VARCHAR AS alias, NULL::DOUBLE AS memory_gib, NULL::VARCHAR AS accelerator_id, "
        "false AS is_conditional"
    )
    if has_table(con, "reference", "accelerator_alias"):
        aliases = (
            "SELECT alias, memory_gib::DOUBLE AS memory_gib, accelerator_id, "
            "coalesce(provider <> 'scenario', false) OR instance_pattern IS NOT NULL AS is_conditional FROM reference.accelerator_alias"
        )
    # A file published before there were aliases knows a model by its key alone.
    names, key = "(SELECT lower(model_id) AS name_key, model_id FROM reference.model)", "lower(s.model)"
    if has_table(con, "observed", "model_name"):
        names, key = "observed.model_name", "model_key(s.model)"
    return _text_of("training_lookup.sql").format(
        model_name_relation=names,
        model_name_key=key,
        # How long a context a model can be used with says nothing of its training, which is all that a file published before this column knows.
        training_context="m.training_context_tokens_count"
        if has_table(con, "reference", "model", "training_context_tokens_count")
        else "NULL",
        given_columns=", ".join(given),
        alias_relation=f"({aliases})",
        rate_rule=rate_rule,
        rate_offers=RATE_RULES[rate_rule][0],
        rate_by_provider=RATE_RULES[rate_rule][1],
        grid_is_bundled="g.is_bundled" if has_table(con, "observed", "grid_carbon", "is_bundled") else "false",
    )


#: What else may be done where a model is not known, in a file that has assumptions.
_ASSUMPTION_NOTE = (
    "coalesce((SELECT '; of a request, method ' || min(a.assumed_by) || ' assumes a size' FROM reference.model_assumption a "
    "WHERE model_key(a.model) = model_key(model_written)), '')"
)


def _check_sql(con: duckdb.DuckDBPyConnection, *, may_be_early: bool) -> str:
    countries = "(SELECT NULL::VARCHAR AS name, NULL::VARCHAR AS country_code, NULL::VARCHAR AS country_code_alpha3, NULL::VARCHAR AS grid_zone)"
    return _text_of("training_check.sql").format(
        early_is_refused="false" if may_be_early else "true",
        assumption_note=_ASSUMPTION_NOTE if has_table(con, "reference", "model_assumption") else "''",
        country_relation="reference.country"
        if has_table(con, "reference", "country", "country_code_alpha3")
        else countries,
        tolerance=TOLERANCE,
        flop_width=_width("training_flop"),
        token_width=_width("parameters_count", "active_parameters_count", "tokens_count", "flop_per_parameter_token"),
        rate_width=_width("achieved_flop_per_s_per_gpu", "peak_flop_per_s_per_gpu", "utilization_share"),
        hours_width=_width("gpu_hours"),
        count_width=_width("accelerator_count", "duration_days"),
        energy_width=_width("energy_kwh", "it_energy_kwh", "power_w_per_gpu", "pue"),
    )


def _estimate_sql() -> str:
    columns = ", ".join(f"max(value) FILTER (factor = '{name}') AS in_{name}" for name in FACTOR_UNITS)
    return _text_of("training_estimate.sql").format(input_columns=columns)


#: Where a model is named of which too little is published, the reason says so.
_RESULT = """SELECT scenario_id, quantity, low, central, high,
    CASE WHEN model IS NOT NULL AND starts_with(reason, 'give training_flop') THEN format('what is known of {} does not tell its FLOP: ', model) ELSE '' END || reason AS reason
FROM petaday_result LEFT JOIN (SELECT scenario_id, model FROM petaday_scenario) USING (scenario_id)"""


@contextlib.contextmanager
def _looked_up(
    con: duckdb.DuckDBPyConnection,
    scenarios: Sequence[Scenario],
    now: dt.datetime,
    rate_rule: str,
    *,
    may_be_early: bool,
) -> Generator[None]:
    """Names resolved and factors looked up in temporary tables, which are gone afterwards."""
    ids = [s.scenario_id for s in scenarios]
    repeated = sorted({i for i in ids if ids.count(i) > 1})
    if repeated:
        raise ScenarioError([f"scenario_id: {i!r} is used twice; each scenario needs its own" for i in repeated])
    ensure_formulas(con)
    scenario_frame, given_frame = scenario_frames(scenarios, now)
    frames = {"scenario": scenario_frame, "given": given_frame, "default": _defaults(con)}
    try:
        for name, frame in frames.items():
            con.register(f"petaday_{name}", frame.to_arrow())
        con.execute(_lookup_sql(con, rate_rule)).fetchall()
        problems = con.execute(_check_sql(con, may_be_early=may_be_early)).fetchall()
        if problems:
            many = len(scenarios) > 1
            raise ScenarioError([f"{i}: {text}" if many else text for i, _, text in problems])
        yield
    finally:
        for name in _TEMPORARY:
            con.execute(f"DROP TABLE IF EXISTS temp.petaday_{name}").fetchall()
        con.execute("DROP VIEW IF EXISTS temp.petaday_slot").fetchall()
        for name in _REGISTERED:
            con.unregister(f"petaday_{name}")


def look_up(
    con: duckdb.DuckDBPyConnection,
    scenarios: Sequence[Scenario],
    now: dt.datetime,
    rate_rule: str = RATE_RULE,
    *,
    may_be_early: bool = False,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Factors of scenarios with their origins, and the keys that their names stand for; `may_be_early` as in `estimate_trainings`.

    Raises:
        ScenarioError: one line per name that is not known, or date before the first observation.
    """
    with _looked_up(con, scenarios, now, rate_rule, may_be_early=may_be_early):
        factors = con.execute("FROM petaday_factor WHERE origin_kind <> 'given' ORDER BY scenario_id, factor").pl()
        keys = con.execute(
            "SELECT scenario_id, model_id, CASE WHEN NOT is_accelerator_of_model THEN accelerator_id END AS accelerator_id "
            "FROM petaday_resolved ORDER BY scenario_id"
        ).pl()
    return factors, keys


def estimate_trainings(
    con: duckdb.DuckDBPyConnection,
    scenarios: Sequence[Scenario],
    now: dt.datetime | None = None,
    rate_rule: str = RATE_RULE,
    *,
    may_be_early: bool = False,
) -> Estimates:
    """Estimate scenarios, all at once.

    Args:
        con: the published file (also read-only) or the work file: reference.accelerator, .model, .region,
            observed.cloud_rate, observed.grid_carbon; only temporary tables are made, and dropped again.
        scenarios: with distinct ids.
        now: instant that stands for "now"; the clock's if not given.
        rate_rule: by which of RATE_RULES a rate is looked up.
        may_be_early: at a date before the first observation a price or a grid is unknown, instead of the scenario refused: for
            scenarios that come with Petaday, whatever the warehouse holds.

    Raises:
        ScenarioError: one line per name that is not known, date before the first observation, or contradiction.
    """
    now = now or dt.datetime.now(dt.UTC)
    with _looked_up(con, scenarios, now, rate_rule, may_be_early=may_be_early):
        con.execute(_estimate_sql()).fetchall()
        results = con.execute(_RESULT).pl()
        effects = con.execute(_FACTOR_QUERY).pl()
    return _collect(scenarios, results, effects, now)


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
    scenarios: Sequence[Scenario], results: pl.DataFrame, effects: pl.DataFrame, now: dt.datetime
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
        pl.lit(METHOD_VERSION).alias("method_version"),
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
            pl.lit(METHOD_VERSION).alias("method_version"),
            pl.lit(now, dtype=pl.Datetime("us", "UTC")).alias("computed_at"),
        )
        .select(list(TRAINING_ESTIMATE.declared()))
    )
    factor = effects.filter(~pl.col("quantity").is_in(list(DERIVED_QUANTITIES))).select(list(FACTOR.declared()))
    return Estimates(table, factor, [_estimate_of(s, results, effects, now) for s in scenarios])


def _estimate_of(scenario: Scenario, results: pl.DataFrame, effects: pl.DataFrame, now: dt.datetime) -> Estimate:
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
