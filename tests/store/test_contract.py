"""What every store promises about rows: kept exactly, found by any column, undone together, never twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debitor.ranges import Range
from debitor.schema import BLANK_GUID, Changes
from debitor.store import DuplicateKey, FrozenRow, Store, StoreError
from debitor.store.identity import Identity
from debitor.store.opening import open_store
from debitor.store.rows import codec_of, scaled, unscaled, wire_decimal, wire_factor
from store.shelves import SHELVES, Author, Binding, Book, Country, Entry, Library, Loan, Sale

OPENED = Callable[..., Store]


class Stop(Exception):
    """Raised by tests inside a transaction."""


# --------------------------------------------------------------------------- values


@given(st.decimals(-(10**13), 10**13, places=5))
def test_a_decimal_comes_back_exactly(value: Decimal) -> None:
    back, shown = unscaled(scaled(value)), wire_decimal(scaled(value))

    assert back == value == shown
    assert "E" not in str(back)
    assert isinstance(shown, int) == (value == int(value))
    assert isinstance(shown, int) or not str(shown).endswith("0")


@pytest.mark.parametrize("value", ["0.000001", "NaN", "Infinity", "1e15"])
def test_a_decimal_that_cannot_be_kept_is_a_bug_of_the_caller(value: str) -> None:
    with pytest.raises(AssertionError):
        scaled(Decimal(value))


@pytest.mark.parametrize(("kept", "shown"), [("1.50", "1.5"), ("100", "100"), ("0.8712345678901", "0.8712345678901")])
def test_a_factor_is_shown_without_trailing_zeros(kept: str, shown: str) -> None:
    assert str(wire_factor(kept)) == shown


@given(
    st.builds(
        Book,
        id=st.uuids().map(str),
        isbn=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
        edition=st.integers(-(2**31), 2**31 - 1),
        price=st.decimals(-(10**12), 10**12, places=5),
        copies=st.integers(-(2**63) + 1, 2**63 - 1),
        rate=st.decimals(allow_nan=False, allow_infinity=False),
        published=st.dates(),
        in_print=st.booleans(),
        binding=st.sampled_from(Binding),
    )
)
def test_a_row_comes_back_as_it_went_in(row: Book) -> None:
    codec = codec_of(Book)

    assert codec.decode([codec.encode(1, row, row.id, row.version, row.modified_at)[1:-1]]) == [row]


# --------------------------------------------------------------------------- reading and writing


def test_an_inserted_row_is_returned_as_stored(store: Store) -> None:
    given = Book(
        isbn="A",
        title="Ä\u2028'\"",
        price=Decimal("12.50"),
        published=date(2026, 1, 31),
        binding=Binding.PAPER,
    )
    with store.transaction() as tx:
        stored = tx.at(1).insert(given)
        within, now = tx.at(1).get(Book, stored.id), tx.now
    after = store.reader().at(1).get(Book, stored.id)

    assert stored == within == after
    assert stored.id != BLANK_GUID
    assert (stored.title, stored.price, stored.binding) == (given.title, given.price, Binding.PAPER)
    assert stored.modified_at == now


def test_companies_do_not_see_each_other(store: Store) -> None:
    with store.transaction() as tx:
        one = tx.at(1).insert(Country(code="DE"))
        two = tx.at(2).insert(Country(id=one.id, code="DE", name="two"))
        tx.at(2).update_where(Country, {"name": "changed"})
        tx.at(2).delete_where(Country, code="DE")
        reader = tx.at(1)

        assert two.id == one.id
        assert reader.get(Country, one.id) == one
        assert tx.at(2).count(Country) == 0


def test_records_of_the_whole_store_need_no_company(store: Store) -> None:
    with store.transaction() as tx:
        stored = tx.insert(Library(name="city"))

        assert tx.find(Library, name="city") == tx.at(1).find(Library, name="city") == stored
        with pytest.raises(AssertionError):
            tx.insert(Country(code="X"))
        with pytest.raises(AssertionError):
            tx.find(Country, code="X")


def test_rows_are_found_by_any_columns(store: Store) -> None:
    with store.transaction() as tx:
        books = tx.at(1)
        books.insert_many(
            Book(
                isbn=f"B{i % 3}",
                edition=i,
                price=Decimal(i) / 4,
                in_print=i % 2 == 0,
                published=date(2026, 1, 1 + i),
            )
            for i in range(6)
        )

        assert [b.edition for b in books.all(Book, order=("isbn", "-edition"))] == [3, 0, 4, 1, 5, 2]
        assert [b.edition for b in books.all(Book, order=("edition",), isbn=["B0", "B2"], limit=3)] == [
            0,
            2,
            3,
        ]
        assert {b.edition for b in books.all(Book, in_print=True)} == {0, 2, 4}
        assert {b.edition for b in books.all(Book, in_print={True, False}, price=(Decimal("0.25"),))} == {1}
        assert {b.edition for b in books.all(Book, published=[date(2026, 1, 2), date(2026, 1, 6)])} == {1, 5}
        assert books.all(Book, isbn=[]) == []
        assert books.find(Book, isbn="B0", edition=3, price=Decimal("0.75")) is not None
        assert books.find(Book, isbn="none") is None
        last = books.values(Book, ("isbn", "edition", "price"), last_by="edition", isbn="B1")
        assert last == ("B1", 4, Decimal("1.00"))
        assert books.values(Book, ("edition", "published"), isbn="B0") == (0, date(2026, 1, 1))
        assert books.values(Book, ("title",), last_by="edition", isbn="B9") is None
        assert books.greatest(Book, "published") == date(2026, 1, 6)
        assert books.greatest(Book, "edition", isbn="B9") == 0
        assert books.total(Book, "price") == Decimal("3.75")
        assert books.total(Book, "price", isbn="none") == 0
        assert books.count(Book, in_print=False) == 3


def test_sums_by_group(store: Store) -> None:
    """Exact, in order of the groups, within the bounds and the company."""
    with store.transaction() as tx:
        books = tx.at(1)
        books.insert_many(
            Sale(
                entry_number=n,
                book_id=f"B{n % 2}",
                kind="K" if n < 6 else "L",
                sold_on=date(2026, 1, n),
                amount=Decimal(n) / 4,
            )
            for n in range(1, 9)
        )
        tx.at(2).insert(Sale(entry_number=1, book_id="B1", amount=Decimal(1000)))
        all_days = [("B0", Decimal(5)), ("B1", Decimal(4))]

        assert books.sums(Sale, ("amount",), ("book_id",)) == all_days
        assert books.sums(Sale, ("amount",), ("book_id",), within={"sold_on": Range()}) == all_days
        assert books.sums(Sale, ("amount", "amount"), ("kind", "book_id"), kind=["L"], book_id="B1") == [
            ("L", "B1", Decimal("1.75"), Decimal("1.75"))
        ]
        days = Range(date(2026, 1, 3), date(2026, 1, 5))
        assert books.sums(Sale, ("amount",), ("book_id",), within={"sold_on": days}) == [
            ("B0", Decimal(1)),
            ("B1", Decimal(2)),
        ]
        assert books.sums(
            Sale,
            ("amount",),
            ("kind",),
            within={"sold_on": Range(None, date(2026, 1, 6)), "amount": Range(Decimal(1), None)},
        ) == [("K", Decimal("2.25")), ("L", Decimal("1.5"))]
        assert books.sums(Sale, ("amount",), ("kind",), within={"sold_on": Range(days.high, days.low)}) == []
        assert books.sums(Sale, (), ("sold_on", "kind"), book_id="B0", kind="L") == [
            (date(2026, 1, 6), "L"),
            (date(2026, 1, 8), "L"),
        ]
        with pytest.raises(AssertionError):
            books.sums(Sale, ("kind",), ("book_id",))


def test_rows_lie_in_the_order_of_their_key(store: Store) -> None:
    with store.transaction() as tx:
        tx.at(1).insert_many(Entry(number=n) for n in (5, 2, 9))

        assert [e.number for e in tx.at(1).all(Entry)] == [2, 5, 9]


def test_an_update_changes_the_named_columns_and_the_version(store: Store) -> None:
    with store.transaction() as tx:
        row = tx.at(1).insert(Book(isbn="A", edition=1, title="old", price=Decimal(1)))
    with store.transaction() as tx:
        new = tx.at(1).update(row, title="new", edition=2)

        assert tx.at(1).get(Book, row.id) == new
        assert (new.title, new.edition, new.price, new.id) == ("new", 2, Decimal(1), row.id)
        assert new.version > row.version
        with pytest.raises(AssertionError):
            tx.at(1).update(new, version=1)


def test_update_where_gives_each_row_a_version_of_its_own(store: Store) -> None:
    with store.transaction() as tx:
        books = tx.at(1)
        books.insert_many(Book(isbn="A", edition=i, price=Decimal(1)) for i in range(4))
        before = {b.version for b in books.all(Book)}
        changed = books.update_where(Book, {"price": Decimal("2.5"), "title": "x"}, isbn="A", edition=(1, 2))
        rows = books.all(Book, order=("edition",))

        assert changed == 2
        assert [b.price for b in rows] == [1, Decimal("2.5"), Decimal("2.5"), 1]
        assert len({b.version for b in rows}) == 4
        assert len({b.version for b in rows} - before) == 2


def test_deleted_rows_are_gone(store: Store) -> None:
    with store.transaction() as tx:
        books = tx.at(1)
        rows = [books.insert(Book(isbn="A", edition=i)) for i in range(3)]
        books.delete(rows[0])

        assert books.get(Book, rows[0].id) is None
        assert books.delete_where(Book, isbn="A") == 2
        assert books.delete_where(Book, isbn="A") == 0
        with pytest.raises(AssertionError):
            books.delete(rows[0])


def test_a_set_of_changes_is_written_in_order(store: Store) -> None:
    with store.transaction() as tx:
        books = tx.at(1)
        a, b, c = (books.insert(Book(isbn=n, price=Decimal(1))) for n in "ABC")
    changes = Changes(
        insert=[Author(number="1"), Book(isbn="D"), Author(number="2")],
        update=[
            (a, Book(id=a.id, isbn="A", price=Decimal(2))),
            (b, Book(id=b.id, isbn="B2", price=Decimal(1))),
        ],
        delete=[c],
    )
    with store.transaction() as tx:
        books = tx.at(1)
        books.write(changes)
        rows = {r.isbn: r for r in books.all(Book)}

        assert sorted(rows) == ["A", "B2", "D"]
        assert (rows["A"].price, rows["B2"].price) == (Decimal(2), Decimal(1))
        assert rows["A"].version > a.version
        assert books.count(Author) == 2
        assert all(r.id != BLANK_GUID for r in rows.values())


def test_a_transaction_that_raises_leaves_nothing(store: Store) -> None:
    with pytest.raises(Stop), store.transaction() as tx:  # noqa: PT012 - the insert is what must be undone
        tx.at(1).insert(Country(code="DE"))
        raise Stop

    assert store.reader().at(1).count(Country) == 0


def test_a_savepoint_is_undone_alone(store: Store) -> None:
    with store.transaction() as tx:
        books = tx.at(1)
        books.insert(Country(code="A"))
        with pytest.raises(Stop), tx.savepoint():  # noqa: PT012 - as above
            books.insert(Country(code="B"))
            with tx.savepoint():
                books.insert(Country(code="C"))
            raise Stop
        with tx.savepoint():
            books.insert(Country(code="D"))

    assert [c.code for c in store.reader().at(1).all(Country, order=("code",))] == ["A", "D"]


def test_a_reader_sees_committed_rows_only_and_cannot_write(store: Store) -> None:
    with store.transaction() as tx:
        tx.at(1).insert(Country(code="A"))

        assert store.reader().at(1).count(Country) == 0
    assert store.reader().at(1).count(Country) == 1
    with pytest.raises(AssertionError):
        store.reader().at(1).insert(Country(code="B"))


def test_a_snapshot_sees_one_moment(store: Store) -> None:
    with store.snapshot() as frozen:
        before = frozen.at(1).count(Country)
        with store.transaction() as tx:
            tx.at(1).insert(Country(code="A"))

        assert frozen.at(1).count(Country) == before == 0
    with store.snapshot() as frozen:
        assert frozen.at(1).count(Country) == 1


# --------------------------------------------------------------------------- refusals


def test_a_second_row_with_unique_values_is_refused(store: Store) -> None:
    with store.transaction() as tx:
        books = tx.at(1)
        first = books.insert(Book(isbn="A", edition=1))
        other = books.insert(Book(isbn="A", edition=2))
        attempts: tuple[tuple[Callable[[], Book], tuple[str, ...]], ...] = (
            (lambda: books.insert(Book(isbn="A", edition=1)), ("isbn", "edition")),
            (lambda: books.update(other, edition=1), ("isbn", "edition")),
            (lambda: books.insert(Book(id=first.id, isbn="B")), ("id",)),
        )
        for attempt, columns in attempts:
            with pytest.raises(DuplicateKey) as caught:
                attempt()
            assert (caught.value.record, caught.value.columns) == ("shelf_book", columns)

        assert books.count(Book) == 2
        assert books.insert(Book(isbn="C")).isbn == "C"


def test_a_clustered_key_does_not_free_the_id(store: Store) -> None:
    """Rows kept by entry number still have ids that no two rows share."""
    with store.transaction() as tx:
        first = tx.at(1).insert(Entry(number=1))
        with pytest.raises(DuplicateKey):
            tx.at(1).insert(Entry(id=first.id, number=2))


def test_frozen_rows_are_neither_changed_nor_deleted(store: Store) -> None:
    with store.transaction() as tx:
        books = tx.at(1)
        sale = books.insert(Sale(entry_number=1, amount=Decimal(5)))
        entry = books.insert(Entry(number=1, amount=Decimal(5)))
        draft = books.insert(Loan(fee=Decimal(1)))
        closed = books.insert(Loan(fee=Decimal(1), closed=True))
        refused: tuple[Callable[[], object], ...] = (
            lambda: books.update(sale, amount=Decimal(6)),
            lambda: books.update(sale),
            lambda: books.delete(sale),
            lambda: books.delete_where(Sale),
            lambda: books.update(entry, amount=Decimal(6)),
            lambda: books.delete(entry),
            lambda: books.update(closed, fee=Decimal(2)),
            lambda: books.delete(closed),
            lambda: books.write(Changes(delete=[sale])),
        )
        for attempt in refused:
            with pytest.raises(FrozenRow):
                attempt()

        assert books.update(entry, open=False).open is False
        assert books.update(closed, note="late").note == "late"
        books.update(draft, fee=Decimal(3), closed=True)
        with pytest.raises(FrozenRow):
            books.update_where(Loan, {"fee": Decimal(9)}, id=draft.id)
        assert books.total(Sale, "amount") == 5


# --------------------------------------------------------------------------- versions, ids, time


def test_versions_rise_across_transactions_and_openings(opened: OPENED) -> None:
    store, seen = opened(), []
    for _ in range(3):
        with store.transaction() as tx:
            seen += [tx.at(1).insert(Country(code=tx.new_id()[-10:])).version for _ in range(3)]
        with pytest.raises(Stop), store.transaction() as tx:  # noqa: PT012 - versions of nothing are free again
            tx.at(1).insert(Country(code="X"))
            raise Stop
        store.close()
        store = opened()

    assert seen == sorted(set(seen))
    assert [c.version for c in store.reader().at(1).all(Country, order=("version",))] == seen


def test_ids_rise_even_when_the_clock_stands_or_steps_back(opened: OPENED) -> None:
    ticks = iter([5_000_000, 5_000_000, 9_000_000, 4_000_000, 10_000_000] + [10_000_000] * 10)
    store = opened(clock=lambda: next(ticks), entropy=lambda n: b"\xff" * n)
    ids = [store.reader().new_id() for _ in range(5)]

    assert ids == sorted(set(ids))
    assert ids[0] == "00000000-0005-77ff-bfff-ffffffffffff"
    assert all(i[14] == "7" and i[19] in "89ab" for i in ids)


@pytest.mark.parametrize("end", ["fffffffffff0", "000000000000"], ids=["over the end", "within"])
def test_ids_given_at_once_are_those_given_one_by_one(end: str) -> None:
    """Also where counting up runs over the digits behind the last hyphen."""

    def identity() -> Identity:
        return Identity(lambda: 5_000_000, lambda n: bytes.fromhex("00" * (n - 6) + end))

    one_by_one = identity()
    singles, together = [one_by_one.new_id() for _ in range(40)], identity()

    assert [together.new_id(), *together.new_ids(38), *together.new_ids(0), together.new_id()] == singles
    assert singles == sorted(set(singles))


def test_the_time_has_three_decimals(opened: OPENED) -> None:
    store = opened(clock=lambda: 1_769_851_800_120_999_999)
    with store.transaction() as tx:
        assert tx.now == "2026-01-31T09:30:00.120Z"
        assert tx.at(1).insert(Country(code="A")).modified_at == tx.now


# --------------------------------------------------------------------------- opening


@pytest.mark.parametrize("url", ["books.db", "sqlite://", "mysql://host/x"])
def test_an_unknown_address_of_a_store_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="names no store"):
        open_store(url, records=SHELVES)


def test_a_closed_store_refuses_work(store: Store) -> None:
    store.close()
    store.close()

    with pytest.raises(StoreError, match="closed"), store.transaction():
        pass


def test_rows_of_another_store_keep_ids_and_time_stamps(store: Store) -> None:
    """Their versions are new: greater than all before."""
    with store.transaction() as root:
        before = root.at(1).insert(Country(code="A"))
    there = "5e7a0000-0000-4000-8000-000000000001"
    rows = [Country(code="B", id=there, version=7, modified_at="2020-01-31T09:30:00.120Z")]
    with store.transaction() as root:
        root.at(1).insert_as_is(rows)
        root.at(1).insert_as_is([])
        found = root.at(1).find(Country, code="B")
    with pytest.raises(DuplicateKey), store.transaction() as root:
        root.at(1).insert_as_is(rows)

    assert found is not None
    assert (found.id, found.modified_at) == (there, "2020-01-31T09:30:00.120Z")
    assert found.version > before.version
