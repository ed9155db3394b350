"""From a generation mix to a carbon intensity, for publishers that print megawatts and no grams.

intensity = sum over fuels of generation x factor / sum over fuels of generation, once with direct and once with
lifecycle factors (`assets/reference/emission_factor.csv`, cited per row). What this is not: imports are ignored (it is
the intensity of what was generated in the zone, not of what was used there), so are losses and heat; factors are world
medians, not those of the plants. Rows are therefore of the kind `estimated`.

- Storage is left out both ways: what a battery gives back was generated, and counted, when it was charged.
- Generation below zero (station use at night) counts as none; where it is more than `MAX_NEGATIVE_SHARE` of a zone's generation
  in a batch it is no station use but a turned sign, and its slots are refused. (Water may pump: a plant that does is often
  reported under hydro.)
- What has no factor (other, unknown, waste) is left out above and below the line; if it is more than
  `MAX_UNKNOWN_SHARE` of a slot, the slot is refused.
- A cell in which something is written that is no number ("8,000", "n/a") is neither zero nor absent: its slot is refused.
- A kind that generates out of all proportion in a slot, to itself and to its zone (natural gas of Northern California at 3.3 million
  MWh in two hours of July 2019, at 1,400 in the others), is a slip of the publisher: the slot is refused, and says nothing of others.
- A kind of generation that is stated twice for a slot, differently (an old and a revised row), refuses it: which one holds?
- Slots that overlap, or of which none touches the next, are not of the length that the source takes them to have.
- A slot in which a fuel is missing that usually matters in its zone is refused: a late fuel is not zero. So is one in which
  such a fuel is printed as 0 and hardly anything is generated (PJM without coal and nuclear power for some hours of
  October 2022): a hole filled with zeros.
- A fuel that is missing from a whole answer cannot be seen here, where no earlier answer is known. Each slot says which fuels it was
  made of, and which of them mattered on its day: `assets.observed.zone_fuel` remembers, and refuses.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

import polars as pl

from assets.sources._base import refused
from assets.sources._clock import MINUTES

FACTORS_FILE = Path(__file__).parents[1] / "reference" / "emission_factor.csv"
ZONE_FUELS_FILE = FACTORS_FILE.with_name("zone_fuel.csv")
MAX_UNKNOWN_SHARE = 0.10
#: A fuel with this share of a zone's generation in a batch must be there in every slot.
EXPECTED_SHARE = 0.02
#: A fuel with this share of a day's generation in a zone matters there: later answers must state it, be it as 0.
REMEMBERED_SHARE = 0.05
#: Columns of what `intensities` gives, beside those of the subject: fuels with a factor that are stated for the slot, and those of
#: them that mattered on its day (UTC); both in order of their names, with a blank between.
MADE_OF = ("fuels", "main_fuels")
#: Below this share of the zone's usual generation (median of a batch) a slot with an expected fuel at 0 is a hole.
HOLE_SHARE = 0.10
#: Generation below zero of one kind, as a share of all that its zone generates in a batch: more is a turned sign.
MAX_NEGATIVE_SHARE = 0.05
#: So many slots of a zone or more say how long one is, and how much is usual.
_SLOTS_THAT_TELL = 12
#: A kind at so many times its usual generation (median of the slots in which it generates) ...
SPIKE_OF_KIND = 20
#: ... and at so many times what its zone generates in four slots of five has not generated that.
SPIKE_OF_ZONE = 5

#: Fuels that are no generation of the zone.
IGNORED = ("storage", "imports")
UNKNOWN = "unknown"


@cache
def factors() -> pl.DataFrame:
    """Fuel, direct and lifecycle, gCO2e/kWh; one row per fuel that has both."""
    return (
        pl.read_csv(FACTORS_FILE)
        .pivot("basis_boundary", index="fuel", values="gco2e_per_kwh")
        .drop_nulls()
        .select("fuel", pl.col("direct", "lifecycle").cast(pl.Float64))
    )


@cache
def _closures() -> pl.DataFrame:
    """Zone, fuel and the start of the first day (UTC) without it: what is absent from then on is not missing."""
    day = pl.col("closed_on").str.to_datetime("%Y-%m-%d", time_unit="us", time_zone="UTC")
    return pl.read_csv(ZONE_FUELS_FILE, infer_schema=False).select("zone", "fuel", day.alias("closed_at")).drop_nulls()


def intensities(
    mix: pl.DataFrame,
    *,
    resolution: str,
    max_unknown_share: float = MAX_UNKNOWN_SHARE,
    kind: str = "fuel",
    never_silent: Collection[str] = (),
    always: Sequence[str] = (),
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Grid carbon of a mix.

    Args:
        mix: columns zone, valid_from, fuel, generation (MW or MWh: only shares matter); null is "not reported", NaN is
            something that cannot be read.
        resolution: length of a slot, ISO 8601.
        max_unknown_share: above this share of generation without a factor a slot is refused.
        kind: column with the publisher's own kinds of generation, where several make one fuel (solar on roofs and in
            parks): a kind that usually matters must be there too, and none is stated twice for a slot.
        never_silent: fuels that a publisher lists where a zone has them: one that is null from first to last was not reported,
            and is no fuel without plants. (Of others a list may name every fuel of the world.)
        always: kinds that the publisher states in every slot, be it as 0: an answer without one is no answer.

    Returns:
        (rows in the columns of `grid_carbon` with valid_from, two per slot, and `MADE_OF`; refused slots).
    """
    slot = ["zone", "valid_from"]
    known = factors()
    counted = ~pl.col("fuel").is_in(IGNORED)

    def kinds(rows: pl.DataFrame, name: str) -> pl.DataFrame:
        """The kinds of generation of some rows, as one text for each slot in the column `name`."""
        return rows.group_by(slot).agg(pl.col(kind).unique().sort().str.join(", ").alias(name))

    unreadable = kinds(mix.filter(counted & pl.col("generation").is_nan()), "unreadable")
    mix = mix.with_columns(pl.col("generation").fill_nan(None))
    limit = _limits(mix.filter(counted), kind)
    mix = mix.join(limit, on=["zone", kind], how="left", maintain_order="left")
    is_spike = (counted & (pl.col("generation") > pl.col("limit"))).fill_null(value=False)
    spike = kinds(mix.filter(is_spike), "spike")
    mix = mix.with_columns(pl.when(~is_spike).then("generation").alias("generation")).drop("limit")
    # Rows that are alike come twice from pages that overlap.
    stated = mix.filter(counted).unique([*slot, kind, "fuel", "generation"], maintain_order=True)
    if kind != "fuel":
        mix = pl.concat([stated, mix.filter(~counted)])
    twice = kinds(stated.filter(pl.struct(*slot, kind).is_duplicated() & pl.lit(kind != "fuel")), "twice")
    turned = _turned(mix.filter(counted), kind)
    negative = kinds(mix.filter(pl.col("generation") < 0).join(turned, on=["zone", kind]), "negative")
    rows = (
        mix.filter(counted & pl.col("generation").is_not_null())
        .with_columns(pl.col("generation").clip(lower_bound=0))
        .join(known, on="fuel", how="left")
    )
    expected = _expected(mix, rows, kind, never_silent, always)
    slots = mix.select(slot).unique(maintain_order=True)
    absent = kinds(
        _without_closed(slots.join(expected, on="zone"), mix, kind).join(rows, on=[*slot, kind], how="anti"), "absent"
    )
    by_kind = rows.group_by(*slot, kind).agg(pl.col("generation").sum())
    zero = kinds(by_kind.filter(pl.col("generation") == 0).join(expected, on=["zone", kind]), "zero")
    has_factor = pl.col("direct").is_not_null()
    summed = rows.group_by(slot).agg(
        pl.col("generation").sum().alias("total"),
        pl.col("generation").filter(has_factor).sum().alias("known"),
        *((pl.col("generation") * pl.col(b)).filter(has_factor).sum().alias(b) for b in ("direct", "lifecycle")),
    )
    for found in (summed, absent, zero, unreadable, twice, negative, spike):
        slots = slots.join(found, on=slot, how="left")
    slots = slots.sort(slot)
    slots = slots.with_columns(_why(resolution, max_unknown_share).alias("why"))
    good = slots.filter(pl.col("why").is_null()).join(_made_of(rows), on=slot, how="left")
    bad = slots.filter(pl.col("why").is_not_null())
    return _grid_carbon(good, resolution), refused(
        bad.select("zone", "valid_from", "total", "known", "why"), pl.col("why")
    )


