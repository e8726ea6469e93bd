"""The ASGI application: addresses, who asks, the body, the request id; then the protocol, reading or writing.

It has no routes of its own below an API root: `odata.service.Service` answers there. A GET by id spends some
microseconds here, so the headers are looked through once and nothing is parsed that a dict can remember.

    /api/v2.0/companies(…)/customers      root http://host/api/v2.0, path companies(…)/customers
    /api/debitor/receivables/v1.0/…       another API of the same books, with a service of its own
    /v2.0/T/E/api/v2.0/companies          root http://host/v2.0/T/E/api/v2.0, path companies
    /T/oauth2/v2.0/token                  a token for client id and secret
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from debitor.front.asgi import Receive, Scope, Send, headers_of, request_ids
from debitor.front.bodies import Disconnected, read_body
from debitor.front.codings import CODINGS, IN_THREAD, SMALLEST, chosen, codable, encoded, pieces
from debitor.front.cors import Cors, Header
from debitor.front.forwarding import Proxies
from debitor.front.limits import Limiter, LimitReached, Turn
from debitor.front.origin import Origins
from debitor.front.outside import Outside
from debitor.front.page import API
from debitor.front.pieces import send_pieces
from debitor.front.reference import Reference
from debitor.front.unchanged import Known, Unchanged
from debitor.front.uploads import portions
from debitor.identity import Authenticator, Caller, TooManyAttempts
from debitor.logs import RequestLog
from debitor.oauth import Tokens
from debitor.odata.errors import ERROR_HEADERS, error_body, response_of
from debitor.odata.messages import Needs, Request, Response
from debitor.schema import HandshakeNeeded, Refused
from debitor.store import Root, Store, StoreError
from debitor.tracing import Tracing
from debitor.watch import Watch

log = logging.getLogger("debitor")

METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
MOST_HANDSHAKES = 10
"""Receivers that one request may subscribe; each may take seconds."""
DRAIN = 30.0
"""Seconds that requests in flight get when the server stops."""
MOST_SNAPSHOTS = 8
"""Long lists that are sent piece by piece at once; beyond that they are answered whole."""
LONGEST_LIST = 60.0
"""Seconds that a streamed list may take: its snapshot keeps the write-ahead log from being emptied."""
LONGEST_MEDIA = 3000.0
"""Seconds that the content of a stream property may take; it holds no snapshot."""

_CONSTANT = frozenset({"content-type", "odata-version", "cache-control"})
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_HSTS = (b"strict-transport-security", b"max-age=31536000")


class Answering(Protocol):
    """What the application needs of the protocol room; `odata.service.Service` is one."""

    def needs(self, request: Request) -> Needs:
        """Which session of the store the request needs."""
        ...

    def claim(self, request: Request) -> Callable[[], None] | None:
        """Say that a request with an Idempotency-Key begins; gives what to call at its end. Raises Refused."""
        ...

    def handle(self, request: Request, root: Root) -> Response:
        """Answer a request that reads."""
        ...

    def uploads(self, path: str) -> bool:
        """Whether a PUT or PATCH of this address brings the content of a stream property."""
        ...

    def begin_content(self, request: Request, root: Root) -> Any:
        """Begin a content. Returns what `append_content` takes, with its `id`. Raises Refused."""
        ...

    def append_content(self, upload: Any, data: bytes, root: Root) -> None:
        """Add a portion to a content."""
        ...

    def execute(self, request: Request, root: Root) -> Response:
        """Answer a request that writes. Raises Refused and StoreError, so that the store undoes it."""
        ...

    def error_response(self, request: Request, no: Refused | StoreError) -> Response:
        """The answer to a request that was refused."""
        ...


def root_pattern(apis: Iterable[str]) -> re.Pattern[str]:
    """Return what finds the root at the start of a path, and the API in it (group 1), in any letter case.

    Business Central's own forms of addresses put a tenant, or `v2.0` with tenant and environment, before the API:
    `/T/api/v2.0`, `/v2.0/E/api/v2.0`, `/v2.0/T/E/api/v2.0`.
    """
    named = "|".join(re.escape(api) for api in apis)
    return re.compile(rf"(?:/v2\.0(?:/[^/]+){{1,2}}|/[^/]+)??({named})(?=/|$)", re.IGNORECASE)


def _api_of(written: str, apis: Iterable[str]) -> str:
    """Return the API that is written so, in whatever letter case."""
    lower = written.lower()
    return next(api for api in apis if api.lower() == lower)


_ENCODED: dict[tuple[str, str], tuple[bytes, bytes]] = {}


def _encoded(pair: tuple[str, str]) -> tuple[bytes, bytes]:
    """A header as bytes; those that all answers share are remembered."""
    made = (pair[0].encode("latin-1"), pair[1].encode("latin-1"))
    if pair[0] in _CONSTANT and len(_ENCODED) < 100:
        _ENCODED[pair] = made
    return made


class App:
    """The application, for one event loop.

    Args:
        service: the protocol.
        store: the books.
        identity: who may ask.
        origin: scheme and host to use where the request names none.
        fixed_origin: use `origin` always, for a server behind a proxy.
        others: the services of further APIs by root, such as `/api/debitor/receivables/v1.0`.
        proxies: whose Forwarded and X-Forwarded-* headers are believed; None: nobody's.
        max_body: bytes of the largest body, after decompression.
        max_media: bytes of the largest content of a stream property.
        compress: answers take the content coding that their client asks for.
        limiter: how much one user may ask; None: any amount.
        cors: which pages of other origins may ask; None: none.
        https: this server itself speaks TLS.
        references: answer /openapi.json and /docs, and the like of further APIs.
        tokens: the token service; None: one with the usual lifetimes.
        handshake: address of a receiver -> why it is none, or "".
        watch: counts what happens; None: nobody counts.
        metrics: who may read the counters: "local", "all" or "off".
        request_log: which requests are logged.
        tracing: makes spans of requests; None: none.
        wall: seconds since 1970.
    """

    def __init__(
        self,
        service: Answering,
        store: Store,
        identity: Authenticator,
        *,
        origin: str,
        fixed_origin: bool = False,
        others: Mapping[str, Answering] | None = None,
        proxies: Proxies | None = None,
        max_body: int = 32 << 20,
        max_media: int = 150 << 20,
        compress: bool = True,
        limiter: Limiter | None = None,
        cors: Cors | None = None,
        https: bool = False,
        references: Sequence[Reference] = (),
        tokens: Tokens | None = None,
        handshake: Callable[[str], Awaitable[str]] | None = None,
        watch: Watch | None = None,
        metrics: str = "off",
        request_log: RequestLog | None = None,
        tracing: Tracing | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.store, self.identity = store, identity
        self._watch, self._request_log, self._tracing = watch, request_log or RequestLog("none"), tracing
        self._services = {API: service, **(others or {})}
        self._root = root_pattern(self._services)
        self.max_body, self.max_media, self.compress = max_body, max_media, compress
        self._snapshots = 0
        self._limiter, self._cors = limiter, cors
        self._origins = Origins(origin, fixed=fixed_origin, proxies=proxies)
        self._always = [_NOSNIFF, _HSTS] if https else [_NOSNIFF]
        self.outside = Outside(
            identity,
            tokens or Tokens(identity, store),
            self._origins,
            references,
            watch=watch,
            metrics=metrics,
            writable=self._writable,
        )
        self._fresh_id = request_ids()
        self._active = 0
        self._handshake = handshake or _no_receivers
        self._cut = False
        self._unchanged, self._wall = Unchanged(), wall

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the life of the server."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._lifespan(receive, send)
            return
        self._active += 1
        started = time.perf_counter()
        request_id = self._fresh_id()
        status = 0
        watch, path, method = self._watch, scope["path"], scope["method"]
        try:
            if self._tracing is None:
                status = await self._respond(scope, receive, send, request_id)
            else:
                route = watch.route_of(path) if watch is not None else ""
                with self._tracing.request(scope, route) as span:
                    status = await self._respond(scope, receive, send, request_id)
                    self._tracing.answered(span, status, request_id)
        finally:
            self._active -= 1
            seconds = time.perf_counter() - started
            if watch is not None and status:
                watch.answered(path, method, status, seconds)
            self._request_log.answered(request_id, method, path, status, seconds, scope.get("client_id", ""))

    @property
    def active(self) -> int:
        """Requests that are being answered."""
        return self._active

    async def _writable(self) -> bool:
        """Whether the store takes writes; only asked after one failed."""
        try:
            await self.store.write(lambda root: root.forget_deletions("", 1))
        except StoreError as error:
            log.error("not ready: %s", error)
            return False
        return True

    async def _respond(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> int:
        """Answer a request. Returns the status, 0 when its client went away."""
        cors: list[Header] = []
        try:
            preflight = False
            if self._cors is not None:
                cors, preflight = self._cors.headers(scope)
            response = Response(204, []) if preflight else await self._answer(scope, receive, request_id)
            if isinstance(response, Known):
                headers = [*response.headers, (b"request-id", request_id.encode()), *cors]
                await send({"type": "http.response.start", "status": response.status, "headers": headers})
                await send({"type": "http.response.body", "body": response.body})
                return response.status
            if response.later is not None:
                response.body = await asyncio.to_thread(response.later)
            if self.compress and (response.chunks is not None or len(response.body) >= SMALLEST):
                await _code(scope, response)
        except Disconnected:
            return 0
        except StoreError as error:
            log.error("request %s: %s", request_id, error)
            response = response_of(error, request_id)
        except Exception:
            log.exception("request %s failed: %s %r", request_id, scope["method"], scope["path"])
            response = _unknown(request_id)
        body, chunks = response.body, response.chunks
        headers = [_ENCODED.get(pair) or _encoded(pair) for pair in response.headers]
        headers += self._always
        # A 204 or 304 has no body by definition, and a HEAD answer has the length of what it leaves out.
        if chunks is not None:
            if response.size >= 0:
                headers.append((b"content-length", str(response.size).encode()))
        elif body or (response.status >= 200 and response.status not in (204, 304) and scope["method"] != "HEAD"):
            headers.append((b"content-length", str(len(body)).encode()))
        if response.lasting and "unchanged" in scope:
            key, state = scope["unchanged"]
            self._unchanged.put(key, state, Known(response.status, headers, body))
        headers = [*headers, (b"request-id", request_id.encode()), *cors]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if chunks is not None:
            seconds = LONGEST_MEDIA if response.size >= 0 else LONGEST_LIST
            try:
                await send_pieces(send, receive, chunks, seconds=seconds, stopped=lambda: self._cut)
            except Exception as error:
                log.warning("request %s: the answer was cut: %r", request_id, error)
                raise
            return response.status
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        return response.status

    async def _answer(self, scope: Scope, receive: Receive, request_id: str) -> Response | Known:
        path: str = scope["path"]
        if path.startswith("/api/v2.0/") or path == API:
            prefix, service = API, self._services[API]
        else:
            found = self._root.match(path)
            if found is None:
                return await self.outside.answer(scope, receive, path, request_id)
            prefix, service = found[0], self._services[_api_of(found[1], self._services)]
        headers = headers_of(scope["headers"])
        authorization = headers.get("authorization")
        if authorization is None:
            return self._unauthorized(request_id, tried=False)
        credentials = authorization.encode("latin-1")
        caller = self.identity.known(credentials)
        if caller is None:
            try:
                caller = await self.identity.prove(credentials, self._origins.client(scope, headers))
            except Refused as no:
                return response_of(no, request_id)
            except TooManyAttempts as wait:
                return _too_many(wait, request_id)
            if caller is None:
                return self._unauthorized(request_id, tried=True)
        if self._limiter is None:
            return await self._serve(scope, receive, service, prefix, headers, caller, request_id)
        try:
            turn = await self._limiter.enter(caller.client_id)
        except LimitReached as no:
            response = response_of(no, request_id)
            response.headers.append(("retry-after", str(no.retry_after)))
            return response
        with turn:
            return await self._serve(scope, receive, service, prefix, headers, caller, request_id, turn)

    async def _serve(
        self,
        scope: Scope,
        receive: Receive,
        service: Answering,
        prefix: str,
        headers: dict[str, str],
        caller: Caller,
        request_id: str,
        turn: Turn | None = None,
    ) -> Response | Known:
        """Answer a request below an API root of somebody who may ask."""
        path, method = scope["path"], scope["method"]
        scope["client_id"] = caller.client_id
        try:
            root = self._origins.root(scope, headers, prefix)
            if method == "GET" and (state := self.store.state()) is not None:
                key = self._unchanged.key(root, path, scope["query_string"], headers, caller, self._today())
                if key is not None:
                    known = self._unchanged.get(key, state)
                    if known is not None:
                        return known
                    scope["unchanged"] = key, state
            if method not in METHODS:
                raise Refused("BadRequest_MethodNotAllowed", f"There is no method '{method[:20]}' here.", 405)
            if "\ufffd" in path:
                _check_utf8(scope["raw_path"])
            # An address that ends in a key names an entity; only others can be those of a stream property.
            upload = method in ("PUT", "PATCH") and path[-1:] != ")" and service.uploads(path[len(prefix) + 1 :])
            body = b"" if method == "GET" or upload else await read_body(receive, headers, self.max_body)
            query = scope["query_string"].decode("ascii", "replace")
        except Refused as no:
            response = response_of(no, request_id)
            if response.status == 405:
                response.headers.append(("allow", ", ".join(sorted(METHODS))))
            elif response.status == 415:
                response.headers.append(("accept-encoding", ", ".join(CODINGS)))
            return response
        request = Request(
            method, root, path[len(prefix) + 1 :], query, headers, body, request_id, caller.client_id, caller.rights
        )
        # Whoever says ReadOnly may be answered from a copy; but what a delta link knows must be there.
        replica = (
            "data-access-intent" in headers
            and headers["data-access-intent"].strip().lower() == "readonly"
            and "deltatoken" not in query
        )
        if method == "GET" and self._snapshots < MOST_SNAPSHOTS:
            request.snapshot = self._replica_snapshot if replica else self._snapshot
        needs = service.needs(request)
        release = None
        try:
            if "idempotency-key" in headers:
                release = service.claim(request)
            if needs == "read":
                response = await self.store.read(partial(service.handle, request), replica=replica)
                if turn is not None:
                    turn.check()
            else:
                if upload:
                    await self._take_content(service, request, receive, headers)
                response = await self._write(service, request, turn, long=needs == "long")
        except (Refused, StoreError) as no:
            response = service.error_response(request, no)
            if response.status >= 500:
                log.error("request %s: %s", request_id, no)
        finally:
            if release is not None:
                release()
        if response.status == 503:
            response.headers.append(("retry-after", "1"))
        return response

    def _replica_snapshot(self) -> AbstractContextManager[Root]:
        return self._snapshot(replica=True)

    def _today(self) -> int:
        """The day in UTC, as a number."""
        return int(self._wall() // 86400)

    @contextmanager
    def _snapshot(self, *, replica: bool = False) -> Iterator[Root]:
        """A snapshot of the store, counted: each is a connection with a cache of its own."""
        self._snapshots += 1
        try:
            with self.store.snapshot(replica=True) if replica else self.store.snapshot() as root:
                yield root
        finally:
            self._snapshots -= 1

    async def _take_content(
        self, service: Answering, request: Request, receive: Receive, headers: dict[str, str]
    ) -> None:
        """Bring the body of a request to the store, and note there what it has become.

        Raises:
            Refused, StoreError: nothing that was sent is used.
            Disconnected: the client went away.
        """
        store = self.store
        begun = await store.write(partial(service.begin_content, request))
        digest = sha256()
        async for data in portions(receive, headers, self.max_media):
            digest.update(data)
            await store.write(partial(service.append_content, begun, data))
        request.content, request.digest = begun.id, digest.hexdigest()

    async def _write(self, service: Answering, request: Request, turn: Turn | None, *, long: bool) -> Response:
        """Run a request that writes; again and again while it needs a handshake first."""
        execute = service.execute
        try:
            with nullcontext() if self._tracing is None else self._tracing.part("store.write"):
                return await self.store.write(
                    lambda transaction: _in_time(execute(request, transaction), turn), long=long
                )
        except HandshakeNeeded as wanted:
            known = request.handshakes or {}
            if len(known) >= MOST_HANDSHAKES:
                told = f"One request may make or renew subscriptions of {MOST_HANDSHAKES} receivers."
                raise Refused("BadRequest", told) from None
            handshakes = {**known, wanted.address: await self._handshake(wanted.address)}
        return await self._write(service, replace(request, handshakes=handshakes), turn, long=long)

    def _unauthorized(self, request_id: str, *, tried: bool) -> Response:
        bearer = 'Bearer realm="debitor"' + (', error="invalid_token"' if tried else "")
        body = error_body(
            "Authentication_InvalidCredentials", "The server has rejected the client credentials.", request_id
        )
        challenges = [("www-authenticate", bearer), ("www-authenticate", 'Basic realm="debitor", charset="UTF-8"')]
        return Response(401, [*ERROR_HEADERS, *challenges], body)

    # ---- the life of the server

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.drain()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def drain(self, seconds: float = DRAIN) -> None:
        """Wait until no request is in flight, for so many seconds at most."""
        self.outside.draining = True
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self._active and loop.time() < end:
            await asyncio.sleep(0.01)
        self._cut = True
        if self._active:
            log.warning("%d requests were still in flight after %g seconds", self._active, seconds)


async def _code(scope: Scope, response: Response) -> None:
    """Put an answer into the content coding that its client likes best."""
    accept = next((value for name, value in scope["headers"] if name == b"accept-encoding"), None)
    if accept is None or not codable(response):
        return
    response.headers.append(("vary", "accept-encoding"))
    coding = chosen(accept.decode("latin-1"))
    if not coding:
        return
    response.headers.append(("content-encoding", coding))
    if response.chunks is not None:
        response.chunks, response.size = pieces(response.chunks, coding), -1
    elif len(response.body) >= IN_THREAD:
        response.body = await asyncio.to_thread(encoded, response.body, coding)
    else:
        response.body = encoded(response.body, coding)


def _in_time(response: Response, turn: Turn | None) -> Response:
    """The response, unless its time is over: then its transaction is undone."""
    if turn is not None:
        turn.check()
    return response


def _too_many(wait: TooManyAttempts, request_id: str) -> Response:
    no = Refused(
        "Application_TooManyRequests", f"Too many attempts with client secrets; wait {wait.retry_after} seconds."
    )
    response = response_of(no, request_id)
    response.headers.append(("retry-after", str(wait.retry_after)))
    return response


def _unknown(request_id: str) -> Response:
    told = "An error occurred that the server did not expect. Its log has the details under this correlation id."
    return Response(500, list(ERROR_HEADERS), error_body("Unknown", told, request_id))


def _check_utf8(raw_path: bytes) -> None:
    """Refuse an address whose percent-encoded bytes are not UTF-8: the server put U+FFFD in their place."""
    try:
        unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        raise Refused("BadRequest_NotFound", "The address is not UTF-8 after percent-decoding.", 400) from None


async def _no_receivers(_address: str) -> str:
    return "this server sends no notifications."
