"""Months and years of a grid whose publisher states slots of several lengths: weighted by time, no hour twice."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections import defaultdict

import duckdb
import pytest

from assets import recording
from assets.catalog import catalog
from assets.estimated.indices import slices
from assets.estimated.indices.grid_slices import GRID_DAYS
from tests.assets.estimated.indices.test_slices import START, Loader
from warehouse.connection import write_session
from warehouse.home import Home

Slot = tuple[str, str, float, float]
HOURS = {"PT5M": 1 / 12, "PT15M": 0.25, "PT30M": 0.5, "PT1H": 1.0}
SPANS = "SELECT basis_kind, resolution, mean_gco2e_per_kwh, covered_share, estimated_share FROM observed.grid_carbon_span WHERE zone = ? AND grain = ? AND span_from = ? ORDER BY ALL"


def slots(kind: str, first: str, last: str, resolution: str, level: float, zone: str = "AA", seed: int = 1) -> list[Slot]:  # fmt: skip
    """Slots from one instant to another at a level with noise; hours count from START."""
    chance, begin, end = (
        random.Random(f"{seed}{kind}{resolution}"),
        *(
            (dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) - START) / dt.timedelta(hours=1)
            for text in (first, last)
        ),
    )
    length = HOURS[resolution]
    return [
        (zone, kind, begin + n * length, round(level + chance.uniform(-40, 40), 1))
        for n in range(round((end - begin) / length))
    ]


def spans(con: duckdb.DuckDBPyConnection, grain: str, since: str, zone: str = "AA") -> dict[tuple[str, str], tuple[float, float, float]]:  # fmt: skip
    """(kind, resolution) -> mean, covered share and estimated share."""
    at = dt.datetime.fromisoformat(since).replace(tzinfo=dt.UTC)
    return {
        (kind, resolution): (mean, covered, estimated)
        for kind, resolution, mean, covered, estimated in con.execute(SPANS, [zone, grain, at]).fetchall()
    }


def mean(*parts: tuple[str, list[Slot]]) -> float:
    """The mean of all slots over time."""
    weights = [(value, HOURS[resolution]) for resolution, part in parts for *_, value in part]
    return math.fsum(v * h for v, h in weights) / math.fsum(h for _, h in weights)


def within(part: list[Slot], first: int, last: int) -> list[Slot]:
    """The slots from one day of 2025 to another, counted from 0."""
    return [slot for slot in part if first * 24 <= slot[2] + 365 * 24 < last * 24]


@pytest.fixture
def loader(home: Home):
    with write_session(home, catalog()) as con:
        recording.sync_sources(con)
        con.execute("SET TimeZone = 'Pacific/Auckland'")
        yield Loader(con)


def test_a_year_of_hours_then_quarter_hours(loader: Loader) -> None:
    """From a local midnight (22:00 UTC) on quarter-hours: the month of the change and the year are there, weighted by time; a leap day counts as any."""
    early = slots("estimated", "2024-01-01", "2024-05-14T22:00", "PT1H", 300)
    late = slots("estimated", "2024-05-14T22:00", "2025-01-01", "PT15M", 200)
    loader.load("s1", "a", 1, early)
    loader.load("s1", "b", 2, late, "PT15M")
    year = spans(loader.con, "yearly", "2024-01-01")
    assert list(year) == [("estimated", "mixed")]
    assert year["estimated", "mixed"] == pytest.approx((mean(("PT1H", early), ("PT15M", late)), 1, 1), rel=1e-12)
    of_may = [s for s in early if s[2] >= -24 * (366 + 365 - 121)], [s for s in late if s[2] < -24 * (366 + 365 - 152)]
    assert spans(loader.con, "monthly", "2024-05-01") == {
        ("estimated", "mixed"): pytest.approx((mean(("PT1H", of_may[0]), ("PT15M", of_may[1])), 1, 1), rel=1e-12)
    }
    # Months of one length are of that length alone.
    assert list(spans(loader.con, "monthly", "2024-02-01")) == [("estimated", "PT1H")]
    assert spans(loader.con, "monthly", "2024-02-01")["estimated", "PT1H"][1] == 1
    assert list(spans(loader.con, "monthly", "2024-06-01")) == [("estimated", "PT15M")]


def test_what_is_stated_anew_in_finer_slots_counts_once(loader: Loader) -> None:
    """The quarter-hours of a year that was known by the hour: both stand alone, none is mixed of them; with a gap, the hours fill it."""
    by_hour = slots("actual", "2025-01-01", "2026-01-01", "PT1H", 300)
    anew = slots("actual", "2025-01-01", "2026-01-01", "PT15M", 200)
    loader.load("s1", "a", 1, by_hour)
    loader.load("s1", "b", 2, anew, "PT15M")
    assert set(spans(loader.con, "yearly", "2025-01-01")) == {("actual", "PT1H"), ("actual", "PT15M")}
    gap = (59 * 24 - 365 * 24, 60 * 24 - 365 * 24)  # 1 March 2025
    for zone, part, length in (("BB", by_hour, "PT1H"), ("BB", [s for s in anew if not gap[0] <= s[2] < gap[1]], "PT15M")):  # fmt: skip
        loader.load("s1", f"{zone}{length}", 3, [(zone, *s[1:]) for s in part], length)
    found = spans(loader.con, "yearly", "2025-01-01", "BB")
    filled = mean(
        ("PT15M", [s for s in anew if not gap[0] <= s[2] < gap[1]]),
        ("PT1H", [s for s in by_hour if gap[0] <= s[2] < gap[1]]),
    )
    assert found["actual", "mixed"] == pytest.approx((filled, 1, 0), rel=1e-12)
    # It stands for the year before those of one length.
    ((chosen,),) = loader.con.execute(
        "SELECT min_by(resolution, year_rank(basis_kind, span_to, now(), source_rank, resolution, source_id)) FROM observed.grid_carbon_span WHERE zone = 'BB' AND grain = 'yearly'"
    ).fetchall()
    assert chosen == "mixed"


def test_days_and_longer_slots_are_not_mixed_in(loader: Loader) -> None:
    loader.load("s1", "a", 1, slots("actual", "2025-01-01", "2025-07-01", "PT1H", 300))
    loader.load("s1", "b", 1, [("AA", "actual", -24.0 * n, 200.0) for n in range(1, 185)], "P1D")
    assert spans(loader.con, "yearly", "2025-01-01") == {}


def test_a_zone_by_period_goes_on_after_the_change(loader: Loader) -> None:
    """One length of slot for all periods left out every month since, or before, the change; so from sums by day, and from the slots known at a time."""
    early = slots("estimated", "2025-01-01", "2025-02-14T23:00", "PT1H", 300)
    late = slots("estimated", "2025-02-14T23:00", "2025-04-01", "PT15M", 200)
    anew = slots("estimated", "2025-01-10", "2025-01-11", "PT15M", 500)
    loader.load("s1", "a", 1, early)
    loader.load("s1", "b", 2, late + anew, "PT15M")
    slices.update(loader.con, GRID_DAYS)
    expected = {
        1: mean(("PT1H", within(early, 0, 9) + within(early, 10, 31)), ("PT15M", anew)),
        2: mean(("PT1H", within(early, 31, 59)), ("PT15M", within(late, 0, 59))),
        3: mean(("PT15M", within(late, 59, 90))),
    }
    for known in ("", ", known_at := TIMESTAMPTZ '9999-01-01 00:00:00+00'"):
        rows = loader.con.execute(
            f"SELECT month(period_on), mean_gco2e_per_kwh, covered_hours, day_count, resolution FROM zone_carbon('AA'{known})"
        ).fetchall()
        assert rows == [
            (1, pytest.approx(expected[1], rel=1e-12), 31 * 24, 31, "mixed"),
            (2, pytest.approx(expected[2], rel=1e-12), 28 * 24, 28, "mixed"),
            (3, pytest.approx(expected[3], rel=1e-12), 31 * 24, 31, "PT15M"),
        ]


@pytest.mark.parametrize("seed", range(3))
def test_any_mixture_is_what_a_plain_count_gives(loader: Loader, seed: int) -> None:
    """Two months of stretches of all lengths and kinds, that overlap, with holes: by day the finest first, measured before estimated."""
    chance = random.Random(seed)
    told: dict[tuple[str, str], dict[float, Slot]] = {}
    for kind in ("actual", "estimated"):
        for resolution in HOURS:
            part: dict[float, Slot] = {}
            for _ in range(chance.randint(1, 3)):
                first = dt.datetime(2025, 3, 1, tzinfo=dt.UTC) + dt.timedelta(hours=chance.randrange(24 * 50))
                last = first + dt.timedelta(hours=chance.randrange(12, 24 * 25))
                for slot in slots(kind, f"{first:%FT%T}", f"{last:%FT%T}", resolution, chance.uniform(50, 600)):
                    if chance.random() > 0.03:
                        part[slot[2]] = slot
            told[kind, resolution] = part
            loader.load("s1", f"{kind} {resolution}", 400, list(part.values()), resolution)
    month = range(-365 * 24 + 59 * 24, -365 * 24 + 90 * 24)  # March
    days: dict[int, dict[str, dict[str, list[float]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for (kind, resolution), part in told.items():
        for h, (*_, value) in part.items():
            if month.start <= h < month.stop:
                days[int(h // 24)][kind][resolution].append(value)
    sums, hours, lengths = defaultdict(float), defaultdict(float), defaultdict(set)
    for kinds in days.values():
        left_of_day = 24.0
        for kind in ("actual", "estimated"):
            total = used = 0.0
            for resolution, length in HOURS.items():
                values = kinds[kind][resolution]
                counted = min(len(values) * length, 24 - used)
                if counted > 0:
                    total += math.fsum(values) / len(values) * counted
                    used += counted
                    lengths[kind].add(resolution)
            counted = min(used, left_of_day)
            if counted > 0:
                sums[kind] += total / used * counted
                hours[kind] += counted
                left_of_day -= counted
    whole = 31 * 24
    found = {kind: row for (kind, resolution), row in spans(loader.con, "monthly", "2025-03-01").items() if resolution == "mixed"}  # fmt: skip
    if hours["actual"] >= 0.9 * whole and len(lengths["actual"]) > 1:
        assert found == {"actual": pytest.approx((sums["actual"] / hours["actual"], hours["actual"] / whole, 0))}
    elif sum(hours.values()) >= 0.9 * whole:
        covered = sum(hours.values())
        assert found == {
            "estimated": pytest.approx((sum(sums.values()) / covered, covered / whole, hours["estimated"] / covered))
        }
    else:
        assert found == {}
