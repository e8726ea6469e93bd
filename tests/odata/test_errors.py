"""The one form of every error."""

from __future__ import annotations

import json

import pytest

from debitor.odata.errors import STATUS, error_body, response_of, status_of
from debitor.schema import Refused
from debitor.store import DuplicateKey, FrozenRow, StoreError


def test_the_message_ends_with_the_correlation_id() -> None:
    made = json.loads(error_body("BadRequest", "No.", "c150e2eb"))

    assert made == {"error": {"code": "BadRequest", "message": "No.  CorrelationId:  c150e2eb."}}


@pytest.mark.parametrize(
    ("no", "status", "code"),
    [
        (Refused("BadRequest", "x"), 400, "BadRequest"),
        (Refused("BadRequest", "x", 415), 415, "BadRequest"),
        (Refused("Request_EntityChanged", "x"), 409, "Request_EntityChanged"),
        (Refused("Application_AnythingNew", "x"), 400, "Application_AnythingNew"),
        (DuplicateKey("author", ("number",)), 400, "Internal_EntityWithSameKeyExists"),
        (DuplicateKey("author", ()), 400, "Internal_EntityWithSameKeyExists"),
        (FrozenRow("x"), 400, "Application_DialogException"),
        (StoreError("disk full"), 503, "Internal_ServerError"),
    ],
)
def test_what_says_no_has_a_status_and_a_code(no: Refused | StoreError, status: int, code: str) -> None:
    made = response_of(no, "r")

    assert made.status == status
    assert json.loads(made.body)["error"]["code"] == code
    assert ("content-type", "application/json") in made.headers
    assert "odata-version" not in dict(made.headers)


def test_every_listed_code_has_an_error_status() -> None:
    assert all(400 <= status_of(code) < 600 for code in STATUS)
