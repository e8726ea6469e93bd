"""The HTTP server on its port, replaced by a new one when a certificate is renewed.

A certificate is read when a server starts. For a new one a second server starts on the same socket; the first then
takes no more connections, finishes its requests and ends. The socket stays open, so nobody who connects is turned
away.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from typing import Any

from debitor.app import DRAIN, App
from debitor.front.asgi import Receive, Scope, Send
from debitor.settings import Settings

log = logging.getLogger("debitor")

OVERLAP = 0.3
"""Seconds for which both servers take connections: until the new one surely listens."""
BACKLOG = 2048


class _Served:
    """The application as one server sees it: that server ends when the requests are answered that it took itself."""

    def __init__(self, app: App) -> None:
        self._app, self._active = app, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        self._active += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._active -= 1

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        loop = asyncio.get_running_loop()
        end = loop.time() + DRAIN
        while self._active and loop.time() < end:
            await asyncio.sleep(0.01)
        await send({"type": "lifespan.shutdown.complete"})


def listening(settings: Settings) -> socket.socket:
    """Return a socket that listens on the address of the settings. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(address)
    made.listen(BACKLOG)
    made.setblocking(False)
    return made


class Listener:
    """Serves an application until it is stopped.

    Args:
        app: the ASGI application.
        settings: address, port and certificate.
        shared: a socket that other processes listen on, too; None: one of its own.
    """

    def __init__(self, app: App, settings: Settings, shared: socket.socket | None = None) -> None:
        self._app, self._settings = app, settings
        self._reload, self._stop = asyncio.Event(), asyncio.Event()
        self._socket = listening(settings) if shared is None else shared

    def _server(self) -> Any:
        from granian import _granian
        from granian.constants import HTTPModes, Interfaces, SSLProtocols
        from granian.server.embed import Server

        settings = self._settings
        # Each server closes the handle that it got.
        native: Any = _granian
        handle: Any = native.SocketHolder(os.dup(self._socket.fileno()), False, BACKLOG)

        class OnSocket(Server):
            """Listens on a socket that is there, as the server itself does where ports cannot be shared."""

            def _init_shared_socket(self) -> None:
                self._ssp, self._shd, self._sfd = None, handle, handle.get_fd()

        return OnSocket(
            _Served(self._app),
            address=settings.host,
            port=settings.port,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            websockets=False,
            backlog=BACKLOG,
            backpressure=1024,
            log_enabled=False,
            ssl_cert=settings.tls_cert,
            ssl_key=settings.tls_key,
            ssl_protocol_min=SSLProtocols.tls12,
        )

    async def run(self) -> None:
        """Serve until `stop`; returns when all requests are answered."""
        server = self._server()
        serving = asyncio.create_task(server.serve())
        ending: set[asyncio.Task[Any]] = set()
        stopped = asyncio.create_task(self._stop.wait())
        try:
            while not self._stop.is_set():
                reload = asyncio.create_task(self._reload.wait())
                await asyncio.wait({serving, stopped, reload}, return_when=asyncio.FIRST_COMPLETED)
                reload.cancel()
                if serving.done():
                    # It was not told to: whoever waits for us sees why.
                    serving.result()
                    return
                if self._reload.is_set():
                    self._reload.clear()
                    old, old_task = server, serving
                    server = self._server()
                    serving = asyncio.create_task(server.serve())
                    await asyncio.sleep(OVERLAP)
                    old.stop()
                    ending.add(old_task)
                    log.info("the certificate was read anew")
            server.stop()
            self._socket.close()
            await self._app.drain()
            await asyncio.wait({serving, *ending})
        finally:
            stopped.cancel()
            self._socket.close()

    def reload(self) -> None:
        """Read the certificate anew; one that cannot be used is logged, and the old one stays."""
        settings = self._settings
        if settings.tls_cert is None or settings.tls_key is None:
            log.info("there is no certificate to read anew")
            return
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
        except (OSError, ssl.SSLError) as error:
            log.error("the new certificate cannot be used, the old one stays: %s", error)
            return
        self._reload.set()

    def stop(self) -> None:
        """Take no more connections; `run` returns when the requests under way are answered."""
        self._stop.set()
