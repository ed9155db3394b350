"""What a lake must survive: several writers at once, and every server going away for a while. Nothing lost, nothing twice."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.sources import source_named
from deploy import servers
from tests.lake.conftest import NIGHTLY, needed
from tests.lake.proxy import Proxy
from warehouse.capture_store import CaptureStore
from warehouse.connection import read_published, transaction, write_session
from warehouse.errors import DiskFullError, PetadayError
from warehouse.home import Home
from warehouse.store import instances, lake_admin, store_of
from warehouse.store.lake import LakeStore
from warehouse.store.profile import LakeProfile

ROOT = Path(__file__).parents[2]
_WRITERS, _BATCHES = 4, 25 if NIGHTLY else 2

_WRITER = """
import sys, time
from tests.lake.test_faults import give
from assets import recording
from warehouse.home import Home
home = Home.from_environment().create()
number, count = int(sys.argv[1]), int(sys.argv[2])
for n in range(count):
    give(home, number * 100 + n, name=f"w{number}")
    began = time.monotonic()
    results = recording.record_subject(home, "exchange_rate")
    print(len([r for r in results if r.outcome == "loaded"]), time.monotonic() - began, flush=True)
"""

_RECORDER = """
from assets import recording
from warehouse.home import Home
recording.record_subject(Home.from_environment(), "exchange_rate")
"""


def lake() -> LakeStore:
    store = store_of(Home.from_environment())
    assert isinstance(store, LakeStore)
    return store


def give(home: Home, number: int, name: str = "one") -> None:
    """Stage one capture: the rate of one day, so that every batch adds one row to the log."""
    day = dt.date(2020, 1, 1) + dt.timedelta(days=number)
    file = home.root / f"{name}-{number}.csv"
    file.write_text(f"Date,USD,\n{day},{1 + number / 10_000},\n")
    fetched = dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=number)
    taken = intake.take_files(home, source_named("ecb"), [file], fetched)
    assert [t.outcome for t in taken] == ["loaded"], taken


def rates(home: Home) -> list[tuple[dt.date, float]]:
    with read_published(home) as con:
        return con.execute(
            "SELECT valid_from::DATE, rate_per_base FROM observed.exchange_rate_log WHERE source_id = 'ecb' ORDER BY ALL"
        ).fetchall()


def expected(numbers: list[int]) -> list[tuple[dt.date, float]]:
    return [(dt.date(2020, 1, 1) + dt.timedelta(days=n), 1 + n / 10_000) for n in sorted(numbers)]


def test_four_writers_on_one_log(lake_home: Home, tmp_path: Path) -> None:
    """Every batch of every process is there once, with load numbers and recording times in order."""
    lake_admin.init(lake(), catalog())
    writers = []
    for number in range(_WRITERS):
        environment = os.environ | {"PETADAY_HOME": str(tmp_path / f"home{number}"), "PYTHONPATH": str(ROOT)}
        words = [sys.executable, "-c", _WRITER, str(number), str(_BATCHES)]
        writers.append(subprocess.Popen(words, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True))
    told = [line.split() for writer in writers for line in writer.communicate(timeout=900)[0].splitlines()]
    assert [writer.returncode for writer in writers] == [0] * _WRITERS
    numbers = [w * 100 + n for w in range(_WRITERS) for n in range(_BATCHES)]
    assert rates(lake_home) == expected(numbers)
    with read_published(lake_home) as con:
        loads = con.execute("SELECT load_number, recorded_at FROM meta.capture ORDER BY load_number").fetchall()
    assert [n for n, _ in loads] == list(range(1, _WRITERS * _BATCHES + 1))
    moments = [at for _, at in loads]
    assert moments == sorted(set(moments))
    assert sum(int(count) for count, _ in told) == _WRITERS * _BATCHES
    assert [e["load_number"] for e in CaptureStore(lake_home).journal()] == [n for n, _ in loads]
    waits = sorted(float(seconds) for _, seconds in told)
    print(f"{len(waits)} sessions of {_WRITERS} writers: p50 {statistics.median(waits):.2f} s, max {waits[-1]:.2f} s")  # noqa: T201


def test_the_same_bytes_from_two_workers_are_kept_once(on_s3: servers.Server, home: Home, tmp_path: Path) -> None:
    for number in (1, 2):
        worker = Home(tmp_path / f"worker{number}").create()
        give(worker, 5, name=f"w{number}")
    files = lake().files("captures")
    assert len(files.names(suffix=".zst")) == 1
    recording.record_subject(home, "exchange_rate")
    assert rates(home) == expected([5])


@pytest.fixture
def slow_store(on_s3: servers.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    proxy = Proxy(on_s3.port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
    yield proxy
    proxy.close()


@pytest.mark.skipif(not NIGHTLY, reason="half a minute or more: PETADAY_NIGHTLY=1")
def test_an_object_store_that_answers_503(slow_store: Proxy, home: Home) -> None:
    """For half a minute (a few seconds in the short run): captures, staging and recording wait, and all is there once."""
    lake_admin.init(lake(), catalog())
    give(home, 1)
    recording.record_subject(home, "exchange_rate")
    for number in range(2, 4):
        slow_store.refuse(30.0 if NIGHTLY else 4.0)
        give(home, number)
        slow_store.refuse(30.0 if NIGHTLY else 4.0)
        recording.record_subject(home, "exchange_rate")
    assert slow_store.refused_count > 0
    assert rates(home) == expected([1, 2, 3])
    assert not lake().files("staged").names()


def test_postgresql_restarted_while_recording(on_lake: servers.Postgres, home: Home) -> None:
    """A crash of the catalog in the middle: the session is told apart from a wrong one, tried again, and done once."""
    lake_admin.init(lake(), catalog())
    for number in range(1, 5):
        give(home, number)

    def restart() -> None:
        time.sleep(1.0)
        on_lake.stop("immediate")
        time.sleep(1.5)
        on_lake.start()

    crash = threading.Thread(target=restart)
    crash.start()
    recording.record_subject(home, "exchange_rate")
    crash.join()
    give(home, 5)
    recording.record_subject(home, "exchange_rate")
    assert rates(home) == expected([1, 2, 3, 4, 5])


def test_a_catalog_that_stays_away_is_told_in_one_line(on_lake: servers.Postgres, tmp_path: Path) -> None:
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PETADAY_HOME": str(tmp_path / "home"),
        "PETADAY_WAREHOUSE": f"ducklake:postgres:host=127.0.0.1 port={servers.free_port()} dbname=petaday_lake user=x",
    }
    words = [sys.executable, "-m", "pipelines.cli", "status"]
    answer = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 1
    assert "cannot be reached" in answer.stderr
    assert "Connection refused" in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "is_interruption"),
    [
        # As DuckLake said them while backends of PostgreSQL were ended at random, one every few seconds.
        (duckdb.IOException('Failed to prepare COPY "COPY (...": server closed the connection unexpectedly'), True),
        (duckdb.InvalidInputException("Attempting to fetch from an unsuccessful query result"), True),
        (duckdb.InternalException("INTERNAL Error: Attempted to access index 0 within vector of size 0"), True),
        (duckdb.InternalException("INTERNAL Error: Unexpected type"), False),
        (
            duckdb.TransactionException("Failed to get data file list from DuckLake: Current transaction is aborted"),
            True,
        ),
        (duckdb.TransactionException('Failed to commit: Failed to execute query "COMMIT": no connection'), True),
        (duckdb.TransactionException("Transaction conflict - attempting to insert into table"), True),
        (duckdb.HTTPException("HTTP Error: Unable to connect to URL: 503 (Slow Down)"), True),
        (duckdb.IOException("Failed to commit: No space left on device"), False),
        (
            duckdb.IOException("Failed to execute query: permission denied for table ducklake_table; connection kept"),
            False,
        ),
        (duckdb.BinderException("Referenced column not found"), False),
    ],
)
def test_what_a_lake_says_when_it_was_interrupted_is_told_from_what_is_wrong(
    error: Exception, is_interruption: bool
) -> None:
    assert LakeStore(Home(Path("x")), LakeProfile("host=x", None)).is_interruption(error) is is_interruption


def test_backends_that_are_ended_in_the_middle_of_a_session(on_lake: servers.Postgres, home: Home) -> None:
    """An administrator, a proxy or a restart ends connections one by one: the session is done again, and all is there once.

    In a process of its own, which is started again if it is aborted, as a run is: DuckDB 1.5 now and then ends the process where it
    rolls back over a connection that has just gone.
    """
    import psycopg2

    lake_admin.init(lake(), catalog())
    for number in range(1, 4):
        give(home, number)
    instances.close_all()  # or the connections of this process were ended
    is_done = threading.Event()
    ended: list[int] = []

    def end_some() -> None:
        con = psycopg2.connect(on_lake.settings(), password=on_lake.passwords["writer"], application_name="ender")
        con.autocommit = True
        cursor = con.cursor()
        while len(ended) < 6 and not is_done.wait(0.4):
            cursor.execute(
                "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid() "
                "ORDER BY state DESC, backend_start LIMIT 1"
            )
            ended.extend(pid for pid, _ in cursor.fetchall())
        con.close()

    ender = threading.Thread(target=end_some)
    ender.start()
    words = [sys.executable, "-c", _RECORDER]
    environment = os.environ | {"PETADAY_HOME": str(home.root)}
    codes = [-signal.SIGABRT]
    while codes[-1] == -signal.SIGABRT and len(codes) <= 7:
        codes.append(subprocess.run(words, env=environment, cwd=ROOT).returncode)
    is_done.set()
    ender.join()
    assert codes[-1] == 0, codes
    assert ended
    assert rates(home) == expected([1, 2, 3])


@pytest.mark.skipif(not NIGHTLY, reason="half a minute or more: PETADAY_NIGHTLY=1")
def test_a_network_pause_between_worker_and_catalog(
    on_lake: servers.Postgres, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing passes for a while, in the middle of a session: it goes on, or is tried again; nothing is lost or doubled."""
    proxy = Proxy(on_lake.port)
    lake_admin.init(lake(), catalog())
    monkeypatch.setenv(
        "PETADAY_WAREHOUSE", f"ducklake:postgres:{on_lake.settings().replace(str(on_lake.port), str(proxy.port))}"
    )
    for number in range(1, 4):
        give(home, number)
    threading.Timer(0.7, proxy.pause, [45.0 if NIGHTLY else 5.0]).start()
    recording.record_subject(home, "exchange_rate")
    proxy.close()
    monkeypatch.setenv("PETADAY_WAREHOUSE", f"ducklake:postgres:{on_lake.settings()}")
    assert rates(home) == expected([1, 2, 3])


