"""The warehouse of the main job, open for all tests that only ask it."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from assets.catalog import catalog
from tests.conftest import MainJob
from warehouse.connection import write_session


@pytest.fixture(scope="session")
def bundled(main_job: MainJob, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session on a copy of it: what a test writes it takes back."""
    with write_session(main_job.copied_to(tmp_path_factory.mktemp("bundled") / "home"), catalog()) as con:
        yield con
