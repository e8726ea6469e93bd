"""Who may ask: secrets, tokens, keys, and how fast a revocation takes effect. Own clocks, a real store."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from debitor import identity
from debitor.identity import ApiClient, Authenticator, Caller, ClientError, SigningKey, TooManyAttempts
from debitor.oauth import RefreshToken, Tokens
from debitor.schema import record_of
from debitor.store import Store
from debitor.store.opening import open_store

ISSUER = "http://127.0.0.1:7048/v2.0"
LIFETIME = 600
FORM = "application/x-www-form-urlencoded"
SECRET = "a secret that is long enough"


@dataclass
class Clock:
    """Both clocks of the authenticator; `pass_` moves them on."""

    monotonic: float = 1000.0
    wall: float = 1_800_000_000.0

    def pass_(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds


@dataclass
class World:
    store: Store
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.asker = Authenticator(
            self.store,
            issuer=ISSUER,
            lifetime=LIFETIME,
            clock=lambda: self.clock.monotonic,
            wall=lambda: self.clock.wall,
        )

    def register(self, client_id: str = "app", rights: str = "full") -> None:
        with self.store.transaction() as root:
            identity.register_client(root, name="x", client_id=client_id, secret=SECRET, rights=rights)

    def revoke(self, client_id: str = "app") -> None:
        with self.store.transaction() as root:
            identity.revoke_client(root, client_id)

    def rotate(self, **options: Any) -> SigningKey:
        with self.store.transaction() as root:
            return identity.rotate_key(root, lifetime=LIFETIME, **options)

    def token(self, client_id: str = "app", secret: str = SECRET) -> bytes:
        body = f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}".encode()
        answer = asyncio.run(Tokens(self.asker, self.store).answer(body, b"", FORM, tenant="t", peer="p"))
        return b"Bearer " + str(answer["access_token"]).encode()

    def ask(self, header: bytes, peer: str = "p") -> Caller | None:
        """As the application does: what is known first, then the proof."""
        return self.asker.known(header) or asyncio.run(self.asker.prove(header, peer))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(identity, "_N", 16)  # cheap hashes; the cost has a test of its own
    clock = Clock()
    store = open_store(
        f"sqlite://{tmp_path / 'identity.db'}",
        records=[record_of(ApiClient), record_of(SigningKey), record_of(RefreshToken)],
        clock=lambda: int(clock.wall * 10**9),
    )
    made = World(store, clock)
    with store.transaction() as root:
        identity.ensure_key(root, lifetime=LIFETIME)
    made.register()
    yield made
    made.asker.close()
    store.close()


def basic(client_id: str, secret: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{client_id}:{secret}".encode())


# ---- secrets


def test_a_secret_is_hashed_with_salt_and_cost() -> None:
    """scrypt with 16 MiB per guess; the same secret never hashes alike twice."""
    one, two = identity.hash_secret(SECRET), identity.hash_secret(SECRET)

    assert one.startswith("scrypt$16384$8$1$")
    assert one != two
    assert SECRET not in one
    assert identity.secret_matches(SECRET, one)
    assert not identity.secret_matches(SECRET + "x", one)


def test_generated_ids_and_secrets_differ(world: World) -> None:
    with world.store.transaction() as root:
        one, first = identity.register_client(root, name="one")
        two, second = identity.register_client(root, name="two")

    assert one.client_id != two.client_id
    assert first != second
    assert len(first) >= 43


@pytest.mark.parametrize(
    ("client_id", "secret", "said"),
    [
        ("app", SECRET, "registered already"),
        ("a:b", SECRET, "no colon"),
        ("a\nb", SECRET, "printable"),
        ("x" * 101, SECRET, "at most 100"),
        ("new", "short", "this one has 5"),
    ],
)
def test_applications_that_cannot_be_registered(world: World, client_id: str, secret: str, said: str) -> None:
    with pytest.raises(ClientError, match=said), world.store.transaction() as root:
        identity.register_client(root, name="x", client_id=client_id, secret=secret)


def test_revoking_what_is_not_there(world: World) -> None:
    with pytest.raises(ClientError, match="no application nobody"):
        world.revoke("nobody")
    world.revoke()
    with pytest.raises(ClientError, match="was revoked on 2027-"):
        world.revoke()


# ---- tokens


def test_a_token_names_its_application(world: World) -> None:
    header = world.token()
    claims = jwt.decode(header[7:], options={"verify_signature": False})

    assert world.ask(header) == Caller("app", "full")
    assert claims["sub"] == claims["appid"] == claims["azp"] == "app"
    assert claims["exp"] - claims["iat"] == LIFETIME
    assert (claims["iss"], claims["aud"], claims["tid"]) == (ISSUER, "api://debitor", "t")
    assert claims["roles"] == ["API.ReadWrite.All"]
    assert jwt.get_unverified_header(header[7:])["typ"] == "at+jwt"


def test_rights_follow_the_application(world: World) -> None:
    world.register("reader", "read")
    world.clock.pass_(2)

    assert world.ask(world.token("reader")) == Caller("reader", "read")


def test_a_known_token_costs_no_signature(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second request is a dict look-up."""
    header = world.token()
    world.ask(header)
    monkeypatch.setattr(world.asker, "_verify", None)

    assert world.asker.known(header) == Caller("app", "full")


