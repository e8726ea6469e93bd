"""What controls posting, on a real store: who may post when, and dimensions that do not go together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest

from debitor.ledger.records import (
    Account,
    DimensionCombination,
    JournalBatch,
    JournalLine,
    ReceivablesSetup,
    SalesInvoice,
    Salesperson,
    UserSetup,
)
from debitor.ledger.sales_documents import INVOICE
from debitor.operations.adjust import adjust_exchange_rates
from debitor.operations.companies import create_company
from debitor.operations.dimensions import set_number
from debitor.operations.posting import post_journal
from debitor.operations.sales_posting import post_document
from debitor.schema import BLANK_DATE, Refused
from debitor.store import Transaction
from debitor.store.opening import open_store

TODAY = date(2026, 1, 31)


@pytest.fixture
def tx(store_url: str) -> Iterator[Transaction]:
    store = open_store(store_url)
    with store.transaction() as root:
        create_company(root, name="Demo", today=TODAY, demo=True)
        yield root.at(1)
    store.close()


@dataclass
class Work:
    """Something to post today, in three ways."""

    tx: Transaction
    dimensions: int = 0

    def journal(self, user: str) -> None:
        bank, cash = (self.tx.find(Account, number=number) for number in ("1210", "6410"))
        assert bank
        assert cash
        batch = self.tx.insert(JournalBatch(template_name="GENERAL", name=user.upper()))
        self.tx.insert(
            JournalLine(
                journal_id=batch.id, line_number=10000, account_id=bank.id, account_number=bank.number,
                posting_date=TODAY, document_number="T1", amount=Decimal(5), amount_lcy=Decimal(5),
                balancing_account_id=cash.id, balancing_account_number=cash.number,
                dimension_set_number=self.dimensions,
            )
        )  # fmt: skip
        post_journal(self.tx, batch.id, today=TODAY, user=user, strict=False)

    def invoice(self, user: str) -> None:
        draft = next(row for row in self.tx.all(SalesInvoice, posted=False) if row.total_including_tax)
        self.tx.update(draft, posting_date=TODAY, dimension_set_number=self.dimensions)
        post_document(INVOICE, self.tx, draft.id, user=user)

    def adjustment(self, user: str) -> None:
        adjust_exchange_rates(self.tx, TODAY, BLANK_DATE, "ADJ1", "", user, TODAY, False)


WAYS = ("journal", "invoice", "adjustment")


@pytest.mark.parametrize("way", WAYS)
def test_only_the_user_of_the_closed_period_may_post_in_it(tx: Transaction, way: str) -> None:
    """The company has closed January; the controller may still post, by a name in any case."""
    setup = tx.find(ReceivablesSetup)
    assert setup
    tx.update(setup, allow_posting_from=TODAY + timedelta(days=1))
    tx.insert(UserSetup(user_id="CONTROLLER", allow_posting_from=TODAY))
    act = getattr(Work(tx), way)
    with pytest.raises(Refused, match="outside the allowed posting dates") as no:
        act("clerk")

    assert no.value.code == "Application_FieldValidationException"
    act("Controller")


@pytest.mark.parametrize("way", ["journal", "invoice"])
def test_dimensions_that_do_not_go_together_are_not_posted(tx: Transaction, way: str) -> None:
    tx.insert(DimensionCombination(dimension_1_code="DEPARTMENT", dimension_2_code="REGION"))
    number = set_number(tx, {"DEPARTMENT": "SALES", "REGION": "NORTH"})
    with pytest.raises(Refused, match="do not go together"):
        getattr(Work(tx, number), way)("clerk")


def test_a_salesperson_who_is_blocked_for_privacy_stops_invoices(tx: Transaction) -> None:
    person = tx.insert(Salesperson(code="GONE", privacy_blocked=True))
    for draft in tx.all(SalesInvoice, posted=False):
        tx.update(draft, salesperson=person.code)
    with pytest.raises(Refused, match="Salesperson GONE") as no:
        Work(tx).invoice("clerk")

    assert no.value.code == "Application_DialogException"
    tx.update(person, privacy_blocked=False)
    Work(tx).invoice("clerk")


def test_a_salesperson_who_is_blocked_for_privacy_stops_journals(tx: Transaction) -> None:
    """Before anything that comes later is looked at: the line has no document number either."""
    tx.insert(Salesperson(code="GONE", privacy_blocked=True))
    batch = tx.insert(JournalBatch(template_name="GENERAL", name="P"))
    tx.insert(
        JournalLine(
            journal_id=batch.id, line_number=10000, account_number="1210", posting_date=TODAY, amount=Decimal(1),
            amount_lcy=Decimal(1), salesperson_code="GONE",
        )
    )  # fmt: skip
    with pytest.raises(Refused, match="Salesperson GONE"):
        post_journal(tx, batch.id, today=TODAY, user="clerk", strict=False)