def _why(resolution: str, max_unknown_share: float) -> pl.Expr:
    """Why a slot is refused, null where it is not, in a frame of slots (see `intensities`) in order of zone and time."""
    before, after = (pl.col("valid_from").diff(n).over("zone").dt.total_seconds().abs() / 60 for n in (1, -1))
    length = MINUTES[resolution]
    nearest = pl.min_horizontal(before, after)
    is_apart = (nearest.min().over("zone") > length) & (pl.len().over("zone") >= _SLOTS_THAT_TELL)
    usual = pl.col("total").median().over("zone")
    unknown_share = 1 - pl.col("known") / pl.col("total")
    return (
        pl.when(pl.col("unreadable").is_not_null())
        .then(pl.format("generation of {} is no number", "unreadable"))
        .when(pl.col("spike").is_not_null())
        .then(pl.format("generation of {} is out of all proportion to the other slots: a slip", "spike"))
        .when(pl.col("twice").is_not_null())
        .then(pl.format("generation of {} is stated twice, differently", "twice"))
        .when((nearest < length) | is_apart)
        .then(
            pl.format(
                "its neighbour begins {} minutes away: the slots are not of {} minutes",
                nearest.round(1),
                pl.lit(length),
            )
        )
        .when(pl.col("negative").is_not_null())
        .then(pl.format("generation of {} is far below zero: no station use, a turned sign", "negative"))
        .when(pl.col("total").is_null() | (pl.col("total") <= 0))
        .then(pl.lit("no generation is reported"))
        .when(unknown_share > max_unknown_share)
        .then(
            pl.format(
                "{}% of the generation has no emission factor (allowed {}%)",
                (unknown_share * 100).round(1),
                pl.lit(round(max_unknown_share * 100)),
            )
        )
        .when(pl.col("absent").is_not_null())
        .then(pl.format("generation of {} is missing, it is not zero", "absent"))
        .when(pl.col("zero").is_not_null() & (pl.col("total") < HOLE_SHARE * usual))
        .then(
            pl.format(
                "{}% of the usual generation, none of {}: a hole filled with zeros",
                (100 * pl.col("total") / usual).round(1),
                "zero",
            )
        )
    )


