"""Readers of every habit beside a writer that loads and publishes every half second: none fails, none sees a mixed state."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import textwrap
import time
import urllib.request
from pathlib import Path

import duckdb
import pytest

from assets import recording
from assets.catalog import catalog
from deploy.servers import free_port
from tests.warehouse.taking import offers, take
from warehouse.connection import read_published
from warehouse.home import Home
from warehouse.publish import kept_publications, publish

NIGHTLY = os.environ.get("PETADAY_NIGHTLY") == "1"
SECONDS = 60 if NIGHTLY else 10
#: A state is whole if both offers have one price, and that is the price of the publication's number.
STATE = (
    "SELECT count(DISTINCT price_amount_per_hour), count(*), max(price_amount_per_hour) = "
    "(SELECT max(publication_number) FROM meta.publication) FROM observed.cloud_rate WHERE valid_to IS NULL"
)
#: Opens anew for each question (`open`), or keeps one connection (`hold`).
READER = textwrap.dedent("""
    import duckdb, sys, time
    file, habit, seconds, state = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]
    reads = torn = failed = 0
    held = duckdb.connect(file, read_only=True) if habit == "hold" else None
    print("ready", flush=True)
    stop = time.time() + seconds
    while time.time() < stop:
        try:
            if held:
                rows = held.execute(state).fetchall()
                time.sleep(0.02)
            else:
                with duckdb.connect(file, read_only=True) as con:
                    rows = con.execute(state).fetchall()
            torn += rows != [(1, 2, True)]
            reads += 1
        except duckdb.Error as e:
            print(e, file=sys.stderr)
            failed += 1
    print(reads, torn, failed)
""")


def load_and_publish(home: Home, number: int) -> None:
    moment = dt.datetime(2026, 1, 1) + dt.timedelta(hours=number)  # noqa: DTZ001  `take` sets the zone
    take(home, offers({"a": float(number), "b": float(number)}), moment.isoformat())
    recording.record_subject(home, "cloud_rate")
    made = publish(home, catalog())
    assert (made.number, made.is_new) == (number, True)


def start_ui(home: Home) -> tuple[subprocess.Popen[bytes], str]:
    from pipelines.instance import prepare

    prepare(home)
    port = free_port()
    command = [str(Path(sys.executable).with_name("dagster-webserver")), "-m", "pipelines.definitions"]
    process = subprocess.Popen(
        [*command, "-h", "127.0.0.1", "-p", str(port), "--log-level", "warning"],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}/server_info"
    for _ in range(600):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return process, address
        except OSError:
            time.sleep(0.5)
    process.kill()
    raise AssertionError("the UI did not come up")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_nobody_is_locked_out(home: Home) -> None:
    """4 readers that open and ask, 2 that keep the file open; nightly with the UI up."""
    load_and_publish(home, 1)
    ui = start_ui(home) if NIGHTLY else None
    try:
        readers = []
        for habit in ("open",) * 4 + ("hold",) * 2:
            arguments = [str(home.published_file), habit, str(SECONDS), STATE]
            reader = subprocess.Popen([sys.executable, "-c", READER, *arguments], stdout=subprocess.PIPE, text=True)
            assert reader.stdout is not None
            readers.append(reader)
            assert reader.stdout.readline() == "ready\n"
        stop, number = time.monotonic() + SECONDS, 1
        while time.monotonic() < stop:
            number += 1
            began = time.monotonic()
            load_and_publish(home, number)
            time.sleep(max(0.0, 0.5 - (time.monotonic() - began)))
            if ui:
                with urllib.request.urlopen(ui[1], timeout=30) as answer:
                    assert answer.status == 200
        for reader in readers:
            reads, torn, failed = (int(x) for x in reader.communicate(timeout=600)[0].split())
            assert reads > 0
            assert (torn, failed) == (0, 0)
    finally:
        if ui:
            ui[0].terminate()
            ui[0].wait(60)
    assert number > 2
    with read_published(home) as con:
        numbers = [n for (n,) in con.execute("SELECT publication_number FROM meta.publication ORDER BY 1").fetchall()]
    assert numbers == list(range(1, number + 1))
    assert [p.number for p in kept_publications(home)] == list(range(max(1, number - 3), number + 1))


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root cannot open a file of mode 0444 for writing")
def test_who_writes_into_the_published_file_by_mistake_stops_nobody(home: Home) -> None:
    """A scribbled table and a write-ahead log beside the file: the next publication is clean."""
    load_and_publish(home, 1)
    code = "import duckdb,sys,os,time; c=duckdb.connect(sys.argv[1]); c.sql('create table scribble as select 1'); print('in', flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(home.published_file)], stdout=subprocess.PIPE, text=True
    ) as scribbler:
        assert scribbler.stdout is not None
        assert scribbler.stdout.readline() == "in\n"
        load_and_publish(home, 2)
        with duckdb.connect(str(home.published_file), read_only=True) as con:
            assert con.execute(STATE).fetchall() == [(1, 2, True)]
            assert not con.execute("SELECT * FROM duckdb_tables() WHERE table_name = 'scribble'").fetchall()
        scribbler.kill()
    load_and_publish(home, 3)