@pytest.mark.skipif(not NIGHTLY, reason="minutes: PETADAY_NIGHTLY=1")
@pytest.mark.parametrize("how", ["backends", "restart"])
def test_the_main_job_while_the_catalog_is_shaken(on_lake: servers.Postgres, tmp_path: Path, how: str) -> None:
    """`petaday run` while backends are ended every few seconds, or the server crashes once: it ends well and all is there once."""
    import psycopg2

    environment = os.environ | {"PETADAY_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}

    def petaday(*words: str) -> subprocess.CompletedProcess[str]:
        words = (sys.executable, "-m", "pipelines.cli", *words)
        return subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True)

    assert petaday("lake", "init").returncode == 0
    run = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "run"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    told: list[str] = []
    reading = threading.Thread(target=lambda: told.append(run.stdout.read() if run.stdout else ""))
    reading.start()
    shaken = 0
    while run.poll() is None and shaken < (6 if how == "backends" else 1):
        time.sleep(4)
        con = psycopg2.connect(on_lake.settings(), password=on_lake.passwords["writer"], application_name="shaker")
        con.autocommit = True
        cursor = con.cursor()
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        if cursor.fetchone() == (1,):
            shaken += 1
            if how == "backends":
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND "
                    "pid <> pg_backend_pid() ORDER BY random() LIMIT 1"
                )
        con.close()
        if how == "restart" and shaken:
            on_lake.stop("immediate")
            time.sleep(2)
            on_lake.start()
    run.wait(900)
    reading.join()
    assert shaken
    assert run.returncode == 0, told[0][-3000:]
    checked = petaday("lake", "check")
    assert "all good" in checked.stdout, checked.stdout + checked.stderr
    sql = "SELECT count(*) = count(DISTINCT capture_id) AS once, count(*) > 0 AS some FROM meta.capture"
    assert petaday("query", sql, "--format", "csv").stdout.split() == ["once,some", "true,true"]


