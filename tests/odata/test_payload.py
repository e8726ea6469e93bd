"""Bodies into typed values, rows into JSON."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debitor.odata.payload import (
    UNSET,
    BodyReader,
    decode_object,
    encode,
    etag_of,
    renderer_of,
    tags_of,
    utc_text,
    wire_datetime,
    wire_value,
)
from debitor.schema import Refused
from odata.toys import AUTHORS, BOOKS, TOYS

READER = BodyReader(BOOKS, TOYS, strict=False)
STRICT = BodyReader(BOOKS, TOYS, strict=True)
ID = "17CCE948-c6a5-4861-8ff5-30428ed83207"


def read(body: str) -> dict[str, Any]:
    return READER.read(body.encode()).draft


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("authorId", f'"{ID}"', ID.lower()),
        ("authorId", "null", "00000000-0000-0000-0000-000000000000"),
        ("isbn", '" ab-1 "', "AB-1"),
        ("title", '" ab-1 "', " ab-1 "),
        ("title", "null", ""),
        ("title", '"' + "x" * 250 + '"', "x" * 250),
        ("price", "12", Decimal(12)),
        ("price", "-0.00001", Decimal("-0.00001")),
        ("price", "1.50000000", Decimal("1.5")),
        ("price", "-0.0", Decimal(0)),
        ("price", "1e3", Decimal(1000)),
        ("price", "0e999999999", Decimal(0)),
        ("price", "9999999999999.99999", Decimal("9999999999999.99999")),
        ("price", "null", Decimal(0)),
        ("exchangeRate", "1.2345678901234567890123", Decimal("1.2345678901234567890123")),
        ("published", '"2024-02-29"', date(2024, 2, 29)),
        ("published", '"0001-01-01"', date.min),
        ("published", "null", date.min),
        ("genre", '"Crime_x002F_Thriller"', "Crime_x002F_Thriller"),
        ("genre", '"Crime/Thriller"', "Crime_x002F_Thriller"),
        ("genre", '"science fiction"', "Science_x0020_Fiction"),
        ("genre", '""', "_x0020_"),
        ("genre", '" "', "_x0020_"),
        ("genre", "null", "_x0020_"),
        ("inPrint", "true", True),
        ("pages", "-2147483648", -2147483648),
        ("copiesSold", "9223372036854775807", 9223372036854775807),
        ("reprintEvery", '"1M+CM"', "1M+CM"),
        ("firstSeen", '"2026-01-31T10:30:00.5+01:00"', "2026-01-31T09:30:00.500Z"),
        ("firstSeen", '"0900-01-31T10:30:00Z"', "0900-01-31T10:30:00.000Z"),
        ("firstSeen", "null", "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_value_is_read_as_its_type(name: str, written: str, value: Any) -> None:
    draft = read(f'{{"{name}": {written}}}')

    assert draft == {name: value}
    assert type(draft[name]) is type(value)


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        ("", "BadRequest", "empty"),
        ("{", "BadRequest", "not valid JSON"),
        ("[]", "BadRequest", "object"),
        ("null", "BadRequest", "object"),
        ('"x"', "BadRequest", "object"),
        ('{"title":"a",}', "BadRequest", "not valid JSON"),
        ('{"title":"a"} {}', "BadRequest", "not valid JSON"),
        ('{"title":"\x01"}', "BadRequest", "not valid JSON"),
        ('{"title":"\\u0000"}', "BadRequest", "NUL"),
        ('{"title":"\\ud800"}', "BadRequest", "not valid JSON"),
        ('{"price":NaN}', "BadRequest", "not valid JSON"),
        ('{"price":Infinity}', "BadRequest", "not valid JSON"),
        ('{"title":"a","title":"b"}', "BadRequest", "'title' occurs more than once"),
        ('{"title":"a:b","title":"c"}', "BadRequest", "'title' occurs more than once"),
        ('{"title":"a","\\u0074itle":"c"}', "BadRequest", "'title' occurs more than once"),
        ('{"title" :"a","title":"c:"}', "BadRequest", "'title' occurs more than once"),
        ('{"title":' + "[" * 100_000, "BadRequest", "nests too deeply"),
        ('{"title":' + '{"a":' * 100_000, "BadRequest", "nests too deeply"),
        ('{"pages":' + "1" * 5000 + "}", "BadRequest", "too long"),
        ('{"nothing":1}', "BadRequest", "The property 'nothing' does not exist on type 'Microsoft.NAV.book'."),
        ('{"Title":"x"}', "BadRequest", "'Title'"),
        ('{"lines":[]}', "BadRequest", "Could not find a property named 'lines' on type 'Microsoft.NAV.book'."),
        ('{"authorNumber":"x"}', "BadRequest_InvalidOperation", "Control 'authorNumber' is read-only"),
        ('{"reviews@odata.bind":["x"]}', "BadRequest", "odata.bind"),
        ('{"cover":"x"}', "BadRequest", "cover"),
        ('{"authorId":"x"}', "BadRequest", "'x'"),
        ('{"authorId":""}', "BadRequest", "Edm.Guid"),
        ('{"authorId":1}', "BadRequest", "Edm.Guid"),
        ('{"id":"x"}', "BadRequest", "Edm.Guid"),
        ('{"title":1}', "BadRequest", "Edm.String"),
        ('{"title":["x"]}', "BadRequest", "Edm.String"),
        ('{"title":"' + "x" * 251 + '"}', "Application_StringExceededLength", "is 251, but"),
        ('{"isbn":"' + "x" * 21 + '"}', "Application_StringExceededLength", "equal to 20 char"),
        ('{"price":"1"}', "BadRequest", "Edm.Decimal"),
        ('{"price":true}', "BadRequest", "Cannot convert the literal 'true' to the expected type 'Edm.Decimal'"),
        ('{"price":1e13}', "BadRequest", "smaller than"),
        ('{"price":1e999999}', "BadRequest", "smaller than"),
        ('{"price":1e99999999999999999999}', "BadRequest", "too large"),
        ('{"price":1e-999999}', "BadRequest", "5 decimals"),
        ('{"price":0.000001}', "BadRequest", "5 decimals"),
        ('{"exchangeRate":1e99}', "BadRequest", "too large"),
        ('{"exchangeRate":1.00000000000000000000000000001}', "BadRequest", "28 digits"),
        ('{"pages":2147483648}', "BadRequest", "Edm.Int32"),
        ('{"pages":1.0}', "BadRequest", "Edm.Int32"),
        ('{"pages":true}', "BadRequest", "Edm.Int32"),
        ('{"copiesSold":9223372036854775808}', "BadRequest", "Edm.Int64"),
        ('{"published":"2026-02-30"}', "BadRequest", "Edm.Date"),
        ('{"published":"0000-01-01"}', "BadRequest", "Edm.Date"),
        ('{"published":"20260101"}', "BadRequest", "Edm.Date"),
        ('{"published":"2026-W05-1"}', "BadRequest", "Edm.Date"),
        ('{"published":"2026-01-01T00:00:00Z"}', "BadRequest", "Edm.Date"),
        ('{"published":""}', "BadRequest", "Edm.Date"),
        ('{"firstSeen":"2026-01-31T10:30:00"}', "BadRequest", "Edm.DateTimeOffset"),
        ('{"firstSeen":"0001-01-01T00:00:00+14:00"}', "BadRequest", "Edm.DateTimeOffset"),
        ('{"firstSeen":"2026-01-31T25:00:00Z"}', "BadRequest", "Edm.DateTimeOffset"),
        ('{"inPrint":1}', "BadRequest", "true or false"),
        ('{"inPrint":"true"}', "BadRequest", "true or false"),
        ('{"genre":"Poetry"}', "BadRequest", "Non_x002D_Fiction"),
        ('{"genre":1}', "BadRequest", "Microsoft.NAV.genre"),
    ],
)
def test_what_a_property_cannot_hold_is_refused(body: str, code: str, told: str) -> None:
    with pytest.raises(Refused) as no:
        READER.read(body.encode())

    assert no.value.code == code
    assert told in no.value.message
    assert len(no.value.message) < 1000


def test_bytes_that_are_no_utf8_are_refused() -> None:
    with pytest.raises(Refused, match="UTF-8"):
        READER.read(b'{"title":"\xff"}')


def test_annotations_and_a_byte_order_mark_are_ignored() -> None:
    made = READER.read(b'\xef\xbb\xbf{"@odata.etag":"x","title@odata.type":"#String","title":"a"}')

    assert made.draft == {"title": "a"}


def test_the_own_id_is_kept_apart_and_the_time_stamp_ignored_in_documented_mode_only() -> None:
    made = READER.read(f'{{"id":"{ID}","lastModifiedDateTime":"2017-03-17T19:02:22.043Z"}}'.encode())

    assert (made.id, made.draft) == (ID.lower(), {})
    with pytest.raises(Refused, match="lastModifiedDateTime"):
        STRICT.read(b'{"lastModifiedDateTime":"2017-03-17T19:02:22.043Z"}')


def test_properties_keep_the_order_of_the_body() -> None:
    assert list(read('{"title":"a","authorId":null,"isbn":"x"}')) == ["title", "authorId", "isbn"]


def test_nested_parts_are_read_with_the_rules_of_their_own_set() -> None:
    reader = BodyReader(AUTHORS, TOYS, strict=False)

    made = reader.read(b'{"displayName":"A","books":[{"title":"x","price":1},{}]}')

    assert made.draft == {"displayName": "A"}
    [(navigation, items)] = made.parts
    assert navigation.name == "books"
    assert [item.draft for item in items] == [{"title": "x", "price": Decimal(1)}, {}]
    for wrong in (b'{"books":{}}', b'{"books":[1]}', b'{"books":null}', b'{"books":[{"price":"x"}]}'):
        with pytest.raises(Refused):
            reader.read(wrong)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=6), json_values, max_size=5), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_object_is_decoded_as_the_standard_library_does(made: dict[str, Any], ascii_only: bool) -> None:
    body = json.dumps(made, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    assert decode_object(body) == made


@given(
    st.lists(st.sampled_from(["a", "b", "a:", "c"]), min_size=1, max_size=5),
    st.sampled_from(["1", '":"', '"\\u003a"']),
)
@settings(max_examples=200, deadline=None)
def test_a_member_that_occurs_twice_is_always_found(names: list[str], value: str) -> None:
    body = "{" + ",".join(f'"{name}" : {value}' for name in names) + "}"

    if len(set(names)) == len(names):
        assert set(decode_object(body.encode())) == set(names)
    else:
        with pytest.raises(Refused, match="more than once"):
            decode_object(body.encode())


@given(st.decimals(min_value=-(10**13) + 1, max_value=10**13 - 1, places=5))
@settings(max_examples=200, deadline=None)
def test_amounts_go_in_and_out_unchanged(amount: Decimal) -> None:
    draft = read(f'{{"price": {amount:f}}}')

    assert draft["price"] == amount
    assert json.loads(encode(wire_value(draft["price"])), parse_float=Decimal) == amount


# --------------------------------------------------------------------------- answers

ROW = (
    7,
    "a" * 8,
    "A1",
    "Ann",
    "",
    "0001-01-01",
    True,
    Decimal("12.5"),
    "p",
    "X",
    0,
    "DE",
    "",
    "2026-01-31T09:30:00.120Z",
)


def test_a_row_becomes_json_in_page_order() -> None:
    render = renderer_of(AUTHORS, None, "minimal", (), version=True).one

    body = encode(render(ROW, "", "http://x/$metadata#y", ()))

    assert body.startswith(b'{"@odata.context":"http://x/$metadata#y","@odata.etag":"W/\\"')
    made = json.loads(body)
    assert list(made)[2:] == [p.name for p in AUTHORS.properties if not p.hidden]
    assert made["balance"] == 12.5
    assert made["lastModifiedDateTime"] == "2026-01-31T09:30:00.12Z"


def test_a_hidden_property_shows_when_it_is_not_blank() -> None:
    render = renderer_of(AUTHORS, ["remark"], "minimal", (), version=True).one

    assert "remark" not in json.loads(encode(render((7, ""), "", UNSET, ())))
    assert json.loads(encode(render((7, "x"), "", UNSET, ())))["remark"] == "x"


def test_media_are_links() -> None:
    render = renderer_of(BOOKS, ["cover"], "minimal", (), version=True).one

    made = json.loads(encode(render((7,), "http://x/books(1)", UNSET, ())))

    assert made["cover@odata.mediaReadLink"] == "http://x/books(1)/cover"
    assert made["cover@odata.mediaEditLink"] == "http://x/books(1)/cover"


def test_metadata_levels() -> None:
    none = renderer_of(BOOKS, ["title", "cover"], "none", (), version=True).one
    full = renderer_of(AUTHORS, ["id", "number"], "full", (), version=True).one

    assert json.loads(encode(none((7, "x"), "", UNSET, ()))) == {"title": "x"}
    made = json.loads(encode(full((7, "i", "n"), "http://x/authors(i)", UNSET, ())))
    assert made["@odata.type"] == "#Microsoft.NAV.author"
    assert made["@odata.editLink"] == "http://x/authors(i)"
    assert made["id@odata.type"] == "#Guid"
    assert made["books@odata.navigationLink"] == "http://x/authors(i)/books"


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ("2026-01-31T09:30:00.000Z", "2026-01-31T09:30:00Z"),
        ("2026-01-31T09:30:00.100Z", "2026-01-31T09:30:00.1Z"),
        ("2026-01-31T09:30:00.120Z", "2026-01-31T09:30:00.12Z"),
        ("2026-01-31T09:30:00.123Z", "2026-01-31T09:30:00.123Z"),
        ("2026-01-31T09:30:10Z", "2026-01-31T09:30:10Z"),
    ],
)
def test_time_stamps_lose_the_zeros_of_their_fraction(stored: str, sent: str) -> None:
    assert wire_datetime(stored) == sent


def test_a_time_stamp_of_the_wire_is_the_stored_one_again() -> None:
    assert utc_text(wire_datetime("2026-01-31T09:30:00.120Z")) == "2026-01-31T09:30:00.120Z"


@given(st.integers(0, 10**15), st.integers(0, 10**15))
@settings(max_examples=100, deadline=None)
def test_tags_differ_exactly_when_versions_do(one: int, other: int) -> None:
    assert (etag_of(one) == etag_of(other)) == (one == other)
    assert tags_of(etag_of(one)) == (etag_of(one),)


@pytest.mark.parametrize("header", ["", "x", 'W/""', "W/JzE5", '"', "*, *x", 'W/"abcd" "x"'])
def test_a_tag_of_another_form_is_none(header: str) -> None:
    assert tags_of(header) is None


def test_a_header_may_list_tags() -> None:
    assert tags_of(f"{etag_of(1)} , {etag_of(2).removeprefix('W/')}") == (etag_of(1), etag_of(2))
    assert tags_of(" * ") == ("*",)
