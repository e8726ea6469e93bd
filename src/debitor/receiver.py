"""One POST to the receiver of notifications: what may be called, and how long and how much it may answer.

The address comes from a client, so the server must not become its arm inside the network: only https, to addresses of
the public internet, unless the settings say otherwise. The name is resolved once, and the address that was checked is
the one that is called. No redirect is followed.
"""

from __future__ import annotations

import asyncio
import http.client
import secrets
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

SECONDS = 10.0
"""How long a receiver may take for connecting, reading and answering together."""
LARGEST = 64 << 10
"""Bytes of an answer that are read."""


class Unreachable(Exception):
    """The receiver may not be called, or did not answer; the message says why.

    Attributes:
        forbidden: it may not be called, and trying again will not help.
    """

    def __init__(self, why: str, *, forbidden: bool = False) -> None:
        super().__init__(why)
        self.forbidden = forbidden


class Answer(NamedTuple):
    """What a receiver said."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Receivers:
    """Calls receivers.

    Args:
        http: plain http is allowed, to addresses of this machine only.
        private: https to private addresses, and to this machine, is allowed.
        seconds: for the whole call.
    """

    http: bool = False
    private: bool = False
    seconds: float = SECONDS

    def post(self, url: str, body: bytes = b"") -> Answer:
        """Send a body (JSON) and return the answer; waits for it. Raises Unreachable."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        secure = parts.scheme == "https"
        address, port = self._resolve(host, parts.port or (443 if secure else 80), secure)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection: http.client.HTTPConnection | None = None
        timer: threading.Timer | None = None
        try:
            raw = socket.create_connection((address, port), timeout=self.seconds)
            # A time-out of the socket counts from the last byte; this ends the call whatever the receiver does.
            timer = threading.Timer(self.seconds, _cut, (raw,))
            timer.daemon = True
            timer.start()
            plain = _tls().wrap_socket(raw, server_hostname=host) if secure else raw
            connection = http.client.HTTPConnection(host, parts.port, timeout=self.seconds)
            connection.sock = plain
            headers = {"Content-Type": "application/json", "Connection": "close", "User-Agent": "debitor"}
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(LARGEST))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(f"{host} does not answer as it should ({error or type(error).__name__}).") from error
        finally:
            if timer is not None:
                timer.cancel()
            if connection is not None:
                connection.close()

    def _resolve(self, host: str, port: int, secure: bool) -> tuple[str, int]:
        """Return the address to call. Raises Unreachable when there is none, or none that may be called."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"the host {host} is not known.") from error
        for *_, place in found:
            address = str(place[0])
            if self._allowed(ip_address(address.partition("%")[0]), secure):
                return address, port
        if not secure:
            raise Unreachable(
                "plain http is only allowed to this machine, and by webhook_http; use https.", forbidden=True
            )
        raise Unreachable(f"{host} has a private address; the setting webhook_private allows these.", forbidden=True)

    def _allowed(self, address: IPv4Address | IPv6Address, secure: bool) -> bool:
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if address.is_loopback:
            return (self.private or self.http) if secure else self.http
        if not secure or address.is_multicast or address.is_link_local or address.is_unspecified:
            return False
        return address.is_global or self.private

    def shake_hands(self, url: str) -> str:
        """Ask a receiver to return a token; returns why it is no receiver, or ""."""
        token = secrets.token_urlsafe(24)
        try:
            answer = self.post(f"{url}{'&' if urlsplit(url).query else '?'}validationToken={token}")
        except Unreachable as why:
            return str(why)
        if answer.status != 200:
            return f"the receiver answered {answer.status} instead of 200."
        if answer.body.strip() != token.encode():
            return "the receiver did not return the validationToken of the address as plain text."
        return ""


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended already


@lru_cache(1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Run a function that waits in a thread of its own, which does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = function(*arguments)
        except BaseException as caught:
            error = caught
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            return  # the loop has ended, and with it whoever waited

    threading.Thread(target=run, daemon=True, name="debitor-receiver").start()
    return await future
