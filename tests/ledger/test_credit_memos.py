"""Credit memos: the entries that posting makes, what they are applied to, and taking an application back."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from debitor.ledger.apply import Terms
from debitor.ledger.numbering import NextNumbers
from debitor.ledger.records import (
    Account,
    AccountType,
    Currency,
    CurrencyApplication,
    Customer,
    CustomerBlocked,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DetailedEntry,
    DocumentType,
    ExchangeRate,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    GeneralProductPostingGroup,
    InvoiceStatus,
    Item,
    LineType,
    PaymentMethod,
    PaymentTerm,
    ReceivablesSetup,
    SalesCreditMemo,
    SalesCreditMemoLine,
    SalesInvoice,
    SalesInvoiceLine,
    TaxEntry,
    TaxGroup,
)
from debitor.ledger.sales_documents import Precision, calculate_amounts, with_bill_to, with_terms
from debitor.ledger.sales_post import DocumentBooks, PostedDocument, post_document
from debitor.ledger.settle import settling_line
from debitor.schema import BLANK_DATE, BLANK_GUID, Refused

D = Decimal
DAY = date(2025, 2, 3)
DIALOG, FIELD, NOT_FOUND = (
    "Application_DialogException",
    "Application_FieldValidationException",
    "Internal_DataNotFoundFilter",
)
CUSTOMER = Customer(id="customer", number="10400", display_name="Northwind", customer_posting_group="DOMESTIC")
ACCOUNTS = {
    n: Account(id=f"a{n}", number=n) for n in ("1000", "2310", "5610", "6100", "6200", "6250", "6310", "6320", "6210")
}
EUR = Currency(code="EUR", realized_gains_account="6310", realized_losses_account="6320")
RATES = {
    "EUR": [
        ExchangeRate(currency_code="EUR", starting_date=date(2025, month, 1), relational_exchange_rate_amount=D(rate))
        for month, rate in ((1, "1.20"), (2, "1.25"))
    ]
}
SETUP = ReceivablesSetup(payment_tolerance_percent=D(1), maximum_payment_tolerance_amount=D(5))


def memo(**more: Any) -> SalesCreditMemo:
    defaults: dict[str, Any] = {
        "id": "memo",
        "number": "S1",
        "draft_number": "S1",
        "document_date": DAY,
        "posting_date": DAY,
        "due_date": DAY,
        "customer_id": "customer",
        "customer_number": "10400",
        "bill_to_customer_id": "customer",
        "bill_to_customer_number": "10400",
    }
    return SalesCreditMemo(**{**defaults, **more})


def line(price: str, percent: str = "0", quantity: str = "1", **more: Any) -> SalesCreditMemoLine:
    defaults: dict[str, Any] = {
        "document_id": "memo",
        "sequence": 10000,
        "line_type": LineType.ACCOUNT,
        "line_object_number": "6100",
        "tax_code": f"T{percent}" if percent != "0" else "",
    }
    return SalesCreditMemoLine(
        unit_price=D(price), tax_percent=D(percent), quantity=D(quantity), **{**defaults, **more}
    )


def books(**more: Any) -> DocumentBooks:
    defaults: dict[str, Any] = {
        "setup": SETUP,
        "number": "104001",
        "number_used": "",
        "sell_to": CUSTOMER,
        "bill_to": CUSTOMER,
        "currency": None,
        "posting_group": CustomerPostingGroup(
            code="DOMESTIC",
            receivables_account="2310",
            debit_rounding_account="6210",
            credit_rounding_account="6210",
        ),
        "accounts": ACCOUNTS,
        "items": {"i": Item(id="i", number="1000", general_product_posting_group="RETAIL")},
        "product_groups": {
            "RETAIL": GeneralProductPostingGroup(
                code="RETAIL", sales_account="6200", sales_credit_memo_account="6250"
            )
        },
        "tax_groups": {"T25": TaxGroup(code="T25", percent=D(25), tax_account="5610")},
        "sets": {},
        "rules": {},
        "next": NextNumbers(entry=6, detailed=7, tax=2, transaction=5, register=4),
        "user": "clerk",
        "now": "2025-02-03T12:00:00.000Z",
        "on": DAY,
        "terms": Terms(SETUP, {"EUR": EUR}, RATES, {}),
    }
    return DocumentBooks(**{**defaults, **more})


def post(
    header: SalesCreditMemo, lines: Sequence[SalesCreditMemoLine], with_books: DocumentBooks | None = None
) -> PostedDocument:
    with_books = with_books or books()
    calculated, done = calculate_amounts(header, lines, Precision.of(with_books.currency, with_books.setup))
    return post_document(calculated, done, with_books)


def of(posted: PostedDocument, cls: type) -> list[Any]:
    return [row for row in posted.changes.insert if isinstance(row, cls)]


def open_invoice(amount: str = "500", **more: Any) -> CustomerLedgerEntry:
    value = D(amount)
    lcy = more.pop("lcy", value)
    defaults: dict[str, Any] = {
        "entry_number": 5,
        "customer_id": "customer",
        "customer_number": "10400",
        "posting_date": date(2025, 1, 10),
        "due_date": date(2025, 2, 10),
        "document_type": DocumentType.INVOICE,
        "document_number": "103001",
        **{f"{kind}amount": value for kind in ("", "original_", "remaining_")},
        **{f"{kind}amount_lcy": lcy for kind in ("", "original_", "remaining_")},
    }
    return CustomerLedgerEntry(**{**defaults, **more})


# --------------------------------------------------------------------------- entries


def test_net_800_at_25_percent() -> None:
    posted = post(memo(), [line("800", "25")])

    general = [(e.entry_number, e.account_number, e.amount) for e in of(posted, GeneralLedgerEntry)]
    assert general == [(6, "6100", D(800)), (7, "5610", D(200)), (8, "2310", D(-1000))]
    assert {e.document_type for e in of(posted, GeneralLedgerEntry)} == {DocumentType.CREDIT_MEMO}
    entry, (detailed,), (tax,) = posted.entry, of(posted, DetailedEntry), of(posted, TaxEntry)
    assert (entry.entry_number, entry.document_type, entry.document_number) == (8, "Credit_x0020_Memo", "104001")
    assert (entry.original_amount, entry.remaining_amount, entry.sales_lcy) == (D(-1000), D(-1000), D(-800))
    assert (entry.open, entry.positive, entry.description, entry.source_id) == (True, False, "Credit Memo S1", "memo")
    assert (detailed.entry_type, detailed.amount, detailed.credit_amount) == ("Initial_x0020_Entry", -1000, 1000)
    assert (tax.base, tax.amount, tax.percent, tax.general_ledger_entry_number) == (800, 200, 25, 6)
    (register,) = of(posted, GeneralLedgerRegister)
    assert (register.from_entry_number, register.to_entry_number) == (6, 8)
    assert (posted.document.number, posted.document.status, posted.document.ledger_entry_number) == (
        "104001",
        "Open",
        8,
    )


def test_items_go_to_the_account_for_credit_memos() -> None:
    posted = post(memo(), [line("7", line_type=LineType.ITEM, item_id="i", line_object_number="1000")])

    assert [(e.account_number, e.amount) for e in of(posted, GeneralLedgerEntry)] == [("6250", 7), ("2310", -7)]


@given(
    st.lists(
        st.tuples(st.integers(1, 99), st.integers(1, 999999), st.sampled_from(["0", "25"])), min_size=1, max_size=5
    ),
    st.sampled_from(["1", "0.83", "1.2345"]),
)
def test_a_credit_memo_mirrors_the_invoice(sold: list[tuple[int, int, str]], factor: str) -> None:
    """Same lines, same rate: every entry has the other sign, so both together are nothing."""
    lines = [
        line(str(D(cents) / 100), percent, str(quantity), sequence=at)
        for at, (quantity, cents, percent) in enumerate(sold, 1)
    ]
    foreign = {"currency_code": "EUR", "currency_factor": D(factor)} if factor != "1" else {}
    currency = EUR if foreign else None
    fields = {name: getattr(memo(), name) for name in memo().__struct_fields__ if name not in ("version",)}
    sale = SalesInvoice(**{**fields, **foreign})
    their_lines = [SalesInvoiceLine(**{n: getattr(each, n) for n in each.__struct_fields__}) for each in lines]
    precision = Precision.of(currency, SETUP)
    theirs = post_document(*calculate_amounts(sale, their_lines, precision), books(currency=currency))
    ours = post(memo(**foreign), lines, books(currency=currency))

    for cls, columns in (
        (GeneralLedgerEntry, ("amount", "tax_amount")),
        (DetailedEntry, ("amount", "amount_lcy")),
        (TaxEntry, ("base", "amount")),
    ):
        for their, our in zip(of(theirs, cls), of(ours, cls), strict=True):
            assert [getattr(our, c) for c in columns] == [-getattr(their, c) for c in columns]
    assert ours.entry.original_amount_lcy == -theirs.entry.original_amount_lcy
    assert ours.entry.sales_lcy == -theirs.entry.sales_lcy
    assert sum((e.amount for e in of(ours, GeneralLedgerEntry)), D(0)) == 0


def test_terms_may_grant_a_discount_on_credit_memos() -> None:
    term = PaymentTerm(
        id="t",
        code="1M(8D)",
        due_date_calculation="1M",
        discount_date_calculation="8D",
        discount_percent=D(2),
        calculate_discount_on_credit_memos=True,
    )
    payer = replace(CUSTOMER, payment_method_id="cash")
    granted = with_terms(with_bill_to(memo(), payer), term)
    plain = with_terms(with_bill_to(memo(), payer), replace(term, calculate_discount_on_credit_memos=False))

    assert (granted.due_date, granted.discount_date, granted.payment_method_id) == (
        date(2025, 3, 3),
        date(2025, 2, 11),
        "cash",
    )
    assert (plain.due_date, plain.discount_date, plain.payment_method_id) == (DAY, BLANK_DATE, BLANK_GUID)
    entry = post(granted, [line("1000")]).entry
    assert (entry.remaining_payment_discount_possible, entry.maximum_payment_tolerance) == (-20, -5)


def test_a_payment_method_with_an_account_refunds_at_once() -> None:
    posted = post(memo(), [line("200")])
    method = PaymentMethod(
        code="CASH", balancing_account_type=AccountType.GL_ACCOUNT, balancing_account_number="1000"
    )
    refund = settling_line(posted, method, "a1000", SETUP)

    assert (refund.document_type, refund.amount) == (DocumentType.REFUND, 200)
    assert (refund.applies_to_document_type, refund.applies_to_document_number) == (
        DocumentType.CREDIT_MEMO,
        "104001",
    )


# --------------------------------------------------------------------------- applied


APPLIED = [
    pytest.param(
        {}, "200", open_invoice(), {},
        [(7, "Initial_x0020_Entry", -200), (5, "Application", -200), (7, "Application", 200)],
        (300, True), (0, False, 5), id="a part: the credit memo is closed by the invoice",
    ),
    pytest.param(
        {}, "500", open_invoice(), {},
        [(7, "Initial_x0020_Entry", -500), (5, "Application", -500), (7, "Application", 500)],
        (0, False), (0, False, 0), id="all of it: the invoice is closed by the credit memo",
    ),
    pytest.param(
        {}, "800", open_invoice(), {},
        [(7, "Initial_x0020_Entry", -800), (5, "Application", -500), (7, "Application", 500)],
        (0, False), (-300, True, 0), id="more: the rest of the credit memo stays open",
    ),
    pytest.param(
        {}, "490",
        open_invoice(remaining_payment_discount_possible=D(10), payment_discount_date=date(2025, 3, 1)), {},
        [(7, "Initial_x0020_Entry", -490), (5, "Application", -490), (7, "Application", 490)],
        (10, True), (0, False, 5), id="a credit memo takes no payment discount",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("setup", "price", "invoice", "more", "details", "theirs", "ours"), APPLIED)
def test_applied_to_the_invoice_it_names(
    setup: dict[str, Any],
    price: str,
    invoice: CustomerLedgerEntry,
    more: dict[str, Any],
    details: list[tuple[int, str, int]],
    theirs: tuple[int, bool],
    ours: tuple[int, bool, int],
) -> None:
    behind = SalesInvoice(id="sold", number="103001", status=InvoiceStatus.OPEN, posted=True, ledger_entry_number=5)
    header = memo(applies_to_document_number="103001", applies_to_document_id="sold", **more)
    posted = post(header, [line(price)], books(olds=[invoice], documents={5: behind}))

    found = [(d.ledger_entry_number, d.entry_type, d.amount) for d in of(posted, DetailedEntry)]
    assert found == details
    changed: dict[type, Any] = {type(new): new for _, new in posted.changes.update}
    entry = changed[CustomerLedgerEntry]
    assert (entry.remaining_amount, entry.open) == theirs
    assert changed[SalesInvoice].status == ("Open" if theirs[1] else "Paid")
    assert (posted.entry.remaining_amount, posted.entry.open, posted.entry.closed_by_entry_number) == ours
    assert posted.document.status == ("Open" if ours[1] else "Paid")


def test_another_rate_realizes_a_gain() -> None:
    """Sold at 1.20, taken back at 1.25: sales lose 125, but only 120 was owed to us."""
    factor = 1 / D("1.25")
    invoice = open_invoice(
        "100",
        lcy=D(120),
        currency_code="EUR",
        original_currency_factor=1 / D("1.20"),
        adjusted_currency_factor=1 / D("1.20"),
    )
    header = memo(applies_to_document_number="103001", currency_code="EUR", currency_factor=factor)
    posted = post(header, [line("100")], books(currency=EUR, olds=[invoice]))

    assert [(e.account_number, e.amount) for e in of(posted, GeneralLedgerEntry)] == [
        ("6100", 125),
        ("2310", -120),
        ("6310", -5),
    ]
    assert (posted.entry.remaining_amount, posted.entry.remaining_amount_lcy) == (0, 0)


SALE = [line("100")]
REFUSED: list[tuple[dict[str, Any], list[SalesCreditMemoLine], dict[str, Any], str, str]] = [
    ({"posting_date": BLANK_DATE}, [], {}, DIALOG, "sells nothing"),
    ({"posting_date": BLANK_DATE}, [line("1", quantity="0")], {}, DIALOG, "no quantity"),
    ({"posting_date": BLANK_DATE}, SALE, {}, FIELD, "postingDate"),
    ({"document_date": BLANK_DATE}, SALE, {}, FIELD, "creditMemoDate"),
    ({"due_date": BLANK_DATE}, SALE, {"sell_to": None}, FIELD, "dueDate"),
    ({}, SALE, {"sell_to": None, "bill_to": None}, FIELD, "customerNumber"),
    (
        {},
        SALE,
        {
            "setup": replace(SETUP, allow_posting_from=date(2025, 3, 1)),
            "sell_to": replace(CUSTOMER, blocked=CustomerBlocked.ALL),
        },
        FIELD,
        "postingDate 2025-02-03",
    ),
    ({}, SALE, {"sell_to": replace(CUSTOMER, blocked=CustomerBlocked.ALL)}, DIALOG, "blocked with type All"),
    ({}, SALE, {"bill_to": replace(CUSTOMER, privacy_blocked=True)}, DIALOG, "privacy"),
    ({}, [line("100", quantity="-1")], {"number_used": "x"}, DIALOG, "make an invoice"),
    ({}, SALE, {"number_used": "posted credit memo 104001", "posting_group": None}, DIALOG, "is used by"),
    ({}, SALE, {"posting_group": None}, FIELD, "customerPostingGroup"),
    (
        {},
        [line("7", line_type=LineType.ITEM, item_id="i", line_object_number="1000")],
        {"product_groups": {"RETAIL": GeneralProductPostingGroup(code="RETAIL", sales_account="6200")}},
        FIELD,
        "sales credit memo account",
    ),
    ({"applies_to_document_number": "103009"}, SALE, {}, NOT_FOUND, "no open entry"),
    (
        {"applies_to_document_number": "103001"},
        SALE,
        {
            "setup": replace(SETUP, application_between_currencies=CurrencyApplication.NONE),
            "olds": [open_invoice(currency_code="EUR")],
        },
        DIALOG,
        "different currencies",
    ),
]


@pytest.mark.parametrize(("header", "lines", "given_books", "code", "text"), REFUSED)
def test_what_is_refused_in_order_of_precedence(
    header: dict[str, Any], lines: list[SalesCreditMemoLine], given_books: dict[str, Any], code: str, text: str
) -> None:
    with pytest.raises(Refused) as refused:
        post(memo(**header), lines, books(**given_books))

    assert (refused.value.code, text in refused.value.message) == (code, True), refused.value.message


def test_blocked_for_invoices_is_not_blocked_for_credit_memos() -> None:
    blocked = replace(CUSTOMER, blocked=CustomerBlocked.INVOICE)

    assert post(memo(), SALE, books(sell_to=blocked, bill_to=blocked)).document.posted
