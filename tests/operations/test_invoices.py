"""Sales invoices on a real store: drafts, lines, posting, and everything that is refused on the way."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from debitor.entities.sales_invoice_lines import SALES_INVOICE_LINES
from debitor.entities.sales_invoices import SALES_INVOICES
from debitor.ledger.records import (
    Account,
    AccountType,
    ApplicationMethod,
    BankAccount,
    BankAccountLedgerEntry,
    Currency,
    Customer,
    CustomerBlocked,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DefaultDimension,
    DetailedEntry,
    DetailedEntryType,
    Dimension,
    DimensionSet,
    DimensionSetEntry,
    DimensionValue,
    ExchangeRate,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    GeneralProductPostingGroup,
    Item,
    NumberSeries,
    NumberSeriesLine,
    PaymentMethod,
    PaymentTerm,
    ReceivablesSetup,
    SalesDocument,
    SalesDocumentLine,
    SalesInvoice,
    SalesInvoiceLine,
    TaxEntry,
    TaxGroup,
)
from debitor.ledger.sales_documents import INVOICE
from debitor.operations import sales_documents, sales_lines, sales_posting, sales_values
from debitor.operations.dimensions import pairs_of, set_number
from debitor.operations.master_records import DisputeStatus, UnitOfMeasure
from debitor.query import Compare, Field, Param, Query
from debitor.schema import BLANK_DATE, BLANK_GUID, Draft, EntitySet, Refused
from debitor.store import FrozenRow
from debitor.store.opening import open_store

D = Decimal
TODAY = date(2025, 1, 10)
NOBODY = "11111111-1111-1111-1111-111111111111"
DIALOG, FIELD = "Application_DialogException", "Application_FieldValidationException"


@dataclass
class Books:
    """One company's books in a test, and the short words for what clients do."""

    tx: Any
    today: date = TODAY
    strict: bool = False
    parent: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    if_match: str | None = None
    user: str = "clerk"
    request_id: str = "r"

    def add(self, row: Any) -> Any:
        return self.tx.insert(row)

    def invoice(self, **draft: Any) -> str:
        return sales_documents.create_document(INVOICE, self, {"customerNumber": "10400", **draft})

    def line(self, invoice: str, **draft: Any) -> str:
        return sales_lines.create_line(INVOICE, self, {"documentId": invoice, **draft})

    def sale(self, invoice: str, price: str = "800", **draft: Any) -> str:
        given = {"lineType": "Account", "lineObjectNumber": "6100", "quantity": D(1), "unitPrice": D(price)}
        return self.line(invoice, **{**given, **draft})

    def post(self, invoice: str) -> SalesDocument:
        return sales_posting.post_document(INVOICE, self.tx, invoice, user=self.user)

    def header(self, id: str) -> SalesInvoice:
        found = self.tx.get(SalesInvoice, id)
        assert isinstance(found, SalesInvoice)
        return found

    def lines(self, id: str) -> list[SalesDocumentLine]:
        return sales_values.lines_of(self.tx, INVOICE, id)

    def only(self, record: type, **equal: Any) -> Any:
        (found,) = self.tx.all(record, **equal)
        return found

    def shown(self, of: EntitySet, id: str) -> dict[str, Any]:
        query = Query(of, of.properties, Compare("eq", Field("id"), Param(0, of.by_name["id"].type)), version=False)
        (row,) = self.tx.run(query, (id,), {"local_currency_code": "DKK", "today": self.today})
        return dict(zip((p.name for p in of.properties), row, strict=True))


def fill(tx: Any) -> None:
    """A small company: two customers, three accounts, an item, a foreign currency, two dimensions."""
    tx.insert(
        ReceivablesSetup(
            local_currency_code="DKK",
            sales_invoice_numbers="DRAFT",
            posted_sales_invoice_numbers="POSTED",
            global_dimension_1="DEPARTMENT",
            global_dimension_2="AREA",
        )
    )
    for code, start in (("DRAFT", "1001"), ("POSTED", "103001")):
        tx.insert(NumberSeries(code=code))
        tx.insert(NumberSeriesLine(series_code=code, starting_number=start))
    term = tx.insert(
        PaymentTerm(code="1M(8D)", due_date_calculation="1M", discount_date_calculation="8D", discount_percent=D(2))
    )
    tx.insert(CustomerPostingGroup(code="DOMESTIC", receivables_account="2310"))
    customer: dict[str, Any] = {"customer_posting_group": "DOMESTIC", "city": "Odense"}
    tx.insert(Customer(number="10400", display_name="Bakery", payment_terms_id=term.id, **customer))
    tx.insert(Customer(number="10500", display_name="Dairy", currency_code="EUR", **customer))
    for number in ("2310", "5610", "6100", "6200"):
        tx.insert(Account(number=number, name=f"Account {number}"))
    tx.insert(TaxGroup(code="STANDARD", percent=D(25), tax_account="5610"))
    tx.insert(TaxGroup(code="NONE"))
    for code, account in (("RETAIL", "6200"), ("SERVICES", "6100")):
        tx.insert(GeneralProductPostingGroup(code=code, sales_account=account, default_tax_group="STANDARD"))
    tx.insert(UnitOfMeasure(code="PCS"))
    tx.insert(
        Item(
            number="1000",
            display_name="Chair",
            base_unit_of_measure_code="PCS",
            unit_price=D(120),
            general_product_posting_group="RETAIL",
        )
    )
    tx.insert(Currency(code="EUR"))
    for month, rate in ((1, "1.20"), (2, "1.25")):
        tx.insert(
            ExchangeRate(
                currency_code="EUR",
                starting_date=date(2025, month, 1),
                relational_exchange_rate_amount=D(rate),
            )
        )
    for dimension, values in (("DEPARTMENT", ("SALES", "ADMIN")), ("AREA", ("NORTH", "SOUTH"))):
        tx.insert(Dimension(code=dimension))
        for value in values:
            tx.insert(DimensionValue(dimension_code=dimension, code=value))


