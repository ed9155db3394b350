"""A value beside a reference: ratio, change and difference with their bands."""

from __future__ import annotations

from assets.estimated.method import Method, Quantity
from assets.estimated.scenario_files.fields import Bounds

#: A variance is a square: what is beyond this has none.
_ANY = Bounds("one unit for both", 1e-140, 1e140)
METHODS = (
    Method(
        "compare",
        "compare-1",
        {"value": _ANY, "reference_value": _ANY, "count_ratio": Bounds("1", 1e-9, 1e9)},
        {
            "ratio": Quantity("1", "in_value / in_reference_value", "give value and reference_value"),
            "change_share": Quantity("share", "in_value / in_reference_value - 1", "give value and reference_value"),
            "difference": Quantity("unit of both", "in_value - in_reference_value", "give value and reference_value"),
            "scaling_efficiency": Quantity(
                "share",
                "ratio / in_count_ratio",
                "give count_ratio: how many times more devices the value was had with",
            ),
        },
    ),
)
