"""The query string becomes a shape and values; equal shapes are one object."""

from __future__ import annotations

import contextlib
import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debitor.odata.options import ONE, Parsed, parse_options
from debitor.query import Compare, Field, Order, Param
from debitor.schema import DECIMAL, INT32, EntitySet, Navigation, Refused, code
from odata.toys import TOYS


def read(query: str, of: str = "authors", *, strict: bool = False) -> Parsed:
    return parse_options(TOYS[of], query, TOYS, strict=strict)


def refusal(query: str, of: str = "authors") -> Refused:
    with pytest.raises(Refused) as caught:
        read(query, of)
    return caught.value


# --------------------------------------------------------------------------- what is read


def test_nothing_asked_is_everything() -> None:
    parsed = read("")

    assert parsed.shape.of is TOYS["authors"]
    assert parsed.shape.select is None
    assert parsed.shape.where is None
    assert (parsed.shape.order, parsed.shape.expand, parsed.shape.count) == ((), (), False)
    assert (parsed.params, parsed.top, parsed.skip, parsed.skiptoken) == ([], None, None, None)
    assert parsed.schema_version == "2.0"


@pytest.mark.parametrize(
    "query",
    [
        "$filter=number eq 'A%26B'&$top=5",
        "%24filter=number+eq+%27a%26b%27&%24top=5",
        "company=x&$top=5&tenant=%zz&&sid&$filter=number%20eq%20%27A%26b%27&",
        "top=1&$top= 5 &$filter=number eq 'a%26b'&filter=x",
    ],
)
def test_options_are_decoded_and_others_ignored(query: str) -> None:
    parsed = read(query)

    assert parsed.shape.where == Compare("eq", Field("number"), Param(0, code(20)))
    assert parsed.params == ["A&B"]
    assert parsed.top == 5


@pytest.mark.parametrize(
    ("query", "select"),
    [
        ("$select=number,id", ("id", "number")),
        ("$select= number , id ,,number", ("id", "number")),
        ("$select=number,books", ("number",)),
        ("$select=*", None),
        ("$select=number,*", None),
        ("$select=", None),
        ("$select=books&$expand=books", ()),
    ],
)
def test_select_names_properties_in_the_order_of_the_page(query: str, select: tuple[str, ...] | None) -> None:
    assert read(query).shape.select == select


def test_orderby_keeps_the_order_asked_and_each_property_once() -> None:
    parsed = read("$orderby=displayName desc, number asc,born,displayName,")

    assert parsed.shape.order == (Order("displayName", descending=True), Order("number"), Order("born"))


def test_paging_options_are_read() -> None:
    parsed = read("$top=0&$skip=2147483647&$count=true&$skiptoken=ab%2Bc&$schemaversion=2.1&$format=json")

    assert (parsed.top, parsed.skip, parsed.skiptoken) == (0, 2147483647, "ab+c")
    assert parsed.shape.count
    assert parsed.schema_version == "2.1"


def test_expand_nests_with_options_and_its_values_count_on() -> None:
    parsed = read(
        "$filter=balance gt 1.5&$expand=publisher,books($filter=pages gt 3 and title eq 'a;b)c,''(';"
        "$orderby=pages desc;$top=2;$skip=1;$count=true;$select=title;$expand=author($select=number))"
    )

    publisher, books = parsed.shape.expand
    assert publisher.target is TOYS["publishers"]
    assert (books.top, books.skip, books.shape.count) == (2, 1, True)
    assert books.shape.select == ("title",)
    assert books.shape.order == (Order("pages", descending=True),)
    assert books.shape.expand[0].shape.select == ("number",)
    assert parsed.shape.where == Compare("gt", Field("balance"), Param(0, DECIMAL))
    assert parsed.params == [Decimal("1.5"), 3, "a;b)c,'("]


def test_filters_of_an_expand_use_slots_after_those_of_the_filter() -> None:
    parsed = read("$expand=books($filter=pages gt 3)&$filter=balance gt 1")

    assert parsed.shape.expand[0].shape.where == Compare("gt", Field("pages"), Param(1, INT32))
    assert parsed.params == [Decimal(1), 3]


