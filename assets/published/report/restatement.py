"""The page of a restatement: both versions beside each other, drawn and in a table."""

from __future__ import annotations

import datetime as dt

import jinja2
import polars as pl
from markupsafe import Markup

from assets.estimated.restate import Restatement
from assets.published.report import charts

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ old }} restated by {{ new }}</title>
<style>
:root { color-scheme: light dark } body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums } td, th { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #8885 }
td:first-child, th:first-child { text-align: left } .wide { overflow-x: auto } svg { max-width: 46rem }
</style></head><body>
<h1>{{ old }} restated by {{ new }}</h1>
<p>The same scenarios by both versions of the method, on the same data, computed {{ computed_on }}. No number mixes the two.</p>
{% for note in notes %}<p>{{ note }}</p>{% endfor %}
{% for s in scenarios %}
<h2>{{ s.scenario_id }}</h2>
{% if s.bands %}<h3>What differs, relative to {{ old }}</h3>{{ s.bands }}{% endif %}
{% for title, chart in s.histories %}<h3>{{ title }}</h3>{{ chart }}{% endfor %}
<div class="wide"><table><thead><tr><th>quantity, {{ s.as_of_on }}</th><th>unit</th><th>{{ old }}</th><th>band</th><th>{{ new }}</th><th>band</th><th>change</th></tr></thead><tbody>
{% for r in s.rows %}<tr><td>{{ r.quantity }}</td><td>{{ r.unit }}</td><td>{{ r.old_central | number }}</td><td>{{ r.old_low | number }} to {{ r.old_high | number }}</td>
<td>{{ r.new_central | number }}</td><td>{{ r.new_low | number }} to {{ r.new_high | number }}</td><td>{{ r.change_share | percent }}</td></tr>
{% endfor %}</tbody></table></div>
{% endfor %}
</body></html>
"""
#: Histories drawn of one scenario at most; the table of rows has all.
_MOST = 6


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.4g}"


def change_words(value: float | None) -> str:
    """A change in percent; as a multiple where percent are no help."""
    if value is None:
        return ""
    return f"x {value + 1:,.3g}" if value > 10 or value < -0.9 else f"{value:+.1%}"


def _bands(rows: pl.DataFrame, old: str, new: str) -> Markup | None:
    """Both bands of every quantity that differs and is positive in both, over the old central value."""
    positive = rows.filter(
        (pl.min_horizontal("old_low", "new_low", "old_central") > 0)
        & pl.any_horizontal(pl.col(f"old_{side}") != pl.col(f"new_{side}") for side in ("low", "central", "high"))
    )
    marks = [
        {"label": f"{r['quantity']} ({version})", "version": version}
        | {side: r[f"{which}_{side}"] / r["old_central"] for side in ("low", "central", "high")}
        | {"says": f"{r['quantity']} by {version}: {_number(r[f'{which}_central'])} {r['unit']}"}
        for r in positive.iter_rows(named=True)
        for which, version in (("old", old), ("new", new))
    ]
    return charts.ranges(marks, "label", f"times {old}", f"{new} relative to {old}", colour="version")


def _histories(rows: pl.DataFrame, old: str, new: str) -> list[tuple[str, Markup | None]]:
    """Both versions over time, of the quantities that change with it."""
    found: list[tuple[str, Markup | None]] = []
    for (quantity, unit), part in rows.group_by("quantity", "unit", maintain_order=True):
        known = part.filter(pl.min_horizontal("old_low", "new_low") > 0)
        if known["old_central"].n_unique() < 2 or len(found) >= _MOST:
            continue
        marks = [
            {
                "as_of_on": r["as_of_on"],
                "version": version,
                "says": f"{r['as_of_on']} by {version}: {_number(r[f'{which}_central'])} {unit}",
            }
            | {side: r[f"{which}_{side}"] for side in ("low", "central", "high")}
            for r in known.iter_rows(named=True)
            for which, version in (("old", old), ("new", new))
        ]
        title = f"{quantity} ({unit})"
        found.append(
            (title, charts.lines(marks, "as_of_on", "central", "version", str(unit), title, band=("low", "high")))
        )
    return found


def restatement_page(found: Restatement) -> str:
    """The page as HTML; everything from data is escaped."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"number": _number, "percent": change_words}
    scenarios = []
    for (scenario_id,), rows in found.rows.group_by("scenario_id", maintain_order=True):
        newest = rows.filter(pl.col("as_of_on") == pl.col("as_of_on").max())
        scenarios.append(
            {
                "scenario_id": scenario_id,
                "as_of_on": newest["as_of_on"][0],
                "rows": newest.to_dicts(),
                "bands": _bands(newest, found.old, found.new),
                "histories": _histories(rows, found.old, found.new),
            }
        )
    return environment.from_string(_PAGE).render(
        old=found.old,
        new=found.new,
        notes=found.notes,
        scenarios=scenarios,
        computed_on=dt.datetime.now(dt.UTC).date(),
    )
