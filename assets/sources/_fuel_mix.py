"""From a generation mix to a carbon intensity, for publishers that print megawatts and no grams.

intensity = sum over fuels of generation x factor / sum over fuels of generation, once with direct and once with
lifecycle factors (`assets/reference/emission_factor.csv`, cited per row). Limits: imports are ignored (it is the
intensity of what was generated in the zone, not of what was consumed there), as are losses and heat; factors are world
medians, not those of the plants. The rows are therefore `estimated`.

- Storage is left out both ways: what a battery discharges was counted as generation when it was charged.
- Generation below zero (station use at night) counts as zero; if it is more than `MAX_NEGATIVE_SHARE` of a zone's generation
  in a batch, or of that of its slot, it is not station use but a sign error, and its slots are refused. (Hydro may be
  negative: pumping plants are often reported there.)
- Generation without a factor (other, unknown, waste) is left out of numerator and denominator; if it is more than
  `MAX_UNKNOWN_SHARE` of a slot, the slot is refused. Where the rest is very clean, less of it is too much: a figure is
  not given for a zone if it would be higher by more than `MAX_RAISED_SHARE`, had what has no factor emitted as gas does:
  the direct ones of Belgium in wind (26 g/kWh of a mix with 8.5% without a factor) and of Finland (17 with 2%, of waste
  mostly), while the lifecycle ones stay. It holds for all slots of a zone in an answer: without its cleanest slots alone,
  a mean would be too high.
- A cell that is not a number ("8,000", "n/a") is neither zero nor absent: its slot is refused.
- If a kind's generation in a slot is out of all proportion to its other slots and to its zone (natural gas of Northern
  California at 3.3 million MWh in two hours of July 2019, 1,400 in the others), the slot is refused and ignored for the
  others.
- A slot for which one kind of generation is stated twice with different figures (an old and a revised row) is refused.
- Slots that overlap, or that all leave gaps, do not have the length that the source declares: they are refused.
- A slot that lacks a fuel that usually matters in its zone is refused: a fuel reported late is not zero. So is a slot in
  which such a fuel is 0 and hardly anything is generated (PJM without coal and nuclear power for some hours of October
  2022): a gap filled with zeros. So is one without a fuel that generates before and after, if nothing else stands in for
  it (California's gas at 0 for five minutes would give 0.3 g/kWh instead of 135).
- A fuel that is missing from a whole answer cannot be detected here, since earlier answers are not known. Each row says of
  which fuels it was made and which of them mattered on its day: `assets.observed.zone_fuel` remembers them, and refuses.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

import polars as pl

from assets.sources._base import refused, split_by_fault
from assets.sources._clock import MINUTES
from assets.sources._rows import grid_carbon_rows

FACTORS_FILE = Path(__file__).parents[1] / "reference" / "emission_factor.csv"
ZONE_FUELS_FILE = FACTORS_FILE.with_name("zone_fuel.csv")
MAX_UNKNOWN_SHARE = 0.10
#: A figure is not given if generation without a factor, were it of gas, would raise it by more than this share of it and
#: by more than `MAX_RAISED_GCO2E_PER_KWH`. Factors of the life cycle are less certain anyway.
MAX_RAISED_SHARE = {"direct": 0.3, "lifecycle": 1.0}
MAX_RAISED_GCO2E_PER_KWH = 5.0
BOUNDARIES = tuple(MAX_RAISED_SHARE)
#: A fuel with this share of a zone's generation in a batch must be present in every slot; so must one with this share of
#: its direct emissions, which are all of a few plants where most power is nuclear or hydro.
EXPECTED_SHARE, EXPECTED_EMISSIONS_SHARE = 0.02, 0.05
#: A fuel with this share of a day's generation in a zone matters there: later answers must state it, if only as 0.
REMEMBERED_SHARE = 0.05
#: Columns that `intensities` adds to those of the subject: the fuels with a factor that are stated for the slot, and
#: those of them that mattered on its day (UTC); sorted names, separated by blanks.
MADE_OF = ("fuels", "main_fuels")
#: A slot below this share of the zone's usual generation (median of a batch) with an expected fuel at 0 is a gap.
GAP_SHARE = 0.10
#: Largest negative generation of one kind, as a share of its zone's generation in a batch; more is a sign error.
MAX_NEGATIVE_SHARE = 0.05
#: A kind below this share of what it generates before and after, for no longer than `MAX_HOLE`, is a gap ...
HOLE_SHARE = 0.10
MAX_HOLE = dt.timedelta(hours=3)
#: ... if it has this share of the generation before and after, and the zone generates less by at least this share of it.
MATTERS_SHARE, UNREPLACED_SHARE = 0.05, 0.5
#: The length of a zone's slots and its usual generation are only known if it has at least this many slots.
_SLOTS_THAT_TELL = 12
#: A kind is refused in a slot at this many times its usual generation (median of the slots in which it generates) ...
SPIKE_OF_KIND = 20
#: ... if that is also this many times what its zone generates in four slots of five.
SPIKE_OF_ZONE = 5
_SLOT = ["zone", "valid_from"]

#: Fuels that are not generation of the zone.
IGNORED = ("storage", "imports")
UNKNOWN = "unknown"


@cache
def factors() -> pl.DataFrame:
    """Columns fuel, direct and lifecycle (gCO2e/kWh); one row per fuel that has both factors."""
    return (
        pl.read_csv(FACTORS_FILE.read_bytes())
        .pivot("basis_boundary", index="fuel", values="gco2e_per_kwh")
        .drop_nulls()
        .select("fuel", pl.col("direct", "lifecycle").cast(pl.Float64))
    )


@cache
def _closures() -> pl.DataFrame:
    """Zone, fuel and the start of the first day (UTC) without that fuel; from then on it is not missing."""
    day = pl.col("closed_on").str.to_datetime("%Y-%m-%d", time_unit="us", time_zone="UTC")
    return (
        pl.read_csv(ZONE_FUELS_FILE.read_bytes(), infer_schema=False)
        .select("zone", "fuel", day.alias("closed_at"))
        .drop_nulls()
    )


def intensities(
    mix: pl.DataFrame,
    *,
    resolution: str,
    max_unknown_share: float = MAX_UNKNOWN_SHARE,
    kind: str = "fuel",
    never_silent: Collection[str] = (),
    always: Sequence[str] = (),
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Carbon intensities of a generation mix.

    Args:
        mix: columns zone, valid_from, fuel, generation (MW or MWh: only shares matter); null means "not reported", NaN
            "cannot be read".
        resolution: length of a slot, ISO 8601.
        max_unknown_share: a slot with a larger share of generation without a factor is refused.
        kind: column with the publisher's own kinds of generation, where several make one fuel (rooftop and utility-scale
            solar): a kind that usually matters must be present too, and none may be stated twice for a slot.
        never_silent: fuels that the publisher lists only for zones that have them: if such a fuel is null throughout, it was
            not reported. (Of other fuels a publisher may list every one for every zone.)
        always: kinds that the publisher states in every slot, if only as 0: a slot without one is refused.

    Returns:
        (rows of `grid_carbon` with valid_from, two per slot (one where only one figure is sound), and the columns `MADE_OF`; refused slots).
    """
    counted = ~pl.col("fuel").is_in(IGNORED)
    unreadable = _kinds(mix.filter(counted & pl.col("generation").is_nan()), kind, "unreadable")
    mix = mix.with_columns(pl.col("generation").fill_nan(None))
    limit = _limits(mix.filter(counted), kind)
    mix = mix.join(limit, on=["zone", kind], how="left", maintain_order="left")
    is_spike = (counted & (pl.col("generation") > pl.col("limit"))).fill_null(value=False)
    spike = _kinds(mix.filter(is_spike), kind, "spike")
    mix = mix.with_columns(pl.when(~is_spike).then("generation").alias("generation")).drop("limit")
    # Pages that overlap repeat rows.
    stated = mix.filter(counted).unique([*_SLOT, kind, "fuel", "generation"], maintain_order=True)
    if kind != "fuel":
        mix = pl.concat([stated, mix.filter(~counted)])
    rows = (
        mix.filter(counted & pl.col("generation").is_not_null())
        .with_columns(pl.col("generation").clip(lower_bound=0))
        .join(factors(), on="fuel", how="left")
    )
    slots = mix.select(_SLOT).unique(maintain_order=True)
    expected = _expected(mix, rows, kind, never_silent, always)
    in_slots = _without_closed(slots.join(expected, on="zone"), mix, kind)
    by_kind = rows.group_by(*_SLOT, kind).agg(
        pl.col("generation").sum(), pl.col("direct").is_not_null().all().alias("has_factor")
    )
    is_twice = pl.struct(*_SLOT, kind).is_duplicated() & pl.lit(kind != "fuel")
    for found in (
        _totals(rows),
        unreadable,
        spike,
        _kinds(stated.filter(is_twice), kind, "twice"),
        _kinds(_sign_errors(mix.filter(counted), kind), kind, "negative"),
        _kinds(in_slots.join(rows, on=[*_SLOT, kind], how="anti"), kind, "absent"),
        _kinds(by_kind.filter(pl.col("generation") == 0).join(expected, on=["zone", kind]), kind, "zero"),
        _kinds(_holes(by_kind, kind).filter("has_factor"), kind, "hole"),
    ):
        slots = slots.join(found, on=_SLOT, how="left")
    slots = slots.with_columns(_is_sound(b).alias(f"is_sound_{b}") for b in BOUNDARIES)
    good, bad = split_by_fault(slots.sort(_SLOT), _why(resolution, max_unknown_share))
    return _grid_carbon(good.join(_made_of(rows), on=_SLOT, how="left"), resolution), refused(
        bad.select("zone", "valid_from", "total", "known", "why"), pl.col("why")
    )


