"""Readers beside writers on the lake: answers per second, how long they take, and whether one ever saw half a commit."""

from __future__ import annotations

import argparse
import json
import sys
import time

from assets.catalog import catalog
from tests.bench_lake import _place
from warehouse.connection import read_published, transaction, write_session
from warehouse.home import Home

SECONDS = 15.0
#: Rows of one commit: a reader that sees another number has seen half of one.
ROWS = 1_000
PAIRS = ((1, 0), (4, 0), (4, 1), (8, 2))


def run(chosen: argparse.Namespace) -> dict:
    """Print and return what readers and writers did, by their numbers."""
    found = {}
    with _place.postgres(chosen.folder) as server:
        for readers, writers in PAIRS:
            with _place.empty(server, chosen.folder) as home:
                for _ in range(20):
                    _commit(home, "first")
                roles = [("read", n) for n in range(readers)] + [("write", n) for n in range(writers)]
                told = _place.go([_place.started("tests.bench_lake.readers", role, str(n)) for role, n in roles])
            answers = [json.loads(text) for text in told]
            latencies = [s for a in answers for s in a.get("answers", [])]
            commits = [s for a in answers for s in a.get("commits", [])]
            one = {
                "reads_per_second": round(len(latencies) / SECONDS, 1),
                "read_s": _place.spread(latencies),
                "new_session_s": _place.spread([a["session_s"] for a in answers if "session_s" in a]),
                "torn_reads": sum(a.get("torn", 0) for a in answers),
                "failed_reads": sum(a.get("failed", 0) for a in answers),
                "commits_per_second": round(len(commits) / SECONDS, 1),
                "commit_s": _place.spread(commits) if commits else None,
            }
            found[f"{readers} readers, {writers} writers"] = one
            print(f"{readers} readers, {writers} writers: {one}", flush=True)
    return {"seconds": SECONDS, "rows_per_commit": ROWS, "cases": found}


def _commit(home: Home, batch: str) -> None:
    with write_session(home, catalog()) as con, transaction(con):
        con.execute(
            "INSERT INTO meta.rejected_row SELECT ?, md5(i::VARCHAR), 's', 'x', 'r', '{}', now() FROM range(?) t(i)",
            [batch, ROWS],
        ).fetchall()


def _read(home: Home) -> dict:
    """One session, asking again and again."""
    answers, torn, failed = [], 0, 0
    began = time.perf_counter()
    with read_published(home) as con:
        session_s = time.perf_counter() - began
        _place.wait_for_go()
        end = time.perf_counter() + SECONDS
        while (asked := time.perf_counter()) < end:
            try:
                ((rows, most),) = con.execute(
                    "SELECT count(*), max(row_json) FROM meta.rejected_row WHERE reason = 'r'"
                ).fetchall()
            except Exception:
                failed += 1
                continue
            torn += rows % ROWS != 0 or most is None
            answers.append(time.perf_counter() - asked)
    return {"answers": answers, "torn": torn, "failed": failed, "session_s": session_s}


def _write(home: Home, number: str) -> dict:
    commits = []
    _place.wait_for_go()
    end = time.perf_counter() + SECONDS
    while (began := time.perf_counter()) < end:
        _commit(home, f"writer{number}-{len(commits)}")
        commits.append(time.perf_counter() - began)
    return {"commits": commits}


if __name__ == "__main__":
    place = Home.from_environment().create()
    print(json.dumps(_read(place) if sys.argv[1] == "read" else _write(place, sys.argv[2])))