@pytest.fixture
def books(store_url: str) -> Iterator[Books]:
    store = open_store(store_url)
    try:
        with store.transaction() as root:
            tx = root.at(1)
            fill(tx)
            yield Books(tx)
    finally:
        store.close()


# --------------------------------------------------------------------------- drafts


def test_a_draft_takes_its_customer_s_values(books: Books) -> None:
    shown = books.shown(SALES_INVOICES, books.invoice())

    customer = books.only(Customer, number="10400")
    assert shown["number"] == "1001"
    assert (shown["customerId"], shown["billToCustomerId"]) == (customer.id, customer.id)
    assert (shown["customerName"], shown["sellToCity"], shown["shipToName"]) == ("Bakery", "Odense", "Bakery")
    assert (shown["invoiceDate"], shown["postingDate"], shown["dueDate"]) == (
        "2025-01-10",
        "2025-01-10",
        "2025-02-10",
    )
    assert (shown["currencyCode"], shown["currencyId"]) == ("DKK", BLANK_GUID)
    assert (shown["status"], shown["remainingAmount"], shown["discountAppliedBeforeTax"]) == ("Draft", 0, True)


def test_drafts_get_numbers_one_after_the_other_and_none_twice(books: Books) -> None:
    first = books.invoice()
    sales_documents.remove_document(INVOICE, books, first)
    second = books.invoice()

    assert books.header(second).number == "1002"
    assert books.tx.get(SalesInvoice, first) is None


def test_dates_that_are_sent_win_over_those_that_follow(books: Books) -> None:
    invoice = books.header(
        books.invoice(dueDate=date(2025, 5, 1), postingDate=date(2025, 1, 31), invoiceDate=date(2025, 1, 20))
    )

    assert (invoice.document_date, invoice.posting_date) == (date(2025, 1, 20), date(2025, 1, 31))
    assert (invoice.due_date, invoice.discount_date) == (date(2025, 5, 1), date(2025, 1, 28))


def test_a_posting_date_moves_the_document_date_along(books: Books) -> None:
    id = books.invoice(postingDate=date(2025, 1, 31))

    assert books.header(id).due_date == date(2025, 2, 28)
    sales_documents.change_document(INVOICE, books, id, {"postingDate": date(2025, 2, 1)})
    assert (books.header(id).document_date, books.header(id).due_date) == (date(2025, 2, 1), date(2025, 3, 1))


def test_other_terms_give_other_dates(books: Books) -> None:
    id = books.invoice()

    sales_documents.change_document(INVOICE, books, id, {"paymentTermsId": BLANK_GUID})

    assert (books.header(id).due_date, books.header(id).discount_date) == (TODAY, BLANK_DATE)


def test_another_customer_pays(books: Books) -> None:
    id = books.invoice(billToCustomerNumber="10500")

    invoice = books.header(id)
    assert (invoice.customer_number, invoice.bill_to_customer_number) == ("10400", "10500")
    assert (invoice.currency_code, invoice.due_date) == ("EUR", TODAY)


def test_texts_are_stored_as_sent_and_beat_the_customer_s(books: Books) -> None:
    sent = {"sellToCity": "Ribe", "shipToName": "Gate 2", "email": "x@example.com", "externalDocumentNumber": "PO-7"}

    shown = books.shown(SALES_INVOICES, books.invoice(**sent))

    assert {name: shown[name] for name in sent} == sent
    assert shown["shipToCity"] == "Odense"


@pytest.mark.parametrize(("code", "stored"), [("EUR", "EUR"), ("dkk", ""), ("", "")])
def test_the_local_currency_s_code_means_no_currency(books: Books, code: str, stored: str) -> None:
    assert books.header(books.invoice(currencyCode=code)).currency_code == stored


def test_an_unposted_header_can_be_sent_back_as_it_was_read(books: Books) -> None:
    id = books.invoice()
    books.sale(id)
    before = books.shown(SALES_INVOICES, id)
    editable = {p.name: before[p.name] for p in SALES_INVOICES.properties if p.editable}
    sent = {k: date.fromisoformat(v) if k.endswith("Date") else v for k, v in editable.items()}
    sent["discountAmount"] = D(0)

    sales_documents.change_document(INVOICE, books, id, sent)

    after = books.shown(SALES_INVOICES, id)
    assert {**after, "lastModifiedDateTime": ""} == {**before, "lastModifiedDateTime": ""}


def customer_id(books: Books, number: str) -> str:
    return str(books.only(Customer, number=number).id)


@pytest.mark.parametrize(
    ("draft", "code", "says"),
    [
        ({"customerNumber": ""}, DIALOG, "customerNumber or customerId"),
        ({"customerNumber": "X"}, DIALOG, "customerNumber X"),
        ({"customerId": NOBODY}, DIALOG, f"customerId {NOBODY}"),
        ({"billToCustomerNumber": "X"}, DIALOG, "billToCustomerNumber X"),
        ({"currencyCode": "XXX"}, DIALOG, "currencyCode XXX"),
        ({"currencyId": NOBODY}, DIALOG, f"currencyId {NOBODY}"),
        ({"currencyId": NOBODY, "currencyCode": "DKK"}, DIALOG, "must agree"),
        ({"paymentTermsId": NOBODY}, DIALOG, f"paymentTermsId {NOBODY}"),
        ({"shipmentMethodId": NOBODY}, DIALOG, f"shipmentMethodId {NOBODY}"),
        ({"promisedPayDate": TODAY}, FIELD, "promisedPayDate"),
        ({"disputeStatus": "OPEN"}, FIELD, "disputeStatus"),
        ({"discountAmount": D(-1)}, DIALOG, "discountAmount"),
        ({"shortcutDimension1Code": "NORTH"}, DIALOG, "shortcutDimension1Code NORTH"),
        ({"currencyCode": "EUR", "postingDate": date(2024, 12, 31)}, "Internal_DataNotFoundFilter", "EUR"),
    ],
)
def test_a_draft_that_is_refused(books: Books, draft: Draft, code: str, says: str) -> None:
    with pytest.raises(Refused, match=says) as no:
        books.invoice(**draft)

    assert no.value.code == code


