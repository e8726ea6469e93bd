"""Acts on the same books at the same moment: one outcome, nothing lost, nothing twice, nothing applied to too much.

Every race runs on each kind of store, through the store's contract only. Its jobs go in at once, in three ways: as
jobs of the event loop, as long jobs, and as transactions of other threads. Each order and each way of every job is
tried; a job ends with its result or is refused, and nothing else. Afterwards the books pass the check.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from backends import BACKENDS
from debitor.ledger.records import (
    AccountType,
    BankAccount,
    Customer,
    CustomerLedgerEntry,
    DetailedEntry,
    DetailedEntryType,
    DocumentType,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    InvoiceStatus,
    Item,
    JournalBatch,
    JournalLine,
    SalesInvoice,
)
from debitor.ledger.sales_documents import INVOICE
from debitor.operations import entries
from debitor.operations.checks import check_books
from debitor.operations.companies import create_company
from debitor.operations.demo import DemoAct
from debitor.operations.journals import create_payment_journal, remove_journal
from debitor.operations.payments import change_payment, create_payment, remove_payment
from debitor.operations.posting import post_journal
from debitor.operations.sales_documents import create_document
from debitor.operations.sales_lines import create_line
from debitor.operations.sales_posting import post_document
from debitor.schema import Refused
from debitor.store import Store, Transaction
from debitor.store.opening import open_store

D = Decimal
TODAY = date(2026, 3, 10)
WAYS = 3

Job = Callable[[Transaction], Any]
Outcome = Any
"""What a job returned, or the `Refused` it raised."""


@pytest.fixture(scope="module", params=sorted(BACKENDS))
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = open_store(BACKENDS[request.param](tmp_path_factory.mktemp("races")))
    yield made
    made.close()


class Books:
    """A company of its own, with one customer, and short words for what clients do. Everything is committed."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        with store.transaction() as root:
            self.company = create_company(root, name=name, today=TODAY).key
            tx = root.at(self.company)
            tx.insert(Customer(number="C1", display_name="C1", customer_posting_group="DOMESTIC"))
            tx.insert(Item(number="1", display_name="Tent", general_product_posting_group="GOODS"))
            tx.insert(BankAccount(number="B1", name="Bank", ledger_account="1210"))
        self.journals = 0

    def do(self, job: Job) -> Any:
        """Run a job alone."""
        with self.store.transaction() as root:
            return job(root.at(self.company))

    def race(self, *jobs: Job, shift: int = 0) -> list[Outcome]:
        """Run jobs at once, each in another way, which `shift` chooses. Returns their outcomes in order."""

        def transact(job: Job) -> Outcome:
            with self.store.transaction() as root:
                return job(root.at(self.company))

        def write(job: Job, *, long: bool) -> Any:
            return self.store.write(lambda root: job(root.at(self.company)), long=long)

        async def main() -> list[Outcome]:
            loop = asyncio.get_running_loop()
            with ThreadPoolExecutor(len(jobs)) as threads:
                running: list[Any] = []
                for at, job in enumerate(jobs):
                    way = (at + shift) % WAYS
                    if way == 2:
                        running.append(loop.run_in_executor(threads, transact, job))
                    else:
                        running.append(write(job, long=way == 1))
                return await asyncio.gather(*running, return_exceptions=True)

        outcomes = asyncio.run(main())
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, Refused):
                raise outcome
        return outcomes

    def invoice(self, price: str = "80") -> SalesInvoice:
        """A posted invoice; the tax of 25 % comes on top of the price."""

        def job(tx: Transaction) -> Any:
            act = DemoAct(tx, TODAY)
            id = create_document(INVOICE, act, {"customerNumber": "C1"})
            line = {"documentId": id, "lineType": "Item", "lineObjectNumber": "1", "quantity": D(1)}
            create_line(INVOICE, act, line | {"unitPrice": D(price)})
            return post_document(INVOICE, tx, id, user="U")

        made: SalesInvoice = self.do(job)
        return made

    def journal(self) -> str:
        """A payment journal with a bank account on the other side."""
        self.journals += 1

        def job(tx: Transaction) -> str:
            bank = tx.find(BankAccount, number="B1")
            assert bank is not None
            id = create_payment_journal(DemoAct(tx, TODAY), {"code": f"J{self.journals}"})
            batch = tx.get(JournalBatch, id)
            assert batch is not None
            tx.update(
                batch,
                balancing_account_type=AccountType.BANK_ACCOUNT,
                balancing_account_id=bank.id,
                balancing_account_number=bank.number,
            )
            return id

        return str(self.do(job))

    def payment(self, journal: str, amount: str, invoice: SalesInvoice | None = None, **more: Any) -> str:
        """A line of a journal."""
        draft = {"journalId": journal, "customerNumber": "C1", "amount": D(amount), **more}
        if invoice is not None:
            draft["appliesToInvoiceId"] = invoice.id
        return str(self.do(lambda tx: create_payment(DemoAct(tx, TODAY), draft)))

    def paid(self, amount: str, invoice: SalesInvoice | None = None) -> int:
        """Post a payment. Returns the number of its entry."""
        journal = self.journal()
        self.payment(journal, amount, invoice)
        return int(self.do(post(journal)).entries[0].entry_number)

    def entry(self, of: SalesInvoice | int) -> CustomerLedgerEntry:
        """An entry as it stands now."""
        number = of if isinstance(of, int) else of.ledger_entry_number
        found = self.do(lambda tx: tx.find(CustomerLedgerEntry, entry_number=number))
        assert isinstance(found, CustomerLedgerEntry)
        return found

    def rest(self, *of: SalesInvoice | int) -> list[Decimal]:
        """What remains of entries."""
        return [self.entry(each).remaining_amount for each in of]

    def status(self, invoice: SalesInvoice) -> str:
        found = self.do(lambda tx: tx.get(SalesInvoice, invoice.id))
        assert isinstance(found, SalesInvoice)
        return found.status

    def count(self, record: Any, **equal: Any) -> int:
        return int(self.do(lambda tx: tx.count(record, **equal)))

    def check(self) -> None:
        """The books are right, and no entry was applied to more than it was over."""
        with self.store.transaction() as root:
            assert check_books(root, [self.company]) == []
            tx = root.at(self.company)
            for entry in tx.all(CustomerLedgerEntry):
                applied = [
                    d.amount
                    for d in tx.all(DetailedEntry, ledger_entry_number=entry.entry_number)
                    if d.entry_type == DetailedEntryType.APPLICATION
                ]
                assert abs(sum(applied, D(0))) <= abs(entry.amount), entry


