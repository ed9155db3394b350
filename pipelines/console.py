"""Where the command line writes: results to stdout, progress and errors to stderr."""

import os
import sys
from functools import partial

from rich.console import Console as _Console


class Console(_Console):
    """A console that survives a closed pipe (`| head`): the command goes on, and keeps its exit code."""

    def on_broken_pipe(self) -> None:
        """Discard all further output; Rich would exit the process, even in the middle of a run."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


#: Width of tables in a file or a pipe; at a terminal they are cut to its width.
_PIPE_WIDTH = 160
# Names and messages may hold brackets and colons: they are shown as they are.
_as_written = partial(Console, highlight=False, markup=False, emoji=False, soft_wrap=True)
out = _as_written(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
err = _as_written(stderr=True)


def figure(value: float, digits: int = 6) -> str:
    """A number as people write it: 1,012,359, not 1.01236e+06; small ones with `digits` digits, powers of ten from 1e12 on."""
    return f"{value:,.0f}" if 10 ** (digits - 1) <= abs(value) < 1e12 else f"{value:,.{digits}g}"


def with_unit(text: str, unit: str | None) -> str:
    """A number and its unit; a share or another number of unit 1 stands alone."""
    return text if unit in (None, "1") else f"{text} {unit}"
