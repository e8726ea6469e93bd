"""Applying a customer ledger entry (the new one, a payment) to open entries (the old ones, invoices).

Invoice 5 over 1000 is open; payment 11 over -400 is applied to it. Amounts debit positive:

    detailed entry   11  Initial Entry   -400     payment 11 owes us -400
    detailed entry    5  Application     -400     invoice 5: 600 remains
    detailed entry   11  Application      400     payment 11: 0 remains, closed by entry 5

What remains of an entry is the sum of its detailed entries. Each old entry goes through the same steps: payment
tolerance, payment discount, discount tolerance, application rounding, the amount applied, unrealized and realized
gains and losses, the two application entries, the correction of its value in local currency. Each step sees what the
ones before it changed. Equal detailed entries (same entry, same type) are merged.

Several payments may be pooled for one invoice: what the applying payment lacks, it takes over from other entries of
its own sign first, as far as the invoices need it, and is then applied with all of that.

    invoice 5 over 700, payment 11 over -500, payment 9 over -300 pooled with it
    detailed entry    9  Application      200     payment 9: -100 remains
    detailed entry    5  Application     -700     invoice 5 is closed by payment 11
    detailed entry   11  Application      500     -200 taken over, 700 applied

Source: BCApps GenJnlPostLine.Codeunit.al (ApplyCustLedgEntry, PostApply) and
PaymentToleranceManagement.Codeunit.al, retold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from debitor.ledger.amounts import ZERO
from debitor.ledger.currencies import Rates, exchange, to_lcy
from debitor.ledger.records import (
    Currency,
    CurrencyApplication,
    CustomerLedgerEntry,
    DetailedEntryType,
    DocumentType,
    ReceivablesSetup,
)

PAYING = (DocumentType.PAYMENT, DocumentType.REFUND)
PAYABLE = (DocumentType.INVOICE, DocumentType.CREDIT_MEMO)
UNREALIZED = (DetailedEntryType.UNREALIZED_LOSS, DetailedEntryType.UNREALIZED_GAIN)
APPLICATION = DetailedEntryType.APPLICATION
ROUNDING = DetailedEntryType.APPLN_ROUNDING
LOCAL = Decimal(1)


@dataclass(frozen=True, slots=True)
class Terms:
    """What an application must know besides the entries.

    Attributes:
        unrealized: entry number -> sum of its unrealized gains and losses (LCY).
    """

    setup: ReceivablesSetup
    currencies: Mapping[str, Currency]
    rates: Rates
    unrealized: Mapping[int, Decimal]

    def precision(self, currency_code: str) -> Decimal:
        """The smallest amount of a currency."""
        if not currency_code:
            return self.setup.amount_rounding_precision
        return self.currencies[currency_code].amount_rounding_precision

    def rounding_limit(self, currency_code: str) -> Decimal:
        """How much may be left between currencies and still be rounded away, in the new entry's currency."""
        if not currency_code:
            return self.setup.application_rounding_precision
        return self.currencies[currency_code].application_rounding_precision


class Detail(msgspec.Struct, gc=False):
    """A detailed entry to be: `amount` in the currency of the entry that it changes."""

    entry: CustomerLedgerEntry
    entry_type: DetailedEntryType
    amount: Decimal
    amount_lcy: Decimal


class Application(msgspec.Struct, frozen=True, gc=False):
    """The result: the new entry as it stands now, each old one before and after, the detailed entries in order."""

    new: CustomerLedgerEntry
    olds: Sequence[tuple[CustomerLedgerEntry, CustomerLedgerEntry]]
    details: Sequence[Detail]


NO_CURRENCIES: Mapping[str, Currency] = {}


def may_apply(
    setup: ReceivablesSetup, one: str, other: str, currencies: Mapping[str, Currency] = NO_CURRENCIES
) -> bool:
    """Whether entries in these two currencies may be applied to each other.

    Args:
        one, other: currency codes, blank for local currency.
        currencies: by code; for the set-up's `EMU`, which allows it between currencies of the economic and monetary
            union: those marked so, and the local currency if the set-up marks it.
    """
    allowed = setup.application_between_currencies
    if one == other or allowed == CurrencyApplication.ALL:
        return True
    return allowed == CurrencyApplication.EMU and all(
        (code in currencies and currencies[code].emu_currency) if code else setup.emu_currency
        for code in (one, other)
    )


