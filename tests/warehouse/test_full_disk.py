"""A disk that is really full (a small tmpfs) at capture, stage, load and publish: one clear line, nothing lost, recovery."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from assets import intake, recording, recovery
from assets.catalog import catalog
from assets.sources import source_named
from assets.sources._base import Window
from tests.assets.sources.test_linode import GPU
from tests.assets.sources.test_linode import answer as linode_page
from tests.replay import ReplayServer
from tests.warehouse.taking import current, offers, take
from warehouse.capture_store import CaptureStore
from warehouse.connection import read_published
from warehouse.errors import DiskFullError, PetadayError
from warehouse.home import HOME_VARIABLE, Home
from warehouse.publish import PublishError, publish

SIZE_MIB = 48


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home on a tmpfs of 48 MiB, with one publication."""
    place = tmp_path / "small"
    place.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a real full disk needs root, to mount a small tmpfs")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    try:
        monkeypatch.setenv(HOME_VARIABLE, str(place / "home"))
        home = Home.from_environment().create()
        take(home, offers({"a": 2.0}), "2026-01-01")
        recording.record_subject(home, "cloud_rate")
        publish(home, catalog())
        yield home
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def fill(home: Home, leave: int = 0) -> Path:
    """Fill the disk up to `leave` bytes."""
    ballast = home.root / "ballast"
    with ballast.open("wb", buffering=0) as file:
        free = shutil.disk_usage(home.root).free
        try:
            for _ in range(0, max(free - leave, 0), 4096):
                file.write(b"\0" * 4096)
        except OSError:
            pass
    return ballast


def published_prices(home: Home) -> list[tuple]:
    with read_published(home) as con:
        return con.execute(
            "SELECT instance_type, price_amount_per_hour FROM observed.cloud_rate WHERE valid_to IS NULL ORDER BY 1"
        ).fetchall()


def one_clear_line(error: BaseException) -> None:
    text = str(error)
    assert "\n" not in text
    assert "o space left" in text
    assert "again" in text


def whole_again(home: Home, price: float) -> None:
    """After space is freed the next run completes and nothing is amiss."""
    recording.record_subject(home, "cloud_rate")
    publish(home, catalog())
    assert dict(published_prices(home))["a"] == price
    assert recovery.verify(home, lambda _: None) == []
    assert not list(home.root.glob(".petaday*"))


def test_full_at_fetch(small: Home, replay: ReplayServer) -> None:
    """The answer finds no room in the spool: nothing of it stays, and the next fetch is whole."""
    types = [GPU | {"id": f"g{n}-{os.urandom(200).hex()}"} for n in range(4000)]
    replay.add("https://api.linode.com/v4/linode/types", linode_page(*types))
    ballast = fill(small, leave=500_000)
    with pytest.raises(PetadayError) as caught:
        intake.take_live(small, source_named("linode"), Window(dt.datetime.now(dt.UTC)))
    one_clear_line(caught.value)
    assert not [p for p in small.spool_dir.rglob("*") if p.is_file()]
    assert published_prices(small) == [("a", 2.0)]
    ballast.unlink()
    assert intake.take_live(small, source_named("linode"), Window(dt.datetime.now(dt.UTC)))[0].outcome == "loaded"
    whole_again(small, 2.0)


def test_full_at_capture(small: Home, tmp_path: Path) -> None:
    file = tmp_path / "lambda_vms.csv"
    file.write_text(
        offers({"a": 3.0}) + "".join(f"{os.urandom(16).hex()},H100,1,8,64,2.0,r1,,\n" for _ in range(20_000))
    )
    ballast = fill(small, leave=900_000)
    with pytest.raises(DiskFullError) as caught:
        intake.take_files(small, source_named("skypilot"), [file], None)
    one_clear_line(caught.value)
    assert published_prices(small) == [("a", 2.0)]
    assert not [p for p in small.captures_dir.rglob(".tmp-*") if p.is_file()]
    ballast.unlink()
    assert intake.take_files(small, source_named("skypilot"), [file], None)[0].outcome == "loaded"
    whole_again(small, 3.0)


def test_full_at_stage(small: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The capture was kept, the parsed rows find no room: taken again later, the same capture is loaded."""
    store = CaptureStore.store
    held: list[Path] = []

    def then_full(self: CaptureStore, *arguments: object) -> object:
        kept = store(self, *arguments)  # type: ignore[arg-type]
        held.append(fill(small))
        return kept

    with monkeypatch.context() as patch:
        patch.setattr(CaptureStore, "store", then_full)
        with pytest.raises(DiskFullError) as caught:
            take(small, offers({"a": 3.0, **{f"m{n}": 2.0 for n in range(500)}}), "2026-01-02")
    one_clear_line(caught.value)
    held[0].unlink()
    assert not list(small.staged_dir.glob("*"))
    assert published_prices(small) == [("a", 2.0)]
    take(small, offers({"a": 3.0, **{f"m{n}": 2.0 for n in range(500)}}), "2026-01-02")
    whole_again(small, 3.0)


def test_full_at_load(small: Home) -> None:
    """The batch waits in the staging folder until there is room."""
    before = current(small)
    take(small, offers({"a": 3.0, **{f"m{n}": 2.0 + n / 1e6 for n in range(20_000)}}), "2026-01-02")
    ballast = fill(small)
    with pytest.raises(PetadayError) as caught:
        recording.record_subject(small, "cloud_rate")
    one_clear_line(caught.value)
    assert published_prices(small) == [("a", 2.0)]
    ballast.unlink()
    assert len(list(small.staged_dir.glob("*"))) == 1
    assert current(small) == before
    whole_again(small, 3.0)


def test_full_at_publish(small: Home) -> None:
    take(small, offers({"a": 3.0}), "2026-01-02")
    recording.record_subject(small, "cloud_rate")
    ballast = fill(small, leave=1 << 20)
    with pytest.raises((PublishError, DiskFullError)) as caught:
        publish(small, catalog())
    one_clear_line(caught.value)
    assert published_prices(small) == [("a", 2.0)]
    assert not list(small.root.glob(".petaday*"))
    ballast.unlink()
    whole_again(small, 3.0)