def test_id_and_number_must_agree(books: Books) -> None:
    with pytest.raises(Refused, match="must agree"):
        books.invoice(customerId=customer_id(books, "10500"))
    assert books.invoice(customerId=customer_id(books, "10400"))


@pytest.mark.parametrize("blocked", [CustomerBlocked.ALL, CustomerBlocked.INVOICE])
def test_no_invoice_for_a_blocked_customer(books: Books, blocked: CustomerBlocked) -> None:
    books.tx.update(books.only(Customer, number="10400"), blocked=blocked)

    with pytest.raises(Refused, match="10400"):
        books.invoice()


def test_no_number_series_no_invoice(books: Books) -> None:
    books.tx.update(books.only(ReceivablesSetup), sales_invoice_numbers="")

    with pytest.raises(Refused, match="salesInvoiceNumbers"):
        books.invoice()


@pytest.mark.parametrize("date_field", ["postingDate", "invoiceDate", "dueDate"])
def test_dates_of_a_draft_cannot_be_cleared(books: Books, date_field: str) -> None:
    id = books.invoice()

    with pytest.raises(Refused, match=date_field) as no:
        sales_documents.change_document(INVOICE, books, id, {date_field: BLANK_DATE})
    assert no.value.code == FIELD


# --------------------------------------------------------------------------- lines


def test_a_line_of_an_account(books: Books) -> None:
    id = books.invoice()
    shown = books.shown(SALES_INVOICE_LINES, books.sale(id))

    account = books.only(Account, number="6100")
    assert (shown["documentId"], shown["sequence"], shown["accountId"]) == (id, 10000, account.id)
    assert (shown["lineType"], shown["description"], shown["taxCode"]) == ("Account", "Account 6100", "STANDARD")
    assert (shown["netAmount"], shown["totalTaxAmount"], shown["amountIncludingTax"]) == (800, 200, 1000)
    assert (shown["taxPercent"], shown["discountAppliedBeforeTax"]) == (25, False)
    header = books.shown(SALES_INVOICES, id)
    assert (header["totalAmountExcludingTax"], header["totalTaxAmount"]) == (800, 200)
    assert (header["totalAmountIncludingTax"], header["remainingAmount"]) == (1000, 1000)


def test_a_line_of_an_item_has_its_price_and_unit(books: Books) -> None:
    item = books.only(Item)
    line = books.line(books.invoice(), itemId=item.id, quantity=D(2), discountPercent=D(10))

    shown = books.shown(SALES_INVOICE_LINES, line)
    assert (shown["lineType"], shown["lineObjectNumber"], shown["description"]) == ("Item", "1000", "Chair")
    assert (shown["unitOfMeasureCode"], shown["unitOfMeasureId"]) == ("PCS", books.only(UnitOfMeasure).id)
    assert (shown["unitPrice"], shown["discountAmount"], shown["amountExcludingTax"]) == (120, 24, 216)
    assert shown["shipmentDate"] == "2025-01-10"


def test_a_comment_is_a_line_without_amount(books: Books) -> None:
    id = books.invoice()
    line = books.line(id, description="Thank you")

    shown = books.shown(SALES_INVOICE_LINES, line)
    assert (shown["lineType"], shown["description"], shown["amountIncludingTax"]) == ("Comment", "Thank you", 0)


def test_new_lines_go_last_unless_they_say_where(books: Books) -> None:
    id = books.invoice()
    books.sale(id, "1")
    books.sale(id, "2")
    books.sale(id, "3", sequence=15000)

    assert [(each.sequence, each.unit_price) for each in books.lines(id)] == [
        (10000, D(1)),
        (15000, D(3)),
        (20000, D(2)),
    ]
    assert books.header(id).total_excluding_tax == 6


def test_the_invoice_discount_is_spread_again_with_every_line(books: Books) -> None:
    id = books.invoice(discountAmount=D(50))
    books.sale(id, "270")
    assert [each.invoice_discount_allocation for each in books.lines(id)] == [50]
    second = books.sale(id, "130")

    assert [each.invoice_discount_allocation for each in books.lines(id)] == [D("33.75"), D("16.25")]
    assert books.header(id).total_including_tax == D("437.5")
    sales_lines.remove_line(INVOICE, books, second)
    assert [each.invoice_discount_allocation for each in books.lines(id)] == [50]
    sales_documents.change_document(INVOICE, books, id, {"discountAmount": D(0)})
    assert books.header(id).total_including_tax == D("337.5")
    with pytest.raises(Refused, match="discountAmount"):
        sales_documents.change_document(INVOICE, books, id, {"discountAmount": D("270.01")})


def test_changing_a_line_changes_the_totals(books: Books) -> None:
    id = books.invoice()
    line = books.sale(id, "100", discountAmount=D(10))

    sales_lines.change_line(INVOICE, books, line, {"description": "Work"})
    assert books.lines(id)[0].discount_amount == 10
    sales_lines.change_line(INVOICE, books, line, {"quantity": D(3)})
    assert (books.lines(id)[0].discount_percent, books.lines(id)[0].discount_amount) == (D(10), D(30))
    assert books.header(id).total_excluding_tax == 270
    sales_lines.change_line(INVOICE, books, line, {"taxCode": "NONE"})
    assert books.header(id).total_tax == 0


