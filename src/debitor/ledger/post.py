"""Posting a journal: from its lines to every row that changes.

A payment of 1000 for an invoice of 1000, balanced by a bank account; next entry number 10, next detailed number 7:

    bank account entry 10    1000
    G/L entry 10   bank       1000
    G/L entry 11   receivables -1000     = customer ledger entry 11 (closed)
    detailed 7     entry 11  Initial Entry -1000
    detailed 8     entry 5   Application   -1000    invoice 5 is closed by entry 11
    detailed 9     entry 11  Application    1000

First all lines are checked, then documents are balanced and numbered, then lines are posted in the order of their
documents, and last the rests that lines want written off. Any refusal leaves everything as it was, because rows are
only returned, never written here.

Source: BCApps GenJnlPostBatch.Codeunit.al, GenJnlPostLine.Codeunit.al, retold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from debitor.ledger import dimensions, entries, refusals
from debitor.ledger.amounts import ZERO, plain
from debitor.ledger.apply import UNREALIZED, Application, Detail, Terms, apply_entry, may_apply
from debitor.ledger.books import Books, Posting, is_empty, posting_amount
from debitor.ledger.currencies import to_lcy
from debitor.ledger.detail_accounts import detail_account, group_account, posting_account
from debitor.ledger.entries import BLANK_TYPE, NO_OTHER, Other, Voucher
from debitor.ledger.numbering import increment, peek, take
from debitor.ledger.open_entries import OLDEST, OpenEntries
from debitor.ledger.records import (
    Account,
    AccountType,
    BankAccountLedgerEntry,
    Customer,
    CustomerLedgerEntry,
    CustomerPostingGroup,
    DetailedEntry,
    DetailedEntryType,
    DocumentType,
    GeneralLedgerEntry,
    JournalLine,
    NumberSeries,
    NumberSeriesLine,
)
from debitor.ledger.rules import check_lines
from debitor.ledger.sales_documents import following
from debitor.schema import BLANK_DATE, Changes, Refused


def post_journal(lines: Sequence[JournalLine], books: Books) -> Posting:
    """Return every row that posting the journal adds, changes and removes.

    Args:
        lines: all lines of the journal, by line number.
        books: what the decision may see.

    Raises:
        Refused: the journal cannot be posted (see refusals.py); nothing is to be written then.
    """
    if not lines:
        raise refusals.NOTHING_TO_POST(journal=books.batch.name)
    check_lines(lines, books)
    ordered = posting_order(lines, books)
    numbers = _Numbers(books)
    check_documents(ordered, books, numbers)
    run = _Run(books, numbers)
    for line in ordered:
        run.post(line)
    run.write_off_rests()
    return run.finish(lines)


def objections(lines: Sequence[JournalLine], books: Books) -> Iterator[tuple[JournalLine, Refused]]:
    """Yield the lines that posting would refuse now, each with its first reason.

    Lines are posted on paper, one after the other; one that is refused is left out for those behind it. A document
    that does not balance is the reason of each of its lines that has none of its own. Numbers out of turn are no
    objection: which documents are posted before is not known.
    """
    run = _Run(books, _Numbers(books))
    balances: dict[tuple[object, ...], Decimal] = {}
    sound: list[tuple[tuple[object, ...], JournalLine]] = []
    for line in posting_order(lines, books):
        balances[_together(line, books)] = balances.get(_together(line, books), ZERO) + line_balance(
            line, strict=books.strict
        )
        try:
            check_lines([line], books)
            run.post(line)
            run.write_off_rests()
        except Refused as refused:
            yield line, refused
        else:
            sound.append((_together(line, books), line))
    by_document = books.template.force_document_balance
    for key, line in sound:
        try:
            _check_balance(line, balances[key], by_document)
        except Refused as refused:
            yield line, refused


def _together(line: JournalLine, books: Books) -> tuple[object, ...]:
    """Return what lines that must balance together have in common."""
    if books.template.force_document_balance:
        return line.posting_date, line.document_type, line.document_number
    return (line.posting_date,)


def posting_order(lines: Sequence[JournalLine], books: Books) -> list[JournalLine]:
    """Return the lines that are not empty, in the order in which they are posted.

    By document when documents must balance; else by line number, or, with several dates, by balancing account.
    """
    filled = [line for line in lines if not is_empty(line)]
    if books.template.force_document_balance:
        return sorted(filled, key=lambda line: (line.document_number, line.posting_date, line.line_number))
    if len({line.posting_date for line in filled}) > 1:
        return sorted(filled, key=lambda line: (line.balancing_account_number, line.line_number))
    return sorted(filled, key=lambda line: line.line_number)


class _Numbers:
    """The number series of the journal, consumed in memory."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.lines = {code: list(lines) for code, lines in books.series_lines.items()}

    def series(self, code: str) -> NumberSeries:
        """A series that the journal names."""
        found = self.books.series.get(code)
        if found is None:
            raise refusals.SERIES_UNKNOWN(series=code, journal=self.books.batch.name)
        return found

    def take(self, code: str, on: date) -> str:
        """Take the next number of a series."""
        series, lines = self.series(code), self.lines[code]
        number, (old, new) = take(series, lines, on)
        lines[next(at for at, line in enumerate(lines) if line is old)] = new
        return number

    def check(self, number: str, on: date) -> None:
        """Consume a document number of the journal's series, or accept another one if the series allows that."""
        code = self.books.batch.number_series
        series = self.series(code)
        following = peek(series, self.lines[code], on)
        if number == following:
            self.take(code, on)
        elif not series.manual_numbers:
            raise refusals.NUMBER_NOT_NEXT(number=number, series=code, next=following)

    def changed(self) -> Iterator[tuple[NumberSeriesLine, NumberSeriesLine]]:
        """The series lines before and after, where numbers were taken."""
        for code, lines in self.lines.items():
            for old, new in zip(self.books.series_lines[code], lines, strict=True):
                if old is not new:
                    yield old, new


