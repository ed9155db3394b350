"""The log against an oracle that knows nothing of it, and what must hold in the cases that people really met.

Any order of loading, any repeats, any interleaving of publishers, late captures, announced and cancelled changes,
tombstones and revised slots: for every (valid_at, known_at, observed_by) the log answers as the oracle does.
"""

from __future__ import annotations

import datetime as dt
import json
from itertools import permutations

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets import intake, recording
from assets.catalog import catalog
from assets.sources import source_named
from tests.warehouse import oracle
from tests.warehouse.oracle import EVER, Row, Told
from tests.warehouse.test_log import LOADED, SERIES, START, STATE, day, fresh, slow
from warehouse import log, schema
from warehouse.captures import Document
from warehouse.connection import write_session
from warehouse.home import Home
from warehouse.instants import UNKNOWN_START
from warehouse.log.views import are_changes, intervals, last_change, unconfirmed, view_scripts
from warehouse.tables import Subject

PLACES = (("s", "all"), ("s", "other"), ("t", "all"))
DAYS = (-4.0, 0.0, 2.5, 5.0, 8.0, 11.0, 20.0)


class Warehouse:
    """A warehouse with one subject, loaded capture by capture."""

    def __init__(self, subject: Subject, captures: list[Told]) -> None:
        self.subject, self.captures = subject, captures
        condition = "valid_from <= valid_at AND valid_at < valid_from + INTERVAL 1 DAY"
        self.con: duckdb.DuckDBPyConnection = fresh(
            schema.Catalog(subjects=[subject], scripts=view_scripts(subject, slot_condition=condition))
        )
        #: Captures by when they were loaded.
        self.moments: dict[int, dt.datetime] = {}

    def frame(self, number: int) -> pl.DataFrame:
        starts = {EVER: dt.datetime.fromisoformat(UNKNOWN_START), None: None}
        rows = [
            (
                r.key,
                r.value,
                r.value is not None,
                starts[r.start] if r.start in starts else day(r.start),
                f"c{number:02d}",
            )
            for r in self.captures[number].rows
        ]
        columns = {
            "k": pl.String,
            "v": pl.Float64,
            "is_offered": pl.Boolean,
            "valid_from": pl.Datetime("us", "UTC"),
            "capture_id": pl.String,
        }
        return pl.DataFrame(rows, schema=columns, orient="row")

    def refused(self, number: int) -> pl.DataFrame | None:
        keys = sorted(self.captures[number].refused, key=str)
        return pl.DataFrame({"k": keys}, schema={"k": pl.String}) if keys else None

    def load(self, number: int) -> None:
        """Record one capture as the loader does: once, however often it comes."""
        if number in self.moments:
            return
        moment = LOADED + dt.timedelta(seconds=len(self.moments) + 1)
        told, name = self.captures[number], f"c{number:02d}"
        snapshot = log.Snapshot(
            told.source, told.scope, name, day(told.at), told.is_complete, self.frame(number), self.refused(number)
        )

        def reread(batch: str, _: str) -> tuple[pl.DataFrame, pl.DataFrame | None]:
            return self.frame(int(batch[1:])), self.refused(int(batch[1:]))

        log.record(self.con, self.subject, snapshot, moment, reread)
        self.moments[number] = moment

    def known(self, moment: dt.datetime) -> list[Told]:
        """What had been loaded by then; of one moment the later capture id counts, as in the log."""
        return [self.captures[n] for n in sorted(self.moments) if self.moments[n] <= moment]

    def as_of(self, valid: float, known: dt.datetime | None = None, by: float | None = None) -> oracle.Answer:
        clocks = (f", known_at := '{known.isoformat()}'::TIMESTAMPTZ" if known else "") + (
            f", observed_by := '{day(by).isoformat()}'::TIMESTAMPTZ" if by is not None else ""
        )
        rows = self.con.execute(
            f"SELECT source_id, scope, k, v FROM {self.subject.name}_as_of('{day(valid).isoformat()}'::TIMESTAMPTZ{clocks})"
        ).fetchall()
        assert len({r[:3] for r in rows}) == len(rows)
        return {(s, p, k): v for s, p, k, v in rows}

    def intervals(self, relation: str, valid: float) -> oracle.Answer:
        """The same from a view of intervals; at no instant two of one key."""
        at = f"'{day(valid).isoformat()}'::TIMESTAMPTZ"
        rows = self.con.execute(
            f"SELECT source_id, scope, k, v FROM {relation} WHERE coalesce(valid_from <= {at}, true) AND coalesce(valid_to > {at}, true)"
        ).fetchall()
        assert len({r[:3] for r in rows}) == len(rows)
        return {(s, p, k): v for s, p, k, v in rows}


