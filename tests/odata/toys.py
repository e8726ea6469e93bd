"""Authors, their books, publishers: entity sets that prove the protocol without any accounting.

`TOYS` is a whole catalog. Between them the sets have every value kind, a lookup, a part collection, the way
back from a part, a single-valued part, a navigation that leads outside the catalog, a set with a guard and
a set whose rows are computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from debitor.schema import (
    BOOL,
    DATE,
    DATETIME,
    DECIMAL,
    FORMULA,
    GUID,
    INT32,
    INT64,
    RATE,
    STREAM,
    Action,
    Amount,
    BigInt,
    Code10,
    Code20,
    Col,
    Constant,
    Context,
    Day,
    Draft,
    EntitySet,
    FirstOf,
    Flag,
    Formula,
    Guid,
    Int,
    LongText,
    Lookup,
    Navigation,
    Property,
    Rate,
    Refused,
    Row,
    Structure,
    Sum,
    Text100,
    Text250,
    Timestamp,
    WireEnum,
    code,
    enum,
    record,
    text,
)


class Genre(WireEnum):
    """What a book is about; the members have a blank, a space, a slash and a hyphen in their names."""

    BLANK = (0, " ")
    FICTION = (1, "Fiction")
    SCIENCE_FICTION = (2, "Science Fiction")
    CRIME_THRILLER = (3, "Crime/Thriller")
    NON_FICTION = (4, "Non-Fiction")


Genre.__edm__ = "genre"


@record("toy_publisher", unique=(("code",),))
class Publisher(Row, frozen=True, kw_only=True):
    """Who prints books."""

    code: Code10 = ""
    display_name: Text100 = ""


@record("toy_author", unique=(("number",),))
class Author(Row, frozen=True, kw_only=True):
    """Who writes books."""

    number: Code20 = ""
    display_name: Text100 = ""
    biography: LongText = ""
    born: Day = date.min
    active: Flag = False
    balance: Amount = Decimal(0)
    publisher_id: Guid = "00000000-0000-0000-0000-000000000000"


@record("toy_book", unique=(("author_id", "line_number"),), indexes=(("author_id",),), owner="author_id")
class Book(Row, frozen=True, kw_only=True):
    """A book of one author: a value of every kind."""

    author_id: Guid = "00000000-0000-0000-0000-000000000000"
    line_number: Int = 0
    isbn: Code20 = ""
    title: Text250 = ""
    price: Amount = Decimal(0)
    exchange_rate: Rate = Decimal(0)
    published: Day = date.min
    genre: Genre = Genre.BLANK
    in_print: Flag = False
    pages: Int = 0
    copies_sold: BigInt = 0
    reprint_every: Formula = ""
    first_seen: Timestamp = "0001-01-01T00:00:00.000Z"


def _column_of(of: EntitySet) -> dict[str, str]:
    return {p.name: p.source for p in of.properties if isinstance(p.source, str) and "." not in p.source}


def _insert(row: type[Row], of: EntitySet, act: Any, draft: Draft, **more: Any) -> str:
    columns = _column_of(of)
    values = {columns[name]: value for name, value in {**draft, **act.parent}.items() if name in columns}
    made: str = act.tx.insert(row(**{**({"id": act.key} if act.key else {}), **more, **values})).id
    return made


def _update(row: type[Row], of: EntitySet, act: Any, id: str, draft: Draft) -> str:
    columns = _column_of(of)
    act.tx.update(act.tx.get(row, id), **{columns[name]: value for name, value in draft.items()})
    return id


def _create_author(act: Any, draft: Draft) -> str:
    if not draft.get("displayName"):
        raise Refused("Application_FieldValidationException", "displayName must have a value.")
    return _insert(Author, AUTHORS, act, draft)


def _create_book(act: Any, draft: Draft) -> str:
    last = act.tx.greatest(Book, "line_number", author_id={**draft, **act.parent}.get("authorId", ""))
    return _insert(Book, BOOKS, act, draft, line_number=last + 10000)


def _change_author(act: Any, id: str, draft: Draft) -> str:
    return _update(Author, AUTHORS, act, id, draft)


def _change_book(act: Any, id: str, draft: Draft) -> str:
    return _update(Book, BOOKS, act, id, draft)


def _remove(row: type[Row]) -> Any:
    def remove(act: Any, id: str) -> None:
        act.tx.delete(act.tx.get(row, id))

    return remove


def _retire(act: Any, id: str, body: Draft) -> None:
    author = act.tx.get(Author, id)
    if not author.active:
        raise Refused("Application_DialogException", f"Author {author.number} is not active.")
    act.tx.update(author, active=False)


BOOK_COUNT = Structure("bookCount", (Property("value", INT32),))


def _count_books(act: Any, id: str, body: Draft) -> dict[str, int]:
    return {"value": act.tx.count(Book, author_id=id)}


def _royalties(act: Any, keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per author: a tenth of the price of each book."""
    rows = []
    for author in act.tx.all(Author, order=("number",)):
        total = act.tx.total(Book, "price", author_id=author.id)
        rows.append(
            {
                "authorId": author.id,
                "authorNumber": author.number,
                "amount": total / 10,
                "paidOn": author.born,
                "kind": "Fiction",
                "settled": author.active,
                "books": act.tx.count(Book, author_id=author.id),
            }
        )
    return [row for row in rows if all(row[name] == value for name, value in keys.items())]


