"""The generated pages: data dictionary, licences, methodology, the README's table of sources.

`python -m assets.published.dictionary` writes them.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assets.estimated.scenario_files.key_page import key_page
from assets.published import manual

DOCS = Path(__file__).parents[2] / "docs"
TABLES = DOCS / "tables.md"
LICENCES = DOCS / "licences.md"
METHODOLOGY = DOCS / "methodology.md"
KEYS = DOCS / "scenario-keys.md"

_SCHEMAS = {
    "observed": "What publishers stated. `observed.<subject>` is today's knowledge as intervals; the `_log` below it is append-only.",
    "estimated": "Estimates computed from it, with bands.",
    "reference": "Facts that rarely change, with a citation per row.",
    "meta": "Bookkeeping: sources, captures, refusals, publications.",
}
_UNIT = re.compile(r"\s*Unit: ([^.]+)\.\s*$")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table or view: name, type, meaning, unit."""

    name: str
    type: str
    meaning: str
    unit: str


@dataclass(frozen=True, slots=True)
class Described:
    """A table or view of the warehouse with its columns."""

    schema: str
    name: str
    kind: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def full_name(self) -> str:
        """`schema.name` as used in SQL."""
        return f"{self.schema}.{self.name}"


def _split(comment: str | None) -> tuple[str, str]:
    """A column comment as meaning and unit."""
    text = (comment or "").strip()
    found = _UNIT.search(text)
    return (text[: found.start()].strip(), found.group(1)) if found else (text, "")


def describe(con: duckdb.DuckDBPyConnection) -> list[Described]:
    """Every table and view with comments, from the catalog of the connected warehouse."""
    con.execute("SET TimeZone = 'UTC'").fetchall()
    relations = con.execute(
        "SELECT schema_name, table_name, 'table', comment FROM duckdb_tables() WHERE NOT internal AND NOT temporary AND schema_name IN "
        "(SELECT unnest(?)) UNION ALL SELECT schema_name, view_name, 'view', comment FROM duckdb_views() WHERE NOT internal AND NOT temporary "
        "AND schema_name IN (SELECT unnest(?)) ORDER BY 1, 2",
        [list(_SCHEMAS), list(_SCHEMAS)],
    ).fetchall()
    columns = con.execute(
        "SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal ORDER BY 1, 2, column_index"
    ).fetchall()
    of: dict[tuple[str, str], list[Column]] = {}
    for schema, table, name, kind, comment in columns:
        of.setdefault((schema, table), []).append(Column(name, kind, *_split(comment)))
    return [Described(s, n, k, (c or "").strip(), tuple(of.get((s, n), ()))) for s, n, k, c in relations]


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _macros(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, str]]:
    return con.execute(
        "SELECT DISTINCT function_name, function_type, array_to_string(parameters, ', '), comment FROM duckdb_functions() "
        "WHERE function_type IN ('macro', 'table_macro') AND NOT internal AND comment IS NOT NULL ORDER BY 2 DESC, 1"
    ).fetchall()


def _macro_rows(macros: Iterable[tuple[str, str, str, str]]) -> list[str]:
    return ["| macro | kind | meaning |", "| --- | --- | --- |"] + [
        f"| `{n}({p})` | {'table' if k == 'table_macro' else 'scalar'} | {_cell(c)} |" for n, k, p, c in macros
    ]


def tables_page(con: duckdb.DuckDBPyConnection) -> str:
    """docs/tables.md."""
    found = describe(con)
    lines = [
        "# Data dictionary",
        "",
        "Generated from the warehouse by `python -m assets.published.dictionary`; a test checks that it is current.",
        "The published file holds the same texts: `FROM petaday.help()`, and a comment on every table and column.",
        "",
    ]
    for schema, meaning in _SCHEMAS.items():
        lines += [f"## {schema}", "", meaning, ""]
        for table in (t for t in found if t.schema == schema):
            lines += [
                f"### {table.full_name}",
                "",
                f"*{table.kind}* {_cell(table.meaning)}".rstrip(),
                "",
                "| column | type | unit | meaning |",
                "| --- | --- | --- | --- |",
            ]
            kind = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
            lines += [
                f"| {c.name} | {kind.get(c.type, c.type)} | {_cell(c.unit)} | {_cell(c.meaning)} |"
                for c in table.columns
            ]
            lines.append("")
    macros = _macros(con)
    lines += ["## Macros", "", *_macro_rows(m for m in macros if not m[0].startswith("_")), ""]
    lines += [
        "## Parts of macros",
        "",
        "Macros that other macros are made of; names with a leading underscore may change without notice.",
        "",
    ]
    lines += _macro_rows(m for m in macros if m[0].startswith("_"))
    return "\n".join(lines) + "\n"


def licences_page(con: duckdb.DuckDBPyConnection) -> str:
    """docs/licences.md."""
    rows = con.execute(
        "SELECT source_id, title, homepage_url, subject, licence, licence_url, attribution, is_bundled FROM meta.source ORDER BY subject, source_id"
    ).fetchall()
    lines = [
        "# Data licences and attribution",
        "",
        "Petaday's code is Apache-2.0. The data belongs to its publishers: this table, generated from `meta.source` by",
        "`python -m assets.published.dictionary`, says under which terms each publishes and whom to name. Where it says *not stated*, ask",
        "the publisher before you redistribute; what you only compute with stays on your machine.",
        "",
        "| source | publisher's page | subject | licence or terms | attribution | bundled |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for source, title, home, subject, licence, licence_url, attribution, bundled in rows:
        terms = f"[{_cell(licence)}]({licence_url})" if licence_url else _cell(licence or "")
        lines.append(
            f"| {source} | [{_cell(title)}]({home}) | {subject} | {terms} | {_cell(attribution or '')} | {'yes' if bundled else ''} |"
        )
    return "\n".join(lines) + "\n"


def empty_warehouse(folder: Path) -> duckdb.DuckDBPyConnection:
    """A warehouse with the schema, the macros and the sources, and no data: all that the pages are made from."""
    from assets.catalog import catalog
    from assets.recording import sync_sources
    from warehouse.connection import write_session
    from warehouse.home import Home

    home = Home(folder).create()
    with write_session(home, catalog()) as con:
        sync_sources(con)
    return duckdb.connect(str(home.work_file), read_only=True)


def pages() -> dict[Path, str]:
    """All pages as they should be."""
    with tempfile.TemporaryDirectory() as folder:
        con = empty_warehouse(Path(folder))
        try:
            return {
                TABLES: tables_page(con),
                LICENCES: licences_page(con),
                METHODOLOGY: manual.methodology_page(),
                KEYS: key_page(),
                manual.README: manual.readme(con),
            }
        finally:
            con.close()


def main() -> None:
    """Write all pages."""
    DOCS.mkdir(exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
