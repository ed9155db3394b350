"""GB Carbon Intensity API (NESO), generation mix: shares of the half-hour by fuel, turned into a carbon intensity.

Beside `gb_carbon_intensity`, which keeps the intensity that NESO states itself (direct, with imports and biomass by its
own factors). This one is computed here, direct and lifecycle, by `_fuel_mix`: its kind is `estimated` for Great Britain
and `forecast` for the regions, whose mix is the output of a model, past slots too. NESO's own figure goes first
wherever both would do (`_is_second_word` in the warehouse); the bases differ, so the two are never averaged.

Shares are per cent of what is *used*, to one decimal, so that `imports` is one of the fuels: it is ignored, since one
share stands for several countries (NESO's own factors differ by country), and a slot of which more than
`MAX_IMPORTS_SHARE` is imported is refused: the rest says little of it. `other` has no factor. Quirks, each met in a
recorded answer: the current mix is an object and not a list; a range begins with the slot that *ends* at `from` and
stops at New Year; a share of 0 is an integer among floats; shares add up to 99.9 or 100.1; regions are told apart by
id; a region whose forecast is exactly 0 though its mix burns something (100 % biomass) is an artefact of the model, and
so is its mix.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from assets.sources._base import LayoutError, Reading, Request, Scope, Window, refused, split_by_fault, to_instant
from assets.sources._fuel_mix import intensities
from assets.sources._rows import inside, number_of, number_or_nan
from assets.sources.gb_carbon_intensity import (
    ARTEFACT,
    EMITTING,
    FIRST_DAY,
    FIRST_REGIONAL_DAY,
    GB_CARBON_INTENSITY,
    HOST,
    NO_HALF_HOUR,
    TIME,
    data_of,
    is_half_hour,
    ranges,
    zone_of_region,
)
from warehouse.captures import Document

#: Fuel of the publisher to fuel of `reference/emission_factor.csv`; a new one is generation without a factor.
FUELS = {
    "biomass": "biomass",
    "coal": "coal",
    "gas": "gas",
    "hydro": "hydro",
    "imports": "imports",
    "nuclear": "nuclear",
    "other": "unknown",
    "solar": "solar",
    "wind": "wind",
}
#: Above this share of imports the generation of a zone says little of what is used there.
MAX_IMPORTS_SHARE = 0.5
#: Nine shares, each rounded to one decimal, are off 100 % by less than this.
MAX_ROUNDING_PERCENT = 1.0
_MIX = pl.List(pl.Struct({"fuel": pl.String, "perc": pl.Float64}))


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """National and regional ranges up to now, each a batch of its own: only a mix that was is asked for."""
    for path, first in (("generation", FIRST_DAY), ("regional/intensity", FIRST_REGIONAL_DAY)):
        for start, end in ranges(window, first):
            if start < window.now:
                yield [Request(f"https://{HOST}/{path}/{start:{TIME}}/{min(end, window.now):{TIME}}")]


def _records(data: Any, document: Document) -> tuple[list[dict], bool]:
    """One record per slot (and region), and whether they are regional, from any of the forms of an answer."""
    if isinstance(data, dict) and "data" not in data:  # /generation: the last half-hour alone
        data = [data]
    if isinstance(data, dict):  # one region with its slots
        data = [data]
    first = next(record for record in data if isinstance(record, dict))
    if "regions" in first:
        return [_record(region, slot, region) for slot in data for region in _listed(inside(slot, "regions"))], True
    if "regionid" in first:
        return [_record(slot, slot, region) for region in data for slot in _listed(inside(region, "data"))], True
    if "generationmix" in first:
        return [_record(slot, slot, {}) for slot in data], False
    where = ": load it with gb_carbon_intensity" if "intensity" in first else ""
    raise LayoutError(f"{document.url}: `data` holds {', '.join(first)[:200]}, no generation mix{where}")


def _listed(found: object) -> list[Any]:
    """The entries of a list; anything else is one entry that is none, to be refused."""
    return found if isinstance(found, list) else [None]


def _record(of: Any, slot: Any, region: Any) -> dict[str, Any]:
    """Region, time, forecast and mix; null where one is not given, and NaN for a share that is no number."""
    times = {name: inside(slot, name) for name in ("from", "to")}
    mix = inside(of, "generationmix")
    return {name: time if isinstance(time, str) else None for name, time in times.items()} | {
        "regionid": number_of(inside(region, "regionid")),
        "forecast": number_of(inside(of, "intensity", "forecast")),
        "mix": [
            {"fuel": str(inside(part, "fuel")), "perc": number_or_nan(inside(part, "perc"))}
            for part in (mix if isinstance(mix, list) else [])
        ],
    }


def _slots(document: Document) -> tuple[pl.DataFrame, bool]:
    """Columns zone, valid_from, to, forecast, mix (list of fuel and perc); and whether they are regional."""
    records, is_regional = _records(data_of(document), document)
    schema = {"regionid": pl.Float64, "from": pl.String, "to": pl.String, "forecast": pl.Float64, "mix": _MIX}
    if not records:
        raise LayoutError(f"{document.url}: no slot in the answer")
    frame = pl.from_dicts(records, schema=schema)
    return frame.select(
        zone_of_region("regionid").alias("zone") if is_regional else pl.lit("GB").alias("zone"),
        to_instant("from", TIME).alias("valid_from"),
        to_instant("to", TIME),
        "forecast",
        "mix",
    ).unique(maintain_order=True), is_regional


def _share(fuels: Sequence[str] | None = None) -> pl.Expr:
    """Sum of the shares of some fuels (of all) of a slot, in per cent."""
    of = pl.element().struct.field("fuel")
    picked = pl.element() if fuels is None else pl.element().filter(of.is_in(list(fuels)))
    return pl.col("mix").list.eval(picked.struct.field("perc")).list.sum().fill_null(0)


def _fault() -> pl.Expr:
    """Why a slot is refused; null for a good one."""
    total, imports = _share(), _share(["imports"])
    return (
        pl.when(~is_half_hour().fill_null(value=False))
        .then(pl.lit(NO_HALF_HOUR))
        .when(pl.len().over("zone", "valid_from") > 1)
        .then(pl.lit("two different mixes are stated for the slot"))
        .when(pl.col("zone").is_null())
        .then(pl.lit("no regionid that is known: the region cannot be told"))
        .when((total - 100).abs() > MAX_ROUNDING_PERCENT)
        .then(pl.format("the shares add up to {}%, not to 100%", total.round(1)))
        .when((pl.col("forecast") == 0) & (_share(EMITTING) >= 1))
        .then(pl.lit(ARTEFACT))
        .when(imports > 100 * MAX_IMPORTS_SHARE)
        .then(
            pl.format(
                "{}% is imported (allowed {}%): the rest says little of it",
                imports.round(1),
                pl.lit(round(100 * MAX_IMPORTS_SHARE)),
            )
        )
    )


def parse(documents: Sequence[Document]) -> Reading:
    """Two rows (direct, lifecycle) per slot and zone of national and regional answers."""
    scopes: dict[str, list[pl.DataFrame]] = {"national": [], "regional": []}
    rejected = []
    for index, document in enumerate(documents):
        slots, is_regional = _slots(document)
        good, bad = split_by_fault(slots, _fault())
        mix = (
            good.select("zone", "valid_from", "mix")
            .explode("mix")
            .unnest("mix")
            .select(
                "zone",
                "valid_from",
                pl.col("fuel").replace_strict(FUELS, default="unknown", return_dtype=pl.String),
                pl.col("perc").alias("generation"),
            )
        )
        frame, holes = intensities(mix, resolution="PT30M")
        if is_regional:
            frame = frame.with_columns(pl.lit("forecast").alias("basis_kind"))
        scopes["regional" if is_regional else "national"].append(frame.with_columns(pl.lit(index).alias("document")))
        refusals = (refused(bad.drop("why"), bad["why"]), holes)
        rejected += [part.with_columns(pl.lit(index).alias("document")) for part in refusals]
    return Reading([Scope(name, pl.concat(parts)) for name, parts in scopes.items() if parts], pl.concat(rejected))


GB_CARBON_INTENSITY_MIX = replace(
    GB_CARBON_INTENSITY,
    source_id="gb_carbon_intensity_mix",
    title="GB generation mix by NESO (imports ignored)",
    parse=parse,
    parser_version=6,
    plan=plan,
    cadence="20 */3 * * *",
    # A region that lives on imports all day is nothing but refused slots.
    max_rejected_share=1.0,
)
