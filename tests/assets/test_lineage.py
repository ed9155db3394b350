"""Where columns come from: what the SQL reads, and no column of another meaning that happens to have the same name."""

from __future__ import annotations

import dagster as dg
import pytest

from assets.dagster_support import lineage_of_same_names
from assets.estimated.decisions.assets import _DEPS, DECISION_TABLES, inputs_of
from assets.lineage import _MEASURES, OF_THE_RULE, _columns, column_lineage, lineage_metadata, tables_read_by
from warehouse.tables import Table


def table(name: str) -> Table:
    return next(t for t in DECISION_TABLES if t.name == name)


def comes_from(lineage: dg.TableColumnLineage, column: str) -> set[str]:
    return {".".join(d.asset_key.path) + "." + d.column_name for d in lineage.deps_by_column[column]}


@pytest.mark.parametrize(
    ("name", "read", "not_read"),
    [
        ("accelerator_by_year", {"observed.accelerator_spec"}, {"observed.cloud_rate", "estimated.factor"}),
        ("compute_growth", {"observed.model_compute"}, {"observed.cloud_rate", "observed.grid_carbon"}),
        ("east_west", {"reference.compute_hub", "observed.grid_carbon"}, {"observed.cloud_rate", "reference.model"}),
        ("siting", {"observed.cloud_rate", "observed.exchange_rate", "reference.region"}, {"observed.token_price"}),
        # What it reads of other decisions, those read.
        (
            "scenario_verdict",
            {"reference.scenario_claim", "estimated.training_estimate", "reference.compute_hub"},
            set(),
        ),
    ],
)
def test_a_decision_comes_from_what_its_macro_reads(name: str, read: set[str], not_read: set[str]) -> None:
    inputs = {".".join(key.path) for key in inputs_of(table(name))}
    assert read <= inputs
    assert not inputs & not_read


def test_every_table_that_a_decision_reads_is_a_dependency_of_its_asset() -> None:
    """A table that is read and not depended on would change without the decisions being asked again."""
    known = {".".join(key.path) for key in _DEPS} | {t.full_name for t in DECISION_TABLES}
    for decision in DECISION_TABLES:
        # How accelerators are called follows from the rates and the reference tables.
        assert tables_read_by(decision.name) - known <= {"observed.accelerator_match"}, decision.name


def test_a_band_of_an_estimate_is_no_band_of_a_default() -> None:
    """The lineage once said that an estimate's `central` comes from `reference.method_default.central` and from nothing else."""
    upstream = [dg.AssetKey(["observed", "cloud_rate"]), dg.AssetKey(["reference", "method_default"])]
    lineage = column_lineage(["low", "central", "unit", "is_bundled", "capture_id"], upstream)
    assert "observed.cloud_rate.price_amount_per_hour" in comes_from(lineage, "central")
    assert "reference.method_default.central" in comes_from(lineage, "central")
    assert "unit" in OF_THE_RULE
    assert not comes_from(lineage, "unit")
    assert comes_from(lineage, "is_bundled") == {"observed.cloud_rate.source_id"}
    assert comes_from(lineage, "capture_id") == {"observed.cloud_rate.capture_id"}


def test_a_count_of_accelerators_is_no_number_of_an_offer() -> None:
    counted = table("accelerator_by_year")
    lineage = column_lineage(counted.declared(), inputs_of(counted), counted.full_name)
    assert {d.asset_key.path[-1] for deps in lineage.deps_by_column.values() for d in deps} == {"accelerator_spec"}


def test_a_claim_keeps_its_own_words() -> None:
    verdict = table("scenario_verdict")
    lineage = column_lineage(verdict.declared(), inputs_of(verdict), verdict.full_name)
    assert comes_from(lineage, "unit") == {"reference.scenario_claim.unit"}
    assert comes_from(lineage, "source_url") == {"reference.scenario_claim.source_url"}


def test_the_table_of_columns_stays_short_where_many_sources_say_the_same() -> None:
    """Thirty sources that each give a column of the same name are one line, not thirty."""
    sources = [dg.AssetKey(["sources", f"s{n}"]) for n in range(30)]
    shown = {
        r.data["column"]: r.data["comes_from"]
        for r in lineage_metadata(lineage_of_same_names(["region"], sources))["columns_come_from"].records
    }
    assert shown == {"region": "region of sources.* (30 of them)"}
    few = lineage_metadata(lineage_of_same_names(["region"], sources[:2]))["columns_come_from"].records
    assert few[0].data["comes_from"] == "sources.s0, sources.s1: region"
    by_price = lineage_metadata(column_lineage(["low_usd", "high_usd"], [dg.AssetKey(["observed", "exchange_rate"])]))
    assert [r.data for r in by_price["columns_come_from"].records] == [
        {"column": "low_usd, high_usd", "comes_from": "observed.exchange_rate: rate_per_base"}
    ]


def test_every_measure_is_a_column() -> None:
    known = {name: set(columns) for name, (columns, _) in _columns().items()}
    assert not [f"{t}.{m}" for t, measures in _MEASURES.items() for m in measures if m not in known[t]]
