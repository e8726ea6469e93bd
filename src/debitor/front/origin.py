"""By which address a caller came: what links, Location and context addresses begin with."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from debitor.front.asgi import Scope, peer_of
from debitor.front.forwarding import HOST, Proxies, Via
from debitor.schema import Refused

_REMEMBERED = 1000


class Origins:
    """Gives the origin of a request and the API roots on it; what was found is remembered.

    Args:
        default: scheme and host to use where the request names none.
        fixed: use `default` always, for a server whose address is set.
        proxies: who is believed about the client's side; None: nobody.
    """

    def __init__(self, default: str, *, fixed: bool = False, proxies: Proxies | None = None) -> None:
        self._default, self._fixed, self._proxies = default, fixed, proxies
        self._roots: dict[tuple[str, str, str, str], str] = {}

    def client(self, scope: Scope, headers: Mapping[str, str]) -> str:
        """The address of who asks. Raises Refused when a proxy says what cannot be."""
        if self._proxies is None:
            return peer_of(scope)
        return self._proxies.via(peer_of(scope), scope["scheme"], headers).client

    def root(self, scope: Scope, headers: Mapping[str, str], prefix: str) -> str:
        """The API root on the caller's own origin. Raises Refused for a host that is none."""
        if self._proxies is None:
            key = (scope["scheme"], headers.get("host", ""), "", prefix)
        else:
            via = self._proxies.via(peer_of(scope), scope["scheme"], headers)
            key = (via.scheme, via.host, via.prefix, prefix)
        root = self._roots.get(key)
        if root is None:
            root = self._address(key[0], key[1], key[2]) + quote(prefix, safe="/")
            if len(self._roots) >= _REMEMBERED:
                self._roots.clear()
            self._roots[key] = root
        return root

    def origin(self, scope: Scope, headers: Mapping[str, str]) -> str:
        """Scheme, host and proxy's prefix by which the caller came. Raises Refused for a host that is none."""
        via = Via("", scope["scheme"], headers.get("host", ""))
        if self._proxies is not None:
            via = self._proxies.via(peer_of(scope), scope["scheme"], headers)
        return self._address(via.scheme, via.host, via.prefix)

    def _address(self, scheme: str, host: str, prefix: str) -> str:
        if self._fixed:
            return self._default
        if not host:
            return self._default + prefix
        if not HOST.fullmatch(host):
            raise Refused("BadRequest", "The Host header names no host.")
        return f"{scheme}://{host}{prefix}"
