"""docs/cookbook.md: under every question the answer that the published data give.

`python -m assets.published.cookbook` writes the answers anew, from the published file of a home that has read the bundled data and
nothing else.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

PAGE = Path(__file__).parents[2] / "docs" / "cookbook.md"
#: Rows that the page shows of a longer answer.
SHOWN = 5
#: Number, question, the SQL, and the answer: the table, empty but for its head where there is no row, and the count.
ENTRY = re.compile(
    r"^## (?P<number>\d+)\. (?P<question>.+?)\n(?P<before>.*?```sql\n(?P<sql>.+?)\n```\n\n)(?P<answer>\|.+?\n\n[^\n]+\n)",
    re.MULTILINE | re.DOTALL,
)


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        # Six digits, and whole numbers whole.
        return f"{value:.0f}" if 1e5 <= abs(value) < 1e15 else f"{value:.6g}"
    if isinstance(value, dt.datetime):
        return f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
    return str(value).replace("|", "\\|")


def answer(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """The first rows of an answer as a table, and how many there are."""
    lines = [list(columns), ["---"] * len(columns), *([_cell(v) for v in row] for row in rows[:SHOWN])]
    count = f"{len(rows)} row{'' if len(rows) == 1 else 's'}"
    shown = f", the first {SHOWN} shown" if len(rows) > SHOWN else ""
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + f"\n{count}{shown}.\n"


def answered(con: duckdb.DuckDBPyConnection, page: str) -> str:
    """The page with the answers that `con`, a session on the published data, gives now."""

    def asked(entry: re.Match[str]) -> str:
        relation = con.sql(entry["sql"])
        return f"## {entry['number']}. {entry['question']}\n{entry['before']}{answer(relation.columns, relation.fetchall())}"

    return ENTRY.sub(asked, page)


def main() -> None:
    """Write the page."""
    from warehouse.connection import read_published
    from warehouse.home import Home

    with read_published(Home.from_environment()) as con:
        PAGE.write_text(answered(con, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
