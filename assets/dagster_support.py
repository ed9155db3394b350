"""What all asset modules share: the home as a resource, column schemas and common metadata for the Dagster UI."""

from typing import Any

import dagster as dg
import dataframely as dy

from warehouse import run_locks
from warehouse.home import Home
from warehouse.tables import Table, duckdb_type, unit_of

OWNERS = ["team:petaday"]
#: Pool of the steps that write the warehouse, of which only one runs at a time.
POOL = "warehouse"

#: Derived assets run when an input has changed. Unlike plain `eager`, they do not wait for every input to exist, since
#: many sources need a key or files loaded by hand and may never be read here. They wait for inputs that are being
#: updated, but for at most five minutes: with many sources, or one that hangs, there always is such an input.
WHEN_INPUTS_CHANGE = (
    dg.AutomationCondition.eager()
    .without(~dg.AutomationCondition.any_deps_missing())
    .replace(
        ~dg.AutomationCondition.any_deps_in_progress(),
        ~dg.AutomationCondition.any_deps_in_progress() | dg.AutomationCondition.cron_tick_passed("*/5 * * * *"),
    )
    .with_label("when inputs change, at the latest five minutes later")
)


class HomeResource(dg.ConfigurableResource):
    """The home folder of this Petaday (`PETADAY_HOME`, default `./data`)."""

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Mark the run as in progress, so that a killed process can be detected."""
        if context.run is not None:
            run_locks.hold(self.get(), context.run.run_id)

    def get(self) -> Home:
        """The home named by the environment."""
        return Home.from_environment()


def table_schema(columns: dict[str, dy.Column], extra: dict[str, str] | None = None) -> dg.TableSchema:
    """Declared columns for the Dagster UI: type, meaning, nullability, and the unit unless it is 1."""
    listed = [
        dg.TableColumn(
            name=name,
            type=duckdb_type(column),
            description=column.description,
            constraints=dg.TableColumnConstraints(nullable=bool(column.nullable)),
            tags={"unit": _tag(unit)} if (unit := unit_of(column)) not in (None, "1") else {},
        )
        for name, column in columns.items()
    ]
    listed += [dg.TableColumn(name=name, description=meaning) for name, meaning in (extra or {}).items()]
    return dg.TableSchema(columns=listed)


def key_of(table: Table) -> dg.AssetKey:
    """Key of the asset of a table."""
    return dg.AssetKey([table.schema_name, table.name])


def keys_in(schema_name: str, *names: str) -> list[dg.AssetKey]:
    """Keys of the assets of tables of one schema."""
    return [dg.AssetKey([schema_name, name]) for name in names]


def of_table(table: Table, description: str) -> dict[str, Any]:
    """Arguments that all assets made by SQL share: key, group, description, owners and schema."""
    return {
        "key": key_of(table),
        "group_name": table.schema_name,
        "description": f"{table.description} {description}",
        "kinds": {"duckdb", "sql"},
        "owners": OWNERS,
        "metadata": {
            "dagster/column_schema": table_schema(table.declared()),
            "dagster/table_name": f"petaday.{table.full_name}",
        },
    }


def _tag(unit: str) -> str:
    """A unit as a Dagster tag value: letters, digits, `_ - .` only."""
    plain = unit.replace("/", "_per_").replace("(", "").replace(")", "")
    return "".join(c if c.isalnum() or c in "-." else "_" for c in plain)


def lineage_of_same_names(columns: list[str], upstream: list[dg.AssetKey]) -> dg.TableColumnLineage:
    """Column lineage where a column comes from the columns of the same name upstream."""
    return dg.TableColumnLineage(
        {c: [dg.TableColumnDep(asset_key=key, column_name=c) for key in upstream] for c in columns}
    )