def test_of_two_discounts_the_last_one_counts(books: Books) -> None:
    id = books.invoice()
    books.sale(id, "100", discountPercent=D(10), discountAmount=D(5))
    books.sale(id, "100", discountAmount=D(5), discountPercent=D(10))

    assert [each.discount_amount for each in books.lines(id)] == [5, 10]


def test_every_change_gives_line_and_header_a_new_version(books: Books) -> None:
    """Clients notice a change by the version; one that writes the same values again counts."""
    id = books.invoice()
    line = books.sale(id)
    header, before = books.header(id), books.tx.get(SalesInvoiceLine, line)

    sales_lines.change_line(INVOICE, books, line, {"quantity": D(1)})

    assert books.tx.get(SalesInvoiceLine, line).version > before.version
    assert books.header(id).version > header.version


def test_a_line_can_sell_something_else(books: Books) -> None:
    id = books.invoice()
    line = books.sale(id, "5", quantity=D(2))

    sales_lines.change_line(INVOICE, books, line, {"itemId": books.only(Item).id})

    (changed,) = books.lines(id)
    assert (changed.line_type, changed.line_object_number, changed.account_id) == ("Item", "1000", BLANK_GUID)
    assert (changed.quantity, changed.net_amount) == (D(2), D(240))


def test_a_line_can_be_sent_back_as_it_was_read(books: Books) -> None:
    id = books.invoice()
    line = books.line(id, itemId=books.only(Item).id, quantity=D(2), discountPercent=D(10))
    before = books.shown(SALES_INVOICE_LINES, line)
    sent = {p.name: before[p.name] for p in SALES_INVOICE_LINES.properties if p.editable}
    sent["shipmentDate"] = TODAY
    sent |= {k: D(str(sent[k])) for k in ("quantity", "unitPrice", "discountAmount", "discountPercent")}

    sales_lines.change_line(INVOICE, books, line, sent)

    assert books.shown(SALES_INVOICE_LINES, line) == before


def test_list_prices_and_tax_follow_the_header_and_other_prices_stay(books: Books) -> None:
    id = books.invoice()
    item = books.only(Item).id
    books.line(id, itemId=item, quantity=D(1))
    books.line(id, itemId=item, quantity=D(1), unitPrice=D(99))

    sales_documents.change_document(INVOICE, books, id, {"currencyCode": "EUR"})
    assert [each.unit_price for each in books.lines(id)] == [100, 99]
    sales_documents.change_document(INVOICE, books, id, {"postingDate": date(2025, 2, 1)})
    assert [each.unit_price for each in books.lines(id)] == [96, 99]
    assert books.header(id).total_excluding_tax == 195


def test_a_line_discount_follows_a_new_list_price(books: Books) -> None:
    id = books.invoice(currencyCode="EUR")
    books.line(id, itemId=books.only(Item).id, quantity=D(1), discountPercent=D(10))

    sales_documents.change_document(INVOICE, books, id, {"postingDate": date(2025, 2, 1)})

    (line,) = books.lines(id)
    assert (line.unit_price, line.discount_amount, line.net_amount) == (D(96), D("9.6"), D("86.4"))


def product(books: Books, record: type, **equal: Any) -> str:
    return str(books.only(record, **equal).id)


REFUSED_LINES: list[tuple[Callable[[Books], Draft], str, str]] = [
    (lambda b: {"itemId": product(b, Item), "accountId": product(b, Account, number="6100")}, DIALOG, "both given"),
    (lambda b: {"itemId": NOBODY}, DIALOG, f"itemId {NOBODY}"),
    (lambda b: {"accountId": NOBODY}, DIALOG, f"accountId {NOBODY}"),
    (lambda b: {"lineType": "Item", "lineObjectNumber": "X"}, DIALOG, "lineObjectNumber X"),
    (lambda b: {"lineObjectNumber": "1000"}, DIALOG, "Send lineType"),
    (lambda b: {"lineType": "Comment", "lineObjectNumber": "1000"}, DIALOG, "comment has no lineObjectNumber"),
    (lambda b: {"lineType": "Item"}, DIALOG, "needs an id"),
    (lambda b: {"lineType": "Item", "accountId": product(b, Account, number="6100")}, DIALOG, "does not fit"),
    (lambda b: {"lineType": "Resource", "lineObjectNumber": "R"}, DIALOG, "Resource"),
    (lambda b: {"itemId": product(b, Item), "lineObjectNumber": "1001"}, DIALOG, "lineObjectNumber 1001"),
    (lambda b: {"description": "x", "quantity": D(1)}, DIALOG, "comment line"),
    (lambda b: {"accountId": product(b, Account, number="6100"), "taxCode": "X"}, DIALOG, "taxCode X"),
    (
        lambda b: {"accountId": product(b, Account, number="6100"), "unitOfMeasureCode": "X"},
        DIALOG,
        "unitOfMeasureCode X",
    ),
    (
        lambda b: {"accountId": product(b, Account, number="6100"), "discountPercent": D(101)},
        FIELD,
        "discountPercent",
    ),
    (lambda b: {"accountId": product(b, Account, number="6100"), "locationId": NOBODY}, DIALOG, "locationId"),
    (lambda b: {"accountId": product(b, Account, number="6100"), "itemVariantId": NOBODY}, DIALOG, "itemVariantId"),
    (lambda b: {"description": "x", "sequence": -1}, DIALOG, "sequence -1"),
    (lambda b: {"description": "x", "sequence": 10000}, DIALOG, "sequence 10000"),
]


