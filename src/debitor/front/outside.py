"""Addresses outside the API root: health, the front page, tokens, keys. Nothing here tells of the books."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from urllib.parse import quote

import msgspec

from debitor.front.asgi import Receive, Scope, headers_of, peer_of
from debitor.front.bodies import read_body
from debitor.front.origin import Origins
from debitor.front.page import API, front_page
from debitor.front.reference import Reference
from debitor.identity import Authenticator, TooManyAttempts
from debitor.oauth import OAuthError, Tokens, discovery, error_answer
from debitor.odata.errors import response_of
from debitor.odata.messages import Response
from debitor.schema import Refused
from debitor.store import StoreError
from debitor.watch import CONTENT_TYPE, Watch

log = logging.getLogger("debitor")

LARGEST_FORM = 64 << 10
"""Bytes of a token request."""

_TOKEN = re.compile(r"(?:/([^/]{1,100}))?/oauth2(/v2\.0)?/token/?")
_SIGN_IN = re.compile(r"(?:/[^/]{1,100})?/oauth2(?:/v2\.0)?/authorize/?")
_KEYS = re.compile(r"(?:/[^/]{1,100})?/discovery(?:/v2\.0)?/keys/?")
_DISCOVERY = re.compile(
    r"(?:/(?!v2\.0/)([^/]{1,100}))?(?:/v2\.0)?/\.well-known/(?:openid-configuration|oauth-authorization-server)"
)


_THROUGH_PROXY = frozenset({"forwarded", "via", "x-forwarded-for", "x-real-ip"})

_encode = msgspec.json.Encoder().encode
_JSON = ("content-type", "application/json")
_NO_STORE = ("cache-control", "no-store")
_SECRET = (_NO_STORE, ("pragma", "no-cache"))
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class Outside:
    """Answers what is not below an API root.

    Args:
        identity: knows who may ask, and the keys.
        tokens: gives tokens.
        origins: by which address the caller came.
        references: answer /openapi.json and /docs, and the like of further APIs.
        watch: the counters behind /metrics.
        metrics: who may read them: "local" (this machine, not through a proxy), "all", or "off".
        writable: whether the store takes writes; asked after one failed.
    """

    def __init__(
        self,
        identity: Authenticator,
        tokens: Tokens,
        origins: Origins,
        references: Sequence[Reference] = (),
        *,
        watch: Watch | None = None,
        metrics: str = "off",
        writable: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self.identity, self.tokens, self.origins, self.references = identity, tokens, origins, references
        self._watch, self._metrics, self._writable = watch, metrics, writable
        self.draining = False

    async def answer(self, scope: Scope, receive: Receive, path: str, request_id: str) -> Response:
        """Answer one request."""
        method = scope["method"]
        if found := _TOKEN.fullmatch(path):
            headers = headers_of(scope["headers"])
            made = await self._token(scope, receive, headers, found[1] or "", 2 if found[2] else 1)
            if not isinstance(made, Response):
                made = self._told(made, headers, method, request_id)
            # Clients of Entra ID note both ids when they report a failure.
            made.headers.append(("x-ms-request-id", request_id))
            if headers.get("return-client-request-id", "").lower() == "true" and _correlation_id(headers):
                made.headers.append(("client-request-id", _correlation_id(headers)))
            return made
        if method not in ("GET", "HEAD"):
            no = Refused(
                "BadRequest_ResourceNotFound", f"Nothing takes {method[:20]} here; the API is at {API}.", 404
            )
            return response_of(no, request_id)
        if path == "/healthz":
            return Response(200, [_JSON, _NO_STORE], b'{"status":"ok"}')
        if path == "/readyz":
            return await self._ready()
        headers = headers_of(scope["headers"])
        if path == "/metrics" and self._watch is not None and self._may_read(scope, headers):
            return Response(200, [("content-type", CONTENT_TYPE), _NO_STORE], self._watch.text())
        try:
            origin = self.origins.origin(scope, headers)
        except Refused as no:
            return response_of(no, request_id)
        if _SIGN_IN.fullmatch(path):
            nobody = "Nobody signs in here: applications ask the token endpoint, with their secret."
            return self._told(OAuthError("unsupported_response_type", 70005, nobody), headers, method, request_id)
        if path == "/":
            return front_page(origin, html="text/html" in headers.get("accept", ""))
        if found := _DISCOVERY.fullmatch(path):
            tenant = quote(found[1] or "", safe="")
            return Response(200, [_JSON], _encode(discovery(origin, tenant, self.identity.issuer)))
        if _KEYS.fullmatch(path):
            return Response(200, [_JSON, ("cache-control", "max-age=60")], _encode(self.identity.jwks()))
        for reference in self.references:
            told = reference.answer(path, scope["query_string"], origin, headers)
            if told is not None:
                return told
        nothing = Refused("BadRequest_ResourceNotFound", f"Nothing is here; the API is at {API}.", 404)
        return response_of(nothing, request_id)

    def _may_read(self, scope: Scope, headers: dict[str, str]) -> bool:
        """Whether the counters are for this caller. One that comes through a proxy is not of this machine."""
        if self._metrics == "all":
            return True
        if self._metrics != "local" or _THROUGH_PROXY & headers.keys():
            return False
        try:
            return ip_address(peer_of(scope)).is_loopback
        except ValueError:
            return False

    async def _takes_writes(self) -> bool:
        return self._writable is None or await self._writable()

    async def _ready(self) -> Response:
        if self.draining:
            return Response(503, [_JSON, _NO_STORE, ("retry-after", "5")], b'{"status":"stopping"}')
        try:
            self.identity.recheck()
        except StoreError as error:
            log.error("not ready: %s", error)
            return Response(503, [_JSON, _NO_STORE, ("retry-after", "5")], b'{"status":"store not available"}')
        watch = self._watch
        if watch is not None and watch.failing and (watch.failed_lately or not await self._takes_writes()):
            return Response(503, [_JSON, _NO_STORE, ("retry-after", "5")], b'{"status":"store takes no writes"}')
        return Response(200, [_JSON, _NO_STORE], b'{"status":"ready"}')

    async def _token(
        self, scope: Scope, receive: Receive, headers: dict[str, str], tenant: str, version: int
    ) -> Response | OAuthError | TooManyAttempts:
        if scope["method"] != "POST":
            return OAuthError("invalid_request", 900561, "A token is asked for by POST.", 405)
        try:
            body = await read_body(receive, headers, LARGEST_FORM, patient=False)
            answer = await self.tokens.answer(
                body,
                headers.get("authorization", "").encode("latin-1"),
                headers.get("content-type", ""),
                tenant=tenant,
                peer=self.origins.client(scope, headers),
                version=version,
            )
        except Refused as no:
            return OAuthError("invalid_request", 9002313, no.message, no.status or 400)
        except (OAuthError, TooManyAttempts) as no:
            return no
        return Response(200, [_JSON, *_SECRET], _encode(answer))

    def _told(
        self, no: OAuthError | TooManyAttempts, headers: dict[str, str], method: str, request_id: str
    ) -> Response:
        """The answer to a token request that is refused, as Entra ID forms it."""
        answer_headers = [_JSON, *_SECRET]
        if isinstance(no, TooManyAttempts):
            status = 429
            answer_headers.append(("retry-after", str(no.retry_after)))
        else:
            status = no.status
            if status == 401 and headers.get("authorization", "")[:6].lower() == "basic ":
                answer_headers.append(("www-authenticate", 'Basic realm="debitor", charset="UTF-8"'))
            elif status == 405:
                answer_headers.append(("allow", "POST"))
        correlation_id = _correlation_id(headers) or request_id
        body = _encode(error_answer(no, request_id, correlation_id, self.identity.wall()))
        return Response(status, answer_headers, b"" if method == "HEAD" else body)


def _correlation_id(headers: dict[str, str]) -> str:
    """The id under which the client knows its token request, or nothing."""
    said = headers.get("client-request-id", "")
    return said if _GUID.fullmatch(said) else ""
