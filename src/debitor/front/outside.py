"""Addresses outside the API root: health, the front page, tokens, keys. Nothing here tells of the books."""

from __future__ import annotations

import logging
import re
from urllib.parse import quote

import msgspec

from debitor.front.asgi import Receive, Scope, headers_of
from debitor.front.bodies import read_body
from debitor.front.origin import Origins
from debitor.front.page import API, front_page
from debitor.front.reference import Reference
from debitor.identity import Authenticator, OAuthError, TooManyAttempts, discovery
from debitor.odata.errors import response_of
from debitor.odata.messages import Response
from debitor.schema import Refused
from debitor.store import StoreError

log = logging.getLogger("debitor")

LARGEST_FORM = 64 << 10
"""Bytes of a token request."""

_TOKEN = re.compile(r"(?:/([^/]{1,100}))?/oauth2(/v2\.0)?/token/?")
_KEYS = re.compile(r"(?:/[^/]{1,100})?/discovery(?:/v2\.0)?/keys/?")
_DISCOVERY = re.compile(
    r"(?:/(?!v2\.0/)([^/]{1,100}))?(?:/v2\.0)?/\.well-known/(?:openid-configuration|oauth-authorization-server)"
)


_encode = msgspec.json.Encoder().encode
_JSON = ("content-type", "application/json")
_NO_STORE = ("cache-control", "no-store")


class Outside:
    """Answers what is not below an API root.

    Args:
        identity: gives tokens and keys.
        origins: by which address the caller came.
        reference: answers /openapi.json and /docs.
    """

    def __init__(self, identity: Authenticator, origins: Origins, reference: Reference | None = None) -> None:
        self.identity, self.origins, self.reference = identity, origins, reference
        self.draining = False

    async def answer(self, scope: Scope, receive: Receive, path: str, request_id: str) -> Response:
        """Answer one request."""
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
            origin = self.origins.origin(scope, headers)
        except Refused as no:
            return response_of(no, request_id)
        if path == "/":
            return front_page(origin, html="text/html" in headers.get("accept", ""))
        if found := _DISCOVERY.fullmatch(path):
            tenant = quote(found[1] or "", safe="")
            return Response(200, [_JSON], _encode(discovery(origin, tenant, self.identity.issuer)))
        if _KEYS.fullmatch(path):
            return Response(200, [_JSON, ("cache-control", "max-age=60")], _encode(self.identity.jwks()))
        if self.reference is not None:
            told = self.reference.answer(path, scope["query_string"], origin, headers)
            if told is not None:
                return told
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

    async def _token(self, scope: Scope, receive: Receive, tenant: str, version: int) -> Response:
        headers = headers_of(scope["headers"])
        authorization = headers.get("authorization", "")
        answer_headers = [_JSON, _NO_STORE, ("pragma", "no-cache")]
        try:
            body = await read_body(receive, headers, LARGEST_FORM)
            answer = await self.identity.token(
                body,
                authorization.encode("latin-1"),
                headers.get("content-type", ""),
                tenant=tenant,
                peer=self.origins.client(scope, headers),
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
