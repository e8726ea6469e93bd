"""Sales invoices: amounts, tax, discounts, dates, and the entries that posting makes."""

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from debitor.ledger.numbering import NextNumbers
from debitor.ledger.payment_discounts import maximum_tolerance, possible_discount
from debitor.ledger.records import (
    Account,
    Currency,
    Customer,
    CustomerBlocked,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DefaultDimension,
    DetailedEntry,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    GeneralProductPostingGroup,
    GLAccountType,
    InvoiceStatus,
    Item,
    LineType,
    PaymentTerm,
    PostingValidation,
    ReceivablesSetup,
    SalesInvoice,
    SalesInvoiceLine,
    TaxEntry,
    TaxGroup,
    TaxType,
)
from debitor.ledger.sales_documents import (
    Precision,
    Product,
    account_product,
    calculate_amounts,
    check_discount,
    item_product,
    list_price,
    next_sequence,
    tax_percent,
    with_bill_to,
    with_customer,
    with_discount_amount,
    with_discount_percent,
    with_product,
    with_terms,
)
from debitor.ledger.sales_post import DocumentBooks, PostedDocument, post_document
from debitor.schema import BLANK_DATE, BLANK_GUID, Refused

D = Decimal
CENTS = Precision(D("0.01"), D("0.00001"))
DAY = date(2025, 1, 10)


def line(quantity: str = "1", price: str = "0", percent: str = "0", code: str = "", **more: Any) -> SalesInvoiceLine:
    defaults: dict[str, Any] = {
        "id": more.pop("id", "line"),
        "document_id": "invoice",
        "sequence": 10000,
        "line_type": LineType.ACCOUNT,
        "line_object_number": "6100",
        "tax_code": code or (f"T{percent}" if percent != "0" else ""),
    }
    return SalesInvoiceLine(quantity=D(quantity), unit_price=D(price), tax_percent=D(percent), **{**defaults, **more})


def header(**more: Any) -> SalesInvoice:
    defaults: dict[str, Any] = {
        "id": "invoice",
        "number": "1001",
        "draft_number": "1001",
        "document_date": DAY,
        "posting_date": DAY,
        "due_date": date(2025, 2, 10),
        "customer_id": "customer",
        "customer_number": "10400",
        "bill_to_customer_id": "customer",
        "bill_to_customer_number": "10400",
    }
    return SalesInvoice(**{**defaults, **more})


# --------------------------------------------------------------------------- amounts


def test_the_worked_example_of_the_module() -> None:
    first = with_discount_percent(line("3", "100", "25"), D(10), CENTS)
    invoice, (a, b) = calculate_amounts(header(discount_amount=D(50)), [first, line("1", "130", "25")], CENTS)

    assert (a.discount_amount, a.amount_excluding_tax, a.invoice_discount_allocation) == (D(30), D(270), D("33.75"))
    assert (a.net_amount, a.net_tax_amount, a.net_amount_including_tax) == (D("236.25"), D("59.06"), D("295.31"))
    assert (b.net_amount, b.net_tax_amount, b.net_amount_including_tax) == (D("113.75"), D("28.44"), D("142.19"))
    assert (invoice.total_excluding_tax, invoice.total_tax, invoice.total_including_tax) == (
        D(350),
        D("87.5"),
        D("437.5"),
    )
    assert invoice.unposted_amount == D("437.5")


def test_tax_is_rounded_once_per_group() -> None:
    """Three lines of 0.10 at 25 %: each alone would be 0.03, together 0.09; the group's tax is 0.08."""
    invoice, lines = calculate_amounts(header(), [line("1", "0.1", "25")] * 3, CENTS)

    assert [each.tax_amount for each in lines] == [D("0.03"), D("0.02"), D("0.03")]
    assert invoice.total_tax == D("0.08")


def test_prices_including_tax() -> None:
    invoice, (only,) = calculate_amounts(header(prices_include_tax=True), [line("1", "125", "25")], CENTS)

    assert (only.amount_excluding_tax, only.tax_amount, only.amount_including_tax) == (D(100), D(25), D(125))
    assert invoice.total_including_tax == 125


