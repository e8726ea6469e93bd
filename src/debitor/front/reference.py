"""The reference of an API: `/openapi.json` for programs, `/docs` for people. Both need no credentials.

    /openapi.json                 the OpenAPI document, with the caller's own origin as its server
    /docs                         the entity sets
    /docs?search=payment          operations and properties that match
    /docs/customerPayments        one entity set: its operations, examples and members
    /openapi/receivables.json     the same of another API, whose place is "receivables";
    /docs/receivables/currencies  its pages

The pages are made here from the document: no script, no other host, so that they work offline and under a policy that
allows nothing but their own style.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

import msgspec

from debitor.front.reference_page import POLICY, ReferencePages
from debitor.odata.messages import Response

PLACEHOLDER = "http://origin.invalid"
"""What the document has where the caller's origin belongs."""

_MOST_KEPT = 200


class Reference:
    """Answers the addresses of the reference.

    Args:
        make: gives the OpenAPI document with PLACEHOLDER as its origin; called once, when somebody asks.
        place: what stands in the addresses for the API; "" for the one that most ask for.
        others: the other APIs of this server: place -> title.
    """

    def __init__(
        self, make: Callable[[], dict[str, Any]], place: str = "", others: Mapping[str, str] | None = None
    ) -> None:
        self._make = make
        self._below = f"/{place}" if place else ""
        self._others = others or {}
        self._page_at = re.compile(rf"/docs{self._below}(?:/([A-Za-z]{{1,100}}))?/?").fullmatch
        self._template = b""
        self._pages: ReferencePages | None = None
        self._kept: dict[tuple[str, str, str], tuple[bytes, str]] = {}

    def answer(self, path: str, query: bytes, origin: str, headers: Mapping[str, str]) -> Response | None:
        """Return the answer to a GET, or None for an address that is not of the reference.

        Args:
            path: of the address, percent-decoded.
            query: the raw query string.
            origin: scheme and host by which the caller came.
            headers: lower-case name -> value.
        """
        if path == f"/openapi{self._below}.json":
            return self._cached(("json", "", origin), lambda: self._document(origin), headers, "application/json")
        found = self._page_at(path)
        if found is None:
            return None
        pages = self._loaded()
        name = found[1] or ""
        if name:
            if name not in pages.names:
                return None
            return self._cached(
                ("set", name, ""), lambda: pages.entity_set(name), headers, "text/html; charset=utf-8"
            )
        asked = parse_qs(query.decode("ascii", "replace"), errors="replace").get("search", [""])[0].strip()[:100]
        if asked:
            return Response(200, _headers("text/html; charset=utf-8"), pages.search(asked))
        return self._cached(("set", "", ""), pages.index, headers, "text/html; charset=utf-8")

    def _loaded(self) -> ReferencePages:
        if self._pages is None:
            document = self._make()
            self._template = msgspec.json.encode(document)
            self._pages = ReferencePages(document, self._below, self._others)
        return self._pages

    def _document(self, origin: str) -> bytes:
        self._loaded()
        # The origin stands inside JSON texts; a host name has no character that JSON would escape.
        return self._template.replace(PLACEHOLDER.encode(), origin.encode())

    def _cached(
        self, key: tuple[str, str, str], make: Callable[[], bytes], headers: Mapping[str, str], media: str
    ) -> Response:
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            body = make()
            kept = self._kept[key] = body, f'"{sha256(body).hexdigest()[:32]}"'
        body, tag = kept
        tags = {part.strip().removeprefix("W/") for part in headers.get("if-none-match", "").split(",")}
        if tag in tags or "*" in tags:
            return Response(304, [("etag", tag), ("cache-control", "no-cache")])
        return Response(200, [*_headers(media), ("etag", tag)], body)


def _headers(media: str) -> list[tuple[str, str]]:
    made = [("content-type", media), ("cache-control", "no-cache")]
    if media.startswith("text/html"):
        made += [("content-security-policy", POLICY), ("referrer-policy", "no-referrer")]
    return made
