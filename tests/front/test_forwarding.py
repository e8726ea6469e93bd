"""What is believed of Forwarded and X-Forwarded-*, and what hostile values come to."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debitor.front.forwarding import HOST, Proxies, Via
from debitor.front.origin import Origins
from debitor.schema import Refused

TRUSTED = "10.0.0.2"
PROXIES = Proxies(["10.0.0.0/8", "fd00::/8"])


def via(headers: dict[str, str], peer: str = TRUSTED) -> Via:
    return PROXIES.via(peer, "http", {"host": "inside:7048", **headers})


def usual(**values: str) -> dict[str, str]:
    return {f"x-forwarded-{name}": value for name, value in values.items()}


def test_nobody_is_believed_who_is_not_trusted() -> None:
    """Anyone may send these headers."""
    headers = {"forwarded": "for=1.1.1.1;host=evil", **usual(host="evil", proto="https", prefix="/x")}

    assert via(headers, "203.0.113.9") == Via("203.0.113.9", "http", "inside:7048")
    assert via({"x-forwarded-host": "???"}, "203.0.113.9").host == "inside:7048"


def test_a_proxy_that_says_nothing() -> None:
    assert via({}) == Via(TRUSTED, "http", "inside:7048")


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        ("<script>, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        ("10.0.0.9, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.3, 10.0.0.1", "10.0.0.3"),
        ("203.0.113.9:51234", "203.0.113.9"),
        ("[2001:db8::1]:443, fd00::1", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "::ffff:a00:1"),
    ],
)
def test_the_client_is_the_right_most_that_is_not_trusted(chain: str, client: str) -> None:
    """What stands left of it, the client wrote itself; a value that is none is not even looked at there."""
    assert via(usual(**{"for": chain})).client == client
    quoted = ",".join(f'for="{node.strip()}"' for node in chain.split(","))
    if "<" not in chain:
        assert via({"forwarded": quoted}).client == client


def test_the_scheme_and_host_of_the_farthest_trusted_hop() -> None:
    """Outside https, inside http: lists are read at the client's place, single values are taken."""
    chain = "6.6.6.6, 203.0.113.9, 10.0.0.1"
    lists = usual(**{"for": chain}, proto="ftp, https, http", host="evil, books.example, middle")
    single = usual(**{"for": chain}, proto="HTTPS", host="books.example:8443")
    standard = {
        "forwarded": "for=6.6.6.6;host=evil, for=203.0.113.9;proto=https;host=books.example, "
        "for=10.0.0.1;proto=http;host=middle"
    }
    inherited = {"forwarded": "for=203.0.113.9, for=10.0.0.1;proto=https;host=books.example"}

    assert via(lists) == Via("203.0.113.9", "https", "books.example")
    assert via(single) == Via("203.0.113.9", "https", "books.example:8443")
    assert via(standard) == Via("203.0.113.9", "https", "books.example")
    assert via(inherited) == Via("203.0.113.9", "https", "books.example")


@pytest.mark.parametrize(
    ("headers", "host"),
    [
        (usual(proto="https", port="443"), "inside"),
        (usual(proto="https", port="8443"), "inside:8443"),
        (usual(host="books.example", port="8080"), "books.example:8080"),
        (usual(host="books.example:9", port="8080"), "books.example:9"),
        (usual(host="[::1]", port="81"), "[::1]:81"),
    ],
)
def test_a_port_of_its_own(headers: dict[str, str], host: str) -> None:
    assert via(headers).host == host


@pytest.mark.parametrize(("sent", "prefix"), [("/books", "/books"), ("/a/b/", "/a/b"), ("/", "")])
def test_a_path_that_the_proxy_takes_away(sent: str, prefix: str) -> None:
    assert via(usual(prefix=sent)).prefix == prefix


def test_two_families_have_to_agree() -> None:
    """A client can send the one that the proxy does not set."""
    agreed = {"forwarded": "for=203.0.113.9;proto=https", **usual(**{"for": "203.0.113.9"}, proto="https")}
    assert via(agreed) == Via("203.0.113.9", "https", "inside:7048")

    with pytest.raises(Refused):
        via({"forwarded": "for=203.0.113.9;host=evil", **usual(**{"for": "203.0.113.9"})})


HOSTILE = [
    usual(host="evil/path"),
    usual(host="a b"),
    usual(host='x"'),
    usual(host="user@x"),
    usual(host=""),
    usual(proto="javascript"),
    usual(proto=""),
    usual(port="0"),
    usual(port="65536"),
    usual(port="80/"),
    usual(prefix="books"),
    usual(prefix="//evil"),
    usual(prefix="/a/../b"),
    usual(prefix="/<script>"),
    usual(prefix="/a?b"),
    usual(**{"for": "<script>"}),
    usual(**{"for": "1.2.3.4.5"}),
    usual(**{"for": "999.1.1.1"}),
    usual(**{"for": ""}),
    {"forwarded": "for"},
    {"forwarded": "for=1.1.1.1;for=2.2.2.2"},
    {"forwarded": "host=evil/path"},
    {"forwarded": 'for="1.1.1.1'},
    {"forwarded": "for=1.1.1.1 host=x"},
    {"forwarded": "proto=gopher"},
]


@pytest.mark.parametrize("headers", HOSTILE, ids=str)
def test_hostile_values_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Refused) as raised:
        via(headers)

    assert raised.value.code == "BadRequest"


def test_who_hides_is_known_by_the_name_given() -> None:
    assert via({"forwarded": "for=_mallory"}).client == "_mallory"
    assert via({"forwarded": "proto=https"}).client == TRUSTED


NAMES = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
]
VALUES = st.one_of(
    st.sampled_from(["https", "10.0.0.1", "203.0.113.9, 10.0.0.1", "books.example", "443", "/books", "for=1.1.1.1"]),
    st.text(string.printable, max_size=30),
)


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_nothing_but_an_origin_comes_out(headers: dict[str, str]) -> None:
    """Whatever comes in: refused, or a scheme, a host and a plain path."""
    try:
        found = via(headers)
    except Refused:
        return

    assert found.scheme in ("http", "https")
    assert HOST.fullmatch(found.host)
    assert all(part.isalnum() or set(part) & set("._~-") for part in found.prefix.split("/")[1:])


def test_links_are_on_the_origin_of_the_proxy() -> None:
    origins = Origins("http://configured:1", proxies=PROXIES)
    scope = {"scheme": "http", "client": (TRUSTED, 1)}
    headers = {"host": "inside", **usual(proto="https", host="books.example", prefix="/debitor")}

    assert origins.root(scope, headers, "/api/v2.0") == "https://books.example/debitor/api/v2.0"
    assert origins.origin(scope, headers) == "https://books.example/debitor"
    assert Origins("http://set:1", fixed=True, proxies=PROXIES).root(scope, headers, "/api") == "http://set:1/api"
    stranger = {"scheme": "http", "client": ("192.0.2.1", 1)}
    assert origins.root(stranger, headers, "/api/v2.0") == "http://inside/api/v2.0"
    assert origins.client(stranger, {**headers, "x-forwarded-for": "1.1.1.1"}) == "192.0.2.1"
    assert origins.client(scope, {**headers, "x-forwarded-for": "1.1.1.1"}) == "1.1.1.1"
