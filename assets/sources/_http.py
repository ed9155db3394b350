"""Fetching: polite, bounded, and only from the hosts a source names.

Time-outs, retries that honour `Retry-After`, conditional requests, a byte limit (of decoded bytes), a limit on the whole
time however slowly an answer drips, a pace per host, robots.txt for scraped pages. Secrets are added when the request is
sent and stay out of every URL, message and stored file.
"""

from __future__ import annotations

import base64
import datetime as dt
import errno
import html
import json
import logging
import os
import re
import socket
import tempfile
import threading
import time
import urllib.robotparser
import weakref
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlencode, urljoin, urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from assets.sources._base import PARSER_ERRORS, LayoutError, Request, Source
from warehouse.captures import Document
from warehouse.errors import PetadayError

USER_AGENT = "petaday/0.1 (+https://github.com/petaday/petaday; open record of AI compute prices)"
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 60.0
#: A whole answer takes no longer than this, however slowly it drips.
TOTAL_TIMEOUT_S = 900.0
PACE_S = 0.2
BACKOFF_FACTOR = 1.0
#: A publisher that asks (by Retry-After) to wait longer than this is left alone until the next run.
MAX_RETRY_AFTER_S = 300.0
MAX_REDIRECTS = 5
MAX_ROBOTS_BYTES = 500_000
MAX_PAGES = 5_000
_BLOCK = 1 << 18

#: Tests and rehearsals: every request goes to this loopback server instead, as /<host>/<path>.
REPLAY_VARIABLE = "PETADAY_REPLAY_URL"


class FetchError(PetadayError):
    """A publisher could not be read; says which, what it answered, and after how many tries."""


@dataclass(frozen=True, slots=True)
class NotModified:
    """The publisher says that the bytes are those of last time."""

    url: str
    fetched_at: dt.datetime


def stored_url(request: Request) -> str:
    """The address as it is kept and shown: with its parameters, without its secrets."""
    return f"{request.url}?{urlencode(request.params)}" if request.params else request.url


def _replay_origin() -> str | None:
    origin = os.environ.get(REPLAY_VARIABLE)
    if origin and urlsplit(origin).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise PetadayError(f"{REPLAY_VARIABLE} must name a loopback address, got {origin!r}")
    return origin


class _Patience(Retry):
    """Retries that wait as long as they are asked to, within reason."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Seconds to wait.

        Raises:
            FetchError: if it is longer than `MAX_RETRY_AFTER_S`: asking sooner would be rude, waiting would hold up the run.
        """
        asked = super().get_retry_after(response)
        if asked is not None and asked > MAX_RETRY_AFTER_S:
            raise FetchError(f"answered {response.status} and asked to come back in {asked:.0f} s: left to a later run")
        return asked


