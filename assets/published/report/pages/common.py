"""What the pages share: the stamp of a figure, sources with their state, rows by group."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from assets.published.report.data import Facts, Row

#: Lines of a chart that compares; more cannot be told apart.
COMPARED = 18


def stamp(facts: Facts, rows: Sequence[Row], unit: str, *days: dt.date | None) -> Row:
    """What every figure says: its unit, its dates, bundled or live, and the captures it comes from."""
    known = sorted(d for d in days if d is not None)
    captures = facts.captures(rows)
    said = {bool(r["is_bundled"]) for r in rows if r.get("is_bundled") is not None}
    # A row that rests on several captures has one is_bundled for all of them; their sources say it of each.
    origins = captures["origins"] or said
    return {
        "unit": unit,
        "from_on": known[0] if known else None,
        "to_on": known[-1] if known else None,
        "is_bundled": origins == {True} if len(origins) == 1 else None,
        "rows": sum(r.get("is_bundled") is not None for r in rows),
        "captures": captures,
    }


def year(number: int) -> tuple[dt.date, dt.date]:
    """First and last day of a year."""
    return dt.date(number, 1, 1), dt.date(number, 12, 31)


def month(first_on: dt.date) -> tuple[dt.date, dt.date]:
    """First and last day of the month that begins on a day."""
    return first_on, (first_on + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)


def grouped(rows: Iterable[Row], key: str) -> dict[Any, list[Row]]:
    """Rows by the value of `key`, in order."""
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return dict(groups)


def states(facts: Facts) -> list[Row]:
    """Sources with their state in one word."""
    from assets.sources import all_sources

    rows = facts.rows("source")
    for row in rows:
        source = all_sources().get(row["source_id"])
        limit = source.stale_after_days * 86400 if source else None
        if row["last_good_at"] is None:
            row["state"] = "state.key" if row["key_name"] else "state.unread"
        elif row["is_bundled"]:
            row["state"] = "state.bundled"
        else:
            row["state"] = "state.stale" if limit and row["age_s"] > limit else "state.fresh"
        row["age_days"] = None if row["age_s"] is None else max(row["age_s"], 0) / 86400
    return rows
