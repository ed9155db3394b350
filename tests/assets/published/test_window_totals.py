"""Runs over windows of time against a walk through every piece of every run, one by one: gaps, changes within an hour, both clocks."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets import recording
from assets.catalog import catalog
from warehouse.connection import write_session
from warehouse.home import Home

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
END = START + dt.timedelta(days=40)
KNOWN = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
#: (source, region, instance type, from, to, USD per GPU-hour): gpuhunt is ranked before gpurentalprices.
Price = tuple[str, str, str, dt.datetime, dt.datetime, float]
#: (zone, length, from, gCO2e/kWh)
Slot = tuple[str, str, dt.datetime, float]
LENGTHS = {"PT30M": HOUR / 2, "PT1H": HOUR, "P1M": dt.timedelta(days=31)}


def _prices() -> list[Price]:
    """Three series with gaps, their changes at odd minutes."""
    drawn = random.Random(5)
    rows: list[Price] = []
    for source, region, instance in (("gpuhunt", "r1", "x8"), ("gpurentalprices", "r1", "x8"), ("gpuhunt", "global", "x8"), ("gpuhunt", "r1", "y8")):  # fmt: skip
        at = START - dt.timedelta(days=3)
        while at < END:
            to = at + dt.timedelta(minutes=drawn.randrange(30, 9000), seconds=drawn.randrange(60))
            if drawn.random() < 0.35:
                rows.append((source, region, instance, at, to, drawn.randrange(100, 400) / 100))
            at = to
    return rows


def _slots() -> list[Slot]:
    """Hours and half-hours with holes, one month of another zone's country."""
    drawn = random.Random(6)
    rows: list[Slot] = [("CC", "P1M", dt.datetime(2026, 3, 1, tzinfo=dt.UTC), 500.0)]
    for zone, name in (("Z1", "PT1H"), ("Z1", "PT30M"), ("CC-A", "PT1H")):
        at = START
        while at < END:
            if drawn.random() < 0.8:
                rows.append((zone, name, at, drawn.randrange(20, 900) + drawn.randrange(1000) / 1000))
            at += LENGTHS[name]
    return rows


