"""CSV files in the home folder that are laid over reference tables: how they are read, and refused, alike."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from assets.reference.tables import ReferenceFile
from warehouse.errors import PetadayError
from warehouse.tables import Table


def read_home_csv(
    path: Path, body: bytes, needed: Sequence[str], allowed: Collection[str], what_is_needed: str
) -> pl.DataFrame:
    """The rows as text: blanks around a value are taken away, and an empty one is null.

    Args:
        path: of the file, for errors.
        body: its bytes.
        needed: columns that must be there, and filled in every row.
        allowed: all columns that may be there, in the order in which an error lists them.
        what_is_needed: what a row with an empty needed column is asked to say.

    Raises:
        PetadayError: naming the file, the column or the line, and what is allowed.
    """
    try:
        raw = pl.read_csv(body, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as e:
        raise PetadayError(f"{path}: not a readable CSV file: {str(e).splitlines()[0][:200]}") from None
    if missing := [c for c in needed if c not in raw.columns]:
        raise PetadayError(f"{path}: column {', '.join(missing)} is missing; needed are {', '.join(needed)}")
    if unknown := [c for c in raw.columns if c not in allowed]:
        raise PetadayError(f"{path}: unknown column {', '.join(unknown)}; allowed are {', '.join(allowed)}")
    rows = raw.with_columns(pl.all().str.strip_chars().replace("", None))
    for name in needed:
        if line := first_line(rows, pl.col(name).is_null()):
            raise PetadayError(f"{path}, line {line}: {name} is empty; say {what_is_needed}, and who says so")
    return rows


def first_line(rows: pl.DataFrame, wrong: pl.Expr) -> int | None:
    """Number of the first line of the file that is wrong, where the header is line 1."""
    found = rows.with_row_index("_line", offset=2).filter(wrong)["_line"]
    return None if found.is_empty() else int(found[0])


def refuse_repeated(path: Path, rows: pl.DataFrame, key: Sequence[str], thing: str) -> None:
    """Raise PetadayError where two rows state one thing."""
    if repeated := rows.filter(rows.select(key).is_duplicated()).height:
        raise PetadayError(f"{path}: {repeated} rows state {thing}; keep one")


def as_declared(path: Path, table: Table, rows: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """The rows of a reference table with the file laid over it, in order of their key; PetadayError where one breaks a declared bound."""
    good, failure = table.columns.filter(rows)
    if len(failure):
        wrong = failure.invalid().row(0, named=True)
        thing = " ".join(str(wrong[name]) for name in key)
        raise PetadayError(
            f"{path}: {thing}: {', '.join(failure.counts())} does not hold; see {table.full_name} in docs/tables.md"
        )
    return good.sort(key)


def with_frame(file: ReferenceFile, frame: pl.DataFrame, body: bytes) -> ReferenceFile:
    """A reference table with other rows; its hash also tells which file of the home they come from."""
    stamp = hashlib.sha256(body).hexdigest()
    return replace(file, frame=frame, sha256=hashlib.sha256((file.sha256 + stamp).encode()).hexdigest())
