"""Parts that add up to a whole, and the share of each: named numbers of one unit."""

from __future__ import annotations

from collections.abc import Mapping

from assets.estimated.method import Method, Quantity, Statement


def _quantities(statement: Statement) -> Mapping[str, Quantity]:
    parts = [name for name in statement.numbers if name.startswith("part_")]
    whole = " + ".join(f'"in_{name}"' for name in parts)
    total = {"total": Quantity("unit of the parts", whole, "give parts")}
    return total | {
        f"{name.removeprefix('part_')}_share": Quantity("share", f'"in_{name}" / total', "give parts above 0")
        for name in parts
    }


METHODS = (Method("total", "total-1", {}, {}, table="parts", expand=_quantities),)
