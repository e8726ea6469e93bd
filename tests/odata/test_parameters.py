"""What actions take and give."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest

from debitor.odata.metadata import metadata_of
from debitor.odata.openapi_schemas import schemas_of
from debitor.odata.parameters import ParameterReader, structures_of, told_of
from debitor.schema import DATE, DECIMAL, INT32, Action, Items, Property, Refused, Structure, code
from odata import host, toys

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
ROYALTY = Structure("feeToPay", (Property("number", INT32, nullable=False), Property("amount", DECIMAL)))
FEE = Structure("feePaid", ROYALTY.members)
PAID = Structure("paidRoyalties", (Property("on", DATE), Items("royalties", FEE)))
TAKES = (Items("royalties", ROYALTY, nullable=False), Property("on", DATE), Property("reason", code(5)))
READER = ParameterReader("pay", TAKES)


def test_parameters_are_read_with_their_types() -> None:
    found = READER.read(
        {"royalties": [{"number": 7, "amount": Decimal("5.5")}], "on": "2026-01-31", "reason": " ab "}
    )

    assert found == {
        "royalties": [{"number": 7, "amount": Decimal("5.5")}],
        "on": date(2026, 1, 31),
        "reason": "AB",
    }
    assert READER.read({"royalties": None, "on": None, "x@odata.type": "#Edm.Int32"}) == {
        "royalties": [],
        "on": date.min,
    }


@pytest.mark.parametrize(
    ("sent", "code", "told"),
    [
        ({}, "BadRequest_RequiredParamNotProvided", "pay needs the parameter 'royalties'"),
        ({"royalties": [{}]}, "BadRequest_RequiredParamNotProvided", "royalties needs the parameter 'number'"),
        ({"royalties": {}}, "BadRequest", "'royalties' must be a JSON array of objects"),
        ({"royalties": [1]}, "BadRequest", "'royalties' must be a JSON array of objects"),
        ({"royalties": [], "when": 1}, "BadRequest", "pay takes no 'when'. It takes: on, reason, royalties."),
        ({"royalties": [], "on": "soon"}, "BadRequest", "'on'"),
        ({"royalties": [], "reason": "LONGER"}, "Application_StringExceededLength", "'reason'"),
    ],
)
def test_what_cannot_be_read_is_refused(sent: dict[str, Any], code: str, told: str) -> None:
    with pytest.raises(Refused) as no:
        READER.read(sent)

    assert no.value.code == code
    assert told in no.value.message


def test_answers_have_the_order_and_form_of_the_wire() -> None:
    values = {"royalties": [{"amount": Decimal("5.50"), "number": 7}], "on": date(2026, 1, 31), "more": 1}

    assert list(told_of(PAID, values)) == ["on", "royalties"]
    assert told_of(PAID, values) == {"on": "2026-01-31", "royalties": [{"number": 7, "amount": Decimal("5.5")}]}
    assert list(structures_of(PAID.members)) == [FEE]


def test_metadata_and_schemas_have_the_types() -> None:
    pay = Action("pay", lambda act, id, body: {}, takes=TAKES, gives=PAID)
    catalog = {**host.CATALOG, "authors": replace(toys.AUTHORS, actions=(pay,), by_name={})}
    found = ElementTree.fromstring(metadata_of(catalog, strict=False))

    types = {t.get("Name"): [(p.get("Name"), p.get("Type")) for p in t] for t in found.iter(f"{EDM}ComplexType")}
    assert types["feeToPay"] == [("number", "Edm.Int32"), ("amount", "Edm.Decimal")]
    assert types["paidRoyalties"] == [("on", "Edm.Date"), ("royalties", "Collection(Microsoft.NAV.feePaid)")]
    action = next(a for a in found.iter(f"{EDM}Action") if a.get("Name") == "pay")
    assert [(p.get("Name"), p.get("Type")) for p in action] == [
        ("bindingParameter", "Microsoft.NAV.author"),
        ("royalties", "Collection(Microsoft.NAV.feeToPay)"),
        ("on", "Edm.Date"),
        ("reason", "Edm.String"),
        (None, "Microsoft.NAV.paidRoyalties"),
    ]
    schemas = schemas_of(catalog, strict=False)
    assert schemas["payAuthor"]["required"] == ["royalties"]
    assert schemas["feeToPay"]["properties"]["number"]["type"] == ["integer", "null"]
    assert schemas["paidRoyalties"]["properties"]["royalties"]["items"] == {"$ref": "#/components/schemas/feePaid"}
