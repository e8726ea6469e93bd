"""Compiled queries: the same rows as a slow evaluation, wire-ready values, and plans that use the indexes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backends import BACKENDS
from debitor.query import (
    Among,
    Arithmetic,
    Call,
    Compare,
    Field,
    In,
    Logic,
    Node,
    Not,
    Null,
    Order,
    Param,
    Query,
)
from debitor.schema import (
    BOOL,
    DATE,
    DATETIME,
    DECIMAL,
    GUID,
    INT32,
    INT64,
    RATE,
    Constant,
    Context,
    EntitySet,
    Property,
    Type,
    code,
    enum,
    text,
)
from debitor.store import Store
from debitor.store.dialect import SQLITE
from debitor.store.opening import open_store
from debitor.store.slots import after
from debitor.store.sql import compile_query
from debitor.store.sqlite import SqliteStore
from store.oracle import holds
from store.shelves import BOOKS, SHELVES, TODAY, Author, Binding, Book, Country, Library, Sale

TEXT = text()
TITLES = ("", "a", "A", "ab", "B a", "ä", "Äb", " b ", "a%_", "b'", "\U0001f600z", "퟿x")


def column(name: str) -> Property:
    return BOOKS.by_name[name]


def query(where: Node | None = None, *columns: str, **options: Any) -> Query:
    of = options.pop("of", BOOKS)
    shown = tuple(of.by_name[c] for c in columns or ("id",))
    return Query(of, shown, where, **{"version": False, **options})


def run(store: Store, made: Query, *params: Any) -> list[tuple[Any, ...]]:
    return store.reader().at(1).run(made, params, TODAY)


# --------------------------------------------------------------------------- a store of books


@pytest.fixture(scope="module", params=sorted(BACKENDS))
def shelf(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Every title, with and without an author, in two companies."""
    store = open_store(BACKENDS[request.param](tmp_path_factory.mktemp("shelf")), records=SHELVES)
    with store.transaction() as tx:
        tx.insert(Library(name="city"))
        for company in (1, 2):
            books = tx.at(company)
            land = books.insert(Country(code="DE", name="Germany"))
            authors = [
                books.insert(
                    Author(number="10", name="a", born=date(1900, 2, 3), fee=Decimal("1.5"), country_id=land.id)
                ),
                books.insert(Author(number="20", name="", fee=Decimal("-0.00001"), alive=True)),
            ]
            for i, title in enumerate(TITLES):
                book = books.insert(
                    Book(
                        isbn=f"I{i}",
                        edition=i - 2,
                        title=title,
                        author_id=authors[i % 3].id if i % 3 < 2 else "ffffffff-0000-0000-0000-000000000000",
                        price=Decimal(i * i * i - 70) / 8,
                        copies=i * 1000,
                        rate=Decimal(i) / 7 + 1,
                        published=date(2025, 1 + i % 12, 28),
                        lent_at=f"2026-01-{i + 1:02}T0{i % 10}:30:00.120Z",
                        in_print=i % 2 == 0,
                        binding=list(Binding)[i % 3],
                    )
                )
                books.insert_many(
                    Sale(entry_number=i * 10 + k, book_id=book.id, kind="SX"[k % 2], amount=Decimal(k + i) / 4,
                         sold_on=date(2026, 1, 29 + k))
                    for k in range(i % 4)
                )  # fmt: skip
    yield store
    store.close()


def rows_for_oracle(store: Store) -> list[dict[str, Any]]:
    names = [p.name for p in BOOKS.properties]
    rows = []
    for row in run(store, query(None, *names)):
        shown = dict(zip(names, row, strict=True))
        for p in BOOKS.properties:
            if p.type.kind in ("decimal", "factor"):
                shown[p.name] = Decimal(shown[p.name])
        rows.append(shown)
    return rows


# --------------------------------------------------------------------------- conditions at random

FIELDS: dict[str, list[Field]] = {}
for _p in BOOKS.properties:
    _form = {"code": "text", "guid": "guid", "int32": "number", "decimal": "number", "enum": "enum"}.get(
        _p.type.kind, _p.type.kind
    )
    FIELDS.setdefault(_form, []).append(Field(_p.name))

