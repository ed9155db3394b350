"""A ledger of use is priced as of its own dates, on both clocks, and does not move when catalogs do."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.sources import all_sources
from tests.warehouse.taking import offers
from warehouse.captures import Document
from warehouse.connection import write_session
from warehouse.home import Home

USED = "used_from,used_to,provider,region,instance_type,instance_hours,purchase_option,workload,line_id\n"


def take(home: Home, source_id: str, body: str, at: str, url: str) -> None:
    """Take and record a body as seen at that time."""
    file = home.spool_dir / f"{url}-{at}.csv"
    file.write_text(body)
    moment = dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC)
    taken = intake.take(home, all_sources()[source_id], [Document(file, f"file:{url}", moment, "csv")])
    assert taken.outcome != "rejected", taken.message
    recording.record_subject(home, all_sources()[source_id].subject)


def catalog_of(home: Home, at: str, **prices: float) -> None:
    """A SkyPilot catalog of Lambda, region r1, eight-fold H100 called `a`, `b`, …"""
    take(home, "skypilot", offers(prices), at, "lambda_vms.csv")


def ledger(home: Home, at: str, *lines: str) -> None:
    """A ledger of use."""
    take(home, "usage", USED + "\n".join(lines) + "\n", at, "usage.csv")


def cost(home: Home, known_at: dt.datetime | None = None) -> list[dict[str, Any]]:
    """Every line of use with its cost."""
    with write_session(home, catalog()) as con:
        return (
            con.execute("FROM usage_cost(known_at := ?)", [known_at or dt.datetime(9999, 1, 1, tzinfo=dt.UTC)])
            .pl()
            .to_dicts()
        )


def now(home: Home) -> dt.datetime:
    """Just after the last that the warehouse learnt."""
    with write_session(home, catalog()) as con:
        last = con.execute("SELECT epoch_us(max(recorded_at)) FROM meta.capture").fetchall()[0][0]
    return dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=last)


def test_use_does_not_move_when_catalogs_do(home: Home) -> None:
    """Dearer, withdrawn, and loaded once more with yesterday's file: the March bill stays what it was."""
    recording.refresh_reference(home)
    catalog_of(home, "2026-03-01", a=2.0, b=9.0)
    catalog_of(home, "2026-03-08", a=2.0, b=9.0)
    ledger(home, "2026-04-01", "2026-03-02,2026-03-07,lambda,r1,a,100,on_demand,w,1")
    (before,) = cost(home)
    assert before["list_cost_usd"] == 200.0
    assert before["price_covered_share"] == 1.0
    catalog_of(home, "2026-03-20", a=4.0, b=9.0)
    catalog_of(home, "2026-04-02", b=9.0)
    catalog_of(home, "2026-03-08", a=2.0, b=9.0)
    assert cost(home) == [before]


def test_a_change_within_a_line_is_priced_on_both_sides(home: Home) -> None:
    recording.refresh_reference(home)
    catalog_of(home, "2026-03-01", a=2.0)
    catalog_of(home, "2026-03-11", a=3.0)
    ledger(home, "2026-04-01", "2026-03-06,2026-03-16,lambda,r1,a,240,on_demand,w,1")
    (line,) = cost(home)
    assert line["price_usd_per_hour"] == pytest.approx(2.5)
    assert line["list_cost_usd"] == pytest.approx(600)


def test_variants_of_one_name_are_not_averaged(home: Home) -> None:
    """One machine sold in two ways from different days on: the line is priced by the plain one, not by their mean."""
    recording.refresh_reference(home)
    catalog_of(home, "2026-03-01", a=2.0)
    catalog_of(home, "2026-03-09", a=2.0)
    with write_session(home, catalog()) as con:
        con.execute(
            "INSERT INTO observed.cloud_rate_log BY NAME SELECT * REPLACE ('community' AS offer_variant, 1.0 AS price_amount_per_hour, "
            "valid_from + INTERVAL 1 DAY AS valid_from, observed_at + INTERVAL 1 DAY AS observed_at) FROM observed.cloud_rate_log"
        )
    ledger(home, "2026-04-01", "2026-03-03,2026-03-05,lambda,r1,a,48,on_demand,w,1")
    (line,) = cost(home)
    assert line["price_usd_per_hour"] == 2.0
    assert line["price_covered_share"] == 1.0


