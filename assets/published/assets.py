"""The published file as an asset: the end of every run that changed something."""

from collections.abc import Sequence

import dagster as dg

from assets.catalog import catalog
from assets.dagster_support import OWNERS, POOL, WHEN_INPUTS_CHANGE, HomeResource
from assets.lineage import MOST_CAPTURES
from warehouse.connection import read_published
from warehouse.publish import PublishError, publish

WAREHOUSE_FILE = dg.AssetKey(["published", "warehouse_file"])


def build(upstream: Sequence[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """The published file, after all tables in `upstream`."""

    @dg.asset(
        key=WAREHOUSE_FILE,
        deps=list(upstream),
        group_name="published",
        description="The DuckDB file that people query: whole, read-only, numbered; replaced by one rename.",
        kinds={"duckdb", "file"},
        owners=OWNERS,
        pool=POOL,
        automation_condition=WHEN_INPUTS_CHANGE,
    )
    def warehouse_file(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        try:
            publication = publish(home.get(), catalog())
        except PublishError as e:
            raise dg.Failure(description=str(e), allow_retries=False) from None
        with read_published(home.get()) as con:
            tables = con.execute(
                "SELECT schema_name || '.' || table_name, estimated_size FROM duckdb_tables() "
                "WHERE NOT internal AND database_name = current_database() ORDER BY 1"
            ).fetchall()
            captures = con.execute(
                "SELECT capture_id, count(*) OVER () FROM meta.capture GROUP BY capture_id ORDER BY max(load_number) DESC, 1 LIMIT $most",
                {"most": MOST_CAPTURES},
            ).fetchall()
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(count for _, count in tables),
                "publication": publication.number,
                "is_new": publication.is_new,
                "bytes": publication.byte_count,
                "dagster/uri": str(publication.path),
                "tables": dg.MetadataValue.json(dict(tables)),
                "captures": dg.MetadataValue.json([capture_id for capture_id, _ in captures]),
                "capture_count": captures[0][1] if captures else 0,
            }
        )

    return [warehouse_file]
