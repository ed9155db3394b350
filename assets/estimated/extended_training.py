"""A training together with the manufacture of its hardware, its water use, and its cost by the chosen view (`COST_VIEWS`).

Results of the training are inputs of the methods of other sections: GPU-hours of [embodied] and [ownership], energy of [site] and
[ownership]. A method treats its inputs as independent, but the energy follows from the hours. So energy is passed on as its factors
(hours, power, PUE), not as a second number with a band of its own.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from assets.estimated.engine import estimate_statements
from assets.estimated.method import Result, Statement
from assets.estimated.scenario_files.fields import Band
from assets.estimated.scenario_files.sections import COST_VIEWS, EXTRA_FIELDS, SECTIONS, ExtendedTraining
from assets.estimated.training import Estimate, estimate_training


@dataclass(frozen=True, slots=True)
class _Carried:
    """A number that a training hands to another section.

    `shares`: factor of the training -> its part of the variance of the number's logarithm, 0 to 1.
    """

    band: Band
    shares: Mapping[str, float]


def estimate_extended(
    con: duckdb.DuckDBPyConnection, scenario: ExtendedTraining, now: dt.datetime | None
) -> dict[str, Any]:
    """The output of `petaday estimate --json` for a training.

    Args:
        con: the published file; only temporary tables are made.
        scenario: the training, with what its cost view, manufacture and water need beside it.
        now: instant that stands for "now"; the clock's if not given.

    Raises:
        ScenarioError: one line per name that is not known, or number that contradicts the others.
    """
    training = estimate_training(con, scenario.training, now)
    carried = _carried(training)
    accelerator = {"accelerator": scenario.training.accelerator} if scenario.training.accelerator else {}
    stated = [
        _statement(scenario, "embodied", carried["embodied"], accelerator),
        _statement(scenario, "site", carried["site"]),
        _statement(scenario, "ownership", carried["ownership"]),
    ]
    embodied, site, ownership = estimate_statements(con, stated, now)
    result = training.as_json()
    result |= {"embodied_kgco2e": embodied.quantities["embodied_kgco2e"], "water_l": site.quantities["water_l"]}
    more = [(embodied, "embodied_kgco2e"), (site, "water_l")]
    versions = [training.method_version]
    factors = training.factors
    if quantity := COST_VIEWS[scenario.view]:
        more.append((ownership, quantity))
        versions.append(ownership.statement.method.version)
        parts = {name: ownership.quantities[name] for name in ("hardware_usd", "interconnect_usd", "energy_usd")}
        result |= {"cost_usd": ownership.quantities[quantity], "cost_parts": parts}
        factors = [
            f | {"variance_share": {k: v for k, v in f["variance_share"].items() if k != "cost_usd"}}
            for f in factors
            if f["factor"] != "usd_per_gpu_hour"
        ]
    for found, name in more:
        numbers = carried[found.statement.method.section]
        factors = _with_carried_shares(factors, found, name, numbers) + [
            _factor_of(f, found, name)
            for f in found.factors
            if name in f["variance_share"] and f["factor"] not in numbers
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
                "embodied_kgco2e": embodied.statement.method.version,
                "water_l": site.statement.method.version,
            },
        }
    )


def _carried(training: Estimate) -> dict[str, dict[str, _Carried]]:
    """Section -> its inputs that the training answers, where they are known."""
    factors = {f["factor"]: f for f in training.factors}
    hours, energy = _of_quantity(training, "gpu_hours"), _of_quantity(training, "energy_kwh")
    pue = _of_factor(factors, "pue")
    embodied = {"device_hours": hours} if hours else {}
    ownership = {"gpu_hours": hours} if hours else {}
    if energy is None:
        return {"embodied": embodied, "site": {"pue": pue} if pue else {}, "ownership": ownership}
    power = _of_factor(factors, "power_w_per_gpu") or _power_by_tdp(factors)
    if "energy_kwh" in factors:
        # Energy is stated at the meter, so it does not depend on PUE, which only gives the share of the servers.
        site = {"it_energy_kwh": _divided(energy, pue.band.central), "pue": _exact(pue)} if pue else {}
        ownership["energy_kwh"] = energy
    elif at_servers := _of_factor(factors, "it_energy_kwh"):
        site = {"it_energy_kwh": at_servers} | ({"pue": pue} if pue else {})
        ownership["energy_kwh"] = energy
    elif hours and power and pue:
        site = {"it_energy_kwh": _product(hours, power, energy), "pue": pue}
        ownership |= {"power_w_per_gpu": power, "pue": pue}
    else:
        raise AssertionError("energy follows from none of what energy is computed from")
    return {"embodied": embodied, "site": site, "ownership": ownership}


def _of_quantity(training: Estimate, quantity: str) -> _Carried | None:
    """A result of the training with its band."""
    found = training.quantities[quantity]
    if found["central"] is None:
        return None
    shares = {
        f["factor"]: f["variance_share"][quantity] or 0.0 for f in training.factors if quantity in f["variance_share"]
    }
    return _Carried(Band(found["low"], found["central"], found["high"]), shares)


def _of_factor(factors: Mapping[str, Mapping[str, Any]], name: str) -> _Carried | None:
    """A factor of the training as it is; nothing else causes its variance."""
    f = factors.get(name)
    return _Carried(Band(f["low"], f["value"], f["high"]), {name: 1.0}) if f else None


def _power_by_tdp(factors: Mapping[str, Mapping[str, Any]]) -> _Carried | None:
    """W per accelerator: board power times the share of it that is drawn."""
    tdp, share = factors.get("tdp_w"), factors.get("power_share_of_tdp")
    if not tdp or not share:
        return None
    # A board power is looked up and has no band.
    watts = Band(*(tdp["value"] * share[side] for side in ("low", "value", "high")))
    return _Carried(watts, {"tdp_w": 0.0, "power_share_of_tdp": 1.0})


def _product(hours: _Carried, power: _Carried, energy: _Carried) -> _Carried:
    """Energy at the servers, kWh: hours times W.

    Its band as in formulas/band.sql: the steps of the two logarithms, in quadrature. Its shares are those of the energy, less PUE.
    """

    def side(name: str) -> float:
        step = math.hypot(*(math.log(getattr(c.band, name) / c.band.central) for c in (hours, power)))
        central = hours.band.central * power.band.central / 1000
        return central * math.exp(-step if name == "low" else step)

    shares = {name: share for name, share in energy.shares.items() if name != "pue"}
    whole = sum(shares.values())
    return _Carried(
        Band(side("low"), side("central"), side("high")),
        {name: share / whole if whole else 0.0 for name, share in shares.items()},
    )


def _divided(number: _Carried, divisor: float) -> _Carried:
    band = number.band
    return _Carried(Band(band.low / divisor, band.central / divisor, band.high / divisor), number.shares)


def _exact(number: _Carried) -> _Carried:
    """The central value alone."""
    return _Carried(Band(*[number.band.central] * 3), number.shares)


def _with_carried_shares(
    factors: list[dict[str, Any]], found: Result, quantity: str, carried: Mapping[str, _Carried]
) -> list[dict[str, Any]]:
    """Factors of the training with their shares of a quantity of another section.

    What a carried number causes of the variance is caused by the factors behind that number, in the parts that each has in it.
    """
    target = _target(quantity)
    weights = {
        f["factor"]: f["variance_share"][quantity] or 0.0
        for f in found.factors
        if f["factor"] in carried and quantity in f["variance_share"]
    }
    with_shares = []
    for f in factors:
        shares = [w * carried[n].shares[f["factor"]] for n, w in weights.items() if f["factor"] in carried[n].shares]
        with_shares.append(f | {"variance_share": f["variance_share"] | {target: sum(shares)}} if shares else f)
    return with_shares


def _target(quantity: str) -> str:
    """The name that a training has for a quantity of another section."""
    return "cost_usd" if quantity in COST_VIEWS.values() else quantity


def _statement(
    scenario: ExtendedTraining, section: str, carried: Mapping[str, _Carried], texts: dict[str, str] | None = None
) -> Statement:
    method = next(iter(SECTIONS[section].values()))
    numbers = {name: number.band for name, number in carried.items()}
    # Each has an id of its own, as all are computed in one call.
    return Statement(
        f"{scenario.scenario_id}:{section}", method, numbers | dict(scenario.extras.get(section, {})), texts or {}
    )


def _factor_of(factor: dict[str, Any], found: Result, quantity: str) -> dict[str, Any]:
    """A factor under the name that a training file has for it, with its share of one quantity."""
    names = {key: name for name, (section, key) in EXTRA_FIELDS.items() if section == found.statement.method.section}
    share = {_target(quantity): factor["variance_share"][quantity]}
    return factor | {"factor": names.get(factor["factor"], factor["factor"]), "variance_share": share}