def post(journal: str) -> Job:
    return lambda tx: post_journal(tx, journal, today=TODAY, user="U", strict=False)


def edit(line: str, **draft: Any) -> Job:
    return lambda tx: change_payment(DemoAct(tx, TODAY), line, draft)


def remove(line: str) -> Job:
    return lambda tx: remove_payment(DemoAct(tx, TODAY), line)


def drop(journal: str) -> Job:
    return lambda tx: remove_journal(DemoAct(tx, TODAY), journal)


def apply(applying: int, to: int, amount: str = "") -> Job:
    wanted = [(to, D(amount) if amount else None)]
    return lambda tx: entries.apply_entries(tx, applying=applying, entries=wanted, user="U")


def unapply(number: int) -> Job:
    return lambda tx: entries.unapply(tx, entry_number=number, user="U")


def reverse(number: int) -> Job:
    return lambda tx: entries.reverse(tx, entry_number=number, user="U")


def done(*outcomes: Outcome) -> list[bool]:
    """Which jobs were not refused."""
    return [not isinstance(outcome, Refused) for outcome in outcomes]


ORDERS = [(order, shift) for order in permutations((0, 1)) for shift in range(WAYS)]


@pytest.fixture(params=ORDERS, ids=lambda p: f"{p[0][0]}{p[0][1]}-{p[1]}")
def order(request: pytest.FixtureRequest) -> tuple[tuple[int, int], int]:
    """In which order two jobs go in, and which way each of them takes."""
    pair: tuple[tuple[int, int], int] = request.param
    return pair


