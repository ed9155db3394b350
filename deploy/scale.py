"""Measured figures of the lake, and where they are kept."""

from pathlib import Path

#: Written by `make bench-lake`.
MEASURED = Path(__file__).with_name("measured.json")
