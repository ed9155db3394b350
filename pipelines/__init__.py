"""When it runs: the one Definitions, jobs, schedules, automation, the command line."""

import warehouse as _sets_the_allocator  # noqa: F401 - before Polars
