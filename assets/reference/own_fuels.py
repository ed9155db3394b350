"""What a team knows better of the fuels of a zone: `zone_fuels.csv` in the home folder, laid over `reference.zone_fuel`.

Columns: zone, fuel, source_url (who says so), and from_on, closed_on (days, YYYY-MM-DD), of which one at least is given
in a row; what is left empty stays as it was. So a fuel whose last plant closed is told in one line, and slots without
it are taken from that day on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from assets.reference.home_csv import as_declared, first_line, read_home_csv, refuse_repeated, with_frame
from assets.reference.tables import REFERENCE_TABLES, ReferenceFile, ZoneFuel, read_reference
from warehouse.errors import PetadayError
from warehouse.home import Home

FILE_NAME = "zone_fuels.csv"
_KEY = ["zone", "fuel"]
_DAYS = ["from_on", "closed_on"]
_NEEDED = [*_KEY, "source_url"]


def zone_fuels(home: Home) -> pl.DataFrame:
    """`reference.zone_fuel` with the home's own file laid over it.

    Raises:
        PetadayError: as `with_own_fuels`.
    """
    table = next(t for t in REFERENCE_TABLES if t.columns is ZoneFuel)
    return with_own_fuels(home, [read_reference(table)])[0].frame


def with_own_fuels(home: Home, files: Sequence[ReferenceFile]) -> list[ReferenceFile]:
    """Reference tables with the fuels of the home laid over them; as they are where the home has no such file.

    Raises:
        PetadayError: naming the file, the column or the row, and what is allowed.
    """
    path = home.root / FILE_NAME
    if not path.exists():
        return list(files)
    body = path.read_bytes()
    over = _read(path, body)
    return [
        with_frame(file, _lay_over(path, file, over), body) if file.table.columns is ZoneFuel else file
        for file in files
    ]


def _read(path: Path, body: bytes) -> pl.DataFrame:
    raw = read_home_csv(path, body, _NEEDED, [*_NEEDED, *_DAYS], "which fuel of which zone")
    raw = raw.with_columns(pl.lit(None, pl.String).alias(c) for c in _DAYS if c not in raw.columns)
    read = raw.with_columns(pl.col(_DAYS).str.to_date("%Y-%m-%d", strict=False).name.suffix("_read"))
    for name in _DAYS:
        if line := first_line(read, pl.col(name).is_not_null() & pl.col(f"{name}_read").is_null()):
            raise PetadayError(f"{path}, line {line}: {name} is {raw[name][line - 2]!r}, which is no day (YYYY-MM-DD)")
    refuse_repeated(path, raw, _KEY, "the same fuel of the same zone")
    return read.select(*_NEEDED, *(pl.col(f"{name}_read").alias(name) for name in _DAYS))


def _lay_over(path: Path, file: ReferenceFile, over: pl.DataFrame) -> pl.DataFrame:
    fuels = file.frame
    stated = [*_DAYS, "source_url"]
    joined = fuels.join(over, on=_KEY, how="full", suffix="_over", coalesce=True)
    is_over = pl.col("source_url_over").is_not_null()
    said_here = pl.concat_str("note", pl.lit(f"by {FILE_NAME} of this home"), separator="; ", ignore_nulls=True)
    result = joined.with_columns(
        *(pl.coalesce(f"{name}_over", name).alias(name) for name in stated),
        pl.when(is_over).then(said_here).otherwise("note").alias("note"),
    ).select(fuels.columns)
    return as_declared(path, file.table, result, _KEY)