def test_an_invoice_without_lines_is_worth_nothing() -> None:
    none: list[SalesInvoiceLine] = []
    invoice, lines = calculate_amounts(header(discount_amount=D(5), total_tax=D(9)), none, CENTS)

    assert lines == []
    assert invoice.total_including_tax == invoice.total_tax == 0


def test_a_discount_on_too_small_an_invoice_takes_only_what_is_there() -> None:
    invoice, _ = calculate_amounts(header(discount_amount=D(50)), [line("1", "30", "25")], CENTS)

    assert invoice.total_including_tax == 0


def test_line_discount_both_ways() -> None:
    by_percent = with_discount_percent(line("3", "33.33"), D("12.5"), CENTS)
    by_amount = with_discount_amount(line("3", "33.33"), D("12.50"), CENTS)

    assert by_percent.discount_amount == D("12.50")
    assert by_amount.discount_percent == D("12.50125")


@pytest.mark.parametrize("percent", ["-1", "100.01"])
def test_a_discount_percent_outside_0_to_100_is_refused(percent: str) -> None:
    with pytest.raises(Refused, match="discountPercent") as no:
        with_discount_percent(line("1", "10"), D(percent), CENTS)

    assert no.value.code == "Application_FieldValidationException"


@pytest.mark.parametrize(("price", "amount"), [("10", "10.01"), ("10", "-1"), ("-10", "1"), ("0", "1")])
def test_a_line_discount_beyond_the_line_is_refused(price: str, amount: str) -> None:
    with pytest.raises(Refused, match="discountAmount"):
        with_discount_amount(line("1", price), D(amount), CENTS)


@pytest.mark.parametrize("discount", ["-0.01", "100.01"])
def test_an_invoice_discount_beyond_the_lines_is_refused(discount: str) -> None:
    with pytest.raises(Refused, match="discountAmount"):
        check_discount(header(discount_amount=D(discount)), [line("1", "100")], CENTS)


def test_an_amount_that_the_books_cannot_keep_is_refused() -> None:
    with pytest.raises(Refused, match="too large"):
        calculate_amounts(header(), [line("9999999999999", "9999999999999")], CENTS)
    with pytest.raises(Refused, match="too large"):
        calculate_amounts(header(), [line("1", "9999999999999", "25")], CENTS)


PLACES = st.sampled_from([D("1"), D("0.01"), D("0.001"), D("0.05")])
SALES = st.builds(
    line,
    quantity=st.integers(-3, 9).map(str),
    price=st.decimals(0, 1000, places=3).map(str),
    percent=st.sampled_from(["0", "7", "19", "25", "8.875"]),
)


@given(st.lists(SALES, max_size=6), st.integers(0, 100), st.integers(0, 100), PLACES, st.booleans())
def test_totals_are_the_sums_of_the_lines_and_tax_is_that_of_the_groups(
    sales: list[SalesInvoiceLine], line_discount: int, share: int, places: Decimal, including: bool
) -> None:
    """The oracle computes each group's tax in one go, and allows the lines one unit of difference each."""
    precision = Precision(places, D("0.00001"))
    sales = [with_discount_percent(each, D(line_discount), precision) for each in sales]
    whole = sum((_half_up(e.quantity * e.unit_price, places) - e.discount_amount for e in sales), D(0))
    discount = _half_up(max(whole, D(0)) * share / 100, places)

    invoice, lines = calculate_amounts(
        header(discount_amount=discount, prices_include_tax=including), sales, precision
    )

    assert invoice.total_excluding_tax == sum(e.net_amount for e in lines)
    assert invoice.total_tax == sum(e.net_tax_amount for e in lines)
    assert invoice.total_including_tax == sum(e.net_amount_including_tax for e in lines)
    assert invoice.total_including_tax == invoice.total_excluding_tax + invoice.total_tax
    charged = invoice.total_including_tax if including else invoice.total_excluding_tax
    assert charged == whole - min(discount, max(whole, D(0)))
    for name in ("", "net_"):
        _check_group_taxes(lines, name, places, including=including)
    for each in lines:
        assert each.amount_excluding_tax - each.invoice_discount_allocation == each.net_amount


