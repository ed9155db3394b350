"""When things run: the Dagster definitions, jobs, schedules, automation, and the command line."""

import warehouse as _sets_the_allocator  # noqa: F401 - before Polars
