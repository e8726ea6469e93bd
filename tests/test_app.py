"""The application without a socket: addresses, bodies, failures. The protocol behind it is a recorder."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
import re
import zlib
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from debitor.app import App
from debitor.front import bodies
from debitor.front.asgi import Message, request_ids
from debitor.front.limits import Limiter, Limits
from debitor.identity import Caller, TooManyAttempts
from debitor.odata.errors import response_of
from debitor.odata.messages import Needs, Request, Response
from debitor.schema import Refused
from debitor.store import StoreError

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}")
AUTH = (b"authorization", b"Bearer good")


class Recorder:
    """The protocol: remembers the request and does what the test says."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.needed: Needs = "read"
        self.answer: Callable[[], Response] = lambda: Response(200, [("content-type", "text/plain")], b"done")

    def needs(self, request: Request) -> Needs:
        return self.needed

    def handle(self, request: Request, root: Any) -> Response:
        assert root == "reader"
        return self._record(request)

    def execute(self, request: Request, root: Any) -> Response:
        assert root in ("transaction", "long transaction")
        return self._record(request)

    def _record(self, request: Request) -> Response:
        self.requests.append(request)
        return self.answer()

    def error_response(self, request: Request, no: Refused | StoreError) -> Response:
        return response_of(no, request.request_id)


class FakeStore:
    """Says which session a job got. `now`: its state."""

    now: object = None

    def state(self) -> object:
        return self.now

    async def read(self, job: Callable[[Any], Any], *, replica: bool = False) -> Any:
        return job("reader")

    def snapshot(self) -> AbstractContextManager[str]:
        return nullcontext("snapshot")

    async def write(self, job: Callable[[Any], Any], *, long: bool = False) -> Any:
        return job("long transaction" if long else "transaction")


class Doorman:
    """Knows one token."""

    issuer = "http://issuer/v2.0"

    def wall(self) -> float:
        return 1_800_000_000.0

    failure: Exception | None = None

    def known(self, header: bytes) -> Caller | None:
        return Caller("app", "full") if header == b"Bearer good" else None

    async def prove(self, header: bytes, peer: str) -> Caller | None:
        if self.failure:
            raise self.failure
        return None

    def recheck(self) -> None:
        if self.failure:
            raise self.failure


class Client:
    """Sends requests to an App as a server would."""

    def __init__(self, **options: Any) -> None:
        self.protocol, self.doorman, self.store = Recorder(), Doorman(), FakeStore()
        self.app = App(self.protocol, self.store, self.doorman, origin="http://configured:1", **options)  # type: ignore[arg-type]
        self.read = 0

    def __call__(
        self,
        method: str = "GET",
        path: str = "/api/v2.0/companies",
        headers: Iterable[tuple[bytes, bytes]] = (AUTH,),
        body: Iterable[bytes | None] = (b"",),
        query: bytes = b"",
        host: bytes = b"here:7048",
        raw_path: bytes = b"",
    ) -> tuple[int, dict[str, list[str]], bytes]:
        """Status, headers, body. A None in `body` is the client going away."""
        parts = list(body)
        sent: list[Message] = []

        async def receive() -> Message:
            part = parts[self.read]
            self.read += 1
            if part is None:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": part, "more_body": self.read < len(parts)}

        async def send(message: Message) -> None:
            sent.append(message)

        self.read = 0
        given = list(headers)
        if host:
            given.append((b"host", host))
        if any(parts) and not any(name == b"content-length" for name, _ in given):
            given.append((b"transfer-encoding", b"chunked"))
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": raw_path or path.encode(),
            "query_string": query,
            "scheme": "http",
            "headers": given,
            "client": ("127.0.0.1", 1234),
        }
        asyncio.run(_awaited(self.app(scope, receive, send)))
        if not sent:
            return 0, {}, b""
        found: dict[str, list[str]] = {}
        for name, value in sent[0]["headers"]:
            found.setdefault(name.decode(), []).append(value.decode())
        return sent[0]["status"], found, sent[1]["body"]

    @property
    def seen(self) -> Request:
        """The request that reached the protocol."""
        return self.protocol.requests[-1]


async def _awaited(awaitable: Awaitable[None]) -> None:
    await awaitable


@pytest.fixture
def client() -> Client:
    return Client()


def error(body: bytes) -> str:
    return str(json.loads(body)["error"]["code"])


# ---- addresses