@pytest.fixture
def namespace() -> Iterator[tuple[str, str, str]]:
    """A network namespace of its own: its name, the address of this machine as seen from it, and the link between them."""
    name, link, net = f"petaday-{os.getpid()}", f"pd{os.getpid()}", f"10.213.{os.getpid() % 250}"
    inside = f"ip netns exec {name}"
    try:
        for words in (
            f"ip netns add {name}",
            f"ip link add {link} type veth peer name {link}b",
            f"ip link set {link}b netns {name}",
            f"ip address add {net}.1/30 dev {link}",
            f"ip link set {link} up",
            f"{inside} ip address add {net}.2/30 dev {link}b",
            f"{inside} ip link set {link}b up",
            f"{inside} ip link set lo up",
        ):
            if not shutil.which("ip") or subprocess.run(words.split(), capture_output=True).returncode:
                pytest.skip("a network that is cut is not tested: no right to make a network namespace here")
        yield name, f"{net}.1", link
    finally:
        for words in (f"ip link delete {link}", f"ip netns delete {name}"):
            if shutil.which("ip"):
                subprocess.run(words.split(), capture_output=True)


_HELD = """
import sys
from assets import recording
from warehouse import loading
from warehouse.home import Home
real = loading.record_staged
def held(*given):
    print("locked", flush=True)
    sys.stdin.readline()
    return real(*given)
loading.record_staged = held
recording.record_subject(Home.from_environment(), "exchange_rate")
print("done", flush=True)
"""


