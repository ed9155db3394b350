"""Estimating one scenario file, as `petaday estimate` does: the file in, results and their factors out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from assets.estimated.decisions.asking import answer, as_json
from assets.estimated.decisions.declarations import DecisionStatement
from assets.estimated.decisions.own_scenario import PLACES, load_own_scenario
from assets.estimated.engine import estimate_statements
from assets.estimated.extended_training import estimate_extended
from assets.estimated.method import Statement
from assets.estimated.scenario_files.currencies import has_other_money, in_usd, published_rate, with_conversions
from assets.estimated.scenario_files.fields import read_toml, scenario_text
from assets.estimated.scenario_files.sections import ExtendedTraining, any_of_file
from assets.estimated.scenario_files.training import Scenario
from warehouse.connection import read_published
from warehouse.errors import NotPublishedError
from warehouse.home import Home


def estimate_file(home: Home, path: Path) -> dict[str, Any]:
    """Estimate the scenario in a TOML file on the published data.

    Raises:
        ScenarioError: one line per input that is wrong, unknown or contradicted.
        NotPublishedError: if nothing is published yet.
    """
    data = read_toml(scenario_text(path), path.stem)
    if not has_other_money(data):
        scenario = any_of_file(data, path.stem)
        with _published_data(home) as con:
            return estimate_any(con, scenario, folder=path.parent)
    with _published_data(home) as con:
        data, converted = in_usd(data, published_rate(con), dt.datetime.now(dt.UTC).date())
        return with_conversions(estimate_any(con, any_of_file(data, path.stem), folder=path.parent), converted)


@contextmanager
def _published_data(home: Home) -> Generator[duckdb.DuckDBPyConnection]:
    """The published data; refused if no reference table was ever loaded, since every region and model would be unknown."""
    with read_published(home) as con:
        if not con.execute("SELECT count(*) FROM meta.reference_file").fetchall()[0][0]:
            raise NotPublishedError("the warehouse holds no reference tables yet: run `petaday run` first")
        yield con


def estimate_any(
    con: duckdb.DuckDBPyConnection,
    scenario: Scenario | Statement | ExtendedTraining | DecisionStatement,
    now: dt.datetime | None = None,
    folder: Path = Path(),
) -> dict[str, Any]:
    """Estimate a scenario of any kind.

    Args:
        con: the published file; only temporary tables are made.
        scenario: what a file states.
        now: instant that stands for "now"; the clock's if not given.
        folder: where the file stands, for the files that it names.

    Raises:
        ScenarioError: one line per name that is not known, or number that contradicts the others.
    """
    if isinstance(scenario, DecisionStatement):
        asked_at = now or dt.datetime.now(dt.UTC)
        more: dict[str, str] = {}
        if named := scenario.arguments.get("scenario"):
            today = asked_at.date()
            own = load_own_scenario(
                con, folder / named, asked_at, lambda data: in_usd(data, published_rate(con), today)[0]
            )
            more = {"estimate": own, **PLACES}
        return as_json(scenario, answer(con, scenario, asked_at, more), asked_at)
    if isinstance(scenario, Statement):
        return estimate_statements(con, [scenario], now)[0].as_json()
    if isinstance(scenario, Scenario):
        scenario = ExtendedTraining(scenario)
    return estimate_extended(con, scenario, now)
