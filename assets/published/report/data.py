"""What the report asks of the published file: the queries beside this module, run once each."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import duckdb

Row = dict[str, Any]


def sql(name: str) -> str:
    """Text of a query of the report."""
    return (
        resources.files("assets.published.report")
        .joinpath("queries", f"{name}.sql")
        .read_text(encoding="utf-8")
        .strip()
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """A connection to the published file, as of the moment of its publication."""

    con: duckdb.DuckDBPyConnection
    report_at: dt.datetime
    publication: int
    asked: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, con: duckdb.DuckDBPyConnection) -> Facts:
        """Facts as of the last publication; the same file always gives the same report."""
        number, moment = con.execute(
            "SELECT publication_number, published_at FROM meta.publication ORDER BY 1 DESC LIMIT 1"
        ).fetchall()[0]
        con.execute("SET VARIABLE report_at = ?::TIMESTAMPTZ", [moment]).fetchall()
        con.execute(sql("offer")).fetchall()
        return cls(con, moment, number)

    def rows(self, name: str) -> list[Row]:
        """Rows of a query; its text is kept for the page."""
        self.asked[name] = sql(name)
        return self.answer(self.asked[name])

    def answer(self, text: str, parameters: list[Any] | None = None) -> list[Row]:
        """Rows of any statement, as dictionaries."""
        cursor = self.con.execute(text, parameters or [])
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def petaday(self, points: str) -> list[Row]:
        """$ and kg per PFLOP/s-day at the prices in `points`, a query."""
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE price_point AS {points}").fetchall()
        return self.rows("petaday")
