"""The chain of postings: what is sealed, and that rows changed behind the store's back are found and named."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debitor.ledger.chain import COLUMNS, GENESIS, LEDGERS, Hasher, seal_of
from debitor.ledger.records import (
    CustomerLedgerEntry,
    DetailedEntry,
    DocumentType,
    GeneralLedgerEntry,
    GeneralLedgerRegister,
    LedgerSeal,
    TaxEntry,
)
from debitor.operations import chain_checks
from debitor.operations.chain_checks import chain_findings
from debitor.operations.checks import check_books, heads_of, missing_heads
from debitor.operations.companies import create_company
from debitor.operations.entries import apply_entries, reverse, unapply
from debitor.schema import record_of
from debitor.store import Root
from debitor.store.opening import open_store

TODAY = date(2026, 1, 31)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two companies; the first one also has an application without general ledger entries."""
    path = tmp_path_factory.mktemp("chain") / "debitor.db"
    store = open_store(f"sqlite://{path}")
    with store.transaction() as root:
        create_company(root, name="Demo", today=TODAY, demo=True)
        create_company(root, name="Second", today=TODAY, demo=True)
        tx = root.at(1)
        closed = tx.all(CustomerLedgerEntry, document_type=DocumentType.PAYMENT, open=False, currency_code="")
        unapply(tx, entry_number=closed[0].entry_number, user="clerk")
    store.close()
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "debitor.db"
    with sqlite3.connect(made) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    return copy


@pytest.fixture
def root(path: Path) -> Iterator[Root]:
    store = open_store(f"sqlite://{path}")
    with store.transaction() as opened:
        yield opened
    store.close()


def spoiled(path: Path, *statements: str) -> list[str]:
    """Change rows without triggers and check the books."""
    connection = sqlite3.connect(path, isolation_level=None)
    triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in triggers:
        connection.execute(f'DROP TRIGGER "{name}"')
    connection.execute("BEGIN")
    for statement in statements:
        assert connection.execute(statement).rowcount, f"nothing was changed by {statement}"
    connection.execute("COMMIT")
    connection.close()
    store = open_store(f"sqlite://{path}")
    with store.snapshot() as opened:
        findings = check_books(opened)
    store.close()
    return findings


def test_every_act_continues_the_chain_of_its_company(root: Root) -> None:
    for company in (1, 2):
        seals = root.at(company).all(LedgerSeal, order=("number",))
        assert [s.number for s in seals] == list(range(1, len(seals) + 1))
        assert seals[0].previous_hash == GENESIS
        assert [s.previous_hash for s in seals[1:]] == [s.hash for s in seals[:-1]]
        assert all(re.fullmatch("[0-9a-f]{64}", s.hash) for s in seals)
    assert check_books(root) == []


def test_acts_without_register_are_sealed_too(root: Root) -> None:
    tx = root.at(1)
    before = tx.greatest(LedgerSeal, "number")
    payment = next(e for e in tx.all(CustomerLedgerEntry, document_type=DocumentType.PAYMENT, open=True))
    invoice = next(
        e
        for e in tx.all(CustomerLedgerEntry, document_type=DocumentType.INVOICE, open=True)
        if (e.customer_id, e.currency_code) == (payment.customer_id, payment.currency_code)
    )
    apply_entries(tx, applying=payment.entry_number, entries=[(invoice.entry_number, Decimal(1))], user="clerk")

    (seal,) = tx.all(LedgerSeal, number=before + 1)
    assert (seal.register_number, seal.to_detailed_entry_number) == (0, tx.greatest(DetailedEntry, "entry_number"))
    assert list(chain_findings(tx)) == []


def test_a_reversed_register_says_so_and_stays_sealed(root: Root) -> None:
    tx = root.at(1)
    payment = next(e for e in tx.all(CustomerLedgerEntry, document_type=DocumentType.PAYMENT, open=True))
    reverse(tx, user="clerk", transaction=payment.transaction_number)

    general = tx.all(GeneralLedgerEntry, transaction_number=payment.transaction_number)
    register = tx.find(GeneralLedgerRegister, number=general[0].register_number)
    assert register is not None
    left = tx.all(GeneralLedgerEntry, register_number=register.number, reversed=False)
    assert register.reversed is not bool(left)
    assert list(chain_findings(tx)) == []


