"""The history of the estimates: each number is recorded when it changes, so that an earlier answer can be given again (`known_at`)."""

from __future__ import annotations

import duckdb

_KEY = "scenario_id, quantity, method_version"
_VALUES = "low, central, high, unit, reason, is_bundled"
_NOTE = f"""
    INSERT INTO meta.estimate_word BY NAME
    WITH latest AS (FROM meta.estimate_word QUALIFY row_number() OVER (PARTITION BY {_KEY} ORDER BY recorded_at DESC) = 1),
    estimate AS (SELECT {_KEY}, {_VALUES}, true AS is_estimated FROM _scenario_quantity()),
    moment AS (SELECT greatest(now(), max(recorded_at) + INTERVAL 1 MICROSECOND) AS at FROM meta.estimate_word)
    SELECT e.*, moment.at AS recorded_at FROM moment, estimate e
    ANTI JOIN latest l ON row({", ".join(f"e.{c}" for c in f"{_KEY}, {_VALUES}, is_estimated".split(", "))})
        IS NOT DISTINCT FROM row({", ".join(f"l.{c}" for c in f"{_KEY}, {_VALUES}, is_estimated".split(", "))})
    UNION ALL BY NAME
    SELECT {_KEY}, false AS is_estimated, moment.at AS recorded_at FROM moment, latest ANTI JOIN estimate USING ({_KEY}) WHERE is_estimated
"""


def note(con: duckdb.DuckDBPyConnection) -> int:
    """Append the numbers that changed in the tables of estimates to `meta.estimate_word`; returns how many rows.

    `recorded_at` is now, or just after the latest one if the system clock was set back, as in the logs: an answer for an
    earlier time never changes, and the last word is the one that was said last.

    Called in the transaction that changes those tables, so that both commit or neither does.
    """
    return con.execute(_NOTE).fetchall()[0][0]
