"""What trusted proxies say of a request: who sent it, and by which scheme, host, port and path prefix.

A proxy appends what it saw, so lists are read from the right. Each entry is believed as long as the hop that wrote it
is trusted: the client is the right-most hop that is not.

    peer 10.0.0.2 (trusted), X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.1 (trusted)
    10.0.0.2 says 10.0.0.1; 10.0.0.1 says 203.0.113.9, which is not trusted: that is the client.
    What stands further left, 203.0.113.9 has written itself; it is not looked at.

`Forwarded` (RFC 7239) and the `X-Forwarded-` headers are both read. A client can send the one that a proxy does not
set, so when both come they must say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from debitor.schema import Refused

HOST = re.compile(r"[A-Za-z0-9._-]{1,255}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_PORT = re.compile(r"\d{1,5}")
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]{1,100}){1,10}/?")
_NODE = re.compile(
    r"\[(?P<six>[0-9A-Fa-f:.]+)\](?::\d{1,5})?|(?P<four>\d+(?:\.\d+){3})(?::\d{1,5})?|(?P<bare>[0-9A-Fa-f:.]+)"
)
_HIDDEN = re.compile(r"unknown|_[A-Za-z0-9._-]{1,100}", re.IGNORECASE)
_PAIR = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*))\s*')
_USUAL = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")
_HEADERS = ("forwarded", *_USUAL, "x-forwarded-port", "x-forwarded-prefix")
_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Via:
    """How a request came.

    Args:
        client: the address of who sent it, for counting failures.
        prefix: the path before ours that the proxy took away, such as `/books`, or nothing.
    """

    client: str
    scheme: str
    host: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class _Said:
    """What one family of headers says; None where it says nothing."""

    client: str | None
    scheme: str | None
    host: str | None


class Proxies:
    """The proxies that are believed.

    Args:
        networks: their addresses, such as `10.0.0.0/8` or `::1`.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(each) for each in networks]
        self._trusted: dict[str, bool] = {}
        self._found: dict[tuple[str | None, ...], Via] = {}

    def via(self, peer: str, scheme: str, headers: Mapping[str, str]) -> Via:
        """How a request came that arrived from `peer`.

        Raises:
            Refused: a trusted proxy passed on something that is no address, scheme, host, port or path.
        """
        if not self.trusts(peer):
            return Via(peer, scheme, headers.get("host", ""))
        said = (peer, scheme, headers.get("host"), *[headers.get(name) for name in _HEADERS])
        found = self._found.get(said)
        if found is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            found = self._found[said] = self._read(peer, scheme, headers)
        return found

    def trusts(self, address: str) -> bool:
        """Whether an address is that of a trusted proxy."""
        known = self._trusted.get(address)
        if known is None:
            if len(self._trusted) >= _REMEMBERED:
                self._trusted.clear()
            known = self._trusted[address] = self._inside(address)
        return known

    def _inside(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self._networks)

    def _read(self, peer: str, scheme: str, headers: Mapping[str, str]) -> Via:
        standard = self._forwarded(headers["forwarded"]) if "forwarded" in headers else None
        usual, hop = self._usual(headers)
        has_usual = any(name in headers for name in _USUAL)
        if standard is not None and has_usual and standard != usual:
            raise Refused(
                "BadRequest",
                "Forwarded and X-Forwarded-* say different things of this request; let the proxy remove the one that "
                "it does not set.",
            )
        said = standard if standard is not None else usual
        host = said.host or headers.get("host", "")
        scheme = said.scheme or scheme
        port = _chosen(headers.get("x-forwarded-port"), hop)
        if port is not None:
            host = _with_port(host, port, scheme, named=said.host is not None)
        prefix = _chosen(headers.get("x-forwarded-prefix"), hop) or ""
        if prefix == "/":
            prefix = ""
        if prefix and not _PREFIX.fullmatch(prefix):
            raise _bad("X-Forwarded-Prefix", prefix)
        return Via(said.client or peer, scheme, host, prefix.rstrip("/"))

    def _usual(self, headers: Mapping[str, str]) -> tuple[_Said, int]:
        """What X-Forwarded-* says, and how many hops from the right the client is."""
        client, hop = None, 1
        if "x-forwarded-for" in headers:
            nodes = [node.strip() for node in headers["x-forwarded-for"].split(",")]
            client, hop = self._client(nodes, "X-Forwarded-For")
        scheme = _chosen(headers.get("x-forwarded-proto"), hop)
        host = _chosen(headers.get("x-forwarded-host"), hop)
        return _Said(client, _scheme(scheme, "X-Forwarded-Proto"), _host(host, "X-Forwarded-Host")), hop

    def _forwarded(self, header: str) -> _Said:
        elements = _elements(header)
        nodes = [each.get("for", "") for each in elements]
        # An element without `for` ends the walk: nobody says who was before.
        last_blank = max((at for at, node in enumerate(nodes) if not node), default=-1)
        client, hop = None, 1
        if last_blank < len(nodes) - 1:
            client, hop = self._client(nodes[last_blank + 1 :], "Forwarded")
        believed = elements[-hop:]
        scheme = next((each["proto"] for each in believed if "proto" in each), None)
        host = next((each["host"] for each in believed if "host" in each), None)
        return _Said(client, _scheme(scheme, "Forwarded"), _host(host, "Forwarded"))

    def _client(self, nodes: list[str], header: str) -> tuple[str, int]:
        """The right-most node that is not trusted (or the left-most of all), and its place from the right."""
        client = ""
        for hop, node in enumerate(reversed(nodes), 1):
            client = _address(node, header)
            if hop == len(nodes) or not self.trusts(client):
                return client, hop
        raise AssertionError("a list that was split has an element")


