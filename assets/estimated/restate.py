"""Restatement: what a change of method does to the same scenarios, over the history that is observed.

Both versions estimate the same statements at the same dates on the same data; nothing is stored, and a row always names both
versions. Dates matter where a price or a grid is looked up: then each quarter of the observed history is estimated.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb
import polars as pl

from assets.estimated.engine import Method, Result, Statement, estimate_statements
from assets.estimated.methods import METHODS
from assets.estimated.scenario import ScenarioError, closest
from assets.estimated.training import METHOD_VERSION

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


def method_pair(old: str, new: str) -> tuple[Method, Method]:
    """Two versions of one section.

    Raises:
        ScenarioError: if a version is not known, both are the same, or they are of different sections.
    """
    known = {m.version: m for m in METHODS}
    problems = [
        f"{version}: no such method version; known are {', '.join([METHOD_VERSION, *known])}"
        f"{closest(version, list(known))}"
        for version in dict.fromkeys((old, new))
        if version not in known and version != METHOD_VERSION
    ]
    if not problems and old == new:
        problems = [f"{old}: given as old and as new; nothing would differ"]
    if not problems and METHOD_VERSION in (old, new):
        problems = [f"{METHOD_VERSION}: the only version of [training]; there is nothing to restate it by"]
    if not problems and known[old].section != known[new].section:
        problems = [
            f"{old} is of [{known[old].section}], {new} of [{known[new].section}]: allowed are two versions of one section"
        ]
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
    firsts = [first for sql in asked if (first := con.sql(sql).pl().item()) is not None]
    if len(firsts) < len(asked):
        return [None]
    first = max(firsts)
    starts = con.execute(
        "SELECT unnest(range(date_trunc('quarter', ?::TIMESTAMP) + INTERVAL 3 MONTH, ?::TIMESTAMP, INTERVAL 3 MONTH))",
        [first.replace(tzinfo=None), now.replace(tzinfo=None)],
    ).fetchall()
    return [*(start.replace(tzinfo=dt.UTC) for (start,) in starts), None]


def _rows(results: Sequence[Result], side: str) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (r.statement.scenario_id, number, name, q["unit"], q["low"], q["central"], q["high"])
            for number, r in enumerate(results)
            for name, q in r.quantities.items()
        ],
        schema={
            "scenario_id": pl.String,
            "number": pl.Int64,
            "quantity": pl.String,
            "unit": pl.String,
            f"{side}_low": pl.Float64,
            f"{side}_central": pl.Float64,
            f"{side}_high": pl.Float64,
        },
        orient="row",
    )


def restate(
    con: duckdb.DuckDBPyConnection, old: str, new: str, statements: Sequence[Statement], now: dt.datetime | None = None
) -> Restatement:
    """Estimate the same by two versions.

    Args:
        con: connection to the published data.
        old: version to compare from.
        new: version to compare to.
        statements: scenarios; those of another section are left out, and a request stated once for each version counts once.
        now: instant of the newest estimate.

    Raises:
        ScenarioError: if the versions cannot be compared, or no scenario is of their section.
    """
    now = now or dt.datetime.now(dt.UTC)
    before, after = method_pair(old, new)
    found: dict[object, Statement] = {}
    for s in statements:
        if s.method.section == before.section:
            what = (tuple(sorted((k, b) for k, b in s.numbers.items())), tuple(sorted(s.texts.items())), s.as_of)
            found.setdefault(repr(what), s)
    if not found:
        raise ScenarioError([f"{old}, {new}: no scenario with a section [{before.section}] is given"])
    notes = []
    dated: list[Statement] = []
    days: list[dt.datetime] = []
    for s in found.values():
        for method in (before, after):
            if left := [
                k for k in (*s.numbers, *s.texts) if k not in (*method.numbers, *method.names, *method.choices)
            ]:
                notes.append(f"{s.scenario_id}: {', '.join(left)} left out in {method.version}, which does not know it")
        for as_of in _dates(con, s, now):
            dated.append(replace(s, scenario_id=f"{s.scenario_id}@{len(dated)}", as_of=as_of))
            days.append(as_of or now)
    frames = [
        _rows(estimate_statements(con, [_by(method, s) for s in dated], now), side)
        for method, side in ((before, "old"), (after, "new"))
    ]
    whole = frames[0].join(
        frames[1].drop("unit", "scenario_id"),
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
    units = {name: q.unit for m in (before, after) for name, q in m.quantities.items()}
    rows = (
        whole.drop("scenario_id")
        .join(index, on="number")
        .with_columns(
            unit=pl.coalesce("unit", pl.col("quantity").replace_strict(units, default=None)),
            change_share=pl.when(pl.col("old_central") != 0).then(pl.col("new_central") / pl.col("old_central") - 1),
            is_outside_old_band=(pl.col("new_central") < pl.col("old_low")) | (pl.col("new_central") > pl.col("old_high")),
            old_method_version=pl.lit(old),
            new_method_version=pl.lit(new),
        )
        .select(
            "scenario_id", "as_of_on", "quantity", "unit", "old_method_version", "old_low", "old_central", "old_high",
            "new_method_version", "new_low", "new_central", "new_high", "change_share", "is_outside_old_band",
        )
    )  # fmt: skip
    return Restatement(old, new, rows, tuple(notes))
