"""The year of a grid that stands for a place: one rule for siting, reports, moves and estimates, against a plain count in Python."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.catalog import catalog
from assets.estimated.decisions.assets import compute
from assets.estimated.decisions.own_scenario import load_own_scenario
from assets.estimated.restate import restate
from assets.estimated.scenario_files.training import parse_scenario
from tests.assets.estimated.indices.test_slices import Loader
from tests.conftest import MainJob
from tests.pipelines.decisions.asked import rows_of
from warehouse.connection import write_session

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
AT = "TIMESTAMPTZ '2026-11-20 00:00:00+00'"
#: Day of Loader's hour 0.
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
Slot = tuple[str, str, float, float]


def day(text: str) -> dt.datetime:
    """Midnight UTC of a day."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def hourly(zone: str, kind: str, first: str, last: str, level: float, keep: float = 1) -> list[Slot]:
    """Hours from one day to another at a level that has a season and noise; only a part of each day is kept."""
    chance, begin = random.Random(f"{zone}{kind}"), (day(first) - START).days * 24
    return [
        (zone, kind, h, round(level * (1 + 0.3 * math.sin(h / 1391)) + chance.uniform(-9, 9), 1))
        for h in range(begin, (day(last) - START).days * 24)
        if h % 24 < 24 * keep
    ]


GIVEN: dict[str, list[Slot]] = {
    # Begun fourteen months ago, as measured, and still arriving.
    "GB": hourly("GB", "actual", "2025-09-12", "2026-11-20", 140),
    # The same from a generation mix.
    "US-CAL-CISO": hourly("US-CAL-CISO", "estimated", "2025-10-01", "2026-11-20", 210),
    # First estimated, and measured later for most of the hours of most days.
    "JP-TK": hourly("JP-TK", "estimated", "2025-10-01", "2026-11-01", 500) + hourly("JP-TK", "actual", "2025-10-01", "2026-11-01", 450, 0.75),
    # A running year, whose December is missing.
    "NL": hourly("NL", "actual", "2026-01-01", "2026-11-20", 230),
    # A month that is all but missing.
    "SG": [s for s in hourly("SG", "actual", "2025-11-01", "2026-11-01", 470) if not 1000 < s[2] < 1400],
    # From a mix, where a published year stands that has ended less than three years ago.
    "FR": hourly("FR", "estimated", "2025-10-01", "2026-11-20", 30),
    # Measured by the hour until its publisher went over to quarter-hours, at a local midnight in summer.
    "IE": hourly("IE", "actual", "2025-10-01", "2026-05-15", 280)[:-2],
}  # fmt: skip
#: The hours of such a zone that are stated by the quarter: since that midnight, and a March that is stated anew with other values.
QUARTERED: dict[str, list[Slot]] = {
    "IE": hourly("IE", "actual", "2026-03-01", "2026-04-01", 240) + hourly("IE", "actual", "2026-05-14", "2026-11-20", 240)[22:]
}  # fmt: skip
#: Zone -> start of the twelve months and share of them that is estimated; others have the bundled year 2024 of their country.
EXPECTED = {
    "GB": ("2025-11-01", 0.0),
    "US-CAL-CISO": ("2025-11-01", 1.0),
    "JP-TK": ("2025-11-01", 0.25),
    "IE": ("2025-11-01", 0.0),
}


def quarters(slots: list[Slot]) -> list[Slot]:
    """The quarters of hours, whose mean is the hour."""
    return [(zone, kind, h + n / 4, value + 3 * n - 4.5) for zone, kind, h, value in slots for n in range(4)]