@pytest.mark.parametrize(
    ("path", "root", "rest"),
    [
        ("/api/v2.0", "/api/v2.0", ""),
        ("/api/v2.0/", "/api/v2.0", ""),
        ("/api/v2.0/companies(x)/customers", "/api/v2.0", "companies(x)/customers"),
        ("/BC/api/v2.0/companies", "/BC/api/v2.0", "companies"),
        ("/v2.0/Production/api/v2.0/$metadata", "/v2.0/Production/api/v2.0", "$metadata"),
        ("/v2.0/a tenant/Sand/api/v2.0/x", "/v2.0/a%20tenant/Sand/api/v2.0", "x"),
        ("/bc/API/V2.0/companies", "/bc/API/V2.0", "companies"),
        ("/api/v2.0/companies('A/api/v2.0/B')", "/api/v2.0", "companies('A/api/v2.0/B')"),
    ],
)
def test_roots_of_the_api(client: Client, path: str, root: str, rest: str) -> None:
    assert client(path=path)[0] == 200
    assert client.seen.root == "http://here:7048" + root
    assert client.seen.path == rest


@pytest.mark.parametrize(
    "path", ["/api/v2.0x", "/api/v1.0/companies", "/a/b/api/v2.0", "/v2.0/a/b/c/api/v2.0", "//api/v2.0"]
)
def test_addresses_that_are_no_root(client: Client, path: str) -> None:
    """They answer 404 and reach nothing."""
    status, _, body = client(path=path)

    assert (status, error(body)) == (404, "BadRequest_ResourceNotFound")
    assert client.protocol.requests == []


@pytest.mark.parametrize("host", [b"a b", b"evil/path", b"x@y", b"h:123456", b'h"'])
def test_a_host_that_is_none_is_refused(client: Client, host: bytes) -> None:
    """It would end up in every address of the answer."""
    assert client(host=host)[0] == 400
    assert client.protocol.requests == []


def test_without_a_host_the_configured_origin_is_used(client: Client) -> None:
    client(host=b"")

    assert client.seen.root == "http://configured:1/api/v2.0"


def test_a_public_address_wins_over_the_host() -> None:
    client = Client(fixed_origin=True)
    client(host=b"internal")

    assert client.seen.root == "http://configured:1/api/v2.0"


def test_bytes_that_are_no_text_in_an_address(client: Client) -> None:
    """The server put U+FFFD in place of them; a real U+FFFD is left alone."""
    assert client(path="/api/v2.0/a\ufffd", raw_path=b"/api/v2.0/a%ff")[0] == 400
    assert client(path="/api/v2.0/a\ufffd", raw_path=b"/api/v2.0/a%EF%BF%BD")[0] == 200


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "FOO", "get"])
def test_other_methods(client: Client, method: str) -> None:
    status, headers, _ = client(method)

    assert status == 405
    assert "PATCH" in headers["allow"][0]
    assert client.protocol.requests == []


# ---- who asks


@pytest.mark.parametrize(
    ("headers", "bearer"),
    [
        ([], 'Bearer realm="debitor"'),
        ([(b"authorization", b"Bearer bad")], 'Bearer realm="debitor", error="invalid_token"'),
        ([AUTH, AUTH], 'Bearer realm="debitor", error="invalid_token"'),
    ],
)
def test_nobody_in_particular_reads_nothing(client: Client, headers: list[Any], bearer: str) -> None:
    status, found, body = client(headers=headers, path="/api/v2.0/$metadata")
    request_id = found["request-id"][0]

    assert status == 401
    assert found["www-authenticate"] == [bearer, 'Basic realm="debitor", charset="UTF-8"']
    assert json.loads(body) == {
        "error": {
            "code": "Authentication_InvalidCredentials",
            "message": f"The server has rejected the client credentials.  CorrelationId:  {request_id}.",
        }
    }
    assert client.protocol.requests == []


def test_a_body_is_not_read_before_the_caller_is_known(client: Client) -> None:
    assert client("POST", headers=[], body=[b"x" * 1000])[0] == 401
    assert client.read == 0


def test_too_many_attempts(client: Client) -> None:
    client.doorman.failure = TooManyAttempts(3.2)
    status, headers, body = client(headers=[(b"authorization", b"Basic x")])

    assert (status, headers["retry-after"], error(body)) == (429, ["4"], "Application_TooManyRequests")


def test_what_the_protocol_is_told(client: Client) -> None:
    client(
        "POST",
        headers=[AUTH, (b"if-match", b"*"), (b"prefer", b"a"), (b"prefer", b"b")],
        body=[b"{", b"}"],
        query=b"$top=%20",
    )
    seen = client.seen

    assert (seen.method, seen.query, seen.body, seen.user, seen.rights) == ("POST", "$top=%20", b"{}", "app", "full")
    assert seen.headers["if-match"] == "*"
    assert seen.headers["prefer"] == "a, b"
    assert GUID.fullmatch(seen.request_id)


