"""What posting a journal may see, and what it gives back. No store, no clock: `now` and `today` are values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from debitor.ledger.currencies import Rates
from debitor.ledger.dimensions import ALL_GO_TOGETHER, Combinations, Pairs
from debitor.ledger.numbering import NextNumbers
from debitor.ledger.records import (
    Account,
    AccountType,
    BankAccount,
    Currency,
    Customer,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DefaultDimension,
    Dimension,
    DimensionValue,
    DocumentType,
    JournalBatch,
    JournalLine,
    JournalTemplate,
    NumberSeries,
    NumberSeriesLine,
    ReceivablesSetup,
    SalesDocument,
)
from debitor.schema import Changes

EMPTY_LEDGERS = NextNumbers(entry=1, detailed=1, tax=1, transaction=1, register=1)


@dataclass(frozen=True, slots=True)
class Books:
    """All that posting one journal may see.

    Attributes:
        customers, banks: by id; accounts, posting_groups, currencies: by number or code.
        rates: currency code -> its exchange rates, by starting date.
        entries: open customer ledger entries, any order: those that the lines name by document or by mark, and all
            of customers whose method is Apply to Oldest and whose lines name nothing.
        unrealized: entry number -> sum of its unrealized gains and losses (LCY); only entries that have some.
        documents: customer ledger entry number -> the posted invoice or credit memo behind it.
        blocked_salespeople: codes of salespeople who are blocked for privacy.
        series, series_lines: number series of the journal, by code.
        sets: dimension set number -> its pairs; dimensions, values: what those pairs name.
        combinations: dimensions and values that do not go together.
        rules: id of a record (customer, G/L account, bank account) -> the default dimensions that apply to it.
        strict: refuse what Business Central refuses.
    """

    setup: ReceivablesSetup
    template: JournalTemplate
    batch: JournalBatch
    today: date
    user: str
    now: str
    strict: bool = False
    customers: Mapping[str, Customer] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)
    posting_groups: Mapping[str, CustomerPostingGroup] = field(default_factory=dict)
    banks: Mapping[str, BankAccount] = field(default_factory=dict)
    currencies: Mapping[str, Currency] = field(default_factory=dict)
    rates: Rates = field(default_factory=dict)
    entries: Sequence[CustomerLedgerEntry] = ()
    unrealized: Mapping[int, Decimal] = field(default_factory=dict)
    documents: Mapping[int, SalesDocument] = field(default_factory=dict)
    blocked_salespeople: Collection[str] = ()
    series: Mapping[str, NumberSeries] = field(default_factory=dict)
    series_lines: Mapping[str, Sequence[NumberSeriesLine]] = field(default_factory=dict)
    sets: Mapping[int, Pairs] = field(default_factory=dict)
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    values: Mapping[tuple[str, str], DimensionValue] = field(default_factory=dict)
    combinations: Combinations = field(default_factory=lambda: ALL_GO_TOGETHER)
    rules: Mapping[str, Sequence[DefaultDimension]] = field(default_factory=dict)
    next: NextNumbers = EMPTY_LEDGERS


@dataclass(frozen=True, slots=True)
class Posting:
    """What posting a journal changes.

    Attributes:
        changes: ledger rows to add, entries and documents to change, journal lines to remove.
        register_number: 0 when nothing was posted, because all lines were empty.
        entries: the customer ledger entries added, as they stand at the end.
    """

    changes: Changes
    register_number: int = 0
    entries: Sequence[CustomerLedgerEntry] = ()


def posting_amount(line: JournalLine, *, strict: bool) -> tuple[Decimal, Decimal]:
    """Return what a line debits its account with: in its currency, and in local currency.

    A customer payment with a positive amount is a receipt of that amount, so it credits the customer. Business
    Central stores such a line and refuses to post it, which strict mode does too.
    """
    if (
        not strict
        and line.amount > 0
        and line.document_type == DocumentType.PAYMENT
        and line.account_type == AccountType.CUSTOMER
    ):
        return -line.amount, -line.amount_lcy
    return line.amount, line.amount_lcy


def is_empty(line: JournalLine) -> bool:
    """Whether posting skips the line: no account and no amount."""
    return not line.account_number and not line.amount
