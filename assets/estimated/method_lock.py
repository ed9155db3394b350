"""A method version must keep computing the same: the digest of its formulas is recorded in the warehouse when it is first used.

The project's own tests lock the released versions by the same digests; this protects a warehouse across upgrades of the program.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from importlib import resources

import duckdb

from assets.estimated.formula_macros import training_texts
from assets.estimated.method import Method
from assets.estimated.methods import METHODS
from assets.estimated.training import STEPS
from assets.estimated.training_lookup import DEFAULTS_VERSION

#: Earlier versions of Petaday noted digests under "method …" that covered less (no called macros, no defaults): they are not compared.
_PREFIX = "method digest "
#: Version -> digest of its formulas before constants in them were multiplied out, or a band was written as one step, which changes results by
#: at most 1e-15: a warehouse that noted this digest still computes what it did.
_REWRITTEN = {
    "ecologits-0.11.3": "37f4040e5fea610c751cc40ddf418c37f735b860d8e09445ce2860ecb72543df",
    "ecologits-0.9.1": "233368d1fd4dd21da7cfb3e23235ada77abc20c02610c5fd56c448b6a1255207",
    "training-1": "be66e7e2039b7a79a5fb415fe3ac94ea0446130cb50b88259899d589af4ce9c5",
}


def _plain(sql: str) -> str:
    """A text of SQL, comments and white space left out."""
    return " ".join(re.sub(r"--.*", "", sql).split())


def formula_macros() -> dict[str, str]:
    """Macro -> its text, of every file in `assets/estimated/formulas`."""
    folder = resources.files("assets.estimated").joinpath("formulas")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    texts = "\n".join(f.read_text(encoding="utf-8") for f in files)
    found = re.findall(r"CREATE OR REPLACE MACRO (\w+)(.*?);\n", texts, flags=re.DOTALL)
    return {name: _plain(text) for name, text in found}


def digest(method: Method) -> str:
    """SHA-256 of what a method computes: its quantities, every macro that these call, its defaults and its choices."""
    known = formula_macros()
    texts = [f"{name} {q.unit} {q.formula} {q.is_input}" for name, q in method.quantities.items()]
    texts += [f"{name} {d.band}" for name, d in method.defaults.items()]
    called: dict[str, str] = {}
    open_texts = list(texts)
    while open_texts:
        for name in re.findall(r"(\w+)\(", open_texts.pop()):
            if name in known and name not in called:
                called[name] = known[name]
                open_texts.append(known[name])
    whole = "\x00".join([*texts, *(f"{name} {called[name]}" for name in sorted(called)), str(dict(method.choices))])
    return hashlib.sha256(" ".join(whole.split()).encode()).hexdigest()


def training_digest(version: str) -> str:
    """The same of a version of the method of training: its formulas, how they are put together, and its defaults."""
    defaults = resources.files("assets.reference").joinpath("method_default.csv").read_text(encoding="utf-8")
    own = [
        " ".join(row[name] for name in ("factor", "low", "central", "high", "unit"))
        for row in csv.DictReader(io.StringIO(defaults))
        if row["method_version"] == DEFAULTS_VERSION
    ]
    texts = [*(_plain(text) for text in training_texts()), STEPS[version], *own]
    return hashlib.sha256("\x00".join(texts).encode()).hexdigest()


def fingerprints() -> dict[str, str]:
    """Version -> digest."""
    return {version: training_digest(version) for version in STEPS} | {
        method.version: digest(method) for method in METHODS
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
    return sorted(
        v for v, digest_now in now.items() if known.get(_PREFIX + v, digest_now) not in (digest_now, _REWRITTEN.get(v))
    )
