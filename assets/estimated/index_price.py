"""The price index, kept up to date by what a capture changes.

Its rule stands in five files of SQL: the offers that count (`estimated.price_offer`), until when each counts, the days on
which one begins or ends, what depends on such a day and the one before it (`estimated.price_link`), and how those are chained
and scaled (`estimated.price_index`). An update reads again the history of the offers that a new word is about, and compares
the days on which they counted before and count now: days of change on which they differ, and the first one after, are
computed again, from the offers of those days; and only accelerators with such a day are chained and scaled again. Late
corrections, withdrawals and confirmations are all the same: days that differ. A rebuild takes the same road with all days,
in chunks that are committed one by one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import resources

import duckdb

from assets.estimated import changes
from assets.estimated.index_tables import PRICE_INDEX, PRICE_LINK, PRICE_OFFER
from assets.observed.views import offers_of
from warehouse.connection import transaction
from warehouse.quoting import literal, quoted
from warehouse.tables import Table

METHOD_VERSION = "price-index-1"
#: Offers times days of change that are computed at once in a rebuild; twice as many take no less time and more memory.
CHUNK = 1_500_000
#: An offer, told from others in the log and in `estimated.price_offer`.
_OFFER_KEY = "_price_offer_key(source_id, scope, provider, region, instance_type, offer_variant)"
_FOREVER = "TIMESTAMPTZ 'infinity'"
_PAIR = "accelerator_id, purchase_option"
_OF_METHOD = f"method_version = '{METHOD_VERSION}'"
_REFERENCES = ("accelerator", "accelerator_alias", "instance_accelerator")


@cache
def _template(part: str) -> str:
    name = "index_price.sql" if part == "index" else f"index_price_{part}.sql"
    return resources.files("assets.estimated").joinpath(name).read_text(encoding="utf-8")


def rule(part: str, **relations: str) -> str:
    """SQL of one part of the rule on the relations named in it.

    Args:
        part: `offer` ({offers}), `counted` ({offer}, {known_at}), `event` ({counted}), `link` ({event}, {counted}) or `index`
            ({link}, {known_at}). `link` takes the parameter `$method_version`.
        relations: names of relations, or SELECTs in parentheses; {known_at} is an expression.

    Returns:
        A SELECT.
    """
    return _template(part).format(offer_key=_OFFER_KEY, **relations)


def _fingerprint(con: duckdb.DuckDBPyConnection, views: str) -> str:
    """Changes when the rule does, or the views and facts that it reads: then everything is computed again."""
    facts = con.execute(
        "SELECT string_agg(table_name || sha256, ',' ORDER BY table_name) FROM meta.reference_file WHERE list_contains(?, table_name)",
        [list(_REFERENCES)],
    ).fetchall()[0][0]
    texts = [_template(part) for part in ("offer", "counted", "event", "link", "index")]
    # Another DuckDB may number offers otherwise.
    parts = [METHOD_VERSION, _OFFER_KEY, duckdb.__version__, *texts, views, str(facts)]
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def update(con: duckdb.DuckDBPyConnection, views: str) -> bool:
    """Bring `estimated.price_offer`, `price_link` and `price_index` to what the log says now; True if anything was computed.

    Args:
        con: connection of a write session, outside a transaction.
        views: fingerprint of the views that the rule reads.

    Returns:
        Whether anything was computed. The rows are those that computing everything anew would give (sums of logarithms
        to the last digits: their order of adding is not told); rows of other method versions stay.
    """
    fingerprint, name = _fingerprint(con, views), PRICE_INDEX.full_name
    found = con.execute("SELECT fingerprint FROM meta.definition WHERE name = ?", [name]).fetchall()
    was, _, micros = found[0][0].partition("@") if found else ("", "", "")
    known = con.execute(
        "SELECT coalesce(epoch_us(max(recorded_at)), 0) FROM meta.snapshot WHERE subject IN ('cloud_rate', 'exchange_rate')"
    ).fetchall()[0][0]
    if (was, micros) == (fingerprint, str(known)):
        return False
    if was != fingerprint:
        con.execute("DELETE FROM meta.definition WHERE name = ?", [name]).fetchall()
        _rebuild(con)
        with transaction(con):
            _chain_everything(con)
            changes.note(con, PRICE_INDEX, known, changes.EVER)
            _set_mark(con, name, f"{fingerprint}@{known}")
    else:
        with transaction(con):
            first_on = _add(con, int(micros))
            if first_on is not None:
                changes.note(con, PRICE_INDEX, known, first_on)
            _set_mark(con, name, f"{fingerprint}@{known}")
    return True


def _set_mark(con: duckdb.DuckDBPyConnection, name: str, mark: str) -> None:
    con.execute("DELETE FROM meta.definition WHERE name = ?", [name]).fetchall()
    con.execute("INSERT INTO meta.definition VALUES (?, ?)", [name, mark]).fetchall()


def _insert(con: duckdb.DuckDBPyConnection, table: Table, select: str, **given: object) -> None:
    columns = ", ".join(quoted(c) for c in table.declared())
    con.execute(f"INSERT INTO {table.full_name} ({columns}) SELECT {columns} FROM ({select})", given or None).fetchall()


def _temporary(con: duckdb.DuckDBPyConnection, name: str, select: str, **given: object) -> None:
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {select}", given or None).fetchall()


# Everything ---------------------------------------------------------------------------------------------------------------


def _rebuild(con: duckdb.DuckDBPyConnection) -> None:
    """`estimated.price_offer` and `price_link` anew."""
    with transaction(con):
        con.execute(f"DELETE FROM {PRICE_OFFER.full_name}").fetchall()
        _insert(con, PRICE_OFFER, rule("offer", offers="observed.cloud_offer"))
    _temporary(con, "_counted", rule("counted", offer=PRICE_OFFER.full_name, known_at=_FOREVER))
    _temporary(con, "_event", rule("event", counted="_counted"))
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
    con.execute("DROP TABLE _counted").fetchall()
    con.execute("DROP TABLE _event").fetchall()


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


def _chain_everything(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(f"DELETE FROM {PRICE_INDEX.full_name} WHERE {_OF_METHOD}").fetchall()
    link = f"(FROM {PRICE_LINK.full_name} WHERE {_OF_METHOD})"
    _insert(con, PRICE_INDEX, rule("index", link=link, known_at=_FOREVER))


# What changed -------------------------------------------------------------------------------------------------------------


def _add(con: duckdb.DuckDBPyConnection, since: int) -> dt.date | None:
    """What words and captures recorded after `since` (microseconds) change; returns the first day of it, None where nothing does."""
    scopes = _find_offers(con, since)
    current = f"(FROM {PRICE_OFFER.full_name} WHERE offer_key IN (FROM _offer) OR (valid_to IS NULL AND ({scopes})))"
    _temporary(con, "_before", rule("counted", offer=current, known_at=f"make_timestamptz({since})"))
    con.execute(f"DELETE FROM {PRICE_OFFER.full_name} WHERE offer_key IN (FROM _offer)").fetchall()
    words = f"({scopes}) AND {_OFFER_KEY} IN (FROM _offer)"
    _insert(con, PRICE_OFFER, rule("offer", offers=f"({offers_of(words)})"))
    _temporary(con, "_after", rule("counted", offer=current, known_at=_FOREVER))
    end_before, end_now = _find_days(con, since)
    first_on = con.execute(
        f"SELECT min(first_on) FROM (SELECT first_on FROM _differs UNION ALL SELECT DATE '{end_before}' WHERE DATE '{end_before}' < DATE '{end_now}')"
    ).fetchall()[0][0]
    _link_again(con)
    _chain_again(con, end_before, end_now)
    for name in ("_offer", "_before", "_after", "_differs", "_first", "_counted", "_event", "_moved"):
        con.execute(f"DROP TABLE {name}").fetchall()
    return first_on


def _find_offers(con: duckdb.DuckDBPyConnection, since: int) -> str:
    """`_offer`: keys of offers that a word is about, or whose price another exchange rate converts.

    Returns:
        SQL condition that a row is of the scope of one of them, or of a new capture.
    """
    is_new = f"recorded_at > make_timestamptz({since})"
    rate_from = con.execute(
        f"SELECT min(valid_from)::VARCHAR FROM observed.exchange_rate_log WHERE {is_new}"
    ).fetchall()
    converted = ""
    if rate_from[0][0] is not None:
        converted = f"OR (currency_code <> 'USD' AND greatest(valid_from, observed_at) >= TIMESTAMPTZ '{rate_from[0][0]}' - INTERVAL 1 DAY)"
    _temporary(
        con,
        "_word",
        f"SELECT DISTINCT source_id, scope, {_OFFER_KEY} AS offer_key FROM observed.cloud_rate_log WHERE {is_new} {converted}",
    )
    _temporary(con, "_offer", "SELECT DISTINCT offer_key FROM _word")
    scopes = con.execute(
        f"SELECT source_id, scope FROM _word UNION SELECT source_id, scope FROM meta.snapshot WHERE subject = 'cloud_rate' AND {is_new} ORDER BY ALL"
    ).fetchall()
    con.execute("DROP TABLE _word").fetchall()
    # As literals, so that a reader of the log skips what is of others.
    return " OR ".join(f"(source_id = {literal(s)} AND scope = {literal(c)})" for s, c in scopes) or "false"


def _find_days(con: duckdb.DuckDBPyConnection, since: int) -> tuple[dt.date, dt.date]:
    """`_differs`: spans of days, by accelerator and purchase option, on which other offers count than before, their ends with them.

    Returns:
        The day after the last one of the index, before and now.
    """
    end = "SELECT coalesce((max(observed_at) AT TIME ZONE 'UTC')::DATE + 1, DATE '0001-01-01') FROM meta.snapshot WHERE subject = 'cloud_rate' AND recorded_at <= "
    before, now = (con.execute(end + until).fetchall()[0][0] for until in (f"make_timestamptz({since})", _FOREVER))
    same = f"{_PAIR}, offer_key, began_on, provider, source_id, source_rank, is_bundled, price_usd_per_gpu_hour, price_before_usd_per_gpu_hour"
    # What stands in one of the two alone differs on all its days; what stands in both, from the one end to the other.
    differs = (
        f"SELECT {_PAIR}, CASE WHEN count(*) = 1 THEN any_value(began_on) ELSE min(ends_on) END AS first_on, max(ends_on) AS last_on "
        f"FROM (SELECT {same}, ends_on FROM _before UNION ALL SELECT {same}, ends_on FROM _after) GROUP BY {same} "
        "HAVING count(*) = 1 OR min(ends_on) < max(ends_on)"
    )
    # Days that were still to come: what of all offers begins or ends in them.
    current = f"(SELECT {_PAIR}, source_id, scope, is_bundled, began_on, valid_to, seen_at, refused_from FROM {PRICE_OFFER.full_name} WHERE valid_to IS NULL OR valid_to >= TIMESTAMPTZ '{before} 00:00:00+00')"
    come = (
        f"SELECT DISTINCT {_PAIR}, DATE '{before}', DATE '{now}' FROM ({rule('counted', offer=current, known_at=_FOREVER)}) "
        f"WHERE began_on >= DATE '{before}' OR ends_on BETWEEN DATE '{before}' AND DATE '{now}' - 1"
    )
    also = f"UNION ALL {come}" if now > before else ""
    _temporary(con, "_differs", f"FROM ({differs} {also}) WHERE first_on < DATE '{now}'")
    return before, now


def _link_again(con: duckdb.DuckDBPyConnection) -> None:
    """Days of change in `_differs`, and the first one after each span: their rows of `estimated.price_link` anew; `_moved`: whose they are."""
    link = PRICE_LINK.full_name
    _temporary(con, "_first", f"SELECT {_PAIR}, min(first_on) AS first_on FROM _differs GROUP BY ALL")
    current = (
        f"(SELECT o.* FROM {PRICE_OFFER.full_name} o JOIN _first f USING ({_PAIR}) "
        "WHERE o.valid_to IS NULL OR (o.valid_to AT TIME ZONE 'UTC')::DATE >= f.first_on)"
    )
    _temporary(con, "_counted", rule("counted", offer=current, known_at=_FOREVER))
    # Days of change before the first that differs are as they were: the last of them is the one before it.
    edges = (
        f"(SELECT {_PAIR}, began_on, counts_to_on, end_on FROM _counted UNION ALL "
        f"SELECT {_PAIR}, max(k.index_on), max(k.index_on), DATE '9999-12-31' FROM {link} k JOIN _first f USING ({_PAIR}) "
        f"WHERE k.{_OF_METHOD} AND k.index_on < f.first_on GROUP BY ALL)"
    )
    of_span = (
        "d.accelerator_id = e.accelerator_id AND d.purchase_option = e.purchase_option AND e.index_on >= d.first_on"
    )
    _temporary(
        con,
        "_event",
        f"SELECT e.* FROM ({rule('event', counted=edges)}) e "
        f"WHERE EXISTS (SELECT 1 FROM _differs d WHERE {of_span} AND coalesce(e.before_on, DATE '0001-01-01') <= d.last_on)",
    )
    _temporary(
        con,
        "_gone",
        f"SELECT e.accelerator_id, e.purchase_option, e.index_on FROM {link} e JOIN _differs d ON {of_span} AND e.index_on <= d.last_on "
        f"WHERE e.{_OF_METHOD} UNION SELECT {_PAIR}, index_on FROM _event",
    )
    _temporary(con, "_moved", f"SELECT DISTINCT {_PAIR} FROM _gone")
    con.execute(f"DELETE FROM {link} WHERE {_OF_METHOD} AND ({_PAIR}, index_on) IN (FROM _gone)").fetchall()
    con.execute("DROP TABLE _gone").fetchall()
    _insert(con, PRICE_LINK, rule("link", event="_event", counted="_counted"), method_version=METHOD_VERSION)


def _chain_again(con: duckdb.DuckDBPyConnection, end_before: dt.date, end_now: dt.date) -> None:
    """Rows of `estimated.price_index`: of what moved anew; of all else the days that have come since, as the last one."""
    index, is_moved = PRICE_INDEX.full_name, f"({_PAIR}) IN (FROM _moved)"
    con.execute(f"DELETE FROM {index} WHERE {_OF_METHOD} AND {is_moved}").fetchall()
    if end_now > end_before:
        days = f"unnest(range(DATE '{end_before}', DATE '{end_now}', INTERVAL 1 DAY))::DATE"
        last = f"{_OF_METHOD} AND index_on = DATE '{end_before}' - 1"
        _insert(con, PRICE_INDEX, f"SELECT * REPLACE ({days} AS index_on) FROM {index} WHERE {last}")
    link = f"(FROM {PRICE_LINK.full_name} WHERE {_OF_METHOD} AND {is_moved})"
    _insert(con, PRICE_INDEX, rule("index", link=link, known_at=_FOREVER))
