"""What the command line writes."""

from __future__ import annotations

import pytest

from pipelines.console import figure
from pipelines.estimate_command import _is_rounding


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


@pytest.mark.parametrize(
    ("moved", "total_from", "total_to", "is_rounding"),
    [
        (1.763e-10, 1_152_568.0, 518_656.0, True),
        (-633_912.0, 1_152_568.0, 518_656.0, False),
        (2e-6, 3e-5, 5e-5, False),
        (0.0, 0.0, 0.0, False),
        (None, None, 1.0, False),
        (1e-12, None, None, False),
    ],
)
def test_what_rounding_leaves_is_no_move(
    moved: float | None, total_from: float | None, total_to: float | None, is_rounding: bool
) -> None:
    row = {"moved_by": moved, "total_from": total_from, "total_to": total_to}
    assert _is_rounding(row) == is_rounding
