"""Macros on a lake: DuckLake 1.0 keeps a parameter's default as a string of its value, and no comments.

So `now()` would stand still at the moment of creation, and NULL would come back as the text 'NULL' (and lock everybody
out of the catalog where the type is a number). Macros whose defaults are plain literals are kept in the lake, for every
client. The others are kept as text in `meta.macro`, and each session of Petaday makes them as temporary macros from
there, with a `duckdb_functions()` that knows the comments of all; `petaday lake attach` prints the same for other clients.
(Making all of them anew took a session 0.9 s of processor time: DuckDB binds the body of every macro that it is given.)
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
    """Name of the macro that a CREATE MACRO makes."""
    found = _CREATE.search(script)
    return found.group(1) if found else None


def is_macro(script: str) -> bool:
    """True for a CREATE MACRO."""
    return name_of(script) is not None


def defaults_of(script: str) -> dict[str, str]:
    """Defaults of a macro's parameters, as they are written, by parameter."""
    found = _CREATE.search(script)
    texts = _parameters(script, found.end()) if found else []
    return {p.partition(":=")[0].strip(): p.partition(":=")[2].strip() for p in texts if ":=" in p}


def commented(script: str) -> str | None:
    """Name of the macro that a COMMENT ON MACRO is about."""
    found = _COMMENT.search(script)
    return found.group(1) if found else None


def is_macro_comment(script: str) -> bool:
    """True for a COMMENT ON MACRO."""
    return commented(script) is not None


def may_be_kept(script: str) -> bool:
    """True if the lake gives the macro back as it was made: every default is a plain literal."""
    return is_macro(script) and all(_LITERAL.match(d) for d in defaults_of(script).values())


def is_kept_by_a_lake(script: str) -> bool:
    """True for what a lake holds as it was made: all but macros with other defaults, and comments on macros."""
    return not is_macro_comment(script) and (not is_macro(script) or may_be_kept(script))


def for_a_session(script: str) -> str:
    """The same macro in the temporary schema of a session."""
    return _CREATE.sub(lambda m: f"CREATE OR REPLACE TEMP MACRO {m.group(1)}(", script, count=1)


def session_statements(scripts: Sequence[str]) -> list[str]:
    """What a session on a lake makes anew: the macros that the lake does not keep, and last the comments of all."""
    made = [for_a_session(s) for s in scripts if is_macro(s) and not is_kept_by_a_lake(s)]
    return [*made, _comments(scripts)]


def _comments(scripts: Sequence[str]) -> str:
    """A `duckdb_functions()` for the session, in which every macro has its comment."""
    found = [m for s in scripts if (m := _COMMENT.search(s))]
    rows = ", ".join(f"({literal(m.group(1))}, {m.group(2)})" for m in found) or "(NULL, NULL)"
    return (
        "CREATE OR REPLACE TEMP MACRO duckdb_functions() AS TABLE "
        "SELECT f.* REPLACE (coalesce(f.comment, m.meaning) AS comment) FROM system.main.duckdb_functions() AS f "
        f"LEFT JOIN (VALUES {rows}) AS m(name, meaning) ON m.name = f.function_name AND NOT f.internal"
    )
