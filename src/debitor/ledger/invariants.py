"""What must hold of any books, as functions that the tests, every posting and `debitor check` share.

Each takes rows and yields findings: sentences that name what is wrong. No finding means that it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import TypeVar

from debitor.ledger.amounts import ZERO, plain
from debitor.ledger.books import Books, Posting
from debitor.ledger.records import (
    AccountType,
    BankAccountLedgerEntry,
    CustomerLedgerEntry,
    DetailedEntry,
    DetailedEntryType,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    InvoiceStatus,
    SalesDocument,
    TaxEntry,
)
from debitor.ledger.sales_documents import following, kind_of

K = TypeVar("K")

NOT_IN_AMOUNT = (DetailedEntryType.APPLICATION, DetailedEntryType.APPLN_ROUNDING)
"""Detailed entries of these types change what remains of an entry, but not its amount."""


class Sums:
    """What the detailed entries of one customer ledger entry sum to, in its currency and in local currency."""

    __slots__ = ("amount", "amount_lcy", "original", "original_lcy", "remaining", "remaining_lcy")

    def __init__(self) -> None:
        self.original = self.original_lcy = ZERO
        self.amount = self.amount_lcy = ZERO
        self.remaining = self.remaining_lcy = ZERO

    def add(self, entry_type: str, amount: Decimal, lcy: Decimal) -> None:
        """Take in a detailed entry."""
        self.remaining += amount
        self.remaining_lcy += lcy
        if entry_type not in NOT_IN_AMOUNT:
            self.amount += amount
            self.amount_lcy += lcy
        if entry_type == DetailedEntryType.INITIAL_ENTRY:
            self.original += amount
            self.original_lcy += lcy


def sums_of(details: Iterable[DetailedEntry]) -> dict[int, Sums]:
    """Return the sums of detailed entries by customer ledger entry number."""
    found: dict[int, Sums] = {}
    for detail in details:
        sums = found.get(detail.ledger_entry_number)
        if sums is None:
            sums = found[detail.ledger_entry_number] = Sums()
        sums.add(detail.entry_type, detail.amount, detail.amount_lcy)
    return found


def entry_findings(entry: CustomerLedgerEntry, sums: Sums | None) -> Iterator[str]:
    """Check one customer ledger entry against its detailed entries and against itself."""
    name = f"Customer ledger entry {entry.entry_number}"
    if sums is None:
        yield f"{name} has no detailed entries."
        return
    kept = (
        entry.original_amount,
        entry.original_amount_lcy,
        entry.amount,
        entry.amount_lcy,
        entry.remaining_amount,
        entry.remaining_amount_lcy,
    )
    totals = sums.original, sums.original_lcy, sums.amount, sums.amount_lcy, sums.remaining, sums.remaining_lcy
    if kept != totals:
        for what, amount, total in zip(_AMOUNTS, kept, totals, strict=True):
            if amount != total:
                yield f"{name} has {what} {plain(amount)}, but its detailed entries sum to {plain(total)}."
    yield from standing_findings(entry)


_AMOUNTS = (
    "original amount",
    "original amount (LCY)",
    "amount",
    "amount (LCY)",
    "remaining amount",
    "remaining amount (LCY)",
)


def standing_findings(entry: CustomerLedgerEntry) -> Iterator[str]:
    """Check one customer ledger entry against itself."""
    name = f"Customer ledger entry {entry.entry_number}"
    if entry.open != bool(entry.remaining_amount):
        state = "open" if entry.open else "closed"
        yield f"{name} is {state}, but {plain(entry.remaining_amount)} of it remains."
    if entry.remaining_amount * entry.amount < 0 or abs(entry.remaining_amount) > abs(entry.amount):
        yield (
            f"{name} has {plain(entry.remaining_amount)} remaining of {plain(entry.amount)}; what remains must lie "
            "between zero and the amount."
        )
    if entry.original_amount and entry.positive != (entry.original_amount > 0):
        yield f"{name} over {plain(entry.original_amount)} has positive = {str(entry.positive).lower()}."
    if not entry.currency_code and entry.remaining_amount != entry.remaining_amount_lcy:
        yield (
            f"{name} is in local currency, but {plain(entry.remaining_amount)} remains of its amount and "
            f"{plain(entry.remaining_amount_lcy)} of its value in local currency."
        )
    if entry.open and entry.closed_by_entry_number:
        yield f"{name} is open, but says that entry {entry.closed_by_entry_number} closed it."
    if entry.closed_by_entry_number == entry.entry_number:
        yield f"{name} says that it closed itself."
    if entry.reversed and entry.open:
        yield f"{name} is reversed, but open."
    if entry.reversed != bool(entry.reversed_by_entry_number or entry.reversed_entry_number):
        yield f"{name} has reversed = {str(entry.reversed).lower()}, which the entries that it names contradict."


class Balance:
    """Whether general ledger entries sum to zero; fed one by one. Sums that are zero again are forgotten.

    The entries of one date of a register always do. Those of a transaction, and of a document, do too, unless the
    journal template does not force documents to balance.
    """

    def __init__(self) -> None:
        self.dates: dict[tuple[int, date], Decimal] = {}
        self.transactions: dict[int, Decimal] = {}
        self.documents: dict[tuple[str, str, date], Decimal] = {}

    def add(self, entry: GeneralLedgerEntry, *, by_document: bool = True) -> None:
        """Take in an entry. `by_document`: its journal template forces documents to balance."""
        _add(self.dates, (entry.register_number, entry.posting_date), entry.amount)
        if by_document:
            _add(self.transactions, entry.transaction_number, entry.amount)
            _add(self.documents, (entry.document_type, entry.document_number, entry.posting_date), entry.amount)

    def findings(self) -> Iterator[str]:
        """Say what does not balance."""
        for (register, day), amount in self.dates.items():
            yield f"The entries of {day} in general ledger register {register} sum to {plain(amount)}, not to zero."
        for transaction, amount in self.transactions.items():
            yield f"The general ledger entries of transaction {transaction} sum to {plain(amount)}, not to zero."
        for (_kind, number, day), amount in self.documents.items():
            yield f"The general ledger entries of document {number} of {day} sum to {plain(amount)}, not to zero."


class ControlAccounts:
    """Whether what customers owe is what the general ledger says that they owe; fed entry by entry.

    A customer ledger entry shares its number with the G/L entry on its receivables account. What remains of all
    entries of an account, by posting group and currency, sums to the balance that customers' postings gave the
    account. What journals post to it directly, without a customer, is no receivable and does not count.
    """

    def __init__(self) -> None:
        self.general: dict[str, Decimal] = {}
        self.owed: dict[str, dict[tuple[str, str], Decimal]] = {}

    def add(self, row: GeneralLedgerEntry, entry: CustomerLedgerEntry | None) -> None:
        """Take in a G/L entry, and the customer ledger entry of its number."""
        if row.source_type == AccountType.CUSTOMER:
            self.general[row.account_number] = self.general.get(row.account_number, ZERO) + row.amount
        if entry is not None:
            _add(
                self.owed.setdefault(row.account_number, {}),
                (entry.customer_posting_group, entry.currency_code),
                entry.remaining_amount_lcy,
            )

    def findings(self) -> Iterator[str]:
        """Say which control account differs, and what its customers owe by posting group and currency."""
        for account, owed in self.owed.items():
            balance, total = self.general.get(account, ZERO), sum(owed.values(), ZERO)
            if balance != total:
                parts = ", ".join(
                    f"{plain(amount)} of group {group} in {currency or 'local currency'}"
                    for (group, currency), amount in sorted(owed.items())
                )
                yield (
                    f"Receivables account {account} has a balance of {plain(balance)} from customers, but what "
                    f"remains of their entries is {plain(total)} ({parts or 'nothing is open'})."
                )


class Receivables:
    """Whether each transaction changes the receivables accounts by what it changes customers by; fed one by one."""

    def __init__(self) -> None:
        self.accounts: set[str] = set()
        self.differences: dict[int, Decimal] = {}

    def add(self, entry: GeneralLedgerEntry, *, customer_entry: bool) -> None:
        """Take in a general ledger entry, by ascending number.

        `customer_entry`: a customer ledger entry has its number, so its account is a receivables account.
        """
        if customer_entry:
            self.accounts.add(entry.account_number)
        if entry.source_type == AccountType.CUSTOMER and entry.account_number in self.accounts:
            _add(self.differences, entry.transaction_number, entry.amount)

    def add_detail(self, transaction_number: int, lcy: Decimal) -> None:
        """Take in a detailed entry."""
        _add(self.differences, transaction_number, -lcy)

    def findings(self) -> Iterator[str]:
        """Say which transactions differ."""
        for transaction, amount in self.differences.items():
            yield (
                f"Transaction {transaction} changes the receivables accounts by {plain(amount)} more than its "
                "detailed customer ledger entries say."
            )


def _add(sums: dict[K, Decimal], key: K, amount: Decimal) -> None:
    total = sums.get(key, ZERO) + amount
    if total:
        sums[key] = total
    else:
        sums.pop(key, None)


class Sequence:
    """Whether numbers run without gaps from 1; fed in ascending order."""

    def __init__(self, what: str) -> None:
        self.what, self.last = what, 0

    def add(self, number: int) -> str:
        """Take in the next number. Returns what is wrong, or a blank text."""
        expected, self.last = self.last + 1, number
        if number == expected:
            return ""
        if number < expected:
            return f"{self.what} {number} exists twice."
        return f"{self.what} {expected} is missing: {number} follows {expected - 1}."


def register_findings(register: GeneralLedgerRegister, reached: int) -> Iterator[str]:
    """Check that a register begins where the one before it ended (`reached`)."""
    if register.from_entry_number != reached + 1:
        yield (
            f"General ledger register {register.number} begins with entry {register.from_entry_number}; the register "
            f"before it ends with {reached}."
        )
    if register.to_entry_number < register.from_entry_number:
        yield f"General ledger register {register.number} has no entries."


def document_findings(document: SalesDocument, entry: CustomerLedgerEntry | None) -> Iterator[str]:
    """Check that a posted invoice or credit memo and its customer ledger entry agree."""
    kind = kind_of(document)
    name = f"Sales {kind.noun} {document.number}"
    if entry is None:
        yield f"{name} is posted, but its customer ledger entry {document.ledger_entry_number} does not exist."
        return
    if (entry.document_type, entry.document_number, entry.customer_id) != (
        kind.document_type,
        document.number,
        document.bill_to_customer_id,
    ):
        yield f"{name} points to customer ledger entry {entry.entry_number}, which belongs to another document."
    if entry.original_amount != kind.sign * document.total_including_tax:
        yield (
            f"{name} is over {plain(document.total_including_tax)}, its customer ledger entry {entry.entry_number} "
            f"over {plain(entry.original_amount)}."
        )
    right = following(document, entry).status
    if document.status != right:
        yield f"{name} has status {document.status}, but its customer ledger entry {entry.entry_number} is {right}."
    if document.status in (InvoiceStatus.CANCELED, InvoiceStatus.CORRECTIVE) and entry.open:
        yield f"{name} has status {document.status}, but its customer ledger entry {entry.entry_number} is open."


def tax_findings(tax: TaxEntry, of: GeneralLedgerEntry | None) -> Iterator[str]:
    """Check a tax entry against the general ledger entry that it was made with."""
    name = f"Tax entry {tax.entry_number}"
    if of is None:
        yield f"{name} points to general ledger entry {tax.general_ledger_entry_number}, which does not exist."
    elif (of.transaction_number, of.document_number, of.amount, of.tax_amount) != (
        tax.transaction_number,
        tax.document_number,
        tax.base,
        tax.amount,
    ):
        yield (
            f"{name} has base {plain(tax.base)} and tax {plain(tax.amount)}, but general ledger entry "
            f"{of.entry_number} has {plain(of.amount)} and {plain(of.tax_amount)}."
        )


def bank_findings(bank: BankAccountLedgerEntry, of: GeneralLedgerEntry | None) -> Iterator[str]:
    """Check a bank account ledger entry against the general ledger entry of its number."""
    name = f"Bank account ledger entry {bank.entry_number}"
    if of is None:
        yield f"{name} has no general ledger entry of its number."
    elif (of.transaction_number, of.document_number, of.amount) != (
        bank.transaction_number,
        bank.document_number,
        bank.amount_lcy,
    ):
        yield (
            f"{name} is worth {plain(bank.amount_lcy)} in local currency, but general ledger entry {of.entry_number} "
            f"of document {of.document_number} {plain(of.amount)}."
        )
    if not bank.currency_code and bank.amount != bank.amount_lcy:
        yield f"{name} is in local currency, but has amounts {plain(bank.amount)} and {plain(bank.amount_lcy)}."


def posting_findings(posting: Posting, books: Books) -> Iterator[str]:
    """Check what posting a journal would write: balanced, subledger in step, no gap, nothing applied twice."""
    by_document = books.template.force_document_balance
    yield from act_findings(posting, books.next.entry, by_document=by_document)
    for old, new in _changed_entries(posting):
        # Only taking an application back makes more remain of an entry.
        if abs(new.remaining_amount) > abs(old.remaining_amount):
            yield f"Customer ledger entry {old.entry_number} is applied to more than remains of it."


def act_findings(posting: Posting, first_entry: int, *, by_document: bool = True) -> Iterator[str]:
    """Check what any act on the ledgers would write: balanced, subledger in step, no gap, entries and details agree.

    Args:
        first_entry: the next general ledger entry number. by_document: documents have to balance.
    """
    changes = posting.changes
    balance, receivables = Balance(), Receivables()
    general = [row for row in changes.insert if isinstance(row, GeneralLedgerEntry)]
    details = [row for row in changes.insert if isinstance(row, DetailedEntry)]
    customer_entries = {entry.entry_number for entry in posting.entries}
    running = Sequence("General ledger entry")
    running.last = first_entry - 1
    receivables.accounts |= {entry.account_number for entry in general if entry.entry_number in customer_entries}
    for entry in general:
        balance.add(entry, by_document=by_document)
        receivables.add(entry, customer_entry=entry.entry_number in customer_entries)
        wrong = running.add(entry.entry_number)
        if wrong:
            yield wrong
    # An act without customer ledger entries of its own does not say which accounts are receivables.
    if customer_entries:
        for detail in details:
            receivables.add_detail(detail.transaction_number, detail.amount_lcy)
    yield from balance.findings()
    yield from receivables.findings()
    yield from application_findings(details)
    sums = sums_of(details)
    for added in posting.entries:
        yield from entry_findings(added, sums.get(added.entry_number))
    for old, new in _changed_entries(posting):
        change = sums.get(old.entry_number) or Sums()
        moved = (
            new.amount - old.amount,
            new.amount_lcy - old.amount_lcy,
            new.remaining_amount - old.remaining_amount,
            new.remaining_amount_lcy - old.remaining_amount_lcy,
        )
        totals = change.amount, change.amount_lcy, change.remaining, change.remaining_lcy
        if moved != totals:
            for what, by, total in zip(_AMOUNTS[2:], moved, totals, strict=True):
                if by != total:
                    yield (
                        f"The {what} of customer ledger entry {old.entry_number} changes by {plain(by)}, but its "
                        f"detailed entries sum to {plain(total)}."
                    )
        yield from standing_findings(new)


def _changed_entries(posting: Posting) -> Iterator[tuple[CustomerLedgerEntry, CustomerLedgerEntry]]:
    for old, new in posting.changes.update:
        if isinstance(old, CustomerLedgerEntry) and isinstance(new, CustomerLedgerEntry):
            yield old, new


def application_findings(details: Iterable[DetailedEntry]) -> Iterator[str]:
    """Check detailed entries without a transaction: each act has a number, and leaves the customer as it was."""
    sums: dict[int, Decimal] = {}
    for detail in details:
        if detail.transaction_number:
            continue
        if not detail.application_number:
            yield f"Detailed entry {detail.entry_number} has neither a transaction nor an application number."
        _add(sums, detail.application_number, detail.amount_lcy)
    for number, amount in sums.items():
        yield f"The detailed entries of application {number} sum to {plain(amount)} in local currency, not to zero."


def unapplied_findings(detail: DetailedEntry, other: DetailedEntry | None) -> Iterator[str]:
    """Check a detailed entry that takes another one back, or was taken back: both name each other and cancel out."""
    name = f"Detailed entry {detail.entry_number}"
    if not detail.unapplied:
        if detail.unapplied_by_entry_number:
            yield f"{name} is not unapplied, but names entry {detail.unapplied_by_entry_number} as unapplying it."
    elif other is None:
        yield f"{name} is unapplied by entry {detail.unapplied_by_entry_number}, which does not exist."
    elif (
        not other.unapplied
        or other.unapplied_by_entry_number != detail.entry_number
        or (other.ledger_entry_number, other.entry_type) != (detail.ledger_entry_number, detail.entry_type)
        or (other.amount, other.amount_lcy) != (-detail.amount, -detail.amount_lcy)
    ):
        yield f"{name} is unapplied by entry {other.entry_number}, which is not its opposite."


def reversed_findings(entry: GeneralLedgerEntry, other: GeneralLedgerEntry | None) -> Iterator[str]:
    """Check a general ledger entry that is reversed, or reverses another one: both name each other and cancel out.

    Args:
        other: the entry that `entry` names.
    """
    name = f"General ledger entry {entry.entry_number}"
    named = entry.reversed_by_entry_number or entry.reversed_entry_number
    if not entry.reversed:
        if named:
            yield f"{name} is not reversed, but names entry {named}."
        return
    if other is None:
        yield f"{name} is reversed, but entry {named} does not exist."
        return
    back = other.reversed_entry_number if entry.reversed_by_entry_number else other.reversed_by_entry_number
    if (
        not other.reversed
        or back != entry.entry_number
        or (other.account_number, other.amount) != (entry.account_number, -entry.amount)
    ):
        yield f"{name} is reversed with entry {named}, which is not its opposite."
