"""Amounts that a scenario states in another currency, converted to the currency of their key at the published rate of the day.

The key's currency is USD, or CNY where a decision counts in it ([east_west]). Only keys are looked at (`eur_per_gpu_hour`); what may
be stated is declared by the sections. A section with a currency field ([site]) is left as it is. Each conversion is listed in the result.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from assets.estimated.decisions.declarations import DECISIONS
from assets.estimated.scenario_files.fields import ScenarioError, read_day
from assets.estimated.scenario_files.key_names import OTHER_MONEY, canonical, scaled
from assets.estimated.scenario_files.sections import EXTRA_FIELDS, SECTIONS
from assets.estimated.scenario_files.training import INSTANTS, NUMBERS, SHORTHAND, TEXTS

_CODES = {"rmb": "CNY"}
_DOLLARS = re.compile(r"(?:^|_)(usd)(?:_|\Z)")
#: Keys that say of which day the rate is to be, the first that is stated.
_DAYS = ("as_of", "start_at", "valid_at", "to_at")


@dataclass(frozen=True, slots=True)
class Rate:
    """USD for one unit of a currency on a day, according to one source."""

    currency_code: str
    rate_on: dt.date
    usd_per_unit: float
    source_id: str
    capture_id: str


@dataclass(frozen=True, slots=True)
class Converted:
    """A key that was given in another currency, the key of its value, the rate, and that of its currency if not USD."""

    written: str
    key: str
    given: Any
    rate: Rate
    of_key: Rate | None = None

    @property
    def factor(self) -> float:
        """One unit of the currency that was given, in that of the key."""
        return self.rate.usd_per_unit / (self.of_key.usd_per_unit if self.of_key else 1)

    @property
    def rates(self) -> list[Rate]:
        """The published rates that it took: one, or two where neither currency is USD."""
        return [r for r in (self.rate, self.of_key) if r and r is not _USD]

    @property
    def told(self) -> str:
        """The conversion, in words."""
        amount = self.given if not isinstance(self.given, Mapping) else "a band"
        at = " and ".join(f"{r.usd_per_unit:.6g} USD per {r.currency_code}" for r in self.rates)
        last = self.rates[-1]
        return f"the scenario: {self.written} = {amount}, at {at} of {last.rate_on:%Y-%m-%d} (observed.usd_rate_day, {last.source_id})"


#: USD in USD.
_USD = Rate("USD", dt.date.min, 1.0, "", "")


def _numbers(section: str) -> Sequence[str]:
    """Canonical keys of the numbers of a section that knows money in one currency only."""
    if section in DECISIONS:
        return tuple(name for name, p in DECISIONS[section].parameters.items() if p.kind == "number")
    if section == "training":
        return (*NUMBERS, *SHORTHAND, *EXTRA_FIELDS)
    methods = SECTIONS.get(section, {}).values()
    return () if any("currency" in m.choices for m in methods) else tuple({k: None for m in methods for k in m.numbers})


def _is_day_of(section: str, key: str) -> bool:
    """True if a section itself asks for that day, beside the money in it."""
    if section in DECISIONS:
        return key in DECISIONS[section].parameters
    if section == "training":
        return key in INSTANTS
    return key == "as_of" and any(m.names for m in SECTIONS.get(section, {}).values())


def _meant(section: str, values: Mapping[str, Any]) -> dict[str, tuple[str, str, str, str]]:
    """Keys that state money in another currency -> the same in that of the section, its canonical key, both currencies."""
    known, found = _numbers(section), {}
    texts = (*TEXTS, *INSTANTS) if section == "training" else ()
    own = next((m[1] for key in known if (m := OTHER_MONEY.search(key))), "usd")
    for key in values:
        plain = re.sub(r"[\s-]+", "_", key.strip()).lower()
        money = OTHER_MONEY.search(plain) or (own != "usd" and _DOLLARS.search(plain))
        if known and money and money[1] != own:
            in_own = plain[: money.start(1)] + own + plain[money.end(1) :]
            ((meant, _),) = canonical({in_own: 1.0}, known, texts, [])[0].items()
            if meant in known:
                found[key] = in_own, meant, _CODES.get(money[1], money[1].upper()), own.upper()
    return found


def has_other_money(data: Mapping[str, Any]) -> bool:
    """True if a section of a scenario states money that would have to be converted."""
    return any(_meant(name, values) for name, values in data.items() if isinstance(values, dict))


def in_usd(
    data: Mapping[str, Any], rate_on: Callable[[str, dt.date], Rate | None], today: dt.date
) -> tuple[dict[str, Any], list[Converted]]:
    """A scenario with its money in the currency of its keys: at the rate of its as_of, start_at or valid_at, else of today.

    Args:
        data: a scenario as read from TOML.
        rate_on: the rate of a currency on a day, None where none is known.
        today: day of the question.

    Raises:
        ScenarioError: one line per amount for whose currency and day no rate is known.
    """
    found, converted, problems = dict(data), [], []
    for section, values in data.items():
        if not isinstance(values, dict) or not (meant := _meant(section, values)):
            continue
        stated = next((values[key] for key in _DAYS if key in values), today)
        # Of a section that has no day of its own, as_of says that of the rate and nothing else.
        own_day = next((key for key in _DAYS if _is_day_of(section, key)), None)
        day = read_day(stated, [] if own_day else problems, "as_of") or today
        on = day.astimezone(dt.UTC).date() if isinstance(day, dt.datetime) else day
        told: dict[str, Any] = {}
        for key, value in values.items():
            if key not in meant:
                if own_day or key != "as_of":
                    told[key] = value
                continue
            name, canonical_key, currency, own = meant[key]
            of_key = _USD if own == "USD" else rate_on(own, on)
            if name in values or name in told:
                problems.append(f"{key} and {name}: both state {canonical_key}; leave one out")
            elif (rate := _USD if currency == "USD" else rate_on(currency, on)) is None or of_key is None:
                problems.append(
                    f"{key}: no exchange rate of {own if rate else currency} is known for {on}; give {own_day or 'as_of'} on a day with one (FROM observed.usd_rate), or write {own.lower()} in the key"
                )
            else:
                made = Converted(key, canonical_key, value, rate, None if own == "USD" else of_key)
                told[name] = scaled(value, made.factor)
                converted.append(made)
        found[section] = told
    if problems:
        raise ScenarioError(problems)
    return found, converted


def published_rate(con: duckdb.DuckDBPyConnection) -> Callable[[str, dt.date], Rate | None]:
    """Rates of the warehouse: of the day, or carried forward over weekends (observed.usd_rate_day)."""

    def rate_on(currency: str, day: dt.date) -> Rate | None:
        row = con.execute(
            "SELECT currency_code, rate_on, usd_per_unit::DOUBLE, source_id, capture_id FROM observed.usd_rate_day WHERE currency_code = ? AND rate_on = ?",
            [currency, day],
        ).fetchone()
        return Rate(*row) if row else None

    return rate_on


def with_conversions(result: dict[str, Any], converted: Sequence[Converted]) -> dict[str, Any]:
    """The estimate with, for each converted amount, what was given and the rate."""
    by_key = {c.key: c for c in converted}
    factors = [
        f | {"origin_ref": by_key[f["factor"]].told, "capture_id": by_key[f["factor"]].rate.capture_id}
        if f["factor"] in by_key
        else f
        for f in result.get("factors", [])
    ]
    told = [
        {
            "given": c.written,
            "amount": c.given,
            "currency_code": c.rate.currency_code,
            "rate_on": str(c.rates[-1].rate_on),
            "usd_per_unit": c.rate.usd_per_unit,
            "source_id": c.rates[-1].source_id,
            "capture_id": c.rates[-1].capture_id,
            "factor": c.key,
            "told": c.told,
        }
        for c in converted
    ]
    return result | ({"factors": factors} if "factors" in result else {}) | {"converted": told}
