"""Estimates for a person at the command line: a scenario file in, results and their factors out."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb

from assets.estimated.engine import Statement, estimate_statements
from assets.estimated.scenario import Band, Scenario
from assets.estimated.sections import COST_VIEWS, SECTIONS, ViewedTraining, read_any
from assets.estimated.training import estimate_training
from warehouse.connection import read_published
from warehouse.home import Home


def estimate_file(home: Home, path: Path) -> dict[str, Any]:
    """Estimate the scenario in a TOML file on the published data.

    Raises:
        ScenarioError: one line per input that is wrong, unknown or contradicted.
        NotPublishedError: if nothing is published yet.
    """
    scenario = read_any(path)
    with read_published(home) as con:
        return estimate_any(con, scenario)


def estimate_any(
    con: duckdb.DuckDBPyConnection, scenario: Scenario | Statement | ViewedTraining, now: dt.datetime | None = None
) -> dict[str, Any]:
    """Estimate a scenario of any kind.

    Raises:
        ScenarioError: one line per name that is not known, or number that contradicts the others.
    """
    if isinstance(scenario, Statement):
        return estimate_statements(con, [scenario], now)[0].as_json()
    if isinstance(scenario, ViewedTraining):
        return _viewed(con, scenario, now)
    return estimate_training(con, scenario, now).as_json()


def _viewed(con: duckdb.DuckDBPyConnection, scenario: ViewedTraining, now: dt.datetime | None) -> dict[str, Any]:
    """A training with its cost by ownership or by energy alone, in place of the rental."""
    training = estimate_training(con, scenario.training, now)
    result = training.as_json()
    known = {
        name: Band(q["low"], q["central"], q["high"])
        for name in ("gpu_hours", "energy_kwh")
        if (q := training.quantities[name])["central"] is not None
    }
    method = SECTIONS["ownership"]["ownership-1"]
    owned = estimate_statements(con, [Statement(scenario.scenario_id, method, known | dict(scenario.ownership))], now)[0]
    cost = owned.quantities[str(COST_VIEWS[scenario.view])]
    rental_only = "usd_per_gpu_hour"
    factors = [
        f | {"variance_share": {k: v for k, v in f["variance_share"].items() if k != "cost_usd"}}
        for f in training.factors
        if f["factor"] != rental_only
    ]
    factors += [f for f in owned.factors if f["factor"] not in known and f["factor"] in (*scenario.ownership, "interconnect_share")]
    return result | {
        "cost_usd": cost, "factors": factors, "method_version": f"{training.method_version}+{method.version}",
        "scenario": result["scenario"] | {"cost_view": scenario.view},
        "cost_parts": {name: owned.quantities[name] for name in ("hardware_usd", "interconnect_usd", "energy_usd")},
    }
