"""What a team knows better of cloud regions: `regions.csv` in the home folder, laid over `reference.region`.

Columns: provider, region, source_url (who says so), and any other columns of `reference.region`; an empty cell leaves
the value unchanged. A region that is not in `reference.region` (such as your own data centre) is added. Overridden
values are kept as claims, so that `observed.disagreement` shows both.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from assets.reference.home_csv import as_declared, first_line, read_home_csv, refuse_repeated, with_frame
from assets.reference.tables import ReferenceFile, Region, RegionClaim
from warehouse.errors import PetadayError
from warehouse.home import Home

FILE_NAME = "regions.csv"
_KEY = ["provider", "region"]
_NEEDED = [*_KEY, "source_url"]
#: Columns that cannot be overridden: they describe the claim itself.
_ABOUT = ("zone_claimed_by", "note", "checked_on", "source_url")
#: Columns whose former value is kept as a claim.
_CLAIMED = ("grid_zone", "pue", "latitude", "longitude")


def with_own_regions(home: Home, files: Sequence[ReferenceFile]) -> list[ReferenceFile]:
    """Reference tables with the overrides of the home; unchanged if it has no such file.

    Raises:
        PetadayError: naming the file, the column or the row, and what is allowed.
    """
    path = home.root / FILE_NAME
    if not path.exists():
        return list(files)
    body = path.read_bytes()
    over = _read(path, body)
    regions = next(f for f in files if f.table.columns is Region)
    laid = _lay_over(path, regions, over)
    former = _former_claims(regions.frame, over)
    changed = {
        Region: laid,
        RegionClaim: pl.concat([next(f.frame for f in files if f.table.columns is RegionClaim), former]),
    }
    return [with_frame(f, changed[f.table.columns], body) if f.table.columns in changed else f for f in files]


def _read(path: Path, body: bytes) -> pl.DataFrame:
    declared = {n: c for n, c in Region.columns().items() if n not in _ABOUT or n == "source_url"}
    raw = read_home_csv(path, body, _NEEDED, declared, "which region").with_columns(
        pl.col("provider").str.to_lowercase()
    )
    for name in raw.columns:
        is_wrong = pl.col(name).is_not_null() & pl.col(name).cast(pl.Float64, strict=False).is_null()
        if declared[name].dtype == pl.Float64 and (line := first_line(raw, is_wrong)):
            raise PetadayError(f"{path}, line {line}: {name} is {raw[name][line - 2]!r}, which is no number")
    refuse_repeated(path, raw, _KEY, "the same region")
    return raw.select(pl.col(n).cast(declared[n].dtype) for n in raw.columns)


def _lay_over(path: Path, file: ReferenceFile, over: pl.DataFrame) -> pl.DataFrame:
    regions = file.frame
    stated = [c for c in over.columns if c not in _NEEDED]
    joined = regions.join(
        over.with_columns(pl.lit(value=True).alias("_is_over")), on=_KEY, how="full", suffix="_over", coalesce=True
    )
    is_over = pl.col("_is_over").fill_null(value=False)
    names = [pl.when(pl.col(f"{c}_over").is_not_null()).then(pl.lit(c)) for c in stated]
    overridden = pl.concat_list(names).list.drop_nulls().list.join(", ") if names else pl.lit("")
    remark = pl.format(f"by {FILE_NAME} of this home: {{}} ({{}})", overridden, "source_url_over")
    changed = {c: pl.coalesce(f"{c}_over", c) for c in stated} | {
        "source_url": pl.coalesce("source_url", "source_url_over"),
        "note": pl.when(is_over)
        .then(pl.concat_str("note", remark, separator="; ", ignore_nulls=True))
        .otherwise("note"),
    }
    if "grid_zone" in stated:
        is_zone_over = is_over & pl.col("grid_zone_over").is_not_null()
        changed["zone_claimed_by"] = pl.when(is_zone_over).then(pl.lit(FILE_NAME)).otherwise("zone_claimed_by")
    if "pue" in stated and "pue_source_url" not in stated:
        is_pue_over = pl.col("pue_over").is_not_null()
        changed["pue_source_url"] = pl.when(is_pue_over).then("source_url_over").otherwise("pue_source_url")
    result = joined.with_columns(**changed).select(regions.columns)
    return as_declared(path, file.table, result, _KEY)


def _former_claims(regions: pl.DataFrame, over: pl.DataFrame) -> pl.DataFrame:
    """What `reference.region` said where it was overridden, as claims."""
    parts = [
        regions.join(over.select(*_KEY, pl.col(name).alias("_over")), on=_KEY)
        .filter(pl.col(name).is_not_null() & pl.col("_over").is_not_null() & (pl.col(name) != pl.col("_over")))
        .select(
            *_KEY,
            pl.lit(name).alias("attribute"),
            pl.lit(None, pl.Float64).alias("year"),
            pl.col(name).cast(pl.String).alias("value"),
            pl.lit(None, pl.String).alias("unit"),
            pl.coalesce("zone_claimed_by", pl.lit("Petaday")).alias("claimed_by")
            if name == "grid_zone"
            else pl.lit("Petaday").alias("claimed_by"),
            "source_url",
            "checked_on",
            pl.lit(None, pl.String).alias("source_id"),
            pl.lit(None, pl.Date).alias("stated_on"),
        )
        for name in _CLAIMED
        if name in over.columns
    ]
    schema = RegionClaim.create_empty().schema
    return pl.concat([pl.DataFrame(schema=schema), *(p.select(list(schema)).cast(schema) for p in parts)])
