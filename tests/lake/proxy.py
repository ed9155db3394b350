"""A TCP proxy on loopback that can stop forwarding (a network pause) or answer 503 in the server's place.

It runs in a process of its own: DuckDB may hold Python's lock while it waits for an answer.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from pathlib import Path


class _Proxy:
    """Forwards to a port of this machine."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.open_road = threading.Event()
        self.open_road.set()
        self.is_refusing = False
        self.refused_count = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def pause(self, seconds: float) -> None:
        """Forward nothing, in either direction, for a while; connections stay open."""
        self.open_road.clear()
        threading.Timer(seconds, self.open_road.set).start()

    def refuse(self, seconds: float) -> None:
        """Answer every request with 503 for a while."""
        self.is_refusing = True

        def accept_again() -> None:
            self.is_refusing = False

        threading.Timer(seconds, accept_again).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        threading.Thread(target=self._forward, args=(server, client), daemon=True).start()
        self._forward(client, server, is_request=True)

    def _forward(self, source: socket.socket, target: socket.socket, *, is_request: bool = False) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self.open_road.wait()
                if is_request and self.is_refusing:
                    self.refused_count += 1
                    body = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
                    head = b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                    source.sendall(head % len(body) + body)
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Proxy:
    """A proxy in another process."""

    def __init__(self, target: int) -> None:
        words = [sys.executable, "-m", "tests.lake.proxy", str(target)]
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
        )
        self.port = int(self._ask(""))

    def _ask(self, words: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        if words:
            self._process.stdin.write(words + "\n")
            self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def pause(self, seconds: float) -> None:
        """Forward nothing, in either direction, for a while; connections stay open."""
        self._ask(f"pause {seconds}")

    def refuse(self, seconds: float) -> None:
        """Answer every request with 503 for a while."""
        self._ask(f"refuse {seconds}")

    @property
    def refused_count(self) -> int:
        """Requests answered with 503 so far."""
        return int(self._ask("count"))

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def main() -> None:
    proxy = _Proxy(int(sys.argv[1]))
    print(proxy.port, flush=True)  # noqa: T201
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "pause":
            proxy.pause(float(rest[0]))
        elif word == "refuse":
            proxy.refuse(float(rest[0]))
        print(proxy.refused_count, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
