from __future__ import annotations

import pytest

from assets.published import dictionary


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


def test_cells_stay_cells() -> None:
    assert dictionary._cell("a|b\nc<d") == "a\\|b c&lt;d"