def _check_group_taxes(lines: Sequence[SalesInvoiceLine], name: str, places: Decimal, *, including: bool) -> None:
    net_of = "net_amount" if name else "amount_excluding_tax"
    tax_of = f"{name}tax_amount"
    groups: dict[tuple[str, bool], list[SalesInvoiceLine]] = {}
    for each in lines:
        groups.setdefault((each.tax_code, getattr(each, net_of) + getattr(each, tax_of) < 0), []).append(each)
    for group in groups.values():
        percent = group[0].tax_percent
        net, tax = (sum(getattr(e, column) for e in group) for column in (net_of, tax_of))
        expected = (net + tax) * percent / (100 + percent) if including else net * percent / 100
        assert tax == _half_up(expected, places)
        for each in group:
            base, own = getattr(each, net_of), getattr(each, tax_of)
            alone = (base + own) * percent / (100 + percent) if including else base * percent / 100
            assert abs(own - alone) <= places


def _half_up(amount: Decimal, places: Decimal) -> Decimal:
    return (amount / places).quantize(D(1), ROUND_HALF_UP) * places


@given(st.lists(SALES, min_size=1, max_size=5), PLACES)
def test_calculating_twice_changes_nothing(sales: list[SalesInvoiceLine], places: Decimal) -> None:
    precision = Precision(places, D("0.00001"))
    once = calculate_amounts(header(), sales, precision)

    assert calculate_amounts(*once, precision) == once


# --------------------------------------------------------------------------- header and lines from master data

TERM = PaymentTerm(
    id="term",
    code="1M(8D)",
    due_date_calculation="1M",
    discount_date_calculation="8D",
    discount_percent=D(2),
)


def test_terms_give_the_dates_from_the_document_date() -> None:
    invoice = with_terms(header(document_date=date(2025, 1, 31), posting_date=date(2025, 2, 3)), TERM)

    assert (invoice.due_date, invoice.discount_date) == (date(2025, 2, 28), date(2025, 2, 8))
    assert (invoice.payment_discount_percent, invoice.payment_terms_id) == (D(2), "term")


def test_without_terms_an_invoice_is_due_at_once() -> None:
    invoice = with_terms(with_terms(header(), TERM), None)

    assert (invoice.due_date, invoice.discount_date) == (DAY, BLANK_DATE)
    assert (invoice.payment_discount_percent, invoice.payment_terms_id) == (D(0), BLANK_GUID)


def test_two_customers_one_to_sell_to_and_one_who_pays() -> None:
    shop = Customer(id="s", number="S", display_name="Shop", city="Aarhus", email="shop@example.com")
    office = Customer(id="o", number="O", display_name="Office", currency_code="EUR", prices_include_tax=True)

    invoice = with_bill_to(with_customer(header(), shop), office)

    assert (invoice.customer_number, invoice.customer_name, invoice.sell_to_city) == ("S", "Shop", "Aarhus")
    assert (invoice.ship_to_name, invoice.email) == ("Shop", "shop@example.com")
    assert (invoice.bill_to_customer_number, invoice.bill_to_name, invoice.bill_to_city) == ("O", "Office", "")
    assert (invoice.currency_code, invoice.prices_include_tax) == ("EUR", True)
    assert invoice.discount_applied_before_tax is False


VAT = TaxGroup(code="STANDARD", percent=D(25), tax_account="5610")
SALES_TAX = TaxGroup(code="LOCAL", percent=D(8), tax_type=TaxType.SALES_TAX)


def test_sales_tax_needs_a_liable_customer_and_value_added_tax_does_not() -> None:
    assert tax_percent(VAT, tax_liable=False) == 25
    assert tax_percent(SALES_TAX, tax_liable=False) == 0
    assert tax_percent(SALES_TAX, tax_liable=True) == 8
    assert tax_percent(None, tax_liable=True) == 0


