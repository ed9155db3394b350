"""ENTSO-E: real documents, and what they must survive."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets.intake import take_live
from assets.sources import needs_key
from assets.sources._base import LayoutError, Window
from assets.sources.entsoe import ALSO_READ, ENTSOE_GENERATION, ENTSOE_PRICE, ZONES
from tests.assets.sources.reading import OBSERVED_AT, read_body, read_files
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home

SERIES = """<TimeSeries><inBiddingZone_Domain.mRID>10YFR-RTE------C</inBiddingZone_Domain.mRID>
<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name><curveType>{curve}</curveType>
<MktPSRType><psrType>{psr}</psrType></MktPSRType><Period>
<timeInterval><start>2026-01-01T00:00Z</start><end>2026-01-01T03:00Z</end></timeInterval><resolution>{resolution}</resolution>
{points}</Period></TimeSeries>"""


def _points(values: dict[int, float], tag: str = "quantity") -> str:
    return "".join(f"<Point><position>{p}</position><{tag}>{v}</{tag}></Point>" for p, v in values.items())


def _document(*series: str, namespace: str = "urn:v3", kind: str = "A75") -> str:
    return f'<GL_MarketDocument xmlns="{namespace}"><type>{kind}</type>{"".join(series)}</GL_MarketDocument>'


def _one(psr: str, values: dict[int, float], curve: str = "A03", resolution: str = "PT60M") -> str:
    return SERIES.format(curve=curve, psr=psr, resolution=resolution, points=_points(values))


def _direct(frame: pl.DataFrame) -> list[float]:
    return frame.filter(pl.col("basis_boundary") == "direct").sort("valid_from")["intensity_gco2e_per_kwh"].to_list()


@pytest.mark.parametrize(
    ("file", "zone", "resolution", "slots", "figures", "low", "high"),
    [
        ("A75_generation_DE_2021-01-01", "DE", "PT15M", 96, 2, 250, 600),
        ("A75_generation_FR_2021-01-01", "FR", "PT1H", 24, 2, 20, 100),
        ("BE_production", "BE", "PT1H", 2, 1, 40, 300),
        # 2% without a factor: too much for a direct figure of 17 g/kWh.
        ("FI_production", "FI", "PT15M", 288, 1, 30, 120),
        ("NO-NO5_production", "NO-NO5", "PT1H", 47, 2, 0, 30),
        ("NO-NO5_production-negatives", "NO-NO5", "PT1H", 47, 2, 0, 30),
    ],
)
def test_real_generation(
    samples: Path, file: str, zone: str, resolution: str, slots: int, figures: int, low: float, high: float
) -> None:
    """Every slot is there (A03 filled), in the range that such a country has."""
    scopes, rejected = read_files("entsoe", samples / f"entsoe/{file}.xml")
    frame = scopes[zone]
    assert frame["resolution"].unique().to_list() == [resolution]
    assert frame.height + figures * rejected.height >= figures * slots
    assert frame["intensity_gco2e_per_kwh"].is_between(low, high).all()


def test_belgium_in_wind_has_no_direct_figure(samples: Path) -> None:
    """810 MW of waste and others beside 550 MW of gas: 26 g/kWh would leave more of the emissions out than it counts."""
    scopes, refused = read_files("entsoe", samples / "entsoe/BE_production.xml")
    assert scopes["BE"]["basis_boundary"].to_list() == ["lifecycle"] * 2
    assert refused.is_empty()


def test_a03_fills_forward_and_a01_does_not(tmp_path: Path) -> None:
    """Gas 100 stays until the end, nuclear 100 ends after the first hour: 185, then 370."""
    a03 = _document(_one("B04", {1: 100}), _one("B14", {1: 100, 2: 0}))
    scopes, rejected = read_body("entsoe", a03, tmp_path, "a.xml")
    assert _direct(scopes["FR"]) == [185.0, 370.0, 370.0]
    assert rejected.is_empty()
    a01 = _document(_one("B04", {1: 100}, "A01"), _one("B14", {1: 100, 2: 50, 3: 50}, "A01"))
    scopes, rejected = read_body("entsoe", a01, tmp_path, "a.xml")
    assert _direct(scopes["FR"]) == [185.0]
    assert rejected["reason"].str.contains("gas is missing").sum() == 2


def test_consumption_storage_and_namespaces(tmp_path: Path) -> None:
    pumping = _one("B10", {1: 900}).replace("inBiddingZone", "outBiddingZone")
    body = _document(
        _one("B04", {1: 1}), pumping, _one("B10", {1: 900}), _one("B25", {1: 900}), namespace="urn:v99:future"
    )
    scopes, _ = read_body("entsoe", body, tmp_path, "a.xml")
    assert _direct(scopes["FR"]) == [370.0] * 3


def test_two_resolutions_in_one_answer(tmp_path: Path) -> None:
    """Hours first, quarter-hours after; gas by the hour and nuclear power by the quarter-hour are no mix of either."""
    late = _one("B04", {1: 1}, resolution="PT15M").replace("2026-01-01T0", "2026-01-02T0")
    scopes, _ = read_body("entsoe", _document(_one("B04", {1: 1}), late), tmp_path, "a.xml")
    assert dict(scopes["FR"].group_by("resolution").len().rows()) == {"PT1H": 6, "PT15M": 24}
    body = _document(_one("B04", {1: 1}), _one("B14", {1: 1}, resolution="PT15M"))
    scopes, rejected = read_body("entsoe", body, tmp_path, "a.xml")
    assert not any(f.height for f in scopes.values())
    assert rejected["reason"].unique().to_list() == [
        "kinds of generation in slots of different lengths for the same hour"
    ]


def test_prices_of_two_auctions(samples: Path) -> None:
    """DE-LU 2021 comes hourly (position 1) and by quarter (position 2): the first is the day-ahead auction."""
    scopes, rejected = read_files("entsoe_price", samples / "entsoe/A44_price_DE-LU_2021-01-01.xml")
    frame = scopes["DE-LU"].sort("valid_from")
    assert (frame.height, frame["resolution"].unique().to_list()) == (48, ["PT1H"])
    assert frame.row(0, named=True)["price_amount_per_mwh"] == 50.87
    assert rejected.is_empty()


def test_another_auction_alone_is_not_the_day_ahead_price(samples: Path, tmp_path: Path) -> None:
    """EXAA prices tomorrow some hours before the coupled auction does: its hours are refused, not taken for it."""
    body = (samples / "entsoe/A44_price_DE-LU_2021-01-01.xml").read_text(encoding="utf-8")
    first, rest = body.split("<TimeSeries>", 1)
    series = ["<TimeSeries>" + part for part in rest.split("<TimeSeries>")]
    is_second = [">2</classificationSequence_AttributeInstanceComponent.position>" in one for one in series]
    assert is_second == [True, False, True, False]
    # The coupled auction of the second day is not there.
    scopes, rejected = read_body(
        "entsoe_price", first + "".join(series[:3]) + "</Publication_MarketDocument>", tmp_path, "a.xml"
    )
    assert scopes["DE-LU"].height == 24
    assert rejected.height == 24
    assert set(rejected["reason"].str.contains("only another auction")) == {True}


def test_prices_of_the_day_itself_are_none_of_the_day_before(samples: Path, tmp_path: Path) -> None:
    """An answer of the intraday auctions (A07) alone is told apart by name."""
    body = (samples / "entsoe/A44_price_PT_2024-12-29_gapfill_curveA03.xml").read_text(encoding="utf-8")
    intraday = body.replace("<contract_MarketAgreement.type>A01", "<contract_MarketAgreement.type>A07")
    assert intraday != body
    with pytest.raises(LayoutError, match="intraday auctions alone"):
        read_body("entsoe_price", intraday, tmp_path, "a.xml")


def test_prices_fill_forward(samples: Path) -> None:
    """23 points for 24 hours: the one left out repeats its neighbour."""
    scopes, _ = read_files("entsoe_price", samples / "entsoe/A44_price_PT_2024-12-29_gapfill_curveA03.xml")
    frame = scopes["PT"].sort("valid_from")
    assert frame.height == 24
    assert (frame["price_amount_per_mwh"].diff() == 0).sum() >= 1
    assert frame["valid_from"][0] == dt.datetime(2024, 12, 28, 23, tzinfo=dt.UTC)


def test_the_move_to_quarter_hours(samples: Path) -> None:
    scopes, _ = read_files("entsoe_price", samples / "entsoe/ES_day_ahead_price.xml", observed_at=OBSERVED_AT)
    lengths = (
        scopes["ES"]
        .group_by("resolution")
        .agg(pl.len(), pl.col("valid_from").min().dt.strftime("%m-%d %H"))
        .sort("resolution")
    )
    assert lengths.rows() == [("PT15M", 192, "09-30 22"), ("PT1H", 48, "09-28 22")]


def test_no_data_is_said_in_its_own_words(samples: Path) -> None:
    with pytest.raises(LayoutError, match="has no data: No matching data found"):
        read_files("entsoe", samples / "entsoe/A65_no_data_acknowledgement.xml")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (_document(_one("B04", {1: 1}), kind="A65"), "type A65, expected A75"),
        (_document(), "no TimeSeries"),
        (_document(_one("B04", {1: 1, 9: 1})), "positions"),
        (_document(_one("B04", {1: 1}, resolution="PT7M")), "resolution"),
        (_document(_one("B04", {1: 1}).replace("10YFR-RTE------C", "10YXX")), "unknown area"),
        (_document(_one("B04", {1: 1}).replace("MAW", "KWH")), "expected MAW"),
        ("", "empty"),
        ("<a>", "not XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + _document(_one("B04", {1: 1})), "document type"),
    ],
)
def test_other_documents(body: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body("entsoe", body, tmp_path, "a.xml")


def test_live_goes_on_where_one_area_has_no_data(
    home: Home, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An Acknowledgement with status 200 is a rejected capture, the others are loaded; the token is not stored."""
    assert needs_key(ENTSOE_PRICE, {}) == "ENTSOE_API_KEY"
    monkeypatch.setenv("ENTSOE_API_KEY", "not-a-real-token")
    monkeypatch.setattr("assets.sources.entsoe.ZONES", {"10YBE----------2": "BE", "10YFR-RTE------C": "FR"})
    reason = "<Reason><text>No matching data</text></Reason>"
    none = f"<Acknowledgement_MarketDocument>{reason}</Acknowledgement_MarketDocument>"
    replay.add("https://web-api.tp.entsoe.eu/api", none, times=1)
    replay.add("https://web-api.tp.entsoe.eu/api", _document(_one("B14", {1: 5})))
    taken = take_live(home, ENTSOE_GENERATION, Window(OBSERVED_AT))
    assert [t.outcome for t in taken] == ["rejected", "loaded"]
    assert "No matching data" in (taken[0].message or "")
    assert "periodStart=202608300000&periodEnd=202609020000" in replay.urls()[0]
    assert not [c for _, b in staging.staged(home) for c in b.captures if "not-a-real-token" in c.url]


