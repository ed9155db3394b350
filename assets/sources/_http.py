"""Fetching: polite, bounded, and only from the hosts that a source names.

Time-outs, retries that honour `Retry-After`, conditional requests, a limit on decoded bytes and on the total time, a
pace per host, and robots.txt for scraped pages. Secrets are added when a request is sent and kept out of every stored
URL, message and file.
"""

from __future__ import annotations

import datetime as dt
import errno
import os
import re
import tempfile
import time
import urllib.robotparser
import uuid
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import requests
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from assets.sources._base import PARSER_ERRORS, FetchError, LayoutError, Request, Source
from assets.sources._secrets import scrub, secrets_of, without
from assets.sources._transport import Watch, open_session
from warehouse.captures import Document
from warehouse.errors import PetadayError

USER_AGENT = "petaday/0.1 (+https://github.com/petaday/petaday; open record of AI compute prices)"
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 60.0
#: Limit on the total time of an answer, however slowly it arrives.
TOTAL_TIMEOUT_S = 900.0
#: Least time between two requests to one host.
PACE_S = 0.2
BACKOFF_FACTOR = 1.0
MAX_REDIRECTS = 5
MAX_ROBOTS_BYTES = 500_000
MAX_PAGES = 5_000
#: Bytes read at once; most pages fit.
_BLOCK = 1 << 20


NO_CONNECTION = "could not be read: no connection"
_TOO_SLOW = "could not be read: no answer in time"
#: What a failed request means, the narrower kind first.
_BROKEN = (
    (requests.exceptions.SSLError, "could not be read: the certificate is not accepted"),
    (requests.exceptions.ProxyError, "could not be read: the proxy does not answer"),
    (requests.exceptions.Timeout, _TOO_SLOW),
    ((requests.exceptions.ChunkedEncodingError, ProtocolError), "could not be read: the answer broke off"),
    (requests.exceptions.ConnectionError, NO_CONNECTION),
)


def _why(error: Exception) -> str:
    """What a failed request means, in words.

    To requests a server that accepts and stays silent is a `ConnectionError` like one that is not there, once urllib3 has retried: only
    the reason within tells them apart.
    """
    if any(isinstance(getattr(e, "reason", e), ReadTimeoutError) for e in (error, *error.args[:1])):
        return _TOO_SLOW
    return next((words for broken, words in _BROKEN if isinstance(error, broken)), "could not be read")


@dataclass(frozen=True, slots=True)
class NotModified:
    """A 304: the publisher says that the bytes are those of last time."""

    url: str
    fetched_at: dt.datetime


def stored_url(request: Request) -> str:
    """The address as it is stored and shown: with parameters, without secrets."""
    return f"{request.url}?{urlencode(request.params)}" if request.params else request.url


