"""Checking the books of every company, from the stored rows alone: what `debitor check` does.

Ledgers are read in windows of entry numbers, so that books of any size need little memory. Each finding is a sentence
that names the first wrong row; what must hold is in ledger/invariants.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from debitor.ledger import invariants
from debitor.ledger.dimensions import fingerprint
from debitor.ledger.numbering import increment
from debitor.ledger.records import (
    BankAccountLedgerEntry,
    Company,
    CustomerLedgerEntry,
    DetailedEntry,
    DimensionSet,
    DimensionSetEntry,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    JournalLine,
    JournalTemplate,
    LedgerSeal,
    NumberSeries,
    NumberSeriesLine,
    SalesCreditMemo,
    SalesInvoice,
    TaxEntry,
)
from debitor.ledger.sales_documents import kind_of
from debitor.operations.attachments import Attachment
from debitor.operations.chain_checks import chain_findings
from debitor.operations.payments import setup_of
from debitor.operations.sealing import last_seal
from debitor.query import Compare, Field, Logic, Param, Query
from debitor.schema import BLANK_GUID, EntitySet, Property, Row, record_of
from debitor.store import Reader, Root
from debitor.store.contents import Content, ContentPart

R = TypeVar("R", bound=Row)

WINDOW = 4000
"""Entry numbers read at a time."""
MOST = 100
"""Findings reported per company; further ones only repeat what is known: the books are wrong."""

_day = lru_cache(4096)(date.fromisoformat)


def check_books(root: Root, companies: Sequence[int] | None = None) -> list[str]:
    """Return what is wrong with the books, as sentences that begin with the company's name; empty when all is well.

    Args:
        companies: keys of the companies to check, or None for all.
    """
    found: list[str] = []
    for company in root.all(Company, order=("key",)):
        if companies is None or company.key in companies:
            reader = root.at(company.key)
            found += [f"{company.name}: {text}" for text in islice(_Check(reader).findings(), MOST)]
    return found


class Head(NamedTuple):
    """The end of a company's chain: noted elsewhere, it shows whether the books are still those of that day."""

    company: str
    number: int
    hash: str


def heads_of(root: Root) -> list[Head]:
    """Return the head of each company that has posted something."""
    seals = ((company, last_seal(root.at(company.key))) for company in root.all(Company, order=("key",)))
    return [Head(company.name, seal.number, seal.hash) for company, seal in seals if seal is not None]


def missing_heads(root: Root, expected: Iterable[tuple[int, str]]) -> list[str]:
    """Return, as sentences, which heads noted before are in no company's chain any more."""
    readers = [root.at(company.key) for company in root.all(Company)]
    return [
        f"No company has ledger seal {number} with hash {text}: books that were noted with it have been rewritten."
        for number, text in expected
        if not any(reader.find(LedgerSeal, number=number, hash=text.lower()) for reader in readers)
    ]


class Window:
    """Reads some columns of a record by windows of one of its numbers."""

    def __init__(self, record: type[Row], by: str, columns: Sequence[str]) -> None:
        described = record_of(record)
        kinds = [described.by_name[name].type for name in columns]
        properties = tuple(Property(n, kind, n) for n, kind in zip(columns, kinds, strict=True))
        bounded = described.by_name[by].type
        entity_set = EntitySet(
            name=f"check_{described.name}",
            entity=f"check_{described.name}",
            record=record,
            properties=properties if by in columns else (*properties, Property(by, bounded, by)),
        )
        where = Logic(
            "and",
            (Compare("ge", Field(by), Param(0, bounded)), Compare("lt", Field(by), Param(1, bounded))),
        )
        self.query = Query(entity_set, properties, where, version=False)
        self.record, self.columns = record, tuple(columns)
        # Tuples come as the wire has them; sums and comparisons need decimals and dates again.
        self.decoders = [_DECODERS.get(kind.kind) for kind in kinds]

    def read(self, reader: Reader, low: int, high: int) -> list[Any]:
        """The rows whose number lies in low <= number < high; columns that are not read have their blank values."""
        rows = []
        for values in reader.run(self.query, (low, high), {}):
            decoded = [v if d is None else d(v) for v, d in zip(values, self.decoders, strict=True)]
            rows.append(self.record(**dict(zip(self.columns, decoded, strict=True))))
        return rows


_DECODERS: dict[str, Any] = {"decimal": Decimal, "date": _day}