def test_what_is_not_known_is_not_priced(home: Home) -> None:
    """Before the first price, after a withdrawal, bought in a way that is not stated, another region."""
    recording.refresh_reference(home)
    catalog_of(home, "2026-03-10", a=2.0, b=1.0)
    catalog_of(home, "2026-03-20", b=1.0)
    ledger(
        home,
        "2026-04-01",
        "2026-03-01,2026-03-05,lambda,r1,a,1,on_demand,early,1",
        "2026-03-15,2026-03-25,lambda,r1,a,1,on_demand,half,2",
        "2026-03-21,2026-03-22,lambda,r1,a,1,on_demand,late,3",
        "2026-03-11,2026-03-12,lambda,r1,a,1,,untold,4",
        "2026-03-11,2026-03-12,lambda,r2,a,1,on_demand,elsewhere,5",
    )
    found = {line["workload"]: line for line in cost(home)}
    assert all(line["list_cost_usd"] is None for line in found.values())
    assert "no list price of this offer at its time" in found["early"]["unknown"]
    assert "a list price for 50% of its time only" in found["half"]["unknown"]
    assert "no list price" in found["late"]["unknown"]
    assert "how it was bought is not stated" in found["untold"]["unknown"]
    assert "no list price" in found["elsewhere"]["unknown"]


def test_a_corrected_line_and_both_clocks(home: Home) -> None:
    """A line restated is another answer from then on; what was answered before stays; 0 hours take it back."""
    recording.refresh_reference(home)
    catalog_of(home, "2026-03-01", a=2.0)
    catalog_of(home, "2026-03-09", a=2.0)
    ledger(home, "2026-04-01", "2026-03-02,2026-03-03,lambda,r1,a,24,on_demand,w,1")
    first = now(home)
    ledger(home, "2026-04-05", "2026-03-02,2026-03-03,lambda,r1,a,20,on_demand,w,1")
    second = now(home)
    ledger(home, "2026-04-09", "2026-03-02,2026-03-03,lambda,r1,a,0,on_demand,w,1")
    assert [line["list_cost_usd"] for line in cost(home, first)] == [48]
    assert [line["list_cost_usd"] for line in cost(home, second)] == [40]
    assert [line["list_cost_usd"] for line in cost(home)] == [0]
    # Read again, in another order: the same.
    ledger(home, "2026-04-01", "2026-03-02,2026-03-03,lambda,r1,a,24,on_demand,w,1")
    assert [line["list_cost_usd"] for line in cost(home)] == [0]


def test_one_source_speaks_for_a_line(home: Home) -> None:
    """The starter set and a catalog state the same offer: it is counted once, by the better source."""
    recording.refresh_reference(home)
    for source_id in ("starter_cloud_rate", "starter_grid_carbon", "starter_exchange_rate"):
        intake.take_bundled(home, all_sources()[source_id])
    for subject in ("exchange_rate", "cloud_rate", "grid_carbon"):
        recording.record_subject(home, subject)
    ledger(home, "2026-04-01", "2025-05-31T00:00Z,2025-06-10T00:00Z,AWS,us-east-1,p5.48xlarge,240,on_demand,w,1")
    (line,) = cost(home)
    assert line["list_cost_usd"] == pytest.approx(5 * 24 * 98.32 + 5 * 24 * 55.04)
    assert line["gpu_hours"] == 8 * 240
    assert line["energy_kwh"] == pytest.approx(8 * 240 * 0.7 * 1.05 * line["pue"])
    assert line["operational_kgco2e"] == pytest.approx(line["energy_kwh"] * line["grid_gco2e_per_kwh"] / 1000)
    assert not line["is_grid_of_its_time"]
    with write_session(home, catalog()) as con:
        walk = con.execute("SELECT part, sha256 FROM passport('observed.usage', '') ORDER BY step").fetchall()
    assert [part for part, _ in walk][-1] == "capture"
    assert walk[-1][1]


def test_carbon_is_of_the_hours_used(home: Home) -> None:
    """Half-hours of the British grid, with another in each: only those within the line count."""
    recording.refresh_reference(home)
    with write_session(home, catalog()) as con:
        con.execute(
            "INSERT INTO observed.grid_carbon_log BY NAME SELECT 'gb_carbon_intensity' AS source_id, 'GB' AS scope, 'GB' AS zone, 'PT30M' AS resolution, 'average' AS basis_method, "
            "'direct' AS basis_boundary, 'location' AS basis_accounting, 'actual' AS basis_kind, n AS intensity_gco2e_per_kwh, true AS is_offered, "
            "TIMESTAMPTZ '2026-03-01' + n * INTERVAL 30 MINUTE AS valid_from, TIMESTAMPTZ '2026-03-05' AS observed_at, TIMESTAMPTZ '2026-03-05' AS recorded_at, 'c' AS capture_id FROM range(96) t(n)"
        )
    ledger(home, "2026-04-01", "2026-03-01T05:00Z,2026-03-01T07:15Z,aws,eu-west-2,p5.48xlarge,2.25,on_demand,w,1")
    with write_session(home, catalog()) as con:
        (line,) = con.execute("FROM usage_cost(boundary := 'direct')").pl().to_dicts()
    assert line["grid_gco2e_per_kwh"] == pytest.approx((30 * (10 + 11 + 12 + 13) + 15 * 14) / 135)
    assert line["is_grid_of_its_time"]
    assert line["grid_resolution"] == "PT30M"


