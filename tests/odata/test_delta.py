"""Delta links on the toy sets: what they report, what they refuse, and that a reader who follows them misses none."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from debitor.odata.delta import feeds_of
from debitor.schema import EntitySet, Follow, Lookup
from odata import toys
from odata.host import AT, CATALOG, COMPANY, ROOT, Wire, open_wire

TRACK = {"prefer": "odata.track-changes"}


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    made = open_wire(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def strict_wire(tmp_path: Path) -> Iterator[Wire]:
    made = open_wire(tmp_path, strict=True)
    yield made
    made.store.close()


def follow(wire: Wire, link: str, **headers: Any) -> SimpleNamespace:
    """GET an absolute link."""
    path, _, query = link.removeprefix(f"{ROOT}/").partition("?")
    return wire.send("GET", unquote(path), query=query, root=True, **headers)


def tracked(wire: Wire, path: str, query: str = "", pages: int | None = None) -> tuple[list[Any], str]:
    """Read a set to its end; returns the entities and the delta link."""
    wish = "odata.track-changes" if pages is None else f"odata.track-changes, odata.maxpagesize={pages}"
    answer = wire.get(path, query, prefer=wish)
    found = []
    while True:
        assert answer.status == 200, answer.raw
        assert "preference-applied" in answer.headers
        found += answer.json["value"]
        if "@odata.deltaLink" in answer.json:
            return found, answer.json["@odata.deltaLink"]
        answer = follow(wire, answer.json["@odata.nextLink"], prefer=wish)


def changes(wire: Wire, link: str) -> tuple[list[Any], str]:
    """What a delta link answers, and the next one."""
    answer = follow(wire, link)
    assert answer.status == 200, answer.raw
    return answer.json["value"], answer.json["@odata.deltaLink"]


def author(wire: Wire, number: str, **more: Any) -> str:
    answer = wire.post("authors", {"number": number, "displayName": number, **more})
    assert answer.status == 201, answer.raw
    return str(answer.json["id"])


def test_a_list_that_is_not_tracked_has_no_delta_link(wire: Wire) -> None:
    assert "@odata.deltaLink" not in wire.get("authors").json


def test_the_last_page_ends_with_a_delta_link(wire: Wire) -> None:
    author(wire, "A1")
    author(wire, "A2")
    first = wire.get("authors", prefer="odata.track-changes,odata.maxpagesize=1")
    last = follow(wire, first.json["@odata.nextLink"], prefer="odata.maxpagesize=1")

    assert "@odata.deltaLink" not in first.json
    assert "odata.track-changes" in first.headers["preference-applied"]
    assert "$deltatoken=" in last.json["@odata.deltaLink"]
    assert "@odata.nextLink" not in last.json


def test_nothing_changed(wire: Wire) -> None:
    author(wire, "A1")
    _, link = tracked(wire, "authors")

    answer = follow(wire, link)

    assert answer.json["@odata.context"] == f"{ROOT}/$metadata#{AT}/authors/$delta"
    assert answer.json["value"] == []
    assert changes(wire, answer.json["@odata.deltaLink"])[0] == []


def test_new_changed_and_deleted_entities(wire: Wire) -> None:
    kept, changed, gone = author(wire, "A1"), author(wire, "A2"), author(wire, "A3")
    _, link = tracked(wire, "authors")
    wire.patch(f"authors({changed})", {"displayName": "Anna"}, if_match="*")
    assert wire.delete(f"authors({gone})").status == 204
    new = author(wire, "A4")

    found, link = changes(wire, link)

    assert [e["id"] for e in found[:2]] == [changed, new]
    assert found[0]["displayName"] == "Anna"
    assert found[0]["@odata.etag"]
    assert found[2:] == [
        {
            "@odata.context": f"{ROOT}/$metadata#{AT}/authors/$deletedEntity",
            "id": f"{ROOT}/{AT}/authors({gone})",
            "reason": "deleted",
        }
    ]
    assert kept not in str(found)
    assert changes(wire, link)[0] == []


def test_an_entity_that_no_longer_fits_the_filter_is_removed(wire: Wire) -> None:
    one = author(wire, "A1", active=True)
    _, link = tracked(wire, "authors", "$filter=active eq true&$select=number")
    wire.patch(f"authors({one})", {"active": False}, if_match="*")

    found, link = changes(wire, link)

    assert [(e["id"], e["reason"]) for e in found] == [(f"{ROOT}/{AT}/authors({one})", "changed")]
    wire.patch(f"authors({one})", {"active": True}, if_match="*")
    back, _ = changes(wire, link)
    assert [{n for n in e if not n.startswith("@")} for e in back] == [{"number"}]


def test_what_came_and_went_in_between_is_not_mentioned(wire: Wire) -> None:
    _, link = tracked(wire, "authors")
    assert wire.delete(f"authors({author(wire, 'A1')})").status == 204

    assert changes(wire, link)[0] == []


def test_a_deleted_entity_that_was_shown_on_a_late_page_is_removed(wire: Wire) -> None:
    """It began after the link's moment, so only the moment of the last page tells that the reader has seen it."""
    author(wire, "A1")
    author(wire, "A2")
    first = wire.get("authors", prefer="odata.track-changes,odata.maxpagesize=1")
    late = author(wire, "A3")
    second = follow(wire, first.json["@odata.nextLink"])
    assert late in str(second.json["value"])
    assert wire.delete(f"authors({late})").status == 204

    found, _ = changes(wire, second.json["@odata.deltaLink"])

    assert late in str([e.get("reason") and e["id"] for e in found])


