"""Adjusting exchange rates at the end of a period: what is owed in foreign currency, at the rate of that day.

Invoice 5 over EUR 1000 was posted at 1.20, the adjustment rate of 28 February is 1.25; next entry number 10:

    detailed entry  5   Unrealized Gain   0 EUR, 50 LCY      invoice 5: EUR 1000 remains, LCY 1250
    G/L entry 10   receivables        50
    G/L entry 11   unrealized gains  -50

A second run posts the difference only, and takes back first what was held: from 1.25 to 1.18 it posts a loss of 50
and a loss of 20. The entry's adjusted currency factor becomes that of the day, so that a part payment leaves the
right value; a payment reverses the unrealized amounts itself (apply.py). What was paid after the day, but before the
run, is adjusted on the day and taken back on the date of each later detailed entry.

A bank account in foreign currency is adjusted as a whole, against the currency's realized accounts.

Source: BCApps ExchRateAdjmtProcess.Codeunit.al, retold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from debitor.ledger import dimensions, entries
from debitor.ledger.amounts import ZERO, plain
from debitor.ledger.apply import UNREALIZED, Detail
from debitor.ledger.books import Posting
from debitor.ledger.currencies import Rates, adjustment_factor_at, to_lcy
from debitor.ledger.dimensions import Pairs
from debitor.ledger.entries import NO_OTHER, Voucher
from debitor.ledger.numbering import NextNumbers
from debitor.ledger.records import (
    Account,
    AccountType,
    BankAccount,
    BankAccountLedgerEntry,
    Currency,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DefaultDimension,
    DetailedEntry,
    DetailedEntryType,
    DocumentType,
    GeneralLedgerEntry,
    ReceivablesSetup,
)
from debitor.ledger.sales_documents import check_in_range
from debitor.schema import BLANK_DATE, Changes, Refused, Row

GAIN, LOSS = DetailedEntryType.UNREALIZED_GAIN, DetailedEntryType.UNREALIZED_LOSS


class BankBalance(NamedTuple):
    """What lies on a bank account at the end of the period, in its currency and in local currency."""

    bank: BankAccount
    balance: Decimal
    balance_lcy: Decimal


@dataclass(frozen=True, slots=True)
class AdjustmentBooks:
    """All that one adjustment may see.

    Attributes:
        currencies: those to adjust, by code; rates: of each, by starting date.
        entries: customer ledger entries in these currencies of the period's end or before, that were open on the
            posting date, by entry number; details: entry number -> all of its detailed entries.
        posting_groups, accounts: by code and by number.
        banks: the bank accounts in these currencies with their balances.
        sets: dimension sets of the entries, by number; rules: id of a G/L account -> its default dimensions.
        user, now: who posts, and the time stamp of the transaction.
    """

    setup: ReceivablesSetup
    currencies: Mapping[str, Currency]
    rates: Rates
    entries: Sequence[CustomerLedgerEntry]
    details: Mapping[int, Sequence[DetailedEntry]]
    posting_groups: Mapping[str, CustomerPostingGroup]
    accounts: Mapping[str, Account]
    banks: Sequence[BankBalance]
    next: NextNumbers
    user: str
    now: str
    sets: Mapping[int, Pairs] = field(default_factory=dict)
    rules: Mapping[str, Sequence[DefaultDimension]] = field(default_factory=dict)


class Change(NamedTuple):
    """One detailed entry to be: the day, gain or loss, and the amount in local currency (debit positive)."""

    on: date
    kind: DetailedEntryType
    lcy: Decimal


def check_request(
    ending_date: date, posting_date: date, document_number: str, currencies: Mapping[str, Currency]
) -> None:
    """Refuse a run that lacks a value, is posted after its period, or lies before the last one of a currency.

    An earlier day would undo what the later run has valued.
    """
    blank = {
        "endingDate": ending_date == BLANK_DATE,
        "postingDate": posting_date == BLANK_DATE,
        "documentNumber": not document_number,
    }
    for name, is_blank in blank.items():
        if is_blank:
            raise _field(f"{name} must have a value to adjust exchange rates.")
    if posting_date > ending_date:
        raise _dialog(
            f"postingDate {posting_date} is after endingDate {ending_date}. Choose a day of the period to adjust."
        )
    for currency in currencies.values():
        if posting_date < currency.last_date_adjusted:
            raise _dialog(
                f"Currency {currency.code} was adjusted on {currency.last_date_adjusted} already. Choose that day or "
                f"a later one as postingDate, not {posting_date}."
            )


def entry_changes(
    details: Sequence[DetailedEntry], factor: Decimal, on: date, precision: Decimal
) -> Iterator[Change]:
    """Yield what adjusts one customer ledger entry: on the day, and on each later day on which its amount changed.

    Args:
        details: all detailed entries of the entry. factor: the adjustment factor of the day.
        precision: of local currency.

    An amount beyond what was held of the other sign is split: first the held amount is taken back.
    """
    held = sum((d.amount_lcy for d in details if d.entry_type in UNREALIZED), ZERO)
    ordered = sorted(details, key=lambda d: d.posting_date)
    remaining = remaining_lcy = ZERO
    at = 0
    for day in sorted({on, *(d.posting_date for d in details if d.posting_date > on)}):
        while at < len(ordered) and ordered[at].posting_date <= day:
            remaining += ordered[at].amount
            remaining_lcy += ordered[at].amount_lcy
            at += 1
        change = to_lcy(remaining, factor, precision) - remaining_lcy
        crosses = held * change < 0 and abs(change) > abs(held)
        for part in (-held, change + held) if crosses else (change,):
            if part:
                yield Change(day, GAIN if part > 0 else LOSS, part)
        held += change
        remaining_lcy += change


def adjust(
    books: AdjustmentBooks, *, ending_date: date, posting_date: date, document_number: str, preview: bool = False
) -> Posting:
    """Return every row that adjusting the exchange rates adds and changes; register number 0: nothing to adjust.

    Args:
        ending_date: the last day of the period; entries of later days are left alone.
        posting_date: the day whose adjustment rates apply, not after `ending_date`.
        preview: the run will not be written, so that no currency counts as adjusted.

    Raises:
        Refused: the request is wrong, a date is not allowed, a rate, an account or a posting group is missing, an
            account cannot be posted to, or its default dimensions demand others.
    """
    check_request(ending_date, posting_date, document_number, books.currencies)
    run = _Run(books, posting_date, document_number)
    factors = {
        code: adjustment_factor_at(books.rates, code, posting_date) for code in books.currencies if _used(books, code)
    }
    for balance in books.banks:
        run.adjust_bank(balance, factors[balance.bank.currency_code])
    run.adjust_customers(factors)
    changes = run.finish()
    if not preview:
        changes.update += [
            (currency, replace(currency, last_date_adjusted=posting_date))
            for currency in books.currencies.values()
            if currency.last_date_adjusted != posting_date
        ]
    return Posting(changes, books.next.register if run.general else 0)


def _used(books: AdjustmentBooks, code: str) -> bool:
    """Whether anything is kept in the currency; one that is not used needs no exchange rate."""
    return any(e.currency_code == code for e in books.entries) or any(
        b.bank.currency_code == code for b in books.banks
    )


class _Run:
    """Collects the rows of one adjustment."""

    def __init__(self, books: AdjustmentBooks, posting_date: date, document_number: str) -> None:
        self.books, self.posting_date, self.document_number = books, posting_date, document_number
        self.precision = books.setup.amount_rounding_precision
        self.general: list[GeneralLedgerEntry] = []
        self.detailed: list[DetailedEntry] = []
        self.bank: list[BankAccountLedgerEntry] = []
        self.updates: list[tuple[Row, Row]] = []
        self.transaction = books.next.transaction - 1
        self.voucher: Voucher | None = None

    # ------------------------------------------------------------- bank accounts

    def adjust_bank(self, held: BankBalance, factor: Decimal) -> None:
        """Bring a bank account's value to the rate of the day, against realized gains or losses."""
        bank, change = held.bank, to_lcy(held.balance, factor, self.precision) - held.balance_lcy
        if not change:
            return
        currency = self.books.currencies[bank.currency_code]
        where = f"bank account {bank.number}"
        if not bank.ledger_account:
            raise _field(f"Bank account {bank.number} has no G/L account. Enter one in the set-up.")
        account = self._account(bank.ledger_account, where, 0)
        column = "realized_gains_account" if change > 0 else "realized_losses_account"
        other = self._currency_account(currency, column, 0)
        of = self._begin(currency.code, self.posting_date, 0)
        number = self._number()
        self.bank.append(entries.bank_entry(of, number, bank, ZERO, change, NO_OTHER))
        source = AccountType.BANK_ACCOUNT
        self.general.append(
            entries.general_entry(of, number, account, change, source_type=source, source_number=bank.number)
        )
        self.general.append(entries.general_entry(of, self._number(), other, -change))

    # ------------------------------------------------------------- customers

    def adjust_customers(self, factors: Mapping[str, Decimal]) -> None:
        """Adjust the entries; those of one currency, day and dimension set are one transaction."""
        groups: dict[tuple[str, date, int], list[tuple[CustomerLedgerEntry, Change]]] = {}
        for entry in sorted(self.books.entries, key=lambda e: e.entry_number):
            factor = factors[entry.currency_code]
            total = ZERO
            for change in entry_changes(
                self.books.details[entry.entry_number], factor, self.posting_date, self.precision
            ):
                total += change.lcy
                key = entry.currency_code, change.on, entry.dimension_set_number
                groups.setdefault(key, []).append((entry, change))
            adjusted = replace(
                entry,
                amount_lcy=entry.amount_lcy + total,
                remaining_amount_lcy=entry.remaining_amount_lcy + total,
                adjusted_currency_factor=factor if entry.open else entry.adjusted_currency_factor,
            )
            if adjusted != entry:
                self.updates.append((entry, adjusted))
        for (code, on, dimension_set), changes in groups.items():
            self._post_group(code, on, dimension_set, changes)

    def _post_group(
        self, code: str, on: date, dimension_set: int, changes: Sequence[tuple[CustomerLedgerEntry, Change]]
    ) -> None:
        """Add the receivables of each customer, the gains and losses in one sum each, and the detailed entries."""
        check_in_range(on, self.books.setup)
        of = self._begin(code, on, dimension_set)
        sums: dict[tuple[str, str], Decimal] = {}
        totals = {GAIN: ZERO, LOSS: ZERO}
        for entry, change in changes:
            owed = self._receivables_account(entry), entry.customer_number
            sums[owed] = sums.get(owed, ZERO) + change.lcy
            totals[change.kind] += change.lcy
            number = self.books.next.detailed + len(self.detailed)
            self.detailed.append(
                entries.detailed_entry(of, number, Detail(entry, change.kind, ZERO, change.lcy), on, 0)
            )
        for (number_of, customer), lcy in sums.items():
            if lcy:
                account = self._account(number_of, "the adjustment of exchange rates", dimension_set)
                source = AccountType.CUSTOMER
                self.general.append(
                    entries.general_entry(
                        of, self._number(), account, lcy, source_type=source, source_number=customer
                    )
                )
        columns = {GAIN: "unrealized_gains_account", LOSS: "unrealized_losses_account"}
        for kind, lcy in totals.items():
            if lcy:
                account = self._currency_account(self.books.currencies[code], columns[kind], dimension_set)
                self.general.append(entries.general_entry(of, self._number(), account, -lcy))

    def _receivables_account(self, entry: CustomerLedgerEntry) -> str:
        group = self.books.posting_groups.get(entry.customer_posting_group)
        if group is None or not group.receivables_account:
            raise _field(
                f"Customer posting group {entry.customer_posting_group} has no receivables account. Enter one in the "
                "set-up."
            )
        return group.receivables_account

    # ------------------------------------------------------------- accounts and numbers

    def _currency_account(self, currency: Currency, column: str, dimension_set: int) -> Account:
        number = str(getattr(currency, column))
        if not number:
            raise _field(f"Currency {currency.code} has no {column.replace('_', ' ')}. Enter one in the set-up.")
        return self._account(number, f"currency {currency.code}", dimension_set)

    def _account(self, number: str, where: str, dimension_set: int) -> Account:
        """The G/L account, which must be one to post to with these dimensions."""
        account = self.books.accounts.get(number)
        if account is None:
            raise Refused(
                "Internal_RecordNotFound",
                f"G/L account {number}, needed by {where}, does not exist. Choose another one.",
            )
        if account.account_type != "Posting" or account.blocked:
            state = "is blocked" if account.blocked else f"has accountType {account.account_type}, not Posting"
            raise _field(f"G/L account {number}, needed by {where}, {state}.")
        dimensions.check(
            self.books.sets.get(dimension_set, {}),
            self.books.rules.get(account.id, ()),
            record=f"G/L account {number}",
            where="the adjustment of exchange rates",
        )
        return account

    def _number(self) -> int:
        return self.books.next.entry + len(self.general)

    def _begin(self, code: str, on: date, dimension_set: int) -> Voucher:
        """Begin a transaction. Returns what its entries share."""
        self.transaction += 1
        check_in_range(on, self.books.setup)
        self.voucher = Voucher(
            transaction_number=self.transaction,
            register_number=self.books.next.register,
            posting_date=on,
            document_date=on,
            document_type=DocumentType.BLANK,
            document_number=self.document_number,
            external_document_number="",
            description=f"Adjustment of exchange rates {code}",
            dimension_set_number=dimension_set,
            source_code=self.books.setup.exchange_rate_adjustment_source_code,
            user=self.books.user,
            now=self.books.now,
        )
        return self.voucher

    def finish(self) -> Changes:
        """Return all rows; the register comes first, when anything was posted."""
        changes = Changes(update=list(self.updates))
        if self.voucher is None:
            return changes
        assert not sum((row.amount for row in self.general), ZERO), "debits and credits differ"
        held = sum((row.amount_lcy for row in self.detailed), ZERO)
        owed = sum((row.amount for row in self.general if row.source_type == AccountType.CUSTOMER), ZERO)
        assert held == owed, f"receivables change by {plain(owed)}, customers by {plain(held)}"
        of = replace(self.voucher, posting_date=self.posting_date)
        register = entries.register_of(of, self.books.next.entry, self._number() - 1)
        changes.insert += [register, *self.general, *self.detailed, *self.bank]
        return changes


def _field(message: str) -> Refused:
    return Refused("Application_FieldValidationException", message)


def _dialog(message: str) -> Refused:
    return Refused("Application_DialogException", message)
