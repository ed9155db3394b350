"""A team's Petaday on one machine, without containers: `python -m deploy.local FOLDER`.

PostgreSQL, Redis, an S3 server, code server, webserver, daemon and Celery workers, each a process of its own, all on
loopback with passwords made for this start. The same topology as `deploy/compose.yaml`; the tests start it too.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from deploy import servers

ROOT = Path(__file__).parents[1]
BUCKET = "petaday"
#: Started one after another: on a small machine nine importing processes at once are slower than one by one.
_READY_S = 180.0


@dataclass
class Team:
    """The processes of one team and how to reach them."""

    folder: Path
    worker_count: int = 2
    is_on_s3: bool = True
    extra_environment: dict[str, str] = field(default_factory=dict)
    #: Changes to deploy/dagster.yaml, by section.
    dagster: dict[str, dict[str, Any]] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)
    code_port: int = field(default_factory=servers.free_port)
    web_port: int = field(default_factory=servers.free_port)

    def start(self) -> Team:
        """Start everything, in order."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)
        self.postgres = servers.Postgres(self.folder / "postgres").create()
        self.redis = servers.redis_server(self.folder / "redis").start()
        self.s3 = servers.s3_server(self.folder / "s3", BUCKET) if self.is_on_s3 else None
        self.petaday("lake", "init", "--reader", "petaday_reader")
        self._spawn("code")
        servers.wait_for(self.code_port, _READY_S)
        self._spawn("web")
        servers.wait_for(self.web_port, _READY_S)
        self._spawn("daemon")
        for number in range(1, self.worker_count + 1):
            self.start_worker(number)
        return self

    def start_worker(self, number: int) -> None:
        """One Celery worker with one slot."""
        self._spawn(f"worker{number}")

    def stop(self) -> None:
        """End all that was started."""
        for process in reversed(list(self.processes.values())):
            self._end(process, signal.SIGTERM)
        deadline = time.monotonic() + 8
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            self._end(process, signal.SIGKILL)
        if self.s3:
            self.s3.stop()
        self.redis.stop()
        with contextlib.suppress(subprocess.CalledProcessError):
            self.postgres.stop("immediate")

    @staticmethod
    def _end(process: subprocess.Popen, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)

    def environment(self, name: str) -> dict[str, str]:
        """The environment of one process: a home of its own, and only the secrets that it needs."""
        home = self.folder / "homes" / name
        settings = home / "dagster" / "dagster.yaml"
        if not settings.exists():
            settings.parent.mkdir(parents=True)
            merged = yaml.safe_load((ROOT / "deploy" / "dagster.yaml").read_text())
            for section, changes in self.dagster.items():
                merged[section] = merged.get(section, {}) | changes
            settings.write_text(yaml.safe_dump(merged))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "AWS_", "PETADAY_", "DAGSTER_"))}
        made = kept | {
            "PETADAY_HOME": str(home),
            "DAGSTER_HOME": str(home / "dagster"),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "PYTHONPATH": f"{ROOT}:{ROOT / 'deploy' / 'celery'}",
            "PETADAY_DAGSTER_PG_HOST": "127.0.0.1",
            "PETADAY_DAGSTER_PG_PORT": str(self.postgres.port),
            "PETADAY_DAGSTER_PASSWORD": self.postgres.passwords["dagster"],
            "PETADAY_BROKER_URL": f"redis://127.0.0.1:{self.redis.port}/0",
            **self.lake(),
        }
        # The webserver, the daemon and the code server have no access to the data: only workers and the operator do.
        if not name.startswith(("web", "daemon", "code")):
            made |= {"PGPASSWORD": self.postgres.passwords["writer"], **self.object_store()}
        return made | self.extra_environment

    def lake(self) -> dict[str, str]:
        """The settings that name the lake; without secrets."""
        return {
            "PETADAY_WAREHOUSE": f"ducklake:postgres:{self.postgres.settings()}",
            "PETADAY_WAREHOUSE_DATA": f"s3://{BUCKET}/team" if self.is_on_s3 else str(self.folder / "data"),
        }

    def object_store(self) -> dict[str, str]:
        """The settings of the object store; its keys open nothing else."""
        if not self.s3:
            return {}
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.s3.port}",
            "AWS_ACCESS_KEY_ID": "local-key-id",
            "AWS_SECRET_ACCESS_KEY": "local-s3cr3t-key",
            "AWS_REGION": "us-east-1",
        }

    def exports(self) -> str:
        """What an operator types in another shell; the password is in a variable that they chose before the start."""
        lines = [f'export {name}="{value}"' for name, value in (self.lake() | self.object_store()).items()]
        return "\n".join([*lines, 'export PGPASSWORD="$PETADAY_WRITER_PASSWORD"'])

    def _spawn(self, name: str) -> None:
        log = self.folder / "logs" / f"{name}.log"
        log.parent.mkdir(exist_ok=True)
        words = [sys.executable, "-m", "deploy.process", name.rstrip("0123456789")]
        addresses = {
            "PETADAY_CODE_PORT": str(self.code_port),
            "PETADAY_WEB_PORT": str(self.web_port),
            "PETADAY_WORKER": name,
        }
        with log.open("ab") as output:
            self.processes[name] = subprocess.Popen(
                words,
                env=self.environment(name) | addresses,
                cwd=ROOT,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    # Asking -------------------------------------------------------------------------------------------------------------

    def petaday(self, *words: str) -> str:
        """Run a command of Petaday as the operator; its output.

        Raises:
            RuntimeError: if it fails, with what it said.
        """
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", *words],
            env=self.environment("operator"),
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"petaday {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask the webserver, as the UI does."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.web_port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())["data"]


@contextlib.contextmanager
def running(folder: Path, **options: Any) -> Generator[Team]:
    """A team for the length of a block."""
    team = Team(folder, **options)
    try:
        yield team.start()
    finally:
        with contextlib.suppress(AttributeError):
            team.stop()


def main() -> None:
    """Start a team and keep it until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where servers keep their files; must not exist yet")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--local-data", action="store_true", help="Parquet and captures in a folder instead of S3")
    chosen = parser.parse_args()
    if chosen.folder.exists():
        parser.error(f"{chosen.folder} exists already: the servers start empty")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with running(chosen.folder.resolve(), worker_count=chosen.workers, is_on_s3=not chosen.local_data) as team:
            print(  # noqa: T201
                f"UI: http://127.0.0.1:{team.web_port}   logs: {team.folder / 'logs'}   stop: Ctrl-C\n"
                f"as an operator, in a shell that has the PETADAY_WRITER_PASSWORD of this start:\n\n{team.exports()}\n",
                flush=True,
            )
            signal.pause()
    except (servers.NotInstalledError, RuntimeError, TimeoutError) as e:
        sys.exit(f"deploy.local: {e}")
    except KeyboardInterrupt:
        pass
    finally:
        shutil.rmtree(chosen.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
