"""What the methods share: bounds of numbers, and facts of models and accelerators from the reference tables."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import duckdb

from assets.estimated.method import Default, Factor, FactorLookup, Method, Quantity, Statement
from assets.estimated.scenario_files.fields import Bounds
from assets.estimated.scenario_files.training import NUMBERS
from assets.reference.tables import REFERENCE_TABLES

PARAMETERS = NUMBERS["parameters_count"]
PUE = NUMBERS["pue"]
GRID = NUMBERS["grid_gco2e_per_kwh"]
USD_PER_GPU_HOUR = NUMBERS["usd_per_gpu_hour"]
PEAK = NUMBERS["peak_flop_per_s_per_gpu"]
SHARE = Bounds("1", 0, 1, "a share of 1, not percent")
SHARE_ABOVE_0 = NUMBERS["utilization_share"]
WATER = Bounds("l/kWh", 0, 1_000)
COUNT = Bounds("1", 1e-6, 1e15)
TOKENS = Bounds("tokens", 1, 1e18)
KG = Bounds("kgCO2e", 0, 1e12, "kg, not t")
GRAM = Bounds("gCO2e", 0, 1e15, "g, not kg")
USD = Bounds("USD", 0, 1e15)
KWH = Bounds("kWh", 0, 1e15)
HOURS = Bounds("h", 1e-9, 1e14)
SECONDS = Bounds("s", 1e-9, 1e13)
YEARS = Bounds("years", 0.01, 100)
WATT = Bounds("W", 0, 1e12)
#: SQL over reference.accelerator: dense peak by number format.
PEAK_OF_FORMAT = "{'bf16': fp16_dense_flop_per_s::DOUBLE, 'fp8': fp8_dense_flop_per_s::DOUBLE, 'fp4': fp4_dense_flop_per_s::DOUBLE, 'int8': int8_dense_op_per_s::DOUBLE}"
#: Memory of an accelerator: data sheets print GB and mean GiB (stacks of 16 or 24 GiB; an 80 GB H100 shows 81,559 MiB).
MEMORY_BYTE = "memory_gib * 1024.0 ** 3"
#: Of a model with a sliding window: the layers that attend to the window only, and its length.
LOCAL_LAYERS = Bounds("layers", 0, 1e5)
WINDOW_TOKENS = Bounds("tokens", 1, 1e9)
USD_PER_KWH = Bounds("USD per kWh", 0, 1_000, "0.08 USD, not 80 (USD per MWh)")
#: In the currency that the section names.
PRICE_PER_KWH = Bounds("money per kWh", 0, 1_000)
_COLUMNS = {table.name: table.declared().keys() for table in REFERENCE_TABLES}


def earlier(
    later: Method,
    version: str,
    *,
    without_numbers: Collection[str] = (),
    without_quantities: Collection[str] = (),
    formulas: Mapping[str, str] = MappingProxyType({}),
    needs: Mapping[str, str] = MappingProxyType({}),
    quantities: Mapping[str, Quantity] = MappingProxyType({}),
    defaults: Mapping[str, Default] = MappingProxyType({}),
    **others: Any,
) -> Method:
    """An earlier version of a method, defined by how it differs from the version after it.

    Args:
        later: the version after it.
        version: its name.
        without_numbers: inputs that it did not have; their defaults and the bounds between them and other inputs go too.
        without_quantities: results that it did not have.
        formulas: quantity -> its formula in that version.
        needs: quantity -> what a user was told to give for it.
        quantities: quantity -> the whole of it, where more than formula and needs differ.
        defaults: number -> its default in that version.
        others: other fields of `Method`, as they were.

    Raises:
        KeyError: if the later version has no number, quantity or default of a name.
    """
    unknown = (
        ({*without_numbers} - later.numbers.keys())
        | ({*without_quantities, *formulas, *needs, *quantities} - later.quantities.keys())
        | (defaults.keys() - later.defaults.keys())
    )
    if unknown:
        raise KeyError(f"{later.version} has no {', '.join(sorted(unknown))} in which {version} could differ")

    def then(name: str, quantity: Quantity) -> Quantity:
        quantity = quantities.get(name, quantity)
        return replace(quantity, formula=formulas.get(name, quantity.formula), needs=needs.get(name, quantity.needs))

    return replace(
        later,
        version=version,
        numbers={name: bounds for name, bounds in later.numbers.items() if name not in without_numbers},
        quantities={name: then(name, q) for name, q in later.quantities.items() if name not in without_quantities},
        defaults={n: defaults.get(n, d) for n, d in later.defaults.items() if n not in without_numbers},
        at_most=tuple(bound for bound in later.at_most if not {*bound} & {*without_numbers}),
        **others,
    )


def reference_facts(
    model: Mapping[str, str] | None = None, accelerator: Mapping[str, str] | None = None, together: Iterable[str] = ()
) -> FactorLookup:
    """A look-up of facts of the model and accelerator that are named.

    Args:
        model: factor -> SQL over reference.model.
        accelerator: factor -> SQL over reference.accelerator.
        together: factors that say nothing without each other, as layers without the window that they have.
    """

    def facts(
        con: duckdb.DuckDBPyConnection, statements: Sequence[Statement], keys: Mapping[str, Mapping[str, str | None]]
    ) -> list[Factor]:
        return [
            *_facts_of(con, "model", "model_id", _told_by(con, "model", model or {}, set(together)), statements, keys),
            *_facts_of(
                con,
                "accelerator",
                "accelerator_id",
                _told_by(con, "accelerator", accelerator or {}, set(together)),
                statements,
                keys,
            ),
        ]

    return facts


def _told_by(
    con: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str], together: Set[str]
) -> dict[str, str]:
    """The facts that a file tells: one published by an earlier version may lack a column, and what follows from it is not known there."""
    have = {name for (name,) in con.execute(f"SELECT column_name FROM (DESCRIBE reference.{table})").fetchall()}
    lacking = _COLUMNS[table] - have
    unknown = {factor for factor, sql in columns.items() if not lacking.isdisjoint(re.findall(r"\w+", sql))}
    if unknown & together:
        unknown |= together
    return {factor: sql for factor, sql in columns.items() if factor not in unknown}


def _facts_of(
    con: duckdb.DuckDBPyConnection,
    table: str,
    key: str,
    columns: Mapping[str, str],
    statements: Sequence[Statement],
    keys: Mapping[str, Mapping[str, str | None]],
) -> list[Factor]:
    """Facts of one table, for all statements at once."""
    ids = sorted({i for s in statements if (i := keys[s.scenario_id][key])})
    listed = "".join(f", ({sql})" for sql in columns.values())
    rows = con.execute(
        f"SELECT {key}, source_url{listed} FROM reference.{table} WHERE {key} IN (SELECT unnest($ids))", {"ids": ids}
    ).fetchall()
    by_id = {row[0]: row[1:] for row in rows}
    found: list[Factor] = []
    for s in statements:
        name = keys[s.scenario_id][key]
        if name is None or name not in by_id:
            continue
        url, *values = by_id[name]
        number_format = s.texts.get("number_format", "bf16")
        for (factor, sql), stated in zip(columns.items(), values, strict=True):
            value = stated[number_format] if isinstance(stated, dict) else stated
            if value is not None:
                ref = f"reference.{table}[{name}]: {number_format + ' peak' if isinstance(stated, dict) else sql}"
                found.append(
                    Factor(s.scenario_id, factor, float(value), float(value), float(value), "reference", ref, None, url)
                )
    return found
