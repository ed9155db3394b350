"""The asset graph, from sources to published files."""

import warehouse as _sets_the_allocator  # noqa: F401 - before Polars