_names = iter(range(10**6))


@pytest.fixture
def books(store: Store) -> Iterator[Books]:
    made = Books(store, f"Race {next(_names)}")
    yield made
    made.check()


def raced(books: Books, order: tuple[tuple[int, int], int], *jobs: Job) -> list[Outcome]:
    """Run two jobs at once in an order; the outcomes are in the order of the arguments."""
    (first, second), shift = order
    outcomes = books.race(jobs[first], jobs[second], shift=shift)
    return [outcomes[(first, second).index(at)] for at in range(2)]


# --------------------------------------------------------------------------- posting


def test_two_payments_of_one_invoice(books: Books, order: Any) -> None:
    """The invoice is paid once; the other posting is refused, and its payment waits in its journal."""
    invoice, journals = books.invoice(), [books.journal(), books.journal()]
    for journal in journals:
        books.payment(journal, "-100", invoice)
    outcomes = raced(books, order, *map(post, journals))

    assert sorted(done(*outcomes)) == [False, True]
    (no,) = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert no.code == "Internal_DataNotFoundFilter"
    assert books.rest(invoice) == [0]
    assert books.status(invoice) == InvoiceStatus.PAID
    assert books.count(JournalLine, journal_id=journals[outcomes.index(no)]) == 1
    assert books.count(CustomerLedgerEntry, document_type=DocumentType.PAYMENT) == 1


def test_two_payments_of_more_than_an_invoice(books: Books, order: Any) -> None:
    """Both post; the second is applied to what the first has left, and keeps the rest."""
    invoice, journals = books.invoice(), [books.journal(), books.journal()]
    for journal in journals:
        books.payment(journal, "-60", invoice)
    outcomes = raced(books, order, *map(post, journals))
    payments = [outcome.entries[0].entry_number for outcome in outcomes]

    assert books.rest(invoice) == [0]
    assert sorted(books.rest(*payments)) == [-20, 0]


@pytest.mark.parametrize("shift", range(WAYS))
def test_one_journal_posted_by_many(books: Books, shift: int) -> None:
    """One posts; the others hear that there is nothing to post."""
    invoice, journal = books.invoice(), books.journal()
    books.payment(journal, "-100", invoice)
    before = books.count(GeneralLedgerRegister)
    outcomes = books.race(*[post(journal)] * 32, shift=shift)

    assert Counter(done(*outcomes)) == {True: 1, False: 31}
    assert {o.message for o in outcomes if isinstance(o, Refused)} == {
        "Journal J1 has no lines, so there is nothing to post."
    }
    assert books.count(GeneralLedgerRegister) == before + 1
    assert books.count(CustomerLedgerEntry, document_type=DocumentType.PAYMENT) == 1
    assert books.rest(invoice) == [0]


def test_many_journals_at_once_get_numbers_without_gaps(books: Books) -> None:
    journals = [books.journal() for _ in range(12)]
    for at, journal in enumerate(journals):
        books.payment(journal, f"-{at + 1}")
    outcomes = books.race(*map(post, journals))

    assert all(done(*outcomes))
    assert sorted(o.register_number for o in outcomes) == list(range(1, 13))
    numbers = books.do(lambda tx: [e.entry_number for e in tx.all(GeneralLedgerEntry)])
    assert numbers == list(range(1, 25))


def test_posting_against_an_edit(books: Books, order: Any) -> None:
    """What was changed in time is posted; a change that comes too late is refused."""
    journal = books.journal()
    line = books.payment(journal, "-100")
    posted, edited = raced(books, order, post(journal), edit(line, amount=D(-70)))

    assert done(posted) == [True]
    assert posted.entries[0].original_amount == (-70 if done(edited)[0] else -100)
    assert books.count(JournalLine, journal_id=journal) == 0
    if isinstance(edited, Refused):
        assert edited.code == "BadRequest_ResourceNotFound"


