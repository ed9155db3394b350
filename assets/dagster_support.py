"""What all asset modules share: the home as a resource, column schemas and common metadata for the Dagster UI."""

from typing import Any

import dagster as dg
import dataframely as dy

from warehouse import run_locks
from warehouse.home import Home
from warehouse.tables import Table, duckdb_type, unit_of

OWNERS = ["team:petaday"]
#: Steps that write the warehouse go one at a time.
POOL = "warehouse"


#: What is derived runs when an input has changed. Unlike plain `eager` it does not wait for every input to exist: many
#: sources need a key, or a file by hand, and may never be read here. For inputs that are being worked on it waits, but not for
#: ever: with many sources, or one that hangs, some input always is. Every five minutes it goes ahead with what was committed.
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
        """Mark the run as worked on, so that it is known when its process is killed."""
        if context.run is not None:
            run_locks.hold(self.get(), context.run.run_id)

    def get(self) -> Home:
        """The home named by the environment."""
        return Home.from_environment()


def table_schema(columns: dict[str, dy.Column], extra: dict[str, str] | None = None) -> dg.TableSchema:
    """Declared columns in the form the Dagster UI shows: type, meaning, unit, nullability."""
    listed = [
        dg.TableColumn(
            name=name,
            type=duckdb_type(column),
            description=column.description,
            constraints=dg.TableColumnConstraints(nullable=bool(column.nullable)),
            tags={"unit": _tag(unit)} if (unit := unit_of(column)) else {},
        )
        for name, column in columns.items()
    ]
    listed += [dg.TableColumn(name=name, description=meaning) for name, meaning in (extra or {}).items()]
    return dg.TableSchema(columns=listed)


def of_table(table: Table, description: str) -> dict[str, Any]:
    """What every asset that is a table made by SQL has in common: key, group, owners and schema."""
    room, name = table.full_name.split(".")
    return {
        "key": dg.AssetKey([room, name]),
        "group_name": room,
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
