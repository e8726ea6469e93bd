"""The token endpoint: an access token for an application's secret or a refresh token (RFC 6749), as Entra ID has it.

    grant_type=client_credentials                        -> access token
    ... with scope=... offline_access                    -> and a refresh token
    grant_type=refresh_token&refresh_token=R1            -> access token and R2; R1 is used up
    the same with R1 once more                           -> invalid_grant, and R2 is worth nothing from now on

A refresh token is used once: who uses it a second time, or the first user, has stolen it, so the whole family that
began with one secret ends. Only hashes are kept; tokens carry 256 random bits, so a plain hash is enough.

Errors have the form and the numbers of Entra ID, because clients look for them, and words of their own.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from debitor.identity import AUDIENCE, NEVER, ApiClient, Authenticator, TooManyAttempts, basic_credentials, timestamp
from debitor.schema import BLANK_GUID, Guid, Row, Text100, Timestamp, record
from debitor.store import Root, Store

REFRESH_LIFETIME = 90 * 86_400
"""Seconds after which a refresh token that nobody used is worth nothing, unless a setting says otherwise."""
OFFLINE = "offline_access"
PORTION = 20
"""Refresh tokens that are over and go with one that is made."""


@record(
    "refresh_token",
    unique=(("token_hash",),),
    indexes=(("family",), ("expires_at",)),
    by_company=False,
)
class RefreshToken(Row, frozen=True, kw_only=True):
    """A refresh token that was given out.

    Attributes:
        token_hash: SHA-256, in hexadecimal.
        family: what all tokens share that follow from one use of a secret.
        used_at: when it was exchanged; NEVER before. It is kept after that, so that a second use is noticed.
    """

    token_hash: Text100 = ""
    family: Guid = BLANK_GUID
    client_id: Text100 = ""
    expires_at: Timestamp = NEVER
    used_at: Timestamp = NEVER


class OAuthError(Exception):
    """A token request that cannot be answered.

    Attributes:
        error: a code of RFC 6749, such as `invalid_client`.
        number: what Entra ID calls it: 7000215 stands in texts as AADSTS7000215.
    """

    def __init__(self, error: str, number: int, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.number, self.description, self.status = error, number, description, status


def error_answer(no: OAuthError | TooManyAttempts, trace_id: str, correlation_id: str, now: float) -> dict[str, Any]:
    """The body that tells an error, as Entra ID forms it.

    Args:
        trace_id: the request's id here; correlation_id: the client's own, or the same.
        now: seconds since 1970.
    """
    if isinstance(no, TooManyAttempts):
        told = f"Too many attempts; wait {no.retry_after} seconds."
        no = OAuthError("temporarily_unavailable", 90055, told, 429)
    at = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%SZ}"
    return {
        "error": no.error,
        "error_description": f"AADSTS{no.number}: {no.description} Trace ID: {trace_id} "
        f"Correlation ID: {correlation_id} Timestamp: {at}",
        "error_codes": [no.number],
        "timestamp": at,
        "trace_id": trace_id,
        "correlation_id": correlation_id,
    }


class Tokens:
    """Gives tokens. For one event loop.

    Args:
        asker: knows applications and signs.
        store: where refresh tokens are kept.
        refresh_lifetime: seconds that an unused refresh token is valid.
    """

    def __init__(self, asker: Authenticator, store: Store, *, refresh_lifetime: int = REFRESH_LIFETIME) -> None:
        self._asker, self._store = asker, store
        self._lifetime = timedelta(seconds=refresh_lifetime)

    async def answer(
        self, body: bytes, authorization: bytes, content_type: str, *, tenant: str, peer: str, version: int = 2
    ) -> dict[str, Any]:
        """Answer a token request.

        Args:
            body: the form.
            authorization: the Authorization header, or nothing.
            tenant: what the address said; it goes into the token and carries no right.
            peer: the client's address, for counting failures.
            version: 1 for the older form of the answer, with numbers as text and `resource`.
        Raises:
            OAuthError: what to answer instead.
            TooManyAttempts: wrong secrets came too often, or too many wait to be checked.
        """
        form = _form(body, content_type)
        grant = form.get("grant_type", "")
        if not grant:
            raise _missing("grant_type")
        if grant not in ("client_credentials", "refresh_token"):
            raise OAuthError(
                "unsupported_grant_type", 70003, "Only client_credentials and refresh_token are offered here."
            )
        if grant == "refresh_token" and not form.get("refresh_token"):
            raise _missing("refresh_token")
        row = await self._client(form, authorization, peer)
        refresh = ""
        if grant == "refresh_token":
            refresh = await self._exchange(form["refresh_token"], row.client_id)
        elif OFFLINE in form.get("scope", "").split():
            refresh = await self._store.write(lambda root: self._give(root, row.client_id, root.new_id()))
        return self._told(row, form, tenant, version, refresh)

    def _told(
        self, row: ApiClient, form: Mapping[str, str], tenant: str, version: int, refresh: str
    ) -> dict[str, Any]:
        lifetime = self._asker.lifetime
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": self._asker.issue(row, tenant),
        }
        if version == 1:
            issued = int(self._asker.wall())
            times = {"not_before": issued, "expires_on": issued + lifetime}
            answer = {name: str(value) for name, value in {**answer, **times}.items()}
            answer["resource"] = form.get("resource", AUDIENCE)
        if refresh:
            answer["refresh_token"] = refresh
        return answer

    async def _client(self, form: Mapping[str, str], authorization: bytes, peer: str) -> ApiClient:
        """The application that proved itself. Raises OAuthError, TooManyAttempts."""
        candidates = _client_credentials(form, authorization)
        self._asker.known(b"")  # brings applications and keys up to date
        for client_id, secret in candidates:
            if await self._asker.secret_is_right(client_id, secret, peer):
                row = self._asker.application(client_id)
                if row is not None:
                    return row
        # The same for an unknown id and a wrong secret, so that nobody learns which ids there are.
        raise OAuthError("invalid_client", 7000215, "The client id or the client secret is wrong.", 401)

    # ---- refresh tokens

    async def _exchange(self, token: str, client_id: str) -> str:
        """The token that follows `token`. Raises OAuthError when it is worth nothing."""
        found = await self._store.write(lambda root: self._next(root, token, client_id))
        if isinstance(found, OAuthError):
            raise found
        return found

    def _next(self, root: Root, token: str, client_id: str) -> str | OAuthError:
        """As `_exchange`, in a transaction; the error is a result, since what it revoked has to be kept."""
        row = root.find(RefreshToken, token_hash=_hash(token))
        if row is None or row.client_id != client_id:
            return OAuthError(
                "invalid_grant", 9002313, "The refresh token is not one of this application, or was revoked."
            )
        if row.used_at != NEVER:
            root.delete_where(RefreshToken, family=row.family)
            return OAuthError(
                "invalid_grant",
                50173,
                "The refresh token was used before. All that followed from it are revoked; ask with the secret.",
            )
        if row.expires_at <= root.now:
            return OAuthError(
                "invalid_grant",
                700082,
                "The refresh token has expired, because it was not used; ask with the secret.",
            )
        root.update(row, used_at=root.now)
        return self._give(root, client_id, row.family)

    def _give(self, root: Root, client_id: str, family: str) -> str:
        """Make a refresh token; a few that are over go."""
        for old in root.all(RefreshToken, order=("expires_at",), limit=PORTION):
            if old.expires_at <= root.now:
                root.delete(old)
        token = secrets.token_urlsafe(32)
        until = timestamp(datetime.fromisoformat(root.now) + self._lifetime)
        root.insert(RefreshToken(token_hash=_hash(token), family=family, client_id=client_id, expires_at=until))
        return token


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _missing(name: str) -> OAuthError:
    return OAuthError("invalid_request", 900144, f"The form has no {name}.")


def _form(body: bytes, content_type: str) -> dict[str, str]:
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", 9002313, "Send the form as application/x-www-form-urlencoded.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50, errors="strict")
    except ValueError as error:
        raise OAuthError("invalid_request", 9002313, "The form cannot be read.") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", 9002313, "A field of the form is sent twice.")
    return form


def _client_credentials(form: Mapping[str, str], authorization: bytes) -> list[tuple[str, str]]:
    """The pairs to try: from the form, or from HTTP Basic, where some clients encode the parts and some do not."""
    if not authorization:
        if "client_id" not in form or "client_secret" not in form:
            told = "Send client_id and client_secret in the form, or as HTTP Basic."
            raise OAuthError("invalid_client", 7000218, told, 401)
        return [(form["client_id"], form["client_secret"])]
    scheme, _, rest = authorization.partition(b" ")
    pair = basic_credentials(rest) if scheme.lower() == b"basic" else None
    if pair is None:
        told = "The Authorization header is not HTTP Basic with an id and a secret."
        raise OAuthError("invalid_client", 7000218, told, 401)
    if "client_secret" in form:
        raise OAuthError("invalid_request", 9002313, "Send the client secret once: in the form or as HTTP Basic.")
    plain = (unquote_plus(pair[0]), unquote_plus(pair[1]))
    if form.get("client_id", plain[0]) not in (plain[0], pair[0]):
        raise OAuthError("invalid_request", 9002313, "The client id of the form differs from the one of HTTP Basic.")
    return [plain] if plain == pair else [plain, pair]


def discovery(origin: str, tenant: str, issuer: str) -> dict[str, Any]:
    """The metadata of the token service (OpenID Connect Discovery, RFC 8414).

    Args:
        origin: scheme and host by which the caller came, so that the addresses lead back to here.
        tenant: the tenant of the caller's address, or nothing.
    """
    base = f"{origin}/{tenant}" if tenant else origin
    return {
        "issuer": issuer,
        # Nobody can sign in here, but clients refuse a document without this address.
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "grant_types_supported": ["client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": [f"{AUDIENCE}/.default", OFFLINE],
    }
