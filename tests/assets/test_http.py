"""Fetching from hostile servers: bounded in bytes, time and place; keys appear nowhere."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assets import intake
from assets.sources import _http, _transport, source_named
from assets.sources._base import FetchError, Reading, Request, Source, Window
from assets.sources._http import Client
from tests.replay import ReplayServer
from warehouse.captures import Document
from warehouse.files import write_atomic
from warehouse.home import Home

HOST = "publisher.example"
URL = f"https://{HOST}/prices"
KEY = "sk-VERY+secret/0123456789=="
#: What must not wait is over by then on any machine, however busy with other things.
AT_ONCE_S = 60.0


def source(**changes: object) -> Source:
    """A source that may ask one host."""
    made = Source(
        "hostile",
        "cloud_rate",
        "Hostile",
        f"https://{HOST}/",
        "none",
        lambda _: Reading([]),
        hosts=(HOST,),
        max_bytes=1 << 20,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def fetch(home: Home, request: Request | None = None, **changes: object) -> Document:
    """Fetch as a run does."""
    client = Client(source(**changes), home.spool_dir)
    try:
        answer = client.fetch(request or Request(URL))
    finally:
        client.close()
    assert isinstance(answer, Document)
    return answer


def spooled(home: Home) -> list[Path]:
    """What a failed fetch left behind."""
    return list(home.spool_dir.iterdir())


class Raw:
    """A server that speaks bytes as told, however rude."""

    def __init__(self, talk: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0

        def serve() -> None:
            while True:
                try:
                    connection, _ = self._listener.accept()
                except OSError:
                    return
                self.connections += 1
                threading.Thread(target=self._talk, args=(connection, talk), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()

    def _talk(self, connection: socket.socket, talk: Callable[[socket.socket], None]) -> None:
        try:
            with connection:
                connection.recv(65536)
                talk(connection)
        except OSError:
            pass

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def raw(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[socket.socket], None]], Raw]]:
    """Start a raw server that every fetch goes to."""
    servers: list[Raw] = []
    monkeypatch.setattr(_http, "PACE_S", 0.0)
    monkeypatch.setattr(_http, "BACKOFF_FACTOR", 0.0)

    def start(talk: Callable[[socket.socket], None]) -> Raw:
        servers.append(Raw(talk))
        monkeypatch.setenv("PETADAY_REPLAY_URL", servers[-1].origin)
        return servers[-1]

    yield start
    for server in servers:
        server.close()


# Bytes ----------------------------------------------------------------------------------------------------------------


def test_a_gzip_bomb_is_counted_by_its_decoded_bytes(home: Home, replay: ReplayServer) -> None:
    bomb = gzip.compress(b"0" * (40 << 20))
    assert len(bomb) < 1 << 20
    replay.add(URL, bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(FetchError, match="more than the limit of 1048576 bytes"):
        fetch(home)
    assert spooled(home) == []


def test_an_announced_size_beyond_the_limit_is_refused_before_it_is_read(home: Home, replay: ReplayServer) -> None:
    replay.add(URL, b"0" * (2 << 20))
    with pytest.raises(FetchError, match="announces 2097152 bytes"):
        fetch(home)


@pytest.mark.parametrize("says", ["", "Content-Length: 10\r\n"])
def test_an_endless_answer_ends_at_the_limit(home: Home, raw: Callable[..., Raw], says: str) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\n{says}Transfer-Encoding: chunked\r\n\r\n".encode())
        block = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        while True:
            connection.sendall(block)

    raw(endless)
    with pytest.raises(FetchError, match="more than the limit"):
        fetch(home)
    assert spooled(home) == []


@pytest.mark.parametrize("head", ["Content-Length: 1000\r\n\r\nxxx", "Transfer-Encoding: chunked\r\n\r\n9\r\nxxx"])
def test_an_answer_that_breaks_off_is_no_answer(home: Home, raw: Callable[..., Raw], head: str) -> None:
    raw(lambda connection: connection.sendall(f"HTTP/1.1 200 OK\r\n{head}".encode()))
    with pytest.raises(FetchError, match="broke off"):
        fetch(home)
    assert spooled(home) == []


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3 << 20])
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_body_of_any_size_is_whole_and_may_stay_in_memory(
    home: Home, replay: ReplayServer, size: int, encoding: str
) -> None:
    body = (b"0123456789abcdef" * (1 + size // 16))[:size]
    headers = {"Content-Encoding": encoding} if encoding else {}
    replay.add(URL, gzip.compress(body, 1) if encoding else body, headers=headers)
    document = fetch(home, max_bytes=4 << 20)
    assert document.in_file().read_bytes() == document.read_bytes() == body
    document.path.unlink()
    # A page that its source reads at once is written down only where it is asked for again.
    page = fetch(home, max_bytes=4 << 20, read_page=lambda _: None)
    assert page.read_bytes() == body
    assert spooled(home) == ([] if page.body is not None else [page.path])
    assert page.body is None or size <= 1 << 20
    page.spool()
    assert page.in_file().read_bytes() == body
    assert spooled(home) == [page.path]


def test_pages_come_over_one_connection(home: Home, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[object] = []
    add = _transport.Watch.add
    monkeypatch.setattr(_transport.Watch, "add", lambda self, sock: connected.append(sock) or add(self, sock))
    replay.add(URL, b"x" * 100_000)
    client = Client(source(read_page=lambda _: None), home.spool_dir)
    for _ in range(3):
        answer = client.fetch(Request(URL))
        assert isinstance(answer, Document)
        assert answer.size == 100_000
    client.close()
    assert len(connected) == 1


def test_a_gzip_stream_that_is_none_is_refused(home: Home, replay: ReplayServer) -> None:
    replay.add(URL, b"not gzip at all", headers={"Content-Encoding": "gzip"})
    with pytest.raises(FetchError, match="could not be read"):
        fetch(home)
    assert spooled(home) == []


def test_an_endless_robots_file_is_read_no_further_than_needed(
    home: Home, raw: Callable[..., Raw], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_http, "TOTAL_TIMEOUT_S", 20.0)

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            connection.sendall(b"User-agent: *\nDisallow: /\n" * 1000)

    raw(endless)
    with pytest.raises(FetchError, match=r"robots\.txt"):
        fetch(home, is_scraped=True)


@pytest.mark.parametrize(
    ("status", "message"),
    [(503, r"robots\.txt answered 503: without it no page is read"), (404, None)],
)
def test_a_robots_file_that_cannot_be_read_is_not_said_to_forbid(
    status: int, message: str | None, home: Home, replay: ReplayServer
) -> None:
    replay.add(f"https://{HOST}/robots.txt", "", status)
    replay.add(URL, "{}")
    if message is None:
        assert fetch(home, is_scraped=True).path.exists()
        return
    with pytest.raises(FetchError, match=message):
        fetch(home, is_scraped=True)
    assert replay.urls() == []


def test_a_host_that_is_not_there_is_not_said_to_forbid(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "BACKOFF_FACTOR", 0)
    monkeypatch.setenv("PETADAY_REPLAY_URL", "http://127.0.0.1:9")
    with pytest.raises(FetchError, match=r"robots\.txt could not be read: .*: without it no page is read"):
        fetch(home, is_scraped=True)


# Time -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",  # the drip goes on inside a header
    ],
    ids=["length", "close", "header"],
)
def test_a_slow_drip_is_cut_off_wherever_it_drips(
    home: Home, raw: Callable[..., Raw], monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    """Each byte starts the read time-out anew, for ever; only a limit on the whole fetch ends it."""
    monkeypatch.setattr(_http, "TOTAL_TIMEOUT_S", 0.7)

    def drip(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    raw(drip)
    started = time.monotonic()
    with pytest.raises(FetchError, match="took longer than 1 s"):
        fetch(home)
    assert time.monotonic() - started < AT_ONCE_S
    assert spooled(home) == []


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"], ids=["at once", "in the body"]
)
def test_a_silent_publisher_is_not_taken_for_a_missing_network(
    home: Home, raw: Callable[..., Raw], monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    monkeypatch.setattr(_http, "READ_TIMEOUT_S", 0.2)

    def fall_silent(connection: socket.socket) -> None:
        connection.sendall(head)
        while connection.recv(1):  # until the client has gone
            pass

    raw(fall_silent)
    with pytest.raises(FetchError, match="could not be read: no answer in time"):
        fetch(home)
    assert spooled(home) == []


def test_the_limit_of_one_fetch_is_its_own(
    home: Home, raw: Callable[..., Raw], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread watches all fetches of a client: a quick one before leaves a slow one its full time, and no more."""
    monkeypatch.setattr(_http, "TOTAL_TIMEOUT_S", 1.5)
    quick = [True, True]

    def talk(connection: socket.socket) -> None:
        if quick:
            quick.pop()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    raw(talk)
    client = Client(source(), home.spool_dir)
    for _ in range(2):
        answer = client.fetch(Request(URL))
        assert isinstance(answer, Document)
        answer.path.unlink()
        time.sleep(0.6)
    started = time.monotonic()
    with pytest.raises(FetchError, match="took longer"):
        client.fetch(Request(URL))
    assert 1.4 < time.monotonic() - started < AT_ONCE_S
    client.close()
    assert spooled(home) == []


