"""The connections below `_http`: sessions without automatic redirects or credentials, bounded retries, and a total time-out."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import weakref
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from assets.sources._base import FetchError
from warehouse.errors import PetadayError

#: If a publisher asks (by Retry-After) to wait longer than this, the source is left to the next run.
MAX_RETRY_AFTER_S = 300.0

#: For tests: every request goes to this loopback server instead, as /<host>/<path>.
REPLAY_VARIABLE = "PETADAY_REPLAY_URL"


def _replay_origin() -> str | None:
    origin = os.environ.get(REPLAY_VARIABLE)
    if origin and urlsplit(origin).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise PetadayError(f"{REPLAY_VARIABLE} must name a loopback address, got {origin!r}")
    return origin


class _Patience(Retry):
    """Retries that wait as long as Retry-After asks, up to `MAX_RETRY_AFTER_S`."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Seconds to wait.

        Raises:
            FetchError: if it is longer than `MAX_RETRY_AFTER_S`: retrying earlier is impolite, and waiting delays the run.
        """
        asked = super().get_retry_after(response)
        if asked is not None and asked > MAX_RETRY_AFTER_S:
            raise FetchError(f"answered {response.status} and asked to come back in {asked:.0f} s: left to a later run")
        return asked


class Watch:
    """Ends a fetch that takes too long by shutting down its sockets, so that every read on them returns.

    A read time-out does not, since it starts anew with each byte. One thread watches all fetches of a client, because
    starting one for each would cost as much as fetching a small page.
    """

    def __init__(self) -> None:
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._changed = threading.Condition()
        self._ends_at: float | None = None
        #: When the watching thread looks next; None if there is none.
        self._looks_at: float | None = None
        self.is_over = False

    @contextmanager
    def limit(self, seconds: float) -> Generator[None]:
        """End the fetch inside after `seconds`."""
        with self._changed:
            self.is_over = False
            self._ends_at = ends_at = time.monotonic() + seconds
            if self._looks_at is None:
                self._looks_at = ends_at
                threading.Thread(target=self._look, daemon=True).start()
            elif ends_at < self._looks_at:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._ends_at = None

    def close(self) -> None:
        """Let the watching thread end."""
        with self._changed:
            self._ends_at = None
            self._changed.notify()

    def _look(self) -> None:
        with self._changed:
            while (ends_at := self._ends_at) is not None:
                self._looks_at = ends_at
                if ends_at > (now := time.monotonic()):
                    self._changed.wait(ends_at - now)
                else:
                    self._ends_at = None
                    self._end()
            self._looks_at = None

    def add(self, connected: Any) -> None:
        """Watch a socket; raises TimeoutError if the time is over already."""
        if self.is_over:
            connected.close()
            raise TimeoutError("over")
        self._sockets.add(connected)

    def _end(self) -> None:
        self.is_over = True
        for connected in list(self._sockets):
            try:
                # Not SSLSocket.shutdown, which would remove the TLS state while another thread reads.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)
            except (OSError, TypeError):
                continue

    def pools(self) -> dict[str, Any]:
        """Connection pool classes whose sockets are watched, by scheme."""
        watch = self

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                watch.add(self.sock)

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                watch.add(self.sock)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain  # ty: ignore[invalid-assignment] - urllib3's protocol is wider than its classes

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure  # ty: ignore[invalid-assignment]

        return {"http": PlainPool, "https": SecurePool}


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Authentication that adds nothing; without it, requests looks for credentials in a .netrc file."""
    return request


class _Session(requests.Session):
    """A session that never follows redirects, and so never reads the body of one without a limit.

    Proxies and certificates are taken from the environment, once per host; credentials of a .netrc file are not.
    """

    def __init__(self) -> None:
        super().__init__()
        self.auth = _as_it_is
        self._settings: dict[str, Any] = {}

    def merge_environment_settings(self, url: Any, *options: Any) -> Any:  # ty: ignore[incompatible-method-override]
        """Settings of the environment for a host, cached: reading them for each of a thousand pages is slow."""
        place = str(urlsplit(url)[:2])
        if place not in self._settings:
            self._settings[place] = super().merge_environment_settings(url, *options)
        return dict(self._settings[place])

    def resolve_redirects(self, *_: Any, **__: Any) -> Iterator[Any]:  # ty: ignore[incompatible-method-override]
        """Nothing: requests would read the whole body of a redirect to find its target."""
        return iter(())


class _Adapter(HTTPAdapter):
    """Sends requests over watched connections."""

    def __init__(self, watch: Watch, **options: Any) -> None:
        self.watch = watch
        super().__init__(**options)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self.watch.pools()

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self.watch.pools()
        return manager


class _ReplayAdapter(_Adapter):
    """Sends requests for any host to the replay server."""

    def __init__(self, origin: str, watch: Watch, **options: Any) -> None:
        super().__init__(watch, **options)
        self.origin = origin

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        original = request.url or ""
        parts = urlsplit(original)
        request.url = f"{self.origin}/{parts.netloc}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        options["proxies"] = {}
        response = super().send(request, *arguments, **options)
        response.url = original
        return response


def open_session(watch: Watch, backoff_factor: float, user_agent: str) -> requests.Session:
    """A session whose connections are watched; it uses the replay server if the environment names one."""
    # The warnings and debug messages of urllib3 contain addresses with their keys.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    retry = _Patience(
        total=4,
        connect=1,
        backoff_factor=backoff_factor,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=frozenset({"GET", "POST"}),
        respect_retry_after_header=True,
        raise_on_status=False,
    )
    session = _Session()
    session.trust_env = True
    session.headers["User-Agent"] = user_agent
    origin = _replay_origin()
    adapter = _ReplayAdapter(origin, watch, max_retries=retry) if origin else _Adapter(watch, max_retries=retry)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