# --------------------------------------------------------------------------- identity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$filter=number eq 'a'&$top=1&$orderby=number", "$filter=number eq 'b'&$top=2&$orderby=number"),
        ("$select=id,number", "$select=number,id&$skip=3"),
        ("$expand=books($filter=pages gt 1;$top=3)", "$expand=books($top=3;$filter=pages gt 2)"),
        ("$filter=number eq 'a'", "x=1&%24filter=number%20eq%20%27c%27"),
    ],
)
def test_equal_shapes_are_one_object(one: str, other: str) -> None:
    assert read(one).shape is read(other).shape


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$filter=number eq 'a'", "$filter=number eq ''"),
        ("$filter=number eq 'a'", "$filter=number ne 'a'"),
        ("$select=id", "$select=number"),
        ("$orderby=number", "$orderby=number desc"),
        ("$expand=books($top=3)", "$expand=books($top=4)"),
        ("$count=true", "$count=false"),
    ],
)
def test_different_shapes_are_different_objects(one: str, other: str) -> None:
    assert read(one).shape is not read(other).shape


def test_the_list_of_params_is_fresh_each_time() -> None:
    query = "$filter=number eq 'fresh'"
    read(query).params.append("more")

    assert read(query).params == ["FRESH"]


def test_shapes_stay_right_when_memories_overflow() -> None:
    for i in range(5000):
        parsed = read(f"$expand=books($top={i})&$filter=number eq '{i}'")

        assert parsed.shape.expand[0].top == i
        assert parsed.params == [str(i)]


def test_another_catalog_is_another_answer() -> None:
    read("$expand=publisher")
    without = {name: of for name, of in TOYS.items() if name != "publishers"}

    with pytest.raises(Refused, match="outside this API"):
        parse_options(TOYS["authors"], "$expand=publisher", without, strict=False)


