"""The slow model of receivables, with the life of posted items: applied, taken back, refunded, reversed.

Every act notes what it booked and which movements it made, so that another act can take all of it back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ledger.oracle import ZERO, Item, Movement, Receivables


class NotAllowed(Exception):
    """The act is against a rule; its text names the refusal."""


@dataclass
class Done:
    """One act. `first`, `count`: its general ledger entries. `before`: discount and tolerance of what it moved."""

    from_journal: bool
    first: int
    count: int
    booked: list[tuple[str, Decimal]]
    moved: dict[int, list[Movement]]
    before: dict[int, tuple[Decimal, Decimal]]
    taken_back_by: Done | None = None
    takes_back: bool = False

    @property
    def applied(self) -> list[int]:
        return [n for n, moves in self.moved.items() if any(m.kind == "application" for m in moves)]


@dataclass
class Life(Receivables):
    """Receivables whose items go on living after they are posted."""

    done: list[Done] = field(default_factory=list)
    tolerances: dict[int, Decimal] = field(default_factory=dict)
    accepted: Decimal = ZERO
    reversed: set[int] = field(default_factory=set)
    booking: list[tuple[str, Decimal]] = field(default_factory=list)

    def book(self, account: str, value: Decimal) -> None:
        super().book(account, value)
        self.booking.append((account, value))

    def act(self, run: Callable[[], Any], *, from_journal: bool = False, takes_back: bool = False) -> Done:
        """Run something, and note what it did."""
        first, self.booking = self.next_number, []
        lengths = {n: len(i.movements) for n, i in self.items.items()}
        before = {n: (i.discount, self.tolerances.get(n, ZERO)) for n, i in self.items.items()}
        run()
        moved = {n: i.movements[lengths.get(n, 0) :] for n, i in self.items.items()}
        moved = {n: moves for n, moves in moved.items() if moves}
        noted = {n: before.get(n, (ZERO, ZERO)) for n in moved}
        made = Done(from_journal, first, self.next_number - first, self.booking, moved, noted)
        self.booking = []
        made.takes_back = takes_back
        self.done.append(made)
        return made

    # ------------------------------------------------------------- posting

    def pay(
        self, item: Item, amount: Decimal, *, names: Any = "", oldest: bool = False, against: str = "bank"
    ) -> Item:
        self.act(
            lambda: Receivables.pay(self, item, amount, names=names, oldest=oldest, against=against),
            from_journal=True,
        )
        return item

    def credit(self, item: Item, amount: Decimal, *, names: str = "", oldest: bool = False) -> Item:
        self.act(lambda: Receivables.credit(self, item, amount, names=names, oldest=oldest))
        return item

    def refund(self, item: Item, amount: Decimal, of: int) -> None:
        """Pay back (amount positive) what an item has in credit."""
        self.pay(item, amount, names=of)

    def write_off(self, item: Item, of: int) -> None:
        """Give up all that remains of an item."""
        self.pay(item, -self.items[of].rest, names=of, against="write-off")

    def targets(self, item: Item, names: Any, oldest: bool) -> list[Item]:
        """A number names one item; else as for any payment."""
        return [self.items[names]] if isinstance(names, int) else super().targets(item, names, oldest)

    # ------------------------------------------------------------- applying, whatever the signs

    def apply(self, new: Item, old: Item) -> None:
        """Apply an item to one of the other side, as far as it goes."""
        sign = -1 if new.rest < 0 else 1
        rest, discount, limit = (
            abs(self.exchange(x, old.currency, new.currency, new.day)) for x in (old.rest, old.discount, old.limit)
        )
        if self.accepted:
            new.move("tolerance", -self.accepted, self.worth(new, -self.accepted))
        granted = (
            self.in_time(new, old) and abs(new.rest) >= rest - discount and (not limit or limit >= rest - discount)
        )
        if granted:
            new.move("discount", -discount, self.worth(new, -discount))
        take = min(abs(new.rest), rest if granted or not limit else limit)
        if new.rest * old.rest < 0 and take > 0:
            self.shift(new, old, take, rest, sign)
            if not old.rest:
                old.closed_by = new.number
            elif not new.rest:
                new.closed_by = old.number
        self.settled(old)

    def worth(self, item: Item, granted: Decimal) -> Decimal:
        return item.value(item.first.amount + granted) - item.first.value

    def in_time(self, new: Item, old: Item) -> bool:
        kinds = new.kind in ("payment", "refund") and old.kind in ("invoice", "credit memo")
        return bool(kinds and old.discount and new.day <= old.discount_until)

    def shift(self, new: Item, old: Item, take: Decimal, rest: Decimal, sign: int) -> None:
        """Move an amount (new's currency) from one item to the other, with the gains and losses of it."""
        if new.currency == old.currency:
            taken = take
        elif take == rest:
            taken = abs(old.rest)
        else:
            taken = min(self.exchange(take, new.currency, old.currency, new.day), abs(old.rest))
        worth = take if not new.currency and old.currency else old.value(taken)
        if new.currency:
            gain = sign * (worth - new.value(take))
            new.move("gain" if gain > 0 else "loss", ZERO, gain)
        if old.currency:
            gain = sign * (old.value(taken) - worth)
            old.move("gain" if gain > 0 else "loss", ZERO, gain)
        old.move("application", sign * taken, sign * worth)
        new.move("application", -sign * take, -sign * worth)

    def settled(self, old: Item) -> None:
        """What applying leaves on an item: no note; no discount when it is closed; no more tolerance than remains."""
        self.correct(old)
        if not old.rest:
            old.discount = ZERO
        self.tolerances[old.number] = min(self.tolerances.get(old.number, ZERO), abs(old.rest))
        old.mark, old.limit = "", ZERO

    # ------------------------------------------------------------- acts on posted items

    def settle(self, number: int, chosen: list[tuple[int, Decimal]]) -> None:
        """Apply a posted item to others of its customer; a limit of zero means all."""
        new = self.items[number]
        others = [self.items[n] for n, _ in chosen]
        if not any(i.rest * new.rest < 0 for i in others):
            raise NotAllowed("ENTRIES_ONE_SIDED")
        noted = {n: self.items[n].limit for n, _ in chosen}
        for n, limit in chosen:
            self.items[n].limit = limit

        def run() -> None:
            olds = [i for i in others if i.rest * new.rest < 0]
            alone = len(others) == 1 and not chosen[0][1]
            self.accepted = self.tolerance(new, olds[0]) if alone else ZERO
            for same in (i for i in others if i.rest * new.rest > 0):
                self.take_over(new, same, olds)
            for old in olds:
                if new.rest:
                    self.apply(new, old)
            self.accepted = ZERO
            self.correct(new)
            if not new.rest:
                new.discount, new.mark, new.limit = ZERO, "", ZERO
            self.tolerances[number] = min(self.tolerances.get(number, ZERO), abs(new.rest))

        lengths = {n: len(i.movements) for n, i in self.items.items()}

        def posted() -> None:
            run()
            moves = [(n, m) for n, i in self.items.items() for m in i.movements[lengths[n] :]]
            self.post(moves, 1)

        moved = self.act(posted).moved
        for n in noted.keys() - moved.keys():
            self.items[n].limit = noted[n]

    def tolerance(self, new: Item, old: Item) -> Decimal:
        """What a payment may lack (or be too much) and still close its one invoice."""
        if new.kind != "payment" or old.kind != "invoice" or new.currency != old.currency:
            return ZERO
        most, paid = self.tolerances.get(old.number, ZERO), -new.rest
        earned = self.in_time(new, old) and paid + most >= old.rest - old.discount
        lacks = old.rest - (old.discount if earned else ZERO) - paid
        if abs(lacks) > most:
            return ZERO
        if lacks:
            old.limit = old.rest
        return lacks

    def take_over(self, new: Item, same: Item, olds: list[Item]) -> None:
        """Take over what the new item lacks for all of the other side."""
        wanted = ZERO
        for old in olds:
            rest, discount, limit = (
                abs(self.exchange(x, old.currency, new.currency, new.day))
                for x in (old.rest, old.discount, old.limit)
            )
            part = limit or rest
            wanted += rest - discount if self.in_time(new, old) and part >= rest - discount else part
        lacks = wanted - abs(new.rest)
        if lacks <= 0:
            return
        rest, limit = (abs(self.exchange(x, same.currency, new.currency, new.day)) for x in (same.rest, same.limit))
        sign = 1 if new.rest < 0 else -1
        take = min(limit or rest, lacks)
        self.shift(new, same, take, rest, sign)
        if not same.rest:
            same.closed_by = new.number
        self.settled(same)

    def post(self, moves: list[tuple[int, Movement]], sign: int) -> None:
        """Book what movements mean for the general ledger; equal ones of an item are one entry."""
        sums: dict[tuple[int, str], Decimal] = {}
        for n, m in moves:
            if m.kind not in ("application", "initial"):
                sums[n, m.kind] = sums.get((n, m.kind), ZERO) + m.value
        values = {key: value for key, value in sums.items() if value}
        for (_, kind), value in values.items():
            self.book(kind, -sign * value)
        total = sum(values.values(), ZERO)
        self.book("receivables", sign * total)
        self.next_number += len(values) + bool(total)

    def last(self, number: int) -> Done | None:
        """The act that applied an item last and still stands."""
        standing = [d for d in self.done if not d.taken_back_by and not d.takes_back and number in d.applied]
        return standing[-1] if standing else None

    def take_back(self, number: int) -> None:
        """Undo the last application of an item."""
        act = self.last(number)
        if number in self.reversed:
            raise NotAllowed("APPLICATION_REVERSED")
        if act is None:
            raise NotAllowed("NOT_APPLIED")
        if any(self.last(n) is not act for n in act.applied):
            raise NotAllowed("APPLIED_AGAIN")
        undone = act
        back = [(n, m) for n, moves in act.moved.items() for m in moves if m.kind != "initial"]

        def run() -> None:
            for n, m in back:
                self.items[n].movements.append(Movement(m.kind, -m.amount, -m.value))
            for n in {n for n, _ in back}:
                item = self.items[n]
                item.closed_by, item.mark, item.limit = 0, "", ZERO
                if n in undone.applied:
                    item.discount, self.tolerances[n] = undone.before[n]
            self.post(back, -1)

        act.taken_back_by = self.act(run, takes_back=True)

    def reverse(self, number: int) -> None:
        """Post the opposite of what posted an item, and of what took back what it had applied."""
        item = self.items[number]
        act = next((d for d in self.done if any(m is item.first for m in d.moved.get(number, []))), None)
        if number in self.reversed:
            raise NotAllowed("REVERSED_ALREADY")
        if act is None or not act.from_journal:
            raise NotAllowed("NOT_FROM_JOURNAL")
        if any(number in d.moved and not d.taken_back_by and not d.takes_back and len(d.moved[number]) > (d is act)
               for d in self.done):  # fmt: skip
            raise NotAllowed("STILL_APPLIED")
        back = act.taken_back_by
        extra = back.count if back else 0
        mirror = Item(0, item.customer, item.day, item.document, "reversal", item.due, item.currency, item.factor)
        mirror.number = self.next_number + extra + act.first + act.count - 1 - number
        for account, value in (*act.booked, *(back.booked if back else ())):
            self.book(account, -value)
        self.next_number += extra + act.count
        first = item.first
        for of, kind, sign in ((mirror, "initial", -1), (item, "application", -1), (mirror, "application", 1)):
            of.move(kind, sign * first.amount, sign * first.value)
        self.items[mirror.number] = mirror
        item.closed_by, item.discount, item.mark, item.limit = mirror.number, ZERO, "", ZERO
        self.reversed |= {number, mirror.number}
