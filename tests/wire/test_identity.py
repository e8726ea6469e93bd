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
        [sys.executable, "-m", "debitor.cli", *args, "--data", str(server.folder), "--json"],
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
