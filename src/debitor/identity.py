"""Who may ask: registered applications, their secrets, access tokens and the keys that sign them.

An application proves itself with its secret, either once for a token (OAuth 2.0 client credentials) or with each
request (HTTP Basic). Hashing a secret takes 50 ms and checking a signature 50 us, so both are done once: what was
proved is remembered under the whole Authorization header, and a request costs one dict look-up. What is remembered
falls when an application or a key changes; the store is asked at most once a second, so that a revocation by the
command line takes effect as well.

The issuer is fixed for a running server; the `{tenant}` in an address carries no rights and may be anything.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from debitor.schema import Flag, LongText, Row, Text10, Text50, Text100, Text250, Timestamp, record
from debitor.store import Reader, Root, Store

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

NEVER = "0001-01-01T00:00:00.000Z"
AUDIENCE = "api://debitor"
ROLES = {"full": "API.ReadWrite.All", "read": "API.Read.All"}
SHORTEST_SECRET = 8
"""Characters of a secret that its owner chose. Generated ones carry 256 random bits."""

RECHECK = 1.0
"""Seconds after which the applications and keys in memory are compared with the store."""
REMEMBERED = 20_000
"""Authorization headers kept; the oldest go first."""
LONGEST_HEADER = 8192
WAITING = 32
"""Secrets that may queue to be hashed; one is hashed at a time, beside the event loop."""
FREE_FAILURES = 5
"""Wrong secrets per application and peer before the next attempt has to wait."""
LONGEST_WAIT = 30.0
SKEW = 60.0
"""Seconds by which a retired key outlives its last token."""


@record("api_client", unique=(("client_id",),), by_company=False, tracked=False)
class ApiClient(Row, frozen=True, kw_only=True):
    """A registered application.

    Attributes:
        client_id: its public name, a guid unless its owner chose another.
        secret_hash: `scrypt$n$r$p$salt$hash`, base64.
        rights: `full`, or `read`: no request that writes.
        revoked_at: when it lost access; NEVER while it has it.
    """

    client_id: Text100 = ""
    name: Text100 = ""
    secret_hash: Text250 = ""
    rights: Text10 = "full"
    created_at: Timestamp = NEVER
    revoked_at: Timestamp = NEVER

    @property
    def active(self) -> bool:
        """It has not been revoked."""
        return self.revoked_at == NEVER


@record("signing_key", unique=(("kid",),), by_company=False, tracked=False)
class SigningKey(Row, frozen=True, kw_only=True):
    """A key pair for access tokens. One is current; the others verify until `verifies_until`.

    Attributes:
        kid: the name of the key in tokens.
        private_key: RSA, PEM (PKCS #8). It lies in the store unencrypted: who reads the store reads the books anyway.
    """

    kid: Text50 = ""
    private_key: LongText = ""
    current: Flag = True
    created_at: Timestamp = NEVER
    verifies_until: Timestamp = NEVER


def timestamp(moment: datetime) -> str:
    """A moment as the store keeps it: `2026-01-31T09:30:00.120Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


# --------------------------------------------------------------------------- secrets

_N, _R, _P = 1 << 14, 8, 1  # 16 MiB and about 50 ms


def _scrypt(secret: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=32)


def hash_secret(secret: str) -> str:
    """Hash a secret for the store; salted, so that two hashes of one secret differ."""
    salt = os.urandom(16)
    encoded = (base64.b64encode(part).decode() for part in (salt, _scrypt(secret, salt, _N, _R, _P)))
    return "$".join(["scrypt", str(_N), str(_R), str(_P), *encoded])


def secret_matches(secret: str, hashed: str) -> bool:
    """Whether this is the secret that was hashed."""
    _, n, r, p, salt, digest = hashed.split("$")
    found = _scrypt(secret, base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(found, base64.b64decode(digest))


# --------------------------------------------------------------------------- applications


class ClientError(Exception):
    """An application cannot be registered or revoked; the message says why."""


def register_client(
    root: Root, *, name: str, rights: str = "full", client_id: str = "", secret: str = ""
) -> tuple[ApiClient, str]:
    """Register an application; blank id and secret are made up.

    Returns:
        The application and its secret, which is kept nowhere.
    Raises:
        ClientError: the id is taken or not usable, or the secret too short.
    """
    assert rights in ROLES, rights
    client_id = client_id or root.new_id()
    secret = secret or secrets.token_urlsafe(32)
    if len(client_id) > 100 or ":" in client_id or not client_id.isprintable():
        raise ClientError(
            "A client id has at most 100 printable characters and no colon, which ends it in HTTP Basic."
        )
    if not SHORTEST_SECRET <= len(secret) <= 500:
        raise ClientError(f"A client secret has {SHORTEST_SECRET} to 500 characters; this one has {len(secret)}.")
    if root.find(ApiClient, client_id=client_id):
        raise ClientError(f"The application {client_id} is registered already; revoke it, or choose another id.")
    row = ApiClient(
        client_id=client_id,
        name=name[:100] or client_id,
        secret_hash=hash_secret(secret),
        rights=rights,
        created_at=root.now,
    )
    return root.insert(row), secret


def revoke_client(root: Root, client_id: str) -> ApiClient:
    """Take access from an application for good; its tokens fall with it.

    Raises:
        ClientError: there is no such application, or it was revoked before.
    """
    row = root.find(ApiClient, client_id=client_id)
    if row is None:
        raise ClientError(f"There is no application {client_id}; debitor client list shows them.")
    if not row.active:
        raise ClientError(f"The application {client_id} was revoked on {row.revoked_at[:10]}.")
    return root.update(row, revoked_at=root.now)


# --------------------------------------------------------------------------- signing keys


def rotate_key(root: Root, *, lifetime: int, at_once: bool = False) -> SigningKey:
    """Make a new current key. Older ones verify until the tokens they signed have expired.

    Args:
        lifetime: seconds that a token is valid.
        at_once: older keys stop verifying now, as after a leak; clients have to ask for new tokens.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    moment = datetime.fromisoformat(root.now)
    until = timestamp(moment if at_once else moment + timedelta(seconds=lifetime + SKEW))
    for old in root.all(SigningKey):
        if not old.current and old.verifies_until <= root.now:
            root.delete(old)
        elif old.current or at_once:
            root.update(old, current=False, verifies_until=until)
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return root.insert(SigningKey(kid=secrets.token_hex(16), private_key=private.decode(), created_at=root.now))


def ensure_key(root: Root, *, lifetime: int) -> None:
    """Make the first key of a store that has none."""
    if root.find(SigningKey, current=True) is None:
        rotate_key(root, lifetime=lifetime)


def _private_key(row: SigningKey) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    private = load_pem_private_key(row.private_key.encode(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    return private


def _base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


# --------------------------------------------------------------------------- callers


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the application and its rights, `full` or `read`."""

    client_id: str
    rights: str


class TooManyAttempts(Exception):
    """Secrets are tried faster than they can be checked. `retry_after`: seconds to wait."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("too many attempts")
        self.retry_after = max(1, int(retry_after + 0.999))


class Authenticator:
    """Checks who asks, and gives tokens. For one event loop.

    Args:
        store: where applications and keys are kept.
        issuer: what tokens carry as `iss`, the same for the life of the server.
        lifetime: seconds that a token is valid.
        clock: seconds on a clock that never steps; wall: seconds since 1970.
    """

    def __init__(
        self,
        store: Store,
        *,
        issuer: str,
        lifetime: int,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.issuer, self.lifetime = issuer, lifetime
        self._store, self._clock, self.wall = store, clock, wall
        self._clients: dict[str, ApiClient] = {}
        self._keys: dict[str, SigningKey] = {}
        self._pairs: dict[str, tuple[RSAPrivateKey, RSAPublicKey]] = {}
        self._recheck_at = float("-inf")
        self._bearers: dict[bytes, tuple[Caller, float]] = {}
        self._proved: dict[bytes, str] = {}
        self._failures: dict[tuple[str, str], tuple[int, float]] = {}
        self._pepper = os.urandom(32)
        self._hasher = ThreadPoolExecutor(1, "debitor-secrets")
        self._waiting = 0

    def close(self) -> None:
        """End the thread that hashes."""
        self._hasher.shutdown(wait=False, cancel_futures=True)

    def recheck(self) -> None:
        """Compare with the store now; forget what was proved when an application or a key changed."""
        self._recheck_at = self._clock() + RECHECK
        reader: Reader = self._store.reader()
        clients = {row.client_id: row for row in reader.all(ApiClient)}
        keys = {row.kid: row for row in reader.all(SigningKey)}
        if clients != self._clients or keys != self._keys:
            self._bearers.clear()
            self._proved.clear()
            self._pairs.clear()
            self._clients, self._keys = clients, keys

    def known(self, header: bytes) -> Caller | None:
        """Who sent this Authorization header, if that was proved before; the way of nearly every request."""
        now = self._clock()
        if now >= self._recheck_at:
            self.recheck()
        found = self._bearers.get(header)
        if found is not None and found[1] > now:
            return found[0]
        return None

    async def prove(self, header: bytes, peer: str) -> Caller | None:
        """Find out who sent an Authorization header that `known` does not know.

        Args:
            peer: the address of the other side, for counting failures.
        Returns:
            The caller, or None: not an application that may ask.
        Raises:
            TooManyAttempts: wrong secrets came too often, or too many wait to be checked.
        """
        if len(header) > LONGEST_HEADER:
            return None
        scheme, _, rest = header.partition(b" ")
        kind = scheme.lower()
        if kind == b"bearer":
            return self._verify(header, rest.strip())
        if kind == b"basic":
            pair = basic_credentials(rest)
            if pair and await self.secret_is_right(*pair, peer):
                row = self._clients.get(pair[0])
                return Caller(row.client_id, row.rights) if row and row.active else None
        return None

    # ---- tokens

    def _verify(self, header: bytes, token: bytes) -> Caller | None:
        import jwt

        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = self._keys.get(kid) if isinstance(kid, str) else None
            if key is None or not (key.current or key.verifies_until > timestamp(self._now())):
                return None
            claims = jwt.decode(
                token,
                self._pair(key)[1],
                algorithms=["RS256"],
                audience=AUDIENCE,
                issuer=self.issuer,
                # The times are checked below, on our own clock.
                options={
                    "require": ["iss", "aud", "sub", "iat", "nbf", "exp"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.InvalidTokenError, UnicodeDecodeError):
            return None
        wall = self.wall()
        expires = claims["exp"]
        row = self._clients.get(claims["sub"])
        if (
            not isinstance(expires, int)
            or expires <= wall
            or claims["nbf"] > wall + SKEW
            or not row
            or not row.active
        ):
            return None
        caller = Caller(row.client_id, row.rights)
        while len(self._bearers) >= REMEMBERED:
            del self._bearers[next(iter(self._bearers))]
        self._bearers[header] = (caller, self._clock() + expires - wall)
        return caller

    def _pair(self, row: SigningKey) -> tuple[RSAPrivateKey, RSAPublicKey]:
        """The key, read once: checking an RSA key while reading it takes milliseconds."""
        found = self._pairs.get(row.kid)
        if found is None:
            private = _private_key(row)
            found = self._pairs[row.kid] = (private, private.public_key())
        return found

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.wall(), UTC)

    def application(self, client_id: str) -> ApiClient | None:
        """The application that may ask under this id, as far as is known; `known` brings that up to date."""
        row = self._clients.get(client_id)
        return row if row is not None and row.active else None

    def issue(self, row: ApiClient, tenant: str) -> str:
        """Sign an access token for an application (RFC 9068); `tenant` is what its address said."""
        import jwt

        key = next(each for each in self._keys.values() if each.current)
        issued = int(self.wall())
        claims = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": row.client_id,
            "appid": row.client_id,
            "azp": row.client_id,
            "client_id": row.client_id,
            "tid": tenant,
            "iat": issued,
            "nbf": issued,
            "exp": issued + self.lifetime,
            "jti": secrets.token_hex(16),
            "roles": [ROLES[row.rights]],
            "ver": "2.0",
        }
        return jwt.encode(claims, self._pair(key)[0], algorithm="RS256", headers={"kid": key.kid, "typ": "at+jwt"})

    def jwks(self) -> dict[str, Any]:
        """The public keys that verify tokens now (RFC 7517)."""
        self.recheck()
        now = timestamp(self._now())
        found = []
        for row in sorted(self._keys.values(), key=lambda key: (not key.current, key.kid)):
            if row.current or row.verifies_until > now:
                numbers = self._pair(row)[1].public_numbers()
                n, e = _base64url(numbers.n), _base64url(numbers.e)
                found.append({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": row.kid, "n": n, "e": e})
        return {"keys": found}

    # ---- secrets

    def _digest(self, client_id: str, secret: str) -> bytes:
        text = f"{len(client_id)}:{client_id}{secret}"
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._pepper, digest_size=32).digest()

    async def secret_is_right(self, client_id: str, secret: str, peer: str) -> bool:
        """Whether this is the secret of an application that may ask.

        An unknown id is answered without hashing: ids are no secrets, and hashing for anyone would let anyone keep
        the server busy.

        Raises:
            TooManyAttempts: see `prove`.
        """
        digest = self._digest(client_id, secret)
        if self._proved.get(digest) == client_id:
            return True
        row = self._clients.get(client_id)
        if row is None or not row.active or len(secret) > 500:
            return False
        self._may_try(client_id, peer)
        self._waiting += 1
        try:
            right = await asyncio.get_running_loop().run_in_executor(
                self._hasher, secret_matches, secret, row.secret_hash
            )
        finally:
            self._waiting -= 1
        # While the thread worked, the application may have been revoked.
        now = self._clients.get(client_id)
        if not right or now is None or now.secret_hash != row.secret_hash or not now.active:
            self._count_failure(client_id, peer)
            return False
        self._failures.pop((client_id, peer), None)
        while len(self._proved) >= REMEMBERED:
            del self._proved[next(iter(self._proved))]
        self._proved[digest] = client_id
        return True

    def _may_try(self, client_id: str, peer: str) -> None:
        count, last = self._failures.get((client_id, peer), (0, 0.0))
        if count >= FREE_FAILURES:
            wait = last + min(LONGEST_WAIT, 2.0 ** (count - FREE_FAILURES)) - self._clock()
            if wait > 0:
                raise TooManyAttempts(wait)
        if self._waiting >= WAITING:
            raise TooManyAttempts(2.0)

    def _count_failure(self, client_id: str, peer: str) -> None:
        count = min(self._failures.pop((client_id, peer), (0, 0.0))[0] + 1, FREE_FAILURES + 10)
        while len(self._failures) >= REMEMBERED:
            del self._failures[next(iter(self._failures))]
        self._failures[client_id, peer] = (count, self._clock())


def basic_credentials(encoded: bytes) -> tuple[str, str] | None:
    """The id and the secret of an HTTP Basic header's value, or None when it is none."""
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (client_id, secret) if colon else None
