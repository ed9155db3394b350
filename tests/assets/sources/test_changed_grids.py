"""Real grid files with one thing wrong: a fuel gone, a sign turned, another unit, other slots. No number may come of it that the real file has not.

Each change was tried because another date, country or year may hold it; most of them once gave numbers that looked right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_body, read_files

VALUES = ("intensity_gco2e_per_kwh", "price_amount_per_mwh")
Change = Callable[[str], str]


def of_json(change: Callable[[Any], Any]) -> Change:
    """A change of the document, which may be made in place."""

    def changed(text: str) -> str:
        document = json.loads(text)
        new = change(document)
        return json.dumps(document if new is None else new)

    return changed


def lines(change: Callable[[str, list[str]], list[str]]) -> Change:
    """A change of (header, rows)."""

    def changed(text: str) -> str:
        head, *rows = text.splitlines()
        return "\n".join([head, *change(head, rows)]) + "\n"

    return changed


def each_record(change: Callable[[dict[str, Any]], list[dict[str, Any]]], *path: str) -> Change:
    """A change of the objects of a list: one becomes none, one or several."""

    def changed(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = [new for record in document[path[-1]] for new in change(record)]

    return of_json(changed)


def eia(fuel: str, change: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> Change:
    return each_record(lambda r: change(r) if r["fueltype"] == fuel else [r], "response", "data")


def pjm(fuel: str, change: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> Change:
    return each_record(lambda r: change(r) if r["fuel_type"] == fuel else [r], "items")


def france(**fields: Callable[[Any], Any]) -> Change:
    def change(record: dict[str, Any]) -> list[dict[str, Any]]:
        old = record["fields"]
        return [{**record, "fields": {**old, **{name: new(old.get(name)) for name, new in fields.items()}}}]

    return each_record(change, "records")


def arrays(*left_out: int) -> Change:
    """Slots left out of parallel arrays."""
    return of_json(
        lambda d: {
            k: [x for n, x in enumerate(v) if n not in left_out] if isinstance(v, list) else v for k, v in d.items()
        }
    )


def every(name: str, change: Callable[[Any], Any]) -> Change:
    """A change of every value of an array."""
    return of_json(lambda d: {**d, name: [None if v is None else change(v) for v in d[name]]})


def britain(change: Callable[[Any], Any]) -> Change:
    def changed(record: dict[str, Any]) -> list[dict[str, Any]]:
        new = {k: change(v) if k != "index" and v is not None else v for k, v in record["intensity"].items()}
        return [{**record, "intensity": new}]

    return each_record(changed, "data")


def psr(code: str, change: Callable[[str], str]) -> Change:
    """A change of the series of one kind of generation."""
    pattern = re.compile(rf"<TimeSeries>(?:(?!</TimeSeries>).)*<psrType>{code}</psrType>.*?</TimeSeries>", re.DOTALL)
    return lambda text: pattern.sub(lambda found: change(found[0]), text)


def quarters(text: str, column: int = 0) -> str:
    head, *rows = text.splitlines()
    cells = [(row.split(",")[0], row.split(",")[1:]) for row in rows[:400]]
    return (
        "\n".join([head, *(",".join([t[:-5] + f"{m:02}:00", *rest]) for t, rest in cells for m in (0, 15, 30, 45))])
        + "\n"
    )


BANC = "eia/fuel_type_data_BANC_2019-07-25.json"
FRANCE = "rte_eco2mix/fr_production_response.json"
FR_XML = "entsoe/A75_generation_FR_2021-01-01.xml"
SMARD = "smard/Realisierte_Erzeugung_2020-10-12_2020-11-08.csv"
CARBON, PRICE = "energy_charts/co2eq_fr_2026-10-04.json", "energy_charts/price_AT_2026-10-09_15min.json"
GB = "gb_carbon_intensity/intensity_range.json"
EMAPS = "electricity_maps_csv/GB_2024_hourly.csv"
PJM = "us_iso/pjm_gen_by_fuel.json"

SA = "aemo_openelectricity/OPENNEM_AU-SA.v4.json"
LONDON = "gb_carbon_intensity/regional_range_regionid13_2020-01-01_2020-01-02.json"
ERCOT = "us_iso/ercot_fuel_mix.json"
CAISO = "caiso/fuelsource_2023-01-01.csv"


def cell(row: int, column: int, new: str, separator: str = ",") -> Change:
    """One cell of a table."""

    def change(_: str, rows: list[str]) -> list[str]:
        cells = rows[row].split(separator)
        return [*rows[:row], separator.join([*cells[:column], new, *cells[column + 1 :]]), *rows[row + 1 :]]

    return lines(change)


def quarter_of_france(**new: Any) -> Change:
    """New fields of one quarter-hour."""
    return of_json(lambda d: d["records"][40]["fields"].update(new))


CHANGES: list[tuple[str, str, str, Change]] = [
    ("caiso", CAISO, "no gas for five minutes", cell(150, 9, "0")),
    ("caiso", CAISO, "no nuclear power for five minutes", cell(150, 8, "0")),
    ("caiso", CAISO, "gas below zero for five minutes", cell(150, 9, "-5000")),
    ("caiso", CAISO, "an absurd figure for a fuel at rest", cell(150, 7, "1e9")),
    ("eco2mix", FRANCE, "nuclear power below zero for a quarter", quarter_of_france(nucleaire=-36000)),
    ("eco2mix", FRANCE, "no oil for a quarter", quarter_of_france(fioul=None)),
    ("eco2mix", FRANCE, "a record that is none", of_json(lambda d: d["records"].__setitem__(40, None))),
    ("smard", SMARD, "a thousandth of the lignite of a quarter", cell(900, 9, "1,5", ";")),
    ("gb_carbon_intensity_mix", "gb_carbon_intensity/regional_current_2021-04-30.json", "a region that is not known", of_json(lambda d: d["data"][0]["regions"][6].update(regionid=0))),
    ("gb_carbon_intensity_mix", "gb_carbon_intensity/regional_current_2021-04-30.json", "a share that is none", of_json(lambda d: d["data"][0]["regions"][6]["generationmix"][3].update(perc={}))),
    ("gb_carbon_intensity", "gb_carbon_intensity/regional_current_2021-04-30.json", "a region that is not known", of_json(lambda d: d["data"][0]["regions"][6].update(regionid=0))),
    ("gb_carbon_intensity", GB, "a slot without a time", of_json(lambda d: d["data"][7].pop("from"))),
    ("gb_carbon_intensity", GB, "a slot that is none", of_json(lambda d: d["data"].__setitem__(7, None))),
    ("nordpool", "nordpool/se_current_day_price.json", "a price in words", of_json(lambda d: d[0]["prices"][3].update(price="n/a"))),
    ("gridemissions", "gridemissions/CO2i_2023-06-10_2023-06-20.csv", "a zero", cell(6, 1, "0")),
    ("electricity_maps_csv", "electricity_maps_csv/vintage_2024-03/BR_2021_hourly.csv", "an hour of another zone", cell(900, 3, "x")),
    ("ember_monthly", "ember/vintage_2024-12-17/api_country_overview_monthly.csv", "a month in the far future", lambda t: t.replace("2024-05-01", "2099-05-01", 1)),
    ("electricity_maps", "electricity_maps_api/carbon_intensity_history.json", "an hour of another zone", of_json(lambda d: d["history"][8].update(zone="x"))),
    ("electricity_maps", "electricity_maps_api/carbon_intensity_history.json", "an hour in the far future", of_json(lambda d: d["history"][8].update(datetime="2099-03-06T04:00:00.000Z"))),
    ("watttime", "watttime/moer_5min_CAISO_NORTH_2023-06-08_2023-07-08.csv", "five minutes in the far future", cell(900, 0, "2099-06-18 00:00:00")),
    ("energinet_carbon", "energinet/co2emisprog.json", "a record that is none", of_json(lambda d: d["records"].__setitem__(4, None))),
    ("owid", "owid/carbon-intensity-electricity__augustinlafond.csv", "a country that is not known", lines(lambda h, rows: [r.replace(",AFG,", ",QQQ,") for r in rows])),
    ("china_mee", "china_mee/provincial_average_2021.csv", "a kind that is not said", cell(3, 6, "")),
    ("openelectricity", SA, "a series without its region", of_json(lambda d: d["data"][0]["results"][2]["columns"].pop("region"))),
    ("openelectricity", SA, "a series without its kind", of_json(lambda d: d["data"][0]["results"][2]["columns"].update(fueltech=None))),
    ("openelectricity", SA, "a series without data", of_json(lambda d: d["data"][0]["results"][2].update(data=None))),
    ("openelectricity", "aemo_openelectricity/OPENNEM_AU-NSW.json", "a series that does not say what it is", of_json(lambda d: next(p for p in d["data"] if p.get("fuel_tech") == "gas_ccgt").pop("data_type"))),
    ("gb_carbon_intensity", LONDON, "forecasts of 0 for mixes that are none", of_json(lambda d: [s.update(generationmix=None) for s in d["data"]["data"]] and d)),
    ("gb_carbon_intensity", GB, "figures that are none", of_json(lambda d: d["data"][7].update(intensity="x"))),
    ("energinet_carbon", "energinet/co2emisprog.json", "an area that is not known", of_json(lambda d: d["records"][4].update(PriceArea="x"))),
    ("ercot", ERCOT, "a cell that is none", of_json(lambda d: next(iter(next(iter(d["data"].values())).values())).update({"Natural Gas": None}))),
    ("eia", BANC, "a row that is none", of_json(lambda d: d["response"]["data"].insert(0, "x"))),
    ("electricity_maps", "electricity_maps_api/latest_carbon_intensity.json", "a zone that is none", of_json(lambda d: d.update(zone=""))),
    ("eia", BANC, "gas in GWh, said", eia("NG", lambda r: [{**r, "value": r["value"] / 1000, "value-units": "gigawatthours"}])),
    ("eia", BANC, "an old row beside a revised one", eia("NG", lambda r: [r, {**r, "value": r["value"] * 2}])),
    ("eia", BANC, "gas below zero", eia("NG", lambda r: [{**r, "value": -r["value"]}])),
    ("eia", BANC, "gas under a new code", eia("NG", lambda r: [{**r, "fueltype": "GAS"}])),
    ("eia", BANC, "local hours", each_record(lambda r: [{**r, "period": r["period"] + "-07"}], "response", "data")),
    ("pjm", PJM, "gas is gone", pjm("Gas", lambda r: [])),
    ("pjm", PJM, "coal is null", pjm("Coal", lambda r: [{**r, "mw": None}])),
    ("pjm", PJM, "thousands with a comma", pjm("Gas", lambda r: [{**r, "mw": f"{r['mw']:,}"}])),
    ("pjm", PJM, "an old row beside a revised one", pjm("Gas", lambda r: [r, {**r, "mw": r["mw"] * 1.1}])),
    ("eco2mix", FRANCE, "RTE's figure is 0", france(taux_co2=lambda v: 0)),
    ("eco2mix", FRANCE, "RTE's figure in kg/kWh", france(taux_co2=lambda v: v and float(v) / 1000)),
    ("eco2mix", FRANCE, "decimals with a comma", france(gaz=lambda v: v if v is None else f"{v},5")),
    ("eco2mix", FRANCE, "no nuclear power", france(nucleaire=lambda v: None)),
    ("eco2mix", FRANCE, "nuclear power below zero", france(nucleaire=lambda v: v if not isinstance(v, int) else -v)),
    ("eco2mix", FRANCE, "a slot twice", each_record(lambda r: [r, {**r, "fields": {**r["fields"], "gaz": 9999, "taux_co2": 200}}], "records")),
    ("entsoe", FR_XML, "nuclear power below zero", psr("B14", lambda s: s.replace("<quantity>", "<quantity>-"))),
    ("entsoe", FR_XML, "gas twice", psr("B04", lambda s: s + s.replace("<quantity>", "<quantity>1"))),
    ("entsoe", FR_XML, "a period longer than what is stated", lambda t: t.replace("2021-01-02T00:00Z</end>", "2021-01-02T06:00Z</end>")),
    ("entsoe", FR_XML, "one kind in kilowatts", lambda t: t.replace("MAW", "KWT", 1)),
    ("smard", SMARD, "English thousands", lambda t: re.sub(r";(\d+)\.(\d{3})(?=;|\n|\r)", r";\1,\2", t)),
    ("smard", SMARD, "English decimals", lambda t: re.sub(r";(\d+)\.(\d{3})(?=;|\n|\r)", r";\1\2.5", t)),
    ("smard", SMARD, "quarters, then hours", lines(lambda h, rows: rows[:1000] + [r for r in rows[1000:] if ":00;" in r[10:17]])),
    ("energy_charts_carbon", CARBON, "a slot is gone", arrays(10)),
    ("energy_charts_carbon", CARBON, "three slots are gone", arrays(10, 11, 12)),
    ("energy_charts_carbon", CARBON, "zeros", every("co2eq", lambda v: 0)),
    ("energy_charts_carbon", CARBON, "kg/kWh", every("co2eq", lambda v: v / 1000)),
    ("energy_charts_carbon", CARBON, "decimals with a comma", every("co2eq", lambda v: str(v).replace(".", ","))),
    ("energy_charts_carbon", CARBON, "milliseconds", every("unix_seconds", lambda v: v * 1000)),
    ("energy_charts_price", PRICE, "a slot is gone", arrays(10)),
    ("energy_charts_price", PRICE, "three slots are gone", arrays(10, 11, 12)),
    ("energy_charts_price", PRICE, "cents per kWh", lambda t: t.replace("EUR / MWh", "ct / kWh").replace("EUR/MWh", "ct/kWh")),
    ("energinet_carbon", "energinet/daily/co2_DK1_2026-07-01.json", "zeros", of_json(lambda d: [{**r, "co2": 0} for r in d])),
    ("gb_carbon_intensity", GB, "kg/kWh", britain(lambda v: v / 1000)),
    ("gb_carbon_intensity", GB, "true for a number", britain(lambda v: True)),
    ("gb_carbon_intensity", GB, "zeros", britain(lambda v: 0)),
    ("gb_carbon_intensity", GB, "a unit beside the number", britain(lambda v: f"{v} g")),
    ("electricity_maps_csv", EMAPS, "pounds", lambda t: t.replace("gCO₂eq/kWh", "lbCO₂eq/MWh")),
    ("electricity_maps_csv", EMAPS, "kilograms", lambda t: t.replace("gCO₂eq/kWh", "kgCO₂eq/kWh")),
    ("electricity_maps_csv", EMAPS, "direct and life cycle change places", lambda t: t.replace("(direct)", "(x)").replace("(LCA)", "(direct)").replace("(x)", "(LCA)")),
    ("electricity_maps_csv", EMAPS, "quarters of a year", lines(lambda h, rows: [r for r in rows if re.match(r"2024-(01|04|07|10)-01 00", r)])),
    ("ember_price", "ember/api_price_monthly.csv", "months that begin on the 15th", lambda t: re.sub(r"(\d{4}-\d\d)-01", r"\1-15", t)),
    ("nyiso", "us_iso/nyiso_rtfuelmix_20250201.csv", "summer time in winter", lambda t: t.replace("EST", "EDT")),
    ("nyiso", "us_iso/nyiso_rtfuelmix_20250201.csv", "gas and oil are gone", lines(lambda h, rows: [r for r in rows if "Dual Fuel" not in r])),
    ("nyiso", "us_iso/nyiso_rtfuelmix_20250201.csv", "hours", lines(lambda h, rows: [r for r in rows if ":05:00" in r])),
]  # fmt: skip


def keyed(scopes: dict[str, pl.DataFrame]) -> dict[tuple[Any, ...], float]:
    """Value by everything else of its row."""
    found: dict[tuple[Any, ...], float] = {}
    for frame in scopes.values():
        value = next(v for v in VALUES if v in frame.columns)
        key = [c for c in frame.columns if c not in (value, "capture_id")]
        found |= dict(zip(frame.select(key).rows(), frame[value], strict=True))
    return found


@pytest.mark.parametrize(("source_id", "file", "what", "change"), CHANGES, ids=[f"{c[0]}: {c[2]}" for c in CHANGES])
def test_no_number_comes_of_a_file_with_a_fault(
    source_id: str, file: str, what: str, change: Change, samples: Path, tmp_path: Path
) -> None:
    body = (samples / file).read_text(encoding="utf-8-sig")
    changed = change(body)
    assert changed != body, what
    real = keyed(read_files(source_id, samples / file)[0])
    try:
        scopes, rejected = read_body(source_id, changed, tmp_path, Path(file).name)
    except LayoutError:
        return
    invented = {key: value for key, value in keyed(scopes).items() if real.get(key) != pytest.approx(value)}
    assert not invented, f"{len(invented)} numbers that the real file has not, e.g. {next(iter(invented.items()))}"
    assert rejected.height or len(keyed(scopes)) < len(real), "the fault went unnoticed"


def test_one_record_costs_itself(samples: Path, tmp_path: Path) -> None:
    """What is no record, or lies far outside, takes none of the others with it."""
    for source_id, file, change in (
        ("eco2mix", FRANCE, of_json(lambda d: d["records"].__setitem__(40, None))),
        ("pjm", PJM, of_json(lambda d: d["items"].__setitem__(0, "x"))),
        ("gb_carbon_intensity", GB, of_json(lambda d: d["data"].__setitem__(7, None))),
        ("electricity_maps", "electricity_maps_api/carbon_intensity_history.json", of_json(lambda d: d["history"].__setitem__(8, None))),
        ("nordpool", "nordpool/se_current_day_price.json", of_json(lambda d: d[0]["prices"].__setitem__(3, None))),
        ("watttime", "watttime/moer_5min_CAISO_NORTH_2023-06-08_2023-07-08.csv", cell(900, 0, "2099-06-18 00:00:00")),
        ("eia", BANC, of_json(lambda d: next(r for r in d["response"]["data"] if r["fueltype"] == "NG").update(value=[]))),
        ("ercot", ERCOT, of_json(lambda d: next(iter(next(iter(d["data"].values())).values())).update({"Coal and Lignite": None}))),
        ("energinet_carbon", "energinet/daily/co2_DK1_2026-07-01.json", of_json(lambda d: d[8].update(timestamp=1e300))),
    ):  # fmt: skip
        real = keyed(read_files(source_id, samples / file)[0])
        body = change((samples / file).read_text(encoding="utf-8-sig"))
        scopes, _ = read_body(source_id, body, tmp_path, Path(file).name)
        kept = keyed(scopes)
        assert set(kept) < set(real), source_id
        assert len(kept) >= len(real) - 3, source_id


def test_quarter_hours_are_told_from_hours(samples: Path, tmp_path: Path) -> None:
    """Values of a quarter-hour were once said to hold for an hour, four for each."""
    for source_id, file in (
        ("electricity_maps_csv", EMAPS),
        ("market_hourly", "price_hourly/local_naive/DE-LU_electricity_prices_2024.csv"),
    ):
        body = quarters((samples / file).read_text(encoding="utf-8-sig"))
        scopes, _ = read_body(source_id, body, tmp_path, Path(file).name)
        (frame,) = scopes.values()
        assert frame["resolution"].unique().to_list() == ["PT15M"]


def test_hours_of_a_daily_file_are_told_from_five_minutes(samples: Path, tmp_path: Path) -> None:
    day = json.loads((samples / "energinet/daily/co2_DK1_2026-07-01.json").read_text())
    scopes, _ = read_body("energinet_carbon", json.dumps(day[::12]), tmp_path, "co2_DK1_2026-07-01.json")
    assert scopes["DK"]["resolution"].unique().to_list() == ["PT1H"]
