"""Hostile input: whatever is sent, the server answers, refuses with a reason, and its books stay whole.

Beside requests that schemathesis makes of the OpenAPI document (fuzzing.py; `make fuzz` sends many more), raw
addresses, query options, headers, bodies and batches that no document would have.
"""

from __future__ import annotations

import http.client
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from debitor.apis import APIS, Api
from debitor.entities import CATALOG
from debitor.schema import EntitySet, Property
from wire import fuzzing
from wire.conftest import Books, Server, books_of

REQUESTS = {"": 2000, "receivables": 2000, "reportsFinance": 200}
"""Per API, by the place of its reference."""
SEED = datetime.now(UTC).toordinal()
"""Another one each day, so that all operations get their turn; a failure tells it."""

EXPECTED = (200, 201, 204, 400, 404)

bounded = settings(
    max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.place)
def test_generated_requests_meet_their_document(tmp_path: Path, api: Api) -> None:
    """No 5xx, answers as declared; afterwards a clean log and books in which every invariant holds."""
    wanted = REQUESTS[api.place]
    report = fuzzing.run(tmp_path, wanted, SEED, api)

    repeat = f"python -m wire.fuzzing --requests {wanted} --seed {SEED} --api {api.place or 'v2.0'}"
    told = f"`make fuzz` repeats it: {repeat}\n{report}"
    assert not report.failures, told
    assert report.sent >= wanted, told
    assert all(report.statuses[status] for status in ((200, 400, 404) if api is APIS[2] else EXPECTED)), told


def test_the_report_can_fail(fresh_books: Books) -> None:
    """An answer that the document does not declare is told, and so is a member that it does not have."""
    document = fresh_books.session.get(f"{fresh_books.server.origin}/openapi.json", timeout=60).json()
    del document["components"]["schemas"]["customer"]["properties"]["displayName"]
    path = document["paths"]["/companies({company_id})/customers"]
    document["paths"] = {"/companies({company_id})/customers": {"get": path["get"]}}
    document["paths"]["/companies({company_id})/customers"]["get"]["parameters"] = path["get"]["parameters"][:1]
    wrong_schema = fuzzing.Fuzzer(fresh_books, random.Random(1), document).run(40, 1)
    path["get"]["responses"] = {"299": {"description": "never"}}
    wrong_status = fuzzing.Fuzzer(fresh_books, random.Random(1), document).run(40, 1)

    assert any("displayName" in told for told in wrong_schema.failures), str(wrong_schema)
    assert any("Undocumented" in told for told in wrong_status.failures), str(wrong_status)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """A server of these tests; at its end the log must have no traceback."""
    own = Server(tmp_path_factory.mktemp("hostile") / "books", "--demo")
    made = books_of(own)
    yield made
    made.session.close()
    assert own.stop() == 0
    assert "Traceback" not in Path(own.log.name).read_text()


