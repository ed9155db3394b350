"""The six scenarios whose claims are put to the test: claim, estimate with its band, verdict, where it holds and where it fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup

from assets.published.report import charts
from assets.published.report.data import Facts, Row
from assets.published.report.pages.common import grouped, month, stamp
from assets.published.report.shown import band, day, money, number, percent, spoken_band
from assets.published.report.texts import words

POINTS = range(1, 7)
#: Unit of an estimate -> factor and unit in which it is shown: shares in percent, growth as a factor, counts bare.
_WRITTEN = {"share": (100, "%"), "1/year": (1, "× a year"), "1": (1, "")}
#: A column of a table: key of its heading, its class ("n" where it holds numbers), and what it shows of a row.
Column = tuple[str, str, Callable[[Row], Any]]


def _table(rows: Sequence[Row], columns: Sequence[Column]) -> Row | None:
    """Headings and cells, ready to be placed."""
    if not rows:
        return None
    return {
        "head": [(key, kind) for key, kind, _ in columns],
        "kinds": [kind for _, kind, _ in columns],
        "rows": [[show(row) for _, _, show in columns] for row in rows],
    }


def claims(facts: Facts) -> list[Row]:
    """The six, in order; one that has neither a claim nor a figure in this warehouse is left out."""
    by_point = grouped(facts.rows("claim"), "article_point")
    factors = grouped(facts.rows("claim_factor"), "article_point")
    makers = {1: _history, 3: _growth, 4: _break_even, 5: _east_west, 6: _esg}
    found = []
    for point in POINTS:
        more = makers[point](facts) if point in makers else {}
        told = [_readable(c) for c in by_point.get(point, [])]
        if told or more.get("table"):
            # What rests on no observation at all is neither bundled nor live.
            observed = [f for f in factors.get(point, []) if f["origin_kind"] == "observed"]
            found.append(
                {
                    "point": point,
                    "claims": told,
                    "verdicts": [_verdict(c["verdict"]) for c in told],
                    "factors": factors.get(point, []),
                    "claims_stamp": stamp(facts, observed, "", facts.report_at.date()),
                    "table": None,
                    "chart": None,
                    "query": None,
                    **more,
                }
            )
    return found


def _readable(claim: Row) -> Row:
    """A claim and its estimate in units as people read them."""
    factor, unit = _WRITTEN.get(claim["unit"], (1, claim["unit"]))
    figures = ("claimed_low", "claimed_high", "low", "central", "high")
    return claim | {"unit": unit} | {k: None if claim[k] is None else claim[k] * factor for k in figures}


def _verdict(verdict: str) -> str:
    """The kind of a verdict, for its colour: the words stand beside it."""
    if verdict.startswith("unknown"):
        return "unread"
    return "fresh" if verdict == "holds" else "stale" if verdict == "does not hold" else "mixed"


def _of(row: Row, name: str, unit: str) -> Markup:
    return band(row[f"low_{name}"], row[name], row[f"high_{name}"], unit)


def _change(row: Row, name: str) -> Markup | str:
    """A change in percent, with its sign and its band."""
    low, central, high = (row[f"{side}{name}"] for side in ("low_", "", "high_"))
    if low == high:
        return percent(central, sign=True)
    told = (percent(share, sign=True) for share in (central, low, high))
    return Markup('<b>{}</b> <span class="band">[{} … {}]</span>').format(*told)


def _history(facts: Facts) -> Row:
    rows = facts.rows("article_history")
    for row in rows:
        row["says"] = (
            f"{row['accelerator']} {day(row['on_date'])}: {spoken_band(row['low'], row['central'], row['high'])} USD, "
            f"{row['providers']} providers"
        )
    latest = list({r["accelerator_id"]: r for r in rows}.values())
    return {
        "chart": charts.lines(
            rows, "on_date", "central", "accelerator", "USD per training", words("article.1.figure"), fmt="~s"
        ),
        "query": "article_history",
        "stamp": stamp(facts, rows, "USD", *(r["on_date"] for r in rows)),
        "table": _table(
            latest,
            [
                ("col.accelerator", "", lambda r: r["accelerator"]),
                ("col.cost_band", "", lambda r: band(r["low"], r["central"], r["high"], "USD")),
                ("col.gpu_hours", "n", lambda r: number(r["gpu_hours"])),
                ("col.price_gpu_hour", "n", lambda r: money(r["usd_per_gpu_hour"])),
                ("col.providers", "n", lambda r: r["providers"]),
                ("col.date", "", lambda r: day(r["on_date"])),
                ("col.method_version", "", lambda r: r["method_version"]),
            ],
        ),
    }


def _growth(facts: Facts) -> Row:
    rows = facts.rows("article_growth")
    return {
        "query": "article_growth",
        "stamp": stamp(facts, rows, _WRITTEN["1/year"][1], *(r[k] for r in rows for k in ("first_on", "last_on"))),
        "table": _table(
            rows,
            [
                ("col.quantity", "", lambda r: r["quantity"]),
                ("col.scenario", "", lambda r: r["scenario_id"]),
                (
                    "col.growth",
                    "",
                    lambda r: band(
                        r["low_growth_per_year"], r["growth_per_year"], r["high_growth_per_year"], _WRITTEN["1/year"][1]
                    ),
                ),
                ("col.doubling", "n", lambda r: number(r["doubling_months"])),
                ("col.r2", "n", lambda r: number(r["r2"])),
                ("col.point_count", "n", lambda r: r["point_count"]),
                ("col.dates", "nowrap", lambda r: f"{day(r['first_on'])} – {day(r['last_on'])}"),
                ("col.source", "", lambda r: r["source_id"]),
            ],
        ),
    }


def _break_even(facts: Facts) -> Row:
    rows = facts.rows("article_break_even")
    known = [r for r in rows if r["break_even_mtok"]]
    for row in known:
        row["says"] = (
            f"{row['way']} {day(row['month_on'])}: from "
            f"{spoken_band(row['low_break_even_mtok'], row['break_even_mtok'], row['high_break_even_mtok'])} million tokens, "
            f"against {row['buy_vendor']} {row['buy_model']}"
        )
    latest = list({r["way"]: r for r in rows}.values())
    return {
        "chart": charts.lines(
            known, "month_on", "break_even_mtok", "way", "million tokens", words("article.4.figure"), fmt="~s"
        ),
        "query": "article_break_even",
        "stamp": stamp(
            facts,
            rows,
            words("unit.mtok"),
            *(min(d, facts.report_at.date()) for r in rows for d in month(r["month_on"])),
        ),
        "table": _table(
            latest,
            [
                ("col.way", "", lambda r: r["way"]),
                ("col.model", "", lambda r: r["model_id"]),
                ("col.fixed", "", lambda r: _of(r, "fixed_usd", "USD")),
                ("col.own", "", lambda r: _of(r, "own_usd_per_mtok", "USD/Mtoken")),
                ("col.buy", "", lambda r: f"{money(r['buy_usd_per_mtok'])} ({r['buy_vendor']} {r['buy_model']})"),
                ("col.break_even", "", lambda r: _of(r, "break_even_mtok", "Mtoken")),
                ("col.verdict", "", lambda r: r["verdict"]),
                ("col.month_of", "", lambda r: f"{r['month_on']:%Y-%m}"),
            ],
        ),
    }


def _east_west(facts: Facts) -> Row:
    rows = facts.rows("article_east_west")
    return {
        "query": "article_east_west",
        "stamp": stamp(facts, rows, "CNY, kgCO2", facts.report_at.date()),
        "table": _table(
            rows,
            [
                ("col.scenario", "", lambda r: r["scenario_id"].removeprefix("east-data-west-")),
                ("col.cluster", "", lambda r: f"{r['name']}, {r['hub']}" if r["hub"] not in r["name"] else r["name"]),
                ("col.side", "", lambda r: r["side"]),
                ("col.electricity_cny", "", lambda r: _of(r, "electricity_cny", "")),
                ("col.transfer_cny", "n", lambda r: number(r["transfer_cny"])),
                ("col.net_saving_cny", "", lambda r: _of(r, "net_saving_cny", "")),
                ("col.kgco2", "", lambda r: _of(r, "kgco2", "")),
                ("col.carbon_change", "", lambda r: _change(r, "carbon_change_share")),
                ("col.verdict", "", lambda r: r["verdict"]),
            ],
        ),
    }


def _esg(facts: Facts) -> Row:
    rows = facts.rows("article_esg")
    return {
        "query": "article_esg",
        "stamp": stamp(
            facts, rows, "kWh, kgCO2e, l", *(d for r in rows if r["month_on"] for d in month(r["month_on"]))
        ),
        "table": _table(
            rows,
            [
                ("col.workload", "", lambda r: r["workload"]),
                ("col.period", "", lambda r: r["period"]),
                ("col.energy_band", "", lambda r: _of(r, "energy_kwh", "kWh")),
                ("col.location_band", "", lambda r: _of(r, "location_kgco2e", "kgCO2e")),
                ("col.market_band", "", lambda r: _of(r, "market_kgco2e", "kgCO2e")),
                ("col.embodied_band", "", lambda r: _of(r, "embodied_kgco2e", "kgCO2e")),
                ("col.water_band", "", lambda r: _of(r, "water_l", "l")),
                ("col.sci_band", "", lambda r: _of(r, "sci_gco2e_per_unit", "gCO2e/unit")),
                ("col.grid_used", "", lambda r: r["grid_used"] or ""),
            ],
        ),
    }