NUMBERS = st.one_of(
    st.integers(-20, 20).map(lambda v: (v, INT32)),
    st.decimals(-30, 60, places=3).map(lambda v: (v, DECIMAL)),
    st.sampled_from(["0.000001", "-1e30", "1e30", "-0.00001", "1.5", "7.25"]).map(lambda v: (Decimal(v), DECIMAL)),
)
FACTORS = st.one_of(
    st.integers(1, 20).map(lambda v: (v, INT32)),
    st.decimals("-9.5", "-0.5", places=3).map(lambda v: (v, DECIMAL)),
)
VALUES: dict[str, st.SearchStrategy[tuple[Any, Type]]] = {
    "text": st.one_of(st.sampled_from(TITLES), st.sampled_from(["10", "20", "DE", "I3"])).map(lambda v: (v, TEXT)),
    "number": NUMBERS,
    "date": st.one_of(
        st.sampled_from([date.min, date(1900, 2, 3)]), st.dates(date(2025, 1, 1), date(2025, 12, 31))
    ).map(lambda v: (v, DATE)),
    "datetime": st.sampled_from(["2026-01-03T02:30:00.120Z", "2026-01-05T00:00:00.000Z"]).map(
        lambda v: (v, DATETIME)
    ),
    "bool": st.booleans().map(lambda v: (v, BOOL)),
    "factor": st.sampled_from(["1", "1.50", "2", "1.1428571428571428571428571429"]).map(lambda v: (Decimal(v), RATE)),
    "enum": st.sampled_from(Binding).map(lambda v: (str(v), enum(Binding))),
}


