"""The ASGI application: addresses, who asks, the body, the request id; then the protocol, reading or writing.

It has no routes of its own below an API root: `odata.service.Service` answers there. A GET by id spends some
microseconds here, so the headers are looked through once and nothing is parsed that a dict can remember.

    /api/v2.0/companies(…)/customers      root http://host/api/v2.0, path companies(…)/customers
    /v2.0/T/E/api/v2.0/companies          root http://host/v2.0/T/E/api/v2.0, path companies
    /T/oauth2/v2.0/token                  a token for client id and secret
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import zlib
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Protocol
from urllib.parse import quote, unquote_to_bytes

import msgspec

from debitor import __version__
from debitor.identity import Authenticator, OAuthError, TooManyAttempts, discovery
from debitor.odata.errors import ERROR_HEADERS, error_body, response_of
from debitor.odata.messages import Needs, Request, Response
from debitor.schema import Refused
from debitor.store import Root, Store, StoreError

log = logging.getLogger("debitor")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

API = "/api/v2.0"
METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
LARGEST_FORM = 64 << 10
"""Bytes of a token request."""
BODY_TIMEOUT = 30.0
"""Seconds that the next part of a body may take."""
DRAIN = 30.0
"""Seconds that requests in flight get when the server stops."""

_ROOT = re.compile(r"(?:/[^/]+|/v2\.0(?:/[^/]+){1,2})/api/v2\.0(?=/|$)", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_TOKEN = re.compile(r"(?:/([^/]{1,100}))?/oauth2(/v2\.0)?/token/?")
_KEYS = re.compile(r"(?:/[^/]{1,100})?/discovery(?:/v2\.0)?/keys/?")
_DISCOVERY = re.compile(
    r"(?:/(?!v2\.0/)([^/]{1,100}))?(?:/v2\.0)?/\.well-known/(?:openid-configuration|oauth-authorization-server)"
)

_encode = msgspec.json.Encoder().encode
_CONSTANT = frozenset({"content-type", "odata-version", "cache-control"})
_JSON = ("content-type", "application/json")
_NO_STORE = ("cache-control", "no-store")
_NOSNIFF = (b"x-content-type-options", b"nosniff")


class Answering(Protocol):
    """What the application needs of the protocol room; `odata.service.Service` is one."""

    def needs(self, request: Request) -> Needs:
        """Which session of the store the request needs."""
        ...

    def handle(self, request: Request, root: Root) -> Response:
        """Answer a request that reads."""
        ...

    def execute(self, request: Request, root: Root) -> Response:
        """Answer a request that writes. Raises Refused and StoreError, so that the store undoes it."""
        ...

    def error_response(self, request: Request, no: Refused | StoreError) -> Response:
        """The answer to a request that was refused."""
        ...


class Disconnected(Exception):
    """The client went away before its body was complete."""


def request_ids() -> Callable[[], str]:
    """A function that gives a fresh guid (version 4) per call. Not for secrets: it is a fast generator."""
    bits = random.Random(random.SystemRandom().getrandbits(256)).getrandbits  # noqa: S311 - ids, not secrets

    def fresh() -> str:
        h = f"{bits(128):032x}"
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"

    return fresh


_ENCODED: dict[tuple[str, str], tuple[bytes, bytes]] = {}


def _encoded(pair: tuple[str, str]) -> tuple[bytes, bytes]:
    """A header as bytes; those that all answers share are remembered."""
    made = (pair[0].encode("latin-1"), pair[1].encode("latin-1"))
    if pair[0] in _CONSTANT and len(_ENCODED) < 100:
        _ENCODED[pair] = made
    return made


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>debitor</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; color: #1c2430; }}
  body {{ max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }}
  h1 {{ margin-bottom: 0; }}
  small, dt {{ color: #5b6675; }}
  dt {{ margin-top: .8rem; }}
  dd {{ margin: 0; }}
  code, pre {{ font: 14px/1.5 ui-monospace, monospace; background: #f2f4f7; }}
  code, pre {{ border-radius: 4px; padding: .1rem .3rem; }}
  pre {{ padding: .8rem; overflow-x: auto; }}
  @media (prefers-color-scheme: dark) {{
    body {{ background: #14181e; color: #e6e9ee; }} code, pre {{ background: #222933; }}
    small, dt {{ color: #9aa5b4; }} a {{ color: #8ab4f8; }}
  }}
</style>
<h1>debitor</h1>
<small>version {version} · a receivables server that speaks the Business Central API v2.0</small>
<dl>
  <dt>API root (needs a token or client id and secret)</dt><dd><code>{api}</code></dd>
  <dt>Token endpoint (OAuth 2.0 client credentials)</dt><dd><code>{origin}/default/oauth2/v2.0/token</code></dd>
  <dt>Metadata</dt><dd><code>{api}/$metadata</code></dd>
  <dt>OpenID discovery</dt>
  <dd><a href="/default/v2.0/.well-known/openid-configuration">/default/v2.0/.well-known/openid-configuration</a></dd>
  <dt>Health</dt><dd><a href="/healthz">/healthz</a> · <a href="/readyz">/readyz</a></dd>
</dl>
<p>The companies, with the id and secret that the first start showed:</p>
<pre>curl -s -u "$ID:$SECRET" {api}/companies</pre>
</html>
"""


