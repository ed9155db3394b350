"""What exists: the asset graph, from sources to what leaves the house."""

import warehouse as _sets_the_allocator  # noqa: F401 - before Polars
