"""A backfill of 40 days by one worker and by two: the same team, the same publisher, who takes a second for each answer.

Two figures each: from the first run's start to the last one's end as Dagster keeps them, and as the person waits who asked
for it (the daemon looks for work every few seconds). Every half-hour must be there once. And what one process takes that
needs no team: one run on the embedded file, which asks the publisher for longer ranges.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from deploy.local import Team, running
from tests.bench_lake import _place
from tests.lake import test_workers as topology

DAYS = topology.DAYS


def run(chosen: argparse.Namespace) -> dict:
    """Print and return seconds by number of workers."""
    found: dict[str, dict[str, float]] = {}
    publisher = topology.Publisher()
    folder = Path(tempfile.mkdtemp(prefix="petaday-bench-team-", dir=chosen.folder))
    options = {"extra_environment": {"PETADAY_REPLAY_URL": publisher.origin}, "worker_count": 1, "is_on_s3": False}
    try:
        with running(folder, **options) as started:
            team = topology.quiet(started)
            # The first run of a worker imports everything: not what is compared here.
            _one(team, 0, 1)
            found["1"] = _one(team, 10, DAYS)
            team.start_worker(2)
            _one(team, 60, 20)
            found["2"] = _one(team, 80, DAYS)
        alone_s = round(one_process(publisher, topology.FIRST + dt.timedelta(days=10), DAYS), 1)
    finally:
        publisher.close()
        shutil.rmtree(folder, ignore_errors=True)
    for name, seconds in found.items():
        print(f"{name}: {seconds}", flush=True)
    print(f"one process: {alone_s} s", flush=True)
    return {"days": DAYS, "answer_s": topology.ANSWER_S, "workers": found, "one_process_s": alone_s}


def _one(team: Team, offset_days: int, days: int) -> dict[str, float]:
    """Seconds of one backfill, checked row by row."""
    first = topology.FIRST + dt.timedelta(days=offset_days)
    began = time.perf_counter()
    runs = topology.ended(team, topology.backfill(team, first, days), 900)
    asked_s = time.perf_counter() - began
    topology.record(team, 600)
    topology.assert_right(team, first, days)
    return {"at_work_s": round(topology.at_work(runs), 1), "asked_s": round(asked_s, 1), "runs": len(runs)}


def one_process(publisher: topology.Publisher, first: dt.date, days: int) -> float:
    """Seconds of the same days as one run of one process that has imported everything; recording is not in it either."""
    last = first + dt.timedelta(days=days - 1)
    tags = {"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)}
    with _place.empty(None, None) as home, _place.settings(PETADAY_REPLAY_URL=publisher.origin):
        process = _place.started("tests.bench_lake.backfill", json.dumps(tags), home=home.root)
        began = time.perf_counter()
        _place.go([process])
        return time.perf_counter() - began


if __name__ == "__main__":
    from pipelines import definitions
    from pipelines.executing import execute
    from warehouse.home import Home

    assert definitions.defs
    _place.wait_for_go()
    failures = execute(Home.from_environment(), "refresh_gb_carbon_intensity", False, tags=json.loads(sys.argv[1]))
    sys.exit(bool(failures))
