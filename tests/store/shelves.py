"""Countries, authors, books and sales: records and an entity set that prove the store without any accounting."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from debitor.schema import (
    BLANK_DATE,
    BLANK_GUID,
    BOOL,
    DATE,
    DATETIME,
    DECIMAL,
    GUID,
    INT32,
    RATE,
    RECORDS,
    Amount,
    BigInt,
    Code10,
    Code20,
    Col,
    Constant,
    Context,
    Day,
    EntitySet,
    FirstOf,
    Flag,
    Guid,
    Int,
    Lookup,
    Property,
    Rate,
    Row,
    Sum,
    Text100,
    Timestamp,
    WireEnum,
    code,
    enum,
    record,
    text,
)


class Binding(WireEnum):
    """How a book is bound."""

    __edm__ = "binding"
    BLANK = (0, " ")
    HARD_COVER = (1, "Hard Cover")
    PAPER = (2, "Paper")


@record("shelf_library", unique=(("name",),), by_company=False)
class Library(Row, frozen=True):
    """Belongs to the whole store."""

    name: Text100 = ""


@record("shelf_country", unique=(("code",),), kept=True)
class Country(Row, frozen=True):
    """Where authors come from."""

    code: Code10
    name: Text100 = ""


@record("shelf_author", unique=(("number",),), indexes=(("name",),))
class Author(Row, frozen=True):
    """Who writes."""

    number: Code20
    name: Text100 = ""
    born: Day = BLANK_DATE
    fee: Amount = Decimal(0)
    country_id: Guid = BLANK_GUID
    alive: Flag = False


@record("shelf_book", unique=(("isbn", "edition"),), indexes=(("author_id", "published"),))
class Book(Row, frozen=True):
    """Has a column of every kind."""

    isbn: Code20
    edition: Int = 1
    title: Text100 = ""
    author_id: Guid = BLANK_GUID
    price: Amount = Decimal(0)
    copies: BigInt = 0
    rate: Rate = Decimal(1)
    published: Day = BLANK_DATE
    lent_at: Timestamp = "0001-01-01T00:00:00.000Z"
    in_print: Flag = False
    binding: Binding = Binding.BLANK


@record("shelf_sale", key=("entry_number",), indexes=(("book_id",),), frozen=("*",), deletable=False)
class Sale(Row, frozen=True):
    """A ledger: never changed, never deleted."""

    entry_number: Int
    book_id: Guid = BLANK_GUID
    sold_on: Day = BLANK_DATE
    kind: Code10 = ""
    amount: Amount = Decimal(0)


@record("shelf_loan", frozen=("book_id", "fee"), frozen_when="closed")
class Loan(Row, frozen=True):
    """Frozen once it is closed."""

    book_id: Guid = BLANK_GUID
    fee: Amount = Decimal(0)
    note: Text100 = ""
    closed: Flag = False


@record("shelf_entry", key=("number",), frozen=("number", "amount"), deletable=False)
class Entry(Row, frozen=True):
    """Some columns never change, others do."""

    number: Int
    amount: Amount = Decimal(0)
    open: Flag = True


SHELVES = tuple(r for name, r in RECORDS.items() if name.startswith("shelf_"))

BOOKS = EntitySet(
    name="books",
    entity="book",
    record=Book,
    lookups={"author": Lookup(Author, "author_id"), "country": Lookup(Country, "author.country_id")},
    properties=(
        Property("id", GUID, "id"),
        Property("isbn", code(20), "isbn"),
        Property("edition", INT32, "edition"),
        Property("title", text(100), "title"),
        Property("authorNumber", code(20), "author.number"),
        Property("authorName", text(100), "author.name"),
        Property("authorBorn", DATE, "author.born"),
        Property("authorFee", DECIMAL, "author.fee"),
        Property("authorAlive", BOOL, "author.alive"),
        Property("countryCode", code(10), "country.code"),
        Property("price", DECIMAL, "price"),
        Property("copies", INT32, "copies"),
        Property("rate", RATE, "rate"),
        Property("published", DATE, "published"),
        Property("lentAt", DATETIME, "lent_at"),
        Property("inPrint", BOOL, "in_print"),
        Property("binding", enum(Binding), "binding"),
        Property("shown", text(100), FirstOf((Col("author.name"), Col("title"), Constant("nobody")))),
        Property("language", text(10), Context("language")),
        Property("sold", DECIMAL, Sum(Sale, "amount", on={"book_id": "id"})),
        Property(
            "soldBefore",
            DECIMAL,
            Sum(Sale, "amount", on={"book_id": "id"}, where={"kind": "S"}, before=("sold_on", "today")),
        ),
    ),
)
TODAY = {"language": "eo", "today": date(2026, 1, 31)}
