"""Japan's area supply and demand (eria_jukyu): a utility area by fuel every half-hour, turned into a carbon intensity.

Quirks: a first line says the unit (MW, mean of the half-hour), the second names the columns, in Japanese; older files
are in Shift JIS. The clock is Japan's (UTC+9, no summer time); a day begins with 0:00, so a time begins its slot.
Which area it is stands in the file's name only: `eria_jukyu_YYYYMM_NN.csv` with the area's number, or a
utility's name (tepco, kyuden). Pumping and batteries are storage, lines to other areas (連系線) are imports and ignored.
Other thermal plants (火力(その他), cogeneration and gases of industry) and others have no factor.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Scope, Source, body_of, refused
from assets.sources._fuel_mix import intensities
from assets.sources._rows import number_cells
from warehouse.captures import Document

#: Number of the area in the name of a file -> grid zone.
AREAS = {
    "01": "JP-HKD",
    "02": "JP-TH",
    "03": "JP-TK",
    "04": "JP-CB",
    "05": "JP-HR",
    "06": "JP-KN",
    "07": "JP-CG",
    "08": "JP-SK",
    "09": "JP-KY",
    "10": "JP-ON",
}
#: Utility of an area, as files kept under another name are called.
UTILITIES = {
    "hepco": "JP-HKD",
    "tohoku": "JP-TH",
    "tepco": "JP-TK",
    "chuden": "JP-CB",
    "chubu": "JP-CB",
    "rikuden": "JP-HR",
    "hokuriku": "JP-HR",
    "kepco": "JP-KN",
    "kansai": "JP-KN",
    "energia": "JP-CG",
    "chugoku": "JP-CG",
    "yonden": "JP-SK",
    "shikoku": "JP-SK",
    "kyuden": "JP-KY",
    "kyushu": "JP-KY",
    "okiden": "JP-ON",
    "okinawa": "JP-ON",
}
FUELS = {
    "原子力": "nuclear",
    "火力(LNG)": "gas",
    "火力(石炭)": "coal",
    "火力(石油)": "oil",
    "火力(その他)": "unknown",
    "水力": "hydro",
    "地熱": "geothermal",
    "バイオマス": "biomass",
    "太陽光発電実績": "solar",
    "風力発電実績": "wind",
    "揚水": "storage",
    "蓄電池": "storage",
    "連系線": "imports",
    "その他": "unknown",
}
#: Columns that are no generation: demand, what was held back, the sum.
_OTHER = {"DATE", "TIME", "エリア需要", "太陽光出力制御量", "風力出力制御量", "合計"}
_UNIT = "単位[MW平均]"


def _zone_of(document: Document) -> str:
    name = document.url.rsplit("/", 1)[-1].lower()
    if found := re.search(r"eria_jukyu_20\d{4}_(\d\d)(?!\d)", name):
        zones = {AREAS.get(found[1])}
    else:
        zones = {zone for utility, zone in UTILITIES.items() if utility in name}
    if len(zones) != 1 or (zone := zones.pop()) is None:
        raise LayoutError(
            f"{document.url}: which area? name the file eria_jukyu_YYYYMM_NN.csv with the area's number ({', '.join(AREAS)}), "
            f"or by one utility ({', '.join(UTILITIES)})"
        )
    return zone


def parse(documents: Sequence[Document]) -> Reading:
    """Two rows (direct, lifecycle) per half-hour."""
    (document,) = documents
    zone = _zone_of(document)
    body = body_of(document)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = body.decode("cp932")
        except UnicodeDecodeError as e:
            raise LayoutError(f"{document.url}: neither UTF-8 nor Shift JIS") from e
    first, _, rest = text.partition("\n")
    unit = first.split(",")[0].strip()
    if unit != _UNIT:
        raise LayoutError(f"{document.url}: the first line says {unit[:40]!r}, expected {_UNIT!r}")
    try:
        raw = pl.read_csv(rest.encode(), infer_schema=False)
    except pl.exceptions.PolarsError as e:
        raise LayoutError(f"{document.url}: not a readable CSV file: {str(e).splitlines()[0][:200]}") from e
    if set(raw.columns) != set(FUELS) | _OTHER:
        odd = sorted(set(raw.columns) ^ (set(FUELS) | _OTHER))
        raise LayoutError(f"{document.url}: columns of other kinds than known: {', '.join(odd)[:300]}")
    local = (pl.col("DATE") + " " + pl.col("TIME")).str.to_datetime("%Y/%m/%d %H:%M", time_unit="us", strict=False)
    rows = raw.filter(pl.any_horizontal(pl.col(list(FUELS)).is_not_null())).with_columns(
        local.dt.replace_time_zone("Asia/Tokyo").dt.convert_time_zone("UTC").alias("valid_from")
    )
    is_slot = (pl.col("valid_from").dt.minute() % 30 == 0) & ~pl.col("valid_from").is_duplicated()
    bad = rows.filter(~is_slot.fill_null(value=False)).select("DATE", "TIME")
    mix = (
        rows.filter(is_slot.fill_null(value=False))
        .unpivot(list(FUELS), index="valid_from", variable_name="column", value_name="text")
        .select(
            pl.lit(zone).alias("zone"),
            "valid_from",
            "column",
            pl.col("column").replace_strict(FUELS).alias("fuel"),
            number_cells(pl.col("text")).alias("generation"),
        )
    )
    frame, slots = intensities(mix, resolution="PT30M", kind="column")
    return Reading(
        [Scope(zone, frame)], pl.concat([refused(bad, "the time is no start of a half-hour, or comes twice"), slots])
    )


JAPAN_AREA = Source(
    source_id="japan_area",
    subject="grid_carbon",
    title="Japan: generation by utility area (by hand; imports ignored)",
    homepage_url="https://www.tepco.co.jp/forecast/html/area_jukyu-j.html",
    licence="public operator data",
    attribution="the utility of the area",
    parse=parse,
    parser_version=3,
    extension="csv",
    stale_after_days=400.0,
)
