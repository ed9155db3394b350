"""Decisions: sections of a scenario file that a table macro of the published file answers.

The macro is the decision (`assets/published/sql`); here is what its section may state, how that is checked, and how it is
asked. Nothing is computed in Python.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any, Literal

import duckdb
import polars as pl

from assets.estimated.decision_tables import (
    BUILD_ADAPT_BUY,
    COMPUTE_GROWTH,
    EAST_WEST,
    ESG_REPORT,
    PETADAY_HISTORY,
    SITING,
    WHY_MOVED,
)
from assets.estimated.given_keys import as_written, canonical, unknown_key
from assets.estimated.methods.common import (
    COUNT,
    HOURS,
    KG,
    KWH,
    PARAMETERS,
    PUE,
    SHARE,
    SHARE_ABOVE_0,
    TOKENS,
    WATER,
)
from assets.estimated.scenario import (
    NUMBERS,
    PURCHASES,
    Bounds,
    ScenarioError,
    closest,
    read_day,
    read_number,
    read_text,
)
from warehouse.quoting import quoted
from warehouse.tables import Table

VERSION = "decision-1"
_Kind = Literal["number", "text", "date", "flag", "file", "workloads"]
_BOUNDARIES = ("lifecycle", "direct")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a macro: what it may be."""

    kind: _Kind
    bounds: Bounds | None = None
    allowed: tuple[str, ...] = ()
    #: `table.column` of the names that there are; another is refused with the closest of them.
    known: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A section, the macro that answers it, and the table that keeps the answers to the bundled scenarios."""

    section: str
    parameters: Mapping[str, Parameter]
    table: Table
    #: At least one of each group must be stated.
    needs: tuple[tuple[str, ...], ...] = ()
    #: Of each group at most one may be stated.
    either: tuple[tuple[str, ...], ...] = ()
    #: Parameter that is the instant of the question; where it is not stated, now is.
    instant: str | None = None
    #: SQL over the answer for columns that only the table has.
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DecisionStatement:
    """What a file states for one decision."""

    scenario_id: str
    decision: Decision
    arguments: Mapping[str, Any]
    title: str | None = None
    note: str | None = None
    source_url: str | None = None


def _number(bounds: Bounds) -> Parameter:
    return Parameter("number", bounds)


_NAME, _DATE = Parameter("text"), Parameter("date")
_ACCELERATOR = Parameter("text", known="accelerator")
_MODEL = Parameter("text", known="model")
_PROVIDER = Parameter("text", known="reference.region.provider")
_REGION = Parameter("text", known="reference.region.region")
_ZONE = Parameter("text", known="observed.grid_carbon_log.zone")
_PURCHASE = Parameter("text", allowed=PURCHASES)
_BOUNDARY = Parameter("text", allowed=_BOUNDARIES)
_DATA = _number(Bounds("GB", 0, 1e15))
_PRICE_PER_GB = Bounds("money per GB", 0, 1_000)
_BANDWIDTH = _number(Bounds("Gbit/s", 1e-6, 1e9))
_RATE = _number(Bounds("tokens/s", 1e-6, 1e12))
_YEAR = _number(Bounds("year", 1990, 2100, "2024"))

#: What a workload of an ESG report may state.
WORKLOAD: Mapping[str, Parameter] = {
    "name": _NAME,
    "month": _number(Bounds("month", 1, 12)),
    "accelerator": _ACCELERATOR,
    "provider": _PROVIDER,
    "region": _REGION,
    "zone": _ZONE,
    "gpu_hours": _number(HOURS),
    "power_w_per_gpu": _number(NUMBERS["power_w_per_gpu"]),
    "pue": _number(PUE),
    "market_gco2e_per_kwh": _number(Bounds("gCO2e/kWh", 0, 2_500)),
    "device_kgco2e": _number(KG),
    "site_water_l_per_kwh": _number(WATER),
    "grid_water_l_per_kwh": _number(WATER),
    "functional_unit_count": _number(COUNT),
}

DECISIONS: dict[str, Decision] = {
    d.section: d
    for d in (
        Decision(
            "petaday_history",
            {
                "petadays": _number(Bounds("PFLOP/s-day", 1e-9, 1e12)),
                "accelerator": _ACCELERATOR,
                "purchase": _PURCHASE,
                "from_on": _DATE,
                "to_on": _DATE,
            },
            PETADAY_HISTORY,
            needs=(("petadays",),),
        ),
        Decision(
            "siting",
            {
                "gpu_hours": _number(NUMBERS["gpu_hours"]),
                "flop": _number(NUMBERS["training_flop"]),
                "model": _MODEL,
                "accelerator": _ACCELERATOR,
                "purchase": _PURCHASE,
                "valid_at": _DATE,
                "known_at": _DATE,
                "utilization": _number(SHARE_ABOVE_0),
                "boundary": _BOUNDARY,
                "data_gb": _DATA,
                "from_provider": _PROVIDER,
                "from_region": _REGION,
                "transfer_usd_per_gb": _number(_PRICE_PER_GB),
                "bandwidth_gbit_per_s": _BANDWIDTH,
                "against_provider": _NAME,
                "against_region": _REGION,
                "against_accelerator": _ACCELERATOR,
                "against_purchase": _PURCHASE,
            },
            SITING,
            needs=(("gpu_hours", "flop", "model"),),
            instant="valid_at",
            either=(("gpu_hours", "flop", "model"),),
        ),
        Decision(
            "why_moved",
            {
                "estimate": Parameter("text", known="estimate"),
                "scenario": Parameter("file"),
                "from_at": _DATE,
                "to_at": _DATE,
                "from_method": Parameter("text", known="estimated.factor.method_version"),
                "to_method": Parameter("text", known="estimated.factor.method_version"),
                "to_accelerator": Parameter("text", known="reference.accelerator.accelerator_id"),
                "to_provider": _PROVIDER,
                "to_region": _NAME,
                "utilization_to": _number(SHARE_ABOVE_0),
                "boundary": _BOUNDARY,
                "known_at": _DATE,
            },
            WHY_MOVED,
            needs=(("estimate", "scenario"), ("from_at",)),
            instant="to_at",
            either=(("estimate", "scenario"),),
        ),
        Decision(
            "build_adapt_buy",
            {
                "buy_model": Parameter("text", known="observed.token_price.model"),
                "buy_vendor": Parameter("text", known="observed.token_price.vendor"),
                "build_model": _MODEL,
                "adapt_model": _MODEL,
                "adapt_tokens": _number(TOKENS),
                "is_full_adaptation": Parameter("flag"),
                "accelerator": _ACCELERATOR,
                "own_tokens_per_s_per_gpu": _RATE,
                "own_tokens_low": _RATE,
                "own_tokens_high": _RATE,
                "own_parameters": _number(PARAMETERS),
                "output_share": _number(SHARE),
                "from_on": _DATE,
                "to_on": _DATE,
            },
            BUILD_ADAPT_BUY,
            needs=(("own_tokens_per_s_per_gpu",),),
            instant="to_on",
        ),
        Decision(
            "east_west",
            {
                "it_energy_kwh": _number(KWH),
                "from_cluster": Parameter("text", known="reference.compute_hub.cluster_id"),
                "of_year": _YEAR,
                "data_gb": _DATA,
                "transfer_cny_per_gb": _number(_PRICE_PER_GB),
                "bandwidth_gbit_per_s": _BANDWIDTH,
                "latency_limit_ms": _number(Bounds("ms", 1e-3, 1e6)),
                "boundary": _BOUNDARY,
            },
            EAST_WEST,
            needs=(("it_energy_kwh",),),
        ),
        Decision(
            "compute_growth",
            {
                "from_on": _DATE,
                "to_on": _DATE,
                "domain_like": _NAME,
                "frontier": _number(Bounds("1", 1, 1_000)),
            },
            COMPUTE_GROWTH,
            needs=(("from_on",),),
        ),
        Decision(
            "esg_report",
            {"workloads": Parameter("workloads"), "of_year": _YEAR, "boundary": _BOUNDARY},
            ESG_REPORT,
            needs=(("workloads",), ("of_year",)),
            extra={"period": "coalesce(strftime(month_on, '%Y-%m'), ($of_year)::BIGINT::VARCHAR)"},
        ),
    )
}


# Reading ------------------------------------------------------------------------------------------------------------------


def _read(name: str, value: object, parameter: Parameter, problems: list[str]) -> Any:
    if parameter.kind == "number" and parameter.bounds:
        if isinstance(value, dict):
            problems.append(f"{name}: a band given; allowed is one number of {parameter.bounds.unit}")
            return None
        band = read_number(name, value, problems, parameter.bounds)
        return band.central if band else None
    if parameter.kind == "flag":
        if not isinstance(value, bool):
            problems.append(f"{name}: {value!r} given; allowed is true or false")
        return value
    if parameter.kind == "date":
        return read_day(value, problems, name)
    if parameter.kind == "workloads":
        return _workloads(value, problems)
    given = read_text(name, value, problems)
    if given and parameter.allowed and given not in parameter.allowed:
        problems.append(
            f"{name}: {given!r} given; allowed are {', '.join(parameter.allowed)}{closest(given, parameter.allowed)}"
        )
    return given


def _canonical(
    values: Mapping[str, object], parameters: Mapping[str, Parameter], problems: list[str]
) -> tuple[dict[str, object], dict[str, str]]:
    """Keys in other units and under other names, as in the other sections."""
    numbers = [name for name, p in parameters.items() if p.kind == "number"]
    return canonical(values, numbers, [name for name in parameters if name not in numbers], problems)


def _workloads(value: object, problems: list[str]) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(w, dict) for w in value):
        problems.append("workloads: give each in a table of its own, [[esg_report.workloads]]")
        return []
    rows = []
    for position, as_stated in enumerate(value, 1):
        where = f"workloads[{position}]"
        stated, _ = _canonical(as_stated, WORKLOAD, problems)
        problems += [f"{where}.{unknown_key(key, list(WORKLOAD))}" for key in stated if key not in WORKLOAD]
        row = {
            key: _read(f"{where}.{key}", stated[key], p, problems) if key in stated else None
            for key, p in WORKLOAD.items()
        }
        problems += [f"{where}: {key} is missing" for key in ("name", "gpu_hours") if key not in stated]
        if "zone" in stated and ("region" in stated or "provider" in stated):
            problems.append(f"{where}: zone and region given; allowed is one of them")
        if "accelerator" not in stated and "power_w_per_gpu" not in stated:
            problems.append(f"{where}: accelerator or power_w_per_gpu is missing")
        rows.append(row)
    return rows


def decision_of(
    section: str, values: object, *, scenario_id: str = "scenario", about: Mapping[str, str] | None = None
) -> DecisionStatement:
    """A statement from the keys of a section.

    Raises:
        ScenarioError: one line per field that cannot be used.
    """
    decision, problems = DECISIONS[section], list[str]()
    if not isinstance(values, dict):
        raise ScenarioError([f"{section}: needs a line [{section}] and what is known below it"])
    values, written = _canonical(values, decision.parameters, problems)
    problems += [
        unknown_key(key, list(decision.parameters), section) for key in values if key not in decision.parameters
    ]
    arguments = {k: _read(k, values[k], p, problems) for k, p in decision.parameters.items() if k in values}
    problems += [
        f"{' or '.join(group)}: missing in [{section}]"
        for group in decision.needs
        if not any(name in values for name in group)
    ]
    problems += [
        f"{', '.join(group)}: several given; allowed is one of them"
        for group in decision.either
        if sum(name in values for name in group) > 1
    ]
    order = [arguments.get(k) for k in ("own_tokens_low", "own_tokens_per_s_per_gpu", "own_tokens_high")]
    stated = [v for v in order if v is not None]
    if stated != sorted(stated):
        problems.append("own_tokens_low, own_tokens_per_s_per_gpu, own_tokens_high: not in ascending order")
    for early, late in (("from_at", "to_at"), ("from_on", "to_on")):
        a, b = arguments.get(early), arguments.get(late)
        if a and b and str(a) > str(b):
            problems.append(f"{early}: {a} given; allowed is a day up to {late}, {b}")
    if problems:
        raise ScenarioError(as_written(problems, written))
    return DecisionStatement(scenario_id, decision, arguments, **(about or {}))


# Asking -------------------------------------------------------------------------------------------------------------------


#: What `why_moved` can split: scenarios, and rows of siting and of petaday_history by their keys.
_MOVABLE = """(
    SELECT scenario_id AS name FROM estimated.training_estimate
    UNION SELECT scenario_id FROM estimated.scenario_estimate WHERE section IN ('fine_tuning', 'serving', 'fleet')
    UNION SELECT concat_ws('/', scenario_id, provider, region, accelerator_id, purchase_option) FROM estimated.siting
    UNION SELECT concat_ws('/', scenario_id, accelerator_id, purchase_option) FROM estimated.petaday_history)"""


def _of_country(con: duckdb.DuckDBPyConnection, column: str, given: str) -> str:
    """`; grid zones of Germany: DE` where a country's name stands for a zone or region; nothing else."""
    asked = {
        "zone": "SELECT c.name, z.zone FROM country c JOIN (SELECT DISTINCT zone FROM observed.grid_carbon_log) z "
        "ON z.zone = coalesce(c.grid_zone, c.country_code) OR starts_with(z.zone, coalesce(c.grid_zone, c.country_code) || '-')",
        "region": "SELECT DISTINCT c.name, r.region FROM country c JOIN reference.region r USING (country_code)",
    }.get(column)
    if asked is None:
        return ""
    found = con.execute(
        "WITH country AS (SELECT * FROM reference.country WHERE lower($1) IN (lower(name), lower(country_code), lower(country_code_alpha3))) "
        f"SELECT * FROM ({asked}) t(country, name) ORDER BY length(name), name",
        [given],
    ).fetchall()
    if not found:
        return ""
    names = [name for _, name in found]
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"; {'grid zones' if column == 'zone' else 'regions'} of {found[0][0]}: {', '.join(names[:12])}{more}"


