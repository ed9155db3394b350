"""Proof that two warehouses hold the same: rows and hashes of every table, and answers on both clocks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import duckdb

from warehouse.instants import instant_of
from warehouse.quoting import quoted
from warehouse.schema import Catalog
from warehouse.store.copying import tables_of

#: Instants asked on each clock: quantiles of what the logs hold, and one after everything.
_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Print:
    """Rows of a table or an answer, and two hashes over them that do not depend on their order."""

    rows: int
    exclusive_or: int | None
    total: int | None

    def __str__(self) -> str:
        """As shown to people."""
        return f"{self.rows:,} rows, hash {((self.exclusive_or or 0) ^ (self.total or 0)) & 0xFFFFFFFFFFFFFFFF:016x}"


@dataclass(slots=True)
class Comparison:
    """What was compared and what differs."""

    table_count: int = 0
    answer_count: int = 0
    row_count: int = 0
    differences: list[str] = field(default_factory=list)


def fingerprint(con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]) -> Print:
    """Rows and hashes of a relation; every column counts, the order of rows does not."""
    row = ", ".join(quoted(c) for c in columns)
    found = con.execute(
        f"SELECT count(*), bit_xor(hash({row})), sum(hash({row})::HUGEINT)::VARCHAR FROM {relation}"
    ).fetchall()[0]
    return Print(found[0], found[1], int(found[2]) if found[2] else None)


def columns_of(con: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    """Names of the columns, in order of name: an older table may have them in another order."""
    return sorted(r[0] for r in con.execute(f"DESCRIBE FROM {relation}").fetchall())


def _database(con: duckdb.DuckDBPyConnection) -> str:
    return con.execute("SELECT current_database()").fetchall()[0][0]


def instants(con: duckdb.DuckDBPyConnection, log_name: str) -> list[tuple[dt.datetime, dt.datetime]]:
    """Pairs (valid, known) spread over a log; none where it is empty."""
    pairs = []
    for clock in ("valid_from", "recorded_at"):
        found = con.execute(
            f"SELECT epoch_us(unnest(quantile_disc({clock}, {list(_QUANTILES)}))) FROM {log_name}"
        ).fetchall()
        pairs.append([instant_of(us) for (us,) in found if us is not None])
    valid, known = pairs
    if not valid:
        return []
    return [
        (v, k) for v in dict.fromkeys([*valid, dt.datetime(2100, 1, 1, tzinfo=dt.UTC)]) for k in dict.fromkeys(known)
    ]


def answers(catalog: Catalog, of: duckdb.DuckDBPyConnection) -> Iterable[tuple[str, str]]:
    """(name, FROM clause) of every question on the clocks that both warehouses are asked."""
    for subject in catalog.subjects:
        yield f"observed.{subject.name}", f"observed.{subject.name}"
        for valid, known in instants(of, subject.log_name):
            name = f"{subject.name}_as_of({valid.isoformat()}, known_at := {known.isoformat()})"
            yield (
                name,
                f"{subject.name}_as_of(TIMESTAMPTZ '{valid.isoformat()}', known_at := TIMESTAMPTZ '{known.isoformat()}')",
            )


def compare(first: duckdb.DuckDBPyConnection, second: duckdb.DuckDBPyConnection, catalog: Catalog) -> Comparison:
    """Every table and every answer of `first` against `second`."""
    result = Comparison()
    names, others = tables_of(first, _database(first)), tables_of(second, _database(second))
    result.differences += [f"{name} is on one side only" for name in sorted(set(names) ^ set(others))]

    def one(name: str, relation: str) -> Print | None:
        columns, other = columns_of(first, relation), columns_of(second, relation)
        if columns != other:
            result.differences.append(f"{name}: other columns: {sorted(set(columns) ^ set(other))}")
            return None
        left, right = fingerprint(first, relation, columns), fingerprint(second, relation, columns)
        if left != right:
            result.differences.append(f"{name}: {left} here, {right} there")
        return left

    for name in sorted(set(names) & set(others)):
        if seen := one(name, name):
            result.table_count, result.row_count = result.table_count + 1, result.row_count + seen.rows
    for name, relation in answers(catalog, first):
        if one(name, relation):
            result.answer_count += 1
    return result