def _bad(header: str, value: str) -> Refused:
    return Refused("BadRequest", f"The proxy's {header} header has a value that cannot be used: '{value[:100]}'.")


def _chosen(header: str | None, hop: int) -> str | None:
    """The value that the farthest trusted hop gave: proxies append to these lists, or replace them."""
    if header is None:
        return None
    values = [value.strip() for value in header.split(",")]
    return values[-min(hop, len(values))]


def _scheme(value: str | None, header: str) -> str | None:
    if value is not None and value.lower() not in ("http", "https"):
        raise _bad(header, value)
    return value and value.lower()


def _host(value: str | None, header: str) -> str | None:
    if value is not None and not HOST.fullmatch(value):
        raise _bad(header, value)
    return value


def _with_port(host: str, port: str, scheme: str, *, named: bool) -> str:
    """The host with the port by which the client came, unless that is the scheme's own or the host names one."""
    if not _PORT.fullmatch(port) or not 1 <= int(port) <= 65535:
        raise _bad("X-Forwarded-Port", port)
    bare = re.sub(r":\d{1,5}$", "", host) if not host.endswith("]") else host
    if named and bare != host:
        return host
    return bare if int(port) == {"http": 80, "https": 443}[scheme] else f"{bare}:{int(port)}"


def _address(node: str, header: str) -> str:
    """The address of a node, without its port; or the name that hides it."""
    if _HIDDEN.fullmatch(node):
        return node
    found = _NODE.fullmatch(node)
    if found is None:
        raise _bad(header, node)
    try:
        return str(ip_address(found["six"] or found["four"] or found["bare"]))
    except ValueError:
        raise _bad(header, node) from None


def _elements(header: str) -> list[dict[str, str]]:
    """The elements of a Forwarded header, each a dict of its parameters by lower-case name."""
    elements: list[dict[str, str]] = [{}]
    at = 0
    while True:
        found = _PAIR.match(header, at)
        if found is None:
            raise _bad("Forwarded", header)
        name = found[1].lower()
        value = found[3] if found[2] is None else re.sub(r"\\(.)", r"\1", found[2])
        if name in elements[-1]:
            raise _bad("Forwarded", header)
        elements[-1][name] = value
        at = found.end()
        if at == len(header):
            return elements
        if header[at] == ",":
            elements.append({})
        elif header[at] != ";":
            raise _bad("Forwarded", header)
        at += 1