def line_balance(line: JournalLine, *, strict: bool) -> Decimal:
    """Return what a line leaves open in local currency: 0 when both its accounts are filled."""
    if line.account_number:
        return ZERO if line.balancing_account_number else posting_amount(line, strict=strict)[1]
    return -posting_amount(line, strict=strict)[1]


def check_documents(ordered: Sequence[JournalLine], books: Books, numbers: _Numbers) -> None:
    """Refuse documents (or dates) that do not sum to zero, and numbers out of turn.

    Raises:
        Refused: in the order of posting; the number of a document comes before the balance of the one before it.
    """
    by_document = books.template.force_document_balance
    numbered = bool(books.batch.number_series)
    balance = ZERO
    last: JournalLine | None = None
    for line in ordered:
        if numbered and (last is None or last.document_number != line.document_number):
            numbers.check(line.document_number, line.posting_date)
        if last is not None and _closes(last, line, by_document):
            _check_balance(last, balance, by_document)
        balance += line_balance(line, strict=books.strict)
        last = line
    if last is not None:
        _check_balance(last, balance, by_document)


def _closes(last: JournalLine, line: JournalLine, by_document: bool) -> bool:
    """Whether a document (or a date) ends between two lines."""
    if last.posting_date != line.posting_date:
        return True
    return by_document and (last.document_number != line.document_number or last.document_type != line.document_type)


def _check_balance(last: JournalLine, balance: Decimal, by_document: bool) -> None:
    if not balance:
        return
    if by_document:
        raise refusals.DOCUMENT_UNBALANCED(
            document=last.document_number, date=last.posting_date, difference=plain(balance)
        )
    raise refusals.DATE_UNBALANCED(date=last.posting_date, difference=plain(balance))


# --------------------------------------------------------------------------- posting


class _Side(msgspec.Struct, frozen=True, gc=False):
    """One side of a line: the account posted to, what it is debited with, and the account on the other side."""

    kind: AccountType
    id: str
    number: str
    amount: Decimal
    lcy: Decimal
    other: Other


class _Head(msgspec.Struct, frozen=True, gc=False):
    """A line, and what all entries of it share."""

    line: JournalLine
    voucher: Voucher