@pytest.mark.parametrize(
    ("item_including", "invoice_including", "factor", "price"),
    [(False, False, "1", "100"), (True, False, "1", "80"), (False, True, "1", "125"), (True, True, "2", "200")],
)
def test_list_price(item_including: bool, invoice_including: bool, factor: str, price: str) -> None:
    product = Product(LineType.ITEM, unit_price=D(100), price_includes_tax=item_including)
    invoice = header(prices_include_tax=invoice_including, currency_factor=D(factor))

    assert list_price(product, invoice, D(25), CENTS) == D(price)


def test_an_item_fills_the_line() -> None:
    item = Item(id="i", number="1000", display_name="Chair", base_unit_of_measure_code="PCS", unit_price=D("12.5"))

    made = with_product(line(quantity="4"), item_product(item, VAT), header(), CENTS, tax_liable=False)

    assert (made.line_type, made.item_id, made.account_id) == (LineType.ITEM, "i", BLANK_GUID)
    assert (made.line_object_number, made.description, made.unit_of_measure_code) == ("1000", "Chair", "PCS")
    assert (made.unit_price, made.tax_code, made.tax_percent, made.quantity) == (D("12.5"), "STANDARD", D(25), D(4))


@pytest.mark.parametrize(
    "wrong", [{"blocked": True}, {"direct_posting": False}, {"account_type": GLAccountType.HEADING}]
)
def test_an_account_that_cannot_be_posted_to_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="6100") as no:
        account_product(Account(number="6100", **wrong), None)

    assert no.value.code == "Application_FieldValidationException"


def test_a_blocked_item_is_refused() -> None:
    with pytest.raises(Refused, match="Item 1000 is blocked"):
        item_product(Item(number="1000", blocked=True), None)


def test_new_lines_go_to_the_end() -> None:
    assert next_sequence([]) == 10000
    assert next_sequence([line(sequence=10000), line(sequence=25000)]) == 35000


# --------------------------------------------------------------------------- posting

CUSTOMER = Customer(id="customer", number="10400", display_name="Northwind", customer_posting_group="DOMESTIC")
ACCOUNTS = {
    number: Account(id=f"a{number}", number=number) for number in ("2310", "5610", "5620", "6100", "6200", "6900")
}


def books(**more: Any) -> DocumentBooks:
    defaults: dict[str, Any] = {
        "setup": ReceivablesSetup(),
        "number": "103001",
        "number_used": "",
        "sell_to": CUSTOMER,
        "bill_to": CUSTOMER,
        "currency": None,
        "posting_group": CustomerPostingGroup(code="DOMESTIC", receivables_account="2310"),
        "accounts": ACCOUNTS,
        "items": {"i": Item(id="i", number="1000", general_product_posting_group="RETAIL")},
        "product_groups": {"RETAIL": GeneralProductPostingGroup(code="RETAIL", sales_account="6200")},
        "tax_groups": {
            "T25": TaxGroup(code="T25", percent=D(25), tax_account="5610"),
            "T7": TaxGroup(code="T7", percent=D(7), tax_account="5620"),
            "T0": TaxGroup(code="T0"),
        },
        "sets": {},
        "rules": {},
        "next": NextNumbers(entry=3, detailed=7, tax=2, transaction=5, register=4),
        "user": "clerk",
        "now": "2025-01-10T12:00:00.000Z",
    }
    return DocumentBooks(**{**defaults, **more})


def post(
    invoice: SalesInvoice, lines: Sequence[SalesInvoiceLine], with_books: DocumentBooks | None = None
) -> PostedDocument:
    with_books = with_books or books()
    calculated, done = calculate_amounts(invoice, lines, Precision.of(with_books.currency, with_books.setup))
    return post_document(calculated, done, with_books)


def of(posted: PostedDocument, cls: type) -> list[Any]:
    return [row for row in posted.changes.insert if isinstance(row, cls)]


