"""A new company can post at once; the demo company tells its story."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from debitor.ledger.dates import normalise
from debitor.ledger.numbering import peek
from debitor.ledger.records import (
    Account,
    BankAccount,
    Company,
    Currency,
    Customer,
    CustomerBlocked,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DefaultDimension,
    Dimension,
    DimensionValue,
    ExchangeRate,
    GeneralLedgerEntry,
    GeneralProductPostingGroup,
    GLAccountType,
    InvoiceStatus,
    Item,
    JournalBatch,
    JournalLine,
    JournalTemplate,
    JournalTemplateType,
    NumberSeries,
    NumberSeriesLine,
    PaymentMethod,
    PaymentTerm,
    ReceivablesSetup,
    SalesCreditMemo,
    SalesInvoice,
    TaxGroup,
)
from debitor.operations import demo
from debitor.operations.checks import check_books
from debitor.operations.companies import create_company
from debitor.operations.master_records import CompanyInformation, Contact, CountryRegion
from debitor.operations.posting import post_journal
from debitor.schema import Refused
from debitor.store import Store, Transaction
from debitor.store.opening import open_store

TODAY = date(2026, 3, 10)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    made = open_store(store_url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def demo_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = open_store(f"sqlite://{tmp_path_factory.mktemp('demo')}/books.db")
    with made.transaction() as root:
        create_company(root, name="Demo", today=TODAY, demo=True)
    yield made
    made.close()


@pytest.fixture
def books(demo_store: Store) -> Transaction:
    """The demo company, as last committed."""
    return demo_store.reader().at(1)


# --------------------------------------------------------------------------- any company


def test_companies_get_the_next_key_and_share_nothing(store: Store) -> None:
    """Each has its own set-up; rows of one are invisible to the other."""
    with store.transaction() as root:
        one = create_company(root, name=" First ", today=TODAY)
        two = create_company(root, name="Second", currency="usd", today=TODAY)
        currencies = [root.at(c.key).all(ReceivablesSetup)[0].local_currency_code for c in (one, two)]
        charts = [root.at(c.key).count(Account) for c in (one, two)]

    assert (one.key, two.key, one.name) == (1, 2, "First")
    assert currencies == ["EUR", "USD"]
    assert charts[0] == charts[1] > 30
    assert one.created_at > "2000"


@pytest.mark.parametrize(
    ("name", "currency", "code"),
    [
        ("", "EUR", "Application_DialogException"),
        ("   ", "EUR", "Application_DialogException"),
        ("x" * 31, "EUR", "Application_DialogException"),
        ("a\nb", "EUR", "Application_DialogException"),
        ("Other", "EURO", "Application_DialogException"),
        ("Other", "", "Application_DialogException"),
        ("tAKEN", "EUR", "Internal_EntityWithSameKeyExists"),
    ],
)
def test_a_company_that_cannot_be(store: Store, name: str, currency: str, code: str) -> None:
    """Names and currencies are checked before anything is written."""
    with store.transaction() as root:
        create_company(root, name="Taken", today=TODAY)
        with pytest.raises(Refused) as no:
            create_company(root, name=name, currency=currency, today=TODAY)

        assert no.value.code == code
        assert root.count(Company) == 1


def test_the_demo_is_in_euro(store: Store) -> None:
    """Its prices are."""
    with store.transaction() as root:
        with pytest.raises(Refused):
            create_company(root, name="Demo", currency="USD", today=TODAY, demo=True)

        assert root.count(Company) == 0


def test_the_smallest_amount_follows_the_currency(store: Store) -> None:
    """A yen has no cents."""
    with store.transaction() as root:
        yen = create_company(root, name="Yen", currency="JPY", today=TODAY)
        setup = root.at(yen.key).all(ReceivablesSetup)[0]

    assert setup.amount_rounding_precision == 1
    assert setup.local_currency_symbol == "¥"


def test_every_account_that_the_set_up_names_can_be_posted_to(books: Transaction) -> None:
    """Posting groups, tax groups, bank accounts, currencies, methods and journals name posting accounts only."""
    named: set[str] = set()
    for group in books.all(CustomerPostingGroup):
        accounts = {f: getattr(group, f) for f in group.__struct_fields__ if f.endswith("_account")}
        assert all(accounts.values()), f"{group.code} lacks {[f for f, a in accounts.items() if not a]}"
        named |= set(accounts.values())
    for product in books.all(GeneralProductPostingGroup):
        named |= {product.sales_account, product.sales_credit_memo_account}
    named |= {t.tax_account for t in books.all(TaxGroup)}
    named |= {b.ledger_account for b in books.all(BankAccount)}
    for currency in books.all(Currency):
        named |= {getattr(currency, f) for f in currency.__struct_fields__ if f.endswith("_account")}
    named |= {m.balancing_account_number for m in books.all(PaymentMethod)} - {""}
    named |= {t.balancing_account_number for t in books.all(JournalTemplate)} - {""}
    accounts_by_number = {a.number: a for a in books.all(Account)}

    for number in named:
        account = accounts_by_number[number]
        assert (account.account_type, account.blocked) == (GLAccountType.POSTING, False), number


def test_totals_reach_from_their_beginning(books: Transaction) -> None:
    """An End-Total sums a range that starts at a Begin-Total and ends at itself."""
    accounts = {a.number: a for a in books.all(Account)}
    totals = [a for a in accounts.values() if a.account_type == GLAccountType.END_TOTAL]

    assert totals
    for total in totals:
        start, end = total.totaling.split("..")
        assert end == total.number
        assert accounts[start].account_type == GLAccountType.BEGIN_TOTAL


def test_the_set_up_is_complete(books: Transaction) -> None:
    """No number series, template, group or journal that the set-up names is missing."""
    setup = books.all(ReceivablesSetup)[0]
    series = {s.code for s in books.all(NumberSeries)}
    templates = {t.name: t.type for t in books.all(JournalTemplate)}
    journal = books.get(JournalBatch, setup.default_payment_journal_id)

    for field in setup.__struct_fields__:
        if field.endswith("_numbers"):
            assert getattr(setup, field) in series, field
    assert templates[setup.payment_template] == JournalTemplateType.CASH_RECEIPTS
    assert templates[setup.general_template] == JournalTemplateType.GENERAL
    assert books.find(CustomerPostingGroup, code=setup.default_customer_posting_group)
    assert {d.code for d in books.all(Dimension)} == {setup.global_dimension_1, setup.global_dimension_2}
    assert journal
    assert (journal.template_name, journal.number_series) == (setup.payment_template, setup.payment_numbers)
    assert books.find(Account, number=journal.balancing_account_number, id=journal.balancing_account_id)


def test_every_series_has_a_next_number(books: Transaction) -> None:
    """Today and in 2015."""
    for series in books.all(NumberSeries):
        lines = books.all(NumberSeriesLine, series_code=series.code)

        assert peek(series, lines, TODAY)
        assert peek(series, lines, demo.DISPUTED)


def test_terms_have_plain_formulas(books: Transaction) -> None:
    """With and without discount; each formula is in its stored form."""
    terms = books.all(PaymentTerm)

    for term in terms:
        assert normalise(term.due_date_calculation) == term.due_date_calculation
        assert normalise(term.discount_date_calculation) == term.discount_date_calculation
        assert bool(term.discount_percent) == bool(term.discount_date_calculation)
    assert {bool(t.discount_percent) for t in terms} == {True, False}


def test_the_fiscal_year_starts_in_january(books: Transaction) -> None:
    """The one that the work date lies in."""
    assert books.all(CompanyInformation)[0].fiscal_year_start == date(2026, 1, 1)


# --------------------------------------------------------------------------- the demo company


def status(books: Transaction, invoice: SalesInvoice) -> CustomerLedgerEntry:
    entry = books.find(CustomerLedgerEntry, entry_number=invoice.ledger_entry_number)
    assert entry
    return entry


def test_the_disputed_invoice_is_the_first_and_open(books: Transaction) -> None:
    """A payment of 1500 dated 2015-12-31 can be applied to it."""
    invoice = books.find(SalesInvoice, number="100000")

    assert invoice
    assert invoice.customer_number == "10400"
    assert invoice.posted
    assert invoice.posting_date <= date(2015, 12, 31)
    entry = status(books, invoice)
    assert entry.open
    assert entry.remaining_amount == invoice.total_including_tax >= 1500


def test_the_default_payment_journal_is_empty(books: Transaction) -> None:
    """Line 10000 is free for the example of the documentation."""
    setup = books.all(ReceivablesSetup)[0]

    assert books.count(JournalLine, journal_id=setup.default_payment_journal_id) == 0


def test_posted_invoices_are_numbered_in_order_of_date(books: Transaction) -> None:
    """From 100000 on, without a gap."""
    invoices = books.all(SalesInvoice, posted=True, order=("number",))

    assert [i.number for i in invoices] == [str(100000 + n) for n in range(len(demo.SALES) + 1)]
    assert [i.posting_date for i in invoices] == sorted(i.posting_date for i in invoices)
    assert invoices[-1].posting_date < TODAY


def test_invoices_stand_in_every_state(books: Transaction) -> None:
    """Open, part-paid, paid, overdue in several ages, with a discount still possible, drafts."""
    posted = books.all(SalesInvoice, posted=True)
    entries = [status(books, i) for i in posted]
    still_open = [e for e in entries if e.open]
    overdue = [(TODAY - e.due_date).days for e in still_open if e.due_date < TODAY]

    assert len(entries) - len(still_open) >= 10
    assert {i.status for i in posted} == {InvoiceStatus.OPEN, InvoiceStatus.PAID}
    assert sum(1 for e in still_open if e.remaining_amount < e.original_amount) >= 3
    assert any(e.due_date > TODAY for e in still_open)
    for low, high in ((1, 30), (31, 60), (61, 90), (91, 3000)):
        assert any(low <= days <= high for days in overdue), (low, high)
    assert any(e.payment_discount_date >= TODAY and e.remaining_payment_discount_possible for e in still_open)
    assert books.count(SalesInvoice, posted=False) == len(demo.DRAFTS)


def test_credit_memos_stand_in_every_state(books: Transaction) -> None:
    """Taken up by an invoice that shrank, open on account, and a draft."""
    memos = books.all(SalesCreditMemo)
    posted = [m for m in memos if m.posted]

    assert len(memos) == len(demo.RETURNS)
    assert {m.status for m in memos} == {InvoiceStatus.DRAFT, InvoiceStatus.OPEN, InvoiceStatus.PAID}
    for memo in posted:
        (entry,) = books.all(CustomerLedgerEntry, entry_number=memo.ledger_entry_number)
        assert entry.original_amount == -memo.total_including_tax
        assert entry.open == (memo.applies_to_document_number == "")
        if memo.applies_to_document_number:
            (invoice,) = books.all(SalesInvoice, id=memo.applies_to_document_id)
            assert status(books, invoice).remaining_amount < invoice.total_including_tax


def test_a_discount_was_taken(books: Transaction) -> None:
    """Paid in time and short by the discount, the invoice is closed all the same."""
    assert books.count(GeneralLedgerEntry, account_number="4210") >= 1


def test_both_foreign_currencies_are_owed(books: Transaction) -> None:
    """With rates over several dates."""
    owed = {e.currency_code for e in books.all(CustomerLedgerEntry, open=True)}

    assert owed == {"", "USD", "GBP"}
    for code in ("USD", "GBP"):
        assert books.count(ExchangeRate, currency_code=code) >= 5


def test_debits_equal_credits(books: Transaction) -> None:
    """And what customers owe is what the receivables accounts say."""
    receivables = {g.receivables_account for g in books.all(CustomerPostingGroup)}
    in_ledger = sum((books.total(GeneralLedgerEntry, "amount", account_number=a) for a in receivables), Decimal(0))

    assert books.total(GeneralLedgerEntry, "amount") == 0
    assert in_ledger == books.total(CustomerLedgerEntry, "remaining_amount_lcy")


def test_the_demo_passes_the_check_of_the_books(demo_store: Store) -> None:
    """Every invariant, as `debitor check` looks at them."""
    with demo_store.snapshot() as root:
        assert check_books(root) == []


def test_customers_have_contacts_and_dimensions(books: Transaction) -> None:
    """A company and a person each; the customers' values exist."""
    values = {v.id: (v.dimension_code, v.code) for v in books.all(DimensionValue)}
    countries = {c.code for c in books.all(CountryRegion)}
    customers = books.all(Customer)

    assert len(customers) == 12
    for customer in customers:
        assert books.count(Contact, customer_id=customer.id) == 2
        assert customer.country in countries
        defaults = books.all(DefaultDimension, parent_id=customer.id)
        assert len(defaults) == 2
        assert all(values[d.value_id] == (d.dimension_code, d.value_code) for d in defaults)
    assert [c.number for c in customers if c.blocked != CustomerBlocked.BLANK] == ["11100"]