class Builder:
    """Draws a condition and fills its parameters."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.params: list[Any] = []

    def param(self, form: str) -> Param:
        value, type = self.draw(VALUES[form])
        self.params.append(value)
        return Param(len(self.params) - 1, type, value == type.blank)

    def count(self) -> Param:
        self.params.append(self.draw(st.integers(0, 4)))
        return Param(len(self.params) - 1, INT32, self.params[-1] == 0)

    def pick(self, *options: str) -> str:
        picked: str = self.draw(st.sampled_from(options))
        return picked

    def field(self, fields: list[Field]) -> Field:
        picked: Field = self.draw(st.sampled_from(fields))
        return picked

    def value(self, form: str, depth: int = 2) -> Node:
        if form == "text" and depth and self.draw(st.booleans()):
            inner = self.value("text", depth - 1)
            match self.pick("tolower", "toupper", "trim", "concat", "replace", "substring", "substring3"):
                case "concat":
                    return Call("concat", (inner, self.value("text", 0)), TEXT)
                case "replace":
                    return Call("replace", (inner, self.param("text"), self.param("text")), TEXT)
                case "substring":
                    return Call("substring", (inner, self.count()), TEXT)
                case "substring3":
                    return Call("substring", (inner, self.count(), self.count()), TEXT)
                case name:
                    return Call(name, (inner,), TEXT)
        if form == "number" and depth and self.draw(st.booleans()):
            match self.pick(
                "arithmetic", "round", "floor", "ceiling", "length", "indexof", "year", "month", "day", "hour"
            ):
                case "arithmetic":
                    op: Any = self.pick("add", "sub", "mul", "div", "mod")
                    left = self.value("number", 0)
                    value, type = self.draw(FACTORS)
                    self.params.append(value)
                    right = Param(len(self.params) - 1, type) if op in ("div", "mod") else self.value("number", 0)
                    return Arithmetic(op, left, right)
                case "length":
                    return Call("length", (self.value("text", 1),), INT32)
                case "indexof":
                    return Call("indexof", (self.value("text", 1), self.param("text")), INT32)
                case "hour":
                    return Call("hour", (Field("lentAt"),), INT32)
                case "year" | "month" | "day" as name:
                    return Call(name, (self.value("date", 0),), INT32)
                case name:
                    return Call(name, (self.value("number", 0),), DECIMAL)
        if self.draw(st.integers(0, 3)):
            return self.field(FIELDS[form])
        if form == "number":  # literals of arithmetic have at most 5 decimals
            self.params.append(self.draw(st.integers(-9, 9)))
            return Param(len(self.params) - 1, INT32, self.params[-1] == 0)
        return self.param(form)

    def condition(self, depth: int = 3) -> Node:
        match self.pick("compare", "compare", "compare", "logic", "not", "in", "among", "search", "null", "bool"):
            case "logic" if depth:
                items = tuple(self.condition(depth - 1) for _ in range(self.draw(st.integers(1, 3))))
                return Logic(self.draw(st.sampled_from(["and", "or"])), items)
            case "not" if depth:
                return Not(self.condition(depth - 1))
            case "in":
                form = self.pick("text", "number", "date", "enum", "factor")
                return In(self.value(form), tuple(self.param(form) for _ in range(self.draw(st.integers(1, 3)))))
            case "among":
                field = self.draw(
                    st.sampled_from([Field("isbn"), Field("authorNumber"), Field("price"), Field("published")])
                )
                form = {"price": "number", "published": "date"}.get(field.name, "text")
                drawn = self.draw(
                    st.lists(VALUES[form].map(lambda v: v[0]).filter(lambda v: v not in ("", date.min)), max_size=3)
                )
                self.params.append(drawn)
                return Among(field, Param(len(self.params) - 1, BOOKS.by_name[field.name].type))
            case "search":
                name = self.pick("contains", "startswith", "endswith")
                return Call(name, (self.value("text"), self.value("text", 1)), BOOL)
            case "null":
                return Compare(self.draw(st.sampled_from(["eq", "ne"])), self.value("text"), Null())
            case "bool":
                return self.field([Field("inPrint"), Field("authorAlive")])
            case _:
                form = self.pick("text", "text", "number", "number", "date", "datetime", "bool", "factor", "enum")
                ops = ["eq", "ne"] if form in ("bool", "enum") else ["eq", "ne", "lt", "le", "gt", "ge"]
                op: Any = self.draw(st.sampled_from(ops))
                left, right = (
                    self.value(form),
                    self.value(form) if self.draw(st.booleans()) else self.param(form),
                )
                return Compare(op, left, right)


@st.composite
def conditions(draw: Any) -> tuple[Node, list[Any]]:
    builder = Builder(draw)
    return builder.condition(), builder.params


MISSING = Compare("eq", Field("authorNumber"), Param(0, code(20), blank=True))


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example((Not(Compare("eq", Field("authorNumber"), Param(0, code(20)))), ["10"]))
@example((MISSING, [""]))
@example((Compare("eq", Compare("eq", Field("countryCode"), Param(0, code(10))), Param(1, BOOL)), ["DE", False]))
@given(conditions())
def test_a_condition_selects_what_a_slow_evaluation_selects(shelf: Store, drawn: tuple[Node, list[Any]]) -> None:
    condition, params = drawn
    expected = {r["id"] for r in rows_for_oracle(shelf) if holds(condition, {**r}, params)}

    assert {r[0] for r in run(shelf, query(condition), *params)} == expected
    assert run(shelf, query(condition, count=True), *params) == [(len(expected),)]


# --------------------------------------------------------------------------- conditions by name


def isbns(store: Store, where: Node, *params: Any) -> list[str]:
    return [r[0] for r in run(store, query(where, "isbn", order=(Order("edition"),)), *params)]


def test_a_literal_finer_than_a_stored_decimal_compares_by_its_value(shelf: Store) -> None:
    fee = Field("authorFee")
    fine = Param(0, DECIMAL)
    everything = len(TITLES)
    for value, expected in (
        ("0.000001", {"eq": 0, "ne": everything, "lt": 8, "le": 8, "gt": 4, "ge": 4}),
        ("-0.000001", {"eq": 0, "lt": 4, "le": 4, "gt": 8, "ge": 8}),
        ("-0.00001", {"eq": 4, "lt": 0, "le": 4, "gt": 8, "ge": everything}),
        ("1e39", {"eq": 0, "lt": everything, "gt": 0}),
    ):
        for op, n in expected.items():
            assert len(isbns(shelf, Compare(op, fee, fine), Decimal(value))) == n, (value, op)  # type: ignore[arg-type]


def test_a_division_by_zero_selects_nothing(shelf: Store) -> None:
    divided = Compare("gt", Arithmetic("div", Field("price"), Field("rate")), Param(0, DECIMAL))
    by_zero = Compare("ge", Arithmetic("div", Field("price"), Param(1, INT32)), Param(0, DECIMAL))

    assert isbns(shelf, divided, Decimal(10))
    assert isbns(shelf, by_zero, Decimal(0), 0) == []


def test_a_division_of_a_division_by_zero_selects_nothing(shelf: Store) -> None:
    """A NULL goes through our own functions as it goes through SQLite's."""
    inner = Arithmetic("div", Field("price"), Param(1, INT32))
    nested = Compare("ne", Arithmetic("div", inner, Param(2, DECIMAL)), Param(0, DECIMAL))

    assert isbns(shelf, nested, Decimal(0), 0, Decimal("0.5")) == []


def test_a_product_is_exact_beyond_64_bits(shelf: Store) -> None:
    """SQLite would fall back to floating point."""
    squared = Arithmetic("mul", Arithmetic("add", Field("price"), Param(0, DECIMAL)), Param(1, DECIMAL))
    exact = Compare("eq", squared, Param(2, DECIMAL))
    wide = Decimal("1000000000.00004")
    product = (wide - Decimal("8.75")) * Decimal("300.5")

    assert isbns(shelf, exact, wide, Decimal("300.5"), product) == ["I0"]


