"""The decisions as assets: the rows of the macros for the bundled scenarios, computed again when an input changed (petadays: only the days that changed)."""

import hashlib
from collections.abc import Iterator

import dagster as dg
import duckdb

from assets.catalog import catalog
from assets.dagster_support import POOL, WHEN_INPUTS_CHANGE, HomeResource, key_of, keys_in, of_table
from assets.estimated import estimate_history
from assets.estimated.computed_once import OFFERS, YEARS, computed_once
from assets.estimated.decisions import petaday_history
from assets.estimated.decisions.asking import keep
from assets.estimated.decisions.declarations import VERSION, version_of
from assets.estimated.decisions.tables import (
    ACCELERATOR_BY_YEAR,
    DECISION_TABLES,
    PETADAY_HISTORY,
    SCENARIO_VERDICT,
    WHY_MOVED,
)
from assets.estimated.missing_inputs import is_waiting
from assets.estimated.scenario_files.sections import bundled_decisions
from assets.lineage import provenance, tables_read_by
from assets.marks import mark_of, set_mark
from warehouse.connection import in_write_session, transaction
from warehouse.instants import instant_of
from warehouse.quoting import quoted
from warehouse.tables import Table

#: Tables that do not depend on a scenario: the SQL that fills them.
_OF_ALL = {
    ACCELERATOR_BY_YEAR: f"SELECT *, '{VERSION}' AS method_version FROM accelerator_by_year()",
    SCENARIO_VERDICT: "SELECT * REPLACE (coalesce(method_version, 'none') AS method_version) FROM scenario_verdict()",
}
_DEPS = [
    *keys_in("estimated", "training_estimate", "scenario_estimate", "factor", "price_index", "grid_day"),
    *keys_in(
        "observed", "cloud_rate", "token_price", "grid_carbon", "exchange_rate", "model_compute", "accelerator_spec"
    ),
    *keys_in(
        "reference", "accelerator", "accelerator_alias", "model", "model_alias", "vendor_alias", "region", "country"
    ),
    *keys_in("reference", "method_default", "decision_default", "embodied_carbon", "compute_hub"),
    *keys_in("reference", "scenario", "scenario_claim"),
]
_DEFINITION = "estimated.decisions"


def inputs_of(table: Table) -> list[dg.AssetKey]:
    """The inputs that the macro of one decision reads, through other decisions too."""
    siblings = {t.full_name: t.name for t in DECISION_TABLES}
    read, front = set(), [table.name]
    while front:
        for name in tables_read_by(front.pop()):
            if name in siblings and name not in read:
                front.append(siblings[name])
            read.add(name)
    return [key for key in _DEPS if ".".join(key.path) in read]


def _fingerprint(con: duckdb.DuckDBPyConnection) -> str:
    """Changes when the data, a reference table, an estimate or a macro does."""
    data = con.execute(
        "SELECT (SELECT coalesce(max(c.load_number), 0) FROM meta.capture c WHERE c.outcome <> 'rejected'), "
        "(SELECT string_agg(table_name || sha256, ',' ORDER BY table_name) FROM meta.reference_file), "
        "(SELECT string_agg(name || fingerprint, ',' ORDER BY name) FROM meta.definition "
        "WHERE NOT list_contains($own, name) AND NOT starts_with(name, 'check.'))",
        {"own": [_DEFINITION, PETADAY_HISTORY.full_name]},
    ).fetchall()[0]
    return hashlib.sha256(
        "\x00".join([*map(version_of, DECISION_TABLES), catalog().fingerprint, *map(str, data)]).encode()
    ).hexdigest()


def compute(con: duckdb.DuckDBPyConnection) -> bool:
    """Call the macros again if an input changed (petadays: for the days that changed); True if it did. Rows of other method versions stay.

    "Now" is the last `recorded_at` of a capture, so that the same data always give the same numbers.
    """
    fingerprint = _fingerprint(con)
    if mark_of(con, _DEFINITION)[0] == fingerprint:
        return False
    now = instant_of(
        con.execute("SELECT epoch_us(coalesce(max(recorded_at), now())) FROM meta.capture").fetchall()[0][0]
    )
    # Before the transaction: DuckDB plans as if a table created in the same transaction were empty.
    with computed_once(con, OFFERS, YEARS), transaction(con):
        petaday_history.update(con, now)
        anew = [table for table in DECISION_TABLES if table is not PETADAY_HISTORY]
        for table in anew:
            where = "" if table is SCENARIO_VERDICT else f" WHERE method_version = '{version_of(table)}'"
            con.execute(f"DELETE FROM {table.full_name}{where}").fetchall()
        # why_moved splits rows of siting and petaday_history: after these are written.
        for statement in sorted(bundled_decisions(), key=lambda s: s.decision.table is WHY_MOVED):
            if statement.decision.table in anew:
                keep(con, statement, now)
        for table, sql in _OF_ALL.items():
            columns = ", ".join(map(quoted, table.declared()))
            con.execute(f"INSERT INTO {table.full_name} ({columns}) SELECT {columns} FROM ({sql})").fetchall()
        estimate_history.note(con)
        set_mark(con, _DEFINITION, fingerprint)
    return True


@dg.multi_asset(
    name="decisions",
    specs=[
        dg.AssetSpec(
            **of_table(table, "The macro of that name asks the same of your own question: assets/published/sql."),
            deps=_DEPS,
            code_version=version_of(table),
            automation_condition=WHEN_INPUTS_CHANGE,
            skippable=True,
        )
        for table in DECISION_TABLES
    ],
    can_subset=True,
    pool=POOL,
)
def decisions(context: dg.AssetExecutionContext, home: HomeResource) -> Iterator[dg.MaterializeResult]:
    """Petadays by day, siting, splits, break-evens, hubs, ESG report, growth and verdicts of the bundled scenarios."""

    def computed(con: duckdb.DuckDBPyConnection) -> list[dg.MaterializeResult]:
        if is_waiting(context, con, _DEPS):
            return []
        changed = compute(con)
        return [
            dg.MaterializeResult(
                asset_key=key_of(table),
                metadata=provenance(con, table, inputs_of(table), recomputed=changed),
            )
            for table in DECISION_TABLES
            if key_of(table) in context.selected_asset_keys
        ]

    yield from in_write_session(home.get(), catalog(), computed)


def build() -> list[dg.AssetsDefinition]:
    """Assets of the decisions."""
    return [decisions]