PRICES, SLOTS = _prices(), _slots()


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse that knows those prices and slots, and a region of each zone."""
    home = Home(tmp_path_factory.mktemp("windows") / "home").create()
    recording.refresh_reference(home)
    with write_session(home, catalog()) as opened:
        opened.execute("SET TimeZone = 'UTC'")
        opened.execute(
            "INSERT INTO reference.region BY NAME SELECT 'cloud' AS provider, unnest(['r1', 'r2']) AS region, unnest(['Z1', 'CC-A']) AS grid_zone, unnest([NULL, 'CC']) AS country_code, unnest([1.1, NULL]) AS pue"
        )
        columns = ["source_id", "region", "instance_type", "from_at", "to_at", "usd"]
        opened.register("price", pl.DataFrame(PRICES, schema=columns, orient="row").to_arrow())
        opened.register(
            "slot",
            pl.DataFrame(SLOTS, schema=["zone", "resolution", "valid_from", "intensity"], orient="row").to_arrow(),
        )
        for is_offered in (True, False):
            opened.execute(
                "INSERT INTO observed.cloud_rate_log BY NAME SELECT source_id, 'all' AS scope, 'cloud' AS provider, region, instance_type, 'on_demand' AS purchase_option, "
                f"'instance' AS price_component, '' AS offer_variant, 8 AS accelerator_count, CASE WHEN {is_offered} THEN 8 * usd END AS price_amount_per_hour, 'USD' AS currency_code, {is_offered} AS is_offered, "
                f"{'from_at' if is_offered else 'to_at'} AS valid_from, TIMESTAMPTZ '2026-04-30' AS observed_at, ?::TIMESTAMPTZ AS recorded_at, CASE WHEN {is_offered} THEN 'z' ELSE 'a' END AS capture_id FROM price",
                [KNOWN],
            )
        opened.execute(
            "INSERT INTO observed.grid_carbon_log BY NAME SELECT 'electricity_maps' AS source_id, 'all' AS scope, zone, resolution, 'average' AS basis_method, 'lifecycle' AS basis_boundary, "
            "'location' AS basis_accounting, 'actual' AS basis_kind, intensity AS intensity_gco2e_per_kwh, true AS is_offered, valid_from, ?::TIMESTAMPTZ AS observed_at, "
            "?::TIMESTAMPTZ AS recorded_at, 'g' AS capture_id FROM slot", [KNOWN, KNOWN],
        )  # fmt: skip
        yield opened


def _price_at(prices: list[Price], at: dt.datetime) -> float | None:
    """The offer x8 in r1: the better source, of it the region before the global price."""
    held = [p for p in prices if p[2] == "x8" and p[3] <= at < p[4]]
    ranked = sorted(held, key=lambda p: (p[0] != "gpuhunt", p[1] == "global"))
    return ranked[0][5] if ranked else None


def _grid_at(slots: list[Slot], zones: list[str], at: dt.datetime) -> float | None:
    """The zone before its country, half-hours before hours before the month."""
    held = [s for s in slots if s[2] <= at < s[2] + LENGTHS[s[1]]]
    ranked = sorted(held, key=lambda s: (zones.index(s[0]), LENGTHS[s[1]]))
    return ranked[0][3] if ranked else None


def _walked(first: dt.datetime, last: dt.datetime, zones: list[str]) -> tuple[float, float, float, float]:
    """(USD per GPU, hours with a price, gCO2e per kW, hours with an intensity) of a window, piece by piece."""
    prices = [p for p in PRICES if p[3] < last and p[4] > first]
    slots = [s for s in SLOTS if s[0] in zones and s[2] < last and s[2] + LENGTHS[s[1]] > first]
    cuts = (
        {first, last} | {t for p in prices for t in p[3:5]} | {t for s in slots for t in (s[2], s[2] + LENGTHS[s[1]])}
    )
    edges = sorted(t for t in cuts if first <= t <= last)
    usd = priced = grams = known = 0.0
    for a, b in itertools.pairwise(edges):
        hours, price, intensity = (b - a) / HOUR, _price_at(prices, a), _grid_at(slots, zones, a)
        if price is not None:
            usd, priced = usd + price * hours, priced + hours
        if intensity is not None:
            grams, known = grams + intensity * hours, known + hours
    return usd, priced, grams, known


def _plan(con: duckdb.DuckDBPyConnection, rows: list[tuple]) -> None:
    con.execute(
        "CREATE OR REPLACE TEMP TABLE plan(n INTEGER, region VARCHAR, accelerator_count DOUBLE, power_kw DOUBLE, run_from TIMESTAMPTZ, run_to TIMESTAMPTZ, provider VARCHAR DEFAULT 'cloud', instance_type VARCHAR DEFAULT 'x8', purchase_option VARCHAR DEFAULT 'on_demand')"
    )
    con.executemany(
        "INSERT INTO plan(n, region, accelerator_count, power_kw, run_from, run_to) VALUES (?, ?, ?, ?, ?, ?)", rows
    )


def _windows() -> list[tuple]:
    drawn = random.Random(7)
    rows = []
    for n in range(30):
        first = START + dt.timedelta(minutes=drawn.randrange(-600, 50_000))
        last = first + dt.timedelta(
            minutes=drawn.randrange(1, 1500) * (1 + 5 * (n % 3 == 0)), seconds=drawn.randrange(60)
        )
        rows.append((n, "r1" if n % 2 else "r2", float(1 + n % 8), 2.0 + n, first, last))
    # Two scenarios on one window, and a window within another.
    return [
        *rows,
        (30, "r1", 3.0, 9.0, *rows[1][4:]),
        (31, "r1", 1.0, 1.0, rows[1][4] + dt.timedelta(seconds=1), rows[1][5]),
    ]


def test_totals_are_those_of_a_walk_through_every_piece(con: duckdb.DuckDBPyConnection) -> None:
    windows = _windows()
    _plan(con, windows)
    found = {r["n"]: r for r in con.execute("FROM window_totals('plan')").pl().to_dicts()}
    assert len(found) == len(windows)
    seen = set()
    for n, region, cards, kw, first, last in windows:
        row = found[n]
        hours = (last - first) / HOUR
        usd, priced, grams, known = _walked(first, last, ["Z1"] if region == "r1" else ["CC-A", "CC"])
        pue = 1.1 if region == "r1" else row["pue"]
        assert row["hours"] == pytest.approx(hours, rel=1e-12)
        if region == "r1":
            assert row["priced_hours"] == pytest.approx(priced, rel=1e-9, abs=1e-9)
            assert row["unpriced_hours"] == pytest.approx(hours - priced, rel=1e-9, abs=1e-9)
            assert row["priced_cost_usd"] == (pytest.approx(cards * usd, rel=1e-9) if priced else None)
            assert row["cost_usd"] == (row["priced_cost_usd"] if abs(priced - hours) < 1e-9 else None)
            seen.add(("price", row["cost_usd"] is None, priced > 0))
        assert row["energy_kwh"] == pytest.approx(kw * pue * hours, rel=1e-12)
        assert row["grid_hours"] == pytest.approx(known, rel=1e-9, abs=1e-9)
        assert row["grid_hours_kgco2e"] == (pytest.approx(kw * pue * grams / 1000, rel=1e-9) if known else None)
        assert row["operational_kgco2e"] == (row["grid_hours_kgco2e"] if abs(known - hours) < 1e-9 else None)
        seen.add(("grid", row["operational_kgco2e"] is None, known > 0))
    # Known, partly known and not known at all have all been met.
    assert seen >= {("price", False, True), ("price", True, True), ("grid", False, True), ("grid", True, True)}


def test_hours_add_up_to_the_totals(con: duckdb.DuckDBPyConnection) -> None:
    _plan(con, _windows())
    apart = con.execute(
        "SELECT count(*), max(abs(t.hours - h.hours)), max(abs(t.priced_cost_usd - h.usd) / t.priced_cost_usd), max(abs(t.grid_hours_kgco2e - h.kg) / t.grid_hours_kgco2e), "
        "bool_and(h.most <= 1 AND h.is_whole) FROM window_totals('plan') t JOIN (SELECT n, sum(hours) AS hours, sum(priced_cost_usd) AS usd, sum(grid_hours_kgco2e) AS kg, max(hours) AS most, "
        "bool_and((hour_from = run_from OR minute(hour_from) = 0) AND (hour_to = run_to OR minute(hour_to) = 0)) AS is_whole FROM window_hours('plan') GROUP BY n) h USING (n)"
    ).fetchall()[0]
    assert apart[0] == len(_windows())
    assert max(apart[1:4]) < 1e-9
    assert apart[4]


def test_a_price_that_changes_within_an_hour(con: duckdb.DuckDBPyConnection) -> None:
    change = next(p for p in PRICES if p[:3] == ("gpuhunt", "r1", "x8") and p[3] > START)
    first = change[3].replace(minute=0, second=0)
    _plan(con, [(1, "r1", 2.0, 1.0, first, first + HOUR)])
    usd, priced, *_ = _walked(first, first + HOUR, ["Z1"])
    ((cost, hours),) = con.execute("SELECT priced_cost_usd, priced_hours FROM window_hours('plan')").fetchall()
    assert (cost, hours) == pytest.approx((2 * usd, priced), rel=1e-9)


def test_a_local_day_of_23_hours(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("SET TimeZone = 'Europe/Berlin'")
    try:
        con.execute(
            "CREATE OR REPLACE TEMP TABLE plan AS SELECT 'cloud' AS provider, 'r1' AS region, 1.0 AS power_kw, TIMESTAMPTZ '2026-03-29' AS run_from, TIMESTAMPTZ '2026-03-30' AS run_to"
        )
        ((hours, energy, kg),) = con.execute(
            "SELECT hours, energy_kwh, grid_hours_kgco2e FROM window_totals('plan')"
        ).fetchall()
        assert con.execute("SELECT count(*) FROM window_hours('plan')").fetchall() == [(23,)]
    finally:
        con.execute("SET TimeZone = 'UTC'")
    first = dt.datetime(2026, 3, 28, 23, tzinfo=dt.UTC)
    assert (hours, energy) == (23, pytest.approx(25.3))
    assert kg == pytest.approx(1.1 * _walked(first, first + 23 * HOUR, ["Z1"])[2] / 1000, rel=1e-9)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "America/New_York"])
def test_the_time_zone_of_the_session_changes_nothing(con: duckdb.DuckDBPyConnection, zone: str) -> None:
    """The end of March, where a month of Berlin's ends an hour before that of UTC; hours of Kolkata begin at half past."""
    _plan(
        con,
        [
            (1, "r2", 1.0, 1.0, dt.datetime(2026, 3, 28, tzinfo=dt.UTC), dt.datetime(2026, 4, 1, tzinfo=dt.UTC)),
            *_windows()[:6],
        ],
    )
    asked = "SELECT n, grid_hours, priced_cost_usd, grid_hours_kgco2e{} FROM {} ORDER BY ALL"
    totals, hours = (
        asked.format("", "window_totals('plan')"),
        asked.format(", epoch_us(hour_from)", "window_hours('plan')"),
    )
    ends = "SELECT zone, resolution, epoch_us(valid_from), epoch_us(valid_to) FROM observed.grid_carbon ORDER BY ALL"
    in_utc = [con.execute(sql).fetchall() for sql in (totals, hours, ends)]
    con.execute(f"SET TimeZone = '{zone}'")
    try:
        assert [con.execute(sql).fetchall() for sql in (totals, hours, ends)] == in_utc
    finally:
        con.execute("SET TimeZone = 'UTC'")