def test_every_request_has_its_own_id(client: Client) -> None:
    """The answer names it; ten thousand differ."""
    fresh = request_ids()
    one, two = client()[1]["request-id"], client()[1]["request-id"]

    assert one != two
    assert len({fresh() for _ in range(10_000)}) == 10_000


# ---- bodies


def test_a_declared_length_over_the_limit_is_refused() -> None:
    """What comes of it is read and dropped: else the connection would be reset, and the answer lost on the way."""
    client = Client(max_body=10)
    status, _, body = client("POST", headers=[AUTH, (b"content-length", b"11")], body=[b"x" * 11])

    assert (status, error(body)) == (413, "BadRequest")
    assert client.read == 1


def test_an_undeclared_length_stops_at_the_limit() -> None:
    """What follows is read and dropped, up to a limit of its own."""
    client = Client(max_body=10)

    assert client("POST", body=[b"12345", b"67890", b"1", b"more", b"more"])[0] == 413
    assert client.read == 5
    assert client("POST", body=[b"x" * (1 << 20)] * 20)[0] == 413
    assert client.read == 9


def test_a_body_of_exactly_the_limit_is_taken() -> None:
    client = Client(max_body=10)

    assert client("POST", body=[b"12345", b"67890"])[0] == 200
    assert client.seen.body == b"1234567890"


def test_a_client_that_goes_away_gets_no_answer(client: Client) -> None:
    assert client("POST", body=[b"half", None])[0] == 0
    assert client.protocol.requests == []


def test_a_body_that_stops_is_given_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_TIMEOUT", 0.01)
    parts: list[Message] = [{"type": "http.request", "body": b"x", "more_body": True}]
    sent: list[Message] = []

    async def receive() -> Message:
        if not parts:
            await asyncio.sleep(60)
        return parts.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/api/v2.0/x", "raw_path": b"", "query_string": b"",
        "scheme": "http", "headers": [AUTH, (b"content-length", b"5")], "client": None,
    }  # fmt: skip
    asyncio.run(_awaited(client.app(scope, receive, send)))

    assert sent[0]["status"] == 408


def test_compressed_bodies(client: Client) -> None:
    text = b'{"amount": 1}' * 100
    for encoding, data in (
        (b"gzip", gzip.compress(text)),
        (b"GZIP", gzip.compress(text[:50]) + gzip.compress(text[50:])),
        (b"deflate", zlib.compress(text)),
        (b"identity", text),
    ):
        assert client("POST", headers=[AUTH, (b"content-encoding", encoding)], body=[data])[0] == 200
        assert client.seen.body == text


# ---- sessions and failures


@pytest.mark.parametrize(("needs", "session"), [("write", "transaction"), ("long", "long transaction")])
def test_writes_get_a_transaction(client: Client, needs: Needs, session: str) -> None:
    """The recorder asserts the session; long jobs run beside the loop."""
    client.protocol.needed = needs
    sessions: list[Any] = []
    client.protocol.execute = lambda request, root: sessions.append(root) or Response(204, [])  # type: ignore[method-assign, func-returns-value]

    status, headers, _ = client("POST")

    assert (status, sessions) == (204, [session])
    assert "content-length" not in headers


@pytest.mark.parametrize(
    ("lasting", "state", "change", "asked"),
    [
        (True, object(), {}, 1),
        (False, object(), {}, 2),
        (True, None, {}, 2),
        (True, object(), {"method": "HEAD"}, 2),
        (True, object(), {"query": b"$top=1"}, 2),
        (True, object(), {"headers": (AUTH, (b"prefer", b"odata.maxpagesize=1"))}, 2),
    ],
)
def test_only_what_lasts_is_answered_from_memory(
    client: Client, lasting: bool, state: object, change: dict[str, Any], asked: int
) -> None:
    client.store.now = state
    client.protocol.answer = lambda: Response(200, [("content-type", "text/plain")], b"done", lasting=lasting)

    first, second = client(), client(**change)

    assert len(client.protocol.requests) == asked
    if asked == 1:
        assert (second[0], second[2]) == (first[0], first[2])
        assert {**second[1], "request-id": []} == {**first[1], "request-id": []}
        assert second[1]["request-id"] != first[1]["request-id"]


