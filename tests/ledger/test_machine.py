"""Any order of invoices, credit memos and payments: the engine agrees with the oracle, and the books hold."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable
from dataclasses import replace as changed
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from debitor.ledger import entry_refusals, invariants
from debitor.ledger.apply import Terms
from debitor.ledger.applying import apply_posted
from debitor.ledger.books import Books
from debitor.ledger.books import Posting as Posted
from debitor.ledger.entry_books import EntryBooks
from debitor.ledger.numbering import NextNumbers
from debitor.ledger.paying_back import Slip, refund_line, write_off_line
from debitor.ledger.post import post_journal
from debitor.ledger.records import (
    Account,
    AccountType,
    ApplicationMethod,
    BankAccountLedgerEntry,
    CustomerLedgerEntry,
    DetailedEntry,
    DocumentType,
    GeneralLedgerEntry,
    JournalLine,
    LineType,
    SalesCreditMemo,
    SalesCreditMemoLine,
)
from debitor.ledger.reverse import ReversalBooks, reverse, unapplying_transactions
from debitor.ledger.sales_documents import Precision, calculate_amounts
from debitor.ledger.sales_post import DocumentBooks, post_document
from debitor.ledger.unapply import act_of, latest_application, unapply
from debitor.schema import BLANK_DATE, Refused
from ledger.entries_oracle import Life, NotAllowed
from ledger.oracle import Item, NotOpen
from ledger.strategies import (
    AR,
    BANK,
    CORRECTION_CREDIT,
    CORRECTION_DEBIT,
    DISCOUNT_CREDIT,
    DISCOUNT_DEBIT,
    GAINS,
    LOSSES,
    TOLERANCE_CREDIT,
    TOLERANCE_DEBIT,
    WRITE_OFF,
    books,
    cents,
    customer,
    dates,
    payment,
)

ONE = Decimal(1)
CENTS = Precision(Decimal("0.01"), Decimal("0.00001"))
SALES = "6110"
RATES = {
    "EUR": [
        (date(2025, 1, 1), Decimal("1.20")),
        (date(2025, 2, 1), Decimal("1.25")),
        (date(2025, 3, 1), Decimal("1.15")),
    ],
}
ACCOUNTS = {
    "bank": (BANK,),
    "receivables": (AR,),
    "sales": (SALES,),
    "discount": (DISCOUNT_DEBIT, DISCOUNT_CREDIT),
    "gain": (GAINS,),
    "loss": (LOSSES,),
    "tolerance": (TOLERANCE_DEBIT, TOLERANCE_CREDIT),
    "correction": (CORRECTION_DEBIT, CORRECTION_CREDIT),
    "write-off": (WRITE_OFF,),
}
CURRENCIES = st.sampled_from(["", "", "EUR"])
MANUAL, OLDEST = "10400", "20000"
INVOICE = DocumentType.INVOICE


def rate_at(currency: str, on: date) -> Decimal:
    return [rate for start, rate in RATES[currency] if start <= on][-1] if currency else ONE


def at_rate(currency: str, on: date) -> Decimal:
    """Foreign currency per local currency."""
    return ONE / rate_at(currency, on)


class Posting(RuleBasedStateMachine):
    """Two customers, one applying by hand and one oldest first; local currency and euro."""

    steps = 0
    """Compared so far."""

    def __init__(self) -> None:
        super().__init__()
        self.oracle = Life(RATES)
        self.entries: dict[int, CustomerLedgerEntry] = {}
        self.details: list[DetailedEntry] = []
        self.bank: dict[int, BankAccountLedgerEntry] = {}
        self.general: list[GeneralLedgerEntry] = []
        self.lines: list[JournalLine] = []
        self.marks: dict[str, dict[int, Decimal]] = {}
        self.line_number = self.register = 0

    @initialize()
    def open_books(self) -> None:
        base = books()
        accounts = {**base.accounts, SALES: Account(id="sales", number=SALES)}
        oldest = customer(OLDEST, application_method=ApplicationMethod.APPLY_TO_OLDEST)
        self.base = changed(base, accounts=accounts, customers={**base.customers, oldest.id: oldest})

    def now(self) -> Books:
        """The books as the next posting sees them."""
        return changed(
            self.base,
            entries=[entry for entry in self.entries.values() if entry.open],
            next=NextNumbers(
                entry=len(self.general) + 1,
                detailed=len(self.details) + 1,
                tax=1,
                transaction=max((e.transaction_number for e in self.general), default=0) + 1,
                register=self.register + 1,
            ),
        )

    @rule(
        amount=cents,
        currency=CURRENCIES,
        on=dates,
        terms=st.sampled_from([0, 14, 30]),
        percent=st.sampled_from([0, 0, 2]),
        tolerated=st.sampled_from([0, 0, 3]),
        number=st.sampled_from([MANUAL, OLDEST]),
    )
    def sell(
        self, amount: Decimal, currency: str, on: date, terms: int, percent: int, tolerated: int, number: str
    ) -> None:
        """Post an invoice: sales and receivables."""
        most = min(Decimal(tolerated), amount)
        numbers = self.now().next
        factor = at_rate(currency, on)
        lcy = (amount / factor).quantize(Decimal("0.01"), "ROUND_HALF_UP")
        discount = (amount * percent / 100).quantize(Decimal("0.01"), "ROUND_HALF_UP")
        until = on + timedelta(days=8) if discount else date.min
        document = f"INV{numbers.entry + 1}"
        common: dict[str, Any] = {
            "transaction_number": numbers.transaction,
            "posting_date": on,
            "document_type": DocumentType.INVOICE,
            "document_number": document,
        }
        for account, value in ((SALES, -lcy), (AR, lcy)):
            self.general.append(
                GeneralLedgerEntry(
                    entry_number=len(self.general) + 1,
                    register_number=numbers.register,
                    account_number=account,
                    amount=value,
                    source_type=AccountType.CUSTOMER,
                    **common,
                )
            )
        self.register += 1
        of = {"customer_id": f"customer-{number}", "customer_number": number, "currency_code": currency}
        self.details.append(
            DetailedEntry(
                entry_number=numbers.detailed,
                ledger_entry_number=numbers.entry + 1,
                amount=amount,
                amount_lcy=lcy,
                **of,  # type: ignore[arg-type]
                **common,
            )
        )
        amounts = {f"{kind}amount": amount for kind in ("", "original_", "remaining_")}
        amounts |= {f"{kind}amount_lcy": lcy for kind in ("", "original_", "remaining_")}
        self.entries[numbers.entry + 1] = CustomerLedgerEntry(
            entry_number=numbers.entry + 1,
            due_date=on + timedelta(days=terms),
            original_currency_factor=factor,
            adjusted_currency_factor=factor,
            customer_posting_group="DOMESTIC",
            payment_discount_date=until,
            original_payment_discount_possible=discount,
            remaining_payment_discount_possible=discount,
            maximum_payment_tolerance=most,
            **of,  # type: ignore[arg-type]
            **common,
            **amounts,  # type: ignore[arg-type]
        )
        item = Item(0, number, on, document, "invoice", on + timedelta(days=terms), currency, factor, discount, until)
        self.oracle.sell(item, amount)
        self.oracle.tolerances[item.number] = most

    @rule(data=st.data(), amount=cents, currency=CURRENCIES, on=dates, positive=st.booleans())
    def pay(self, data: st.DataObject, amount: Decimal, currency: str, on: date, positive: bool) -> None:
        """Add a line: for one invoice, for marked ones, for the oldest, or for nothing."""
        number = data.draw(st.sampled_from([MANUAL, OLDEST]), label="customer")
        mine = [e for e in self.entries.values() if e.customer_number == number and e.document_type == INVOICE]
        named = data.draw(st.sampled_from([*mine, None]), label="invoice") if mine else None
        if named and data.draw(st.booleans(), label="exactly"):
            amount, currency = (named.remaining_amount or amount), named.currency_code
        self.line_number += 10000
        factor = at_rate(currency, on)
        lcy = (amount / factor).quantize(Decimal("0.01"), "ROUND_HALF_UP")
        sign = 1 if positive else -1
        line = payment(
            sign * amount,
            on,
            line=self.line_number,
            document_number=f"PAY{self.line_number // 10000:04d}",
            account_id=f"customer-{number}",
            account_number=number,
            amount_lcy=sign * lcy,
            currency_code=currency,
            currency_factor=factor,
            applies_to=named.document_number if named else "",
        )
        several = [e for e in mine if e.open and e.currency_code == currency and not e.applies_to_id]
        if not named and number == MANUAL and several and data.draw(st.booleans(), label="marked"):
            line = replace(line, applies_to_id=line.document_number)
            for entry in several[:3]:
                most = int(entry.remaining_amount * 100)
                part = Decimal(data.draw(st.integers(1, most), label="amount to apply")) / 100
                marked = replace(entry, applies_to_id=line.document_number, amount_to_apply=part)
                self.entries[entry.entry_number] = marked
                item = self.oracle.items[entry.entry_number]
                item.mark, item.limit = line.document_number, part
        self.lines.append(line)

    @rule(data=st.data(), amount=cents, currency=CURRENCIES, on=dates)
    def credit(self, data: st.DataObject, amount: Decimal, currency: str, on: date) -> None:
        """Post a credit memo: for one invoice, for the oldest, or for nothing."""
        number = data.draw(st.sampled_from([MANUAL, OLDEST]), label="customer")
        mine = [e for e in self.entries.values() if e.customer_number == number and e.document_type == INVOICE]
        named = data.draw(st.sampled_from([*mine, None]), label="invoice") if mine else None
        if named and data.draw(st.booleans(), label="exactly"):
            amount, currency = (named.remaining_amount or amount), named.currency_code
        base = self.now()
        of = base.customers[f"customer-{number}"]
        document = f"CM{base.next.entry}"
        factor = at_rate(currency, on)
        expected = copy.deepcopy(self.oracle)
        item = Item(0, number, on, document, "credit memo", on, currency, factor)
        names = named.document_number if named else ""
        header = SalesCreditMemo(
            id=document, number=document, draft_number=document, document_date=on, posting_date=on, due_date=on,
            customer_id=of.id, customer_number=number, bill_to_customer_id=of.id, bill_to_customer_number=number,
            currency_code=currency, currency_factor=factor, applies_to_document_number=names,
        )  # fmt: skip
        line = SalesCreditMemoLine(
            document_id=document, sequence=10000, line_type=LineType.ACCOUNT, line_object_number=SALES,
            quantity=Decimal(1), unit_price=amount,
        )  # fmt: skip
        header, lines = calculate_amounts(header, [line], CENTS)
        opened = [e for e in self.entries.values() if e.customer_number == number and e.open and e.positive]
        if named:
            opened = [e for e in opened if e.entry_number == named.entry_number]
        elif number == OLDEST:
            opened = [e for e in opened if e.posting_date <= on and not e.applies_to_id]
            opened.sort(key=lambda e: (e.due_date, e.entry_number))
        else:
            opened = []
        given = DocumentBooks(
            setup=base.setup, number=document, number_used="", sell_to=of, bill_to=of,
            currency=base.currencies.get(currency), posting_group=base.posting_groups["DOMESTIC"],
            accounts=base.accounts, items={}, product_groups={}, tax_groups={}, sets={}, rules={}, next=base.next,
            user="EVE", now=base.now, olds=opened, on=max([on, *(e.posting_date for e in opened)]),
            terms=Terms(base.setup, base.currencies, base.rates, {}),
        )  # fmt: skip
        try:
            expected.credit(item, -amount, names=names, oldest=number == OLDEST)
        except NotOpen:
            with pytest.raises(Refused) as refused:
                post_document(header, lines, given)
            assert refused.value.code == "Internal_DataNotFoundFilter"
            return
        posted = post_document(header, lines, given)
        assert posted.document.status == ("Open" if posted.entry.open else "Paid")
        self.register += 1
        for row in posted.changes.insert:
            if isinstance(row, GeneralLedgerEntry):
                self.general.append(row)
            elif isinstance(row, DetailedEntry):
                self.details.append(row)
        self.entries[posted.entry.entry_number] = posted.entry
        for _, new in posted.changes.update:
            if isinstance(new, CustomerLedgerEntry):
                self.entries[new.entry_number] = new
        self.oracle = expected

    @precondition(lambda self: self.lines)
    @rule()
    def post(self) -> None:
        """Post all lines; the oracle takes the same payments."""
        before = self.now()
        expected = copy.deepcopy(self.oracle)
        lines, self.lines = self.lines, []
        try:
            for line in lines:
                expected.pay(
                    Item(
                        0, line.account_number, line.posting_date, line.document_number, "payment",
                        line.posting_date, line.currency_code, line.currency_factor, mark=line.applies_to_id,
                    ),
                    -abs(line.amount),
                    names=line.applies_to_document_number,
                    oldest=line.account_number == OLDEST,
                )  # fmt: skip
        except NotOpen:
            with pytest.raises(Refused) as refused:
                post_journal(lines, before)
            assert refused.value.code == "Internal_DataNotFoundFilter"
            assert self.now() == before, "a refused posting changed something"
            return
        posting = post_journal(lines, before)
        assert list(invariants.posting_findings(posting, before)) == []
        assert posting.changes.delete == lines
        self.take_in(posting)
        self.oracle = expected

    def take_in(self, posting: Posted) -> None:
        """Take the rows of a posting into the books."""
        self.register += bool(posting.register_number)
        for row in posting.changes.insert:
            if isinstance(row, GeneralLedgerEntry):
                self.general.append(row)
            elif isinstance(row, DetailedEntry):
                self.details.append(row)
            elif isinstance(row, BankAccountLedgerEntry):
                self.bank[row.entry_number] = row
        self.entries |= {entry.entry_number: entry for entry in posting.entries}
        for _, new in posting.changes.update:
            if isinstance(new, CustomerLedgerEntry):
                self.entries[new.entry_number] = new
            elif isinstance(new, DetailedEntry):
                self.details[new.entry_number - 1] = new
            elif isinstance(new, GeneralLedgerEntry):
                self.general[new.entry_number - 1] = new
            elif isinstance(new, BankAccountLedgerEntry):
                self.bank[new.entry_number] = new

    # ------------------------------------------------------------- posted entries

    def seen_by_entries(self, number: int) -> EntryBooks:
        """The books as an act on an entry sees them."""
        base = self.now()
        customer = base.customers[self.entries[number].customer_id]
        return EntryBooks(
            setup=base.setup, user="EVE", now=base.now, next=base.next, customer=customer, entries=self.entries,
            groups=base.posting_groups, accounts=base.accounts, currencies=base.currencies, rates=base.rates,
        )  # fmt: skip

    def act(self, run: Callable[[], Posted], expect: Callable[[Life], None]) -> None:
        """The engine and the oracle do the same, or both refuse, for the same reason."""
        expected = copy.deepcopy(self.oracle)
        numbers = self.now().next
        try:
            expect(expected)
        except NotAllowed as no:
            refusal = entry_refusals.ALL[str(no)]
            with pytest.raises(Refused) as refused:
                run()
            assert re.fullmatch(re.sub(r"\\{\w+\\}", ".*", re.escape(refusal.text)), refused.value.message)
            return
        posting = run()
        assert list(invariants.act_findings(posting, numbers.entry)) == []
        self.take_in(posting)
        self.oracle = expected

    @precondition(lambda self: sum(e.open for e in self.entries.values()) > 1)
    @rule(data=st.data())
    def apply(self, data: st.DataObject) -> None:
        """Apply an open entry to others of its customer, some with an amount."""
        opened = [e for e in self.entries.values() if e.open]
        new = data.draw(st.sampled_from(opened), label="applying")
        others = [e for e in opened if e.customer_id == new.customer_id and e is not new]
        if not others:
            return
        chosen = data.draw(st.lists(st.sampled_from(others), min_size=1, max_size=3, unique_by=id), label="to")
        wanted: list[tuple[int, Decimal | None]] = []
        for entry in chosen:
            amount = None
            if data.draw(st.integers(0, 2), label="limited") == 0:
                part = data.draw(st.integers(1, int(abs(entry.remaining_amount) * 100)), label="amount")
                amount = Decimal(part) / 100 * (1 if entry.remaining_amount > 0 else -1)
            wanted.append((entry.entry_number, amount))
        books = self.seen_by_entries(new.entry_number)
        self.act(
            lambda: apply_posted(new.entry_number, wanted, BLANK_DATE, books),
            lambda oracle: oracle.settle(new.entry_number, [(n, amount or Decimal(0)) for n, amount in wanted]),
        )

    @precondition(lambda self: self.details)
    @rule(data=st.data())
    def unapply(self, data: st.DataObject) -> None:
        """Take back the latest application of an entry; closed ones are more likely to have one."""
        closed = [n for n, e in self.entries.items() if not e.open]
        number = data.draw(st.sampled_from(closed or [*self.entries]), label="entry")
        latest = latest_application([d for d in self.details if d.ledger_entry_number == number])
        of = self.entries[number].customer_id
        wrote = [d for d in self.details if d.customer_id == of and latest == act_of(d)]
        touched = {d.ledger_entry_number for d in wrote}
        details = [d for d in self.details if d.ledger_entry_number in touched]
        books = self.seen_by_entries(number)
        self.act(
            lambda: unapply(number, wrote, details, BLANK_DATE, books),
            lambda oracle: oracle.take_back(number),
        )

    @precondition(lambda self: self.bank)
    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        """Reverse the transaction of an entry."""
        number = data.draw(st.sampled_from([*self.entries]), label="entry")
        transaction = self.entries[number].transaction_number
        entries = [e for e in self.entries.values() if e.transaction_number == transaction]
        of = {e.entry_number for e in entries}
        details = [d for d in self.details if d.ledger_entry_number in of]
        others = unapplying_transactions(transaction, details)
        base = self.now()
        books = ReversalBooks(
            setup=base.setup, user="EVE", now=base.now, next=base.next, transaction=transaction,
            general=[g for g in self.general if g.transaction_number == transaction],
            unapplying=[g for g in self.general if g.transaction_number in others],
            banks=[b for b in self.bank.values() if b.transaction_number == transaction],
            entries=entries, details=details, accounts=base.accounts, bank_accounts=base.banks,
            customers=base.customers,
        )  # fmt: skip
        self.act(lambda: reverse(books), lambda oracle: oracle.reverse(number))

    @precondition(lambda self: any(e.remaining_amount < 0 for e in self.entries.values()))
    @rule(data=st.data(), on=dates)
    def refund(self, data: st.DataObject, on: date) -> None:
        """Pay back what an entry has in credit."""
        credits = [e for e in self.entries.values() if e.remaining_amount < 0]
        entry = data.draw(st.sampled_from(credits), label="credit")
        part = data.draw(st.integers(1, int(-entry.remaining_amount * 100)), label="amount")
        on = max(on, entry.posting_date)
        factor = at_rate(entry.currency_code, on)
        self.line_number += 10000
        number = f"REF{self.line_number // 10000:04d}"
        base = changed(self.now(), entries=[entry])
        slip = Slip(entry, on, factor, number, base.setup)
        line = replace(refund_line(slip, Decimal(part) / 100, base.banks["bank-B1"]), id=number)
        item = Item(0, entry.customer_number, on, number, "refund", on, entry.currency_code, factor)
        self.act(
            lambda: post_journal([line], base),
            lambda oracle: oracle.refund(item, line.amount, entry.entry_number),
        )

    @precondition(lambda self: any(e.open for e in self.entries.values()))
    @rule(data=st.data(), on=dates)
    def write_off(self, data: st.DataObject, on: date) -> None:
        """Give up what remains of an entry."""
        entry = data.draw(st.sampled_from([e for e in self.entries.values() if e.open]), label="rest")
        on = max(on, entry.posting_date)
        factor = at_rate(entry.currency_code, on)
        self.line_number += 10000
        number = f"OFF{self.line_number // 10000:04d}"
        base = changed(self.now(), entries=[entry])
        slip = Slip(entry, on, factor, number, replace(base.setup, write_off_limit=Decimal(10**9)), "SMALL")
        line = replace(write_off_line(slip, base.accounts[WRITE_OFF]), id=number)
        item = Item(0, entry.customer_number, on, number, "write-off", on, entry.currency_code, factor)
        self.act(lambda: post_journal([line], base), lambda oracle: oracle.write_off(item, entry.entry_number))

    @rule()
    def post_nothing(self) -> None:
        """A journal whose lines are posted has nothing more to post."""
        with pytest.raises(Refused) as refused:
            post_journal([], self.now())
        assert refused.value.code == "Application_DialogException"

    @invariant()
    def agrees_with_the_oracle(self) -> None:
        """What remains, in both currencies, who closed it, and every balance of the general ledger."""
        Posting.steps += 1
        ours = {
            n: (e.remaining_amount, e.remaining_amount_lcy, e.open, e.closed_by_entry_number)
            for n, e in self.entries.items()
        }
        theirs = {n: (i.rest, i.rest_value, bool(i.rest), i.closed_by) for n, i in self.oracle.items.items()}
        assert ours == theirs
        grants = {
            n: (e.remaining_payment_discount_possible, e.maximum_payment_tolerance) for n, e in self.entries.items()
        }
        tolerances = self.oracle.tolerances
        assert grants == {n: (i.discount, tolerances.get(n, 0)) for n, i in self.oracle.items.items()}
        balances = {name: Decimal(0) for name in ACCOUNTS}
        for entry in self.general:
            name = next(name for name, numbers in ACCOUNTS.items() if entry.account_number in numbers)
            balances[name] += entry.amount
        assert balances == {name: self.oracle.ledger.get(name, Decimal(0)) for name in ACCOUNTS}
        assert len(self.general) + 1 == self.oracle.next_number

    @invariant()
    def the_books_hold(self) -> None:
        """Everything that must hold of any books."""
        sums = invariants.sums_of(self.details)
        balance, receivables, control = invariants.Balance(), invariants.Receivables(), invariants.ControlAccounts()
        sequences = invariants.Sequence("General ledger entry"), invariants.Sequence("Detailed entry")
        for entry in self.general:
            assert not sequences[0].add(entry.entry_number)
            balance.add(entry)
            receivables.add(entry, customer_entry=entry.entry_number in self.entries)
            control.add(entry, self.entries.get(entry.entry_number))
        for detail in self.details:
            assert not sequences[1].add(detail.entry_number)
            receivables.add_detail(detail.transaction_number, detail.amount_lcy)
        for number, of in self.entries.items():
            assert list(invariants.entry_findings(of, sums.get(number))) == []
        assert list(balance.findings()) == []
        assert list(receivables.findings()) == []
        assert list(control.findings()) == []


THOROUGH = bool(os.environ.get("CI"))
"""Continuous integration takes the long way."""
LEAST = 20_000 if THOROUGH else 500
"""Steps that are compared, so that a change of the strategies cannot quietly make the test a small one."""


class TestPosting(Posting.TestCase):  # type: ignore[misc,valid-type]
    """Runs the machine."""

    def runTest(self) -> None:
        """Compare random histories with the oracle, after each step."""
        Posting.steps = 0
        super().runTest()
        assert Posting.steps >= LEAST, f"only {Posting.steps} steps were compared"


TestPosting.settings = settings(
    max_examples=1200 if THOROUGH else 60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