def test_nothing_is_known_before_it_was_read(con: duckdb.DuckDBPyConnection) -> None:
    _plan(con, _windows()[:4])
    rows = con.execute(
        "SELECT priced_hours, grid_hours, cost_usd, operational_kgco2e FROM window_totals('plan', known_at := ?::TIMESTAMPTZ)",
        [KNOWN - HOUR],
    ).fetchall()
    assert rows == [(0, 0, None, None)] * 4
    assert (
        con.execute(
            "SELECT count(*) FROM window_totals('plan', known_at := ?::TIMESTAMPTZ) WHERE priced_hours > 0", [KNOWN]
        ).fetchall()[0][0]
        > 0
    )


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ("run_to = run_from", "run_to not after run_from"),
        ("run_to = NULL", "run_from or run_to not given"),
        ("accelerator_count = 0", "accelerator_count not above 0"),
        ("accelerator_count = -2", "accelerator_count not above 0"),
        ("power_kw = -1", "power_kw below 0"),
        ("purchase_option = NULL", "not priced: it takes provider, region, purchase_option"),
        ("purchase_option = 'spot'", "no price of this offer at its time"),
        ("instance_type = 'z9'", "no price of this offer at its time"),
        ("region = 'r9'", "grid of the region not known"),
        ("power_kw = NULL", "power not known: give power_kw"),
        ("accelerator_count = NULL", "accelerator_count not given"),
    ],
)  # fmt: skip
def test_what_is_not_known_says_why(con: duckdb.DuckDBPyConnection, changed: str, reason: str) -> None:
    _plan(con, [(1, "r1", 2.0, 1.0, START, START + HOUR)])
    con.execute(f"UPDATE plan SET {changed}")
    ((unknown, cost, kg),) = con.execute(
        "SELECT unknown, cost_usd, operational_kgco2e FROM window_totals('plan')"
    ).fetchall()
    assert reason in unknown
    assert cost is None or kg is None


