"""Wall-clock times without an offset, placed in UTC by the clock's rules and the order of rows."""

from __future__ import annotations

import polars as pl


def placed(frame: pl.DataFrame, local: str, clock: str) -> pl.DataFrame:
    """Rows with `valid_from` (UTC), and `why` where a time cannot be placed.

    On the day clocks go back an hour occurs twice: the first row of a time is summer time, the second is not; where the
    publisher prints it once, nobody can tell which it is. On the day they go forward an hour does not exist. Rows may go
    up or down in time; where they do neither, an hour that occurs twice cannot be told.

    Args:
        frame: rows in the publisher's order, up or down in time.
        local: its column with naive times; null is a time that could not be read.
        clock: IANA name of the clock.
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