@pytest.mark.parametrize(("draft", "code", "says"), REFUSED_LINES)
def test_a_line_that_is_refused(books: Books, draft: Callable[[Books], Draft], code: str, says: str) -> None:
    id = books.invoice()
    books.sale(id)

    with pytest.raises(Refused, match=says) as no:
        books.line(id, **draft(books))
    assert no.value.code == code


def test_a_line_needs_a_document(books: Books) -> None:
    id = books.invoice()
    with pytest.raises(Refused, match="parent ID"):
        sales_lines.create_line(INVOICE, books, {"description": "x"})
    with pytest.raises(Refused, match=NOBODY):
        books.line(NOBODY, description="x")
    books.parent = {"documentId": id}
    with pytest.raises(Refused, match="leave documentId out"):
        books.line(NOBODY, description="x")
    assert sales_lines.create_line(INVOICE, books, {"description": "x"})


@pytest.mark.parametrize(
    ("draft", "says"),
    [
        ({"documentId": NOBODY}, "documentId"),
        ({"sequence": 20000}, "sequence"),
        ({"lineObjectNumber": "6200", "lineType": "Account"}, "lineObjectNumber"),
        ({"lineType": "Comment"}, "add a comment"),
    ],
)
def test_what_a_line_cannot_change(books: Books, draft: Draft, says: str) -> None:
    id = books.invoice()
    line = books.sale(id)

    with pytest.raises(Refused, match=says) as no:
        sales_lines.change_line(INVOICE, books, line, draft)
    assert no.value.code == DIALOG


# --------------------------------------------------------------------------- posting


def test_posting_writes_the_ledgers_and_keeps_the_id(books: Books) -> None:
    id = books.invoice()
    books.sale(id)

    books.post(id)

    shown = books.shown(SALES_INVOICES, id)
    assert (shown["number"], shown["status"], shown["remainingAmount"]) == ("103001", "Open", 1000)
    general = books.tx.all(GeneralLedgerEntry)
    assert [(e.entry_number, e.account_number, e.amount) for e in general] == [
        (1, "6100", -800),
        (2, "5610", -200),
        (3, "2310", 1000),
    ]
    entry = books.only(CustomerLedgerEntry)
    assert (entry.entry_number, entry.document_number, entry.user_id) == (3, "103001", "clerk")
    assert (entry.original_payment_discount_possible, entry.payment_discount_date) == (20, date(2025, 1, 18))
    assert books.only(DetailedEntry).amount == 1000
    assert books.only(TaxEntry).amount == -200
    assert books.only(GeneralLedgerRegister).to_entry_number == 3


def test_what_is_open_is_read_from_the_ledger(books: Books) -> None:
    id = books.invoice()
    books.sale(id)
    books.post(id)
    entry = books.only(CustomerLedgerEntry)

    entry = books.tx.update(entry, remaining_amount=D(400), remaining_amount_lcy=D(400))
    assert books.shown(SALES_INVOICES, id)["remainingAmount"] == 400
    books.tx.update(entry, remaining_amount=D(0), remaining_amount_lcy=D(0), open=False)
    assert books.shown(SALES_INVOICES, id)["remainingAmount"] == 0


def test_two_invoices_have_numbers_that_follow(books: Books) -> None:
    ids = [books.invoice(customerNumber=number) for number in ("10400", "10500")]
    for id in ids:
        books.sale(id)
        books.post(id)

    first, second = books.tx.all(CustomerLedgerEntry)
    assert [books.header(id).number for id in ids] == ["103001", "103002"]
    assert (second.entry_number, second.transaction_number) == (6, first.transaction_number + 1)
    assert (second.amount, second.amount_lcy) == (1000, 1200)
    assert [r.number for r in books.tx.all(GeneralLedgerRegister)] == [1, 2]
    assert books.tx.total(GeneralLedgerEntry, "amount") == 0
    receivables = books.tx.total(GeneralLedgerEntry, "amount", account_number="2310")
    assert receivables == books.tx.total(DetailedEntry, "amount_lcy") == 2200


def test_the_draft_number_is_kept_without_a_series_for_posted_invoices(books: Books) -> None:
    setup = books.only(ReceivablesSetup)
    for code in ("", "DRAFT"):
        setup = books.tx.update(setup, posted_sales_invoice_numbers=code)
        id = books.invoice()
        books.sale(id)

        assert books.post(id).number == books.header(id).draft_number


def test_an_invoice_is_posted_once(books: Books) -> None:
    id = books.invoice()
    books.sale(id)
    books.post(id)

    with pytest.raises(Refused, match="posted already") as no:
        books.post(id)
    assert no.value.code == DIALOG
    assert books.tx.count(CustomerLedgerEntry) == 1


def test_a_number_that_is_used_is_refused(books: Books) -> None:
    first, second = books.invoice(), books.invoice()
    for id in (first, second):
        books.sale(id)
    books.post(first)
    line = books.only(NumberSeriesLine, series_code="POSTED")
    books.tx.update(line, last_number_used="")

    with pytest.raises(Refused, match="103001 is used by posted invoice"):
        books.post(second)


def test_a_blocked_dimension_value_is_refused(books: Books) -> None:
    id = books.invoice(shortcutDimension1Code="SALES")
    books.sale(id)
    books.tx.update(books.only(DimensionValue, code="SALES"), blocked=True)

    with pytest.raises(Refused, match="DEPARTMENT SALES"):
        books.post(id)


@pytest.fixture
def posted(books: Books) -> str:
    id = books.invoice()
    books.sale(id)
    books.post(id)
    return id