def test_net_800_at_25_percent() -> None:
    posted = post(header(), [line("1", "800", "25")])

    general = [(e.entry_number, e.account_number, e.amount) for e in of(posted, GeneralLedgerEntry)]
    assert general == [(3, "6100", D(-800)), (4, "5610", D(-200)), (5, "2310", D(1000))]
    entry, (detailed,) = posted.entry, of(posted, DetailedEntry)
    assert (entry.entry_number, entry.document_number, entry.original_amount) == (5, "103001", D(1000))
    assert (entry.remaining_amount, entry.remaining_amount_lcy, entry.open, entry.positive) == (
        D(1000),
        D(1000),
        True,
        True,
    )
    assert (entry.sales_lcy, entry.source_id, entry.description) == (D(800), "invoice", "Invoice 1001")
    assert (detailed.entry_number, detailed.ledger_entry_number, detailed.amount) == (7, 5, D(1000))
    assert (detailed.debit_amount, detailed.credit_amount, detailed.initial_due_date) == (
        D(1000),
        D(0),
        entry.due_date,
    )
    (tax,) = of(posted, TaxEntry)
    assert (tax.entry_number, tax.base, tax.amount, tax.percent) == (2, D(-800), D(-200), 25)
    (register,) = of(posted, GeneralLedgerRegister)
    assert (register.number, register.from_entry_number, register.to_entry_number) == (4, 3, 5)
    assert (register.from_tax_entry_number, register.to_tax_entry_number) == (2, 2)
    assert {e.transaction_number for e in of(posted, GeneralLedgerEntry)} == {5}
    invoice = posted.document
    assert (invoice.number, invoice.draft_number, invoice.posted, invoice.status) == ("103001", "1001", True, "Open")
    assert (invoice.ledger_entry_number, invoice.unposted_amount) == (5, D(0))
    lines = [new for _, new in posted.changes.update if isinstance(new, SalesInvoiceLine)]
    assert [(each.posted, each.sales_account, each.tax_account) for each in lines] == [(True, "6100", "5610")]


def test_lines_are_posted_by_account_tax_and_dimensions() -> None:
    lines = [
        line("1", "100", "25"),
        line("1", "10", "7"),
        line("2", "50", "25"),
        line("1", "5", code="T0"),
        line("1", "3"),
        line("1", "40", "25", dimension_set_number=1),
        line("1", "7", line_type=LineType.ITEM, item_id="i", line_object_number="1000"),
        line("0", "0", line_type=LineType.COMMENT, line_object_number=""),
    ]
    posted = post(header(dimension_set_number=2), lines)

    assert [(e.account_number, e.amount, e.dimension_set_number) for e in of(posted, GeneralLedgerEntry)] == [
        ("6100", D(-200), 0),
        ("5610", D(-50), 0),
        ("6100", D(-10), 0),
        ("5620", D("-0.70"), 0),
        ("6100", D(-5), 0),
        ("6100", D(-3), 0),
        ("6100", D(-40), 1),
        ("5610", D(-10), 1),
        ("6200", D(-7), 0),
        ("2310", D("325.70"), 2),
    ]
    assert [(t.tax_group_code, t.base, t.amount) for t in of(posted, TaxEntry)] == [
        ("T25", D(-200), D(-50)),
        ("T7", D(-10), D("-0.70")),
        ("T0", D(-5), D(0)),
        ("T25", D(-40), D(-10)),
    ]


EUR = Currency(code="EUR", payment_tolerance_percent=D(1), maximum_payment_tolerance_amount=D(5))


@given(
    st.lists(
        st.builds(
            line,
            quantity=st.integers(1, 9).map(str),
            price=st.decimals("0.01", 999, places=2).map(str),
            percent=st.sampled_from(["0", "7", "25"]),
            dimension_set_number=st.integers(0, 1),
        ),
        min_size=1,
        max_size=6,
    ),
    st.decimals("0.1", 10, places=3),
)
def test_a_foreign_invoice_balances_in_local_currency(lines: list[SalesInvoiceLine], rate: Decimal) -> None:
    factor = 1 / rate
    posted = post(header(currency_code="EUR", currency_factor=factor), lines, books(currency=EUR))

    general = of(posted, GeneralLedgerEntry)
    assert sum(e.amount for e in general) == 0
    assert posted.entry.original_amount == posted.document.total_including_tax
    assert (
        posted.entry.original_amount_lcy
        == general[-1].amount
        == _half_up(posted.document.total_including_tax / factor, D("0.01"))
    )
    tax_lcy = sum((t.amount for t in of(posted, TaxEntry)), D(0))
    assert posted.entry.sales_lcy - tax_lcy == posted.entry.original_amount_lcy