def by_every_door(home: Home) -> list[list[dict]]:
    """What usage_cost says of each line, window_totals of its time, and request_impact of a request 90 minutes into it."""
    with write_session(home, catalog()) as con:
        con.execute(
            "CREATE TEMP TABLE run AS SELECT line_id, provider, region, instance_type, purchase_option, used_from AS run_from, used_to AS run_to, "
            "used_from + INTERVAL 90 MINUTE AS requested_at FROM usage_cost()"
        )
        doors = ("usage_cost()", "window_totals('run')", "request_impact('run')")
        return [con.execute(f"FROM {door} ORDER BY line_id").pl().to_dicts() for door in doors]


def test_both_doors_give_the_grid_of_a_time_without_slots(home: Home) -> None:
    """The year before for what lies after it, also across its end: usage_cost and window_totals say the same, and both say so."""
    recording.refresh_reference(home)
    with write_session(home, catalog()) as con:
        con.execute(
            "INSERT INTO observed.grid_carbon_log BY NAME SELECT 'starter_grid_carbon' AS source_id, 'all' AS scope, 'GB' AS zone, 'P1Y' AS resolution, 'average' AS basis_method, "
            "'lifecycle' AS basis_boundary, 'location' AS basis_accounting, 'actual' AS basis_kind, 100.0 + n AS intensity_gco2e_per_kwh, true AS is_offered, "
            "make_timestamptz(2022 + n::BIGINT, 1, 1, 0, 0, 0) AS valid_from, TIMESTAMPTZ '2025-02-01' AS observed_at, TIMESTAMPTZ '2025-02-01' AS recorded_at, 'c' AS capture_id FROM range(3) t(n)"
        )
    lines = [("2024-05-01", "2024-05-03", 102, True), ("2024-12-31", "2025-01-02", 102, False), ("2026-03-01", "2026-03-02", 102, False)]  # fmt: skip
    ledger(
        home,
        "2026-04-01",
        *(f"{a},{b},aws,eu-west-2,p5.48xlarge,24,on_demand,w,{n}" for n, (a, b, *_) in enumerate(lines)),
    )
    used, run, _ = by_every_door(home)
    for line, window, (_, _, intensity, is_of_its_time) in zip(used, run, lines, strict=True):
        assert line["grid_gco2e_per_kwh"] == window["grid_gco2e_per_kwh"] == intensity
        assert line["is_grid_of_its_time"] == is_of_its_time == (window["earlier_grid_hours"] == 0)
        for told in (line["unknown"], window["unknown"]):
            assert ("carbon of the latest year before it" in told) != is_of_its_time


def test_what_is_estimated_counts_where_nothing_is_measured(home: Home) -> None:
    """Hours computed from a mix, beside a measured year: in that year the year counts, after it the hours and no earlier year; every door says so."""
    recording.refresh_reference(home)
    with write_session(home, catalog()) as con:
        con.execute(
            "INSERT INTO observed.grid_carbon_log BY NAME SELECT 'average' AS basis_method, 'lifecycle' AS basis_boundary, 'location' AS basis_accounting, 'all' AS scope, 'GB' AS zone, "
            "true AS is_offered, TIMESTAMPTZ '2026-03-05' AS observed_at, TIMESTAMPTZ '2026-03-05' AS recorded_at, 'c' AS capture_id, * FROM ("
            "SELECT 'starter_grid_carbon' AS source_id, 'P1Y' AS resolution, 'actual' AS basis_kind, 102.0 AS intensity_gco2e_per_kwh, TIMESTAMPTZ '2024-01-01 00:00:00+00' AS valid_from "
            "UNION ALL SELECT 'gb_carbon_intensity_mix', 'PT1H', 'estimated', 50.0 + n, unnest([TIMESTAMPTZ '2024-05-01 00:00:00+00', TIMESTAMPTZ '2026-03-01 00:00:00+00']) + n * INTERVAL 1 HOUR FROM range(4) t(n))"
        )
    lines = [("2024-05-01T00:00Z", "2024-05-01T04:00Z", 102, False), ("2026-03-01T00:00Z", "2026-03-01T04:00Z", 51.5, True), ("2026-03-02T00:00Z", "2026-03-02T04:00Z", 102, False)]  # fmt: skip
    ledger(
        home,
        "2026-04-01",
        *(f"{a},{b},aws,eu-west-2,p5.48xlarge,4,on_demand,w,{n}" for n, (a, b, *_) in enumerate(lines)),
    )
    used, run, asked = by_every_door(home)
    for line, window, request, (_, _, intensity, is_estimated) in zip(used, run, asked, lines, strict=True):
        assert line["grid_gco2e_per_kwh"] == window["grid_gco2e_per_kwh"] == intensity
        assert request["grid_gco2e_per_kwh"] == (51 if is_estimated else intensity)
        assert line["is_grid_estimated"] == request["is_grid_estimated"] == is_estimated
        assert window["estimated_grid_hours"] == (4 if is_estimated else 0)
    assert [line["is_grid_of_its_time"] for line in used] == [True, True, False]