def test_changes_come_in_pages(wire: Wire) -> None:
    _, link = tracked(wire, "authors")
    ids = [author(wire, f"A{n}") for n in range(5)]
    seen: list[str] = []
    while link and "skiptoken" not in link:
        answer = follow(wire, link, prefer="odata.maxpagesize=2")
        assert len(answer.json["value"]) <= 2
        seen += [e["id"] for e in answer.json["value"]]
        link = answer.json.get("@odata.nextLink", "")

    assert seen == ids
    assert "@odata.deltaLink" in answer.json


def test_a_sum_and_a_lookup_count_as_changes(wire: Wire) -> None:
    with wire.store.transaction() as root:
        tx = root.at(COMPANY.key)
        house = tx.insert(toys.Publisher(code="P1"))
        one = tx.insert(toys.Author(number="A1", publisher_id=house.id))
        tx.insert(toys.Author(number="A2"))
        book = tx.insert(toys.Book(author_id=one.id, line_number=1, price=Decimal(7), in_print=True))
    _, link = tracked(wire, "authors", "$select=number,turnover,publisherCode")
    with wire.store.transaction() as root:
        root.at(COMPANY.key).update(house, code="P2")
    renamed, link = changes(wire, link)
    with wire.store.transaction() as root:
        root.at(COMPANY.key).delete(book)
    sold, _ = changes(wire, link)

    assert [(e["number"], e["publisherCode"], e["turnover"]) for e in renamed] == [("A1", "P2", 7)]
    assert [(e["number"], e["turnover"]) for e in sold] == [("A1", 0)]


def test_a_part_is_reported_below_its_own_parent_only(wire: Wire) -> None:
    one, other = author(wire, "A1"), author(wire, "A2")
    books = {a: [wire.post(f"authors({a})/books", {"title": "t"}).json["id"] for _ in (1, 2)] for a in (one, other)}
    _, link = tracked(wire, f"authors({one})/books")
    for id in (books[one][0], books[other][0]):
        assert wire.delete(f"books({id})").status == 204
    wire.patch(f"books({books[other][1]})", {"title": "x"}, if_match="*")

    found, _ = changes(wire, link)

    assert [e["id"] for e in found] == [f"{ROOT}/{AT}/authors({one})/books({books[one][0]})"]


def test_other_companies_are_not_mentioned(wire: Wire) -> None:
    _, link = tracked(wire, "authors")
    with wire.store.transaction() as root:
        root.at(2).insert(toys.Author(number="A9"))

    assert changes(wire, link)[0] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda link: link.replace("$deltatoken=", "$deltatoken=x"),
        lambda link: link[:-3],
        lambda link: link.replace("active eq true", "active eq false"),
        lambda link: link.replace("authors?", "publishers?"),
        lambda link: link.replace(COMPANY.id, "0a1b2c3d-0000-4000-8000-000000000002"),
        lambda link: link.partition("$deltatoken")[0] + "$deltatoken=",
    ],
)
def test_a_token_of_another_question_or_a_damaged_one_is_refused(wire: Wire, spoil: Any) -> None:
    _, link = tracked(wire, "authors", "$filter=active eq true")

    answer = follow(wire, spoil(link))

    assert (answer.status, answer.code) == (400, "BadRequest")


