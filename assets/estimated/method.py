"""What a method is: what may be stated of a scenario, what follows from it, by which formula; and what is stated and found.

A method is data. Its formulas are SQL over the macros in `formulas/`; `engine` computes them.
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
    is_part: bool = False  #: a part of a whole: above 1 what is given contradicts itself


@dataclass(frozen=True, slots=True)
class Default:
    """A stand-in for a number that was not given, with its band and source."""

    band: Band
    source_url: str
    note: str


@dataclass(frozen=True, slots=True)
class Factor:
    """A number that went in, and where it comes from."""

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
    """One capability in one version."""

    section: str
    version: str
    numbers: Mapping[str, Bounds]
    quantities: Mapping[str, Quantity]
    defaults: Mapping[str, Default] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  #: text fields; the first is meant if none is given
    names: tuple[str, ...] = ()  #: names to look up: model, accelerator, provider, region, purchase
    more: FactorLookup | None = None  #: factors that only this method looks up
    read_by_more: tuple[str, ...] = ()  #: numbers from which `more` derives a factor
    table: str | None = None  #: key of the section that holds named numbers
    expand: Callable[[Statement], Mapping[str, Quantity]] | None = None  #: quantities that depend on the names stated
    either: tuple[tuple[str, str], ...] = ()  #: numbers of which a file states one
    #: a number -> those of which any one, where it is stated, makes it needless to look the number up
    spared_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: a part and its whole: the first is never above the second; third, where their units differ, that of the whole in that of the part
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
        read = self.statement.method.read_by_more if is_derived else ()
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