def test_posting_against_being_applied_to_another_invoice(books: Books, order: Any) -> None:
    """Exactly one of the two invoices is paid."""
    one, other, journal = books.invoice(), books.invoice(), books.journal()
    line = books.payment(journal, "-100", one)
    posted, edited = raced(books, order, post(journal), edit(line, appliesToInvoiceId=other.id))

    assert done(posted) == [True]
    assert books.rest(one, other) == ([100, 0] if done(edited)[0] else [0, 100])


def test_posting_against_deleting_its_line(books: Books, order: Any) -> None:
    """The line is posted or deleted, never both."""
    invoice, journal = books.invoice(), books.journal()
    line = books.payment(journal, "-100", invoice)
    posted, removed = raced(books, order, post(journal), remove(line))

    assert sorted(done(posted, removed)) == [False, True]
    assert books.rest(invoice) == [0 if done(posted)[0] else 100]
    assert books.count(JournalLine) == 0


def test_posting_against_deleting_its_journal(books: Books, order: Any) -> None:
    """A deleted journal posts nothing; one that was posted can be deleted, for it is empty."""
    invoice, journal = books.invoice(), books.journal()
    books.payment(journal, "-100", invoice)
    posted, dropped = raced(books, order, post(journal), drop(journal))

    assert done(dropped) == [True]
    assert books.rest(invoice) == [0 if done(posted)[0] else 100]
    if isinstance(posted, Refused):
        assert posted.code == "BadRequest_ResourceNotFound"


def test_posting_against_adding_a_line(books: Books, order: Any) -> None:
    """The new line is posted with the others, or waits in the journal."""
    journal = books.journal()
    books.payment(journal, "-100")
    draft = {"journalId": journal, "customerNumber": "C1", "amount": D(-5)}
    posted, added = raced(books, order, post(journal), lambda tx: create_payment(DemoAct(tx, TODAY), draft))

    assert done(posted, added) == [True, True]
    assert books.count(JournalLine, journal_id=journal) + len(posted.entries) == 2


# --------------------------------------------------------------------------- posted entries


def test_two_applications_to_one_invoice(books: Books, order: Any) -> None:
    """One closes the invoice; the other finds it closed and stays as it was."""
    invoice, payments = books.invoice(), [books.paid("-100"), books.paid("-100")]
    outcomes = raced(books, order, *(apply(payment, invoice.ledger_entry_number) for payment in payments))

    assert sorted(done(*outcomes)) == [False, True]
    assert books.rest(invoice) == [0]
    assert sorted(books.rest(*payments)) == [-100, 0]


def test_two_applications_of_more_than_an_invoice(books: Books, order: Any) -> None:
    """Together they close it and not more."""
    invoice, payments = books.invoice(), [books.paid("-60"), books.paid("-60")]
    outcomes = raced(books, order, *(apply(payment, invoice.ledger_entry_number) for payment in payments))

    assert done(*outcomes) == [True, True]
    assert books.rest(invoice) == [0]
    assert sorted(books.rest(*payments)) == [-20, 0]


def test_two_applications_with_amounts(books: Books, order: Any) -> None:
    """An amount that no longer remains is refused rather than cut."""
    invoice, payments = books.invoice(), [books.paid("-100"), books.paid("-100")]
    outcomes = raced(books, order, *(apply(payment, invoice.ledger_entry_number, "60") for payment in payments))

    assert sorted(done(*outcomes)) == [False, True]
    assert books.rest(invoice) == [40]
    assert sorted(books.rest(*payments)) == [-100, -40]


def test_one_payment_applied_to_two_invoices(books: Books, order: Any) -> None:
    """It is spent once."""
    payment, invoices = books.paid("-100"), [books.invoice(), books.invoice()]
    outcomes = raced(books, order, *(apply(payment, invoice.ledger_entry_number) for invoice in invoices))

    assert sorted(done(*outcomes)) == [False, True]
    assert books.rest(payment) == [0]
    assert sorted(books.rest(*invoices)) == [0, 100]