def test_a_link_older_than_what_is_remembered_of_deletions_is_gone(wire: Wire) -> None:
    gone = author(wire, "A1")
    _, old = tracked(wire, "authors")
    assert wire.delete(f"authors({gone})").status == 204
    _, new = tracked(wire, "authors")
    with wire.store.transaction() as root:
        assert root.forget_deletions("2000-01-01T00:00:00.000Z", 100) == 0
        assert root.forget_deletions("2999-01-01T00:00:00.000Z", 100) == 1

    assert follow(wire, old).status == 410
    assert "track-changes" in follow(wire, old).json["error"]["message"]
    assert changes(wire, new)[0] == []


def test_a_link_into_the_future_is_gone(wire: Wire, tmp_path: Path) -> None:
    """The books were restored from a copy: versions are given a second time, for other changes."""
    author(wire, "A1")
    _, link = tracked(wire, "authors")
    (tmp_path / "restored").mkdir()
    restored = open_wire(tmp_path / "restored")
    answer = follow(restored, link)
    restored.store.close()

    assert answer.status == 410


def test_top_and_skip_leave_changes_untracked(wire: Wire) -> None:
    for query in ("$top=5", "$skip=0"):
        answer = wire.get("authors", query, **TRACK)
        assert "@odata.deltaLink" not in answer.json
        assert "track-changes" not in answer.headers.get("preference-applied", "")


def test_strict_mode_does_not_track(strict_wire: Wire) -> None:
    answer = strict_wire.get("authors", **TRACK)

    assert "@odata.deltaLink" not in answer.json
    assert "preference-applied" not in answer.headers
    assert strict_wire.get("authors", "$deltatoken=abc").status == 400


def test_a_computed_set_without_feeds_is_not_tracked(wire: Wire) -> None:
    answer = wire.get("authorRoyalties", **TRACK)

    assert "@odata.deltaLink" not in answer.json
    assert wire.get("authorRoyalties", "$deltatoken=abc").status == 400


def test_a_set_of_which_only_the_whole_is_known_to_have_changed(tmp_path: Path) -> None:
    royalties = replace(
        CATALOG["authorRoyalties"],
        follows=(Follow(toys.Book, "author_id", "authorNumber"), Follow(toys.Author, "id", "authorNumber")),
        by_name={},
    )
    wire = open_wire(tmp_path, catalog={**CATALOG, "authorRoyalties": royalties})
    _, link = tracked(wire, "authorRoyalties")
    assert changes(wire, link)[0] == []
    author(wire, "A1")

    assert follow(wire, link).status == 410
    wire.store.close()


def test_a_computed_set_is_followed_by_its_key(tmp_path: Path) -> None:
    royalties = replace(
        CATALOG["authorRoyalties"],
        follows=(Follow(toys.Book, "author_id", "authorId"), Follow(toys.Author, "id", "authorId")),
        by_name={},
    )
    wire = open_wire(tmp_path, catalog={**CATALOG, "authorRoyalties": royalties})
    one, two = author(wire, "A1"), author(wire, "A2")
    _, link = tracked(wire, "authorRoyalties")
    assert wire.post(f"authors({one})/books", {"price": 50}).status == 201
    assert wire.delete(f"authors({two})").status == 204

    found, _ = changes(wire, link)

    assert [(e.get("authorId"), e.get("amount")) for e in found[:1]] == [(one, 5)]
    assert [(e["id"], e["reason"]) for e in found[1:]] == [(f"{ROOT}/{AT}/authorRoyalties({two})", "changed")]
    wire.store.close()


def test_lookups_over_two_records_must_be_declared() -> None:
    of = EntitySet(
        name="x",
        entity="y",
        record=toys.Book,
        properties=toys.BOOKS.properties,
        lookups={"author": Lookup(toys.Author, "publisher.id")},
    )
    with pytest.raises(AssertionError, match="follows"):
        feeds_of(of)


QUESTIONS = (
    ("authors", ""),
    ("authors", "$filter=active eq true"),
    ("authors", "$filter=turnover gt 10&$select=number,turnover"),
    ("authors", "$orderby=displayName desc&$expand=books($select=title)"),
    ("authorProfiles", ""),
    ("publishers", "$select=code"),
)


