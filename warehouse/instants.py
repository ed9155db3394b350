"""Instants: of microseconds since 1970, and two that stand for something else than themselves."""

from __future__ import annotations

import datetime as dt

#: `valid_from` of a value whose start the publisher does not state; the views show it as NULL.
UNKNOWN_START = "1970-01-01T00:00:00+00:00"
#: SQL of the `known_at` and `observed_by` of who asks for all that is known.
FOREVER = "TIMESTAMPTZ 'infinity'"


def instant_of(microseconds: int) -> dt.datetime:
    """The instant so many microseconds after 1970, UTC: exact, where a float of seconds would be rounded."""
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=microseconds)
