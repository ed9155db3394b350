"""Building the site: ask, draw, fill the templates, put every page in place by one rename each."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import jinja2
from markupsafe import Markup

from assets.published.report import shown
from assets.published.report.data import Facts
from assets.published.report.pages import MAKERS
from assets.published.report.texts import chart_words, claim_words, label, told, words
from warehouse.connection import read_published
from warehouse.errors import PetadayError
from warehouse.home import Home

#: Page -> file; the first is the front page.
PAGES = {
    "today": "index.html",
    "petaday": "petaday.html",
    "tokens": "tokens.html",
    "regions": "regions.html",
    "scenarios": "scenarios.html",
    "method": "method.html",
}
MANIFEST = "report.json"


class ReportError(PetadayError):
    """The report cannot be built."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report on disk."""

    path: Path
    publication: int
    byte_counts: dict[str, int]
    chart_count: int
    is_new: bool


def front_page(home: Home) -> Path:
    """Where the report opens."""
    return home.report_dir / PAGES["today"]


def _sources() -> list[Any]:
    folder = resources.files("assets.published.report")
    files = [
        f
        for part in (folder, folder / "pages", folder / "queries", folder / "templates")
        for f in part.iterdir()
        if f.is_file()
    ]
    return sorted((f for f in files if not f.name.endswith(".pyc")), key=lambda f: f.name)


def _fingerprint() -> str:
    """Changes when the code, the queries or the texts of the report change."""
    return hashlib.sha256(b"\x00".join(f.read_bytes() for f in _sources())).hexdigest()


def built(home: Home) -> Report | None:
    """The report on disk, if it shows the current publication in the current form.

    Raises:
        NotPublishedError: if nothing is published yet.
    """
    with read_published(home) as con:
        number = con.execute("SELECT max(publication_number) FROM meta.publication").fetchall()[0][0]
    try:
        kept = json.loads((home.report_dir / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if kept.get("publication") != number or kept.get("fingerprint") != _fingerprint():
        return None
    sizes = {
        name: (home.report_dir / name).stat().st_size for name in PAGES.values() if (home.report_dir / name).is_file()
    }
    if len(sizes) < len(PAGES):
        return None
    return Report(front_page(home), number, sizes, kept.get("charts", 0), is_new=False)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("assets.published.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    helpers: dict[str, Any] = {
        "t": told,
        "claim_words": claim_words,
        "label": label,
        "words": words,
        "pages": PAGES,
        "number": shown.number,
        "money": shown.money,
        "band": shown.band,
        "claimed": shown.claimed,
        "exact": shown.exact,
        "percent": shown.percent,
        "day": shown.day,
        "origin": shown.origin,
        "address": shown.address,
    }
    environment.globals |= helpers
    return environment


def _asset(name: str) -> str:
    return resources.files("assets.published.report").joinpath("templates", name).read_text(encoding="utf-8")


def _write(path: Path, text: str) -> int:
    body = text.encode()
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(body)
    temporary.replace(path)
    return len(body)


def build(home: Home) -> Report:
    """Make the report from the published file.

    Raises:
        NotPublishedError: if nothing is published yet.
        ReportError: if the library that draws charts is missing, or the file is of another version.
    """
    try:
        importlib.metadata.version("vl-convert-python")
    except importlib.metadata.PackageNotFoundError:
        raise ReportError("the report needs vl-convert-python: install Petaday's requirements again") from None
    with read_published(home) as con:
        try:
            facts = Facts.of(con)
            contents = {name: MAKERS[name](facts) for name in PAGES}
        except (duckdb.CatalogException, duckdb.BinderException) as e:
            missing = str(e).splitlines()[0]
            raise ReportError(
                f"the published file is of another version of Petaday ({missing}): publish again with `petaday run`"
            ) from e
    script = _asset("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    shared = {
        "publication": facts.publication,
        "report_at": facts.report_at,
        "style": Markup(_asset("report.css")),
        "script": Markup(script),
        "script_digest": digest,
        "chart_words": chart_words(),
        "asked": facts.asked,
    }
    environment = _environment()
    home.report_dir.mkdir(parents=True, exist_ok=True)
    sizes: dict[str, int] = {}
    chart_count = 0
    for name, file in PAGES.items():
        text = environment.get_template(f"{name}.html").render(page=name, **shared, **contents[name])
        chart_count += text.count('class="chart"')
        sizes[file] = _write(home.report_dir / file, text)
    manifest = {"publication": facts.publication, "fingerprint": _fingerprint(), "charts": chart_count}
    _write(home.report_dir / MANIFEST, json.dumps(manifest))
    return Report(front_page(home), facts.publication, sizes, chart_count, is_new=True)