def test_memory_ends_with_the_state_and_with_the_day() -> None:
    time = [1_800_000_000.0]
    client = Client(wall=lambda: time[0])
    client.store.now = object()
    client.protocol.answer = lambda: Response(200, [], b"done", lasting=True)
    client()
    client()
    assert len(client.protocol.requests) == 1
    client.store.now = object()
    client()
    assert len(client.protocol.requests) == 2
    time[0] += 86_400
    client()
    assert len(client.protocol.requests) == 3


def test_nobody_is_answered_from_memory_without_a_token(client: Client) -> None:
    client.store.now = object()
    client.protocol.answer = lambda: Response(200, [], b"done", lasting=True)
    assert client()[0] == 200
    assert client(headers=())[0] == 401


def refuse(no: Exception) -> Callable[[], Response]:
    def answer() -> Response:
        raise no

    return answer


def test_a_refused_write(client: Client) -> None:
    client.protocol.needed = "write"
    client.protocol.answer = refuse(Refused("Application_DialogException", "No."))
    status, headers, body = client("POST")

    assert (status, error(body)) == (400, "Application_DialogException")
    assert headers["request-id"][0] in body.decode()


@pytest.mark.parametrize("needs", ["read", "write"])
def test_a_store_that_fails(client: Client, needs: Needs, caplog: pytest.LogCaptureFixture) -> None:
    """Clients are told to come again, and nothing of the cause."""
    client.protocol.needed = needs
    client.protocol.answer = refuse(StoreError("disk of /secret/place is full"))
    status, headers, body = client("POST")

    assert (status, headers["retry-after"]) == (503, ["1"])
    assert b"secret" not in body
    assert "disk of /secret/place is full" in caplog.text


def test_a_bug_is_logged_and_not_told(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.protocol.answer = refuse(AssertionError("debits differ from credits"))
    with caplog.at_level(logging.ERROR):
        status, headers, body = client()

    assert (status, error(body)) == (500, "Unknown")
    assert b"debits" not in body
    assert headers["request-id"][0] in body.decode()
    assert "AssertionError: debits differ from credits" in caplog.text
    assert headers["request-id"][0] in caplog.text


def test_an_answer_to_head_says_nothing_of_its_length(client: Client) -> None:
    client.protocol.answer = lambda: Response(200, [], b"")

    assert "content-length" not in client("HEAD")[1]
    assert client("GET")[1]["content-length"] == ["0"]


@pytest.mark.parametrize("needs", ["read", "write"])
def test_a_request_that_takes_too_long_is_undone(needs: Needs) -> None:
    """The refusal is raised inside the transaction, after the work: the store drops what it wrote."""
    now = [0.0]
    client = Client(limiter=Limiter(Limits(work=480), clock=lambda: now[0]))
    client.protocol.needed = needs

    def slow() -> Response:
        now[0] += 481
        return Response(201, [], b"{}")

    client.protocol.answer = slow
    status, _, body = client("POST")

    assert (status, error(body)) == (408, "Request_Timeout")


def test_requests_above_a_limit() -> None:
    client = Client(limiter=Limiter(Limits(requests=1)))
    status, headers, body = [client() for _ in range(2)][1]

    assert (status, error(body)) == (429, "Application_TooManyRequests")
    assert 1 <= int(headers["retry-after"][0]) <= 300
    assert client(headers=[])[0] == 401, "who is nobody has no limit of his own"


@pytest.mark.parametrize(("queue", "statuses"), [(0, [200, 429, 429]), (1, [200, 200, 429]), (2, [200, 200, 200])])
def test_requests_at_once(queue: int, statuses: list[int]) -> None:
    """One is answered, so many wait for their turn, the rest is sent away; nobody starts before his turn."""
    client = Client(limiter=Limiter(Limits(at_once=1, queue=queue)))
    client.protocol.needed = "write"
    running: list[int] = []

    async def slow_write(job: Callable[[Any], Any], *, long: bool = False) -> Any:
        running.append(1)
        assert len(running) == 1
        await asyncio.sleep(0)
        running.pop()
        return job("transaction")

    client.app.store.write = slow_write  # type: ignore[method-assign]

    async def ask() -> int:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {
            "type": "http", "method": "POST", "path": "/api/v2.0/x", "raw_path": b"", "query_string": b"",
            "scheme": "http", "headers": [AUTH], "client": None,
        }  # fmt: skip
        await client.app(scope, receive, send)
        return int(sent[0]["status"])

    async def three() -> list[int]:
        return list(await asyncio.gather(*(ask() for _ in range(3))))

    assert asyncio.run(three()) == statuses


def test_https_is_remembered() -> None:
    assert "strict-transport-security" in Client(https=True)()[1]
    assert "strict-transport-security" not in Client()()[1]


# ---- outside the API


def test_health_needs_no_credentials(client: Client) -> None:
    assert client(path="/healthz", headers=[])[0] == 200
    assert client(path="/readyz", headers=[])[0] == 200

    client.doorman.failure = StoreError("gone")
    assert client(path="/healthz", headers=[])[0] == 200
    assert client(path="/readyz", headers=[])[0] == 503
    client.doorman.failure = None
    client.app.outside.draining = True
    assert client(path="/readyz", headers=[])[0] == 503


def test_the_front_page_leads_on(client: Client) -> None:
    facts = json.loads(client(path="/", headers=[])[2])
    page = client(path="/", headers=[(b"accept", b"text/html,*/*")])

    assert facts["api"] == "http://here:7048/api/v2.0"
    assert facts["token"] == "http://here:7048/default/oauth2/v2.0/token"
    assert page[1]["content-type"] == ["text/html; charset=utf-8"]
    assert b"http://here:7048/api/v2.0" in page[2]


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("/t/v2.0/.well-known/openid-configuration", "http://here:7048/t"),
        ("/t/.well-known/openid-configuration", "http://here:7048/t"),
        ("/v2.0/.well-known/openid-configuration", "http://here:7048"),
        ("/.well-known/openid-configuration", "http://here:7048"),
        ("/.well-known/oauth-authorization-server", "http://here:7048"),
        ('/a"<b/v2.0/.well-known/openid-configuration', "http://here:7048/a%22%3Cb"),
    ],
)
def test_discovery(client: Client, path: str, base: str) -> None:
    status, _, body = client(path=path, headers=[])
    found = json.loads(body)

    assert status == 200
    assert found["token_endpoint"] == f"{base}/oauth2/v2.0/token"
    assert found["jwks_uri"] == f"{base}/discovery/v2.0/keys"
    assert found["issuer"] == "http://issuer/v2.0"


