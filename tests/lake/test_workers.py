"""A team's topology with real processes: a backfill over two workers, workers killed, servers restarted, secrets kept."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest

from assets.sources_assets import DAYS_PER_RUN
from deploy import servers
from deploy.local import Team, running
from tests.lake.conftest import NIGHTLY, needed
from tests.replay import Answer, Asked, ReplayServer

FIRST, DAYS = dt.date(2026, 1, 1), 40
HOST = "https://api.carbonintensity.org.uk"
#: One answer of the publisher takes this long: what several workers can share. By night so long that a busy machine changes little.
ANSWER_S = 3.0 if NIGHTLY else 1.0
_BACKFILL = """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_STATE = """query($id: String!) { partitionBackfillOrError(backfillId: $id) { __typename
    ... on PartitionBackfill { status } } }"""
_RUNS = """query($tag: String!, $value: String!) { runsOrError(filter: {tags: [{key: $tag, value: $value}]}) {
    ... on Runs { results { runId status startTime endTime tags { key value } } } } }"""
_LAUNCH = """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_SENSORS = """{ sensorsOrError(repositorySelector: {repositoryLocationName: "petaday", repositoryName: "__repository__"}) {
    ... on Sensors { results { name id sensorState { status } } } } }"""
_STOP = """mutation($id: String!) { stopSensor(id: $id) { __typename ... on StopSensorMutationResult { instigationState { status } }
    ... on PythonError { message } } }"""
_RUN = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


def slot(start: dt.datetime) -> dict:
    """One half-hour as the publisher tells it; the figure is a function of the time."""
    grams = 100 + (start.toordinal() * 48 + start.hour * 2 + start.minute // 30) % 97
    end = start + dt.timedelta(minutes=30)
    return {
        "from": f"{start:%Y-%m-%dT%H:%MZ}",
        "to": f"{end:%Y-%m-%dT%H:%MZ}",
        "intensity": {"forecast": grams, "actual": grams, "index": "low"},
    }


def answer(asked: Asked) -> bytes:
    """The slots of the range in the address (national, or of one region): it begins with the slot that ends at `from`."""
    start, end = re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", urlsplit(asked.url).path)
    first, last = (dt.datetime.strptime(t, "%Y-%m-%dT%H:%MZ").replace(tzinfo=dt.UTC) for t in (start, end))
    first -= dt.timedelta(minutes=30)
    count = int((last - first) / dt.timedelta(minutes=30))
    slots = [slot(first + n * dt.timedelta(minutes=30)) for n in range(count)]
    if "/regional/" in asked.url:
        mix = [{"fuel": "gas", "perc": 40}, {"fuel": "wind", "perc": 60}]
        slots = [
            {
                "from": s["from"],
                "to": s["to"],
                "regions": [{"regionid": 1, "intensity": s["intensity"], "generationmix": mix}],
            }
            for s in slots
        ]
    return json.dumps({"data": slots}).encode()


class Publisher(ReplayServer):
    """Answers every range, slowly."""

    def _find(self, url: str) -> Answer | None:
        return Answer(answer, delay_s=ANSWER_S) if "/intensity/" in url else super()._find(url)


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    server = Publisher()
    yield server
    server.close()


@pytest.fixture(scope="module")
def team(publisher: Publisher) -> Iterator[Team]:
    if why := needed():
        pytest.skip(why)
    if not shutil.which("redis-server"):
        pytest.skip("several workers are not tested: Redis is not installed (apt-get install redis-server)")
    if importlib.util.find_spec("dagster_celery") is None:
        pytest.skip("several workers are not tested: dagster-celery is not installed (make lake-setup)")
    folder = Path(tempfile.mkdtemp(prefix="petaday-team-"))
    options = {
        "extra_environment": {"PETADAY_REPLAY_URL": publisher.origin},
        "dagster": {"run_monitoring": {"poll_interval_seconds": 2, "start_timeout_seconds": 60}},
    }
    with running(folder, **options) as started:
        yield quiet(started)
        if os.environ.get("PETADAY_KEEP_LOGS"):
            shutil.copytree(folder / "logs", os.environ["PETADAY_KEEP_LOGS"], dirs_exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def quiet(team: Team) -> Team:
    """Nothing is derived by itself: runs of estimates would take the slots of the runs that a test is about."""

    def stopped() -> bool:
        sensors = team.graphql(_SENSORS)["sensorsOrError"].get("results") or []
        for sensor in (s for s in sensors if s["name"] == "derive"):
            told = team.graphql(_STOP, id=sensor["id"])["stopSensor"]
            assert told.get("instigationState", {}).get("status") == "STOPPED", told
            return True
        return False

    until(stopped, 60, "the sensor")
    return team


def until(found: Callable[[], object], seconds: float, what: str) -> object:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {seconds:.0f} s")


def backfill(team: Team, first: dt.date, days: int, **tags: str) -> str:
    keys = [f"{first + dt.timedelta(days=n)}" for n in range(days)]
    answer = team.graphql(
        _BACKFILL,
        p={
            "assetSelection": [{"path": ["sources", "gb_carbon_intensity"]}],
            "partitionNames": keys,
            "tags": [{"key": f"dagster/{k}", "value": v} for k, v in tags.items()],
        },
    )["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    return answer["backfillId"]


def runs_of(team: Team, backfill_id: str) -> list[dict]:
    return team.graphql(_RUNS, tag="dagster/backfill", value=backfill_id)["runsOrError"]["results"]


def ended(team: Team, backfill_id: str, seconds: float) -> list[dict]:
    def done() -> bool:
        failed = [r for r in runs_of(team, backfill_id) if r["status"] == "FAILURE"]
        state = team.graphql(_STATE, id=backfill_id)["partitionBackfillOrError"]["status"]
        assert state not in ("COMPLETED_FAILED", "FAILED", "CANCELED"), (state, failed)
        return state in ("COMPLETED", "COMPLETED_SUCCESS")

    until(done, seconds, "the backfill")
    return runs_of(team, backfill_id)


def at_work(runs: list[dict]) -> float:
    """Seconds from the first run's start to the last one's end, as Dagster keeps them."""
    return max(r["endTime"] for r in runs) - min(r["startTime"] for r in runs)


def record(team: Team, seconds: float = 120) -> None:
    """Let a worker record what is staged of the grid's carbon."""
    parameters = {
        "selector": {
            "repositoryLocationName": "petaday",
            "repositoryName": "__repository__",
            "jobName": "settle",
            "assetSelection": [{"path": ["observed", "grid_carbon"]}],
        },
        "runConfigData": {},
    }

    def launched() -> dict | None:
        # After a restart of its database the webserver fails once on each connection that it had kept.
        try:
            return team.graphql(_LAUNCH, p=parameters)["launchRun"]
        except HTTPError as e:
            assert e.code == 500, e
            return None

    told = until(launched, 30, "launching")
    assert isinstance(told, dict)
    assert told["__typename"] == "LaunchRunSuccess", told

    def done() -> bool:
        status = team.graphql(_RUN, id=told["run"]["runId"])["runOrError"]["status"]
        assert status not in ("FAILURE", "CANCELED"), status
        return status == "SUCCESS"

    until(done, seconds, "recording")