values = st.sampled_from([1.0, 2.0])
ends = st.sampled_from([1.0, 2.0, 2.0, None])


@st.composite
def timelines(draw: st.DrawFn, moment: int) -> tuple[Row, ...]:
    """What a capture says: prices of now, past changes, announcements, ends, and what held before the first date."""
    rows: list[Row] = []
    for key in draw(st.sets(st.sampled_from("abc"))):
        dates = sorted(draw(st.sets(st.integers(-3, 14), max_size=2)))
        base = draw(st.sampled_from(["none", "now", "ever"]))
        if base == "ever":
            rows.append(Row(key, draw(values), EVER))
        elif base == "now" or not dates:
            dates = [d for d in dates if d > moment]
            rows.append(Row(key, draw(values)))
        rows += [Row(key, draw(ends), d) for d in dates]
    return tuple(rows)


@st.composite
def histories(draw: st.DrawFn) -> list[Told]:
    """Captures of several publishers and scopes, some complete, some with rows that were refused; one of a scope at a moment."""
    found = []
    for place in draw(st.sets(st.sampled_from(PLACES), min_size=1)):
        is_complete, is_dated = draw(st.booleans()), draw(st.booleans())
        for at in draw(st.sets(st.integers(0, 9), min_size=1, max_size=4)):
            plain = st.dictionaries(st.sampled_from("abc"), values).map(
                lambda d: tuple(Row(k, v) for k, v in d.items())
            )
            refused = draw(st.sampled_from(["", "", "a", "ab", "?", "c?"])) if is_complete else ""
            keys = frozenset(None if key == "?" else key for key in refused)
            found.append(Told(*place, at, draw(timelines(at) if is_dated else plain), is_complete, keys))
    return found


@st.composite
def plain_histories(draw: st.DrawFn) -> list[Told]:
    """Complete captures of one list, without dates, of which rows were refused."""
    rows = st.dictionaries(st.sampled_from("abc"), values).map(lambda d: tuple(Row(k, v) for k, v in d.items()))
    refused = st.frozensets(st.sampled_from(["a", "b", "c", None]), max_size=2)
    moments = draw(st.sets(st.integers(0, 9), min_size=2, max_size=6))
    return [Told("s", "all", at, draw(rows), is_complete=True, refused=draw(refused)) for at in moments]


@st.composite
def revisions(draw: st.DrawFn) -> list[Told]:
    """Captures of series: slots 0 to 3 of each key, revised at will, several at one moment."""
    slot = st.builds(Row, st.sampled_from("abc"), values, st.integers(0, 3))
    rows = st.lists(slot, min_size=1, max_size=8, unique_by=lambda r: (r.key, r.start)).map(tuple)
    return draw(
        st.lists(
            st.tuples(st.sampled_from(PLACES), st.integers(0, 8), rows).map(lambda t: Told(*t[0], t[1], t[2])),
            min_size=1,
            max_size=6,
        )
    )


def some_order(data: st.DataObject, count: int) -> list[int]:
    """Any order, with repeats."""
    return [*data.draw(st.permutations(range(count))), *data.draw(st.lists(st.integers(0, count - 1), max_size=3))]


@slow
@given(captures=histories(), data=st.data())
def test_a_state_answers_as_the_oracle_does(captures: list[Told], data: st.DataObject) -> None:
    """At every load what is known now, and in the end whatever was ever known, on every clock."""
    store = Warehouse(STATE, captures)
    for number in some_order(data, len(captures)):
        store.load(number)
        valid = data.draw(st.sampled_from(DAYS))
        assert store.as_of(valid) == oracle.state(store.known(LOADED + dt.timedelta(days=1)), valid)
    for moment in store.moments.values():
        for valid in data.draw(st.sets(st.sampled_from(DAYS), min_size=2, max_size=3)):
            by = data.draw(st.sampled_from([3.0, 6.0, 99.0]))
            assert store.as_of(valid, moment, by) == oracle.state(store.known(moment), valid, by)
            known = f"{STATE.name}_known(known_at := '{moment.isoformat()}'::TIMESTAMPTZ)"
            assert store.intervals(known, valid) == oracle.state(store.known(moment), valid)
    for valid in DAYS:
        assert store.intervals(f"observed.{STATE.name}", valid) == oracle.state(captures, valid)
    changes_only = store.con.execute(are_changes(STATE, STATE.log_name)).fetchall()[0][0]
    if changes_only:
        usual, short = (
            store.con.execute(f"FROM ({intervals(STATE, 'true', changes_only=c)}) ORDER BY ALL").fetchall()
            for c in (False, True)
        )
        assert short == usual


