"""The log on two clocks, against a model that knows nothing of logs: any order, any repeats, late captures, announcements."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass

import dataframely as dy
import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from warehouse import log, schema
from warehouse.instants import UNKNOWN_START
from warehouse.log.views import view_scripts
from warehouse.tables import Subject

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LOADED = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
KEYS = ("a", "b", "c")


class Columns(dy.Schema):
    """A key and a value."""

    k = dy.String(primary_key=True, nullable=False, description="key")
    v = dy.Float64(nullable=True, description="value")


STATE = Subject("price", "state", "prices.", Columns)
SERIES = Subject("grid", "series", "slots.", Columns)


def day(number: float) -> dt.datetime:
    """The day of that number."""
    return START + dt.timedelta(days=number)


@dataclass(frozen=True)
class Said:
    """One capture: when, and rows of (key, value, day from which or None or "ever")."""

    at: int
    rows: tuple[tuple[str, float, float | str | None], ...]


def frame(said: Said, capture_id: str) -> pl.DataFrame:
    """The rows of a capture as a parser gives them."""
    starts = {"ever": dt.datetime.fromisoformat(UNKNOWN_START), None: None}
    rows = [(k, v, starts[d] if d in starts else day(d), capture_id) for k, v, d in said.rows]  # type: ignore[arg-type,index]
    columns = {"k": pl.String, "v": pl.Float64, "valid_from": pl.Datetime("us", "UTC"), "capture_id": pl.String}
    return pl.DataFrame(rows, schema=columns, orient="row")


def fresh(catalog: schema.Catalog) -> duckdb.DuckDBPyConnection:
    """An empty warehouse with this catalog, in memory; tests/lake puts a lake in its place."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    schema.apply(con, catalog)
    return con


class Store:
    """A warehouse with one subject."""

    def __init__(self, subject: Subject, captures: list[Said], *, complete: bool) -> None:
        self.subject, self.captures, self.complete = subject, captures, complete
        condition = "valid_from <= valid_at AND valid_at < valid_from + INTERVAL 1 DAY"
        scripts = view_scripts(subject, slot_condition=condition)
        self.con = fresh(schema.Catalog(subjects=[subject], scripts=scripts))
        self.loaded: list[int] = []

    def load(self, number: int) -> dt.datetime:
        """Record one capture as the loader does: once, however often it comes."""
        moment = LOADED + dt.timedelta(seconds=len(self.loaded) + 1)
        if number not in self.loaded:
            capture_id = f"c{number:02d}"
            said = self.captures[number]
            snapshot = log.Snapshot("s", "all", capture_id, day(said.at), self.complete, frame(said, capture_id))
            log.record(
                self.con, self.subject, snapshot, moment, lambda b, _: (frame(self.captures[int(b[1:])], b), None)
            )
            self.loaded.append(number)
        return moment

    def view(self) -> pl.DataFrame:
        """Today's knowledge."""
        return self.con.sql(f"SELECT * FROM observed.{self.subject.name} ORDER BY ALL").pl()

    def as_of(
        self, valid: dt.datetime, known: dt.datetime | None = None, observed: dt.datetime | None = None
    ) -> dict[str, float]:
        """Key -> value on all clocks."""
        known_at = f", known_at := TIMESTAMPTZ '{known.isoformat()}'" if known else ""
        observed_by = f", observed_by := TIMESTAMPTZ '{observed.isoformat()}'" if observed else ""
        return dict(
            self.con.sql(
                f"SELECT k, v FROM {self.subject.name}_as_of(TIMESTAMPTZ '{valid.isoformat()}'{known_at}{observed_by})"
            ).fetchall()
        )


values = st.sampled_from([1.0, 2.0])
undated_rows = st.dictionaries(st.sampled_from(KEYS), values, min_size=0, max_size=3).map(
    lambda d: tuple((k, v, None) for k, v in d.items())
)
undated = st.lists(st.builds(Said, st.integers(0, 8), undated_rows), min_size=1, max_size=6, unique_by=lambda s: s.at)


