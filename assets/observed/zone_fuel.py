"""The fuels of each grid zone: a slot that lacks one of them is refused, even if the whole answer lacks it.

Publishers list the fuels of each area and leave out those that it does not have, so an answer that lost the gas of
Texas looks like that of a cleaner grid: a third of the emissions is missing and nothing looks wrong. Only memory
reveals it. The known fuels of a zone are those that had a share that matters in an earlier answer of the same source
(`meta.zone_fuel`, from the first such slot on), and those of `reference.zone_fuel`. A slot that does not state one of
them, if only as 0, is refused with the reason; the other slots of the answer are recorded. What was recorded earlier is
not changed.

If a fuel is really gone because its last plant closed, a person says so: with a row in `reference.zone_fuel`, or in
`zone_fuels.csv` in the home folder, that has the day of closure. From that day on slots without it are accepted; if it
comes back, it is remembered again.

The memory is read and written in the transaction that records the answer, in the order of the journal, so that a
rebuild refuses the same slots.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import duckdb
import polars as pl

from assets.reference.own_fuels import FILE_NAME, zone_fuels
from assets.sources._fuel_mix import MADE_OF
from warehouse.frames import register_stream
from warehouse.home import Home
from warehouse.staging import REJECTED_SCHEMA, Batch, StagedScope

_FUELS, _MAIN = MADE_OF
_INSTANT = pl.Datetime("us", "UTC")
_SEEN = pl.Schema({"zone": pl.String, "fuel": pl.String, "seen_from": _INSTANT})
#: Key of a known fuel; a fuel that came back after its closure is known twice, before and after it.
_KNOWN_BY = ["zone", "fuel", "is_after_closure"]


class ZoneFuels:
    """The memory of fuels by zone; see `warehouse.loading.Memory`."""

    def __init__(self, home: Home) -> None:
        """With the current facts of `reference.zone_fuel` and of the home's own file.

        Raises:
            PetadayError: if the home's own file is wrong.
        """
        facts = zone_fuels(home)
        midnight = pl.col("from_on").cast(_INSTANT).alias("seen_from")
        self._typed = facts.filter(pl.col("from_on").is_not_null()).select("zone", "fuel", midnight)
        self._closures = facts.filter(pl.col("closed_on").is_not_null()).select(
            "zone", "fuel", pl.col("closed_on").cast(_INSTANT).alias("closed_at")
        )

    def sift(
        self, con: duckdb.DuckDBPyConnection, source_id: str, scopes: Sequence[StagedScope]
    ) -> tuple[list[StagedScope], pl.DataFrame]:
        """Scopes without the slots that lack a known fuel, and the rows of those slots with the reason."""
        made_of = pl.concat([scope.made_of for scope in scopes if scope.made_of is not None])
        missing = self._missing(con, source_id, made_of)
        if missing.is_empty():
            return list(scopes), pl.DataFrame(schema=REJECTED_SCHEMA)
        slot, kept, withheld = ["zone", "valid_from"], [], []
        for scope in scopes:
            if scope.made_of is None:
                kept.append(scope)
                continue
            of_mix = missing.join(scope.made_of, on=slot, how="semi")
            # A publisher may also state a figure of its own (RTE), which does not depend on the mix and is kept.
            is_computed = pl.col("basis_kind") != "actual"
            kept.append(replace(scope, frame=_rows_without(scope.frame, of_mix, is_computed)))
            withheld.append(scope.frame.filter(is_computed).join(of_mix, on=slot, maintain_order="left"))
        reason = pl.format(
            "generation of {} is missing from all of {}'s answer, it is not zero; if it closed, say so in {} of the home folder "
            "(zone,fuel,closed_on,source_url)",
            "missing",
            "zone",
            pl.lit(FILE_NAME),
        )
        about = pl.struct(
            "zone", "valid_from", "basis_boundary", "intensity_gco2e_per_kwh", "missing", "fuels", "known"
        )
        rejected = pl.concat(withheld).select(
            "capture_id", reason.alias("reason"), about.struct.json_encode().alias("row_json")
        )
        return kept, rejected

    def _missing(self, con: duckdb.DuckDBPyConnection, source_id: str, made_of: pl.DataFrame) -> pl.DataFrame:
        """Slots that lack a known fuel: columns zone, valid_from, fuels, missing (those fuels), known (since when)."""
        known = self._known(con, source_id).join(made_of.select("zone").unique(), on="zone", how="semi")
        # By distinct lists, since most slots have the same few.
        lists = made_of.select("zone", _FUELS).unique()
        is_stated = pl.col(_FUELS).str.split(" ").list.contains(pl.col("fuel"))
        lacking = lists.join(known, on="zone").filter(~is_stated)
        held = (pl.col("valid_from") >= pl.col("seen_from")) & (
            pl.col("is_after_closure") | (pl.col("valid_from") < pl.col("closed_at")).fill_null(value=True)
        )
        return (
            made_of.join(lacking, on=["zone", _FUELS])
            .filter(held)
            .sort("fuel")
            .group_by("zone", "valid_from", _FUELS)
            .agg(
                pl.col("fuel").unique(maintain_order=True).str.join(", ").alias("missing"),
                pl.format("{} since {}", "fuel", pl.col("seen_from").dt.date()).str.join(", ").alias("known"),
            )
        )

    def learn(self, con: duckdb.DuckDBPyConnection, batch: Batch, recorded_at: dt.datetime) -> None:
        """Remember the fuels that matter in a sifted batch, if they are new or were seen earlier than known."""
        parts = [
            scope.made_of.join(scope.frame, on=["zone", "valid_from"], how="semi")
            for scope in batch.scopes
            if scope.made_of is not None
        ]
        if not parts:
            return
        fuels = (
            pl.concat(parts)
            .select("zone", pl.col(_MAIN).str.split(" ").alias("fuel"), pl.col("valid_from").alias("seen_from"))
            .explode("fuel")
            .filter(pl.col("fuel") != "")
        )
        first, before = self._first(fuels), self._first(self._learnt(con, batch.source_id))
        is_news = (pl.col("seen_from") < pl.col("seen_from_before")).fill_null(value=True)
        news = first.join(before, on=_KNOWN_BY, how="left", suffix="_before").filter(is_news).sort(_KNOWN_BY)
        if news.height:
            register_stream(con, "_news", news.select(_SEEN.names()))
            con.execute(
                "INSERT INTO meta.zone_fuel SELECT ?, zone, fuel, seen_from, ?, ? FROM _news",
                [batch.source_id, batch.batch_id, recorded_at],
            ).fetchall()
            con.unregister("_news")

    def _learnt(self, con: duckdb.DuckDBPyConnection, source_id: str) -> pl.DataFrame:
        rows = con.execute(
            "SELECT zone, fuel, epoch_us(seen_from) FROM meta.zone_fuel WHERE source_id = ?", [source_id]
        ).fetchall()
        return pl.DataFrame(rows, schema={**_SEEN, "seen_from": pl.Int64}, orient="row").cast(dict(_SEEN))

    def _first(self, seen: pl.DataFrame) -> pl.DataFrame:
        """The first instant at which each fuel was seen, before and after its closure: `_KNOWN_BY`, seen_from, closed_at."""
        is_after = (pl.col("seen_from") >= pl.col("closed_at")).fill_null(value=False)
        return (
            seen.join(self._closures, on=["zone", "fuel"], how="left")
            .with_columns(is_after.alias("is_after_closure"))
            .group_by(_KNOWN_BY)
            .agg(pl.col("seen_from").min(), pl.col("closed_at").first())
        )

    def _known(self, con: duckdb.DuckDBPyConnection, source_id: str) -> pl.DataFrame:
        return self._first(pl.concat([self._typed, self._learnt(con, source_id)]))


def _rows_without(frame: pl.DataFrame, slots: pl.DataFrame, is_computed: pl.Expr) -> pl.DataFrame:
    """The rows, in order, without those of the given slots for which `is_computed` is true."""
    marked = frame.join(
        slots.select("zone", "valid_from", pl.lit(value=True).alias("_is_one")),
        on=["zone", "valid_from"],
        how="left",
        maintain_order="left",
    )
    return marked.filter(~(is_computed & pl.col("_is_one").fill_null(value=False))).drop("_is_one")