def test_foreign_amounts_keep_both_values() -> None:
    invoice = header(currency_code="EUR", currency_factor=1 / D("1.20"))

    posted = post(invoice, [line("1", "800", "25")], books(currency=EUR))

    assert (posted.entry.amount, posted.entry.amount_lcy, of(posted, DetailedEntry)[0].amount_lcy) == (
        D(1000),
        D(1200),
        D(1200),
    )
    assert [e.amount for e in of(posted, GeneralLedgerEntry)] == [-960, -240, 1200]
    assert posted.entry.maximum_payment_tolerance == 5


def test_an_invoice_over_nothing_is_paid_at_once() -> None:
    posted = post(header(), [line("1", "100"), line("-1", "100")])

    assert posted.document.status == InvoiceStatus.PAID
    assert (posted.entry.open, posted.entry.closed_at_date) == (False, DAY)


def test_possible_discount_until_its_last_day_and_the_grace_after_it() -> None:
    terms: dict[str, Any] = {"discount_date": date(2025, 1, 18), "payment_discount_percent": D(2)}
    amounts: dict[str, Any] = {"total_including_tax": D(1000), "total_excluding_tax": D(800)}
    plain = ReceivablesSetup()
    grace = ReceivablesSetup(payment_discount_grace_period="5D")

    def discount(setup: ReceivablesSetup, day: int) -> Decimal:
        return possible_discount(header(**terms, **amounts, posting_date=date(2025, 1, day)), setup, CENTS)

    assert [discount(plain, day) for day in (10, 18, 19)] == [20, 20, 0]
    assert [discount(grace, day) for day in (23, 24)] == [20, 0]
    assert discount(ReceivablesSetup(payment_discount_excludes_tax=True), 10) == 16
    posted = post(header(**terms), [line("1", "1000")], books(setup=grace))
    assert posted.entry.payment_discount_date == date(2025, 1, 18)
    assert posted.entry.payment_discount_tolerance_date == date(2025, 1, 23)
    assert posted.entry.original_payment_discount_possible == 20
    assert posted.entry.remaining_payment_discount_possible == 20


@pytest.mark.parametrize(
    ("percent", "maximum", "amount", "tolerance"),
    [("0", "5", "1000", "5"), ("1", "0", "1000", "10"), ("1", "5", "1000", "5"), ("1", "50", "1000", "10"),
     ("0", "5", "3", "3"), ("0", "0", "1000", "0")],
)  # fmt: skip
def test_maximum_tolerance(percent: str, maximum: str, amount: str, tolerance: str) -> None:
    setup = ReceivablesSetup(payment_tolerance_percent=D(percent), maximum_payment_tolerance_amount=D(maximum))

    assert maximum_tolerance(D(amount), CUSTOMER, None, setup) == D(tolerance)
    assert maximum_tolerance(D(amount), replace(CUSTOMER, block_payment_tolerance=True), None, setup) == 0


SALE = [line("1", "100", "25")]
FIELD, DIALOG = "Application_FieldValidationException", "Application_DialogException"
MANDATORY = DefaultDimension(
    parent_type="x", dimension_code="AREA", posting_validation=PostingValidation.CODE_MANDATORY
)