class Reader:
    """Follows one question, and keeps what it was told: id -> entity."""

    def __init__(self, question: tuple[str, str]) -> None:
        self.path, self.query = question
        self.link = ""
        self.known: dict[str, Any] = {}

    def step(self, wire: Wire, size: int) -> bool:
        """Take one page. Returns whether it was the last one."""
        wish = f"odata.track-changes, odata.maxpagesize={size}"
        query = self.query
        if "$select" in query:
            query = query.replace("$select=", "$select=id,")
        answer = follow(wire, self.link, prefer=wish) if self.link else wire.get(self.path, query, prefer=wish)
        assert answer.status == 200, answer.raw
        for entity in answer.json["value"]:
            if "reason" in entity:
                self.known.pop(entity["id"].rpartition("(")[2][:-1], None)
            else:
                self.known[entity["id"]] = entity
        self.link = answer.json.get("@odata.nextLink") or answer.json["@odata.deltaLink"]
        return "@odata.deltaLink" in answer.json

    def check(self, wire: Wire) -> None:
        while not self.step(wire, 1000):
            pass
        while not self.step(wire, 1000):
            pass
        query = self.query.replace("$select=", "$select=id,") if "$select" in self.query else self.query
        fresh = wire.get(self.path, query).json["value"]
        assert self.known == {e["id"]: e for e in fresh}


class Following(RuleBasedStateMachine):
    """Readers in the middle of lists and of changes, while everything changes."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.wire = open_wire(Path(self.folder.name))
        self.readers = [Reader(question) for question in QUESTIONS]
        self.number = 0
        with self.wire.store.transaction() as root:
            tx = root.at(COMPANY.key)
            house = tx.insert(toys.Publisher(code="P0"))
            for n in range(3):
                tx.insert(toys.Author(number=f"B{n}", publisher_id=house.id, active=n == 1))

    def rows(self, record: Any, pick: int) -> Any:
        found = self.wire.store.reader().at(COMPANY.key).all(record)
        return found[pick % len(found)] if found else None

    def write(self, job: Any) -> None:
        with self.wire.store.transaction() as root:
            job(root.at(COMPANY.key))

    @rule(active=st.booleans(), house=st.integers(0, 3))
    def add_author(self, active: bool, house: int) -> None:
        self.number += 1
        publisher = self.rows(toys.Publisher, house)
        id = publisher.id if publisher else "00000000-0000-0000-0000-000000000000"
        self.write(lambda tx: tx.insert(toys.Author(number=f"A{self.number}", active=active, publisher_id=id)))

    @rule(pick=st.integers(0, 9), active=st.booleans())
    def change_author(self, pick: int, active: bool) -> None:
        if row := self.rows(toys.Author, pick):
            self.number += 1
            self.write(lambda tx: tx.update(row, active=active, display_name=f"N{self.number % 3}"))

    @rule(pick=st.integers(0, 9))
    def delete_author(self, pick: int) -> None:
        if row := self.rows(toys.Author, pick):

            def job(tx: Any) -> None:
                tx.delete_where(toys.Book, author_id=row.id)
                tx.delete(row)

            self.write(job)

    @rule(pick=st.integers(0, 9), price=st.integers(0, 20))
    def add_book(self, pick: int, price: int) -> None:
        if row := self.rows(toys.Author, pick):
            self.number += 1
            book = toys.Book(author_id=row.id, line_number=self.number, price=Decimal(price), in_print=True)
            self.write(lambda tx: tx.insert_many([book]))

    @rule(pick=st.integers(0, 9))
    def delete_book(self, pick: int) -> None:
        if row := self.rows(toys.Book, pick):
            self.write(lambda tx: tx.delete(row))

    @rule(pick=st.integers(0, 9))
    def rename_publisher(self, pick: int) -> None:
        if row := self.rows(toys.Publisher, pick):
            self.number += 1
            self.write(lambda tx: tx.update(row, code=f"P{self.number}"))

    @rule(pick=st.integers(0, 9))
    def delete_publisher(self, pick: int) -> None:
        if row := self.rows(toys.Publisher, pick):
            self.write(lambda tx: tx.delete(row))

    @rule(reader=st.integers(0, len(QUESTIONS) - 1), size=st.integers(1, 3))
    def read_a_page(self, reader: int, size: int) -> None:
        self.readers[reader].step(self.wire, size)

    @rule(reader=st.integers(0, len(QUESTIONS) - 1))
    def settle(self, reader: int) -> None:
        self.readers[reader].check(self.wire)

    def teardown(self) -> None:
        if hasattr(self, "wire"):
            for reader in self.readers:
                reader.check(self.wire)
            self.wire.store.close()
            self.folder.cleanup()


TestFollowing = Following.TestCase
TestFollowing.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