@slow
@given(captures=plain_histories(), data=st.data())
def test_it_is_told_since_when_a_price_was_not_confirmed(captures: list[Told], data: st.DataObject) -> None:
    """In any order of loading; and what was refused changes no answer."""
    store = Warehouse(STATE, captures)
    for number in some_order(data, len(captures)):
        store.load(number)
    found = {
        (s, p, k): (at - START) / dt.timedelta(days=1)
        for s, p, k, at in store.con.execute(unconfirmed(STATE, "true")).fetchall()
    }
    offered = oracle.state(captures, 20.0)
    assert store.as_of(20.0) == offered
    assert found == oracle.unconfirmed(captures)


#: Named, refused twice, named again with another price; then gone; and a row that tells no key holds all that are not named.
REFUSED = [
    Told("s", "all", 0, (Row("a", 1.0), Row("b", 1.0)), is_complete=True),
    Told("s", "all", 1, (Row("b", 1.0),), is_complete=True, refused=frozenset("a")),
    Told("s", "all", 2, (Row("b", 1.0),), is_complete=True, refused=frozenset("a")),
    Told("s", "all", 4, (Row("a", 2.0),), is_complete=True, refused=frozenset({None})),
    Told("s", "all", 6, (Row("a", 2.0),), is_complete=True),
    Told("s", "all", 8, (), is_complete=True, refused=frozenset("b")),
]


def refused_rows_are_no_ends(order: tuple[int, ...]) -> None:
    """What `REFUSED` says, loaded in an order."""
    store = Warehouse(STATE, REFUSED)
    for number in order:
        store.load(number)
    rows = "SELECT k, v, valid_from, valid_to FROM observed.price ORDER BY ALL"
    assert store.con.execute(rows).fetchall() == [
        ("a", 1.0, day(0), day(4)),
        ("a", 2.0, day(4), day(8)),
        ("b", 1.0, day(0), day(6)),
    ]


@pytest.mark.parametrize("order", list(permutations(range(6)))[::143])
def test_a_row_that_was_refused_is_no_end_of_its_offer(order: tuple[int, ...]) -> None:
    refused_rows_are_no_ends(order)


def test_refused_again_a_row_says_nothing_new() -> None:
    store = Warehouse(STATE, REFUSED)
    since = {0: [], 1: [("a", day(1))], 2: [("a", day(1))], 3: [("b", day(4))], 4: [], 5: []}
    for number in range(6):
        store.load(number)
        held = store.con.execute("SELECT k, refused_from FROM observed.price_unconfirmed").fetchall()
        assert held == since[number]
    assert store.con.execute("SELECT count(*) FROM observed.price_log WHERE is_offered IS NULL").fetchone() == (2,)


@slow
@given(captures=revisions(), data=st.data())
def test_a_series_answers_as_the_oracle_does(captures: list[Told], data: st.DataObject) -> None:
    store = Warehouse(SERIES, captures)
    for number in some_order(data, len(captures)):
        store.load(number)
        slot = data.draw(st.integers(0, 3))
        assert store.as_of(slot + 0.5) == oracle.slots(store.known(LOADED + dt.timedelta(days=1)), slot)
    for moment in store.moments.values():
        slot, by = data.draw(st.integers(0, 3)), data.draw(st.sampled_from([3.0, 6.0, 99.0]))
        assert store.as_of(slot + 0.5, moment, by) == oracle.slots(store.known(moment), slot, by)
    for slot in range(4):
        assert store.as_of(slot + 0.5) == oracle.slots(captures, slot)
    # The views look at one word where there is one: they must say what a look at all words says, on every clock.
    assert store.con.execute(SERIES.misfiled_slots()).fetchall() == [(0,)]
    columns = "source_id, scope, k, v, valid_from, observed_at, capture_id"
    for moment in [*store.moments.values(), dt.datetime(9999, 1, 1, tzinfo=dt.UTC)]:
        clocks = f"recorded_at <= '{moment.isoformat()}'::TIMESTAMPTZ AND observed_at <= '{day(6.0).isoformat()}'::TIMESTAMPTZ"
        asked = f"{SERIES.name}_known(known_at := '{moment.isoformat()}'::TIMESTAMPTZ, observed_by := '{day(6.0).isoformat()}'::TIMESTAMPTZ)"
        all_words = last_change(SERIES, f"{SERIES.log_name} WHERE {clocks}")
        assert (
            store.con.execute(f"SELECT {columns} FROM {asked} ORDER BY ALL").fetchall()
            == store.con.execute(f"SELECT {columns} FROM ({all_words}) ORDER BY ALL").fetchall()
        )
    latest = store.con.execute(f"SELECT {columns} FROM observed.{SERIES.name} ORDER BY ALL").fetchall()
    assert latest == store.con.execute(f"SELECT {columns} FROM {SERIES.name}_known() ORDER BY ALL").fetchall()


