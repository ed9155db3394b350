"""Benchmarks: each compares with a peer in one run and prints a ratio. Never part of the tests."""
