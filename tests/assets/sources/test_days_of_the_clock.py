"""Real days of every publisher that writes local days, moved to those on which clocks, months and years turn: no slot lost, none doubled.

A day is rendered in the publisher's own form from its recorded sample: the day clocks go forward, the day they go back, a leap day, the last and the
first day of a year.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from assets.sources.smard import ENGLISH
from tests.assets.sources.reading import read_body

UTC = dt.UTC
EUROPE = ("2024-03-31", "2024-10-27", "2024-02-29", "2023-12-31", "2024-01-01")
AMERICA = ("2024-03-10", "2024-11-03", "2024-02-29", "2023-12-31", "2024-01-01")
NO_SUMMER_TIME = ("2024-02-29", "2023-12-31", "2024-01-01")
#: (name of the file, text) of the slots (starts, UTC) of a local day, from the sample's own rows.
Render = Callable[[Path, dt.date, Sequence[dt.datetime]], tuple[str, str]]


def slots_of(day: dt.date, clock: str, minutes: int) -> list[dt.datetime]:
    """Starts (UTC) of the slots of a local day."""
    first, last = (
        dt.datetime.combine(day + dt.timedelta(days=n), dt.time(), ZoneInfo(clock)).astimezone(UTC) for n in (0, 1)
    )
    return [first + dt.timedelta(minutes=minutes) * n for n in range((last - first) // dt.timedelta(minutes=minutes))]


def caiso(samples: Path, day: dt.date, slots: Sequence[dt.datetime]) -> tuple[str, str]:
    head, *rows = (samples / "caiso/fuelsource_2023-01-01.csv").read_text().splitlines()
    lines, at = [head], dt.datetime.combine(day, dt.time())
    local = [slot.astimezone(ZoneInfo("America/Los_Angeles")).replace(tzinfo=None) for slot in slots]
    for n, time in enumerate(local):
        # The hour that is left out in spring stands there, and is empty.
        while at < time:
            lines.append(f"{at:%H:%M}" + "," * head.count(","))
            at += dt.timedelta(minutes=5)
        lines.append(f"{time:%H:%M}," + rows[n % len(rows)].split(",", 1)[1])
        at = time + dt.timedelta(minutes=5)
    return f"fuelsource_{day}.csv", "\r\n".join(lines) + "\r\n"


def nyiso(samples: Path, day: dt.date, slots: Sequence[dt.datetime]) -> tuple[str, str]:
    head, *rows = (samples / "us_iso/nyiso_rtfuelmix_20250202.csv").read_text().splitlines()
    seven, lines = [row.split(",")[2:] for row in rows[:7]], [head]
    for slot in slots:
        end = (slot + dt.timedelta(minutes=5)).astimezone(ZoneInfo("America/New_York"))
        lines += [",".join([f"{end:%m/%d/%Y %H:%M:%S}", end.tzname() or "", *row]) for row in seven]
    return f"{day:%Y%m%d}rtfuelmix.csv", "\n".join(lines) + "\n"


def ercot(samples: Path, day: dt.date, slots: Sequence[dt.datetime]) -> tuple[str, str]:
    told = json.loads((samples / "us_iso/ercot_fuel_mix.json").read_text())
    mix = next(iter(next(iter(told["data"].values())).values()))
    readings = {
        f"{(slot + dt.timedelta(minutes=4, seconds=57)).astimezone(ZoneInfo('America/Chicago')):%Y-%m-%d %H:%M:%S%z}": mix
        for slot in slots
    }
    return "fuel-mix.json", json.dumps({**told, "data": {str(day): readings}})


def smard(samples: Path, day: dt.date, slots: Sequence[dt.datetime]) -> tuple[str, str]:
    head, *rows = (samples / "smard/Realisierte_Erzeugung_2020-10-12_2020-11-08.csv").read_text("utf-8").splitlines()
    local = [slot.astimezone(ZoneInfo("Europe/Berlin")) for slot in slots]
    lines = [f"{t:%d.%m.%Y;%H:%M};" + rows[n].split(";", 2)[2] for n, t in enumerate(local)]
    return "Realisierte_Erzeugung.csv", "\n".join([head, *lines]) + "\n"


def smard_of_later_years(samples: Path, day: dt.date, slots: Sequence[dt.datetime]) -> tuple[str, str]:
    head, *rows = smard(samples, day, slots)[1].splitlines()
    named = head.replace("Datum;Uhrzeit", "Datum von;Datum bis").replace("[MWh]", " [MWh] Originalauflösungen")
    lines = [
        f"{one} {time};{(slot + dt.timedelta(minutes=15)).astimezone(ZoneInfo('Europe/Berlin')):%d.%m.%Y %H:%M};{rest}"
        for (one, time, rest), slot in zip((row.split(";", 2) for row in rows), slots, strict=True)
    ]
    return "Realisierte_Erzeugung.csv", "\n".join([named, *lines]) + "\n"


def smard_in_english(samples: Path, day: dt.date, slots: Sequence[dt.datetime]) -> tuple[str, str]:
    head = "Start date;End date;" + ";".join(f"{name} [MWh] Original resolutions" for name in ENGLISH)
    rows = [row.split(";", 2)[2].replace(".", ",") for row in smard(samples, day, slots)[1].splitlines()[1:]]
    local = [slot.astimezone(ZoneInfo("Europe/Berlin")) for slot in slots]
    lines = [f"{t:%b} {t.day}, {t.year} {t:%I:%M %p};;{row}" for t, row in zip(local, rows, strict=True)]
    return "Actual_generation.csv", "\n".join([head, *lines]) + "\n"


def eco2mix(samples: Path, day: dt.date, slots: Sequence[dt.datetime]) -> tuple[str, str]:
    told = json.loads((samples / "rte_eco2mix/fr_production_response.json").read_text())
    fields = next(r["fields"] for r in told["records"] if r["fields"].get("taux_co2") is not None)
    records = [
        {"fields": {**fields, "date_heure": slot.astimezone(ZoneInfo("Europe/Paris")).isoformat()}} for slot in slots
    ]
    return "eco2mix.json", json.dumps({"records": records})


def entsoe(samples: Path, day: dt.date, slots: Sequence[dt.datetime]) -> tuple[str, str]:
    first, last = (f"{t:%Y-%m-%dT%H:%MZ}" for t in (slots[0], slots[-1] + dt.timedelta(minutes=15)))
    series = "".join(
        f"<TimeSeries><inBiddingZone_Domain.mRID>10Y1001A1001A83F</inBiddingZone_Domain.mRID><quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name>"
        f"<curveType>A01</curveType><MktPSRType><psrType>{psr}</psrType></MktPSRType><Period><timeInterval><start>{first}</start><end>{last}</end></timeInterval>"
        "<resolution>PT15M</resolution>"
        + "".join(f"<Point><position>{n + 1}</position><quantity>{mw}</quantity></Point>" for n in range(len(slots)))
        + "</Period></TimeSeries>"
        for psr, mw in (("B02", 9000), ("B04", 5000), ("B16", 3000), ("B19", 20000))
    )
    return "a.xml", f'<GL_MarketDocument xmlns="urn:v3"><type>A75</type>{series}</GL_MarketDocument>'


def energy_charts(samples: Path, day: dt.date, slots: Sequence[dt.datetime]) -> tuple[str, str]:
    told = json.loads((samples / "energy_charts/price_AT_2026-10-09_15min.json").read_text())
    prices = [told["price"][n % 96] for n in range(len(slots))]
    return f"price_AT_{day}.json", json.dumps(
        {**told, "unix_seconds": [int(s.timestamp()) for s in slots], "price": prices}
    )


def nordpool(samples: Path, day: dt.date, slots: Sequence[dt.datetime]) -> tuple[str, str]:
    told = json.loads((samples / "nordpool/se_current_day_price.json").read_text())
    hour = dt.timedelta(hours=1)
    for area in told:
        area["prices"] = [
            {
                "price": -5.0 + n,
                "deliveryStart": f"{s:%Y-%m-%dT%H:%M:%SZ}",
                "deliveryEnd": f"{s + hour:%Y-%m-%dT%H:%M:%SZ}",
            }
            for n, s in enumerate(slots)
        ]
    return "day.json", json.dumps(told)


def energinet(samples: Path, day: dt.date, slots: Sequence[dt.datetime]) -> tuple[str, str]:
    # Newest first, as the later files are.
    return f"price_DK1_{day}.json", json.dumps(
        [{"timestamp": int(s.timestamp()), "euro": 3.5 * n} for n, s in enumerate(slots)][::-1]
    )


def japan(ends: bool) -> Render:
    def render(samples: Path, day: dt.date, slots: Sequence[dt.datetime]) -> tuple[str, str]:
        text = (samples / "asia/jp_tepco_eria_jukyu_2026-04.csv").read_bytes().decode("utf-8-sig")
        unit, head, *rows = text.splitlines()
        lines = []
        for n, slot in enumerate(slots):
            minutes = (slot - slots[0]) // dt.timedelta(minutes=1) + (30 if ends else 0)
            lines.append(
                f"{day.year}/{day.month}/{day.day},{minutes // 60}:{minutes % 60:02}," + rows[n].split(",", 2)[2]
            )
        return f"eria_jukyu_{day:%Y%m}_03.csv", "\n".join([unit, head, *lines]) + "\n"

    return render


def aemo(samples: Path, day: dt.date, slots: Sequence[dt.datetime]) -> tuple[str, str]:
    local = [(slot + dt.timedelta(hours=10, minutes=5)) for slot in slots]
    lines = [f"NSW1,{end:%Y/%m/%d %H:%M:%S},7000,{50 - n},TRADE" for n, end in enumerate(local)]
    return "PRICE_AND_DEMAND.csv", "\n".join(["REGION,SETTLEMENTDATE,TOTALDEMAND,RRP,PERIODTYPE", *lines]) + "\n"


def openelectricity(samples: Path, day: dt.date, slots: Sequence[dt.datetime]) -> tuple[str, str]:
    ends = [
        f"{(s + dt.timedelta(minutes=5)).astimezone(dt.timezone(dt.timedelta(hours=10))).isoformat()}" for s in slots
    ]
    results = [
        {"columns": {"region": "NSW1", "fueltech": fuel}, "data": [[end, mw] for end in ends]}
        for fuel, mw in (("coal_black", 5000), ("solar_rooftop", 0.5), ("wind", 900))
    ]
    part = {"network_code": "NEM", "metric": "power", "unit": "MW", "interval": "5m", "results": results}
    return "a.json", json.dumps({"data": [part]})


def eia(samples: Path, day: dt.date, slots: Sequence[dt.datetime]) -> tuple[str, str]:
    rows = [
        {
            "period": f"{s + dt.timedelta(hours=1):%Y-%m-%dT%H}",
            "respondent": "CISO",
            "fueltype": fuel,
            "value": str(mwh),
            "value-units": "megawatthours",
        }
        for s in slots
        for fuel, mwh in (("NG", 8000), ("NUC", 2000), ("SUN", 5000), ("COL", 0))
    ]
    return "a.json", json.dumps({"response": {"total": str(len(rows)), "data": rows}})


PUBLISHERS: dict[str, tuple[str, Render, str, int, int, tuple[str, ...]]] = {
    # source, form, clock of its days, minutes of a slot, rows a slot, days
    "caiso": ("caiso", caiso, "America/Los_Angeles", 5, 2, AMERICA),
    "nyiso": ("nyiso", nyiso, "America/New_York", 5, 2, AMERICA),
    "ercot": ("ercot", ercot, "America/Chicago", 5, 2, AMERICA),
    "smard": ("smard", smard, "Europe/Berlin", 15, 2, EUROPE),
    "smard of later years": ("smard", smard_of_later_years, "Europe/Berlin", 15, 2, EUROPE),
    "smard in English": ("smard", smard_in_english, "Europe/Berlin", 15, 2, EUROPE),
    "eco2mix": ("eco2mix", eco2mix, "Europe/Paris", 15, 3, EUROPE),
    "entsoe": ("entsoe", entsoe, "Europe/Berlin", 15, 2, EUROPE),
    "energy_charts_price": ("energy_charts_price", energy_charts, "Europe/Vienna", 15, 1, EUROPE),
    "nordpool": ("nordpool", nordpool, "Europe/Oslo", 60, 1, EUROPE),
    "energinet_price": ("energinet_price", energinet, "Europe/Copenhagen", 60, 1, EUROPE),
    "japan_area": ("japan_area", japan(ends=False), "Asia/Tokyo", 30, 2, NO_SUMMER_TIME),
    "japan_area up to 24:00": ("japan_area", japan(ends=True), "Asia/Tokyo", 30, 2, NO_SUMMER_TIME),
    "aemo": ("aemo", aemo, "Etc/GMT-10", 5, 1, NO_SUMMER_TIME),
    "openelectricity": ("openelectricity", openelectricity, "Etc/GMT-10", 5, 2, NO_SUMMER_TIME),
    "eia": ("eia", eia, "UTC", 60, 2, NO_SUMMER_TIME),
}
CASES = [(name, day) for name, (*_, days) in PUBLISHERS.items() for day in days]


@pytest.mark.parametrize(("name", "day"), CASES)
def test_every_slot_of_the_day_once(name: str, day: str, samples: Path, tmp_path: Path) -> None:
    source_id, render, clock, minutes, figures, _ = PUBLISHERS[name]
    date = dt.date.fromisoformat(day)
    slots = slots_of(date, clock, minutes)
    hours = {"2024-03-31": 23, "2024-03-10": 23, "2024-10-27": 25, "2024-11-03": 25}.get(day, 24)
    assert len(slots) == hours * 60 // minutes
    file, text = render(samples, date, slots)
    scopes, rejected = read_body(source_id, text, tmp_path, file)
    assert rejected.is_empty(), rejected["reason"].unique().to_list()
    frame = pl.concat(scopes.values())
    assert frame["resolution"].unique().to_list() == [{5: "PT5M", 15: "PT15M", 30: "PT30M", 60: "PT1H"}[minutes]]
    for (zone,), part in frame.group_by("zone"):
        assert part["valid_from"].unique().sort().to_list() == slots, zone
        assert part.height == figures * len(slots), zone