def test_a_warehouse_from_before_the_revised_slots_is_filled_once() -> None:
    """The table was not there: what the log holds by then is filed when it is made, and no more than that."""
    store = Warehouse(
        SERIES,
        [
            Told("s", "all", 0, (Row("a", 1.0, 0), Row("b", 1.0, 0))),
            Told("s", "all", 1, (Row("a", 2.0, 0), Row("b", 1.0, 0))),
            Told("s", "all", 2, (Row("b", 3.0, 0),)),
        ],
    )
    store.load(0)
    store.load(1)
    store.con.execute(f"DROP TABLE {SERIES.revised_name}")
    for statement in [*SERIES.ddl(), *SERIES.ddl()]:
        store.con.execute(statement)
    filed = f"SELECT k FROM {SERIES.revised_name} ORDER BY k"
    assert store.con.execute(filed).fetchall() == [("a",)]
    store.load(2)
    assert store.con.execute(filed).fetchall() == [("a",), ("b",)]
    assert store.intervals(f"(SELECT *, NULL AS valid_to FROM observed.{SERIES.name})", 0.5) == {
        ("s", "all", "a"): 2.0,
        ("s", "all", "b"): 3.0,
    }
    store.con.execute(f"DELETE FROM {SERIES.revised_name} WHERE k = 'a'")
    assert store.con.execute(SERIES.misfiled_slots()).fetchall() == [(1,)]


def test_what_was_ended_before_it_began_does_not_come_back_by_a_word_on_the_time_before() -> None:
    """Announced for day 6, gone from the list on day 3, named again on day 7 with a price before its first date (day 10).

    The end on day 3 ended nothing then, and was not kept: the word of day 7 reached over it (found by the nightly search).
    """
    captures = [
        Told("t", "all", 1, (Row("b", 2.0, 6.0),), is_complete=True),
        Told("t", "all", 3, (), is_complete=True),
        Told("t", "all", 7, (Row("b", 2.0, EVER), Row("b", 3.0, 10.0)), is_complete=True),
    ]
    for order in permutations(range(3)):
        store = Warehouse(STATE, captures)
        for number in order:
            store.load(number)
        for valid in (0.0, 4.0, 8.0, 11.0):
            assert store.as_of(valid) == oracle.state(captures, valid), (order, valid)
            assert store.intervals(f"observed.{STATE.name}", valid) == oracle.state(captures, valid), (order, valid)
        assert store.as_of(4.0) == {}
        assert store.as_of(4.0, by=1) == {}
        assert store.as_of(8.0, by=1) == {("t", "all", "b"): 2.0}


@pytest.mark.parametrize(
    ("days_of_loading", "is_so"),
    [
        pytest.param((1, 2, 3), True, id="in order"),
        pytest.param((3, 1, 2), False, id="late, so that what was known is said again"),
    ],
)
def test_whether_every_word_is_a_change_is_told(days_of_loading: tuple[int, ...], is_so: bool) -> None:
    captures = [
        Told("t", "all", day, (Row("a", float(day)), Row("b", 7.0)), is_complete=True) for day in days_of_loading
    ]
    store = Warehouse(STATE, captures)
    for number in range(len(captures)):
        store.load(number)
    assert store.con.execute(are_changes(STATE, STATE.log_name)).fetchall() == [(is_so,)]
    if is_so:
        store.con.execute(f"INSERT INTO {STATE.log_name} BY NAME SELECT * REPLACE ('d' AS capture_id) FROM {STATE.log_name} WHERE k = 'b'")  # fmt: skip
        assert store.con.execute(are_changes(STATE, STATE.log_name)).fetchall() == [(False,)]


