"""Files on their way from an embedded warehouse to a lake, between two folders: all but the journal, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.lake import _copy_files
from warehouse.files import LocalFiles


class Full(LocalFiles):
    """A target that takes no file."""

    def put(self, local: Path, key: str) -> None:
        """Refuse."""
        raise OSError("no space left")


@pytest.fixture
def source(tmp_path: Path) -> LocalFiles:
    """Captures of two sources, one with a name like the journal's, and a journal."""
    files = LocalFiles(tmp_path / "source")
    for key in ("linode/2026/01/a.json", "power_journal/2026/01/b.json", "journal.jsonl", "journal/1-2.jsonl"):
        files.write(key, key.encode())
    return files


def test_all_but_the_journal_is_copied_once(source: LocalFiles, tmp_path: Path) -> None:
    target = LocalFiles(tmp_path / "target")
    assert _copy_files(source, target) == 2
    assert target.names() == ["linode/2026/01/a.json", "power_journal/2026/01/b.json"]
    assert _copy_files(source, target) == 0


def test_a_copy_that_fails_leaves_no_temporary_file(source: LocalFiles, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no space left"):
        _copy_files(source, Full(tmp_path / "target"))
    assert not [p for p in (tmp_path / "target").rglob("*") if p.is_file()]