@st.composite
def timelines(draw: st.DrawFn) -> list[Said]:
    """Captures that state dated prices: past changes, announcements, and what held before the first date."""
    captures = []
    for at in draw(st.lists(st.integers(0, 8), min_size=1, max_size=5, unique=True)):
        rows: list[tuple[str, float, float | str | None]] = []
        for key in draw(st.sets(st.sampled_from(KEYS), min_size=1)):
            dates = sorted(draw(st.sets(st.integers(-3, 14), max_size=2)))
            base = draw(st.sampled_from(["none", "now", "ever"]))
            if base == "now" or not dates:
                dates = [d for d in dates if d > at]
                rows.append((key, draw(values), None))
            elif base == "ever":
                rows.append((key, draw(values), "ever"))
            rows += [(key, draw(values), d) for d in dates]
        captures.append(Said(at, tuple(rows)))
    return captures


@st.composite
def slots(draw: st.DrawFn) -> list[Said]:
    """Captures of a series: slots 0 to 3 of each key, revised at will."""
    row = st.tuples(st.sampled_from(KEYS), values, st.integers(0, 3))
    one = st.lists(row, min_size=1, max_size=8, unique_by=lambda r: (r[0], r[2])).map(tuple)
    return draw(st.lists(st.builds(Said, st.integers(0, 8), one), min_size=1, max_size=6))


def orders(draw: st.DataObject, count: int) -> list[int]:
    """Any order, with repeats."""
    order = draw.draw(st.permutations(range(count)))
    return [*order, *draw.draw(st.lists(st.integers(0, count - 1), max_size=3))]


#: PETADAY_NIGHTLY=1 searches far longer than the normal test does.
NIGHTLY = os.environ.get("PETADAY_NIGHTLY") == "1"
EXAMPLES = int(os.environ.get("PETADAY_EXAMPLES", "300" if NIGHTLY else "12"))
slow = settings(
    max_examples=EXAMPLES,
    deadline=None,
    # Each night looks elsewhere; a failure prints its example, which then becomes a test of its own.
    derandomize=not NIGHTLY,
    suppress_health_check=list(HealthCheck),
    # A failure is told at once; PETADAY_SHRINK=1 looks for the smallest, which takes minutes.
    phases=[Phase.generate, *([Phase.shrink] if os.environ.get("PETADAY_SHRINK") == "1" else [])],
)


@slow
@given(captures=undated, complete=st.booleans(), data=st.data())
def test_states_answer_like_the_list_of_snapshots(captures: list[Said], complete: bool, data: st.DataObject) -> None:
    """For every valid, known and observed time the log says what the snapshots said, whatever the order of loading."""
    store = Store(STATE, captures, complete=complete)
    moments = {}
    for number in orders(data, len(captures)):
        moment = store.load(number)
        moments.setdefault(number, moment)
    for known in [*moments.values(), LOADED + dt.timedelta(days=1)]:
        there = [n for n, m in moments.items() if m <= known]
        for at in (0, 3, 5, 8):
            for by in (4, 9):
                said = sorted((captures[n] for n in there if captures[n].at <= min(at, by)), key=lambda s: s.at)
                expected: dict[str, float] = {}
                for capture in said:
                    expected = ({} if complete else expected) | {k: v for k, v, _ in capture.rows}
                assert store.as_of(day(at), known, day(by)) == expected


@slow
@given(captures=slots(), data=st.data())
def test_series_answer_with_the_last_word_on_each_slot(captures: list[Said], data: st.DataObject) -> None:
    store = Store(SERIES, captures, complete=False)
    moments = {}
    for number in orders(data, len(captures)):
        moment = store.load(number)
        moments.setdefault(number, moment)
    for known in moments.values():
        there = sorted((captures[n].at, n) for n, m in moments.items() if m <= known)
        for slot in range(4):
            for by in (3, 9):
                expected = {k: v for at, n in there if at <= by for k, v, s in captures[n].rows if s == slot}
                assert store.as_of(day(slot + 0.5), known, day(by)) == expected


@slow
@given(captures=st.one_of(timelines(), undated), complete=st.booleans(), data=st.data())
def test_any_order_with_repeats_ends_in_the_same_view(
    captures: list[Said], complete: bool, data: st.DataObject
) -> None:
    """The current view is a function of the set of captures; dated changes, announcements and tombstones included."""
    in_order = Store(STATE, captures, complete=complete)
    for number in sorted(range(len(captures)), key=lambda n: captures[n].at):
        in_order.load(number)
    shuffled = Store(STATE, captures, complete=complete)
    for number in orders(data, len(captures)):
        shuffled.load(number)
    assert shuffled.view().equals(in_order.view())