def mean_of(zone: str, first: str, last: str) -> float:
    """Mean over the hours: of those that are measured twice told, the measured one; of a day, the rest at the day's estimated mean."""
    days: dict[int, dict[str, list[float]]] = {}
    # Of an hour that is stated by the quarter too, the quarters count.
    quartered = {slot[2]: slot for slot in QUARTERED.get(zone, [])}
    for _, kind, h, value in [*quartered.values(), *(slot for slot in GIVEN[zone] if slot[2] not in quartered)]:
        if (day(first) - START).days * 24 <= h < (day(last) - START).days * 24:
            days.setdefault(int(h // 24), {}).setdefault(kind, []).append(value)
    total = hours = 0.0
    for kinds in days.values():
        measured, estimated = kinds.get("actual", []), kinds.get("estimated", [])
        rest = min(len(estimated), 24 - len(measured))
        total += math.fsum(measured) + (math.fsum(estimated) / len(estimated) * rest if rest else 0)
        hours += len(measured) + rest
    return total / hours


@pytest.fixture(scope="module")
def grids(main_job: MainJob, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The bundled data, and the hours of GIVEN."""
    home = main_job.copied_to(tmp_path_factory.mktemp("grids") / "home")
    with write_session(home, catalog()) as con:
        con.execute("SET TimeZone = 'UTC'")
        loader = Loader(con)
        loader.moment = dt.datetime.now(dt.UTC)
        for zone, slots in GIVEN.items():
            loader.load("own_grid", zone, 324, slots)
        for zone, slots in QUARTERED.items():
            loader.load("own_grid", zone, 324, quarters(slots), "PT15M")
        yield con


def test_a_place_has_the_latest_twelve_months_that_are_known(grids: duckdb.DuckDBPyConnection) -> None:
    """Measured or, where nothing measured is known, estimated; a year without a season is none."""
    found = {
        row["grid_zone"]: row
        for row in rows_of(grids, f"FROM siting(gpu_hours := 1000, valid_at := {AT}) WHERE grid_zone IS NOT NULL")
        if row["grid_zone"] in GIVEN
    }
    assert set(found) >= set(GIVEN)
    bundled = dict(
        grids.execute(
            "SELECT zone, intensity_gco2e_per_kwh FROM observed.grid_carbon WHERE is_bundled AND basis_boundary = 'lifecycle' AND valid_from = TIMESTAMPTZ '2024-01-01'"
        ).fetchall()
    )
    for zone, row in found.items():
        first, share = EXPECTED.get(zone, ("2024-01-01", 0.0))
        assert row["zone_used"] == zone
        assert row["grid_from_on"] == dt.date.fromisoformat(first), zone
        assert row["grid_estimated_share"] == pytest.approx(share, abs=1e-3), zone
        expected = mean_of(zone, first, "2026-11-01") if zone in EXPECTED else bundled[zone]
        assert row["grid_gco2e_per_kwh"] == pytest.approx(expected, rel=1e-9), zone
        assert row["grid_source_id"] == ("own_grid" if zone in EXPECTED else "starter_grid_carbon")
        assert (row["grid_resolution"] == "mixed") == (zone in QUARTERED)
        # The year stands for another time by as much as any other.
        assert row["low_operational_kgco2e"] < row["operational_kgco2e"] < row["high_operational_kgco2e"]


@pytest.mark.parametrize(
    ("at", "zone", "first"),
    [
        # Before twelve months were over; the first is known from its 12th day on.
        ("2026-08-31", "GB", "2024-01-01"),
        ("2026-09-01", "GB", "2025-09-01"),
        ("2026-10-01", "GB", "2025-10-01"),
        ("2026-10-31", "GB", "2025-10-01"),
        ("2026-11-01", "GB", "2025-11-01"),
        # Over New Year; what is known ends on 20 November, and a half of a month is enough once it is over.
        ("2026-12-31", "GB", "2025-12-01"),
        ("2027-01-01", "GB", "2025-12-01"),
        # A published year counts before an estimated one for three years after its end.
        ("2028-01-01", "FR", "2024-01-01"),
        ("2028-01-03", "FR", "2025-12-01"),
        # The published year that holds the instant.
        ("2024-06-15", "GB", "2024-01-01"),
    ],
)
def test_which_year_stands_for_a_date(grids: duckdb.DuckDBPyConnection, at: str, zone: str, first: str) -> None:
    ((found,),) = grids.execute(
        "SELECT min_by(span_from, year_rank(basis_kind, span_to, $at, source_rank, resolution, source_id)) FROM observed.grid_carbon_span "
        "WHERE zone = $zone AND grain = 'yearly' AND basis_boundary = 'lifecycle' AND is_year_for(span_from, span_to, $at)",
        {"at": day(at), "zone": zone},
    ).fetchall()
    assert found == day(first)


def test_what_was_known_earlier_has_no_later_year(grids: duckdb.DuckDBPyConnection) -> None:
    rows = rows_of(grids, f"FROM siting(gpu_hours := 1000, valid_at := {AT}, known_at := now() - INTERVAL 1 HOUR)")
    years = {row["grid_year"] for row in rows if row["grid_zone"] in GIVEN}
    assert years <= {2024}


def test_a_report_has_each_month_as_it_is_known(grids: duckdb.DuckDBPyConnection) -> None:
    """A measured month; an estimated one; the last year for those that are missing: with its source, in the row."""
    for zone, told in (("GB", ""), ("US-CAL-CISO", " estimated"), ("IE", "")):
        given = f"{{'name': 'a', 'zone': '{zone}', 'power_w_per_gpu': 1000, 'pue': 1, 'gpu_hours': 1000}}"
        rows = rows_of(grids, f"FROM esg_report([{given}], 2026) WHERE workload = 'a' AND NOT is_year")
        assert len(rows) == 12
        for row in rows:
            first = row["month_on"]
            last = (first.replace(day=28) + dt.timedelta(4)).replace(day=1)
            is_covered = first <= dt.date(2026, 10, 1)
            expected = mean_of(zone, str(first if is_covered else "2025-12-01"), str(last if is_covered else "2026-12-01"))  # fmt: skip
            assert row["location_kgco2e"] == pytest.approx(expected, rel=1e-9), (zone, first)
            grain, since = ("monthly", first) if is_covered else ("yearly", "2025-12-01")
            assert row["grid_used"] == f"{zone} {grain} from {since} by own_grid{told}"
            assert (row["low_location_kgco2e"] < row["location_kgco2e"]) == (not is_covered)


@pytest.mark.parametrize("zone", sorted(GIVEN))
def test_an_estimate_has_that_year_and_a_move_ends_at_it(
    grids: duckdb.DuckDBPyConnection, tmp_path: Path, zone: str
) -> None:
    """Whatever the hour: no half hour stands for a job without a start; why_moved begins and ends at its estimates."""
    file = tmp_path / "own.toml"
    file.write_text(f"[training]\ngpu_hours = 1000\npower_w_per_gpu = 1000\npue = 1\nregion = '{zone}'\n")
    found = []
    for instant in (dt.datetime(2026, 10, 12, 12, tzinfo=dt.UTC), NOW.replace(hour=3), NOW):
        load_own_scenario(grids, file, instant)
        ((value, origin),) = grids.execute(
            "SELECT central, (SELECT any_value(origin_ref) FROM temp.factor WHERE factor = 'grid_gco2e_per_kwh') FROM temp.training_estimate WHERE quantity = 'operational_kgco2e'"
        ).fetchall()
        found.append(value)
    before, other_hour, after = found
    assert other_hour == after
    assert after == pytest.approx(mean_of(zone, "2025-11-01", "2026-11-01")) or zone not in EXPECTED
    assert (", 25.0% of it estimated" in origin) == (zone == "JP-TK")
    (total,) = rows_of(
        grids,
        f"FROM why_moved('own', TIMESTAMPTZ '2026-10-12 12:00:00+00', to_at := {AT}, estimates_in := 'temp', scenarios_in := 'temp') WHERE part = 'total' AND quantity = 'operational_kgco2e'",
    )
    assert (total["value_from"], total["value_to"]) == (pytest.approx(before), pytest.approx(after))


def slot_counts(walk: list[dict]) -> int:
    """How many slots the steps of a passport summarise."""
    return sum(int(r["said_of"].split("/")[6].split()[0]) for r in walk if r["said_in"] == "observed.grid_carbon")


def given_count(zone: str, first: dt.date) -> int:
    """Slots of a zone in the twelve months from a day on."""
    days = [(START + dt.timedelta(hours=h)).date() for _, _, h, _ in GIVEN[zone] + quarters(QUARTERED.get(zone, []))]
    return sum(first <= d < first.replace(year=first.year + 1) for d in days)


def test_rows_walk_to_every_slot_of_their_year(grids: duckdb.DuckDBPyConnection) -> None:
    """As many slots as the year has, measured and estimated; their mean is the figure where the two do not overlap."""
    grids.execute("DELETE FROM meta.definition WHERE name = 'estimated.decisions'").fetchall()
    assert compute(grids)
    rows = rows_of(grids, "FROM estimated.siting WHERE grid_source_id = 'own_grid'")
    assert {row["zone_used"] for row in rows} >= set(EXPECTED)
    for zone in EXPECTED:
        row = next(row for row in rows if row["zone_used"] == zone)
        key = "/".join(row[c] for c in ("scenario_id", "provider", "region", "accelerator_id", "purchase_option", "method_version"))  # fmt: skip
        walk = grids.execute("FROM passport('estimated.siting', ?)", [key]).pl().to_dicts()
        slots = [r for r in walk if r["said_in"] == "observed.grid_carbon"]
        assert slot_counts(walk) == given_count(zone, row["grid_from_on"]), zone
        if len(slots) == 1:
            assert slots[0]["value"] == pytest.approx(row["grid_gco2e_per_kwh"], rel=1e-9)


def test_an_estimate_walks_to_slots_of_all_lengths(grids: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("[training]\nit_energy_kwh = 1000\npue = 1\nregion = 'IE'\n")
    load_own_scenario(grids, file, NOW)
    grids.execute("BEGIN")
    try:
        for table in ("training_estimate", "factor"):
            grids.execute(f"INSERT INTO estimated.{table} BY NAME FROM temp.{table}").fetchall()
        walk = grids.execute("FROM passport('estimated.training_estimate', 'own/operational_kgco2e')").pl().to_dicts()
    finally:
        grids.execute("ROLLBACK")
    assert slot_counts(walk) == given_count("IE", dt.date(2025, 11, 1)) > 20_000
    lengths = {r["said_of"].split("/")[1] for r in walk if r["said_in"] == "observed.grid_carbon"}
    assert lengths == {"PT15M", "PT1H"}


def test_what_slots_of_several_lengths_changed_is_restated(grids: duckdb.DuckDBPyConnection) -> None:
    """By grid-2 a zone whose publisher went over to quarter-hours had no year of its own until twelve months after; others have the same by both rules."""
    stated = "[training]\nas_of = 2026-11-20\nregion = '{}'\nit_energy_kwh = 1000\npue = 1\n"
    scenarios = [parse_scenario(stated.format(zone), zone) for zone in ("IE", "GB", "JP-TK")]
    found = restate(grids, "grid-2", "grid-3", scenarios, NOW).rows.filter(pl.col("quantity") == "operational_kgco2e")
    rows = {row["scenario_id"]: row for row in found.iter_rows(named=True)}
    ((bundled,),) = grids.execute(
        "SELECT intensity_gco2e_per_kwh FROM observed.grid_carbon WHERE is_bundled AND zone = 'IE' AND basis_boundary = 'lifecycle' AND valid_from = TIMESTAMPTZ '2024-01-01'"
    ).fetchall()
    assert rows["IE"]["old_central"] == pytest.approx(bundled)
    assert rows["IE"]["new_central"] == pytest.approx(mean_of("IE", "2025-11-01", "2026-11-01"), rel=1e-9)
    assert all(rows[zone]["old_central"] == rows[zone]["new_central"] for zone in ("GB", "JP-TK"))
