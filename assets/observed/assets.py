"""One asset per subject: what its sources staged is recorded in the log, and the log is checked."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb

from assets import plots, recording
from assets.catalog import catalog
from assets.dagster_support import (
    OWNERS,
    POOL,
    WHEN_INPUTS_CHANGE,
    HomeResource,
    keys_in,
    lineage_of_same_names,
    of_table,
    table_schema,
)
from assets.lineage import lineage_metadata, provenance
from assets.observed.checks import checks_of, run_checks
from assets.observed.views import ACCELERATOR_MATCH, COLUMN_MEANINGS
from assets.recovery import with_rebuild_if_damaged
from assets.sources import all_sources
from assets.sources_assets import source_key
from warehouse.connection import in_write_session
from warehouse.tables import Subject, unit_of

#: The reference tables from which the accelerator of an offer is identified.
_MATCHED_BY = keys_in("reference", "accelerator", "accelerator_alias", "instance_accelerator")


def observed_key(subject: str) -> dg.AssetKey:
    """Key of the asset of a subject."""
    return dg.AssetKey(["observed", subject])


def _description(subject: Subject, source_ids: list[str]) -> str:
    """Content, units and sources of the subject."""
    columns = subject.columns.columns()
    units = [f"`{name}` in {unit}" for name in subject.values if (unit := unit_of(columns[name])) not in (None, "1")]
    return (
        f"{subject.description[0].upper()}{subject.description[1:]} One tidy history on two clocks.\n\n"
        + (f"Units: {', '.join(units)}.\n\n" if units else "")
        + f"Sources ({len(source_ids)}): {', '.join(source_ids)}."
    )


def build_observed_asset(subject: Subject) -> dg.AssetsDefinition:
    """The asset of one subject."""
    sources = [s for s in all_sources().values() if s.subject == subject.name]
    upstream = [source_key(s.source_id) for s in sources]
    deps: list[dg.AssetKey] = [*upstream]
    if subject.name == "cloud_rate":
        deps += _MATCHED_BY
    if "currency_code" in subject.columns.column_names() and subject.name != "exchange_rate":
        deps.append(observed_key("exchange_rate"))
    of_view = {name: COLUMN_MEANINGS[name] for name in ("valid_to", "is_bundled")}

    @dg.asset(
        key=observed_key(subject.name),
        deps=deps,
        group_name="observed",
        description=_description(subject, [s.source_id for s in sources]),
        kinds={"duckdb"},
        owners=OWNERS,
        pool=POOL,
        metadata={
            "dagster/column_schema": table_schema(subject.log_columns(), of_view),
            "dagster/table_name": f"petaday.observed.{subject.name}",
        },
        automation_condition=WHEN_INPUTS_CHANGE,
        check_specs=[
            dg.AssetCheckSpec(name, asset=observed_key(subject.name), description=check.description)
            for name, check in checks_of(subject.name).items()
        ],
    )
    def observed_asset(context: dg.AssetExecutionContext, home: HomeResource) -> Iterator[dg.MaterializeResult]:
        results = with_rebuild_if_damaged(
            home.get(), lambda: recording.record_subject(home.get(), subject.name), context.log.error
        )
        appended = sum(r.appended_count for r in results)
        for r in results:
            context.log.info(
                f"{r.source_id} {r.outcome}: {r.row_count} rows, {r.appended_count} appended, {r.rejected_count} refused"
            )

        def inspect(con: duckdb.DuckDBPyConnection) -> tuple[int, str | None, list[dg.AssetCheckResult], list[Any]]:
            rows, newest = con.execute(
                f"SELECT count(*), strftime(max(observed_at), '%Y-%m-%d %H:%M UTC') FROM {subject.log_name}"
            ).fetchall()[0]
            is_plotted = subject.name == "grid_carbon"
            points = plots.points(context, con, plots.CARBON_BY_HOUR, plots.CARBON_BY_YEAR) if is_plotted else []
            return rows, newest, run_checks(con, subject), points

        rows, newest, checks, points = in_write_session(home.get(), catalog(), inspect)
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows,
                "appended_rows": appended,
                "batches": len(results),
                "newest_observation": newest or "none",
                "captures": dg.MetadataValue.json([c for r in results for c in r.capture_ids][:200]),
                **lineage_metadata(lineage_of_same_names(subject.columns.column_names(), upstream)),
                **plots.lines(context, observed_key(subject.name), points, "carbon", "gCO2e per kWh"),
            },
            check_results=checks,
        )

    return observed_asset


_MATCHED = [observed_key("cloud_rate"), *_MATCHED_BY]


@dg.asset(
    **of_table(
        ACCELERATOR_MATCH,
        "Updated with every recorded rate and every change of these facts: assets/observed/sql/accelerator_match.sql.",
    ),
    deps=_MATCHED,
    pool=POOL,
    automation_condition=WHEN_INPUTS_CHANGE,
)
def accelerator_match(home: HomeResource) -> dg.MaterializeResult:
    """Which accelerator an offer has, and by which rule; an asset, so that it has lineage like any other table."""

    def match(con: duckdb.DuckDBPyConnection) -> dg.MaterializeResult:
        changed = recording.match_accelerators(con)
        return dg.MaterializeResult(metadata=provenance(con, ACCELERATOR_MATCH, _MATCHED, recomputed=changed))

    return in_write_session(home.get(), catalog(), match)


def build() -> list[dg.AssetsDefinition]:
    """Assets of all subjects that have a source, and of the matched accelerators."""
    fed = recording.subjects_with_sources()
    return [
        *(build_observed_asset(subject) for subject in catalog().subjects if subject.name in fed),
        accelerator_match,
    ]
