"""What an address names."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debitor.odata.urls import Addresses, Target
from debitor.schema import Refused
from odata.host import CATALOG

C = "9EE48135-93E1-EF11-9344-6045BDE9CA09"
A = "37fe3458-93e1-ef11-9344-6045bde9ca09"
ADDRESSES = Addresses(CATALOG, strict=False)
STRICT = Addresses(CATALOG, strict=True)


def parse(path: str) -> Target:
    return ADDRESSES.parse(path)


@pytest.mark.parametrize(
    ("path", "what", "company"),
    [
        ("", "service", None),
        ("/", "service", None),
        ("$metadata", "metadata", None),
        ("$batch", "batch", None),
        (f"companies({C})/$metadata", "metadata", C.lower()),
        (f"companies({C})/$batch", "batch", C.lower()),
    ],
)
def test_addresses_that_are_no_entities(path: str, what: str, company: str | None) -> None:
    target = parse(path)

    assert (target.what, target.company) == (what, company)


@pytest.mark.parametrize(
    ("path", "company", "steps", "tail"),
    [
        (f"companies({C})/authors", C.lower(), [("authors", None)], ""),
        (f"companies({C})/authors/", C.lower(), [("authors", None)], ""),
        ("authors", None, [("authors", None)], ""),
        (f"companies({C})/authors({A})", C.lower(), [("authors", (A,))], ""),
        (f"companies({C})/authors({A.upper()})", C.lower(), [("authors", (A,))], ""),
        (f"companies({C})/authors('{A}')", C.lower(), [("authors", (A,))], ""),
        (f"companies({C})/authors(id={A})", C.lower(), [("authors", (A,))], ""),
        (f"companies(id={C})/authors", C.lower(), [("authors", None)], ""),
        ("companies('Second & Sons')/authors", "Second & Sons", [("authors", None)], ""),
        ("companies(name='A/B')/authors", "A/B", [("authors", None)], ""),
        ("companies", None, [("companies", None)], ""),
        (f"companies({C})", None, [("companies", (C.lower(),))], ""),
        (f"companies({C})/name", None, [("companies", (C.lower(),))], "property"),
        (f"authors({A})/books", None, [("authors", (A,)), ("books", None)], ""),
        (f"authors({A})/books({C})/author", None, [("authors", (A,)), ("books", (C.lower(),)), ("author", None)], ""),
        (
            f"authors({A})/publisher/code/$value",
            None,
            [("authors", (A,)), ("publisher", None)],
            "value",
        ),
        (f"authors({A})/books/$count", None, [("authors", (A,)), ("books", None)], "count"),
        (f"authors({A})/displayName", None, [("authors", (A,))], "property"),
        (f"authors({A})/Microsoft.NAV.retire", None, [("authors", (A,))], "action"),
        (f"authors({A})/microsoft.nav.RETIRE", None, [("authors", (A,))], "action"),
        (f"writers({A})", None, [("authors", (A,))], ""),
        (f"books({C})/author/books", None, [("books", (C.lower(),)), ("author", None), ("books", None)], ""),
    ],
)
def test_an_address_names_entities(
    path: str, company: str | None, steps: list[tuple[str, tuple[str, ...] | None]], tail: str
) -> None:
    target = parse(path)

    assert target.what == "entities"
    assert target.company == company
    assert [(step.name, step.keys) for step in target.steps] == steps
    assert target.tail == tail


@pytest.mark.parametrize(
    ("path", "code", "segment"),
    [
        ("payrollAdvance", "BadRequest_ResourceNotFound", "payrollAdvance"),
        (f"companies({C})/nothing", "BadRequest_ResourceNotFound", "nothing"),
        (f"authors({A})/nothing", "BadRequest_ResourceNotFound", "nothing"),
        (f"authors({A})/awards", "BadRequest_ResourceNotFound", "awards"),
        ("authors/books", "BadRequest_ResourceNotFound", "books"),
        ("authors/displayName", "BadRequest_ResourceNotFound", "displayName"),
        (f"authors({A})/displayName/code", "BadRequest_ResourceNotFound", "code"),
        (f"authors({A})/$count", "BadRequest_ResourceNotFound", "$count"),
        (f"authors({A})/Microsoft.NAV.fly", "BadRequest_ResourceNotFound", "Microsoft.NAV.fly"),
        (f"authors({A})/retire", "BadRequest_ResourceNotFound", "retire"),
        ("authorRoyalties/dateFilter_FilterOnly", "BadRequest_ResourceNotFound", "dateFilter_FilterOnly"),
        (f"authors({A})//books", "BadRequest_ResourceNotFound", ""),
        ("x" * 5000, "BadRequest_ResourceNotFound", "x"),
        ("authors(None)", "BadRequest_NotFound", ""),
        ("authors()", "BadRequest_NotFound", ""),
        (f"authors({A}", "BadRequest_NotFound", ""),
        (f"authors({A})x", "BadRequest_NotFound", ""),
        (f"authors(number={A})", "BadRequest_NotFound", ""),
        (f"authors(id={A},id={A})", "BadRequest_NotFound", ""),
        (f"authors({A})/publisher({A})", "BadRequest_NotFound", ""),
        ("companies(x)/authors", "BadRequest_NotFound", ""),
        ("companies(id=x)/authors", "BadRequest_NotFound", ""),
        (f"companies({C}/authors", "BadRequest_NotFound", ""),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(path: str, code: str, segment: str) -> None:
    with pytest.raises(Refused) as no:
        parse(path)

    assert no.value.code == code
    assert segment in no.value.message


@pytest.mark.parametrize("path", [f"writers({A})", f"authors({A})/Microsoft.NAV.countBooks"])
def test_strict_mode_knows_only_what_business_central_has(path: str) -> None:
    assert parse(path)
    with pytest.raises(Refused, match="Resource not found"):
        STRICT.parse(path)


@given(st.text(alphabet="/()$',=authorsbk Microsoft.NAV.idé\0-0123456789", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_an_address_or_refused(path: str) -> None:
    try:
        target = parse(path)
    except Refused as no:
        code = no.code
    else:
        code = "" if target.what != "entities" or target.steps else "no steps"

    assert code in ("", "BadRequest_ResourceNotFound", "BadRequest_NotFound", "BadRequest_MethodNotAllowed")
