"""Posting a journal: load what the decision may see, decide, write. Any refusal leaves everything as it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from debitor.ledger import post
from debitor.ledger.amounts import ZERO
from debitor.ledger.apply import UNREALIZED
from debitor.ledger.books import Books, Posting, is_empty
from debitor.ledger.dimensions import ALL_GO_TOGETHER
from debitor.ledger.invariants import posting_findings
from debitor.ledger.records import (
    Account,
    AccountType,
    ApplicationMethod,
    BankAccount,
    Currency,
    Customer,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DefaultDimension,
    DetailedEntry,
    Dimension,
    DimensionSetEntry,
    DimensionValue,
    ExchangeRate,
    JournalBatch,
    JournalLine,
    JournalTemplate,
    NumberSeries,
    NumberSeriesLine,
    PostingValidation,
)
from debitor.operations.attachments import follow_posting
from debitor.operations.dimensions import combinations
from debitor.operations.payments import blocked_salespeople, posting_setup
from debitor.operations.sales_posting import documents_behind, next_numbers
from debitor.operations.sealing import write_sealed
from debitor.schema import BLANK_GUID, Refused, Row
from debitor.store import Reader, Transaction

R = TypeVar("R", bound=Row)

GROUP_ACCOUNTS = tuple(c for c in CustomerPostingGroup.__struct_fields__ if c.endswith("_account"))
CURRENCY_ACCOUNTS = tuple(c for c in Currency.__struct_fields__ if c.endswith("_account"))
TABLES = {Customer: "Customer", Account: "G/L Account", BankAccount: "Bank Account"}
"""Record -> the table name under which defaults for all of its rows are kept."""
OLDEST = ApplicationMethod.APPLY_TO_OLDEST
NO_RULE = PostingValidation.BLANK


def post_journal(tx: Transaction, journal_id: str, *, today: date, user: str, strict: bool) -> Posting:
    """Post all lines of a journal: ledger entries are added, the lines leave the journal.

    Args:
        journal_id: a journal of any template.
        user: who posts, as the entries keep it.
        strict: refuse what Business Central refuses, such as a customer payment with a positive amount.

    Raises:
        Refused: there is no such journal, nothing to post, or the first reason of ledger/refusals.py that holds.
    """
    batch = tx.get(JournalBatch, journal_id)
    if batch is None:
        raise Refused("BadRequest_ResourceNotFound", f"Journal {journal_id} does not exist.")
    lines = tx.all(JournalLine, journal_id=journal_id, order=("line_number",))
    books = load_books(tx, batch, lines, today=today, user=user, strict=strict)
    posting = post.post_journal(lines, books)
    wrong = next(posting_findings(posting, books), None)
    assert wrong is None, wrong
    write_sealed(tx, posting.changes)
    follow_posting(tx, lines, posting.changes)
    return posting


def load_books(
    tx: Transaction, batch: JournalBatch, lines: Sequence[JournalLine], *, today: date, user: str, strict: bool
) -> Books:
    """Return what posting these lines may see; the number of statements does not depend on the number of lines."""
    setup = posting_setup(tx, user)
    template = tx.find(JournalTemplate, name=batch.template_name)
    assert template, f"journal {batch.name} without template {batch.template_name}"
    filled = [line for line in lines if not is_empty(line)]
    customers = {c.id: c for c in rows_of(tx, Customer, "id", _ids(filled, AccountType.CUSTOMER))}
    banks = {b.id: b for b in rows_of(tx, BankAccount, "id", _ids(filled, AccountType.BANK_ACCOUNT))}
    codes = {c.customer_posting_group for c in customers.values()} | {line.customer_posting_group for line in filled}
    groups = {g.code: g for g in rows_of(tx, CustomerPostingGroup, "code", codes)} if customers else {}
    entries = _open_entries(tx, filled, customers)
    foreign = {line.currency_code for line in filled} | {entry.currency_code for entry in entries}
    currencies = {c.code: c for c in rows_of(tx, Currency, "code", foreign)}
    numbers = _account_numbers(filled, groups.values(), banks.values(), currencies.values())
    accounts = {a.number: a for a in rows_of(tx, Account, "number", numbers)}
    rates: dict[str, list[ExchangeRate]] = {}
    # Only application between currencies needs rates: each line has its own factor already.
    if len(foreign) > 1:
        for rate in rows_of(tx, ExchangeRate, "currency_code", foreign, order="starting_date"):
            rates.setdefault(rate.currency_code, []).append(rate)
    series = {
        s.code: s for s in rows_of(tx, NumberSeries, "code", {batch.number_series, batch.posting_number_series})
    }
    series_lines: dict[str, list[NumberSeriesLine]] = {code: [] for code in series}
    for row in rows_of(tx, NumberSeriesLine, "series_code", series, order="starting_date"):
        series_lines[row.series_code].append(row)
    sets, dimensions, values = _dimension_sets(tx, {line.dimension_set_number for line in filled})
    return Books(
        setup=setup,
        template=template,
        batch=batch,
        today=today,
        user=user[:50],
        now=tx.now,
        strict=strict,
        customers=customers,
        accounts=accounts,
        posting_groups=groups,
        banks=banks,
        currencies=currencies,
        rates=rates,
        entries=entries,
        unrealized=unrealized_gains(tx, entries),
        documents=documents_behind(tx, entries),
        blocked_salespeople=blocked_salespeople(tx),
        series=series,
        series_lines=series_lines,
        sets=sets,
        dimensions=dimensions,
        values=values,
        combinations=combinations(tx) if sets else ALL_GO_TOGETHER,
        rules=posting_rules(tx, customers, accounts.values(), banks),
        next=next_numbers(tx),
    )


def rows_of(tx: Reader, record: type[R], column: str, wanted: Iterable[object], order: str = "") -> list[R]:
    """All rows whose column has one of the wanted values; blank ones are left out."""
    condition: dict[str, Any] = {column: [value for value in wanted if value]}
    return tx.all(record, order=(order,) if order else (), **condition) if condition[column] else []


def _ids(lines: Sequence[JournalLine], kind: AccountType) -> set[str]:
    """The ids of all accounts of one type on either side of the lines."""
    ids = {line.account_id for line in lines if line.account_type == kind}
    ids |= {line.balancing_account_id for line in lines if line.balancing_account_type == kind}
    return ids - {BLANK_GUID}


def _open_entries(
    tx: Reader, lines: Sequence[JournalLine], customers: Mapping[str, Customer]
) -> list[CustomerLedgerEntry]:
    """The open entries that the lines may be applied to."""
    documents: set[str] = set()
    marks: set[str] = set()
    oldest: set[str] = set()
    for line in lines:
        if line.applies_to_document_number:
            documents.add(line.applies_to_document_number)
        elif line.applies_to_id:
            marks.add(line.applies_to_id)
        else:
            oldest |= {line.account_id, line.balancing_account_id}
    oldest = {i for i in oldest if i in customers and customers[i].application_method == OLDEST}
    found: dict[int, CustomerLedgerEntry] = {}
    conditions: tuple[dict[str, Any], ...] = (
        {"document_number": sorted(documents)},
        {"applies_to_id": sorted(marks), "customer_id": sorted(customers)},
        {"customer_id": sorted(oldest)},
    )
    for condition in conditions:
        if all(condition.values()):
            found |= {entry.entry_number: entry for entry in tx.all(CustomerLedgerEntry, open=True, **condition)}
    return [entry for entry in found.values() if entry.customer_id in customers]


def unrealized_gains(tx: Reader, entries: Iterable[CustomerLedgerEntry]) -> dict[int, Decimal]:
    """The unrealized gains and losses (LCY) of entries in foreign currency."""
    sums: dict[int, Decimal] = {}
    numbers = [entry.entry_number for entry in entries if entry.currency_code]
    if numbers:
        for detail in tx.all(DetailedEntry, ledger_entry_number=numbers, entry_type=list(UNREALIZED)):
            sums[detail.ledger_entry_number] = sums.get(detail.ledger_entry_number, ZERO) + detail.amount_lcy
    return sums


def _account_numbers(
    lines: Iterable[JournalLine],
    groups: Iterable[CustomerPostingGroup],
    banks: Iterable[BankAccount],
    currencies: Iterable[Currency],
) -> set[str]:
    """The numbers of all G/L accounts that may be posted to."""
    numbers = {bank.ledger_account for bank in banks}
    for line in lines:
        if line.account_type == AccountType.GL_ACCOUNT:
            numbers.add(line.account_number)
        if line.balancing_account_type == AccountType.GL_ACCOUNT:
            numbers.add(line.balancing_account_number)
    for rows, columns in ((groups, GROUP_ACCOUNTS), (currencies, CURRENCY_ACCOUNTS)):
        numbers |= {getattr(row, column) for row in rows for column in columns}
    return numbers


def _dimension_sets(
    tx: Reader, numbers: Iterable[int]
) -> tuple[dict[int, dict[str, str]], dict[str, Dimension], dict[tuple[str, str], DimensionValue]]:
    """The pairs of dimension sets, and the dimensions and values that they name."""
    sets: dict[int, dict[str, str]] = {}
    for entry in rows_of(tx, DimensionSetEntry, "set_number", numbers):
        sets.setdefault(entry.set_number, {})[entry.dimension_code] = entry.value_code
    codes = {code for pairs in sets.values() for code in pairs}
    used = {value for pairs in sets.values() for value in pairs.values()}
    if not codes:
        return sets, {}, {}
    dimensions = {d.code: d for d in tx.all(Dimension, code=sorted(codes))}
    rows = tx.all(DimensionValue, dimension_code=sorted(codes), code=sorted(used))
    return sets, dimensions, {(v.dimension_code, v.code): v for v in rows}


def posting_rules(
    tx: Reader,
    customers: Iterable[str],
    accounts: Iterable[Account],
    banks: Iterable[str],
) -> dict[str, list[DefaultDimension]]:
    """By id of a record: the rules on dimensions that apply to it; its own replace those of its table."""
    tables = dict.fromkeys(customers, TABLES[Customer])
    tables |= {account.id: TABLES[Account] for account in accounts}
    tables |= dict.fromkeys(banks, TABLES[BankAccount])
    own: dict[str, dict[str, DefaultDimension]] = {}
    whole: dict[str, dict[str, DefaultDimension]] = {}
    for row in tx.all(DefaultDimension, parent_id=[BLANK_GUID, *tables]):
        if row.parent_id == BLANK_GUID:
            whole.setdefault(row.parent_type, {})[row.dimension_code] = row
        else:
            own.setdefault(row.parent_id, {})[row.dimension_code] = row
    if not own and not whole:
        return {}
    found = {id: (whole.get(table, {}) | own.get(id, {})).values() for id, table in tables.items()}
    ruling = {id: [row for row in rows if row.posting_validation != NO_RULE] for id, rows in found.items()}
    return {id: rows for id, rows in ruling.items() if rows}
