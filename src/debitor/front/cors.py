"""Cross-origin requests of browser applications, for the origins that a setting names. See the Fetch standard.

Nothing is said to other origins, so their browsers keep the answer from the page that asked. Credentials are never
cookies here, so `Access-Control-Allow-Credentials` is not needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from debitor.front.asgi import Scope

Header = tuple[bytes, bytes]

METHODS = "GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS"
EXPOSED = ", ".join(
    (
        "ETag",
        "Idempotency-Replayed",
        "Location",
        "OData-EntityId",
        "OData-Version",
        "Preference-Applied",
        "Retry-After",
        "WWW-Authenticate",
        "request-id",
    )
)
AGE = 600
"""Seconds that a browser may remember the answer to a preflight."""

_NAMES = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:\s*,\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+){0,99}")


class Cors:
    """Which pages may ask.

    Args:
        origins: such as `https://app.example.com`; `*` means any.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origins)
        self._any = "*" in self._origins

    def headers(self, scope: Scope) -> tuple[list[Header], bool]:
        """What an answer says to the page.

        Returns:
            The headers, and whether the request is a preflight that they answer.
        """
        origin, method, names = b"", False, b""
        for name, value in scope["headers"]:
            if name == b"origin":
                origin = value
            elif name == b"access-control-request-method":
                method = True
            elif name == b"access-control-request-headers":
                names = value
        vary: list[Header] = [] if self._any else [(b"vary", b"origin")]
        if not origin or not (self._any or origin.decode("latin-1") in self._origins):
            return vary, False
        said = [*vary, (b"access-control-allow-origin", b"*" if self._any else origin)]
        if scope["method"] != "OPTIONS" or not method:
            return [*said, (b"access-control-expose-headers", EXPOSED.encode())], False
        said.append((b"access-control-allow-methods", METHODS.encode()))
        if _NAMES.fullmatch(names.decode("latin-1")):
            # Any header is welcome; a list of names is safer than `*`, which leaves out Authorization.
            said.append((b"access-control-allow-headers", names))
        said.append((b"access-control-max-age", str(AGE).encode()))
        return said, True
