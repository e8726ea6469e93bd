"""A second, slow and obvious model of receivables, to compare the engine with. It shares no code with it.

An item is a list of movements; everything else is counted again each time it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal(0)


class NotOpen(Exception):
    """The document that a payment names is not an open item of the customer."""


def cents(amount: Decimal) -> Decimal:
    """Round to cents, a half away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


@dataclass
class Movement:
    kind: str
    amount: Decimal
    value: Decimal


@dataclass
class Item:
    """An invoice or a payment. `factor`: foreign currency per local currency. Values are in local currency."""

    number: int
    customer: str
    day: date
    document: str
    kind: str
    due: date
    currency: str = ""
    factor: Decimal = Decimal(1)
    discount: Decimal = ZERO
    discount_until: date = date.min
    mark: str = ""
    limit: Decimal = ZERO
    closed_by: int = 0
    movements: list[Movement] = field(default_factory=list)

    @property
    def rest(self) -> Decimal:
        return sum((m.amount for m in self.movements), ZERO)

    @property
    def rest_value(self) -> Decimal:
        return sum((m.value for m in self.movements), ZERO)

    @property
    def first(self) -> Movement:
        return self.movements[0]

    def move(self, kind: str, amount: Decimal, value: Decimal) -> None:
        if amount or value:
            self.movements.append(Movement(kind, amount, value))

    def value(self, amount: Decimal) -> Decimal:
        return cents(amount / self.factor)


@dataclass
class Receivables:
    """All items, and the balances of the general ledger by what an account is for."""

    rates: dict[str, list[tuple[date, Decimal]]]
    items: dict[int, Item] = field(default_factory=dict)
    ledger: dict[str, Decimal] = field(default_factory=dict)
    next_number: int = 1

    def book(self, account: str, value: Decimal) -> None:
        self.ledger[account] = self.ledger.get(account, ZERO) + value

    def rate(self, currency: str, day: date) -> Decimal:
        """What one unit of the currency is worth in local currency."""
        return [rate for start, rate in self.rates[currency] if start <= day][-1] if currency else Decimal(1)

    def exchange(self, amount: Decimal, source: str, target: str, day: date) -> Decimal:
        if source == target:
            return amount
        return cents(amount / (1 / self.rate(source, day)) * (1 / self.rate(target, day)))

    def sell(self, item: Item, amount: Decimal) -> None:
        """Take in an invoice: two general ledger entries, the receivables second."""
        item.number = self.next_number + 1
        self.next_number += 2
        item.move("initial", amount, item.value(amount))
        self.items[item.number] = item
        self.book("receivables", item.rest_value)
        self.book("sales", -item.rest_value)

    def pay(
        self, item: Item, amount: Decimal, *, names: str = "", oldest: bool = False, against: str = "bank"
    ) -> Item:
        """Take in a payment (amount negative) with a bank account on the other side, and apply it."""
        bank = self.next_number
        item.number = bank + 1
        before = {n: len(i.movements) for n, i in self.items.items()}
        olds = self.targets(item, names, oldest)
        item.move("initial", amount, item.value(amount))
        self.items[item.number] = item
        for old in olds:
            if item.rest:
                self.apply(item, old)
        if olds:
            self.correct(item)
        others = [m for n, i in self.items.items() for m in i.movements[before.get(n, 1) :]]
        total = item.first.value + sum((m.value for m in others), ZERO)
        # Equal movements of one item become one entry.
        entries = {(n, m.kind) for n, i in self.items.items() for m in i.movements[before.get(n, 1) :] if m.value}
        entries = {key for key in entries if key[1] != "application"}
        gains = sum((-m.value for m in others if m.kind != "application" and (-m.value < 0) == (total <= 0)), ZERO)
        self.next_number += 2 + len(entries) + bool(gains and total + gains)
        self.book(against, -item.first.value)
        self.book("receivables", total)
        for m in others:
            if m.kind != "application":
                self.book(m.kind, -m.value)
        return item

    def credit(self, item: Item, amount: Decimal, *, names: str = "", oldest: bool = False) -> Item:
        """Take in a credit memo (amount negative): sales, then receivables, then what its application adds."""
        item.number = self.next_number + 1
        before = {n: len(i.movements) for n, i in self.items.items()}
        olds = self.targets(item, names, oldest)
        item.move("initial", amount, item.value(amount))
        self.items[item.number] = item
        for old in olds:
            if item.rest:
                self.apply(item, old)
        if olds:
            self.correct(item)
        others = [(n, m) for n, i in self.items.items() for m in i.movements[before.get(n, 1) :]]
        self.next_number += 2 + len({(n, m.kind) for n, m in others if m.value and m.kind != "application"})
        self.book("sales", -item.first.value)
        self.book("receivables", item.first.value + sum((m.value for _, m in others), ZERO))
        for _, m in others:
            if m.kind != "application":
                self.book(m.kind, -m.value)
        return item

    def targets(self, item: Item, names: str, oldest: bool) -> list[Item]:
        """The open invoices that a payment or credit memo goes to, in order."""
        opened = [i for i in self.items.values() if i.customer == item.customer and i.rest > 0]
        if names:
            found = [i for i in opened if i.document == names and i.kind == "invoice"]
            if not found:
                raise NotOpen(names)
            return found[:1]
        if item.mark:
            chosen = [i for i in opened if i.mark == item.mark and i.limit]
        elif oldest:
            chosen = [i for i in opened if not i.mark and i.day <= item.day]
        else:
            chosen = []
        return sorted(chosen, key=lambda i: (i.due, i.number))

    def apply(self, new: Item, old: Item) -> None:
        """Apply a payment to one invoice, as far as it goes."""
        rest = self.exchange(old.rest, old.currency, new.currency, new.day)
        discount = self.exchange(old.discount, old.currency, new.currency, new.day)
        limit = self.exchange(old.limit, old.currency, new.currency, new.day)
        enough = -new.rest >= rest - discount
        granted = (
            new.kind == "payment"
            and discount
            and new.day <= old.discount_until
            and enough
            and (not limit or limit >= rest - discount)
        )
        if granted:
            new.move("discount", -discount, new.value(new.first.amount - discount) - new.first.value)
        take = min(-new.rest, rest if granted or not limit else limit)
        if take <= 0:
            return
        if new.currency == old.currency:
            taken = take
        elif take == rest:
            taken = old.rest
        else:
            taken = min(self.exchange(take, new.currency, old.currency, new.day), old.rest)
        worth = take if not new.currency and old.currency else old.value(taken)
        if new.currency:
            gain = new.value(take) - worth
            new.move("gain" if gain > 0 else "loss", ZERO, gain)
        if old.currency:
            gain = worth - old.value(taken)
            old.move("gain" if gain > 0 else "loss", ZERO, gain)
        old.move("application", -taken, -worth)
        new.move("application", take, worth)
        if not old.rest:
            old.closed_by, old.discount = new.number, ZERO
        elif not new.rest:
            new.closed_by = old.number
        self.correct(old)
        old.mark, old.limit = "", ZERO

    def correct(self, item: Item) -> None:
        if item.currency:
            item.move("correction", ZERO, item.value(item.rest) - item.rest_value)
