"""Tables whose rows depend on a few days of a log: an update computes only the days that new log rows touch.

A log row of day d changes the rows of days d - days_before to d + days_after of its series (`narrowed` may exclude some
of them) and no others; every rule used here has this property. New log rows are those with a later `recorded_at` than
at the last update; `recorded_at` never goes back, so late corrections, withdrawals and loads out of order need no
special case. A rebuild does the same with all days, in chunks that are committed one by one: memory stays flat. A
rebuild that is killed leaves whole days, old or new, and no mark, so that the next run starts it again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import resources

import duckdb

from assets.marks import forget_mark, mark_of, set_mark
from warehouse.connection import transaction
from warehouse.quoting import quoted
from warehouse.tables import Subject, Table, duckdb_type

#: Series-days computed at once. With 350 zones half a month: some 120,000 hours, or 1.4 million slots of five minutes.
#: Twice as many take the same time and a third more memory (measured).
CHUNK = 5_000
#: Days without anything to compute that a chunk may span; with more of them, reading them costs more than another
#: chunk.
_GAP = 31


@dataclass(frozen=True)
class Sliced:
    """A table computed by series and day: its rule (an SQL file beside this module) and the days that a log row touches.

    The rule selects the rows of the series and days in the temporary table `_touched`, for days from `$first_on` to
    `$last_on`, with `$method_version`. A caller may fill in other series and days ({touched}), another condition on the
    log rows `l` ({word_counts}) and another name ({method_version}).
    """

    table: Table
    method_version: str
    file: str
    subject: Subject
    series: tuple[str, ...]
    day: str
    counts: str
    days_before: int = 0
    days_after: int = 0
    #: SQL condition on such a day, by its first hour (`day_hour`), the first hour of the new log rows (`word_hour`) and
    #: the last hour of the log (`last_hour`), each in hours since 1970.
    narrowed: str = "true"

    def rule(self, touched: str, word_counts: str, method_version: str) -> str:
        """Its rule for other series, days and log rows than those of an update."""
        text = resources.files("assets.estimated.indices").joinpath(self.file).read_text(encoding="utf-8")
        return text.format(touched=touched, word_counts=word_counts, method_version=method_version)

    def sql(self) -> str:
        """Its rule for an update."""
        in_span = (
            "l.valid_from >= $first_on::TIMESTAMP AT TIME ZONE 'UTC' "
            "AND l.valid_from < ($last_on::DATE + 1)::TIMESTAMP AT TIME ZONE 'UTC'"
        )
        touched = f"(SELECT * FROM _touched WHERE {self.day} BETWEEN $first_on AND $last_on)"
        return self.rule(touched, in_span, "$method_version")

    @property
    def fingerprint(self) -> str:
        """Hash of the rule; the same in every process."""
        columns = [f"{name} {duckdb_type(column)}" for name, column in self.table.declared().items()]
        # Not repr(self), which contains memory addresses.
        touched = [self.counts, self.narrowed, str(self.days_before), str(self.days_after)]
        parts = [self.table.full_name, *columns, self.subject.log_name, *self.series, self.day, *touched]
        return hashlib.sha256("\x00".join([self.method_version, self.sql(), *parts]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update did: whether everything was computed again, how many series-days were touched, rows written."""

    is_rebuilt: bool
    touched_count: int
    row_count: int

    @property
    def is_changed(self) -> bool:
        """True if anything was computed."""
        return self.is_rebuilt or self.touched_count > 0


