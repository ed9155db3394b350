from __future__ import annotations

import re
from pathlib import Path

import pytest

from assets.catalog import catalog
from assets.published import dictionary

_MACRO = re.compile(r"\A(?:\s*--.*\n)*\s*CREATE OR REPLACE MACRO (\w+)\((.*)\Z", re.DOTALL)
_COMMENT = re.compile(r"\A\s*COMMENT ON MACRO (?:TABLE )?(\w+) IS\s+(.*)\Z", re.DOTALL)
#: Between two parts of a text that is written over several lines.
_SEAM = re.compile(r"'\s*\n\s*'")


def _arguments(text: str) -> str:
    """What stands before the bracket that closes."""
    depth = 1
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return text[:at]
    return text


def test_examples_in_comments_name_parameters_that_there_are() -> None:
    named = {m[1]: _arguments(m[2]) for s in catalog().scripts if (m := _MACRO.match(s))}
    comments = {m[1]: _SEAM.sub("", m[2]) for s in catalog().scripts if (m := _COMMENT.match(s))}
    assert len(named) > 150
    seen = 0
    for macro, comment in comments.items():
        for example in re.finditer(rf"\b{macro}\(", comment):
            for used in re.findall(r"(\w+) :=", _arguments(comment[example.end() :])):
                seen += 1
                assert re.search(rf"\b{used}\b", named[macro]), f"{macro} has no parameter {used}: {comment}"
    assert seen > 20


def test_pages_are_current() -> None:
    for path, text in dictionary.pages().items():
        assert path.read_text(encoding="utf-8") == text, (
            f"{path.name} is not current: run python -m assets.published.dictionary"
        )


@pytest.mark.parametrize(
    ("comment", "meaning", "unit"),
    [
        ("Price. Unit: USD/h.", "Price.", "USD/h"),
        ("A key.", "A key.", ""),
        (None, "", ""),
        ("See Unit: x. More.", "See Unit: x. More.", ""),
    ],
)
def test_a_comment_is_meaning_and_unit(comment: str | None, meaning: str, unit: str) -> None:
    assert dictionary._split(comment) == (meaning, unit)


def test_a_view_says_of_its_columns_what_the_table_says_that_it_shows(tmp_path: Path) -> None:
    """By name alone, an offer had "Accelerators released" and the "Cheapest instance type there", of other tables."""
    con = dictionary.empty_warehouse(tmp_path)
    said = {d.full_name: {c.name: (c.meaning, c.unit) for c in d.columns} for d in dictionary.describe(con)}
    con.close()
    for view, origin in catalog().view_origins.items():
        shared = said[view].keys() & said[origin].keys()
        assert shared
        assert {c: said[view][c] for c in shared} == {c: said[origin][c] for c in shared}
    assert said["observed.cloud_offer"]["memory_gib"] == ("Memory of the host.", "GiB")
    assert said["observed.usd_rate"]["currency_code"][0] == "ISO 4217 code of the currency."


def test_cells_stay_cells() -> None:
    assert dictionary._cell("a|b\nc<d") == "a\\|b c&lt;d"
