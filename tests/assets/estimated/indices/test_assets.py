"""The price index and its views on catalogs small enough to work by hand, in the publishers' own formats."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import duckdb
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.estimated.indices.assets import INDICES, compute
from assets.sources import all_sources
from tests.warehouse.taking import HEADER, take
from warehouse.connection import write_session
from warehouse.home import Home

PRICE, GREEN = INDICES


def vms(cloud: str, prices: dict[tuple[str, str], float]) -> tuple[str, str]:
    """A SkyPilot catalog of one cloud: (instance type, region) -> price of an H100 instance."""
    body = HEADER + "".join(f"{name},H100,1,8,64,{price},{region},,\n" for (name, region), price in prices.items())
    return body, f"{cloud}_vms.csv"


def load(home: Home, cloud: str, at: str, prices: dict[tuple[str, str], float]) -> None:
    body, name = vms(cloud, prices)
    assert take(home, body, at, name).outcome in ("loaded", "unchanged")
    recording.record_subject(home, "cloud_rate")


def index(home: Home) -> list[dict]:
    with write_session(home, catalog()) as con:
        compute(con, PRICE)
        return (
            con.sql(
                "SELECT index_on::VARCHAR AS day, index_points AS points, index_usd_per_gpu_hour AS usd, median_usd_per_gpu_hour AS median, "
                "cheapest_usd_per_gpu_hour AS cheapest, offer_count AS offers, provider_count AS providers, matched_provider_count AS matched, "
                "chain_number AS chain, accelerator_id, median_usd_per_pflop_day AS pflop, median_usd_per_gib_hour AS gib "
                "FROM estimated.price_index WHERE purchase_option = 'on_demand' ORDER BY accelerator_id, index_on"
            )
            .pl()
            .to_dicts()
        )


@pytest.fixture
def facts(home: Home) -> Home:
    recording.refresh_reference(home)
    return home


LAMBDA = ("gpu_1x_h100_sxm5", "r1"), ("gpu_1x_h100_sxm5", "r2")


def test_a_provider_that_joins_or_leaves_moves_the_median_but_not_the_index(facts: Home) -> None:
    """Lambda at 2 and 4; on day 2 Nebius joins at 10; on day 3 Lambda's r1 halves; on day 4 Nebius is gone."""
    load(facts, "lambda", "2026-01-01", {LAMBDA[0]: 2.0, LAMBDA[1]: 4.0})
    load(facts, "nebius", "2026-01-02", {("gpu-h100-sxm_1gpu", "eu"): 10.0, ("gpu-h100-sxm_1gpu", "us"): 10.0})
    load(facts, "lambda", "2026-01-03", {LAMBDA[0]: 1.0, LAMBDA[1]: 4.0})
    rows = {r["day"]: r for r in index(facts)}
    assert {r["accelerator_id"] for r in rows.values()} == {"nvidia-h100-sxm-80gb"}
    assert [rows[f"2026-01-0{d}"]["median"] for d in (1, 2, 3)] == [3.0, 6.5, 6.25]
    # Lambda's link: sqrt(1/2 x 1); Nebius': 1; the index's: the geometric mean of both.
    link = math.sqrt(math.sqrt(0.5))
    assert [rows[f"2026-01-0{d}"]["points"] for d in (1, 2, 3)] == pytest.approx([100, 100, 100 * link], rel=1e-12)
    assert [rows[f"2026-01-0{d}"]["usd"] for d in (1, 2, 3)] == pytest.approx(
        [6.25 / link, 6.25 / link, 6.25], rel=1e-12
    )
    assert [(r["offers"], r["providers"], r["matched"], r["chain"]) for r in rows.values()] == [
        (2, 1, 0, 1),
        (4, 2, 1, 1),
        (4, 2, 2, 1),
    ]
    assert [r["cheapest"] for r in rows.values()] == [2.0, 2.0, 1.0]
    # 989.5 TFLOP/s and 80 GiB: a day of a whole PFLOP/s, and a GiB for an hour.
    assert rows["2026-01-01"]["pflop"] == pytest.approx(3 * 24 / 0.9895, rel=1e-3)
    assert rows["2026-01-01"]["gib"] == pytest.approx(3 / 80)


def test_what_nothing_ties_to_the_day_before_begins_a_new_chain(facts: Home) -> None:
    load(facts, "lambda", "2026-01-01", {LAMBDA[0]: 2.0})
    load(facts, "lambda", "2026-01-02", {LAMBDA[1]: 8.0})
    assert [(r["day"], r["chain"], r["points"], r["usd"]) for r in index(facts)] == [
        ("2026-01-01", 1, 100.0, 2.0),
        ("2026-01-02", 2, 100.0, 8.0),
    ]