# Through the sources and the macros that people use --------------------------------------------------------------------


def take(home: Home, source_id: str, body: str, at: str, name: str) -> dt.datetime:
    """Take and record a document as seen on that day; the instant from which the warehouse knows it."""
    file = home.spool_dir / f"{at}-{name}"
    file.write_text(body)
    moment = dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC)
    taken = intake.take(home, source_named(source_id), [Document(file, f"file:{name}", moment, file.suffix[1:])])
    assert taken.outcome == "loaded", taken.message
    recording.record_subject(home, source_named(source_id).subject)
    with write_session(home, catalog()) as con:
        micros = con.execute("SELECT epoch_us(max(recorded_at)) FROM meta.capture").fetchall()[0][0]
    return dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=micros)


def model_prices(*entries: tuple[str | None, dict[str, float]]) -> str:
    """genai-prices with one model: (from which day, prices) entries."""
    prices = [{"prices": p} | ({"constraint": {"start_date": start}} if start else {}) for start, p in entries]
    return json.dumps([{"id": "v", "models": [{"id": "m", "match": {"equals": "m"}, "prices": prices}]}])


def test_an_announced_rise_called_off_is_charged_at_no_time(home: Home) -> None:
    """Announced in March for June, called off in May: after June the old price; who asked in April was told of the rise."""
    announced = take(
        home,
        "genai_prices",
        model_prices((None, {"input_mtok": 1.0}), ("2026-06-01", {"input_mtok": 2.0})),
        "2026-03-01",
        "data.json",
    )
    take(home, "genai_prices", model_prices((None, {"input_mtok": 1.0})), "2026-05-01", "data.json")

    def price(valid_at: str, known_at: dt.datetime | None = None, by: str = "9999-01-01") -> list[float]:
        known = known_at or dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
        with write_session(home, catalog()) as con:
            return [
                r[0]
                for r in con.execute(
                    "SELECT price_usd_per_mtok FROM token_price_as_of(?::TIMESTAMPTZ, known_at := ?, observed_by := ?::TIMESTAMPTZ) WHERE model = 'm'",
                    [valid_at, known, by],
                ).fetchall()
            ]

    assert price("2026-07-01") == [1.0]
    assert price("2026-07-01", known_at=announced) == [2.0]
    assert price("2026-07-01", by="2026-04-01") == [2.0]
    assert price("2026-04-01") == [1.0]


def test_what_had_always_been_offered_can_end(home: Home) -> None:
    """A price without a first day, dropped on a day: nobody offers it after. The log once forgot the end of such a one."""
    take(
        home,
        "genai_prices",
        model_prices((None, {"input_mtok": 1.0, "cache_read_mtok": 0.5}), ("2026-06-01", {"input_mtok": 2.0})),
        "2026-05-01",
        "data.json",
    )
    with write_session(home, catalog()) as con:
        offered = "SELECT direction FROM token_price_as_of(?::TIMESTAMPTZ) ORDER BY 1"
        assert con.execute(offered, ["2026-05-15"]).fetchall() == [("cached_read",), ("input",)]
        assert con.execute(offered, ["2026-06-15"]).fetchall() == [("input",)]
        ended = "SELECT strftime(valid_to, '%Y-%m-%d') FROM observed.token_price WHERE direction = 'cached_read'"
        assert con.execute(ended).fetchall() == [("2026-06-01",)]


def test_a_restated_year_is_answered_as_it_was_known(home: Home) -> None:
    """A year's figure of the yearly list was revised a year later: both are asked for by name of the day."""
    head = "Entity,Code,Year,Carbon intensity of electricity - gCO2/KWh\n"
    first = take(home, "owid", head + "Germany,DEU,2024,380.5\n", "2025-03-01", "carbon.csv")
    take(home, "owid", head + "Germany,DEU,2024,344.1\n", "2026-03-01", "carbon.csv")
    with write_session(home, catalog()) as con:
        asked = "SELECT intensity_gco2e_per_kwh FROM grid_carbon_as_of('2024-07-01'::TIMESTAMPTZ, known_at := ?) WHERE source_id = 'owid'"
        assert con.execute(asked, [dt.datetime(9999, 1, 1, tzinfo=dt.UTC)]).fetchall() == [(344.1,)]
        assert con.execute(asked, [first]).fetchall() == [(380.5,)]
