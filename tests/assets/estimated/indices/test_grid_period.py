"""Means by day, month and year from sums by day: what adding up the slots gives, whenever the sums were computed and whatever was known."""

from __future__ import annotations

import datetime as dt
import random

import duckdb
import pytest

from assets import recording
from assets.catalog import catalog
from assets.estimated.indices import slices
from assets.estimated.indices.grid_slices import GRID_DAYS
from tests.assets.estimated.indices.test_slices import Loader, hours
from warehouse.connection import write_session
from warehouse.home import Home

_KEY = "zone, source_id, basis_method, basis_boundary, basis_accounting, basis_kind, resolution"
_LONG = {"day": ("P1M", "P1Y"), "month": ("P1Y",), "year": ()}


def by_slots(con: duckdb.DuckDBPyConnection, period: str, known_at: dt.datetime) -> list[tuple]:
    """Means of all slots, one scope of each slot of an hour."""
    return con.execute(
        f"SELECT {_KEY}, date_trunc('{period}', valid_from AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', count(*), "
        "round(avg(intensity_gco2e_per_kwh), 9), min(intensity_gco2e_per_kwh), max(intensity_gco2e_per_kwh), sum(epoch(valid_to) - epoch(valid_from)) / 3600 "
        "FROM (FROM grid_carbon_known(known_at := $known_at) WHERE resolution NOT IN (SELECT unnest($long)) "
        f"QUALIFY resolution LIKE 'P1%' OR row_number() OVER (PARTITION BY {_KEY}, valid_from ORDER BY scope) = 1) GROUP BY ALL ORDER BY ALL",
        {"known_at": known_at, "long": list(_LONG[period]) or [""]},
    ).fetchall()


def by_sums(con: duckdb.DuckDBPyConnection, period: str, relation: str, known_at: dt.datetime | None) -> list[tuple]:
    """What the view or macro gives, in the same form."""
    return con.execute(
        f"SELECT {_KEY}, {period}_from, slot_count, round(plain_mean_gco2e_per_kwh, 9), lowest_gco2e_per_kwh, highest_gco2e_per_kwh, "
        f"round(covered_share * (epoch({period}_from + INTERVAL 1 {period}) - epoch({period}_from)) / 3600, 6) FROM {relation} ORDER BY ALL",
        {"known_at": known_at} if known_at else None,
    ).fetchall()


@pytest.mark.parametrize("seed", [0, 1])
def test_periods_are_the_means_of_their_slots_at_every_known_time(home: Home, seed: int) -> None:
    chance = random.Random(seed)
    batches = []
    for zone in ("AA", "BB"):
        batches += [("s1", f"scope {zone}", 100 + n, hours(zone, 240 * n, 240 * (n + 1), n)) for n in range(5)]
        # A scope that says hours of another; corrections; another source; slots of a day, a month and a year.
        batches.append(("s1", "other scope", 102, hours(zone, 300, 380, 91)))
        batches.append(("s1", f"scope {zone}", 200, hours(zone, 333, 396, 93)))
        batches.append(("s2", "all", 101, hours(zone, 700, 800, 90)))
        batches.append(("s2", "long", 101, [(zone, "actual", 24.0 * n, 100.0 + n) for n in range(40)], "P1D"))
        batches.append(("s2", "longer", 101, [(zone, "actual", 0.0, 321.5), (zone, "actual", 24.0 * 31, 421.5)], "P1M"))
        batches.append(("s2", "longest", 101, [(zone, "actual", 0.0, 371.25)], "P1Y"))
    chance.shuffle(batches)
    with write_session(home, catalog()) as con:
        recording.sync_sources(con)
        con.execute("SET TimeZone = 'UTC'")
        loader = Loader(con)
        moments = []
        for number, batch in enumerate(batches):
            loader.load(*batch)
            moments.append(loader.moment)
            if number % 4 == seed:
                slices.update(con, GRID_DAYS)
            # Sums that are behind the log, and those that are not.
            if number % 4 in (seed, seed + 1):
                for period in _LONG:
                    expected = by_slots(con, period, loader.moment)
                    assert by_sums(con, period, f"observed.grid_carbon_{period}", None) == expected
        for moment in (moments[0] - dt.timedelta(1), moments[0], moments[len(moments) // 2], moments[-1]):
            for period in _LONG:
                expected = by_slots(con, period, moment)
                assert bool(expected) == (moment >= moments[0]) or moment == moments[0]
                found = by_sums(con, period, f"grid_carbon_{period}_known(known_at := $known_at)", moment)
                assert found == expected


def test_sums_by_another_rule_are_not_used(home: Home) -> None:
    """After an upgrade, before anything is computed anew, the slots speak for themselves."""
    with write_session(home, catalog()) as con:
        recording.sync_sources(con)
        loader = Loader(con)
        loader.load("s1", "a", 100, [("AA", "actual", 0, 100.0), ("AA", "actual", 1, 300.0)])
        slices.update(con, GRID_DAYS)
        con.execute("UPDATE estimated.grid_day SET intensity_hours_gco2e_per_kw = 9e9").fetchall()
        mean = "SELECT plain_mean_gco2e_per_kwh FROM observed.grid_carbon_year"
        assert con.execute(mean).fetchall() == [(4.5e9,)]
        con.execute(
            "UPDATE meta.definition SET fingerprint = 'of another rule@' || split_part(fingerprint, '@', 2) WHERE name = 'estimated.grid_day'"
        ).fetchall()
        assert con.execute(mean).fetchall() == [(200.0,)]
