"""A mail server for tests: takes every mail, or answers as it is told."""

from __future__ import annotations

import email
import socketserver
import threading
import time
from email.message import EmailMessage
from email.policy import default
from types import TracebackType
from typing import cast


class _Session(socketserver.StreamRequestHandler):
    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self) -> None:
        box = cast("_Server", self.server).box
        self.say("220 test")
        while line := self.rfile.readline():
            command = line.decode().strip()
            name = command[:4].upper()
            if name in ("EHLO", "HELO"):
                self.say("250 test")
            elif name == "RCPT" and box.answers:
                self.say(box.answers.pop(0))
            elif name == "DATA":
                self.say("354 go on")
                lines = []
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(part[1:] if part.startswith(b"..") else part)
                box.mails.append(email.message_from_bytes(b"".join(lines), policy=default))
                self.say("250 taken")
            elif name == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    box: Mailbox


class Mailbox:
    """Listens on loopback. `answers` are given to the next RCPT commands instead of 250."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answers: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.box = self
        self.url = f"smtp://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Mailbox:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def wait_for(self, count: int, seconds: float = 20.0) -> list[EmailMessage]:
        """The mails once there are so many of them."""
        end = time.monotonic() + seconds
        while len(self.mails) < count and time.monotonic() < end:
            time.sleep(0.05)
        assert len(self.mails) == count, f"{len(self.mails)} mails instead of {count}"
        return self.mails
