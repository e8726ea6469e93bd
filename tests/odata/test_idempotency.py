"""A write with a key is done once; its answer comes back byte for byte."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debitor.odata import idempotency
from debitor.odata.idempotency import LIFETIME, PORTION, KeptAnswer, key_of
from debitor.odata.messages import Request
from debitor.schema import Refused
from odata.host import AT, ROOT, Wire, open_wire
from odata.toys import Author

SECOND = 1_000_000_000


class Clock:
    """Nanoseconds since 1970 that only the test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000 * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wire(tmp_path: Path, clock: Clock) -> Iterator[Wire]:
    made = open_wire(tmp_path, clock=clock)
    yield made
    made.store.close()


def create(wire: Wire, number: str, key: str, **more: Any) -> SimpleNamespace:
    return wire.post("authors", {"number": number, "displayName": "Ä-" + number}, idempotency_key=key, **more)


def authors(wire: Wire) -> int:
    return wire.store.reader().at(1).count(Author)


def kept(wire: Wire) -> int:
    return wire.store.reader().count(KeptAnswer)


def without_mark(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "idempotency-replayed"}


def test_the_first_answer_comes_again(wire: Wire) -> None:
    first = create(wire, "A", "k")
    again = create(wire, "A", "k")

    assert (first.status, again.status) == (201, 201)
    assert again.raw == first.raw
    assert without_mark(again.headers) == first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert authors(wire) == 1


@pytest.mark.parametrize("again", ["k", '"k"', ' "k" '])
def test_a_key_may_be_quoted(wire: Wire, again: str) -> None:
    create(wire, "A", '"k"')

    assert create(wire, "A", again).headers["idempotency-replayed"] == "true"


def test_another_body_address_or_method_is_refused(wire: Wire) -> None:
    made = create(wire, "A", "k")
    id = made.json["id"]
    refused = [
        create(wire, "B", "k"),
        wire.post("authors", {"number": "A", "displayName": "Ä-A"}, query="$select=id", idempotency_key="k"),
        wire.patch(f"authors({id})", {"displayName": "x"}, if_match="*", idempotency_key="k"),
        wire.delete(f"authors({id})", idempotency_key="k"),
    ]

    assert [(no.status, no.code) for no in refused] == [(422, "Request_IdempotencyKeyReused")] * 4
    assert authors(wire) == 1


def test_changes_deletions_and_actions_have_keys_too(wire: Wire) -> None:
    id = create(wire, "A", "k").json["id"]
    one = wire.patch(f"authors({id})", {"displayName": "x"}, if_match="*", idempotency_key="p")
    two = wire.patch(f"authors({id})", {"displayName": "x"}, if_match="*", idempotency_key="p")
    gone = wire.delete(f"authors({id})", idempotency_key="d")
    still_gone = wire.delete(f"authors({id})", idempotency_key="d")

    assert one.json["@odata.etag"] == two.json["@odata.etag"]
    assert (gone.status, still_gone.status, still_gone.headers["idempotency-replayed"]) == (204, 204, "true")
    assert wire.delete(f"authors({id})").status == 404


def test_a_key_belongs_to_its_client(wire: Wire) -> None:
    create(wire, "A", "k")
    wire.user = "another"

    assert create(wire, "B", "k").status == 201


def test_what_was_refused_is_decided_anew(wire: Wire) -> None:
    """Nothing was written, and the reason may be gone by the next time."""
    blocker = create(wire, "A", "first")
    no = create(wire, "A", "k")
    wire.delete(f"authors({blocker.json['id']})")

    assert no.status == 400
    assert create(wire, "A", "k").status == 201


def test_a_client_that_may_only_read_gets_no_answer_of_a_write(wire: Wire) -> None:
    create(wire, "A", "k")
    wire.rights = "read"

    assert create(wire, "A", "k").status == 403


def test_reads_take_no_notice(wire: Wire) -> None:
    assert wire.get("authors", idempotency_key="not, a key").status == 200
    assert kept(wire) == 0


def test_strict_mode_takes_no_notice(tmp_path: Path) -> None:
    wire = open_wire(tmp_path, strict=True)
    try:
        assert [create(wire, "A", "k").status, create(wire, "A", "k").status] == [201, 400]
        assert wire.service.claim(Request("POST", ROOT, f"{AT}/authors", headers={"idempotency-key": ","})) is None
    finally:
        wire.store.close()


@pytest.mark.parametrize(
    "header", ["", '""', '"', "a b", "a,b", '"a", "b"', 'a"b', "ä", "x" * 256, '"a";p=1', "a\\b"]
)
def test_headers_that_are_no_key(wire: Wire, header: str) -> None:
    answer = create(wire, "A", header)

    assert (answer.status, answer.code) == (400, "BadRequest_InvalidIdempotencyKey")
    assert authors(wire) == 0


@pytest.mark.parametrize(
    ("header", "key"),
    [("x" * 255, "x" * 255), ('"a b"', "a b"), (r'"a\"\\b"', 'a"\\b'), ("!#$%&'()*+-./:<=>?@[]^_`{|}~", None)],
)
def test_headers_that_are_keys(header: str, key: str | None) -> None:
    assert key_of(header) == (key or header)


def test_the_first_is_still_being_answered(wire: Wire) -> None:
    request = Request("POST", ROOT, f"{AT}/authors", headers={"idempotency-key": "k"}, user="u")
    release = wire.service.claim(request)
    assert release is not None
    with pytest.raises(Refused) as raised:
        wire.service.claim(request)
    release()

    assert wire.service.error_response(request, raised.value).status == 409
    assert wire.service.claim(request) is not None