def _refuse_unknown_names(con: duckdb.DuckDBPyConnection, statement: DecisionStatement) -> None:
    problems: list[str] = []
    pairs = [
        (name, p, statement.arguments[name])
        for name, p in statement.decision.parameters.items()
        if name in statement.arguments
    ]
    for position, workload in enumerate(statement.arguments.get("workloads", []), 1):
        pairs += [(f"workloads[{position}].{k}", WORKLOAD[k], v) for k, v in workload.items() if v is not None]
    for name, parameter, value in pairs:
        if parameter.known is None:
            continue
        if parameter.known == "accelerator":
            meant = con.execute("SELECT accelerator_id FROM accelerator_ids(?) ORDER BY 1", [value]).fetchall()
            found = len(meant)
            column, table = "accelerator_id", "reference.accelerator"
            if found > 1 and name.startswith("workloads") and (str(value).lower(),) not in meant:
                problems.append(f"{name}: {value!r} may be {', '.join(i for (i,) in meant)}; name one")
        elif parameter.known == "model":
            column, table = "model_id", "reference.model"
            known = "SELECT count(*) FROM observed.model_name WHERE name_key = model_key($1)"
            found = con.execute(known, [value]).fetchall()[0][0]
        elif parameter.known == "estimate":
            table, column = _MOVABLE, "name"
            found = con.execute(f"SELECT count(*) FROM {table} WHERE name = $1", [value]).fetchall()[0][0]
        else:
            table, column = parameter.known.rsplit(".", 1)
            found = con.execute(
                f"SELECT count(*) FROM {table} WHERE lower({column}) = lower($1) OR lower({column}) LIKE '%/' || lower($1)",
                [value],
            ).fetchall()[0][0]
        if not found:
            names = [
                n
                for (n,) in con.execute(
                    f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY 1"
                ).fetchall()
            ]
            near = (
                _of_country(con, column, str(value))
                or closest(str(value).lower(), names)
                or f"; there are {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"
            )
            problems.append(f"{name}: {value!r} is not known{near}")
    if problems:
        raise ScenarioError(problems)