ENTRIES = Window(
    CustomerLedgerEntry,
    "entry_number",
    (
        "entry_number", "customer_id", "document_type", "document_number", "currency_code", "original_amount",
        "original_amount_lcy", "amount", "amount_lcy", "remaining_amount", "remaining_amount_lcy", "open", "positive",
        "closed_by_entry_number", "reversed", "reversed_by_entry_number", "reversed_entry_number",
        "dimension_set_number", "customer_posting_group",
    ),
)  # fmt: skip
DETAILS_OF = Window(
    DetailedEntry,
    "ledger_entry_number",
    ("entry_number", "ledger_entry_number", "entry_type", "customer_id", "currency_code", "amount", "amount_lcy"),
)
DETAILS = Window(
    DetailedEntry,
    "entry_number",
    (
        "entry_number", "ledger_entry_number", "entry_type", "transaction_number", "application_number", "amount",
        "amount_lcy", "unapplied", "unapplied_by_entry_number",
    ),
)  # fmt: skip
GENERAL = Window(
    GeneralLedgerEntry,
    "entry_number",
    (
        "entry_number", "transaction_number", "register_number", "account_number", "posting_date", "document_type",
        "document_number", "amount", "debit_amount", "credit_amount", "source_type", "dimension_set_number",
        "reversed", "reversed_by_entry_number", "reversed_entry_number",
    ),
)  # fmt: skip
DOCUMENTS = tuple(
    Window(
        record,
        "ledger_entry_number",
        ("number", "bill_to_customer_id", "total_including_tax", "status", "posted", "ledger_entry_number"),
    )
    for record in (SalesInvoice, SalesCreditMemo)
)
BANKS = Window(
    BankAccountLedgerEntry,
    "entry_number",
    ("entry_number", "transaction_number", "document_number", "currency_code", "amount", "amount_lcy"),
)
TAXES = Window(
    TaxEntry,
    "entry_number",
    ("entry_number", "transaction_number", "general_ledger_entry_number", "document_number", "base", "amount"),
)


REGISTERS = Window(
    GeneralLedgerRegister,
    "number",
    (
        "number", "from_entry_number", "to_entry_number", "from_tax_entry_number", "to_tax_entry_number",
        "journal_template_name",
    ),
)  # fmt: skip