def test_a_posted_invoice_cannot_be_changed_or_deleted(books: Books, posted: str) -> None:
    (line,) = books.lines(posted)
    for act in (
        lambda: sales_documents.change_document(INVOICE, books, posted, {"externalDocumentNumber": "x"}),
        lambda: sales_documents.change_document(INVOICE, books, posted, {"postingDate": TODAY}),
        lambda: sales_documents.remove_document(INVOICE, books, posted),
        lambda: books.line(posted, description="x"),
        lambda: sales_lines.change_line(INVOICE, books, line.id, {"description": "x"}),
        lambda: sales_lines.remove_line(INVOICE, books, line.id),
    ):
        with pytest.raises(Refused, match="103001 is posted") as no:
            act()
        assert no.value.code == DIALOG


def test_the_store_itself_keeps_posted_documents(books: Books, posted: str) -> None:
    (line,) = books.lines(posted)
    changes: tuple[Callable[[], object], ...] = (
        lambda: books.tx.update(books.header(posted), total_tax=D(1)),
        lambda: books.tx.update(line, description="x"),
        lambda: books.tx.delete(line),
        lambda: books.tx.delete(books.header(posted)),
    )
    for change in changes:
        with pytest.raises(FrozenRow):
            change()


def test_a_new_due_date_reaches_the_open_entry_and_its_detailed_entries(books: Books, posted: str) -> None:
    later = date(2025, 6, 1)
    status = books.tx.insert(DisputeStatus(code="LATE"))
    sales_documents.change_document(
        INVOICE, books, posted, {"dueDate": later, "promisedPayDate": TODAY, "disputeStatus": "LATE"}
    )

    assert books.only(CustomerLedgerEntry).due_date == later
    assert books.only(DetailedEntry).initial_due_date == later
    shown = books.shown(SALES_INVOICES, posted)
    assert (shown["dueDate"], shown["promisedPayDate"], shown["disputeStatus"]) == (
        "2025-06-01",
        "2025-01-10",
        "LATE",
    )
    assert shown["disputeStatusId"] == status.id


def test_a_dispute_status_is_named_by_id_or_code_and_cleared(books: Books, posted: str) -> None:
    late, won = (books.tx.insert(DisputeStatus(code=code)) for code in ("LATE", "WON"))

    def shown(**draft: str) -> tuple[str, str]:
        sales_documents.change_document(INVOICE, books, posted, draft)
        header = books.header(posted)
        assert isinstance(header, SalesInvoice)
        return header.dispute_status_id, header.dispute_status

    assert shown(disputeStatusId=late.id) == (late.id, "LATE")
    assert shown(disputeStatus="WON") == (won.id, "WON")
    assert shown(disputeStatusId=BLANK_GUID) == (BLANK_GUID, "")
    assert shown(disputeStatusId=late.id, disputeStatus="LATE") == (late.id, "LATE")
    assert shown(promisedPayDate=BLANK_DATE)[1] == "LATE"  # type: ignore[arg-type]
    for wrong in ({"disputeStatus": "NONE"}, {"disputeStatusId": late.id, "disputeStatus": "WON"}):
        with pytest.raises(Refused):
            shown(**wrong)
    assert shown(disputeStatus="") == (BLANK_GUID, "")


def test_a_closed_entry_keeps_its_due_date(books: Books, posted: str) -> None:
    entry = books.tx.update(books.only(CustomerLedgerEntry), open=False)

    sales_documents.change_document(INVOICE, books, posted, {"dueDate": date(2025, 6, 1)})

    assert books.header(posted).due_date == date(2025, 6, 1)
    assert books.only(CustomerLedgerEntry).due_date == entry.due_date == books.only(DetailedEntry).initial_due_date


@pytest.mark.parametrize(("draft", "code"), [({"dueDate": BLANK_DATE}, FIELD), ({"disputeStatusId": NOBODY}, DIALOG)])
def test_what_a_posted_invoice_refuses(books: Books, posted: str, draft: Draft, code: str) -> None:
    with pytest.raises(Refused) as no:
        sales_documents.change_document(INVOICE, books, posted, draft)
    assert no.value.code == code


def test_ids_that_do_not_exist(books: Books) -> None:
    for act in (
        lambda: books.post(NOBODY),
        lambda: sales_documents.change_document(INVOICE, books, NOBODY, {}),
        lambda: sales_documents.remove_document(INVOICE, books, NOBODY),
        lambda: sales_lines.change_line(INVOICE, books, NOBODY, {}),
        lambda: sales_lines.remove_line(INVOICE, books, NOBODY),
    ):
        with pytest.raises(Refused) as no:
            act()
        assert no.value.code == "BadRequest_ResourceNotFound"


# --------------------------------------------------------------------------- applied and paid at once


def credit(books: Books, amount: str, lcy: str = "", **more: Any) -> int:
    """A payment that was posted before: its customer, detailed and G/L entries. Returns the entry number."""
    number: int = books.tx.greatest(GeneralLedgerEntry, "entry_number") + 1
    money: dict[str, Any] = {"amount": -D(amount), "amount_lcy": -D(lcy or amount)}
    rest = {f"remaining_{name}": value for name, value in money.items()}
    original = {f"original_{name}": value for name, value in money.items()}
    customer = books.only(Customer, number=more.pop("customer", "10400"))
    currency = {"currency_code": more.pop("currency_code", "")}
    whose: dict[str, Any] = {"customer_id": customer.id, "customer_number": customer.number, **currency}
    when = {
        "posting_date": more.pop("posting_date", TODAY),
        "document_type": "Payment",
        "document_number": f"P{number}",
    }
    row = {"entry_number": number, "positive": False, "open": True, "due_date": TODAY, "transaction_number": number}
    factor = D(amount) / D(lcy or amount)
    factors = {"original_currency_factor": factor, "adjusted_currency_factor": factor}
    books.add(CustomerLedgerEntry(**{**row, **money, **rest, **original, **whose, **when, **factors, **more}))
    books.add(
        DetailedEntry(
            entry_number=books.tx.greatest(DetailedEntry, "entry_number") + 1,
            ledger_entry_number=number,
            entry_type=DetailedEntryType.INITIAL_ENTRY,
            **money,
            **whose,
            **when,
        )
    )
    for at, (account, sign) in enumerate((("2310", -1), ("6200", 1))):
        part: dict[str, Any] = {
            "amount": sign * D(lcy or amount),
            "account_number": account,
            "transaction_number": number,
        }
        books.add(GeneralLedgerEntry(entry_number=number + at, **part))
    return number


