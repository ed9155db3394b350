"""Estimates by every method except that of trainings (`training`).

One SQL statement evaluates all scenarios of a method: at the central values, with one factor at a time at its bounds, and with
all factors at their bounds. Where the logarithms of the single steps add up to that of the joint step, the result is a product
of its factors; if these are log-normal its band is exact: the steps in quadrature. Any other band, and what each factor causes of it,
is drawn (`sampling`), as that of a product of factors whose two sides differ.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import polars as pl

from assets.estimated.assumed_sizes import ORIGIN, assumed_ranges, with_assumed
from assets.estimated.formula_macros import ensure_formulas, text_of
from assets.estimated.method import Factor, Method, Quantity, Result, Statement
from assets.estimated.missing_numbers import missing_numbers
from assets.estimated.sampling import drawn_bands
from assets.estimated.scenario_files.fields import Band, ScenarioError
from assets.estimated.scenario_files.training import Scenario
from assets.estimated.tables import FACTOR, SCENARIO_ESTIMATE
from assets.estimated.training_lookup import TOLERANCE, look_up
from warehouse.tables import Table


def estimate_statements(
    con: duckdb.DuckDBPyConnection,
    statements: Sequence[Statement],
    now: dt.datetime | None = None,
    rule: str | None = None,
    *,
    may_be_early: bool = False,
) -> list[Result]:
    """Estimate statements of any methods; those of one method are computed at once.

    `rule` and `may_be_early` as in `estimate_trainings`.

    Raises:
        ScenarioError: one line per name that is not known, or number that contradicts the others.
    """
    now = now or dt.datetime.now(dt.UTC)
    ensure_formulas(con)
    factors = {s.scenario_id: list(_given(s)) for s in statements}
    _add_looked_up(con, statements, factors, now, rule, may_be_early=may_be_early)
    for s in statements:
        known = {f.factor for f in factors[s.scenario_id]}
        factors[s.scenario_id] += [
            Factor(
                s.scenario_id,
                name,
                d.band.low,
                d.band.central,
                d.band.high,
                "method_default",
                d.note,
                None,
                d.source_url,
            )
            for name, d in s.method.defaults.items()
            if name not in known
        ]
    _refuse_parts_above_wholes(statements, factors)
    results: dict[str, Result] = {}
    groups: dict[tuple[str, tuple[str, ...]], list[Statement]] = {}
    for s in statements:
        key = (s.method.version, tuple(s.numbers) if s.method.expand else ())
        groups.setdefault(key, []).append(s)
    for group in groups.values():
        for r in _compute(con, group, [f for s in group for f in factors[s.scenario_id]], now):
            results[r.statement.scenario_id] = r
    return [results[s.scenario_id] for s in statements]


def _refuse_parts_above_wholes(statements: Sequence[Statement], factors: Mapping[str, Sequence[Factor]]) -> None:
    """Refuse a part above its whole if one is given and the other was looked up; if both are given, the file was refused when it was read."""
    problems = []
    for s in statements:
        values = {f.factor: f for f in factors[s.scenario_id]}
        for part, whole, *size in s.method.at_most:
            if part not in values or whole not in values or (part in s.numbers) == (whole in s.numbers):
                continue
            least, most, scale = values[part], values[whole], size[0] if size else 1
            if least.central <= most.central * scale:
                continue
            if part in s.numbers:
                limit = f"{most.central:g}{f' ({most.central * scale:g})' if size else ''}"
                usual = f"; give {whole}" if most.origin_kind == "method_default" else ""
                problems.append(
                    f"{part}: {least.central:g} given; allowed is at most {whole}, {limit} ({most.origin_ref}){usual}"
                )
            elif least.origin_kind == "reference":
                problems.append(
                    f"{whole}: {most.central:g} given; allowed is at least {part}, {least.central:g} ({least.origin_ref}); give {part} too"
                )
    if problems:
        raise ScenarioError(problems)


def _given(s: Statement) -> list[Factor]:
    return [
        Factor(s.scenario_id, name, b.low, b.central, b.high, "given", "the scenario") for name, b in s.numbers.items()
    ]


#: GPU-hours that contradict no other number; what is looked up does not depend on them.
_ANY_HOURS = Band(1e13, 1e13, 1e13)
#: A price for methods that need none, so that a missing price is no problem; it never becomes a factor.
_NO_PRICE = Band(1, 1, 1)
#: Numbers of a scenario that only has its names resolved.
UNPRICED: Mapping[str, Band] = {"gpu_hours": _ANY_HOURS, "usd_per_gpu_hour": _NO_PRICE}
#: Factors with the same meaning in every method; utilisation, for one, differs.
_SHARED = ("usd_per_gpu_hour", "tdp_w", "power_share_of_tdp", "pue", "grid_gco2e_per_kwh")
#: Numbers of the look-up of trainings that a statement of another method may give in its stead.
_LOOKED_UP_UNLESS_GIVEN = ("power_w_per_gpu", "pue", "grid_gco2e_per_kwh", "usd_per_gpu_hour")
_OF_ACCELERATOR = ("usd_per_gpu_hour", "tdp_w", "power_share_of_tdp", "peak_flop_per_s_per_gpu")


def _add_looked_up(
    con: duckdb.DuckDBPyConnection,
    statements: Sequence[Statement],
    factors: dict[str, list[Factor]],
    now: dt.datetime,
    rule: str | None,
    *,
    may_be_early: bool,
) -> None:
    """Add prices, power, PUE and grid by the look-up of trainings, and the factors that only one method looks up."""
    asked = [s for s in statements if s.method.names and any(n in s.texts for n in s.method.names)]
    if not asked:
        return
    assumed = assumed_ranges(con, asked)
    probes = [
        Scenario(
            s.scenario_id,
            {"gpu_hours": _ANY_HOURS}
            | (
                {}
                if "accelerator" in s.texts and "usd_per_gpu_hour" in s.method.numbers
                else {"usd_per_gpu_hour": _NO_PRICE}
            )
            | {k: b for k, b in s.numbers.items() if k in _LOOKED_UP_UNLESS_GIVEN},
            as_of=s.as_of,
            # A model whose size is only assumed is not in reference.model.
            model=None if s.scenario_id in assumed else s.texts.get("model"),
            accelerator=s.texts.get("accelerator"),
            provider=s.texts.get("provider"),
            region=s.texts.get("region"),
            purchase=s.texts.get("purchase"),
        )
        for s in asked
    ]
    found, keys = look_up(con, probes, now, rule, may_be_early=may_be_early)
    by_id = {row["scenario_id"]: row for row in keys.iter_rows(named=True)}
    looked_up = [Factor(**row) for row in found.iter_rows(named=True) if row["factor"] in _SHARED]
    for method in {s.method.version: s.method for s in asked}.values():
        if method.own_lookup:
            looked_up += method.own_lookup(con, [s for s in asked if s.method.version == method.version], by_id)
    wanted = {s.scenario_id: s for s in asked}
    for f in looked_up:
        s = wanted[f.scenario_id]
        is_stated = f.factor in {g.factor for g in factors[f.scenario_id]}
        # Without an accelerator in the scenario, this is of the one that the model was trained on.
        is_of_other = f.factor in _OF_ACCELERATOR and "accelerator" not in s.texts
        is_spared = any(name in s.numbers for name in s.method.spared_by.get(f.factor, ()))
        if f.factor in s.method.numbers and not (is_stated or is_of_other or is_spared):
            factors[f.scenario_id].append(f)
    for scenario_id, ranges in assumed.items():
        factors[scenario_id] = with_assumed(wanted[scenario_id], factors[scenario_id], ranges)


_FACTOR_SCHEMA = {
    "scenario_id": pl.String,
    "factor": pl.String,
    "low": pl.Float64,
    "central": pl.Float64,
    "high": pl.Float64,
    "origin_kind": pl.String,
    "origin_ref": pl.String,
    "capture_id": pl.String,
    "source_url": pl.String,
    "is_bundled": pl.Boolean,
}

#: Share of draws without a value from which the result says so: as many as lie beyond p95.
_TOLD_NONE_SHARE = 0.05

_IS_ASSUMED = f"coalesce(starts_with(f.origin_ref, '{ORIGIN}'), false)"


def _output_sql(quantities: Mapping[str, Quantity], of: str = "petaday") -> str:
    sql = f"FROM {of}_input"
    for name, q in quantities.items():
        calculated = f"({q.formula})::DOUBLE"
        value = f"coalesce(in_{name}, {calculated})" if q.is_input else calculated
        columns = f'CASE WHEN isfinite({value}) THEN {value} END AS "{name}"'
        if q.is_input:
            columns += f', {calculated} AS "calculated_{name}"'
        sql = f"SELECT *, {columns} FROM ({sql})"
    return f"CREATE OR REPLACE TEMP TABLE {of}_output AS {sql}"


def _compute(
    con: duckdb.DuckDBPyConnection, group: Sequence[Statement], factors: Sequence[Factor], now: dt.datetime
) -> list[Result]:
    """Results of statements that share one set of quantities, in their order.

    Raises:
        ScenarioError: one line per given number that contradicts the others.
    """
    method = group[0].method
    quantities = dict(method.quantities) | dict(method.expand(group[0]) if method.expand else {})
    names = list(dict.fromkeys([*method.numbers, *(f.factor for f in factors)]))
    columns = "".join(f""", max(value) FILTER (factor = '{n}') AS "in_{n}\"""" for n in names)
    statement = pl.DataFrame(
        [(s.scenario_id, *(s.texts.get(c, allowed[0]) for c, allowed in method.choices.items())) for s in group],
        schema=dict.fromkeys(["scenario_id", *(f"in_{c}" for c in method.choices)], pl.String),
        orient="row",
    )
    rows = [tuple(getattr(f, c) for c in _FACTOR_SCHEMA) for f in factors]
    try:
        con.register("petaday_statement", statement.to_arrow())
        con.register("petaday_number", pl.DataFrame(rows, schema=_FACTOR_SCHEMA, orient="row").to_arrow())
        texts, quoted = "".join(f", in_{c}" for c in method.choices), ", ".join(f'"{q}"' for q in quantities)
        con.execute(text_of("method_input.sql").format(columns=columns, texts=texts, is_assumed=_IS_ASSUMED)).fetchall()
        con.execute(_output_sql(quantities)).fetchall()
        _refuse_contradictions(con, quantities, many=len(group) > 1)
        found = con.execute(text_of("method_result.sql").format(quantities=quoted, is_assumed=_IS_ASSUMED)).pl()
        found, shares = _with_drawn_bands(con, method, quantities, factors, found)
        missing: Mapping[tuple[str, str], list[str]] = {}
        if found["central"].has_nulls():
            missing = missing_numbers(
                con,
                method.numbers,
                lambda prefix: _output_sql(quantities, prefix),
                columns=columns,
                texts=texts,
                quantities=quoted,
            )
    finally:
        for name in ("input", "output"):
            con.execute(f"DROP TABLE IF EXISTS temp.petaday_{name}").fetchall()
        for name in ("statement", "number"):
            con.unregister(f"petaday_{name}")
    by_scenario = {key[0]: frame for key, frame in found.group_by("scenario_id")}
    return [
        _result_of(
            s,
            quantities,
            by_scenario[s.scenario_id],
            [f for f in factors if f.scenario_id == s.scenario_id],
            {q: numbers for (scenario, q), numbers in missing.items() if scenario == s.scenario_id},
            shares.get(s.scenario_id, {}),
            now,
        )
        for s in group
    ]


