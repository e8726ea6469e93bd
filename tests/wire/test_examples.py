"""The examples of the reference: sent to a new demo company they are answered as recorded, and fit the document.

The records are made by `make examples`, and so is their repair after a change that is meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from openapi_schema_validator import OAS31Validator

from debitor.entities.texts import examples
from wire.conftest import Server
from wire.examples import loosened, record

ORIGIN = "http://127.0.0.1:7048"


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    """The document as served."""
    made: dict[str, Any] = requests.get(f"{server.origin}/openapi.json", timeout=60).json()
    return made


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for verbs in document["paths"].values():
        yield from verbs.values()


def difference(one: Any, other: Any, at: str = "") -> str:
    """The first place where two JSON values differ, or an empty text."""
    if isinstance(one, dict) and isinstance(other, dict) and list(one) == list(other):
        return next((d for name in one if (d := difference(one[name], other[name], f"{at}.{name}"))), "")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return next((d for i, (a, b) in pairs if (d := difference(a, b, f"{at}[{i}]"))), "")
    return (
        ""
        if one == other and not isinstance(one, dict)
        else f"{at}: recorded {str(one)[:200]!r}, now {str(other)[:200]!r}"
    )


def test_every_example_is_true(tmp_path: Path) -> None:
    """Sent again they are answered as recorded, but for dates, which move with the day."""
    recorded, now = examples("{origin}"), record(tmp_path)

    different = [
        f"{name}: {told}"
        for name in recorded
        if (told := difference(loosened(recorded[name]), loosened(now.get(name))))
    ]
    assert not different, "\n".join(["an answer changed; if that is right, run `make examples`", *different])


WITHOUT = {
    "getServiceDocument": "it would change with every set",
    "getPdfDocument": "a PDF is found below its document",
}
"""Operations without an example, and why."""


def test_every_kind_of_operation_of_every_set_has_one(document: dict[str, Any]) -> None:
    """Of the sets themselves and of the protocol; below other sets some have one, too."""
    missing = [
        operation["operationId"]
        for path, verbs in document["paths"].items()
        for operation in verbs.values()
        if len(steps := path.removeprefix("/companies({company_id})/").strip("/").split("/")) == 1
        or steps[-1].startswith("Microsoft.NAV.")
        or (steps[-1] == "$count" and "(" not in steps[0])
        if "x-codeSamples" not in operation
    ]

    assert sorted(missing) == sorted(WITHOUT), "tell tests/wire/example_requests.py, then run `make examples`"


def test_the_document_shows_them(document: dict[str, Any], server: Server) -> None:
    recorded = examples(server.origin)
    shown = {
        operation["operationId"]: operation["x-codeSamples"][0]["source"]
        for operation in operations(document)
        if "x-codeSamples" in operation
    }

    assert shown == {name: example["source"] for name, example in recorded.items()}
    assert json.dumps(document).count(f'"@odata.context": "{server.root}') > 100


def test_they_fit_the_schemas(document: dict[str, Any]) -> None:
    """Bodies and answers alike."""
    seen = 0
    for operation in operations(document):
        parts = [operation.get("requestBody", {}), *operation["responses"].values()]
        for media in (media for part in parts for media in part.get("content", {}).values()):
            if "example" in media:
                schema = {**media["schema"], "components": document["components"]}
                wrong = [error.message[:200] for error in OAS31Validator(schema).iter_errors(media["example"])]
                assert not wrong, (operation["operationId"], wrong)
                seen += 1
    assert seen > 200


def test_a_difference_is_told() -> None:
    assert difference({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}).startswith(".a[1].b")
    assert difference({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert difference([1], [1, 2])
    assert not difference({"a": [1]}, {"a": [1]})
