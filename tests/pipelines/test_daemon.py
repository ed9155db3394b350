"""The real `dagster-daemon` with a tick every minute against a server that plays publishers with faults.

Every tick is accounted for, days missed are made up for, a worker killed with -9 is run again, each failure is told once by webhook,
no run is lost and the writers' pool is respected.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster import DagsterEventType, DagsterRunStatus, RunsFilter
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.storage.tags import SCHEDULED_EXECUTION_TIME_TAG

from assets.run_tags import KEPT_ANSWERS
from pipelines.alerts.config import WEBHOOK_VARIABLE
from pipelines.definitions import defs
from pipelines.instance import instance
from pipelines.ticks import Account, accounts, missed_days, schedule_name
from tests.assets.sources.test_linode import GPU
from tests.assets.sources.test_linode import answer as linode_page
from tests.lake.test_workers import answer as slots_asked_for
from tests.pipelines.faulty_sources import BUSY, CHOSEN, CRON, DAILY, DOWN, DRIFTED, KILLED, SILENT
from tests.replay import Asked, ReplayServer
from tests.warehouse.taking import offers
from warehouse.home import Home

ROOT = Path(__file__).parents[2]
NIGHTLY = os.environ.get("PETADAY_NIGHTLY") == "1"
#: How long the daemon is watched, at most; a machine that is busy with other things needs most of it.
PATIENCE_S = 420.0
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def seed(of: dg.DagsterInstance, source_id: str, since: dt.datetime, last_tick: dt.datetime | None = None) -> None:
    """A schedule that was switched on at `since`, and whose last tick was long ago."""
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("petaday"), "__repository__")
    origin = RemoteInstigatorOrigin(repository, schedule_name(source_id))
    state = InstigatorState(
        origin,
        InstigatorType.SCHEDULE,
        InstigatorStatus.DECLARED_IN_CODE,
        ScheduleInstigatorData(CRON, since.timestamp()),
    )
    of.add_instigator_state(state)
    if last_tick is not None:
        of.create_tick(
            TickData(
                origin.get_id(),
                schedule_name(source_id),
                InstigatorType.SCHEDULE,
                TickStatus.SUCCESS,
                last_tick.timestamp(),
                run_ids=[],
                selector_id=state.selector_id,
            )
        )


def until(found: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found():
            return
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {PATIENCE_S:.0f} s")


def worker_of(home: Home, run_id: str) -> int | None:
    """Process that holds the mark of a run."""
    mark = str(home.running_dir / run_id)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(fd.readlink()) == mark for fd in (folder / "fd").iterdir()):
                return int(folder.name)
        except OSError:
            continue
    return None


def half_hours(asked: Asked) -> bytes:
    """The slots asked for; a time within a half-hour stands for its beginning, as with the publisher."""
    floored = re.sub(r"T(\d\d):(\d\d)Z", lambda m: f"T{m[1]}:{'30' if m[2] >= '30' else '00'}Z", asked.url)
    return slots_asked_for(replace(asked, url=floored))


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReplayServer]:
    """Publishers, each with its fault, and the webhook."""
    server = ReplayServer()
    linode = "https://api.linode.com/v4/linode/types"
    server.add(linode, linode_page(GPU), times=1, delay_s=1.9)
    server.add(linode, linode_page(GPU))
    openrouter = "https://openrouter.ai/api/v1/models"
    server.add(openrouter, "", status=429, headers={"Retry-After": "1"}, times=1)
    server.add(
        openrouter, json.dumps({"data": [{"id": "a/b", "pricing": {"prompt": "0.000001", "completion": "0.000002"}}]})
    )
    server.add("https://api.datacrunch.io/v1/instance-types", "", status=500)
    server.add("https://api.digitalocean.com/v2/sizes", '{"sizes_of_another_layout": []}')
    server.add("https://console.vast.ai/api/v0/bundles/", "{}", delay_s=6.0)
    server.add("https://hooks.example.org/services/x", "ok")
    find = server._find
    server._find = lambda url: (  # type: ignore[method-assign]
        server.add(url, half_hours) if "carbonintensity" in url and "robots" not in url else find(url)
    )
    monkeypatch.setenv("PETADAY_REPLAY_URL", server.origin)
    monkeypatch.setenv(WEBHOOK_VARIABLE, f"{server.origin}/hooks.example.org/services/x")
    monkeypatch.setenv("PETADAY_LIVE", "1")
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", "test-key")
    yield server
    server.close()


def start_daemon(home: Home) -> subprocess.Popen[bytes]:
    workspace = home.root / "workspace.yaml"
    module = {"module_name": "tests.pipelines.every_minute", "working_directory": str(ROOT), "location_name": "petaday"}
    workspace.write_text(yaml.safe_dump({"load_from": [{"python_module": module}]}))
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-w", str(workspace)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        stdout=(home.root / "daemon.log").open("ab"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def stop(daemon: subprocess.Popen[bytes], number: int) -> None:
    """End the daemon, its code server and what they started."""
    try:
        os.killpg(daemon.pid, number)
    except ProcessLookupError:
        return
    daemon.wait(60)


def runs_of(of: dg.DagsterInstance, source_id: str) -> list[dg.DagsterRun]:
    return list(of.get_runs(RunsFilter(job_name=f"refresh_{source_id}")))


def states(of: dg.DagsterInstance, source_id: str) -> set[DagsterRunStatus]:
    return {run.status for run in runs_of(of, source_id)}


def pool_spans(of: dg.DagsterInstance) -> list[tuple[float, float]]:
    """When each step that needs the writers' pool ran, in order."""
    spans = []
    for run in of.get_runs():
        began: dict[str, float] = {}
        for entry in of.all_logs(run.run_id):
            event = entry.dagster_event
            if event is None or event.step_key is None or not event.step_key.startswith(("observed__", "published__")):
                continue
            if event.event_type == DagsterEventType.STEP_START:
                began[event.step_key] = entry.timestamp
            elif event.event_type in (DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_FAILURE):
                spans.append((began[event.step_key], entry.timestamp))
    return sorted(spans)