def _with_drawn_bands(
    con: duckdb.DuckDBPyConnection,
    method: Method,
    quantities: Mapping[str, Quantity],
    factors: Sequence[Factor],
    found: pl.DataFrame,
) -> tuple[pl.DataFrame, dict[str, dict[tuple[str, str], float | None]]]:
    """The results with drawn bands where theirs are not exact.

    Args:
        con: connection with the temporary tables of `method_input.sql` and `_output_sql`.
        method: the method of all results.
        quantities: its quantities, with those that depend on the statement.
        factors: the factors of all statements.
        found: one row per scenario and quantity, as `method_result.sql` gives them.

    Returns:
        The rows, with `none_share` (share of the draws without a value) where any were drawn; and the share of the
        variance that a factor causes, by scenario and (quantity, factor), where it was drawn.
    """
    shares: dict[str, dict[tuple[str, str], float | None]] = {}
    to_draw = found.filter(~pl.col("is_exact"))["scenario_id"].unique().sort().to_list()
    if not to_draw:
        return found, shares
    caused = found.filter(~pl.col("has_exact_shares")).explode("shares").unnest("shares").filter("is_varied")
    bands, drawn_shares = drawn_bands(
        con,
        to_draw,
        caused.select("scenario_id", "quantity", "factor", "is_log"),
        sorted({f.factor for f in factors if f.low < f.high}),
        method.numbers,
        output=_output_sql(quantities, "petaday_drawn"),
        quantities=list(quantities),
        boundless=[name for name, q in quantities.items() if q.is_boundless],
    )
    for scenario, quantity, factor, share in drawn_shares.iter_rows():
        shares.setdefault(scenario, {})[quantity, factor] = share
    found = found.join(bands, on=("scenario_id", "quantity"), how="left").with_columns(
        low=_unless_exact(pl.min_horizontal("drawn_low", "central"), "low"),
        # Without an upper end the quantity may be beyond any number.
        high=_unless_exact(
            pl.when(pl.col("drawn_high").is_not_null()).then(pl.max_horizontal("drawn_high", "central")), "high"
        ),
        none_share=_unless_exact(pl.col("none_share"), pl.lit(0.0)),
    )
    return found, shares