def test_the_latest_year_before_it_stands_for_a_time_without_slots(con: duckdb.DuckDBPyConnection) -> None:
    """As in usage_cost: a slot of the time itself goes first, then the zone's year, then its country's; never a later one."""
    years = [("Y-A", 2022, 300.0), ("Y-A", 2023, 200.0), ("Y", 2024, 100.0), ("Y", 2023, 90.0)]
    con.execute("BEGIN")
    try:
        con.execute(
            "INSERT INTO reference.region BY NAME SELECT 'cloud' AS provider, 'y' AS region, 'Y-A' AS grid_zone, 'YY' AS country_code"
        )
        con.execute(
            "INSERT INTO reference.country BY NAME SELECT 'YY' AS country_code, 'Y' AS grid_zone, 'Yland' AS name"
        )
        con.executemany(
            "INSERT INTO observed.grid_carbon_log BY NAME SELECT 'electricity_maps' AS source_id, 'all' AS scope, ? AS zone, 'P1Y' AS resolution, 'average' AS basis_method, "
            "'lifecycle' AS basis_boundary, 'location' AS basis_accounting, 'actual' AS basis_kind, make_timestamptz(?, 1, 1, 0, 0, 0) AS valid_from, ? AS intensity_gco2e_per_kwh, true AS is_offered, "
            "TIMESTAMPTZ '2025-06-01' AS observed_at, TIMESTAMPTZ '2026-05-01' AS recorded_at, 'y' AS capture_id",
            years,
        )
        day, asked = dt.timedelta(days=1), "SELECT * FROM window_totals('plan') ORDER BY n"
        starts = [(2023, 6, 1), (2024, 6, 1), (2025, 6, 1), (2022, 12, 31), (2021, 6, 1), (2024, 12, 31)]
        _plan(
            con,
            [
                (n, "y", 1.0, 1.0, dt.datetime(*at, tzinfo=dt.UTC), dt.datetime(*at, tzinfo=dt.UTC) + 2 * day)
                for n, at in enumerate(starts)
            ],
        )
        found = con.execute(asked).pl().to_dicts()
        # Its own year; the country's year before an earlier one of the zone; after both the zone's own latest; across
        # two years; before the first: nothing; one day of the country's year, one after it.
        assert [r["grid_gco2e_per_kwh"] for r in found] == [200, 100, 200, 250, None, 150]
        assert [r["earlier_grid_hours"] for r in found] == [0, 0, 48, 0, 0, 24]
        assert [r["no_grid_hours"] for r in found] == [0, 0, 0, 0, 48, 0]
        assert "carbon of the latest year before it" in found[2]["unknown"]
        assert "carbon of the latest year before it for 24.0 of 48.0 h" in found[5]["unknown"]
        assert found[4]["operational_kgco2e"] is None
        for row in (found[2], found[5]):
            assert row["operational_kgco2e"] == pytest.approx(row["energy_kwh"] * row["grid_gco2e_per_kwh"] / 1000)
        hours = con.execute(
            "SELECT n, sum(grid_hours_kgco2e) FROM window_hours('plan') GROUP BY n ORDER BY n"
        ).fetchall()
        assert [kg for _, kg in hours] == [
            None if r["grid_hours_kgco2e"] is None else pytest.approx(r["grid_hours_kgco2e"]) for r in found
        ]
    finally:
        con.execute("ROLLBACK")