PUBLISHERS = EntitySet(
    name="publishers",
    entity="publisher",
    record=Publisher,
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("code", code(10), "code", nullable=False),
        Property("displayName", text(100), "display_name"),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
    ),
    order=("code",),
)
"""Read only, on purpose: no create, change or remove."""

AUTHORS = EntitySet(
    name="authors",
    entity="author",
    record=Author,
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("number", code(20), "number"),
        Property("displayName", text(100), "display_name"),
        Property("biography", text(), "biography", limit=2048, filterable=False),
        Property("born", DATE, "born"),
        Property("active", BOOL, "active"),
        Property("balance", DECIMAL, "balance", editable=False),
        Property("publisherId", GUID, "publisher_id"),
        Property(
            "publisherCode",
            code(10),
            FirstOf((Col("publisher.code"), Constant("SELF"))),
            editable=False,
        ),
        Property(
            "turnover", DECIMAL, Sum(Book, "price", on={"author_id": "id"}, where={"in_print": True}), editable=False
        ),
        Property("homeCountry", code(10), Context("home_country"), editable=False),
        Property("remark", text(50), Constant(""), editable=False, hidden=True),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
    ),
    lookups={"publisher": Lookup(Publisher, via="publisher_id")},
    order=("number",),
    navigations=(
        Navigation("publisher", "publishers", many=False, on=(("publisherId", "id"),)),
        Navigation("books", "books", many=True, on=(("id", "authorId"),), kind="part", partner="author", deep=True),
        Navigation("authorProfile", "authorProfiles", many=False, on=(("id", "id"),), kind="part"),
        Navigation("awards", "awards", many=True, on=(("id", "parentId"),), kind="part"),
    ),
    create=_create_author,
    change=_change_author,
    remove=_remove(Author),
    actions=(Action("retire", _retire), Action("countBooks", _count_books, strict=False, gives=BOOK_COUNT)),
    aliases=("writers",),
)

BOOKS = EntitySet(
    name="books",
    entity="book",
    record=Book,
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("authorId", GUID, "author_id"),
        Property("authorNumber", code(20), "author.number", editable=False),
        Property("lineNumber", INT32, "line_number"),
        Property("isbn", code(20), "isbn"),
        Property("title", text(250), "title"),
        Property("price", DECIMAL, "price"),
        Property("exchangeRate", RATE, "exchange_rate"),
        Property("published", DATE, "published"),
        Property("genre", enum(Genre), "genre"),
        Property("inPrint", BOOL, "in_print"),
        Property("pages", INT32, "pages"),
        Property("copiesSold", INT64, "copies_sold"),
        Property("reprintEvery", FORMULA, "reprint_every"),
        Property("firstSeen", DATETIME, "first_seen"),
        Property("cover", STREAM, None, filterable=False),
        Property("lastModifiedDateTime", DATETIME, "modified_at", editable=False),
    ),
    lookups={"author": Lookup(Author, via="author_id")},
    order=("authorId", "lineNumber"),
    navigations=(
        Navigation("author", "authors", many=False, on=(("authorId", "id"),), kind="partner", partner="books"),
        Navigation("reviews", "reviews", many=True, on=(("id", "bookId"),), kind="part"),
    ),
    create=_create_book,
    change=_change_book,
    remove=_remove(Book),
    guard=("id", "authorId"),
    guard_message="You must specify an author ID or a book ID.",
)

PROFILES = EntitySet(
    name="authorProfiles",
    entity="authorProfile",
    record=Author,
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("number", code(20), "number", editable=False),
        Property("turnover", DECIMAL, Sum(Book, "price", on={"author_id": "id"}), editable=False),
    ),
)
"""One object below an author, read only."""

ROYALTIES = EntitySet(
    name="authorRoyalties",
    entity="authorRoyalty",
    properties=(
        Property("authorId", GUID, editable=False, nullable=False),
        Property("authorNumber", code(20), editable=False),
        Property("amount", DECIMAL, editable=False),
        Property("paidOn", DATE, editable=False),
        Property("kind", enum(Genre), editable=False),
        Property("settled", BOOL, editable=False),
        Property("books", INT32, editable=False),
        Property("dateFilter_FilterOnly", DATE, editable=False, filter_only=True),
    ),
    key=("authorId",),
    rows=_royalties,
    etag=False,
    sortable=False,
)

TOYS: dict[str, EntitySet] = {s.name: s for s in (PUBLISHERS, AUTHORS, BOOKS, PROFILES, ROYALTIES)}
