"""The published file: whole, numbered, readable while it is held, and as it was where a publication fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from assets import recording
from assets.catalog import catalog
from tests.warehouse.taking import offers, take
from warehouse.connection import read_published
from warehouse.errors import NotPublishedError
from warehouse.home import Home
from warehouse.publish import PublishError, publish


def test_published_file_is_whole_numbered_and_readable_while_held(home: Home) -> None:
    with pytest.raises(NotPublishedError, match="petaday run"), read_published(home):
        pass
    take(home, offers({"a": 2.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    assert publish(home, catalog()).number == 1
    assert publish(home, catalog()).is_new is False
    script = "import duckdb,sys,time; c=duckdb.connect(sys.argv[1]); c.sql('select 1').fetchall(); print('held', flush=True); time.sleep(30)"
    # A user who opens the published file for writing by mistake (as root the mode 0444 does not stop him).
    with subprocess.Popen(
        [sys.executable, "-c", script, str(home.published_file)], stdout=subprocess.PIPE, text=True
    ) as holder:
        if os.geteuid() == 0:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
        take(home, offers({"a": 3.0}), "2026-01-02")
        recording.record_subject(home, "cloud_rate")
        assert publish(home, catalog()).number == 2
        holder.kill()
    with read_published(home) as con:
        assert con.execute("SELECT publication_number FROM meta.publication ORDER BY 1").fetchall() == [(1,), (2,)]
    kept = sorted(home.publications_dir.glob("*.duckdb"))
    assert len(kept) == 1
    with duckdb.connect(str(kept[0]), read_only=True) as con:
        assert con.execute("SELECT max(price_amount_per_hour) FROM observed.cloud_rate").fetchall() == [(2.0,)]


def test_a_damaged_published_file_is_made_again_in_whatever_folder(tmp_path: Path) -> None:
    """Nothing new to publish: only a file that another process holds open for writing is left as it is, not one below a folder "blocks"."""
    home = Home(tmp_path / "blocks").create()
    take(home, offers({"a": 2.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    assert publish(home, catalog()).is_new
    home.published_file.unlink()
    home.published_file.write_bytes(b"no database")
    assert publish(home, catalog()).is_new
    with duckdb.connect(str(home.published_file), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM observed.cloud_rate").fetchall() == [(1,)]


def test_a_stray_log_beside_the_published_file_does_not_meet_the_next_one(home: Home) -> None:
    take(home, offers({"a": 2.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    publish(home, catalog())
    stray = home.published_file.with_name("petaday.duckdb.wal")
    stray.write_bytes(b"left by somebody")
    take(home, offers({"a": 3.0}), "2026-01-02")
    recording.record_subject(home, "cloud_rate")
    publish(home, catalog())
    assert not stray.exists()


def test_disk_full_leaves_the_last_publication(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    take(home, offers({"a": 2.0}), "2026-01-01")
    recording.record_subject(home, "cloud_rate")
    publish(home, catalog())
    take(home, offers({"a": 3.0}), "2026-01-02")
    recording.record_subject(home, "cloud_rate")

    def full(_: object, target: Path, *__: object) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("warehouse.store.file.FileStore.copy_to", full)
        with pytest.raises(PublishError, match="No space left.*still publication 1"):
            publish(home, catalog())
    with read_published(home) as con:
        assert con.execute("SELECT max(price_amount_per_hour) FROM observed.cloud_rate").fetchall() == [(2.0,)]
    assert not list(home.root.glob(".petaday*"))
    assert publish(home, catalog()).number == 2
