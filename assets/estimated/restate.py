"""Restatement: what a change of method does to the same scenarios, over the history that is observed.

Both versions estimate the same statements at the same dates on the same data; nothing is stored, and a row always names both
versions. Dates matter where a price or a grid is looked up: then each quarter of the observed history is estimated. A rule
by which rates or grids are looked up is restated in the same way, in everything that costs money at a rate or emits by a grid. Before
the first observation a price or a grid is unknown in both.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace

import duckdb
import polars as pl

from assets.estimated.decisions.declarations import DECISIONS
from assets.estimated.engine import estimate_statements
from assets.estimated.look_up_rules import GRID_RULES, RATE_RULES, RULES
from assets.estimated.method import Method, Result, Statement
from assets.estimated.methods import METHODS
from assets.estimated.scenario_files.fields import ScenarioError, closest
from assets.estimated.scenario_files.training import Scenario
from assets.estimated.training import STEPS, Estimate, estimate_trainings

#: Names of a scenario whose look-up depends on the date -> where the first date is observed.
_DATED = {
    "accelerator": "SELECT min(valid_from) FROM observed.cloud_rate",
    "region": "SELECT min(valid_from) FROM observed.grid_carbon",
}


@dataclass(frozen=True, slots=True)
class Restatement:
    """How estimates differ between two versions of a method."""

    old: str
    new: str
    rows: pl.DataFrame  #: scenario_id, as_of_on, quantity, unit, old_* and new_* low, central and high, change_share, …
    notes: tuple[str, ...]


def _of_decisions(*versions: str) -> str | None:
    """Why versions of decisions cannot be restated; None if no version is of one."""
    asked = [version for version in dict.fromkeys(versions) if version.startswith("decision-")]
    if not asked:
        return None
    now = ", ".join(f"[{d.section}] {d.version}" for d in DECISIONS.values())
    return (
        f"{', '.join(asked)}: versions of decisions cannot be restated, as each is computed by its newest version alone ({now}); "
        "what the version before did is told in CHANGELOG.md"
    )


def method_pair(old: str, new: str) -> tuple[Method, Method]:
    """Two versions of one section.

    Raises:
        ScenarioError: if a version is not known, both are the same, or they are of different sections.
    """
    known = {m.version: m for m in METHODS}
    if problem := _of_decisions(old, new):
        raise ScenarioError([problem])
    problems = [
        f"{version}: no such method version; known are {', '.join([*STEPS, *known, *RULES])}"
        f"{closest(version, [*STEPS, *known, *RULES])}"
        for version in dict.fromkeys((old, new))
        if version not in known and version not in STEPS and version not in RULES
    ]
    if not problems and old == new:
        problems = [f"{old}: given as old and as new; nothing would differ"]
    if not problems and (old in RULES or new in RULES):
        problems = [
            f"{old}, {new}: allowed are two rules of looking rates up ({', '.join(RATE_RULES)}) or grids up ({', '.join(GRID_RULES)}), "
            "or two versions of one section"
        ]
    section = {version: m.section for version, m in known.items()} | dict.fromkeys(STEPS, "training")
    if not problems and section[old] != section[new]:
        problems = [f"{old} is of [{section[old]}], {new} of [{section[new]}]: allowed are two versions of one section"]
    if problems:
        raise ScenarioError(problems)
    return known[old], known[new]


def _by(method: Method, statement: Statement) -> Statement:
    """The same statement by another version: less what that version does not know."""
    return replace(
        statement,
        method=method,
        numbers={k: b for k, b in statement.numbers.items() if k in method.numbers},
        texts={k: t for k, t in statement.texts.items() if k in method.names or k in method.choices},
    )


def _dates(con: duckdb.DuckDBPyConnection, statement: Statement, now: dt.datetime) -> list[dt.datetime | None]:
    """Quarters of the observed history where the statement looks something up; else only its own date."""
    asked = [sql for name, sql in _DATED.items() if name in statement.texts]
    if not asked or statement.as_of:
        return [statement.as_of]
    return _quarters(con, asked, now)


def _quarters(con: duckdb.DuckDBPyConnection, asked: Sequence[str], now: dt.datetime) -> list[dt.datetime | None]:
    """Quarters since all that is asked of was first observed, and now (None)."""
    firsts = [first for sql in asked if (first := con.sql(sql).pl().item()) is not None]
    if len(firsts) < len(asked):
        return [None]
    first = max(firsts)
    starts = con.execute(
        "SELECT unnest(range(date_trunc('quarter', ?::TIMESTAMP) + INTERVAL 3 MONTH, ?::TIMESTAMP, INTERVAL 3 MONTH))",
        [first.replace(tzinfo=None), now.replace(tzinfo=None)],
    ).fetchall()
    return [*(start.replace(tzinfo=dt.UTC) for (start,) in starts), None]


def _rows(results: Sequence[Result | Estimate], side: str) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (number, name, q["unit"], q["low"], q["central"], q["high"], q.get("reason"))
            for number, r in enumerate(results)
            for name, q in r.quantities.items()
        ],
        schema={
            "number": pl.Int64,
            "quantity": pl.String,
            "unit": pl.String,
            f"{side}_low": pl.Float64,
            f"{side}_central": pl.Float64,
            f"{side}_high": pl.Float64,
            f"{side}_reason": pl.String,
        },
        orient="row",
    )


def restate(
    con: duckdb.DuckDBPyConnection,
    old: str,
    new: str,
    statements: Sequence[Statement | Scenario],
    now: dt.datetime | None = None,
) -> Restatement:
    """Estimate the same by two versions of a method, or by two rules of looking rates or grids up.

    Args:
        con: connection to the published data.
        old: version to compare from.
        new: version to compare to.
        statements: scenarios, trainings too; those of another section are left out, and a request stated once for each version counts once.
        now: instant of the newest estimate.

    Raises:
        ScenarioError: if the versions cannot be compared, or no scenario is of their section.
    """
    now = now or dt.datetime.now(dt.UTC)
    for kind in _LOOKED_UP:
        if old != new and old in kind.rules and new in kind.rules:
            return _restate_rules(con, old, new, kind, statements, now)
    if old != new and old in STEPS and new in STEPS:
        return _restate_trainings(con, old, new, [s for s in statements if isinstance(s, Scenario)], now)
    before, after = method_pair(old, new)
    found: dict[object, Statement] = {}
    for s in statements:
        if isinstance(s, Statement) and s.method.section == before.section:
            what = (tuple(sorted((k, b) for k, b in s.numbers.items())), tuple(sorted(s.texts.items())), s.as_of)
            found.setdefault(repr(what), s)
    if not found:
        raise ScenarioError([f"{old}, {new}: no scenario with a section [{before.section}] is given"])
    notes = []
    dated: list[Statement] = []
    days: list[dt.datetime] = []
    for s in found.values():
        for method in (before, after):
            known = {*method.numbers, *method.names, *method.choices}
            if left := [k for k in (*s.numbers, *s.texts) if k not in known]:
                notes.append(f"{s.scenario_id}: {', '.join(left)} left out in {method.version}, which does not know it")
        for as_of in _dates(con, s, now):
            dated.append(replace(s, scenario_id=f"{s.scenario_id}@{len(dated)}", as_of=as_of))
            days.append(as_of or now)
    frames = [
        _rows(estimate_statements(con, [_by(method, s) for s in dated], now, may_be_early=True), side)
        for method, side in ((before, "old"), (after, "new"))
    ]
    units = {name: q.unit for m in (before, after) for name, q in m.quantities.items()}
    return Restatement(old, new, _side_by_side(old, new, frames, dated, days, units), tuple(notes))


def _needs_a_rate(scenario: Statement | Scenario) -> bool:
    """Whether a rate may be looked up for it."""
    if "usd_per_gpu_hour" in scenario.numbers:
        return False
    if isinstance(scenario, Statement):
        return "accelerator" in scenario.texts and "usd_per_gpu_hour" in scenario.method.numbers
    return bool(scenario.accelerator or scenario.model)


def _needs_a_grid(scenario: Statement | Scenario) -> bool:
    """Whether a grid may be looked up for it that is not that of the hours of a run."""
    if "grid_gco2e_per_kwh" in scenario.numbers:
        return False
    if isinstance(scenario, Statement):
        return "region" in scenario.texts and "grid_gco2e_per_kwh" in scenario.method.numbers
    return scenario.region is not None and scenario.start_at is None


def _restate_trainings(
    con: duckdb.DuckDBPyConnection, old: str, new: str, scenarios: Sequence[Scenario], now: dt.datetime
) -> Restatement:
    """Trainings by two versions of their method, over the history of what they look up."""
    if not scenarios:
        raise ScenarioError([f"{old}, {new}: no scenario with a section [training] is given"])
    dated: list[Scenario] = []
    for s in scenarios:
        asked = [_DATED[kind.dated] for kind in _LOOKED_UP if kind.needs(s)]
        as_of = s.as_of or s.start_at
        for date in _quarters(con, asked, now) if asked and not as_of else [as_of]:
            dated.append(replace(s, scenario_id=f"{s.scenario_id}@{len(dated)}", as_of=date))
    frames = [
        _rows(estimate_trainings(con, dated, now, version=version, may_be_early=True).estimates, side)
        for version, side in ((old, "old"), (new, "new"))
    ]
    units = dict(frames[0].select("quantity", "unit").iter_rows())
    return Restatement(old, new, _side_by_side(old, new, frames, dated, [s.as_of or now for s in dated], units), ())


@dataclass(frozen=True, slots=True)
class _LookedUp:
    """What rules look up: for which scenarios, which quantities follow, and the name whose first observation begins the history."""

    rules: Container[str]
    needs: Callable[[Statement | Scenario], bool]
    quantity: str  #: regular expression
    dated: str
    what: str


_LOOKED_UP = (
    _LookedUp(RATE_RULES, _needs_a_rate, "usd", "accelerator", "a rate"),
    _LookedUp(GRID_RULES, _needs_a_grid, "co2", "region", "the grid of a year"),
)


def _restate_rules(
    con: duckdb.DuckDBPyConnection,
    old: str,
    new: str,
    kind: _LookedUp,
    scenarios: Sequence[Statement | Scenario],
    now: dt.datetime,
) -> Restatement:
    """What follows from a rate or a grid that is looked up, by two rules of looking it up."""
    trainings: list[Scenario] = []
    statements: list[Statement] = []
    for s in scenarios:
        if kind.needs(s):
            as_of = s.as_of or (s.start_at if isinstance(s, Scenario) else None)
            for date in [as_of] if as_of else _quarters(con, [_DATED[kind.dated]], now):
                name = f"{s.scenario_id}@{len(trainings) + len(statements)}"
                if isinstance(s, Statement):
                    statements.append(replace(s, scenario_id=name, as_of=date))
                else:
                    trainings.append(replace(s, scenario_id=name, as_of=date))
    if not (trainings or statements):
        raise ScenarioError([f"{old}, {new}: no scenario is given for which {kind.what} is looked up"])
    frames = []
    for rule, side in ((old, "old"), (new, "new")):
        results: list[Result | Estimate] = []
        if trainings:
            results += estimate_trainings(con, trainings, now, rule, may_be_early=True).estimates
        if statements:
            results += estimate_statements(con, statements, now, rule, may_be_early=True)
        frames.append(_rows(results, side).filter(pl.col("quantity").str.contains(kind.quantity)))
    dated = [*trainings, *statements]
    units = dict(frames[0].select("quantity", "unit").iter_rows())
    rows = _side_by_side(old, new, frames, dated, [s.as_of or now for s in dated], units)
    return Restatement(old, new, rows, ())


def _side_by_side(
    old: str,
    new: str,
    frames: Sequence[pl.DataFrame],
    dated: Sequence[Statement | Scenario],
    days: Sequence[dt.datetime],
    units: dict[str, str],
) -> pl.DataFrame:
    """One row per scenario, day and quantity, by both versions."""
    whole = frames[0].join(
        frames[1].drop("unit"),
        on=("number", "quantity"),
        how="full",
        coalesce=True,
        maintain_order="left_right",
    )
    index = pl.DataFrame(
        {
            "number": range(len(dated)),
            "scenario_id": [s.scenario_id.rsplit("@", 1)[0] for s in dated],
            "as_of_on": [day.date() for day in days],
        },
        schema={"number": pl.Int64, "scenario_id": pl.String, "as_of_on": pl.Date},
    )
    return (
        whole.join(index, on="number")
        .with_columns(
            reason=pl.coalesce("new_reason", "old_reason"),
            unit=pl.coalesce("unit", pl.col("quantity").replace_strict(units, default=None)),
            change_share=pl.when(pl.col("old_central") != 0).then(pl.col("new_central") / pl.col("old_central") - 1),
            is_outside_old_band=(pl.col("new_central") < pl.col("old_low")) | (pl.col("new_central") > pl.col("old_high")),
            old_method_version=pl.lit(old),
            new_method_version=pl.lit(new),
        )
        .select(
            "scenario_id", "as_of_on", "quantity", "unit", "old_method_version", "old_low", "old_central", "old_high",
            "new_method_version", "new_low", "new_central", "new_high", "change_share", "is_outside_old_band", "reason",
        )
    )  # fmt: skip
