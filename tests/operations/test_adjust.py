"""Adjusting exchange rates on a real store: what is loaded and written, and that the books hold afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from debitor.ledger.records import (
    Account,
    AccountType,
    BankAccount,
    BankAccountLedgerEntry,
    Currency,
    CustomerLedgerEntry,
    DetailedEntry,
    DetailedEntryType,
    DocumentType,
    ExchangeRate,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    JournalBatch,
    JournalLine,
)
from debitor.operations.adjust import adjust_exchange_rates
from debitor.operations.checks import check_books
from debitor.operations.companies import create_company
from debitor.operations.posting import post_journal
from debitor.schema import BLANK_DATE, Refused, Row
from debitor.store import Root, Transaction
from debitor.store.opening import open_store

TODAY = date(2026, 1, 31)


@pytest.fixture
def root(store_url: str) -> Iterator[Root]:
    """The demo company, whose currencies are worth twice their amount from 30 January on."""
    store = open_store(store_url)
    with store.transaction() as opened:
        create_company(opened, name="Demo", today=TODAY, demo=True)
        tx = opened.at(1)
        for currency in tx.all(Currency):
            tx.insert(
                ExchangeRate(
                    currency_code=currency.code,
                    starting_date=TODAY.replace(day=30),
                    exchange_rate_amount=Decimal(100),
                    relational_exchange_rate_amount=Decimal(200),
                )
            )
        yield opened
    store.close()


@pytest.fixture
def tx(root: Root) -> Transaction:
    return root.at(1)


def run(tx: Transaction, *, on: date = BLANK_DATE, currency: str = "", preview: bool = False) -> list[Row]:
    return [*adjust_exchange_rates(tx, on, BLANK_DATE, "ADJ1", currency, "clerk", TODAY, preview)]


def foreign(tx: Transaction) -> list[CustomerLedgerEntry]:
    return [entry for entry in tx.all(CustomerLedgerEntry, open=True) if entry.currency_code]


def test_all_open_entries_are_worth_the_rate_of_the_day(root: Root, tx: Transaction) -> None:
    """Twice their amount, in local currency; invoices and credit memos."""
    before = foreign(tx)
    rows = run(tx)

    assert {entry.positive for entry in before} == {True, False}
    for entry in foreign(tx):
        assert entry.remaining_amount_lcy == 2 * entry.remaining_amount
        assert entry.adjusted_currency_factor == Decimal("0.5")
    assert check_books(root) == []
    general = [row for row in rows if isinstance(row, GeneralLedgerEntry)]
    assert {row.posting_date for row in general} == {TODAY}
    assert {row.document_number for row in general} == {"ADJ1"}
    assert {row.user_id for row in general} == {"clerk"}
    assert [row.entry_number for row in general] == [
        row.entry_number for row in tx.all(GeneralLedgerEntry, document_number="ADJ1", order=("entry_number",))
    ]


def test_a_preview_writes_nothing(tx: Transaction) -> None:
    kinds = (GeneralLedgerEntry, DetailedEntry, CustomerLedgerEntry, GeneralLedgerRegister, Currency)
    before = [tx.all(kind) for kind in kinds]
    shown = run(tx, preview=True)

    assert [tx.all(kind) for kind in kinds] == before
    posted = run(tx)
    assert [type(row) for row in shown] == [type(row) for row in posted]
    amounts = [[row.amount for row in rows if isinstance(row, GeneralLedgerEntry)] for rows in (shown, posted)]
    assert amounts[0] == amounts[1]


def test_a_second_run_finds_nothing(tx: Transaction) -> None:
    run(tx)

    assert run(tx) == []


def test_one_currency_alone(tx: Transaction) -> None:
    run(tx, currency="GBP")

    assert {e.currency_code for e in foreign(tx) if e.adjusted_currency_factor == Decimal("0.5")} == {"GBP"}
    assert {c.code: c.last_date_adjusted for c in tx.all(Currency)} == {"GBP": TODAY, "USD": BLANK_DATE}


def test_an_unknown_currency(tx: Transaction) -> None:
    with pytest.raises(Refused) as no:
        run(tx, currency="XYZ")

    assert no.value.code == "Internal_InvalidTableRelation"


def pay(tx: Transaction, entry: CustomerLedgerEntry, amount: Decimal, lcy: Decimal, factor: str) -> None:
    """Post a payment of part of an entry, into a G/L account."""
    batch = tx.insert(JournalBatch(template_name="CASHRECPT", name="TEST"))
    account = tx.find(Account, number="1210")
    assert account is not None
    tx.insert(
        JournalLine(
            journal_id=batch.id, line_number=10000, account_type=AccountType.CUSTOMER, account_id=entry.customer_id,
            account_number=entry.customer_number, posting_date=TODAY, document_type=DocumentType.PAYMENT,
            document_number="PAY1", amount=-amount, amount_lcy=-lcy, currency_code=entry.currency_code,
            currency_factor=Decimal(factor), balancing_account_id=account.id, balancing_account_number="1210",
            applies_to_document_type=DocumentType.INVOICE, applies_to_document_number=entry.document_number,
        )
    )  # fmt: skip
    post_journal(tx, batch.id, today=TODAY, user="clerk", strict=False)


@pytest.mark.parametrize("part", [Decimal("0.5"), Decimal(1)])
def test_a_payment_takes_the_unrealized_amounts_back(root: Root, tx: Transaction, part: Decimal) -> None:
    """All of them with the last payment, the value of what remains stays that of the rate."""
    run(tx)
    entry = next(e for e in foreign(tx) if e.positive)
    amount = (entry.remaining_amount * part).quantize(Decimal("0.01"))
    pay(tx, entry, amount, 2 * amount, "0.5")
    left = tx.find(CustomerLedgerEntry, entry_number=entry.entry_number)

    assert left is not None
    assert left.remaining_amount_lcy == 2 * left.remaining_amount
    kinds = (DetailedEntryType.UNREALIZED_GAIN, DetailedEntryType.UNREALIZED_LOSS)
    held = sum(d.amount_lcy for d in tx.all(DetailedEntry, ledger_entry_number=entry.entry_number, entry_type=kinds))
    assert bool(held) == left.open
    assert check_books(root) == []


def test_a_run_for_a_day_before_the_payment(root: Root, tx: Transaction) -> None:
    """The invoice was paid on the 31st; the run for the 30th values it and takes that back on the 31st."""
    entry = next(e for e in foreign(tx) if e.positive)
    pay(tx, entry, entry.remaining_amount, 2 * entry.remaining_amount, "0.5")
    run(tx, on=TODAY.replace(day=30))
    kinds = (DetailedEntryType.UNREALIZED_GAIN, DetailedEntryType.UNREALIZED_LOSS)
    found = tx.all(DetailedEntry, ledger_entry_number=entry.entry_number, entry_type=kinds, order=("entry_number",))

    assert [(d.posting_date.day, d.amount_lcy > 0) for d in found] == [(30, True), (31, False)]
    assert sum(d.amount_lcy for d in found) == 0
    assert check_books(root) == []


def test_a_bank_account_in_foreign_currency(root: Root, tx: Transaction) -> None:
    """What came in later is left out."""
    bank = tx.insert(BankAccount(number="USD", currency_code="USD", ledger_account="1210"))
    first = tx.greatest(GeneralLedgerEntry, "entry_number")
    for number, (day, amount) in enumerate([(10, 100), (20, 50), (31, 7)], first + 1000):
        tx.insert(
            BankAccountLedgerEntry(
                entry_number=number, bank_account_id=bank.id, posting_date=TODAY.replace(day=day),
                amount=Decimal(amount), amount_lcy=Decimal(amount),
            )
        )  # fmt: skip
    rows = run(tx, on=TODAY.replace(day=30), currency="USD")
    (entry,) = [row for row in rows if isinstance(row, BankAccountLedgerEntry)]

    assert (entry.amount, entry.amount_lcy) == (Decimal(0), Decimal(150))
    general = [row for row in rows if isinstance(row, GeneralLedgerEntry)][:2]
    assert [(row.account_number, row.amount) for row in general] == [("1210", Decimal(150)), ("6310", Decimal(-150))]
    assert run(tx, on=TODAY.replace(day=30), currency="USD") == []
