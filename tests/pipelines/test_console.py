"""What the command line writes."""

from __future__ import annotations

import pytest

from pipelines.console import figure


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1_012_358.68, 6, "1,012,359"),
        (83_900.94, 6, "83,900.9"),
        (100_000, 6, "100,000"),
        (-2_541_412.5, 6, "-2,541,412"),
        (3.1428e23, 6, "3.1428e+23"),
        (47_350.2, 4, "47,350"),
        (0.04797, 4, "0.04797"),
        (0, 6, "0"),
    ],
)
def test_figures(value: float, digits: int, text: str) -> None:
    assert figure(value, digits) == text
