"""The version of the rules by which a warehouse was recorded, which may change while its captures stay.

Recorded rows are never changed silently, so the results of earlier rules remain until a rebuild; this module says when
one is due. New captures are always read and recorded by the current rules.
"""

from __future__ import annotations

import duckdb

#: Version of the rules -> what may be wrong in a log recorded by earlier ones. The version is raised when the same rows
#: of the same captures would be recorded differently.
_WRONG_BEFORE = {
    2: "offers may have ended in the log that a publisher listed at a price that was refused",
    3: "intensities of grids may have been taken from answers that lacked one of the zone's fuels",
}
RULES_VERSION = max(_WRONG_BEFORE)
_NAME = "recording_rules"
#: How a line of `due_for_rebuild` begins.
REBUILD_IS_DUE = "a rebuild is due"


def note_rules(con: duckdb.DuckDBPyConnection) -> None:
    """Note the current rules in a warehouse in which nothing is recorded yet."""
    con.execute(
        "INSERT INTO meta.definition SELECT ?, ? WHERE NOT EXISTS (FROM meta.capture) "
        "AND NOT EXISTS (FROM meta.definition WHERE name = ?)",
        [_NAME, str(RULES_VERSION), _NAME],
    ).fetchall()


def due_for_rebuild(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Why a rebuild is due, one line each: recorded by earlier rules, or read by earlier parsers; [] if it is not.

    Args:
        con: the warehouse, or a published file.
    """
    noted = con.execute("SELECT fingerprint FROM meta.definition WHERE name = ?", [_NAME]).fetchall()
    version = int(noted[0][0]) if noted else 1
    (count,) = con.execute("SELECT count(DISTINCT batch_id) FROM meta.capture").fetchall()[0]
    lines = []
    if count and version < RULES_VERSION:
        wrong = "; ".join(what for number, what in _WRONG_BEFORE.items() if number > version)
        lines.append(f"what was recorded first was recorded by rules {version}, now they are {RULES_VERSION}: {wrong}")
    read = con.execute(
        "SELECT source_id, count(*) FROM (SELECT c.source_id, c.batch_id FROM meta.capture c JOIN meta.source s USING (source_id) "
        "WHERE c.outcome = 'loaded' GROUP BY ALL HAVING max(c.parser_version) < max(s.parser_version)) GROUP BY 1 ORDER BY 1"
    ).fetchall()
    if read:
        by_source = ", ".join(f"{source} {batches:,}" for source, batches in read)
        lines.append(f"batches that were read by an earlier parser of their source: {by_source}")
    return [f"{REBUILD_IS_DUE} (`petaday rebuild`): {line}" for line in lines]
