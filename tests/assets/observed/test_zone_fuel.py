"""An answer that lacks a fuel which its zone is known to have is refused, whole or in part, until somebody says that it closed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.observed.checks import run_checks
from assets.recovery import rebuild_warehouse
from assets.reference.own_fuels import with_own_fuels, zone_fuels
from assets.reference.tables import REFERENCE_TABLES, read_reference
from assets.sources import source_named
from assets.subjects import GRID_CARBON
from tests.assets.sources.test_entsoe import _document, _one
from warehouse.connection import write_session
from warehouse.errors import PetadayError
from warehouse.home import Home
from warehouse.loading import Loaded

#: Of no zone of reference.zone_fuel; and one that is there with coal, gas and nuclear power.
AVA = {"WAT": 500, "NG": 400, "WND": 100}
TEXAS = {"NG": 400, "COL": 150, "NUC": 150, "WND": 250, "SUN": 50}
FIRST_ON = dt.date(2025, 6, 1)


def without(mix: Mapping[str, float], *fuels: str) -> dict[str, float]:
    return {fuel: value for fuel, value in mix.items() if fuel not in fuels}


def load(home: Home, day: int, *, seen_on: int | None = None, **mixes: Mapping[str, float]) -> Loaded:
    """EIA's answer for a day, counted from the first; seen on the day after, or on another."""
    on = FIRST_ON + dt.timedelta(days=day)
    rows = [
        {
            "period": f"{on}T{hour:02}",
            "respondent": authority,
            "fueltype": fuel,
            "value": value,
            "value-units": "megawatthours",
        }
        for authority, mix in mixes.items()
        for hour in range(1, 24)
        for fuel, value in mix.items()
    ]
    file = home.root / f"{on}.json"
    file.write_text(json.dumps({"response": {"total": len(rows), "data": rows}}), encoding="utf-8")
    seen = dt.datetime.combine(FIRST_ON + dt.timedelta(days=seen_on or day + 1), dt.time(12), dt.UTC)
    intake.take_files(home, source_named("eia"), [file], seen)
    (loaded,) = recording.record_subject(home, "grid_carbon")
    return loaded


def ask(home: Home, sql: str) -> list[tuple]:
    with write_session(home, catalog()) as con:
        return con.execute(sql).fetchall()


def days(home: Home, zone: str) -> dict[str, float]:
    """Direct intensity by day, of days that have slots."""
    return dict(
        ask(
            home,
            "SELECT strftime(valid_from, '%m-%d'), round(avg(intensity_gco2e_per_kwh), 1) FROM observed.grid_carbon "
            f"WHERE zone = '{zone}' AND basis_boundary = 'direct' GROUP BY 1 ORDER BY 1",
        )
    )


def refusals(home: Home) -> list[tuple]:
    """Zone and fuels of slots that were refused for want of a fuel, with their number."""
    return ask(
        home,
        "SELECT row_json->>'zone', row_json->>'missing', count(*) FROM meta.rejected_row WHERE row_json->>'missing' IS NOT NULL GROUP BY ALL ORDER BY ALL",
    )


def failed_checks(home: Home) -> dict[str, str | None]:
    with write_session(home, catalog()) as con:
        return {c.check_name: c.description for c in run_checks(con, GRID_CARBON) if not c.passed}


def test_what_an_earlier_answer_held_must_be_in_the_next(home: Home) -> None:
    """Without its gas the zone would count 0 g/kWh in place of 148; the other zone of the answer is taken."""
    load(home, 0, AVA=AVA, ERCO=TEXAS)
    assert days(home, "US-NW-AVA") == {"06-01": 148.0}
    second = load(home, 1, AVA=without(AVA, "NG"), ERCO=TEXAS)
    assert (second.outcome, second.row_count, second.withheld_count) == ("loaded", 46, 46)
    assert days(home, "US-NW-AVA") == {"06-01": 148.0}
    assert set(days(home, "US-TEX-ERCO")) == {"06-01", "06-02"}
    assert refusals(home) == [("US-NW-AVA", "gas", 46)]
    assert "US-NW-AVA: gas" in (failed_checks(home)["no_fuel_missing"] or "")
    third = load(home, 2, AVA=AVA, ERCO=TEXAS)
    assert third.withheld_count == 0
    assert "no_fuel_missing" not in failed_checks(home)


