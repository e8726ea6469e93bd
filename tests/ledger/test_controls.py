"""What controls posting: dates per user, dimensions that do not go together, minor units of currencies."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from debitor.ledger.dimensions import check_usable, combinations_of
from debitor.ledger.invariants import ControlAccounts
from debitor.ledger.minor_units import decimal_places, minor_unit
from debitor.ledger.posting_dates import setup_for
from debitor.ledger.records import (
    AccountType,
    CombinationRestriction,
    CustomerLedgerEntry,
    Dimension,
    DimensionCombination,
    DimensionValue,
    DimensionValueCombination,
    GeneralLedgerEntry,
    ReceivablesSetup,
    UserSetup,
)
from debitor.schema import BLANK_DATE, Refused

MARCH, APRIL = date(2025, 3, 1), date(2025, 4, 30)
COMPANY = ReceivablesSetup(allow_posting_from=date(2025, 2, 1), allow_posting_to=date(2025, 2, 28))


@pytest.mark.parametrize(
    ("user", "first", "last"),
    [
        (None, date(2025, 2, 1), date(2025, 2, 28)),
        (UserSetup(user_id="EVE"), date(2025, 2, 1), date(2025, 2, 28)),
        (UserSetup(user_id="EVE", allow_posting_from=MARCH), MARCH, BLANK_DATE),
        (UserSetup(user_id="EVE", allow_posting_to=APRIL), BLANK_DATE, APRIL),
        (UserSetup(user_id="EVE", allow_posting_from=MARCH, allow_posting_to=APRIL), MARCH, APRIL),
    ],
)
def test_a_user_with_any_date_is_bound_by_both_of_theirs(user: UserSetup | None, first: date, last: date) -> None:
    setup = setup_for(COMPANY, user)

    assert (setup.allow_posting_from, setup.allow_posting_to) == (first, last)


DIMENSIONS = {code: Dimension(code=code) for code in ("AREA", "DEPARTMENT")}
VALUES = {
    (dimension, code): DimensionValue(dimension_code=dimension, code=code)
    for dimension, codes in (("AREA", ("NORTH", "SOUTH")), ("DEPARTMENT", ("SALES", "ADMIN")))
    for code in codes
}
LIMITED = CombinationRestriction.LIMITED


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("restriction", "area", "says"),
    [
        (CombinationRestriction.BLOCKED, "SOUTH", "Dimensions"),
        (LIMITED, "NORTH", "Dimension values"),
        (LIMITED, "SOUTH", ""),
    ],
)
def test_dimensions_that_do_not_go_together(
    restriction: CombinationRestriction, area: str, says: str, turned: bool
) -> None:
    """NORTH does not go with SALES; the order in which the two are named does not count."""
    codes = ("DEPARTMENT", "AREA") if turned else ("AREA", "DEPARTMENT")
    combination = DimensionCombination(dimension_1_code=codes[0], dimension_2_code=codes[1], restriction=restriction)
    of_values = DimensionValueCombination(
        dimension_1_code="AREA", dimension_1_value_code="NORTH",
        dimension_2_code="DEPARTMENT", dimension_2_value_code="SALES",
    )  # fmt: skip
    together = combinations_of([combination], [of_values])
    pairs = {"AREA": area, "DEPARTMENT": "SALES"}
    if not says:
        check_usable(pairs, DIMENSIONS, VALUES, where="line 10000", combinations=together)
        return
    with pytest.raises(Refused, match=says) as no:
        check_usable(pairs, DIMENSIONS, VALUES, where="line 10000", combinations=together)

    assert no.value.code == "Application_DialogException"
    check_usable({"AREA": area}, DIMENSIONS, VALUES, where="line 10000", combinations=together)


@pytest.mark.parametrize(
    ("code", "places", "smallest"),
    [("EUR", 2, "0.01"), ("JPY", 0, "1"), ("KWD", 3, "0.001"), ("CLF", 4, "0.0001"), ("XYZ", 2, "0.01")],
)
def test_minor_units(code: str, places: int, smallest: str) -> None:
    assert (decimal_places(code), minor_unit(code)) == (places, Decimal(smallest))


def test_what_customers_owe_is_the_balance_of_their_account() -> None:
    """By receivables account; what a journal posts to it without a customer is no receivable."""
    control = ControlAccounts()
    entry = CustomerLedgerEntry(
        entry_number=1, customer_posting_group="DOMESTIC", remaining_amount_lcy=Decimal(60), open=True
    )
    rows = [
        GeneralLedgerEntry(
            entry_number=number, account_number="1310", amount=Decimal(amount), source_type=source, register_number=1
        )
        for number, amount, source in (
            (1, 100, AccountType.CUSTOMER),
            (2, -40, AccountType.CUSTOMER),
            (3, 7, AccountType.GL_ACCOUNT),
        )
    ]
    control.add(rows[0], entry)
    (early,) = control.findings()
    control.add(rows[1], None)
    control.add(rows[2], None)

    assert "1310 has a balance of 100 from customers" in early
    assert "60 (60 of group DOMESTIC in local currency)" in early
    assert list(control.findings()) == []