def check_books(books: Books) -> None:
    """What must hold of any books: balance, receivables equal detailed entries, entries equal theirs."""
    tx = books.tx
    assert tx.total(GeneralLedgerEntry, "amount") == 0
    assert tx.total(GeneralLedgerEntry, "amount", account_number="2310") == tx.total(DetailedEntry, "amount_lcy")
    for entry in tx.all(CustomerLedgerEntry):
        details = {"ledger_entry_number": entry.entry_number}
        assert entry.remaining_amount == tx.total(DetailedEntry, "amount", **details)
        assert entry.remaining_amount_lcy == tx.total(DetailedEntry, "amount_lcy", **details)
        assert entry.open is bool(entry.remaining_amount)
    general = [e.entry_number for e in tx.all(GeneralLedgerEntry)]
    assert general == list(range(1, len(general) + 1))
    detailed = [e.entry_number for e in tx.all(DetailedEntry)]
    assert detailed == list(range(1, len(detailed) + 1))


def oldest(books: Books, number: str = "10400") -> None:
    customer = books.only(Customer, number=number)
    books.tx.update(customer, application_method=ApplicationMethod.APPLY_TO_OLDEST)


def test_a_customer_of_apply_to_oldest_has_open_payments_taken_up_by_due_date(books: Books) -> None:
    oldest(books)
    late, early = credit(books, "700", due_date=date(2025, 1, 9)), credit(books, "400", due_date=date(2025, 1, 1))
    marked = credit(books, "50", applies_to_id="X")
    future = credit(books, "60", posting_date=date(2025, 1, 11))
    id = books.invoice()
    books.sale(id)

    invoice = books.post(id)

    remaining = {e.entry_number: e.remaining_amount for e in books.tx.all(CustomerLedgerEntry)}
    assert remaining == {late: -100, early: 0, marked: -50, future: -60, invoice.ledger_entry_number: 0}
    assert (invoice.status, books.shown(SALES_INVOICES, id)["remainingAmount"]) == ("Paid", 0)
    check_books(books)


def test_an_invoice_larger_than_the_open_payments_stays_open(books: Books) -> None:
    oldest(books)
    credit(books, "400")
    id = books.invoice()
    books.sale(id)

    assert books.post(id).status == "Open"
    assert books.shown(SALES_INVOICES, id)["remainingAmount"] == 600
    check_books(books)


def test_open_payments_of_other_customers_are_left_alone(books: Books) -> None:
    credit(books, "400")
    id = books.invoice()
    books.sale(id)
    books.post(id)

    assert books.shown(SALES_INVOICES, id)["remainingAmount"] == 1000


def test_a_payment_at_a_better_rate_gives_a_gain(books: Books) -> None:
    """EUR 1000 were paid when they were worth 1250, for a debt of 1200."""
    oldest(books, "10500")
    books.add(Account(number="9310", name="Losses"))
    books.add(Account(number="9320", name="Gains"))
    books.tx.update(books.only(Currency), realized_losses_account="9310", realized_gains_account="9320")
    credit(books, "1000", "1250", customer="10500", currency_code="EUR")
    id = books.invoice(customerNumber="10500")
    books.sale(id)

    assert books.post(id).status == "Paid"
    check_books(books)
    assert books.tx.total(GeneralLedgerEntry, "amount", account_number="9320") == -50
    assert books.tx.total(GeneralLedgerEntry, "amount", account_number="9310") == 0
    assert books.tx.values(GeneralLedgerRegister, ("to_entry_number",), last_by="number")[0] == books.tx.greatest(
        GeneralLedgerEntry, "entry_number"
    )


def test_a_missing_gains_account_stops_the_posting(books: Books) -> None:
    oldest(books, "10500")
    credit(books, "1000", "1250", customer="10500", currency_code="EUR")
    id = books.invoice(customerNumber="10500")
    books.sale(id)

    with pytest.raises(Refused, match="Currency EUR has no realized") as no:
        books.post(id)
    assert no.value.code == FIELD


def cash(books: Books, kind: AccountType, number: str) -> None:
    method = books.add(PaymentMethod(code="CASH", balancing_account_type=kind, balancing_account_number=number))
    books.tx.update(books.only(Customer, number="10400"), payment_method_id=method.id)