def test_credentials_of_a_netrc_are_not_sent(
    home: Home, replay: ReplayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys come from the environment alone."""
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {HOST} login someone password secret\nmachine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    replay.add(URL, "{}")
    fetch(home).path.unlink()
    assert "Authorization" not in replay.asked[0].headers


def test_retry_after_is_honoured_within_reason(home: Home, replay: ReplayServer) -> None:
    replay.add(URL, "later", 429, headers={"Retry-After": "1"}, times=1)
    replay.add(URL, "[]")
    started = time.monotonic()
    fetch(home).path.unlink()
    assert time.monotonic() - started >= 1


def test_a_publisher_that_asks_for_a_day_is_left_alone(home: Home, replay: ReplayServer) -> None:
    replay.add(URL, "tomorrow", 503, headers={"Retry-After": "86400"})
    started = time.monotonic()
    with pytest.raises(FetchError, match=r"hostile: .*asked to come back in \d{5} s"):
        fetch(home)
    assert time.monotonic() - started < AT_ONCE_S
    assert len(replay.urls()) == 1


# Place ----------------------------------------------------------------------------------------------------------------


ELSEWHERE = [
    "https://evil.example/x",
    "http://127.0.0.1/x",
    "https://127.0.0.1/x",
    "https://localhost/x",
    "https://[::1]/x",
    "http://169.254.169.254/latest/meta-data/",
    "https://169.254.169.254/",
    f"http://{HOST}/plain",
    f"https://{HOST}:8443/x",
    f"https://{HOST}@evil.example/x",
    f"https://user@{HOST}/x",
    f"https://evil.example\\@{HOST}/x",
    f"https://{HOST}.evil.example/",
    "//evil.example/x",
    "file:///etc/passwd",
    "gopher://evil.example/",
    "https://[broken",
    f"https://{HOST}:abc/",
    f"https://evil.example#@{HOST}/",
    f"https://{HOST}\u3002evil.example/",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_redirects_stay_on_the_sources_hosts(home: Home, replay: ReplayServer, target: str) -> None:
    replay.add(URL, "", 302, headers={"Location": target.encode("ascii", "backslashreplace").decode()})
    with pytest.raises(FetchError, match="refused to go|malformed"):
        fetch(home)
    assert replay.urls() == [URL]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_next_pages_stay_on_the_sources_hosts(home: Home, replay: ReplayServer, target: str) -> None:
    replay.add(URL, "{}")
    client = Client(source(follow=lambda _: Request(target)), home.spool_dir)
    with pytest.raises(FetchError, match="refused to go|malformed"):
        list(client.pages(Request(URL)))
    assert replay.urls() == [URL]
    assert spooled(home) == []


def test_the_body_of_a_redirect_is_not_read(
    home: Home, raw: Callable[..., Raw], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_http, "TOTAL_TIMEOUT_S", 1000.0)

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nConnection: close\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    raw(endless)
    started = time.monotonic()
    with pytest.raises(FetchError, match="refused to go"):
        fetch(home)
    assert time.monotonic() - started < AT_ONCE_S


def test_redirects_and_pages_end(home: Home, replay: ReplayServer) -> None:
    replay.add(URL, "", 302, headers={"Location": URL})
    with pytest.raises(FetchError, match="more than 5 redirects"):
        fetch(home)
    replay.answers.clear()
    replay.add(URL, "{}")
    client = Client(source(follow=lambda _: Request(URL)), home.spool_dir)
    with pytest.raises(FetchError, match="paging does not end"):
        list(client.pages(Request(URL)))


def test_a_next_page_that_cannot_be_told_is_a_layout_error(home: Home, replay: ReplayServer) -> None:
    def follow(document: Document) -> Request | None:
        return Request(json.loads(document.read_bytes())["next"]["url"])

    replay.add(URL, '{"next": []}')
    with pytest.raises(Exception, match="next page cannot be determined") as caught:
        list(Client(source(follow=follow), home.spool_dir).pages(Request(URL)))
    assert type(caught.value).__name__ == "LayoutError"
    assert spooled(home) == []


def test_a_304_that_nobody_asked_for_is_an_error(home: Home, replay: ReplayServer) -> None:
    replay.add(URL, "", 304)
    with pytest.raises(FetchError, match="answered 304"):
        fetch(home)


def test_bytes_that_a_304_speaks_of_but_are_lost_are_asked_for_again(home: Home, replay: ReplayServer) -> None:
    body = json.dumps({"data": []})
    replay.add(URL, body, headers={"ETag": '"1"'})
    made = source(plan=lambda _: [[Request(URL)]])
    write_atomic(
        home.root / "work" / "latest" / "hostile.json",
        json.dumps(
            {
                "urls": {URL: {"etag": '"1"', "sha256": "gone", "fetched_at": "2026-01-01", "last_modified": None}},
                "scopes": {},
            }
        ).encode(),
    )
    taken = intake.take_live(home, made, Window(dt.datetime.now(dt.UTC)))
    assert len(taken) == 1
    assert len(replay.urls()) == 2


# Indices --------------------------------------------------------------------------------------------------------------


def test_an_index_that_fails_costs_neither_the_others_nor_their_names(home: Home, replay: ReplayServer) -> None:
    """Of four planned requests one answer and two indices fail: the last index is read all the same, and each failure is named."""
    indices = [Request(f"https://{HOST}/index{n}", is_index=True) for n in (1, 2, 3)]
    replay.add(f"https://{HOST}/index1", "gone", 404)
    replay.add(f"https://{HOST}/index2", "[]")
    replay.add(f"https://{HOST}/index3", '["/page"]')
    replay.add(f"https://{HOST}/page", "{}")
    replay.add(URL, "gone", 404)

    def expand(index: Document, window: Window) -> list[list[Request]]:
        return [[Request(f"https://{HOST}{json.loads(index.read_bytes())[0]}")]]

    made = source(plan=lambda _: [[Request(URL)], *([index] for index in indices)], expand=expand)
    with pytest.raises(
        FetchError, match=r"3 of 4 requests failed: .*/prices .*404.*/index1 .*404.*/index2: the index cannot be read"
    ):
        intake.take_live(home, made, Window(dt.datetime.now(dt.UTC)))
    assert f"https://{HOST}/page" in replay.urls()
    assert len(list(home.staged_dir.iterdir())) == 1
    assert list(home.spool_dir.iterdir()) == []


def test_without_a_connection_the_first_request_says_it(home: Home, raw: Callable[..., Raw]) -> None:
    raw(lambda connection: connection.close())
    made = source(plan=lambda _: [[Request(f"https://{HOST}/page{n}")] for n in (1, 2, 3)])
    with pytest.raises(FetchError) as caught:
        intake.take_live(home, made, Window(dt.datetime.now(dt.UTC)))
    assert str(caught.value) == (
        f"3 of 3 requests failed: https://{HOST}/page1 could not be read: no connection (ConnectionError) (and 2 more)"
    )


# Keys -----------------------------------------------------------------------------------------------------------------


def request_with_key() -> Request:
    return Request(URL, {"a": "b"}, secret_params={"api_key": KEY}, secret_headers={"Authorization": f"Bearer {KEY}"})


def forms() -> list[str]:
    from urllib.parse import quote, quote_plus

    return [KEY, quote(KEY, safe=""), quote_plus(KEY), base64.b64encode(KEY.encode()).decode(), f"Bearer {KEY}"]


def nowhere(home: Home, text: str) -> None:
    """No form of the key in a text or in any file under the home."""
    for form in forms():
        assert form not in text
        for file in home.root.rglob("*"):
            if file.is_file():
                assert form.encode() not in file.read_bytes(), file


def test_a_key_that_an_answer_echoes_is_blotted_out_in_every_form(home: Home, replay: ReplayServer) -> None:
    replay.add(
        URL,
        lambda asked: f"{asked.url} {asked.headers} {forms()}".encode(),
        headers={"ETag": f'"{KEY}"', "Last-Modified": f"since {KEY}"},
    )
    document = fetch(home, request_with_key())
    assert b"REDACTED" in document.path.read_bytes()
    assert document.read_bytes() == document.path.read_bytes()
    nowhere(home, f"{document.url} {document.etag} {document.last_modified}")
    assert "REDACTED" in str(document.etag)


def test_a_key_that_a_page_echoes_is_blotted_out_where_pages_stay_in_memory(home: Home, replay: ReplayServer) -> None:
    replay.add(URL, f'{{"key": "{KEY}"}}')
    document = fetch(home, Request(URL, secret_headers={"X-Key": KEY}), read_page=lambda _: None)
    assert KEY.encode() not in document.read_bytes()
    assert KEY.encode() not in document.path.read_bytes()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_a_key_in_an_error_answer_is_not_repeated(home: Home, replay: ReplayServer, status: int) -> None:
    replay.add(URL, lambda asked: ("x" * 190 + f" {KEY} " + asked.url).encode(), status)
    with pytest.raises(FetchError) as caught:
        fetch(home, request_with_key())
    nowhere(home, str(caught.value))
    assert "sk-VERY" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_named_by_its_variable(home: Home, replay: ReplayServer, status: int) -> None:
    replay.add(URL, "no", status)
    with pytest.raises(FetchError, match=rf"answered {status}.*is ACME_API_KEY right\?"):
        fetch(home, request_with_key(), key_name="ACME_API_KEY")
    with pytest.raises(FetchError) as caught:
        fetch(home)
    assert "right?" not in str(caught.value)


def test_a_broken_connection_does_not_log_the_key(
    home: Home, raw: Callable[..., Raw], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """urllib3 warns of each retry with the full address: that must not reach a log."""
    caplog.set_level(logging.DEBUG)
    server = raw(lambda connection: connection.close())
    with pytest.raises(FetchError, match=r"could not be read: no connection \(ConnectionError\)") as caught:
        fetch(home, request_with_key())
    assert server.connections > 1
    shown = capfd.readouterr()
    nowhere(home, f"{caplog.text} {shown.out} {shown.err} {caught.value}")


def test_a_redirect_that_names_the_key_does_not_spread_it(home: Home, replay: ReplayServer) -> None:
    replay.add(URL, "", 302, headers={"Location": f"https://evil.example/?stolen={KEY}"})
    with pytest.raises(FetchError) as caught:
        fetch(home, request_with_key())
    nowhere(home, str(caught.value))


def test_a_scraped_page_that_robots_forbid_is_named_without_its_query(home: Home, replay: ReplayServer) -> None:
    replay.add(f"https://{HOST}/robots.txt", "User-agent: *\nDisallow: /")
    with pytest.raises(FetchError, match=r"robots\.txt") as caught:
        fetch(home, request_with_key(), is_scraped=True)
    nowhere(home, str(caught.value))


def test_a_header_that_cannot_be_sent_does_not_show_its_value(home: Home, replay: ReplayServer) -> None:
    with pytest.raises(FetchError) as caught:
        fetch(home, Request(URL, secret_headers={"Authorization": f"{KEY}\nHost: evil"}))
    nowhere(home, str(caught.value))


def test_every_source_with_a_key_hands_it_over_as_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address and the plain parameters, which are stored, never hold it."""
    from assets.sources import all_sources

    checked = 0
    for made in all_sources().values():
        if made.key_name and made.plan and not made.key_name.endswith("_URLS"):
            monkeypatch.setenv(made.key_name, KEY)
            day = dt.datetime.now(dt.UTC)
            for batch in list(made.plan(Window(day, day.date(), day.date())))[:5]:
                for request in batch:
                    assert KEY not in f"{request.url} {request.params} {request.headers} {request.json_body}", (
                        made.source_id
                    )
                    checked += 1
    assert checked
    assert source_named("skypilot").key_name is None
