"""The command line: runs the Dagster jobs and reads the published file.

`run`, `refresh` and `load` execute Dagster jobs in this process on the instance under the home folder, so that the UI
opened later shows those runs. No command bypasses the asset graph. Exit codes: 0 success, 1 failure, 2 wrong usage.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from pipelines.alerts.commands import alerts
from pipelines.ask_commands import explain, export, query, report, status
from pipelines.console import err
from pipelines.estimate_command import estimate
from pipelines.keep_commands import check, growth, publications, publish, rebuild, upkeep
from pipelines.lake_commands import lake
from pipelines.restate_command import restate
from pipelines.run_commands import load, refresh, run
from pipelines.ui_command import ui
from warehouse.errors import PetadayError, is_disk_full, stopped_by
from warehouse.home import Home


class _Group(click.Group):
    """Reports every error in one line; `--verbose` shows the traceback."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **kwargs: Any) -> Any:
        import duckdb

        kwargs["standalone_mode"] = False
        # --verbose may come before the command, after it, or at the end.
        given = sys.argv[1:] if args is None else list(args)
        verbose = "--verbose" in given
        words = ["--verbose"] * verbose + [word for word in given if word != "--verbose"]
        try:
            result = super().main(words, *rest, **kwargs)
            sys.exit(result if isinstance(result, int) else 0)
        except click.exceptions.Exit as e:
            sys.exit(e.exit_code)
        except click.Abort:
            _stopped()
        except click.UsageError as e:
            e.show()
            sys.exit(2)
        except BrokenPipeError:
            # The reader of the output has closed it (`| head`).
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except (PetadayError, duckdb.Error, OSError) as e:
            if verbose:
                raise
            # Problems with the user's input are listed in full; of other errors the first line is shown.
            lines = getattr(e, "problems", None) or _no_space_left(e) or _no_place_to_write(e) or _first_lines(e)
            for line in lines:
                err.print(f"petaday: {line}")
            sys.exit(1)
        except Exception as e:
            if stopped_by(e):
                _stopped()
            if verbose:
                raise
            if lines := _no_space_left(e):
                err.print(f"petaday: {lines[0]}")
                sys.exit(1)
            first = (str(e).strip().splitlines() or [""])[0]
            err.print(f"petaday: unexpected {type(e).__name__}: {first} (--verbose shows the trace)")
            sys.exit(1)


def _stopped() -> NoReturn:
    err.print("stopped; what was committed stays, the next run goes on from there")
    sys.exit(130)


#: Such as "Invalid Input Error: ": tells which part of DuckDB refused it, nothing that helps.
_KIND = re.compile(r"^[A-Z][A-Za-z-]*( [A-Z][A-Za-z-]*)* Error: ")


def _first_lines(error: BaseException) -> list[str]:
    """The first line of a message, without DuckDB's name for its kind; later ones too where they name what was perhaps meant."""
    import duckdb

    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return [f"{os.fsdecode(error.filename)}: {error.strerror[0].lower()}{error.strerror[1:]}"]

    text = str(error).strip()
    if isinstance(error, duckdb.Error):
        text = _KIND.sub("", text)
    lines = [line.strip() for line in (text or type(error).__name__).splitlines() if line.strip()]
    candidates = next((n for n, line in enumerate(lines) if line.startswith("Candidate macros:")), None)
    if candidates is not None:
        meant = [line for line in lines[candidates + 1 :] if "(" in line and not line.startswith("LINE ")]
        return [lines[0], f"{lines[candidates]} {'; '.join(meant)}"]
    if name := _UNQUOTED.match(lines[0]):
        return [lines[0], f"text is written in single quotes: '{name[1]}'"]
    meant = [line for line in lines[1:] if line.startswith(("Did you mean", "Candidate bindings"))]
    if _NO_TABLE.match(lines[0]) and not any("." in line for line in meant):
        # For a name that resembles none, DuckDB suggests tables of its own.
        meant = ["FROM help() lists tables, views and macros"]
    return [lines[0], *meant]


#: How DuckDB answers a word without quotes where no table is asked, and a table that does not exist.
_UNQUOTED = re.compile(r'Referenced column "(.*)" was not found because the FROM clause is missing')
_NO_TABLE = re.compile(r"Table with name .* does not exist!")


#: Read-only, of another user, below something that does not exist (as in /proc), a file in place of a folder.
_NO_PLACE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EEXIST)
#: SQLite, which holds Dagster's records, also reports a full disk as an I/O error: with less free space than this it is
#: taken for one.
_HARDLY_ANY_BYTES = 1 << 20


def _no_space_left(error: BaseException) -> list[str] | None:
    """The message for a full disk of the home folder; None for other errors, and for those whose own message says it."""
    if isinstance(error, PetadayError):
        return None
    home = Home.from_environment().root
    is_full = is_disk_full(error)
    if not is_full and "disk I/O error" in str(error) and home.exists():
        is_full = shutil.disk_usage(home).free < _HARDLY_ANY_BYTES
    if not is_full:
        return None
    return [f"no space left on the disk of {home}: what was committed is safe; free some and run again"]


def _no_place_to_write(error: BaseException) -> list[str] | None:
    """The message for a home folder that is read-only, belongs to another user or can be no folder; None for other errors."""
    if not isinstance(error, OSError) or error.errno not in _NO_PLACE:
        return None
    home = Home.from_environment().root
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EEXIST) and home.is_dir():
        return None
    if error.filename is None or not Path(os.fsdecode(error.filename)).absolute().is_relative_to(home.absolute()):
        return None
    return [
        f"{home} cannot be written ({error.strerror}: {os.fsdecode(error.filename)}); name another folder by PETADAY_HOME. "
        "query, status, explain, estimate and check only read it"
    ]


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--verbose", is_flag=True, help="Show traces and the log of every step.")
@click.version_option("0.1.0", prog_name="petaday")
@click.pass_context
def main(context: click.Context, verbose: bool) -> None:
    """What AI compute costs in money, energy and carbon: prices, grids and estimates with their history."""
    context.obj = {"verbose": verbose}


for command in (
    run,
    refresh,
    load,
    query,
    status,
    estimate,
    restate,
    explain,
    report,
    export,
    ui,
    publish,
    publications,
    upkeep,
    growth,
    rebuild,
    check,
    alerts,
    lake,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
