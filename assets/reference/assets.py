"""The reference tables as assets, loaded together in one short session."""

from collections.abc import Iterator

import dagster as dg

from assets import recording
from assets.dagster_support import OWNERS, POOL, HomeResource, table_schema
from assets.lineage import column_lineage
from assets.recovery import with_rebuild_if_damaged
from assets.reference.tables import REFERENCE_TABLES, reference_stamp

#: Reference tables have no schedule: they are loaded when they are missing and when a new version of Petaday has other
#: rows, so that no estimate is computed without them or on old ones; a failed load is tried again every hour.
WHEN_FACTS_ARE_MISSING_OR_NEW = (
    (
        dg.AutomationCondition.missing().newly_true()
        | dg.AutomationCondition.code_version_changed()
        | (
            (dg.AutomationCondition.missing() | dg.AutomationCondition.execution_failed())
            & dg.AutomationCondition.cron_tick_passed("7 * * * *")
        )
    )
    & ~dg.AutomationCondition.in_progress()
).with_label("when facts are missing or new")


def reference_key(name: str) -> dg.AssetKey:
    """Key of the asset of a reference table."""
    return dg.AssetKey(["reference", name])


@dg.multi_asset(
    name="reference_tables",
    specs=[
        dg.AssetSpec(
            reference_key(table.name),
            group_name="reference",
            description=f"{table.description} Typed by us, each row with its source.",
            kinds={"csv", "duckdb"},
            owners=OWNERS,
            code_version=reference_stamp(table),
            automation_condition=WHEN_FACTS_ARE_MISSING_OR_NEW,
            metadata={
                "dagster/column_schema": table_schema(table.declared()),
                "dagster/table_name": f"petaday.{table.full_name}",
            },
            skippable=True,
        )
        for table in REFERENCE_TABLES
    ],
    can_subset=True,
    pool=POOL,
)
def reference_tables(context: dg.AssetExecutionContext, home: HomeResource) -> Iterator[dg.MaterializeResult]:
    """Facts from assets/reference, checked against their declarations and loaded where a file changed."""
    changed = with_rebuild_if_damaged(home.get(), lambda: recording.refresh_reference(home.get()), context.log.error)
    loaded = recording.loaded_reference(home.get())
    for table in REFERENCE_TABLES:
        if reference_key(table.name) in context.selected_asset_keys:
            row_count, sha256 = loaded[table.name]
            yield dg.MaterializeResult(
                asset_key=reference_key(table.name),
                metadata={
                    "dagster/row_count": row_count,
                    "file_changed": table.name in changed,
                    # The rows come from this file, which takes the place of a capture.
                    "file_sha256": sha256,
                    "dagster/column_lineage": column_lineage(table.declared(), []),
                },
            )
