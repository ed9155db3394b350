"""EIA generation of one balancing authority, a year of hours in one CSV: turned into a carbon intensity (see `_fuel_mix`).

Columns `timestamp` (UTC) and EIA's codes of fuels. Quirks: the column of times may lack its name, or stand behind one
of row numbers that has none; the time is the END of the hour, as in EIA's own data (in June the sun of California
first shows at 13:00 UTC, half an hour after it rose); which authority it is stands in the name of the file only
(`CISO_...csv`). The column `avg_CI` is left behind: somebody else's factors, not named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Scope, Source, csv_rows, refused, require_columns, to_instant
from assets.sources._fuel_mix import intensities
from assets.sources._rows import number_cells
from assets.sources.eia import FUELS, NEVER_SILENT, ZONES
from warehouse.captures import Document


def parse(documents: Sequence[Document]) -> Reading:
    """Two rows (direct, lifecycle) per hour."""
    (document,) = documents
    found = re.match(r"([A-Z]{2,4})_", document.url.rsplit("/", 1)[-1].removeprefix("file:"))
    if not found or found[1] not in ZONES:
        raise LayoutError(
            f"{document.url}: which balancing authority? name the file <AUTHORITY>_....csv (CISO_2022.csv)"
        )
    zone = ZONES[found[1]]
    text, broken = csv_rows(document, ["NG"])
    if text.columns[0] == "":
        # The index of a table: the times, or beside them the numbers of the rows.
        text = text.drop("") if "timestamp" in text.columns else text.rename({"": "timestamp"})
    require_columns(document, text.columns, ["timestamp"])
    fuels = {c: FUELS[c] for c in text.columns if c in FUELS}
    if odd := [c for c in text.columns if c not in (*fuels, "timestamp", "avg_CI")]:
        raise LayoutError(f"{document.url}: column {', '.join(odd)} is no fuel code of EIA")
    end = to_instant("timestamp", "%Y-%m-%d %H:%M:%S%:z")
    rows = text.with_columns((end - pl.duration(hours=1)).alias("valid_from"))
    is_hour = ((pl.col("valid_from").dt.minute() == 0) & ~pl.col("valid_from").is_duplicated()).fill_null(value=False)
    mix = (
        rows.filter(is_hour)
        .unpivot(list(fuels), index="valid_from", variable_name="code", value_name="text")
        .select(
            pl.lit(zone).alias("zone"),
            "valid_from",
            "code",
            pl.col("code").replace_strict(fuels).alias("fuel"),
            number_cells(pl.col("text")).alias("generation"),
        )
    )
    frame, slots = intensities(mix, resolution="PT1H", kind="code", never_silent=NEVER_SILENT)
    bad = refused(rows.filter(~is_hour).select("timestamp"), "the time has no offset, is no full hour, or comes twice")
    return Reading([Scope(zone, frame)], pl.concat([broken, bad, slots]))


EIA_JOINED = Source(
    source_id="eia_joined",
    subject="grid_carbon",
    title="EIA hourly generation of one authority in one file (by hand; imports ignored)",
    homepage_url="https://www.eia.gov/electricity/gridmonitor/",
    licence="US government, public domain (as joined by others)",
    attribution="U.S. Energy Information Administration",
    parse=parse,
    parser_version=7,
    extension="csv",
    stale_after_days=800.0,
)
