"""One published warehouse of the bundled data for all tests of what leaves the house."""

from __future__ import annotations

import pytest

from tests.conftest import MainJob
from warehouse.home import Home


@pytest.fixture(scope="session")
def bundled_home(main_job: MainJob, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home after the main job, where reports are built."""
    return main_job.copied_to(tmp_path_factory.mktemp("published") / "home")
