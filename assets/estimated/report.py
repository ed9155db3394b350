"""Estimates for a person at the command line: a scenario file in, results and their factors out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assets.estimated.scenario import read_scenario
from assets.estimated.training import estimate_training
from warehouse.connection import read_published
from warehouse.home import Home


def estimate_file(home: Home, path: Path) -> dict[str, Any]:
    """Estimate the scenario in a TOML file on the published data.

    Raises:
        ScenarioError: one line per input that is wrong, unknown or contradicted.
        NotPublishedError: if nothing is published yet.
    """
    scenario = read_scenario(path)
    with read_published(home) as con:
        return estimate_training(con, scenario).as_json()
