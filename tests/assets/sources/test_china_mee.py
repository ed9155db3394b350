"""China's official factors: three real transcriptions, units a thousand apart."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError
from assets.sources.china_mee import ZONES
from tests.assets.sources.reading import read_body, read_files

HEADER = "scope,name_zh,code,year,value_as_published,unit_as_published,kind\n"
NOTICE = """<html><body><p>附件1 2023年全国电力平均二氧化碳排放因子</p><p>单位 kgCO2/kWh</p><table>
<tr><th>省份</th><th>因子</th><th>省份</th><th>因子</th></tr>
<tr><td>北 京</td><td>0.5554</td><td>云南</td><td>0.1235</td></tr></table></body></html>"""


def _values(frame: pl.DataFrame) -> dict[tuple[str, str], float]:
    rows = frame.select("zone", "basis_accounting", pl.col("valid_from").dt.year(), "intensity_gco2e_per_kwh").rows()
    return {(zone, f"{accounting} {year}"): value for zone, accounting, year, value in rows}


def test_provinces(samples: Path) -> None:
    scopes, rejected = read_files("china_mee", samples / "china_mee/provincial_average_2021.csv")
    values = _values(scopes["CN"])
    assert len(values) == 30
    assert values[("CN-BJ", "location 2021")] == pytest.approx(568.8)
    assert values[("CN-YN", "location 2021")] == pytest.approx(123.5)
    assert rejected.is_empty()


def test_tonnes_and_kilograms_meet(samples: Path) -> None:
    """0.0007120 tCO2/kWh and 0.6361 kgCO2/kWh are both hundreds of grams."""
    tonnes, _ = read_files("china_mee", samples / "china_mee/regional_average_2021_2022_tCO2_per_kWh.csv")
    kilograms, _ = read_files("china_mee", samples / "china_mee/national_regional_2023.csv")
    assert _values(tonnes["CN"])[("CN-REG-NORTH", "location 2021")] == pytest.approx(712.0)
    assert _values(kilograms["CN"])[("CN-REG-NORTH", "location 2023")] == pytest.approx(636.1)


def test_three_national_numbers_of_one_year(samples: Path) -> None:
    """The average is ours, that without traded non-fossil power a market view, that of fossil power no grid's."""
    scopes, _ = read_files("china_mee", samples / "china_mee/national_regional_2023.csv")
    national = {k[1]: v for k, v in _values(scopes["CN"]).items() if k[0] == "CN"}
    assert national == {"location 2022": 536.6, "location 2023": 530.6, "market 2023": 609.6}


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("province,北京,CN-BJ,2021,0.5688,tCO2/kWh,average", "above 1500"),
        ("province,北京,CN-BJ,2021,0.00057,kgCO2/kWh,average", "t for kg"),
        ("province,北京,CN-BJ,2021,0.5688,lb/MWh,average", "unknown unit"),
        ("province,西藏,CN-XZ,2021,0.5,kgCO2/kWh,average", "official"),
        ("province,北京,CN-BJ,2021,n/a,kgCO2/kWh,average", "cannot be read"),
        ("province,北京,CN-BJ,2021,0.5,kgCO2/kWh,marginal", "kind"),
    ],
)
def test_what_does_not_fit_is_refused(row: str, word: str, tmp_path: Path) -> None:
    body = HEADER + row + "\nprovince,云南,CN-YN,2021,0.1235,kgCO2/kWh,average\n"
    scopes, rejected = read_body("china_mee", body, tmp_path, "c.csv")
    assert scopes["CN"]["zone"].to_list() == ["CN-YN"]
    assert word in rejected["reason"][0]


def test_a_notice_as_a_page(tmp_path: Path) -> None:
    scopes, _ = read_body("china_mee", NOTICE, tmp_path, "notice.html")
    assert _values(scopes["CN"]) == {("CN-BJ", "location 2023"): 555.4, ("CN-YN", "location 2023"): 123.5}


@pytest.mark.parametrize(
    ("old", "word"), [("kgCO2/kWh", "no year or no unit"), ("2023年", "no year or no unit"), ("td", "no table")]
)
def test_a_page_that_does_not_say_its_unit(old: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("china_mee", NOTICE.replace(old, "div"), tmp_path, "notice.html")


def golden_values(golden: Path) -> dict[tuple[str, int], float]:
    """(zone, year) -> gCO2/kWh, of every province, region and the nation in the table of published figures."""
    rows = pl.read_csv(golden / "16_china_grid_factors.csv").filter(metric="kg_co2_per_kwh")
    english = {
        "North": "CN-REG-NORTH",
        "Northeast": "CN-REG-NORTHEAST",
        "East": "CN-REG-EAST",
        "Central": "CN-REG-CENTRAL",
        "Northwest": "CN-REG-NORTHWEST",
        "South": "CN-REG-SOUTH",
        "Southwest": "CN-REG-SOUTHWEST",
        "National": "CN",
    }
    found = {}
    for case, year, published in rows.select("case", "in_year", "published").rows():
        chinese = re.search(r"[\u4e00-\u9fff]+", case)
        zone = ZONES[chinese.group()] if chinese else english[str(case).split()[0]]
        found[(zone, int(year))] = 1000 * published
    return found


def test_every_official_factor_that_ships_is_the_published_one(golden: Path) -> None:
    """30 provinces x 2021 to 2023, to the last digit."""
    wanted = {key: value for key, value in golden_values(golden).items() if not key[0].startswith("CN-REG-")}
    shipped = pl.read_csv(Path(__file__).parents[3] / "assets" / "starter" / "grid_carbon.csv").filter(
        pl.col("zone").str.starts_with("CN-"), basis_boundary="direct"
    )
    values = {(zone, year): v for zone, year, v in shipped.select("zone", "year", "intensity_gco2e_per_kwh").rows()}
    assert len(values) == 90
    assert values == pytest.approx({key: value for key, value in wanted.items() if key[0] != "CN"}, rel=1e-12)


def test_transcriptions_of_the_notices_agree_with_the_published_figures(golden: Path, samples: Path) -> None:
    """Every figure that a transcription has, whatever its unit."""
    wanted, compared = golden_values(golden), set()
    for file in sorted((samples / "china_mee").glob("*.csv")):
        scopes, _ = read_files("china_mee", file)
        rows = pl.concat(scopes.values()).filter(basis_accounting="location")
        for zone, year, value in rows.select("zone", pl.col("valid_from").dt.year(), "intensity_gco2e_per_kwh").rows():
            assert value == pytest.approx(wanted[(zone, year)], rel=1e-9), (file.name, zone, year)
            compared.add((zone, year))
    assert {year for _, year in compared} == {2021, 2022, 2023}
    assert len(compared) >= 30 + 8 + 8
