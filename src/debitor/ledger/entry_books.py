"""What an act on posted entries may see, and the rows that all such acts have in common.

Applying, unapplying and reversing have no journal. Each is given the entries that it touches and returns a `Posting`.
What of it concerns the general ledger gets a transaction and a register; an application without discount, gain or
loss concerns the customer's entries alone, so its detailed entries have transaction 0, and the number of the first of
them as application number.

Source: BCApps GenJnlPostLine.Codeunit.al (CustPostApplyCustLedgEntry, UnapplyCustLedgEntry), retold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from debitor.ledger import dimensions, entries, entry_refusals, refusals
from debitor.ledger.amounts import ZERO
from debitor.ledger.apply import Detail, Terms
from debitor.ledger.currencies import Rates
from debitor.ledger.detail_accounts import detail_account, group_account, posting_account
from debitor.ledger.dimensions import Pairs
from debitor.ledger.entries import Voucher
from debitor.ledger.numbering import NextNumbers
from debitor.ledger.records import (
    Account,
    AccountType,
    Currency,
    Customer,
    CustomerBlocked,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DefaultDimension,
    DetailedEntryType,
    GeneralLedgerEntry,
    ReceivablesSetup,
    SalesDocument,
)
from debitor.ledger.sales_documents import following
from debitor.schema import Row


@dataclass(frozen=True, slots=True)
class EntryBooks:
    """All that an act on posted entries of one customer may see.

    Attributes:
        customer: whose entries they are, None when it was deleted.
        entries: customer ledger entries by number: all that the act names or touches.
        groups: customer posting groups by code; accounts: by number; currencies: by code.
        rates: currency code -> its exchange rates, by starting date.
        unrealized: entry number -> sum of its unrealized gains and losses (LCY).
        documents: customer ledger entry number -> the posted invoice or credit memo behind it.
        sets: dimension set number -> its pairs; rules: id of an account -> the default dimensions that apply to it.
    """

    setup: ReceivablesSetup
    user: str
    now: str
    next: NextNumbers
    customer: Customer | None
    entries: Mapping[int, CustomerLedgerEntry]
    groups: Mapping[str, CustomerPostingGroup] = field(default_factory=dict)
    accounts: Mapping[str, Account] = field(default_factory=dict)
    currencies: Mapping[str, Currency] = field(default_factory=dict)
    rates: Rates = field(default_factory=dict)
    unrealized: Mapping[int, Decimal] = field(default_factory=dict)
    documents: Mapping[int, SalesDocument] = field(default_factory=dict)
    sets: Mapping[int, Pairs] = field(default_factory=dict)
    rules: Mapping[str, Sequence[DefaultDimension]] = field(default_factory=dict)

    def entry(self, number: int) -> CustomerLedgerEntry:
        """The customer ledger entry with a number.

        Raises:
            Refused: there is none.
        """
        found = self.entries.get(number)
        if found is None:
            raise entry_refusals.CUSTOMER_ENTRY_UNKNOWN(entry=number)
        return found

    def group(self, entry: CustomerLedgerEntry) -> CustomerPostingGroup:
        """The posting group of an entry."""
        code = entry.customer_posting_group
        found = self.groups.get(code)
        if found is None:
            raise refusals.GROUP_ACCOUNT_MISSING(group=code, account="receivables account")
        return found

    def terms(self) -> Terms:
        """What an application needs besides the entries."""
        return Terms(self.setup, self.currencies, self.rates, self.unrealized)

    def voucher(self, of: CustomerLedgerEntry, on: date, source_code: str, *, ledger: bool) -> Voucher:
        """What all rows of the act have in common: the document of one of its entries.

        Args:
            ledger: whether it concerns the general ledger, and so gets a transaction and a register.
        """
        return Voucher(
            transaction_number=self.next.transaction if ledger else 0,
            register_number=self.next.register if ledger else 0,
            posting_date=on,
            document_date=on,
            document_type=of.document_type,
            document_number=of.document_number,
            external_document_number=of.external_document_number,
            description=of.description,
            dimension_set_number=of.dimension_set_number,
            source_code=source_code,
            user=self.user,
            now=self.now,
        )

    def check_customer(self) -> None:
        """Refuse a customer whose entries must not be touched.

        Raises:
            Refused: blocked for privacy, or for all business.
        """
        customer = self.customer
        if customer is None:
            return
        if customer.privacy_blocked:
            raise entry_refusals.ENTRIES_OF_CUSTOMER_PRIVATE(number=customer.number)
        if customer.blocked == CustomerBlocked.ALL:
            raise entry_refusals.ENTRIES_OF_CUSTOMER_BLOCKED(number=customer.number, blocked=customer.blocked)


def concerns_ledger(details: Iterable[Detail]) -> bool:
    """Whether detailed entries change an account of the general ledger besides the receivables."""
    return any(_posted(detail) for detail in details)


def _posted(detail: Detail) -> bool:
    kinds = (DetailedEntryType.INITIAL_ENTRY, DetailedEntryType.APPLICATION)
    return bool(detail.amount_lcy) and detail.entry_type not in kinds


def general_side(
    of: Voucher, details: Sequence[Detail], applying: CustomerLedgerEntry, books: EntryBooks, *, back: bool
) -> list[GeneralLedgerEntry]:
    """Return the general ledger entries of an application: one for each discount, gain ..., then the receivables.

    Args:
        applying: the entry whose posting group names the accounts.
        back: the application is taken back, so the entries are those of the application with a minus.

    Raises:
        Refused: an account is missing, blocked, or demands other dimensions.
    """
    group, source = books.group(applying), (AccountType.CUSTOMER, applying.customer_number)
    sign = -1 if back else 1
    general: list[GeneralLedgerEntry] = []

    def add(number: str, where: str, amount: Decimal) -> None:
        account = posting_account(books.accounts, number, where)
        rules = books.rules.get(account.id)
        if rules:
            dimensions.check(
                books.sets.get(of.dimension_set_number, {}),
                rules,
                record=f"G/L account {number}",
                where=f"customer ledger entry {applying.entry_number}",
            )
        general.append(
            entries.general_entry(
                of,
                books.next.entry + len(general),
                account,
                sign * amount,
                source_type=source[0],
                source_number=source[1],
                correction=back,
            )
        )

    total = ZERO
    for detail in details:
        if _posted(detail):
            add(*detail_account(detail, group, books.currencies, books.setup), -detail.amount_lcy)
            total += detail.amount_lcy
    if total:
        add(*group_account(group, "receivables_account"), total)
    return general


def register_rows(of: Voucher, general: Sequence[GeneralLedgerEntry]) -> list[Row]:
    """Return the register of an act, if it has general ledger entries, and those entries."""
    if not general:
        return []
    return [entries.register_of(of, general[0].entry_number, general[-1].entry_number), *general]


def documents_after(
    changed: Iterable[CustomerLedgerEntry], books: EntryBooks
) -> list[tuple[SalesDocument, SalesDocument]]:
    """Return the documents behind entries, before and after, with the status that their entries give them."""
    behind = ((books.documents.get(entry.entry_number), entry) for entry in changed)
    return [(document, following(document, entry)) for document, entry in behind if document is not None]
