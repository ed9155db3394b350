"""`make bench-lake`: the lake measured with real servers and processes. Never part of the tests."""
