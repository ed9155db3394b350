"""A local HTTP server that answers as the publishers do, faults included."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Answer:
    """One answer to one address; `times` bounds how often it is given before the next one takes over."""

    body: bytes | Callable[[Asked], bytes] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    times: int | None = None
    delay_s: float = 0.0
    #: Break off after so many bytes, though Content-Length promises all.
    cut_at: int | None = None
    given: int = 0


@dataclass(frozen=True)
class Asked:
    """A request that came in, as the publisher would have seen it."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


class ReplayServer:
    """Answers https://<host>/<path> requests that the client sends to http://127.0.0.1:<port>/<host>/<path>."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[Asked] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server._serve(self)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def add(
        self, url: str, body: bytes | str | Callable[[Asked], bytes], status: int = 200, **options: object
    ) -> Answer:
        """Answer `url` (with its query, or without: then for any query) with `body`; later answers follow earlier ones."""
        answer = Answer(body.encode() if isinstance(body, str) else body, status, **options)  # type: ignore[arg-type]
        self.answers.setdefault(url, []).append(answer)
        return answer

    def urls(self) -> list[str]:
        """Addresses asked for so far, robots.txt left out."""
        return [a.url for a in self.asked if not a.url.endswith("/robots.txt")]

    def _find(self, url: str) -> Answer | None:
        for address in (url, url.split("?")[0]):
            for answer in self.answers.get(address, []):
                if answer.times is None or answer.given < answer.times:
                    answer.given += 1
                    return answer
        return None

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        url = f"https:/{parts.path}" + (f"?{parts.query}" if parts.query else "")
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        asked = Asked(handler.command, url, dict(handler.headers), body)
        self.asked.append(asked)
        answer = self._find(url)
        if answer is None:
            answer = Answer(b"no such page in this replay", 404)
        time.sleep(answer.delay_s)
        content = answer.body(asked) if callable(answer.body) else answer.body
        status = answer.status
        etag = answer.headers.get("ETag")
        if status == 200 and etag and handler.headers.get("If-None-Match") == etag:
            status, content = (304 if handler.command == "GET" else 412), b""
        try:
            handler.send_response(status)
            for name, value in answer.headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content[: answer.cut_at] if answer.cut_at is not None else content)
            if answer.cut_at is not None:
                handler.close_connection = True
        except (BrokenPipeError, ConnectionResetError):
            pass