def test_applying_against_posting(books: Books, order: Any) -> None:
    """A posted payment and one in a journal want the same invoice."""
    invoice, payment, journal = books.invoice(), books.paid("-100"), books.journal()
    books.payment(journal, "-100", invoice)
    applied, posted = raced(books, order, apply(payment, invoice.ledger_entry_number), post(journal))

    assert sorted(done(applied, posted)) == [False, True]
    assert books.rest(invoice, payment) == ([0, 0] if done(applied)[0] else [0, -100])
    assert books.count(JournalLine, journal_id=journal) == (1 if done(applied)[0] else 0)


def test_unapplying_against_applying(books: Books, order: Any) -> None:
    """Another payment gets the invoice only when the first has let go of it."""
    invoice = books.invoice()
    first, second = books.paid("-100", invoice), books.paid("-100")
    taken_back, applied = raced(books, order, unapply(first), apply(second, invoice.ledger_entry_number))

    assert done(taken_back) == [True]
    assert books.rest(invoice, first, second) == ([0, -100, 0] if done(applied)[0] else [100, -100, -100])
    assert books.status(invoice) == (InvoiceStatus.PAID if done(applied)[0] else InvoiceStatus.OPEN)


def test_unapplying_twice(books: Books, order: Any) -> None:
    """From the invoice and from the payment: the one application is taken back once."""
    invoice = books.invoice()
    payment = books.paid("-100", invoice)
    outcomes = raced(books, order, unapply(payment), unapply(invoice.ledger_entry_number))

    assert sorted(done(*outcomes)) == [False, True]
    assert books.rest(invoice, payment) == [100, -100]


def test_unapplying_against_posting(books: Books, order: Any) -> None:
    """A journal that names the invoice posts when it is open again, and is refused before."""
    invoice, journal = books.invoice(), books.journal()
    first = books.paid("-40", invoice)
    second = books.paid("-60", invoice)
    books.payment(journal, "-60", invoice)
    taken_back, posted = raced(books, order, unapply(second), post(journal))

    assert done(taken_back) == [True]
    assert books.rest(invoice, first, second) == [0 if done(posted)[0] else 60, 0, -60]


def test_reversing_twice(books: Books, order: Any) -> None:
    payment = books.paid("-100")
    before = books.count(GeneralLedgerEntry)
    outcomes = raced(books, order, reverse(payment), reverse(payment))

    assert sorted(done(*outcomes)) == [False, True]
    assert books.count(GeneralLedgerEntry) == before + 2
    assert books.rest(payment) == [0]


def test_reversing_against_applying(books: Books, order: Any) -> None:
    """A payment is taken back or applied, never both."""
    invoice, payment = books.invoice(), books.paid("-100")
    reversed_, applied = raced(books, order, reverse(payment), apply(payment, invoice.ledger_entry_number))

    assert sorted(done(reversed_, applied)) == [False, True]
    assert books.rest(payment, invoice) == [0, 100 if done(reversed_)[0] else 0]


# --------------------------------------------------------------------------- everything at once


@pytest.mark.parametrize("seed", range(3))
def test_a_storm(books: Books, seed: int) -> None:
    """Sixty random acts on three invoices at once: whatever is refused, the books are right."""
    chance = random.Random(seed)
    invoices = [books.invoice() for _ in range(3)]
    loose = [books.paid("-70") for _ in range(3)] + [books.paid("-50", invoice) for invoice in invoices]
    jobs: list[Job] = []
    for _ in range(12):
        journal = books.journal()
        line = books.payment(journal, "-60", chance.choice(invoices))
        jobs += [
            post(journal),
            post(journal),
            chance.choice([edit(line, amount=D(-30)), remove(line), drop(journal)]),
        ]
    for _ in range(24):
        entry, invoice = chance.choice(loose), chance.choice(invoices).ledger_entry_number
        jobs.append(chance.choice([apply(entry, invoice), unapply(entry), reverse(entry)]))
    chance.shuffle(jobs)
    outcomes = books.race(*jobs, shift=seed)

    assert set(done(*outcomes)) == {True, False}