def _grid_carbon(slots: pl.DataFrame, resolution: str) -> pl.DataFrame:
    """Rows of `grid_carbon`, one per basis: grams over the generation whose factor is known."""
    return slots.unpivot(
        ["direct", "lifecycle"],
        index=["zone", "valid_from", "known", *MADE_OF],
        variable_name="basis_boundary",
        value_name="grams",
    ).select(
        "zone",
        pl.lit(resolution).alias("resolution"),
        pl.lit("average").alias("basis_method"),
        "basis_boundary",
        pl.lit("location").alias("basis_accounting"),
        pl.lit("estimated").alias("basis_kind"),
        (pl.col("grams") / pl.col("known")).round(3).alias("intensity_gco2e_per_kwh"),
        "valid_from",
        *MADE_OF,
    )


def _made_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Columns zone, valid_from and `MADE_OF`, from generation by slot and fuel, with factors."""
    slot, day = ["zone", "valid_from"], pl.col("valid_from").dt.date()
    by_fuel = (
        rows.filter(pl.col("direct").is_not_null())
        .group_by(*slot, "fuel")
        .agg(pl.col("generation").sum())
        .with_columns(
            (
                pl.col("generation").sum().over("zone", "fuel", day)
                >= REMEMBERED_SHARE * pl.col("generation").sum().over("zone", day)
            ).alias("is_main")
        )
    )
    fuel = pl.col("fuel")
    return by_fuel.group_by(slot).agg(
        fuel.sort().str.join(" ").alias("fuels"), fuel.filter("is_main").sort().str.join(" ").alias("main_fuels")
    )


def _without_closed(expected: pl.DataFrame, mix: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Kinds that are expected in each slot, without those of fuels that had closed by then."""
    fuel_of = mix.select("zone", kind, pl.col("fuel").alias("_fuel")).unique()
    found = expected.join(fuel_of, on=["zone", kind], how="left").join(
        _closures(), left_on=["zone", "_fuel"], right_on=["zone", "fuel"], how="left"
    )
    return found.filter((pl.col("valid_from") < pl.col("closed_at")).fill_null(value=True)).select(*expected.columns)


def _turned(mix: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Kinds whose generation below zero is too much of their zone's for station use: columns zone and `kind`."""
    return (
        mix.filter(pl.col("fuel") != "hydro")
        .with_columns(pl.col("generation").clip(lower_bound=0).sum().over("zone").alias("zone_total"))
        .group_by("zone", kind)
        .agg(-pl.col("generation").clip(upper_bound=0).sum().alias("below"), pl.col("zone_total").first())
        .filter((pl.col("below") > MAX_NEGATIVE_SHARE * pl.col("zone_total")) & (pl.col("zone_total") > 0))
        .select("zone", kind)
    )


def _limits(mix: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Generation above which a kind in a zone has not generated that: columns zone, `kind` and limit; none where few slots tell."""
    positive = mix.filter(pl.col("generation") > 0)
    of_zone = (
        positive.group_by("zone", "valid_from")
        .agg(pl.col("generation").sum())
        .group_by("zone")
        .agg(pl.col("generation").quantile(0.8).alias("usual"), pl.len().alias("slots"))
        .filter(pl.col("slots") >= _SLOTS_THAT_TELL)
    )
    return (
        positive.group_by("zone", kind)
        .agg(pl.col("generation").median())
        .join(of_zone, on="zone")
        .select(
            "zone",
            kind,
            pl.max_horizontal(SPIKE_OF_KIND * pl.col("generation"), SPIKE_OF_ZONE * pl.col("usual")).alias("limit"),
        )
    )


def _expected(
    mix: pl.DataFrame, rows: pl.DataFrame, kind: str, never_silent: Collection[str], always: Sequence[str]
) -> pl.DataFrame:
    """Kinds that every slot of a zone must have: columns zone and `kind`.

    They are those that matter there by what was reported (`rows`, with factors), those that must not be null from first to
    last, and those that the publisher always states.
    """
    share = pl.col("generation").sum().over("zone", kind) / pl.col("generation").sum().over("zone")
    usual = rows.filter(pl.col("direct").is_not_null()).filter(share >= EXPECTED_SHARE)
    silent = (
        mix.filter(pl.col("fuel").is_in(list(never_silent)))
        .group_by("zone", kind)
        .agg(pl.col("generation").is_null().all().alias("is_silent"))
        .filter("is_silent")
    )
    stated = mix.select("zone").unique().join(pl.DataFrame({kind: always}, schema={kind: pl.String}), how="cross")
    return pl.concat([usual.select("zone", kind), silent.select("zone", kind), stated]).unique()
