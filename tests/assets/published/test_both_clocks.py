"""Every macro that answers from history can be asked what was known at an earlier time."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import duckdb
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.estimated.indices import assets as index_assets
from assets.estimated.indices import grid_slices, slices
from assets.sources import all_sources
from assets.subjects import SUBJECTS
from warehouse.connection import write_session
from warehouse.home import Home

SQL = Path(__file__).parents[3] / "assets" / "published" / "sql"

PRICE = next(index for index in index_assets.INDICES if index.table.name == "price_index")

#: Macros that take no `known_at`, and why.
WITHOUT = {
    # What is published now, walked back: the earlier numbers have passports of their own publication.
    "passport": "a walk of today's publication",
    "_row_of_observed": "a walk of today's publication",
    "_passport_tables": "names of tables",
    "_moved_scenario": "is given offers and years of one knowledge; of the log it reads which names are zones",
    "_scenario_quantity": "what the tables hold; everything else asks _scenario_quantity_known",
}


def definitions() -> dict[str, str]:
    """Macro -> its text."""
    texts = "\n".join(f.read_text(encoding="utf-8") for f in sorted(SQL.glob("*.sql")))
    return dict(re.findall(r"CREATE OR REPLACE MACRO (\w+)(\(.*?;)\nCOMMENT ON MACRO", texts, flags=re.DOTALL))


def test_every_macro_on_history_has_both_clocks() -> None:
    """One that reads an observed subject, by view or by log, takes `known_at` and hands it on; a new one without it fails here."""
    subjects = "|".join(s.name for s in SUBJECTS)
    reads = re.compile(
        rf"\b(observed|estimated)\.({subjects}|cloud_offer|price_change|grid_carbon_\w+|region_claim_all|\w+_index|\w+_estimate)(_log)?\b|\b({subjects}|cloud_offer|price_index|region_claim_all)_(known|as_of)\("
    )
    found = definitions()
    assert len(found) > 30
    for name, text in found.items():
        is_passport = re.match(r"_(head|reference|observation|offer|slots)_of_|_sited|_hubbed", name)
        # A name is known once it was heard of, whatever is known of it at the time that is asked for.
        is_name = re.match(r"_asked_|_(zone|place)_written", name)
        if reads.search(text) and not is_passport and not is_name and name not in WITHOUT:
            assert re.search(r"known_at := ", text.split(" AS TABLE")[0]), f"{name} answers for today only"
            assert "known_at" in text.split(" AS TABLE", 1)[1], f"{name} takes known_at and does not use it"
    assert set(WITHOUT) <= set(found)
    assert [n for n, text in found.items() if "_scenario_quantity()" in text] == ["_scenario_quantity_known"]


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """A warehouse that learnt a catalog, a list of models and hours of a grid, all after 2026."""
    home = Home(tmp_path_factory.mktemp("clocks")).create()
    recording.refresh_reference(home)
    for source_id in ("starter_cloud_rate", "starter_token_price", "starter_model_compute", "starter_accelerator_spec"):
        intake.take_bundled(home, all_sources()[source_id])
    hours = "".join(
        f"{dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=h):%Y-%m-%d %H:%M:%S},Germany,Germany,DE,{200 + h % 24},{300 + h % 24},50,60,x,false,\n"
        for h in range(24 * 40)
    )
    file = home.spool_dir / "DE_2025_hourly.csv"
    header = "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),Carbon Intensity gCO₂eq/kWh (LCA),"
    file.write_text(
        f"{header}Low Carbon Percentage,Renewable Percentage,Data Source,Data Estimated,Data Estimation Method\n{hours}"
    )
    intake.take_files(home, all_sources()["electricity_maps_csv"], [file], dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    for number, (year, intensity) in enumerate({"2025": 400.0, "2026": 300.0}.items()):
        # The figures of a year as a yearly list states them, and restates them a year later.
        file = home.spool_dir / f"carbon-{number}.csv"
        rows = f"United States,USA,2024,{intensity}\n"
        file.write_text(f"Entity,Code,Year,Carbon intensity of electricity - gCO2/KWh\n{rows}")
        intake.take_files(home, all_sources()["owid"], [file], dt.datetime(int(year), 3, 1, tzinfo=dt.UTC))
        for subject in recording.subjects_with_sources():
            recording.record_subject(home, subject)
    with write_session(home, catalog()) as opened:
        index_assets.compute(opened, PRICE)
        slices.update(opened, grid_slices.GRID_DAYS)
        yield opened


def test_the_price_index_as_known_now_is_the_table(con: duckdb.DuckDBPyConnection) -> None:
    """One rule: the macro for an earlier knowledge gives, for the present one, what the table holds."""
    columns = "COLUMNS(lambda c: c NOT LIKE '%usd%' AND c <> 'index_points'), round(index_points, 6), round(median_usd_per_gpu_hour, 9)"
    table = f"SELECT {columns} FROM price_index_known()"
    known = f"SELECT {columns} FROM price_index_known(known_at := TIMESTAMPTZ '9999-01-01 00:00:00+00')"
    assert con.execute(f"SELECT count(*) FROM ({table})").fetchall()[0][0] > 1000
    assert con.execute(f"({table} EXCEPT {known}) UNION ALL ({known} EXCEPT {table})").fetchall() == []


@pytest.mark.parametrize(
    "grid",
    [
        "DISTINCT grid_gco2e_per_kwh FROM siting(gpu_hours := 1, valid_at := TIMESTAMPTZ '2026-08-01 00:00:00+00'{}) WHERE zone_used = 'US'",
        "1e6 * location_kgco2e / energy_kwh / 1000 FROM esg_report([{{'name': 'a', 'zone': 'US', 'gpu_hours': 1, 'power_w_per_gpu': 700}}], 2024{}) WHERE is_year AND workload = 'a'",
        "1000 * value_from FROM why_rate_moved('aws', 'p5.48xlarge', DATE '2026-08-01', DATE '2026-08-01', from_region := 'us-east-1', gpu_hours := 1{}) "
        "WHERE part = 'grid'",
    ],
)
def test_a_yearly_grid_that_was_restated_is_taken_as_it_was_known(con: duckdb.DuckDBPyConnection, grid: str) -> None:
    first = con.execute(
        "SELECT min(recorded_at)::VARCHAR FROM observed.grid_carbon_log WHERE source_id = 'owid' AND zone = 'US'"
    ).fetchall()[0][0]
    now = con.execute(f"SELECT {grid.format('')}").fetchall()
    before = con.execute(f"SELECT {grid.format(f', known_at := TIMESTAMPTZ {first!r}')}").fetchall()
    assert (now, before) == ([(pytest.approx(300.0),)], [(pytest.approx(400.0),)])


@pytest.mark.parametrize(
    "call",
    [
        "gpu_hour_price('H100', valid_at := DATE '2026-08-01'{})",
        "cheapest('H100', valid_at := DATE '2026-08-01'{})",
        "token_price_of('gpt-4o'{})",
        "_bought_token_price('gpt-4o'{})",
        "changes_since(DATE '2025-01-01'{})",
        "price_change_known(observed_by := NULL{})",
        "training_compute(observed_by := NULL{})",
        "compute_growth(from_on := DATE '2010-01-01'{})",
        "accelerator_by_year(observed_by := NULL{})",
        "green_window('DE', 4, from_at := TIMESTAMPTZ '2025-02-05 18:00:00+00'{})",
        "cloud_offer_known(observed_by := NULL{})",
        "price_history('H100'{})",
        "zone_carbon('DE'{})",
        "petaday_history(accelerator := 'H100'{})",
        "petaday_cost(valid_at := DATE '2025-08-01'{})",
        "build_adapt_buy(own_tokens_per_s_per_gpu := 400{})",
    ],
)
def test_before_anything_was_known_nothing_is_answered(con: duckdb.DuckDBPyConnection, call: str) -> None:
    """Now there is an answer; as known on the day before the first load there is none."""
    call = call.replace("observed_by := NULL{}", "{}")
    now = call.format("").replace("(, ", "(")
    before = call.format(", known_at := TIMESTAMPTZ '2020-01-01 00:00:00+00'").replace("(, ", "(")
    assert con.execute(f"SELECT count(*) FROM {now}").fetchall()[0][0] > 0
    assert con.execute(f"SELECT count(*) FROM {before}").fetchall() == [(0,)]


@pytest.mark.parametrize("by", ["day", "week", "month", "year"])
def test_a_zone_by_period_is_the_mean_of_its_slots(con: duckdb.DuckDBPyConnection, by: str) -> None:
    """From sums by day as from the slots themselves, and as from the slots known at a time."""
    slots = (
        f"SELECT date_trunc('{by}', valid_from AT TIME ZONE 'UTC')::DATE, avg(intensity_gco2e_per_kwh), min(intensity_gco2e_per_kwh), max(intensity_gco2e_per_kwh), count(*) "
        "FROM observed.grid_carbon WHERE zone = 'DE' AND resolution = 'PT1H' AND basis_boundary = 'lifecycle' GROUP BY ALL ORDER BY 1"
    )
    columns = "period_on, mean_gco2e_per_kwh, lowest_gco2e_per_kwh, highest_gco2e_per_kwh, covered_hours"
    wanted = con.execute(slots).fetchall()
    assert wanted
    for known in ("", ", known_at := TIMESTAMPTZ '9999-01-01 00:00:00+00'"):
        found = con.execute(f"SELECT {columns} FROM zone_carbon('DE', period := '{by}'{known})").fetchall()
        assert [row[0] for row in found] == [row[0] for row in wanted]
        assert [row[1:] for row in found] == [pytest.approx(row[1:], rel=1e-12) for row in wanted]


@pytest.mark.parametrize(
    "call",
    [
        "cloud_rate_as_of({})",
        "grid_carbon_as_of({})",
        "cloud_rate_as_of(TIMESTAMPTZ 'infinity', known_at := {})",
        "cloud_rate_known(known_at := {})",
        "cloud_rate_known(observed_by := {})",
        "cloud_offer_known(known_at := {})",
        "grid_carbon_month_known(known_at := {})",
        "gpu_hour_price('H100', valid_at := DATE '2027-01-01', known_at := {})",
    ],
)
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/Los_Angeles"])
def test_a_day_begins_at_midnight_utc_in_any_session(con: duckdb.DuckDBPyConnection, call: str, zone: str) -> None:
    """Of the instants around a midnight at which an answer changes: a DATE is its first instant in UTC, not in the session's zone."""
    clock = "known_at" if "known_at" in call else "observed_by" if "observed_by" in call else "valid_at"
    column = {"known_at": "recorded_at", "observed_by": "observed_at", "valid_at": "valid_from"}[clock]
    log = "observed.grid_carbon_log" if "grid" in call else "observed.cloud_rate_log"
    day = con.execute(f"SELECT max(({column} AT TIME ZONE 'UTC')::DATE)::VARCHAR FROM {log} WHERE isfinite({column})")
    day = day.fetchall()[0][0]
    con.execute(f"SET TimeZone = '{zone}'").fetchall()
    try:
        for of_day in (f"(DATE '{day}')", f"(DATE '{day}' + 1)::DATE"):
            count = f"SELECT count(*), bit_xor(hash(x)) FROM {call} x"
            given = con.execute(count.format(of_day)).fetchall()
            assert given == con.execute(count.format(f"({of_day}::TIMESTAMP AT TIME ZONE 'UTC')")).fetchall()
    finally:
        con.execute("SET TimeZone = 'UTC'").fetchall()
