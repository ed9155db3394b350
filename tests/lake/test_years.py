"""A lake does not become slower with its age: upkeep runs by itself, and a year of daily loads shows what it is worth."""

from __future__ import annotations

import dagster as dg
import pytest

from assets.catalog import catalog
from deploy import servers
from pipelines.definitions import build_defs
from tests.bench_lake import daily
from tests.lake.conftest import NIGHTLY
from warehouse.connection import read_published, transaction, write_session
from warehouse.home import Home
from warehouse.store import lake_admin, store_of
from warehouse.store.lake import LakeStore


def lake(home: Home) -> LakeStore:
    store = store_of(home)
    assert isinstance(store, LakeStore)
    return store


def test_upkeep_is_scheduled_daily_on_a_lake_and_only_there(
    on_lake: servers.Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    (schedule,) = [s for s in build_defs().schedules or [] if s.name == "lake_upkeep_schedule"]
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.cron_schedule == "40 3 * * *"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    monkeypatch.delenv("PETADAY_WAREHOUSE")
    assert not [s for s in build_defs().schedules or [] if s.name == "lake_upkeep_schedule"]
    assert not [j for j in build_defs().jobs or [] if j.name == "lake_upkeep"]


def test_the_scheduled_job_merges_small_files(lake_home: Home) -> None:
    lake_admin.init(lake(lake_home), catalog())
    for number in range(3):
        with write_session(lake_home, catalog()) as con, transaction(con):
            con.execute(
                f"INSERT INTO meta.rejected_row SELECT 'b{number}', 'c', 's', 'x', 'r', repeat('x', 50), now() FROM range(200)"
            )
    result = build_defs().resolve_job_def("lake_upkeep").execute_in_process()
    assert result.success
    with read_published(lake_home) as con:
        files = "SELECT file_count FROM ducklake_table_info('warehouse') WHERE table_name = 'rejected_row'"
        assert con.execute(files).fetchall() == [(1,)]
        assert con.execute("SELECT count(*) FROM meta.rejected_row").fetchall() == [(600,)]


@pytest.mark.skipif(not NIGHTLY, reason="minutes: PETADAY_NIGHTLY=1")
def test_a_load_takes_as_long_on_day_364_as_on_day_1(lake_home: Home) -> None:
    """Within three times of each other on days 1, 100 and 364; and what is asked of the past is right after all the merging."""
    offers = 5_000
    lake_admin.init(lake(lake_home), catalog())
    timed = daily.year(lake_home, offers, 365, lambda: lake_admin.upkeep(lake(lake_home)))
    seconds = [daily.about(timed, day) for day in daily.ASKED]
    print(f"day 1, 100, 364: {seconds}")  # noqa: T201
    assert max(seconds) < 3 * min(seconds)
    with read_published(lake_home) as con:
        for day in (0, 137, 364):
            told = daily.offers(day, offers)
            at = daily.FIRST + daily.dt.timedelta(days=day, hours=1)
            kept = con.execute(
                "SELECT count(*), sum(price_amount_per_hour)::DECIMAL(18, 3) FROM cloud_rate_as_of($at, known_at := $at)",
                {"at": at},
            ).fetchall()[0]
            assert kept[0] == offers
            assert float(kept[1]) == pytest.approx(told["price_amount_per_hour"].sum(), abs=0.01)