def test_nothing_left_is_a_rejected_answer(home: Home) -> None:
    load(home, 0, AVA=AVA)
    second = load(home, 1, AVA=without(AVA, "NG"))
    assert second.outcome == "rejected"
    assert second.message is not None
    assert "generation of gas is missing from all of US-NW-AVA's answer" in second.message
    assert "zone_fuels.csv" in second.message
    assert ask(home, "SELECT last_outcome, last_rejected_count FROM meta.source_status WHERE source_id = 'eia'") == [
        ("rejected", 46)
    ]


def test_the_first_answer_is_judged_by_the_reference(home: Home) -> None:
    """Texas without gas: a third of its emissions would be gone, and nothing was known before."""
    first = load(home, 0, ERCO=without(TEXAS, "NG"), AVA=AVA)
    assert (first.outcome, first.withheld_count) == ("loaded", 46)
    assert days(home, "US-TEX-ERCO") == {}
    assert refusals(home) == [("US-TEX-ERCO", "gas", 46)]


def test_a_fuel_that_is_stated_as_none_is_not_missing(home: Home) -> None:
    load(home, 0, AVA=AVA)
    second = load(home, 1, AVA=AVA | {"NG": 0})
    assert (second.outcome, second.withheld_count) == ("loaded", 0)
    assert days(home, "US-NW-AVA")["06-02"] == 0.0


def test_a_small_fuel_may_come_and_go(home: Home) -> None:
    """Of less than 5% of a day an answer may do without."""
    load(home, 0, AVA=AVA | {"OIL": 40})
    assert load(home, 1, AVA=AVA).withheld_count == 0


def test_slots_from_before_the_fuel_was_known_are_taken(home: Home) -> None:
    """A plant that was built: the days before it are loaded late and have none."""
    load(home, 5, AVA=AVA | {"GEO": 300})
    assert load(home, 0, seen_on=8, AVA=AVA).withheld_count == 0
    assert load(home, 6, AVA=AVA).withheld_count == 46


def test_one_line_says_that_it_closed(home: Home) -> None:
    """From the day on that it says; the same bytes are read again, since something was withheld of them."""
    load(home, 0, AVA=AVA, ERCO=TEXAS)
    assert load(home, 1, AVA=without(AVA, "NG"), ERCO=TEXAS).withheld_count == 46
    assert load(home, 2, AVA=without(AVA, "NG"), ERCO=TEXAS).withheld_count == 46
    (home.root / "zone_fuels.csv").write_text(
        "zone,fuel,closed_on,source_url\nUS-NW-AVA,gas,2025-06-03,https://example.org/closed\n"
    )
    again = load(home, 2, seen_on=4, AVA=without(AVA, "NG"), ERCO=TEXAS)
    assert (again.outcome, again.withheld_count) == ("loaded", 0)
    assert load(home, 1, seen_on=4, AVA=without(AVA, "NG"), ERCO=TEXAS).withheld_count == 46
    assert days(home, "US-NW-AVA") == {"06-01": 148.0, "06-03": 0.0}
    recording.refresh_reference(home)
    assert ask(home, "SELECT closed_on::VARCHAR, note FROM reference.zone_fuel WHERE zone = 'US-NW-AVA'") == [
        ("2025-06-03", "by zone_fuels.csv of this home")
    ]


