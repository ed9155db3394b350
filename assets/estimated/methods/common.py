"""What the methods share: bounds of numbers, and facts of models and accelerators from the reference tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from assets.estimated.engine import Factor, FactorLookup, Statement
from assets.estimated.scenario import NUMBERS, Bounds

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
PRICE_PER_KWH = Bounds("money per kWh", 0, 1_000)


def reference_facts(
    model: Mapping[str, str] | None = None, accelerator: Mapping[str, str] | None = None
) -> FactorLookup:
    """A look-up of facts of the model and accelerator that are named.

    Args:
        model: factor -> SQL over reference.model.
        accelerator: factor -> SQL over reference.accelerator.
    """

    def facts(
        con: duckdb.DuckDBPyConnection, statements: Sequence[Statement], keys: Mapping[str, Mapping[str, str | None]]
    ) -> list[Factor]:
        found: list[Factor] = []
        for table, key, columns in (("model", "model_id", model), ("accelerator", "accelerator_id", accelerator)):
            if not columns:
                continue
            ids = sorted({i for s in statements if (i := keys[s.scenario_id][key])})
            listed = ", ".join(f"({sql})::DOUBLE" for sql in columns.values())
            rows = con.execute(
                f"SELECT {key}, source_url, {listed} FROM reference.{table} WHERE {key} IN (SELECT unnest($ids))", {"ids": ids}
            ).fetchall()
            by_id = {row[0]: row[1:] for row in rows}
            for s in statements:
                name = keys[s.scenario_id][key]
                if name is None or name not in by_id:
                    continue
                url, *values = by_id[name]
                found += [
                    Factor(s.scenario_id, factor, v, v, v, "reference", f"reference.{table}[{name}]: {sql}", None, url)
                    for (factor, sql), v in zip(columns.items(), values, strict=True)
                    if v is not None
                ]
        return found

    return facts
