"""The asset of a source as the Dagster UI starts it: what a person types into its configuration."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from assets.dagster_support import HomeResource
from assets.sources import source_named
from assets.sources_assets import build_source_asset
from tests.warehouse.taking import offers
from warehouse import staging
from warehouse.home import Home


def materialize(file: Path, fetched_at: str) -> dg.ExecuteInProcessResult:
    """Load a file as a catalog of SkyPilot with the configuration as it is typed."""
    return dg.materialize(
        [build_source_asset(source_named("skypilot"))],
        resources={"home": HomeResource()},
        partition_key="2026-01-01",
        run_config={
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            "ops": {"sources__skypilot": {"config": {"files": [str(file)], "fetched_at": fetched_at}}},
        },
        raise_on_error=False,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A catalog of one cloud."""
    path = tmp_path / "lambda_vms.csv"
    path.write_text(offers({"a": 2.0}))
    return path


@pytest.mark.parametrize("typed", ["2026-01-02T12:00:00", "2026-01-02T12:00:00Z", "2026-01-02T13:00:00+01:00"])
def test_an_instant_without_an_offset_is_utc(home: Home, file: Path, typed: str) -> None:
    assert materialize(file, typed).success
    ((_, batch),) = staging.staged(home)
    assert [c.fetched_at for c in batch.captures] == ["2026-01-02T12:00:00+00:00"]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("yesterday", "fetched_at is 'yesterday': an ISO 8601 instant such as 2026-04-02T12:00:00Z is allowed"),
        ("2999-01-01T00:00:00", "lies in the future"),
    ],
)
def test_a_wrong_instant_is_told_in_one_line(home: Home, file: Path, typed: str, message: str) -> None:
    (failed,) = [e for e in materialize(file, typed).all_events if e.is_step_failure]
    data = failed.step_failure_data
    assert data.user_failure_data is not None, "not retried, and shown without a trace"
    assert message in str(data.user_failure_data.description)
    assert list(staging.staged(home)) == []