def test_a_token_expires_also_when_it_is_known(world: World) -> None:
    header = world.token()
    assert world.ask(header)
    world.clock.pass_(LIFETIME - 1)
    assert world.ask(header)
    world.clock.pass_(2)

    assert world.ask(header) is None


def forged(world: World, **changes: Any) -> bytes:
    """A token signed with the real key whose claims or header are changed; None leaves a claim out."""
    header = world.token()
    claims = jwt.decode(header[7:], options={"verify_signature": False})
    kid = jwt.get_unverified_header(header[7:])["kid"]
    with world.store.snapshot() as root:
        key = root.find(SigningKey, kid=kid)
    assert key
    sent = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return b"Bearer " + jwt.encode(sent, key.private_key, "RS256", headers={"kid": kid}).encode()


def test_the_forger_of_these_tests_can_make_a_good_token(world: World) -> None:
    """Otherwise the refusals below would prove nothing."""
    assert world.ask(forged(world))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "http://elsewhere/v2.0"},
        {"aud": "https://api.businesscentral.dynamics.com"},
        {"aud": None},
        {"exp": None},
        {"nbf": None},
        {"exp": 1},
        {"nbf": 1_900_000_000},
        {"sub": "nobody"},
        {"sub": None},
    ],
    ids=str,
)
def test_claims_that_are_not_ours(world: World, changes: dict[str, Any]) -> None:
    assert world.ask(forged(world, **changes)) is None


def signed_with_public_key(world: World, claims: dict[str, Any], kid: str) -> str:
    """The old trick: HS256 with the published key as the secret, hoping that the server takes the header's word."""
    public = world.asker._pair(world.asker._keys[kid])[1]
    secret = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    parts = ({"alg": "HS256", "typ": "JWT", "kid": kid}, claims)
    text = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = base64.urlsafe_b64encode(hmac.digest(secret, text, "sha256")).rstrip(b"=")
    return (text + b"." + signature).decode()


def test_other_algorithms_and_keys_are_refused(world: World) -> None:
    """No `none`, no HMAC with the public key as secret, no key of somebody else, no key from the header."""
    good = world.token()[7:]
    claims = jwt.decode(good, options={"verify_signature": False})
    kid = jwt.get_unverified_header(good)["kid"]
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    unsigned = jwt.encode(claims, "", "none", headers={"kid": kid})
    symmetric = signed_with_public_key(world, claims, kid)
    stranger = jwt.encode(claims, pem, "RS256", headers={"kid": kid})
    unknown = jwt.encode(claims, pem, "RS256", headers={"kid": "unknown"})
    nameless = jwt.encode(claims, pem, "RS256")
    cut = good[:-8].decode()

    for token in (unsigned, symmetric, stranger, unknown, nameless, cut, "", "a.b.c", "\xff"):
        assert world.ask(b"Bearer " + token.encode("latin-1")) is None, token


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Basic",
        b"Basic !!",
        b"Basic YQ==",
        b"Basic /w==",
        b"Digest x",
        b"Bearer " + b"x" * 9000,
    ],
)
def test_headers_that_prove_nothing(world: World, header: bytes) -> None:
    assert world.ask(header) is None


# ---- revocation