def sound(
    books: Books, method: str, path: bytes | str, headers: dict[str, str] | None = None, body: bytes = b""
) -> int:
    """Send bytes as they are, below the API root; returns the status. Fails on 5xx and on refusals without reason."""
    parts = urlsplit(books.root)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    raw = path if isinstance(path, str) else path.decode("latin-1")
    try:
        connection.putrequest(method, f"{parts.path}/{raw}", skip_host=False, skip_accept_encoding=True)
        sent = {"Authorization": str(books.session.headers["Authorization"]), **(headers or {})}
        for name, value in sent.items():
            connection.putheader(name, value.encode("latin-1", "replace"))
        if body or method in ("POST", "PATCH", "PUT"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    status = answer.status
    assert status < 500 or status == 501, (method, raw, headers, body[:500], status, content[:500])
    if status >= 400 and content:
        told = json.loads(content)
        assert set(told["error"]) == {"code", "message"}, (method, raw, content[:500])
    return status


# --------------------------------------------------------------------------- addresses

SEGMENTS = st.one_of(
    st.sampled_from(
        [*CATALOG, "$metadata", "$count", "$value", "$batch", "$ref", "$delta", "Microsoft.NAV.post", "id"]
    ),
    st.text(max_size=8),
)
KEYS = st.one_of(
    st.just(""),
    st.uuids().map(lambda v: f"({v})"),
    st.text(max_size=12).map(lambda v: f"({v})"),
    st.sampled_from(["()", "('')", "(id=)", "(id='a',id='b')", "(number='10400')", "('", "(%27)", "(;)"]),
)
PATHS = st.lists(st.tuples(SEGMENTS, KEYS).map("".join), max_size=5).map("/".join)
METHODS = st.sampled_from(["GET", "GET", "GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"])


@bounded
@given(METHODS, PATHS, st.booleans())
def test_any_address(target: Books, method: str, path: str, below: bool) -> None:
    where = f"companies({target.company_id})/{path}" if below else path
    sound(target, method, quote(where, safe="/()$'=,;%"))


@bounded
@given(st.binary(max_size=60).map(lambda raw: bytes(b for b in raw if 0x21 <= b != 0x7F)))
def test_any_bytes_in_an_address(target: Books, raw: bytes) -> None:
    # http.client refuses what is not ASCII in a request line; percent-encoding carries every byte.
    sound(target, "GET", quote(raw, safe="/()$'=,;?&%"))


# --------------------------------------------------------------------------- query options


def literals(of: Property) -> st.SearchStrategy[str]:
    """Literals that fit a property, and some that do not."""
    kind = of.type.kind
    fitting: st.SearchStrategy[str]
    if kind == "guid":
        fitting = st.uuids().map(str)
    elif kind in ("decimal", "factor", "int32", "int64"):
        fitting = st.one_of(st.integers(-(10**20), 10**20).map(str), st.decimals(allow_nan=False).map(str))
    elif kind == "date":
        fitting = st.dates().map(str)
    elif kind == "datetime":
        fitting = st.datetimes().map(lambda v: v.isoformat() + "Z")
    elif kind == "bool":
        fitting = st.sampled_from(["true", "false"])
    elif of.type.enum is not None:
        fitting = st.sampled_from([f"'{m.value}'" for m in of.type.enum] + [f"'{m.label}'" for m in of.type.enum])
    else:
        fitting = st.text(max_size=6).map(lambda v: "'" + v.replace("'", "''") + "'")
    return st.one_of(fitting, fitting, st.sampled_from(["null", "''", "0", "-INF", "1e999", "9999-99-99", "'"]))


def conditions(of: EntitySet) -> st.SearchStrategy[str]:
    """`$filter` by its grammar."""
    fields = [p for p in of.properties if p.filterable]
    texts = [p.name for p in fields if p.type.kind in ("code", "text")] or ["id"]
    field = st.sampled_from(fields)
    compare = field.flatmap(
        lambda p: st.tuples(st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"]), literals(p)).map(
            lambda made: f"{p.name} {made[0]} {made[1]}"
        )
    )
    among = field.flatmap(lambda p: st.lists(literals(p), max_size=4).map(lambda v: f"{p.name} in ({','.join(v)})"))
    call = st.tuples(
        st.sampled_from(["contains", "startswith", "endswith"]), st.sampled_from(texts), st.text(max_size=4)
    )
    called = call.map(lambda c: f"{c[0]}({c[1]},'{c[2].replace(chr(39), chr(39) * 2)}')")
    nested = st.tuples(
        st.sampled_from(["tolower", "trim", "length", "year", "round", "nosuch"]), field, st.integers()
    )
    function = nested.map(lambda c: f"{c[0]}({c[1].name}) eq {c[2]}")
    computed = st.tuples(field, st.sampled_from(["add", "sub", "mul", "div", "mod"]), field, st.integers(-3, 3)).map(
        lambda c: f"({c[0].name} {c[1]} {c[2].name}) gt {c[3]}"
    )
    return st.recursive(
        st.one_of(compare, compare, among, called, function, computed),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda c: f"({c[0]}) {c[1]} {c[2]}"),
            inner.map(lambda c: f"not ({c})"),
        ),
        max_leaves=6,
    )


