"""What several questions of one step read, computed once for all of them: today's offers and the grid's months and years.

`cloud_offer_known()` reads the whole log of rates, two seconds of CPU after five years of daily price lists, and one
decision calls it up to three times. While `computed_once` holds, temporary macros of the same names stand before those of
the warehouse (DuckDB looks for a macro in `temp` first) and read temporary tables with the same rows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import duckdb

from assets.observed.views import offers_today
from warehouse.instants import FOREVER

OFFERS, YEARS = "cloud_offer_known", "grid_carbon_span_known"
#: Name of the temporary table of offers, without its schema.
_OFFERS_TABLE = f"_once_{OFFERS}"


@contextlib.contextmanager
def computed_once(con: duckdb.DuckDBPyConnection, *macros: str) -> Generator[None]:
    """Inside, the macros read rows that were computed once; nothing that they depend on may be written meanwhile.

    Args:
        con: connection of a write session.
        macros: of `OFFERS` and `YEARS`.

    Raises:
        duckdb.ConversionException: inside, if one of the macros is called for an earlier `known_at`: only today's rows were computed.
    """
    made = []
    try:
        for macro in macros:
            rows = offers_today(con) if macro == OFFERS else f"FROM {macro}()"
            con.execute(f"CREATE OR REPLACE TEMP TABLE _once_{macro} AS {rows}").fetchall()
            # A cast that fails, not error(): that one the planner may not evaluate, and then it pushes no filter below it.
            con.execute(
                f"CREATE OR REPLACE TEMP MACRO {macro}(known_at := {FOREVER}) AS TABLE FROM temp._once_{macro} WHERE CASE "
                f"WHEN known_at::TIMESTAMPTZ = {FOREVER} THEN 'true' ELSE '{macro} was computed for today, not for an earlier known_at' END::BOOLEAN"
            ).fetchall()
            made.append(macro)
        yield
    finally:
        # After "disk full" the connection is dead; the first error, not that of the clean-up, is the one to report.
        with contextlib.suppress(duckdb.FatalException):
            for macro in made:
                con.execute(f"DROP MACRO TABLE IF EXISTS temp.{macro}").fetchall()
                con.execute(f"DROP TABLE IF EXISTS temp._once_{macro}").fetchall()


def offers_of(con: duckdb.DuckDBPyConnection) -> str:
    """The relation with the rows of `observed.cloud_offer`: those that were computed once, if they were; else the view."""
    found = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'temp' AND table_name = ?", [_OFFERS_TABLE]
    ).fetchall()
    return f"temp.{_OFFERS_TABLE}" if found[0][0] else "observed.cloud_offer"
