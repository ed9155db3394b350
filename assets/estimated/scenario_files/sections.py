"""Every kind of scenario file: the section of a TOML file says which method reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from assets.estimated.decisions.declarations import DECISIONS, DecisionStatement
from assets.estimated.decisions.reading import decision_of
from assets.estimated.method import Method, Statement
from assets.estimated.methods import METHODS
from assets.estimated.scenario_files.fields import (
    Band,
    Bounds,
    ScenarioError,
    closest,
    read_as_of,
    read_number,
    read_text,
    read_toml,
    scenario_text,
)
from assets.estimated.scenario_files.key_names import as_written, canonical, unknown_key
from assets.estimated.scenario_files.training import (
    INSTANTS,
    NUMBERS,
    SHORTHAND,
    TEXTS,
    TOP_LEVEL,
    Scenario,
    scenario_of,
    scenario_of_file,
)

#: Section -> its methods by version; the first is the one used where a file names none.
SECTIONS: dict[str, dict[str, Method]] = {}
for _method in METHODS:
    SECTIONS.setdefault(_method.section, {})[_method.version] = _method

#: Cost view of a training -> the quantity of [ownership] that it takes; rental is the rate times the hours.
COST_VIEWS = {"rental": None, "amortised": "amortised_usd", "energy_floor": "energy_usd"}
#: Further fields of a training -> (section that declares them, their name there).
EXTRA_FIELDS: dict[str, tuple[str, str]] = (
    {
        name: ("ownership", name)
        for name in (
            "price_usd",
            "days_since_purchase",
            "value_at_start_usd",
            "interconnect_share",
            "price_usd_per_kwh",
        )
    }
    | {name: ("embodied", name) for name in ("device_kgco2e", "host_kgco2e", "devices_per_host_count", "life_years")}
    | {"hardware_use_share": ("embodied", "utilization_share")}
    | {name: ("site", name) for name in ("site_water_l_per_kwh", "grid_water_l_per_kwh")}
)


@dataclass(frozen=True, slots=True)
class ExtendedTraining:
    """A training with what its cost view, manufacture and water need beside it."""

    training: Scenario
    view: str = "rental"
    extras: Mapping[str, Mapping[str, Band]] = field(default_factory=dict)  #: section -> numbers

    @property
    def scenario_id(self) -> str:
        """Name under which the estimate is kept."""
        return self.training.scenario_id


_ABOUT = tuple(key for key in TOP_LEVEL if key != "training")


def statement_of(
    section: str, values: Mapping[str, object], *, scenario_id: str = "scenario", about: Mapping[str, str] | None = None
) -> Statement:
    """A statement from the keys of a section.

    Args:
        section: name of the section.
        values: its keys as read from TOML.
        scenario_id: name under which the estimate is kept.
        about: title, note and source_url.

    Raises:
        ScenarioError: one line per field that cannot be used.
    """
    methods = SECTIONS[section]
    problems: list[str] = []
    named = values.get("method", next(iter(methods)))
    if not isinstance(named, str) or named not in methods:
        near = closest(str(named), list(methods))
        raise ScenarioError([f"method: {named!r} given; allowed are {', '.join(methods)}{near}"])
    method = methods[named]
    allowed = [
        *method.names,
        *method.choices,
        *method.numbers,
        "method",
        *(["as_of"] if method.names else []),
        *([method.table] if method.table else []),
    ]
    each = of_each(method)
    values, written = canonical(values, (*method.numbers, *each), (*method.names, *method.choices), problems)
    problems += [unknown_key(key, allowed, section) for key in values if key not in allowed and key not in each]
    numbers = {k: read_number(k, values[k], problems, method.numbers[k]) for k in method.numbers if k in values}
    stated = {k: read_number(k, values[k], problems, _NUMBERS_OF_EACH[k]) for k in each if k in values}
    numbers |= _of_all(stated, numbers, values, problems)
    texts = {k: read_text(k, values[k], problems) for k in (*method.names, *method.choices) if k in values}
    for key, choices in method.choices.items():
        if (given := texts.get(key)) and given not in choices:
            weights = "; for weights alone in fewer bits give bytes_per_parameter" if key == "number_format" else ""
            problems.append(
                f"{key}: {given!r} given; allowed are {', '.join(choices)}{closest(given, choices)}{weights}"
            )
    as_of = read_as_of(values["as_of"], problems) if "as_of" in values and method.names else None
    if method.table:
        numbers |= _read_table(method.table, values.get(method.table), problems)
    if not any(k != "method" for k in values):
        problems.append(f"{section}: nothing is stated in [{section}]; allowed are {', '.join(allowed)}")
    problems += _contradictions(method, numbers, values)
    if problems:
        raise ScenarioError(as_written(problems, written))
    return Statement(
        scenario_id,
        method,
        {k: b for k, b in numbers.items() if b},
        {k: t for k, t in texts.items() if t},
        as_of,
        **(about or {}),
    )


def _contradictions(method: Method, numbers: Mapping[str, Band | None], values: Mapping[str, object]) -> list[str]:
    """One line per part above its whole, and per two keys of which a file may state one."""
    found = [
        f"{part}: {a.central:g} given; allowed is at most {whole}, {b.central:g}{f' ({b.central * size[0]:g})' if size else ''}"
        for part, whole, *size in method.at_most
        if (a := numbers.get(part)) and (b := numbers.get(whole)) and a.central > b.central * (size[0] if size else 1)
    ]
    found += [
        f"{one} and {other}: allowed is one of both"
        for one, other in method.either
        if one in values and other in values
    ]
    return found


#: What is stated of one accelerator, in sections that compute with that of all.
_NUMBERS_OF_EACH = {
    "power_w_per_gpu": NUMBERS["power_w_per_gpu"],
    "tokens_per_s_per_gpu": SHORTHAND["tokens_per_s_per_gpu"],
}


def of_each(method: Method) -> list[str]:
    """The keys of one accelerator of which a method has only that of all of them."""
    return [
        name
        for name in _NUMBERS_OF_EACH
        if name not in method.numbers and {name.removesuffix("_per_gpu"), "accelerator_count"} <= method.numbers.keys()
    ]


def _of_all(
    each: Mapping[str, Band | None],
    numbers: Mapping[str, Band | None],
    values: Mapping[str, object],
    problems: list[str],
) -> dict[str, Band | None]:
    """What all accelerators have, from what each has and how many there are: of the one measured, where that is another."""
    is_measured = "measured_accelerator" in values or "measured_accelerator_count" in values
    counted = "measured_accelerator_count" if is_measured else "accelerator_count"
    found: dict[str, Band | None] = {}
    for name, band in each.items():
        whole, count = name.removesuffix("_per_gpu"), numbers.get(counted)
        if whole in values:
            problems.append(f"{name}: given, and {whole} of all too; leave one out")
        elif counted not in values:
            problems.append(f"{name}: of one accelerator; give {counted} too, or {whole} of all")
        elif band and count:
            found[whole] = Band(*(getattr(band, s) * getattr(count, s) for s in ("low", "central", "high")))
    return found


_PART = Bounds("the unit of the parts", 0, 1e30)


def _read_table(name: str, values: object, problems: list[str]) -> dict[str, Band | None]:
    if not isinstance(values, dict) or not values:
        problems.append(f"{name}: a table of named numbers is needed, such as {name} = {{first = 1, second = 2}}")
        return {}
    wrong = [key for key in values if not key.isidentifier()]
    problems.extend(f"{name}.{key}: allowed are names of letters, digits and _" for key in wrong)
    return {
        f"part_{key}": read_number(f"{name}.{key}", value, problems, _PART)
        for key, value in values.items()
        if key not in wrong
    }


def parse_any(text: str, scenario_id: str = "scenario") -> Scenario | Statement | ExtendedTraining | DecisionStatement:
    """A scenario of any kind from the text of a TOML file.

    Raises:
        ScenarioError: if it is not TOML, has not exactly one section, or a field cannot be used.
    """
    return any_of_file(read_toml(text, scenario_id), scenario_id)


def any_of_file(
    data: Mapping[str, Any], scenario_id: str
) -> Scenario | Statement | ExtendedTraining | DecisionStatement:
    """A scenario of any kind from the tables of its file.

    Raises:
        ScenarioError: if it has not exactly one section, or a field cannot be used.
    """
    known = [key for key in data if key == "training" or key in SECTIONS or key in DECISIONS]
    if len(known) > 1:
        raise ScenarioError([f"{', '.join(known)}: {len(known)} sections given; allowed is one section a file"])
    if known == ["training"]:
        training = data["training"]
        if isinstance(training, dict):
            every = canonical(training, (*NUMBERS, *SHORTHAND, *EXTRA_FIELDS), (*TEXTS, *INSTANTS), [])[0]
            if "cost_view" in every or not every.keys().isdisjoint(EXTRA_FIELDS):
                return _extended(training, scenario_id, {k: data[k] for k in _ABOUT if isinstance(data.get(k), str)})
        return scenario_of_file(data, scenario_id)
    if not known:
        every = ["training", *SECTIONS, *DECISIONS]
        problems = [
            f"{key}: unknown field outside a section; allowed are {', '.join([*_ABOUT, *every])}{closest(key, every)}"
            for key in data
            if key not in _ABOUT
        ]
        raise ScenarioError(
            [*problems, f"no section; the file needs one of [{'], ['.join(every)}] and what is known below it"]
        )
    section = known[0]
    problems = [
        f"{key}: unknown field outside [{section}]; allowed are {', '.join(_ABOUT)}{closest(key, _ABOUT)}"
        for key in data
        if key not in (*_ABOUT, section)
    ]
    problems += [
        f"{key}: {data[key]!r} given; allowed is text in quotes"
        for key in _ABOUT
        if key in data and not isinstance(data[key], str)
    ]
    if not isinstance(data[section], dict):
        problems.append(f"{section}: needs a line [{section}] and what is known below it")
    if problems:
        raise ScenarioError(problems)
    about = {k: data[k] for k in _ABOUT if k in data}
    if section in DECISIONS:
        return decision_of(section, data[section], scenario_id=scenario_id, about=about)
    return statement_of(section, data[section], scenario_id=scenario_id, about=about)


def _extended(values: Mapping[str, object], scenario_id: str, about: Mapping[str, str]) -> ExtendedTraining:
    view = values.get("cost_view", "rental")
    problems: list[str] = []
    if not isinstance(view, str) or view not in COST_VIEWS:
        problems.append(
            f"cost_view: {view!r} given; allowed are {', '.join(COST_VIEWS)}{closest(str(view), list(COST_VIEWS))}"
        )
    extras: dict[str, dict[str, Band]] = {}
    values, written = canonical(values, (*NUMBERS, *SHORTHAND, *EXTRA_FIELDS), (*TEXTS, *INSTANTS), problems)
    for name, (section, key) in EXTRA_FIELDS.items():
        bounds = next(iter(SECTIONS[section].values())).numbers[key]
        if name in values and (band := read_number(name, values[name], problems, bounds)):
            extras.setdefault(section, {})[key] = band
    training: Scenario | None = None
    try:
        training = scenario_of(
            {k: v for k, v in values.items() if k not in (*EXTRA_FIELDS, "cost_view")}, scenario_id=scenario_id, **about
        )
    except ScenarioError as error:
        problems += error.problems
    if problems or training is None:
        raise ScenarioError(as_written(problems, written))
    return ExtendedTraining(training, str(view), extras)


def read_any(path: Path) -> Scenario | Statement | ExtendedTraining | DecisionStatement:
    """A scenario of any kind from a TOML file; its id is the name of the file.

    Raises:
        ScenarioError: if the file cannot be read or used.
    """
    return parse_any(scenario_text(path), path.stem)


def _bundled(kind: str) -> list[Scenario | Statement | ExtendedTraining | DecisionStatement]:
    folder = resources.files("assets.estimated") / "scenarios" / kind
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return [parse_any(f.read_text(encoding="utf-8"), f.name.removesuffix(".toml")) for f in files]


def bundled_statements() -> list[Statement]:
    """The scenarios beside trainings that ship with Petaday, by name."""
    return [s for s in _bundled("other") if isinstance(s, Statement)]


def bundled_decisions() -> list[DecisionStatement]:
    """The decisions that ship with Petaday, by name."""
    return [s for s in _bundled("decisions") if isinstance(s, DecisionStatement)]
