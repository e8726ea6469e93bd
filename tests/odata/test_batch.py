"""Many requests in one."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from debitor.odata.messages import Request
from odata.host import AT, COMPANY, OTHER, REQUEST_ID, ROOT, Wire, open_wire
from odata.toys import Book

MISSING = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    made = open_wire(tmp_path)
    yield made
    made.store.close()


def make(number: str, id: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a part that creates an author."""
    part = {"method": "POST", "url": f"{AT}/authors", "body": {"number": number, "displayName": number}, **more}
    return part if id is None else {"id": id, **part}


FAILS = {"method": "GET", "url": f"{AT}/authors({MISSING})"}


def numbers(wire: Wire) -> list[str]:
    return [row["number"] for row in wire.get("authors").json["value"]]


def statuses(answers: list[Any]) -> list[int]:
    return [answer["status"] for answer in answers]


def test_parts_answer_as_single_requests_do(wire: Wire) -> None:
    one, two, three = wire.batch(
        make("A", "r1"),
        {"id": 7, "method": "get", "url": f"{AT}/authors?$select=number"},
        {"method": "GET", "url": f"{AT}/authors/$count"},
    )

    assert (one["id"], one["status"]) == ("r1", 201)
    assert one["headers"]["location"] == f"{ROOT}/{AT}/authors({one['body']['id']})"
    assert one["headers"]["odata-version"] == "4.0"
    assert one["headers"]["content-type"] == "application/json; odata.metadata=minimal; odata.streaming=true"
    assert one["headers"]["etag"] == one["body"]["@odata.etag"]
    assert one["body"]["@odata.context"] == f"{ROOT}/$metadata#{AT}/authors/$entity"
    assert (two["id"], two["body"]["value"][0]["number"]) == ("7", "A")
    assert (three["id"], three["body"]) == (None, "1")


def test_a_part_without_content_has_no_body(wire: Wire) -> None:
    [made] = wire.batch(make("A"))

    [gone] = wire.batch({"method": "DELETE", "url": f"{AT}/authors({made['body']['id']})"})

    assert gone["status"] == 204
    assert "body" not in gone


def test_the_first_failure_ends_the_batch_and_earlier_parts_stay(wire: Wire) -> None:
    got = wire.batch(make("A"), FAILS, make("B"))

    assert statuses(got) == [201, 404]
    assert got[1]["body"]["error"]["code"] == "BadRequest_ResourceNotFound"
    assert got[1]["body"]["error"]["message"].endswith(f"CorrelationId:  {REQUEST_ID}.")
    assert got[1]["headers"] == {"content-type": "application/json"}
    assert numbers(wire) == ["A"]


@pytest.mark.parametrize("wish", ["odata.continue-on-error", "odata.continue-on-error=true", "continue-on-error"])
def test_going_on_after_an_error(wire: Wire, wish: str) -> None:
    got = wire.batch(make("A"), make("a"), make("B"), prefer=wish)

    assert statuses(got) == [201, 400, 201]
    assert numbers(wire) == ["A", "B"]


def test_continue_on_error_may_be_declined(wire: Wire) -> None:
    assert statuses(wire.batch(FAILS, make("B"), prefer="odata.continue-on-error=false")) == [404]


def test_a_failed_part_leaves_nothing(wire: Wire) -> None:
    """The author and the first book are written before the second book is refused."""
    bad = make("A")
    bad["body"]["books"] = [{"lineNumber": 1}, {"lineNumber": 1}]

    got = wire.batch(bad, make("B"), prefer="odata.continue-on-error")

    assert statuses(got) == [400, 201]
    assert got[0]["body"]["error"]["code"] == "Internal_EntityWithSameKeyExists"
    assert numbers(wire) == ["B"]
    with wire.store.transaction() as tx:
        assert tx.at(COMPANY.key).count(Book) == 0


def test_an_atomicity_group_is_all_or_nothing(wire: Wire) -> None:
    got = wire.batch(
        make("A", "1"),
        make("B", "2", atomicityGroup="g"),
        make("b", "3", atomicityGroup="g"),
        make("C", "4", atomicityGroup="g"),
        make("D", "5"),
        prefer="odata.continue-on-error",
    )

    assert [(part["id"], part["status"], part.get("atomicityGroup")) for part in got] == [
        ("1", 201, None),
        ("2", 424, "g"),
        ("3", 400, "g"),
        ("4", 424, "g"),
        ("5", 201, None),
    ]
    assert numbers(wire) == ["A", "D"]
    fine = wire.batch(make("B", atomicityGroup="g"), make("C", atomicityGroup="g"))
    assert statuses(fine) == [201, 201]
    assert numbers(wire) == ["A", "B", "C", "D"]


@pytest.mark.parametrize("header", ["isolation", "odata_isolation"])
def test_a_snapshot_batch_is_all_or_nothing(wire: Wire, header: str) -> None:
    got = wire.batch(make("A"), make("B"), make("a"), make("C"), **{header: "snapshot"})

    assert statuses(got) == [424, 424, 400, 424]
    assert numbers(wire) == []
    assert statuses(wire.batch(make("A"), make("B"), **{header: "snapshot"})) == [201, 201]
    assert numbers(wire) == ["A", "B"]


