"""The audit trail: what is kept of a change, and that entries are found by time and by seal."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from debitor.ledger.records import Currency, LedgerSeal
from debitor.operations.audit import AuditEntry, changes_text, difference, entries_between, entry_of_seal
from debitor.store import FrozenRow, Transaction
from debitor.store.opening import open_store


@pytest.fixture
def tx(store_url: str) -> Iterator[Transaction]:
    store = open_store(store_url)
    with store.transaction() as root:
        yield root.at(1)
    store.close()


def test_what_differs_is_kept_before_and_after() -> None:
    old = Currency(code="USD", description="Dollar", amount_rounding_precision=Decimal("0.01"))
    new = Currency(code="USD", description="US dollar" * 40, amount_rounding_precision=Decimal("0.05"))

    found = difference(old, new)

    assert found == {
        "description": ["Dollar", ("US dollar" * 40)[:100]],
        "amount_rounding_precision": ["0.01", "0.05"],
    }
    assert difference(old, old) == {}
    assert difference(None, old)["code"] == [None, "USD"]
    assert difference(old, None)["code"] == ["USD", None]
    assert "symbol" not in difference(None, old)
    assert changes_text([("currency", "USD", found)]).startswith('[{"record":"currency","code":"USD","columns":{')
    assert changes_text([("currency", "USD", {})]) == ""


def test_entries_are_found_by_time_and_by_seal(tx: Transaction) -> None:
    for seal in (1, 2, 3):
        tx.insert(AuditEntry(at=tx.now, client_id=f"C{seal}", first_seal=seal, last_seal=seal))
    now = datetime.fromisoformat(tx.now)

    found = list(entries_between(tx, now - timedelta(seconds=5), now + timedelta(seconds=5)))

    assert [entry.client_id for entry in found] == ["C1", "C2", "C3"]
    assert list(entries_between(tx, now - timedelta(days=2), now - timedelta(days=1))) == []
    seal_2 = LedgerSeal(number=2, created_at=tx.now)
    entry = entry_of_seal(tx, seal_2)
    assert entry is not None
    assert entry.client_id == "C2"
    assert entry_of_seal(tx, LedgerSeal(number=9, created_at=tx.now)) is None
    assert now.tzinfo == UTC


def test_entries_cannot_be_changed_or_removed(tx: Transaction) -> None:
    tx.insert(AuditEntry(at=tx.now, client_id="C"))
    (entry,) = tx.all(AuditEntry)

    with pytest.raises(FrozenRow):
        tx.update(entry, client_id="somebody else")
    with pytest.raises(FrozenRow):
        tx.delete(entry)