def mangled(text: str, at: int, junk: str) -> str:
    """The text with something else at one place."""
    at %= len(text) + 1
    return text[:at] + junk + text[at + len(junk) // 2 :]


def options(of: EntitySet) -> st.SearchStrategy[dict[str, str]]:
    """Query options, mostly well formed."""
    names = st.sampled_from([p.name for p in of.properties])
    ways = [n.name for n in of.navigations]
    order = st.lists(st.tuples(names, st.sampled_from(["", " asc", " desc", " up"])).map("".join), max_size=4)
    found: dict[str, st.SearchStrategy[str]] = {
        "$filter": conditions(of),
        "$select": st.lists(names, max_size=5).map(",".join),
        "$orderby": order.map(",".join),
        "$top": st.one_of(st.integers(-1, 2**33).map(str), st.text(max_size=3)),
        "$skip": st.one_of(st.integers(-1, 2**33).map(str), st.text(max_size=3)),
        "$count": st.sampled_from(["true", "false", "TRUE", ""]),
        "$skiptoken": st.one_of(st.text(max_size=20), st.sampled_from(["'", "a,b", "0", "null", "''", "%00"])),
        "$deltatoken": st.text(max_size=20),
        "$schemaversion": st.sampled_from(["1.0", "2.0", "2.1", "3"]),
        "$format": st.text(max_size=10),
    }
    if ways:
        inner = st.sampled_from(
            ["", "($top=2)", "($select=id;$count=true)", "($expand=*)", "(", "($filter=id eq null)"]
        )
        found["$expand"] = st.lists(st.tuples(st.sampled_from(ways), inner).map("".join), max_size=3).map(",".join)
    return st.fixed_dictionaries({}, optional=found)


SETS = st.sampled_from(list(CATALOG.values()))


@settings(bounded, max_examples=400)
@given(
    SETS.flatmap(lambda of: st.tuples(st.just(of), options(of))),
    st.none() | st.tuples(st.integers(0, 99), st.text(max_size=4)),
)
def test_any_query_options(
    target: Books, asked: tuple[EntitySet, dict[str, str]], junk: tuple[int, str] | None
) -> None:
    of, given_options = asked
    query = "&".join(
        f"{name}={quote(mangled(value, *junk) if junk else value, safe='', errors='replace')}"
        for name, value in given_options.items()
    )
    where = f"companies({target.company_id})/{of.name}" if of.company else of.name
    sound(target, "GET", f"{where}?{query}")


@pytest.mark.parametrize("name", list(CATALOG))
def test_every_property_sorts_and_filters_or_is_refused(target: Books, name: str) -> None:
    of = CATALOG[name]
    where = f"companies({target.company_id})/{name}" if of.company else name
    for known in of.properties:
        for query in (
            f"$orderby={known.name}",
            f"$orderby={known.name} desc&$filter=",
            f"$filter={known.name} ne null",
        ):
            sound(target, "GET", f"{where}?{quote(query, safe='$=&')}")


@pytest.mark.parametrize(
    "query",
    [
        "$filter=" + "(" * 20_000,
        "$filter=" + "not " * 20_000 + "true",
        "$filter=" + "(" * 2_000 + "number eq '1'" + ")" * 2_000,
        "$filter=" + " and ".join(["number eq '1'"] * 5_000),
        "$filter=" + "-" * 50_000 + "1 eq 1",
        "$filter=" + "tolower(" * 3_000 + "number" + ")" * 3_000 + " eq '1'",
        "$filter=balanceDue" + " add 1" * 5_000 + " eq 1",
        "$filter=number in (" + ",".join(["'1'"] * 20_000) + ")",
        "$expand=" + "defaultDimensions($expand=customer($expand=" * 500 + ")" * 1_000,
        "$expand=" + ",".join(["currency"] * 5_000),
        "$orderby=" + ",".join(["number desc"] * 10_000),
        "$select=" + ",".join(["number"] * 10_000),
        "$top=" + "9" * 50_000,
        "&" * 100_000,
        "$filter=contains(number,'" + "%25" * 20_000 + "')",
    ],
    ids=lambda query: query[:40],
)
def test_depth_and_length_are_bounded(target: Books, query: str) -> None:
    """Never a stack that ends, never a parser that goes on."""
    status = sound(target, "GET", f"companies({target.company_id})/customers?{query.replace(' ', '%20')}")

    assert status in (200, 400, 414, 431)


# --------------------------------------------------------------------------- headers, bodies, batches

HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Accept",
            "Accept-Language",
            "Company",
            "CompanyId",
            "Content-Encoding",
            "Content-Type",
            "Data-Access-Intent",
            "Forwarded",
            "Idempotency-Key",
            "If-Match",
            "If-None-Match",
            "Isolation",
            "OData-Version",
            "OData-MaxVersion",
            "Prefer",
            "X-Forwarded-Host",
        ]
    ),
    st.one_of(
        st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20),
        st.sampled_from(
            ["*", 'W/"', "odata.maxpagesize=0", "odata.maxpagesize=99999999999", "return=minimal", "snapshot", "gzip",
             "br", "zstd, gzip", "application/json;odata.metadata=full", "multipart/mixed;boundary=",
             "odata.track-changes"]
        ),
    ),
    max_size=5,
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@bounded
@given(METHODS, HEADERS, st.sampled_from(["customers", "customerPayments", "$batch", "journals"]))
def test_any_headers(target: Books, method: str, headers: dict[str, str], where: str) -> None:
    body = b'{"displayName": "x"}' if method in ("POST", "PATCH", "PUT") else b""
    sound(target, method, f"companies({target.company_id})/{where}", headers, body)


