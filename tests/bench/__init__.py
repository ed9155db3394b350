"""Benchmarks: each compares with a peer in one run and prints a ratio. Never part of the tests."""

import warehouse as _sets_the_allocator  # noqa: F401 - before Polars, as in every run of Petaday
