"""Macros on a lake: DuckLake 1.0 stores the default of a parameter as the text of its value, and no comments.

So `now()` would be frozen at the time of creation, and NULL would become the text 'NULL' (which makes the whole catalog
unreadable if the type is a number). Macros whose defaults are plain literals are stored in the lake, for every client.
The others are stored as text in `meta.macro`: each session of Petaday creates them as temporary macros, with a
`duckdb_functions()` that has the comments of all macros; `petaday lake attach` prints the same for other clients.
(Creating all macros in each session took 0.9 s of CPU time, since DuckDB binds the body of every macro.)
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from warehouse.quoting import literal

_CREATE = re.compile(r"CREATE\s+OR\s+REPLACE\s+MACRO\s+(\w+)\s*\(", re.IGNORECASE)
_COMMENT = re.compile(
    r"\A\s*COMMENT\s+ON\s+MACRO\s+(?:TABLE\s+)?(\w+)\s+IS\s+(.*?)\s*;?\s*\Z", re.IGNORECASE | re.DOTALL
)
_LITERAL = re.compile(
    r"(-?\d+(\.\d+)?([eE][-+]?\d+)?|true|false|(TIMESTAMPTZ|TIMESTAMP|DATE)?\s*'([^']|'')*')\Z", re.IGNORECASE
)


def _parameters(script: str, start: int) -> list[str]:
    """Texts of the parameters, from just after the opening parenthesis."""
    depth, quoted, texts, begin = 0, False, [], start
    for position in range(start, len(script)):
        c = script[position]
        if c == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif c in "([{":
            depth += 1
        elif c in ")]}" and depth:
            depth -= 1
        elif c in ",)":
            texts.append(script[begin:position].strip())
            begin = position + 1
            if c == ")":
                return [t for t in texts if t]
    raise ValueError(f"no end of parameters in {script[:80]!r}")


def name_of(script: str) -> str | None:
    """Name of the macro that a CREATE MACRO statement creates; None for another statement."""
    found = _CREATE.search(script)
    return found.group(1) if found else None


def is_macro(script: str) -> bool:
    """True for a CREATE MACRO."""
    return name_of(script) is not None


def defaults_of(script: str) -> dict[str, str]:
    """SQL of the defaults of a macro's parameters, by parameter."""
    found = _CREATE.search(script)
    texts = _parameters(script, found.end()) if found else []
    return {p.partition(":=")[0].strip(): p.partition(":=")[2].strip() for p in texts if ":=" in p}


def commented(script: str) -> str | None:
    """Name of the macro of a COMMENT ON MACRO statement; None for another statement."""
    found = _COMMENT.search(script)
    return found.group(1) if found else None


def is_macro_comment(script: str) -> bool:
    """True for a COMMENT ON MACRO."""
    return commented(script) is not None


def may_be_kept(script: str) -> bool:
    """True if the lake stores the macro unchanged: every default is a plain literal."""
    return is_macro(script) and all(_LITERAL.match(d) for d in defaults_of(script).values())


def is_kept_by_a_lake(script: str) -> bool:
    """True for what a lake stores unchanged: everything but macros with other defaults, and comments on macros."""
    return not is_macro_comment(script) and (not is_macro(script) or may_be_kept(script))


def for_a_session(script: str) -> str:
    """The same macro in the temporary schema of a session."""
    return _CREATE.sub(lambda m: f"CREATE OR REPLACE TEMP MACRO {m.group(1)}(", script, count=1)


def session_statements(scripts: Sequence[str]) -> list[str]:
    """What each session on a lake creates: the macros that the lake cannot store and, last, the comments of all macros."""
    made = [for_a_session(s) for s in scripts if is_macro(s) and not is_kept_by_a_lake(s)]
    return [*made, _comments(scripts)]


def _comments(scripts: Sequence[str]) -> str:
    """A temporary `duckdb_functions()` in which every macro has its comment."""
    found = [m for s in scripts if (m := _COMMENT.search(s))]
    rows = ", ".join(f"({literal(m.group(1))}, {m.group(2)})" for m in found) or "(NULL, NULL)"
    return (
        "CREATE OR REPLACE TEMP MACRO duckdb_functions() AS TABLE "
        "SELECT f.* REPLACE (coalesce(f.comment, m.meaning) AS comment) FROM system.main.duckdb_functions() AS f "
        f"LEFT JOIN (VALUES {rows}) AS m(name, meaning) ON m.name = f.function_name AND NOT f.internal"
    )
