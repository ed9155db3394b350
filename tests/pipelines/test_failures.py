"""The line of a failed step, made from the event that Dagster writes for it."""

import dagster as dg
import pytest
from dagster._core.errors import DagsterExecutionInterruptedError

from pipelines.failures import failure_line
from warehouse.errors import PetadayError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (DagsterExecutionInterruptedError(), "rows: stopped by a signal; what was committed stays, the next run goes on from there"),
        (PetadayError("no rows: try again\nmore"), "rows: no rows: try again"),
        (dg.Failure("refused by name"), "rows: refused by name"),
        (ValueError("odd"), "rows: ValueError: odd"),
    ],
)  # fmt: skip
def test_a_failed_step_is_told_in_one_line(error: BaseException, line: str) -> None:
    @dg.asset
    def rows() -> None:
        raise error

    result = dg.materialize([rows], raise_on_error=False)
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert failure_line(failed) == line