# --------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("$top=-1", "'-1' of $top is no whole number from 0 to 2147483647"),
        ("$top=2147483648", "of $top is no whole number"),
        ("$top=1.0", "of $top is no whole number"),
        ("$top=", "of $top is no whole number"),
        ("$skip=x", "'x' of $skip is no whole number"),
        ("$count=yes", "'yes' of $count is neither true nor false"),
        ("$top=1&$top=1", "'$top' is given twice"),
        ("$top=1&%24top=1", "'$top' is given twice"),
        ("$Top=1", "'$Top' does not exist"),
        ("$delta=1", "'$delta' does not exist"),
        ("$expand=books($deltatoken=1)", "'$deltatoken' cannot be used"),
        ("$schemaversion=3.0", "$schemaversion '3.0' does not exist"),
        ("$format=xml", "$format 'xml' is not possible"),
        ("$select=x", "Could not find a property named 'x' on type 'Microsoft.NAV.author'."),
        ("$select=books/title", "Could not find a property named 'books/title' on type 'Microsoft.NAV.author'."),
        ("$orderby=x", "Could not find a property named 'x' on type 'Microsoft.NAV.author'."),
        ("$orderby=number up", "'number up' is not possible"),
        ("$orderby=number desc asc", "is not possible"),
        ("$orderby=biography", "'biography' of 'authors' cannot be used in $orderby"),
        ("$filter=x eq 1", "Could not find a property named 'x' on type 'Microsoft.NAV.author'."),
        ("$filter=number eq '%00'", "the character NUL"),
        ("$filter=number eq '%ff'", "is not UTF-8"),
        ("$filter=number eq '\ud800'", "is not Unicode text"),
        ("$expand=x", "Could not find a property named 'x' on type 'Microsoft.NAV.author'."),
        ("$expand=books/author", "Could not find a property named 'books/author'"),
        ("$expand=books($expand=x)", "Could not find a property named 'x' on type 'Microsoft.NAV.book'."),
        ("$expand=awards", "leads to 'awards', outside this API"),
        ("$expand=books,books", "'books' is expanded twice"),
        ("$expand=books(", "lacks a closing parenthesis"),
        ("$expand=books)", "a closing parenthesis too many"),
        ("$expand=books($top=1)x", "'books' lacks its closing parenthesis"),
        ("$expand=books(top=1)", "'top=1' is no option of $expand"),
        ("$expand=books($top)", "'$top' is no option of $expand"),
        ("$expand=books($levels=2)", "'$levels' is not available"),
        ("$expand=books($top=1;$top=2)", "'$top' is given twice"),
        ("$expand=books($skiptoken=1)", "'$skiptoken' cannot be used"),
        ("$expand=books($top=x)", "'x' of $top is no whole number"),
        ("$expand=publisher($top=1)", "'publisher' of 'authors' is one entity"),
        ("$expand=books($filter=title eq 'a)", "lacks a closing parenthesis"),
        ("$expand=" + "books($expand=author($expand=" * 5 + "books" + "))" * 5, "more than 10 levels"),
        ("x=" + "a" * 131072, "has 131074 characters"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused_with_the_reason(query: str, part: str) -> None:
    refused = refusal(query)

    assert refused.code == "BadRequest"
    assert part in refused.message


@pytest.mark.parametrize("option", ["$search=a", "$apply=a", "$compute=a"])
def test_options_of_other_services_are_not_implemented(option: str) -> None:
    assert refusal(option).code == "BadRequest_MethodNotImplemented"


def test_a_set_that_cannot_be_sorted_says_so() -> None:
    assert refusal("$orderby=amount", "authorRoyalties").code == "BadRequest_MethodNotImplemented"


def test_a_property_for_filters_only_is_not_returned() -> None:
    assert "only be used in $filter" in refusal("$select=dateFilter_FilterOnly", "authorRoyalties").message


def test_one_entity_takes_select_and_expand_only() -> None:
    parse_options(TOYS["authors"], "$select=id&$expand=books($top=1)", TOYS, strict=False, allow=ONE)

    with pytest.raises(Refused, match=r"'\$top' cannot be used with this address"):
        parse_options(TOYS["authors"], "$top=1", TOYS, strict=False, allow=ONE)


def test_strict_and_schema_version_reach_the_filters() -> None:
    with pytest.raises(Refused, match=r"needs \$schemaversion=2\.1"):
        read("$filter=number in ('a')", strict=True)
    with pytest.raises(Refused, match=r"needs \$schemaversion=2\.1"):
        read("$expand=books($filter=title in ('a'))", strict=True)
    assert read("$filter=number in ('a')&$schemaversion=2.1", strict=True).params == ["A"]


def test_wide_expansion_is_bounded() -> None:
    ways = tuple(Navigation(f"n{i}", "wide", many=True, on=(("id", "id"),)) for i in range(101))
    wide = EntitySet(name="wide", entity="wide", properties=TOYS["publishers"].properties, navigations=ways)

    with pytest.raises(Refused, match="more than 100 navigations"):
        parse_options(wide, "$expand=" + ",".join(way.name for way in ways), {"wide": wide}, strict=False)


@pytest.mark.parametrize(
    "query",
    [
        "$expand=" + "(" * 100_000,
        "$expand=" + "books($expand=" * 7000,
        "$expand=" + "books($expand=author($expand=" * 4000 + "))" * 4000,
        "$expand=" + "'" * 100_001 + "(",
        "$orderby=" + "number," * 15_000 + "x",
        "$select=" + "x," * 60_000,
        "&" * 131_000 + "$top=x",
        "%24" * 40_000 + "=1",
    ],
)
def test_hostile_queries_are_refused_at_once(query: str) -> None:
    started = time.process_time()
    refusal(query)

    assert time.process_time() - started < 2  # seconds of the processor; quadratic work takes minutes


SCRAPS = """
$select $filter $orderby $expand $top $skip $count = = & & , ; ( ) ' books author publisher number id * %27 %ff +
books($top=1) books($expand=author($select=id;$expand=books)) $filter=number%20eq%20'a' desc true 5 -1 %24 % x
"""


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(st.sampled_from(SCRAPS.split()), max_size=20).map("".join), st.text()))
def test_garbage_is_read_or_refused(query: str) -> None:
    with contextlib.suppress(Refused):
        assert read(query).shape.of is TOYS["authors"]