def _unless_exact(drawn: pl.Expr, exact: str | pl.Expr) -> pl.Expr:
    """The drawn value where the band is not exact and any draw has a value, else the exact one."""
    return pl.when(~pl.col("is_exact") & pl.col("none_share").is_not_null()).then(drawn).otherwise(exact)


def _refuse_contradictions(con: duckdb.DuckDBPyConnection, quantities: Mapping[str, Quantity], *, many: bool) -> None:
    """Refuse a given number that differs from what follows from the other given numbers."""
    problems = []
    for name in (n for n, q in quantities.items() if q.is_input):
        query = f"""SELECT o.scenario_id, o."in_{name}", o."calculated_{name}" FROM petaday_output o JOIN petaday_number n
            ON n.scenario_id = o.scenario_id AND n.factor = '{name}' WHERE o.side = 'given' AND n.origin_kind = 'given'
            AND abs(o."in_{name}" - o."calculated_{name}") > greatest({TOLERANCE - 1} * abs(o."in_{name}"), n.high - n.low) ORDER BY o.scenario_id"""
        problems += [
            f"{f'{scenario}: ' if many else ''}{name} contradicts the rest: {given:.6g} given, {other:.6g} follows from the other fields; "
            f"allowed are {100 * (TOLERANCE - 1):g}% for rounded inputs: leave one out"
            for scenario, given, other in con.execute(query).fetchall()
        ]
    for name in (n for n, q in quantities.items() if q.is_part):
        query = f"""SELECT scenario_id, "{name}" FROM petaday_output WHERE side = 'central' AND "{name}" > 1 + 1e-9 ORDER BY scenario_id"""
        problems += [
            f"{f'{scenario}: ' if many else ''}{name}: {value:.6g} follows from what is given; allowed is up to 1: check the units, the number format and the peak"
            for scenario, value in con.execute(query).fetchall()
        ]
    if problems:
        raise ScenarioError(problems)


