"""A store that goes away for a moment: each step of the main job that writes is done again from its beginning, and none twice."""

from __future__ import annotations

import dagster as dg
import duckdb
import pytest

from assets.catalog import catalog
from pipelines.definitions import defs
from tests.pipelines.test_definitions import QUIET
from warehouse.connection import write_session
from warehouse.errors import StoreInterruptedError
from warehouse.home import Home
from warehouse.store.file import FileStore

#: One of each kind of step that writes the warehouse; the decisions go the same way and take longest.
STEPS = [
    ("sources", "starter_cloud_rate"),
    ("sources", "starter_grid_carbon"),
    ("reference", "accelerator"),
    ("observed", "cloud_rate"),
    ("observed", "grid_carbon"),
    ("estimated", "grid_day"),
    ("estimated", "training_estimate"),
    ("estimated", "price_index"),
]


def counts() -> dict[str, int]:
    home = Home.from_environment()
    with write_session(home, catalog()) as con:
        tables = ("observed.cloud_rate_log", "observed.grid_carbon_log", "estimated.training_estimate")
        return {t: con.execute(f"SELECT count(*) FROM {t}").fetchall()[0][0] for t in (*tables, "meta.capture")}


def test_every_step_that_writes_is_done_again_when_the_store_was_interrupted(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third commit is refused, then every fourth and so on, as by a lake whose catalog was restarted again and again.

    (Steps of estimates failed at once, until this was tried. A rebuild of the index takes several commits, and begins anew.)
    """
    commits, refused, next_refused = 0, 0, 3

    def check(self: FileStore, con: duckdb.DuckDBPyConnection) -> None:
        nonlocal commits, refused, next_refused
        commits += 1
        if commits == next_refused:
            refused += 1
            next_refused += 3 + refused
            raise StoreInterruptedError("the store went away")

    monkeypatch.setattr(FileStore, "check_before_commit", check)
    monkeypatch.setattr("warehouse.retry.time.sleep", lambda _: None)
    with dg.DagsterInstance.ephemeral() as instance:

        def run() -> dg.ExecuteInProcessResult:
            return defs.resolve_job_def("run").execute_in_process(
                instance=instance,
                run_config=QUIET,
                raise_on_error=False,
                asset_selection=[dg.AssetKey(list(step)) for step in STEPS],
            )

        result = run()
        assert result.success, [e.step_failure_data for e in result.all_events if e.is_step_failure]
        assert refused >= 4
        once = counts()
        assert all(once.values())
        assert run().success
        assert counts() == once
