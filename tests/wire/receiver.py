"""A program that is told of changes: it answers the handshake of a subscription and keeps what arrives."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PATIENCE = 20.0
"""Seconds that a notification may take to arrive on a busy machine."""


class Receiver:
    """Listens on this machine; answers handshakes and keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.calls: list[str] = []
        self.echo: Callable[[str], tuple[int, bytes]] = lambda token: (200, token.encode())
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                token = parse_qs(urlsplit(self.path).query).get("validationToken")
                receiver.calls.append(self.path)
                status, answer = 200, b""
                if token:
                    status, answer = receiver.echo(token[0])
                else:
                    status = receiver.statuses.pop(0) if receiver.statuses else 200
                    if status < 300:
                        receiver.told += json.loads(body)["value"]
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/hook"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def wait(self, number: int) -> list[Any]:
        """What has been told, once it is so many notifications."""
        end = time.monotonic() + PATIENCE
        while len(self.told) < number and time.monotonic() < end:
            time.sleep(0.02)
        assert len(self.told) >= number, self.told
        return self.told

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()