def _kinds(rows: pl.DataFrame, kind: str, name: str) -> pl.DataFrame:
    """The kinds of generation of some rows by slot, joined to one text in the column `name`."""
    return rows.group_by(_SLOT).agg(pl.col(kind).unique().sort().str.join(", ").alias(name))


def _totals(rows: pl.DataFrame) -> pl.DataFrame:
    """By slot: total generation, generation with a known factor, and its direct and lifecycle emissions."""
    has_factor = pl.col("direct").is_not_null()
    return rows.group_by(_SLOT).agg(
        pl.col("generation").sum().alias("total"),
        pl.col("generation").filter(has_factor).sum().alias("known"),
        *((pl.col("generation") * pl.col(b)).filter(has_factor).sum().alias(b) for b in BOUNDARIES),
    )


def _is_sound(boundary: str) -> pl.Expr:
    """False for the figures of a zone that say little, since what has no factor may be much of the emissions."""
    of_gas = factors().filter(pl.col("fuel") == "gas")[boundary].item()
    total, known, grams = (pl.col(c).sum().over("zone") for c in ("total", "known", boundary))
    intensity = grams / known
    raised = (1 - known / total) * (of_gas - intensity)
    return (raised <= MAX_RAISED_GCO2E_PER_KWH) | (raised <= MAX_RAISED_SHARE[boundary] * intensity)


