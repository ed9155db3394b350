"""Past days asked for on the command line, in one run of Dagster, and day by day in any order: the same table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from assets import recording
from assets.catalog import catalog
from tests.pipelines.test_cli import petaday
from tests.pipelines.test_definitions import execute
from tests.replay import Asked, ReplayServer
from warehouse.connection import read_published
from warehouse.home import HOME_VARIABLE, Home
from warehouse.publish import publish

SOURCE, FIRST, LAST = "litellm", "2026-06-02", "2026-06-05"
#: Commits of the map: when, and what a token of input cost from then on. The first is in force when the window begins.
VERSIONS = {
    "2026-05-20T08:00:00Z": 9e-6,
    "2026-06-01T08:00:00Z": 5e-6,
    "2026-06-03T07:00:00Z": 4.5e-6,
    "2026-06-03T19:00:00Z": 4e-6,
    "2026-06-05T08:00:00Z": 2.5e-6,
    "2026-06-06T08:00:00Z": 1e-6,
}


@pytest.fixture
def repository(replay: ReplayServer) -> ReplayServer:
    """GitHub, with the history of the map."""

    def commits(asked: Asked) -> bytes:
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.url).query).items()}
        found = [v for v in sorted(VERSIONS, reverse=True) if query.get("since", "") <= v < query["until"]]
        listed = [{"sha": f"sha{v}", "commit": {"committer": {"date": v}}} for v in found[: int(query["per_page"])]]
        return json.dumps(listed).encode()

    replay.add("https://api.github.com/repos/BerriAI/litellm/commits", commits)
    for version, cost in VERSIONS.items():
        models = {
            "gpt-4o": {
                "litellm_provider": "openai",
                "mode": "chat",
                "input_cost_per_token": cost,
                "output_cost_per_token": 4 * cost,
            }
        }
        url = f"https://raw.githubusercontent.com/BerriAI/litellm/sha{version}/model_prices_and_context_window.json"
        replay.add(url, json.dumps(models))
    return replay


def record(home: Home) -> None:
    """Record and publish what is staged, without the estimates."""
    recording.refresh_reference(home)
    recording.record_subject(home, "token_price")
    publish(home, catalog())


def table(home: Home) -> list[tuple]:
    """The history as published, with when it was observed."""
    with read_published(home) as con:
        return con.execute(
            "SELECT vendor, model, direction, round(price_usd_per_mtok, 6), valid_from::VARCHAR, valid_to::VARCHAR, observed_at::VARCHAR "
            "FROM observed.token_price WHERE source_id = 'litellm' ORDER BY direction, valid_from"
        ).fetchall()


def days_one_by_one(home: Home, monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """A partition at a time, the latest first; 3 June also asks for what was in force when it began."""
    monkeypatch.setenv(HOME_VARIABLE, str(home.create().root))
    for day in ("2026-06-05", "2026-06-03"):
        assert execute(f"refresh_{SOURCE}", partition_key=day).success
    record(home)
    return table(home)


def test_the_command_and_partitions_in_any_order_give_the_same_table(
    repository: ReplayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_command = Home(tmp_path / "command").create()
    result = petaday("refresh", SOURCE, "--from", FIRST, "--to", LAST, home=by_command)
    assert result.returncode == 0, result.stderr
    expected = table(by_command)
    assert [row[3] for row in expected if row[2] == "input"] == [5.0, 4.0, 2.5]

    assert days_one_by_one(Home(tmp_path / "days"), monkeypatch) == expected


def test_what_was_read_of_many_days_at_once_is_not_told_as_each_day_s(repository: ReplayServer, home: Home) -> None:
    """Dagster keeps the metadata of a run over a range beside every one of its days."""
    days = {"dagster/asset_partition_range_start": FIRST, "dagster/asset_partition_range_end": LAST}
    events = execute(f"refresh_{SOURCE}", tags=days).get_asset_materialization_events()
    assert [e.partition for e in events] == ["2026-06-02", "2026-06-03", "2026-06-04", "2026-06-05"]
    for event in events:
        assert event.step_materialization_data.materialization.metadata["counts_are_of"].value == f"{FIRST} to {LAST}"
    (one,) = execute(f"refresh_{SOURCE}", partition_key=FIRST).get_asset_materialization_events()
    assert "counts_are_of" not in one.step_materialization_data.materialization.metadata


@pytest.mark.skipif(os.environ.get("PETADAY_NIGHTLY") != "1", reason="starts Dagster's own command line")
def test_a_backfill_started_by_dagster_gives_it_too(
    repository: ReplayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run over the range of partitions, as the UI launches it, against the same days one by one."""
    by_days = days_one_by_one(Home(tmp_path / "days"), monkeypatch)
    by_backfill = Home(tmp_path / "backfill").create()
    arguments = ["asset", "materialize", "-m", "pipelines.definitions", "--select", f"key:sources/{SOURCE}"]
    run = subprocess.run(
        [sys.executable, "-m", "dagster", *arguments, "--partition-range", f"{FIRST}...{LAST}"],
        env=os.environ | {HOME_VARIABLE: str(by_backfill.root), "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    record(by_backfill)
    assert table(by_backfill) == by_days
