"""Instants that stand for something else than themselves."""

#: `valid_from` of a value whose start the publisher does not state; the views show it as NULL.
UNKNOWN_START = "1970-01-01T00:00:00+00:00"