def test_a_snapshot_that_fails_says_in_strict_mode_what_was_undone(tmp_path: Path) -> None:
    """Business Central shows the answers up to the one that failed, though nothing was kept."""
    strict = open_wire(tmp_path, strict=True)

    got = strict.batch(make("A"), make("B", "2"), make("a"), make("C"), isolation="snapshot")

    assert [(part["id"], part["status"]) for part in got] == [(None, 201), ("2", 201), (None, 400)]
    assert numbers(strict) == []
    strict.store.close()


def test_a_part_may_wait_for_a_group(wire: Wire) -> None:
    group = [make("A", "1", atomicityGroup="g"), make("a", "2", atomicityGroup="g")]
    got = wire.batch(
        *group,
        make("B", "3", dependsOn=["g"]),
        {"id": "4", "method": "GET", "url": "$1"},
        prefer="odata.continue-on-error",
    )

    assert statuses(got) == [424, 400, 424, 400]
    assert "refers to no earlier request" in got[3]["body"]["error"]["message"]


def test_a_tag_of_an_earlier_part_may_be_referred_to(wire: Wire) -> None:
    got = wire.batch(
        make("A", "1"),
        {"id": "2", "method": "PATCH", "url": "/$1", "headers": {"If-Match": "$1"}, "body": {"displayName": "x"}},
        {"id": "3", "method": "PATCH", "url": "$1", "headers": {"If-Match": "$1"}, "body": {"displayName": "y"}},
    )

    assert statuses(got) == [201, 200, 409]


def test_bodies_that_are_no_json_are_strings(wire: Wire) -> None:
    """OData JSON format 4.01, section 19: a text is a string, other bytes are base64url."""
    part = {"method": "POST", "url": f"{AT}/authors", "headers": {"Content-Type": "application/x"}, "body": "eyJ9"}
    got = wire.batch(
        {"method": "GET", "url": "$metadata"},
        part,
        {**part, "headers": {"Content-Type": "text/plain"}},
        prefer="odata.continue-on-error",
    )

    assert statuses(got) == [200, 415, 415]
    xml = got[0]["body"]
    assert base64.urlsafe_b64decode(xml + "=" * (-len(xml) % 4)).startswith(b"<?xml")
    broken = wire.send("POST", "$batch", {"requests": [{**part, "body": "?"}]}, root=True)
    assert (broken.status, "base64url" in broken.json["error"]["message"]) == (400, True)


def test_the_companyid_of_a_part_goes_before_the_company_of_the_batch(wire: Wire) -> None:
    part = {"method": "POST", "url": "authors", "body": {"number": "A", "displayName": "A"}}

    assert statuses(wire.batch({**part, "headers": {"CompanyId": OTHER.id}}, company="TOYS")) == [201]
    assert numbers(wire) == []


def test_parts_may_wait_for_others(wire: Wire) -> None:
    got = wire.batch(
        {"id": "x", **FAILS},
        make("A", "y", dependsOn=["x"]),
        make("B", "z", dependsOn=["y"]),
        make("C", "ok"),
        make("D", "after", dependsOn=["ok"]),
        prefer="odata.continue-on-error",
    )

    assert statuses(got) == [404, 424, 424, 201, 201]
    assert numbers(wire) == ["C", "D"]


def test_a_part_refers_to_what_another_created(wire: Wire) -> None:
    got = wire.batch(
        make("A", "1"),
        {"id": "2", "method": "POST", "url": "$1/books", "body": {"title": "x"}},
        {"id": "3", "method": "GET", "url": "$2"},
        {"id": "4", "method": "GET", "url": "$1?$expand=books"},
        {"id": "5", "method": "GET", "url": "$nine/books"},
    )

    assert statuses(got) == [201, 201, 200, 200, 400]
    assert got[2]["body"]["title"] == "x"
    assert got[3]["body"]["books"][0]["title"] == "x"


@pytest.mark.parametrize(
    "url",
    [
        f"{AT}/authors",
        f"/{AT}/authors",
        f"/api/v2.0/{AT}/authors",
        f"{ROOT}/{AT}/authors",
        f"https://elsewhere.example/api/v2.0/{AT}/authors",
        f"companies%28{COMPANY.id}%29/authors",
        "authors?company=toys",
        f"{AT}/authors?$filter=displayName eq 'A' or displayName eq 'ä'",
        f"{AT}/authors?$filter=displayName%20eq%20'A'",
    ],
)
def test_an_address_has_many_forms(wire: Wire, url: str) -> None:
    wire.batch(make("A"))

    [got] = wire.batch({"method": "GET", "url": url})

    assert [row["number"] for row in got["body"]["value"]] == ["A"]


