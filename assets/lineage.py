"""Provenance in the metadata of a materialisation: the columns and captures that its table comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import dagster as dg
import duckdb

from assets.catalog import catalog
from warehouse.tables import Table

#: For tables with many columns, those that numbers are computed from; for other tables, all columns that are not keys.
_MEASURES: dict[str, tuple[str, ...]] = {
    "observed.cloud_rate": ("price_amount_per_hour", "currency_code", "accelerator_name", "accelerator_count"),
    "observed.exchange_rate": ("rate_per_base",),
    "observed.token_price": ("price_usd_per_mtok",),
    "observed.grid_carbon": ("intensity_gco2e_per_kwh",),
    "observed.model_compute": ("released_on", "training_flop", "parameters_count", "training_tokens_count"),
    "observed.accelerator_spec": ("released_on", "fp16_dense_flop_per_s", "tdp_w", "release_price_usd"),
    "reference.accelerator_alias": ("accelerator_id",),
    "reference.instance_accelerator": ("accelerator_id", "accelerator_count"),
    "reference.model_alias": ("model_id",),
    "reference.vendor_alias": ("vendor_id",),
    "reference.scenario": ("definition",),
    "reference.scenario_claim": ("claimed_low", "claimed_high"),
    "reference.compute_hub": (
        "electricity_cny_per_kwh",
        "grid_zone",
        "high_electricity_cny_per_kwh",
        "low_electricity_cny_per_kwh",
        "pue_limit",
    ),
    "reference.accelerator": ("fp16_dense_flop_per_s", "tdp_w", "memory_gib"),
    "reference.model": ("parameters_count", "active_parameters_count", "training_tokens_count"),
    "reference.region": ("grid_zone", "country_code", "pue"),
    "reference.country": ("grid_zone",),
    "reference.method_default": ("low", "central", "high"),
    "reference.decision_default": ("low", "central", "high"),
    "reference.embodied_carbon": ("low_kgco2e", "central_kgco2e", "high_kgco2e"),
    "estimated.training_estimate": ("low", "central", "high"),
    "estimated.scenario_estimate": ("low", "central", "high"),
    "estimated.factor": ("value", "low", "high"),
    "estimated.price_index": (
        "median_usd_per_gpu_hour",
        "lower_quartile_usd_per_gpu_hour",
        "upper_quartile_usd_per_gpu_hour",
    ),
    "estimated.green_trial": (
        "trial_count",
        "now_gco2e_per_kwh",
        "advised_gco2e_per_kwh",
        "perfect_gco2e_per_kwh",
        "not_worse_count",
    ),
}
#: Columns that come from the rule itself or from the scenario, not from another column.
OF_THE_RULE = frozenset(
    {
        "method_version",
        "computed_at",
        "as_of_at",
        "scenario_id",
        "section",
        "quantity",
        "unit",
        "job_hours",
        "horizon_hours",
        "workload",
        "period",
        "way",
        "part",
    }
)
#: Columns whose name means something else in other tables: the band of an estimate is not that of a default.
_MEANT_ANEW = frozenset({"low", "central", "high", "value", "factor", "name", "note", "verdict", "accelerator_count"})
#: Exceptions: table -> column -> tables it comes from.
_EXACT: dict[str, dict[str, tuple[str, ...]]] = {
    "estimated.scenario_verdict": dict.fromkeys(
        ("scenario_id", "quantity", "unit", "source_url"), ("reference.scenario_claim",)
    ),
}
#: Columns that are derived from a column with another name of an observed subject.
_FOLLOWS = {
    "is_bundled": "source_id",
    "source_ids": "source_id",
    "index_on": "valid_from",
    "day_on": "valid_from",
    "asked_on": "valid_from",
}
#: More tables than this with the same columns are counted instead of named; the table's lineage lists them.
_FEW = 4
#: Captures named on a materialisation at most; the passports list all.
MOST_CAPTURES = 200


@cache
def _columns() -> dict[str, tuple[list[str], list[str]]]:
    """Table -> (all its declared columns, those that are not keys)."""
    found = {}
    for table in catalog().tables:
        keys = set(table.columns.primary_key())
        names = list(table.declared())
        found[table.full_name] = (names, [n for n in names if n not in keys])
    for subject in catalog().subjects:
        found[f"observed.{subject.name}"] = (
            ["source_id", *subject.keys, *subject.values, "valid_from", "capture_id"],
            list(subject.values),
        )
    return found


@cache
def _texts() -> dict[str, str]:
    """SQL of every macro and view by its name, comments and string literals left out."""
    found: dict[str, str] = {}
    for script in catalog().scripts:
        sql = re.sub(r"--[^\n]*|'(?:[^']|'')*'", " ", script)
        if made := re.match(r"\s*CREATE OR REPLACE (?:MACRO|VIEW)\s+(?:petaday\.)?([\w.]+)", sql):
            found[made[1]] = found.get(made[1], "") + sql
    return found


@cache
def tables_read_by(name: str) -> frozenset[str]:
    """Tables of the warehouse that a macro reads, directly or through other macros and views, according to its SQL.

    Args:
        name: name of the macro.

    Returns:
        Full names: `observed.<subject>`, `reference.<table>`, `estimated.<table>`.
    """
    texts = _texts()
    tables = {t.full_name for t in catalog().tables}
    logs = {s.log_name: f"observed.{s.name}" for s in catalog().subjects}
    read: set[str] = set()
    seen, front = {name}, [name]
    while front:
        text = texts.get(front.pop(), "")
        names = set(re.findall(r"\b(?:observed|reference|estimated)\.\w+", text))
        called = {n for n in re.findall(r"\b(\w+)\s*\(", text) if n in texts}
        read |= {logs.get(n, n) for n in names if n in tables or n in logs}
        front += sorted((names | called) - seen - tables)
        seen |= names | called
    return frozenset(read)


def column_lineage(
    columns: Iterable[str], upstream: Sequence[dg.AssetKey], of: str | None = None
) -> dg.TableColumnLineage:
    """Lineage of computed columns: upstream columns of the same name, else those that numbers are computed from.

    Args:
        columns: columns of the table.
        upstream: assets that it is computed from; none for facts typed by hand.
        of: full name of the table.
    """
    known = _columns()
    names = {key: ".".join(key.path) for key in upstream}
    exact = _EXACT.get(of or "", {})

    def sources_of(column: str) -> list[dg.TableColumnDep]:
        if column in exact:
            return [dg.TableColumnDep(key, column) for key, name in names.items() if name in exact[column]]
        if column in OF_THE_RULE:
            return []
        same = []
        if column not in _MEANT_ANEW:
            wanted = next(
                (c for c in (column, _FOLLOWS.get(column)) if any(c in known[n][0] for n in names.values())), None
            )
            same = [
                dg.TableColumnDep(key, wanted) for key, name in names.items() if wanted and wanted in known[name][0]
            ]
        return same or [
            dg.TableColumnDep(key, measure)
            for key, name in names.items()
            for measure in _MEASURES.get(name, tuple(known[name][1]))
        ]

    return dg.TableColumnLineage({column: sources_of(column) for column in columns})


def lineage_metadata(lineage: dg.TableColumnLineage) -> dict[str, Any]:
    """The lineage for Dagster's API, and as a table: the open-source UI does not show column lineage."""

    def origin(dep: Sequence[dg.TableColumnDep]) -> str:
        by_table: dict[str, list[str]] = {}
        for d in dep:
            by_table.setdefault(".".join(d.asset_key.path), []).append(d.column_name)
        alike: dict[tuple[str, ...], list[str]] = {}
        for table, columns in sorted(by_table.items()):
            alike.setdefault(tuple(sorted(columns)), []).append(table)
        return "; ".join(
            f"{', '.join(columns)} of {tables[0].split('.')[0]}.* ({len(tables)} of them)"
            if len(tables) > _FEW and len({table.split(".")[0] for table in tables}) == 1
            else f"{', '.join(tables)}: {', '.join(columns)}"
            for columns, tables in alike.items()
        )

    # Columns with the same origin share a line, which keeps the table of a wide asset short.
    columns_of: dict[str, list[str]] = {}
    for column, deps in lineage.deps_by_column.items():
        columns_of.setdefault(origin(deps) or "the rule or the scenario itself", []).append(column)
    records = [dg.TableRecord({"column": ", ".join(c), "comes_from": source}) for source, c in columns_of.items()]
    return {"dagster/column_lineage": lineage, "columns_come_from": dg.MetadataValue.table(records)}


