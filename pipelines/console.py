"""Where the command line writes: results to stdout, progress and errors to stderr."""

import os
import sys

from rich.console import Console as _Console


class Console(_Console):
    """A console whose reader may leave (`| head`): the work goes on without it, and its exit code stays its own."""

    def on_broken_pipe(self) -> None:
        """Write to nobody from now on; Rich would end the process, in the middle of a run too."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


#: Columns are cut to a terminal's width; into a file or a pipe they go whole.
_PIPE_WIDTH = 160
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)