def update(con: duckdb.DuckDBPyConnection, sliced: Sliced) -> Updated:
    """Bring the table up to date with the log; rows of other method versions stay.

    Args:
        con: connection of a write session, outside a transaction.
        sliced: the table and its rule.

    Returns:
        What was done. The rows are the same as after a rebuild.
    """
    name, fingerprint = sliced.table.full_name, sliced.fingerprint
    was, since = mark_of(con, name)
    known = con.execute(
        "SELECT coalesce(epoch_us(max(recorded_at)), 0) FROM meta.snapshot WHERE subject = ?", [sliced.subject.name]
    ).fetchall()[0][0]
    if (was, since) == (fingerprint, known):
        return Updated(False, 0, 0)
    is_rebuilt = was != fingerprint
    _find_touched(con, sliced, 0 if is_rebuilt else since)
    days = con.execute(f"SELECT {sliced.day}, count(*) FROM _touched GROUP BY ALL ORDER BY ALL").fetchall()
    written = 0
    # An addition is one transaction; a rebuild one for each chunk.
    with nullcontext() if is_rebuilt else transaction(con):
        if is_rebuilt:
            forget_mark(con, name)
            con.execute(
                f"DELETE FROM {name} WHERE method_version = ? AND {sliced.day} NOT IN (SELECT {sliced.day} FROM _touched)",
                [sliced.method_version],
            ).fetchall()
        for first_on, last_on in _chunks(days):
            with transaction(con) if is_rebuilt else nullcontext():
                written += _compute(con, sliced, first_on, last_on, whole_days=is_rebuilt)
        set_mark(con, name, fingerprint, known)
    con.execute("DROP TABLE _touched").fetchall()
    return Updated(is_rebuilt, sum(count for _, count in days), written)


def _find_touched(con: duckdb.DuckDBPyConnection, sliced: Sliced, since: int) -> None:
    """`_touched`: series and days whose rows may change by log rows recorded after `since` (microseconds)."""
    series, log = ", ".join(sliced.series), sliced.subject.log_name
    # ORDER BY with LIMIT 1 skips row groups that end earlier; max() would read them all.
    last_at = con.execute(
        f"SELECT (SELECT epoch_us(valid_from) FROM {log} ORDER BY valid_from DESC LIMIT 1)"
    ).fetchall()[0][0]
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _touched AS SELECT DISTINCT {series}, touched_on AS {sliced.day} FROM ("
        f"SELECT {series}, touched_on, epoch(touched_on)::BIGINT // 3600 AS day_hour, word_hour, last_hour FROM ("
        f"SELECT *, unnest(range(word_on - {sliced.days_before}, least(word_on + {sliced.days_after}, last_on) + 1, INTERVAL 1 DAY))::DATE AS touched_on FROM ("
        f"SELECT {series}, utc_day(valid_from) AS word_on, epoch(min(valid_from))::BIGINT // 3600 AS word_hour FROM {log} "
        f"WHERE recorded_at > make_timestamptz($since::BIGINT) AND {sliced.counts} GROUP BY ALL) CROSS JOIN (SELECT $last_at::BIGINT // 3600000000 AS last_hour, "
        f"utc_day(make_timestamptz($last_at::BIGINT)) AS last_on))) WHERE {sliced.narrowed}",
        {"since": since, "last_at": last_at},
    ).fetchall()


def _chunks(days: list[tuple[dt.date, int]]) -> Iterator[tuple[dt.date, dt.date]]:
    """Spans of touched days, each with about `CHUNK` series-days; `days` gives each day and its number of series."""
    first = last = None
    size = 0
    for day, count in days:
        if first is not None and last is not None and (size + count > CHUNK or (day - last).days > _GAP):
            yield first, last
            first, size = None, 0
        first, last, size = first or day, day, size + count
    if first is not None and last is not None:
        yield first, last


def _compute(
    con: duckdb.DuckDBPyConnection, sliced: Sliced, first_on: dt.date, last_on: dt.date, *, whole_days: bool
) -> int:
    """Replace the rows of the touched series and days of a span; `whole_days`: of every series."""
    columns = ", ".join(quoted(c) for c in sliced.table.declared())
    key = ", ".join((*sliced.series, sliced.day))
    span = {"first_on": first_on, "last_on": last_on, "method_version": sliced.method_version}
    of_touched = f"AND ({key}) IN (SELECT ({key}) FROM _touched WHERE {sliced.day} BETWEEN $first_on AND $last_on)"
    con.execute(
        f"DELETE FROM {sliced.table.full_name} WHERE method_version = $method_version AND {sliced.day} BETWEEN $first_on AND $last_on "
        f"{'' if whole_days else of_touched}",
        span,
    ).fetchall()
    return con.execute(
        f"INSERT INTO {sliced.table.full_name} ({columns}) SELECT {columns} FROM ({sliced.sql()})", span
    ).fetchall()[0][0]