def bodies(of: EntitySet) -> st.SearchStrategy[Any]:
    """JSON objects with the members of a set and values of any kind."""
    names = (
        [p.name for p in of.properties] + [n.name for n in of.navigations] + ["@odata.type", "x@odata.bind", "nosuch"]
    )
    return st.dictionaries(st.sampled_from(names), JSON, max_size=5)


@settings(bounded, max_examples=300)
@given(SETS.flatmap(lambda of: st.tuples(st.just(of), bodies(of))))
def test_any_body(target: Books, made: tuple[EntitySet, Any]) -> None:
    of, body = made
    raw = json.dumps(body).encode(errors="surrogatepass")
    sound(target, "POST", f"companies({target.company_id})/{of.name}", {"Content-Type": "application/json"}, raw)


@bounded
@given(st.binary(max_size=200))
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"displayName": "\xff"}')
@example(b'{"displayName": "\\ud800"}')
@example(b'{"creditLimit": 1e999999999}')
@example(b'{"creditLimit": ' + b"9" * 5_000 + b"}")
@example(b"\xff\xfe{\x00}\x00")
def test_any_bytes_in_a_body(target: Books, raw: bytes) -> None:
    sound(target, "POST", f"companies({target.company_id})/customers", {"Content-Type": "application/json"}, raw)


PARTS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON | st.sampled_from(["1", "2"]),
        "method": st.sampled_from(["GET", "POST", "PATCH", "DELETE", "get", "TRACE", ""]) | JSON,
        "url": st.sampled_from(["customers", "$1", "$2/x", "/customers", "http://x/y", "$batch", "customers?$top=1"])
        | JSON,
        "headers": st.dictionaries(st.text(max_size=5), JSON, max_size=2) | JSON,
        "body": JSON,
        "atomicityGroup": st.sampled_from(["a", "b"]) | JSON,
        "dependsOn": st.lists(st.sampled_from(["1", "2", "a"]), max_size=2) | JSON,
    },
)


@bounded
@given(st.one_of(st.lists(PARTS, max_size=4).map(lambda parts: {"requests": parts}), JSON))
def test_any_batch(target: Books, envelope: Any) -> None:
    raw = json.dumps(envelope).encode(errors="surrogatepass")
    sound(target, "POST", f"companies({target.company_id})/$batch", {"Content-Type": "application/json"}, raw)


@bounded
@given(
    st.sampled_from(["b", "", '"b c"', "b;b", "b" * 200]),
    st.lists(
        st.sampled_from(
            [b"--b\r\n", b"--b--", b"\r\n", b"Content-Type: application/http\r\n", b"GET customers HTTP/1.1\r\n",
             b"Content-Type: multipart/mixed; boundary=c\r\n", b"--c\r\n", b"--c--\r\n",
             b"POST customers HTTP/1.1\r\n",
             b"Content-Transfer-Encoding: binary\r\n", b"Content-ID: 1\r\n", b'{"displayName": "x"}', b"\xff\x00"]
        ),
        max_size=14,
    ),
)  # fmt: skip
def test_any_multipart_batch(target: Books, boundary: str, pieces: list[bytes]) -> None:
    headers = {"Content-Type": f"multipart/mixed; boundary={boundary}"}
    sound(target, "POST", f"companies({target.company_id})/$batch", headers, b"".join(pieces))
