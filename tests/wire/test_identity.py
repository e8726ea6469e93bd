"""Tokens and access over a socket, with a client library's eyes."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from wire.conftest import CLIENT_ID, CLIENT_SECRET, Books, Server, clean_environment

FORM = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


def command(server: Server, *args: str) -> Any:
    """Run another process on the books of a running server."""
    done = subprocess.run(
        [sys.executable, "-m", "debitor.cli", *args, *server.books, "--json"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def authorization(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def companies(server: Server, **more: Any) -> requests.Response:
    return requests.get(f"{server.root}/companies", timeout=30, **more)


@pytest.mark.parametrize("path", ["default/oauth2/v2.0/token", "oauth2/v2.0/token", "my-tenant/oauth2/token"])
@pytest.mark.parametrize("how", ["form", "basic"])
def test_a_token_opens_the_books(server: Server, path: str, how: str) -> None:
    form = FORM if how == "form" else {"grant_type": "client_credentials"}
    auth = None if how == "form" else (CLIENT_ID, CLIENT_SECRET)
    answer = requests.post(f"{server.origin}/{path}", data=form, auth=auth, timeout=30)
    token = answer.json()["access_token"]

    assert answer.headers["cache-control"] == "no-store"
    assert companies(server, headers=authorization(token)).status_code == 200


def test_http_basic_opens_the_books(server: Server) -> None:
    assert companies(server, auth=(CLIENT_ID, CLIENT_SECRET)).status_code == 200


def test_a_token_verifies_with_the_published_keys(server: Server) -> None:
    """As a gateway in front of the server would check it: discovery, keys, signature, issuer."""
    found = requests.get(f"{server.origin}/t/v2.0/.well-known/openid-configuration", timeout=30).json()
    answer = requests.post(found["token_endpoint"], data=FORM, timeout=30)
    token = answer.json()["access_token"]
    keys = jwt.PyJWKSet.from_dict(requests.get(found["jwks_uri"], timeout=30).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, ["RS256"], issuer=found["issuer"], audience="api://debitor")

    assert claims["appid"] == CLIENT_ID


@pytest.mark.parametrize(
    "path", ["", "/", "/$metadata", "/companies", "/$batch", "/companies(x)/customerPayments", "/nonsense"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_there_is_no_anonymous_access(server: Server, path: str, method: str) -> None:
    """Also the service document and the metadata want credentials."""
    answer = requests.request(method, server.root + path, timeout=30)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert "Basic " in answer.headers["www-authenticate"]


def test_a_refusal_is_that_of_business_central(server: Server) -> None:
    answer = companies(server, headers=authorization("not a token"))
    error = answer.json()["error"]

    assert error["code"] == "Authentication_InvalidCredentials"
    assert error["message"] == (
        f"The server has rejected the client credentials.  CorrelationId:  {answer.headers['request-id']}."
    )
    assert answer.headers["content-type"] == "application/json"
    assert "odata-version" not in answer.headers


def test_token_errors_are_those_of_oauth(server: Server) -> None:
    wrong = requests.post(
        f"{server.origin}/t/oauth2/v2.0/token", data={**FORM, "client_secret": "wrong secret"}, timeout=30
    )
    grant = requests.post(f"{server.origin}/t/oauth2/v2.0/token", data={**FORM, "grant_type": "x"}, timeout=30)

    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert (grant.status_code, grant.json()["error"]) == (400, "unsupported_grant_type")
    assert wrong.headers["cache-control"] == "no-store"


def test_a_client_that_may_only_read(server: Server, books: Books) -> None:
    made = command(server, "client", "create", "--name", "reader", "--rights", "read")
    time.sleep(1.1)
    headers = authorization(server.token(made["client_id"], made["client_secret"]))
    read = requests.get(f"{books.url}/customers?$top=1", headers=headers, timeout=30)
    write = requests.post(f"{books.url}/customers", json={"displayName": "x"}, headers=headers, timeout=30)
    parts = {
        "requests": [
            {
                "id": "1",
                "method": "POST",
                "url": f"companies({books.company_id})/customers",
                "body": {"displayName": "x"},
                "headers": {"content-type": "application/json"},
            }
        ]
    }
    batch = requests.post(f"{books.root}/$batch", json=parts, headers=headers, timeout=30)

    assert read.status_code == 200
    assert (write.status_code, write.json()["error"]["code"]) == (403, "Authorization_AccessDenied")
    assert batch.json()["responses"][0]["status"] == 403


def test_a_revocation_by_the_command_line_reaches_a_running_server(server: Server) -> None:
    """Within two seconds, for tokens and for HTTP Basic."""
    made = command(server, "client", "create", "--name", "short-lived")
    pair = (made["client_id"], made["client_secret"])
    time.sleep(1.1)
    headers = authorization(server.token(*pair))
    assert companies(server, headers=headers).status_code == 200
    assert companies(server, auth=pair).status_code == 200
    command(server, "client", "revoke", made["client_id"])
    time.sleep(1.5)

    assert companies(server, headers=headers).status_code == 401
    assert companies(server, auth=pair).status_code == 401


def test_a_rotation_keeps_tokens_and_signs_with_the_new_key(server: Server) -> None:
    before = server.token()
    made = command(server, "key", "rotate")
    time.sleep(1.5)
    after = server.token()

    assert jwt.get_unverified_header(after)["kid"] == made["kid"]
    assert companies(server, headers=authorization(before)).status_code == 200
    assert companies(server, headers=authorization(after)).status_code == 200


def test_secrets_are_nowhere_in_the_books_or_the_log(server: Server) -> None:
    token = server.token()
    companies(server, auth=(CLIENT_ID, "a wrong secret of mine"))
    companies(server, headers=authorization(token))
    written = (
        b"".join(path.read_bytes() for path in Path(server.folder).glob("debitor.db*")) + server.logged().encode()
    )

    for secret in (CLIENT_SECRET, "a wrong secret of mine", token, base64.b64encode(CLIENT_SECRET.encode()).decode()):
        assert secret.encode() not in written


# ---- as a client library for Entra ID comes


class Application:
    """What such a library does: find the endpoint by its tenant, ask with the secret, keep the token, ask again."""

    def __init__(self, authority: str, auth: tuple[str, str], *, basic: bool) -> None:
        self.session = requests.Session()
        found = self.session.get(f"{authority}/v2.0/.well-known/openid-configuration", timeout=30)
        assert found.status_code == 200, found.text
        self.metadata = found.json()
        self.auth = auth if basic else None
        self.form = {"client_id": auth[0]} if basic else {"client_id": auth[0], "client_secret": auth[1]}

    def ask(self, **form: str) -> requests.Response:
        headers = {
            "client-request-id": CORRELATION,
            "return-client-request-id": "true",
            "x-client-sku": "test",
            "x-client-ver": "1",
            "x-client-current-telemetry": "4|730,2|",
        }
        form = {**self.form, "client_info": "1", **form}
        return self.session.post(
            self.metadata["token_endpoint"], data=form, auth=self.auth, headers=headers, timeout=30
        )


CORRELATION = "7d5a1a5e-2f0b-4a87-9f2c-3f1f7f0c8f11"
SCOPE = "https://api.businesscentral.dynamics.com/.default"


@pytest.mark.parametrize("basic", [False, True], ids=["client_secret_post", "client_secret_basic"])
def test_the_flow_of_a_client_library(server: Server, basic: bool) -> None:
    """Authority, discovery, token, call, refresh."""
    app = Application(f"{server.origin}/contoso", (CLIENT_ID, CLIENT_SECRET), basic=basic)
    first = app.ask(grant_type="client_credentials", scope=f"{SCOPE} offline_access")
    again = app.ask(grant_type="refresh_token", refresh_token=first.json()["refresh_token"], scope=SCOPE)

    assert app.metadata["authorization_endpoint"].startswith(f"{server.origin}/contoso/")
    assert app.metadata["issuer"].startswith(server.origin)
    assert first.headers["client-request-id"] == CORRELATION
    for answer in (first, again):
        told = answer.json()
        assert (told["token_type"], told["expires_in"]) == ("Bearer", told["ext_expires_in"])
        assert companies(server, headers=authorization(told["access_token"])).status_code == 200


@pytest.mark.parametrize("named", [{}, {"scope": SCOPE}, {"resource": "https://api.businesscentral.dynamics.com"}])
@pytest.mark.parametrize("path", ["contoso/oauth2/token", "contoso/oauth2/v2.0/token"])
def test_resource_scope_or_neither(server: Server, path: str, named: dict[str, str]) -> None:
    told = requests.post(f"{server.origin}/{path}", data={**FORM, **named}, timeout=30).json()

    assert companies(server, headers=authorization(told["access_token"])).status_code == 200
    assert "refresh_token" not in told
    if "v2.0" not in path:
        assert told["resource"] == named.get("resource", "api://debitor")


def test_a_stolen_refresh_token_ends_with_its_family(server: Server) -> None:
    app = Application(server.origin, (CLIENT_ID, CLIENT_SECRET), basic=False)
    first = app.ask(grant_type="client_credentials", scope="offline_access").json()["refresh_token"]
    second = app.ask(grant_type="refresh_token", refresh_token=first).json()["refresh_token"]
    stolen = app.ask(grant_type="refresh_token", refresh_token=first)
    owner = app.ask(grant_type="refresh_token", refresh_token=second)

    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert (owner.status_code, owner.json()["error"]) == (400, "invalid_grant")


def test_a_refused_token_request_says_what_libraries_look_for(server: Server) -> None:
    app = Application(f"{server.origin}/contoso", (CLIENT_ID, "not the secret"), basic=False)
    answer = app.ask(grant_type="client_credentials", scope=SCOPE)
    told = answer.json()

    assert (answer.status_code, told["error"], told["error_codes"]) == (401, "invalid_client", [7000215])
    assert told["error_description"].startswith("AADSTS7000215: ")
    assert told["correlation_id"] == CORRELATION
    assert told["trace_id"] == answer.headers["request-id"] == answer.headers["x-ms-request-id"]
    assert f"Correlation ID: {CORRELATION}" in told["error_description"]
    assert set(told) == {"error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id"}


def test_nobody_signs_in_at_the_authorization_endpoint(server: Server) -> None:
    found = requests.get(f"{server.origin}/t/v2.0/.well-known/openid-configuration", timeout=30).json()
    answer = requests.get(found["authorization_endpoint"], timeout=30)

    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_response_type")
