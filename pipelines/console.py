"""Where the command line writes: results to stdout, progress and errors to stderr."""

import sys

from rich.console import Console

#: Columns are cut to a terminal's width; into a file or a pipe they go whole.
_PIPE_WIDTH = 160
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)