def apply_entry(
    new: CustomerLedgerEntry,
    olds: Iterable[CustomerLedgerEntry],
    *,
    on: date,
    terms: Terms,
    block_tolerance: bool = False,
    pooled: Sequence[CustomerLedgerEntry] = (),
) -> Application:
    """Apply `new` to the old entries, one after the other, until nothing of it remains.

    Args:
        new: with what remains of it before the application.
        olds: open entries of the same customer and the opposite sign, in the order in which to apply; read only as
            far as needed. Their `amount_to_apply` limits what is applied (0: no limit); accepted tolerances are used.
        on: the date of the application; not before any of the entries' posting dates.
        block_tolerance: the customer gets no payment tolerance.
        pooled: open entries of the same customer and the same sign as `new`, which it takes over as far as it lacks
            something for all of `olds`.
    """
    work = _Work(new, terms, on)
    pairs: list[tuple[CustomerLedgerEntry, CustomerLedgerEntry]] = []
    if pooled:
        olds = list(olds)
        for same in pooled:
            assert same.customer_id == new.customer_id, "entries of two customers are pooled"
            assert same.open, f"entry {same.entry_number} is closed"
            assert same.positive == new.positive, f"entry {same.entry_number} has the other sign"
            lacking = work.lacking(olds, block_tolerance)
            if lacking:
                pairs.append((same, work.take_over(_Standing(same), lacking)))
    for old in olds:
        assert old.customer_id == new.customer_id, "entries of two customers are applied to each other"
        assert old.open, f"entry {old.entry_number} is closed"
        assert old.positive != new.positive, f"entry {old.entry_number} has the same sign"
        pairs.append((old, work.settle(_Standing(old), block_tolerance)))
        if not work.new.remaining:
            break
    if not pairs:
        return Application(new, (), ())
    return Application(work.finish(), pairs, list(work.details.values()))


class _Standing:
    """An entry while it is being applied."""

    __slots__ = ("amount", "amount_lcy", "changes", "entry", "remaining", "remaining_lcy")

    def __init__(self, entry: CustomerLedgerEntry) -> None:
        self.entry = entry
        self.amount, self.amount_lcy = entry.amount, entry.amount_lcy
        self.remaining, self.remaining_lcy = entry.remaining_amount, entry.remaining_amount_lcy
        self.changes: dict[str, Any] = {}

    def close(
        self, by: int, on: date, amount: Decimal, lcy: Decimal, currency: str, currency_amount: Decimal
    ) -> None:
        """Note what closed the entry."""
        self.changes |= {
            "closed_at_date": on,
            "closed_by_entry_number": by,
            "closed_by_amount": amount,
            "closed_by_amount_lcy": lcy,
            "closed_by_currency_code": currency,
            "closed_by_currency_amount": currency_amount,
        }

    def result(self) -> CustomerLedgerEntry:
        """The entry as it stands now. What is closed keeps no discount and no tolerance."""
        changes = self.changes
        if not self.remaining:
            changes["remaining_payment_discount_possible"] = changes["maximum_payment_tolerance"] = ZERO
        return replace(
            self.entry,
            amount=self.amount,
            amount_lcy=self.amount_lcy,
            remaining_amount=self.remaining,
            remaining_amount_lcy=self.remaining_lcy,
            open=bool(self.remaining),
            **changes,
        )


NOTED = {
    "amount_to_apply": ZERO,
    "applies_to_id": "",
    "accepted_payment_tolerance": ZERO,
    "accepted_payment_discount_tolerance": False,
}
"""What was noted on an old entry for its application; used up by it."""


