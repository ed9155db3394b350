"""ERCOT: Texas by fuel every five minutes, today and yesterday, turned into a carbon intensity (see `_fuel_mix`).

Quirks: the time of a reading is some seconds before the end of its five minutes (00:04:57-0600); it belongs to the five
minutes that contain it. It has an offset, so the repeated hour in autumn is unambiguous. A second reading in the same
five minutes is refused. Lignite is not separated from coal and counts as coal, which underestimates it. Texas barely
trades with its neighbours; imports are ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
from assets.sources._fuel_mix import intensities
from assets.sources._rows import number_or_nan
from warehouse.captures import Document

HOST = "www.ercot.com"
ZONE = "US-TEX-ERCO"
FUELS = {
    "Coal and Lignite": "coal",
    "Hydro": "hydro",
    "Natural Gas": "gas",
    "Nuclear": "nuclear",
    "Other": "unknown",
    "Power Storage": "storage",
    "Solar": "solar",
    "Wind": "wind",
}
#: Kinds that are always stated, if only as 0.
ALWAYS = ("Coal and Lignite", "Hydro", "Natural Gas", "Nuclear", "Solar", "Wind")


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """Today and yesterday; there are no older days."""
    yield [Request(f"https://{HOST}/api/1/services/read/dashboards/fuel-mix.json")]


def parse(documents: Sequence[Document]) -> Reading:
    """Two rows (direct, lifecycle) per five minutes."""
    (document,) = documents
    body = json_of(document)
    days = body.get("data") if isinstance(body, dict) else None
    if not isinstance(days, dict) or not any(isinstance(d, dict) for d in days.values()):
        raise LayoutError(f"{document.url}: no `data` by day and time")
    lost = pl.DataFrame(
        {"time": [name for name, day in days.items() if not isinstance(day, dict)]}, {"time": pl.String}
    )
    readings = [
        # A cell that is no object is neither zero nor absent.
        (time, kind, number_or_nan(cell.get("gen") if isinstance(cell, dict) else "?"))
        for day in days.values()
        if isinstance(day, dict)
        for time, fuels in day.items()
        for kind, cell in (fuels if isinstance(fuels, dict) and fuels else dict.fromkeys(ALWAYS)).items()
    ]
    if not readings:
        raise LayoutError(f"{document.url}: no reading")
    rows = (
        pl.DataFrame(
            readings,
            schema={"time": pl.String, "kind": pl.String, "generation": pl.Float64},
            orient="row",
        )
        .with_columns(
            to_instant("time", "%Y-%m-%d %H:%M:%S%z").alias("read_at"),
            pl.col("kind").replace_strict(FUELS, default="unknown", return_dtype=pl.String).alias("fuel"),
        )
        .with_columns(pl.col("read_at").dt.truncate("5m").alias("valid_from"))
    )
    why = (
        pl.when(pl.col("read_at").is_null())
        .then(pl.lit("the time cannot be read"))
        .when(pl.col("read_at") != pl.col("read_at").min().over("valid_from"))
        .then(pl.lit("a second reading in the same five minutes"))
    )
    good, bad = split_by_fault(rows, why)
    mix = good.select(pl.lit(ZONE).alias("zone"), "valid_from", "fuel", "kind", "generation")
    frame, slots = intensities(mix, resolution="PT5M", kind="kind", always=ALWAYS)
    times = bad.select("time", "why").unique(maintain_order=True)
    return Reading(
        [Scope(ZONE, frame)], pl.concat([refused(lost, "a day without readings"), refused(times, pl.col("why")), slots])
    )


ERCOT = Source(
    source_id="ercot",
    subject="grid_carbon",
    title="ERCOT fuel mix (imports ignored)",
    homepage_url="https://www.ercot.com/gridmktinfo/dashboards/fuelmix",
    licence="public ISO data",
    attribution="Electric Reliability Council of Texas",
    parse=parse,
    parser_version=7,
    plan=plan,
    hosts=(HOST,),
    cadence="20 */6 * * *",
    changes_within_days=3,
    stale_after_days=2.0,
)