def _refuse_dates_ahead(statement: DecisionStatement, now: dt.datetime) -> None:
    """Nothing is known of what lies ahead but what was announced, and that is at most a year."""
    today, problems = now.date(), []
    for name, parameter in statement.decision.parameters.items():
        if parameter.kind != "date" or (given := statement.arguments.get(name)) is None:
            continue
        day = given.date() if isinstance(given, dt.datetime) else given
        if name in ("valid_at", "from_at", "to_at") and day > today + dt.timedelta(days=366):
            problems.append(
                f"{name}: {given} lies more than a year ahead; allowed is up to {today + dt.timedelta(days=366)}"
            )
        elif name in ("from_at", "from_on") and day > today and name.replace("from", "to") not in statement.arguments:
            problems.append(
                f"{name}: {given} given; allowed is a day up to today, {today}, or give {name.replace('from', 'to')} too"
            )
    if problems:
        raise ScenarioError(problems)


def question(statement: DecisionStatement, now: dt.datetime) -> tuple[str, dict[str, Any]]:
    """The SQL that asks the macro, and its parameters; `now` is the instant where none is stated."""
    decision, arguments = statement.decision, dict(statement.arguments)
    if decision.instant:
        arguments.setdefault(decision.instant, now.date() if decision.instant.endswith("_on") else now)
    call = ", ".join(f"{name} := ${name}" for name in arguments)
    extra = "".join(f", {sql} AS {name}" for name, sql in decision.extra.items())
    return f"SELECT *{extra} FROM {decision.section}({call})", arguments


