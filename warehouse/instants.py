"""Conversion of microseconds to instants, and the two instants that mean "unknown start" and "everything known"."""

from __future__ import annotations

import datetime as dt

#: `valid_from` of a value whose start the publisher does not state; the views show it as NULL.
UNKNOWN_START = "1970-01-01T00:00:00+00:00"
#: SQL of `known_at` and `observed_by` when everything that is known is asked for.
FOREVER = "TIMESTAMPTZ 'infinity'"


def instant_of(microseconds: int) -> dt.datetime:
    """The instant (UTC) that is `microseconds` after the start of 1970; exact, unlike a float of seconds."""
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=microseconds)