def _result_of(
    s: Statement,
    quantities: Mapping[str, Quantity],
    found: pl.DataFrame,
    factors: Sequence[Factor],
    missing: Mapping[str, Sequence[str]],
    drawn_shares: Mapping[tuple[str, str], float | None],
    now: dt.datetime,
) -> Result:
    rows = {row["quantity"]: row for row in found.iter_rows(named=True)}
    shares: dict[str, dict[str, float | None]] = {f.factor: {} for f in factors}
    texts = {name: allowed[0] for name, allowed in s.method.choices.items()} | dict(s.texts)
    is_sized = "model" not in s.texts or any(
        f.factor in ("parameters_count", "active_parameters_count") for f in factors
    )
    results: dict[str, dict[str, Any]] = {}
    for name, q in quantities.items():
        row = rows[name]
        results[name] = {key: row[key] for key in ("low", "central", "high")} | {"unit": q.unit.format(**texts)}
        if row["central"] is None:
            told = f"{' or '.join(missing[name])} is not known: " if name in missing else ""
            if not is_sized and "model" in q.needs:
                told = f"the size of {s.texts['model']} is not published: {told}"
            results[name]["reason"] = told + q.needs
        elif row.get("none_share", 0) >= _TOLD_NONE_SHARE:
            beyond = "; p95 is beyond any number" if row["high"] is None else ""
            results[name]["reason"] = f"{row['none_share']:.0%} of the draws have none{beyond}: {q.needs}"
        for share in row["shares"]:
            shares[share["factor"]][name] = drawn_shares.get((name, share["factor"]), share["share"])
    units = {name: b.unit for name, b in s.method.numbers.items()}
    listed = [
        {
            "factor": f.factor,
            "value": f.central,
            "low": f.low,
            "high": f.high,
            "unit": units.get(f.factor, "1"),
            "origin_kind": f.origin_kind,
            "origin_ref": f.origin_ref,
            "capture_id": f.capture_id,
            "source_url": f.source_url,
            "is_bundled": f.is_bundled,
            "variance_share": shares[f.factor],
        }
        for f in factors
    ]
    return Result(s, results, listed, s.as_of or now, now)


