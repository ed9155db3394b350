"""Shared fixtures. No test reaches the outside: every socket but loopback is refused."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replay import ReplayServer
from warehouse.home import HOME_VARIABLE, Home

os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")

#: Recorded payloads of real publishers; they are not part of this repository.
SAMPLES = Path(__file__).parents[2] / "shared" / "samples"
GOLDEN = Path(__file__).parents[2] / "shared" / "golden"


@pytest.fixture(autouse=True)
def no_outside_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections that leave this machine."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else None
        if host is not None and host not in ("127.0.0.1", "::1", "localhost"):
            raise RuntimeError(f"a test tried to reach {host}")
        real(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home folder, set as PETADAY_HOME."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return Home.from_environment().create()


@pytest.fixture
def samples() -> Path:
    """The folder of recorded payloads; skips aloud where it is not there."""
    if not SAMPLES.is_dir():
        pytest.skip("recorded samples (../shared/samples) are not on this machine")
    return SAMPLES


@pytest.fixture
def golden() -> Path:
    """The folder of published figures; skips aloud where it is not there."""
    if not GOLDEN.is_dir():
        pytest.skip("golden tables (../shared/golden) are not on this machine")
    return GOLDEN


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReplayServer]:
    """A server that plays the publishers; every fetch of this test goes there, without pauses between requests."""
    server = ReplayServer()
    monkeypatch.setenv("PETADAY_REPLAY_URL", server.origin)
    monkeypatch.setattr("assets.sources._http.PACE_S", 0.0)
    monkeypatch.setattr("assets.sources._http.BACKOFF_FACTOR", 0.0)
    yield server
    server.close()
