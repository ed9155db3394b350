"""Macros on a lake: DuckLake 1.0 keeps a parameter's default as a string of its value, and no comments.

So `now()` would stand still at the moment of creation, and NULL would come back as the text 'NULL' (and lock everybody
out of the catalog where the type is a number). Macros whose defaults are plain literals are kept in the lake, for every
client. All of them, with their comments, are also kept as text in `meta.macro`, and each session of Petaday makes them
as temporary macros from there; `petaday lake attach` prints the same for other clients.
"""

from __future__ import annotations

import re

_CREATE = re.compile(r"CREATE\s+OR\s+REPLACE\s+MACRO\s+(\w+)\s*\(", re.IGNORECASE)
_COMMENT = re.compile(r"^\s*COMMENT\s+ON\s+MACRO\s+(TABLE\s+)?(\w+)", re.IGNORECASE)
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


def is_macro(script: str) -> bool:
    """True for a CREATE MACRO."""
    return bool(_CREATE.search(script))


def is_macro_comment(script: str) -> bool:
    """True for a COMMENT ON MACRO."""
    return bool(_COMMENT.search(script))


def may_be_kept(script: str) -> bool:
    """True if the lake gives the macro back as it was made: every default is a plain literal."""
    found = _CREATE.search(script)
    if not found:
        return False
    defaults = [p.partition(":=")[2].strip() for p in _parameters(script, found.end()) if ":=" in p]
    return all(_LITERAL.match(d) for d in defaults)


def for_a_session(script: str) -> str:
    """The same macro, or comment on it, in the temporary schema of a session."""
    if is_macro_comment(script):
        return _COMMENT.sub(lambda m: f"COMMENT ON MACRO {m.group(1) or ''}temp.main.{m.group(2)}", script, count=1)
    return _CREATE.sub(lambda m: f"CREATE OR REPLACE TEMP MACRO {m.group(1)}(", script, count=1)
