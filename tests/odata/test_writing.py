"""PUT, upserts, bindings and alternate keys, on the toys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from debitor.odata.messages import Request
from debitor.odata.replacing import Defaults
from odata.host import AT, CATALOG, COMPANY, ROOT, Wire, open_wire
from odata.toys import AUTHORS, BOOKS, Publisher

MISSING = "00000000-0000-4000-8000-00000000dead"
ANY: dict[str, Any] = {"if_match": "*"}


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    made = open_wire(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Wire]:
    made = open_wire(tmp_path, strict=True)
    yield made
    made.store.close()


def author(wire: Wire, number: str = "A1", **more: Any) -> dict[str, Any]:
    made = wire.post("authors", {"number": number, "displayName": f"Author {number}", **more})
    assert made.status == 201, made.json
    return dict(made.json)


def publisher(wire: Wire, code: str) -> str:
    with wire.store.transaction() as tx:
        made: str = tx.at(COMPANY.key).insert(Publisher(code=code)).id
    return made


# --------------------------------------------------------------------------- PUT


def test_put_gives_what_the_body_leaves_out_its_default(wire: Wire) -> None:
    made = author(wire, biography="long", born="1900-01-01", active=True, publisherId=publisher(wire, "P"))

    got = wire.send("PUT", f"authors({made['id']})", {"displayName": "x"}, if_match=made["@odata.etag"])

    assert got.status == 200
    assert {name: got.json[name] for name in ("number", "displayName", "biography", "born", "active")} == {
        "number": "A1", "displayName": "x", "biography": "", "born": "1900-01-01", "active": False,
    }  # fmt: skip
    assert got.json["publisherId"] == "00000000-0000-0000-0000-000000000000"


def test_put_takes_what_get_gave(wire: Wire) -> None:
    """A whole entity holds properties that clients cannot write; PUT ignores them."""
    made = author(wire, biography="long")

    again = wire.send("PUT", f"authors({made['id']})", made, if_match=made["@odata.etag"])

    assert (again.status, again.json["biography"]) == (200, "long")
    assert wire.send("PATCH", f"authors({made['id']})", made, **ANY).status == 400


def test_put_wants_a_tag_and_an_entity(wire: Wire) -> None:
    made = author(wire)

    assert wire.send("PUT", f"authors({made['id']})", {}).code == "BadRequest_InvalidToken"
    assert wire.send("PUT", f"authors({made['id']})", {}, if_match='W/"b2xkIG9uZQ=="').status == 409
    assert wire.send("PUT", f"books({MISSING})", {}, **ANY).status == 404
    assert wire.send("PUT", f"authors({made['id']})", {"displayName": "x", "id": MISSING}, **ANY).status == 400


def test_put_is_a_patch_in_strict_mode(strict: Wire) -> None:
    made = author(strict, biography="long")

    got = strict.send("PUT", f"authors({made['id']})", {"displayName": "x"}, **ANY)

    assert (got.status, got.json["displayName"], got.json["biography"]) == (200, "x", "long")


def test_a_pointer_to_the_parent_and_keys_keep_their_values() -> None:
    completed = Defaults(BOOKS, CATALOG).completed({"title": "x"})

    assert not {"id", "authorId", "lineNumber", "cover"} & set(completed)
    assert completed["genre"] == "_x0020_"
    assert list(completed)[-1] == "title"
    assert "number" not in Defaults(AUTHORS, CATALOG).completed({})


# --------------------------------------------------------------------------- upsert


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_id_that_is_not_there_is_created_where_clients_choose_ids(wire: Wire, method: str) -> None:
    body = {"number": "U1", "displayName": "new"}

    made = wire.send(method, f"authors({MISSING})", body)

    assert (made.status, made.json["id"], made.headers["location"]) == (
        201,
        MISSING,
        f"{ROOT}/{AT}/authors({MISSING})",
    )
    assert wire.send(method, f"authors({MISSING})", {"displayName": "y"}).code == "BadRequest_InvalidToken"
    assert wire.send(method, f"authors({MISSING})", {"displayName": "y"}, **ANY).status == 200


def test_an_upsert_with_a_tag_means_an_entity_that_exists(wire: Wire, tmp_path: Path) -> None:
    assert wire.send("PUT", f"authors({MISSING})", {"number": "U"}, **ANY).status == 404
    assert wire.send("PATCH", f"books({MISSING})", {"title": "U"}).status == 404
    (tmp_path / "strict").mkdir()
    strict = open_wire(tmp_path / "strict", strict=True)
    assert strict.send("PUT", f"authors({MISSING})", {"number": "U"}).status == 404
    strict.store.close()


# --------------------------------------------------------------------------- @odata.bind


def test_a_binding_sets_the_pointer(wire: Wire) -> None:
    one, two = publisher(wire, "ONE"), publisher(wire, "TWO")

    made = author(wire, **{"publisher@odata.bind": f"publishers({one})"})
    assert made["publisherId"] == one
    at = f"authors({made['id']})"
    for written, expected in [
        (f"{AT}/publishers({two})", two),
        (f"{ROOT}/{AT}/publishers({one})", one),
        (f"/api/v2.0/{AT}/publishers({two})", two),
        ("publishers(code='one')", one),
        (None, "00000000-0000-0000-0000-000000000000"),
    ]:
        got = wire.patch(at, {"publisher@odata.bind": written}, **ANY)
        assert (got.status, got.json["publisherId"]) == (200, expected), written
    nested = {"author@odata.bind": "authors(number='A1')", "title": "bound"}
    assert wire.post("authors", {"number": "N", "displayName": "N", "books": [nested]}).status == 201


@pytest.mark.parametrize(
    ("bind", "told"),
    [
        ({"publisher@odata.bind": f"publishers({MISSING})"}, "exists"),
        ({"publisher@odata.bind": f"authors({MISSING})"}, "must be the address"),
        ({"publisher@odata.bind": "publishers"}, "must be the address"),
        ({"publisher@odata.bind": ["publishers"]}, "must be the address"),
        ({"publisher@odata.bind": "$1"}, "must be the address"),
        ({"publisher@odata.bind": "nowhere(1)"}, "must be the address"),
        ({"publisher@odata.bind": "$batch"}, "must be the address"),
        ({"books@odata.bind": []}, "not supported"),
        ({"nothing@odata.bind": "x"}, "not supported"),
    ],
    ids=str,
)
def test_a_binding_that_names_nothing_is_refused(wire: Wire, bind: dict[str, Any], told: str) -> None:
    got = wire.post("authors", {"number": "B", "displayName": "B", **bind})

    assert (got.status, got.code) == (400, "BadRequest")
    assert told in got.json["error"]["message"]


def test_a_binding_and_its_property_must_agree(wire: Wire) -> None:
    one, two = publisher(wire, "ONE"), publisher(wire, "TWO")
    bind = {"number": "B", "publisher@odata.bind": f"publishers({one})"}

    assert wire.post("authors", {**bind, "publisherId": two}).status == 400
    assert wire.post("authors", {**bind, "displayName": "B", "publisherId": one}).status == 201


def test_bindings_are_unknown_in_strict_mode(strict: Wire) -> None:
    got = strict.post("authors", {"number": "B", "publisher@odata.bind": f"publishers({publisher(strict, 'P')})"})

    assert (got.status, "publisher@odata.bind" in got.json["error"]["message"]) == (400, True)


def test_a_binding_refers_to_another_part_of_a_batch(wire: Wire) -> None:
    parts = [
        {"id": "1", "method": "POST", "url": f"{AT}/authors", "body": {"number": "A", "displayName": "A"}},
        {"id": "2", "method": "POST", "url": f"{AT}/books", "body": {"title": "t", "author@odata.bind": "$1"}},
    ]

    one, two = wire.batch(*parts)

    assert two["status"] == 201, two
    assert two["body"]["authorId"] == one["body"]["id"]


# --------------------------------------------------------------------------- alternate keys


def test_a_unique_property_names_an_entity(wire: Wire) -> None:
    made = author(wire, "A1")
    wire.post(f"authors({made['id']})/books", {"title": "t"})

    assert wire.get("authors(number='a1')").json["id"] == made["id"]
    assert wire.get("authors(number='A1')/books").json["value"][0]["title"] == "t"
    assert wire.get("authors(number='A1')/displayName").json["value"] == "Author A1"
    assert wire.patch("authors(number='A1')", {"displayName": "x"}, **ANY).json["displayName"] == "x"
    assert wire.send("POST", "authors(number='A1')/Microsoft.NAV.countBooks").json["value"] == 1
    for path, status, code in [
        ("authors(number='none')", 404, "BadRequest_ResourceNotFound"),
        ("authors(number='none')/books", 404, "BadRequest_ResourceNotFound"),
        ("authors(displayName='x')", 404, "BadRequest_NotFound"),
        ("authors(number=A1)", 404, "BadRequest_NotFound"),
    ]:
        got = wire.get(path)
        assert (got.status, got.code) == (status, code), path
    assert wire.delete("authors(number='A1')").status == 204
    assert wire.get("authors(number='A1')").status == 404


def test_only_companies_have_alternate_keys_in_strict_mode(strict: Wire) -> None:
    author(strict)

    assert strict.get("authors(number='A1')").code == "BadRequest_NotFound"
    assert strict.send("GET", "companies(name='TOYS')", root=True).status == 200
    assert strict.send("GET", "companies(businessProfileId='x')", root=True).status == 404


# --------------------------------------------------------------------------- what answers carry


@pytest.mark.parametrize(
    ("query", "context"),
    [
        ("", ""),
        ("$select=displayName,number", "(number,displayName)"),
        ("$select=*", ""),
        ("$expand=books", ""),
        ("$select=number&$expand=books", "(number)"),
        ("$expand=books($select=title,isbn)", "(books(isbn,title))"),
        (
            "$select=number&$expand=books($select=title;$expand=author($select=number)),publisher",
            "(number,books(title,author(number)))",
        ),
    ],
)
def test_context_urls_tell_what_was_selected(wire: Wire, query: str, context: str) -> None:
    made = author(wire)
    place = f"{ROOT}/$metadata#{AT}/authors{context}"

    assert wire.get("authors", query).json["@odata.context"] == place
    assert wire.get(f"authors({made['id']})", query).json["@odata.context"] == f"{place}/$entity"
    full = wire.get("authors", query, accept="application/json;odata.metadata=full")
    assert full.json["@odata.context"] == place
    none = wire.get("authors", query, accept="application/json;odata.metadata=none")
    assert "@odata.context" not in none.json


def test_expand_everything(wire: Wire) -> None:
    made = author(wire, publisherId=publisher(wire, "P"))

    got = wire.get(f"authors({made['id']})", "$expand=*")

    assert got.json["publisher"]["code"] == "P"
    assert (got.json["books"], got.json["authorProfile"]["number"]) == ([], "A1")
    assert "awards" not in got.json
    assert wire.get("authors", "$expand=*($levels=2)").status == 400


def test_a_page_of_every_parent_is_cut_by_the_store(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """$top inside $expand must not read all entities of all parents."""
    for number in "AB":
        made = author(wire, number)
        for n in range(5):
            wire.post(f"authors({made['id']})/books", {"title": f"{number}{n}"})
    tx = type(wire.store.reader().at(COMPANY.key))
    original, sizes = tx.run, []

    def run(self: Any, *given: Any) -> Any:
        rows = original(self, *given)
        sizes.append(len(rows))
        return rows

    monkeypatch.setattr(tx, "run", run)
    got = wire.get("authors", "$expand=books($top=2;$skip=1;$orderby=title desc)")

    assert [[b["title"] for b in row["books"]] for row in got.json["value"]] == [["A3", "A2"], ["B3", "B2"]]
    assert sizes == [2, 4]


def test_options_of_a_batch(wire: Wire) -> None:
    made = wire.service.handle(Request("OPTIONS", ROOT, "$batch"), wire.store.reader())

    assert (made.status, dict(made.headers)["allow"]) == (204, "POST, OPTIONS")


def test_metadata_is_sent_once(wire: Wire) -> None:
    first = wire.send("GET", "$metadata", root=True)
    again = wire.send("GET", "$metadata", root=True, if_none_match=first.headers["etag"])

    assert (again.status, again.raw, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert wire.send("GET", "$metadata", root=True, if_none_match='W/"b2xkIG9uZQ=="').status == 200