def test_an_offer_counts_45_days_after_its_last_confirmation_and_a_confirmation_prolongs_it(facts: Home) -> None:
    load(facts, "lambda", "2026-01-01", {LAMBDA[0]: 2.0})
    load(facts, "nebius", "2026-06-01", {("gpu-h100-sxm_1gpu", "eu"): 10.0})
    days = [r["day"] for r in index(facts) if r["median"] == 2.0]
    assert (days[0], days[-1], len(days)) == ("2026-01-01", "2026-02-14", 45)
    load(facts, "lambda", "2026-02-01", {LAMBDA[0]: 2.0})
    assert len([r for r in index(facts) if r["median"] == 2.0]) == 31 + 45


def test_one_source_speaks_for_a_provider(facts: Home) -> None:
    """Lambda's offer also stands in a hand-kept collection (fsdl) at another price: the catalog speaks, once."""
    load(facts, "lambda", "2026-01-02", {LAMBDA[0]: 2.0})
    with write_session(facts, catalog()) as con:
        con.execute(
            "INSERT INTO observed.cloud_rate_log BY NAME SELECT * REPLACE ('fsdl' AS source_id, 'cloud' AS scope, 9.0 AS price_amount_per_hour) "
            "FROM observed.cloud_rate_log"
        ).fetchall()
    assert [(r["median"], r["offers"]) for r in index(facts)] == [(2.0, 1)]
    with write_session(facts, catalog()) as con:
        found = con.sql(
            "SELECT said_by, said_value::DOUBLE, also_said_by, also_said_value::DOUBLE, difference_percent, chosen FROM observed.disagreement "
            "WHERE subject = 'cloud_rate'"
        ).fetchall()
        prices = con.sql(
            "SELECT price_usd_per_gpu_hour, source_id FROM gpu_hour_price('H100', valid_at := DATE '2026-01-03')"
        ).fetchall()
    assert found == [("fsdl", 9.0, "skypilot", 2.0, 350.0, "skypilot")]
    assert prices == [(2.0, "skypilot")]


def test_unchanged_inputs_are_not_computed_again(facts: Home) -> None:
    load(facts, "lambda", "2026-01-01", {LAMBDA[0]: 2.0})
    with write_session(facts, catalog()) as con:
        assert compute(con, PRICE) is True
        assert compute(con, PRICE) is False
    load(facts, "lambda", "2026-01-02", {LAMBDA[0]: 3.0})
    with write_session(facts, catalog()) as con:
        assert compute(con, PRICE) is True


def test_price_changes_have_old_new_and_percent_and_know_gaps(facts: Home) -> None:
    load(facts, "lambda", "2026-01-01", {LAMBDA[0]: 2.0, LAMBDA[1]: 4.0})
    load(facts, "lambda", "2026-01-02", {LAMBDA[0]: 2.5})
    load(facts, "lambda", "2026-01-03", {LAMBDA[0]: 2.5, LAMBDA[1]: 3.0})
    with write_session(facts, catalog()) as con:
        rows = con.sql(
            "SELECT region, old_price, new_price, change_percent, changed_at::DATE::VARCHAR, is_after_gap FROM observed.price_change ORDER BY region"
        ).fetchall()
        since = con.sql("SELECT region FROM changes_since(DATE '2026-01-03')").fetchall()
    assert rows == [("r1", 2.0, 2.5, 25.0, "2026-01-02", False), ("r2", 4.0, 3.0, -25.0, "2026-01-03", True)]
    assert since == [("r2",)]


@pytest.fixture
def gb(facts: Home, samples: Path) -> Home:
    """Real half-hours of Great Britain in 2023."""
    file = samples / "gb_carbon_intensity" / "national_halfhourly_2023.csv"
    intake.take_files(facts, all_sources()["gb_carbon_intensity"], [file], dt.datetime(2024, 1, 5, tzinfo=dt.UTC))
    recording.record_subject(facts, "grid_carbon")
    return facts


