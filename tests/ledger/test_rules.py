"""Why a journal is not posted: one row per reason, in order of precedence.

Each row breaks its own rule. `test_the_first_reason_wins` breaks two rules at once and expects the earlier.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from debitor.ledger import refusals
from debitor.ledger.books import Books
from debitor.ledger.post import post_journal
from debitor.ledger.records import (
    Account,
    AccountType,
    CurrencyApplication,
    CustomerBlocked,
    DefaultDimension,
    DocumentType,
    GLAccountType,
    JournalBatch,
    JournalLine,
    JournalTemplate,
    NumberSeries,
    NumberSeriesLine,
    PostingValidation,
    ReceivablesSetup,
)
from debitor.ledger.refusals import Refusal
from debitor.schema import BLANK_DATE, Refused
from ledger.strategies import (
    BANK,
    FEBRUARY,
    GROUP,
    account_line,
    bank,
    books,
    currency,
    customer,
    discounted,
    euro_invoice,
    invoice_entry,
    one_sided,
    payment,
)

LINE = payment(-100, applies_to="INV5")
Change = Callable[[JournalLine], JournalLine]


class Case(NamedTuple):
    """A reason to say no: how the line is changed, and the books it meets."""

    name: str
    line: Change
    parts: dict[str, Any]


def line(**columns: Any) -> Change:
    return lambda it: replace(it, **columns)


def with_customer(**columns: Any) -> dict[str, Any]:
    return {"customers": {"customer-10400": customer(**columns)}}


def with_account(number: str, **columns: Any) -> dict[str, Any]:
    accounts = dict(books().accounts)
    return {"accounts": accounts | {number: Account(id=f"account-{number}", number=number, **columns)}}


def without_account(number: str) -> dict[str, Any]:
    return {"accounts": {n: a for n, a in books().accounts.items() if n != number}}


def with_bank(**columns: Any) -> dict[str, Any]:
    return {"banks": {"bank-B1": bank(**columns)}}


BY_ACCOUNT = line(
    balancing_account_type=AccountType.GL_ACCOUNT,
    balancing_account_id="account-1110",
    balancing_account_number="1110",
)
SERIES = {
    "batch": JournalBatch(id="batch", template_name="CASHRCPT", name="CASH", number_series="PAY"),
    "series": {"PAY": NumberSeries(code="PAY")},
    "series_lines": {"PAY": [NumberSeriesLine(series_code="PAY", starting_number="PAY7")]},
}
OPEN = {"entries": [invoice_entry()]}
EURO = line(currency_code="EUR", currency_factor=Decimal("0.8"), amount_lcy=Decimal(-125))


def rest(amount: str) -> Change:
    """What is to be written off beside the payment."""
    return line(write_off_amount=Decimal(amount), write_off_reason_code="SMALL")


CASES = [
    Case("POSTING_DATE_MISSING", line(posting_date=BLANK_DATE), {}),
    Case("POSTING_DATE_NOT_ALLOWED", line(), {"setup": ReceivablesSetup(allow_posting_from=date(2025, 3, 1))}),
    Case("SALESPERSON_PRIVACY_BLOCKED", line(salesperson_code="EVE"), {"blocked_salespeople": {"EVE"}}),
    Case("DOCUMENT_NUMBER_MISSING", line(document_number=""), {}),
    Case("TWO_PARTNERS", line(balancing_account_type=AccountType.CUSTOMER), {}),
    Case("ACCOUNT_MISSING", lambda it: replace(one_sided(it), account_number="", applies_to_document_number=""), {}),
    Case("AMOUNT_MISSING", line(amount=Decimal(0), amount_lcy=Decimal(0)), {}),
    Case("AMOUNT_SIGN_DIFFERS", line(amount_lcy=Decimal(100)), {}),
    Case("NOTHING_TO_APPLY", line(account_type=AccountType.GL_ACCOUNT, account_id="account-1110"), {}),
    Case("ACCOUNT_TYPE_UNKNOWN", line(balancing_account_type=AccountType.EMPLOYEE), {}),
    Case("CUSTOMER_UNKNOWN", line(account_id="customer-gone"), {}),
    Case("CUSTOMER_PRIVACY_BLOCKED", line(), with_customer(privacy_blocked=True)),
    Case("CUSTOMER_BLOCKED", line(), with_customer(blocked=CustomerBlocked.ALL)),
    Case("AMOUNT_NOT_NEGATIVE", line(amount=Decimal(100), amount_lcy=Decimal(100)), {"strict": True}),
    Case("AMOUNT_NOT_POSITIVE", line(document_type=DocumentType.REFUND), {}),
    Case("APPLIED_TWICE", line(applies_to_id="MARK"), {}),
    Case("WRITE_OFF_NEGATIVE", line(write_off_amount=Decimal(-1)), {}),
    Case("WRITE_OFF_WITHOUT_DOCUMENT", line(write_off_amount=Decimal(1), applies_to_document_number=""), {}),
    Case("WRITE_OFF_WITHOUT_REASON", line(write_off_amount=Decimal(1)), {}),
    Case("SERIES_UNKNOWN", line(), {"batch": SERIES["batch"]}),
    Case("NUMBER_NOT_NEXT", line(), SERIES),
    Case("DOCUMENT_UNBALANCED", one_sided, {}),
    Case("DATE_UNBALANCED", one_sided, {"template": JournalTemplate(name="CASHRCPT", force_document_balance=False)}),
    Case("ACCOUNT_UNKNOWN", BY_ACCOUNT, without_account("1110")),
    Case("ACCOUNT_NOT_POSTING", BY_ACCOUNT, with_account("1110", account_type=GLAccountType.HEADING)),
    Case("ACCOUNT_BLOCKED", BY_ACCOUNT, with_account("1110", blocked=True)),
    Case("ACCOUNT_NOT_DIRECT", BY_ACCOUNT, with_account("1110", direct_posting=False)),
    Case("BANK_UNKNOWN", line(), {"banks": {}}),
    Case("BANK_BLOCKED", line(), with_bank(blocked=True)),
    Case("BANK_CURRENCY_DIFFERS", line(), with_bank(currency_code="EUR")),
    Case("BANK_WITHOUT_ACCOUNT", line(), with_bank(ledger_account="")),
    Case("POSTING_GROUP_MISSING", line(customer_posting_group=""), with_customer() | {"no_group": True}),
    Case("GROUP_ACCOUNT_MISSING", line(), {"posting_groups": {}}),
    Case(
        "CURRENCY_ACCOUNT_MISSING",
        EURO,
        {
            "entries": [euro_invoice()],
            "currencies": {"EUR": replace(currency("EUR"), realized_gains_account="", realized_losses_account="")},
        },
    ),
    Case("CURRENCY_UNKNOWN", EURO, {"currencies": {}}),
    Case("ENTRY_NOT_FOUND", line(applies_to_document_number="INV99"), OPEN),
    Case("ENTRY_SIGN_SAME", line(), {"entries": [invoice_entry(5, -50)]}),
    Case("ENTRY_CURRENCY_UNKNOWN", line(), {"entries": [euro_invoice()], "currencies": {}}),
    Case(
        "CURRENCIES_NOT_APPLIED",
        line(),
        {
            "entries": [euro_invoice()],
            "setup": ReceivablesSetup(application_between_currencies=CurrencyApplication.NONE),
        },
    ),
    Case("WRITE_OFF_EXCEEDS_REST", rest("900.01"), {"setup": ReceivablesSetup(write_off_limit=Decimal(1000))}),
    Case(
        "WRITE_OFF_CURRENCY_DIFFERS",
        rest("1"),
        {
            "entries": [euro_invoice()],
            "setup": ReceivablesSetup(application_between_currencies=CurrencyApplication.ALL),
        },
    ),
    Case("WRITE_OFF_OVER_LIMIT", rest("5.01"), {"setup": ReceivablesSetup(write_off_limit=Decimal(5))}),
]
ONCE = {"NOTHING_TO_POST"}
"""Reasons that need no line; they have tests of their own."""


def books_of(parts: dict[str, Any]) -> Books:
    """Books with the open invoice, and the parts of a case."""
    given = OPEN | parts
    if given.pop("no_group", False):
        given["customers"] = {"customer-10400": replace(customer(), customer_posting_group="")}
    return books(**given)


def refused(lines: list[JournalLine], given: Books) -> Refused:
    with pytest.raises(Refused) as caught:
        post_journal(lines, given)
    return caught.value


def is_of(answer: Refused, refusal: Refusal) -> bool:
    """Whether the answer is this refusal: its code, and its text around the facts."""
    if answer.code != refusal.code:
        return False
    at = 0
    for literal, *_ in string.Formatter().parse(refusal.text):
        at = answer.message.find(literal, at)
        if at < 0:
            return False
    return True


def test_every_refusal_has_a_row_in_order() -> None:
    """A refusal without a row, or a row out of order, fails."""
    assert [case.name for case in CASES] == [name for name in refusals.ALL if name not in ONCE]


def test_the_line_of_the_table_can_be_posted() -> None:
    """Else the rows would prove nothing."""
    assert post_journal([LINE], books_of({})).register_number == 1


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_refusal(case: Case) -> None:
    """Code and text, with all facts filled in; the books stay as they were."""
    given = books_of(case.parts)
    answer = refused([case.line(LINE)], given)

    assert is_of(answer, refusals.ALL[case.name]), answer.message
    assert "{" not in answer.message
    assert given == books_of(case.parts)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("POSTING_DATE_MISSING", "DOCUMENT_NUMBER_MISSING"),
        ("POSTING_DATE_NOT_ALLOWED", "DOCUMENT_NUMBER_MISSING"),
        ("POSTING_DATE_NOT_ALLOWED", "SALESPERSON_PRIVACY_BLOCKED"),
        ("SALESPERSON_PRIVACY_BLOCKED", "DOCUMENT_NUMBER_MISSING"),
        ("DOCUMENT_NUMBER_MISSING", "TWO_PARTNERS"),
        ("TWO_PARTNERS", "AMOUNT_MISSING"),
        ("AMOUNT_MISSING", "CUSTOMER_UNKNOWN"),
        ("AMOUNT_SIGN_DIFFERS", "ACCOUNT_TYPE_UNKNOWN"),
        ("NOTHING_TO_APPLY", "ACCOUNT_TYPE_UNKNOWN"),
        ("ACCOUNT_TYPE_UNKNOWN", "CUSTOMER_UNKNOWN"),
        ("CUSTOMER_UNKNOWN", "AMOUNT_NOT_NEGATIVE"),
        ("CUSTOMER_PRIVACY_BLOCKED", "AMOUNT_NOT_NEGATIVE"),
        ("CUSTOMER_BLOCKED", "AMOUNT_NOT_NEGATIVE"),
        ("AMOUNT_NOT_NEGATIVE", "APPLIED_TWICE"),
        ("APPLIED_TWICE", "NUMBER_NOT_NEXT"),
        ("AMOUNT_NOT_NEGATIVE", "WRITE_OFF_WITHOUT_REASON"),
        ("WRITE_OFF_WITHOUT_REASON", "NUMBER_NOT_NEXT"),
        ("ENTRY_SIGN_SAME", "WRITE_OFF_OVER_LIMIT"),
        ("WRITE_OFF_EXCEEDS_REST", "WRITE_OFF_OVER_LIMIT"),
        ("NUMBER_NOT_NEXT", "DOCUMENT_UNBALANCED"),
        ("DOCUMENT_UNBALANCED", "POSTING_GROUP_MISSING"),
        ("BANK_BLOCKED", "POSTING_GROUP_MISSING"),
        ("BANK_UNKNOWN", "ENTRY_NOT_FOUND"),
        ("POSTING_GROUP_MISSING", "ENTRY_NOT_FOUND"),
        ("GROUP_ACCOUNT_MISSING", "ENTRY_NOT_FOUND"),
        ("ENTRY_SIGN_SAME", "CURRENCY_ACCOUNT_MISSING"),
    ],
)
def test_the_first_reason_wins(first: str, second: str) -> None:
    """With two reasons at once the earlier of the table is the answer."""
    by_name = {case.name: case for case in CASES}
    one, two = by_name[first], by_name[second]
    answer = refused([one.line(two.line(LINE))], books_of({**two.parts, **one.parts}))

    assert is_of(answer, refusals.ALL[first]), answer.message


def test_nothing_to_post() -> None:
    """A journal without lines."""
    assert is_of(refused([], books()), refusals.NOTHING_TO_POST)


def test_the_first_line_wins() -> None:
    """Lines are checked in their order, before documents are balanced."""
    wrong = [
        replace(LINE, amount=Decimal(0), line_number=20000),
        replace(LINE, document_number="", line_number=30000),
    ]
    answer = refused([one_sided(LINE), *wrong], books_of({}))

    assert is_of(answer, refusals.AMOUNT_MISSING)
    assert "20000" in answer.message


@pytest.mark.parametrize("kind", [CustomerBlocked.SHIP, CustomerBlocked.INVOICE])
def test_a_customer_blocked_for_sales_may_pay(kind: CustomerBlocked) -> None:
    """Only `All` stops payments."""
    assert post_journal([LINE], books_of(with_customer(blocked=kind))).register_number == 1


def test_a_customer_blocked_for_invoices_is_blocked_for_lines_without_type() -> None:
    """Such a line may be anything."""
    blocked = books_of(with_customer(blocked=CustomerBlocked.INVOICE))
    answer = refused([replace(LINE, document_type=DocumentType.BLANK)], blocked)

    assert is_of(answer, refusals.CUSTOMER_BLOCKED)


def test_the_sign_is_mirrored_when_the_customer_balances() -> None:
    """A payment of 100 into a G/L account, balanced by the customer, is a credit of the customer."""
    swapped = replace(
        account_line(100, line=10000),
        document_type=DocumentType.PAYMENT,
        balancing_account_type=AccountType.CUSTOMER,
        balancing_account_id="customer-10400",
        balancing_account_number="10400",
    )
    posting = post_journal([swapped], books())

    assert posting.entries[0].original_amount == -100
    answer = refused([replace(swapped, amount=Decimal(-100), amount_lcy=Decimal(-100))], books())
    assert is_of(answer, refusals.AMOUNT_NOT_POSITIVE)


def test_dates_out_of_range_are_open_ended() -> None:
    """A blank end has no limit; both ends are allowed days."""
    for first, last in ((BLANK_DATE, FEBRUARY), (FEBRUARY, BLANK_DATE), (FEBRUARY, FEBRUARY)):
        setup = ReceivablesSetup(allow_posting_from=first, allow_posting_to=last)
        assert post_journal([LINE], books_of({"setup": setup})).register_number == 1
    late = ReceivablesSetup(allow_posting_to=date(2025, 2, 4))
    assert is_of(refused([LINE], books_of({"setup": late})), refusals.POSTING_DATE_NOT_ALLOWED)


@pytest.mark.parametrize(
    "owner", ["customer-10400", "bank-B1", f"account-{BANK}", f"account-{GROUP.receivables_account}"]
)
def test_a_mandatory_dimension(owner: str) -> None:
    """Of the customer, the bank account, and of G/L accounts that only posting groups name."""
    rule = DefaultDimension(
        parent_type="Customer",
        dimension_code="AREA",
        posting_validation=PostingValidation.CODE_MANDATORY,
    )
    answer = refused([LINE], books_of({"rules": {owner: [rule]}}))

    assert answer.code == refusals.DIALOG
    assert "AREA" in answer.message


def test_a_missing_discount_account_names_group_and_kind() -> None:
    """So that the set-up can be completed."""
    group = replace(GROUP, payment_discount_debit_account="")
    given = books(entries=[discounted()], posting_groups={"DOMESTIC": group})
    answer = refused([payment(-980, date(2025, 1, 18), applies_to="INV5")], given)

    assert is_of(answer, refusals.GROUP_ACCOUNT_MISSING)
    assert "payment discount debit account" in answer.message


def test_a_series_with_manual_numbers_takes_any_number() -> None:
    """The number that is next is consumed, another one is not."""
    manual = SERIES | {"series": {"PAY": NumberSeries(code="PAY", manual_numbers=True)}}
    other, following = LINE, replace(LINE, document_number="PAY7")

    assert consumed(other, manual) == []
    assert consumed(following, manual) == ["PAY7"]


def consumed(it: JournalLine, parts: dict[str, Any]) -> list[str]:
    """The numbers that posting a line takes from the series."""
    changes = post_journal([it], books_of(parts)).changes
    return [new.last_number_used for _, new in changes.update if isinstance(new, NumberSeriesLine)]
