"""Checks a decision statement against the warehouse and calls its macro."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb
import polars as pl

from assets.estimated.decisions.declarations import NOTHING_ANSWERS, WORKLOAD, DecisionStatement
from assets.estimated.scenario_files.fields import ScenarioError, closest
from warehouse.quoting import quoted

#: What `why_moved` can split: scenarios, and rows of siting and petaday_history by their keys.
_MOVABLE = """(
    SELECT scenario_id AS name FROM estimated.training_estimate
    UNION SELECT scenario_id FROM estimated.scenario_estimate WHERE section IN ('fine_tuning', 'serving', 'service', 'fleet')
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


def _unknown_regions(con: duckdb.DuckDBPyConnection, workloads: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line for each workload whose region is none of its provider's."""
    regions = (
        "SELECT region FROM reference.region WHERE provider = lower($1) AND ($2 IS NULL OR region = $2) ORDER BY 1"
    )
    problems = []
    for position, workload in enumerate(workloads, 1):
        place = workload["provider"], workload["region"]
        if all(place) and not con.execute(regions, place).fetchall():
            known = [region for (region,) in con.execute(regions, [place[0], None]).fetchall()]
            problems.append(
                f"workloads[{position}].region: {place[1]!r} is no region of {place[0]}{closest(str(place[1]), known)}"
            )
    return problems


def _refuse_unknown_names(con: duckdb.DuckDBPyConnection, statement: DecisionStatement) -> None:
    problems = _unknown_regions(con, statement.arguments.get("workloads", []))
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
        if parameter.known in ("accelerator", "one accelerator"):
            meant = con.execute("SELECT accelerator_id FROM accelerator_ids(?) ORDER BY 1", [value]).fetchall()
            found = len(meant)
            column, table = "accelerator_id", "reference.accelerator"
            is_one = parameter.known == "one accelerator" or name.startswith("workloads")
            if found > 1 and is_one and (str(value).lower(),) not in meant:
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
                f"SELECT count(*) FROM {table} WHERE lower({column}) = lower($1) OR ends_with(lower({column}), '/' || lower($1))",
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


def _with_accelerator_ids(con: duckdb.DuckDBPyConnection, statement: DecisionStatement) -> DecisionStatement:
    """The statement with the id of an accelerator in place of the name that the file has, for macros that take ids only."""
    meant = {}
    for name, parameter in statement.decision.parameters.items():
        given = statement.arguments.get(name)
        if parameter.known == "one accelerator" and given is not None:
            ids = [i for (i,) in con.execute("SELECT accelerator_id FROM accelerator_ids(?)", [given]).fetchall()]
            meant[name] = str(given).lower() if str(given).lower() in ids else ids[0]
    return replace(statement, arguments={**statement.arguments, **meant}) if meant else statement


def _refuse_dates_ahead(statement: DecisionStatement, now: dt.datetime) -> None:
    """Refuse dates more than a year ahead: of the future only announced prices are known."""
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
    year = statement.arguments.get("of_year")
    if year is not None and year > today.year + 1:
        problems.append(f"of_year: {year:g} lies more than a year ahead; allowed is up to {today.year + 1}")
    if problems:
        raise ScenarioError(problems)


def _refuse_dates_before(con: duckdb.DuckDBPyConnection, statement: DecisionStatement) -> None:
    """Say why there are no rows if it is because of a date: one before the first observation, or before anything was recorded here."""
    firsts = {"known_at": "meta.capture.recorded_at"} if "known_at" in statement.arguments else {}
    if statement.decision.history:
        column, name = statement.decision.history
        firsts[name] = column
    problems = []
    for name, of in firsts.items():
        table, column = of.rsplit(".", 1)
        given, what = statement.arguments.get(name), "anything recorded here" if name == "known_at" else table
        first = con.execute(f"SELECT min({column})::TIMESTAMPTZ AT TIME ZONE 'UTC' FROM {table}").fetchall()[0][0]
        if given and first and str(given)[:10] < str(first)[:10]:
            problems.append(f"{name}: {given} given; the first of {what} is from {str(first)[:10]}")
    if problems:
        raise ScenarioError(problems)


def question(statement: DecisionStatement, now: dt.datetime) -> tuple[str, dict[str, Any]]:
    """The SQL that calls the macro, and its parameters; `now` is the instant where none is stated."""
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
    """The rows that the macro returns.

    Args:
        con: the published file.
        statement: what is asked.
        now: the instant where none is stated.
        more: parameters of the macro that no file states, such as the schemas of a user's own scenario.

    Raises:
        ScenarioError: one line per name that is not known, and per date that lies too far ahead or before what is known.
    """
    _refuse_dates_ahead(statement, now)
    _refuse_unknown_names(con, statement)
    statement = _with_accelerator_ids(con, statement)
    if more:
        stated = {k: v for k, v in statement.arguments.items() if statement.decision.parameters[k].kind != "file"}
        statement = replace(statement, arguments=stated | dict(more))
    rows = con.execute(*question(statement, now)).pl()
    if rows.is_empty():
        _refuse_dates_before(con, statement)
    return rows


def keep(con: duckdb.DuckDBPyConnection, statement: DecisionStatement, now: dt.datetime) -> None:
    """Add the rows that the macro returns for a bundled statement to the table of its decision, in the caller's transaction."""
    table = statement.decision.table
    columns = ", ".join(quoted(c) for c in table.declared() if c not in ("scenario_id", "method_version"))
    sql, arguments = question(statement, now)
    con.execute(
        f"INSERT INTO {table.full_name} BY NAME SELECT $of_scenario AS scenario_id, $of_version AS method_version, {columns} FROM ({sql})",
        arguments | {"of_scenario": statement.scenario_id, "of_version": statement.decision.version},
    ).fetchall()


def as_json(statement: DecisionStatement, rows: pl.DataFrame, now: dt.datetime) -> dict[str, Any]:
    """The output of `petaday estimate --json` for a decision."""
    return {
        "decision": statement.decision.section,
        "rows": rows.to_dicts(),
        **({"reason": NOTHING_ANSWERS} if rows.is_empty() else {}),
        "method_version": statement.decision.version,
        "scenario": {"section": statement.decision.section, "title": statement.title, **statement.arguments},
        "computed_at": now.isoformat(),
        "is_bundled": bool(rows["is_bundled"].any()) if "is_bundled" in rows.columns else None,
    }