def answer(
    con: duckdb.DuckDBPyConnection,
    statement: DecisionStatement,
    now: dt.datetime,
    more: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """The rows that the macro answers with.

    Args:
        con: the published file.
        statement: what is asked.
        now: the instant where none is stated.
        more: parameters of the macro that no file states, as where a scenario of one's own stands.

    Raises:
        ScenarioError: one line per name that is not known.
    """
    _refuse_dates_ahead(statement, now)
    _refuse_unknown_names(con, statement)
    if more:
        stated = {k: v for k, v in statement.arguments.items() if statement.decision.parameters[k].kind != "file"}
        statement = replace(statement, arguments=stated | dict(more))
    return con.execute(*question(statement, now)).pl()


def keep(con: duckdb.DuckDBPyConnection, statement: DecisionStatement, now: dt.datetime) -> None:
    """Add what the macro answers to a bundled statement to the table of its decision, in the caller's transaction."""
    table = statement.decision.table
    columns = ", ".join(quoted(c) for c in table.declared() if c not in ("scenario_id", "method_version"))
    sql, arguments = question(statement, now)
    con.execute(
        f"INSERT INTO {table.full_name} BY NAME SELECT $of_scenario AS scenario_id, $of_version AS method_version, {columns} FROM ({sql})",
        arguments | {"of_scenario": statement.scenario_id, "of_version": VERSION},
    ).fetchall()


def bundled_decisions() -> list[DecisionStatement]:
    """The decisions that ship with Petaday, by name."""
    from assets.estimated.sections import parse_any

    folder = resources.files("assets.estimated") / "scenarios" / "decisions"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    found = [parse_any(f.read_text(encoding="utf-8"), f.name.removesuffix(".toml")) for f in files]
    return [s for s in found if isinstance(s, DecisionStatement)]


def as_json(statement: DecisionStatement, rows: pl.DataFrame, now: dt.datetime) -> dict[str, Any]:
    """The output of `petaday estimate --json` for a decision."""
    return {
        "decision": statement.decision.section,
        "rows": rows.to_dicts(),
        "method_version": VERSION,
        "scenario": {"section": statement.decision.section, "title": statement.title, **statement.arguments},
        "computed_at": now.isoformat(),
        "is_bundled": bool(rows["is_bundled"].any()) if "is_bundled" in rows.columns else None,
    }