def _why(resolution: str, max_unknown_share: float) -> pl.Expr:
    """Why a slot is refused; null for a good one. For a frame of slots in order of zone and time (see `intensities`)."""
    before, after = (pl.col("valid_from").diff(n).over("zone").dt.total_seconds().abs() / 60 for n in (1, -1))
    length = MINUTES[resolution]
    nearest = pl.min_horizontal(before, after)
    is_apart = (nearest.min().over("zone") > length) & (pl.len().over("zone") >= _SLOTS_THAT_TELL)
    usual = pl.col("total").median().over("zone")
    unknown_share = 1 - pl.col("known") / pl.col("total")
    return (
        pl.when(pl.col("unreadable").is_not_null())
        .then(pl.format("generation of {} is not a number", "unreadable"))
        .when(pl.col("spike").is_not_null())
        .then(pl.format("generation of {} is out of all proportion to the other slots", "spike"))
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
        .then(pl.format("generation of {} is far below zero: a sign error, not station use", "negative"))
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
        .when(~pl.any_horizontal(f"is_sound_{b}" for b in BOUNDARIES))
        .then(
            pl.format(
                "{}% of the generation has no emission factor, and the rest is so clean that this may be most of the emissions",
                (unknown_share * 100).round(1),
            )
        )
        .when(pl.col("absent").is_not_null())
        .then(pl.format("generation of {} is missing, it is not zero", "absent"))
        .when(pl.col("zero").is_not_null() & (pl.col("total") < GAP_SHARE * usual))
        .then(
            pl.format(
                "{}% of the usual generation, none of {}: a gap filled with zeros",
                (100 * pl.col("total") / usual).round(1),
                "zero",
            )
        )
        .when(pl.col("hole").is_not_null())
        .then(
            pl.format(
                "hardly any generation of {}, which is there before and after, and nothing in its place: a gap, not zero",
                "hole",
            )
        )
    )


