"""Servers and settings of a benchmark: an empty lake in a folder, or an embedded home."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assets import recording
from assets.catalog import catalog
from deploy import servers
from warehouse.connection import write_session
from warehouse.home import Home
from warehouse.store import lake_admin, store_of
from warehouse.store.lake import LakeStore

ROOT = Path(__file__).parents[2]


@contextmanager
def postgres(within: Path | None) -> Iterator[servers.Postgres]:
    """A PostgreSQL that syncs its commits, as a team's does."""
    folder = Path(tempfile.mkdtemp(prefix="petaday-bench-lake-", dir=within))
    folder.chmod(0o711)
    server = servers.Postgres(folder / "postgres", is_durable=True).create()
    try:
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def settings(**values: str | None) -> Iterator[None]:
    """Environment variables for the length of a block; None removes one."""
    before = {name: os.environ.get(name) for name in values}
    try:
        for name, value in values.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


@contextmanager
def empty(server: servers.Postgres | None, within: Path | None) -> Iterator[Home]:
    """An empty warehouse with its sources: a lake on `server`, or the embedded file if there is none."""
    folder = Path(tempfile.mkdtemp(prefix="petaday-bench-lake-", dir=within))
    home = Home(folder / "home").create()
    lake = {
        "PETADAY_WAREHOUSE": f"ducklake:postgres:{server.settings()}" if server else None,
        "PETADAY_WAREHOUSE_DATA": str(folder / "data") if server else None,
        "PGPASSWORD": server.passwords["writer"] if server else None,
    }
    try:
        with settings(PETADAY_HOME=str(home.root), **lake):
            if server:
                lake_admin.init(lake_store(home), catalog())
            with write_session(home, catalog()) as con:
                recording.sync_sources(con)
            yield home
            if server:
                _drop(home)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def lake_store(home: Home) -> LakeStore:
    """The lake that the environment names."""
    store = store_of(home)
    if not isinstance(store, LakeStore):
        raise TypeError("the environment names no lake")
    return store


def _drop(home: Home) -> None:
    with lake_store(home).connect_catalog() as con, con.cursor() as cursor:
        cursor.execute("DROP SCHEMA petaday_lake CASCADE")


def sizes(home: Home) -> dict[str, int]:
    """Bytes of the warehouse: Parquet files and catalog of a lake, or the work file."""
    store = store_of(home)
    if not isinstance(store, LakeStore):
        return {"file_bytes": home.work_file.stat().st_size}
    files = list(Path(store.profile.data_path("tables")).rglob("*.parquet"))
    return {
        "parquet_files": len(files),
        "parquet_bytes": sum(f.stat().st_size for f in files),
        "catalog_bytes": store.catalog_byte_count(),
    }


def started(module: str, *words: str, home: Path | None = None) -> subprocess.Popen[str]:
    """A process that runs `python -m module words`, and waits for a line once it has imported everything."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | ({"PETADAY_HOME": str(home)} if home else {})
    process = subprocess.Popen(
        [sys.executable, "-m", module, *words],
        env=environment,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if process.stdout is None or process.stdout.readline() != "ready\n":
        raise RuntimeError(f"{module} did not start")
    return process


def go(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    """Let them begin, and wait for what each tells at its end."""
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=1800)[0] for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError(f"a process ended with {[p.returncode for p in processes]}")
    return told


def wait_for_go() -> None:
    """In a started process: all is imported; begin when told."""
    print("ready", flush=True)
    sys.stdin.readline()


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median, 95th percentile and maximum."""
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 4),
        "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 4),
        "max": round(ordered[-1], 4),
    }
