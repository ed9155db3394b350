"""Look-ups for trainings: resolves names, finds rates, power, PUE and grid for what a scenario leaves out, refuses contradictions.

All scenarios of a call are looked up at once; the SQL stands beside this module (`training_lookup.sql`, `training_check.sql`).

Contradiction: ways to the same quantity that differ by more than `TOLERANCE` beyond the bands given. It is 5% because
published inputs are rounded to two or three digits: chips, days and TFLOP/s of arXiv 2104.10350 give its energy and
FLOP only within 3.3%.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Generator, Iterable, Sequence
from importlib import resources

import duckdb
import polars as pl

from assets.estimated.computed_once import offers_of
from assets.estimated.formula_macros import ensure_formulas, has_table, text_of
from assets.estimated.look_up_rules import GRID_RULE, GRID_RULES, RATE_RULE, RATE_RULES
from assets.estimated.scenario_files.fields import ScenarioError
from assets.estimated.scenario_files.training import NUMBERS, Scenario
from warehouse.instants import UNKNOWN_START

#: Version that set the defaults; later ones changed none of them.
DEFAULTS_VERSION = "training-1"

#: Largest ratio between two ways to the same quantity that rounding of published inputs explains.
TOLERANCE = 1.05

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


def _defaults(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The defaults: from the warehouse, or from the bundled file if the warehouse has none."""
    columns = ["factor", "low", "central", "high", "note", "source_url"]
    if has_table(con, "reference", "method_default"):
        found = con.execute(
            f"SELECT {', '.join(columns)} FROM reference.method_default WHERE method_version = $version",
            {"version": DEFAULTS_VERSION},
        ).pl()
        if found.height:
            return found
    path = resources.files("assets.reference") / "method_default.csv"
    numbers = {"low": pl.Float64, "central": pl.Float64, "high": pl.Float64}
    frame = pl.read_csv(path.read_bytes(), schema_overrides=numbers)
    return frame.filter(pl.col("method_version") == DEFAULTS_VERSION).select(columns)


def _width(*factors: str) -> str:
    """SQL of the width of the bands given to these factors: the sum of ln(high / low)."""
    return "(" + " + ".join(f"coalesce(ln(given_{f}_high / given_{f}_low), 0)" for f in factors) + ")"


#: SQL over reference.model m: FLOP of attention per token of its training.
_MODEL_ATTENTION = """attention_flop_per_token(CASE WHEN m.architecture NOT LIKE '%encoder_decoder' THEN m.layer_count END, attention_width(m.attention_head_count, m.head_dimension_count, m.rope_head_dimension_count),
            attended_tokens_count(m.training_context_tokens_count, m.layer_count, m.local_layer_count, m.attention_window_tokens_count))"""


def _lookup_sql(con: duckdb.DuckDBPyConnection, rule: str | None) -> str:
    rate_rule, grid_rule = rule if rule in RATE_RULES else RATE_RULE, rule if rule in GRID_RULES else GRID_RULE
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
    # A file published before there were aliases names a model by its key alone.
    names, key = "(SELECT lower(model_id) AS name_key, model_id FROM reference.model)", "lower(s.model)"
    if has_table(con, "observed", "model_name"):
        names, key = "observed.model_name", "model_key(s.model)"
    return text_of("training_lookup.sql").format(
        model_name_relation=names,
        model_name_key=key,
        # A file published before these columns existed lacks the training context and the layers with a window: no attention term then.
        model_attention=_MODEL_ATTENTION
        if has_table(con, "reference", "model", *re.findall(r"m\.(\w+)", _MODEL_ATTENTION))
        else "NULL::DOUBLE",
        given_columns=", ".join(given),
        offers=offers_of(con),
        alias_relation=f"({aliases})",
        country_relation=_countries(con),
        rate_rule=rate_rule,
        rate_offers=RATE_RULES[rate_rule][0],
        rate_by_provider=RATE_RULES[rate_rule][1],
        **_grid_of(con, grid_rule),
    )