class _Check:
    """The check of one company."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.last = max(
            reader.greatest(GeneralLedgerEntry, "entry_number"),
            reader.greatest(CustomerLedgerEntry, "entry_number"),
            reader.greatest(DetailedEntry, "ledger_entry_number"),
        )
        self.balance, self.receivables = invariants.Balance(), invariants.Receivables()
        self.control = invariants.ControlAccounts()
        self.sets: set[int] = {0}

    def findings(self) -> Iterator[str]:
        """Everything that is wrong, the most telling first."""
        yield from self._dimension_sets()
        yield from self._ledgers()
        yield from self._details()
        yield from self.balance.findings()
        yield from self.receivables.findings()
        yield from self.control.findings()
        yield from self._taxes()
        yield from self._banks()
        yield from self._numbers()
        yield from self._lines()
        yield from chain_findings(self.reader)
        yield from self._attachments()

    def _attachments(self) -> Iterator[str]:
        """Files whose bytes are missing, or of another size than the file says."""
        for file in self.reader.all(Attachment):
            if file.content_id == BLANK_GUID:
                continue
            content = self.reader.get(Content, file.content_id)
            name = f"Attachment {file.file_name} ({file.id})"
            if content is None or not content.kept:
                yield f"{name} names the content {file.content_id}, which is not kept."
            elif content.size != file.byte_size:
                yield f"{name} has {file.byte_size} bytes, but its content {content.size}."
            elif (parts := self.reader.count(ContentPart, content_id=content.id)) != content.parts:
                yield f"The content of {name} has {parts} parts instead of {content.parts}."

    def _dimension_sets(self) -> Iterator[str]:
        pairs: dict[int, dict[str, str]] = {}
        for entry in self.reader.all(DimensionSetEntry):
            pairs.setdefault(entry.set_number, {})[entry.dimension_code] = entry.value_code
        marks: dict[str, int] = {}
        for row in self.reader.all(DimensionSet):
            self.sets.add(row.number)
            mark = fingerprint(pairs.pop(row.number, {}))
            if mark != row.fingerprint:
                yield f"Dimension set {row.number} is kept as {row.fingerprint}, but its entries are {mark}."
            if mark in marks:
                yield f"Dimension sets {marks[mark]} and {row.number} are the same: {mark}."
            marks[mark] = row.number
        for number in pairs:
            yield f"Dimension set {number} has entries, but does not exist."

    def _ledgers(self) -> Iterator[str]:
        """Customer ledger entries with their details, documents and general ledger entries, window by window."""
        registers = _Registers(self.reader)
        sequence = invariants.Sequence("General ledger entry")
        for low in range(1, self.last + 1, WINDOW):
            high = low + WINDOW
            entries = {e.entry_number: e for e in ENTRIES.read(self.reader, low, high)}
            yield from self._entries(entries, low, high)
            general = sorted(GENERAL.read(self.reader, low, high), key=lambda e: e.entry_number)
            for row in general:
                wrong = sequence.add(row.entry_number)
                if wrong:
                    yield wrong
                yield from self._general(row, registers)
                if row.reversed or row.reversed_by_entry_number or row.reversed_entry_number:
                    named = row.reversed_by_entry_number or row.reversed_entry_number
                    other = self.reader.find(GeneralLedgerEntry, entry_number=named)
                    yield from invariants.reversed_findings(row, other)
                self.receivables.add(row, customer_entry=row.entry_number in entries)
                self.control.add(row, entries.get(row.entry_number))
            for number in entries.keys() - {row.entry_number for row in general}:
                yield f"Customer ledger entry {number} has no general ledger entry of its number."
        yield from registers.rest(sequence.last)

    def _entries(self, entries: dict[int, CustomerLedgerEntry], low: int, high: int) -> Iterator[str]:
        details = DETAILS_OF.read(self.reader, low, high)
        sums = invariants.sums_of(details)
        for detail in details:
            of = entries.get(detail.ledger_entry_number)
            if of is None:
                yield (
                    f"Detailed entry {detail.entry_number} belongs to customer ledger entry "
                    f"{detail.ledger_entry_number}, which does not exist."
                )
            elif (of.customer_id, of.currency_code) != (detail.customer_id, detail.currency_code):
                yield f"Detailed entry {detail.entry_number} has another customer or currency than its entry."
        for number, entry in entries.items():
            yield from invariants.entry_findings(entry, sums.get(number))
            if entry.closed_by_entry_number > self.last:
                yield f"Customer ledger entry {number} was closed by one that does not exist."
            if entry.dimension_set_number not in self.sets:
                yield f"Customer ledger entry {number} has a dimension set that does not exist."
        for document in (row for window in DOCUMENTS for row in window.read(self.reader, low, high)):
            if document.posted:
                yield from invariants.document_findings(document, entries.get(document.ledger_entry_number))
            else:
                noun = kind_of(document).noun
                yield f"Sales {noun} {document.number} is a draft, but has a customer ledger entry."

    def _general(self, row: GeneralLedgerEntry, registers: _Registers) -> Iterator[str]:
        if row.debit_amount - row.credit_amount != row.amount:
            yield f"General ledger entry {row.entry_number} has debit and credit amounts that are not its amount."
        if row.dimension_set_number not in self.sets:
            yield f"General ledger entry {row.entry_number} has a dimension set that does not exist."
        yield from registers.reach(row)
        self.balance.add(row, by_document=registers.by_document)

    def _details(self) -> Iterator[str]:
        sequence = invariants.Sequence("Detailed customer ledger entry")
        without: list[DetailedEntry] = []
        for low in range(1, self.reader.greatest(DetailedEntry, "entry_number") + 1, WINDOW):
            rows = sorted(DETAILS.read(self.reader, low, low + WINDOW), key=lambda d: d.entry_number)
            partners = sorted({row.unapplied_by_entry_number for row in rows if row.unapplied})
            others = {d.entry_number: d for d in self.reader.all(DetailedEntry, entry_number=partners)}
            for row in rows:
                wrong = sequence.add(row.entry_number)
                if wrong:
                    yield wrong
                yield from invariants.unapplied_findings(row, others.get(row.unapplied_by_entry_number))
                if not row.transaction_number:
                    without.append(row)
                self.receivables.add_detail(row.transaction_number, row.amount_lcy)
        yield from invariants.application_findings(without)

    def _taxes(self) -> Iterator[str]:
        sequence = invariants.Sequence("Tax entry")
        for low in range(1, self.reader.greatest(TaxEntry, "entry_number") + 1, WINDOW):
            taxes = sorted(TAXES.read(self.reader, low, low + WINDOW), key=lambda t: t.entry_number)
            numbers = [tax.general_ledger_entry_number for tax in taxes]
            general = {e.entry_number: e for e in self.reader.all(GeneralLedgerEntry, entry_number=numbers)}
            for tax in taxes:
                wrong = sequence.add(tax.entry_number)
                if wrong:
                    yield wrong
                yield from invariants.tax_findings(tax, general.get(tax.general_ledger_entry_number))

    def _banks(self) -> Iterator[str]:
        """Bank account ledger entries against the general ledger."""
        for low in range(1, self.reader.greatest(BankAccountLedgerEntry, "entry_number") + 1, WINDOW):
            banks = BANKS.read(self.reader, low, low + WINDOW)
            numbers = [bank.entry_number for bank in banks]
            general = {e.entry_number: e for e in self.reader.all(GeneralLedgerEntry, entry_number=numbers)}
            for bank in sorted(banks, key=lambda b: b.entry_number):
                yield from invariants.bank_findings(bank, general.get(bank.entry_number))

    def _numbers(self) -> Iterator[str]:
        """Numbers that a series without gaps has given, but that no posted document has."""
        setup = setup_of(self.reader)
        for record, code in (
            (SalesInvoice, setup.posted_sales_invoice_numbers),
            (SalesCreditMemo, setup.posted_credit_memo_numbers),
        ):
            series = self.reader.find(NumberSeries, code=code) if code else None
            if series is None or series.allow_gaps:
                continue
            there = {number for (number,) in self.reader.sums(record, (), ("number",), posted=True)}
            for line in self.reader.all(NumberSeriesLine, series_code=code):
                # Numbers before the first document were used elsewhere, before these books began.
                number, last, begun = line.starting_number, line.last_number_used, False
                while last and number:
                    begun = begun or number in there
                    if begun and number not in there:
                        yield f"Number {number} of series {code} was given, but no posted document has it."
                        break
                    number = "" if number == last else increment(number, line.increment_by)

    def _lines(self) -> Iterator[str]:
        """Lines that are in a journal although they are posted."""
        for lines in _chunks(self.reader.all(JournalLine), WINDOW):
            by_id = {line.id: line for line in lines}
            for entry in self.reader.all(CustomerLedgerEntry, source_id=list(by_id)):
                yield (
                    f"Journal line {by_id[entry.source_id].line_number} ({entry.source_id}) is posted as customer "
                    f"ledger entry {entry.entry_number}, but still in its journal."
                )


class _Registers:
    """The registers, walked along with the general ledger entries: each entry lies in exactly one."""

    def __init__(self, reader: Reader) -> None:
        self.loose = {t.name for t in reader.all(JournalTemplate) if not t.force_document_balance}
        self.walk = self._all(reader)
        self.now: GeneralLedgerRegister | None = None
        self.end = self.tax_end = 0
        self.last_tax = reader.greatest(TaxEntry, "entry_number")
        self.sequence = invariants.Sequence("General ledger register")

    @staticmethod
    def _all(reader: Reader) -> Iterator[GeneralLedgerRegister]:
        for low in range(1, reader.greatest(GeneralLedgerRegister, "number") + 1, WINDOW):
            yield from sorted(REGISTERS.read(reader, low, low + WINDOW), key=lambda r: r.number)

    @property
    def by_document(self) -> bool:
        """Whether the journal template of the register reached forces documents to balance."""
        return self.now is None or self.now.journal_template_name not in self.loose

    def reach(self, row: GeneralLedgerEntry) -> Iterator[str]:
        """Check that the entry lies in the register that it names."""
        while self.end < row.entry_number and (register := next(self.walk, None)) is not None:
            yield from self._take(register)
        if self.now is None or self.end < row.entry_number:
            yield f"General ledger entry {row.entry_number} is in no register."
        elif self.now.number != row.register_number:
            yield (
                f"General ledger entry {row.entry_number} names register {row.register_number}, but is in the range "
                f"of register {self.now.number}."
            )

    def rest(self, last: int) -> Iterator[str]:
        """Check the registers after the last entry: there must be none, nor may one reach beyond it."""
        for register in self.walk:
            yield from self._take(register)
        if self.now is not None and self.end > last:
            yield f"General ledger register {self.now.number} ends with entry {self.end}, the ledger with {last}."
        if self.tax_end != self.last_tax:
            yield f"General ledger registers end with tax entry {self.tax_end}, the tax ledger with {self.last_tax}."

    def _take(self, register: GeneralLedgerRegister) -> Iterator[str]:
        self.now = register
        wrong = self.sequence.add(register.number)
        if wrong:
            yield wrong
        yield from invariants.register_findings(register, self.end)
        self.end = register.to_entry_number
        if register.from_tax_entry_number:
            if register.from_tax_entry_number != self.tax_end + 1:
                yield (
                    f"General ledger register {register.number} begins with tax entry "
                    f"{register.from_tax_entry_number}; the registers before it end with {self.tax_end}."
                )
            self.tax_end = register.to_tax_entry_number


def _chunks(rows: Iterable[R], size: int) -> Iterator[list[R]]:
    walk = iter(rows)
    while part := list(islice(walk, size)):
        yield part
