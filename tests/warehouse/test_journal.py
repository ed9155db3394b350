"""The journal's last number is found at its end, whatever a crash left there."""

from __future__ import annotations

from pathlib import Path

import pytest

from warehouse.journal import _TAIL, FileJournal


def entries(first: int, last: int, message: str = "") -> list[dict]:
    """Entries as a session writes them."""
    return [{"load_number": n, "batch_id": f"{n:016x}", "message": message} for n in range(first, last + 1)]


@pytest.fixture
def journal(tmp_path: Path) -> FileJournal:
    """A journal several times as long as what is read of its end."""
    made = FileJournal(tmp_path / "captures" / "journal.jsonl")
    made.append(entries(1, 5000))
    assert made.file.stat().st_size > 4 * _TAIL
    return made


def test_a_journal_that_is_not_there_or_empty_has_no_last_number(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "journal.jsonl")
    assert (journal.last(), journal.read()) == (0, [])
    journal.file.touch()
    assert (journal.last(), journal.read()) == (0, [])


def test_the_last_number_is_that_of_the_last_whole_line(journal: FileJournal) -> None:
    assert journal.last() == 5000
    whole = journal.file.read_bytes()
    for cut in (1, 2, 30, 100):
        journal.file.write_bytes(whole[:-cut])
        assert journal.last() == journal.read()[-1]["load_number"]
    journal.append(entries(5000, 5001))
    assert [e["load_number"] for e in journal.read()][-2:] == [5000, 5001]
    assert journal.last() == 5001


def test_a_journal_of_one_entry_is_read(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "journal.jsonl")
    journal.append(entries(7, 7, "x" * 10))
    assert journal.last() == 7


def test_an_end_without_a_whole_line_is_looked_for_further_up(journal: FileJournal) -> None:
    journal.append(entries(5001, 5001, "é{}" * _TAIL))
    assert journal.last() == 5001
    with journal.file.open("ab") as file:
        file.write(b'{"load_number": 5002, "message": "' + b"x" * 2 * _TAIL)
    assert journal.last() == 5001