def test_hundreds_of_conditions_are_one_query(shelf: Store) -> None:
    """SQLite limits the depth of an expression to 1000."""
    many = Logic("or", tuple(Compare("eq", Field("title"), Param(i, TEXT)) for i in range(4000)))
    items = In(Field("edition"), tuple(Param(i, INT32) for i in range(4000)))

    assert len(isbns(shelf, many, "ab", *(f"none {i}" for i in range(3999)))) == 1
    assert len(isbns(shelf, items, *range(4000))) == len(TITLES) - 2


def test_no_item_is_neutral(shelf: Store) -> None:
    assert len(isbns(shelf, Logic("and", ()))) == len(TITLES)
    assert isbns(shelf, Logic("or", ())) == []
    assert isbns(shelf, In(Field("title"), (Null(),))) == []


@pytest.mark.parametrize(
    ("prefix", "first_after"),
    [("ab", "ac"), ("a\ud7ff", "a\ue000"), ("a\U0010ffff", "b"), ("", b""), ("\U0010ffff", b"")],
)
def test_the_end_of_a_prefix(prefix: str, first_after: str | bytes) -> None:
    assert after(prefix) == first_after


def test_now_is_the_moment_of_the_request(shelf: Store) -> None:
    earlier = Compare("lt", Field("lentAt"), Call("now", (), DATETIME))
    never = Compare("gt", Field("lentAt"), Call("maxdatetime", (), DATETIME))

    assert len(isbns(shelf, earlier)) == len(TITLES)
    assert isbns(shelf, never) == []


# --------------------------------------------------------------------------- what is returned


def test_values_come_ready_for_the_wire(shelf: Store) -> None:
    names = [p.name for p in BOOKS.properties if p.name != "id"]
    where = In(Field("isbn"), (Param(0, code(20)), Param(1, code(20))))
    rows = run(shelf, query(where, *names, order=(Order("isbn"),), version=True), "I0", "I5")
    versions, shown = [r[0] for r in rows], [dict(zip(names, r[1:], strict=True)) for r in rows]

    assert all(isinstance(v, int) for v in versions)
    assert shown[0] == {
        "isbn": "I0", "edition": -2, "title": "", "authorNumber": "10", "authorName": "a",
        "authorBorn": "1900-02-03", "authorFee": Decimal("1.5"), "authorAlive": False, "countryCode": "DE",
        "price": Decimal("-8.75"),
        "copies": 0,
        "rate": 1, "published": "2025-01-28", "lentAt": "2026-01-01T00:30:00.120Z", "inPrint": True,
        "binding": "_x0020_", "shown": "a", "language": "eo", "sold": 0, "soldBefore": 0,
    }  # fmt: skip
    assert shown[1] == {
        "isbn": "I5", "edition": 3, "title": "ä", "authorNumber": "", "authorName": "",
        "authorBorn": "0001-01-01", "authorFee": 0, "authorAlive": False, "countryCode": "",
        "price": Decimal("6.875"), "copies": 5000, "rate": Decimal("1.714285714285714285714285714"),
        "published": "2025-06-28", "lentAt": "2026-01-06T05:30:00.120Z", "inPrint": False, "binding": "Paper",
        "shown": "ä", "language": "eo", "sold": Decimal("1.25"), "soldBefore": Decimal("1.25"),
    }  # fmt: skip
    assert type(shown[0]["inPrint"]) is type(shown[1]["authorAlive"]) is bool
    assert type(shown[0]["rate"]) is type(shown[0]["sold"]) is int


def test_pages_of_an_ordered_list(shelf: Store) -> None:
    order = (Order("authorNumber", descending=True), Order("rate"))
    paged = query(None, "isbn", order=order, limit=Param(0, INT64), offset=Param(1, INT64))
    rest = query(None, "isbn", order=order, offset=Param(0, INT64))
    everything = [r[0] for r in run(shelf, query(None, "isbn", order=order))]

    assert everything == ["I1", "I4", "I7", "I10", "I0", "I3", "I6", "I9", "I2", "I5", "I8", "I11"]
    assert [r[0] for r in run(shelf, paged, 3, 2)] == everything[2:5]
    assert [r[0] for r in run(shelf, rest, 10)] == everything[10:]


