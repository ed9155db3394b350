"""Rows per second from captured bytes to committed log, with 1, 2 and 4 workers, on the lake and on the embedded file.

Eight catalogs of 50,000 offers each (SkyPilot's layout, a cloud each) are divided among worker processes. A worker takes a
file as a capture, parses and checks it, stages it, and records what is staged. Once with the files at hand (the
processor's work alone), and once with a publisher that takes 3 s to answer (what waiting in parallel is worth).
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import sys
import time
from pathlib import Path

from assets import intake, recording
from assets.sources import source_named
from tests.bench.bench_catalog import catalog_csv
from tests.bench_lake import _place
from warehouse.connection import open_work, write_lock
from warehouse.home import Home

CLOUDS = ("azure", "cudo", "hyperbolic", "hyperstack", "lambda", "nebius", "oci", "runpod")
OFFERS = 50_000
ANSWER_S = 3.0
WORKERS = (1, 2, 4)


def run(chosen: argparse.Namespace) -> dict:
    """Print and return rows per second by store, waiting and number of workers."""
    found: dict[str, dict[str, int]] = {}
    with _place.postgres(chosen.folder) as server:
        source = Path(server.folder.parent) / "files"
        source.mkdir()
        for cloud in CLOUDS:
            catalog_csv(source / f"{cloud}_vms.csv", rows=OFFERS)
        for answer_s in (0.0, ANSWER_S):
            for kind, of in (("file", None), ("lake", server)):
                for count in WORKERS:
                    seconds = _one(of, chosen.folder, source, count, answer_s)
                    rate = round(len(CLOUDS) * OFFERS / seconds)
                    found.setdefault(f"{kind}, answers after {answer_s:.0f} s", {})[str(count)] = rate
                    print(
                        f"{kind}, {count} workers, answers after {answer_s:.0f} s: {seconds:.1f} s, {rate:,} rows/s",
                        flush=True,
                    )
    return {"rows": len(CLOUDS) * OFFERS, "rows_per_second": found}


def _one(server: object, within: Path | None, source: Path, count: int, answer_s: float) -> float:
    with _place.empty(server, within) as home:  # ty: ignore[invalid-argument-type]
        processes = []
        for number in range(count):
            mine = CLOUDS[number::count]
            # On the embedded file all workers share the home; on the lake each has one of its own.
            folder = home.root if server is None else home.root.parent / f"worker{number}"
            processes.append(_place.started("tests.bench_lake.workers", str(source), str(answer_s), *mine, home=folder))
        began = time.perf_counter()
        _place.go(processes)
        seconds = time.perf_counter() - began
        from assets.catalog import catalog

        with write_lock(home), open_work(home, catalog()) as con:
            rows = con.execute("SELECT count(*), count(DISTINCT scope) FROM observed.cloud_rate_log").fetchall()[0]
        if rows != (len(CLOUDS) * OFFERS, len(CLOUDS)):
            raise RuntimeError(f"{rows} rows and scopes were recorded")
        return seconds


def _work(source: Path, answer_s: float, clouds: list[str]) -> None:
    """One worker: its clouds, one after the other."""
    home = Home.from_environment().create()
    skypilot = source_named("skypilot")
    _place.wait_for_go()
    for cloud in clouds:
        time.sleep(answer_s)
        file = home.spool_dir / f"{cloud}_vms.csv"
        shutil.copyfile(source / file.name, file)
        (taken,) = intake.take_files(home, skypilot, [file], dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        if taken.outcome != "loaded":
            raise RuntimeError(taken.message)
        recording.record_subject(home, "cloud_rate")


if __name__ == "__main__":
    _work(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
