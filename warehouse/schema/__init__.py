"""Apply the schema: numbered migrations, then the tables, views and macros that `assets` declares."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING

import duckdb

from warehouse import macros
from warehouse.errors import SchemaTooNewError
from warehouse.quoting import literal, quoted
from warehouse.sessions import all_or_nothing

if TYPE_CHECKING:
    # Who only reads declares nothing: dataframely, with what it imports, takes half a second.
    from warehouse.tables import Subject, Table


@dataclass(frozen=True)
class Catalog:
    """Everything that `assets` declares for the warehouse to hold.

    `scripts` are SQL texts of `CREATE OR REPLACE` views and macros, in order. `column_meanings` gives the comment of a
    view's column by its name: a name means one thing in all views. `view_origins` names the table whose columns a view
    shows under their own names: their comments are its. `promises` are queries that are asked of every copy before it
    is published: each gives one text per fault, and no row where all is well.
    """

    subjects: Sequence[Subject] = ()
    tables: Sequence[Table] = ()
    scripts: Sequence[str] = ()
    column_meanings: dict[str, str] = field(default_factory=dict)
    view_origins: dict[str, str] = field(default_factory=dict)
    promises: Sequence[str] = ()

    def subject(self, name: str) -> Subject:
        """The subject of that name."""
        return next(subject for subject in self.subjects if subject.name == name)

    def statements(self) -> list[str]:
        """All SQL of the catalog, in order of execution."""
        return [*self.declarations(), *self.scripts]

    def declarations(self) -> list[str]:
        """SQL of the tables."""
        return [statement for item in (*self.subjects, *self.tables) for statement in item.ddl()]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all SQL, so that an unchanged catalog is not applied again."""
        meanings = sorted((self.column_meanings | self.view_origins).items())
        text = "\x00".join([*self.statements(), repr(meanings)])
        return hashlib.sha256(text.encode()).hexdigest()


def _migrations() -> list[tuple[int, str]]:
    folder = resources.files("warehouse.schema")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [(int(f.name[:3]), f.read_text(encoding="utf-8")) for f in files]


def apply(con: duckdb.DuckDBPyConnection, catalog: Catalog, *, is_lake: bool = False, has_macros: bool = False) -> bool:
    """Bring the warehouse of `con` to the current schema; one transaction; True if anything was done.

    On a lake, macros are made for the session too, unless it has them: see `warehouse.macros`.

    Raises:
        SchemaTooNewError: if a newer Petaday wrote the warehouse.
    """
    migrations = _migrations()
    newest = migrations[-1][0]
    version = _version(con)
    if version > newest:
        raise SchemaTooNewError(
            f"the warehouse has schema version {version}, this Petaday knows {newest}: install the newer Petaday, "
            "or point PETADAY_HOME at another folder"
        )
    fingerprint = catalog.fingerprint
    if version == newest:
        known = con.execute("SELECT fingerprint FROM meta.definition WHERE name = 'catalog'").fetchall()
        if known == [(fingerprint,)]:
            if is_lake and not has_macros:
                make_session_macros(con)
            return False
    with all_or_nothing(con):
        for number, script in migrations:
            if number > version:
                con.execute(script).fetchall()
                con.execute("INSERT INTO meta.schema_version VALUES (?, now())", [number]).fetchall()
        for statement in catalog.declarations():
            con.execute(statement).fetchall()
        if is_lake:
            _make_lake_scripts(con, catalog)
        else:
            for statement in catalog.scripts:
                con.execute(statement).fetchall()
            _drop_former_macros(con, catalog)
            _comment_views(con, catalog)
        con.execute("DELETE FROM meta.definition WHERE name = 'catalog'").fetchall()
        con.execute("INSERT INTO meta.definition VALUES ('catalog', ?)", [fingerprint]).fetchall()
    return True


def _drop_former_macros(con: duckdb.DuckDBPyConnection, catalog: Catalog) -> None:
    """Macros of an earlier Petaday that this one no longer has: the work file is the pipeline's alone, no one else's can be there."""
    declared = {macros.name_of(script) for script in catalog.scripts}
    found = con.execute(
        "SELECT DISTINCT function_name, function_type FROM duckdb_functions() WHERE NOT internal AND database_name = current_database() "
        "AND function_type IN ('macro', 'table_macro')"
    ).fetchall()
    for name, kind in found:
        if name not in declared:
            con.execute(f"DROP MACRO {'TABLE ' if kind == 'table_macro' else ''}{quoted(name)}").fetchall()


