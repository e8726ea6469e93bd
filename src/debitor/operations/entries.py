"""The life of posted entries: apply, unapply, reverse; and what posting a journal would write. Load, decide, write.

Any refusal leaves everything as it was. Amounts are signed as the entries are: an invoice positive, a payment
negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from debitor.ledger import entry_refusals, post
from debitor.ledger import reverse as reversal
from debitor.ledger import unapply as unapplying
from debitor.ledger.applying import Wanted, apply_posted
from debitor.ledger.books import Posting
from debitor.ledger.entry_books import EntryBooks
from debitor.ledger.invariants import act_findings, posting_findings
from debitor.ledger.numbering import NextNumbers
from debitor.ledger.records import (
    Account,
    BankAccount,
    BankAccountLedgerEntry,
    Currency,
    Customer,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DetailedEntry,
    ExchangeRate,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    JournalBatch,
    JournalLine,
)
from debitor.operations.dimensions import pairs_of
from debitor.operations.payments import checked_reason, posting_setup
from debitor.operations.posting import (
    CURRENCY_ACCOUNTS,
    GROUP_ACCOUNTS,
    load_books,
    posting_rules,
    rows_of,
    unrealized_gains,
)
from debitor.operations.sales_posting import documents_behind, next_numbers
from debitor.operations.sealing import write_sealed
from debitor.schema import BLANK_DATE, Refused
from debitor.store import Reader, Transaction

PORTION = 200
"""Detailed entries without transaction that are read at a time."""


def apply_entries(
    tx: Transaction,
    *,
    applying: int,
    entries: Sequence[Wanted],
    user: str,
    posting_date: date | None = None,
) -> Posting:
    """Apply a posted customer ledger entry to others of its customer.

    Args:
        applying: number of the applying entry; its type and date decide on payment discount.
        entries: number and amount to apply of each other entry, in its currency and with its sign; None: all of it.
        posting_date: of the application; None for the latest posting date of the entries.

    Raises:
        Refused: see "applying posted entries" in ledger/entry_refusals.py.
    """
    numbers = [applying, *(number for number, _ in entries)]
    books = _books(tx, numbers, user)
    return _write(tx, apply_posted(applying, entries, posting_date or BLANK_DATE, books), books.next)


def unapply(
    tx: Transaction, *, entry_number: int, user: str, posting_date: date | None = None, canceling: bool = False
) -> Posting:
    """Take back the latest application of a customer ledger entry, for all entries that it settled.

    Args:
        posting_date: None for the date of the application.
        canceling: a document that cancelled another one is being cancelled.

    Raises:
        Refused: see "taking applications back" in ledger/entry_refusals.py.
    """
    act = act_of(tx, entry_number)
    touched = {entry_number, *(d.ledger_entry_number for d in act)}
    details = tx.all(DetailedEntry, ledger_entry_number=sorted(touched))
    books = _books(tx, touched, user)
    on = posting_date or BLANK_DATE
    posting = unapplying.unapply(entry_number, act, details, on, books, canceling=canceling)
    return _write(tx, posting, books.next)


def reverse(
    tx: Transaction, *, user: str, transaction: int = 0, entry_number: int = 0, reason_code: str = ""
) -> Posting:
    """Reverse a transaction that was posted from a journal.

    Args:
        transaction: its number; or, when 0, that of the general ledger, bank or customer ledger entry `entry_number`.
        reason_code: why; kept on the new entries.

    Raises:
        Refused: see "reversing posted transactions" in ledger/entry_refusals.py.
    """
    if not transaction:
        entry = tx.find(GeneralLedgerEntry, entry_number=entry_number)
        if entry is None:
            raise entry_refusals.CUSTOMER_ENTRY_UNKNOWN(entry=entry_number)
        transaction = entry.transaction_number
    general = tx.all(GeneralLedgerEntry, transaction_number=transaction, order=("entry_number",))
    entries = tx.all(CustomerLedgerEntry, transaction_number=transaction, order=("entry_number",))
    banks = tx.all(BankAccountLedgerEntry, transaction_number=transaction, order=("entry_number",))
    numbers = [e.entry_number for e in entries]
    details = tx.all(DetailedEntry, ledger_entry_number=numbers, order=("entry_number",)) if numbers else []
    others = reversal.unapplying_transactions(transaction, details)
    books = reversal.ReversalBooks(
        setup=posting_setup(tx, user),
        user=user[:50],
        now=tx.now,
        next=next_numbers(tx),
        transaction=transaction,
        general=general,
        unapplying=rows_of(tx, GeneralLedgerEntry, "transaction_number", sorted(others)),
        banks=banks,
        entries=entries,
        details=details,
        accounts={a.number: a for a in rows_of(tx, Account, "number", {e.account_number for e in general})},
        bank_accounts={b.id: b for b in rows_of(tx, BankAccount, "id", {e.bank_account_id for e in banks})},
        customers={c.id: c for c in rows_of(tx, Customer, "id", {e.customer_id for e in entries})},
        reason_code=checked_reason(tx, reason_code),
    )
    posting = _write(tx, reversal.reverse(books), books.next)
    _mark_reversed(tx, general)
    return posting


def _mark_reversed(tx: Transaction, general: Sequence[GeneralLedgerEntry]) -> None:
    """Mark the register of general ledger entries that were reversed, if none of its entries is left."""
    for number in {entry.register_number for entry in general}:
        register = tx.find(GeneralLedgerRegister, number=number)
        assert register is not None, f"register {number} does not exist"
        first, last = register.from_entry_number, register.to_entry_number
        for low in range(first, last + 1, PORTION):
            numbers = list(range(low, min(low + PORTION, last + 1)))
            if tx.all(GeneralLedgerEntry, entry_number=numbers, reversed=False, limit=1):
                break
        else:
            tx.update(register, reversed=True)


def preview(tx: Transaction, journal_id: str, *, today: date, user: str, strict: bool = False) -> Posting:
    """Return what posting a journal would write, and write nothing.

    Raises:
        Refused: what posting it would be refused for.
    """
    batch = tx.get(JournalBatch, journal_id)
    if batch is None:
        raise Refused("BadRequest_ResourceNotFound", f"Journal {journal_id} does not exist.")
    lines = tx.all(JournalLine, journal_id=journal_id, order=("line_number",))
    books = load_books(tx, batch, lines, today=today, user=user, strict=strict)
    posting = post.post_journal(lines, books)
    wrong = next(posting_findings(posting, books), None)
    assert wrong is None, wrong
    return posting


def _write(tx: Transaction, posting: Posting, numbers: NextNumbers) -> Posting:
    """Write what an act changes. Returns it."""
    wrong = next(act_findings(posting, numbers.entry), None)
    assert wrong is None, wrong
    write_sealed(tx, posting.changes)
    return posting


def act_of(tx: Reader, entry_number: int) -> list[DetailedEntry]:
    """Return the detailed entries that the latest application of an entry wrote for its customer."""
    own = tx.all(DetailedEntry, ledger_entry_number=entry_number)
    latest = unapplying.latest_application(own)
    if latest is None:
        return []
    transaction, first = latest
    customer = own[0].customer_id
    if transaction:
        found = tx.all(DetailedEntry, transaction_number=transaction, order=("entry_number",))
        return [d for d in found if d.customer_id == customer]
    # An act without transaction wrote its detailed entries in one go, so they have numbers without a gap.
    rows: list[DetailedEntry] = []
    while len(rows) % PORTION == 0:
        at = first + len(rows)
        portion = tx.all(DetailedEntry, entry_number=list(range(at, at + PORTION)), order=("entry_number",))
        part = [d for d in portion if d.application_number == first]
        rows += part
        if len(part) < PORTION:
            break
    return rows


def _books(tx: Transaction, numbers: Iterable[int], user: str) -> EntryBooks:
    """Load what an act on these customer ledger entries may see."""
    setup = posting_setup(tx, user)
    entries = {e.entry_number: e for e in tx.all(CustomerLedgerEntry, entry_number=sorted(set(numbers)))}
    customers = {e.customer_id for e in entries.values()}
    foreign = {e.currency_code for e in entries.values()}
    groups = rows_of(tx, CustomerPostingGroup, "code", {e.customer_posting_group for e in entries.values()})
    currencies = rows_of(tx, Currency, "code", foreign)
    rates: dict[str, list[ExchangeRate]] = {}
    if len(foreign) > 1:
        for rate in rows_of(tx, ExchangeRate, "currency_code", foreign, order="starting_date"):
            rates.setdefault(rate.currency_code, []).append(rate)
    wanted = {str(getattr(group, column)) for group in groups for column in GROUP_ACCOUNTS}
    wanted |= {str(getattr(currency, column)) for currency in currencies for column in CURRENCY_ACCOUNTS}
    accounts = {a.number: a for a in rows_of(tx, Account, "number", sorted(wanted))}
    return EntryBooks(
        setup=setup,
        user=user[:50],
        now=tx.now,
        next=next_numbers(tx),
        customer=tx.get(Customer, customers.pop()) if len(customers) == 1 else None,
        entries=entries,
        groups={g.code: g for g in groups},
        accounts=accounts,
        currencies={c.code: c for c in currencies},
        rates=rates,
        unrealized=unrealized_gains(tx, entries.values()),
        documents=documents_behind(tx, entries.values()),
        sets={n: pairs_of(tx, n) for n in {e.dimension_set_number for e in entries.values()}},
        rules=posting_rules(tx, (), accounts.values(), ()),
    )