class _Watch:
    """Ends a fetch that takes too long, wherever it waits: shuts its sockets, so that every read on them returns.

    A read time-out alone does not: each byte that drips in starts it anew. One thread watches all fetches of a client:
    one for each would cost as much as a small page.
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
        """End what goes on inside after `seconds`."""
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
        """Watch a socket; after the end no new one is allowed."""
        if self.is_over:
            connected.close()
            raise TimeoutError("over")
        self._sockets.add(connected)

    def _end(self) -> None:
        self.is_over = True
        for connected in list(self._sockets):
            try:
                # Not SSLSocket's own: it would pull the TLS state from under the thread that reads.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)
            except (OSError, TypeError):
                continue

    def pools(self) -> dict[str, Any]:
        """Connection pools whose sockets are watched, by scheme."""
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
    """No credentials: without this, requests looks for some in a .netrc."""
    return request


class _Session(requests.Session):
    """A session that never follows a redirect by itself, and so never reads the body of one without a limit.

    Proxies and certificates are read from the environment, once for each host; credentials of a .netrc are not.
    """

    def __init__(self) -> None:
        super().__init__()
        self.auth = _as_it_is
        self._settings: dict[str, Any] = {}

    def merge_environment_settings(self, url: Any, *options: Any) -> Any:  # ty: ignore[incompatible-method-override]
        """What the environment says of a host: asking it again for each of a thousand pages takes longer than a page."""
        place = str(urlsplit(url)[:2])
        if place not in self._settings:
            self._settings[place] = super().merge_environment_settings(url, *options)
        return dict(self._settings[place])

    def resolve_redirects(self, *_: Any, **__: Any) -> Iterator[Any]:  # ty: ignore[incompatible-method-override]
        """Nothing: requests would read the whole body of a redirect only to know what it leads to."""
        return iter(())


class _Adapter(HTTPAdapter):
    """Sends requests over watched connections."""

    def __init__(self, watch: _Watch, **options: Any) -> None:
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

    def __init__(self, origin: str, watch: _Watch, **options: Any) -> None:
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


@dataclass(slots=True)
class Client:
    """An HTTP client for one source and one run."""

    source: Source
    spool_dir: Path
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    _session: requests.Session = field(init=False)
    _last_request_at: dict[str, float] = field(init=False, default_factory=dict)
    _robots: dict[str, urllib.robotparser.RobotFileParser] = field(init=False, default_factory=dict)
    _watch: _Watch = field(init=False, default_factory=_Watch)

    def __post_init__(self) -> None:
        """Open the session."""
        # Its warnings and traces hold addresses with their keys.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        retry = _Patience(
            total=4,
            connect=1,
            backoff_factor=BACKOFF_FACTOR,
            status_forcelist=(429, 500, 502, 503, 504),
            allowed_methods=frozenset({"GET", "POST"}),
            respect_retry_after_header=True,
            raise_on_status=False,
        )
        self._session = _Session()
        self._session.trust_env = True
        self._session.headers["User-Agent"] = USER_AGENT
        origin = _replay_origin()
        adapter = (
            _ReplayAdapter(origin, self._watch, max_retries=retry)
            if origin
            else _Adapter(self._watch, max_retries=retry)
        )
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def close(self) -> None:
        """Close the session."""
        self._session.close()
        self._watch.close()

    # Rules ------------------------------------------------------------------------------------------------------------

    def check_allowed(self, url: str) -> None:
        """Raise `FetchError` unless the address is https on a host that the source names."""
        allowed = f"allowed are https on {', '.join(self.source.hosts) or 'no hosts'}"
        # What two readers of an address may take for different hosts (backslashes, blanks, user names) is not gone to.
        if not _PLAIN_ADDRESS.match(url):
            raise FetchError(f"{self.source.source_id}: refused to go to a malformed address: {allowed}")
        try:
            parts = urlsplit(url)
            good = parts.scheme == "https" and parts.hostname in self.source.hosts and parts.port in (None, 443)
        except ValueError:
            raise FetchError(f"{self.source.source_id}: refused to go to a malformed address: {allowed}") from None
        if not good or "@" in parts.netloc:
            raise FetchError(f"{self.source.source_id}: refused to go to {parts.scheme}://{parts.hostname}: {allowed}")

    def _check_robots(self, url: str) -> None:
        host = urlsplit(url).netloc
        if host not in self._robots:
            rules = urllib.robotparser.RobotFileParser()
            try:
                with self._session.get(
                    f"https://{host}/robots.txt",
                    timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    # RFC 9309: no such file allows everything, a server error forbids everything.
                    body = _beginning(response, MAX_ROBOTS_BYTES) if response.status_code == 200 else b""
                    lines = body.decode("utf-8", "replace").splitlines()
                    if response.status_code >= 500:
                        lines = ["User-agent: *", "Disallow: /"]
            except (requests.RequestException, HTTPError, OSError):
                lines = ["User-agent: *", "Disallow: /"]
            rules.parse(lines)
            self._robots[host] = rules
        if not self._robots[host].can_fetch(USER_AGENT, url):
            raise FetchError(f"{self.source.source_id}: robots.txt of {host} does not allow {urlsplit(url).path}")

    def _wait_for_turn(self, host: str) -> None:
        wait = self._last_request_at.get(host, -PACE_S) + PACE_S - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._last_request_at[host] = time.monotonic()

    # Requests ---------------------------------------------------------------------------------------------------------

    def fetch(self, request: Request, known: Mapping[str, str | None] | None = None) -> Document | NotModified:
        """Fetch one document into the spool folder.

        Args:
            request: what to ask for.
            known: `etag` and `last_modified` of the bytes we have, for a conditional request.

        Raises:
            FetchError: if it cannot be had: host not allowed, refused, too large, too slow, an error status.
        """
        headers = {**request.headers, **request.secret_headers}
        if known and known.get("etag"):
            headers["If-None-Match"] = str(known["etag"])
        elif known and known.get("last_modified"):
            headers["If-Modified-Since"] = str(known["last_modified"])
        shown = stored_url(request)
        url = shown
        if request.secret_params:
            parts = urlsplit(shown)
            url = urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), *request.secret_params.items()])))
        fetched_at = dt.datetime.now(dt.UTC)
        secrets = _secrets(request)
        slow = f"{self.source.source_id}: {shown} took longer than {TOTAL_TIMEOUT_S:.0f} s"
        try:
            with self._watch.limit(TOTAL_TIMEOUT_S), self._open(url, request, headers) as response:
                if response.status_code == 304 and known:
                    return NotModified(shown, fetched_at)
                if response.status_code != 200:
                    told = _without(f"{response.reason or ''}{_detail(response, secrets)}", secrets)
                    raise FetchError(f"{self.source.source_id}: {shown} answered {response.status_code} {told}")
                path = self._spool(response, shown, request.extension)
                try:
                    if self._watch.is_over:
                        raise FetchError(slow)
                    _scrub(path, secrets)
                except BaseException:
                    path.unlink(missing_ok=True)
                    raise
                etag, modified = (response.headers.get(name) for name in ("ETag", "Last-Modified"))
                return Document(
                    path,
                    shown,
                    fetched_at,
                    request.extension,
                    response.status_code,
                    etag and _without(etag, secrets),
                    modified and _without(modified, secrets),
                )
        except FetchError as e:
            if self._watch.is_over:
                raise FetchError(slow) from None
            if not str(e).startswith(self.source.source_id):
                raise FetchError(f"{self.source.source_id}: {shown} {e}") from None
            raise
        except (requests.RequestException, HTTPError, OSError, ValueError) as e:
            if self._watch.is_over:
                raise FetchError(slow) from None
            if isinstance(e, OSError) and e.errno == errno.ENOSPC:
                raise FetchError(
                    f"{self.source.source_id}: no space left on the disk for {shown}: free some and run again"
                ) from None
            # The exception's text may hold the address with its key: say only what kind it was.
            raise FetchError(f"{self.source.source_id}: {shown} could not be read: {type(e).__name__}") from None

    @contextmanager
    def _open(self, url: str, request: Request, headers: Mapping[str, str]) -> Generator[requests.Response]:
        for _ in range(MAX_REDIRECTS + 1):
            self.check_allowed(url)
            if self.source.is_scraped:
                self._check_robots(url)
            self._wait_for_turn(urlsplit(url).netloc)
            response = self._session.request(
                request.method,
                url,
                json=request.json_body,
                headers=dict(headers),
                stream=True,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                allow_redirects=False,
            )
            if response.is_redirect:
                response.close()
                try:
                    target = urljoin(url, response.headers["Location"])
                except ValueError:
                    raise FetchError(f"{self.source.source_id}: redirected to a malformed address") from None
                url = target
                continue
            try:
                yield response
            finally:
                response.close()
            return
        raise FetchError(f"{self.source.source_id}: more than {MAX_REDIRECTS} redirects from {stored_url(request)}")

    def _spool(self, response: requests.Response, shown: str, extension: str) -> Path:
        self.spool_dir.mkdir(parents=True, exist_ok=True)
        limit, size = self.source.max_bytes, 0
        declared = response.headers.get("Content-Length", "")
        if declared.isdigit() and int(declared) > limit:
            raise FetchError(
                f"{self.source.source_id}: {shown} announces {declared} bytes, more than the limit of {limit}"
            )
        descriptor, name = tempfile.mkstemp(dir=self.spool_dir, suffix=f".{extension}")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for block in response.iter_content(_BLOCK):
                    size += len(block)
                    if size > limit:
                        raise FetchError(f"{self.source.source_id}: {shown} sent more than the limit of {limit} bytes")
                    file.write(block)
            if not response.headers.get("Content-Encoding") and declared.isdigit() and size < int(declared):
                raise FetchError(f"{self.source.source_id}: {shown} broke off after {size} of {declared} bytes")
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return Path(name)

    def _following(self, document: Document) -> Request | None:
        if self.source.follow is None:
            return None
        try:
            return self.source.follow(document)
        except PetadayError:
            raise
        except PARSER_ERRORS as e:
            raise LayoutError(
                f"{document.url}: its next page cannot be told: {type(e).__name__}: {str(e)[:200]}"
            ) from e

    def pages(self, request: Request) -> Generator[Document]:
        """A document and the pages that follow it, each given as soon as it is there.

        If it breaks off, the files of all pages given so far are removed.

        Raises:
            FetchError: as `fetch`; also if a page repeats or there are more than `MAX_PAGES`.
        """
        spooled: list[Path] = []
        seen: set[str] = set()
        following: Request | None = request
        try:
            while following is not None:
                address = f"{stored_url(following)} {following.json_body!r}"
                if address in seen or len(seen) >= MAX_PAGES:
                    raise FetchError(
                        f"{self.source.source_id}: paging does not end: {stored_url(following)} came again"
                    )
                seen.add(address)
                document = self.fetch(following)
                if isinstance(document, NotModified):
                    return
                spooled.append(document.path)
                following = self._following(document)
                yield document
        except BaseException:
            for path in spooled:
                path.unlink(missing_ok=True)
            raise


#: An address without what readers of addresses disagree on: blanks, control characters, backslashes.
_PLAIN_ADDRESS = re.compile(r"[!-\[\]-~]+\Z")


def _secrets(request: Request) -> list[str]:
    """This request's secrets in every form in which an answer may echo them, the longest first."""
    values = {v for v in (*request.secret_params.values(), *request.secret_headers.values()) if v}
    # "Bearer <key>": the key alone may be echoed.
    values |= {
        v.split(" ", 1)[1]
        for v in values
        if v.lower().startswith(("bearer ", "basic ", "token ")) and v.split(" ", 1)[1]
    }
    forms = {
        form
        for v in values
        for form in (
            v,
            quote(v, safe=""),
            quote_plus(v),
            json.dumps(v)[1:-1],
            html.escape(v),
            base64.b64encode(v.encode()).decode(),
        )
    }
    return sorted(forms, key=len, reverse=True)


def _without(text: str, secrets: list[str]) -> str:
    for value in secrets:
        text = text.replace(value, "REDACTED")
    return text


def _scrub(path: Path, secrets: list[str]) -> None:
    """Blot out secrets where an answer echoes them (EIA repeats its key in every answer)."""
    body = path.read_bytes() if secrets else b""
    found = [v for v in secrets if v.encode() in body]
    for value in found:
        body = body.replace(value.encode(), b"REDACTED")
    if found:
        path.write_bytes(body)


def _beginning(response: requests.Response, limit: int) -> bytes:
    """The first bytes of a body."""
    body = b""
    for block in response.iter_content(min(limit, 1 << 14)):
        body += block
        if len(body) >= limit:
            break
    return body[:limit]


def _detail(response: requests.Response, secrets: list[str]) -> str:
    """A short piece of an error body, if it is text; secrets are taken out before it is cut."""
    try:
        body = _beginning(response, 1 << 16)
    except (requests.RequestException, HTTPError, OSError):
        return ""
    text = _without(body.decode("utf-8", "replace"), secrets).strip().replace("\n", " ")
    return "" if not text or text.startswith("<") else f": {text[:200]}"
