"""A local mail server that takes what it is sent, and refuses what a test asks it to."""

from __future__ import annotations

import socketserver
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass(frozen=True)
class Received:
    """One mail as it came in."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage


class SmtpServer:
    """Speaks enough of RFC 5321 for one client: EHLO, AUTH PLAIN, MAIL, RCPT, DATA, RSET, QUIT. No TLS."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        #: Recipients that are refused with 550.
        self.refused: set[str] = set()
        #: Refuse every mail with 451, as a server does that is out of space.
        self.is_full = False
        #: Offer AUTH, and take these words.
        self.auth: str | None = None
        self.was_authenticated = False
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                server._talk(self)

        class Server(socketserver.ThreadingTCPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """A client that speaks TLS here breaks off; that is what its test wants."""

        self._tcp = Server(("127.0.0.1", 0), Handler)
        self._tcp.daemon_threads = True
        self.port = self._tcp.server_address[1]
        threading.Thread(target=self._tcp.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._tcp.shutdown()
        self._tcp.server_close()

    def _talk(self, peer: socketserver.StreamRequestHandler) -> None:
        def say(line: str) -> None:
            peer.wfile.write(line.encode() + b"\r\n")

        sender, recipients = "", []
        say("220 replay")
        while line := peer.rfile.readline().decode("ascii", "replace").strip():
            word, _, rest = line.partition(" ")
            match word.upper():
                case "EHLO":
                    say("250-replay" if self.auth else "250 replay")
                    if self.auth:
                        say("250 AUTH PLAIN")
                case "AUTH":
                    self.was_authenticated = rest.split(" ")[-1] == self.auth
                    say("235 welcome" if self.was_authenticated else "535 bad credentials")
                case "MAIL":
                    sender, recipients = rest.split("<")[1].split(">")[0], []
                    say("451 no space" if self.is_full else "250 ok")
                case "RCPT":
                    address = rest.split("<")[1].split(">")[0]
                    if address in self.refused:
                        say("550 nobody here")
                    else:
                        recipients.append(address)
                        say("250 ok")
                case "DATA":
                    say("354 go on")
                    lines = []
                    while (part := peer.rfile.readline()) not in (b".\r\n", b""):
                        lines.append(part[1:] if part.startswith(b"..") else part)
                    message = message_from_bytes(b"".join(lines), policy=policy.default)
                    self.received.append(Received(sender, tuple(recipients), message))  # type: ignore[arg-type]
                    say("250 taken")
                case "QUIT":
                    say("221 bye")
                    return
                case _:
                    say("250 ok")