def rows(team: Team, sql: str) -> list[list]:
    return json.loads(team.petaday("query", sql, "--format", "json"))


def assert_right(team: Team, first: dt.date, days: int) -> None:
    """Each half-hour of the days is there once, with the figure that the publisher told, and no word stands twice."""
    start, end = f"{first}T00:00:00Z", f"{first + dt.timedelta(days=days)}T00:00:00Z"
    found = rows(
        team,
        "SELECT count(*) AS n, count(DISTINCT (zone, basis_kind, valid_from)) AS slots, "
        "count(DISTINCT valid_from) AS halves, "
        "count(*) FILTER (intensity_gco2e_per_kwh <> 100 + ((epoch(valid_from)::BIGINT // 86400 + 719163) * 48 "
        "+ epoch(valid_from)::BIGINT % 86400 // 1800) % 97) AS wrong "
        f"FROM observed.grid_carbon_log WHERE source_id = 'gb_carbon_intensity' AND valid_from >= '{start}' AND valid_from < '{end}'",
    )[0]
    assert found["halves"] == days * 48
    assert found["n"] == found["slots"]
    assert found["wrong"] == 0


def test_a_backfill_over_two_workers(team: Team, publisher: Publisher) -> None:
    """40 days: right rows, none twice, by both workers at the same time; by night, also in less time than one process takes."""
    backfill_id = backfill(team, FIRST, DAYS)
    runs = ended(team, backfill_id, 300)
    assert {r["status"] for r in runs} == {"SUCCESS"}
    assert len(runs) == DAYS // DAYS_PER_RUN
    record(team)
    assert_right(team, FIRST, DAYS)
    logs = [(team.folder / "logs" / f"worker{n}.log").read_text() for n in (1, 2)]
    assert all("succeeded" in log for log in logs)
    overlapping = [
        (a, b)
        for a in runs
        for b in runs
        if a["runId"] < b["runId"] and a["startTime"] < b["endTime"] and b["startTime"] < a["endTime"]
    ]
    assert overlapping
    if NIGHTLY:
        from tests.bench_lake.backfill import one_process

        alone_s = one_process(publisher, FIRST, DAYS)
        print(f"{DAYS} days: two workers {at_work(runs):.1f} s, one process {alone_s:.1f} s")  # noqa: T201
        assert at_work(runs) < alone_s


