"""The warehouse of the main job, open for all tests that only ask it."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from assets.catalog import catalog
from tests.conftest import MainJob
from warehouse.connection import write_session


@pytest.fixture(scope="session")
def _bundled_session(
    main_job: MainJob, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    with write_session(main_job.copied_to(tmp_path_factory.mktemp("bundled") / "home"), catalog()) as con:
        yield con


@pytest.fixture
def bundled(_bundled_session: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session on a copy of it. Its temporary tables go with the test that made them: which tests share a session, and
    in what order, is up to the processes they are spread over. Whatever else a test changes it takes back itself.
    """  # fmt: skip
    before, settings = _temporary_tables(_bundled_session), _settings(_bundled_session)
    yield _bundled_session
    for name in _temporary_tables(_bundled_session) - before:
        _bundled_session.execute(f'DROP TABLE temp."{name}"')
    assert _settings(_bundled_session) == settings, "a setting of the shared session: the test sets it back"


def _settings(con: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    asked = "SELECT name, value FROM duckdb_settings() UNION ALL SELECT name, value::VARCHAR FROM duckdb_variables()"
    return set(con.execute(asked).fetchall())


def _temporary_tables(con: duckdb.DuckDBPyConnection) -> set[str]:
    return {name for (name,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()}
