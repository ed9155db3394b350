"""Inputs without which an estimate must not be computed: an empty reference table would read as "no such region", or as no offer at all.

In a new lake the automation may start the estimates as soon as one source has been read, before the reference tables are loaded.
"""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg
import duckdb

#: Tables of one computation are marked under the name of one of them.
_MARKED_AS = {
    "estimated.scenario_estimate": "estimated.training_estimate",
    "estimated.factor": "estimated.training_estimate",
}


def missing_inputs(con: duckdb.DuckDBPyConnection, upstream: Iterable[dg.AssetKey]) -> list[str]:
    """Names of the reference and estimated tables in `upstream` that were never filled in this warehouse.

    Observed tables are not among them: one that no source has filled yet is answered with "unknown".
    """
    names = {".".join(key.path) for key in upstream}
    facts = {f"reference.{name}" for (name,) in con.execute("SELECT table_name FROM meta.reference_file").fetchall()}
    computed = {name for (name,) in con.execute("SELECT name FROM meta.definition").fetchall()}
    return sorted(
        name
        for name in names
        if (name.startswith("reference.") and name not in facts)
        or (name.startswith("estimated.") and _MARKED_AS.get(name, name) not in computed)
    )


def is_waiting(
    context: dg.AssetExecutionContext, con: duckdb.DuckDBPyConnection, upstream: Iterable[dg.AssetKey]
) -> bool:
    """True, with the reason in the run's log, if a table is missing; the automation starts the step again once that table is filled."""
    missing = missing_inputs(con, upstream)
    if missing:
        context.log.warning(
            f"skipped: waits for {', '.join(missing)}; runs by itself once they are there, or with `petaday run`"
        )
    return bool(missing)