def test_region_carbon_gives_the_hour_and_says_what_it_is(gb: Home) -> None:
    with write_session(gb, catalog()) as con:
        hour = con.sql(
            "SELECT grain, basis_kind, basis_boundary, age_hours, zone_used, is_country_fallback, "
            "intensity_gco2e_per_kwh = (SELECT intensity_gco2e_per_kwh FROM observed.grid_carbon WHERE zone = 'GB' AND basis_kind = 'actual' "
            "AND valid_from = TIMESTAMPTZ '2023-07-01 12:00:00+00') FROM region_carbon('aws', 'eu-west-2', valid_at := TIMESTAMPTZ '2023-07-01 12:10:00+00')"
        ).fetchall()
        unknown = con.sql("SELECT intensity_gco2e_per_kwh, note FROM region_carbon('aws', 'moon-1')").fetchall()
        before = con.sql(
            "SELECT intensity_gco2e_per_kwh, note FROM region_carbon('aws', 'eu-west-2', valid_at := DATE '2020-01-01')"
        ).fetchall()
        not_yet = con.sql(
            "SELECT intensity_gco2e_per_kwh FROM region_carbon('aws', 'eu-west-2', valid_at := TIMESTAMPTZ '2023-07-01 12:00:00+00', "
            "known_at := DATE '2020-01-01')"
        ).fetchall()
        on_another_basis = con.sql(
            "SELECT intensity_gco2e_per_kwh, note FROM region_carbon('aws', 'eu-west-2', valid_at := TIMESTAMPTZ '2023-07-01 12:10:00+00', "
            "boundary := 'unconfirmed')"
        ).fetchall()
    assert hour == [("hourly", "actual", "direct", 0.0, "GB", False, True)]
    assert unknown == [(None, "region not in reference.region")]
    assert on_another_basis == [(None, "no unconfirmed value for the zone or its country by then")]
    assert before == [(None, "no value for the zone or its country by then")]
    assert not_yet == [(None,)]


def test_region_carbon_beside_a_table_answers_for_each_of_its_rows(facts: Home) -> None:
    """A column that is passed was once taken for the macro's own of the same name: every region got the value of one."""
    with write_session(facts, catalog()) as con:
        for zone, intensity in (("GB", 200.0), ("DE", 400.0), ("FR", 50.0)):
            say(con, zone, "P1Y", "2024-01-01", intensity)
        asked = "(SELECT provider, region, TIMESTAMPTZ '2024-05-01' AS valid_from FROM reference.region WHERE grid_zone IN ('GB', 'DE', 'FR')) {alias}"
        for alias in ("r", "l", "w", "p", "o"):
            rows = con.sql(
                f"SELECT {alias}.provider, {alias}.region, c.provider, c.region, c.zone_used = c.grid_zone, c.intensity_gco2e_per_kwh "
                f"FROM {asked.format(alias=alias)}, region_carbon({alias}.provider, {alias}.region, valid_at := {alias}.valid_from) c"
            ).fetchall()
            assert len(rows) > 10
            assert len({r[:2] for r in rows}) == len(rows)
            assert all(r[:2] == r[2:4] and r[4] for r in rows)
            assert {r[5] for r in rows} == {200.0, 400.0, 50.0}


def say(con: duckdb.DuckDBPyConnection, zone: str, resolution: str, valid_from: str, intensity: float) -> None:
    """Put a row into the log: average, lifecycle, location, actual."""
    con.execute(
        "INSERT INTO observed.grid_carbon_log SELECT 'test', 'all', ?, ?, 'average', 'lifecycle', 'location', 'actual', ?, true, ?::TIMESTAMPTZ, "
        "TIMESTAMPTZ '2026-06-01', TIMESTAMPTZ '2026-06-01', 'c'",
        [zone, resolution, intensity, valid_from],
    ).fetchall()