def _grid_carbon(slots: pl.DataFrame, resolution: str) -> pl.DataFrame:
    """Rows of `grid_carbon`, one per sound basis: grams over the generation whose factor is known."""
    sound = slots.with_columns(pl.when(f"is_sound_{b}").then(b).alias(b) for b in BOUNDARIES)
    rows = sound.unpivot(
        BOUNDARIES,
        index=["zone", "valid_from", "known", *MADE_OF],
        variable_name="basis_boundary",
        value_name="grams",
    ).drop_nulls("grams")
    return grid_carbon_rows(
        rows,
        resolution=resolution,
        basis_kind="estimated",
        intensity_gco2e_per_kwh=(pl.col("grams") / pl.col("known")).round(3),
    ).hstack(rows.select(MADE_OF))


def _made_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Columns zone, valid_from and `MADE_OF`, from generation by slot and fuel, with factors."""
    day = pl.col("valid_from").dt.date()
    by_fuel = (
        rows.filter(pl.col("direct").is_not_null())
        .group_by(*_SLOT, "fuel")
        .agg(pl.col("generation").sum())
        .with_columns(
            (
                pl.col("generation").sum().over("zone", "fuel", day)
                >= REMEMBERED_SHARE * pl.col("generation").sum().over("zone", day)
            ).alias("is_main")
        )
    )
    fuel = pl.col("fuel")
    return by_fuel.group_by(_SLOT).agg(
        fuel.sort().str.join(" ").alias("fuels"), fuel.filter("is_main").sort().str.join(" ").alias("main_fuels")
    )


def _without_closed(expected: pl.DataFrame, mix: pl.DataFrame, kind: str) -> pl.DataFrame:
    """The kinds expected in each slot, without those of fuels that had closed by then."""
    fuel_of = mix.select("zone", kind, pl.col("fuel").alias("_fuel")).unique()
    found = expected.join(fuel_of, on=["zone", kind], how="left").join(
        _closures(), left_on=["zone", "_fuel"], right_on=["zone", "fuel"], how="left"
    )
    return found.filter((pl.col("valid_from") < pl.col("closed_at")).fill_null(value=True)).select(*expected.columns)


def _sign_errors(mix: pl.DataFrame, kind: str) -> pl.DataFrame:
    """The rows of a mix that are too far below zero for station use, on the whole or in their slot."""
    positive = pl.col("generation").clip(lower_bound=0)
    below = -pl.col("generation").clip(upper_bound=0)
    mix = mix.with_columns(positive.sum().over(_SLOT).alias("of_slot")).filter(pl.col("fuel") != "hydro")
    of_zone = positive.sum().over("zone")
    on_the_whole = (below.sum().over("zone", kind) > MAX_NEGATIVE_SHARE * of_zone) & (of_zone > 0)
    usual = pl.max_horizontal("of_slot", pl.col("of_slot").median().over("zone"))
    # What has no factor may be storage (California's "other" at EIA).
    in_slot = (below > MAX_NEGATIVE_SHARE * usual) & (usual > 0) & (pl.col("fuel") != UNKNOWN)
    return mix.filter((on_the_whole | in_slot) & (pl.col("generation") < 0))


def _holes(by_kind: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Slots in which a kind that matters before and after is (nearly) 0, and nothing else stands in for it."""
    rows = by_kind.sort(kind, *_SLOT).with_columns(pl.col("generation").sum().over(_SLOT).alias("total"))
    matters = pl.when(pl.col("generation") >= MATTERS_SHARE * pl.col("total"))
    columns = ("generation", "total", "valid_from")
    rows = rows.with_columns(
        *(matters.then(c).forward_fill().over("zone", kind).alias(f"{c}_before") for c in columns),
        *(matters.then(c).backward_fill().over("zone", kind).alias(f"{c}_after") for c in columns),
    )
    beside = pl.min_horizontal("generation_before", "generation_after")
    least = pl.min_horizontal("total_before", "total_after") - UNREPLACED_SHARE * beside
    return rows.filter(
        pl.col("generation_before").is_not_null() & pl.col("generation_after").is_not_null(),
        pl.col("generation") < HOLE_SHARE * beside,
        pl.col("total") <= least,
        pl.col("valid_from_after") - pl.col("valid_from_before") <= MAX_HOLE,
    )


