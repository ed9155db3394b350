"""Fetching: polite, bounded, and only from the hosts a source names.

Time-outs, retries that honour `Retry-After`, conditional requests, a byte limit (of decoded bytes), a limit on the whole
time however slowly an answer drips, a pace per host, robots.txt for scraped pages. Secrets are added when the request is
sent and stay out of every URL, message and stored file.
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
from urllib3.exceptions import HTTPError

from assets.sources._base import PARSER_ERRORS, FetchError, LayoutError, Request, Source
from assets.sources._secrets import scrub, secrets_of, without
from assets.sources._transport import Watch, open_session
from warehouse.captures import Document
from warehouse.errors import PetadayError

USER_AGENT = "petaday/0.1 (+https://github.com/petaday/petaday; open record of AI compute prices)"
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 60.0
#: A whole answer takes no longer than this, however slowly it drips.
TOTAL_TIMEOUT_S = 900.0
PACE_S = 0.2
BACKOFF_FACTOR = 1.0
MAX_REDIRECTS = 5
MAX_ROBOTS_BYTES = 500_000
MAX_PAGES = 5_000
#: Most pages come in one.
_BLOCK = 1 << 20


NO_CONNECTION = "could not be read: no connection"
#: What a failed request means, the narrower kind first.
_BROKEN = (
    (requests.exceptions.SSLError, "could not be read: the certificate is not accepted"),
    (requests.exceptions.ProxyError, "could not be read: the proxy does not answer"),
    (requests.exceptions.Timeout, "could not be read: no answer in time"),
    (requests.exceptions.ConnectionError, NO_CONNECTION),
)


@dataclass(frozen=True, slots=True)
class NotModified:
    """The publisher says that the bytes are those of last time."""

    url: str
    fetched_at: dt.datetime


def stored_url(request: Request) -> str:
    """The address as it is kept and shown: with its parameters, without its secrets."""
    return f"{request.url}?{urlencode(request.params)}" if request.params else request.url


@dataclass(slots=True)
class Client:
    """An HTTP client for one source and one run."""

    source: Source
    spool_dir: Path
    _session: requests.Session = field(init=False)
    _last_request_at: dict[str, float] = field(init=False, default_factory=dict)
    _robots: dict[str, urllib.robotparser.RobotFileParser] = field(init=False, default_factory=dict)
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
        """Fetch one document into the spool folder; a page that its source reads at once, into memory (see `Document.in_file`).

        Args:
            request: what to ask for.
            known: `etag` and `last_modified` of the bytes we have, for a conditional request.

        Raises:
            FetchError: if it cannot be had: host not allowed, refused, too large, too slow, an error status.
        """
        headers = {**request.headers, **request.secret_headers}
        # To a condition on a POST a server has to answer 412 (RFC 9110), not 304.
        if request.method != "GET":
            known = None
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
        secrets = secrets_of(request)
        slow = f"{self.source.source_id}: {shown} took longer than {TOTAL_TIMEOUT_S:.0f} s"
        try:
            with self._watch.limit(TOTAL_TIMEOUT_S), self._open(url, request, headers) as response:
                if response.status_code == 304 and known:
                    return NotModified(shown, fetched_at)
                if response.status_code != 200:
                    told = without(f"{response.reason or ''}{_detail(response, secrets)}", secrets)
                    # A publisher that refuses a key says so in many ways: name the variable that holds it.
                    has_key = self.source.key_name and response.status_code in (401, 403)
                    asks = f"; is {self.source.key_name} right?" if has_key else ""
                    raise FetchError(f"{self.source.source_id}: {shown} answered {response.status_code} {told}{asks}")
                # A secret that the answer repeats is taken out of the file.
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
            kind = type(e).__name__
            why = next((words for broken, words in _BROKEN if isinstance(e, broken)), "could not be read")
            raise FetchError(f"{self.source.source_id}: {shown} {why} ({kind})") from None

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

    def _spool(
        self, response: requests.Response, shown: str, extension: str, *, needs_file: bool
    ) -> tuple[Path, bytes | None]:
        """The body in a file; in memory as well if it came in one block, or instead if its source reads it at once."""
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
        """The blocks of a body, which has as many bytes as it announces and no more than the source allows."""
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


def _blocks(response: requests.Response) -> Iterator[bytes]:
    """A body as it comes, decoded; a page that says how long it is in one block."""
    remaining = response.raw.length_remaining
    if remaining is not None and remaining <= _BLOCK and not response.headers.get("Content-Encoding"):
        # Read with a limit, a page is copied from buffer to buffer, which takes longer than all else of fetching it.
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
    """A short piece of an error body, if it is text; secrets are taken out before it is cut."""
    try:
        body = _beginning(response, 1 << 16)
    except (requests.RequestException, HTTPError, OSError):
        return ""
    text = without(body.decode("utf-8", "replace"), secrets).strip().replace("\n", " ")
    return "" if not text or text.startswith("<") else f": {text[:200]}"
