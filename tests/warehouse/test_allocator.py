"""Memory that Polars has freed is given back soon, by whatever door Petaday is entered."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_WANTED = "dirty_decay_ms:100,muzzy_decay_ms:0"


def read_by_polars(module: str, **environment: str) -> str:
    """What Polars has told its allocator in a process that imports a module first."""
    environ = {k: v for k, v in os.environ.items() if k != "_RJEM_MALLOC_CONF"} | environment
    code = f"import os, {module}, polars; print(os.environ['_RJEM_MALLOC_CONF'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environ,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["assets.columns", "pipelines.cli", "warehouse.frames"])
def test_it_is_told_before_polars_is_imported(module: str) -> None:
    assert read_by_polars(module).endswith(_WANTED)


def test_the_users_own_setting_stands() -> None:
    assert read_by_polars("warehouse.frames", _RJEM_MALLOC_CONF="dirty_decay_ms:7").endswith("dirty_decay_ms:7")
