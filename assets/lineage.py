"""What a materialisation says of where its table comes from: column by column, and by capture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg
import duckdb

from assets.catalog import catalog

#: The columns that numbers are computed from, of tables that have many others. Of a table that is not listed, all but its keys.
_MEASURES: dict[str, tuple[str, ...]] = {
    "observed.cloud_rate": ("price_amount_per_hour", "currency_code", "accelerator_name", "accelerator_count"),
    "observed.exchange_rate": ("rate_per_base",),
    "observed.token_price": ("price_usd_per_mtok",),
    "observed.grid_carbon": ("intensity_gco2e_per_kwh",),
    "observed.model_compute": ("released_on", "training_flop", "parameters_count", "training_tokens_count"),
    "observed.accelerator_spec": ("released_on", "fp16_dense_flop_per_s", "tdp_w", "release_price_usd"),
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
#: What a rule says of itself comes from no column.
_OF_THE_RULE = frozenset({"method_version", "computed_at"})
#: Columns that follow from another one of an observed subject: whose word it is, and the day that the word is for.
_FOLLOWS = {
    "is_bundled": "source_id",
    "source_ids": "source_id",
    "index_on": "valid_from",
    "day_on": "valid_from",
    "asked_on": "valid_from",
}
#: Captures named on a materialisation; the rest is one query away, in the passports.
_MOST_CAPTURES = 200


def _columns() -> dict[str, tuple[list[str], list[str]]]:
    """Table -> (all its declared columns, those of them that are no key)."""
    found = {}
    for table in catalog().tables:
        keys = set(table.columns.primary_key())
        names = list(table.declared())
        found[table.full_name] = (names, [n for n in names if n not in keys])
    for subject in catalog().subjects:
        found[f"observed.{subject.name}"] = (
            ["source_id", *subject.keys, *subject.values, "valid_from"],
            list(subject.values),
        )
    return found


def column_lineage(columns: Iterable[str], upstream: Sequence[dg.AssetKey]) -> dg.TableColumnLineage:
    """Lineage of computed columns: from the columns of the same name upstream, else from what the numbers are computed from.

    Args:
        columns: columns of the table.
        upstream: assets that it is computed from; none for facts typed by us.
    """
    known = _columns()
    names = {key: ".".join(key.path) for key in upstream}

    def sources_of(column: str) -> list[dg.TableColumnDep]:
        if column in _OF_THE_RULE:
            return []
        same = [dg.TableColumnDep(key, column) for key, name in names.items() if column in known[name][0]]
        if not same and (followed := _FOLLOWS.get(column)):
            same = [dg.TableColumnDep(key, followed) for key, name in names.items() if followed in known[name][0]]
        return same or [
            dg.TableColumnDep(key, measure)
            for key, name in names.items()
            for measure in _MEASURES.get(name, tuple(known[name][1]))
        ]

    return dg.TableColumnLineage({column: sources_of(column) for column in columns})


def lineage_metadata(lineage: dg.TableColumnLineage) -> dict[str, Any]:
    """The lineage for Dagster's API, and as a table for people: the open-source UI draws no graph of columns."""

    def told(dep: Sequence[dg.TableColumnDep]) -> str:
        by_table: dict[str, list[str]] = {}
        for d in dep:
            by_table.setdefault(".".join(d.asset_key.path), []).append(d.column_name)
        return "; ".join(f"{table}: {', '.join(sorted(columns))}" for table, columns in sorted(by_table.items()))

    records = [
        dg.TableRecord({"column": column, "comes_from": told(deps) or "the rule itself"})
        for column, deps in lineage.deps_by_column.items()
    ]
    return {"dagster/column_lineage": lineage, "columns_come_from": dg.MetadataValue.table(records)}


def provenance(
    con: duckdb.DuckDBPyConnection, columns: Iterable[str], upstream: Sequence[dg.AssetKey]
) -> dict[str, Any]:
    """Metadata of a materialisation: the lineage of its columns, and the newest captures that its inputs rest on."""
    told = con.execute(
        "SELECT DISTINCT c.capture_id, c.load_number FROM meta.capture c JOIN meta.source s USING (source_id) "
        "WHERE c.outcome <> 'rejected' AND (list_contains($subjects, s.subject) OR $all) ORDER BY c.load_number DESC, 1 LIMIT $most",
        {
            "subjects": [key.path[-1] for key in upstream if key.path[0] == "observed"],
            # What is computed from estimates rests on all that these rest on.
            "all": any(key.path[0] == "estimated" for key in upstream),
            "most": _MOST_CAPTURES,
        },
    ).fetchall()
    return {
        **lineage_metadata(column_lineage(columns, upstream)),
        "captures": dg.MetadataValue.json([capture_id for capture_id, _ in told]),
    }
