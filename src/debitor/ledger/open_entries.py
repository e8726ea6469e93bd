"""The open customer ledger entries that a posting may apply its lines to, by document, by mark, and by age."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from datetime import date

from debitor.ledger.books import Books
from debitor.ledger.records import ApplicationMethod, CustomerLedgerEntry

OLDEST = ApplicationMethod.APPLY_TO_OLDEST


class OpenEntries:
    """The customer ledger entries of the books, as they stand while lines are posted."""

    def __init__(self, books: Books) -> None:
        self.before = {entry.entry_number: entry for entry in books.entries}
        self.now = dict(self.before)
        self.by_document: dict[tuple[str, str, str], list[int]] = {}
        self.by_mark: dict[tuple[str, str], list[int]] = {}
        self.queues: dict[tuple[str, bool], list[tuple[date, int]]] = {}
        self.oldest = {c.id for c in books.customers.values() if c.application_method == OLDEST}
        for entry in sorted(books.entries, key=lambda e: e.entry_number):
            self._index(entry)
        for queue in self.queues.values():
            queue.sort()

    def _index(self, entry: CustomerLedgerEntry) -> None:
        number, customer = entry.entry_number, entry.customer_id
        self.by_document.setdefault((customer, entry.document_type, entry.document_number), []).append(number)
        if entry.applies_to_id:
            self.by_mark.setdefault((customer, entry.applies_to_id), []).append(number)
        elif customer in self.oldest:
            self.queues.setdefault((customer, entry.positive), []).append((entry.due_date, number))

    def add(self, entry: CustomerLedgerEntry) -> None:
        """Take in an entry of this posting, so that later lines can be applied to what is open of it."""
        self.now[entry.entry_number] = entry
        if entry.open:
            key = (entry.customer_id, entry.document_type, entry.document_number)
            self.by_document.setdefault(key, []).append(entry.entry_number)
            if entry.customer_id in self.oldest:
                insort(
                    self.queues.setdefault((entry.customer_id, entry.positive), []),
                    (entry.due_date, entry.entry_number),
                )

    def change(self, entry: CustomerLedgerEntry) -> None:
        """Take in an entry after an application; a closed one leaves its queue."""
        self.now[entry.entry_number] = entry
        queue = self.queues.get((entry.customer_id, entry.positive))
        if queue and not entry.open:
            key = (entry.due_date, entry.entry_number)
            at = bisect_left(queue, key)
            if at < len(queue) and queue[at] == key:
                del queue[at]

    def named(self, customer_id: str, document_type: str, number: str) -> CustomerLedgerEntry | None:
        """The first open entry of a customer with this document type and number."""
        for entry_number in self.by_document.get((customer_id, document_type, number), ()):
            if self.now[entry_number].open:
                return self.now[entry_number]
        return None

    def marked(self, customer_id: str, mark: str) -> list[CustomerLedgerEntry]:
        """The open entries of a customer that carry a mark, by due date."""
        found = [self.now[n] for n in self.by_mark.get((customer_id, mark), ())]
        return sorted((e for e in found if e.open and e.applies_to_id), key=lambda e: (e.due_date, e.entry_number))

    def in_order(self, customer_id: str, positive: bool) -> Iterator[CustomerLedgerEntry]:
        """The open entries of one sign without a mark, by due date."""
        for _due, number in self.queues.get((customer_id, positive), ()):
            yield self.now[number]

    def changed(self) -> Iterator[tuple[CustomerLedgerEntry, CustomerLedgerEntry]]:
        """The entries of the books before and after, where they changed."""
        for number, old in self.before.items():
            if self.now[number] is not old:
                yield old, self.now[number]

    def added(self) -> list[CustomerLedgerEntry]:
        """The entries of this posting, as they stand at the end."""
        return [entry for number, entry in self.now.items() if number not in self.before]
