"""RTE eco2mix: France every quarter-hour, with the operator's own carbon intensity and the generation by kind.

Two kinds of figures. `taux_co2` is RTE's own: g CO2 per kWh generated in France, combustion only, `actual`. The
generation mix with world median factors gives a lifecycle and a second direct figure, both `estimated` (see
`_fuel_mix`). The two direct figures differ by their factors, and hardly by what has none: on the recorded day RTE's mean
is 20.4 g/kWh and the computed one 12.6, and RTE's own are found again to 0.7 g/kWh with 429 g/kWh for gas, 777 for oil
and 494 for all bioenergies, where the medians are 370 and 733, and 0 for biomass by convention.

Quirks: a number may be sent as text and a missing one as "ND"; totals (`hydraulique`, `bioenergies`) are listed beside
their parts; turbines of pumped storage are part of `hydraulique` and count as storage; part of the bioenergies is waste,
which has no factor. Times carry an offset and begin a slot. Slots that are not over are empty. Real-time data are
consolidated later, which is a revision. Exchanges are ignored.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from assets.sources._base import (
    LayoutError,
    Reading,
    Request,
    Scope,
    Source,
    Window,
    json_of,
    refused,
    split_by_fault,
    to_instant,
)
from assets.sources._clock import MINUTES, length_of
from assets.sources._fuel_mix import intensities
from assets.sources._rows import (
    IMPLAUSIBLY_CLEAN,
    NUMBER_OR_NAN,
    frame_of,
    grid_carbon_rows,
    inside,
    is_implausibly_clean,
)
from warehouse.captures import Document

HOST = "odre.opendatasoft.com"
ZONE = "FR"
#: Days of one request, and quarter-hours of a day: together the largest number of records that a request can return.
SPAN_DAYS, SLOTS_A_DAY = 7, 96
FUELS = {
    "nucleaire": "nuclear",
    "gaz": "gas",
    "charbon": "coal",
    "fioul": "oil",
    "eolien": "wind",
    "solaire": "solar",
    "hydraulique_fil_eau_eclusee": "hydro",
    "hydraulique_lacs": "hydro",
    "hydraulique_step_turbinage": "storage",
    "bioenergies_biomasse": "biomass",
    "bioenergies_biogaz": "biomass",
    "bioenergies_dechets": "unknown",
}
#: Kinds that RTE states in every slot, if only as 0.
ALWAYS = (
    "nucleaire",
    "gaz",
    "eolien",
    "solaire",
    "hydraulique_fil_eau_eclusee",
    "hydraulique_lacs",
    "bioenergies_biomasse",
)


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """One request per `SPAN_DAYS` days (UTC); the last two days if no window is given. Real-time data go back some weeks.

    Today is never asked for alone: just after midnight it holds demand forecasts and no generation.
    """
    days = window.days(2)
    if len(days) == 1 and days[0] == window.now.date():
        days = [days[0] - dt.timedelta(days=1), *days]
    # Backwards, so that the latest request covers a full span.
    for last in range(len(days) - 1, -1, -SPAN_DAYS):
        first, end = days[max(0, last - SPAN_DAYS + 1)], days[last] + dt.timedelta(days=1)
        yield [
            Request(
                f"https://{HOST}/api/records/1.0/search/",
                params={
                    "dataset": "eco2mix-national-tr",
                    "q": f"date_heure >= {first}T00:00 AND date_heure < {end}T00:00",
                    "rows": str(SPAN_DAYS * SLOTS_A_DAY),
                    "start": "0",
                    "timezone": "UTC",
                },
            )
        ]


def _fields(document: Document) -> list[Any]:
    """The fields of each record: of the first interface (records with fields), the second (results) or an export (a list)."""
    body = json_of(document)
    records = body if isinstance(body, list) else inside(body, "records") or inside(body, "results")
    if not isinstance(records, list) or not records:
        raise LayoutError(f"{document.url}: no records; {str(body)[:200]}")
    return [inside(record, "fields") or record for record in records]


def parse(documents: Sequence[Document]) -> Reading:
    """Per slot: RTE's direct figure, and two rows (direct, lifecycle) computed from the mix."""
    (document,) = documents
    fields = _fields(document)
    present = set().union(*(f for f in fields if isinstance(f, dict)))
    if missing := [f for f in ("date_heure", "perimetre", "taux_co2", *FUELS) if f not in present]:
        raise LayoutError(f"{document.url}: no field {', '.join(missing)}")
    rows = frame_of(
        fields, {"date_heure": pl.String, "perimetre": pl.String, **dict.fromkeys(("taux_co2", *FUELS), NUMBER_OR_NAN)}
    ).with_columns(to_instant("date_heure", "%Y-%m-%dT%H:%M:%S%:z").alias("valid_from"))
    resolution = length_of(document, rows["valid_from"], ("PT15M", "PT30M", "PT1H"))
    why = (
        pl.when(pl.col("perimetre") != "France")
        .then(pl.lit("another area than France"))
        .when(pl.col("valid_from").is_null() | (pl.col("valid_from").dt.minute() % MINUTES[resolution] != 0))
        .then(pl.lit("the time cannot be read, or is no start of a slot"))
    )
    good, bad = split_by_fault(rows, why)
    good = good.filter(pl.any_horizontal(pl.col("taux_co2", *FUELS).is_not_null()))
    mix = good.unpivot(list(FUELS), index="valid_from", variable_name="field", value_name="generation").select(
        pl.lit(ZONE).alias("zone"),
        "valid_from",
        pl.col("field").replace_strict(FUELS).alias("fuel"),
        "generation",
        "field",
    )
    computed, slots = intensities(mix, resolution=resolution, kind="field", always=ALWAYS)
    stated = good.filter(pl.col("taux_co2").is_not_null())
    of_rte = grid_carbon_rows(
        stated.filter(~is_implausibly_clean("taux_co2")),
        zone=ZONE,
        resolution=resolution,
        basis_boundary="direct",
        basis_kind="actual",
        intensity_gco2e_per_kwh=pl.col("taux_co2"),
    )
    return Reading(
        [Scope(ZONE, pl.concat([of_rte, computed], how="diagonal"))],
        pl.concat(
            [
                refused(bad.select("date_heure", "perimetre", "why"), pl.col("why")),
                refused(
                    stated.filter(is_implausibly_clean("taux_co2")).select("date_heure", "taux_co2"), IMPLAUSIBLY_CLEAN
                ),
                slots,
            ]
        ),
    )


ECO2MIX = Source(
    source_id="eco2mix",
    subject="grid_carbon",
    title="RTE eco2mix: France, RTE's CO2 rate and the mix (exchanges ignored)",
    homepage_url="https://odre.opendatasoft.com/explore/dataset/eco2mix-national-tr/",
    licence="Licence Ouverte / Etalab",
    licence_url="https://www.etalab.gouv.fr/licence-ouverte-open-licence/",
    attribution="RTE, eco2mix",
    parse=parse,
    parser_version=5,
    plan=plan,
    hosts=(HOST,),
    cadence="10 */6 * * *",
    changes_within_days=3,
    has_history=True,
    stale_after_days=2.0,
)
