"""What is remembered of answers, and when it is forgotten."""

from __future__ import annotations

import pytest

from debitor.front.unchanged import LARGEST, MOST_BYTES, OVERHEAD, Known, Unchanged
from debitor.identity import Caller

CALLER = Caller("shop", "full")
HEADERS = {"host": "here", "authorization": "Bearer x", "user-agent": "tests", "accept": "*/*"}


def key(**changes: object) -> object:
    """The key of a request, changed in some respects."""
    told: dict[str, object] = {
        "root": "http://here/api/v2.0",
        "path": "/api/v2.0/companies",
        "query": b"",
        "headers": HEADERS,
        "caller": CALLER,
        "day": 20_000,
    }
    return Unchanged.key(**{**told, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"root": "https://here/api/v2.0"},
        {"path": "/api/v2.0/customers"},
        {"query": b"$top=1"},
        {"headers": {**HEADERS, "accept": "application/json;odata.metadata=full"}},
        {"headers": {**HEADERS, "accept-encoding": "gzip"}},
        {"caller": Caller("other", "full")},
        {"caller": Caller("shop", "read")},
        {"day": 20_001},
    ],
)
def test_what_matters_is_part_of_the_key(change: dict[str, object]) -> None:
    assert key(**change) is not None
    assert key(**change) != key()


@pytest.mark.parametrize("name", ["prefer", "if-none-match", "company", "data-access-intent", "isolation", "x-new"])
def test_a_header_that_may_matter_is_never_remembered(name: str) -> None:
    assert key(headers={**HEADERS, name: "x"}) is None


def test_a_header_that_differs_from_request_to_request_does_not_matter() -> None:
    assert key(headers={**HEADERS, "x-request-id": "1", "traceparent": "2"}) == key()


def test_answers_are_forgotten_with_the_next_state() -> None:
    unchanged, first, second = Unchanged(), object(), object()
    answer = Known(200, [], b"{}")
    unchanged.put(("a",), first, answer)
    assert unchanged.get(("a",), first) is answer
    assert unchanged.get(("b",), first) is None
    assert unchanged.get(("a",), second) is None
    unchanged.put(("b",), second, answer)
    assert unchanged.get(("b",), second) is answer
    assert unchanged.get(("a",), second) is None
    assert unchanged.get(("a",), first) is None


def test_memory_is_bounded() -> None:
    unchanged, state = Unchanged(), object()
    unchanged.put(("large",), state, Known(200, [], b"x" * (LARGEST + 1)))
    assert unchanged.get(("large",), state) is None
    largest = Known(200, [], b"x" * LARGEST)
    for at in range(MOST_BYTES // LARGEST * 2):
        unchanged.put((at,), state, largest)
        assert unchanged.get((at,), state) is largest
        assert unchanged.size <= MOST_BYTES


def test_small_answers_to_long_questions_are_bounded_too() -> None:
    """Else a client that asks for a count in many ways would fill the memory."""
    unchanged, state, count = Unchanged(), object(), Known(200, [], b"0")
    question = b"x" * 8000
    first = ("", "", question + b"0")
    for at in range(MOST_BYTES // (OVERHEAD + 8000) + 1):
        unchanged.put(("", "", question + str(at).encode()), state, count)
        assert unchanged.size <= MOST_BYTES
    assert unchanged.get(first, state) is None
