"""A method keeps its name only while it computes the same: what stands behind each version is noted in the warehouse when it is first used.

The project's own tests lock the released versions; this is for a warehouse that goes through changes of the program.
"""

from __future__ import annotations

import hashlib
import re

import duckdb

from assets.estimated.methods import METHODS
from assets.estimated.training import METHOD_VERSION, training_texts

_PREFIX = "method "


def fingerprints() -> dict[str, str]:
    """Version -> SHA-256 of its formulas, comments and white space left out."""
    texts = {METHOD_VERSION: "\n".join(training_texts())}
    for method in METHODS:
        texts[method.version] = "\n".join(f"{name} {q.unit} {q.formula}" for name, q in method.quantities.items())
    return {
        version: hashlib.sha256(" ".join(re.sub(r"--.*", "", text).split()).encode()).hexdigest()
        for version, text in texts.items()
    }


def methods_changed_under_their_name(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Versions whose formulas are not those that this warehouse first used under the name; new versions are noted."""
    known = dict(
        con.execute("SELECT name, fingerprint FROM meta.definition WHERE starts_with(name, ?)", [_PREFIX]).fetchall()
    )
    now = fingerprints()
    for version in now:
        if _PREFIX + version not in known:
            con.execute("INSERT INTO meta.definition VALUES (?, ?)", [_PREFIX + version, now[version]]).fetchall()
    return sorted(v for v, fingerprint in now.items() if known.get(_PREFIX + v, fingerprint) != fingerprint)
