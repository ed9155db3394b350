"""What a macro takes for granted must hold whenever it is asked, not when it was made."""

from __future__ import annotations

import re

import duckdb
import pytest

from assets.catalog import catalog
from warehouse.macros import defaults_of, is_macro, name_of

MACROS = {str(name_of(s)): defaults_of(s) for s in catalog().scripts if is_macro(s)}
#: NULL, a number, a truth, a text or an instant in so many words, or a list of these.
PLAIN = re.compile(
    r"(NULL|true|false|-?[\d.]+(e-?\d+)?|(TIMESTAMPTZ|DATE)?\s*'[^']*'|\[[^()]*\])(::\w+(\[\])?)?\Z", re.IGNORECASE
)


@pytest.mark.parametrize("name", sorted(name for name, defaults in MACROS.items() if defaults))
def test_no_default_is_worked_out_when_the_macro_is_made(name: str) -> None:
    """DuckDB keeps the value of a default, not its expression: `valid_at := now()` answered for the day on which the warehouse was made."""
    assert {p: d for p, d in MACROS[name].items() if not PLAIN.match(d)} == {}


def test_there_are_macros_that_answer_for_now() -> None:
    now = {name for name, defaults in MACROS.items() if "TIMESTAMPTZ '-infinity'" in defaults.values()}
    assert {
        "gpu_hour_price",
        "cheapest",
        "token_price_of",
        "region_carbon",
        "green_window",
        "siting",
        "petaday_cost",
    } <= now


def test_an_instant_that_is_not_given_is_now_and_an_unknown_one_is_not() -> None:
    con = duckdb.connect()
    (script,) = [s for s in catalog().scripts if is_macro(s) and name_of(s) == "asked_instant"]
    con.execute(script).fetchall()
    asked = "asked_instant(TIMESTAMPTZ '-infinity') = now(), asked_instant(NULL), asked_instant(DATE '2026-01-02') = TIMESTAMPTZ '2026-01-02 00:00:00'"
    for _ in range(2):
        assert con.execute(f"SELECT {asked}").fetchall() == [(True, None, True)]
