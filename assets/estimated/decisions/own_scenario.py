"""Temporary tables for a user's own scenario file, so that `why_moved` splits its estimate as it does those of the bundled scenarios.

They have the columns of the tables of the published file; the macro is given their schema (`estimates_in`, `scenarios_in`).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from assets.estimated.engine import UNPRICED, estimate_statements, result_frames
from assets.estimated.method import Statement
from assets.estimated.scenario_files.fields import ScenarioError, read_toml, scenario_text
from assets.estimated.scenario_files.sections import ExtendedTraining, any_of_file
from assets.estimated.scenario_files.training import TEXTS, Scenario
from assets.estimated.tables import FACTOR, SCENARIO_ESTIMATE, TRAINING_ESTIMATE
from assets.estimated.training import estimate_trainings
from assets.estimated.training_lookup import look_up
from warehouse.tables import Table

#: Arguments of the macro: the schemas of the estimates and scenarios to read.
PLACES = {"estimates_in": "temp", "scenarios_in": "temp"}
_SECTIONS = ("fine_tuning", "serving", "service", "fleet")


def load_own_scenario(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    now: dt.datetime,
    converted: Callable[[dict[str, Any]], dict[str, Any]] = lambda data: data,
) -> str:
    """Estimate a scenario file into temporary tables.

    Args:
        con: the published file; only temporary tables are made.
        path: a file with [training], [fine_tuning], [serving], [service] or [fleet].
        now: instant that stands for "now".
        converted: converts the money in a scenario to USD.

    Returns:
        The id of the scenario, its file's name.

    Raises:
        ScenarioError: one line per field that cannot be used, each with the name of the file.
    """
    try:
        scenario = any_of_file(converted(read_toml(scenario_text(path), path.stem)), path.stem)
        training, others, factors = _estimated(con, scenario, now)
    except ScenarioError as error:
        raise ScenarioError([f"{path.name}: {problem}" for problem in error.problems]) from None
    for name, table, frame in (
        ("training_estimate", TRAINING_ESTIMATE, training),
        ("scenario_estimate", SCENARIO_ESTIMATE, others),
        ("factor", FACTOR, factors),
    ):
        _keep(con, name, _empty(table) if frame is None else frame)
    _keep(con, "scenario", pl.DataFrame({"scenario_id": [path.stem], "definition": [_definition(con, scenario, now)]}))
    return path.stem


def _estimated(
    con: duckdb.DuckDBPyConnection, scenario: object, now: dt.datetime
) -> tuple[pl.DataFrame | None, pl.DataFrame | None, pl.DataFrame]:
    """Results of a training, results of anything else, and factors."""
    if isinstance(scenario, ExtendedTraining):
        if scenario.view != "rental":
            raise ScenarioError(
                [f"cost_view: {scenario.view} given; what moves is the rent: allowed is rental, or leave it out"]
            )
        scenario = scenario.training
    if isinstance(scenario, Scenario):
        found = estimate_trainings(con, [scenario], now)
        return found.training_estimate, None, found.factor
    if isinstance(scenario, Statement) and scenario.method.section in _SECTIONS:
        estimates, factors = result_frames(estimate_statements(con, [scenario], now))
        return None, estimates, factors
    raise ScenarioError([f"allowed is a scenario of [training], [{'], ['.join(_SECTIONS)}]"])


def _definition(con: duckdb.DuckDBPyConnection, scenario: object, now: dt.datetime) -> str:
    """The names that a scenario states, as TOML by their canonical keys; the accelerator by the id that its estimate used."""
    if isinstance(scenario, ExtendedTraining):
        scenario = scenario.training
    if isinstance(scenario, Scenario):
        texts = {key: value for key in TEXTS if (value := getattr(scenario, key))}
    else:
        texts = dict(scenario.texts) if isinstance(scenario, Statement) else {}
    if "accelerator" in texts:
        asked = Scenario("asked", UNPRICED, accelerator=texts["accelerator"])
        texts["accelerator"] = look_up(con, [asked], now)[1]["accelerator_id"][0] or texts["accelerator"]
    return "\n".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in texts.items())


def _empty(table: Table) -> pl.DataFrame:
    return table.columns.create_empty().select(list(table.declared()))


def _keep(con: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    con.register("petaday_own", frame)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM petaday_own").fetchall()
    con.unregister("petaday_own")
