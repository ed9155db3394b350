"""What the report asks of the published file: the queries beside this module, run once each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import duckdb

Row = dict[str, Any]
#: Names without what stands in brackets; two that would then be the same keep their ids.
_SHORT_NAMES = """
    SELECT accelerator_id, CASE WHEN count(*) OVER (PARTITION BY short_name) = 1 THEN short_name ELSE accelerator_id END
    FROM (SELECT accelerator_id, trim(regexp_replace(name, '\\(.*\\)', '')) AS short_name FROM reference.accelerator)
"""
#: Captures that a figure lists; more are counted.
SHOWN_CAPTURES = 8


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
    #: Accelerator -> its name as people say it: 'H100 SXM5 80GB'.
    accelerators: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, con: duckdb.DuckDBPyConnection) -> Facts:
        """Facts as of the last publication; the same file always gives the same report."""
        number, moment = con.execute(
            "SELECT publication_number, published_at FROM meta.publication ORDER BY 1 DESC LIMIT 1"
        ).fetchall()[0]
        con.execute("SET VARIABLE report_at = ?::TIMESTAMPTZ", [moment]).fetchall()
        con.execute(sql("offer")).fetchall()
        return cls(con, moment, number, dict(con.execute(_SHORT_NAMES).fetchall()))

    def text(self, name: str) -> str:
        """Text of a query, which is kept for the page."""
        self.asked[name] = sql(name)
        return self.asked[name]

    def rows(self, name: str) -> list[Row]:
        """Rows of a query; its text is kept for the page."""
        return self.answer(self.text(name))

    def answer(self, text: str, parameters: list[Any] | None = None) -> list[Row]:
        """Rows of any statement, as dictionaries; one with an `accelerator_id` has the name of the `accelerator` too."""
        cursor = self.con.execute(text, parameters or [])
        names = [column[0] for column in cursor.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        if "accelerator_id" in names:
            for row in rows:
                row["accelerator"] = self.accelerators.get(row["accelerator_id"], row["accelerator_id"])
        return rows

    def captures(self, rows: Iterable[Row]) -> dict[str, Any]:
        """The bytes that rows come from: their newest captures, how many there are, and whether they are bundled.

        A row names its captures in `capture_id` or `capture_ids`.
        """
        wanted = {c for r in rows for c in (r.get("capture_ids") or [r.get("capture_id")]) if c}
        found = self.answer(
            "SELECT c.source_id, c.capture_id, c.url, c.fetched_at, c.sha256, c.path, s.licence, s.licence_url, s.is_bundled "
            "FROM meta.capture c LEFT JOIN meta.source s USING (source_id) WHERE c.capture_id IN (SELECT unnest(?)) "
            "QUALIFY row_number() OVER (PARTITION BY c.capture_id ORDER BY c.load_number) = 1 ORDER BY c.fetched_at DESC, c.source_id, c.url",
            [sorted(wanted)],
        )
        origins = {c["is_bundled"] for c in found if c["is_bundled"] is not None}
        return {"shown": found[:SHOWN_CAPTURES], "count": len(found), "origins": origins}

    def petaday(self, points: str) -> list[Row]:
        """$ and kg per PFLOP/s-day at the prices in `points`, a query."""
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE price_point AS {points}").fetchall()
        return self.rows("petaday")
