"""Posting a journal on a real store: what is loaded, written and left, and that `check_books` sees what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw
import pytest

from backends import BACKENDS
from debitor.ledger.records import (
    Account,
    AccountType,
    ApplicationMethod,
    BankAccount,
    BankAccountLedgerEntry,
    Customer,
    CustomerLedgerEntry,
    DefaultDimension,
    DetailedEntry,
    DocumentType,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    InvoiceStatus,
    JournalBatch,
    JournalLine,
    NumberSeriesLine,
    PostingValidation,
    SalesInvoice,
)
from debitor.operations.checks import check_books
from debitor.operations.companies import create_company
from debitor.operations.dimensions import set_number
from debitor.operations.posting import post_journal
from debitor.schema import Refused
from debitor.store import Root, Store, Transaction
from debitor.store.opening import open_store
from postgresql import empty_books

TODAY = date(2026, 1, 31)
CUSTOMER = "10400"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the demo company, made once."""
    path = tmp_path_factory.mktemp("demo") / "debitor.db"
    store = open_store(f"sqlite://{path}")
    with store.transaction() as root:
        create_company(root, name="Demo", today=TODAY, demo=True)
    store.close()
    return path


@pytest.fixture
def path(demo: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "debitor.db"
    source, target = apsw.Connection(str(demo)), apsw.Connection(str(copy))
    with target.backup("main", source, "main") as backup:
        backup.step()
    source.close()
    target.close()
    return copy


class Undo(Exception):
    """Ends a test's transaction."""


@pytest.fixture(scope="module")
def on_server() -> Iterator[Store]:
    """The demo company on PostgreSQL, where tests undo what they do: a copy for each would take longer."""
    store = open_store(empty_books())
    with store.transaction() as root:
        create_company(root, name="Demo", today=TODAY, demo=True)
    yield store
    store.close()


@pytest.fixture(params=sorted(BACKENDS))
def root(request: pytest.FixtureRequest) -> Iterator[Root]:
    if request.param == "postgresql":
        with suppress(Undo), request.getfixturevalue("on_server").transaction() as opened:
            yield opened
            raise Undo
        return
    store = open_store(f"sqlite://{request.getfixturevalue('path')}")
    with store.transaction() as opened:
        yield opened
    store.close()


@pytest.fixture
def tx(root: Root) -> Transaction:
    return root.at(1)


def found(row: Any) -> Any:
    assert row is not None
    return row


def open_invoice(tx: Transaction) -> CustomerLedgerEntry:
    """The oldest open invoice of the demo's first customer."""
    return tx.all(
        CustomerLedgerEntry, customer_number=CUSTOMER, open=True, document_type=DocumentType.INVOICE,
        order=("entry_number",), limit=1,
    )[0]  # fmt: skip


def journal(tx: Transaction, **columns: Any) -> JournalBatch:
    return tx.insert(JournalBatch(template_name="CASHRECPT", name="TEST", **columns))


def payment(tx: Transaction, batch: JournalBatch, amount: Decimal, *, line: int = 1, **columns: Any) -> JournalLine:
    """A payment of the demo's first customer, balanced by the account of the bank."""
    customer = found(tx.find(Customer, number=CUSTOMER))
    bank = found(tx.find(Account, number="1210"))
    given: dict[str, Any] = {
        "journal_id": batch.id,
        "line_number": line * 10000,
        "account_type": AccountType.CUSTOMER,
        "account_id": customer.id,
        "account_number": customer.number,
        "posting_date": TODAY,
        "document_type": DocumentType.PAYMENT,
        "document_number": f"T{line}",
        "amount": amount,
        "amount_lcy": amount,
        "balancing_account_id": bank.id,
        "balancing_account_number": bank.number,
    }
    return tx.insert(JournalLine(**(given | columns)))


def applied(entry: CustomerLedgerEntry) -> dict[str, Any]:
    return {
        "applies_to_document_type": DocumentType.INVOICE,
        "applies_to_document_number": entry.document_number,
    }


def post(tx: Transaction, batch: JournalBatch, *, strict: bool = False) -> Any:
    return post_journal(tx, batch.id, today=TODAY, user="clerk", strict=strict)


def rows(tx: Transaction) -> list[Any]:
    """Everything that a posting may change."""
    kinds = (
        GeneralLedgerEntry, CustomerLedgerEntry, DetailedEntry, GeneralLedgerRegister, SalesInvoice, JournalLine,
        JournalBatch, NumberSeriesLine, BankAccountLedgerEntry,
    )  # fmt: skip
    return [tx.all(kind) for kind in kinds]


def test_the_demo_company_is_sound(root: Root) -> None:
    """Its invoices and payments were posted by the same engine."""
    assert check_books(root) == []
    assert check_books(root, [99]) == []


def test_a_payment_closes_its_invoice(root: Root, tx: Transaction) -> None:
    """Entries stay, the line goes, the invoice is paid and has a new version."""
    entry = open_invoice(tx)
    invoice = found(tx.find(SalesInvoice, ledger_entry_number=entry.entry_number))
    batch = journal(tx)
    line = payment(tx, batch, -entry.remaining_amount, **applied(entry))
    posting = post(tx, batch)
    [paid] = posting.entries
    closed = found(tx.find(CustomerLedgerEntry, entry_number=entry.entry_number))
    after = found(tx.get(SalesInvoice, invoice.id))

    assert tx.get(JournalLine, line.id) is None
    assert (closed.open, closed.remaining_amount, closed.closed_by_entry_number) == (False, 0, paid.entry_number)
    assert after.status == InvoiceStatus.PAID
    assert after.version > invoice.version
    stored = found(tx.find(CustomerLedgerEntry, source_id=line.id))
    assert (stored.entry_number, stored.user_id, stored.created_at) == (paid.entry_number, "clerk", tx.now)
    assert found(tx.find(GeneralLedgerRegister, number=posting.register_number)).to_entry_number == paid.entry_number
    assert check_books(root) == []


def test_a_part_payment_renews_the_invoice(tx: Transaction) -> None:
    """What remains of it changed, so what a client has read is out of date."""
    entry = open_invoice(tx)
    invoice = found(tx.find(SalesInvoice, ledger_entry_number=entry.entry_number))
    batch = journal(tx)
    payment(tx, batch, Decimal(-1), **applied(entry))
    post(tx, batch)
    after = found(tx.get(SalesInvoice, invoice.id))

    assert after.status == InvoiceStatus.OPEN
    assert after.version > invoice.version


def test_a_journal_is_posted_once(tx: Transaction) -> None:
    """The second time there is nothing left to post."""
    batch = journal(tx)
    payment(tx, batch, Decimal(-5))
    post(tx, batch)
    with pytest.raises(Refused) as refused:
        post(tx, batch)

    assert refused.value.code == "Application_DialogException"


def test_a_refused_posting_changes_nothing(tx: Transaction) -> None:
    """One wrong line among good ones: no row differs afterwards."""
    entry = open_invoice(tx)
    batch = journal(tx)
    payment(tx, batch, Decimal(-5), **applied(entry))
    payment(tx, batch, Decimal(-5), line=2, applies_to_document_number="GONE")
    before = rows(tx)
    with pytest.raises(Refused) as refused:
        post(tx, batch)

    assert refused.value.code == "Internal_DataNotFoundFilter"
    assert rows(tx) == before


def test_an_unknown_journal(tx: Transaction) -> None:
    with pytest.raises(Refused) as refused:
        post_journal(tx, "11111111-1111-1111-1111-111111111111", today=TODAY, user="clerk", strict=False)

    assert refused.value.code == "BadRequest_ResourceNotFound"


def test_strict_mode_refuses_a_positive_payment(tx: Transaction) -> None:
    """As Business Central does; else it is a receipt of that amount."""
    batch = journal(tx)
    payment(tx, batch, Decimal(5))
    with pytest.raises(Refused, match="must be negative"):
        post(tx, batch, strict=True)

    assert post(tx, batch).entries[0].amount == -5


def test_the_oldest_entries_are_loaded(root: Root, tx: Transaction) -> None:
    """A line that names nothing pays the customer's oldest entry."""
    customer = found(tx.find(Customer, number=CUSTOMER))
    tx.update(customer, application_method=ApplicationMethod.APPLY_TO_OLDEST)
    due = [e for e in tx.all(CustomerLedgerEntry, customer_number=CUSTOMER, open=True) if e.posting_date <= TODAY]
    oldest = min(due, key=lambda e: (e.due_date, e.entry_number))
    batch = journal(tx)
    payment(tx, batch, -oldest.remaining_amount)
    post(tx, batch)

    assert not found(tx.find(CustomerLedgerEntry, entry_number=oldest.entry_number)).open
    assert check_books(root) == []


def test_marked_entries_are_loaded(tx: Transaction) -> None:
    """Entries that carry the line's mark are paid as far as was noted."""
    entry = open_invoice(tx)
    tx.update(entry, applies_to_id="MARK", amount_to_apply=Decimal(2))
    batch = journal(tx)
    payment(tx, batch, Decimal(-3), applies_to_id="MARK")
    [paid] = post(tx, batch).entries

    assert paid.remaining_amount == -1
    left = found(tx.find(CustomerLedgerEntry, entry_number=entry.entry_number))
    assert left.remaining_amount == entry.remaining_amount - 2
    assert left.applies_to_id == ""


def test_a_bank_account_gets_its_entry(root: Root, tx: Transaction) -> None:
    """Balanced by a bank account instead of its G/L account."""
    bank = found(tx.find(BankAccount, number="BANK"))
    batch = journal(tx)
    payment(
        tx, batch, Decimal(-5), balancing_account_type=AccountType.BANK_ACCOUNT, balancing_account_id=bank.id,
        balancing_account_number=bank.number,
    )  # fmt: skip
    post(tx, batch)
    [entry] = tx.all(BankAccountLedgerEntry)

    assert (entry.amount, entry.bank_account_id) == (5, bank.id)
    assert check_books(root) == []


@pytest.mark.parametrize("parent", ["Customer", "all customers", "G/L Account"])
def test_dimension_rules_are_loaded(tx: Transaction, parent: str) -> None:
    """Of the customer itself, of all customers, and of an account that only the posting group names."""
    owner = found(tx.find(Customer, number=CUSTOMER)).id
    tx.delete_where(DefaultDimension, parent_id=owner)
    if parent == "G/L Account":
        owner = found(tx.find(Account, number="1310")).id
    rule: dict[str, Any] = {"parent_type": parent, "parent_id": owner}
    if parent == "all customers":
        rule = {"parent_type": "Customer"}
    mandatory = PostingValidation.CODE_MANDATORY
    tx.insert(DefaultDimension(**rule, dimension_code="DEPARTMENT", posting_validation=mandatory))
    batch = journal(tx)
    line = payment(tx, batch, Decimal(-5))
    with pytest.raises(Refused, match="DEPARTMENT"):
        post(tx, batch)
    code = set_number(tx, {"DEPARTMENT": "GONE"})
    line = tx.update(line, dimension_set_number=code)
    with pytest.raises(Refused, match="GONE"):
        post(tx, batch)


def test_a_customers_own_default_replaces_the_rule_for_all(tx: Transaction) -> None:
    """A default without a rule means that this customer has none."""
    owner = found(tx.find(Customer, number=CUSTOMER)).id
    tx.delete_where(DefaultDimension, parent_id=owner)
    mandatory = PostingValidation.CODE_MANDATORY
    tx.insert(DefaultDimension(parent_type="Customer", dimension_code="DEPARTMENT", posting_validation=mandatory))
    tx.insert(DefaultDimension(parent_type="Customer", parent_id=owner, dimension_code="DEPARTMENT"))
    batch = journal(tx)
    payment(tx, batch, Decimal(-5))

    assert post(tx, batch).register_number


def test_the_number_of_statements_does_not_depend_on_the_lines(tx: Transaction) -> None:
    """Loading is set-based: 3 lines or 30."""

    class Counting:
        def __init__(self, inner: Transaction) -> None:
            self.inner, self.calls = inner, 0

        def __getattr__(self, name: str) -> Any:
            self.calls += name in ("get", "find", "all", "last", "greatest", "total", "count", "write")
            return getattr(self.inner, name)

    counts = []
    for name, lines in (("A", 3), ("B", 30)):
        batch = tx.insert(JournalBatch(template_name="CASHRECPT", name=name))
        for n in range(1, lines + 1):
            payment(tx, batch, Decimal(-1), line=n, document_number=f"{name}{n:03}", **applied(open_invoice(tx)))
        counting: Any = Counting(tx)
        post(counting, batch)
        counts.append(counting.calls)

    assert counts[0] == counts[1] < 25


# --------------------------------------------------------------------------- what the check finds


def spoil(path: Path, statement: str) -> list[str]:
    """Change rows behind the store's back and check the books."""
    connection = apsw.Connection(str(path))
    triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in triggers:
        connection.execute(f'DROP TRIGGER "{name}"')
    connection.execute(statement)
    assert connection.changes(), "the statement changed nothing"
    connection.close()
    store = open_store(f"sqlite://{path}")
    with store.snapshot() as root:
        findings = check_books(root)
    store.close()
    return findings


OPEN = "(SELECT min(entry_number) FROM customer_ledger_entry WHERE open = 1)"
CLOSED = "(SELECT min(entry_number) FROM customer_ledger_entry WHERE open = 0)"
POSTED = "(SELECT max(source_id) FROM customer_ledger_entry WHERE document_type = 'Payment')"
SPOILED = [
    ("UPDATE general_ledger_entry SET amount = amount + 1 WHERE entry_number = 1", "not its amount"),
    (
        "UPDATE general_ledger_entry SET amount = amount + 1, debit_amount = debit_amount + 1 WHERE entry_number = 1",
        "sum to 0.00001, not to zero",
    ),
    ("DELETE FROM general_ledger_entry WHERE entry_number = 2", "General ledger entry 2 is missing"),
    ("UPDATE general_ledger_entry SET register_number = 2 WHERE entry_number = 1", "names register 2"),
    ("UPDATE general_ledger_entry SET dimension_set_number = 9999 WHERE entry_number = 1", "dimension set"),
    (
        "UPDATE general_ledger_register SET to_entry_number = to_entry_number + 1 WHERE number = 1",
        "begins with entry",
    ),
    ("DELETE FROM general_ledger_register WHERE number = 2", "General ledger register 2 is missing"),
    (
        "UPDATE general_ledger_register SET to_entry_number = to_entry_number + 5"
        " WHERE number = (SELECT max(number) FROM general_ledger_register)",
        "the ledger with",
    ),
    (
        "DELETE FROM detailed_customer_ledger_entry WHERE entry_number = 2",
        "Detailed customer ledger entry 2 is",
    ),
    (
        "UPDATE detailed_customer_ledger_entry SET amount_lcy = amount_lcy + 1 WHERE entry_number = 1",
        "more than its detailed customer ledger entries",
    ),
    (
        f"UPDATE customer_ledger_entry SET remaining_amount = 1 WHERE entry_number = {OPEN}",
        "sum to",
    ),
    (f"UPDATE customer_ledger_entry SET remaining_amount_lcy = 0 WHERE entry_number = {OPEN}", "(LCY)"),
    (f"UPDATE customer_ledger_entry SET amount = amount * 2 WHERE entry_number = {OPEN}", "has amount"),
    (f"UPDATE customer_ledger_entry SET open = 0 WHERE entry_number = {OPEN}", "is closed, but"),
    (f"UPDATE customer_ledger_entry SET open = 1 WHERE entry_number = {CLOSED}", "is open, but 0"),
    (f"UPDATE customer_ledger_entry SET closed_by_entry_number = 99999 WHERE entry_number = {CLOSED}", "not exist"),
    (f"UPDATE customer_ledger_entry SET closed_by_entry_number = {CLOSED} WHERE entry_number = {CLOSED}", "itself"),
    (f"UPDATE customer_ledger_entry SET positive = 1 - positive WHERE entry_number = {OPEN}", "positive ="),
    (f"UPDATE customer_ledger_entry SET dimension_set_number = 9999 WHERE entry_number = {OPEN}", "dimension set"),
    (
        f"UPDATE customer_ledger_entry SET customer_id = 'x' WHERE entry_number = {OPEN}",
        "another customer or currency",
    ),
    (f"DELETE FROM customer_ledger_entry WHERE entry_number = {OPEN}", "which does not exist"),
    (f"UPDATE sales_invoice SET status = 'Paid' WHERE ledger_entry_number = {OPEN}", "has status Paid"),
    (f"UPDATE sales_invoice SET total_including_tax = 1 WHERE ledger_entry_number = {OPEN}", "is over"),
    (f"UPDATE sales_invoice SET number = 'X' WHERE ledger_entry_number = {OPEN}", "another document"),
    (f"UPDATE sales_invoice SET posted = 0 WHERE ledger_entry_number = {OPEN}", "is a draft"),
    ("UPDATE tax_entry SET base = base + 1 WHERE entry_number = 1", "Tax entry 1 has base"),
    ("UPDATE tax_entry SET general_ledger_entry_number = 99999 WHERE entry_number = 1", "points to general"),
    (
        f"UPDATE journal_line SET id = {POSTED} WHERE line_number = (SELECT min(line_number) FROM journal_line)",
        "still in its journal",
    ),
    (
        "UPDATE number_series_line SET last_number_used = '199999' WHERE series_code = 'S-INV+'",
        "was given, but no posted document has it",
    ),
    (
        "UPDATE sales_invoice SET number = 'X' WHERE number = '100003'",
        "Number 100003 of series S-INV+ was given, but no posted document has it",
    ),
    ("INSERT INTO dimension_set (company, id, number, fingerprint) VALUES (1, 'd', 777, 'A=B')", "is kept as A=B"),
    (
        "INSERT INTO dimension_set_entry (company, id, set_number, dimension_code, value_code)"
        " VALUES (1, 'd', 778, 'A', 'B')",
        "does not exist",
    ),
]


@pytest.mark.parametrize(("statement", "finding"), SPOILED)
def test_what_is_wrong_is_found(path: Path, statement: str, finding: str) -> None:
    """Each invariant, broken behind the store's back; the finding names the company and the row."""
    findings = spoil(path, statement)

    assert any(finding in text for text in findings), findings
    assert all(text.startswith("Demo: ") for text in findings)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("amount_lcy = amount_lcy + 100000, amount = amount + 100000", "is worth"),
        ("amount = amount * 2", "is in local currency, but has amounts"),
        ("entry_number = entry_number + 90000", "has no general ledger entry"),
        ("document_number = 'X'", "is worth"),
    ],
)
def test_bank_entries_are_checked(path: Path, change: str, finding: str) -> None:
    store = open_store(f"sqlite://{path}")
    with store.transaction() as opened:
        tx = opened.at(1)
        bank = found(tx.find(BankAccount, number="BANK"))
        batch = journal(tx)
        by_bank = {"balancing_account_type": AccountType.BANK_ACCOUNT, "balancing_account_id": bank.id}
        payment(tx, batch, Decimal(-5), **by_bank, balancing_account_number=bank.number)
        post(tx, batch)
        assert check_books(opened) == []
    store.close()

    findings = spoil(path, f"UPDATE bank_account_ledger_entry SET {change}")

    assert any("Bank account ledger entry" in text and finding in text for text in findings), findings


def test_findings_are_limited(path: Path) -> None:
    """When everything is wrong the first hundred are enough."""
    assert len(spoil(path, "UPDATE general_ledger_entry SET debit_amount = debit_amount + 1")) <= 100


def test_windows_are_read_one_after_the_other(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Books larger than one window are checked alike."""
    monkeypatch.setattr("debitor.operations.checks.WINDOW", 3)

    assert check_books(root) == []