def test_the_company_of_the_batch_is_that_of_its_parts(wire: Wire) -> None:
    part = {"method": "POST", "url": "authors", "body": {"number": "A", "displayName": "A"}}

    assert statuses(wire.batch(part)) == [404]
    assert statuses(wire.batch(part, company="TOYS")) == [201]
    assert statuses(wire.batch({**part, "headers": {"Company": OTHER.id}}, company="TOYS")) == [201]
    below = wire.send("POST", "$batch", {"requests": [{"method": "GET", "url": "authors/$count"}]})
    assert below.json["responses"][0]["body"] == "1"
    named = wire.send(
        "POST", "$batch", {"requests": [{"method": "GET", "url": "authors/$count"}]}, query="company=TOYS", root=True
    )
    assert named.json["responses"][0]["body"] == "1"


def test_parts_have_their_own_headers(wire: Wire) -> None:
    [made] = wire.batch(make("A"))
    at = f"{AT}/authors({made['body']['id']})"
    patch = {"method": "PATCH", "url": at, "body": {"displayName": "x"}}

    got = wire.batch(
        patch,
        {**patch, "headers": {"If-Match": made["body"]["@odata.etag"], "Content-Type": "application/json"}},
        {**patch, "headers": {"If-Match": "*", "Prefer": "return=minimal"}},
        {**patch, "headers": {"If-Match": "*", "Content-Type": "text/plain"}},
        prefer="odata.continue-on-error",
    )

    assert statuses(got) == [400, 200, 204, 415]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "not valid JSON"),
        (b"[]", "object"),
        (b"{}", "requests"),
        (b'{"requests":{}}', "array"),
        (b'{"requests":[{}]}', "method"),
        (b'{"requests":[{"method":"GET","url":1}]}', "url"),
        (b'{"requests":[{"method":"GET","url":"x","id":"1"},{"method":"GET","url":"x","id":"1"}]}', "twice"),
        (b'{"requests":[{"method":"GET","url":"x","id":"1","dependsOn":["2"]}]}', "depends on"),
        (
            b'{"requests":[{"method":"GET","url":"x","atomicityGroup":"g"},{"method":"GET","url":"x"},'
            b'{"method":"GET","url":"x","atomicityGroup":"g"}]}',
            "follow one another",
        ),
        (b'{"requests":' + b"[" * 100_000, "array"),
        (b"\xff", "JSON"),
    ],
    ids=lambda v: str(v)[:40],
)
def test_a_batch_that_is_none_is_refused(wire: Wire, body: bytes, told: str) -> None:
    got = wire.send("POST", "$batch", raw=body, root=True)

    assert (got.status, got.code) == (400, "BadRequest")
    if not body.startswith(b'{"requests":[['):
        assert told in got.json["error"]["message"]


def test_a_part_that_cannot_be_read_fails_alone(wire: Wire) -> None:
    got = wire.batch(
        {"method": "POST", "url": f"{AT}/authors", "body": [1]},
        {"method": "POST", "url": f"{AT}/authors"},
        {"method": "POST", "url": f"{AT}/$batch", "body": {"requests": []}},
        {"method": "BREW", "url": f"{AT}/authors"},
        {"method": "GET", "url": ""},
        {"method": "GET", "url": "http://[broken/authors"},
        {"method": "GET", "url": "?$top=1"},
        prefer="odata.continue-on-error",
    )

    assert statuses(got) == [400, 400, 400, 405, 200, 404, 200]


def test_other_media_types_are_refused(wire: Wire) -> None:
    got = wire.send("POST", "$batch", raw=b"--x", root=True, content_type="multipart/form-data; boundary=x")

    assert got.status == 415


def test_at_most_100_parts(wire: Wire, tmp_path: Path) -> None:
    part = {"method": "GET", "url": f"{AT}/authors/$count"}

    assert len(wire.batch(*[part] * 100)) == 100
    too_many = wire.send("POST", "$batch", {"requests": [part] * 101}, root=True)
    assert (too_many.status, "'100'" in too_many.json["error"]["message"]) == (400, True)
    (tmp_path / "strict").mkdir()
    strict = open_wire(tmp_path / "strict", strict=True)
    assert strict.send("POST", "$batch", {"requests": [part] * 101}, root=True).status == 500
    strict.store.close()


@pytest.mark.parametrize(
    ("parts", "needs"),
    [
        ([], "read"),
        ([FAILS, {"method": "HEAD", "url": "x"}], "read"),
        ([FAILS, {"method": "DELETE", "url": "x"}], "write"),
        ([{"method": "POST", "url": f"{AT}/authors({MISSING})/Microsoft.NAV.retire"}], "write"),
        (
            [
                {"method": "POST", "url": "x"},
                {"method": "POST", "url": f"/{AT}/authors({MISSING})/Microsoft.NAV.audit"},
            ],
            "long",
        ),
        ([FAILS] * 101, "read"),
        ([{"method": "POST", "url": "$batch"}], "write"),
        ("broken", "read"),
    ],
)
def test_the_session_that_a_batch_needs(wire: Wire, parts: Any, needs: str) -> None:
    request = Request("POST", ROOT, "$batch", body=json.dumps({"requests": parts}).encode())

    assert wire.service.needs(request) == needs


def test_an_empty_batch_has_an_empty_answer(wire: Wire) -> None:
    assert wire.batch() == []
