"""From a published number to the raw bytes it came from, for `petaday explain`. The walk itself is the macro `passport`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from warehouse.capture_store import BytesState, CaptureStore
from warehouse.connection import read_published
from warehouse.errors import PetadayError
from warehouse.home import Home
from warehouse.quoting import literal

#: The table of `petaday explain` if none is named: the factors of the estimates of every kind.
DEFAULT_TABLE = "estimated.factor"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a walk, in the columns of the macro `passport`; `bytes_state` is the result of hashing the stored bytes."""

    row_key: str
    step: int
    part: str
    said_in: str
    said_of: str
    value: float | None
    unit: str | None
    meaning: str | None
    source_url: str | None
    capture_id: str | None
    sha256: str | None
    url: str | None
    fetched_at: str | None
    licence: str | None
    path: str | None
    bytes_state: BytesState | None = None


@dataclass(frozen=True, slots=True)
class Walks:
    """The walks of the first rows that match, and the number of rows that match."""

    steps: list[Step]
    row_count: int
    shown_count: int


def walk(con: duckdb.DuckDBPyConnection, table: str, row_key: str = "", most_rows: int | None = None) -> Walks:
    """The walks of the rows of `table` whose key begins with `row_key`, in order of keys, for at most `most_rows` rows."""
    found = con.execute(
        "WITH numbered AS (SELECT * REPLACE (strftime(fetched_at, '%Y-%m-%dT%H:%M:%SZ') AS fetched_at), "
        f"dense_rank() OVER (ORDER BY row_key) AS nth FROM passport({literal(table)}, {literal(row_key)})), "
        "counted AS (SELECT *, max(nth) OVER () AS row_count FROM numbered) "
        "FROM counted WHERE $most IS NULL OR nth <= $most ORDER BY row_key, step, said_of",
        {"most": most_rows},
    ).fetchall()
    steps = [Step(*row[:-2]) for row in found]
    return Walks(steps, found[0][-1] if found else 0, len({s.row_key for s in steps}))


def state_of(home: Home, step: Step) -> BytesState:
    """State of the stored bytes of a step that ends at a capture."""
    assert step.path and step.sha256 and step.value is not None, "a capture has a path, a hash and a size in bytes"
    return CaptureStore(home).state_of(step.path, step.sha256, int(step.value))


def split_name(words: Sequence[str]) -> tuple[str, str]:
    """Table and row key from the words of the command line; the table may be omitted for estimates."""
    schemas = ("estimated.", "observed.", "reference.")
    if words and words[0].startswith(schemas):
        return words[0], "/".join(words[1:])
    return DEFAULT_TABLE, "/".join(words)


def explain(home: Home, words: Sequence[str], most_rows: int | None = None) -> Walks:
    """The walks of the published rows whose key begins with the given words; captures are compared with their hashes.

    Raises:
        PetadayError: if there is no such row; the message names similar ones.
        duckdb.InvalidInputException: if there is no such table, with a message of the same kind.
    """
    table, key = split_name(words)
    with read_published(home) as con:
        walks = walk(con, table, key, most_rows)
        if not walks.steps:
            raise PetadayError(_not_found(con, table, key))
    found: dict[str | None, BytesState] = {}
    result = []
    for step in walks.steps:
        if step.part == "capture":
            if step.path not in found:
                found[step.path] = state_of(home, step)
            step = replace(step, bytes_state=found[step.path])
        result.append(step)
    return replace(walks, steps=result)


def _not_found(con: duckdb.DuckDBPyConnection, table: str, key: str) -> str:
    found = con.execute(f"SELECT DISTINCT row_key FROM passport({literal(table)}, '') ORDER BY ALL").fetchall()
    keys = [key for (key,) in found]
    if not keys:
        return f"{table} has no row yet"
    names = sorted({k.split("/", maxsplit=1)[0] for k in keys})
    close = difflib.get_close_matches(key.split("/", maxsplit=1)[0], names, n=1, cutoff=0.5)
    near = [k for k in keys if close and k.startswith(f"{close[0]}/")] or keys
    return f"no row of {table} begins with {key!r}; there are {len(keys)}, such as {', '.join(near[:4])}"