def result_frames(results: Sequence[Result]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Results as frames of the declared tables: `estimated.scenario_estimate` and `estimated.factor`."""
    estimates = [
        {
            "scenario_id": r.statement.scenario_id,
            "quantity": name,
            "method_version": r.statement.method.version,
            "section": r.statement.method.section,
            "low": q["low"],
            "central": q["central"],
            "high": q["high"],
            "unit": q["unit"],
            "reason": q.get("reason"),
            "as_of_at": r.as_of,
            "is_bundled": any(f["is_bundled"] for f in r.factors),
            "computed_at": r.computed_at,
        }
        for r in results
        for name, q in r.quantities.items()
    ]
    factors = [
        {
            "scenario_id": r.statement.scenario_id,
            "quantity": quantity,
            "method_version": r.statement.method.version,
            "variance_share": share,
        }
        | {key: f[key] for key in FACTOR.declared() if key in f and key != "variance_share"}
        for r in results
        for f in r.factors
        for quantity, share in (f["variance_share"] or {"unused": None}).items()
    ]
    return _frame(estimates, SCENARIO_ESTIMATE), _frame(factors, FACTOR)


def _frame(rows: Sequence[Mapping[str, Any]], table: Table) -> pl.DataFrame:
    schema = table.columns.create_empty().schema
    return pl.DataFrame(rows, schema=schema).select(list(table.declared()))
