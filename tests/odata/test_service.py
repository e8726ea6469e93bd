"""Every verb, over the SQLite store."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debitor.odata.messages import Request
from debitor.schema import Context
from odata import toys
from odata.host import AT, CATALOG, COMPANY, OTHER, REQUEST_ID, ROOT, Wire, open_wire
from odata.toys import Author, Book, Publisher

MISSING = "00000000-0000-4000-8000-00000000dead"
CHOSEN = "17cce948-c6a5-4861-8ff5-30428ed83207"
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


def author(wire: Wire, number: str = "A1", **more: Any) -> Any:
    made = wire.post("authors", {"number": number, "displayName": f"Author {number}", **more})
    assert made.status == 201, made.raw
    return made.json


def books(wire: Wire, author_id: str, *titles: str) -> list[Any]:
    return [wire.post(f"authors({author_id})/books", {"title": title}).json for title in titles]


def publisher(wire: Wire, code: str) -> str:
    with wire.store.transaction() as tx:
        return tx.at(COMPANY.key).insert(Publisher(code=code, display_name=code.lower())).id


# --------------------------------------------------------------------------- reading


def test_one_entity_has_context_tag_and_headers(wire: Wire) -> None:
    made = author(wire)

    got = wire.get(f"authors({made['id'].upper()})")

    assert got.status == 200
    assert got.json == made
    assert list(got.json)[:3] == ["@odata.context", "@odata.etag", "id"]
    assert got.json["@odata.context"] == f"{ROOT}/$metadata#{AT}/authors/$entity"
    assert got.headers["content-type"] == "application/json; odata.metadata=minimal; odata.streaming=true"
    assert got.headers["odata-version"] == "4.0"
    assert got.headers["etag"] == made["@odata.etag"]
    assert got.needs == "read"


def test_a_list_is_in_the_default_order(wire: Wire) -> None:
    for number in ("B", "C", "A"):
        author(wire, number)

    got = wire.get("authors")

    assert got.json["@odata.context"] == f"{ROOT}/$metadata#{AT}/authors"
    assert [row["number"] for row in got.json["value"]] == ["A", "B", "C"]
    assert "@odata.nextLink" not in got.json
    assert wire.get("publishers").json["value"] == []


def test_companies_do_not_see_each_other(wire: Wire) -> None:
    made = author(wire)

    other = f"companies({OTHER.id})"
    assert wire.send("GET", f"{other}/authors", root=True).json["value"] == []
    assert wire.send("GET", f"{other}/authors({made['id']})", root=True).status == 404


def test_the_company_may_be_named_beside_the_path(wire: Wire) -> None:
    made = author(wire)
    path = f"authors({made['id']})"

    ways: list[tuple[str, dict[str, Any]]] = [
        (f"company={COMPANY.id}", {}),
        ("Company=toys", {}),
        ("", {"company": "TOYS"}),
        ("", {"companyid": COMPANY.id}),
    ]
    for query, headers in ways:
        assert wire.send("GET", path, query=query, root=True, **headers).json == made
    assert wire.send("GET", "authors", query="company=Second%20%26%20Sons", root=True).json["value"] == []
    assert wire.send("GET", "authors", query="company=None", root=True).code == "Unknown"
    assert wire.send("GET", "authors", query="company=None", root=True).status == 400
    assert wire.send("GET", "authors", root=True).code == "Internal_CompanyNotFound"
    assert wire.send("GET", f"companies({MISSING})/authors", root=True).code == "BadRequest_ResourceNotFound"


def test_companies_are_an_entity_set_at_the_root(wire: Wire) -> None:
    got = wire.send("GET", "companies", root=True)

    assert got.json["@odata.context"] == f"{ROOT}/$metadata#companies"
    assert [row["id"] for row in got.json["value"]] == [COMPANY.id, OTHER.id]
    assert "@odata.etag" not in got.json["value"][0]
    for key in (COMPANY.id, "'TOYS'", "name='TOYS'"):
        one = wire.send("GET", f"companies({key})", root=True)
        assert one.json["name"] == "TOYS"
        assert one.json["@odata.context"] == f"{ROOT}/$metadata#companies/$entity"
        assert "etag" not in one.headers
    assert wire.send("GET", f"companies({MISSING})", root=True).status == 404
    assert wire.send("POST", "companies", {}, root=True).code == "BadRequest_MethodNotAllowed"


def test_what_does_not_exist_is_named_in_a_404(wire: Wire) -> None:
    made = author(wire)
    id = made["id"]

    for path, segment in [
        (f"authors({MISSING})", "authors"),
        (f"authors({MISSING})/books", "authors"),
        (f"authors({id})/books({MISSING})", "books"),
        (f"authors({id})/authorProfiles", "authorProfiles"),
        (f"authors({MISSING})/displayName", "authors"),
        (f"authors({MISSING})/books/$count", "authors"),
    ]:
        got = wire.get(path)
        assert got.status == 404, path
        assert got.json["error"] == {
            "code": "BadRequest_ResourceNotFound",
            "message": f"Resource not found for the segment '{segment}'.  CorrelationId:  {REQUEST_ID}.",
        }
        assert got.headers["content-type"] == "application/json"
        assert "odata-version" not in got.headers
    assert wire.get("authors(None)").code == "BadRequest_NotFound"


def test_navigations_lead_down_and_back(wire: Wire) -> None:
    one, two = author(wire, "A"), author(wire, "B")
    first, second = books(wire, one["id"], "x", "y")
    books(wire, two["id"], "z")

    below = wire.get(f"authors({one['id']})/books")
    assert [row["title"] for row in below.json["value"]] == ["x", "y"]
    assert below.json["@odata.context"] == f"{ROOT}/$metadata#{AT}/authors({one['id']})/books"
    nested = wire.get(f"authors({one['id']})/books({second['id']})")
    assert nested.json["@odata.context"] == f"{ROOT}/$metadata#{AT}/authors({one['id']})/books/$entity"
    assert wire.get(f"authors({two['id']})/books({second['id']})").status == 404
    back = wire.get(f"books({first['id']})/author")
    assert back.json["number"] == "A"
    assert back.json["@odata.context"] == f"{ROOT}/$metadata#{AT}/books({first['id']})/author/$entity"
    assert len(wire.get(f"books({first['id']})/author/books").json["value"]) == 2
    assert wire.get(f"authors({one['id']})/authorProfile").json["number"] == "A"


def test_a_blank_pointer_has_no_content(wire: Wire) -> None:
    made = author(wire)

    assert wire.get(f"authors({made['id']})/publisher").status == 204
    assert wire.get(f"authors({made['id']})/publisher/code").status == 404


def test_count_property_and_value(wire: Wire) -> None:
    made = author(wire, "A7")
    books(wire, made["id"], "x", "y", "z")
    at = f"authors({made['id']})"

    assert (wire.get(f"{at}/books/$count").raw, wire.get("authors/$count").raw) == (b"3", b"1")
    assert wire.get("authors/$count", "$filter=number eq 'B'").raw == b"0"
    assert wire.get(f"{at}/books/$count").headers["content-type"].startswith("text/plain")
    got = wire.get(f"{at}/number")
    assert got.json == {"@odata.context": f"{ROOT}/$metadata#{AT}/{at}/number", "value": "A7"}
    assert wire.get(f"{at}/number/$value").raw == b"A7"
    assert wire.get(f"{at}/active/$value").raw == b"false"
    assert wire.get(f"{at}/turnover").json["value"] == 0


def test_select_filter_order_top_skip_and_count(wire: Wire) -> None:
    for number in "ABCDE":
        author(wire, number)

    got = wire.get("authors", "$select=number&$filter=number ne 'C'&$orderby=number desc&$top=2&$skip=1&$count=true")

    assert [row["number"] for row in got.json["value"]] == ["D", "B"]
    assert set(got.json["value"][0]) == {"@odata.etag", "number"}
    assert got.json["@odata.count"] == 4
    assert wire.get("authors", "$top=0&$count=true").json == {
        "@odata.context": f"{ROOT}/$metadata#{AT}/authors",
        "@odata.count": 5,
        "value": [],
    }


def test_metadata_levels(wire: Wire) -> None:
    made = author(wire)

    none = wire.get(f"authors({made['id']})", accept="application/json;odata.metadata=none")
    assert not [name for name in none.json if "@" in name]
    assert "odata.metadata=none" in none.headers["content-type"]
    full = wire.get(f"authors({made['id']})", "$format=application/json;odata.metadata=full")
    assert full.json["@odata.id"] == f"{ROOT}/{AT}/authors({made['id']})"
    assert full.json["books@odata.navigationLink"] == f"{ROOT}/{AT}/authors({made['id']})/books"
    listed = wire.get("authors", accept="application/json; odata.metadata=full")
    assert listed.json["value"][0]["@odata.editLink"] == f"{ROOT}/{AT}/authors({made['id']})"
    assert "@odata.context" not in wire.get("authors", accept="application/json;odata.metadata=none").json


def test_conditional_get(wire: Wire) -> None:
    made = author(wire)
    at, tag = f"authors({made['id']})", made["@odata.etag"]

    assert wire.get(at, if_none_match=tag).status == 304
    assert wire.get(at, if_none_match=tag).raw == b""
    assert wire.get(at, if_none_match=tag.replace("W/", "")).status == 304
    wire.patch(at, {"displayName": "x"}, if_match=tag)
    assert wire.get(at, if_none_match=tag).status == 200


def test_head_and_options(wire: Wire) -> None:
    made = author(wire)

    head = wire.send("HEAD", f"authors({made['id']})")
    assert (head.status, head.raw, head.headers["etag"]) == (200, b"", made["@odata.etag"])
    assert wire.send("HEAD", f"authors({MISSING})").raw == b""
    for path, allowed in [
        ("authors", "GET, HEAD, OPTIONS, POST"),
        (f"authors({made['id']})", "GET, HEAD, OPTIONS, POST, PATCH, PUT, DELETE"),
        (f"books({MISSING})", "GET, HEAD, OPTIONS, PATCH, PUT, DELETE"),
        ("publishers", "GET, HEAD, OPTIONS"),
        (f"authors({MISSING})/Microsoft.NAV.retire", "POST, OPTIONS"),
    ]:
        assert wire.send("OPTIONS", path).headers["allow"] == allowed


def test_the_guard_wants_a_parent_a_key_or_a_filter(wire: Wire) -> None:
    made = author(wire)
    assert wire.get("books").json["value"] == []

    [book] = books(wire, made["id"], "x")

    for path, query in [
        ("books", ""),
        ("books", "$filter=title eq 'x'"),
        ("books", f"$filter=authorId eq {made['id']} or title eq 'x'"),
        ("books", f"$filter=authorId ne {MISSING}"),
        ("books/$count", ""),
    ]:
        got = wire.get(path, query)
        assert (got.status, got.code) == (400, "Application_DialogException"), query
        assert "author ID" in got.json["error"]["message"]
    for path, query in [
        ("books", f"$filter=authorId eq {made['id']}"),
        ("books", f"$filter=title eq 'x' and {made['id']} eq authorId"),
        ("books", f"$filter=id eq {book['id']}"),
        (f"authors({made['id']})/books", ""),
    ]:
        assert len(wire.get(path, query).json["value"]) == 1, query
    assert wire.get(f"books({book['id']})").status == 200
    assert wire.get("books", "$filter=title eq 'nothing'").json["value"] == []
    assert wire.get("books", "$top=0").json["value"] == []


def test_a_list_may_have_conditions_that_keys_and_filters_lift(tmp_path: Path) -> None:
    """`journals` lists one template; by id, or by a filter on the template, the others are reached."""
    houses = replace(toys.PUBLISHERS, list_where={"code": Context("house")}, by_name={})
    wire = open_wire(tmp_path, catalog={**CATALOG, "publishers": houses})
    publisher(wire, "P1")
    other = publisher(wire, "P2")

    def codes(query: str = "") -> list[str]:
        return [row["code"] for row in wire.get("publishers", query).json["value"]]

    assert codes() == ["P1"]
    assert codes("$filter=displayName ne 'x'") == ["P1"]
    assert codes("$filter=code eq 'P2'") == ["P2"]
    assert wire.get("publishers/$count").raw == b"1"
    assert wire.get(f"publishers({other})").json["code"] == "P2"
    wire.store.close()


# --------------------------------------------------------------------------- expand


def test_expand_nests_and_shares_out_rows(wire: Wire) -> None:
    house = publisher(wire, "PUB")
    one, two, three = (author(wire, n, publisherId=house if n != "C" else None) for n in "ABC")
    books(wire, one["id"], "a1", "a2", "a3")
    books(wire, two["id"], "b1")

    got = wire.get(
        "authors",
        "$select=number&$expand=publisher($select=code),books($select=title;$orderby=title desc;$top=2;$skip=1;"
        "$count=true;$expand=author($select=number)),authorProfile($select=number)",
    )

    rows = got.json["value"]
    assert [list(row) for row in rows] == [
        ["@odata.etag", "number", "publisher", "books@odata.count", "books", "authorProfile"]
    ] * 3
    assert [row["publisher"] and row["publisher"]["code"] for row in rows] == ["PUB", "PUB", None]
    assert [[b["title"] for b in row["books"]] for row in rows] == [["a2", "a1"], [], []]
    assert [row["books@odata.count"] for row in rows] == [3, 1, 0]
    assert rows[0]["books"][0]["author"]["number"] == "A"
    assert [row["authorProfile"]["number"] for row in rows] == ["A", "B", "C"]
    assert three["publisherId"] != house


def test_expand_computed_rows_of_all_parents_at_once(wire: Wire) -> None:
    for number in "AB":
        books(wire, author(wire, number)["id"], "x")

    got = wire.get("authors", "$expand=authorRoyalty($select=authorNumber,books)")

    assert [row["authorRoyalty"] for row in got.json["value"]] == [
        {"authorNumber": "A", "books": 1},
        {"authorNumber": "B", "books": 1},
    ]


def test_strict_mode_does_not_know_hidden_properties(wire: Wire, tmp_path: Path) -> None:
    made = author(wire)
    (tmp_path / "strict").mkdir()
    strict = open_wire(tmp_path / "strict", strict=True)
    body = {"number": "1", "displayName": "x", "remark": "y"}

    assert wire.post("authors", body).code == "BadRequest_InvalidOperation"
    assert wire.get(f"authors({made['id']})/remark").json["value"] == ""
    assert strict.post("authors", body).code == "BadRequest"
    assert strict.get("authors", "$select=remark").code == "BadRequest"
    strict.store.close()


def test_expand_filters_and_works_on_one_entity(wire: Wire) -> None:
    made = author(wire)
    books(wire, made["id"], "x", "y")

    got = wire.get(f"authors({made['id']})", "$expand=books($filter=title eq 'y')")

    assert [b["title"] for b in got.json["books"]] == ["y"]
    listed = wire.get("authors", "$filter=number eq 'A1'&$expand=books($filter=title eq 'x')")
    assert [b["title"] for b in listed.json["value"][0]["books"]] == ["x"]


def test_expand_at_full_metadata_links_to_the_nested_address(wire: Wire) -> None:
    made = author(wire)
    [book] = books(wire, made["id"], "x")

    got = wire.get(f"authors({made['id']})", "$expand=books", accept="application/json;odata.metadata=full")

    nested = got.json["books"][0]
    assert nested["@odata.id"] == f"{ROOT}/{AT}/authors({made['id']})/books({book['id']})"
    assert nested["cover@odata.mediaReadLink"] == nested["@odata.id"] + "/cover"


def test_expand_takes_one_query_per_navigation(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in "ABCDEFGH":
        books(wire, author(wire, number)["id"], "x")
    tx = wire.store.reader().at(COMPANY.key)
    ran = []
    original = type(tx).run

    def run(self: Any, query: Any, params: Any, context: Any) -> Any:
        ran.append(query)
        return original(self, query, params, context)

    monkeypatch.setattr(type(tx), "run", run)
    got = wire.get("authors", "$expand=books")

    assert [len(row["books"]) for row in got.json["value"]] == [1] * 8
    assert len(ran) == 2


# --------------------------------------------------------------------------- computed sets


def test_computed_rows_are_filtered_sorted_and_paged(wire: Wire) -> None:
    for number, title_count in (("A", 2), ("B", 0), ("C", 1)):
        made = author(wire, number)
        books(wire, made["id"], *("x" * title_count))

    assert [r["books"] for r in wire.get("authorRoyalties").json["value"]] != []
    got = wire.get("authorRoyalties", "$filter=books gt 0&$count=true")
    assert got.json["@odata.count"] == 2
    assert {r["authorNumber"] for r in got.json["value"]} == {"A", "C"}
    one = got.json["value"][0]
    assert "@odata.etag" not in one
    assert wire.get(f"authorRoyalties({one['authorId']})").json["authorNumber"] == one["authorNumber"]
    assert wire.get(f"authorRoyalties({MISSING})").status == 404
    assert wire.get("authorRoyalties/$count").raw == b"3"
    assert len(all_pages(wire, "authorRoyalties", "", size=2)) == 3


# --------------------------------------------------------------------------- pages


def all_pages(wire: Wire, path: str, query: str, *, size: int) -> list[Any]:
    rows: list[Any] = []
    got = wire.get(path, query, prefer=f"odata.maxpagesize={size}")
    for _ in range(100):
        assert got.status == 200, got.raw
        assert got.headers["preference-applied"] == f"odata.maxpagesize={size}"
        assert len(got.json["value"]) <= size
        rows.extend(got.json["value"])
        link = got.json.get("@odata.nextLink")
        if link is None:
            return rows
        assert len(got.json["value"]) == size
        parts = urlsplit(link)
        assert link.startswith(ROOT + "/")
        got = wire.send(
            "GET",
            parts.path.removeprefix(urlsplit(ROOT).path + "/"),
            query=parts.query,
            root=True,
            prefer=f"odata.maxpagesize={size}",
        )
    raise AssertionError("pages never end")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "$orderby=displayName desc",
        "$orderby=active desc,displayName",
        "$orderby=born,balance desc,number desc",
        "$orderby=publisherCode,turnover",
        "$orderby=homeCountry",
        "$orderby=lastModifiedDateTime desc",
        "$filter=number ne 'A3'",
        "$select=displayName",
        "$top=5",
        "$top=4&$skip=2",
        "$skip=3&$orderby=born",
        "$expand=books",
    ],
)
def test_pages_by_key_hold_every_row_once(wire: Wire, query: str) -> None:
    with wire.store.transaction() as tx:
        for i in range(9):
            tx.at(COMPANY.key).insert(
                Author(number=f"A{i}", display_name="abc"[i % 3], active=i % 2 == 0, balance=Decimal(i % 4 * 100))
            )
    whole = wire.get("authors", query).json["value"]

    for size in (1, 2, 4):
        assert all_pages(wire, "authors", query, size=size) == whole


def test_a_page_is_not_moved_by_rows_that_come_before_it(wire: Wire) -> None:
    for number in "BCDE":
        author(wire, number)
    first = wire.get("authors", "$count=true", prefer="odata.maxpagesize=2")
    author(wire, "A")

    query = urlsplit(first.json["@odata.nextLink"]).query
    second = wire.get("authors", query, prefer="odata.maxpagesize=2")

    assert "$count=true" in query
    assert [row["number"] for row in second.json["value"]] == ["D", "E"]


def test_a_damaged_page_token_is_refused(wire: Wire) -> None:
    for number in "ABC":
        author(wire, number)
    query = urlsplit(wire.get("authors", prefer="maxpagesize=1").json["@odata.nextLink"]).query
    token = query.partition("$skiptoken=")[2]
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[-3] ^= 1
    forged = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")

    for wrong in (forged, "x", "", "%00", token[:-4], token + "A", "é", "AAAA"):
        assert wire.get("authors", f"$skiptoken={wrong}").status == 400, wrong
    assert wire.get("authors", f"$skiptoken={token}&$orderby=displayName").status == 400
    assert wire.get("publishers", f"$skiptoken={token}").status == 400
    assert wire.get("authors", f"$skiptoken={token}").status == 200


@pytest.mark.parametrize("asked", ["0", "x", "-1", "", "99999999999", "1.5", "²"])
def test_a_page_size_that_makes_no_sense_is_ignored(wire: Wire, asked: str) -> None:
    author(wire)

    got = wire.get("authors", prefer=f"odata.maxpagesize={asked}")

    assert (got.status, len(got.json["value"])) == (200, 1)


# --------------------------------------------------------------------------- creating


def test_create_answers_with_location_and_the_entity(wire: Wire) -> None:
    got = wire.post("authors", {"number": " a9 ", "displayName": "Ann"})

    assert (got.status, got.needs) == (201, "write")
    assert got.json["number"] == "A9"
    assert got.headers["location"] == f"{ROOT}/{AT}/authors({got.json['id']})"
    assert got.headers["etag"] == got.json["@odata.etag"]
    assert wire.get(f"authors({got.json['id']})").json == got.json


def test_create_below_a_parent(wire: Wire) -> None:
    made = author(wire)

    got = wire.post(f"authors({made['id']})/books", {"title": "x"})

    assert got.status == 201
    assert (got.json["authorId"], got.json["lineNumber"]) == (made["id"], 10000)
    assert got.headers["location"] == f"{ROOT}/{AT}/authors({made['id']})/books({got.json['id']})"
    assert got.json["@odata.context"] == f"{ROOT}/$metadata#{AT}/authors({made['id']})/books/$entity"
    assert wire.post(f"authors({MISSING})/books", {"title": "x"}).status == 404


def test_create_with_the_alias_only_in_documented_mode(wire: Wire, tmp_path: Path) -> None:
    got = wire.post("writers", {"number": "1", "displayName": "x"})

    assert got.status == 201
    assert "/authors(" in got.headers["location"]
    (tmp_path / "strict").mkdir()
    other = open_wire(tmp_path / "strict", strict=True)
    assert other.post("writers", {"number": "1", "displayName": "x"}).status == 404
    other.store.close()


def test_create_returns_only_what_is_asked(wire: Wire) -> None:
    got = wire.post("authors", {"number": "1", "displayName": "x"}, prefer="return=minimal")

    assert (got.status, got.raw) == (204, b"")
    assert got.headers["preference-applied"] == "return=minimal"
    assert got.headers["odata-entityid"] == got.headers["location"]
    id = got.headers["location"][-37:-1]
    assert wire.get(f"authors({id})").headers["etag"] == got.headers["etag"]
    body = {"number": "2", "displayName": "y", "books": [{"title": "b"}]}
    shaped = wire.post("authors", body, "$select=number&$expand=books($select=title)")
    assert shaped.json["number"] == "2"
    assert "displayName" not in shaped.json
    assert shaped.json["books"][0]["title"] == "b"


def test_deep_insert_creates_parts_or_nothing(wire: Wire) -> None:
    got = wire.post("authors", {"number": "1", "displayName": "x", "books": [{"title": "a"}, {"title": "b"}]})

    assert got.status == 201
    assert "books" not in got.json
    below = wire.get(f"authors({got.json['id']})/books").json["value"]
    assert [(b["title"], b["lineNumber"]) for b in below] == [("a", 10000), ("b", 20000)]
    bad = wire.post("authors", {"number": "2", "displayName": "x", "books": [{"title": "a"}, {"lineNumber": "x"}]})
    assert bad.status == 400
    assert wire.post("authors", {"number": "3", "displayName": "x", "books": [{"id": CHOSEN}]}).status == 400
    assert [row["number"] for row in wire.get("authors").json["value"]] == ["1"]


def test_a_refused_write_leaves_nothing(wire: Wire) -> None:
    author(wire, "A")

    twice = wire.post("authors", {"number": "a", "displayName": "x", "books": [{"title": "lost"}]})

    assert (twice.status, twice.code) == (400, "Internal_EntityWithSameKeyExists")
    assert "author already exists" in twice.json["error"]["message"]
    assert "number='A'" in twice.json["error"]["message"]
    assert wire.post("authors", {"number": "z"}).code == "Application_FieldValidationException"
    late = wire.post("authors", {"number": "z", "displayName": "z", "books": [{"lineNumber": 1}, {"lineNumber": 1}]})
    assert late.code == "Internal_EntityWithSameKeyExists"
    with wire.store.transaction() as tx:
        assert tx.at(COMPANY.key).count(Author) == 1
        assert tx.at(COMPANY.key).count(Book) == 0


# --------------------------------------------------------------------------- ids that clients choose


def test_the_id_in_the_address_becomes_the_id(wire: Wire) -> None:
    body = {"number": "1", "displayName": "x"}

    got = wire.post(f"authors({CHOSEN.upper()})", body)

    assert (got.status, got.json["id"]) == (201, CHOSEN)
    assert got.headers["location"] == f"{ROOT}/{AT}/authors({CHOSEN})"
    again = wire.post(f"authors({CHOSEN})", body)
    assert (again.status, again.code) == (400, "Internal_EntityWithSameKeyExists")
    assert CHOSEN in again.json["error"]["message"]


def test_the_id_in_the_body_becomes_the_id(wire: Wire) -> None:
    body = {"id": CHOSEN, "number": "1", "displayName": "x"}

    assert wire.post("authors", body).json["id"] == CHOSEN
    assert wire.post("authors", body).code == "Internal_EntityWithSameKeyExists"
    assert wire.post(f"authors({MISSING})", body).code == "BadRequest"


def test_if_match_on_post(wire: Wire) -> None:
    body = {"number": "1", "displayName": "x"}
    at = f"authors({CHOSEN})"

    assert wire.post(at, body, if_match='W/"JzE5Ow=="').code == "Request_EntityChanged"
    assert wire.post(at, body, if_match="nonsense").code == "BadRequest_InvalidToken"
    made = wire.post(at, body, if_match="*")
    assert made.status == 201
    stale = wire.post(at, {"displayName": "y"}, if_match='W/"JzE5Ow=="')
    assert (stale.status, stale.code) == (409, "Request_EntityChanged")
    changed = wire.post(at, {"displayName": "y"}, if_match=made.json["@odata.etag"])
    assert (changed.status, changed.json["displayName"]) == (200, "y")
    assert wire.post("authors", {"id": CHOSEN, "displayName": "z"}, if_match="*").json["displayName"] == "z"
    assert wire.post("authors", {"number": "2", "displayName": "z"}, if_match="*").status == 201


def test_ids_are_the_servers_own_elsewhere(wire: Wire, tmp_path: Path) -> None:
    made = author(wire)
    assert wire.post(f"books({CHOSEN})", {"title": "x"}).status == 405
    assert wire.post("books", {"id": CHOSEN, "title": "x"}).code == "BadRequest_InvalidOperation"
    assert wire.post(f"authors({made['id']})/books({CHOSEN})", {"title": "x"}).status == 405

    (tmp_path / "strict").mkdir()
    strict = open_wire(tmp_path / "strict", strict=True)
    body = {"number": "1", "displayName": "x"}
    assert strict.post(f"authors({CHOSEN})", body).code == "BadRequest_MethodNotAllowed"
    assert strict.post("authors", {"id": CHOSEN, **body}).code == "BadRequest_InvalidOperation"
    strict.store.close()


# --------------------------------------------------------------------------- changing and removing


def test_patch_wants_the_current_tag(wire: Wire) -> None:
    made = author(wire)
    at, tag = f"authors({made['id']})", made["@odata.etag"]

    missing = wire.patch(at, {"displayName": "x"})
    assert (missing.status, missing.code) == (400, "BadRequest_InvalidToken")
    assert wire.patch(at, {"displayName": "x", "@odata.etag": tag}).code == "BadRequest_InvalidToken"
    assert wire.patch(at, {"displayName": "x"}, if_match="nonsense").code == "BadRequest_InvalidToken"
    got = wire.patch(at, {"displayName": "x"}, if_match=tag)
    assert (got.status, got.json["displayName"], got.json["number"]) == (200, "x", "A1")
    assert got.json["@odata.etag"] != tag
    stale = wire.patch(at, {"displayName": "y"}, if_match=tag)
    assert (stale.status, stale.code) == (409, "Request_EntityChanged")
    assert wire.get(at).json == got.json
    assert wire.patch(at, {"displayName": "z"}, **ANY).status == 200
    assert wire.patch(f"authors({MISSING})", {"displayName": "z"}, **ANY).status == 404


def test_patch_takes_its_own_id_and_refuses_other_read_only_properties(wire: Wire) -> None:
    made = author(wire)
    at = f"authors({made['id']})"

    same = wire.patch(
        at, {"id": made["id"].upper(), "displayName": "x", "lastModifiedDateTime": "2020-01-01T00:00:00Z"}, **ANY
    )
    assert same.status == 200
    assert wire.patch(at, {"id": CHOSEN}, **ANY).code == "BadRequest_InvalidOperation"
    assert wire.patch(at, {"balance": 1}, **ANY).code == "BadRequest_InvalidOperation"
    assert wire.patch(at, {"books": []}, **ANY).code == "BadRequest"
    other = author(wire, "B")
    clash = wire.patch(f"authors({other['id']})", {"number": "A1"}, **ANY)
    assert (clash.code, "number='A1'" in clash.json["error"]["message"]) == ("Internal_EntityWithSameKeyExists", True)


def test_patch_below_a_parent_and_through_a_single_navigation(wire: Wire) -> None:
    made = author(wire)
    [book] = books(wire, made["id"], "x")

    nested = wire.patch(f"authors({made['id']})/books({book['id']})", {"title": "y"}, **ANY)
    assert nested.json["title"] == "y"
    assert nested.json["@odata.context"].endswith("/books/$entity")
    back = wire.patch(f"books({book['id']})/author", {"displayName": "z"}, **ANY)
    assert (back.status, back.json["id"]) == (200, made["id"])
    minimal = wire.patch(f"authors({made['id']})", {"displayName": "q"}, prefer="return=minimal", **ANY)
    assert (minimal.status, minimal.raw) == (204, b"")
    assert wire.patch(f"authors({MISSING})/books({book['id']})", {"title": "y"}, **ANY).status == 404


def test_delete_checks_the_tag_only_when_it_is_sent(wire: Wire) -> None:
    made = author(wire)
    at = f"authors({made['id']})"

    assert wire.delete(at, if_match='W/"JzE5Ow=="').code == "Request_EntityChanged"
    assert wire.delete(at, if_match="x").code == "BadRequest_InvalidToken"
    gone = wire.delete(at, if_match=made["@odata.etag"])
    assert (gone.status, gone.raw) == (204, b"")
    assert wire.delete(at).status == 404
    assert wire.delete(f"authors({author(wire)['id']})").status == 204


def test_actions(wire: Wire, tmp_path: Path) -> None:
    made = author(wire, active=True)
    at = f"authors({made['id']})"

    assert wire.post(f"{at}/Microsoft.NAV.retire", if_match='W/"JzE5Ow=="').code == "Request_EntityChanged"
    done = wire.post(f"{at}/Microsoft.NAV.retire", if_match=made["@odata.etag"])
    assert (done.status, done.raw) == (204, b"")
    assert wire.get(at).json["active"] is False
    assert wire.post(f"{at}/microsoft.nav.RETIRE", {}).code == "Application_DialogException"
    assert wire.post(f"{at}/Microsoft.NAV.countBooks").json["value"] == 0
    assert wire.post(f"authors({MISSING})/Microsoft.NAV.retire").status == 404
    assert wire.post("authors/Microsoft.NAV.retire").status == 405
    assert wire.get(f"{at}/Microsoft.NAV.retire").status == 405
    assert wire.send("POST", f"{at}/Microsoft.NAV.retire", raw=b"[]").code == "BadRequest"
    (tmp_path / "strict").mkdir()
    strict = open_wire(tmp_path / "strict", strict=True)
    assert strict.post(f"{at}/Microsoft.NAV.countBooks").status == 404
    strict.store.close()


# --------------------------------------------------------------------------- what is not allowed


def test_verbs_that_a_set_does_not_offer(wire: Wire) -> None:
    id = publisher(wire, "P")
    made = author(wire)

    for method, path in [
        ("POST", "publishers"),
        ("PATCH", f"publishers({id})"),
        ("DELETE", f"publishers({id})"),
        ("PUT", "authors"),
        ("PUT", f"publishers({id})"),
        ("PATCH", "authors"),
        ("DELETE", "authors"),
        ("DELETE", f"authors({made['id']})/displayName"),
        ("POST", f"authors({made['id']})/displayName"),
        ("POST", f"authors({made['id']})/authorProfile"),
        ("POST", "authors/$count"),
        ("POST", "$metadata"),
        ("DELETE", ""),
        ("BREW", "authors"),
    ]:
        got = wire.send(method, path, {}, **ANY)
        assert (got.status, got.code) == (405, "BadRequest_MethodNotAllowed"), (method, path)
    assert wire.send("POST", "publishers", {}).headers["allow"] == "GET, HEAD, OPTIONS"
    assert wire.send("GET", "$batch", root=True).status == 405


def test_read_rights_do_not_write(wire: Wire) -> None:
    made = author(wire)
    wire.rights = "read"

    assert wire.get("authors").status == 200
    for method, path in [
        ("POST", "authors"),
        ("PATCH", f"authors({made['id']})"),
        ("DELETE", f"authors({made['id']})"),
        ("POST", f"authors({made['id']})/Microsoft.NAV.retire"),
    ]:
        assert wire.send(method, path, {}).status == 403
    got = wire.batch(
        {"method": "GET", "url": f"{AT}/authors"}, {"method": "POST", "url": f"{AT}/authors", "body": {}}
    )
    assert [part["status"] for part in got] == [200, 403]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ('Application/JSON;odata.metadata=minimal;charset="UTF-8"', 201),
        ("application/json; charset=iso-8859-1", 415),
        ("text/plain", 415),
        ("application/xml", 415),
        ("", 415),
    ],
)
def test_bodies_are_json_in_utf8(wire: Wire, said: str, status: int) -> None:
    got = wire.post("authors", {"number": "1", "displayName": "x"}, content_type=said)

    assert got.status == status


BAD_BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"displayName":"\\u0000"}',
    b'{"displayName":"a","displayName":"b"}',
    b'{"displayName":' + b"[" * 50_000,
    b'{"displayName":1e999}',
    b'{"nothing":1}',
    b'{"books":[{"nothing":1}]}',
    b'{"books":[{"books":[]}]}',
    b'{"publisherId":"publisherId-value"}',
    b'{"born":"0000-00-00"}',
    b'{"displayName":"' + b"x" * 1_000_000 + b'"}',
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda b: b[:20].decode("latin-1"))
def test_bad_bodies_are_400_for_every_verb(wire: Wire, body: bytes) -> None:
    made = author(wire)

    for method, path in (("POST", "authors"), ("PATCH", f"authors({made['id']})")):
        got = wire.send(method, path, raw=body, **ANY)
        assert got.status == 400, got.raw
        assert len(got.raw) < 2000
    assert wire.get(f"authors({made['id']})").json == made


SEGMENTS = st.sampled_from(
    [
        "authors", "books", "publisher", "authorProfile", "authorRoyalties", "companies", "$count", "$value",
        "number", "cover", "$metadata", "$batch", "Microsoft.NAV.retire", "writers", "", "x", f"authors({MISSING})",
        f"books({CHOSEN})",
        f"companies({COMPANY.id})", "authors(x)", "companies('TOYS')", "authors()", "$ref",
    ]
)  # fmt: skip


@given(
    st.sampled_from(["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT"]),
    st.lists(SEGMENTS, max_size=4),
    st.sampled_from(
        ["", "$top=1", "$expand=books", "$filter=", "$skiptoken=AAAA", "company=x", "$format=xml", "%ff=1"]
    ),
    st.sampled_from([b"", b"{}", b'{"displayName":"x"}', b"[1", b'{"requests":[{}]}']),
    st.sampled_from([{}, {"if_match": "*"}, {"prefer": "return=minimal,x=y"}, {"accept": "odata.metadata=full"}]),
)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_request_is_a_bug(
    wire: Wire, method: str, segments: list[str], query: str, body: bytes, headers: dict[str, Any]
) -> None:
    """Whatever is asked, the answer is a success or a 4xx with a code; bugs would be raised."""
    got = wire.send(method, "/".join(segments), raw=body, query=query, root=True, **headers)

    assert got.status < 500
    if got.status >= 400 and method != "HEAD":
        assert json.loads(got.raw)["error"]["code"]


def test_the_session_that_a_request_needs(wire: Wire) -> None:
    needs = wire.service.needs

    for method, path, expected in [
        ("GET", "authors", "read"),
        ("POST", "authors", "write"),
        ("PATCH", f"authors({MISSING})", "write"),
        ("POST", f"authors({MISSING})/Microsoft.NAV.retire", "write"),
        ("POST", f"authors({MISSING})/Microsoft.NAV.audit", "long"),
        ("POST", "nonsense/Microsoft.NAV.audit", "write"),
    ]:
        assert needs(Request(method, ROOT, path)) == expected, path