def test_region_carbon_takes_the_zones_own_values_first_and_its_country_last(facts: Home) -> None:
    """Hour, month, year of the zone; then its latest year for three years; then the country's month, called national."""
    with write_session(facts, catalog()) as con:
        for zone, resolution, valid_from, intensity in (
            ("US-CAL-CISO", "PT1H", "2023-06-05 10:00:00+00", 201.0),
            ("US-CAL-CISO", "P1M", "2023-06-01 00:00:00+00", 202.0),
            ("US-CAL-CISO", "P1Y", "2023-01-01 00:00:00+00", 203.0),
            ("US", "PT1H", "2023-06-05 10:00:00+00", 401.0),
            ("US", "P1M", "2023-07-01 00:00:00+00", 402.0),
            ("US", "P1M", "2026-05-01 00:00:00+00", 403.0),
            ("US", "P1M", "2026-12-01 00:00:00+00", 404.0),
        ):
            say(con, zone, resolution, valid_from, intensity)

        def asked(valid_at: str, region: str = "us-west-1") -> tuple:
            provider = "vast" if "," in region else "aws"
            return con.execute(
                "SELECT intensity_gco2e_per_kwh, grain, resolution, is_country_fallback, is_covering "
                "FROM region_carbon(?, ?, valid_at := ?::TIMESTAMPTZ)",
                [provider, region, valid_at],
            ).fetchall()[0]

        assert asked("2023-06-05 10:30:00+00") == (201.0, "hourly", "PT1H", False, True)
        assert asked("2023-06-05 11:30:00+00") == (202.0, "monthly", "P1M", False, True)
        # The country's month is finer in time, and of another place.
        assert asked("2023-07-05 10:30:00+00") == (203.0, "yearly", "P1Y", False, True)
        assert asked("2026-05-05 10:30:00+00") == (203.0, "yearly", "P1Y", False, False)
        # Three years after the end of 2023 its mean is too old; the country's month holds the instant.
        assert asked("2027-01-02 10:30:00+00") == (404.0, "national", "P1M", True, False)
        # A place that only a market's offers name: its country.
        assert asked("2026-05-05 10:30:00+00", "Georgia, US, NA") == (403.0, "national", "P1M", True, True)
        assert asked("2026-05-05 10:30:00+00", "Nowhere, XX, NA") == (None, None, None, False, None)


def test_an_estimated_slot_speaks_until_it_is_measured(gb: Home) -> None:
    """Estimated at 100 g by night and 400 g by day; measured, a week later, the other way round. Both stay in the log."""
    ask = (
        "SELECT hour(best_start_at AT TIME ZONE 'UTC'), expected_gco2e_per_kwh, starting_now_gco2e_per_kwh "
        "FROM green_window('XE', 2, from_at := TIMESTAMPTZ '2023-06-14 12:00:00+00'{})"
    )
    with write_session(gb, catalog()) as con:
        con.execute("BEGIN")
        for kind, night, day, told_on in (("estimated", 100, 400, "2023-06-15"), ("actual", 300, 200, "2023-06-22")):
            con.execute(
                "INSERT INTO observed.grid_carbon_log BY NAME SELECT 'gb_carbon_intensity' AS source_id, 'all' AS scope, 'XE' AS zone, 'PT30M' AS resolution, "
                "'average' AS basis_method, 'direct' AS basis_boundary, 'location' AS basis_accounting, $kind AS basis_kind, true AS is_offered, "
                "CASE WHEN hour(t) < 6 THEN $night ELSE $day END AS intensity_gco2e_per_kwh, t AT TIME ZONE 'UTC' AS valid_from, "
                "$told::TIMESTAMPTZ AS observed_at, $told::TIMESTAMPTZ AS recorded_at, 'c' AS capture_id "
                "FROM range(TIMESTAMP '2023-05-17', TIMESTAMP '2023-06-14 12:00', INTERVAL 30 MINUTE) r(t)",
                {"kind": kind, "night": night, "day": day, "told": told_on},
            )
        before = con.execute(ask.format(", known_at := TIMESTAMPTZ '2023-06-20 00:00:00+00'")).fetchall()
        after = con.execute(ask.format("")).fetchall()
        con.execute("ROLLBACK")
    assert before == [(0, 100.0, 400.0)]
    assert after == [(12, 200.0, 200.0)]


def test_a_job_takes_its_last_hour_whole_and_never_starts_in_the_past(gb: Home) -> None:
    """Asked at 12:20 for 1.5 hours: two hours of the profile (it was rounded, half to even), and 'now' is 12:20, not 12:00."""
    with write_session(gb, catalog()) as con:
        con.execute("BEGIN")
        con.execute(
            "INSERT INTO observed.grid_carbon_log BY NAME SELECT 'gb_carbon_intensity' AS source_id, 'all' AS scope, 'XE' AS zone, 'PT1H' AS resolution, "
            "'average' AS basis_method, 'direct' AS basis_boundary, 'location' AS basis_accounting, 'actual' AS basis_kind, true AS is_offered, "
            "100.0 + 10 * abs(hour(t) - 12) AS intensity_gco2e_per_kwh, t AT TIME ZONE 'UTC' AS valid_from, "
            "TIMESTAMPTZ '2023-06-14' AS observed_at, TIMESTAMPTZ '2023-06-14' AS recorded_at, 'c' AS capture_id "
            "FROM range(TIMESTAMP '2023-05-10', TIMESTAMP '2023-06-14 12:00', INTERVAL 1 HOUR) r(t)"
        )
        ask = (
            "SELECT strftime(best_start_at AT TIME ZONE 'UTC', '%d %H:%M'), wait_hours, expected_gco2e_per_kwh "
            "FROM green_window('XE', ?, from_at := TIMESTAMPTZ '2023-06-14 12:20:00+00', horizon_hours := ?)"
        )
        told = [con.execute(ask, given).fetchall() for given in ((1.5, 0.9), (4.5, 0), (2, 24))]
        con.execute("ROLLBACK")
    assert told == [[("14 12:20", 0, 105.0)], [("14 12:20", 0, 120.0)], [("14 12:20", 0, 105.0)]]