def test_areas_that_are_not_asked_for_are_read_from_files(samples: Path, tmp_path: Path) -> None:
    """The real French day under another area's code; every code is one zone, none is asked for and read twice."""
    body = (samples / "entsoe/A75_generation_FR_2021-01-01.xml").read_text(encoding="utf-8")
    for code, zone in (
        ("10YCA-BULGARIA-R", "BG"),
        ("10YGB----------A", "GB"),
        ("10Y1001A1001A75E", "IT-SIC"),
        ("10YNO-0--------C", "NO"),
        ("10YSE-1--------K", "SE"),
        ("10Y1001A1001A65H", "DK"),
    ):
        scopes, _ = read_body("entsoe", body.replace("10YFR-RTE------C", code), tmp_path, "x.xml")
        assert scopes[zone].height == 48
    assert not ZONES.keys() & ALSO_READ.keys()
    assert all(len(code) == 16 for code in ZONES | ALSO_READ)
    with pytest.raises(LayoutError, match="unknown area 10YXX"):
        read_body("entsoe", body.replace("10YFR-RTE------C", "10YXX-NOWHERE--1"), tmp_path, "x.xml")


def test_a_quantity_that_is_no_number_is_not_filled_with_the_one_before(samples: Path, tmp_path: Path) -> None:
    body = (samples / "entsoe/A75_generation_FR_2021-01-01.xml").read_text(encoding="utf-8")
    at = body.index("<quantity>", body.index("<position>2<"))
    with pytest.raises(LayoutError, match="quantity is not a number"):
        read_body("entsoe", body[:at] + "<quantity>N/A" + body[body.index("</quantity>", at) :], tmp_path, "x.xml")
