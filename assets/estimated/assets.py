"""The bundled scenarios, estimated on what was observed; recomputed when data, facts, scenarios or formulas change."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl

from assets.catalog import catalog
from assets.dagster_support import POOL, WHEN_INPUTS_CHANGE, HomeResource, key_of, keys_in, of_table
from assets.estimated import estimate_history
from assets.estimated.computed_once import OFFERS, computed_once
from assets.estimated.engine import estimate_statements, result_frames
from assets.estimated.method_lock import methods_changed_under_their_name
from assets.estimated.methods import METHODS
from assets.estimated.missing_inputs import is_waiting
from assets.estimated.scenario_files.sections import bundled_statements
from assets.estimated.scenario_files.training import bundled_scenarios
from assets.estimated.tables import FACTOR, SCENARIO_ESTIMATE, TRAINING_ESTIMATE
from assets.estimated.training import METHOD_VERSION, estimate_trainings
from assets.lineage import provenance
from assets.marks import mark_of, set_mark
from assets.observed.checks import check_result
from assets.observed.views import lookup_statements
from warehouse.connection import in_write_session, transaction

_DEPS = [
    *keys_in("observed", "cloud_rate", "grid_carbon"),
    *keys_in("reference", "accelerator", "accelerator_alias", "model", "region", "method_default", "embodied_carbon"),
]
_OUTPUTS = (TRAINING_ESTIMATE, SCENARIO_ESTIMATE, FACTOR)
_DEFINITION = "estimated.training_estimate"


def _inputs_fingerprint(con: duckdb.DuckDBPyConnection) -> str:
    """Changes when anything changes that an estimate depends on."""
    # Every file of this package, not a list of those that matter: a new module would be missing from such a list.
    root = Path(__file__).parent
    files = sorted(f for f in root.rglob("*") if f.suffix in (".sql", ".toml", ".py"))
    texts = [f.read_text(encoding="utf-8") for f in files]
    data = con.execute(
        "SELECT (SELECT coalesce(max(load_number), 0) FROM meta.capture WHERE changed_count > 0), "
        "(SELECT string_agg(table_name || sha256, ',' ORDER BY table_name) FROM meta.reference_file)"
    ).fetchall()[0]
    return hashlib.sha256("\x00".join([*lookup_statements(), *texts, *map(str, data)]).encode()).hexdigest()


def compute(con: duckdb.DuckDBPyConnection) -> bool:
    """Recompute the bundled scenarios if an input changed; True if it did.

    "Now" is the last `recorded_at` of a capture, so that the same data always give the same numbers. Rows of other method
    versions stay.
    """
    fingerprint = _inputs_fingerprint(con)
    if mark_of(con, _DEFINITION)[0] == fingerprint:
        return False
    now = con.sql("SELECT coalesce(max(recorded_at), now()) AS at FROM meta.capture").pl()["at"][0]
    with computed_once(con, OFFERS):
        estimates = estimate_trainings(con, bundled_scenarios(), now, may_be_early=True)
        others, factors = result_frames(estimate_statements(con, bundled_statements(), now, may_be_early=True))
    frames = (
        (TRAINING_ESTIMATE, estimates.training_estimate),
        (SCENARIO_ESTIMATE, others),
        (FACTOR, pl.concat([estimates.factor, factors])),
    )
    with transaction(con):
        for table, frame in frames:
            _replace(con, table.full_name, frame)
        estimate_history.note(con)
        set_mark(con, _DEFINITION, fingerprint)
    return True


def _replace(con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    con.register("_estimated", frame.to_arrow())
    versions = [METHOD_VERSION, *(m.version for m in METHODS)]
    con.execute(f"DELETE FROM {table} WHERE method_version IN (SELECT unnest(?))", [versions]).fetchall()
    con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM _estimated").fetchall()
    con.unregister("_estimated")


_NAMES = dg.AssetCheckSpec(
    "methods_as_named",
    asset=key_of(TRAINING_ESTIMATE),
    description="No method computes another thing than when its version was first used here.",
)


@dg.multi_asset(
    name="training_estimates",
    specs=[
        dg.AssetSpec(
            **of_table(table, "Formulas: assets/estimated/formulas."),
            deps=_DEPS,
            code_version=METHOD_VERSION,
            automation_condition=WHEN_INPUTS_CHANGE,
            skippable=True,
        )
        for table in _OUTPUTS
    ],
    check_specs=[_NAMES],
    can_subset=True,
    pool=POOL,
)
def training_estimates(
    context: dg.AssetExecutionContext, home: HomeResource
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Cost, energy and emissions of the bundled scenarios, trainings and others, each with its band and factors."""

    def computed(con: duckdb.DuckDBPyConnection) -> list[dg.MaterializeResult | dg.AssetCheckResult]:
        if is_waiting(context, con, _DEPS):
            return []
        changed = compute(con)
        misnamed = methods_changed_under_their_name(con)
        found: list[dg.MaterializeResult | dg.AssetCheckResult] = []
        for table in _OUTPUTS:
            if key_of(table) in context.selected_asset_keys:
                metadata = provenance(con, table, _DEPS, recomputed=changed)
                found.append(dg.MaterializeResult(asset_key=key_of(table), metadata=metadata))
        if _NAMES.key in context.selected_asset_check_keys:
            result = check_result(
                _NAMES.name,
                dg.AssetCheckSeverity.ERROR,
                not misnamed,
                {"changed_under_the_name_of_a_version": misnamed},
            )
            found.append(result._replace(asset_key=_NAMES.asset_key))
        return found

    yield from in_write_session(home.get(), catalog(), computed)


def build() -> list[dg.AssetsDefinition]:
    """The assets of the estimates."""
    return [training_estimates]
