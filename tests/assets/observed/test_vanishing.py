"""A provider whose rows vanish for a day, on a real snapshot: a gap and no end, no change of a price, no move of the index."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.estimated.indices.assets import INDICES, compute
from assets.sources import source_named
from tests.conftest import SAMPLES
from warehouse.connection import write_session
from warehouse.home import Home

SNAPSHOT = "gpu_rental_snapshots/gpurentalprices_2026-08-22.json"
GONE = "runpod"
DAYS = ("2026-08-22", "2026-08-23", "2026-08-24")


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """One real snapshot on three days, the provider with most offers left out of the second."""
    if not SAMPLES.is_dir():
        pytest.skip("recorded samples (../shared/samples) are not on this machine")
    folder: Path = tmp_path_factory.mktemp("vanishing")
    home = Home(folder / "home").create()
    recording.refresh_reference(home)
    snapshot = json.loads((SAMPLES / SNAPSHOT).read_text(encoding="utf-8"))
    for day in DAYS:
        offers = [o for o in snapshot["offers"] if day != DAYS[1] or o["provider"] != GONE]
        file = folder / f"{day}.json"
        file.write_text(json.dumps(snapshot | {"generated_at": f"{day}T06:00:00Z", "offers": offers}))
        moment = dt.datetime.fromisoformat(f"{day}T06:30:00+00:00")
        (taken,) = intake.take_files(home, source_named("gpurentalprices"), [file], moment)
        assert taken.outcome == "loaded"
    recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        compute(con, next(i for i in INDICES if i.table.name == "price_index"))
        yield con


def test_its_offers_have_a_gap_and_stand_again(facts: duckdb.DuckDBPyConnection) -> None:
    rows = facts.execute(
        "SELECT n, starts, ends, count(*) FROM (SELECT instance_type, offer_variant, count(*) AS n, "
        "list(strftime(valid_from, '%d') ORDER BY valid_from) AS starts, list(strftime(valid_to, '%d') ORDER BY valid_from) AS ends "
        "FROM observed.cloud_rate WHERE provider = ? GROUP BY ALL) GROUP BY ALL",
        [GONE],
    ).fetchall()
    assert [row[:3] for row in rows] == [(2, ["22", "24"], ["23", None])]
    assert rows[0][3] > 40
    others = facts.execute(
        "SELECT count(*) FROM observed.cloud_rate WHERE provider <> ? AND valid_to IS NOT NULL", [GONE]
    )
    assert others.fetchone() == (0,)


def test_it_is_no_change_of_a_price(facts: duckdb.DuckDBPyConnection) -> None:
    assert facts.execute("SELECT count(*) FROM observed.price_change").fetchone() == (0,)


def test_the_index_does_not_move(facts: duckdb.DuckDBPyConnection) -> None:
    """Medians do, where it was one of several; where it was the only provider there is no day in between."""
    moved, medians, days = facts.execute(
        "SELECT count(*) FILTER (abs(index_points - 100) > 1e-9), "
        "count(*) FILTER (before <> median_usd_per_gpu_hour), count(DISTINCT index_on) FROM (SELECT *, "
        "lag(median_usd_per_gpu_hour) OVER (PARTITION BY accelerator_id, purchase_option ORDER BY index_on) AS before FROM estimated.price_index)"
    ).fetchall()[0]
    assert moved == 0
    assert medians > 5
    assert days == len(DAYS)
