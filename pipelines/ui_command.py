"""`petaday ui`: Dagster's webserver and daemon on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from pipelines.console import out
from warehouse.errors import PetadayError
from warehouse.home import Home

#: One name for the code location, however it is started: schedules that are switched on, and their ticks, are kept
#: under it.
WORKSPACE = """\
load_from:
  - python_module:
      module_name: pipelines.definitions
      location_name: petaday
"""


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
def ui(port: int) -> int:
    """The Dagster UI on loopback, with the daemon that runs schedules."""
    from pipelines.instance import prepare

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise PetadayError(f"port {port} is taken: choose another with `petaday ui --port N`") from None
    home = Home.from_environment()
    workspace = prepare(home) / "workspace.yaml"
    workspace.write_text(WORKSPACE, encoding="utf-8")
    os.environ["PETADAY_HOME"] = str(home.root)
    # Dagster recommends another command of its own: not of interest to users.
    quiet = "ignore:Function `dev_command` is superseded"
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), quiet)))
    out.print(f"http://127.0.0.1:{port} (Ctrl-C to stop)")
    command = [
        str(Path(sys.executable).with_name("dagster")),
        "dev",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "-w",
        str(workspace),
        "--log-level",
        "warning",
    ]
    return until_stopped(command)


def until_stopped(command: Sequence[str]) -> int:
    """Run until it ends, or until Ctrl-C or SIGTERM: then let it stop its own processes, so that none goes on alone."""
    process: subprocess.Popen[bytes] | None = None
    was_stopped = False

    def stop(number: int, _: object) -> None:
        nonlocal was_stopped
        was_stopped = True
        # At a terminal Ctrl-C reaches the whole process group, and so Dagster too.
        if process is not None and (number == signal.SIGTERM or not sys.stdin.isatty()):
            process.terminate()

    # Before Dagster is started, because a child inherits ignored signals: a shell ignores Ctrl-C for what it starts in the
    # background. Dagster handles SIGTERM as it does Ctrl-C, so it would then ignore both and never end.
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with subprocess.Popen(command) as process:
            if was_stopped:
                process.terminate()
            status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0 if was_stopped else status