def headers_of(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers by lower-case name; a name sent twice has its values joined, as RFC 9110 allows."""
    found: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


class App:
    """The application, for one event loop.

    Args:
        service: the protocol.
        store: the books.
        identity: who may ask.
        origin: scheme and host to use where the request names none.
        fixed_origin: use `origin` always, for a server behind a proxy.
        max_body: bytes of the largest body, after decompression.
    """

    def __init__(
        self,
        service: Answering,
        store: Store,
        identity: Authenticator,
        *,
        origin: str,
        fixed_origin: bool = False,
        max_body: int = 32 << 20,
    ) -> None:
        self.service, self.store, self.identity = service, store, identity
        self.origin, self.fixed_origin, self.max_body = origin, fixed_origin, max_body
        self.draining = False
        self._fresh_id = request_ids()
        self._roots: dict[tuple[str, str, str], str] = {}
        self._active = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the life of the server."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._lifespan(receive, send)
            return
        self._active += 1
        try:
            await self._respond(scope, receive, send)
        finally:
            self._active -= 1

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = self._fresh_id()
        try:
            response = await self._answer(scope, receive, request_id)
        except Disconnected:
            return
        except StoreError as error:
            log.error("request %s: %s", request_id, error)
            response = response_of(error, request_id)
        except Exception:
            log.exception("request %s failed: %s %r", request_id, scope["method"], scope["path"])
            response = _unknown(request_id)
        body = response.body
        headers = [_ENCODED.get(pair) or _encoded(pair) for pair in response.headers]
        headers.append((b"request-id", request_id.encode()))
        headers.append(_NOSNIFF)
        # A 204 or 304 has no body by definition, and a HEAD answer has the length of what it leaves out.
        if body or (response.status >= 200 and response.status not in (204, 304) and scope["method"] != "HEAD"):
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive, request_id: str) -> Response:
        path: str = scope["path"]
        if path.startswith("/api/v2.0/") or path == API:
            prefix = API
        else:
            found = _ROOT.match(path)
            if found is None:
                return await self._elsewhere(scope, receive, path, request_id)
            prefix = found[0]
        headers = headers_of(scope["headers"])
        authorization = headers.get("authorization")
        if authorization is None:
            return self._unauthorized(request_id, tried=False)
        credentials = authorization.encode("latin-1")
        caller = self.identity.known(credentials)
        if caller is None:
            try:
                caller = await self.identity.prove(credentials, _peer(scope))
            except TooManyAttempts as wait:
                return _too_many(wait, request_id)
            if caller is None:
                return self._unauthorized(request_id, tried=True)
        method: str = scope["method"]
        try:
            root = self._root(scope["scheme"], headers.get("host", ""), prefix)
            if method not in METHODS:
                raise Refused("BadRequest_MethodNotAllowed", f"There is no method '{method[:20]}' here.", 405)
            if "\ufffd" in path:
                _check_utf8(scope["raw_path"])
            body = b"" if method == "GET" else await self._body(receive, headers)
            query = scope["query_string"].decode("ascii", "replace")
        except Refused as no:
            response = response_of(no, request_id)
            if response.status == 405:
                response.headers.append(("allow", ", ".join(sorted(METHODS))))
            return response
        request = Request(
            method, root, path[len(prefix) + 1 :], query, headers, body, request_id, caller.client_id, caller.rights
        )
        service = self.service
        needs = service.needs(request)
        try:
            if needs == "read":
                response = service.handle(request, self.store.reader())
            else:
                response = await self.store.write(
                    lambda transaction: service.execute(request, transaction), long=needs == "long"
                )
        except (Refused, StoreError) as no:
            response = service.error_response(request, no)
            if response.status >= 500:
                log.error("request %s: %s", request_id, no)
        if response.status == 503:
            response.headers.append(("retry-after", "1"))
        return response

    def _root(self, scheme: str, host: str, prefix: str) -> str:
        """The API root on the caller's own origin. Raises Refused for a Host that is none."""
        root = self._roots.get((scheme, host, prefix))
        if root is None:
            root = self._origin(scheme, host) + quote(prefix, safe="/")
            if len(self._roots) >= 1000:
                self._roots.clear()
            self._roots[scheme, host, prefix] = root
        return root

    def _origin(self, scheme: str, host: str) -> str:
        if self.fixed_origin or not host:
            return self.origin
        if not _HOST.fullmatch(host):
            raise Refused("BadRequest", "The Host header names no host.")
        return f"{scheme}://{host}"

    async def _body(self, receive: Receive, headers: dict[str, str], limit: int = 0) -> bytes:
        """The whole body, decompressed. Raises Refused: too large, too slow, or not what its headers say."""
        limit = limit or self.max_body
        declared, length = headers.get("content-length"), -1
        if declared is not None:
            length = int(declared)
            if length > limit:
                raise _too_large(limit)
        elif "transfer-encoding" not in headers:
            return b""
        message = await receive()
        body: bytes = message.get("body", b"")
        # The server may announce more when all has come already; waiting for nothing would cost a timer.
        if len(body) != length and (message.get("more_body") or message["type"] != "http.request"):
            body = await _rest(receive, message, limit)
        encoding = headers.get("content-encoding")
        if encoding is not None and body:
            body = decompressed(body, encoding, limit)
        return body

    def _unauthorized(self, request_id: str, *, tried: bool) -> Response:
        bearer = 'Bearer realm="debitor"' + (', error="invalid_token"' if tried else "")
        body = error_body(
            "Authentication_InvalidCredentials", "The server has rejected the client credentials.", request_id
        )
        challenges = [("www-authenticate", bearer), ("www-authenticate", 'Basic realm="debitor", charset="UTF-8"')]
        return Response(401, [*ERROR_HEADERS, *challenges], body)

    # ---- outside the API

    async def _elsewhere(self, scope: Scope, receive: Receive, path: str, request_id: str) -> Response:
        """Health, the front page, tokens and keys: nothing here tells anything about the books."""
        method = scope["method"]
        if found := _TOKEN.fullmatch(path):
            if method != "POST":
                return Response(405, [("allow", "POST"), _JSON], _encode({"error": "invalid_request"}))
            return await self._token(scope, receive, found[1] or "", 2 if found[2] else 1)
        if method not in ("GET", "HEAD"):
            no = Refused(
                "BadRequest_ResourceNotFound", f"Nothing takes {method[:20]} here; the API is at {API}.", 404
            )
            return response_of(no, request_id)
        if path == "/healthz":
            return Response(200, [_JSON, _NO_STORE], b'{"status":"ok"}')
        if path == "/readyz":
            return self._ready()
        headers = headers_of(scope["headers"])
        try:
            origin = self._origin(scope["scheme"], headers.get("host", ""))
        except Refused as no:
            return response_of(no, request_id)
        if path == "/":
            return self._front_page(origin, html="text/html" in headers.get("accept", ""))
        if found := _DISCOVERY.fullmatch(path):
            tenant = quote(found[1] or "", safe="")
            return Response(200, [_JSON], _encode(discovery(origin, tenant, self.identity.issuer)))
        if _KEYS.fullmatch(path):
            return Response(200, [_JSON, ("cache-control", "max-age=60")], _encode(self.identity.jwks()))
        nothing = Refused("BadRequest_ResourceNotFound", f"Nothing is here; the API is at {API}.", 404)
        return response_of(nothing, request_id)

    def _ready(self) -> Response:
        if self.draining:
            return Response(503, [_JSON, _NO_STORE, ("retry-after", "5")], b'{"status":"stopping"}')
        try:
            self.identity.recheck()
        except StoreError as error:
            log.error("not ready: %s", error)
            return Response(503, [_JSON, _NO_STORE, ("retry-after", "5")], b'{"status":"store not available"}')
        return Response(200, [_JSON, _NO_STORE], b'{"status":"ready"}')

    def _front_page(self, origin: str, *, html: bool) -> Response:
        facts = {
            "name": "debitor",
            "version": __version__,
            "api": f"{origin}{API}",
            "token": f"{origin}/default/oauth2/v2.0/token",
            "metadata": f"{origin}{API}/$metadata",
            "documentation": "README.md and docs/ of the debitor project",
        }
        if not html:
            return Response(200, [_JSON], _encode(facts))
        page = _PAGE.format(origin=origin, api=facts["api"], version=__version__)
        policy = ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
        return Response(200, [("content-type", "text/html; charset=utf-8"), policy], page.encode())

    async def _token(self, scope: Scope, receive: Receive, tenant: str, version: int) -> Response:
        headers = headers_of(scope["headers"])
        authorization = headers.get("authorization", "")
        answer_headers = [_JSON, _NO_STORE, ("pragma", "no-cache")]
        try:
            body = await self._body(receive, headers, LARGEST_FORM)
            answer = await self.identity.token(
                body,
                authorization.encode("latin-1"),
                headers.get("content-type", ""),
                tenant=tenant,
                peer=_peer(scope),
                version=version,
            )
        except Refused as no:
            told = {"error": "invalid_request", "error_description": no.message}
            return Response(no.status or 400, answer_headers, _encode(told))
        except OAuthError as no:
            if no.status == 401 and authorization[:6].lower() == "basic ":
                answer_headers.append(("www-authenticate", 'Basic realm="debitor", charset="UTF-8"'))
            return Response(
                no.status, answer_headers, _encode({"error": no.error, "error_description": no.description})
            )
        except TooManyAttempts as wait:
            told = {
                "error": "temporarily_unavailable",
                "error_description": f"Too many attempts; wait {wait.retry_after} seconds.",
            }
            return Response(429, [*answer_headers, ("retry-after", str(wait.retry_after))], _encode(told))
        return Response(200, answer_headers, _encode(answer))

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
        self.draining = True
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self._active and loop.time() < end:
            await asyncio.sleep(0.01)
        if self._active:
            log.warning("%d requests were still in flight after %g seconds", self._active, seconds)


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


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


def _too_large(limit: int) -> Refused:
    return Refused("BadRequest", f"The request body is larger than {limit} bytes; send it in parts.", 413)


def _check_utf8(raw_path: bytes) -> None:
    """Refuse an address whose percent-encoded bytes are not UTF-8: the server put U+FFFD in their place."""
    try:
        unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        raise Refused("BadRequest_NotFound", "The address is not UTF-8 after percent-decoding.", 400) from None


async def _rest(receive: Receive, message: Message, limit: int) -> bytes:
    """The body from its first message on; stops reading as soon as it is larger than `limit`."""
    body = bytearray()
    while True:
        if message["type"] != "http.request":
            raise Disconnected
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body"):
            return bytes(body)
        try:
            message = await asyncio.wait_for(receive(), BODY_TIMEOUT)
        except TimeoutError:
            told = f"The request body stopped for {BODY_TIMEOUT:g} seconds."
            raise Refused("BadRequest", told, 408) from None


def decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo a content encoding: gzip or deflate. Never holds more than `limit` bytes.

    Raises:
        Refused: another encoding (415), broken data (400), or more than `limit` bytes (413).
    """
    kind = encoding.strip().lower()
    if kind == "identity":
        return body
    if kind not in ("gzip", "x-gzip", "deflate"):
        raise Refused("BadRequest", f"The content encoding '{encoding[:50]}' is not known; send gzip or none.", 415)
    result = bytearray()
    rest = body
    try:
        while rest:  # gzip may consist of several members, one after the other
            inflate = zlib.decompressobj(zlib.MAX_WBITS | (0 if kind == "deflate" else 16))
            result += inflate.decompress(rest, limit + 1 - len(result))
            if len(result) > limit:
                raise _too_large(limit)
            if not inflate.eof:
                raise Refused("BadRequest", f"The {kind} data of the body ends too early.")
            rest = inflate.unused_data
    except zlib.error:
        raise Refused("BadRequest", f"The body is not {kind} data, as its Content-Encoding says.") from None
    return bytes(result)