def test_the_days_before_are_of_24_hours_where_the_clocks_change(gb: Home) -> None:
    """An hour of 500 g lies just within the 28 days before: it counts in every time zone, also over the start of summer time in Berlin."""
    ask = "SELECT expected_gco2e_per_kwh FROM green_window('XT', 1, from_at := TIMESTAMPTZ '2023-04-10 12:00:00+00', horizon_hours := 0)"
    with write_session(gb, catalog()) as con:
        con.execute("BEGIN")
        con.execute(
            "INSERT INTO observed.grid_carbon_log BY NAME SELECT 'gb_carbon_intensity' AS source_id, 'all' AS scope, 'XT' AS zone, 'PT1H' AS resolution, "
            "'average' AS basis_method, 'direct' AS basis_boundary, 'location' AS basis_accounting, 'actual' AS basis_kind, true AS is_offered, "
            "CASE WHEN t = TIMESTAMP '2023-03-13 12:00' THEN 500.0 ELSE 100.0 END AS intensity_gco2e_per_kwh, t AT TIME ZONE 'UTC' AS valid_from, "
            "TIMESTAMPTZ '2023-04-10 12:00:00+00' AS observed_at, TIMESTAMPTZ '2023-04-10 12:00:00+00' AS recorded_at, 'c' AS capture_id "
            "FROM range(TIMESTAMP '2023-03-01', TIMESTAMP '2023-04-10 12:00', INTERVAL 1 HOUR) r(t)"
        )
        found = {}
        for zone in ("UTC", "Europe/Berlin", "America/Los_Angeles"):
            con.execute(f"SET TimeZone = '{zone}'")
            found[zone] = con.execute(ask).fetchall()
        con.execute("SET TimeZone = 'UTC'")
        con.execute("ROLLBACK")
    # Twenty working days, the first of them at 500 g.
    assert found == {zone: [(120.0,)] for zone in found}


def test_green_window_by_the_typical_profile_and_its_back_test(gb: Home) -> None:
    with write_session(gb, catalog()) as con:
        compute(con, GREEN)
        advice = con.sql(
            "SELECT wait_hours, expected_gco2e_per_kwh, starting_now_gco2e_per_kwh, saving_percent, advice_by "
            "FROM green_window('GB', 4, from_at := TIMESTAMPTZ '2023-06-14 18:00:00+00')"
        ).fetchall()
        by_hand = con.sql(
            "SELECT avg(typical) FROM (SELECT avg(intensity_gco2e_per_kwh) AS typical FROM observed.grid_carbon WHERE zone = 'GB' AND basis_kind = 'actual' "
            "AND valid_from >= TIMESTAMPTZ '2023-05-17 18:00:00+00' AND valid_from < TIMESTAMPTZ '2023-06-14 18:00:00+00' "
            "AND isodow(valid_from) < 6 AND hour(valid_from) IN (18, 19, 20, 21) GROUP BY hour(valid_from))"
        ).fetchall()
        tested = con.sql(
            "SELECT job_hours, horizon_hours, trial_count, perfect_gco2e_per_kwh <= advised_gco2e_per_kwh, "
            "advised_gco2e_per_kwh < now_gco2e_per_kwh, saving_share, perfect_saving_share FROM estimated.green_window ORDER BY ALL"
        ).fetchall()
        con.execute("SET TimeZone = 'Asia/Kolkata'")
        in_india = con.sql(
            "SELECT wait_hours, expected_gco2e_per_kwh, starting_now_gco2e_per_kwh, saving_percent, advice_by "
            "FROM green_window('GB', 4, from_at := TIMESTAMPTZ '2023-06-14 18:00:00+00')"
        ).fetchall()
    assert in_india == advice
    wait, expected, now, saving, by = advice[0]
    assert 0 < wait <= 24
    assert expected < now == pytest.approx(by_hand[0][0], rel=1e-9)
    assert saving == pytest.approx(100 * (1 - expected / now))
    assert by.startswith("typical profile")
    assert [row[:2] for row in tested] == [(4, 24), (12, 48)]
    assert all(row[2] > 1000 and row[3] and row[4] and 0 < row[5] < row[6] < 1 for row in tested)


