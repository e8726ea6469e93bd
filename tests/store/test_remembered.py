"""What a writing connection to PostgreSQL remembers, and what its first run leaves out, is never seen.

Random groups of jobs run on two servers of one database. The same jobs run one by one, each in a careful transaction
of its own, in another: values, errors, rows and versions must be the same. And whatever is remembered must be what
the database says at that moment.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from itertools import count
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debitor.query import Compare, Field, Param, Query
from debitor.schema import GUID, Row
from debitor.store import DuplicateKey, Store
from debitor.store.opening import open_store
from debitor.store.session import Session
from postgresql import CITUS, empty_books
from store.shelves import BOOKS, SHELVES, TODAY, Author, Binding, Book, Country, Library, Loan

AUTHORS = ("00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b")
TEXTS = ("", "A", "a", "B", '"{\\', "Ä", "\uffff", "\U00010000")
"""Texts whose order depends on what is compared."""

_QUESTIONS: tuple[tuple[type[Row], tuple[str, ...], str, dict[str, Any]], ...] = (
    (Book, ("isbn", "edition"), "edition", {"author_id": AUTHORS[0]}),
    (Book, ("edition", "title", "price", "published"), "edition", {"isbn": "A"}),
    (Book, ("isbn", "title"), "isbn", {}),
    (Book, ("title", "rate"), "title", {"author_id": AUTHORS[1], "in_print": True}),
    (Book, ("rate", "isbn"), "rate", {"binding": Binding.PAPER}),
    (Book, ("price", "isbn"), "price", {"price": Decimal("1.5")}),
    (Book, ("edition", "isbn"), "edition", {"isbn": ("A", "B")}),
    (Book, ("edition", "isbn"), "edition", {"isbn": ["A", "B"]}),
    (Book, ("in_print", "edition"), "in_print", {"isbn": "A"}),
    (Book, ("isbn", "edition", "price", "binding", "in_print", "published"), "", {"isbn": "A"}),
    (Book, ("isbn", "edition"), "", {"isbn": "B", "edition": 1}),
    (Book, ("isbn", "edition"), "", {"isbn": ["A", "Ä"]}),
    (Book, ("isbn", "rate"), "", {"rate": Decimal("1")}),
    (Book, ("isbn", "rate"), "", {"rate": Decimal("1.0")}),
    (Loan, ("fee", "note"), "fee", {"closed": False}),
    (Loan, ("note", "closed"), "", {"note": "A"}),
    (Country, ("code", "name"), "code", {}),
)
_BY_ID = Query(
    BOOKS,
    tuple(p for p in BOOKS.properties if isinstance(p.source, str) and "." not in p.source),
    Compare("eq", Field("id"), Param(0, GUID)),
)
_ROWS = {
    Book: st.builds(
        Book,
        isbn=st.sampled_from(TEXTS),
        edition=st.integers(1, 3),
        title=st.sampled_from(TEXTS),
        author_id=st.sampled_from(AUTHORS),
        price=st.sampled_from([Decimal(0), Decimal("1.5"), Decimal(-20)]),
        rate=st.sampled_from([Decimal("1"), Decimal("1.0"), Decimal("0.25")]),
        in_print=st.booleans(),
        binding=st.sampled_from(Binding),
    ),
    Loan: st.builds(Loan, note=st.sampled_from(TEXTS), fee=st.integers(0, 3).map(Decimal), closed=st.booleans()),
    Country: st.builds(Country, code=st.sampled_from(TEXTS), name=st.sampled_from(TEXTS)),
    Author: st.builds(Author, number=st.sampled_from(TEXTS), name=st.sampled_from(TEXTS)),
}
_CHANGES = {
    Book: st.one_of(
        st.fixed_dictionaries({"title": st.sampled_from(TEXTS)}),
        st.fixed_dictionaries({"isbn": st.sampled_from(TEXTS), "edition": st.integers(1, 3)}),
        st.fixed_dictionaries({"author_id": st.sampled_from(AUTHORS)}),
    ),
    Loan: st.fixed_dictionaries({"fee": st.integers(0, 3).map(Decimal)}),
    Country: st.fixed_dictionaries({"name": st.sampled_from(TEXTS)}),
    Author: st.fixed_dictionaries({"name": st.sampled_from(TEXTS)}),
}
_COMMON = {Book: "title", Loan: "note", Country: "name", Author: "name"}
"""A column of each record that several rows share."""


class Refusal(Exception):
    """A job says no."""


class Step(NamedTuple):
    """Something that a job does in a company: the kind, and what it takes."""

    kind: str
    company: int
    given: Any


def steps() -> st.SearchStrategy[Step]:
    """A step; those that ask are as many as those that write."""
    cls = st.sampled_from([Book, Book, Book, Loan, Country, Author])
    row = cls.flatmap(lambda c: _ROWS[c])
    company = st.sampled_from([0, 0, 0, 1])
    simple = st.one_of(
        st.builds(Step, st.just("add"), company, row),
        st.builds(Step, st.just("add many"), company, st.lists(_ROWS[Book], max_size=4)),
        st.builds(Step, st.just("add many"), company, st.lists(_ROWS[Loan], max_size=4)),
        st.builds(Step, st.just("change"), company, cls.flatmap(lambda c: st.tuples(st.just(c), _CHANGES[c]))),
        st.builds(Step, st.just("change all"), company, st.tuples(cls, st.sampled_from(TEXTS))),
        st.builds(Step, st.just("remove"), company, cls),
        st.builds(Step, st.just("remove all"), company, st.tuples(cls, st.sampled_from(TEXTS))),
        st.builds(Step, st.just("library"), company, st.sampled_from(TEXTS)),
        st.builds(Step, st.just("refuse"), company, st.booleans()),
    )
    asks = st.builds(Step, st.just("ask"), company, st.booleans())
    part = st.tuples(st.booleans(), st.lists(st.one_of(simple, asks), max_size=4))
    return st.one_of(asks, asks, simple, simple, st.builds(Step, st.just("part"), company, part))


def found(tx: Any, at: int, *, check: bool) -> Any:
    """Ask, and compare with the database; only what orders the rows is sure where several come last."""
    cls, columns, by, equal = _QUESTIONS[at]
    row = tx.values(cls, columns, last_by=by, **equal)
    if not check:
        return None if row is None else row[columns.index(by)] if by else row
    rows = Session._all(tx, cls, (f"-{by}",) if by else (), 0, equal)
    told = [tuple(getattr(each, column) for column in columns) for each in rows]
    told = [each for each in told if each[columns.index(by)] == told[0][columns.index(by)]] if by else told[:1]
    assert (row in told) if told else row is None, f"{_QUESTIONS[at]}: {row} is remembered, {told} is there"
    return None if row is None else row[columns.index(by)] if by else row


def read_back(tx: Any, row: Any) -> Any:
    """Read a row that was just written, as the answer to a request does."""
    if isinstance(row, Book):
        rows = tx.run(_BY_ID, (row.id,), TODAY)
        assert rows == Session.run(tx, _BY_ID, (row.id,), TODAY)
        assert tx.find(Book, id=row.id) == row
    return row.version


def do(root: Any, companies: tuple[int, int], mark: str, many: list[Step]) -> list[Any]:
    """Take the steps of a job; return what they gave."""
    told: list[Any] = []
    for kind, which, what in many:
        tx = root.at(companies[which])
        match kind:
            case "ask":
                told += [found(tx, at, check=what) for at in range(len(_QUESTIONS))]
            case "add":
                told.append(read_back(tx, tx.insert(what)))
            case "add many":
                tx.insert_many(what)
            case "change":
                cls, changes = what
                row = next(iter(tx.all(cls, order=("-version",), limit=1)), None)
                if row is not None and not (cls is Loan and row.closed):
                    told.append(read_back(tx, tx.update(row, **changes)))
            case "change all":
                cls, value = what
                told.append(tx.update_where(cls, {_COMMON[cls]: value}, **{_COMMON[cls]: "A"}))
            case "remove":
                row = next(iter(tx.all(what, order=("-version",), limit=1)), None)
                if row is not None and not (what is Loan and row.closed):
                    tx.delete(row)
            case "remove all":
                cls, value = what
                more = {"closed": False} if cls is Loan else {}
                told.append(tx.delete_where(cls, **{_COMMON[cls]: value}, **more))
            case "library":
                told.append(root.insert(Library(name=mark + what)).name)
            case "refuse":
                if what:
                    with pytest.raises(AssertionError):
                        tx.insert(Loan(fee=Decimal("0.000001")))
                raise Refusal
            case "part":
                refuses, inner = what
                try:
                    with root.savepoint():
                        told.append(do(root, companies, mark, inner))
                        if refuses:
                            raise Refusal
                except Refusal:
                    told.append("refused")
                except DuplicateKey as twice:
                    told.append(twice.columns)
    return told


@pytest.fixture(scope="module")
def stores() -> Iterator[tuple[Store, Store, Store]]:
    """Two servers of one database, and one of another."""
    url = empty_books()
    made = (
        open_store(url, records=SHELVES),
        open_store(url, records=SHELVES),
        open_store(empty_books(), records=SHELVES),
    )
    yield made
    for store in made:
        store.close()


def rows_of(store: Store, companies: tuple[int, int]) -> list[Any]:
    """All rows of two companies, without ids and times."""
    told: list[Any] = []
    with store.snapshot() as root:
        for company in companies:
            told.append(root.at(company).latest())
            for cls in (Book, Loan, Country, Author):
                names = [n for n in cls.__struct_fields__ if n not in ("id", "modified_at")]
                rows = Session._all(root.at(company), cls, ("version",), 0, {})  # type: ignore[arg-type]
                told += [tuple(str(getattr(row, name)) for name in names) for row in rows]
    return told


_numbers = count(1, 2)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.lists(st.lists(steps(), min_size=1, max_size=5), min_size=1, max_size=4)),
        max_size=6,
    )
)
def test_groups_of_jobs_do_what_each_would_do_alone(
    stores: tuple[Store, Store, Store], groups: list[tuple[int, list[list[Step]]]]
) -> None:
    first = next(_numbers)
    # On a cluster, jobs of several companies are not of one group, and may be done in another order.
    companies = (first, first if CITUS else first + 1)
    mark = f"{first}:"
    for store in stores[1:]:
        with store.transaction() as root:  # the first to write in a company waits for its lock elsewhere, out of turn
            for company in companies:
                root.at(company)

    def alone(steps: list[Step]) -> Any:
        try:
            with stores[2].transaction(alone=False) as root:
                return do(root, companies, mark, steps)
        except (Refusal, DuplicateKey) as no:
            return no

    async def together(at: int, jobs: list[list[Step]]) -> list[Any]:
        def job(steps: list[Step]) -> Callable[[Any], Any]:
            return lambda root: do(root, companies, mark, steps)

        return await asyncio.gather(*(stores[at].write(job(steps)) for steps in jobs), return_exceptions=True)

    for at, jobs in groups:
        told = asyncio.run(together(at, jobs))
        wanted = [alone(steps) for steps in jobs]
        for mine, theirs in zip(told, wanted, strict=True):
            if isinstance(theirs, Exception):
                assert (type(mine), mine.args) == (type(theirs), theirs.args)
            else:
                assert mine == theirs
        assert rows_of(stores[at], companies) == rows_of(stores[2], companies)
        for server in (0, 1):
            asyncio.run(together(server, [[Step("ask", which, True) for which in (0, 1)]]))


# --------------------------------------------------------------------------- told apart


def fresh(store: Store) -> tuple[int, int]:
    """Two companies that nobody has written in."""
    first = next(_numbers)
    with store.transaction() as root:
        root.at(first)
        root.at(first + 1)
    return first, first + 1


def inserting(company: int, row: Any) -> Callable[[Any], Any]:
    """A job that adds a row; returns its version."""
    return lambda root: root.at(company).insert(row).version


def ask_all(tx: Any) -> None:
    """Compare every remembered answer with the database."""
    for at in range(len(_QUESTIONS)):
        found(tx, at, check=True)


def test_last_rows_follow_what_is_added(stores: tuple[Store, Store, Store]) -> None:
    """In any order, and also texts that sort by code points only."""
    books = [Book(isbn=a, edition=n, title=b, author_id=AUTHORS[n % 2], price=Decimal("1.5"), in_print=n % 3 == 0)
             for n, (a, b) in enumerate((a, b) for a in TEXTS for b in TEXTS)]  # fmt: skip
    random.Random(1).shuffle(books)
    company, _ = fresh(stores[0])

    async def main() -> None:
        await stores[0].write(lambda root: ask_all(root.at(company)))
        for book in books:
            await stores[0].write(inserting(company, book))
            await stores[0].write(lambda root: ask_all(root.at(company)))

    asyncio.run(main())


def test_what_a_part_that_is_undone_has_read_is_forgotten(stores: tuple[Store, Store, Store]) -> None:
    company, _ = fresh(stores[0])

    def job(root: Any) -> None:
        tx = root.at(company)
        ask_all(tx)
        with suppress(Refusal), root.savepoint():
            tx.insert(Book(isbn="A", author_id=AUTHORS[0]))
            ask_all(tx)
            raise Refusal
        ask_all(tx)

    async def main() -> None:
        for _ in range(3):
            await stores[0].write(job)
            await stores[0].write(lambda root: ask_all(root.at(company)))

    asyncio.run(main())


def test_what_another_server_writes_is_seen(stores: tuple[Store, Store, Store]) -> None:
    company, _ = fresh(stores[0])

    async def main() -> None:
        for n in range(6):
            for store in stores[:2]:
                await store.write(lambda root: ask_all(root.at(company)))
            await stores[n % 2].write(inserting(company, Book(isbn="A", edition=n, author_id=AUTHORS[0])))

    asyncio.run(main())


def test_a_duplicate_is_told_to_the_job_that_adds_it(stores: tuple[Store, Store, Store]) -> None:
    """The first run hears of it too late and cannot say whose it is: neighbours are kept, without a gap."""
    company, _ = fresh(stores[0])
    begun, go_on = threading.Event(), threading.Event()

    def first(root: Any) -> None:
        begun.set()
        assert go_on.wait(30)
        root.at(company).insert(Country(code="A"))

    def swallowing(root: Any) -> str:
        try:
            with root.savepoint():
                root.at(company).insert(Country(code="E"))
                root.at(company).insert(Country(code="A"))
        except DuplicateKey as twice:
            return f"{twice.columns}"
        return "added"

    adding = [inserting(company, Country(code=code)) for code in "BACB"]
    jobs: list[Callable[[Any], Any]] = [*adding[:2], swallowing, *adding[2:]]

    async def main() -> list[Any]:
        futures = [stores[0].write(first)]
        await asyncio.to_thread(begun.wait, 30)
        futures += [stores[0].write(job) for job in jobs]
        go_on.set()
        return await asyncio.gather(*futures, return_exceptions=True)

    _, b, twice, swallowed, c, again = asyncio.run(main())

    assert (b, c) == (2, 3)
    assert isinstance(twice, DuplicateKey)
    assert isinstance(again, DuplicateKey)
    assert (twice.columns, swallowed) == (("code",), "('code',)")
    rows = stores[1].reader().at(company).all(Country, order=("version",))
    assert [(row.code, row.version) for row in rows] == [("A", 1), ("B", 2), ("C", 3)]