def test_a_payment_method_with_a_balancing_account_pays_at_once(books: Books) -> None:
    books.add(BankAccount(number="CHECKING", ledger_account="2920"))
    books.add(Account(number="2920", name="Bank"))
    cash(books, AccountType.BANK_ACCOUNT, "CHECKING")
    group = books.only(CustomerPostingGroup)
    books.add(Account(number="9250", name="Discounts"))
    books.tx.update(group, payment_discount_debit_account="9250")
    id = books.invoice()
    books.sale(id)

    invoice = books.post(id)

    assert (invoice.status, invoice.number) == ("Paid", "103001")
    assert books.shown(SALES_INVOICES, id)["remainingAmount"] == 0
    sums = {n: books.tx.total(GeneralLedgerEntry, "amount", account_number=n) for n in ("2920", "9250", "2310")}
    assert sums == {"2920": D(980), "9250": D(20), "2310": D(0)}
    assert books.only(BankAccountLedgerEntry).amount == 980
    bill, payment = books.tx.all(CustomerLedgerEntry)
    assert (bill.document_type, payment.document_type) == ("Invoice", "Payment")
    assert (bill.open, payment.open, bill.closed_by_entry_number) == (False, False, payment.entry_number)
    assert {e.document_number for e in (bill, payment)} == {"103001"}
    assert {e.transaction_number for e in books.tx.all(GeneralLedgerEntry)} == {1}
    register = books.only(GeneralLedgerRegister)
    assert (register.from_entry_number, register.to_entry_number) == (
        1,
        books.tx.greatest(GeneralLedgerEntry, "entry_number"),
    )
    check_books(books)


def test_paid_at_once_to_an_account_after_the_discount_has_passed(books: Books) -> None:
    cash(books, AccountType.GL_ACCOUNT, "6200")
    id = books.invoice(invoiceDate=date(2025, 1, 1))
    books.sale(id)

    assert books.post(id).status == "Paid"
    assert books.tx.total(GeneralLedgerEntry, "amount", account_number="6200") == 1000
    check_books(books)


def test_a_balancing_account_that_is_gone_stops_the_posting(books: Books) -> None:
    cash(books, AccountType.BANK_ACCOUNT, "GONE")
    id = books.invoice()
    books.sale(id)

    with pytest.raises(Refused, match=r"CASH .* GONE") as no:
        books.post(id)
    assert no.value.code == DIALOG


# --------------------------------------------------------------------------- dimensions


def test_dimensions_come_from_the_customer_and_from_what_is_sold(books: Books) -> None:
    for owner, table, dimension, value in (
        (books.only(Customer, number="10400"), "Customer", "DEPARTMENT", "SALES"),
        (books.only(Customer, number="10400"), "Customer", "AREA", "NORTH"),
        (books.only(Item), "Item", "AREA", "SOUTH"),
    ):
        books.add(DefaultDimension(parent_type=table, parent_id=owner.id, dimension_code=dimension, value_code=value))
    books.add(DefaultDimension(parent_type="Customer", dimension_code="AREA", value_code="SOUTH"))
    id = books.invoice()
    books.line(id, itemId=books.only(Item).id, quantity=D(1))
    books.sale(id)

    shown = books.shown(SALES_INVOICES, id)
    assert (shown["shortcutDimension1Code"], shown["shortcutDimension2Code"]) == ("SALES", "NORTH")
    sets = [pairs_of(books.tx, each.dimension_set_number) for each in books.lines(id)]
    assert sets == [{"DEPARTMENT": "SALES", "AREA": "SOUTH"}, {"DEPARTMENT": "SALES", "AREA": "NORTH"}]
    books.post(id)
    entry = books.only(CustomerLedgerEntry)
    assert pairs_of(books.tx, entry.dimension_set_number) == {"DEPARTMENT": "SALES", "AREA": "NORTH"}


def test_a_changed_header_dimension_reaches_the_lines(books: Books) -> None:
    id = books.invoice(shortcutDimension1Code="SALES", shortcutDimension2Code="NORTH")
    line = books.sale(id)
    own = set_number(books.tx, {"DEPARTMENT": "SALES", "AREA": "SOUTH"})
    books.tx.update(books.tx.get(SalesInvoiceLine, line), dimension_set_number=own)

    sales_documents.change_document(INVOICE, books, id, {"shortcutDimension1Code": "ADMIN"})

    (changed,) = books.lines(id)
    assert pairs_of(books.tx, changed.dimension_set_number) == {"DEPARTMENT": "ADMIN", "AREA": "SOUTH"}
    sales_documents.change_document(INVOICE, books, id, {"shortcutDimension1Code": ""})
    assert books.shown(SALES_INVOICES, id)["shortcutDimension1Code"] == ""


def test_equal_dimension_sets_have_one_number(books: Books) -> None:
    one = set_number(books.tx, {"AREA": "NORTH", "DEPARTMENT": "SALES"})
    same = set_number(books.tx, {"DEPARTMENT": "SALES", "AREA": "NORTH", "PROJECT": ""})
    other = set_number(books.tx, {"AREA": "NORTH"})

    assert one == same != other
    assert set_number(books.tx, {}) == 0
    assert pairs_of(books.tx, one) == {"AREA": "NORTH", "DEPARTMENT": "SALES"}
    assert pairs_of(books.tx, 0) == {}
    assert books.tx.count(DimensionSet) == 2
    assert books.tx.count(DimensionSetEntry) == 3


# --------------------------------------------------------------------------- declarations


@pytest.mark.parametrize("of", [SALES_INVOICES, SALES_INVOICE_LINES], ids=lambda of: of.name)
def test_every_property_can_be_read_and_filtered(books: Books, of: EntitySet) -> None:
    id = books.invoice()
    line = books.sale(id)
    shown = books.shown(of, id if of is SALES_INVOICES else line)
    for property in of.properties:
        value = shown[property.name]
        typed = date.fromisoformat(value) if property.type.kind == "date" else value
        sought = Param(0, property.type, blank=typed == property.type.blank)
        query = Query(of, (of.by_name["id"],), Compare("eq", Field(property.name), sought))
        rows = books.tx.run(query, (typed,), {"local_currency_code": "DKK", "today": TODAY})

        assert shown["id"] in [row[-1] for row in rows], property.name
