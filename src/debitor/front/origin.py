"""By which address a caller came: what links, Location and context addresses begin with."""

from __future__ import annotations

import re
from urllib.parse import quote

from debitor.schema import Refused

_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_REMEMBERED = 1000


class Origins:
    """Gives the origin of a request and the API roots on it; what was found is remembered.

    Args:
        default: scheme and host to use where the request names none.
        fixed: use `default` always, for a server whose address is set.
    """

    def __init__(self, default: str, *, fixed: bool = False) -> None:
        self._default, self._fixed = default, fixed
        self._roots: dict[tuple[str, str, str], str] = {}

    def root(self, scheme: str, host: str, prefix: str) -> str:
        """The API root on the caller's own origin. Raises Refused for a Host that is none."""
        root = self._roots.get((scheme, host, prefix))
        if root is None:
            root = self.origin(scheme, host) + quote(prefix, safe="/")
            if len(self._roots) >= _REMEMBERED:
                self._roots.clear()
            self._roots[scheme, host, prefix] = root
        return root

    def origin(self, scheme: str, host: str) -> str:
        """Scheme and host by which the caller came. Raises Refused for a Host that is none."""
        if self._fixed or not host:
            return self._default
        if not _HOST.fullmatch(host):
            raise Refused("BadRequest", "The Host header names no host.")
        return f"{scheme}://{host}"
