"""`estimated.petaday_history` follows `estimated.price_index`: it is computed again from the first day on that changed there.

What petadays cost on a day depends on the index of that day, on reference tables and on formulas, and on no other day. Every update
of the index records the first day that it changed (`meta.table_change`; only the scale of `index_usd_per_gpu_hour`, which petadays do
not read, may change on earlier days). If reference tables or formulas change, or the whole index was computed, every day is.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib

import duckdb

from assets.catalog import catalog
from assets.estimated.changed_days import EVER, changed_from
from assets.estimated.decisions.asking import keep
from assets.estimated.decisions.declarations import DecisionStatement, version_of
from assets.estimated.decisions.tables import PETADAY_HISTORY
from assets.estimated.indices.tables import PRICE_INDEX
from assets.estimated.scenario_files.sections import bundled_decisions
from assets.marks import mark_of, set_mark


def _fingerprint(con: duckdb.DuckDBPyConnection, index_rule: str, statements: list[DecisionStatement]) -> str:
    """Changes when anything but the days of the index does."""
    facts = con.execute(
        "SELECT string_agg(table_name || sha256, ',' ORDER BY table_name) FROM meta.reference_file"
    ).fetchall()[0][0]
    asked = [f"{s.scenario_id} {sorted(s.arguments.items())}" for s in statements]
    parts = [version_of(PETADAY_HISTORY), catalog().fingerprint, str(facts), index_rule, *asked]
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def update(con: duckdb.DuckDBPyConnection, now: dt.datetime) -> bool:
    """Bring the table up to date with the index, in the caller's transaction; rows of other method versions stay.

    Args:
        con: connection of a write session, after the index was brought up to date.
        now: instant that stands for "now" in the macro.

    Returns:
        Whether any day was computed again. The rows are the same as if every day had been.
    """
    name, index = PETADAY_HISTORY.full_name, PRICE_INDEX.full_name
    statements = [s for s in bundled_decisions() if s.decision.table is PETADAY_HISTORY]
    (index_rule, known), (was, since) = mark_of(con, index), mark_of(con, name)
    fingerprint = _fingerprint(con, index_rule, statements)
    if (was, since) == (fingerprint, known):
        return False
    first_on = changed_from(con, PRICE_INDEX, since) if was == fingerprint else EVER
    if first_on is not None:
        con.execute(
            f"DELETE FROM {name} WHERE method_version = ? AND index_on >= ?", [version_of(PETADAY_HISTORY), first_on]
        ).fetchall()
        for statement in statements:
            stated = statement.arguments.get("from_on", EVER)
            arguments = {**statement.arguments, "from_on": max(stated, first_on)}
            keep(con, dataclasses.replace(statement, arguments=arguments), now)
    set_mark(con, name, fingerprint, known)
    return first_on is not None