def _grid_of(con: duckdb.DuckDBPyConnection, rule: str) -> dict[str, str]:
    """SQL of the grid by a rule, of the capture that said the last slot of a year, and of what ships with Petaday."""
    is_bundled = "g.is_bundled" if has_table(con, "observed", "grid_carbon", "is_bundled") else "false"
    if has_table(con, "observed", "grid_carbon_span"):
        spans = "observed.grid_carbon_span"
        capture = (
            "(SELECT max_by(l.capture_id, (l.valid_from, l.recorded_at)) FROM observed.grid_carbon_log l WHERE l.zone = c.zone "
            "AND l.source_id = c.source_id AND (l.resolution = c.resolution OR (c.resolution = 'mixed' AND is_hourly(l.resolution))) "
            "AND l.basis_method = 'average' "
            "AND l.basis_boundary = c.basis_boundary AND l.basis_accounting = 'location' AND l.valid_from >= c.span_from "
            "AND l.valid_from < c.span_to AND (l.basis_kind = 'actual' OR l.basis_kind = c.basis_kind))"
        )
    else:  # a file published before there were spans: the years that it states
        spans = (
            "(SELECT g.zone, NULL::VARCHAR AS source_id, g.resolution, g.basis_method, g.basis_boundary, g.basis_accounting, g.basis_kind, "
            "'yearly' AS grain, g.valid_from AS span_from, g.valid_from + INTERVAL 1 YEAR AS span_to, "
            "g.intensity_gco2e_per_kwh AS mean_gco2e_per_kwh, 0.0 AS estimated_share, "
            f"{is_bundled} AS is_bundled, 1 AS source_rank, g.capture_id FROM observed.grid_carbon g "
            "WHERE g.resolution = 'P1Y' AND g.basis_kind IN ('actual', 'estimated'))"
        )
        capture = "c.capture_id"
    chosen, from_ = GRID_RULES[rule]
    return {
        "grid_is_bundled": is_bundled,
        "grid_chosen": chosen.format(spans=spans),
        "grid_capture": capture if "{spans}" in chosen else "c.capture_id",
        "grid_from": from_,
        "grid_rule": rule,
    }


#: What an error on an unknown model adds, in a file with assumed sizes.
_ASSUMPTION_NOTE = (
    "coalesce((SELECT '; of a request, method ' || min(a.assumed_by) || ' assumes a size' FROM reference.model_assumption a "
    "WHERE model_key(a.model) = model_key(model_written)), '')"
)


def _countries(con: duckdb.DuckDBPyConnection) -> str:
    """The relation of countries; of a file published before it had all columns, one without a country."""
    none = "(SELECT NULL::VARCHAR AS name, NULL::VARCHAR AS country_code, NULL::VARCHAR AS country_code_alpha3, NULL::VARCHAR AS grid_zone)"
    return "reference.country" if has_table(con, "reference", "country", "country_code_alpha3") else none


def _check_sql(con: duckdb.DuckDBPyConnection, *, may_be_early: bool) -> str:
    return text_of("training_check.sql").format(
        early_is_refused="false" if may_be_early else "true",
        unknown_start=UNKNOWN_START,
        assumption_note=_ASSUMPTION_NOTE if has_table(con, "reference", "model_assumption") else "''",
        country_relation=_countries(con),
        tolerance=TOLERANCE,
        flop_width=_width("training_flop"),
        token_width=_width("parameters_count", "active_parameters_count", "tokens_count", "flop_per_parameter_token"),
        rate_width=_width("achieved_flop_per_s_per_gpu", "peak_flop_per_s_per_gpu", "utilization_share"),
        hours_width=_width("gpu_hours"),
        count_width=_width("accelerator_count", "duration_days"),
        energy_width=_width("energy_kwh", "it_energy_kwh", "power_w_per_gpu", "pue"),
    )


@contextlib.contextmanager
def looked_up(
    con: duckdb.DuckDBPyConnection,
    scenarios: Sequence[Scenario],
    now: dt.datetime,
    rule: str | None,
    *,
    may_be_early: bool,
) -> Generator[None]:
    """Temporary tables with resolved names and looked-up factors, dropped afterwards."""
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
        con.execute(_lookup_sql(con, rule)).fetchall()
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
    rule: str | None = None,
    *,
    may_be_early: bool = False,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Factors of scenarios with their origins, and the keys that their names stand for; `rule` and `may_be_early` as in `estimate_trainings`.

    Raises:
        ScenarioError: one line per name that is not known, or date before the first observation.
    """
    with looked_up(con, scenarios, now, rule, may_be_early=may_be_early):
        factors = con.execute("FROM petaday_factor WHERE origin_kind <> 'given' ORDER BY scenario_id, factor").pl()
        keys = con.execute(
            "SELECT scenario_id, model_id, CASE WHEN NOT is_accelerator_of_model THEN accelerator_id END AS accelerator_id "
            "FROM petaday_resolved ORDER BY scenario_id"
        ).pl()
    return factors, keys
