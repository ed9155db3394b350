"""Sizes that the authors of a method assume for models whose makers publish none: a range; the method is computed at both of its ends.

`reference.model_assumption` has them by method version; a size that is published or stated takes precedence. `request_impact_band`
applies the same rule to whole tables of requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import polars as pl

from assets.estimated.formula_macros import has_table
from assets.estimated.method import Factor, Statement

#: Start of the `origin_ref` of an assumed factor.
ORIGIN = "reference.model_assumption["
_SIZES = ("parameters_count", "active_parameters_count")
_WHAT = (*_SIZES, "tokens_per_s", "first_token_latency_s", "pue", "site_water_l_per_kwh")
_ASSUMED = """
SELECT s.scenario_id, a.model, a.source_url, a.note, {columns}
FROM petaday_named s JOIN reference.model_assumption a ON a.assumed_by = s.method_version AND model_key(a.model) = model_key(s.model)
LEFT JOIN observed.model_name n ON n.name_key = model_key(s.model) LEFT JOIN reference.model m ON m.model_id = n.model_id
WHERE m.parameters_count IS NULL
QUALIFY row_number() OVER (PARTITION BY s.scenario_id ORDER BY a.model = s.model DESC, a.model) = 1
"""


def assumed_ranges(
    con: duckdb.DuckDBPyConnection, statements: Sequence[Statement]
) -> dict[str, dict[str, tuple[float, float, str, str]]]:
    """Scenario -> factor -> (low, high, origin, source) of the models that are named and whose size is only assumed."""
    rows = [
        (s.scenario_id, s.method.version, s.texts["model"])
        for s in statements
        if "model" in s.texts and not any(size in s.numbers for size in _SIZES)
    ]
    # A file that was published before this table existed has no assumptions.
    if not rows or not has_table(con, "reference", "model_assumption"):
        return {}
    columns = ", ".join(
        f"a.{name}, a.{name}" if name in ("tokens_per_s", "first_token_latency_s") else f"a.low_{name}, a.high_{name}"
        for name in _WHAT
    )
    con.register(
        "petaday_named", pl.DataFrame(rows, ["scenario_id", "method_version", "model"], orient="row").to_arrow()
    )
    try:
        found = con.execute(_ASSUMED.format(columns=columns)).fetchall()
    finally:
        con.unregister("petaday_named")
    versions = {scenario: version for scenario, version, _ in rows}
    return {
        scenario: {
            name: (low, high, f"{ORIGIN}{versions[scenario]}, {model}]: {note}", url)
            for name, low, high in zip(_WHAT, ends[::2], ends[1::2], strict=True)
            if low is not None and high is not None
        }
        for scenario, model, url, note, *ends in found
    }


def with_assumed(
    statement: Statement,
    factors: Sequence[Factor],
    ranges: Mapping[str, tuple[float, float, str, str]],
) -> list[Factor]:
    """The factors of a statement, with the assumptions on its model where no value is stated or published."""
    kept = [f for f in factors if not (f.factor in ranges and f.origin_kind == "method_default")]
    known = {f.factor for f in kept}
    assumed = [
        Factor(statement.scenario_id, name, low, (low + high) / 2, high, "reference", origin, None, url)
        for name, (low, high, origin, url) in ranges.items()
        if name in statement.method.numbers and name not in known
    ]
    return [*kept, *assumed]