def test_what_comes_back_is_known_anew(home: Home) -> None:
    (home.root / "zone_fuels.csv").write_text(
        "zone,fuel,closed_on,source_url\nUS-NW-AVA,gas,2025-06-02,https://example.org/closed\n"
    )
    load(home, 0, AVA=AVA)
    assert load(home, 1, AVA=without(AVA, "NG")).withheld_count == 0
    load(home, 2, AVA=AVA)
    assert load(home, 3, AVA=without(AVA, "NG")).withheld_count == 46


def test_a_rebuild_refuses_the_same(home: Home) -> None:
    recording.refresh_reference(home)
    load(home, 0, AVA=AVA, ERCO=TEXAS)
    load(home, 1, AVA=without(AVA, "NG"), ERCO=TEXAS)
    load(home, 2, AVA=without(AVA, "NG"))
    tables = ("observed.grid_carbon_log", "meta.zone_fuel", "meta.capture", "meta.rejected_row", "meta.snapshot")
    content = " UNION ALL ".join(f"SELECT '{t}', count(*), bit_xor(hash(t)) FROM {t} t" for t in tables)
    before = ask(home, content)
    rebuild_warehouse(home, print)
    assert ask(home, content) == before


def test_an_answer_that_comes_late_brings_nothing_back(home: Home) -> None:
    """An earlier answer for the same day makes the later ones be read again: without the slots that were withheld of them."""
    load(home, 0, AVA=AVA, ERCO=TEXAS)
    load(home, 1, seen_on=5, AVA=without(AVA, "NG"), ERCO=TEXAS)
    load(home, 1, seen_on=3, AVA=AVA, ERCO=TEXAS | {"NG": 300})
    assert days(home, "US-NW-AVA") == {"06-01": 148.0, "06-02": 148.0}
    assert ask(
        home, "SELECT count(*) FROM observed.grid_carbon WHERE zone = 'US-NW-AVA' AND intensity_gco2e_per_kwh < 50"
    ) == [(0,)]


def test_what_is_known_is_written_once(home: Home) -> None:
    load(home, 0, AVA=AVA)
    before = ask(home, "FROM meta.zone_fuel")
    assert sorted(row[2] for row in before) == ["gas", "hydro", "wind"]
    for day in (1, 2, 3):
        load(home, day, AVA=AVA)
    assert ask(home, "FROM meta.zone_fuel") == before


def entsoe(home: Home, body: str, name: str) -> Loaded:
    file = home.root / f"{name}.xml"
    file.write_text(body, encoding="utf-8")
    intake.take_files(home, source_named("entsoe"), [file], dt.datetime(2026, 2, 1, tzinfo=dt.UTC))
    (loaded,) = recording.record_subject(home, "grid_carbon")
    return loaded


def test_each_source_remembers_what_it_said_itself(home: Home) -> None:
    """Denmark by ENTSO-E, of which the reference says nothing: another day of the same area, without its biomass."""

    def body(day: int, *psr: str) -> str:
        made = _document(*(_one(kind, {1: 300, 2: 300, 3: 300}) for kind in psr))
        return made.replace("10YFR-RTE------C", "10YDK-1--------W").replace("2026-01-01", f"2026-01-{day:02}")

    assert entsoe(home, body(1, "B01", "B04", "B19"), "first").outcome == "loaded"
    second = entsoe(home, body(2, "B04", "B19"), "second")
    assert second.outcome == "rejected"
    assert "generation of biomass is missing" in (second.message or "")