@pytest.mark.parametrize(
    ("invoice", "lines", "more", "code", "says"),
    [
        ({}, [], {}, DIALOG, "at least one line"),
        ({}, [line("0", line_type=LineType.COMMENT)], {}, DIALOG, "at least one line"),
        ({}, [*SALE, line("0", "5", sequence=20000)], {}, DIALOG, "Line 20000 .* no quantity"),
        ({"posting_date": BLANK_DATE}, SALE, {}, FIELD, "postingDate"),
        ({"document_date": BLANK_DATE}, SALE, {}, FIELD, "invoiceDate"),
        ({"due_date": BLANK_DATE}, SALE, {}, FIELD, "dueDate"),
        ({}, SALE, {"sell_to": None}, FIELD, "customerNumber"),
        ({}, SALE, {"bill_to": None}, FIELD, "billToCustomerNumber"),
        ({}, SALE, {"setup": ReceivablesSetup(allow_posting_from=date(2025, 1, 11))}, FIELD, r"2025-01-11\.\."),
        ({}, SALE, {"setup": ReceivablesSetup(allow_posting_to=date(2025, 1, 9))}, FIELD, r"\.\.2025-01-09"),
        ({}, SALE, {"sell_to": replace(CUSTOMER, blocked=CustomerBlocked.ALL)}, DIALOG, "blocked with type All"),
        (
            {},
            SALE,
            {"bill_to": replace(CUSTOMER, blocked=CustomerBlocked.INVOICE)},
            DIALOG,
            "blocked with type Invoice",
        ),
        ({}, SALE, {"bill_to": replace(CUSTOMER, privacy_blocked=True)}, DIALOG, "privacy"),
        ({"discount_amount": D(101)}, SALE, {}, DIALOG, "discountAmount"),
        ({}, [line("-1", "100")], {}, DIALOG, "negative"),
        ({}, SALE, {"number_used": "posted invoice 103001"}, DIALOG, "103001 is used"),
        ({}, SALE, {"posting_group": None}, FIELD, "customerPostingGroup"),
        ({}, SALE, {"posting_group": CustomerPostingGroup(code="EMPTY")}, FIELD, "group EMPTY .*receivables account"),
        ({}, [line("1", "1", line_object_number="9999")], {}, FIELD, "no account"),
        ({}, SALE, {"accounts": {**ACCOUNTS, "2310": Account(number="2310", blocked=True)}}, FIELD, "2310"),
        ({}, SALE, {"accounts": {**ACCOUNTS, "6100": Account(number="6100", direct_posting=False)}}, FIELD, "6100"),
        ({}, SALE, {"tax_groups": {}}, DIALOG, "T25"),
        ({}, SALE, {"tax_groups": {"T25": TaxGroup(code="T25")}}, FIELD, "tax account"),
        ({}, [line("1", "1", line_type=LineType.ITEM, item_id="x", line_object_number="9")], {}, DIALOG, "not exist"),
        (
            {},
            [line("1", "1", line_type=LineType.ITEM, item_id="i")],
            {"product_groups": {}},
            FIELD,
            "product posting",
        ),
        ({}, SALE, {"rules": {"customer": [MANDATORY]}}, DIALOG, "Invoice 1001 needs .*customer 10400"),
        ({}, SALE, {"rules": {"a2310": [MANDATORY]}}, DIALOG, "account 2310"),
        ({}, SALE, {"rules": {"a6100": [MANDATORY]}}, DIALOG, "Line 10000 of invoice 1001 .*account 6100"),
        ({}, SALE, {"rules": {"a5610": [MANDATORY]}}, DIALOG, "account 5610"),
    ],
)
def test_an_invoice_that_cannot_be_posted(
    invoice: dict[str, Any], lines: list[SalesInvoiceLine], more: dict[str, Any], code: str, says: str
) -> None:
    with pytest.raises(Refused, match=says) as no:
        post(header(**invoice), lines, books(**more))

    assert no.value.code == code


def test_blocked_ship_stops_deliveries_not_invoices() -> None:
    shipped = replace(CUSTOMER, blocked=CustomerBlocked.SHIP)

    assert post(header(), SALE, books(sell_to=shipped, bill_to=shipped)).document.posted


def test_posting_takes_no_direct_posting_from_the_accounts_of_posting_groups() -> None:
    closed = {n: replace(a, direct_posting=n == "6100") for n, a in ACCOUNTS.items()}

    posted = post(header(), SALE, books(accounts=closed))

    assert len(of(posted, CustomerLedgerEntry)) == len(of(posted, DetailedEntry)) == 1