def test_the_next_customer_contact_and_item_have_free_numbers(books: Transaction) -> None:
    """The series go on after what the demo has used."""
    records: dict[str, Any] = {"CUST": Customer, "CONT": Contact, "ITEM": Item}
    for code, record in records.items():
        series = books.find(NumberSeries, code=code)
        assert series

        assert books.find(record, number=peek(series, books.all(NumberSeriesLine, series_code=code), TODAY)) is None


def test_the_waiting_payments_can_be_posted(store: Store) -> None:
    """They pay what is open, and close it."""
    with store.transaction() as root:
        tx = root.at(create_company(root, name="Demo", today=TODAY, demo=True).key)
        journal = tx.find(JournalBatch, name="LOCKBOX")
        assert journal
        lines = tx.all(JournalLine, journal_id=journal.id)
        paid = [line.applies_to_document_number for line in lines]
        post_journal(tx, journal.id, today=TODAY, user="TEST", strict=False)

        assert len(lines) == len(demo.WAITING)
        assert tx.count(JournalLine, journal_id=journal.id) == 0
        assert {i.status for i in tx.all(SalesInvoice, number=paid)} == {InvoiceStatus.PAID}


@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2024, 2, 29), date(2026, 12, 31), date(2027, 3, 31)])
def test_the_demo_works_on_any_day(store: Store, today: date) -> None:
    """Month ends, leap days and New Year."""
    with store.transaction() as root:
        tx = root.at(create_company(root, name="Demo", today=today, demo=True).key)

        assert tx.greatest(SalesInvoice, "posting_date") == today
        assert tx.total(GeneralLedgerEntry, "amount") == 0


def test_the_plan_of_sales_is_sound() -> None:
    """Oldest first, inside the months that have exchange rates, no payment in the future, no more than is owed."""
    ages = [sale.age for sale in demo.SALES]
    known = {buyer.number for buyer in demo.BUYERS}
    goods = {good[0] for good in demo.GOODS}

    assert ages == sorted(ages, reverse=True)
    assert min(len(rates) for rates in demo.RATES.values()) * timedelta(days=28) > timedelta(days=ages[0])
    for sale in (*demo.SALES, *demo.DRAFTS):
        assert sale.buyer in known
        assert {item for item, _ in sale.lines} <= goods
        assert all(days <= sale.age for _, days in sale.payments)
        assert sum(percent for percent, _ in sale.payments) <= 100
