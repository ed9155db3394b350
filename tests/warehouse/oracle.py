"""The two clocks as DESIGN.md tells them, in plain Python and as naively as possible: nothing here knows of the log or of SQL.

A capture is what one publisher said of one scope at one moment. Its rows for a key make a timeline that it speaks for from its
first date on: what earlier captures had said of that time no longer counts, be it a past price or an announcement; of the time
before, they still speak. A complete capture that does not name a key ends it at its moment, unless it had a row that may have been
of that key and was refused: then it says nothing of it. What the warehouse knows at an
instant is what it had loaded by then; what a publisher had said by an instant is what it said in captures up to then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

#: Before all dates: the value that held before the first date that is known.
EVER = float("-inf")


@dataclass(frozen=True)
class Row:
    """A key has a value (None: is no longer offered) from a day on (None: from the moment of the capture)."""

    key: str
    value: float | None
    start: float | None = None


@dataclass(frozen=True)
class Told:
    """One capture: whose, of what, at which day, and whether what it does not name is gone.

    `refused` names the keys of rows that were refused; None is a row that tells no key, and may be of any.
    """

    source: str
    scope: str
    at: float
    rows: tuple[Row, ...]
    is_complete: bool = False
    refused: frozenset[str | None] = frozenset()

    def is_silent_on(self, key: str) -> bool:
        """Whether a row that was refused may have been of a key that is not named."""
        return key not in {r.key for r in self.rows} and bool(self.refused & {key, None})


@dataclass
class _Line:
    """What holds for one key: a value before all dates, and values from their dates on."""

    before: float | None = None
    dated: list[tuple[float, float | None]] = field(default_factory=list)

    def at(self, valid: float) -> float | None:
        said = [value for start, value in self.dated if start <= valid]
        return said[-1] if said else self.before

    def tell(self, rows: Iterable[Row], now: float) -> None:
        starts = sorted((now if r.start is None else r.start, r.value) for r in rows if r.start != EVER)
        for row in rows:
            if row.start == EVER:
                self.before = row.value
        if starts:
            self.dated = [d for d in self.dated if d[0] < starts[0][0]] + starts


Answer = dict[tuple[str, str, str], float]


def _lines(captures: Iterable[Told]) -> dict[tuple[str, str, str], _Line]:
    lines: dict[tuple[str, str, str], _Line] = {}
    for told in captures:
        named = {r.key for r in told.rows}
        for key in named:
            lines.setdefault((told.source, told.scope, key), _Line()).tell(
                [r for r in told.rows if r.key == key], told.at
            )
        if told.is_complete:
            for place, line in lines.items():
                if place[:2] == (told.source, told.scope) and place[2] not in named and not told.is_silent_on(place[2]):
                    line.tell([Row(place[2], None)], told.at)
    return lines


def state(captures: Sequence[Told], valid: float, observed_by: float = float("inf")) -> Answer:
    """What held at `valid` by the word of these captures (those that were loaded), said up to `observed_by`.

    `captures` may stand in any order; of two of one moment the later in the list counts.
    """
    said = sorted((c for c in captures if c.at <= observed_by), key=lambda c: c.at)
    answers = {place: line.at(valid) for place, line in _lines(said).items()}
    return {place: value for place, value in answers.items() if value is not None}


def unconfirmed(captures: Sequence[Told]) -> dict[tuple[str, str, str], float]:
    """Of what is offered after all captures (without dates, one of a scope at a moment): since when its rows were refused."""
    since: dict[tuple[str, str, str], float] = {}
    said = sorted(captures, key=lambda c: c.at)
    for number, told in enumerate(said):
        offered = state(said[: number + 1], told.at)
        for place in [p for p in offered.keys() | since.keys() if p[:2] == (told.source, told.scope)]:
            if place not in offered or any(r.key == place[2] for r in told.rows):
                since.pop(place, None)
            elif told.is_complete and told.is_silent_on(place[2]):
                since.setdefault(place, told.at)
    return since


def slots(captures: Sequence[Told], slot: float, observed_by: float = float("inf")) -> Answer:
    """The last word on one slot of a series."""
    said = sorted((c for c in captures if c.at <= observed_by), key=lambda c: c.at)
    return {
        (c.source, c.scope, r.key): r.value for c in said for r in c.rows if r.start == slot and r.value is not None
    }
