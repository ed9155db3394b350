"""The home folder and the paths in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "PETADAY_HOME"


@dataclass(frozen=True, slots=True)
class Home:
    """Paths below the home folder (`PETADAY_HOME`, default `./data`).

    `petaday.duckdb` is the published file, the only one that users open. Only the pipeline uses `work/`; the warehouse
    can be rebuilt from `captures/`.
    """

    root: Path

    @classmethod
    def from_environment(cls) -> Home:
        """The home named by `PETADAY_HOME`, or `./data`; not created yet."""
        return cls(Path(os.environ.get(HOME_VARIABLE) or "data").expanduser().resolve())

    @property
    def work_file(self) -> Path:
        """The private DuckDB file that only a writer under the lock opens."""
        return self.root / "work" / "warehouse.duckdb"

    @property
    def lock_file(self) -> Path:
        """Writers take an exclusive `flock` on this file."""
        return self.root / "work" / "write.lock"

    @property
    def staged_dir(self) -> Path:
        """Parsed batches that are not recorded yet."""
        return self.root / "work" / "staged"

    @property
    def spool_dir(self) -> Path:
        """Downloads in progress and unpacked captures; safe to empty when nothing runs."""
        return self.root / "work" / "spool"

    @property
    def running_dir(self) -> Path:
        """One lock file per run that a process of this machine is working on."""
        return self.root / "work" / "running"

    @property
    def captures_dir(self) -> Path:
        """The exact bytes that publishers sent, and sidecars with the details of their receipt."""
        return self.root / "captures"

    @property
    def published_file(self) -> Path:
        """The file that users query."""
        return self.root / "petaday.duckdb"

    @property
    def publications_dir(self) -> Path:
        """Earlier publications that are kept."""
        return self.root / "publications"

    @property
    def report_dir(self) -> Path:
        """The static report."""
        return self.root / "report"

    @property
    def dagster_dir(self) -> Path:
        """The Dagster instance: runs, event log, schedules."""
        return self.root / "dagster"

    def is_writable(self) -> bool:
        """False if this process may not write to the folder, or its file system is mounted read-only."""
        return os.access(self.root, os.W_OK)

    def create(self) -> Home:
        """Make the folders and return self."""
        for folder in (self.staged_dir, self.spool_dir, self.captures_dir, self.dagster_dir):
            folder.mkdir(parents=True, exist_ok=True)
        return self