def _limits(mix: pl.DataFrame, kind: str) -> pl.DataFrame:
    """The highest plausible generation of a kind: columns zone, `kind` and limit; zones with few slots have no row."""
    positive = mix.filter(pl.col("generation") > 0)
    of_zone = (
        positive.group_by("zone", "valid_from")
        .agg(pl.col("generation").sum())
        .group_by("zone")
        .agg(pl.col("generation").quantile(0.8).alias("usual"), pl.len().alias("slots"))
        .filter(pl.col("slots") >= _SLOTS_THAT_TELL)
    )
    # What generates in a single slot is no measure of itself.
    usual_of_kind = pl.when(pl.len() > 1).then(pl.col("generation").median())
    return (
        positive.group_by("zone", kind)
        .agg(usual_of_kind.alias("generation"))
        .join(of_zone, on="zone")
        .with_columns(pl.col("generation").fill_null(pl.col("usual")))
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

    They are the kinds that matter there by generation or by emissions, according to `rows` (with factors), those that must not be null throughout, and
    those that the publisher always states.
    """

    def share(amount: pl.Expr) -> pl.Expr:
        return amount.sum().over("zone", kind) / amount.sum().over("zone")

    generation = pl.col("generation")
    matters = (share(generation) >= EXPECTED_SHARE) | (share(generation * pl.col("direct")) >= EXPECTED_EMISSIONS_SHARE)
    usual = rows.filter(pl.col("direct").is_not_null()).filter(matters)
    silent = (
        mix.filter(pl.col("fuel").is_in(list(never_silent)))
        .group_by("zone", kind)
        .agg(pl.col("generation").is_null().all().alias("is_silent"))
        .filter("is_silent")
    )
    stated = mix.select("zone").unique().join(pl.DataFrame({kind: always}, schema={kind: pl.String}), how="cross")
    return pl.concat([usual.select("zone", kind), silent.select("zone", kind), stated]).unique()
