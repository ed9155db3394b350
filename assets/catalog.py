"""Everything that the warehouse contains, collected from the declarations of each package in `assets/`."""

from __future__ import annotations

import re
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb

from assets.estimated.decisions.tables import DECISION_TABLES
from assets.estimated.formula_macros import formula_statements
from assets.estimated.indices import grid_period, price_known
from assets.estimated.indices.tables import INDEX_TABLES
from assets.estimated.tables import TABLES as ESTIMATED_TABLES
from assets.observed import views
from assets.reference.tables import REFERENCE_TABLES
from assets.subjects import SUBJECTS
from warehouse import macros
from warehouse.schema import Catalog

#: Macros for users, one file per question that they answer; created after everything that they read.
USER_SQL = Path(__file__).parent / "published" / "sql"
PROMISES = Path(__file__).parent / "published" / "promises.sql"


def user_scripts() -> list[str]:
    """Statements of every file in `assets/published/sql`: macros after those that they call, otherwise by file name."""
    files = sorted(USER_SQL.glob("*.sql"))
    statements = [s.query.strip() for f in files for s in duckdb.extract_statements(f.read_text(encoding="utf-8"))]
    made = {name: s for s in statements if (name := macros.name_of(s))}
    # Not sets: the order must be the same in every process.
    before = {
        s: [made[n] for n in dict.fromkeys(re.findall(r"\b(\w+)\(", s)) if made.get(n, s) != s] for s in made.values()
    }
    named = {s: [made[name]] for s in statements if (name := macros.commented(s))}
    return list(TopologicalSorter({s: before.get(s, named.get(s, [])) for s in statements}).static_order())


def promises() -> list[str]:
    """The conditions that a copy must satisfy to be published: the queries of `assets/published/promises.sql`."""
    return [s.query.strip() for s in duckdb.extract_statements(PROMISES.read_text(encoding="utf-8"))]


@cache
def catalog() -> Catalog:
    """Subjects, tables, views and macros of Petaday."""
    return Catalog(
        subjects=SUBJECTS,
        tables=(*REFERENCE_TABLES, views.ACCELERATOR_MATCH, *ESTIMATED_TABLES, *INDEX_TABLES, *DECISION_TABLES),
        scripts=(
            *views.scripts(),
            *formula_statements(),
            *price_known.scripts(),
            *grid_period.scripts(),
            *user_scripts(),
        ),
        column_meanings=views.COLUMN_MEANINGS,
        view_origins=views.VIEW_ORIGINS,
        promises=promises(),
    )
