"""China's official average CO2 factors of electricity (MEE and NBS), by nation, region and province.

kgCO2/kWh of what is consumed, CO2 of combustion only (`direct`), average, yearly; published as tables in notices and
read from transcriptions (CSV with the columns below) or from the notice's HTML table. Quirks: one transcription is in
tCO2/kWh, so its numbers are a thousand times smaller; each row must state its unit, and a value that does not fit it is
refused by the bound of 0-1,500 g/kWh. The notice prints three national numbers for one year: the average (`location`),
the one without traded non-fossil power (`market`), and the one of fossil power alone, which is not a grid intensity and
is left out. Tibet, Hong Kong, Macao and Taiwan are not in the tables. Regions are CN-REG-<name>; they have no ISO
codes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import polars as pl

from assets.sources._base import (
    LayoutError,
    Reading,
    Scope,
    Source,
    csv_rows,
    plain_extension,
    refused,
    split_by_fault,
    to_instant,
)
from assets.sources._html import soup_of
from assets.sources._rows import grid_carbon_rows
from warehouse.captures import Document

_REQUIRED = ("scope", "name_zh", "code", "year", "value_as_published", "unit_as_published", "kind")
#: Unit as published -> grams per kWh.
GRAMS = {"kgCO2/kWh": 1e3, "tCO2/kWh": 1e6, "tCO2/MWh": 1e3, "gCO2/kWh": 1.0}
REGIONS = {
    "华北": "CN-REG-NORTH",
    "东北": "CN-REG-NORTHEAST",
    "华东": "CN-REG-EAST",
    "华中": "CN-REG-CENTRAL",
    "西北": "CN-REG-NORTHWEST",
    "南方": "CN-REG-SOUTH",
    "西南": "CN-REG-SOUTHWEST",
}
PROVINCES = {
    "北京": "BJ",
    "天津": "TJ",
    "河北": "HE",
    "山西": "SX",
    "内蒙古": "NM",
    "辽宁": "LN",
    "吉林": "JL",
    "黑龙江": "HL",
    "上海": "SH",
    "江苏": "JS",
    "浙江": "ZJ",
    "安徽": "AH",
    "福建": "FJ",
    "江西": "JX",
    "山东": "SD",
    "河南": "HA",
    "湖北": "HB",
    "湖南": "HN",
    "广东": "GD",
    "广西": "GX",
    "海南": "HI",
    "重庆": "CQ",
    "四川": "SC",
    "贵州": "GZ",
    "云南": "YN",
    "陕西": "SN",
    "甘肃": "GS",
    "青海": "QH",
    "宁夏": "NX",
    "新疆": "XJ",
}
ZONES = REGIONS | {name: f"CN-{code}" for name, code in PROVINCES.items()} | {"全国": "CN"}
_ACCOUNTING = {"average": "location", "average excluding market-traded non-fossil power": "market"}


def _from_html(document: Document) -> pl.DataFrame:
    """The rows of a notice's tables (place and value); year and unit come from the text around them."""
    page = soup_of(document)
    words = re.sub(r"\s+", "", page.get_text())
    year = re.search(r"(20\d\d)年(?:全国|省级|区域|电力)[^。]{0,40}?(?:二氧化碳)?排放因子", words)
    unit = re.search(r"(kg|t)CO2/(kWh|MWh)", words, re.IGNORECASE)
    if not year or not unit:
        raise LayoutError(f"{document.url}: the text states no year or no unit (kgCO2/kWh) of the factors")
    cells = [
        [re.sub(r"\s+", "", cell.get_text()) for cell in row.find_all(["td", "th"])] for row in page.find_all("tr")
    ]
    pairs = [(a, b) for row in cells for a, b in pairwise(row) if a in ZONES and re.match(r"^[\d.]+$", b)]
    if not pairs:
        raise LayoutError(f"{document.url}: no table with provinces and factors")
    kind = f"{unit[1].lower()}CO2/{'MWh' if unit[2].lower() == 'mwh' else 'kWh'}"
    return pl.DataFrame(
        {
            "name_zh": [p[0] for p in pairs],
            "year": [year[1]] * len(pairs),
            "value_as_published": [p[1] for p in pairs],
            "unit_as_published": [kind] * len(pairs),
            "kind": ["average"] * len(pairs),
        }
    )


def parse(documents: Sequence[Document]) -> Reading:
    """One row per place and year."""
    (document,) = documents
    if plain_extension(document) in ("html", "htm"):
        text, broken = _from_html(document), None
    else:
        text, broken = csv_rows(document, _REQUIRED)
    kind = pl.col("kind").str.strip_chars()
    rows = (
        text.filter(kind.ne_missing("fossil power only"))
        .with_columns(
            pl.col("name_zh")
            .str.strip_chars()
            .replace_strict(ZONES, default=None, return_dtype=pl.String)
            .alias("zone"),
            kind.replace_strict(_ACCOUNTING, default=None, return_dtype=pl.String).alias("basis_accounting"),
            pl.col("unit_as_published")
            .str.strip_chars()
            .replace_strict(GRAMS, default=None, return_dtype=pl.Float64)
            .alias("grams"),
            pl.col("value_as_published").cast(pl.Float64, strict=False).alias("value"),
            to_instant(pl.col("year").str.strip_chars() + "-01-01", "%Y-%m-%d").alias("valid_from"),
        )
        .with_columns((pl.col("value") * pl.col("grams")).round(6).alias("intensity_gco2e_per_kwh"))
    )
    grams = pl.col("intensity_gco2e_per_kwh")
    why = (
        pl.when(pl.col("zone").is_null())
        .then(pl.lit("a place that is not in the official tables"))
        .when(pl.col("basis_accounting").is_null())
        .then(pl.lit("an unknown kind of factor"))
        .when(pl.col("grams").is_null())
        .then(pl.format("unknown unit {}", pl.col("unit_as_published").fill_null("(none)")))
        .when(pl.col("valid_from").is_null() | grams.is_null())
        .then(pl.lit("the year or the value cannot be read"))
        # No province is below 20 g/kWh: such a value is in tonnes although its unit says kilograms.
        .when(grams < 20)
        .then(pl.lit("below 20 g/kWh: the unit is not the stated one (t for kg?)"))
    )
    good, bad = split_by_fault(rows, why)
    frame = grid_carbon_rows(
        good,
        resolution="P1Y",
        basis_boundary="direct",
        basis_accounting=pl.col("basis_accounting"),
        basis_kind="actual",
    )
    return Reading([Scope("CN", frame)], refused(bad.select(*text.columns, "why"), pl.col("why"))).refusing(broken)


CHINA_MEE = Source(
    source_id="china_mee",
    subject="grid_carbon",
    title="China's official CO2 factors of electricity",
    homepage_url="https://www.mee.gov.cn/",
    licence="official notices; facts",
    attribution="MEE and NBS of China",
    parse=parse,
    parser_version=4,
    extension="csv",
    stale_after_days=500.0,
)
