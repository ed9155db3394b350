"""One field of a scenario file: its bounds, its band, and the line that says what is wrong with it."""

from __future__ import annotations

import datetime as dt
import difflib
import math
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.purchases import PURCHASE_OPTIONS
from warehouse.errors import PetadayError

_LONG_WORD = re.compile(r"\S{200,}")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of a number: unit, smallest and largest value, and a hint for the usual mistake of unit."""

    unit: str
    smallest: float
    largest: float
    hint: str = ""
    is_whole: bool = False

    @property
    def allowed(self) -> str:
        """The rule in words."""
        of = "" if self.unit == "1" else f" of {self.unit}"
        return f"a {'whole ' if self.is_whole else ''}number{of} from {self.smallest:g} to {self.largest:g}{self.hint and f' ({self.hint})'}"


def _one_line(problem: str) -> str:
    """A problem as one line: control characters escaped, very long words cut."""
    plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in problem)
    return _LONG_WORD.sub(lambda word: f"{word[0][:80]}… ({len(word[0])} characters)", plain)


class ScenarioError(PetadayError):
    """What a scenario states cannot be used; one line per field, each saying what was given and what is allowed."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep the lines in `problems`, each a line whatever a file had in its names; the message is all of them."""
        self.problems = [_one_line(problem) for problem in problems]
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Band:
    """A number with its band: p5, p50, p95; all three the same where it is exact."""

    low: float
    central: float
    high: float


def closest(given: str, known: Sequence[str]) -> str:
    """`; did you mean a or b?`, or nothing if no known name is near."""
    near = difflib.get_close_matches(given, known, n=3, cutoff=0.6)
    if not near:
        # "h1000" is not close to nvidia-h100-sxm-80gb, but to a part of it.
        parts: dict[str, list[str]] = {}
        for name in known:
            for part in name.split("-"):
                parts.setdefault(part, []).append(name)
        near = [name for part in difflib.get_close_matches(given, parts, n=1, cutoff=0.75) for name in parts[part][:3]]
    return f"; did you mean {' or '.join(near)}?" if near else ""


def shown(value: object) -> str:
    """A value as a message quotes it: at most 120 characters."""
    if isinstance(value, float):
        return f"{value:g}"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 120 else f"{text[:80]}… ({len(text)} characters)"


def _check_number(name: str, value: object, bounds: Bounds) -> str | None:
    """The problem with one number, or None."""
    allowed = f"allowed is {bounds.allowed}"
    if isinstance(value, str):
        return f"{name}: {value!r} is text; {allowed}, written bare: the unit is in the name of the field"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{name}: {shown(value)} is not a number; {allowed}"
    if isinstance(value, int) and abs(value) > 10**300:
        return f"{name}: a whole number of {len(str(value).lstrip('-'))} digits given; {allowed}"
    if not math.isfinite(value):
        return f"{name}: {value} is not a finite number; {allowed}"
    if value == 0 and bounds.smallest > 0:
        return f"{name}: 0 given; {allowed}; leave the field out if it is unknown"
    if not bounds.smallest <= value <= bounds.largest or (bounds.is_whole and value != int(value)):
        return f"{name}: {shown(value)} given; {allowed}"
    return None


def read_number(name: str, value: Any, problems: list[str], bounds: Bounds) -> Band | None:
    """A number or a band; what is wrong with it is added to `problems`."""
    if not isinstance(value, dict):
        problem = _check_number(name, value, bounds)
        if problem:
            problems.append(problem)
            return None
        return Band(float(value), float(value), float(value))
    sides = ("low", "central", "high")
    wrong = [key for key in value if key not in sides] or [side for side in sides if side not in value]
    if wrong:
        problems.append(
            f"{name}: a band has exactly low, central and high; got {', '.join(map(str, value)) or 'nothing'}"
        )
        return None
    found = [problem for side in sides if (problem := _check_number(f"{name}.{side}", value[side], bounds))]
    if found:
        problems.extend(found)
        return None
    band = Band(*(float(value[side]) for side in sides))
    if not band.low <= band.central <= band.high:
        problems.append(
            f"{name}: low {band.low:g}, central {band.central:g}, high {band.high:g} are not in ascending order"
        )
        return None
    return band


def read_text(name: str, value: object, problems: list[str]) -> str | None:
    """A name in quotes; what is wrong with it is added to `problems`."""
    if not isinstance(value, str) or not value.strip():
        problems.append(f"{name}: {shown(value)} given; allowed is a name in quotes")
        return None
    if name == "purchase" and value not in PURCHASE_OPTIONS:
        problems.append(
            f"purchase: {value!r} given; allowed are {', '.join(PURCHASE_OPTIONS)}{closest(value, PURCHASE_OPTIONS)}"
        )
        return None
    return value.strip()


def read_day(value: object, problems: list[str], name: str) -> dt.date | dt.datetime | None:
    """A date, or an instant with its zone (UTC unless said); what is wrong with it is added to `problems`."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            problems.append(f"{name}: {value!r} is not a date; allowed is a date (2025-06-05) or a time with its zone")
            return None
    if isinstance(value, dt.datetime):
        return value if value.tzinfo else value.replace(tzinfo=dt.UTC)
    if isinstance(value, dt.date):
        return value
    problems.append(f"{name}: {shown(value)} given; allowed is a date (2025-06-05) or a time with its zone")
    return None


def read_as_of(value: object, problems: list[str], name: str = "as_of") -> dt.datetime | None:
    """As `read_day`; of a date its first instant."""
    day = read_day(value, problems, name)
    if day is None or isinstance(day, dt.datetime):
        return day
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)


def read_toml(text: str, scenario_id: str) -> dict[str, Any]:
    """The tables of a scenario file.

    Raises:
        ScenarioError: if it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ScenarioError([f"{scenario_id}: not a scenario: values are nested too deeply to be read"]) from None
    except ValueError as error:  # TOMLDecodeError, and whole numbers of thousands of digits
        raise ScenarioError([f"{scenario_id}: not a TOML file: {error}"]) from None


def scenario_text(path: Path) -> str:
    """The text of a scenario file.

    Raises:
        ScenarioError: if the file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")  # editors on Windows write a byte order mark
    except FileNotFoundError:
        raise ScenarioError([f"{path}: no such file"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError([f"{path}: cannot be read as UTF-8 text: {error}"]) from None
