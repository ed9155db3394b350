"""Declared tables of the estimates: results with their bands, the factors behind them, and the defaults of a method."""

from __future__ import annotations

import dataframely as dy

from assets.columns import flag, instant, number, text
from warehouse.tables import Table

#: Quantity -> unit, in the order in which they follow from each other.
TRAINING_QUANTITIES: dict[str, str] = {
    "training_flop": "FLOP",
    "pf_days": "PFLOP/s-day",
    "gpu_hours": "GPU-hour",
    "energy_kwh": "kWh",
    "cost_usd": "USD",
    "operational_kgco2e": "kgCO2e",
}

ORIGIN_KINDS = ("given", "observed", "reference", "derived", "method_default")

_METHOD_VERSION = text("Formula set and defaults that were used.", key=True)


class TrainingEstimate(dy.Schema):
    """One row per scenario, quantity and method version: what a training costs and emits."""

    scenario_id = text("Scenario; see assets/estimated/scenarios.", key=True)
    quantity = text("Quantity that is estimated.", key=True, allowed=tuple(TRAINING_QUANTITIES))
    method_version = _METHOD_VERSION
    low = number("p5, in the unit of the row; null where unknown.", "see unit", min=0)
    central = number("p50, in the unit of the row; null where unknown.", "see unit", min=0)
    high = number("p95, in the unit of the row; null where unknown.", "see unit", min=0)
    unit = text("Unit of low, central and high.", nullable=False, allowed=tuple(TRAINING_QUANTITIES.values()))
    reason = text("Why it is unknown; null where it is known.")
    as_of_at = instant("Instant that prices and grid were looked up for.", nullable=False)
    is_bundled = flag("True if an observed factor comes from the data that ships with Petaday.", nullable=False)
    computed_at = instant("When it was computed.", nullable=False)


class ScenarioEstimate(dy.Schema):
    """One row per scenario, quantity and method version of every kind beside training."""

    scenario_id = text("Scenario; see assets/estimated/scenarios/other.", key=True)
    quantity = text("Quantity that is estimated.", key=True)
    method_version = _METHOD_VERSION
    section = text("Kind of the scenario: the section of its file.", nullable=False)
    low = number("p5, in the unit of the row; null where unknown.", "see unit")
    central = number("p50, in the unit of the row; null where unknown.", "see unit")
    high = number("p95, in the unit of the row; null where unknown, or (central known) beyond any number.", "see unit")
    unit = text("Unit of low, central and high.", nullable=False)
    reason = text("Why it is unknown, or in which part of the draws; null where it is known in all of them.")
    as_of_at = instant("Instant that prices and grid were looked up for.", nullable=False)
    is_bundled = flag("True if an observed factor comes from the data that ships with Petaday.", nullable=False)
    computed_at = instant("When it was computed.", nullable=False)


class Factor(dy.Schema):
    """One row per scenario, quantity and factor: what a result was computed from and the variance it causes."""

    scenario_id = text("Scenario of the estimate.", key=True)
    quantity = text("Quantity that the factor works on; 'unused' for what was given and worked on none.", key=True)
    factor = text("Name of the factor; the keys of a scenario file.", key=True)
    method_version = _METHOD_VERSION
    value = number("Central value (p50), in the unit of the row.", "see unit", nullable=False)
    low = number("p5 of the factor.", "see unit", nullable=False)
    high = number("p95 of the factor.", "see unit", nullable=False)
    unit = text("Unit of value, low and high.", nullable=False)
    variance_share = number(
        "Part of the variance of the quantity's logarithm; null where nothing varies.", "share", min=0, max=1
    )
    origin_kind = text(f"Where it comes from: {', '.join(ORIGIN_KINDS)}.", nullable=False, allowed=ORIGIN_KINDS)
    origin_ref = text("Table and key, or what was done, in words.", nullable=False)
    capture_id = text("Capture of the observation (the newest of several); see meta.capture.")
    source_url = text("Where the fact stands, for reference facts and method defaults.")
    is_bundled = flag("True if it was observed in data that ships with Petaday.", nullable=False)


class MethodDefault(dy.Schema):
    """One row per factor and method version: the default used for an input that was neither given nor found."""

    factor = text("Factor that the default stands for.", key=True)
    low = number("p5 of the factor.", "see unit", nullable=False, min_exclusive=0)
    central = number("p50 of the factor.", "see unit", nullable=False, min_exclusive=0)
    high = number("p95 of the factor.", "see unit", nullable=False, min_exclusive=0)
    unit = text("Unit of low, central and high.", nullable=False)
    method_version = text("Method version that uses it.", key=True)
    source_url = text("Where the fact stands.", nullable=False)
    note = text("How it was derived.", nullable=False)


TRAINING_ESTIMATE = Table(
    "estimated",
    "training_estimate",
    "What trainings cost and emit, with bands. One row per scenario, quantity and method version.",
    TrainingEstimate,
)
SCENARIO_ESTIMATE = Table(
    "estimated",
    "scenario_estimate",
    "What requests, fleets, services and sites of the bundled scenarios cost and emit, with bands. One row per scenario, quantity and method version.",
    ScenarioEstimate,
)
FACTOR = Table(
    "estimated",
    "factor",
    "What each estimate was computed from. One row per scenario, quantity, factor and method version.",
    Factor,
)
METHOD_DEFAULT = Table(
    "reference",
    "method_default",
    "Stand-ins of a method for inputs that are neither given nor found, with their bands and sources.",
    MethodDefault,
)
TABLES: tuple[Table, ...] = (TRAINING_ESTIMATE, SCENARIO_ESTIMATE, FACTOR)