def provenance(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    upstream: Sequence[dg.AssetKey],
    rests_on: Sequence[dg.AssetKey] | None = None,
    *,
    recomputed: bool,
) -> dict[str, Any]:
    """Metadata of a materialisation: row count, column lineage, and the newest captures behind its inputs.

    Args:
        con: the warehouse.
        table: the table.
        upstream: assets that its columns come from.
        recomputed: whether this run changed it.
        rests_on: assets whose captures to name, if `upstream` is a step of the same computation; default `upstream`.
    """
    rests_on = upstream if rests_on is None else rests_on
    captures = con.execute(
        "SELECT DISTINCT c.capture_id, c.load_number FROM meta.capture c JOIN meta.source s USING (source_id) "
        "WHERE c.outcome <> 'rejected' AND (list_contains($subjects, s.subject) OR $all) ORDER BY c.load_number DESC, 1 LIMIT $most",
        {
            "subjects": [key.path[-1] for key in rests_on if key.path[0] == "observed"],
            # What is computed from estimates depends on all their captures.
            "all": any(key.path[0] == "estimated" for key in rests_on),
            "most": MOST_CAPTURES,
        },
    ).fetchall()
    return {
        "dagster/row_count": con.execute(f"SELECT count(*) FROM {table.full_name}").fetchall()[0][0],
        "recomputed": recomputed,
        **lineage_metadata(column_lineage(table.declared(), upstream, table.full_name)),
        "captures": dg.MetadataValue.json([capture_id for capture_id, _ in captures]),
    }
