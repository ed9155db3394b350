"""The price index, kept up to date by what a capture changes.

Its rule is in six SQL files: the offers that count (`estimated.price_offer`), when their sources last answered, until
when each offer counts, the days on which one begins or ends ("days of change"), what depends on a day of change and the
one before it (`estimated.price_link`), and how these are chained and scaled (`estimated.price_index`).

An update reads the history of the offers that new log rows are about and compares the days on which they counted before
with those on which they count now. Days of change on which these differ, and the first one after, are computed again
from the offers of those days. Only accelerators with such a day are chained again from there on, and their earlier days
scaled to the new last day. Late corrections, withdrawals and confirmations need no special case: they are days that
differ. A rebuild does the same with all days, in chunks that are committed one by one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

import duckdb

from assets.estimated import changed_days
from assets.estimated.indices.tables import PRICE_INDEX, PRICE_LINK, PRICE_OFFER
from assets.marks import forget_mark, mark_of, set_mark
from assets.observed.views import whole_offers
from assets.subjects import CLOUD_RATE
from warehouse.connection import transaction
from warehouse.instants import FOREVER
from warehouse.log.views import are_changes
from warehouse.quoting import literal, quoted
from warehouse.tables import Table

METHOD_VERSION = "price-index-1"
#: Offers times days of change that a rebuild computes at once; twice as many take the same time and more memory.
CHUNK = 1_500_000
#: Key of an offer in the log and in `estimated.price_offer`.
_OFFER_KEY = "_price_offer_key(source_id, scope, provider, region, instance_type, offer_variant)"
_PAIR = "accelerator_id, purchase_option"
#: Columns of a counted offer that the links are computed from.
_OF_COUNTED = f"{_PAIR}, provider, source_id, source_rank, is_bundled, price_usd_per_gpu_hour, price_before_usd_per_gpu_hour, began_on, counts_to_on"
_OF_METHOD = f"method_version = '{METHOD_VERSION}'"
#: The relation {before} of the rule `index` if it begins with the first day.
NOWHERE = (
    "(SELECT NULL::VARCHAR AS accelerator_id, NULL::VARCHAR AS purchase_option, NULL::DATE AS first_on, "
    "NULL::BIGINT AS chain_number, NULL::DOUBLE AS moved_by LIMIT 0)"
)
_NONE = "false"
_REFERENCES = ("accelerator", "accelerator_alias", "instance_accelerator")


@cache
def _template(part: str) -> str:
    name = "price.sql" if part == "index" else f"price_{part}.sql"
    return resources.files("assets.estimated.indices").joinpath(name).read_text(encoding="utf-8")


def rule(part: str, **relations: str) -> str:
    """SQL of one part of the rule on the relations named in it.

    Args:
        part: `offer` ({offers}), `seen` ({refused}, {since}, {known_at}), `counted` ({offer}, {seen}, {confirmed_on},
            {end_on}), `event` ({edge}, {end_on}), `link` ({event}, {counted}) or `index` ({link}, {before}, {end_on}).
            `link` takes the parameter `$method_version`.
        relations: names of relations, or SELECTs in parentheses; {since}, {known_at}, {confirmed_on}, by default the
            one of {seen}, and {end_on}, the day after the last one of the index, are expressions.

    Returns:
        A SELECT.
    """
    return _template(part).format(**{"offer_key": _OFFER_KEY, "confirmed_on": "c.confirmed_on", **relations})


def _fingerprint(views: str, facts: str | None) -> str:
    """Hash of the rule and of the views and reference tables that it reads; if it changes, everything is computed again."""
    texts = [_template(part) for part in ("offer", "seen", "counted", "event", "link", "index")]
    # The numbers of offers may differ in another version of DuckDB.
    parts = [METHOD_VERSION, _OFFER_KEY, duckdb.__version__, *texts, views, str(facts)]
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def update(con: duckdb.DuckDBPyConnection, views: str) -> bool:
    """Bring `estimated.price_offer`, `price_link` and `price_index` up to date with the log; True if anything was computed.

    Args:
        con: connection of a write session, outside a transaction.
        views: fingerprint of the views that the rule reads.

    Returns:
        Whether anything was computed. The rows are the same as after a rebuild, but for the last digits of sums of
        logarithms, whose order of addition is not fixed; rows of other method versions stay.
    """
    facts, prices, rates = con.execute(
        f"SELECT (SELECT string_agg(table_name || sha256, ',' ORDER BY table_name) FROM meta.reference_file WHERE table_name IN {_REFERENCES}), "
        + ", ".join(
            f"coalesce(epoch_us(max(recorded_at) FILTER (subject = '{s}')), 0)" for s in ("cloud_rate", "exchange_rate")
        )
        + " FROM meta.snapshot"
    ).fetchall()[0]
    fingerprint, name, known = _fingerprint(views, facts), PRICE_INDEX.full_name, max(prices, rates)
    was, since = mark_of(con, name)
    if (was, since) == (fingerprint, known):
        return False
    if was != fingerprint:
        forget_mark(con, name)
        _rebuild(con)
        with transaction(con):
            changed_days.note(con, PRICE_INDEX, known, changed_days.EVER)
            set_mark(con, name, fingerprint, known)
    else:
        with transaction(con):
            first_on = _add(con, since, _find_offers(con, since, has_rates=rates > since))
            if first_on is not None:
                changed_days.note(con, PRICE_INDEX, known, first_on)
            set_mark(con, name, fingerprint, known)
    return True


def _insert(con: duckdb.DuckDBPyConnection, table: Table, select: str, **given: object) -> None:
    columns = ", ".join(quoted(c) for c in table.declared())
    con.execute(f"INSERT INTO {table.full_name} ({columns}) SELECT {columns} FROM ({select})", given or None).fetchall()


def _temporary(con: duckdb.DuckDBPyConnection, name: str, select: str, **given: object) -> None:
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {select}", given or None).fetchall()


# Everything -----------------------------------------------------------------------------------------------------------


def _rebuild(con: duckdb.DuckDBPyConnection) -> None:
    """Compute all of `estimated.price_offer`, `price_link` and `price_index`."""
    with transaction(con):
        con.execute(f"DELETE FROM {PRICE_OFFER.full_name}").fetchall()
        _insert(con, PRICE_OFFER, rule("offer", offers="observed.cloud_offer"))
    end = _see(con, 0, PRICE_OFFER.full_name).now
    counted = rule("counted", offer=PRICE_OFFER.full_name, seen="_seen", end_on=_date(end))
    _temporary(con, "_counted", f"SELECT {_OF_COUNTED} FROM ({counted})")
    edge = f"(SELECT {_PAIR}, unnest([began_on, counts_to_on]) AS index_on FROM _counted)"
    _temporary(con, "_event", rule("event", edge=edge, end_on=_date(end)))
    con.execute(
        f"DELETE FROM {PRICE_LINK.full_name} WHERE {_OF_METHOD} AND index_on NOT IN (SELECT index_on FROM _event)"
    ).fetchall()
    for first_on, last_on in _chunks(con):
        span = f"BETWEEN DATE '{first_on}' AND DATE '{last_on}'"
        counted = f"(FROM _counted WHERE began_on <= DATE '{last_on}' AND counts_to_on > DATE '{first_on}')"
        with transaction(con):
            con.execute(f"DELETE FROM {PRICE_LINK.full_name} WHERE {_OF_METHOD} AND index_on {span}").fetchall()
            select = rule("link", event=f"(FROM _event WHERE index_on {span})", counted=counted)
            _insert(con, PRICE_LINK, select, method_version=METHOD_VERSION)
    with transaction(con):
        con.execute(f"DELETE FROM {PRICE_INDEX.full_name} WHERE {_OF_METHOD}").fetchall()
        link = f"(FROM {PRICE_LINK.full_name} WHERE {_OF_METHOD})"
        _insert(con, PRICE_INDEX, rule("index", link=link, before=NOWHERE, end_on=_date(end)))
    for name in ("_seen", "_counted", "_event"):
        con.execute(f"DROP TABLE {name}").fetchall()


@dataclass(frozen=True, slots=True)
class _Seen:
    """The day after the last one of the index, before the update and now; and scopes whose offers may count otherwise without a log row of their own.

    `lapsed`: confirmed again, but so late that their offers had stopped counting; `lapsing`: not confirmed for so long
    that their offers stop counting now.
    """

    before: dt.date
    now: dt.date
    lapsed: list[tuple[str, str]]
    lapsing: list[tuple[str, str]]


def _see(con: duckdb.DuckDBPyConnection, since: int, *offers: str) -> _Seen:
    """`_seen`: when each source last answered, as recorded up to `since` (microseconds) and now; for offers whose row was refused, until the refusal."""
    refused = " UNION ".join(
        f"SELECT source_id, scope, refused_from FROM {o} WHERE refused_from IS NOT NULL" for o in offers
    )
    _temporary(con, "_seen", rule("seen", refused=f"({refused})", since=f"make_timestamptz({since})", known_at=FOREVER))
    ended = "coalesce({} + _counted_days(false), DATE '0001-01-01') < now_on"
    before, now, lapsed, lapsing = con.execute(
        "SELECT any_value(before_on), any_value(now_on), "
        f"list(DISTINCT (source_id, scope)) FILTER (is_new AND {ended.format('confirmed_before_on')}), "
        f"list(DISTINCT (source_id, scope)) FILTER ({ended.format('confirmed_on')}) "
        "FROM _seen, (SELECT max(end_before_on) AS before_on, max(end_on) AS now_on FROM _seen)"
    ).fetchall()[0]
    return _Seen(before or dt.date.min, now or dt.date.min, sorted(lapsed or ()), sorted(lapsing or ()))


def _date(day: dt.date) -> str:
    return f"DATE '{day}'"


def _chunks(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[dt.date, dt.date]]:
    """Spans of days with about `CHUNK` offers times days of change."""
    days = con.execute(
        f"SELECT index_on, sum(offers)::BIGINT FROM _event JOIN ("
        f"SELECT {_PAIR}, index_on, sum(change) OVER (PARTITION BY {_PAIR} ORDER BY index_on) AS offers FROM ("
        f"SELECT {_PAIR}, index_on, sum(change) AS change FROM (SELECT {_PAIR}, unnest([began_on, counts_to_on]) AS index_on, unnest([1, -1]) AS change FROM _counted) "
        f"GROUP BY ALL)) USING ({_PAIR}, index_on) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    first, last, size = None, None, 0
    for day, count in days:
        if first is not None and last is not None and size + count > CHUNK:
            yield first, last
            first, size = None, 0
        first, last, size = first or day, day, size + count
    if first is not None and last is not None:
        yield first, last


# What changed ---------------------------------------------------------------------------------------------------------


def _add(con: duckdb.DuckDBPyConnection, since: int, scopes: str) -> dt.date | None:
    """Apply the log rows on the offers in `_offer` (of these scopes) and the captures recorded after `since` (microseconds).

    Returns:
        The first day that changed; None if none did.
    """
    _read_again(con, scopes)
    seen = _see(con, since, "_before", PRICE_OFFER.full_name)
    before, now = seen.before, seen.now
    first_on = _find_days(con, seen)
    if first_on:
        _link_again(con, first_on, now)
        _chain_again(con, first_on, before, now)
    if now > before:
        _go_on(con, before, now)
        first_on = min(first_on or before, before)
    used = ("_seen", "_offer", "_word", "_before", "_after", "_differs", "_moved", "_counted", "_event", "_stood")
    con.execute("; ".join(f"DROP TABLE IF EXISTS {name}" for name in used)).fetchall()
    return first_on


def _of_scopes(scopes: Iterable[tuple[str, str]]) -> str:
    """SQL condition that a row is of one of the scopes: as literals, so that the scan skips row groups of others."""
    return " OR ".join(f"(source_id = {literal(s)} AND scope = {literal(c)})" for s, c in scopes) or _NONE


def _find_offers(con: duckdb.DuckDBPyConnection, since: int, *, has_rates: bool) -> str:
    """`_offer`: keys of offers with new log rows, or whose price is converted by a new exchange rate (`has_rates`: there are new ones).

    Returns:
        SQL condition that a row is of one of their scopes.
    """
    is_new = f"recorded_at > make_timestamptz({since})"
    converted = ""
    if has_rates:
        rate_from = f"(SELECT min(valid_from) FROM observed.exchange_rate_log WHERE {is_new})"
        converted = f"OR (currency_code <> 'USD' AND greatest(valid_from, observed_at) >= {rate_from} - INTERVAL 1 DAY)"
    _temporary(
        con,
        "_offer",
        f"SELECT DISTINCT source_id, scope, {_OFFER_KEY} AS offer_key FROM observed.cloud_rate_log WHERE {is_new} {converted}",
    )
    return _of_scopes(con.execute("SELECT DISTINCT source_id, scope FROM _offer ORDER BY ALL").fetchall())


def _read_again(con: duckdb.DuckDBPyConnection, scopes: str) -> None:
    """Compute the rows of `estimated.price_offer` of the offers in `_offer` again from their log rows; `_before` and `_after`: the old and new rows."""
    offer, columns = PRICE_OFFER.full_name, ", ".join(quoted(c) for c in PRICE_OFFER.declared())
    changed = f"({scopes}) AND {{}} IN (SELECT offer_key FROM _offer)"
    _temporary(con, "_before", f"FROM {offer} WHERE {changed.format('offer_key')}")
    if scopes == _NONE:
        _temporary(con, "_after", "FROM _before")
        return
    _temporary(con, "_word", f"FROM observed.cloud_rate_log WHERE {changed.format(_OFFER_KEY)}")
    in_dollars, has_refused, changes_only = con.execute(
        "SELECT coalesce(bool_and(coalesce(currency_code = 'USD', price_amount_per_hour IS NULL)), true), bool_or(is_offered IS NULL), "
        f"({are_changes(CLOUD_RATE, '_word')}) FROM _word"
    ).fetchall()[0]
    offers = whole_offers("_word", in_dollars=in_dollars, has_refused=has_refused, changes_only=changes_only)
    _temporary(con, "_after", f"SELECT {columns} FROM ({rule('offer', offers=f'({offers})')})")
    con.execute(f"DELETE FROM {offer} WHERE {changed.format('offer_key')}").fetchall()
    _insert(con, PRICE_OFFER, "FROM _after")


def _find_days(con: duckdb.DuckDBPyConnection, seen: _Seen) -> dt.date | None:
    """`_differs`: spans of days, by accelerator and purchase option, on which other offers count than before, both ends included.

    `_moved`: the accelerators and purchase options with such a span, its first day, and the first day of the index to
    write.

    Returns:
        The first of the days; None where nothing differs.
    """
    before, now = seen.before, seen.now
    before_to_now = f"CASE WHEN is_now THEN {_date(now)} ELSE {_date(before)} END"
    # Offers without new log rows count otherwise than before only if their source was confirmed too late, or if they
    # begin or end on a day that was still in the future.
    others = f"valid_to IS NULL AND ({_of_scopes(seen.lapsed)})"
    if now > before:
        others += (
            f" OR began_on >= {_date(before)} OR valid_to >= TIMESTAMPTZ '{before} 00:00:00+00' "
            f"OR valid_to IS NULL AND (is_bundled OR {_of_scopes(seen.lapsing)})"
        )
    both = (
        "(SELECT *, false AS is_now FROM _before UNION ALL SELECT *, true FROM _after UNION ALL SELECT *, unnest([false, true]) "
        f"FROM {PRICE_OFFER.full_name} WHERE ({others}) AND offer_key NOT IN (SELECT offer_key FROM _offer))"
    )
    counted = rule(
        "counted",
        offer=both,
        seen="_seen",
        confirmed_on="CASE WHEN o.is_now THEN c.confirmed_on ELSE c.confirmed_before_on END",
        end_on=before_to_now,
    )
    same = f"{_PAIR}, offer_key, began_on, provider, source_id, source_rank, is_bundled, price_usd_per_gpu_hour, price_before_usd_per_gpu_hour"
    # A row in one of the two alone differs on all its days; a row in both, from the earlier end to the later one. An
    # offer that had not ended on the last day of the index counts as not ended in both, whatever that day was.
    _temporary(
        con,
        "_differs",
        f"SELECT {_PAIR}, CASE WHEN count(*) = 1 THEN any_value(began_on) ELSE min(until_on) END AS first_on, max(until_on) AS last_on "
        f"FROM (SELECT *, CASE WHEN counts_to_on = {before_to_now} THEN {_date(now)} ELSE counts_to_on END AS until_on FROM ({counted})) "
        f"GROUP BY {same} HAVING count(*) = 1 OR min(until_on) < max(until_on)",
    )
    _temporary(
        con,
        "_moved",
        f"SELECT {_PAIR}, min(first_on) AS first_on, least(min(first_on), {_date(before)}) AS from_on FROM _differs GROUP BY ALL",
    )
    return con.execute("SELECT min(first_on) FROM _moved").fetchall()[0][0]


def _link_again(con: duckdb.DuckDBPyConnection, first_on: dt.date, now: dt.date) -> None:
    """Compute the rows of `estimated.price_link` of the days of change in `_differs`, and of the first one after each span, again."""
    link = PRICE_LINK.full_name
    current = (
        f"(SELECT o.* FROM {PRICE_OFFER.full_name} o JOIN _moved m USING ({_PAIR}) "
        f"WHERE o.valid_to IS NULL OR o.valid_to >= TIMESTAMPTZ '{first_on} 00:00:00+00')"
    )
    counted = rule("counted", offer=current, seen="_seen", end_on=_date(now))
    _temporary(con, "_counted", f"SELECT {_OF_COUNTED} FROM ({counted})")
    # Days of change before the first that differs are as they were: the last of them is the one before it.
    edge = (
        f"(SELECT {_PAIR}, index_on FROM (SELECT {_PAIR}, unnest([began_on, counts_to_on]) AS index_on FROM _counted) JOIN _moved USING ({_PAIR}) WHERE index_on >= first_on "
        f"UNION ALL SELECT {_PAIR}, max(k.index_on) FROM {link} k JOIN _moved m USING ({_PAIR}) "
        f"WHERE k.{_OF_METHOD} AND k.index_on < m.first_on GROUP BY ALL)"
    )
    in_span = (
        "d.accelerator_id = e.accelerator_id AND d.purchase_option = e.purchase_option AND e.index_on >= d.first_on"
    )
    _temporary(
        con,
        "_event",
        f"SELECT e.* FROM ({rule('event', edge=edge, end_on=_date(now))}) e "
        f"SEMI JOIN _differs d ON {in_span} AND coalesce(e.before_on, DATE '0001-01-01') <= d.last_on",
    )
    gone = (
        f"SELECT e.accelerator_id, e.purchase_option, e.index_on FROM {link} e JOIN _differs d ON {in_span} AND e.index_on <= d.last_on "
        f"WHERE e.{_OF_METHOD} UNION ALL SELECT {_PAIR}, index_on FROM _event"
    )
    con.execute(f"DELETE FROM {link} WHERE {_OF_METHOD} AND ({_PAIR}, index_on) IN ({gone})").fetchall()
    _insert(con, PRICE_LINK, rule("link", event="_event", counted="_counted"), method_version=METHOD_VERSION)


def _chain_again(con: duckdb.DuckDBPyConnection, first_on: dt.date, before: dt.date, now: dt.date) -> None:
    """Write the index of the accelerators in `_moved` from their first changed day on: their chain continues from the day before, and its earlier days are scaled to its new last day."""
    index, link = PRICE_INDEX.full_name, PRICE_LINK.full_name
    _temporary(
        con,
        "_stood",
        f"SELECT {_PAIR}, any_value(from_on) AS first_on, max(chain_number) AS chain_number, ln(arg_max(index_points, index_on) / 100) AS moved_by, max(carried_on) AS carried_on "
        "FROM (FROM _moved UNION ALL BY NAME "
        f"SELECT {_PAIR}, chain_number, index_points, index_on FROM {index} JOIN _moved USING ({_PAIR}) WHERE {_OF_METHOD} AND index_on < from_on UNION ALL BY NAME "
        f"SELECT {_PAIR}, index_on AS carried_on FROM {link} JOIN _moved USING ({_PAIR}) WHERE {_OF_METHOD} AND index_on < from_on) GROUP BY ALL",
    )
    if first_on < before:
        con.execute(
            f"DELETE FROM {index} i USING _moved m WHERE i.{_OF_METHOD} AND i.accelerator_id = m.accelerator_id "
            "AND i.purchase_option = m.purchase_option AND i.index_on >= m.from_on"
        ).fetchall()
    # The move of the last day of change before the first day to write is already in moved_by.
    links = (
        f"(SELECT k.* REPLACE (CASE WHEN k.index_on < s.first_on THEN 0 ELSE k.log_move END AS log_move) FROM {link} k JOIN _stood s USING ({_PAIR}) "
        f"WHERE k.{_OF_METHOD} AND k.index_on >= coalesce(s.carried_on, s.first_on))"
    )
    _insert(con, PRICE_INDEX, rule("index", link=links, before="_stood", end_on=_date(now)))
    con.execute(
        f"UPDATE {index} i SET index_usd_per_gpu_hour = e.last_median * i.index_points / e.last_points FROM ("
        f"SELECT {_PAIR}, chain_number, any_value(s.first_on) AS first_on, arg_max(i.median_usd_per_gpu_hour, i.index_on) AS last_median, "
        f"arg_max(i.index_points, i.index_on) AS last_points FROM {index} i JOIN _stood s USING ({_PAIR}, chain_number) WHERE i.{_OF_METHOD} GROUP BY ALL) e "
        f"WHERE i.{_OF_METHOD} AND i.accelerator_id = e.accelerator_id AND i.purchase_option = e.purchase_option "
        "AND i.chain_number = e.chain_number AND i.index_on < e.first_on"
    ).fetchall()


def _go_on(con: duckdb.DuckDBPyConnection, before: dt.date, now: dt.date) -> None:
    """Write the new days of the index of all other accelerators: each as the last day."""
    days = f"unnest(range({_date(before)}, {_date(now)}, INTERVAL 1 DAY))::DATE"
    last = f"{_OF_METHOD} AND index_on = {_date(before)} - 1 AND ({_PAIR}) NOT IN (SELECT ({_PAIR}) FROM _moved)"
    _insert(con, PRICE_INDEX, f"SELECT * REPLACE ({days} AS index_on) FROM {PRICE_INDEX.full_name} WHERE {last}")
