"""The generation mix of Great Britain: recorded answers against plain arithmetic, their faults, live with faults, and NESO's own figure first."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.sources import source_named
from assets.sources._base import LayoutError, Window
from assets.sources.gb_carbon_intensity_mix import plan
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.connection import write_session
from warehouse.home import Home

SOURCE = "gb_carbon_intensity_mix"
#: IPCC medians, typed again: (direct, lifecycle). What is not here is left out of both sums.
FACTORS = {
    "biomass": (0, 230),
    "coal": (760, 820),
    "gas": (370, 490),
    "nuclear": (0, 12),
    "hydro": (0, 24),
    "solar": (0, 48),
    "wind": (0, 11),
}
MIX = {
    "biomass": 10,
    "coal": 0,
    "imports": 10.1,
    "gas": 40,
    "nuclear": 20,
    "other": 0.5,
    "hydro": 1,
    "solar": 0,
    "wind": 18.4,
}


def by_hand(mix: list[dict[str, Any]]) -> tuple[float, float]:
    """Direct and lifecycle g/kWh of a mix as the publisher prints it."""
    shares = {part["fuel"]: part["perc"] for part in mix if part["fuel"] in FACTORS}
    total = sum(shares.values())
    direct, lifecycle = (sum(share * FACTORS[f][n] for f, share in shares.items()) / total for n in (0, 1))
    return direct, lifecycle


def mix(**changes: float | None) -> list[dict[str, Any]]:
    return [{"fuel": fuel, "perc": share} for fuel, share in (MIX | changes).items()]


def slot(start: str = "2026-08-01T12:00Z", end: str | None = None, **changes: float | None) -> dict[str, Any]:
    first = dt.datetime.fromisoformat(start)
    end = end or f"{first + dt.timedelta(minutes=30):%Y-%m-%dT%H:%MZ}"
    return {"from": start, "to": end, "generationmix": mix(**changes)}


def read(tmp_path: Path, *slots: dict[str, Any]) -> tuple[pl.DataFrame, list[str]]:
    """National rows by slot (wide: direct, lifecycle) and the reasons of what is refused."""
    scopes, rejected = read_body(SOURCE, json.dumps({"data": slots}), tmp_path)
    rows = scopes.get("national", pl.DataFrame({"valid_from": [], "basis_boundary": [], "intensity_gco2e_per_kwh": []}))
    return rows.pivot("basis_boundary", index="valid_from", values="intensity_gco2e_per_kwh"), rejected[
        "reason"
    ].to_list()


@pytest.mark.parametrize("name", ["generation_current.json", "generation_range_2019-04-01_2019-04-07.json"])
def test_every_national_slot_is_as_by_hand(name: str, samples: Path) -> None:
    """The last half-hour alone (an object) and a week (a list, which begins with the slot that ends at `from`)."""
    file = samples / "gb_carbon_intensity" / name
    data = json.loads(file.read_text())["data"]
    slots = [data] if isinstance(data, dict) else data
    scopes, rejected = read_files(SOURCE, file)
    rows = scopes["national"].pivot("basis_boundary", index=["zone", "valid_from"], values="intensity_gco2e_per_kwh")
    found = {at: (direct, lifecycle) for _, at, direct, lifecycle in rows.rows()}
    wanted = {dt.datetime.fromisoformat(s["from"]): by_hand(s["generationmix"]) for s in slots}
    assert rejected.is_empty()
    assert found.keys() == wanted.keys()
    assert all(found[at] == pytest.approx(wanted[at], abs=0.001) for at in wanted)
    bases = scopes["national"].select("zone", "resolution", "basis_method", "basis_accounting", "basis_kind").unique()
    assert bases.rows() == [("GB", "PT30M", "average", "location", "estimated")]


@pytest.mark.parametrize(
    ("name", "zones", "artefacts", "imported"),
    [
        ("regional_current_2021-04-30.json", 16, 0, 2),
        ("regional_england_current.json", 1, 0, 0),
        ("regional_range_2020-01-01_2020-01-02.json", 18, 12, 107),
        ("regional_range_regionid13_2020-01-01_2020-01-02.json", 1, 12, 35),
    ],
)
def test_every_regional_slot_is_as_by_hand(name: str, zones: int, artefacts: int, imported: int, samples: Path) -> None:
    """All four forms of a regional answer; what is refused is what the arithmetic says, and no slot is lost."""
    file = samples / "gb_carbon_intensity" / name
    data = json.loads(file.read_text())["data"]
    told: list[tuple[int, dict[str, Any]]] = []
    for part in [data] if isinstance(data, dict) else data:
        if "regions" in part:
            told += [(r["regionid"], {**r, "from": part["from"]}) for r in part["regions"]]
        else:
            told += [(part["regionid"], s) for s in part["data"]]
    scopes, rejected = read_files(SOURCE, file)
    rows = scopes["regional"].pivot("basis_boundary", index=["zone", "valid_from"], values="intensity_gco2e_per_kwh")
    found = {(zone, at): (direct, lifecycle) for zone, at, direct, lifecycle in rows.rows()}
    names = {15: "GB-ENG", 16: "GB-SCT", 17: "GB-WLS"}
    wanted = {}
    for number, s in told:
        shares = {part["fuel"]: part["perc"] for part in s["generationmix"]}
        burnt = sum(shares[f] for f in ("biomass", "coal", "gas", "imports", "other"))
        if shares["imports"] <= 50 and not (s["intensity"]["forecast"] == 0 and burnt >= 1):
            key = (names.get(number, f"GB-NESO-{number}"), dt.datetime.fromisoformat(s["from"]))
            wanted[key] = by_hand(s["generationmix"])
    assert found.keys() == wanted.keys()
    assert all(found[key] == pytest.approx(wanted[key], abs=0.001) for key in wanted)
    assert rows["zone"].n_unique() == zones
    assert rejected["reason"].str.contains("artefact").sum() == artefacts
    assert rejected["reason"].str.contains("% is imported").sum() == imported
    assert rejected.height == artefacts + imported == len(told) - len(found)
    assert scopes["regional"]["basis_kind"].unique().to_list() == ["forecast"]


def test_an_empty_share_is_not_zero_and_wrong_shares_are_refused(tmp_path: Path) -> None:
    good = [slot(f"2026-08-01T{h:02}:00Z") for h in range(6)]
    rows, reasons = read(
        tmp_path,
        *good,
        slot("2026-08-01T06:00Z", gas=None),
        slot("2026-08-01T07:00Z", gas=80.5),
        slot("2026-08-01T08:00Z", other=30, gas=10.5),
        slot("2026-08-01T09:00Z", imports=50.1, gas=0),
        slot("2026-08-01T10:00Z", hydrogen=20, gas=20),
        {**slot("2026-08-01T11:00Z"), "generationmix": []},
    )
    assert rows.height == 6
    assert sorted(reasons) == [
        "22.8% of the generation has no emission factor (allowed 10%)",
        "33.4% of the generation has no emission factor (allowed 10%)",
        "50.1% is imported (allowed 50%): the rest says little of it",
        "the shares add up to 0.0%, not to 100%",
        "the shares add up to 140.5%, not to 100%",
        "the shares add up to 60.0%, not to 100%",
    ]


def test_a_slot_told_twice_counts_once_and_told_two_ways_not_at_all(tmp_path: Path) -> None:
    """The fault of 2021-04-19T19:00Z: two records for one slot."""
    twice = slot("2021-04-19T19:00Z")
    rows, reasons = read(tmp_path, twice, twice, slot("2021-04-19T19:30Z"))
    assert (rows.height, reasons) == (2, [])
    rows, reasons = read(tmp_path, twice, slot("2021-04-19T19:00Z", gas=38, coal=2), slot("2021-04-19T19:30Z"))
    assert rows.height == 1
    assert set(reasons) == {"two different mixes are stated for the slot"}


@pytest.mark.parametrize(
    ("start", "end"), [("2026-08-01T12:00Z", "2026-08-01T13:00Z"), ("2026-08-01T12:10Z", None), ("noon", None)]
)
def test_what_is_no_half_hour_is_refused(start: str, end: str | None, tmp_path: Path) -> None:
    odd = {"from": start, "to": end or "2026-08-01T12:40Z", "generationmix": mix()}
    rows, reasons = read(tmp_path, slot("2026-08-01T11:00Z"), odd)
    assert rows.height == 1
    assert reasons == ["the slot is not a half-hour that starts on the hour or half past"]


@pytest.mark.parametrize(
    ("source", "body", "word"),
    [
        (SOURCE, '{"data": null}', "nothing published"),
        (SOURCE, '{"data": []}', "nothing published"),
        (SOURCE, '{"error": {"code": "400", "message": "Bad range"}}', "Bad range"),
        (SOURCE, "null", "no `data`"),
        (
            SOURCE,
            '{"data": [{"from": "x", "to": "y", "intensity": {"forecast": 1}}]}',
            "load it with gb_carbon_intensity",
        ),
        ("gb_carbon_intensity", json.dumps({"data": slot()}), "load it with gb_carbon_intensity_mix"),
        ("gb_carbon_intensity", json.dumps({"data": [slot()]}), "load it with gb_carbon_intensity_mix"),
    ],
)
def test_answers_of_another_kind_are_refused_and_sent_on(source: str, body: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=word):
        read_body(source, body, tmp_path)


def test_ranges_are_short_never_cross_new_year_and_end_now() -> None:
    window = Window(dt.datetime(2026, 1, 10, 9, 17, tzinfo=dt.UTC), dt.date(2025, 12, 20), dt.date(2026, 1, 20))
    urls = [batch[0].url for batch in plan(window)]
    assert urls == [
        f"https://api.carbonintensity.org.uk/{path}/{span}"
        for path in ("generation", "regional/intensity")
        for span in (
            "2025-12-20T00:30Z/2026-01-01T00:00Z",
            "2026-01-01T00:30Z/2026-01-10T09:17Z",
        )
    ]
    assert [b[0].url.rsplit("Z/", 1)[1] for b in plan(Window(window.now))] == ["2026-01-10T09:17Z"] * 2


def test_live_through_429_and_500(home: Home, replay: ReplayServer) -> None:
    """National: told to wait, then served. Regional: down for good. The one is staged, the other named."""
    source, now = source_named(SOURCE), dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
    national, regional = (batch[0].url for batch in plan(Window(now)))
    replay.add(national, "slow down", 429, headers={"Retry-After": "0"}, times=2)
    replay.add(national, json.dumps({"data": [slot("2026-09-01T10:00Z"), slot("2026-09-01T10:30Z")]}))
    replay.add(
        regional, '{"error":{"code":"500 Internal Server Error","message":"Requested resource not found."}}', 500
    )
    with pytest.raises(Exception, match="1 of 2 requests failed.*regional.*500"):
        intake.take_live(home, source, Window(now))
    assert len(list(home.staged_dir.iterdir())) == 1
    assert replay.urls().count(national) == 3


def test_what_neso_states_goes_first(home: Home) -> None:
    """Without a boundary NESO's own direct figure answers, though the mix has a lifecycle one; asked for lifecycle, the mix does."""
    recording.refresh_reference(home)
    start, now = dt.datetime(2026, 8, 1, tzinfo=dt.UTC), dt.datetime(2026, 8, 30, tzinfo=dt.UTC)
    times = [f"{start + dt.timedelta(minutes=30 * n):%Y-%m-%dT%H:%MZ}" for n in range(48 * 29)]
    own = [
        {**slot(t), "intensity": {"forecast": 150, "actual": 100 + n % 48 if n < 48 * 28 else None}}
        for n, t in enumerate(times)
    ]
    folder = home.root
    for name, source, data in (
        ("own.json", "gb_carbon_intensity", own),
        ("mix.json", SOURCE, [slot(t) for t in times]),
    ):
        (folder / name).write_text(json.dumps({"data": data}))
        intake.take_files(home, source_named(source), [folder / name], now)
    recording.record_subject(home, "grid_carbon")
    lifecycle = by_hand(mix())[1]
    with write_session(home, catalog()) as con:
        region = "SELECT source_id, basis_boundary, basis_kind, round(intensity_gco2e_per_kwh, 2) FROM region_carbon('aws', 'eu-west-2', valid_at := ?, boundary := ?)"
        asked = [
            ("2026-08-02 00:10:00+00", None),
            ("2026-08-02 00:10:00+00", "lifecycle"),
            ("2026-08-29 01:10:00+00", None),
        ]
        answers = [con.execute(region, list(a)).fetchall()[0] for a in asked]
        green = "SELECT source_id, basis_boundary, expected_gco2e_per_kwh FROM green_window('GB', 2, from_at := TIMESTAMPTZ '2026-08-29 00:00:00+00', horizon_hours := 20{})"
        greens = [con.execute(green.format(b)).fetchall() for b in ("", ", boundary := 'lifecycle'")]
    assert answers == [
        ("gb_carbon_intensity", "direct", "actual", 100.0),
        (SOURCE, "lifecycle", "estimated", round(lifecycle, 2)),
        ("gb_carbon_intensity", "direct", "forecast", 150.0),
    ]
    # The forecast of the day was told on the 30th: on the 29th it was not known, so the profile answers.
    assert [(s, b) for ((s, b, _),) in greens] == [("gb_carbon_intensity", "direct"), (SOURCE, "lifecycle")]
    assert greens[1][0][2] == pytest.approx(lifecycle, abs=0.001)
