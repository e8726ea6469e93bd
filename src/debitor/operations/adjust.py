"""Adjusting exchange rates at the end of a period: load what is kept in foreign currency, decide, write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from debitor.ledger import adjust
from debitor.ledger.records import (
    Account,
    BankAccount,
    BankAccountLedgerEntry,
    Currency,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DetailedEntry,
    ExchangeRate,
)
from debitor.operations.dimensions import pairs_of, rules_of
from debitor.operations.payments import posting_setup, relation
from debitor.operations.sales_posting import next_numbers
from debitor.operations.sealing import write_sealed
from debitor.query import Among, Compare, Field, Logic, Param, Query
from debitor.schema import BLANK_DATE, BOOL, DATE, DECIMAL, GUID, INT32, EntitySet, Property, Row, code
from debitor.store import Reader, Transaction

ACCOUNTS = (
    "realized_gains_account",
    "realized_losses_account",
    "unrealized_gains_account",
    "unrealized_losses_account",
)
_NUMBER = Property("number", INT32, "entry_number")
_CURRENCY = Property("currency", code(10), "currency_code")
_POSTED = Property("posted", DATE, "posting_date")
_OPEN = Property("open", BOOL, "open")
_CLOSED = Property("closed", DATE, "closed_at_date")
OPEN_ON_A_DAY = Query(
    EntitySet(
        name="adjust_customer_entries",
        entity="adjust_customer_entry",
        record=CustomerLedgerEntry,
        properties=(_NUMBER, _CURRENCY, _POSTED, _OPEN, _CLOSED),
    ),
    (_NUMBER,),
    Logic(
        "and",
        (
            Among(Field("currency"), Param(0, _CURRENCY.type)),
            Compare("le", Field("posted"), Param(1, DATE)),
            Logic(
                "or", (Compare("eq", Field("open"), Param(2, BOOL)), Compare("gt", Field("closed"), Param(3, DATE)))
            ),
        ),
    ),
    version=False,
)
"""Numbers of the entries in some currencies, posted by a day, that are open or were closed after another day."""
_BANK = Property("bank", GUID, "bank_account_id")
_AMOUNT = Property("amount", DECIMAL, "amount")
_AMOUNT_LCY = Property("amount_lcy", DECIMAL, "amount_lcy")
LATER_ON_A_BANK_ACCOUNT = Query(
    EntitySet(
        name="adjust_bank_entries",
        entity="adjust_bank_entry",
        record=BankAccountLedgerEntry,
        properties=(_BANK, _POSTED, _AMOUNT, _AMOUNT_LCY),
    ),
    (_AMOUNT, _AMOUNT_LCY),
    Logic("and", (Compare("eq", Field("bank"), Param(0, GUID)), Compare("gt", Field("posted"), Param(1, DATE)))),
    version=False,
)
"""The amounts of a bank account's entries after a day: balances are what all entries sum to, less these."""


def adjust_exchange_rates(
    tx: Transaction,
    ending_date: date,
    posting_date: date,
    document_number: str,
    currency_code: str,
    user: str,
    today: date,
    preview: bool,
) -> Sequence[Row]:
    """Adjust what customers owe, and what lies on bank accounts, in foreign currency.

    Args:
        ending_date: the last day of the period; blank = `today`, the work date.
        posting_date: the day whose adjustment rates apply, in the period; blank = the ending date.
        currency_code: blank = all currencies.
        preview: answer with the rows and write nothing.

    Returns:
        The ledger rows of the run: its register, G/L entries, detailed customer ledger entries and bank account
        ledger entries; none when there is nothing to adjust.

    Raises:
        Refused: there is no such currency, or as `ledger.adjust.adjust`; nothing is written then.
    """
    ending = today if ending_date == BLANK_DATE else ending_date
    on = ending if posting_date == BLANK_DATE else posting_date
    books = load_books(tx, ending, on, currency_code, user)
    posting = adjust.adjust(
        books, ending_date=ending, posting_date=on, document_number=document_number, preview=preview
    )
    if not preview:
        write_sealed(tx, posting.changes)
    return posting.changes.insert


def load_books(tx: Transaction, ending: date, on: date, currency_code: str, user: str) -> adjust.AdjustmentBooks:
    """Return what the adjustment may see; the number of statements does not depend on the number of entries."""
    currencies = {c.code: c for c in tx.all(Currency, order=("code",)) if currency_code in ("", c.code)}
    if currency_code and not currencies:
        raise relation("currencyCode", currency_code, "Currency", of="company")
    codes = sorted(currencies)
    rates: dict[str, list[ExchangeRate]] = {}
    for rate in tx.all(ExchangeRate, currency_code=codes, order=("starting_date",)):
        rates.setdefault(rate.currency_code, []).append(rate)
    numbers = _entry_numbers(tx, codes, ending, on)
    entries = tx.all(CustomerLedgerEntry, entry_number=numbers, order=("entry_number",)) if numbers else []
    details: dict[int, list[DetailedEntry]] = {}
    for detail in tx.all(DetailedEntry, ledger_entry_number=numbers) if numbers else ():
        details.setdefault(detail.ledger_entry_number, []).append(detail)
    groups = {g.code: g for g in tx.all(CustomerPostingGroup)}
    banks = _balances(tx, codes, ending)
    wanted = {getattr(currency, column) for currency in currencies.values() for column in ACCOUNTS}
    wanted |= {group.receivables_account for group in groups.values()}
    wanted |= {held.bank.ledger_account for held in banks}
    accounts = {a.number: a for a in tx.all(Account, number=sorted(wanted))}
    return adjust.AdjustmentBooks(
        setup=posting_setup(tx, user),
        currencies=currencies,
        rates=rates,
        entries=entries,
        details=details,
        posting_groups=groups,
        accounts=accounts,
        banks=banks,
        next=next_numbers(tx),
        user=user[:50],
        now=tx.now,
        sets={n: pairs_of(tx, n) for n in {e.dimension_set_number for e in entries}},
        rules=rules_of(tx, [("G/L Account", account.id) for account in accounts.values()]),
    )


def _entry_numbers(tx: Reader, codes: Sequence[str], ending: date, on: date) -> list[int]:
    """The customer ledger entries of the period or before that were open on the posting date."""
    if not codes:
        return []
    return [int(number) for (number,) in tx.run(OPEN_ON_A_DAY, (codes, ending, True, on), {})]


def _balances(tx: Reader, codes: Sequence[str], ending: date) -> list[adjust.BankBalance]:
    """The bank accounts in these currencies with what lay on them at the end of the period."""
    found = []
    for bank in tx.all(BankAccount, currency_code=codes, order=("number",)) if codes else ():
        later = tx.run(LATER_ON_A_BANK_ACCOUNT, (bank.id, ending), {})
        balance, balance_lcy = (
            tx.total(BankAccountLedgerEntry, column, bank_account_id=bank.id)
            - sum((Decimal(row[at]) for row in later), Decimal(0))
            for at, column in enumerate(("amount", "amount_lcy"))
        )
        found.append(adjust.BankBalance(bank, balance, balance_lcy))
    return found
