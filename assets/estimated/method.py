"""The types of a method: its inputs, its quantities with their formulas, its defaults; and of one statement and its result.

A method is data. Its formulas are SQL over the macros in `formulas/`; `engine` evaluates them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from assets.estimated.scenario_files.fields import Band, Bounds
from assets.estimated.scenario_files.training import Scenario


@dataclass(frozen=True, slots=True)
class Quantity:
    """A result: its unit, its formula over `in_<number>` and earlier quantities, and what to give where it is unknown."""

    unit: str
    formula: str
    needs: str
    is_input: bool = False  #: may be given in place of being computed; then both are compared
    is_part: bool = False  #: a part of a whole: a value above 1 means that the inputs contradict each other
    is_boundless: bool = False  #: where there is none, it is beyond any number, as a break-even that never comes


@dataclass(frozen=True, slots=True)
class Default:
    """What is taken for a number that is neither given nor found, with its band and source."""

    band: Band
    source_url: str
    note: str


@dataclass(frozen=True, slots=True)
class Factor:
    """An input of an estimate: value, band (p5, p50, p95) and origin."""

    scenario_id: str
    factor: str
    low: float
    central: float
    high: float
    origin_kind: str
    origin_ref: str
    capture_id: str | None = None
    source_url: str | None = None
    is_bundled: bool = False


FactorLookup = Callable[
    [duckdb.DuckDBPyConnection, Sequence["Statement"], Mapping[str, Mapping[str, str | None]]], list[Factor]
]


@dataclass(frozen=True, slots=True)
class Method:
    """One version of the method of a section of scenario files.

    `numbers` (what a file may state, with bounds), `quantities` (what is computed, each from the numbers and those
    before it) and `defaults` are by name.
    """

    section: str
    version: str
    numbers: Mapping[str, Bounds]
    quantities: Mapping[str, Quantity]
    defaults: Mapping[str, Default] = field(default_factory=dict)
    #: text fields and their values; the first is the default
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: tuple[str, ...] = ()  #: names to look up: model, accelerator, provider, region, purchase
    own_lookup: FactorLookup | None = None  #: looks up factors that no other method needs
    read_by_own_lookup: tuple[str, ...] = ()  #: numbers from which `own_lookup` derives a factor
    table: str | None = None  #: key of the section that holds named numbers
    expand: Callable[[Statement], Mapping[str, Quantity]] | None = None  #: quantities that depend on the names stated
    either: tuple[tuple[str, str], ...] = ()  #: numbers of which a file states one
    #: a number -> other numbers; if one of these is stated, the number is not looked up
    spared_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: (part, whole): the part is never above the whole; a third element converts the unit of the whole to that of the part
    at_most: tuple[tuple[str, str] | tuple[str, str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """What a file states for one method."""

    scenario_id: str
    method: Method
    numbers: Mapping[str, Band]
    texts: Mapping[str, str] = field(default_factory=dict)
    as_of: dt.datetime | None = None
    title: str | None = None
    note: str | None = None
    source_url: str | None = None

    def as_json(self) -> dict[str, Any]:
        """What was stated, for the JSON output."""
        shown = Scenario(self.scenario_id, self.numbers, as_of=self.as_of, title=self.title).as_json()
        return {"section": self.method.section} | shown | dict(self.texts)


@dataclass(frozen=True, slots=True)
class Result:
    """Results of one statement, with the factors behind them."""

    statement: Statement
    quantities: dict[str, dict[str, Any]]
    factors: list[dict[str, Any]]
    as_of: dt.datetime
    computed_at: dt.datetime

    def as_json(self) -> dict[str, Any]:
        """The output of `petaday estimate --json`."""
        is_derived = any(f["origin_kind"] == "derived" for f in self.factors)
        read = self.statement.method.read_by_own_lookup if is_derived else ()
        return self.quantities | {
            "factors": self.factors,
            "unused": [
                f["factor"]
                for f in self.factors
                if f["origin_kind"] == "given" and not f["variance_share"] and f["factor"] not in read
            ],
            "method_version": self.statement.method.version,
            "scenario": self.statement.as_json(),
            "as_of": self.as_of.isoformat(),
            "computed_at": self.computed_at.isoformat(),
            "is_bundled": any(f["is_bundled"] for f in self.factors),
        }
