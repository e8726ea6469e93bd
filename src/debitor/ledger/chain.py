"""Seals: each act on the ledgers is chained by hash to the one before it in its company.

    seal 1   of posting 1        hash 1 = SHA-256(head of seal 1, register, rows)
    seal 2   of an application   hash 2 = SHA-256(head of seal 2 with hash 1 in it, rows)

Every row of the ledgers has a number, numbers run without gaps, and an act takes the next ones. So a seal need only
say up to which number each ledger reached: all rows after those of the seal before belong to it. What is hashed are
the columns that never change; what may change (what remains of an entry, whether it was reversed) follows from other
rows, which `invariants` checks. Changing, adding or removing any row breaks the hash of its seal; changing that
breaks the next seal.

The text that is hashed, form 1, in UTF-8, one JSON array per line, each followed by a line feed:

    head      [1, number, previous hash, register number, last entry, last detailed entry, last tax entry]
    register  its columns, if there is one; then the rows of each ledger in COLUMNS by ascending number
              ["general_ledger_entry", column, column, ...]

Amounts are integers in units of 0.00001, factors texts without exponent, dates ISO texts, the rest as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from typing import Any

import msgspec

from debitor.ledger.records import (
    BankAccountLedgerEntry,
    CustomerLedgerEntry,
    DetailedEntry,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    LedgerSeal,
    TaxEntry,
)
from debitor.schema import FACTOR, Row, record_of

FORM = 1
"""Of the text that is hashed. Another set of columns, or another order, is another form: seals keep theirs."""
GENESIS = "0" * 64
"""The hash before the first seal."""

COLUMNS: Mapping[type[Row], tuple[str, ...]] = {
    GeneralLedgerRegister: (
        "number", "from_entry_number", "to_entry_number", "from_tax_entry_number", "to_tax_entry_number",
        "source_code", "journal_template_name", "journal_batch_name", "posting_date", "user_id", "created_at",
    ),
    GeneralLedgerEntry: (
        "entry_number", "transaction_number", "register_number", "account_id", "account_number", "posting_date",
        "document_date", "document_type", "document_number", "external_document_number", "description", "comment",
        "amount", "debit_amount", "credit_amount", "tax_amount", "additional_currency_debit_amount",
        "additional_currency_credit_amount", "balancing_account_type", "balancing_account_number", "source_type",
        "source_number", "dimension_set_number", "source_code", "reason_code", "journal_batch_name",
        "reversed_entry_number", "user_id", "created_at",
    ),
    CustomerLedgerEntry: (
        "entry_number", "transaction_number", "customer_id", "posting_date", "document_date", "document_type",
        "document_number", "external_document_number", "description", "currency_code", "original_amount",
        "original_amount_lcy", "original_currency_factor", "customer_posting_group",
        "original_payment_discount_possible", "sales_lcy", "balancing_account_type", "balancing_account_number",
        "dimension_set_number", "source_code", "reason_code", "journal_batch_name", "user_id", "source_id",
        "reversed_entry_number", "created_at",
    ),
    BankAccountLedgerEntry: (
        "entry_number", "transaction_number", "bank_account_id", "bank_account_number", "posting_date",
        "document_date", "document_type", "document_number", "external_document_number", "description",
        "currency_code", "amount", "amount_lcy", "positive", "balancing_account_type", "balancing_account_number",
        "dimension_set_number", "source_code", "reason_code", "journal_batch_name", "reversed_entry_number",
        "user_id", "created_at",
    ),
    DetailedEntry: (
        "entry_number", "ledger_entry_number", "entry_type", "posting_date", "document_type", "document_number",
        "customer_id", "currency_code", "amount", "amount_lcy", "debit_amount", "credit_amount",
        "debit_amount_lcy", "credit_amount_lcy", "applied_ledger_entry_number", "transaction_number",
        "application_number", "user_id", "source_code", "created_at", "remaining_payment_discount_possible",
        "maximum_payment_tolerance",
    ),
    TaxEntry: (
        "entry_number", "transaction_number", "general_ledger_entry_number", "posting_date", "document_type",
        "document_number", "tax_group_code", "percent", "base", "amount", "bill_to_customer_number",
        "source_code", "user_id", "created_at",
    ),
}  # fmt: skip
"""Record -> what is hashed of its rows, in form 1 and in this order."""
LEDGERS: tuple[type[Row], ...] = tuple(of for of in COLUMNS if of is not GeneralLedgerRegister)

_NUMBER = attrgetter("entry_number")
_LINES = msgspec.json.Encoder().encode_lines


@lru_cache(1 << 15)
def _units(value: Decimal) -> int:
    return int(value * FACTOR)


@lru_cache(1 << 10)
def _factor(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_iso = lru_cache(1 << 12)(date.isoformat)
_FORMS = {"decimal": "(_units({0}) if {0} else 0)", "factor": "_factor({0})", "date": "_iso({0})"}
_NAMES = {"_units": _units, "_factor": _factor, "_iso": _iso}


@lru_cache(None)
def _values_of(of: type[Row]) -> Callable[[Iterable[Row]], list[tuple[Any, ...]]]:
    """Return what turns rows into the arrays that are hashed; compiled, because postings have many rows."""
    record = record_of(of)
    columns = COLUMNS[of]
    parts = [_FORMS.get(record.by_name[name].type.kind, "{0}").format(f"r.{name}") for name in columns]
    source = f'lambda rows: [("{record.name}", {", ".join(parts)}) for r in rows]'
    made: Callable[[Iterable[Row]], list[tuple[Any, ...]]] = eval(source, dict(_NAMES))  # noqa: S307 - declared names
    return made


class Hasher:
    """The hash of one seal, fed with its rows: the register first, then each ledger in the order of COLUMNS."""

    def __init__(self, seal: LedgerSeal) -> None:
        head = (
            seal.form,
            seal.number,
            seal.previous_hash,
            seal.register_number,
            seal.to_entry_number,
            seal.to_detailed_entry_number,
            seal.to_tax_entry_number,
        )
        self._hash = sha256(_LINES([head]))

    def add(self, of: type[Row], rows: Sequence[Row]) -> None:
        """Take in rows of one record, by ascending number."""
        if rows:
            self._hash.update(_LINES(_values_of(of)(rows)))

    def hexdigest(self) -> str:
        """The hash, in hexadecimal."""
        return self._hash.hexdigest()


def seal_of(rows: Iterable[Row], last: LedgerSeal | None, now: str) -> LedgerSeal | None:
    """Return the seal of an act, or None when it writes nothing to the ledgers.

    Args:
        rows: what the act adds; rows of other records are left out.
        last: the company's last seal.
        now: the moment of the act.
    """
    found: dict[type[Row], list[Any]] = {of: [] for of in COLUMNS}
    for of, run in groupby(rows, type):
        if of in found:
            found[of].extend(run)
    if not any(found.values()):
        return None
    for of in LEDGERS:
        found[of].sort(key=_NUMBER)
    registers = found[GeneralLedgerRegister]
    assert len(registers) <= 1, "an act has one register at most"
    before = last or LedgerSeal(number=0, hash=GENESIS)
    seal = LedgerSeal(
        number=before.number + 1,
        form=FORM,
        register_number=registers[0].number if registers else 0,
        to_entry_number=_reached(found[GeneralLedgerEntry], before.to_entry_number),
        to_detailed_entry_number=_reached(found[DetailedEntry], before.to_detailed_entry_number),
        to_tax_entry_number=_reached(found[TaxEntry], before.to_tax_entry_number),
        previous_hash=before.hash,
        created_at=now,
    )
    hasher = Hasher(seal)
    for of, its in found.items():
        hasher.add(of, its)
    return msgspec.structs.replace(seal, hash=hasher.hexdigest())


def _reached(rows: Sequence[Any], before: int) -> int:
    return int(rows[-1].entry_number) if rows else before


def number_of(of: type[Row], seal: LedgerSeal) -> int:
    """Return up to which number a ledger reaches with a seal.

    Customer and bank account ledger entries have the numbers of G/L entries.
    """
    if of is DetailedEntry:
        return seal.to_detailed_entry_number
    return seal.to_tax_entry_number if of is TaxEntry else seal.to_entry_number


def seal_findings(seals: Iterable[LedgerSeal]) -> Iterator[tuple[LedgerSeal, str]]:
    """Yield each seal with what is wrong with its link to the one before, or a blank text."""
    before = LedgerSeal(number=0, hash=GENESIS)
    for seal in seals:
        wrong = ""
        if seal.number != before.number + 1:
            wrong = f"Ledger seal {before.number + 1} is missing: {seal.number} follows {before.number}."
        elif seal.previous_hash != before.hash:
            wrong = f"Ledger seal {seal.number} does not continue the hash of seal {before.number}."
        yield seal, wrong
        before = seal
