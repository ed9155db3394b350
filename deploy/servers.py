"""PostgreSQL, Redis and an S3 server on loopback, from packages, each in a folder of its own: for tests and for one machine."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROLES = Path(__file__).with_name("roles.sql")


class NotInstalledError(Exception):
    """A server's program is not on this machine."""


def free_port() -> int:
    """A port of the loopback interface that nothing uses now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port: int, seconds: float = 30.0) -> None:
    """Wait until something listens on a port.

    Raises:
        TimeoutError: if nothing does in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on 127.0.0.1:{port} after {seconds:.0f} s")


def postgres_programs() -> Path:
    """Folder of initdb and pg_ctl.

    Raises:
        NotInstalledError: if there is none; says how to install it.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    program = found[-1] if found else shutil.which("initdb")
    if not program:
        raise NotInstalledError("PostgreSQL is not installed: apt-get install postgresql")
    return Path(program).parent


@dataclass
class Postgres:
    """One PostgreSQL cluster with the roles and databases of `roles.sql`.

    `is_durable` syncs commits to the disk; a cluster that is thrown away at the end need not. `address` is one more address
    of this machine that it listens on. Passwords are those in
    PETADAY_WRITER_PASSWORD, PETADAY_READER_PASSWORD and PETADAY_DAGSTER_PASSWORD, or made for this start.
    """

    folder: Path
    is_durable: bool = False
    address: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    passwords: dict[str, str] = field(
        default_factory=lambda: {
            r: os.environ.get(f"PETADAY_{r.upper()}_PASSWORD") or os.urandom(12).hex()
            for r in ("writer", "reader", "dagster")
        }
    )

    def _run(self, *words: str) -> None:
        """PostgreSQL refuses to run as root."""
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        # Output goes to a file: a server that inherits a pipe would keep it open.
        with (self.folder / "output").open("ab") as output:
            subprocess.run([*as_user, *words], check=True, stdout=output, stderr=output, cwd="/")

    def create(self) -> Postgres:
        """Make the cluster, start it, make roles and databases."""
        programs = postgres_programs()
        self.folder.mkdir(parents=True)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._run(
            str(programs / "initdb"),
            "-D",
            str(self.folder / "data"),
            "-U",
            "postgres",
            "-A",
            "scram-sha-256",
            "--auth-local=trust",
            "--no-sync",
        )
        with (self.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet scram-sha-256\n")
        self.start()
        environment = os.environ | {f"PETADAY_{role.upper()}_PASSWORD": text for role, text in self.passwords.items()}
        subprocess.run(
            [
                str(programs / "psql"),
                "-q",
                "-h",
                str(self.folder),
                "-p",
                str(self.port),
                "-U",
                "postgres",
                "-f",
                str(ROLES),
            ],
            check=True,
            env=environment,
        )
        return self

    def start(self) -> None:
        """Start and wait until it answers."""
        sync = "on" if self.is_durable else "off"
        addresses = ",".join(dict.fromkeys(["127.0.0.1", self.address]))
        options = (
            f"-p {self.port} -k {self.folder} -c listen_addresses={addresses} -c fsync={sync} -c max_connections=200"
        )
        self._run(
            str(postgres_programs() / "pg_ctl"),
            "-w",
            "-D",
            str(self.folder / "data"),
            "-o",
            options,
            "-l",
            str(self.folder / "log"),
            "start",
        )

    def stop(self, mode: str = "fast") -> None:
        """Stop; "immediate" is a crash."""
        self._run(str(postgres_programs() / "pg_ctl"), "-w", "-D", str(self.folder / "data"), "-m", mode, "stop")

    def settings(self, role: str = "writer", database: str = "petaday_lake") -> str:
        """Libpq settings of a role, without its password."""
        return f"host=127.0.0.1 port={self.port} dbname={database} user=petaday_{role}"


@dataclass
class Server:
    """A process that listens on a port."""

    words: Sequence[str]
    port: int
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen | None = None

    def start(self) -> Server:
        """Start and wait until it listens."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(self.words), stdout=log, stderr=log, env=os.environ | self.environment, start_new_session=True
            )
        wait_for(self.port)
        return self

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it and its children, and wait."""
        if self.process and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def redis_server(folder: Path) -> Server:
    """A Redis that keeps its queue over a restart.

    Raises:
        NotInstalledError: if it is not installed.
    """
    program = shutil.which("redis-server")
    if not program:
        raise NotInstalledError("Redis is not installed: apt-get install redis-server")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    words = [
        program,
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--appendonly",
        "yes",
        "--save",
        "",
    ]
    return Server(words, port, folder / "log")


def s3_server(folder: Path, bucket: str) -> Server:
    """An S3 server (moto) on loopback with one empty bucket; it keeps objects in memory.

    Raises:
        NotInstalledError: if the package is missing.
    """
    program = Path(sys.executable).with_name("moto_server")
    if not program.exists():
        raise NotInstalledError("moto is not installed: make lake-setup")
    port = free_port()
    server = Server([str(program), "-H", "127.0.0.1", "-p", str(port)], port, folder / "log").start()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{bucket}", method="PUT")
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
    return server
