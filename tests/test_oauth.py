"""The token endpoint without a socket: grants, refresh tokens that are used once, and what errors look like."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from debitor import identity
from debitor.identity import ApiClient, Authenticator, SigningKey, TooManyAttempts
from debitor.oauth import PORTION, OAuthError, RefreshToken, Tokens, error_answer
from debitor.schema import record_of
from debitor.store import Store
from debitor.store.opening import open_store

LIFETIME, REFRESH = 600, 5000
FORM = "application/x-www-form-urlencoded"
SECRET = "a secret that is long enough"


@dataclass
class World:
    """A token service whose clock the test moves."""

    folder: Path
    wall: float = 1_800_000_000.0
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        records = [record_of(ApiClient), record_of(SigningKey), record_of(RefreshToken)]
        path = self.folder / "tokens.db"
        self.store = open_store(f"sqlite://{path}", records=records, clock=lambda: int(self.wall * 10**9))
        with self.store.transaction() as root:
            identity.ensure_key(root, lifetime=LIFETIME)
            for name in ("app", "other"):
                identity.register_client(root, name=name, client_id=name, secret=SECRET)
        self.asker = Authenticator(
            self.store, issuer="http://here/v2.0", lifetime=LIFETIME, clock=lambda: self.wall, wall=lambda: self.wall
        )
        self.tokens = Tokens(self.asker, self.store, refresh_lifetime=REFRESH)

    def ask(self, client_id: str = "app", version: int = 2, **form: str) -> dict[str, Any]:
        """A token request with the client's secret."""
        body = "&".join(f"{k}={v}" for k, v in {**form, "client_id": client_id, "client_secret": SECRET}.items())
        return asyncio.run(self.tokens.answer(body.encode(), b"", FORM, tenant="t", peer="p", version=version))

    def begin(self) -> str:
        """The first refresh token of a family."""
        scope = "api://debitor/.default offline_access"
        return str(self.ask(grant_type="client_credentials", scope=scope)["refresh_token"])

    def refresh(self, token: str, client_id: str = "app") -> dict[str, Any]:
        return self.ask(client_id, grant_type="refresh_token", refresh_token=token)

    def refused(self, token: str, client_id: str = "app") -> int:
        """The number of the error."""
        with pytest.raises(OAuthError) as raised:
            self.refresh(token, client_id)
        assert (raised.value.error, raised.value.status) == ("invalid_grant", 400)
        return raised.value.number

    @property
    def kept(self) -> list[RefreshToken]:
        return self.store.reader().all(RefreshToken)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(identity, "_N", 16)  # cheap hashes
    made = World(tmp_path)
    yield made
    made.asker.close()
    made.store.close()


