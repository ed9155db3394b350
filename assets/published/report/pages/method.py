"""The page *method*: formulas, defaults, bounds, sources with their licences, versions."""

from __future__ import annotations

import importlib.metadata
import platform

from assets.published.report.data import Facts, Row
from assets.published.report.pages.common import states


def method(facts: Facts) -> Row:
    """Formulas, defaults, bounds, sources with their licences, versions."""
    from assets.estimated.scenario_files.training import NUMBERS

    return {
        "formulas": facts.rows("formula"),
        "defaults": facts.answer("FROM reference.method_default ORDER BY method_version DESC, factor"),
        "bounds": [
            {"name": name, **{k: getattr(b, k) for k in ("unit", "smallest", "largest", "hint")}}
            for name, b in NUMBERS.items()
        ],
        "sources": states(facts),
        "reference": facts.answer(
            "SELECT table_name, row_count, loaded_at::DATE AS loaded_on, sha256 FROM meta.reference_file ORDER BY 1"
        ),
        "versions": [
            ("Petaday", importlib.metadata.version("petaday")),
            ("DuckDB", facts.answer("SELECT version() AS v")[0]["v"]),
            ("Python", platform.python_version()),
            ("schema", facts.answer("SELECT max(version) AS v FROM meta.schema_version")[0]["v"]),
            (
                "method",
                ", ".join(
                    r["v"]
                    for r in facts.answer(
                        "SELECT DISTINCT method_version AS v FROM estimated.training_estimate ORDER BY 1"
                    )
                ),
            ),
        ],
    }