def test_a_token_is_asked_for_by_post(client: Client) -> None:
    status, headers, _ = client(path="/t/oauth2/v2.0/token", headers=[])

    assert (status, headers["allow"]) == (405, ["POST"])


def test_an_oversized_token_request_is_refused_unread(client: Client) -> None:
    status, headers, body = client(
        "POST", "/t/oauth2/v2.0/token", headers=[(b"content-length", b"70000")], body=[b"x" * 70000]
    )

    assert (status, json.loads(body)["error"]) == (413, "invalid_request")
    assert headers["cache-control"] == ["no-store"]
    assert client.read == 0


@pytest.mark.parametrize(("basic", "challenge"), [(True, ['Basic realm="debitor", charset="UTF-8"']), (False, None)])
def test_a_wrong_client_is_challenged_as_it_asked(client: Client, basic: bool, challenge: list[str] | None) -> None:
    """RFC 6749, section 5.2: a challenge in the scheme that the client used."""
    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    if basic:
        headers.append((b"authorization", b"Basic " + base64.b64encode(b"no colon")))
    status, found, body = client("POST", "/oauth2/token", headers=headers, body=[b"grant_type=client_credentials"])

    assert (status, json.loads(body)["error"]) == (401, "invalid_client")
    assert found.get("www-authenticate") == challenge


# ---- the life of the server


def test_a_stop_waits_for_requests_in_flight() -> None:
    """The store closes after the last answer, not before."""
    client = Client()
    client.protocol.needed = "write"
    order: list[str] = []

    async def slow_write(job: Callable[[Any], Any], *, long: bool = False) -> Any:
        await asyncio.sleep(0.05)
        order.append("written")
        return job("transaction")

    client.app.store.write = slow_write  # type: ignore[method-assign]

    async def run() -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                order.append("answered")

        events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

        async def life() -> Message:
            return events.pop(0)

        async def said(message: Message) -> None:
            order.append(message["type"])

        scope = {
            "type": "http", "method": "POST", "path": "/api/v2.0/x", "raw_path": b"", "query_string": b"",
            "scheme": "http", "headers": [AUTH], "client": None,
        }  # fmt: skip
        request = asyncio.ensure_future(_awaited(client.app(scope, receive, send)))
        await asyncio.sleep(0)
        await client.app({"type": "lifespan"}, life, said)
        await request

    asyncio.run(run())

    assert order == ["lifespan.startup.complete", "written", "answered", "lifespan.shutdown.complete"]