def basic(client_id: str, secret: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{client_id}:{secret}".encode())


# ---- the token endpoint


def token_error(world: World, body: str, authorization: bytes = b"", content_type: str = FORM) -> tuple[str, int]:
    with pytest.raises(OAuthError) as raised:
        asyncio.run(world.tokens.answer(body.encode("latin-1"), authorization, content_type, tenant="t", peer="p"))
    return raised.value.error, raised.value.status


GOOD = f"grant_type=client_credentials&client_id=app&client_secret={SECRET}"


@pytest.mark.parametrize(
    ("body", "error", "status"),
    [
        ("", "invalid_request", 400),
        ("grant_type=password&username=a&password=b", "unsupported_grant_type", 400),
        ("grant_type=client_credentials", "invalid_client", 401),
        ("grant_type=client_credentials&client_id=app", "invalid_client", 401),
        ("grant_type=client_credentials&client_id=app&client_secret=wrong-secret", "invalid_client", 401),
        ("grant_type=client_credentials&client_id=nobody&client_secret=wrong-secret", "invalid_client", 401),
        (GOOD + "&client_id=app", "invalid_request", 400),
        ("\xff", "invalid_request", 400),
        ("grant_type=%ff", "invalid_request", 400),
        ("&".join(f"a{n}=1" for n in range(60)), "invalid_request", 400),
    ],
)
def test_refused_token_requests(world: World, body: str, error: str, status: int) -> None:
    assert token_error(world, body) == (error, status)


def test_refused_ways_to_send_a_token_request(world: World) -> None:
    assert token_error(world, GOOD, content_type="application/json") == ("invalid_request", 400)
    assert token_error(world, GOOD, basic("app", SECRET)) == ("invalid_request", 400)
    start = "grant_type=client_credentials"
    assert token_error(world, start, b"Bearer x") == ("invalid_client", 401)
    assert token_error(world, start, basic("app", "wrong secret")) == ("invalid_client", 401)
    assert token_error(world, start + "&client_id=other", basic("app", SECRET)) == ("invalid_request", 400)


@pytest.mark.parametrize("more", ["", "&scope=https://api.businesscentral.dynamics.com/.default", "&resource=x"])
def test_scope_and_resource_may_be_named_or_not(world: World, more: str) -> None:
    answer = asyncio.run(
        world.tokens.answer((GOOD + more).encode(), b"", FORM + "; charset=utf-8", tenant="", peer="p")
    )

    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == LIFETIME


def test_client_authentication_by_http_basic(world: World) -> None:
    """Some clients percent-encode the parts, as RFC 6749 says; most do not."""
    encoded = basic("app", SECRET.replace(" ", "%20"))
    for header in (basic("app", SECRET), encoded):
        answer = asyncio.run(world.tokens.answer(b"grant_type=client_credentials", header, FORM, tenant="", peer="p"))
        assert asyncio.run(world.asker.prove(b"Bearer " + answer["access_token"].encode(), "p"))


def test_the_older_form_of_the_answer(world: World) -> None:
    """Version 1 sends numbers as text, and the resource."""
    body = (GOOD + "&resource=https://api").encode()
    answer = asyncio.run(world.tokens.answer(body, b"", FORM, tenant="", peer="p", version=1))

    assert answer["expires_in"] == str(LIFETIME)
    assert int(answer["expires_on"]) - int(answer["not_before"]) == LIFETIME
    assert answer["resource"] == "https://api"


# ---- refresh tokens


def test_a_refresh_token_is_given_when_it_is_asked_for(world: World) -> None:
    assert "refresh_token" not in world.ask(grant_type="client_credentials")
    assert "refresh_token" not in world.ask(grant_type="client_credentials", scope="not_offline_access")
    assert world.begin()


@pytest.mark.parametrize("version", [1, 2])
def test_a_refresh_token_gives_an_access_token_and_the_next(world: World, version: int) -> None:
    first = world.begin()
    answer = world.ask(version=version, grant_type="refresh_token", refresh_token=first)

    assert asyncio.run(world.asker.prove(b"Bearer " + answer["access_token"].encode(), "p"))
    assert answer["refresh_token"] != first
    assert world.refresh(answer["refresh_token"])["refresh_token"]


def test_a_second_use_ends_the_family(world: World) -> None:
    """Either user may be the thief; both have to start again with the secret."""
    first, bystander = world.begin(), world.begin()
    second = world.refresh(first)["refresh_token"]
    third = world.refresh(second)["refresh_token"]

    assert world.refused(first) == 50173
    assert world.refused(third) == 9002313
    assert world.refused(second) == 9002313
    assert world.refresh(bystander)


def test_the_same_token_twice_at_once(world: World) -> None:
    """One of the two is the second use."""
    body = f"grant_type=refresh_token&refresh_token={world.begin()}&client_id=app&client_secret={SECRET}".encode()

    async def both() -> list[Any]:
        ask = (world.tokens.answer(body, b"", FORM, tenant="", peer="p") for _ in range(2))
        return list(await asyncio.gather(*ask, return_exceptions=True))

    found = asyncio.run(both())

    assert sorted(type(each).__name__ for each in found) == ["OAuthError", "dict"]
    assert world.kept == []


def test_a_refresh_token_belongs_to_its_application(world: World) -> None:
    token = world.begin()

    assert world.refused(token, "other") == 9002313
    assert world.refresh(token)


def test_a_refresh_token_needs_the_secret(world: World) -> None:
    body = f"grant_type=refresh_token&refresh_token={world.begin()}&client_id=app"

    assert token_error(world, body) == ("invalid_client", 401)
    assert token_error(world, body + "&client_secret=wrong-secret") == ("invalid_client", 401)


def test_an_unused_refresh_token_expires(world: World) -> None:
    """Each use starts the time anew."""
    token = world.begin()
    world.wall += REFRESH - 1
    token = world.refresh(token)["refresh_token"]
    world.wall += REFRESH - 1
    token = world.refresh(token)["refresh_token"]
    world.wall += REFRESH

    assert world.refused(token) == 700082


def test_refresh_tokens_are_kept_as_hashes(world: World) -> None:
    token = world.begin()
    stored = (world.folder / "tokens.db").read_bytes() + (world.folder / "tokens.db-wal").read_bytes()

    assert token.encode() not in stored
    assert world.kept[0].token_hash.encode() in stored


def test_tokens_that_are_over_go_a_few_at_a_time(world: World) -> None:
    for _ in range(PORTION + 3):
        world.begin()
    world.wall += REFRESH + 1
    world.begin()

    assert len(world.kept) == 3 + 1


@pytest.mark.parametrize(
    "form", ["grant_type=refresh_token", "grant_type=refresh_token&refresh_token=", "grant_type="]
)
def test_a_form_that_lacks_something(world: World, form: str) -> None:
    assert token_error(world, form) == ("invalid_request", 400)


def test_errors_have_the_form_of_entra_id() -> None:
    wrong = OAuthError("invalid_client", 7000215, "Wrong.", 401)
    assert error_answer(wrong, "trace", "correlation", 1_800_000_000.9) == {
        "error": "invalid_client",
        "error_description": "AADSTS7000215: Wrong. Trace ID: trace Correlation ID: correlation "
        "Timestamp: 2027-01-15 08:00:00Z",
        "error_codes": [7000215],
        "timestamp": "2027-01-15 08:00:00Z",
        "trace_id": "trace",
        "correlation_id": "correlation",
    }
    assert error_answer(TooManyAttempts(2), "t", "c", 0)["error_codes"] == [90055]