@pytest.mark.parametrize("kind", ["token", "basic"])
def test_a_revocation_by_another_process_takes_effect_within_two_seconds(world: World, kind: str) -> None:
    """The server looks at the store again after a second; until then it may serve."""
    header = world.token() if kind == "token" else basic("app", SECRET)
    assert world.ask(header)
    world.revoke()
    world.clock.pass_(2)

    assert world.ask(header) is None


def test_a_revocation_in_this_process_takes_effect_at_once(world: World) -> None:
    header = world.token()
    assert world.ask(header)
    world.revoke()
    world.asker.recheck()

    assert world.ask(header) is None


# ---- keys


def test_old_tokens_live_on_after_a_rotation(world: World) -> None:
    header = world.token()
    new = world.rotate()
    world.clock.pass_(2)

    assert world.ask(header)
    assert jwt.get_unverified_header(world.token()[7:])["kid"] == new.kid
    assert world.asker.jwks()["keys"][0]["kid"] == new.kid
    assert len(world.asker.jwks()["keys"]) == 2


def test_a_retired_key_ends_with_its_tokens(world: World) -> None:
    world.rotate()
    world.clock.pass_(LIFETIME + 100)
    assert len(world.asker.jwks()["keys"]) == 1

    world.rotate()
    with world.store.snapshot() as root:
        assert root.count(SigningKey) == 2, "the first key is gone, the second is retired, the third is current"


def test_a_leaked_key_can_be_stopped_at_once(world: World) -> None:
    header = world.token()
    assert world.ask(header)
    world.rotate(at_once=True)
    world.clock.pass_(2)

    assert world.ask(header) is None
    assert world.ask(world.token())


def test_published_keys_verify_tokens_and_are_public(world: World) -> None:
    header = world.token()
    keys = world.asker.jwks()["keys"]
    key = jwt.PyJWK(keys[0]).key
    claims = jwt.decode(
        header[7:],
        key,
        ["RS256"],
        audience="api://debitor",
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )

    assert claims["sub"] == "app"
    assert set(keys[0]) == {"kty", "use", "alg", "kid", "n", "e"}


def test_a_key_is_made_once(world: World) -> None:
    with world.store.transaction() as root:
        identity.ensure_key(root, lifetime=LIFETIME)
        assert root.count(SigningKey) == 1


# ---- HTTP Basic, and secrets that are tried


def test_basic_is_hashed_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world.ask(basic("app", SECRET)) == Caller("app", "full")
    monkeypatch.setattr(identity, "secret_matches", None)

    assert world.ask(basic("app", SECRET)) == Caller("app", "full")


def test_wrong_secrets_have_to_wait_longer_and_longer(world: World) -> None:
    for _ in range(identity.FREE_FAILURES):
        assert world.ask(basic("app", "wrong secret")) is None
    with pytest.raises(TooManyAttempts):
        world.ask(basic("app", SECRET))
    world.clock.pass_(1.1)
    assert world.ask(basic("app", "wrong secret")) is None
    world.clock.pass_(1.1)
    with pytest.raises(TooManyAttempts) as raised:
        world.ask(basic("app", "wrong secret"))

    assert raised.value.retry_after == 1
    assert world.ask(basic("app", SECRET), peer="another address"), "the owner elsewhere is not locked out"
    world.clock.pass_(31)
    assert world.ask(basic("app", SECRET))


def test_a_proved_secret_never_has_to_wait(world: World) -> None:
    """Somebody who guesses cannot lock out the application from its own address."""
    assert world.ask(basic("app", SECRET))
    for _ in range(identity.FREE_FAILURES):
        world.ask(basic("app", "wrong secret"))

    assert world.ask(basic("app", SECRET))


def test_unknown_applications_cost_no_hash(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "secret_matches", None)

    assert world.ask(basic("nobody", SECRET)) is None


def test_only_so_many_secrets_wait_to_be_hashed(world: World) -> None:
    async def many() -> list[Any]:
        world.asker.recheck()
        tries = (world.asker.prove(basic("app", f"wrong {n:09}"), f"peer {n}") for n in range(identity.WAITING + 5))
        return await asyncio.gather(*tries, return_exceptions=True)

    found = asyncio.run(many())

    assert [type(one) for one in found].count(TooManyAttempts) == 5


def test_what_is_remembered_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "REMEMBERED", 3)
    headers = [world.token() for _ in range(5)]
    for header in headers:
        world.ask(header)

    assert [world.asker.known(header) is not None for header in headers] == [False, False, True, True, True]
    assert world.ask(headers[0])