def account_of(of: dg.DagsterInstance, source_id: str, now: dt.datetime | None = None) -> Account:
    return next(a for a in accounts(of, now) if a.source_id == source_id)


@pytest.fixture
def every_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process counts a tick a minute for the chosen sources too."""
    import dataclasses

    from assets.sources import all_sources

    for source_id in CHOSEN:
        monkeypatch.setitem(all_sources(), source_id, dataclasses.replace(all_sources()[source_id], cadence=CRON))


def test_every_tick_of_the_daemon_is_accounted_for(home: Home, faulty: ReplayServer, every_minute: None) -> None:
    began = dt.datetime.now(dt.UTC)
    (home.root / "alerts.toml").write_text('[webhook]\nhosts = ["127.0.0.1"]\n')
    with instance(home) as of:
        for source_id in CHOSEN:
            since, last = (
                (began - dt.timedelta(days=4), began - dt.timedelta(days=3))
                if source_id == DAILY
                else (began - dt.timedelta(minutes=25), None)
            )
            seed(of, source_id, since, last)
        daemon = start_daemon(home)
        try:
            killed: list[str] = []

            def kill_a_worker() -> bool:
                for run in runs_of(of, KILLED):
                    if pid := worker_of(home, run.run_id):
                        os.kill(pid, signal.SIGKILL)
                        killed.append(run.run_id)
                        return True
                return False

            until(kill_a_worker, "a worker to kill")
            until(lambda: DagsterRunStatus.SUCCESS in states(of, KILLED), "the killed run, run again")
            for source_id in (DOWN, DRIFTED, SILENT):
                until(lambda s=source_id: DagsterRunStatus.FAILURE in states(of, s), f"a failure of {source_id}")  # type: ignore[misc]
            for source_id in (BUSY, DAILY):
                until(lambda s=source_id: DagsterRunStatus.SUCCESS in states(of, s), f"a success of {source_id}")  # type: ignore[misc]

            def told() -> str:
                return "\n".join(
                    json.loads(a.body)["text"] for a in faulty.asked if a.method == "POST" and "hooks" in a.url
                )

            for source_id in (DOWN, DRIFTED, SILENT):
                until(lambda s=source_id: f"source {s} is failing" in told(), f"word of {source_id}")  # type: ignore[misc]
            assert f"source {BUSY} is failing" not in told()
            if NIGHTLY:
                # Takes the workers with it: from here on any source may be told to have broken off.
                stop(daemon, signal.SIGKILL)
                time.sleep(200)
                daemon = start_daemon(home)
                time.sleep(150)
                until(lambda: home.published_file.exists(), "a publication")
        finally:
            stop(daemon, signal.SIGTERM)
            stop(daemon, signal.SIGKILL)

        lost = of.get_run_by_id(killed[0])
        assert lost is not None
        assert lost.status == DagsterRunStatus.FAILURE
        # Each failure is told once, however many ticks failed.
        for source_id in (DOWN, DRIFTED, SILENT):
            assert told().count(f"source {source_id} is failing: ") == 1, told()
        assert "500" in told()
        # The days without a tick were asked for as one range, beside the day of the tick (which may be past a midnight).
        ((ticked_at, *asked),) = [
            (
                dt.datetime.fromisoformat(r.tags[SCHEDULED_EXECUTION_TIME_TAG]),
                r.tags["dagster/asset_partition_range_start"],
                r.tags["dagster/asset_partition_range_end"],
            )
            for r in runs_of(of, DAILY)
            if "dagster/asset_partition_range_start" in r.tags
        ]
        assert asked == [f"{began - dt.timedelta(days=3):%Y-%m-%d}", f"{ticked_at - dt.timedelta(days=1):%Y-%m-%d}"]
        for source_id in CHOSEN:
            account = account_of(of, source_id)
            assert account.lost_run_ids == ()
            assert account.failed_count == 0
            assert account.made_count + len(account.missed) >= account.expected_count
            assert account.problem is None, "the ticks that were missed before the daemon came were made up for"
        assert account_of(of, DAILY).missed
        spans = pool_spans(of)
        assert all(end <= start + 0.01 for (_, end), (start, _) in pairwise(spans))
        if NIGHTLY:
            assert spans
        # With the daemon gone the clock goes on: what is missed now is a problem that says what to do.
        late = account_of(of, BUSY, dt.datetime.now(dt.UTC) + dt.timedelta(minutes=40))
        assert late.problem is not None
        assert "ticks missed" in late.problem
        assert f"petaday refresh {BUSY}" in late.problem


def test_days_without_a_tick_are_found_and_an_ordinary_night_is_none(home: Home) -> None:
    at = dt.datetime(2026, 3, 10, 5, 15, tzinfo=dt.UTC)
    with instance(home) as of:
        assert missed_days(of, DAILY, at) is None
        seed(of, DAILY, at - dt.timedelta(days=90), at - dt.timedelta(days=1))
        assert missed_days(of, DAILY, at) is None
        assert missed_days(of, DAILY, at + dt.timedelta(days=2)) == ("2026-03-09", "2026-03-11")
        # Longer than a month is a backfill, which a person starts.
        assert missed_days(of, DAILY, at + dt.timedelta(days=80)) == ("2026-04-28", "2026-05-28")


def test_days_of_which_every_run_failed_are_missed_and_those_read_in_part_are_not(home: Home) -> None:
    """The publisher is down for three days while the daemon ticks: once it is back those days are asked for."""
    at = dt.datetime(2026, 3, 10, 5, 15, tzinfo=dt.UTC)
    job = defs.resolve_job_def(f"refresh_{DAILY}")
    with instance(home) as of:
        seed(of, DAILY, at - dt.timedelta(days=9), at - dt.timedelta(days=5))
        (state,) = of.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)

        def tick(days_ago: int, status: DagsterRunStatus, **tags: str) -> None:
            run = of.create_run_for_job(job, status=status, tags={f"petaday/{k}": v for k, v in tags.items()})
            moment = (at - dt.timedelta(days=days_ago)).timestamp()
            of.create_tick(
                TickData(
                    state.instigator_origin_id,
                    schedule_name(DAILY),
                    InstigatorType.SCHEDULE,
                    TickStatus.SUCCESS,
                    moment,
                    run_ids=[run.run_id],
                    selector_id=state.selector_id,
                )
            )

        tick(4, DagsterRunStatus.SUCCESS)
        for days_ago in (3, 2, 1):
            tick(days_ago, DagsterRunStatus.FAILURE)
        assert missed_days(of, DAILY, at) == ("2026-03-06", "2026-03-09")
        tick(1, DagsterRunStatus.FAILURE, kept_answers="true")
        assert missed_days(of, DAILY, at) is None


@pytest.mark.parametrize(
    ("answers", "is_kept"), [({}, False), ({"lambda": "a,b\n1,2\n"}, True), ({"lambda": offers({"a": 2.0})}, True)]
)
def test_a_failed_run_says_whether_it_kept_an_answer(
    home: Home, replay: ReplayServer, answers: dict[str, str], is_kept: bool
) -> None:
    """Nothing came; one file of another layout; one good file and the others not there."""
    for cloud, body in answers.items():
        replay.add(
            f"https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs/v8/{cloud}/vms.csv", body
        )
    with dg.DagsterInstance.ephemeral() as of:
        job = defs.resolve_job_def("refresh_skypilot")
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        assert not job.execute_in_process(instance=of, run_config=quiet, raise_on_error=False).success
        (run,) = of.get_runs()
        assert (KEPT_ANSWERS in run.tags) == is_kept