def _version(con: duckdb.DuckDBPyConnection) -> int:
    """Newest migration of the warehouse, 0 for an empty one."""
    try:
        return con.execute("SELECT coalesce(max(version), 0) FROM meta.schema_version").fetchall()[0][0]
    except duckdb.CatalogException:
        return 0


def _make_lake_scripts(con: duckdb.DuckDBPyConnection, catalog: Catalog) -> None:
    """Views and macros: in the lake where it gives them back as they were, else as temporary ones of this session."""
    con.execute("CREATE TABLE IF NOT EXISTS meta.macro (position INTEGER, statement VARCHAR)").fetchall()
    con.execute(
        "COMMENT ON TABLE meta.macro IS 'What a session makes anew: macros that a lake does not keep whole, and the comments on all macros.'"
    )
    con.execute("COMMENT ON COLUMN meta.macro.position IS 'Order of execution.'").fetchall()
    con.execute("COMMENT ON COLUMN meta.macro.statement IS 'SQL.'").fetchall()
    for script in catalog.scripts:
        if macros.is_kept_by_a_lake(script):
            con.execute(script).fetchall()
        elif macros.is_macro(script):
            con.execute(macros.for_a_session(script)).fetchall()
    texts = macros.session_statements(catalog.scripts)
    con.execute(texts[-1]).fetchall()
    con.execute("DELETE FROM meta.macro").fetchall()
    con.execute(
        "INSERT INTO meta.macro SELECT generate_subscripts(t, 1), unnest(t) FROM (SELECT $texts::VARCHAR[] AS t)",
        {"texts": texts},
    ).fetchall()


def make_session_macros(con: duckdb.DuckDBPyConnection) -> bool:
    """Make the macros that `meta.macro` of a lake holds, for this session; False if the lake holds no schema yet.

    In one transaction, which asks the catalog once; one by one they take four times as long.
    """
    with all_or_nothing(con):
        try:
            statements = con.execute("SELECT statement FROM meta.macro ORDER BY position").fetchall()
        except duckdb.CatalogException:
            return False
        for (statement,) in statements:
            con.execute(statement).fetchall()
    return True


def _comment_views(con: duckdb.DuckDBPyConnection, catalog: Catalog) -> None:
    """Comment the columns of views: as the table says whose columns it shows, else by their name.

    A name that tables use in several senses says nothing of a view's column: without a meaning of its own it stays
    bare.
    """
    commented = con.execute(
        "SELECT schema_name, table_name, column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL "
        "AND database_name = current_database() ORDER BY ALL"
    ).fetchall()
    senses: dict[str, set[str]] = {}
    for *_, column, comment in commented:
        senses.setdefault(column, set()).add(comment)
    meanings = {c: next(iter(said)) for c, said in senses.items() if len(said) == 1} | catalog.column_meanings
    declared = {(f"{schema}.{table}", column): comment for schema, table, column, comment in commented}
    logs = sorted((s.log_name for s in catalog.subjects), key=len, reverse=True)
    columns = con.execute(
        "SELECT c.schema_name, c.table_name, c.column_name FROM duckdb_columns() c JOIN duckdb_views() v "
        "ON v.schema_name = c.schema_name AND v.view_name = c.table_name AND v.database_name = c.database_name "
        "WHERE c.comment IS NULL AND NOT v.internal AND c.database_name = current_database()"
    ).fetchall()
    for schema_name, view, column in columns:
        full_name = f"{schema_name}.{view}"
        own = catalog.view_origins.get(full_name) or next(
            (log for log in logs if f"{full_name}_".startswith(log.removesuffix("log"))), None
        )
        if meaning := declared.get((own or "", column)) or meanings.get(column):
            con.execute(
                f"COMMENT ON COLUMN {quoted(schema_name)}.{quoted(view)}.{quoted(column)} IS {literal(meaning)}"
            ).fetchall()