class _Run:
    """Posts line after line and collects the rows."""

    def __init__(self, books: Books, numbers: _Numbers) -> None:
        self.books, self.numbers = books, numbers
        self.open = OpenEntries(books)
        self.unrealized = dict(books.unrealized)
        self.terms = Terms(books.setup, books.currencies, books.rates, self.unrealized)
        self.general: list[GeneralLedgerEntry] = []
        self.bank: list[BankAccountLedgerEntry] = []
        self.detailed: list[DetailedEntry] = []
        self.reserved = 0
        self.transaction = books.next.transaction
        self.balance = ZERO
        self.last: _Head | None = None
        self.checked: set[tuple[int, str]] = set()
        self.rests: list[_Head] = []

    # ------------------------------------------------------------- lines

    def post(self, line: JournalLine) -> None:
        """Post both sides of a line; the side that is not the customer first."""
        amount, lcy = posting_amount(line, strict=self.books.strict)
        head = self._head(line)
        self.last = head
        if not (line.account_number and line.balancing_account_number):
            self.balance += line_balance(line, strict=self.books.strict)
        self._post_sides(head, amount, lcy)
        if line.write_off_amount:
            self.rests.append(head)

    def _post_sides(self, head: _Head, amount: Decimal, lcy: Decimal) -> None:
        """Post both sides of a line that debits its account with `amount`."""
        line = head.line
        two = bool(line.account_number and line.balancing_account_number)
        kind, number = line.account_type, line.account_number
        other_kind, other_number = line.balancing_account_type, line.balancing_account_number
        sides: list[_Side] = []
        if number:
            other = Other(other_kind if two else BLANK_TYPE, other_number)
            sides.append(_Side(kind, line.account_id, number, amount, lcy, other))
        if other_number:
            other = Other(kind if two else BLANK_TYPE, number)
            sides.append(_Side(other_kind, line.balancing_account_id, other_number, -amount, -lcy, other))
        if two and kind == AccountType.CUSTOMER:
            sides.reverse()
        for side in sides:
            if side.kind == AccountType.CUSTOMER:
                self._post_customer(side, head)
            elif side.kind == AccountType.BANK_ACCOUNT:
                self._post_bank(side, head)
            else:
                account = self._account(side.number, f"journal line {line.line_number}", line, direct=True)
                self._general(account, side.lcy, side, head)

    def write_off_rests(self) -> None:
        """Post what the lines so far want written off of their documents: a line of no type, which earns no discount,
        against the write-off account, each in a transaction of its own.

        Raises:
            Refused: less remains than is to be written off, it is in another currency, or beyond the limit.
        """
        rests, self.rests = self.rests, []
        for head in rests:
            line = self._write_off_line(head.line)
            self.transaction += 1
            voucher = replace(
                head.voucher,
                transaction_number=self.transaction,
                document_type=DocumentType.BLANK,
                reason_code=line.reason_code,
            )
            self._post_sides(_Head(line, voucher), line.amount, line.amount_lcy)

    def _write_off_line(self, line: JournalLine) -> JournalLine:
        """The line that writes off what a posted line wants written off."""
        books, amount = self.books, line.write_off_amount
        customer_id, number = line.account_id, line.account_number
        if line.account_type != AccountType.CUSTOMER:
            customer_id, number = line.balancing_account_id, line.balancing_account_number
        kind, document = line.applies_to_document_type, line.applies_to_document_number
        old = self.open.named(customer_id, kind, document)
        if old is not None and old.currency_code != line.currency_code:
            raise refusals.WRITE_OFF_CURRENCY_DIFFERS(
                line=line.line_number,
                currency=line.currency_code or "local currency",
                document_type=kind,
                document=document,
                entry_currency=old.currency_code or "local currency",
            )
        rest = old.remaining_amount if old is not None else ZERO
        if old is None or abs(rest) < amount:
            raise refusals.WRITE_OFF_EXCEEDS_REST(
                line=line.line_number,
                amount=plain(amount),
                remaining=plain(abs(rest)),
                document_type=kind,
                document=document,
            )
        if rest > 0:
            amount = -amount
        lcy = to_lcy(amount, line.currency_factor, books.setup.amount_rounding_precision)
        limit = books.setup.write_off_limit
        if abs(lcy) > limit:
            raise refusals.WRITE_OFF_OVER_LIMIT(line=line.line_number, amount=plain(abs(lcy)), limit=plain(limit))
        _code, group = self._group(books.customers[customer_id], line)
        account = posting_account(books.accounts, *group_account(group, "write_off_account"))
        return replace(
            line,
            account_type=AccountType.CUSTOMER,
            account_id=customer_id,
            account_number=number,
            document_type=DocumentType.BLANK,
            amount=amount,
            amount_lcy=lcy,
            balancing_account_type=AccountType.GL_ACCOUNT,
            balancing_account_id=account.id,
            balancing_account_number=account.number,
            reason_code=line.write_off_reason_code,
            write_off_amount=ZERO,
        )

    def _head(self, line: JournalLine) -> _Head:
        """Give the line its document number and its transaction.

        A new transaction starts with a new document, and whenever the lines so far balance.
        """
        last = self.last
        series = self.books.batch.posting_number_series
        if last is not None and last.line.document_number == line.document_number:
            number = last.voucher.document_number
        elif series:
            number = self.numbers.take(series, line.posting_date)
        else:
            number = line.document_number
        if last is not None and (
            not self.balance
            or last.line.document_type != line.document_type
            or last.voucher.document_number != number
            or last.line.posting_date != line.posting_date
        ):
            self.transaction += 1
        books = self.books
        voucher = Voucher(
            transaction_number=self.transaction,
            register_number=books.next.register,
            posting_date=line.posting_date,
            document_date=line.posting_date if line.document_date == BLANK_DATE else line.document_date,
            document_type=line.document_type,
            document_number=number,
            external_document_number=line.external_document_number,
            description=line.description,
            dimension_set_number=line.dimension_set_number,
            source_code=books.template.source_code,
            user=books.user,
            now=books.now,
            comment=line.comment,
            reason_code=line.reason_code,
            journal_batch_name=books.batch.name,
        )
        return _Head(line, voucher)

    def _account(self, number: str, where: str, line: JournalLine, *, direct: bool = False) -> Account:
        """The G/L account, which must be one to post to.

        Raises:
            Refused: it is missing, blocked, a heading or total, closed to direct posting (when a line names it), or
                its default dimensions demand other dimensions.
        """
        account = posting_account(self.books.accounts, number, where)
        if direct and not account.direct_posting:
            raise refusals.ACCOUNT_NOT_DIRECT(number=number, where=where)
        rules = self.books.rules.get(account.id)
        key = (line.dimension_set_number, account.id)
        if rules and key not in self.checked:
            self.checked.add(key)
            dimensions.check(
                self.books.sets.get(line.dimension_set_number, {}),
                rules,
                record=f"G/L account {number}",
                where=f"line {line.line_number} of journal {self.books.batch.name}",
            )
        return account

    def _number(self) -> int:
        """Reserve the next entry number."""
        number = self.books.next.entry + self.reserved
        self.reserved += 1
        return number

    def _general(
        self,
        account: Account,
        amount: Decimal,
        side: _Side,
        head: _Head,
        number: int = 0,
        source_type: AccountType = BLANK_TYPE,
        source_number: str = "",
        balanced: bool = True,
    ) -> None:
        """Add a G/L entry. `balanced`: it shows the other side's account."""
        self.general.append(
            entries.general_entry(
                head.voucher,
                number or self._number(),
                account,
                amount,
                source_type=source_type,
                source_number=source_number,
                other=side.other if balanced else NO_OTHER,
            )
        )

    # ------------------------------------------------------------- bank accounts

    def _post_bank(self, side: _Side, head: _Head) -> None:
        """Add a bank account entry and its G/L entry under one number."""
        line, books = head.line, self.books
        bank = books.banks.get(side.id)
        if bank is None:
            raise refusals.BANK_UNKNOWN(number=side.number, line=line.line_number)
        if bank.blocked:
            raise refusals.BANK_BLOCKED(number=side.number, line=line.line_number)
        if bank.currency_code and bank.currency_code != line.currency_code:
            raise refusals.BANK_CURRENCY_DIFFERS(
                number=side.number,
                bank_currency=bank.currency_code,
                line=line.line_number,
                currency=line.currency_code or "local currency",
            )
        if not bank.ledger_account:
            raise refusals.BANK_WITHOUT_ACCOUNT(number=side.number, line=line.line_number)
        account = self._account(bank.ledger_account, f"bank account {side.number}", line)
        amount = side.amount if bank.currency_code else side.lcy
        number = self._number()
        self.bank.append(entries.bank_entry(head.voucher, number, bank, amount, side.lcy, side.other))
        self._general(account, side.lcy, side, head, number, AccountType.BANK_ACCOUNT, bank.number)

    # ------------------------------------------------------------- customers

    def _post_customer(self, side: _Side, head: _Head) -> None:
        """Add a customer ledger entry, apply it, and add its detailed and G/L entries."""
        line = head.line
        customer = self.books.customers[side.id]
        code, group = self._group(customer, line)
        receivables = self._account(group.receivables_account, f"customer posting group {code}", line)
        if line.currency_code and line.currency_code not in self.books.currencies:
            raise refusals.CURRENCY_UNKNOWN(currency=line.currency_code, line=line.line_number)
        number = self._number()
        entry = self._customer_entry(side, head, customer, code, number)
        initial = Detail(entry, DetailedEntryType.INITIAL_ENTRY, side.amount, side.lcy)
        on, olds, pooled = self._olds(entry, customer, line)
        application = apply_entry(
            entry, olds, on=on, terms=self.terms, block_tolerance=customer.block_payment_tolerance, pooled=pooled
        )
        self.open.add(application.new)
        for _old, changed in application.olds:
            self.open.change(changed)
        self._detailed(initial, line.posting_date, entry, head)
        for detail in application.details:
            self._detailed(detail, on, entry, head)
        self._receivables(side, head, group, receivables, application)

    def _group(self, customer: Customer, line: JournalLine) -> tuple[str, CustomerPostingGroup]:
        """Return code and row of the posting group that a line posts a customer with.

        Raises:
            Refused: there is none, or it has no receivables account.
        """
        code = customer.customer_posting_group
        if line.account_type == AccountType.CUSTOMER and line.customer_posting_group:
            code = line.customer_posting_group
        if not code:
            raise refusals.POSTING_GROUP_MISSING(number=customer.number, line=line.line_number)
        group = self.books.posting_groups.get(code)
        if group is None or not group.receivables_account:
            raise refusals.GROUP_ACCOUNT_MISSING(group=code, account="receivables account")
        return code, group

    def _customer_entry(
        self, side: _Side, head: _Head, customer: Customer, group: str, number: int
    ) -> CustomerLedgerEntry:
        """The entry before anything is applied to it."""
        line = head.line
        return entries.customer_entry(
            head.voucher,
            number,
            customer,
            side.amount,
            side.lcy,
            currency_code=line.currency_code,
            currency_factor=line.currency_factor if line.currency_code else Decimal(1),
            due_date=line.posting_date,
            customer_posting_group=group,
            balancing_account_type=side.other.account_type,
            balancing_account_number=side.other.number,
            salesperson_code=line.salesperson_code,
            payment_method_id=line.payment_method_id,
            source_id=line.id,
        )

    def _olds(
        self, entry: CustomerLedgerEntry, customer: Customer, line: JournalLine
    ) -> tuple[date, Iterable[CustomerLedgerEntry], Sequence[CustomerLedgerEntry]]:
        """Return the date of the application, the entries to apply to, and those of the same sign to pool.

        Raises:
            Refused: the document that the line names is not open, has the same sign, or another currency that may not
                be applied.
        """
        on = line.posting_date
        wanted = not entry.positive
        if line.applies_to_document_number:
            old = self._named(entry, customer, line)
            return max(on, old.posting_date), (old,), ()
        by_age = customer.application_method == OLDEST
        if line.applies_to_id:
            marked = [
                old
                for old in self.open.marked(customer.id, line.applies_to_id)
                if (old.posting_date <= on if by_age else bool(old.amount_to_apply)) and self._may_apply(entry, old)
            ]
            olds = [old for old in marked if old.positive == wanted]
            pooled = [old for old in marked if old.positive != wanted]
            return max([on, *(old.posting_date for old in marked)]), olds, pooled
        if not by_age:
            return on, (), ()
        queue = self.open.in_order(customer.id, wanted)
        return on, (old for old in queue if old.posting_date <= on and self._may_apply(entry, old)), ()

    def _may_apply(self, entry: CustomerLedgerEntry, old: CustomerLedgerEntry) -> bool:
        """Whether the currencies allow it; an entry in a currency that is gone can only be named."""
        known = not old.currency_code or old.currency_code in self.books.currencies
        return known and may_apply(self.books.setup, entry.currency_code, old.currency_code, self.books.currencies)

    def _named(self, entry: CustomerLedgerEntry, customer: Customer, line: JournalLine) -> CustomerLedgerEntry:
        number, kind = line.applies_to_document_number, line.applies_to_document_type
        old = self.open.named(customer.id, kind, number)
        if old is None:
            raise refusals.ENTRY_NOT_FOUND(
                line=line.line_number, document_type=kind, document=number, number=customer.number
            )
        if old.positive == entry.positive:
            raise refusals.ENTRY_SIGN_SAME(
                line=line.line_number, document_type=kind, document=number, remaining=plain(old.remaining_amount)
            )
        if old.currency_code and old.currency_code not in self.books.currencies:
            raise refusals.ENTRY_CURRENCY_UNKNOWN(
                line=line.line_number, document_type=kind, document=number, currency=old.currency_code
            )
        if not may_apply(self.books.setup, entry.currency_code, old.currency_code, self.books.currencies):
            raise refusals.CURRENCIES_NOT_APPLIED(
                line=line.line_number,
                currency=entry.currency_code or "local currency",
                document_type=kind,
                document=number,
                entry_currency=old.currency_code or "local currency",
            )
        return old

    def _detailed(self, detail: Detail, on: date, new: CustomerLedgerEntry, head: _Head) -> None:
        """Add a detailed entry."""
        if detail.entry_type in UNREALIZED:
            held = self.unrealized.get(detail.entry.entry_number, ZERO)
            self.unrealized[detail.entry.entry_number] = held + detail.amount_lcy
        number = self.books.next.detailed + len(self.detailed)
        self.detailed.append(entries.detailed_entry(head.voucher, number, detail, on, new.entry_number))

    def _receivables(
        self,
        side: _Side,
        head: _Head,
        group: CustomerPostingGroup,
        receivables: Account,
        application: Application,
    ) -> None:
        """Add the G/L side of the detailed entries.

        Discounts, tolerances, gains, losses and roundings first, each with its own entry; then the receivables, under
        the number that the customer ledger entry reserved. When both sides of the line are known, the part of the
        receivables that comes from entries of its own sign (the gains, for a payment) is shown apart.
        """
        line, number = head.line, application.new.entry_number
        total = side.lcy
        own = {True: ZERO, False: ZERO}
        source = AccountType.CUSTOMER, application.new.customer_number
        for detail in application.details:
            total += detail.amount_lcy
            if detail.entry_type == DetailedEntryType.APPLICATION or not detail.amount_lcy:
                continue
            amount = -detail.amount_lcy
            account = self._account(*detail_account(detail, group, self.books.currencies, self.books.setup), line)
            self._general(account, amount, side, head, 0, *source, balanced=False)
            own[amount > 0] += amount
        apart = own[total > 0]
        if side.other.number and apart and total + apart:
            self._general(receivables, -apart, side, head, 0, *source)
            total += apart
        self._general(receivables, total, side, head, number, *source)

    # ------------------------------------------------------------- the end

    def finish(self, lines: Sequence[JournalLine]) -> Posting:
        """Return the posting: ledger rows, closed entries, paid documents, the emptied journal, its number series."""
        books, last = self.books, self.last
        if last is None:
            return Posting(Changes())
        self.general.sort(key=lambda entry: entry.entry_number)
        first = books.next.entry
        register = entries.register_of(
            last.voucher, first, first + self.reserved - 1, journal_template_name=books.template.name
        )
        added = self.open.added()
        changes = Changes(insert=[register, *self.general, *added, *self.detailed, *self.bank], delete=list(lines))
        for old, new in self.open.changed():
            changes.update.append((old, new))
            document = books.documents.get(old.entry_number)
            if document is not None:
                # Also when its columns stay the same: what remains of it changed, so its version is renewed.
                changes.update.append((document, following(document, new)))
        changes.update.extend(self.numbers.changed())
        batch = books.batch
        carried = not batch.number_series
        after = replace(
            batch,
            carried_line=carried,
            carried_posting_date=last.line.posting_date if carried else BLANK_DATE,
            carried_document_number=increment(last.line.document_number) if carried else "",
        )
        if after != batch:
            changes.update.append((batch, after))
        return Posting(changes, register.number, added)
