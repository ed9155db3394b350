"""The indices as assets: recomputed as a whole when what they are computed from has changed, which is cheap."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

import dagster as dg
import duckdb

from assets import plots
from assets.catalog import catalog
from assets.dagster_support import OWNERS, POOL, HomeResource, table_schema
from assets.estimated.index_tables import GREEN_WINDOW, PRICE_INDEX
from assets.observed.checks import told
from warehouse.connection import transaction, write_session
from warehouse.tables import Table, quoted


@dataclass(frozen=True)
class Index:
    """An index: its table, its rule (a file of SQL beside this module) and what it is computed from."""

    table: Table
    method_version: str
    file: str
    subjects: tuple[str, ...]
    references: tuple[str, ...]

    @property
    def key(self) -> dg.AssetKey:
        """Key of its asset."""
        return dg.AssetKey([self.table.schema_name, self.table.name])

    @property
    def deps(self) -> list[dg.AssetKey]:
        """Assets that it is computed from."""
        return [
            *(dg.AssetKey(["observed", name]) for name in self.subjects),
            *(dg.AssetKey(["reference", name]) for name in self.references),
        ]

    def sql(self) -> str:
        """Its rule."""
        return resources.files("assets.estimated").joinpath(self.file).read_text(encoding="utf-8")


INDICES = (
    Index(
        PRICE_INDEX,
        "price-index-1",
        "index_price.sql",
        ("cloud_rate", "exchange_rate"),
        ("accelerator", "accelerator_alias", "instance_accelerator"),
    ),
    Index(GREEN_WINDOW, "green-window-1", "index_green_window.sql", ("grid_carbon",), ()),
)


def _fingerprint(con: duckdb.DuckDBPyConnection, index: Index) -> str:
    """Changes when anything changes that the index depends on; a capture that only confirms counts, for it keeps offers alive."""
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
    """Recompute one index if an input changed; True if it did. Rows of other method versions stay."""
    fingerprint, name = _fingerprint(con, index), index.table.full_name
    if con.execute("SELECT fingerprint FROM meta.definition WHERE name = ?", [name]).fetchall() == [(fingerprint,)]:
        return False
    columns = ", ".join(quoted(c) for c in index.table.declared())
    with transaction(con):
        con.execute(f"DELETE FROM {name} WHERE method_version = ?", [index.method_version]).fetchall()
        con.execute(
            f"INSERT INTO {name} ({columns}) SELECT {columns} FROM ({index.sql()})",
            {"method_version": index.method_version},
        ).fetchall()
        con.execute("DELETE FROM meta.definition WHERE name = ?", [name]).fetchall()
        con.execute("INSERT INTO meta.definition VALUES (?, ?)", [name, fingerprint]).fetchall()
    return True


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    return con.execute(sql).fetchall()[0][0]


def _keys_unique(con: duckdb.DuckDBPyConnection, index: Index) -> tuple[bool, dict]:
    keys = ", ".join(quoted(k) for k in index.table.columns.primary_key())
    twice = _one(
        con, f"SELECT count(*) FROM (SELECT 1 FROM {index.table.full_name} GROUP BY {keys} HAVING count(*) > 1)"
    )
    return twice == 0, {"keys_that_occur_twice": twice}


def _price_index_in_order(con: duckdb.DuckDBPyConnection) -> tuple[bool, dict]:
    wrong = _one(
        con,
        "SELECT count(*) FROM estimated.price_index WHERE NOT (cheapest_usd_per_gpu_hour <= lower_quartile_usd_per_gpu_hour * (1 + 1e-9) "
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
        # One provider may well halve its price; several together seldom do.
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


def _asset(index: Index) -> dg.AssetsDefinition:
    checks = {name: check for (table, name), check in _CHECKS.items() if table == index.table.name}

    @dg.asset(
        key=index.key,
        deps=index.deps,
        group_name="estimated",
        description=f"{index.table.description} Rule {index.method_version}: assets/estimated/{index.file}.",
        kinds={"duckdb", "sql"},
        owners=OWNERS,
        code_version=index.method_version,
        pool=POOL,
        automation_condition=dg.AutomationCondition.eager(),
        metadata={
            "dagster/column_schema": table_schema(index.table.declared()),
            "dagster/table_name": f"petaday.{index.table.full_name}",
        },
        check_specs=[
            dg.AssetCheckSpec("keys_unique", asset=index.key, description="No key occurs twice."),
            *(
                dg.AssetCheckSpec(name, asset=index.key, description=meaning)
                for name, (meaning, _, _) in checks.items()
            ),
        ],
    )
    def index_asset(context: dg.AssetExecutionContext, home: HomeResource) -> Iterator[dg.MaterializeResult]:
        with write_session(home.get(), catalog()) as con:
            changed = compute(con, index)
            passed, found = _keys_unique(con, index)
            results = [told("keys_unique", _ERROR, passed, found)]
            for name, (_, severity, run) in checks.items():
                passed, found = run(con)
                results.append(told(name, severity, passed, found))
            rows = _one(con, f"SELECT count(*) FROM {index.table.full_name}")
            plot = {}
            if index.table is PRICE_INDEX:
                plot = plots.lines(context, con, "index", "USD per GPU-hour, on demand", plots.PRICE_INDEX)
        yield dg.MaterializeResult(
            metadata={"dagster/row_count": rows, "recomputed": changed, **plot}, check_results=results
        )

    return index_asset


def build() -> list[dg.AssetsDefinition]:
    """Assets of the indices."""
    return [_asset(index) for index in INDICES]