@pytest.mark.parametrize("window", [1, 3, 7])
def test_windows_do_not_matter(root: Root, monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    monkeypatch.setattr(chain_checks, "WINDOW", window)
    assert list(chain_findings(root.at(1))) == []


LAST = "(SELECT MAX(number) FROM ledger_seal WHERE company = 1)"
PAID = "(SELECT MIN(entry_number) FROM customer_ledger_entry WHERE company = 1 AND document_type = 'Payment')"
GENERAL, CUSTOMER, DETAILED = "general_ledger_entry", "customer_ledger_entry", "detailed_customer_ledger_entry"
ONE, A, B = "entry_number = 1", "a" * 64, "b" * 64
OLD_DAY, OLD_MOMENT = "'2020-01-01'", "'2020-01-01T00:00:00.000Z'"
# Each leaves sums and balances as they are, so that only the chain can tell: table, change, which row, finding.
CHANGED = [
    (GENERAL, "description = 'x'", "entry_number = 7", "hash of what it seals: .* general ledger entry"),
    (GENERAL, f"posting_date = {OLD_DAY}", "transaction_number = 1", "seal 1 does not have the hash"),
    (GENERAL, "user_id = 'SOMEBODY'", ONE, "seal 1 does not have the hash"),
    (GENERAL, "account_number = '6110'", ONE, "seal 1 does not have the hash"),
    (CUSTOMER, f"document_date = {OLD_DAY}", f"entry_number = {PAID}", "customer ledger entry"),
    (CUSTOMER, "external_document_number = 'X'", f"entry_number = {PAID}", "customer ledger entry"),
    (DETAILED, f"posting_date = {OLD_DAY}", ONE, "seal 1 .* detailed customer ledger entry 1"),
    ("tax_entry", "percent = percent + 1", ONE, "seal 1 .* tax entry 1"),
    ("general_ledger_register", "user_id = 'SOMEBODY'", "number = 2", "seal 2 .*register 2"),
    ("general_ledger_register", f"created_at = {OLD_MOMENT}", "number = 2", "seal 2 .*register 2"),
    ("ledger_seal", f"hash = '{A}'", f"number = {LAST}", "does not have the hash"),
    ("ledger_seal", f"hash = '{A}'", "number = 3", "seal 4 does not continue"),
    ("ledger_seal", f"previous_hash = '{B}'", "number = 3", "seal 3 does not continue"),
    ("ledger_seal", "to_entry_number = to_entry_number + 1", "number = 3", "seal 3 "),
    ("ledger_seal", "form = 2", "number = 3", "seal 3 has form 2"),
]
SPOILED = [
    *((f"UPDATE {table} SET {change} WHERE company = 1 AND {row}", told) for table, change, row, told in CHANGED),
    ("DELETE FROM ledger_seal WHERE company = 1 AND number = 3", "Ledger seal 3 is missing"),
    (f"DELETE FROM ledger_seal WHERE company = 1 AND number = {LAST}", "is in no ledger seal"),
]


@pytest.mark.parametrize(("statement", "told"), SPOILED, ids=[s[:60] for s, _ in SPOILED])
def test_what_only_the_chain_can_tell(path: Path, statement: str, told: str) -> None:
    findings = spoiled(path, statement)

    assert findings
    assert any("seal" in f and re.search(told, f) for f in findings), findings
    assert all(f.startswith("Demo: ") for f in findings)


def test_a_consistent_forgery_is_found(path: Path) -> None:
    """Debit and credit raised together, in the general ledger and in what the customer owes: all sums still agree."""
    change = "amount = amount + 100000 * {0}, debit_amount = debit_amount + 100000 * ({0} > 0), "
    change += "credit_amount = credit_amount + 100000 * ({0} < 0)"
    transaction = (
        f"(SELECT transaction_number FROM customer_ledger_entry WHERE company = 1 AND entry_number = {PAID})"
    )
    where = f"WHERE company = 1 AND transaction_number = {transaction} AND entry_number"
    general = "SELECT {0}(entry_number) FROM general_ledger_entry WHERE company = 1 AND amount {1} 0 AND "
    general += f"transaction_number = {transaction}"
    findings = spoiled(
        path,
        f"UPDATE general_ledger_entry SET {change.format(1)} {where} = ({general.format('MIN', '>')})",
        f"UPDATE general_ledger_entry SET {change.format(-1)} {where} = ({general.format('MIN', '<')})",
    )

    assert any("does not have the hash of what it seals" in f for f in findings)


def test_rewriting_the_last_act_with_its_hash_needs_a_noted_head(path: Path) -> None:
    """A chain proves what came before its head; somebody who may write anything can make a new head."""
    store = open_store(f"sqlite://{path}")
    with store.snapshot() as root:
        noted = [(head.number, head.hash) for head in heads_of(root)]
        tx = root.at(1)
        seal = tx.find(LedgerSeal, number=noted[0][0])
        assert seal is not None
        hasher = Hasher(seal)
        forged = {of: rows_of(tx, of, seal) for of in LEDGERS}
        for of, rows in forged.items():
            hasher.add(of, [type(r)(**{**fields(r), "created_at": "2020-01-01T00:00:00.000Z"}) for r in rows])
        text = hasher.hexdigest()
        assert missing_heads(root, noted) == []
    store.close()
    details = forged[DetailedEntry]
    findings = spoiled(
        path,
        "UPDATE detailed_customer_ledger_entry SET created_at = '2020-01-01T00:00:00.000Z' "
        f"WHERE company = 1 AND entry_number >= {details[0].entry_number}",
        f"UPDATE ledger_seal SET hash = '{text}' WHERE company = 1 AND number = {noted[0][0]}",
    )
    store = open_store(f"sqlite://{path}")
    with store.snapshot() as root:
        gone = missing_heads(root, noted)
    store.close()

    assert findings == []
    assert len(gone) == 1
    assert noted[0][1] in gone[0]


def rows_of(tx: Any, of: Any, seal: LedgerSeal) -> list[Any]:
    """The rows of the last act, which has neither general ledger nor tax entries."""
    before = tx.find(LedgerSeal, number=seal.number - 1)
    if of is not DetailedEntry:
        return []
    numbers = list(range(before.to_detailed_entry_number + 1, seal.to_detailed_entry_number + 1))
    return list(tx.all(DetailedEntry, entry_number=numbers, order=("entry_number",)))


def fields(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


# --------------------------------------------------------------------------- the form


def test_form_1_never_changes() -> None:
    """Books that were sealed once are checked for ever: another hash here would be another form."""
    moment = "2026-01-31T00:00:00.000Z"
    rows = [
        GeneralLedgerRegister(number=1, from_entry_number=1, to_entry_number=1, created_at=moment),
        GeneralLedgerEntry(entry_number=1, amount=Decimal("12.50"), posting_date=TODAY, description="Kaffee ü"),
        CustomerLedgerEntry(
            entry_number=1, original_currency_factor=Decimal("1.10"), document_type=DocumentType.INVOICE
        ),
        DetailedEntry(entry_number=1, ledger_entry_number=1, amount=Decimal(-7)),
        TaxEntry(entry_number=1, percent=Decimal(25)),
    ]
    seal = seal_of(rows, None, moment)

    assert seal is not None
    assert (seal.number, seal.register_number, seal.to_entry_number) == (1, 1, 1)
    assert seal.hash == "c701c580ad10a7109d2cc7346b0b47689368c0e7a5f41392a7e55f9117bb60fa"


def test_the_form_is_as_documented() -> None:
    detail = DetailedEntry(entry_number=5, ledger_entry_number=2, amount=Decimal("-0.5"), posting_date=TODAY)
    seal = seal_of([detail], None, "")
    assert seal is not None
    values = [getattr(detail, c) for c in COLUMNS[DetailedEntry]]
    kept = [
        int(v * 100_000) if isinstance(v, Decimal) else v.isoformat() if isinstance(v, date) else v for v in values
    ]
    lines = [[1, 1, GENESIS, 0, 0, 5, 0], ["detailed_customer_ledger_entry", *kept]]

    assert seal.hash == hashlib.sha256("".join(f"{line_of(line)}\n" for line in lines).encode()).hexdigest()


def line_of(values: list[Any]) -> str:
    return "[" + ",".join(f'"{v}"' if isinstance(v, str) else str(v) for v in values) + "]"


def test_what_is_hashed_never_changes() -> None:
    """Every frozen column is hashed, but for the system id, and none that may change."""
    for of, columns in COLUMNS.items():
        record = record_of(of)
        names = {c.name for c in record.columns} - {"version", "modified_at"}
        frozen = names if record.frozen == ("*",) else set(record.frozen)
        assert set(columns) == frozen - {"id"}, record.name


@given(st.lists(st.integers(1, 50), unique=True, min_size=1), st.randoms())
def test_the_order_of_rows_does_not_matter(numbers: list[int], random: Any) -> None:
    rows = [DetailedEntry(entry_number=n, ledger_entry_number=1) for n in numbers]
    one = seal_of(rows, None, "")
    random.shuffle(rows)

    assert one == seal_of(rows, None, "")


def test_an_act_that_writes_no_ledger_has_no_seal() -> None:
    assert seal_of([LedgerSeal(number=1)], None, "") is None