@dataclass(slots=True)
class Client:
    """An HTTP client for one source and one run."""

    source: Source
    spool_dir: Path
    _session: requests.Session = field(init=False)
    _last_request_at: dict[str, float] = field(init=False, default_factory=dict)
    _robots: dict[str, urllib.robotparser.RobotFileParser | str] = field(init=False, default_factory=dict)
    _watch: Watch = field(init=False, default_factory=Watch)

    def __post_init__(self) -> None:
        """Open the session."""
        self._session = open_session(self._watch, BACKOFF_FACTOR, USER_AGENT)

    def close(self) -> None:
        """Close the session."""
        self._session.close()
        self._watch.close()

    # Rules ------------------------------------------------------------------------------------------------------------

    def check_allowed(self, url: str) -> None:
        """Raise `FetchError` unless the address is https on a host that the source names."""
        allowed = f"allowed are https on {', '.join(self.source.hosts) or 'no hosts'}"
        # URL parsers disagree on the host of addresses with backslashes, blanks or user names: those are refused.
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
            self._robots[host] = self._read_robots(f"https://{host}/robots.txt")
        rules = self._robots[host]
        if isinstance(rules, str):
            raise FetchError(f"{self.source.source_id}: {rules}: without it no page is read")
        if not rules.can_fetch(USER_AGENT, url):
            raise FetchError(f"{self.source.source_id}: robots.txt of {host} does not allow {urlsplit(url).path}")

    def _read_robots(self, address: str) -> urllib.robotparser.RobotFileParser | str:
        """The rules of a host, or why they are not known. RFC 9309: no such file allows everything, a host that fails allows nothing."""
        try:
            with self._session.get(
                address, timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S), allow_redirects=False, stream=True
            ) as response:
                if response.status_code >= 500:
                    return f"{address} answered {response.status_code}"
                body = _beginning(response, MAX_ROBOTS_BYTES) if response.status_code == 200 else b""
        except (requests.RequestException, HTTPError, OSError) as e:
            return f"{address} {_why(e)} ({type(e).__name__})"
        rules = urllib.robotparser.RobotFileParser()
        rules.parse(body.decode("utf-8", "replace").splitlines())
        return rules

    def _wait_for_turn(self, host: str) -> None:
        wait = self._last_request_at.get(host, -PACE_S) + PACE_S - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._last_request_at[host] = time.monotonic()

    # Requests ---------------------------------------------------------------------------------------------------------

    def fetch(self, request: Request, known: Mapping[str, str | None] | None = None) -> Document | NotModified:
        """Fetch one document into the spool folder, or into memory if its source reads pages at once (`Source.read_page`).

        Args:
            request: what to ask for.
            known: `etag` and `last_modified` of the bytes that are stored, for a conditional request.

        Raises:
            FetchError: if the host is not allowed, or the answer is an error, too large, too slow or broken off.
        """
        # To a condition on a POST a server has to answer 412 (RFC 9110), not 304.
        condition = _condition(known) if known and request.method == "GET" else {}
        shown, fetched_at = stored_url(request), dt.datetime.now(dt.UTC)
        slow = f"{self.source.source_id}: {shown} took longer than {TOTAL_TIMEOUT_S:.0f} s"
        try:
            with (
                self._watch.limit(TOTAL_TIMEOUT_S),
                self._open(_secret_url(request), request, condition) as response,
            ):
                if response.status_code == 304 and condition:
                    return NotModified(shown, fetched_at)
                return self._received(response, request, fetched_at, slow)
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
            # Not the exception's text, which may contain the address with its key.
            raise FetchError(f"{self.source.source_id}: {shown} {_why(e)} ({type(e).__name__})") from None

    def _received(self, response: requests.Response, request: Request, fetched_at: dt.datetime, slow: str) -> Document:
        """The document of an answer, without any secret that the answer repeats."""
        shown, secrets = stored_url(request), secrets_of(request)
        if response.status_code != 200:
            detail = without(f"{response.reason or ''}{_detail(response, secrets)}", secrets)
            # Publishers reject keys with different words: the message names the variable that holds the key.
            has_key = self.source.key_name and response.status_code in (401, 403)
            hint = f"; is {self.source.key_name} right?" if has_key else ""
            raise FetchError(f"{self.source.source_id}: {shown} answered {response.status_code} {detail}{hint}")
        path, body = self._spool(response, shown, request.extension, needs_file=bool(secrets))
        try:
            if self._watch.is_over:
                raise FetchError(slow)
            scrub(path, secrets)
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
            etag and without(etag, secrets),
            modified and without(modified, secrets),
            None if secrets else body,
        )

    @contextmanager
    def _open(self, url: str, request: Request, condition: Mapping[str, str]) -> Generator[requests.Response]:
        """The answer to a request, after at most `MAX_REDIRECTS` redirects to allowed hosts."""
        headers = {**request.headers, **request.secret_headers, **condition}
        for _ in range(MAX_REDIRECTS + 1):
            self.check_allowed(url)
            if self.source.is_scraped:
                self._check_robots(url)
            self._wait_for_turn(urlsplit(url).netloc)
            response = self._session.request(
                request.method,
                url,
                json=request.json_body,
                headers=headers,
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

    def _spool(
        self, response: requests.Response, shown: str, extension: str, *, needs_file: bool
    ) -> tuple[Path, bytes | None]:
        """The body in a file, and also in memory if it came in one block; in memory alone if its source reads pages at once."""
        self.spool_dir.mkdir(parents=True, exist_ok=True)
        blocks = self._bounded(response, shown)
        first, second = next(blocks, b""), next(blocks, None)
        if second is None and self.source.read_page is not None and not needs_file:
            return self.spool_dir / f"{uuid.uuid4().hex}.{extension}", first
        descriptor, name = tempfile.mkstemp(dir=self.spool_dir, suffix=f".{extension}")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(chain((first, second or b""), blocks))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return Path(name), first if second is None else None

    def _bounded(self, response: requests.Response, shown: str) -> Iterator[bytes]:
        """The blocks of a body.

        Raises:
            FetchError: if it has fewer bytes than announced, or more than the source allows.
        """
        limit, size = self.source.max_bytes, 0
        declared = response.headers.get("Content-Length", "")
        if declared.isdigit() and int(declared) > limit:
            raise FetchError(
                f"{self.source.source_id}: {shown} announces {declared} bytes, more than the limit of {limit}"
            )
        for block in _blocks(response):
            size += len(block)
            if size > limit:
                raise FetchError(f"{self.source.source_id}: {shown} sent more than the limit of {limit} bytes")
            yield block
        if not response.headers.get("Content-Encoding") and declared.isdigit() and size < int(declared):
            raise FetchError(f"{self.source.source_id}: {shown} broke off after {size} of {declared} bytes")

    def _following(self, document: Document) -> Request | None:
        if self.source.follow is None:
            return None
        try:
            return self.source.follow(document)
        except PetadayError:
            raise
        except PARSER_ERRORS as e:
            raise LayoutError(
                f"{document.url}: its next page cannot be determined: {type(e).__name__}: {str(e)[:200]}"
            ) from e

    def pages(self, request: Request) -> Generator[Document]:
        """A document and the pages that follow it, each as soon as it is fetched.

        If fetching fails, the files of all pages so far are removed.

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


#: An address without characters on which URL parsers disagree: blanks, control characters, backslashes.
_PLAIN_ADDRESS = re.compile(r"[!-\[\]-~]+\Z")


def _condition(known: Mapping[str, str | None]) -> dict[str, str]:
    """Headers of a conditional request for other bytes than the known ones."""
    if etag := known.get("etag"):
        return {"If-None-Match": etag}
    if modified := known.get("last_modified"):
        return {"If-Modified-Since": modified}
    return {}


def _secret_url(request: Request) -> str:
    """The address that is requested, with its secret parameters."""
    if not request.secret_params:
        return stored_url(request)
    parts = urlsplit(stored_url(request))
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), *request.secret_params.items()])))


def _blocks(response: requests.Response) -> Iterator[bytes]:
    """A body as it arrives, decoded; a short page of known length in one block."""
    remaining = response.raw.length_remaining
    if remaining is not None and remaining <= _BLOCK and not response.headers.get("Content-Encoding"):
        # Read block by block, a page is copied between buffers, which takes longer than the rest of fetching it.
        yield response.raw.read()
    else:
        yield from response.iter_content(_BLOCK)


def _beginning(response: requests.Response, limit: int) -> bytes:
    """The first bytes of a body."""
    body = b""
    for block in response.iter_content(min(limit, 1 << 14)):
        body += block
        if len(body) >= limit:
            break
    return body[:limit]


def _detail(response: requests.Response, secrets: list[str]) -> str:
    """The beginning of an error body, if it is text; secrets are removed before it is cut."""
    try:
        body = _beginning(response, 1 << 16)
    except (requests.RequestException, HTTPError, OSError):
        return ""
    text = without(body.decode("utf-8", "replace"), secrets).strip().replace("\n", " ")
    return "" if not text or text.startswith("<") else f": {text[:200]}"
