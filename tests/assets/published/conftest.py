"""One published warehouse of the bundled data for all tests of what leaves the house."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.home import HOME_VARIABLE, Home

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def bundled_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home after the main job."""
    root = tmp_path_factory.mktemp("published") / "home"
    ran = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "run"],
        cwd=ROOT,
        env={**os.environ, HOME_VARIABLE: str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return Home(root)