@pytest.mark.parametrize(("limit", "offset"), [(2, None), (1, 1), (None, 2), (2, 0), (0, 0), (50, 3)])
def test_a_page_of_every_partition(shelf: Store, limit: int | None, offset: int | None) -> None:
    """What `$top` and `$skip` inside `$expand` ask: so many books of every author, not so many books."""
    order = (Order("title", descending=True), Order("isbn"))
    some = Among(Field("authorNumber"), Param(0, code(20)))
    wanted = [(name, value) for name, value in (("limit", limit), ("offset", offset)) if value is not None]
    bounds = {name: Param(1 + at, INT64) for at, (name, _) in enumerate(wanted)}
    given = [value for _, value in wanted]
    numbers = ["10", "20"]

    everything = run(shelf, query(some, "authorNumber", "isbn", "inPrint", order=order, version=True), numbers)
    paged = run(
        shelf,
        query(
            some, "authorNumber", "isbn", "inPrint", order=order, version=True, each=Field("authorNumber"), **bounds
        ),
        numbers,
        *given,
    )

    for number in numbers:
        mine = [row for row in everything if row[1] == number]
        first = offset or 0
        last = None if limit is None else first + limit
        assert len(mine) == 4
        assert [row for row in paged if row[1] == number] == mine[first:last]


def test_fixed_conditions_of_an_entity_set(shelf: Store) -> None:
    def of(**where: Any) -> EntitySet:
        named = {path.replace("__", "."): value for path, value in where.items()}
        return EntitySet("b", "b", BOOKS.properties, record=Book, lookups=BOOKS.lookups, where=named)

    def found(**where: Any) -> int:
        return int(run(shelf, query(of=of(**where), count=True))[0][0])

    assert found(binding=Binding.PAPER) == 4
    assert found(binding=(Binding.PAPER, Binding.BLANK)) == 8
    assert found(in_print=True, price=Decimal("-8.75")) == 1
    assert found(author__number="") == 4
    assert found(country__code=("DE",), published=date(2025, 1, 28)) == 1
    assert found(title=Context("language")) == 0


def test_records_of_the_whole_store_are_queried_from_the_root(shelf: Store) -> None:
    libraries = EntitySet("l", "l", (Property("id", GUID, "id"), Property("name", TEXT, "name")), record=Library)
    made = query(Compare("eq", Field("name"), Param(0, TEXT)), "name", of=libraries)

    assert shelf.reader().run(made, ["city"], {}) == shelf.reader().at(1).run(made, ["city"], {}) == [("city",)]


# --------------------------------------------------------------------------- plans


def plan(store: Store, made: Query, *params: Any) -> list[str]:
    assert isinstance(store, SqliteStore)
    statement = compile_query(made, SQLITE)
    values = statement.bind(1, params, TODAY, "")
    explained = store.explain(statement.sql, values)
    return [line for line in explained if "CORRELATED" not in line]


BY_ID = Compare("eq", Field("id"), Param(0, GUID))


@pytest.mark.parametrize("shelf", ["sqlite"], indirect=True)
def test_plans_use_the_indexes(shelf: Store) -> None:
    isbn = Compare("eq", Field("isbn"), Param(0, code(20)))
    author = Compare("eq", Field("authorNumber"), Param(0, code(20)))
    some = Among(Field("id"), Param(0, GUID))
    starts = Call("startswith", (Field("isbn"), Param(0, code(20))), BOOL)

    assert plan(shelf, query(BY_ID, "id", "title"), "x") == ["SEARCH t USING PRIMARY KEY (company=? AND id=?)"]
    assert plan(shelf, query(isbn, "id"), "x") == [
        "SEARCH t USING COVERING INDEX shelf_book__isbn__edition (company=? AND isbn=?)"
    ]
    assert plan(shelf, query(author, "title"), "x") == [
        "SEARCH j1 USING COVERING INDEX shelf_author__number (company=? AND number=?)",
        "SEARCH t USING INDEX shelf_book__author_id__published (company=? AND author_id=?)",
    ]
    assert "SEARCH t USING PRIMARY KEY (company=? AND id=?)" in plan(shelf, query(some, "title"), ["x"])
    assert "company=? AND isbn>? AND isbn<?" in plan(shelf, query(starts, "id"), "x")[0]
    assert plan(shelf, query(None, "title", order=(Order("id"),)), "x") == ["SEARCH t USING PRIMARY KEY (company=?)"]


def test_a_constant_orders_nothing(shelf: Store) -> None:
    """A bare number in ORDER BY is the position of a column in SQL: 0 is refused, 1 sorts by something else."""
    for value in (0, 1):
        fixed = Property("fixed", INT32, Constant(value))
        of = EntitySet("fixedBooks", "fixedBook", (*BOOKS.properties, fixed), record=Book, lookups=BOOKS.lookups)
        made = Query(
            of,
            (of.by_name["isbn"], fixed),
            order=(Order("fixed", descending=True), Order("edition", descending=True)),
            version=False,
        )

        assert [row[0] for row in run(shelf, made)] == [f"I{i}" for i in reversed(range(len(TITLES)))]
