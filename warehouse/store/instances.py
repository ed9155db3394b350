"""DuckDB instances with a lake attached, kept for the next session of the same process.

Checking signatures of extensions and attaching cost some 0.4 s of processor time, and a job of Dagster opens a session
for each of its steps. An instance is lent to one session at a time, as a connection of its own (temporary tables and
settings end with it), and is kept only if nothing went wrong, the catalog is still the same server and the same
catalog, and it holds little memory. A fork inherits none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

#: An instance that holds more bytes than this (read Parquet, say) is given back to the system at the end of its
#: session.
_KEPT_BYTES = 256 << 20
#: Variables that libpq and the object store take their settings and secrets from.
_PREFIXES = ("PG", "AWS_")


@dataclass(frozen=True, slots=True)
class _Kept:
    """An instance that nobody uses, and which catalog it was attached to."""

    base: duckdb.DuckDBPyConnection
    catalog: Hashable


_idle: dict[Hashable, _Kept] = {}


def _key(attach_sql: str) -> Hashable:
    """What must be alike for an instance to be used again: process, ATTACH, and settings that are read while attaching."""
    settings = frozenset(item for item in os.environ.items() if item[0].startswith(_PREFIXES))
    return os.getpid(), attach_sql, settings


@contextmanager
def lent(
    attach_sql: str, catalog: Hashable, made: Callable[[], duckdb.DuckDBPyConnection]
) -> Generator[duckdb.DuckDBPyConnection]:
    """A connection to a kept instance, or to one that `made` makes; `catalog` identifies one catalog and one start of its server."""
    key = _key(attach_sql)
    kept = _idle.pop(key, None)
    if kept is not None and kept.catalog != catalog:
        kept.base.close()
        kept = None
    base = kept.base if kept else made()
    try:
        with base.cursor() as con:
            yield con
        held = base.execute("SELECT coalesce(sum(memory_usage_bytes), 0) FROM duckdb_memory()").fetchall()[0][0]
    except BaseException:
        base.close()
        raise
    if held > _KEPT_BYTES or key in _idle:
        base.close()
    else:
        _idle[key] = _Kept(base, catalog)


def close_all() -> None:
    """Close what is kept."""
    while _idle:
        _idle.popitem()[1].base.close()
