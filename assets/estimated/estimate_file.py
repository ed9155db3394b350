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
from assets.estimated.decisions.own_scenario import PLACES, take_in
from assets.estimated.engine import estimate_statements
from assets.estimated.method import Result, Statement
from assets.estimated.scenario_files.currencies import has_other_money, in_usd, published_rate, with_conversions
from assets.estimated.scenario_files.fields import Band, read_toml, scenario_text
from assets.estimated.scenario_files.sections import COST_VIEWS, EXTRA_FIELDS, SECTIONS, ExtendedTraining, any_of_file
from assets.estimated.scenario_files.training import Scenario
from assets.estimated.training import estimate_training
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
        with _with_facts(home) as con:
            return estimate_any(con, scenario, folder=path.parent)
    with _with_facts(home) as con:
        data, converted = in_usd(data, published_rate(con), dt.datetime.now(dt.UTC).date())
        return with_conversions(estimate_any(con, any_of_file(data, path.stem), folder=path.parent), converted)


@contextmanager
def _with_facts(home: Home) -> Generator[duckdb.DuckDBPyConnection]:
    """What users read; a lake that was made and never filled would answer that no region and no model exists."""
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
            own = take_in(con, folder / named, asked_at, lambda data: in_usd(data, published_rate(con), today)[0])
            more = {"estimate": own, **PLACES}
        return as_json(scenario, answer(con, scenario, asked_at, more), asked_at)
    if isinstance(scenario, Statement):
        return estimate_statements(con, [scenario], now)[0].as_json()
    return _training(con, scenario if isinstance(scenario, ExtendedTraining) else ExtendedTraining(scenario), now)


def _training(con: duckdb.DuckDBPyConnection, scenario: ExtendedTraining, now: dt.datetime | None) -> dict[str, Any]:
    """A training with manufacture, water, and its cost by the view that is asked for.

    Hours and energy go on with their bands, as factors of their own.
    """
    training = estimate_training(con, scenario.training, now)
    result = training.as_json()
    known = {
        name: Band(q["low"], q["central"], q["high"])
        for name, q in training.quantities.items()
        if q["central"] is not None
    }
    pue = next((f["value"] for f in training.factors if f["factor"] == "pue"), None)
    accelerator = {"accelerator": scenario.training.accelerator} if scenario.training.accelerator else {}
    embodied = {"device_hours": known["gpu_hours"]} if "gpu_hours" in known else {}
    water = {"pue": Band(pue, pue, pue)} if pue else {}
    if "energy_kwh" in known and pue:
        energy = known["energy_kwh"]
        water["it_energy_kwh"] = Band(energy.low / pue, energy.central / pue, energy.high / pue)
    stated = [
        _statement(scenario, "embodied", embodied, accelerator),
        _statement(scenario, "site", water),
        _statement(scenario, "ownership", {name: known[name] for name in ("gpu_hours", "energy_kwh") if name in known}),
    ]
    made, sited, owned = estimate_statements(con, stated, now)
    result |= {"embodied_kgco2e": made.quantities["embodied_kgco2e"], "water_l": sited.quantities["water_l"]}
    more = [(made, "embodied_kgco2e"), (sited, "water_l")]
    versions = [training.method_version]
    factors = training.factors
    if quantity := COST_VIEWS[scenario.view]:
        more.append((owned, quantity))
        versions.append(owned.statement.method.version)
        parts = {name: owned.quantities[name] for name in ("hardware_usd", "interconnect_usd", "energy_usd")}
        result |= {"cost_usd": owned.quantities[quantity], "cost_parts": parts}
        factors = [
            f | {"variance_share": {k: v for k, v in f["variance_share"].items() if k != "cost_usd"}}
            for f in factors
            if f["factor"] != "usd_per_gpu_hour"
        ]
    for found, name in more:
        factors = _with_carried_shares(factors, found, name)
        factors = factors + [
            _factor_of(f, found, name)
            for f in found.factors
            if name in f["variance_share"] and f["factor"] not in (*known, "pue", "device_hours", "it_energy_kwh")
        ]
    ordered = {name: result.pop(name) for name in (*training.quantities, "embodied_kgco2e", "water_l")}
    return (
        ordered
        | result
        | {
            "factors": factors,
            "method_version": "+".join(versions),
            "scenario": result["scenario"] | {"cost_view": scenario.view},
            "method_versions": {
                "embodied_kgco2e": made.statement.method.version,
                "water_l": sited.statement.method.version,
            },
        }
    )


#: What goes on from the training as one number with its band -> the quantity of the training that it is.
_CARRIED = {
    "gpu_hours": "gpu_hours",
    "device_hours": "gpu_hours",
    "energy_kwh": "energy_kwh",
    "it_energy_kwh": "energy_kwh",
}


def _with_carried_shares(factors: list[dict[str, Any]], found: Result, quantity: str) -> list[dict[str, Any]]:
    """Factors of the training with their shares of what follows from its hours and energy.

    What the hours cause of the variance is caused by whatever causes the variance of the hours, in the same parts.
    """
    target = _target(quantity)
    weights = {
        _CARRIED[f["factor"]]: f["variance_share"][quantity] or 0.0
        for f in found.factors
        if f["factor"] in _CARRIED and quantity in f["variance_share"]
    }
    told = []
    for f in factors:
        shares = [w * (f["variance_share"][q] or 0.0) for q, w in weights.items() if q in f["variance_share"]]
        told.append(f | {"variance_share": f["variance_share"] | {target: sum(shares)}} if shares else f)
    return told


def _target(quantity: str) -> str:
    """The name that a training has for a quantity of another section."""
    return "cost_usd" if quantity in COST_VIEWS.values() else quantity


def _statement(
    scenario: ExtendedTraining, section: str, numbers: dict[str, Band], texts: dict[str, str] | None = None
) -> Statement:
    method = next(iter(SECTIONS[section].values()))
    # Each has an id of its own, as all are computed in one call.
    return Statement(
        f"{scenario.scenario_id}:{section}", method, numbers | dict(scenario.extras.get(section, {})), texts or {}
    )


def _factor_of(factor: dict[str, Any], found: Result, quantity: str) -> dict[str, Any]:
    """A factor under the name that a training file has for it, with its share of one quantity."""
    names = {key: name for name, (section, key) in EXTRA_FIELDS.items() if section == found.statement.method.section}
    share = {_target(quantity): factor["variance_share"][quantity]}
    return factor | {"factor": names.get(factor["factor"], factor["factor"]), "variance_share": share}
