"""Japan's area supply and demand (eria_jukyu): a utility area by fuel every half-hour, turned into a carbon intensity.

Ten utilities write the one table in their own ways. Quirks: a first line says the unit (MW, mean of the half-hour), the
second names the columns, in Japanese, some in full-width letters and brackets; some files are in Shift JIS. The clock
is Japan's (UTC+9, no summer time); a day begins with 0:00 where a time begins its slot, and ends with 24:00 where a
time ends it (Kyushu). Days are written with or without slashes. What was held back (出力制御量) stands beside some fuels or
all, and is no generation. Slots to come are empty. Which area it is stands in the file's name only:
`eria_jukyu_YYYYMM_NN.csv` or `realtime_jukyu_YYYYMMDD_NN.csv` with the area's number, or a utility's name (tepco,
kyuden). Pumping and batteries are storage, lines to other areas (連系線) are imports and ignored. Other thermal plants
(火力(その他), cogeneration and gases of industry) and others have no factor.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import polars as pl

from assets.sources._base import LayoutError, Reading, Scope, Source, body_of, csv_rows, refused
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
#: Columns that are no generation: demand and the sum.
_OTHER = {"DATE", "TIME", "エリア需要", "合計"}
#: What a column on generation that was held back ends in.
_HELD_BACK = "出力制御量"
_UNIT = "単位[MW平均]"


def _zone_of(document: Document) -> str:
    name = document.url.rsplit("/", 1)[-1].lower()
    if found := re.search(r"(?:eria|realtime)_jukyu_20\d{4}(?:\d\d)?_(\d\d)(?!\d)", name):
        zones = {AREAS.get(found[1])}
    else:
        zones = {zone for utility, zone in UTILITIES.items() if utility in name}
    if len(zones) != 1 or (zone := zones.pop()) is None:
        raise LayoutError(
            f"{document.url}: which area? name the file eria_jukyu_YYYYMM_NN.csv with the area's number ({', '.join(AREAS)}), "
            f"or by one utility ({', '.join(UTILITIES)})"
        )
    return zone


def _start(document: Document, raw: pl.DataFrame) -> pl.Expr:
    """The start of each slot in UTC; null where it cannot be read.

    Raises:
        LayoutError: if the times of a day go neither from 0:00 on nor up to 24:00, so that they may begin or end their slots.
    """
    clock = pl.col("TIME").str.strip_chars().str.extract_groups(r"^(\d{1,2}):(\d\d)$")
    minutes = clock.struct.field("1").cast(pl.Int64) * 60 + clock.struct.field("2").cast(pl.Int64)
    told = set(raw.select(minutes.alias("minutes"))["minutes"].drop_nulls())
    begins, ends = 0 in told, 24 * 60 in told or (30 in told and 0 not in told)
    if begins == ends:
        raise LayoutError(
            f"{document.url}: the times go {'both' if begins else 'neither'} from 0:00 on {'and' if begins else 'nor'} up to "
            "24:00: it cannot be told whether they begin or end their half-hours"
        )
    day = pl.col("DATE").str.strip_chars()
    day = pl.coalesce(day.str.to_date("%Y/%m/%d", strict=False), day.str.to_date("%Y%m%d", strict=False))
    local = day.cast(pl.Datetime("us")) + pl.duration(minutes=minutes - (30 if ends else 0))
    return local.dt.replace_time_zone("Asia/Tokyo").dt.convert_time_zone("UTC")


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
    unit = unicodedata.normalize("NFKC", first.split(",")[0].strip().strip('"'))
    if unit != _UNIT:
        raise LayoutError(f"{document.url}: the first line says {unit[:40]!r}, expected {_UNIT!r}")
    raw, broken = csv_rows(document, [], body=rest.encode())
    # Letters and brackets in full width are the same names.
    raw = raw.rename({c: unicodedata.normalize("NFKC", c).strip() for c in raw.columns})
    if odd := sorted({c for c in raw.columns if not c.endswith(_HELD_BACK)} ^ (set(FUELS) | _OTHER)):
        raise LayoutError(f"{document.url}: columns of other kinds than known: {', '.join(odd)[:300]}")
    is_stated = pl.any_horizontal(pl.col(list(FUELS)).str.strip_chars().replace("", None).is_not_null())
    rows = raw.filter(is_stated).with_columns(_start(document, raw).alias("valid_from"))
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
    misplaced = refused(bad, "the time is no start of a half-hour, or comes twice")
    return Reading([Scope(zone, frame)], pl.concat([broken, misplaced, slots]))


JAPAN_AREA = Source(
    source_id="japan_area",
    subject="grid_carbon",
    title="Japan: generation by utility area (by hand; imports ignored)",
    homepage_url="https://www.tepco.co.jp/forecast/html/area_jukyu-j.html",
    licence="public operator data",
    attribution="the utility of the area",
    parse=parse,
    parser_version=6,
    extension="csv",
    stale_after_days=400.0,
)