@pytest.mark.skipif(not NIGHTLY, reason="a minute or more: PETADAY_NIGHTLY=1")
def test_a_network_that_is_cut_while_a_worker_holds_the_lock(
    namespace: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker in another network, whose link goes down in the middle: the others go on meanwhile, it does its work when it is back."""
    if why := needed():
        pytest.skip(why)
    name, address, link = namespace
    folder = Path(tempfile.mkdtemp(prefix="petaday-cut-"))
    folder.chmod(0o711)
    server = servers.Postgres(folder / "cluster", address=address).create()
    try:
        monkeypatch.setenv("PETADAY_WAREHOUSE", f"ducklake:postgres:{server.settings()}")
        monkeypatch.setenv("PETADAY_WAREHOUSE_DATA", str(tmp_path / "data"))
        monkeypatch.setenv("PGPASSWORD", server.passwords["writer"])
        home = Home(tmp_path / "home").create()
        lake_admin.init(lake(), catalog())
        give(home, 1)
        far = server.settings().replace("127.0.0.1", address)
        environment = os.environ | {
            "PETADAY_HOME": str(Home(tmp_path / "far").create().root),
            "PETADAY_WAREHOUSE": f"ducklake:postgres:{far}",
            "PYTHONPATH": str(ROOT),
        }
        words = ["ip", "netns", "exec", name, sys.executable, "-c", _HELD]
        worker = subprocess.Popen(
            words, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert worker.stdin
        assert worker.stdout
        assert worker.stdout.readline() == "locked\n"
        subprocess.run(["ip", "link", "set", link, "down"], check=True)
        worker.stdin.write("go\n" * 20)
        worker.stdin.flush()
        # The link stays down until another worker is done: it waits for the lock no longer than a dead connection lives.
        give(home, 2)
        recording.record_subject(home, "exchange_rate")
        assert rates(home) == expected([1, 2])
        give(home, 3)
        subprocess.run(["ip", "link", "set", link, "up"], check=True)
        told = worker.communicate(timeout=300)[0]
        assert worker.returncode == 0
        assert told.endswith("done\n")
        assert rates(home) == expected([1, 2, 3])
    finally:
        server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


def test_a_full_data_disk(
    on_lake: servers.Postgres, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One clear line, the lake as it was, and it goes on when there is space."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a full data disk is not tested: no right to mount a small file system here")
    try:
        monkeypatch.setenv("PETADAY_WAREHOUSE_DATA", str(small / "data"))
        lake_admin.init(lake(), catalog())
        give(home, 1)
        recording.record_subject(home, "exchange_rate")
        ballast = small / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        with pytest.raises((DiskFullError, PetadayError), match="no space left"):
            give(home, 2)
        with pytest.raises(DiskFullError, match="no space left"), lake_rows(home, 5_000):
            pass
        assert rates(home) == expected([1])
        ballast.unlink()
        give(home, 2)
        recording.record_subject(home, "exchange_rate")
        assert rates(home) == expected([1, 2])
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)


@contextmanager
def lake_rows(home: Home, count: int) -> Iterator[None]:
    """A session that writes so many rows, each long and unlike the others."""
    with write_session(home, catalog()) as con:
        with transaction(con):
            con.execute(
                "INSERT INTO meta.rejected_row SELECT 'b', 'c', 's', 'x', 'r', "
                f"string_agg(md5((i * 100 + j)::VARCHAR), ''), now() FROM range({count}) a(i), range(20) b(j) GROUP BY i"
            )
        yield