def test_columns_of_the_table_come_back(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE OR REPLACE TEMP TABLE plan AS SELECT 'a' AS scenario, TIMESTAMPTZ '2026-03-05' AS run_from, TIMESTAMPTZ '2026-03-06' AS run_to, 'Z1' AS zone, 2 AS power_kw, 1.5 AS pue"
    )
    row = con.execute("FROM window_totals('plan')").pl().to_dicts()[0]
    assert (row["scenario"], row["energy_kwh"], row["hours"]) == ("a", 72, 24)
    assert row["grid_hours_kgco2e"] == pytest.approx(
        3 * _walked(START + 96 * HOUR, START + 120 * HOUR, ["Z1"])[2] / 1000, rel=1e-9
    )


def test_no_run_is_lost_where_nothing_is_assumed(tmp_path: Path) -> None:
    """A warehouse whose reference tables are not loaded knows no usual power: every run comes back, without it."""
    with write_session(Home(tmp_path / "home").create(), catalog()) as bare:
        bare.execute(
            "CREATE TEMP TABLE plan AS SELECT n AS run_id, 'cloud' AS provider, 'r1' AS region, 'x8' AS instance_type, 'on_demand' AS purchase_option, "
            "8 AS accelerator_count, TIMESTAMPTZ '2026-03-01' AS run_from, TIMESTAMPTZ '2026-03-02' AS run_to FROM range(3) t(n)"
        )
        found = bare.sql(
            "SELECT run_id, cost_usd, energy_kwh, unknown IS NOT NULL FROM window_totals('plan') ORDER BY 1"
        )
        assert found.fetchall() == [(n, None, None, True) for n in range(3)]
