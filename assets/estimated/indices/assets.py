"""The indices as assets: recomputed when what they are computed from has changed, by days where the history is long."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

import dagster as dg
import duckdb

from assets import plots
from assets.catalog import catalog
from assets.dagster_support import POOL, HomeResource, key_of, keys_in, of_table
from assets.estimated.indices import price
from assets.estimated.indices.grid_slices import GREEN_TRIALS, SLICED
from assets.estimated.indices.slices import Sliced, update
from assets.estimated.indices.tables import GREEN_WINDOW, PRICE_INDEX, PRICE_LINK, PRICE_OFFER
from assets.estimated.missing_inputs import is_waiting
from assets.lineage import provenance
from assets.marks import mark_of, set_mark
from assets.observed.checks import check_result
from warehouse.connection import in_write_session, transaction
from warehouse.quoting import quoted
from warehouse.tables import Table


@dataclass(frozen=True)
class Index:
    """An index: its table, its rule (an SQL file beside this module) and what it is computed from.

    `parts` are tables updated by day that the rule aggregates; `steps` are intermediate tables of its own computation,
    each computed from the one before.
    """

    table: Table
    method_version: str
    file: str
    subjects: tuple[str, ...]
    references: tuple[str, ...]
    parts: tuple[Sliced, ...] = ()
    steps: tuple[Table, ...] = ()

    @property
    def tables(self) -> dict[Table, list[dg.AssetKey]]:
        """The tables of one computation, its own last, and the assets that each is computed from."""
        made_from = [self.deps, *([key_of(step)] for step in self.steps)]
        return dict(zip((*self.steps, self.table), made_from, strict=True))

    @property
    def deps(self) -> list[dg.AssetKey]:
        """Assets that it is computed from."""
        return [
            *(key_of(part.table) for part in self.parts),
            *keys_in("observed", *self.subjects),
            *keys_in("reference", *self.references),
        ]

    def sql(self) -> str:
        """SQL of the rule."""
        return resources.files("assets.estimated.indices").joinpath(self.file).read_text(encoding="utf-8")


INDICES = (
    Index(
        PRICE_INDEX,
        price.METHOD_VERSION,
        "price.sql",
        ("cloud_rate", "exchange_rate"),
        ("accelerator", "accelerator_alias", "instance_accelerator"),
        steps=(PRICE_OFFER, PRICE_LINK),
    ),
    Index(GREEN_WINDOW, "green-window-3", "green_window.sql", ("grid_carbon",), (), parts=(GREEN_TRIALS,)),
)


def _fingerprint(con: duckdb.DuckDBPyConnection, index: Index) -> str:
    """Hash of everything that the index depends on; a capture that only confirms is included, since offers count as long as they are confirmed."""
    data = con.execute(
        "SELECT (SELECT coalesce(max(c.load_number), 0) FROM meta.capture c JOIN meta.source s USING (source_id) "
        "WHERE list_contains($subjects, s.subject) AND c.outcome <> 'rejected'), "
        "(SELECT string_agg(table_name || sha256, ',' ORDER BY table_name) FROM meta.reference_file WHERE list_contains($references, table_name))",
        {"subjects": list(index.subjects), "references": list(index.references)},
    ).fetchall()[0]
    return hashlib.sha256(
        "\x00".join([index.method_version, index.sql(), catalog().fingerprint, *map(str, data)]).encode()
    ).hexdigest()


def compute(con: duckdb.DuckDBPyConnection, index: Index) -> bool:
    """Bring one index up to date if an input changed; True if it did. Rows of other method versions stay."""
    if index.table is PRICE_INDEX:
        return price.update(con, catalog().fingerprint)
    for part in index.parts:
        update(con, part)
    fingerprint, name = _fingerprint(con, index), index.table.full_name
    if mark_of(con, name)[0] == fingerprint:
        return False
    columns = ", ".join(quoted(c) for c in index.table.declared())
    with transaction(con):
        con.execute(f"DELETE FROM {name} WHERE method_version = ?", [index.method_version]).fetchall()
        con.execute(
            f"INSERT INTO {name} ({columns}) SELECT {columns} FROM ({index.sql()})",
            {"method_version": index.method_version},
        ).fetchall()
        set_mark(con, name, fingerprint)
    return True


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    return con.execute(sql).fetchall()[0][0]


def _keys_unique(con: duckdb.DuckDBPyConnection, table: Table) -> tuple[bool, dict]:
    keys = ", ".join(quoted(k) for k in table.columns.primary_key())
    twice = _one(con, f"SELECT count(*) FROM (SELECT 1 FROM {table.full_name} GROUP BY {keys} HAVING count(*) > 1)")
    return twice == 0, {"keys_that_occur_twice": twice}


def _keys_unique_if_changed(con: duckdb.DuckDBPyConnection, sliced: Sliced) -> tuple[bool, dict]:
    """The same of a table that only `update` writes, which marks what it did: what was found unique is not read again before the next mark."""
    name = sliced.table.full_name
    check, state = f"check.{name}.keys_unique", "@".join(map(str, mark_of(con, name)))
    if mark_of(con, check)[0] == hashlib.sha256(state.encode()).hexdigest():
        return True, {"keys_that_occur_twice": 0}
    passed, found = _keys_unique(con, sliced.table)
    if passed:
        set_mark(con, check, hashlib.sha256(state.encode()).hexdigest())
    return passed, found


def _price_index_in_order(con: duckdb.DuckDBPyConnection) -> tuple[bool, dict]:
    wrong = _one(
        con,
        "SELECT count(*) FROM estimated.price_index WHERE NOT (cheapest_usd_per_gpu_hour <= low_usd_per_gpu_hour * (1 + 1e-9) "
        "AND low_usd_per_gpu_hour <= lower_quartile_usd_per_gpu_hour * (1 + 1e-9) AND upper_quartile_usd_per_gpu_hour <= high_usd_per_gpu_hour * (1 + 1e-9) "
        "AND lower_quartile_usd_per_gpu_hour <= median_usd_per_gpu_hour * (1 + 1e-9) "
        "AND median_usd_per_gpu_hour <= upper_quartile_usd_per_gpu_hour * (1 + 1e-9) AND provider_count <= offer_count "
        "AND matched_provider_count <= provider_count)",
    )
    return wrong == 0, {"days_out_of_order": wrong}


def _price_index_jumps(con: duckdb.DuckDBPyConnection) -> tuple[bool, dict]:
    jumps = con.execute(
        "SELECT accelerator_id || ' ' || purchase_option || ' ' || index_on || ': ' || round(before, 1) || ' -> ' || round(index_points, 1) FROM ("
        "SELECT *, lag(index_points) OVER (PARTITION BY accelerator_id, purchase_option, method_version, chain_number ORDER BY index_on) AS before "
        "FROM estimated.price_index WHERE purchase_option <> 'spot') "
        # A single provider may halve its price; several on one day seldom do.
        "WHERE matched_provider_count >= 2 AND (index_points > 1.6 * before OR index_points < before / 1.6) ORDER BY index_on DESC LIMIT 20"
    ).fetchall()
    return not jumps, {"days_on_which_it_moved_by_more_than_60_percent": [j[0] for j in jumps]}


def _advice_below_perfect(con: duckdb.DuckDBPyConnection) -> tuple[bool, dict]:
    wrong = _one(
        con,
        "SELECT count(*) FROM estimated.green_window WHERE perfect_gco2e_per_kwh > least(advised_gco2e_per_kwh, now_gco2e_per_kwh) * (1 + 1e-9)",
    )
    return wrong == 0, {"better_than_perfect": wrong}


def _advice_does_no_harm(con: duckdb.DuckDBPyConnection) -> tuple[bool, dict]:
    harm = con.execute(
        "SELECT zone || ' ' || job_hours || ' h: ' || round(100 * saving_share, 1) || '%' FROM estimated.green_window "
        "WHERE saving_share < 0 ORDER BY saving_share LIMIT 20"
    ).fetchall()
    return not harm, {"zones_where_waiting_emitted_more": [h[0] for h in harm]}


_ERROR, _WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
_CHECKS = {
    (PRICE_INDEX.name, "in_order"): (
        "Cheapest, quartiles and counts lie in order on every day.",
        _ERROR,
        _price_index_in_order,
    ),
    (PRICE_INDEX.name, "no_jumps"): (
        "On demand and reserved, no day with two or more matched providers moved the index by more than 60%.",
        _WARN,
        _price_index_jumps,
    ),
    (GREEN_WINDOW.name, "none_better_than_perfect"): (
        "No advice beats the best start known afterwards.",
        _ERROR,
        _advice_below_perfect,
    ),
    (GREEN_WINDOW.name, "does_no_harm"): (
        "In no zone did the advice emit more than not waiting.",
        _WARN,
        _advice_does_no_harm,
    ),
}


def _common(table: Table, method_version: str, file: str) -> dict[str, Any]:
    """What all assets of the indices have in common."""
    return of_table(table, f"Rule {method_version}: assets/estimated/indices/{file}.") | {
        "code_version": method_version,
        "automation_condition": dg.AutomationCondition.eager(),
    }


def _sliced_asset(sliced: Sliced) -> dg.AssetsDefinition:
    made_from = keys_in("observed", sliced.subject.name)

    @dg.asset(
        **_common(sliced.table, sliced.method_version, sliced.file),
        pool=POOL,
        deps=made_from,
        check_specs=[
            dg.AssetCheckSpec("keys_unique", asset=key_of(sliced.table), description="No key occurs twice."),
        ],
    )
    def sliced_asset(home: HomeResource) -> dg.MaterializeResult:
        def computed(con: duckdb.DuckDBPyConnection) -> dg.MaterializeResult:
            updated = update(con, sliced)
            passed, found = _keys_unique_if_changed(con, sliced)
            return dg.MaterializeResult(
                metadata={
                    **provenance(con, sliced.table, made_from, recomputed=updated.is_changed),
                    "rebuilt": updated.is_rebuilt,
                    "touched_days": updated.touched_count,
                },
                check_results=[check_result("keys_unique", _ERROR, passed, found)],
            )

        return in_write_session(home.get(), catalog(), computed)

    return sliced_asset


def _asset(index: Index) -> dg.AssetsDefinition:
    checks = {name: check for (table, name), check in _CHECKS.items() if table == index.table.name}

    # A multi-asset even for one table: only a multi-asset may end without materializing it.
    @dg.multi_asset(
        name=key_of(index.table).to_python_identifier(),
        specs=[
            dg.AssetSpec(**_common(table, index.method_version, index.file), deps=made_from, skippable=True)
            for table, made_from in index.tables.items()
        ],
        check_specs=[
            dg.AssetCheckSpec("keys_unique", asset=key_of(index.table), description="No key occurs twice."),
            *(
                dg.AssetCheckSpec(name, asset=key_of(index.table), description=meaning)
                for name, (meaning, _, _) in checks.items()
            ),
        ],
        can_subset=True,
        pool=POOL,
    )
    def index_asset(
        context: dg.AssetExecutionContext, home: HomeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        def computed(
            con: duckdb.DuckDBPyConnection,
        ) -> tuple[dict[Table, dict[str, Any]], list[dg.AssetCheckResult], list[Any]] | None:
            if is_waiting(context, con, index.deps):
                return None
            changed = compute(con, index)
            passed, found = _keys_unique(con, index.table)
            results = [check_result("keys_unique", _ERROR, passed, found)]
            for name, (_, severity, run) in checks.items():
                passed, found = run(con)
                results.append(check_result(name, severity, passed, found))
            metadata = {
                table: provenance(con, table, made_from, index.deps, recomputed=changed)
                for table, made_from in index.tables.items()
            }
            return (
                metadata,
                results,
                plots.points(context, con, plots.PRICE_INDEX) if index.table is PRICE_INDEX else [],
            )

        made = in_write_session(home.get(), catalog(), computed)
        if made is None:
            return
        metadata, results, points = made
        for table, told_of_it in metadata.items():
            if key_of(table) in context.selected_asset_keys:
                is_plotted = table is PRICE_INDEX
                unit = "USD per GPU-hour, on demand"
                plot = plots.lines(context, key_of(table), points, "index", unit) if is_plotted else {}
                yield dg.MaterializeResult(asset_key=key_of(table), metadata=told_of_it | plot)
        wanted = {key.name for key in context.selected_asset_check_keys}
        yield from (r._replace(asset_key=key_of(index.table)) for r in results if r.check_name in wanted)

    return index_asset


def build() -> list[dg.AssetsDefinition]:
    """Assets of the indices and of what they are put together from."""
    return [*(_sliced_asset(sliced) for sliced in SLICED), *(_asset(index) for index in INDICES)]
