"""A warehouse with the data that ships with Petaday, estimated: built once for all tests that only ask it."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from assets import intake, recording
from assets.catalog import catalog
from assets.estimated import assets as estimated
from assets.estimated.decisions import assets as decision_assets
from assets.estimated.indices.assets import INDICES, compute
from assets.sources import all_sources
from warehouse.connection import write_session
from warehouse.home import Home


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """An open session on it."""
    home = Home(tmp_path_factory.mktemp("bundled")).create()
    recording.refresh_reference(home)
    for source in all_sources().values():
        if source.is_bundled:
            intake.take_bundled(home, source)
    for subject in recording.subjects_with_sources():
        recording.record_subject(home, subject)
    with write_session(home, catalog()) as con:
        estimated.compute(con)
        for index in INDICES:
            compute(con, index)
        decision_assets.compute(con)
        yield con
