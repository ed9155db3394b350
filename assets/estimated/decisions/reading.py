"""Reads the keys of a decision's section and checks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assets.estimated.decisions.declarations import (
    ALL_WORKLOADS,
    DECISIONS,
    WORKLOAD,
    DecisionStatement,
    Parameter,
)
from assets.estimated.scenario_files.fields import (
    ScenarioError,
    closest,
    read_day,
    read_number,
    read_text,
)
from assets.estimated.scenario_files.key_names import as_written, canonical, unknown_key


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
        if "region" in stated and "provider" not in stated:
            problems.append(f"{where}: region given without its provider; give provider too, or zone")
        if row["name"] and row["name"].lower() == ALL_WORKLOADS:
            problems.append(
                f"{where}.name: {row['name']!r} is what the sum of all is called; allowed is any other name"
            )
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
