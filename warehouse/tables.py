"""Declarations of tables: columns once, used for casts, checks, DDL, comments and the Dagster schema.

A column is a dataframely column with its type, nullability and bounds; `description` is its meaning, `metadata["unit"]`
its unit. A `Table` gives such a schema a name in the warehouse; a `Subject` is a table kept as a log on two clocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import dataframely as dy
import polars as pl

from warehouse.quoting import literal, quoted

_DUCKDB_TYPES: dict[type[pl.DataType], str] = {
    pl.String: "VARCHAR",
    pl.Float64: "DOUBLE",
    pl.Int64: "BIGINT",
    pl.Int32: "INTEGER",
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    pl.Datetime: "TIMESTAMPTZ",
}


def duckdb_type(column: dy.Column) -> str:
    """The DuckDB type of a declared column.

    Raises:
        TypeError: if the warehouse has no type for it.
    """
    try:
        return _DUCKDB_TYPES[column.dtype.base_type()]
    except KeyError:
        raise TypeError(f"no DuckDB type declared for {column.dtype}") from None


def unit_of(column: dy.Column) -> str | None:
    """The declared unit; None for a column without one."""
    return (column.metadata or {}).get("unit")


def comment_of(column: dy.Column) -> str:
    """Meaning and unit in one line, as it stands in COMMENT ON COLUMN."""
    unit = unit_of(column)
    return f"{column.description or ''}" + (f" Unit: {unit}." if unit else "")


@dataclass(frozen=True, slots=True)
class Table:
    """A declared table: `schema_name.name`, its meaning and its columns."""

    schema_name: str
    name: str
    description: str
    columns: type[dy.Schema]

    @property
    def full_name(self) -> str:
        """`schema.name` as used in SQL."""
        return f"{self.schema_name}.{self.name}"

    def declared(self) -> dict[str, dy.Column]:
        """Column declarations by name, in order."""
        return self.columns.columns()

    def ddl(self) -> list[str]:
        """Idempotent statements that create the table and its comments; added columns are added."""
        return table_ddl(self.full_name, self.description, self.declared())


def table_ddl(full_name: str, description: str, columns: dict[str, dy.Column]) -> list[str]:
    """CREATE, ALTER … ADD and COMMENT statements for a declared table (no keys: the lake has none)."""
    body = ", ".join(f"{quoted(name)} {duckdb_type(column)}" for name, column in columns.items())
    statements = [f"CREATE TABLE IF NOT EXISTS {full_name} ({body})"]
    statements += [
        f"ALTER TABLE {full_name} ADD COLUMN IF NOT EXISTS {quoted(name)} {duckdb_type(column)}"
        for name, column in columns.items()
    ]
    statements.append(f"COMMENT ON TABLE {full_name} IS {literal(description)}")
    statements += [
        f"COMMENT ON COLUMN {full_name}.{quoted(name)} IS {literal(comment_of(column))}"
        for name, column in columns.items()
    ]
    return statements


class LogColumns(dy.Schema):
    """The columns that every log has beside its subject's own."""

    source_id = dy.String(nullable=False, description="Source that says so; see meta.source.")
    scope = dy.String(nullable=False, description="Part of the source that one capture covers completely.")
    is_offered = dy.Bool(
        nullable=True,
        description="False is a tombstone: no longer offered from valid_from on. NULL: its row was refused, and what was known goes on unconfirmed.",
    )
    valid_from = dy.Datetime(
        time_unit="us",
        time_zone="UTC",
        nullable=False,
        description="From when the value holds; 1970-01-01 where the publisher does not state the start.",
        metadata={"unit": "UTC"},
    )
    observed_at = dy.Datetime(
        time_unit="us",
        time_zone="UTC",
        nullable=False,
        description="When the publisher was seen to say so (fetched_at of the capture).",
        metadata={"unit": "UTC"},
    )
    recorded_at = dy.Datetime(
        time_unit="us",
        time_zone="UTC",
        nullable=False,
        description="From when this warehouse knows it.",
        metadata={"unit": "UTC"},
    )
    capture_id = dy.String(nullable=False, description="Capture that the row was read from; see meta.capture.")


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject of observation: one log on two clocks.

    `kind` is "state" (a value holds until the next one: prices) or "series" (a value belongs to a slot: grid carbon).
    Key columns are the schema's primary key; the others are values.
    """

    name: str
    kind: Literal["state", "series"]
    description: str
    columns: type[dy.Schema]

    @property
    def log_name(self) -> str:
        """The log table, `observed.<name>_log`."""
        return f"observed.{self.name}_log"

    @property
    def revised_name(self) -> str:
        """For a series, the table of the slots about which the log holds more than one assertion."""
        return f"observed.{self.name}_revised_slot"

    @property
    def slot_key(self) -> list[str]:
        """For a series, the columns that tell one slot of one source from all others."""
        return ["source_id", "scope", *self.keys, "valid_from"]

    @property
    def keys(self) -> list[str]:
        """Key columns without source and scope."""
        return self.columns.primary_key()

    @property
    def values(self) -> list[str]:
        """Value columns."""
        keys = set(self.keys)
        return [name for name in self.columns.column_names() if name not in keys]

    def log_columns(self) -> dict[str, dy.Column]:
        """All columns of the log table, in order."""
        common = LogColumns.columns()
        first, last = ("source_id", "scope"), ("is_offered", "valid_from", "observed_at", "recorded_at", "capture_id")
        return {n: common[n] for n in first} | self.columns.columns() | {n: common[n] for n in last}

    def misfiled_slots(self) -> str:
        """SQL of the number of slots of a series that are wrongly listed in, or wrongly missing from, `revised_name`."""
        key = ", ".join(quoted(name) for name in self.slot_key)
        return (
            f"SELECT count(*) FROM (SELECT {key}, sum(assertion_count) AS assertions, sum(revised_count) AS revised FROM ("
            f"SELECT {key}, 1 AS assertion_count, 0 AS revised_count FROM {self.log_name} "
            f"UNION ALL SELECT {key}, 0, 1 FROM {self.revised_name}) GROUP BY ALL "
            "HAVING revised <> CASE WHEN assertions > 1 THEN 1 ELSE 0 END)"
        )

    def ddl(self) -> list[str]:
        """Idempotent statements for the log table and, of a series, for its revised slots."""
        meaning = f"Append-only log of {self.description} One row: as known from recorded_at on, from valid_from on."
        statements = table_ddl(self.log_name, meaning, self.log_columns())
        if self.kind == "series":
            key = ", ".join(quoted(name) for name in self.slot_key)
            columns = self.log_columns()
            # Filled where the log is older than this table; an empty log has none.
            statements.append(
                f"CREATE TABLE IF NOT EXISTS {self.revised_name} AS "
                f"SELECT {key} FROM {self.log_name} GROUP BY ALL HAVING count(*) > 1"
            )
            statements += table_ddl(
                self.revised_name,
                f"Slots about which {self.log_name} holds more than one assertion, each once: the views look for the last one only here.",
                {name: columns[name] for name in self.slot_key},
            )
        return statements