def test_siting_shows_unknown_as_unknown_and_the_frontier(facts: Home) -> None:
    load(facts, "lambda", "2026-01-01", {LAMBDA[0]: 2.0, ("gpu_1x_h100_sxm5", "us-east-1"): 3.0})
    intake.take_bundled(facts, all_sources()["starter_grid_carbon"])
    recording.record_subject(facts, "grid_carbon")
    with write_session(facts, catalog()) as con:
        rows = con.sql(
            "SELECT region, cost_usd, energy_kwh, operational_kgco2e, is_pareto, grid_gco2e_per_kwh, pue, unknown "
            "FROM siting(gpu_hours := 1000, accelerator := 'H100', valid_at := DATE '2026-01-02') ORDER BY cost_usd"
        ).fetchall()
    assert rows[0][:2] == ("r1", 2000.0)
    assert rows[0][3] is None
    assert rows[0][4] is None
    assert "not known" in rows[0][7]
    # 1,000 h x 700 W x 1.05 x PUE.
    assert rows[1][2] == pytest.approx(1000 * 0.7 * 1.05 * rows[1][6])
    assert rows[1][3] is None or rows[1][3] == pytest.approx(rows[1][2] * rows[1][5] / 1000)


def test_why_rate_moved_adds_up_exactly(facts: Home) -> None:
    load(facts, "lambda", "2026-01-01", {("gpu_1x_a100_sxm4", "r1"): 1.5} | {LAMBDA[0]: 2.0})
    load(facts, "lambda", "2026-01-10", {("gpu_1x_a100_sxm4", "r1"): 1.5} | {LAMBDA[0]: 3.0})
    with write_session(facts, catalog()) as con:
        rows = con.sql(
            "SELECT part, value_from, value_to, moved_by FROM why_rate_moved('lambda', 'gpu_1x_h100_sxm5', DATE '2026-01-02', DATE '2026-01-11', "
            "from_region := 'r1', flop := 1e21, utilization_from := 0.4, utilization_to := 0.5) WHERE quantity = 'cost_usd'"
        ).fetchall()
    parts = {part: moved for part, _, _, moved in rows}
    total = parts.pop("total")
    hours = 1e21 / 989.5e12 / 3600
    assert total == pytest.approx(hours * (3 / 0.5 - 2 / 0.4), rel=1e-3)
    assert math.fsum(parts.values()) == pytest.approx(total, abs=1e-6)
    mean = (hours * 6 - hours * 5) / math.log(6 / 5)
    assert parts["price"] == pytest.approx(mean * math.log(1.5), rel=1e-3)
    assert parts["utilization"] == pytest.approx(mean * math.log(0.4 / 0.5), rel=1e-3)
    assert parts["hardware"] == parts["exchange_rate"] == 0


def test_log_mean() -> None:
    with duckdb.connect() as con:
        text = (Path(__file__).parents[4] / "assets" / "published" / "sql" / "_shared.sql").read_text(encoding="utf-8")
        con.execute(next(s.query for s in duckdb.extract_statements(text) if "MACRO log_mean" in s.query))
        assert con.execute("SELECT log_mean(2, 2), round(log_mean(1, 4), 6), log_mean(0, 4)").fetchall() == [
            (2.0, round(3 / math.log(4), 6), None)
        ]


def test_a_zone_in_the_wrong_country_is_found(facts: Home) -> None:
    from assets.observed.views import SQL

    check = (SQL / "region_check.sql").read_text(encoding="utf-8")
    with write_session(facts, catalog()) as con:
        before = con.execute(check).fetchall()
        con.execute(
            "UPDATE reference.region SET grid_zone = 'US-CAL-CISO' WHERE provider = 'aws' AND region = 'eu-west-2'"
        ).fetchall()
        found = [row for row in con.execute(check).fetchall() if row not in before]
    assert ("aws", "eu-west-2", "the zone US-CAL-CISO lies in another country than GB", None) in found
    assert {row[:2] for row in found} == {("aws", "eu-west-2")}
