"""Times of slots: wall clock times without an offset converted to UTC, and the lengths of slots."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from assets.sources._base import LayoutError
from warehouse.captures import Document

#: Length of a slot, ISO 8601 -> minutes; calendar lengths (P1D, P1M, P1Y) have none.
MINUTES = {"PT5M": 5, "PT15M": 15, "PT30M": 30, "PT1H": 60}


def lengths_of(document: Document, times: pl.Series, allowed: Collection[str] = tuple(MINUTES)) -> pl.DataFrame:
    """The length of every slot of a series, which is the distance to the next slot.

    The length may change once within an answer (hours until some day, quarter-hours since). A single longer step is a
    gap, not a longer slot, and so are longer steps for a while.

    Args:
        document: what the times were read from.
        times: starts of slots in any order; duplicates and nulls are ignored.
        allowed: lengths that the source may have.

    Returns:
        Columns valid_from (each time once, in order) and resolution.

    Raises:
        LayoutError: if a length is not allowed or cannot be determined (a single slot, slots that overlap).
    """
    slots = times.drop_nulls().unique().sort().alias("valid_from").to_frame()
    step = pl.col("valid_from").diff().shift(-1).dt.total_seconds() / 60
    # Of the last slot no end is known: as long as the one before it, unless a gap lies between the two.
    slots = slots.with_columns(step.fill_null(step.drop_nulls().tail(2).min()).alias("step"))
    same = (pl.col("step") == pl.col("step").shift(1)) | (pl.col("step") == pl.col("step").shift(-1))
    lasts = same.fill_null(value=False) | (pl.len() == 2)
    lasting = pl.when(lasts).then("step").forward_fill().backward_fill()
    slots = slots.with_columns(lasting.fill_null(pl.col("step").min()).alias("minutes")).with_columns(
        (pl.col("minutes") != pl.col("minutes").shift(1)).fill_null(value=False).alias("is_change")
    )
    names = {MINUTES[name]: name for name in allowed}
    found = slots["minutes"].unique().sort().to_list()
    if slots.height < 2:
        raise LayoutError(f"{document.url}: {slots.height} slot: the length of a slot cannot be determined")
    if slots["is_change"].sum() > 1:
        usual = slots["minutes"].mode().min()
        if (slots["step"] < usual).any():
            raise LayoutError(
                f"{document.url}: the length of a slot cannot be determined: slots begin "
                f"{', '.join(f'{m:g}' for m in found)} minutes apart in turn"
            )
        slots, found = slots.with_columns(pl.lit(usual).alias("minutes")), [usual]
    if odd := [m for m in found if m not in names]:
        raise LayoutError(
            f"{document.url}: slots of {', '.join(f'{m:g}' for m in odd)} minutes, expected "
            f"{', '.join(str(m) for m in names)}"
        )
    return slots.select(
        "valid_from", pl.col("minutes").replace_strict(names, return_dtype=pl.String).alias("resolution")
    )


def length_of(document: Document, times: pl.Series, allowed: Collection[str] = tuple(MINUTES)) -> str:
    """The common length of all slots of a series (see `lengths_of`).

    Raises:
        LayoutError: as `lengths_of`; also if the length changes.
    """
    found = lengths_of(document, times, allowed)["resolution"].unique().sort().to_list()
    if len(found) > 1:
        raise LayoutError(f"{document.url}: slots of {' and '.join(found)} in one file: load them as separate files")
    return found[0]


def placed(frame: pl.DataFrame, local: str, clock: str) -> pl.DataFrame:
    """Rows with `valid_from` (UTC), and with `why` where a local time cannot be converted.

    On the day clocks go back, an hour occurs twice: of two rows with one local time the first is summer time, the
    second standard time; a single row is ambiguous. On the day clocks go forward, an hour does not exist. If the rows
    are in no order of time, neither ascending nor descending, the repeated hour is ambiguous too.

    Args:
        frame: rows in the publisher's order.
        local: its column with naive local times; null is a time that could not be read.
        clock: IANA name of the time zone.
    """
    early, late = (
        pl.col(local).dt.replace_time_zone(clock, ambiguous=which, non_existent="null").dt.convert_time_zone("UTC")
        for which in ("earliest", "latest")
    )
    steps = frame[local].drop_nulls().diff().drop_nulls().dt.total_microseconds()
    is_downward = bool((steps < 0).sum() > (steps > 0).sum())
    is_twice, is_first = pl.col(local).is_duplicated(), pl.col(local).is_first_distinct()
    is_ambiguous = early != late
    valid_from = pl.when(is_first.xor(pl.lit(is_downward))).then(early).otherwise(late)
    onward = frame.select(valid_from.alias("at"))["at"].drop_nulls().diff().drop_nulls().dt.total_microseconds()
    is_in_order = bool((onward <= 0).all() if is_downward else (onward >= 0).all())
    why = (
        pl.when(pl.col(local).is_null())
        .then(pl.lit("the time cannot be read"))
        .when(early.is_null())
        .then(pl.lit("this clock time does not exist on this day (clocks go forward)"))
        .when(is_ambiguous & ~is_twice)
        .then(pl.lit("this clock time occurs twice on this day, the file has it once: which one?"))
        .when(is_ambiguous & pl.lit(not is_in_order))
        .then(pl.lit("this clock time occurs twice on this day, and the rows are not in order of time: which one?"))
        .when(~is_ambiguous & ~is_first)
        .then(pl.lit("a second row for the same time"))
    )
    return frame.with_columns(valid_from.alias("valid_from"), why.alias("why"))