# ---- time and space


def test_a_key_is_forgotten_after_its_lifetime(wire: Wire, clock: Clock) -> None:
    first = create(wire, "A", "k")
    clock.now += (LIFETIME - 1) * SECOND
    assert create(wire, "A", "k").headers["idempotency-replayed"] == "true"
    clock.now += SECOND
    wire.delete(f"authors({first.json['id']})")
    second = create(wire, "A", "k")

    assert second.status == 201
    assert second.json["id"] != first.json["id"]


def test_keys_that_are_over_go_a_few_at_a_time(wire: Wire, clock: Clock) -> None:
    for n in range(PORTION + 5):
        create(wire, f"A{n}", f"k{n}")
    clock.now += (LIFETIME + 1) * SECOND
    create(wire, "B", "b")
    assert kept(wire) == 5 + 1
    create(wire, "C", "c")

    assert kept(wire) == 2


def test_an_answer_that_is_too_large_writes_nothing(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "LARGEST_ANSWER", 50)
    answer = create(wire, "A", "k")

    assert (answer.status, answer.code) == (400, "BadRequest")
    assert authors(wire) == 0
    assert kept(wire) == 0


# ---- batches


def part(number: str, key: str | None = None) -> dict[str, Any]:
    headers = {} if key is None else {"Idempotency-Key": key}
    return {
        "method": "POST",
        "url": f"{AT}/authors",
        "headers": headers,
        "body": {"number": number, "displayName": number},
    }


FAILS = {"method": "GET", "url": f"{AT}/authors(00000000-0000-4000-8000-00000000dead)"}


def send(wire: Wire, *parts: Any, **headers: Any) -> SimpleNamespace:
    return wire.send("POST", "$batch", {"requests": list(parts)}, root=True, **headers)


def test_a_whole_batch_has_a_key(wire: Wire) -> None:
    """Also one of which a part failed: what the others wrote must not be written again."""
    first = send(wire, part("A"), part("A"), part("B"), prefer="odata.continue-on-error", idempotency_key="k")
    again = send(wire, part("A"), part("A"), part("B"), prefer="odata.continue-on-error", idempotency_key="k")

    assert [each["status"] for each in first.json["responses"]] == [201, 400, 201]
    assert again.raw == first.raw
    assert again.headers["idempotency-replayed"] == "true"
    assert authors(wire) == 2


@pytest.mark.parametrize("headers", [{}, {"isolation": "snapshot"}])
def test_a_batch_that_wrote_nothing_is_decided_anew(wire: Wire, headers: dict[str, str]) -> None:
    id = create(wire, "A", "first").json["id"]
    send(wire, part("A"), part("B"), idempotency_key="k", **headers)
    wire.delete(f"authors({id})")
    again = send(wire, part("A"), part("B"), idempotency_key="k", **headers)

    assert [each["status"] for each in again.json["responses"]] == [201, 201]


def test_parts_have_keys(wire: Wire) -> None:
    """A batch of which the end failed is sent again whole: what was done is not done again, the rest is."""
    send(wire, part("A", "a"), FAILS, part("B", "b"))
    again = wire.batch(part("A", "a"), part("B", "b"))
    single = wire.post("authors", {"number": "B"}, idempotency_key="b")

    assert [each["status"] for each in again] == [201, 201]
    assert again[0]["headers"]["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in again[1]["headers"]
    assert (single.status, authors(wire)) == (422, 2), "the body of the part is not the same bytes"


def test_a_part_that_was_undone_with_its_group_is_not_kept(wire: Wire) -> None:
    send(wire, part("A", "a"), part("A"), isolation="snapshot")
    assert kept(wire) == 0

    assert [each["status"] for each in wire.batch(part("A", "a"))] == [201]


def test_a_part_may_not_take_the_key_of_its_batch(wire: Wire) -> None:
    answer = send(wire, part("A", "k"), idempotency_key="k")

    assert (answer.status, answer.code) == (422, "Request_IdempotencyKeyReused")
    assert authors(wire) == 0


def test_a_batch_that_reads_needs_no_key(wire: Wire) -> None:
    answer = send(wire, {"method": "GET", "url": f"{AT}/authors"}, idempotency_key="k")

    assert answer.status == 200
    assert kept(wire) == 0


# ---- a model

STEPS = st.lists(
    st.tuples(st.sampled_from("kl"), st.sampled_from("AB"), st.sampled_from(["u", "v"]), st.integers(0, 2)),
    max_size=12,
)


@given(STEPS)
@settings(max_examples=40, deadline=None)
def test_any_order_of_requests_agrees_with_a_model(steps: list[tuple[str, str, str, int]]) -> None:
    """The model: a dict from (client, key) to number, answer and end; numbers are unique."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        wire = open_wire(Path(folder), clock=clock)
        try:
            answers: dict[tuple[str, str], tuple[str, bytes, int]] = {}
            taken: set[str] = set()
            for key, number, user, wait in steps:
                clock.now += wait * (LIFETIME * SECOND // 2 + SECOND)
                wire.user = user
                found = create(wire, number, key)
                before = answers.get((user, key))
                if before and before[2] > clock.now:
                    expected = 201 if before[0] == number else 422
                    assert found.status == expected
                    assert expected == 422 or found.raw == before[1]
                elif number in taken:
                    assert found.status == 400
                else:
                    assert found.status == 201
                    taken.add(number)
                    answers[user, key] = (number, found.raw, clock.now + LIFETIME * SECOND)
            assert authors(wire) == len(taken)
        finally:
            wire.store.close()
