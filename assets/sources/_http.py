"""Fetching: polite, bounded, and only from the hosts a source names.

Time-outs, retries that honour `Retry-After`, conditional requests, a byte limit, a pace per host, robots.txt for scraped
pages. Secrets are added when the request is sent and stay out of every URL, message and stored file.
"""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import time
import urllib.robotparser
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from assets.sources._base import Request, Source
from warehouse.captures import Document
from warehouse.errors import PetadayError

USER_AGENT = "petaday/0.1 (+https://github.com/petaday/petaday; open record of AI compute prices)"
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 60.0
#: A whole answer takes no longer than this, however slowly it drips.
TOTAL_TIMEOUT_S = 900.0
PACE_S = 0.2
BACKOFF_FACTOR = 1.0
MAX_REDIRECTS = 5
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


class _ReplayAdapter(HTTPAdapter):
    """Sends requests for any host to the replay server."""

    def __init__(self, origin: str, **options: Any) -> None:
        super().__init__(**options)
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

    def __post_init__(self) -> None:
        """Open the session."""
        retry = Retry(
            total=4, backoff_factor=BACKOFF_FACTOR, status_forcelist=(429, 500, 502, 503, 504),
            allowed_methods=frozenset({"GET", "POST"}), respect_retry_after_header=True, raise_on_status=False,
        )
        self._session = requests.Session()
        self._session.trust_env = True
        self._session.headers["User-Agent"] = USER_AGENT
        origin = _replay_origin()
        adapter = _ReplayAdapter(origin, max_retries=retry) if origin else HTTPAdapter(max_retries=retry)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def close(self) -> None:
        """Close the session."""
        self._session.close()

    # Rules ------------------------------------------------------------------------------------------------------------

    def check_allowed(self, url: str) -> None:
        """Raise `FetchError` unless the address is https on a host that the source names."""
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.hostname not in self.source.hosts or parts.port not in (None, 443):
            raise FetchError(
                f"{self.source.source_id}: refused to go to {parts.scheme}://{parts.hostname}: allowed are "
                f"https on {', '.join(self.source.hosts) or 'no hosts'}"
            )

    def _check_robots(self, url: str) -> None:
        host = urlsplit(url).netloc
        if host not in self._robots:
            rules = urllib.robotparser.RobotFileParser()
            try:
                response = self._session.get(
                    f"https://{host}/robots.txt", timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S), allow_redirects=False
                )
                # RFC 9309: no such file allows everything, a server error forbids everything.
                lines = response.text[:500_000].splitlines() if response.status_code == 200 else []
                if response.status_code >= 500:
                    lines = ["User-agent: *", "Disallow: /"]
            except requests.RequestException:
                lines = ["User-agent: *", "Disallow: /"]
            rules.parse(lines)
            self._robots[host] = rules
        if not self._robots[host].can_fetch(USER_AGENT, url):
            raise FetchError(f"{self.source.source_id}: robots.txt of {host} does not allow {url}")

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
        try:
            with self._open(url, request, headers) as response:
                if response.status_code == 304:
                    return NotModified(shown, fetched_at)
                if response.status_code != 200:
                    raise FetchError(
                        f"{self.source.source_id}: {shown} answered {response.status_code} "
                        f"{response.reason or ''}{_detail(response)}"
                    )
                path = self._spool(response, shown, request.extension)
                _scrub(path, request)
                return Document(
                    path, shown, fetched_at, request.extension, response.status_code, response.headers.get("ETag"),
                    response.headers.get("Last-Modified"),
                )
        except requests.RequestException as e:
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
                request.method, url, json=request.json_body, headers=dict(headers), stream=True,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S), allow_redirects=False,
            )
            if response.is_redirect:
                target = urljoin(url, response.headers["Location"])
                response.close()
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
        limit, started, size = self.source.max_bytes, time.monotonic(), 0
        descriptor, name = tempfile.mkstemp(dir=self.spool_dir, suffix=f".{extension}")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for block in response.iter_content(_BLOCK):
                    size += len(block)
                    if size > limit:
                        raise FetchError(f"{self.source.source_id}: {shown} sent more than the limit of {limit} bytes")
                    if time.monotonic() - started > TOTAL_TIMEOUT_S:
                        raise FetchError(f"{self.source.source_id}: {shown} took longer than {TOTAL_TIMEOUT_S:.0f} s")
                    file.write(block)
            declared = response.headers.get("Content-Length")
            if declared and not response.headers.get("Content-Encoding") and declared.isdigit() and size < int(declared):
                raise FetchError(f"{self.source.source_id}: {shown} broke off after {size} of {declared} bytes")
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return Path(name)

    def fetch_all(self, request: Request) -> list[Document]:
        """A document and the pages that follow it.

        Raises:
            FetchError: as `fetch`; also if a page repeats or there are more than `MAX_PAGES`.
        """
        documents: list[Document] = []
        seen: set[str] = set()
        following: Request | None = request
        try:
            while following is not None:
                address = f"{stored_url(following)} {following.json_body!r}"
                if address in seen or len(seen) >= MAX_PAGES:
                    raise FetchError(f"{self.source.source_id}: paging does not end: {stored_url(following)} came again")
                seen.add(address)
                document = self.fetch(following)
                if isinstance(document, NotModified):
                    break
                documents.append(document)
                following = self.source.follow(document) if self.source.follow else None
        except BaseException:
            for document in documents:
                document.path.unlink(missing_ok=True)
            raise
        return documents


def _scrub(path: Path, request: Request) -> None:
    """Blot out this request's secrets where an answer echoes them (EIA repeats its key in every answer)."""
    body = path.read_bytes() if request.secret_params or request.secret_headers else b""
    found = [v for v in (*request.secret_params.values(), *request.secret_headers.values()) if v and v.encode() in body]
    for value in sorted(found, key=len, reverse=True):
        body = body.replace(value.encode(), b"REDACTED")
    if found:
        path.write_bytes(body)


def _detail(response: requests.Response) -> str:
    """A short piece of an error body, if it is text."""
    try:
        body = next(response.iter_content(300), b"")
    except requests.RequestException:
        return ""
    text = body.decode("utf-8", "replace").strip().replace("\n", " ")
    return "" if not text or text.startswith("<") else f": {text[:200]}"