class _Work:
    """One application: the new entry and the detailed entries so far."""

    def __init__(self, new: CustomerLedgerEntry, terms: Terms, on: date) -> None:
        self.new = _Standing(new)
        self.terms, self.on = terms, on
        self.before = new.remaining_amount
        self.tolerated = ZERO
        self.precision = terms.setup.amount_rounding_precision
        self.details: dict[tuple[int, DetailedEntryType], Detail] = {}

    def add(self, to: _Standing, kind: DetailedEntryType, amount: Decimal, lcy: Decimal) -> None:
        """Change an entry by a detailed entry; nothing happens when both amounts are zero."""
        if not amount and not lcy:
            return
        to.remaining += amount
        to.remaining_lcy += lcy
        if kind != APPLICATION and kind != ROUNDING:
            to.amount += amount
            to.amount_lcy += lcy
        found = self.details.get((to.entry.entry_number, kind))
        if found is None:
            self.details[to.entry.entry_number, kind] = Detail(to.entry, kind, amount, lcy)
        else:
            found.amount += amount
            found.amount_lcy += lcy

    def lcy(self, amount: Decimal, factor: Decimal) -> Decimal:
        return to_lcy(amount, factor, self.precision)

    def give(self, kind: DetailedEntryType, amount: Decimal) -> Decimal:
        """Add a discount or tolerance to the new entry. Returns its value in local currency."""
        entry = self.new.entry
        lcy = self.lcy(entry.original_amount + amount, entry.original_currency_factor) - entry.original_amount_lcy
        self.add(self.new, kind, amount, lcy)
        return lcy

    # ----------------------------------------------------------------- one old entry

    def settle(self, old: _Standing, block_tolerance: bool) -> CustomerLedgerEntry:
        """Apply the new entry to one old entry, as far as it reaches. Returns the old entry as it stands then."""
        new, entry, theirs = self.new, self.new.entry, old.entry
        same = entry.currency_code == theirs.currency_code
        remaining, discount = old.remaining, theirs.remaining_payment_discount_possible
        to_apply = _limited(theirs.amount_to_apply, remaining)
        limit = ZERO
        if not same:
            limit = self.terms.rounding_limit(entry.currency_code)
            remaining, discount, to_apply = map(self._in_new_currency(theirs), (remaining, discount, to_apply))

        late = theirs.accepted_payment_discount_tolerance and not block_tolerance
        if theirs.accepted_payment_tolerance and not block_tolerance:
            self._give_tolerance(old)
        discounted = bool(discount) and self._in_time(theirs)
        least = abs(remaining - discount)
        if discounted:
            enough = abs(to_apply) >= least
            pays = abs(new.remaining) + limit >= least
            tolerated = abs(new.remaining + self.tolerated) >= least
            if (pays and (enough or not to_apply)) or (tolerated and enough and to_apply):
                old.changes["payment_discount_given_lcy"] = -self.give(DetailedEntryType.PAYMENT_DISCOUNT, -discount)
        if late:
            given = self.give(DetailedEntryType.PAYMENT_DISCOUNT_TOLERANCE, -discount)
            old.changes["payment_discount_given_lcy"] = -given
        if not same:
            rounding = -(new.remaining + remaining)
            if rounding and abs(rounding) <= limit:
                self.add(new, ROUNDING, rounding, self.lcy(rounding, entry.adjusted_currency_factor))

        if to_apply:
            pays = abs(to_apply) >= least and abs(new.remaining) >= min(least, abs(to_apply))
            applied = -remaining if late or (discounted and pays) else _smaller(new.remaining, -to_apply)
            if limit and abs(remaining - to_apply) < limit:
                applied -= remaining - to_apply
        else:
            applied = -remaining
        self._apply(old, self._possible(applied, remaining), remaining, same)
        return self._after(old)

    # ----------------------------------------------------------------- pooled entries

    def lacking(self, olds: Iterable[CustomerLedgerEntry], block_tolerance: bool) -> Decimal:
        """Return what the new entry lacks to close all of these as far as they are to be (its currency, positive)."""
        wanted = sum((abs(self._wanted(old, block_tolerance)) for old in olds), ZERO)
        return max(wanted - abs(self.new.remaining), ZERO)

    def _wanted(self, theirs: CustomerLedgerEntry, block_tolerance: bool) -> Decimal:
        """Return what is to be paid of an entry in the new entry's currency, less what is granted."""
        convert = self._in_new_currency(theirs)
        remaining = convert(theirs.remaining_amount)
        discount = convert(theirs.remaining_payment_discount_possible)
        wanted = convert(_limited(theirs.amount_to_apply, theirs.remaining_amount)) or remaining
        late = theirs.accepted_payment_discount_tolerance and not block_tolerance
        if (late or self._in_time(theirs)) and abs(wanted) >= abs(remaining - discount):
            wanted = remaining - discount
        return wanted if block_tolerance else wanted - theirs.accepted_payment_tolerance

    def take_over(self, same: _Standing, most: Decimal) -> CustomerLedgerEntry:
        """Take over what remains of an entry of the same sign, at most `most`. Returns it as it stands then."""
        entry, theirs = self.new.entry, same.entry
        convert = self._in_new_currency(theirs)
        remaining = convert(same.remaining)
        part = convert(_limited(theirs.amount_to_apply, same.remaining)) or remaining
        if abs(part) > most:
            part = most if part > 0 else -most
        self._apply(same, -part, remaining, entry.currency_code == theirs.currency_code)
        return self._after(same)

    def _possible(self, applied: Decimal, remaining: Decimal) -> Decimal:
        """Return the amount, as far as both sides have it, whatever was noted on the old entry."""
        if self.new.remaining * remaining >= 0:
            return ZERO
        return _smaller(_smaller(applied, self.new.remaining), -remaining)

    def _in_new_currency(self, theirs: CustomerLedgerEntry) -> Callable[[Decimal], Decimal]:
        entry, terms = self.new.entry, self.terms
        precision = terms.precision(entry.currency_code)

        def convert(amount: Decimal) -> Decimal:
            return exchange(
                amount, theirs.currency_code, entry.currency_code, terms.rates, entry.posting_date, precision
            )

        return convert

    def _give_tolerance(self, old: _Standing) -> None:
        """Give the accepted payment tolerance, unless the payment is too small to carry it."""
        tolerance = -old.entry.accepted_payment_tolerance
        if (self.new.remaining + tolerance) * old.remaining < 0:
            self.tolerated += tolerance
            self.give(DetailedEntryType.PAYMENT_TOLERANCE, tolerance)

    def _in_time(self, theirs: CustomerLedgerEntry) -> bool:
        """Whether types and dates allow the discount; the grace period does not count here."""
        entry = self.new.entry
        return (
            entry.document_type in PAYING
            and theirs.document_type in PAYABLE
            and entry.posting_date <= theirs.payment_discount_date
        )

    def _apply(self, old: _Standing, applied: Decimal, remaining: Decimal, same: bool) -> None:
        """Apply an amount in the new entry's currency; `remaining` is all of the old entry in that currency."""
        new, entry, theirs, terms = self.new, self.new.entry, old.entry, self.terms
        if same:
            old_applied = applied
        elif applied == -remaining:
            old_applied = -old.remaining
        else:
            precision = terms.precision(theirs.currency_code)
            old_applied = exchange(
                applied, entry.currency_code, theirs.currency_code, terms.rates, entry.posting_date, precision
            )
            old_applied = _smaller(old_applied, -old.remaining)
        lcy = applied  # in local currency already, unless one of the two says otherwise
        if same or entry.currency_code:
            lcy = self.lcy(old_applied, theirs.original_currency_factor)

        if theirs.currency_code:
            self._reverse_unrealized(old, old_applied, old.remaining)
        if entry.currency_code:
            self._realize(new, lcy - self.lcy(applied, entry.original_currency_factor))
        if theirs.currency_code:
            self._realize(old, self.lcy(old_applied, theirs.original_currency_factor) - lcy)
        if not applied:
            return

        self.add(old, APPLICATION, old_applied, lcy)
        if not old.remaining:
            old.close(entry.entry_number, self.on, -old_applied, -lcy, entry.currency_code, -applied)
        self.add(new, APPLICATION, -applied, -lcy)
        if not new.remaining:
            new.changes["closed_at_date"] = self.on
            if old.remaining:
                new.close(theirs.entry_number, self.on, applied, lcy, theirs.currency_code, old_applied)

    def _reverse_unrealized(self, standing: _Standing, applied: Decimal, before: Decimal) -> None:
        held = self.terms.unrealized.get(standing.entry.entry_number)
        if held and before:
            part = self.lcy(held * abs(applied / before), LOCAL)
            self.add(standing, UNREALIZED[part > 0], ZERO, -part)

    def _realize(self, standing: _Standing, gain: Decimal) -> None:
        kind = DetailedEntryType.REALIZED_GAIN if gain > 0 else DetailedEntryType.REALIZED_LOSS
        self.add(standing, kind, ZERO, gain)

    def _correct(self, standing: _Standing) -> None:
        """Make what remains in local currency agree with what remains in the entry's currency."""
        entry = standing.entry
        if entry.currency_code:
            right = self.lcy(standing.remaining, entry.adjusted_currency_factor)
            kind = DetailedEntryType.CORRECTION_OF_REMAINING_AMOUNT
            self.add(standing, kind, ZERO, right - standing.remaining_lcy)

    def _after(self, old: _Standing) -> CustomerLedgerEntry:
        self._correct(old)
        self._limit_tolerance(old)
        old.changes |= NOTED
        return old.result()

    def _limit_tolerance(self, standing: _Standing) -> None:
        """Make the payment tolerance of a document no more than what remains of it."""
        entry = standing.entry
        if entry.document_type in PAYABLE and abs(standing.remaining) < abs(entry.maximum_payment_tolerance):
            standing.changes["maximum_payment_tolerance"] = standing.remaining

    def finish(self) -> CustomerLedgerEntry:
        """Return the new entry after its last application."""
        new = self.new
        if new.entry.currency_code:
            whole = self.details.get((new.entry.entry_number, APPLICATION))
            self._reverse_unrealized(new, whole.amount if whole else ZERO, self.before)
            self._correct(new)
        self._limit_tolerance(new)
        return new.result()


def _smaller(one: Decimal, other: Decimal) -> Decimal:
    """The amount that is nearer to zero."""
    return one if abs(one) < abs(other) else other


def _limited(to_apply: Decimal, remaining: Decimal) -> Decimal:
    """The noted amount to apply, as far as it still makes sense: of the same sign, not more than remains."""
    if not to_apply:
        return ZERO
    return to_apply if to_apply * remaining > 0 and abs(to_apply) < abs(remaining) else remaining