def worker_child(team: Team, number: int) -> int | None:
    """The process of a worker that executes runs."""
    children = Path(
        f"/proc/{team.processes[f'worker{number}'].pid}/task/{team.processes[f'worker{number}'].pid}/children"
    )
    found = children.read_text().split()
    return int(found[0]) if found else None


def is_started(team: Team, backfill_id: str, count: int = 1) -> bool:
    return sum(r["status"] == "STARTED" for r in runs_of(team, backfill_id)) >= count


def test_a_worker_child_killed_in_the_middle(team: Team) -> None:
    """Found, run again, complete, nothing twice."""
    first = FIRST + dt.timedelta(days=100)
    backfill_id = backfill(team, first, DAYS)
    until(lambda: is_started(team, backfill_id, 2), 240, "two runs")
    child = worker_child(team, 1)
    assert child
    os.kill(child, signal.SIGKILL)
    runs = ended(team, backfill_id, 200)
    assert "FAILURE" in {r["status"] for r in runs}
    assert sum(r["status"] == "SUCCESS" for r in runs) == DAYS // DAYS_PER_RUN
    record(team)
    assert_right(team, first, DAYS)


@pytest.mark.skipif(not NIGHTLY, reason="minutes: PETADAY_NIGHTLY=1")
def test_a_whole_worker_killed_in_the_middle(team: Team) -> None:
    """Its started run is ended by its longest run time, here 40 s, and done by the other worker."""
    first = FIRST + dt.timedelta(days=150)
    backfill_id = backfill(team, first, DAYS, max_runtime="40")
    until(lambda: is_started(team, backfill_id, 2), 240, "two runs")
    os.killpg(team.processes["worker1"].pid, signal.SIGKILL)
    runs = ended(team, backfill_id, 400)
    assert "FAILURE" in {r["status"] for r in runs}
    assert sum(r["status"] == "SUCCESS" for r in runs) == DAYS // DAYS_PER_RUN
    team.start_worker(1)
    record(team)
    assert_right(team, first, DAYS)


@pytest.mark.skipif(not NIGHTLY, reason="minutes: PETADAY_NIGHTLY=1")
@pytest.mark.parametrize("server", ["postgres", "redis"])
def test_a_server_restarted_in_the_middle(team: Team, server: str) -> None:
    """Clear errors or none, and in the end everything is there once."""
    first = FIRST + dt.timedelta(days={"postgres": 200, "redis": 250}[server])
    backfill_id = backfill(team, first, DAYS)
    until(lambda: is_started(team, backfill_id), 240, "a run")
    if server == "postgres":
        team.postgres.stop("immediate")
        time.sleep(3)
        team.postgres.start()
    else:
        team.redis.stop(signal.SIGKILL)
        time.sleep(3)
        team.redis.start()
    time.sleep(5)

    def done() -> str | None:
        """State of the backfill at its end, with all its runs: those that were not asked for yet when the server went are still to come."""
        try:
            state = team.graphql(_STATE, id=backfill_id)["partitionBackfillOrError"]["status"]
            going = {r["status"] for r in runs_of(team, backfill_id)} & {"QUEUED", "STARTING", "STARTED", "NOT_STARTED"}
        except (OSError, KeyError, TypeError):
            return None
        return (
            state if state in ("COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED") and not going else None
        )

    # What Dagster gave up, an operator starts again; what is there already changes nothing.
    if until(done, 600, "the backfill") in ("COMPLETED_FAILED", "FAILED"):
        ended(team, backfill(team, first, DAYS), 600)
    record(team)
    assert_right(team, first, DAYS)


def test_no_secret_in_files_event_log_tables_or_process_list(team: Team) -> None:
    """Each password and key is looked for everywhere but in the environment of the processes that need it."""
    secrets = [*team.postgres.passwords.values(), "local-s3cr3t-key"]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes()
        except OSError:
            continue
        assert not [s for s in secrets if s.encode() in words], process
    for file in team.folder.rglob("*"):
        if file.is_file() and "postgres/data" not in str(file):
            content = file.read_bytes()
            assert not [s for s in secrets if s.encode() in content], file
    programs = servers.postgres_programs()
    for database in ("petaday_lake", "petaday_dagster"):
        dump = subprocess.run(
            [
                str(programs / "pg_dump"),
                "-h",
                str(team.folder / "postgres"),
                "-p",
                str(team.postgres.port),
                "-U",
                "postgres",
                database,
            ],
            capture_output=True,
            check=True,
        ).stdout
        assert b"petaday_lake" in dump or b"event_logs" in dump
        assert not [s for s in secrets if s.encode() in dump], database
