"""What acts on the ledgers answer: the entries that were written, or that would be."""

from collections.abc import Iterable, Iterator
from typing import Any

from debitor.ledger.records import (
    AccountType,
    BankAccountLedgerEntry,
    CustomerLedgerEntry,
    DetailedEntry,
    DetailedEntryType,
    DocumentType,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
)
from debitor.schema import DATE, DECIMAL, INT32, INT64, Items, Property, Row, Structure, code, enum, text

_WHEN = (
    Property("entryNumber", INT32, "entry_number"),
    Property("transactionNumber", INT32, "transaction_number"),
    Property("postingDate", DATE, "posting_date"),
    Property("documentType", enum(DocumentType), "document_type"),
    Property("documentNumber", code(20), "document_number"),
)
_GENERAL = Structure(
    "writtenGeneralLedgerEntry",
    (
        *_WHEN,
        Property("accountNumber", code(20), "account_number"),
        Property("description", text(100), "description"),
        Property("debitAmount", DECIMAL, "debit_amount"),
        Property("creditAmount", DECIMAL, "credit_amount"),
    ),
)
_CUSTOMER = Structure(
    "writtenCustomerLedgerEntry",
    (
        *_WHEN,
        Property("customerNumber", code(20), "customer_number"),
        Property("description", text(100), "description"),
        Property("currencyCode", code(10), "currency_code"),
        Property("amount", DECIMAL, "original_amount"),
        Property("amountLocalCurrency", DECIMAL, "original_amount_lcy"),
        Property("remainingAmount", DECIMAL, "remaining_amount"),
    ),
)
_DETAILED = Structure(
    "writtenDetailedCustomerLedgerEntry",
    (
        *_WHEN,
        Property("customerLedgerEntryNumber", INT32, "ledger_entry_number"),
        Property("entryType", enum(DetailedEntryType), "entry_type"),
        Property("currencyCode", code(10), "currency_code"),
        Property("amount", DECIMAL, "amount"),
        Property("amountLocalCurrency", DECIMAL, "amount_lcy"),
    ),
)
_BANK = Structure(
    "writtenBankAccountLedgerEntry",
    (
        *_WHEN,
        Property("bankAccountNumber", code(20), "bank_account_number"),
        Property("description", text(100), "description"),
        Property("currencyCode", code(10), "currency_code"),
        Property("amount", DECIMAL, "amount"),
        Property("amountLocalCurrency", DECIMAL, "amount_lcy"),
        Property("balancingAccountType", enum(AccountType), "balancing_account_type"),
    ),
)
_LISTS = (
    (Items("customerLedgerEntries", _CUSTOMER), CustomerLedgerEntry),
    (Items("detailedCustomerLedgerEntries", _DETAILED), DetailedEntry),
    (Items("generalLedgerEntries", _GENERAL), GeneralLedgerEntry),
    (Items("bankAccountLedgerEntries", _BANK), BankAccountLedgerEntry),
)
WRITTEN = Structure(
    "writtenEntries",
    (Property("registerNumber", INT64), *(items for items, _ in _LISTS)),
)
"""The ledger entries of one act, and its general ledger register: 0 when nothing went to the general ledger."""


def written(rows: Iterable[Row]) -> dict[str, Any]:
    """Return the values of `WRITTEN` for ledger rows; others among them are left out."""
    rows = list(rows)
    registers = [row.number for row in rows if isinstance(row, GeneralLedgerRegister)]
    made: dict[str, Any] = {"registerNumber": max(registers, default=0)}
    for items, record in _LISTS:
        made[items.name] = list(_values(items.of, (row for row in rows if isinstance(row, record))))
    return made


def _values(structure: Structure, rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    sources = [(member.name, str(member.source)) for member in structure.members if isinstance(member, Property)]
    for row in rows:
        yield {name: getattr(row, source) for name, source in sources}
