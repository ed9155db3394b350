"""The compose file with a real Docker daemon: the image built, every service started, a run through all of them.

By night and where there are a daemon and the Compose plugin; skipped aloud elsewhere. Where images cannot be pulled,
`sh tests/deploy/stand_ins.sh` makes them from Debian's packages.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lake.conftest import NIGHTLY
from tests.lake.test_workers import _LAUNCH, _RUN

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "compose.yaml"


def docker(*words: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, cwd=ROOT, **options)


def is_missing() -> str | None:
    """Why the containers cannot be started here, or None."""
    if not NIGHTLY:
        return "the containers are not started: minutes (PETADAY_NIGHTLY=1)"
    if not shutil.which("docker") or docker("compose", "version").returncode:
        return "the containers are not started: docker with its compose plugin is not installed"
    if docker("info").returncode:
        return "the containers are not started: no Docker daemon answers"
    return None


class Stack:
    """The project under a name and a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.secrets = {
            line.split("=")[0]: f"s3cret-{number}-{os.urandom(8).hex()}"
            for number, line in enumerate((ROOT / "deploy" / "env.example").read_text().splitlines())
            if line.endswith("=")
        }
        settings = folder / "env"
        settings.write_text("".join(f"{name}={value}\n" for name, value in self.secrets.items()))
        settings.chmod(0o600)
        # Any free port of loopback, so that a Petaday on this machine is not in the way.
        changes = folder / "changes.yaml"
        changes.write_text('services: {web: {ports: !override ["127.0.0.1:0:3000"]}}\n')
        self.words = (
            *("compose", "--project-name", f"petaday-test-{os.getpid()}", "--env-file", str(settings)),
            *("-f", str(FILE), "-f", str(changes)),
        )

    def __call__(self, *words: str, status: int | None = 0, **options) -> str:
        done = docker(*self.words, *words, **options)
        assert status is None or done.returncode == status, (words, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout if status == 0 else done.stdout + done.stderr

    def graphql(self, query: str, **variables: object) -> dict:
        address = self("port", "web", "3000").strip()
        body = json.dumps({"query": query, "variables": variables}).encode()
        asked = urllib.request.Request(f"http://{address}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.loads(answer.read())["data"]

    def python(self, service: str, code: str, *words: str, **environment: str) -> str:
        """What a program in a container of a service says."""
        given = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
        return self("exec", "-T", *given, service, "python", "-c", code, *words)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if why := is_missing():
        pytest.skip(why)
    made = Stack(tmp_path_factory.mktemp("stack"))
    hidden = ROOT / "deploy" / ".env"
    is_ours = not hidden.exists()
    if is_ours:
        hidden.write_text("POSTGRES_PASSWORD=never-in-an-image\n")
    try:
        built = docker(*made.words, "build", "--quiet", env=os.environ | {"DOCKER_BUILDKIT": "0"})
        if built.returncode and "pull access denied" in built.stderr + built.stdout:
            pytest.skip("the containers are not started: images cannot be pulled (tests/deploy/stand_ins.sh)")
        assert built.returncode == 0, built.stderr[-3000:]
        made("up", "--detach", "--no-build", "--wait", "--wait-timeout", "300", status=None)
        yield made
    finally:
        if is_ours:
            hidden.unlink()
        made("down", "--volumes", "--timeout", "5", status=None)


def test_every_service_starts_and_is_well(stack: Stack) -> None:
    told = [json.loads(line) for line in stack("ps", "--all", "--format", "json").splitlines()]
    states = {(one["Service"], one["State"], one["Health"]) for one in told}
    healthy = {(name, "running", "healthy") for name in ("postgres", "redis", "objects", "code", "web")}
    assert states == healthy | {("init", "exited", ""), ("daemon", "running", ""), ("worker", "running", "")}
    assert [one["ExitCode"] for one in told if one["Service"] == "init"] == [0]
    assert len([one for one in told if one["Service"] == "worker"]) == 2
    published = {one["Service"]: one["Ports"] for one in told if "->" in one["Ports"]}
    assert set(published) == {"web"}
    assert published["web"].startswith("127.0.0.1:")


def test_a_run_asked_for_in_the_ui_is_done_by_a_worker_and_is_in_the_lake(stack: Stack) -> None:
    entries = "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }"
    assert stack.graphql(entries)["workspaceOrError"]["locationEntries"] == [
        {"name": "petaday", "loadStatus": "LOADED"}
    ]
    selector = {"repositoryLocationName": "petaday", "repositoryName": "__repository__", "jobName": "run"}
    end = time.monotonic() + 120
    while True:
        launched = stack.graphql(_LAUNCH, p={"selector": selector, "runConfigData": {}})["launchRun"]
        if launched["__typename"] == "LaunchRunSuccess":
            break
        assert time.monotonic() < end, launched
        time.sleep(2)
    while (status := stack.graphql(_RUN, id=launched["run"]["runId"])["runOrError"]["status"]) != "SUCCESS":
        assert status not in ("FAILURE", "CANCELED"), stack("logs", "--tail", "50", "worker")
        assert time.monotonic() < end + 600, status
        time.sleep(3)
    rows = "SELECT count(*) > 0 AS some, count(*) = count(DISTINCT capture_id) AS once FROM meta.capture"
    told = stack("exec", "-T", "worker", "petaday", "query", rows, "--format", "csv")
    assert told.strip().splitlines() == ["some,once", "true,true"]
    assert "all good" in stack("exec", "-T", "worker", "petaday", "lake", "check")
    assert "succeeded" in stack("logs", "worker")


_OPEN = """
import os, sys, duckdb
from pathlib import Path
from warehouse.home import Home
from warehouse.store.lake import LakeStore
from warehouse.store.profile import LakeProfile
store = LakeStore(Home(Path("/nonexistent")), LakeProfile("host=postgres dbname=petaday_lake user=petaday_reader", None))
con = store.connect(read_only=True)
told = [con.execute("SELECT count(*) > 0 FROM observed.cloud_rate_log").fetchall()[0][0]]
file = con.execute("SELECT data_file FROM ducklake_list_files('warehouse', 'cloud_rate_log', schema => 'observed')").fetchall()[0][0]
for sql in (
    f"COPY (SELECT 1 AS a) TO '{file}' (FORMAT parquet)",
    "COPY (SELECT 1 AS a) TO 's3://petaday/team/tables/new.parquet' (FORMAT parquet)",
    "SELECT * FROM read_blob('s3://petaday/team/captures/**')",
    "DELETE FROM observed.cloud_rate_log",
):
    try:
        con.execute(sql).fetchall()
        told.append("done: " + sql)
    except duckdb.Error:
        told.append(False)
print(told)
"""


def test_the_readers_keys_open_tables_and_nothing_more(stack: Stack) -> None:
    keys = {
        "PGPASSWORD": stack.secrets["PETADAY_READER_PASSWORD"],
        "AWS_ACCESS_KEY_ID": stack.secrets["S3_READER_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": stack.secrets["S3_READER_SECRET_KEY"],
    }
    assert stack.python("worker", _OPEN, **keys).strip() == str([True, False, False, False, False])


_PORTS = """
import socket
told = []
for port in (8333, 18333, 8888, 18888, 9333, 19333, 8080, 18080, 8111):
    try:
        socket.create_connection(("objects", port), 2).close()
        told.append(port)
    except OSError:
        pass
print(told)
"""


def test_the_object_store_is_near_those_who_hold_a_key_alone(stack: Stack) -> None:
    """Its inner services, which ask nobody who they are, listen for nobody; what stands beside the S3 port only for workers."""
    assert json.loads(stack.python("worker", _PORTS)) == [8333, 18333]
    for service in ("web", "daemon", "code"):
        assert json.loads(stack.python(service, _PORTS)) == []


def test_no_secret_in_process_list_logs_or_image(stack: Stack) -> None:
    hidden = [value for name, value in stack.secrets.items() if name not in ("S3_KEY_ID", "S3_READER_KEY_ID")]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes()
        except OSError:
            continue
        assert not [s for s in hidden if s.encode() in words and b"docker" not in words], process
    logs = stack("logs")
    assert not [s for s in hidden if s in logs]
    image = "petaday:0.1.0"
    history = docker("history", "--no-trunc", image).stdout
    assert not [s for s in hidden if s in history]
    found = docker("run", "--rm", image, "find", "/petaday", "-name", ".env*", "-o", "-name", ".venv").stdout
    assert found == ""
    # Who touches no data holds no key to it, and nobody runs as root.
    for service in ("code", "web", "daemon"):
        held = stack("exec", "-T", service, "env")
        assert not [n for n in ("PGPASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "S3_") if f"{n}=" in held]
        assert stack("exec", "-T", service, "id", "-u").strip() == "10001"
