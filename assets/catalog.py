"""Everything that the warehouse holds, put together from what each room declares."""

from __future__ import annotations

from functools import cache

from assets.observed import views
from assets.reference.tables import REFERENCE_TABLES
from assets.subjects import SUBJECTS
from warehouse.schema import Catalog


@cache
def catalog() -> Catalog:
    """Subjects, tables, views and macros of Petaday."""
    return Catalog(
        subjects=SUBJECTS,
        tables=(*REFERENCE_TABLES, views.ACCELERATOR_MATCH),
        scripts=tuple(views.scripts()),
        column_meanings=views.COLUMN_MEANINGS,
    )
