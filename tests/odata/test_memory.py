"""Trees evaluated on rows in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings

from debitor.odata.filters import parse_filter
from debitor.odata.memory import apply, matches, sort_rows
from debitor.odata.options import parse_options
from debitor.query import Among, Field, Node, Order, Param, Query
from debitor.schema import BLANK_GUID, DATE, record_of
from debitor.store import Store
from debitor.store.opening import open_store
from odata.test_filters import filters
from odata.toys import TOYS, Author, Book, Genre

BOOKS = TOYS["books"]
BOOK: dict[str, Any] = {
    "id": "0aaaaaaa-1111-2222-3333-444444444444",
    "authorId": "00000000-0000-0000-0000-000000000000",
    "isbn": "AB-1",
    "title": " It's Zoë ",
    "price": Decimal("12.34567"),
    "exchangeRate": Decimal("0.123456789"),
    "published": date(2025, 1, 31),
    "genre": "Science_x0020_Fiction",
    "inPrint": True,
    "pages": -7,
    "copiesSold": 2,
    "firstSeen": "2025-01-31T09:30:05.120Z",
}


def holds(source: str, row: dict[str, Any] = BOOK) -> bool:
    params: list[Any] = []
    node = parse_filter(TOYS["books"], source, TOYS, strict=False, params=params)
    return matches(node, row, params)


@pytest.mark.parametrize(
    "source",
    [
        "title eq ' It''s Zoë '",
        "title gt ' A'",
        "isbn eq 'ab-1'",
        "id eq '0AAAAAAA-1111-2222-3333-444444444444'",
        "authorId eq 00000000-0000-0000-0000-000000000000",
        "price gt 12.345669 and price lt 12.34568 and price eq 12.345670",
        "published eq 2025-01-31",
        "genre eq 'Science Fiction'",
        "inPrint",
        "not not inPrint",
        "pages lt 0 and pages ge -7.0",
        "-7 eq pages",
        "title ne null and not (title eq null)",
        "pages in (1,-7)",
        "firstSeen ge 2025-01-31T10:30:05.12+01:00",
        "pages eq 1 or pages eq -7",
        # Whole numbers: towards zero, a rest with the sign of the first.
        "pages div 2 eq -3",
        "pages mod 2 eq -1",
        "pages add 1 sub 2 mul 3 eq -12",
        "-pages eq 7",
        # Decimals: five places, half away from zero.
        "price div 3 eq 4.11522",
        "price mul price eq 152.41557",
        "price mul -0.5 eq -6.17284",
        "price mod 5 eq 2.34567",
        "pages mul 0.5 eq -3.5",
        "contains(title,'Zoë')",
        "contains(isbn,'b-')",
        "startswith(tolower(trim(title)),'it''s')",
        "endswith(toupper(title),'ZOË ')",
        "contains(title,'')",
        "length(title) eq 10",
        "indexof(title,'Z') eq 6",
        "indexof(title,'z') eq -1",
        "substring(title,6) eq 'Zoë '",
        "substring(title,6,2) eq 'Zo'",
        "substring(title,99) eq ''",
        "concat(isbn,'x') eq 'AB-1x'",
        "replace(isbn,'-','') eq 'AB1'",
        "replace(isbn,'','x') eq 'AB-1'",
        "round(price) eq 12 and floor(price) eq 12 and ceiling(price) eq 13",
        "round(pages) eq -7",
        "round(2.5) eq 3 and round(-2.5) eq -3",
        "ceiling(2.000001) eq 2",
        "year(published) eq 2025 and month(published) eq 1 and day(published) eq 31",
        "year(firstSeen) eq 2025 and hour(firstSeen) eq 9 and minute(firstSeen) eq 30 and second(firstSeen) eq 5",
        "date(firstSeen) eq published",
        "time(firstSeen) eq 09:30:05.12",
        "firstSeen lt now() and firstSeen gt mindatetime() and firstSeen lt maxdatetime()",
    ],
)
def test_a_condition_that_holds_matches_and_its_opposite_does_not(source: str) -> None:
    assert holds(source)
    assert not holds(f"not ({source})")


@pytest.mark.parametrize("source", ["1 div (pages add 7) eq 1", "price mod (price sub price) gt 0"])
def test_a_division_by_zero_matches_neither_way(source: str) -> None:
    assert not holds(source)
    assert not holds(f"not ({source})")
    assert holds(f"{source} or inPrint")
    assert not holds(f"not ({source} and inPrint)")
    assert holds(f"not ({source} and not inPrint)")


def test_among_looks_into_a_list_given_at_run_time() -> None:
    node = Among(Field("published"), Param(0, DATE))

    assert matches(node, BOOK, [[date(2025, 1, 31)]])
    assert not matches(node, BOOK, [[]])


def test_rows_equal_in_all_terms_keep_their_order() -> None:
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}]

    assert sort_rows(rows, (Order("a", descending=True),)) == [rows[1], rows[3], rows[0], rows[2]]
    assert sort_rows(rows, (Order("b"), Order("a", descending=True))) == [rows[3], rows[0], rows[1], rows[2]]


def test_apply_filters_sorts_counts_and_cuts() -> None:
    rows = [{**BOOK, "pages": n, "title": f"t{n % 3}"} for n in range(10)]
    parsed = parse_options(
        TOYS["books"], "$filter=pages gt 2&$orderby=title desc,pages&$skip=1&$top=3", TOYS, strict=False
    )

    page, count = apply(parsed, rows)

    assert [row["pages"] for row in page] == [8, 4, 7]
    assert count == 7


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, list[dict[str, Any]]]]:
    """A store with books that differ in everything, half of them without an author, and the same books as rows."""
    path = tmp_path_factory.mktemp("shelf") / "books.db"
    store = open_store(f"sqlite://{path}", records=[record_of(Author), record_of(Book)])
    rows = []
    with store.transaction() as root:
        tx = root.at(1)
        author = tx.insert(Author(number="A1"))
        for i in range(24):
            book = tx.insert(
                Book(
                    author_id=author.id if i % 2 else BLANK_GUID,
                    line_number=i,
                    isbn=["", "AB-1", "X"][i % 3],
                    title=["", " It's Zoë ", "abc", "ABC", "\U0001f600"][i % 5],
                    price=Decimal(i * 123457 - 1000000).scaleb(-5),
                    exchange_rate=Decimal(i * 12345).scaleb(-9),
                    published=[date.min, date(2025, 1, 31), date(2000, 1, 1)][i % 3],
                    genre=list(Genre)[i % 5],
                    in_print=i % 4 < 2,
                    pages=i - 9,
                    copies_sold=i % 7 - 3,
                    first_seen=["0001-01-01T00:00:00.000Z", "2025-01-31T09:30:05.120Z"][i % 2],
                )
            )
            row = {
                p.name: getattr(book, p.source)
                for p in BOOKS.properties
                if isinstance(p.source, str) and hasattr(book, p.source)
            }
            rows.append({**row, "authorNumber": "A1" if i % 2 else ""})
    yield store, rows
    store.close()


@settings(max_examples=100, deadline=None)
@given(made=filters())
def test_the_store_and_the_memory_find_the_same_rows(
    shelf: tuple[Store, list[dict[str, Any]]], made: tuple[Node, str, list[Any]]
) -> None:
    store, rows = shelf
    node, _, params = made
    query = Query(BOOKS, (BOOKS.by_name["id"],), node, (Order("id"),), version=False)

    stored = [id for (id,) in store.reader().at(1).run(query, params, {})]
    assert stored == sorted(row["id"] for row in rows if matches(node, row, params))