def test_germany_without_nuclear_power_is_taken_from_the_day_after_the_last_plant_closed(home: Home) -> None:
    def body(day: str, *psr: str) -> str:
        made = _document(*(_one(kind, {1: 300, 2: 300, 3: 300}) for kind in psr))
        return made.replace("10YFR-RTE------C", "10Y1001A1001A83F").replace("2026-01-01", day)

    others = ("B02", "B04", "B05", "B16", "B19")
    assert entsoe(home, body("2023-04-10", "B14", *others), "with").outcome == "loaded"
    assert entsoe(home, body("2023-04-12", *others), "too-soon").outcome == "rejected"
    assert entsoe(home, body("2023-05-12", *others), "after").outcome == "loaded"
    assert entsoe(home, body("2023-05-13", *others[1:]), "without-lignite").outcome == "rejected"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("zone,fuel\nDE,gas\n", "column source_url is missing"),
        ("zone,fuel,closed,source_url\nDE,gas,2025-01-01,x\n", "unknown column closed; allowed are"),
        ("zone,fuel,closed_on,source_url\nDE,gas,1.1.2025,x\n", "line 2: closed_on is '1.1.2025', which is no day"),
        ("zone,fuel,closed_on,source_url\nFR,gas,2025-01-01,x\nDE,gas,2025-01-01,\n", "line 3: source_url is empty"),
        (
            "zone,fuel,closed_on,source_url\nDE,gas,2025-01-01,x\nDE,gas,2025-02-01,x\n",
            "the same fuel of the same zone",
        ),
        ("zone,fuel,closed_on,source_url\nDE,steam,2025-01-01,x\n", "DE steam: fuel_has_a_factor does not hold"),
        ("zone,fuel,closed_on,source_url\nXX,gas,,x\n", "XX gas: says_something does not hold"),
        ("zone,fuel,from_on,closed_on,source_url\nXX,gas,2025-01-01,2024-01-01,x\n", "says_something"),
        ("", "not a readable CSV file"),
    ],
)
def test_a_wrong_file_of_ones_own_is_told_in_one_line(home: Home, text: str, word: str) -> None:
    (home.root / "zone_fuels.csv").write_text(text, encoding="utf-8")
    with pytest.raises(PetadayError, match=word.replace("'", ".")) as e:
        zone_fuels(home)
    assert "\n" not in str(e.value)


def test_without_a_file_the_facts_are_as_they_ship(home: Home) -> None:
    files = [read_reference(t) for t in REFERENCE_TABLES]
    assert [f.sha256 for f in with_own_fuels(home, files)] == [f.sha256 for f in files]
    facts = zone_fuels(home)
    assert facts.filter(pl.col("closed_on").is_not_null() & (pl.col("closed_on") > dt.date(2026, 11, 1))).is_empty()


def test_every_zone_that_is_typed_is_one_of_a_source(home: Home) -> None:
    """A misspelt zone would guard nothing."""
    from assets.sources import eia, entsoe, openelectricity

    zones = {*eia.ZONES.values(), *entsoe.ZONES.values(), *entsoe.ALSO_READ.values(), *openelectricity.ZONES.values()}
    assert set(zone_fuels(home)["zone"]) <= zones


def test_what_samples_hold_is_not_taken_for_missing(samples: Path, home: Home) -> None:
    """Real answers have every fuel that the reference says of their zones."""
    for source_id, pattern in (
        ("entsoe", "entsoe/A75*.xml"),
        ("entsoe", "entsoe/*production*.xml"),
        ("eia", "eia/fuel_type*.json"),
        ("ercot", "us_iso/ercot_fuel_mix.json"),
        ("pjm", "us_iso/pjm_gen_by_fuel.json"),
        ("nyiso", "us_iso/nyiso_rtfuelmix_*.csv"),
        ("eco2mix", "rte_eco2mix/*.json"),
        ("smard", "smard/*.csv"),
        ("gb_carbon_intensity_mix", "gb_carbon_intensity/generation*.json"),
        ("eia_joined", "eia_derived/*.csv"),
    ):
        files = sorted(samples.glob(pattern))
        assert files, pattern
        intake.take_files(home, source_named(source_id), files, dt.datetime(2026, 9, 1, tzinfo=dt.UTC))
    results = recording.record_subject(home, "grid_carbon")
    assert [(r.source_id, r.message) for r in results if r.withheld_count] == []
    assert sum(r.appended_count for r in results) > 10_000
