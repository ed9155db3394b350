"""Starts one process of a team: `python -m deploy.process code|web|daemon|worker`.

The containers and `deploy.local` use the same command lines; addresses come from the environment.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

WORKSPACE = Path(__file__).with_name("workspace.yaml")
#: Where a process listens, or finds another, and what else differs between one machine and many.
DEFAULTS = {
    "PETADAY_BIND": "127.0.0.1",
    "PETADAY_CODE_HOST": "127.0.0.1",
    "PETADAY_CODE_PORT": "4000",
    "PETADAY_WEB_PORT": "3000",
    "PETADAY_WORKER": "worker",
}
_WORDS = {
    "code": "dagster api grpc -m pipelines.definitions -h {PETADAY_BIND} -p {PETADAY_CODE_PORT}",
    "web": "dagster-webserver -w {workspace} -h {PETADAY_BIND} -p {PETADAY_WEB_PORT}",
    "daemon": "dagster-daemon run -w {workspace}",
    # One slot each: a run is one process, and more workers are more processes.
    "worker": "celery -A dagster_celery.app worker -c 1 -n {PETADAY_WORKER}@%h -Q dagster --loglevel info",
}
NAMES = tuple(_WORDS)


def settings(environment: dict[str, str]) -> dict[str, str]:
    """Addresses, those that the environment leaves out by default."""
    return {name: environment.get(name) or default for name, default in DEFAULTS.items()}


def words(name: str, environment: dict[str, str]) -> list[str]:
    """The command line of a process, with programs from beside this Python.

    Raises:
        SystemExit: if there is no such process.
    """
    if name not in _WORDS:
        sys.exit(f"deploy.process: no process {name!r}: one of {', '.join(NAMES)}")
    values = settings(environment) | {"workspace": str(WORKSPACE)}
    program, *rest = [word.format(**values) for word in _WORDS[name].split()]
    return [str(Path(sys.executable).with_name(program)), *rest]


def main() -> None:
    """Replace this process by the command, without a shell in between, so that it receives signals."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: python -m deploy.process {'|'.join(NAMES)}")
    command = words(sys.argv[1], dict(os.environ))
    environment = os.environ | settings(dict(os.environ))
    os.execve(command[0], command, environment)


if __name__ == "__main__":
    main()