@slow
@given(captures=slots(), data=st.data())
def test_any_order_of_a_series_ends_in_the_same_view(captures: list[Said], data: st.DataObject) -> None:
    in_order = Store(SERIES, captures, complete=False)
    for number in sorted(range(len(captures)), key=lambda n: (captures[n].at, n)):
        in_order.load(number)
    shuffled = Store(SERIES, captures, complete=False)
    for number in orders(data, len(captures)):
        shuffled.load(number)
    assert shuffled.view().equals(in_order.view())


@slow
@given(captures=timelines(), complete=st.booleans(), data=st.data())
def test_what_was_answered_for_a_past_known_time_never_changes(
    captures: list[Said], complete: bool, data: st.DataObject
) -> None:
    store = Store(STATE, captures, complete=complete)
    answered = []
    for number in data.draw(st.permutations(range(len(captures)))):
        moment = store.load(number)
        answered += [(moment, at, store.as_of(day(at), moment)) for at in (-4, 0, 5, 9, 20)]
    for moment, at, answer in answered:
        assert store.as_of(day(at), moment) == answer


def test_a_rise_that_was_called_off_is_not_applied() -> None:
    """Announced on day 1 for day 10, withdrawn on day 5: on day 11 the old price holds, and day 2 still knew of the rise."""
    store = Store(STATE, [Said(1, (("a", 1.0, None), ("a", 2.0, 10))), Said(5, (("a", 1.0, None),))], complete=True)
    announced = store.load(0)
    assert store.as_of(day(11)) == {"a": 2.0}
    store.load(1)
    assert store.as_of(day(11)) == {"a": 1.0}
    assert store.as_of(day(11), known=announced) == {"a": 2.0}
    assert store.as_of(day(11), observed=day(2)) == {"a": 2.0}
    assert store.view().select("v", "valid_to").rows() == [(1.0, None)]


def test_a_withdrawn_offer_keeps_its_past() -> None:
    store = Store(STATE, [Said(1, (("a", 1.0, None), ("b", 1.0, None))), Said(5, (("a", 1.0, None),))], complete=True)
    store.load(0)
    store.load(1)
    assert store.as_of(day(6)) == {"a": 1.0}
    assert store.as_of(day(4)) == {"a": 1.0, "b": 1.0}


def test_a_restated_year_keeps_both_figures() -> None:
    store = Store(SERIES, [Said(1, (("GB", 200.0, 0),)), Said(300, (("GB", 190.0, 0),))], complete=False)
    first = store.load(0)
    store.load(1)
    assert store.as_of(day(0.5)) == {"GB": 190.0}
    assert store.as_of(day(0.5), known=first) == {"GB": 200.0}
    assert store.as_of(day(0.5), observed=day(2)) == {"GB": 200.0}


def test_yesterdays_file_loaded_again_changes_nothing() -> None:
    store = Store(STATE, [Said(1, (("a", 1.0, None),)), Said(2, (("a", 2.0, None),))], complete=True)
    store.load(0)
    store.load(1)
    before = store.con.sql("SELECT count(*) FROM observed.price_log").fetchall()
    store.load(0)
    assert store.con.sql("SELECT count(*) FROM observed.price_log").fetchall() == before


def test_only_changes_are_stored() -> None:
    store = Store(
        STATE, [Said(n, tuple((k, 1.0 if n < 5 else 2.0, None) for k in KEYS)) for n in range(10)], complete=True
    )
    for n in range(10):
        store.load(n)
    assert store.con.sql("SELECT count(*) FROM observed.price_log").fetchall() == [(6,)]


@pytest.mark.parametrize("version", [99])
def test_a_newer_schema_is_refused(version: int) -> None:
    store = Store(STATE, [Said(1, (("a", 1.0, None),))], complete=True)
    store.con.execute("INSERT INTO meta.schema_version VALUES (?, now())", [version])
    from warehouse.errors import SchemaTooNewError

    with pytest.raises(SchemaTooNewError, match="99"):
        schema.apply(store.con, schema.Catalog())
